/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is told of albums from their tracks as they came is what the store would tell of them. */
#include "tests/unit/store_fill.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/store_shelf.h"

enum { STEPS = 1500, DIRS = 4, NAMES = 5, CHANGES = 14 };

static unsigned seed = 20261122;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 16) % n;
}

static const char *any(const char *const *texts, unsigned n)
{
	return texts[pick(n)];
}

#define ANY(...) any((const char *const[]){__VA_ARGS__}, COUNT_OF(((const char *const[]){__VA_ARGS__})))

static int64_t put(struct filler *f)
{
	char dir[16], name[16];
	snprintf(dir, sizeof dir, "d%u", pick(DIRS));
	snprintf(name, sizeof name, "%u.mp3", pick(NAMES));
	f->cover = pick(3) == 0;
	const char *fields[] = {
		ANY("artist=A", "artist=a", "artist=B", "artist=B\x1f" "C", "artist=\xc3\x89" "a", ""),
		ANY("album=One", "album=one", "album=Two", "album=O", ""),
		ANY("album_artist=A", "album_artist=B", ""),
		ANY("genre=Rock", "genre=Rock\x1fPop", "genre=rock", ""),
		ANY("year=1999", "year=2001", "year=0", ""),
		ANY("date=1999", "date=1999-03-04", "date=2001-00-00", "date=May 1999", ""),
		ANY("has_picture=1", "has_picture=0", ""),
		ANY("tag_source=id3v1", "tag_source=id3v2", "tag_source=id3v2"),
		NULL,
	};
	return fill_media(f, OF_TRACK, dir, name, fields);
}

/** Whatever albums are and stand on, row by row; who touched them last is left out. */
static char *tell(struct store *s)
{
	static const char *const questions[] = {
		"SELECT id, key, title, artist, ifnull(year, -1), ifnull(date, '-'), audit FROM album ORDER BY id",
		"SELECT album_id, shelf_id, tracks, shown, shown_hash FROM spot ORDER BY album_id, shelf_id",
		"SELECT id, kind, key FROM shelf ORDER BY id",
	};
	struct buf out = BUF_INIT(1 << 20);
	buf_adds(&out, "albums, spots, shelves\n");
	for (size_t i = 0; i < COUNT_OF(questions); i++) {
		sqlite3_stmt *q = NULL;
		assert_int_equal(sqlite3_prepare_v2(s->db, questions[i], -1, &q, NULL), SQLITE_OK);
		while (sqlite3_step(q) == SQLITE_ROW) {
			for (int c = 0; c < sqlite3_column_count(q); c++)
				buf_addf(&out, "%s|", (const char *)sqlite3_column_text(q, c));
			buf_addc(&out, '\n');
		}
		sqlite3_finalize(q);
	}
	assert_int_equal(buf_error(&out), 0);
	return buf_take(&out);
}

/** Asks the store of each album, as it is done for albums that are not new. */
static void settle_again(struct store *s)
{
	int64_t id[64];
	uint64_t generation;
	size_t n = 0;
	sqlite3_stmt *q = NULL;
	assert_int_equal(sqlite3_prepare_v2(s->db, "SELECT id FROM album", -1, &q, NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW && n < COUNT_OF(id))
		id[n++] = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	assert_int_equal(store_begin_write(s), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(store_settle_album(s, id[i]), 0);
	assert_int_equal(store_commit(s, &generation), 0);
}

static void touched(void *arg, const struct store_touched *t)
{
	fill_touched(arg, t);
}

static void lose(struct filler *f, int64_t file)
{
	struct store_touched t = {0};
	sqlite3_stmt *q = NULL;
	char name[16] = "";
	int64_t dir = 0;
	assert_int_equal(sqlite3_prepare_v2(f->s->db, "SELECT dir_id, name FROM file WHERE id = ?", -1, &q, NULL), SQLITE_OK);
	sqlite3_bind_int64(q, 1, file);
	if (sqlite3_step(q) == SQLITE_ROW) {
		dir = sqlite3_column_int64(q, 0);
		snprintf(name, sizeof name, "%.*s", sqlite3_column_bytes(q, 1), (const char *)sqlite3_column_blob(q, 1));
	}
	sqlite3_finalize(q);
	if (dir)
		assert_int_equal(store_lose_file(f->s, file, dir, (struct bytes){name, strlen(name)}, &t), 0);
	fill_touched(f, &t);
}

/** A picture came or went. */
static void set_cover(struct filler *f)
{
	char dir[16];
	snprintf(dir, sizeof dir, "d%u", pick(DIRS));
	const struct bytes name = {"cover.jpg", pick(2) ? 9 : 0};
	int r = store_set_cover(f->s, f->music, (struct bytes){dir, strlen(dir)}, name.len != 0, name, fill_ignore, f);
	assert_int_equal(r, 0);
}

static void change(struct filler *f, int64_t *last)
{
	struct store_touched t = {0};
	switch (pick(11)) {
	case 10:
		set_cover(f);
		break;
	case 8:
		assert_int_equal(store_resolve(f->s, touched, f), 0);
		*last = 0;
		break;
	case 9:
		lose(f, *last);
		*last = 0;
		break;
	case 0:
		if (*last)
			assert_int_equal(store_forget_file(f->s, *last, &t), 0);
		*last = 0;
		fill_touched(f, &t);
		break;
	case 1:
		if (pick(3) == 0)
			fill_settle(f);
		break;
	default:
		*last = put(f);
	}
}

/** Artists of tracks are counted as they come; shelves that are new are not asked for. */
static void assert_artists(struct store *s)
{
	char question[512];
	snprintf(question, sizeof question,
		 "SELECT ifnull((SELECT sum FROM tally WHERE name = 'artist'), 0) - (SELECT count(DISTINCT p.shelf_id) FROM spot p "
		 "JOIN shelf h ON h.id = p.shelf_id WHERE h.kind = %d AND p.tracks > 0)", SHELF_ARTIST);
	assert_int_equal(fill_number(s, question), 0);
}

static void compare(int step, const char *before, const char *after)
{
	size_t line = 0, i = 0;
	for (; before[i] && before[i] == after[i]; i++)
		if (before[i] == '\n')
			line = i + 1;
	if (before[i] || after[i])
		fail_msg("step %d: %.80s\nis, asked again: %.80s", step, before + line, after + line);
}

/** So that albums are new again. */
static void forget_all(struct filler *f, int64_t *last)
{
	assert_int_equal(store_exec(f->s, "DELETE FROM track; DELETE FROM file; DELETE FROM spot; DELETE FROM album; "
				    "DELETE FROM shelf; DELETE FROM tally; DELETE FROM dir"), 0);
	store_shelf_forget_all(f->s);
	store_forget_last(f->s);
	*last = 0;
}

static void all_is_as_if_the_store_had_been_asked(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	int64_t last = 0;
	(void)state;
	fill_begin(&f, dir);
	fill_commit(&f);
	for (int i = 0; i < STEPS; i++) {
		assert_int_equal(store_begin_write(f.s), 0);
		if (pick(6) == 0)
			forget_all(&f, &last);
		for (unsigned k = 1 + pick(CHANGES); k > 0; k--)
			change(&f, &last);
		if (pick(10) == 0) {
			store_rollback(f.s);
			f.n = 0;
			last = 0;
			continue;
		}
		fill_commit(&f);
		assert_artists(f.s);
		char *before = tell(f.s);
		settle_again(f.s);
		char *after = tell(f.s);
		compare(i, before, after);
		free(before);
		free(after);
	}
	store_close(f.s);
	unit_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_as_if_the_store_had_been_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
