/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Numbers of rows that were given are never given again. */
#include "tests/unit/store_fill.h"

#include <dirent.h>

#include "common/store_ids.h"

static int64_t add(struct filler *f, const char *name)
{
	return fill_media(f, OF_TRACK, "d", name, FIELDS_OF("title=a", "artist=A", "album=B"));
}

static void forget(struct filler *f, int64_t file)
{
	struct store_touched t;
	assert_int_equal(store_forget_file(f->s, file, &t), 0);
	fill_touched(f, &t);
}

static void open_again(struct filler *f, const char *dir)
{
	char why[256] = "";
	store_close(f->s);
	if (store_open_writer(dir, &f->s, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(store_begin_write(f->s), 0);
}

static void the_number_of_a_row_that_is_gone_is_not_given_again(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	int64_t first = add(&f, "1.flac"), last = add(&f, "2.flac");
	assert_true(last > first);
	fill_commit(&f);
	assert_int_equal(store_begin_write(f.s), 0);
	forget(&f, last);
	fill_commit(&f);
	open_again(&f, dir);
	int64_t next = add(&f, "3.flac");
	assert_true(next > last);
	forget(&f, next);
	int64_t after = add(&f, "4.flac");
	assert_true(after > next);
	fill_commit(&f);
	assert_int_equal(fill_number(f.s, "SELECT seq FROM sqlite_sequence WHERE name = 'file'"), after);
	store_close(f.s);
	unit_remove(dir);
}

static void what_was_taken_back_is_forgotten(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	add(&f, "1.flac");
	fill_commit(&f);
	assert_int_equal(store_begin_write(f.s), 0);
	int64_t id = add(&f, "2.flac");
	store_rollback(f.s);
	f.n = 0;
	/* who wrote meanwhile */
	assert_int_equal(store_exec(f.s, "UPDATE sqlite_sequence SET seq = 700 WHERE name = 'file'"), 0);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_true(add(&f, "2.flac") == 701 && id < 701);
	fill_commit(&f);
	store_close(f.s);
	unit_remove(dir);
}

static void numbers_that_a_recovery_skips_are_given_to_nobody(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	int64_t id = add(&f, "1.flac");
	assert_int_equal(store_skip_ids(f.s, 1000), 0);
	assert_true(add(&f, "2.flac") > id + 1000);
	fill_commit(&f);
	store_close(f.s);
	unit_remove(dir);
}

static void remove_backups(const char *dir)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/backups", dir);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

/** As version 5 had these tables. */
static const char version_5[] =
	"PRAGMA writable_schema = ON;"
	"UPDATE sqlite_schema SET sql = replace(sql, 'id INTEGER PRIMARY KEY,', 'id INTEGER PRIMARY KEY AUTOINCREMENT,') "
	"WHERE name IN ('file', 'spot', 'dir', 'album', 'shelf');"
	"PRAGMA writable_schema = OFF;"
	"UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'file';"
	"PRAGMA user_version = 5;";

static const char numbered[] =
	"SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%id INTEGER PRIMARY KEY AUTOINCREMENT%' AND "
	"name IN ('file', 'spot', 'dir', 'album', 'shelf')";

static void a_store_of_version_5_goes_on(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_begin(&f, dir);
	add(&f, "1.flac");
	add(&f, "2.flac");
	fill_commit(&f);
	int64_t others = fill_number(f.s, "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'");
	assert_int_equal(store_exec(f.s, version_5), 0);
	assert_int_equal(fill_number(f.s, numbered), 5);
	open_again(&f, dir);
	assert_int_equal(fill_number(f.s, numbered), 0);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'"), others);
	assert_int_equal(add(&f, "3.flac"), 5001);
	fill_commit(&f);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM file"), 3);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	store_close(f.s);
	remove_backups(dir);
	unit_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_number_of_a_row_that_is_gone_is_not_given_again),
		cmocka_unit_test(what_was_taken_back_is_forgotten),
		cmocka_unit_test(numbers_that_a_recovery_skips_are_given_to_nobody),
		cmocka_unit_test(a_store_of_version_5_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
