/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/store_fill.h"

#include <sqlite3.h>

#include "common/store_private.h"

/* --- plans --- */

/** Tables that grow with the library. */
static bool is_large(const char *detail)
{
	static const char *const small[] = {"SCAN r", "SCAN root", "SCAN topic", "SCAN meta",
					    "SCAN CONSTANT ROW", "SCAN 8 CONSTANT ROWS", "SCAN 32 CONSTANT ROWS", "SCAN e USING", "SCAN tomb", "SCAN mount",
					    "SCAN g USING INDEX gone_at", "SCAN gone USING COVERING", "SCAN sqlite_sequence",
					    "SCAN tally", "SCAN gauge", "SCAN alert", "SCAN bulk_"};
	if (strncmp(detail, "SCAN", 4) != 0)
		return false;
	/* a partial index over the few rows with something to say */
	if (strstr(detail, "_audit") || strstr(detail, "job_ended") || strstr(detail, "_open"))
		return false;
	for (size_t i = 0; i < sizeof small / sizeof *small; i++)
		if (strncmp(detail, small[i], strlen(small[i])) == 0)
			return false;
	return true;
}

static void no_question_reads_a_large_table_whole(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	int checked = 0;
	(void)state;
	fill_all(&f, dir);
	/* as after the first scan */
	assert_int_equal(store_index_late(f.s), 0);
	for (int i = 0; i < SQL_COUNT; i++) {
		sqlite3_stmt *q = NULL;
		char *sql = store_sql_expand(SQL_TABLE[i].text), *plan = NULL;
		assert_true(asprintf(&plan, "EXPLAIN QUERY PLAN %s", sql) > 0);
		if (sqlite3_prepare_v2(f.s->db, plan, -1, &q, NULL) != SQLITE_OK)
			fail_msg("%s: %s", SQL_TABLE[i].name, sqlite3_errmsg(f.s->db));
		while (sqlite3_step(q) == SQLITE_ROW) {
			const char *detail = (const char *)sqlite3_column_text(q, 3);
			if (!SQL_TABLE[i].reads_all && is_large(detail))
				fail_msg("%s: %s", SQL_TABLE[i].name, detail);
			checked++;
		}
		sqlite3_finalize(q);
		free(sql);
		free(plan);
	}
	assert_true(checked > SQL_COUNT / 2);
	store_close(f.s);
	unit_remove(dir);
}

/* --- fields --- */

struct found {
	int rows;
	struct media media;
	char name[256];
};

static int keep_media(void *arg, const struct store_media *m)
{
	struct found *found = arg;
	struct buf bytes = BUF_INIT(1 << 20);
	size_t used;
	found->rows++;
	assert_int_equal(media_encode(m->media, &bytes), 0);
	media_reset(&found->media);
	assert_int_equal(media_decode(&found->media, (uint8_t *)bytes.data, bytes.len, &used), 0);
	snprintf(found->name, sizeof found->name, "%.*s", (int)m->name.len, m->name.data);
	buf_clear(&bytes);
	return 0;
}

static void set_some(struct media *m, enum field_id id)
{
	if (FIELDS_TABLE[id].kind == KIND_JSON)
		media_set_json(m, id, "{\"a\": 1}", 8);
	else if (field_is_text(id))
		media_set_text(m, id, FIELDS_TABLE[id].name, strlen(FIELDS_TABLE[id].name));
	else if (field_is_real(id))
		media_set_real(m, id, 3.25 + id);
	else if (FIELDS_TABLE[id].kind == KIND_BOOL)
		media_set_int(m, id, 1);
	else
		media_set_int(m, id, 1000 + (int)id);
}

static void every_field_comes_back_from_the_store(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	for (int id = 0; id < FIELD_COUNT; id++)
		for (unsigned of = OF_TRACK; of <= OF_VOLUME; of++) {
			struct media m;
			struct found found = {0};
			if (!(FIELDS_TABLE[id].of & of))
				continue;
			media_init(&m);
			media_init(&found.media);
			set_some(&m, (enum field_id)id);
			int64_t file = fill_put(&f, of == OF_TRACK ? f.music : f.manga, of, "d", "x", &m, NULL);
			fill_settle(&f);
			int r = of == OF_TRACK ? store_export_tracks(f.s, keep_media, &found)
					       : store_export_volumes(f.s, keep_media, &found);
			assert_int_equal(r, 0);
			assert_int_equal(found.rows, 1);
			if (found.media.set != m.set)
				fail_msg("%s was lost", FIELDS_TABLE[id].name);
			size_t n, k;
			if (field_is_text((enum field_id)id))
				assert_string_equal(media_text(&m, (enum field_id)id, &n),
						    media_text(&found.media, (enum field_id)id, &k));
			else
				assert_memory_equal(&m.value[id], &found.media.value[id], 8);
			struct store_touched t;
			assert_int_equal(store_forget_file(f.s, file, &t), 0);
			fill_touched(&f, &t);
			fill_settle(&f);
			media_clear(&m);
			media_clear(&found.media);
		}
	store_rollback(f.s);
	store_close(f.s);
	unit_remove(dir);
}

/* --- grouping --- */

static void albums_and_artists_are_counted_by_their_rules(void **state)
{
	struct filler f;
	struct store_counts c;
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(store_counts(f.s, &c), 0);
	assert_int_equal(c.tracks, 3);
	assert_int_equal(c.albums, 2);
	/* A and B; "Various Artists" is no artist of a track */
	assert_int_equal(c.artists, 2);
	assert_int_equal(c.series, 2);
	assert_int_equal(c.volumes, 2);
	assert_int_equal(c.chapters, 1);
	assert_int_equal(c.missing, 1);
	assert_int_equal(c.errors, 1);
	store_close(f.s);
	unit_remove(dir);
}

static void an_id3v1_track_joins_the_album_of_its_neighbours(void **state)
{
	struct filler f;
	struct store_counts c;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	/* the one with the cut tag comes first: order must not matter */
	int64_t cut = fill_media(&f, OF_TRACK, "d", "1.mp3",
				 FIELDS_OF("title=a", "artist=A", "album=A Very Long Title That Is Cu",
					   "tag_source=id3v1"));
	fill_commit(&f);
	assert_int_equal(store_counts(f.s, &c), 0);
	assert_int_equal(c.albums, 1);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_media(&f, OF_TRACK, "d", "2.mp3",
		   FIELDS_OF("title=b", "artist=A", "album=A Very Long Title That Is Cut Off",
			     "album_artist=A"));
	fill_commit(&f);
	assert_int_equal(store_counts(f.s, &c), 0);
	assert_int_equal(c.albums, 1);
	assert_int_equal(c.tracks, 2);
	/* alone again, it is its folder's album */
	assert_int_equal(store_begin_write(f.s), 0);
	struct store_touched t;
	assert_int_equal(store_forget_file(f.s, cut, &t), 0);
	fill_touched(&f, &t);
	fill_commit(&f);
	assert_int_equal(store_counts(f.s, &c), 0);
	assert_int_equal(c.albums, 1);
	assert_int_equal(c.tracks, 1);
	store_close(f.s);
	unit_remove(dir);
}

static void names_that_clash_get_a_number(void **state)
{
	struct filler f;
	int64_t id;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	fill_media(&f, OF_TRACK, "a", "1.mp3", FIELDS_OF("artist=AC/DC", "album=x"));
	fill_media(&f, OF_TRACK, "b", "1.mp3", FIELDS_OF("artist=AC_DC", "album=x"));
	fill_commit(&f);
	assert_int_equal(store_shelf_find(f.s, SHELF_ARTIST, "AC_DC", &id), 0);
	assert_int_equal(store_shelf_find(f.s, SHELF_ARTIST, "AC_DC (2)", &id), 0);
	assert_int_not_equal(store_shelf_find(f.s, SHELF_ARTIST, "ac_dc", &id), 0);
	store_close(f.s);
	unit_remove(dir);
}

/* --- generations --- */

static void generation_of(struct store *s, uint64_t *version, uint64_t *generation)
{
	int64_t at[TOPIC_COUNT];
	assert_int_equal(store_topics(s, version, at, generation), 0);
}

static void a_commit_moves_only_what_it_touched(void **state)
{
	struct filler f;
	uint64_t before[TOPIC_COUNT], after[TOPIC_COUNT], g, h;
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	generation_of(f.s, before, &g);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(fill_commit(&f), g);
	generation_of(f.s, after, &h);
	assert_int_equal(h, g);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_media(&f, OF_TRACK, "new", "1.mp3", FIELDS_OF("title=n", "artist=N", "album=N"));
	assert_int_equal(fill_commit(&f), g + 1);
	generation_of(f.s, after, &h);
	assert_int_equal(after[TOPIC_music], g + 1);
	assert_int_equal(after[TOPIC_manga], before[TOPIC_manga]);
	assert_int_equal(after[TOPIC_missing], before[TOPIC_missing]);
	store_close(f.s);
	unit_remove(dir);
}

static void a_file_that_cannot_be_read_again_moves_what_shows_it(void **state)
{
	struct filler f;
	struct store_touched t;
	struct media empty;
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	const struct store_put track = {.root = f.music, .job = 2, .dir = {"A/One", 5}, .name = {"01.flac", 7}, .size = 7,
					.of = OF_TRACK, .media = &empty, .keeps_media = true, .error_kind = "crash",
					.error_reason = "it ended its reader"};
	const struct store_put volume = {.root = f.manga, .job = 2, .dir = {"S", 1}, .name = {"S v01.cbz", 9}, .size = 7,
					 .of = OF_VOLUME, .media = &empty, .keeps_media = true, .error_kind = "crash",
					 .error_reason = "it ended its reader"};
	media_init(&empty);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(store_put_file(f.s, &track, &t), 0);
	assert_int_equal(t.album[0], fill_number(f.s, "SELECT id FROM album WHERE title = 'One'"));
	fill_touched(&f, &t);
	assert_int_equal(store_put_file(f.s, &volume, &t), 0);
	assert_int_equal(t.series[0], fill_number(f.s, "SELECT id FROM series WHERE title = 'S'"));
	fill_touched(&f, &t);
	uint64_t g = fill_commit(&f);
	assert_int_equal(fill_number(f.s, "SELECT version FROM album WHERE title = 'One'"), g);
	assert_int_equal(fill_number(f.s, "SELECT version FROM series WHERE title = 'S'"), g);
	/* and what they told before is still there */
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM track"), 3);
	media_clear(&empty);
	store_close(f.s);
	unit_remove(dir);
}

static void count_change(void *arg, enum row_kind kind, int64_t id, bool is_gone)
{
	int *n = arg;
	(void)id;
	n[is_gone ? 16 + kind : kind]++;
}

static void readers_are_told_which_rows_changed_and_which_ended(void **state)
{
	struct filler f;
	struct store_touched t;
	int n[32] = {0};
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(store_begin_write(f.s), 0);
	int64_t file = fill_media(&f, OF_VOLUME, "U", "U v1.cbz", FIELDS_OF("series=U", "volume=1", "kind=volume"));
	uint64_t g = fill_commit(&f);
	assert_int_equal(store_changed(f.s, g - 1, count_change, n), 0);
	assert_int_equal(n[ROW_SERIES], 1);
	assert_int_equal(n[ROW_ALBUM], 0);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(store_forget_file(f.s, file, &t), 0);
	fill_touched(&f, &t);
	g = fill_commit(&f);
	memset(n, 0, sizeof n);
	assert_int_equal(store_changed(f.s, g - 1, count_change, n), 0);
	assert_int_equal(n[16 + ROW_SERIES], 1);
	store_close(f.s);
	unit_remove(dir);
}

/* --- orders --- */

static void the_same_order_twice_is_one_job(void **state)
{
	struct filler f;
	int64_t a, b, c, d;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	assert_int_equal(store_add_job(f.s, "rescan music", "t1", &a), 0);
	assert_int_equal(store_add_job(f.s, "rescan music", "t2", &b), 0);
	assert_int_equal(store_add_job(f.s, "rescan manga", "t3", &c), 0);
	assert_int_equal(store_add_job(f.s, "anything", "t3", &d), 0);
	assert_int_equal(a, b);
	assert_int_not_equal(a, c);
	assert_int_equal(c, d);
	store_rollback(f.s);
	store_close(f.s);
	unit_remove(dir);
}

static void a_newer_store_is_refused(void **state)
{
	struct filler f;
	struct store *s = NULL;
	char why[256] = "";
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(store_exec(f.s, "PRAGMA user_version = 99"), 0);
	store_close(f.s);
	assert_int_not_equal(store_open_writer(dir, &s, why), 0);
	assert_non_null(strstr(why, "newer"));
	assert_int_not_equal(store_open_reader(dir, &s), 0);
	unit_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_question_reads_a_large_table_whole),
		cmocka_unit_test(every_field_comes_back_from_the_store),
		cmocka_unit_test(albums_and_artists_are_counted_by_their_rules),
		cmocka_unit_test(an_id3v1_track_joins_the_album_of_its_neighbours),
		cmocka_unit_test(names_that_clash_get_a_number),
		cmocka_unit_test(a_commit_moves_only_what_it_touched),
		cmocka_unit_test(a_file_that_cannot_be_read_again_moves_what_shows_it),
		cmocka_unit_test(readers_are_told_which_rows_changed_and_which_ended),
		cmocka_unit_test(the_same_order_twice_is_one_job),
		cmocka_unit_test(a_newer_store_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
