/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows that are given to SQLite many at a time are the same rows, for everybody and at any time. */
#include "tests/unit/store_fill.h"

#include <errno.h>

#include "common/cleanup.h"
#include "common/store_bulk.h"

enum { FILES = 1000 };

/** Texts of all lengths: none, short, some that fill what is gathered, and one that is too long for it. */
static void put_track(struct filler *f, int i)
{
	char dir[32], name[32], title[128], album[32], genre[32], number[32];
	_buf_ struct buf comment = BUF_INIT(1 << 20);
	size_t n = i == 500 ? 100000 : i % 50 == 7 ? 30000 : (size_t)(i % 40);
	snprintf(dir, sizeof dir, "%d", i / 9 % 20);
	snprintf(name, sizeof name, "%d.flac", i);
	snprintf(title, sizeof title, i % 3 ? "title=A title of %d" : "title=%d", i);
	snprintf(album, sizeof album, "album=%d", i / 9);
	snprintf(genre, sizeof genre, "genre=Genre %d", i % 5);
	snprintf(number, sizeof number, "track=%d", i % 9);
	buf_adds(&comment, "comment=");
	while (n--)
		buf_addc(&comment, (char)('a' + i % 26));
	fill_media(f, OF_TRACK, dir, name,
		   FIELDS_OF(title, "artist=A", album, genre, number, buf_str(&comment), "duration_seconds=3.25", "format=flac",
			     "musicbrainz_recording_id=0f4ad2b5-6f1c-4f0b-9d53-0c0a7bb0c6c4"));
	f->n = 0;
}

static void put_tracks(struct filler *f)
{
	struct media none;
	media_init(&none);
	for (int i = 0; i < FILES; i++) {
		if (i % 100 == 50)
			fill_put(f, f->music, OF_TRACK, "bad", i % 200 == 50 ? "1.mp3" : "2.mp3", &none, "corrupt");
		f->n = 0;
		put_track(f, i);
	}
}

static int64_t commit(struct filler *f)
{
	uint64_t generation = 0;
	return store_commit(f->s, &generation);
}

static void assert_same_cell(sqlite3_stmt *a, sqlite3_stmt *b, int i)
{
	assert_int_equal(sqlite3_column_type(a, i), sqlite3_column_type(b, i));
	assert_int_equal(sqlite3_column_bytes(a, i), sqlite3_column_bytes(b, i));
	if (sqlite3_column_bytes(a, i))
		assert_memory_equal(sqlite3_column_blob(a, i), sqlite3_column_blob(b, i),
				    (size_t)sqlite3_column_bytes(a, i));
}

static int compare(struct store *x, struct store *y, const char *sql)
{
	sqlite3_stmt *a = NULL, *b = NULL;
	int rows = 0;
	assert_int_equal(sqlite3_prepare_v2(x->db, sql, -1, &a, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(y->db, sql, -1, &b, NULL), SQLITE_OK);
	for (; sqlite3_step(a) == SQLITE_ROW; rows++) {
		assert_int_equal(sqlite3_step(b), SQLITE_ROW);
		for (int i = 0; i < sqlite3_column_count(a); i++)
			assert_same_cell(a, b, i);
	}
	assert_int_equal(sqlite3_step(b), SQLITE_DONE);
	sqlite3_finalize(a);
	sqlite3_finalize(b);
	return rows;
}

static void they_are_what_they_are_one_by_one(void **state)
{
	struct filler many, single;
	char *dir = unit_folder(), *other = unit_folder();
	(void)state;
	fill_begin(&many, dir);
	put_tracks(&many);
	assert_true(fill_number(many.s, "SELECT count(*) FROM track") < FILES);
	assert_int_equal(commit(&many), 0);
	/* who has just taken something back looks at each row */
	fill_begin(&single, other);
	store_bulk_forget(single.s);
	put_tracks(&single);
	assert_int_equal(fill_number(single.s, "SELECT count(*) FROM track"), FILES);
	assert_int_equal(commit(&single), 0);
	store_exec(many.s, "UPDATE file SET added_at = 0");
	store_exec(single.s, "UPDATE file SET added_at = 0");
	assert_int_equal(compare(many.s, single.s, "SELECT * FROM file ORDER BY id"), FILES + 2);
	assert_int_equal(compare(many.s, single.s, "SELECT * FROM track ORDER BY file_id"), FILES);
	assert_int_equal(fill_number(many.s, "SELECT n FROM tally WHERE name = 'track'"), FILES);
	store_close(many.s);
	store_close(single.s);
	unit_remove(dir);
	unit_remove(other);
}

static void who_asks_sees_all_of_them(void **state)
{
	struct filler f;
	struct store_touched t;
	char name[32], *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	for (int i = 1; i <= 300; i++) {
		snprintf(name, sizeof name, "%d.flac", i);
		int64_t file = fill_media(&f, OF_TRACK, "d", name, FIELDS_OF("artist=A", "album=B"));
		f.n = 0;
		if (i % 7 && i != 300)
			continue;
		/* a statement that speaks of them */
		sqlite3_stmt *q = store_stmt(f.s, SQL_track_album);
		sqlite3_bind_int64(q, 1, file);
		assert_int_equal(store_step(f.s, q), 1);
		sqlite3_reset(q);
		assert_int_equal(fill_number(f.s, "SELECT count(*) FROM file"), i - (i - 1) / 7);
		if (i % 7 == 0)
			assert_int_equal(store_forget_file(f.s, file, &t), 0);
	}
	assert_int_equal(commit(&f), 0);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM track"), 300 - 42);
	store_close(f.s);
	unit_remove(dir);
}

static void statements_that_speak_of_them_are_known(void **state)
{
	(void)state;
	assert_true(store_bulk_is_asked("SELECT 1 FROM file"));
	assert_true(store_bulk_is_asked("SELECT file.id FROM dir JOIN file f"));
	assert_true(store_bulk_is_asked("UPDATE track SET a = 1"));
	assert_true(store_bulk_is_asked("SELECT file_id, track_id FROM(track)"));
	assert_false(store_bulk_is_asked("SELECT file_id FROM error WHERE tracks = 1"));
	assert_false(store_bulk_is_asked("SELECT profile, files FROM backtrack"));
}

static void refuse_bad(struct filler *f)
{
	assert_int_equal(store_exec(f->s, "CREATE TEMP TRIGGER no BEFORE INSERT ON main.file WHEN NEW.name = x'626164' "
					  "BEGIN SELECT RAISE(ABORT, 'no'); END"), 0);
}

static int put_named(struct filler *f, const char *name)
{
	struct store_touched t;
	struct media none;
	media_init(&none);
	const struct store_put put = {.root = f->music, .job = 1, .dir = {"d", 1}, .name = {name, strlen(name)}, .of = OF_TRACK,
				      .media = &none, .error_reason = ""};
	return store_put_file(f->s, &put, &t);
}

static void one_that_is_refused_ends_the_transaction_and_is_known_in_the_next(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	assert_int_equal(commit(&f), 0);
	refuse_bad(&f);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(put_named(&f, "good"), 0);
	assert_int_equal(put_named(&f, "bad"), 0);
	assert_int_equal(put_named(&f, "other"), 0);
	/* nothing is written half, whatever is asked and how often */
	assert_int_equal(commit(&f), -EINVAL);
	assert_null(store_stmt(f.s, SQL_meta_get));
	assert_int_equal(store_set_meta(f.s, "a", "b"), -EINVAL);
	assert_int_equal(commit(&f), -EINVAL);
	store_rollback(f.s);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM file"), 0);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(put_named(&f, "good"), 0);
	assert_int_equal(put_named(&f, "bad"), -EINVAL);
	store_rollback(f.s);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(put_named(&f, "good"), 0);
	assert_int_equal(put_named(&f, "other"), 0);
	assert_int_equal(commit(&f), 0);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM file"), 2);
	store_close(f.s);
	unit_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_what_they_are_one_by_one),
		cmocka_unit_test(who_asks_sees_all_of_them),
		cmocka_unit_test(statements_that_speak_of_them_are_known),
		cmocka_unit_test(one_that_is_refused_ends_the_transaction_and_is_known_in_the_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
