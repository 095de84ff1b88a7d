/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the writer keeps in memory of directories and shelves says what the store would say. */
#include "tests/unit/store_fill.h"

#include "common/cleanup.h"
#include "common/store_private.h"

static void a_name_is_one_row_also_when_it_comes_twice(void **state)
{
	enum { FILES = 1500 };
	struct filler f;
	int64_t row[FILES];
	char name[32], *dir = unit_folder();
	struct media none;
	(void)state;
	media_init(&none);
	fill_begin(&f, dir);
	/* more than are kept, each of them again while the directory is the one they come from, and when it is not */
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < FILES; i++) {
			snprintf(name, sizeof name, "%d.flac", i);
			int64_t id = fill_put(&f, f.music, OF_TRACK, "d", name, &none, "corrupt");
			f.n = 0;
			if (round == 0)
				row[i] = id;
			assert_int_equal(id, row[i]);
			if (i % 2 == 0)
				assert_int_equal(fill_put(&f, f.music, OF_TRACK, "d", name, &none, "corrupt"), id);
			if (round == 1 && i == 0)
				fill_put(&f, f.music, OF_TRACK, "other", name, &none, "corrupt");
			f.n = 0;
		}
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM file"), FILES + 1);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM error"), FILES + 1);
	store_rollback(f.s);
	store_close(f.s);
	unit_remove(dir);
}

static void tracks_with_id3v1_find_neighbours_that_come_later(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	fill_media(&f, OF_TRACK, "d", "1.mp3", FIELDS_OF("title=a", "artist=A", "album=An Album", "album_artist=A"));
	fill_media(&f, OF_TRACK, "d", "2.mp3", FIELDS_OF("title=b", "artist=A", "album=An Alb", "tag_source=id3v1"));
	fill_commit(&f);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM album"), 1);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_media(&f, OF_TRACK, "e", "1.mp3", FIELDS_OF("title=c", "artist=A", "album=Another Al", "tag_source=id3v1"));
	fill_commit(&f);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_media(&f, OF_TRACK, "e", "2.mp3", FIELDS_OF("title=d", "artist=A", "album=Another Album"));
	fill_commit(&f);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM album"), 2);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM track WHERE album_id = (SELECT id FROM album WHERE title = 'Another Album')"), 2);
	store_close(f.s);
	unit_remove(dir);
}

static void albums_of_one_name_stand_beside_each_other(void **state)
{
	struct filler f;
	int64_t shelf, spot;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	fill_media(&f, OF_TRACK, "a", "1.mp3", FIELDS_OF("artist=A", "album=x/y", "genre=Rock"));
	fill_media(&f, OF_TRACK, "b", "1.mp3", FIELDS_OF("artist=A", "album=x_y", "genre=Rock"));
	fill_media(&f, OF_TRACK, "c", "1.mp3", FIELDS_OF("artist=A", "album=X?Y", "genre=Rock"));
	fill_commit(&f);
	static const struct {
		enum row_kind kind;
		const char *shelf, *spot;
	} spots[] = {{SHELF_ARTIST, "A", "x_y"}, {SHELF_ARTIST, "A", "x_y (2)"}, {SHELF_ARTIST, "A", "X_Y (3)"},
		     {SHELF_GENRE, "Rock", "A - x_y"}, {SHELF_GENRE, "Rock", "A - x_y (2)"}};
	for (size_t i = 0; i < COUNT_OF(spots); i++) {
		assert_int_equal(store_shelf_find(f.s, spots[i].kind, spots[i].shelf, &shelf), 0);
		if (store_spot_find(f.s, shelf, spots[i].spot, &spot) != 0)
			fail_msg("%s: no %s", spots[i].shelf, spots[i].spot);
	}
	store_close(f.s);
	unit_remove(dir);
}

/** A shelf that went with its transaction, or with its last album, is made again. */
static void shelves_that_ended_are_not_remembered(void **state)
{
	struct filler f;
	struct store_touched t;
	int64_t before, after;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	fill_commit(&f);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_media(&f, OF_TRACK, "a", "1.mp3", FIELDS_OF("artist=A", "album=x", "duration_seconds=5"));
	fill_settle(&f);
	store_rollback(f.s);
	assert_int_equal(store_begin_write(f.s), 0);
	int64_t file = fill_media(&f, OF_TRACK, "a", "1.mp3", FIELDS_OF("artist=A", "album=x", "duration_seconds=7"));
	fill_commit(&f);
	assert_int_equal(store_shelf_find(f.s, SHELF_ARTIST, "A", &before), 0);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM spot WHERE shelf_id NOT IN (SELECT id FROM shelf)"), 0);
	assert_int_equal(fill_number(f.s, "SELECT sum FROM tally WHERE name = 'track'"), 7000);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(store_forget_file(f.s, file, &t), 0);
	fill_touched(&f, &t);
	fill_commit(&f);
	assert_int_not_equal(store_shelf_find(f.s, SHELF_ARTIST, "A", &before), 0);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_media(&f, OF_TRACK, "b", "1.mp3", FIELDS_OF("artist=A", "album=z"));
	fill_commit(&f);
	assert_int_equal(store_shelf_find(f.s, SHELF_ARTIST, "A", &after), 0);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM spot WHERE shelf_id NOT IN (SELECT id FROM shelf)"), 0);
	store_close(f.s);
	unit_remove(dir);
}

/** Whoever looked at it before must look again; in the same transaction once is enough. */
static void a_shelf_is_new_when_an_album_comes_to_it(void **state)
{
	struct filler f;
	int64_t shelf, at;
	uint64_t version, g;
	enum row_kind kind;
	char album[32], *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	for (int i = 0; i < 3; i++) {
		snprintf(album, sizeof album, "album=%d", i);
		fill_media(&f, OF_TRACK, album, "1.mp3", FIELDS_OF("artist=A", album));
		g = fill_commit(&f);
		assert_int_equal(store_shelf_find(f.s, SHELF_ARTIST, "A", &shelf), 0);
		assert_int_equal(store_shelf(f.s, shelf, &kind, &version, &at), 0);
		assert_int_equal(version, g);
		assert_int_equal(store_begin_write(f.s), 0);
	}
	store_rollback(f.s);
	store_close(f.s);
	unit_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_one_row_also_when_it_comes_twice),
		cmocka_unit_test(tracks_with_id3v1_find_neighbours_that_come_later),
		cmocka_unit_test(albums_of_one_name_stand_beside_each_other),
		cmocka_unit_test(shelves_that_ended_are_not_remembered),
		cmocka_unit_test(a_shelf_is_new_when_an_album_comes_to_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
