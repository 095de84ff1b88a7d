/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Who is who after moves: each scenario in every order in which scans may meet its folders. */
#include "tests/unit/disk.h"

#include "common/clock.h"

static int64_t added_at(struct disk *d, const char *path)
{
	return disk_number(d, "added_at", path);
}

/* --- moves --- */

static void a_renamed_file_keeps_its_row(void **state)
{
	struct disk d;
	(void)state;
	disk_init(&d);
	disk_make(&d, "a/1", 1);
	disk_scans(&d, "a");
	int64_t id = disk_id(&d, "a/1"), at = added_at(&d, "a/1");
	disk_mv(&d, "a/1", "a/2");
	disk_scans(&d, "a");
	assert_int_equal(disk_id(&d, "a/2"), id);
	assert_int_equal(added_at(&d, "a/2"), at);
	assert_int_equal(disk_id(&d, "a/1"), 0);
	assert_int_equal(disk_count(&d, "gone"), 0);
	disk_end(&d);
}

static void a_file_moves_to_another_folder(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_make(&d, "b/1", 2);
		disk_scans(&d, "ab");
		int64_t id = disk_id(&d, "a/1"), other = disk_id(&d, "b/1"), at = added_at(&d, "a/1");
		disk_mv(&d, "a/1", "b/2");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/2"), id);
		assert_int_equal(added_at(&d, "b/2"), at);
		assert_int_equal(disk_id(&d, "b/1"), other);
		assert_int_equal(disk_count(&d, "gone"), 0);
	}
}

static void two_files_change_places(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_scans(&d, "a");
		disk_make(&d, "b/1", 2);
		disk_scans(&d, "ab");
		int64_t one = disk_id(&d, "a/1"), two = disk_id(&d, "b/1");
		int64_t at = added_at(&d, "a/1"), at2 = added_at(&d, "b/1");
		disk_mv(&d, "a/1", "x/1");
		disk_mv(&d, "b/1", "a/1");
		disk_mv(&d, "x/1", "b/1");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "a/1"), two);
		assert_int_equal(disk_id(&d, "b/1"), one);
		assert_int_equal(added_at(&d, "a/1"), at2);
		assert_int_equal(added_at(&d, "b/1"), at);
	}
}

static void three_files_go_round(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_make(&d, "a/2", 2);
		disk_make(&d, "b/3", 3);
		disk_scans(&d, "ab");
		int64_t id[] = {disk_id(&d, "a/1"), disk_id(&d, "a/2"), disk_id(&d, "b/3")};
		disk_mv(&d, "a/1", "x/1");
		disk_mv(&d, "b/3", "a/1");
		disk_mv(&d, "a/2", "b/3");
		disk_mv(&d, "x/1", "a/2");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "a/2"), id[0]);
		assert_int_equal(disk_id(&d, "b/3"), id[1]);
		assert_int_equal(disk_id(&d, "a/1"), id[2]);
	}
}

/** The place of one that moved on is taken at once, and that of the taker too. */
static void files_move_up_one_place(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_make(&d, "b/2", 2);
		disk_make(&d, "a/3", 3);
		disk_scans(&d, "ab");
		int64_t id[] = {disk_id(&d, "a/1"), disk_id(&d, "b/2"), disk_id(&d, "a/3")};
		disk_mv(&d, "a/3", "b/4");
		disk_mv(&d, "b/2", "a/3");
		disk_mv(&d, "a/1", "b/2");
		disk_make(&d, "a/1", 9);
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/2"), id[0]);
		assert_int_equal(disk_id(&d, "a/3"), id[1]);
		assert_int_equal(disk_id(&d, "b/4"), id[2]);
		assert_true(disk_id(&d, "a/1") > id[2]);
	}
}

static void move_to_b(struct disk *d)
{
	disk_mv(d, "a/1", "b/2");
}

static void move_to_a(struct disk *d)
{
	disk_mv(d, "b/1", "a/2");
}

static void a_file_moves_while_it_is_scanned(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 0);
		disk_make(&d, "b/1", 0);
		disk_scans(&d, "ab");
		int64_t one = disk_id(&d, "a/1"), two = disk_id(&d, "b/1");
		/* it is seen in both places */
		d.between = move_to_b;
		disk_scan(&d, "ab");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/2"), one);
		/* it is seen in none */
		d.between = move_to_a;
		disk_scan(&d, "ab");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "a/2"), two);
	}
}

/* --- replacing --- */

static void one_indexed_file_replaces_another(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_make(&d, "b/2", 2);
		disk_scans(&d, "ab");
		int64_t id = disk_id(&d, "a/1"), lost = disk_id(&d, "b/2");
		disk_mv(&d, "a/1", "b/2");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/2"), id);
		assert_int_equal(disk_count(&d, "file"), 1);
		/* what was there is lost, not forgotten */
		assert_int_not_equal(id, lost);
		assert_int_equal(disk_count(&d, "gone"), 1);
		/* with its own content: a copy of what replaced it is another file */
		disk_cp(&d, "b/2", "a/3");
		disk_scans(&d, how);
		assert_true(disk_id(&d, "a/3") > id && disk_id(&d, "a/3") > lost);
	}
}

static void an_unknown_file_that_replaces_a_known_one_takes_its_row(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_make(&d, "b/1", 2);
		disk_scans(&d, "ab");
		int64_t id = disk_id(&d, "a/1"), at = added_at(&d, "a/1");
		disk_make(&d, "x/new", 3);
		disk_mv(&d, "x/new", "a/1");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "a/1"), id);
		assert_int_equal(added_at(&d, "a/1"), at);
		assert_int_equal(disk_count(&d, "gone"), 0);
	}
}

/** An editor's way: the old file is kept under another name. */
static void a_file_and_its_backup(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_scans(&d, "ab");
		int64_t id = disk_id(&d, "a/1");
		disk_mv(&d, "a/1", "b/old");
		disk_make(&d, "a/1", 2);
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/old"), id);
		assert_true(disk_id(&d, "a/1") > id);
	}
}

/* --- other disks, inodes used again --- */

static void a_copy_the_original_of_which_goes_was_a_move(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_scans(&d, "ab");
		int64_t id = disk_id(&d, "a/1"), at = added_at(&d, "a/1");
		disk_cp(&d, "a/1", "b/1");
		disk_rm(&d, "a/1");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/1"), id);
		assert_int_equal(added_at(&d, "b/1"), at);
		/* some time between */
		disk_cp(&d, "b/1", "a/2");
		disk_scans(&d, "ab");
		assert_true(disk_id(&d, "a/2") > id);
		disk_rm(&d, "b/1");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "a/2"), id);
		assert_int_equal(added_at(&d, "a/2"), at);
	}
}

/** As when a file is put over another one that was lost with the same content elsewhere. */
static void a_known_place_with_the_content_of_a_lost_file_stays(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		int64_t number = disk_make(&d, "a/1", 1)->number;
		disk_make(&d, "b/1", 2);
		disk_make(&d, "b/2", 3);
		disk_scans(&d, "ab");
		int64_t one = disk_id(&d, "b/1"), two = disk_id(&d, "b/2");
		disk_rm(&d, "a/1");
		disk_scans(&d, "a");
		disk_make(&d, "b/1", 1);
		/* nor with its inode, born again */
		disk_make(&d, "b/2", 4)->number = number;
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/1"), one);
		assert_int_equal(disk_id(&d, "b/2"), two);
	}
}

static void a_copy_of_long_ago_is_not_moved(void **state)
{
	struct disk d;
	(void)state;
	disk_init(&d);
	disk_make(&d, "a/1", 1);
	disk_scans(&d, "ab");
	disk_cp(&d, "a/1", "b/1");
	disk_scans(&d, "ab");
	int64_t copy = disk_id(&d, "b/1");
	assert_int_equal(store_exec(d.s, "UPDATE file SET added_at = added_at - 25 * 3600 * 1000000000"), 0);
	disk_rm(&d, "a/1");
	disk_scans(&d, "ab");
	assert_int_equal(disk_id(&d, "b/1"), copy);
	disk_end(&d);
}

static void the_same_content_twice_in_the_first_scan_is_two_files(void **state)
{
	struct disk d;
	(void)state;
	disk_init(&d);
	disk_make(&d, "a/1", 1);
	disk_cp(&d, "a/1", "b/1");
	disk_scans(&d, "ab");
	int64_t two = disk_id(&d, "b/1");
	disk_rm(&d, "a/1");
	disk_scans(&d, "ab");
	assert_int_equal(disk_id(&d, "b/1"), two);
	disk_end(&d);
}

static void files_without_a_hash_are_never_copies(void **state)
{
	struct disk d;
	(void)state;
	disk_init(&d);
	disk_make(&d, "a/1", 0);
	disk_scans(&d, "ab");
	int64_t id = disk_id(&d, "a/1");
	disk_cp(&d, "a/1", "b/1");
	disk_rm(&d, "a/1");
	disk_scans(&d, "ab");
	assert_true(disk_id(&d, "b/1") > id);
	disk_end(&d);
}

static void an_inode_that_is_used_again_is_another_file(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		int64_t number = disk_make(&d, "a/1", 1)->number;
		disk_scans(&d, "ab");
		int64_t id = disk_id(&d, "a/1");
		disk_rm(&d, "a/1");
		disk_make(&d, "b/1", 2)->number = number;
		disk_scans(&d, how);
		assert_true(disk_id(&d, "b/1") > id);
		/* also in its own place, where only the birth time tells */
		disk_make(&d, "b/1", 3)->number = number;
		disk_mv(&d, "b/1", "a/3");
		disk_make(&d, "b/1", 4)->number = number + 100;
		disk_scans(&d, how);
		assert_true(disk_id(&d, "a/3") > id);
	}
}

static void without_birth_times_size_and_time_must_be_the_same(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		d.has_no_btime = true;
		disk_make(&d, "a/1", 1);
		int64_t number = disk_make(&d, "a/2", 2)->number;
		disk_scans(&d, "ab");
		int64_t one = disk_id(&d, "a/1"), two = disk_id(&d, "a/2");
		disk_mv(&d, "a/1", "b/1");
		disk_rm(&d, "a/2");
		disk_make(&d, "b/2", 3)->number = number;
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/1"), one);
		assert_true(disk_id(&d, "b/2") > two);
	}
}

static void without_birth_times_a_file_and_its_backup(void **state)
{
	struct disk d;
	(void)state;
	for (int i = 0; i < 2; i++) {
		disk_init(&d);
		d.has_no_btime = true;
		disk_make(&d, "a/1", 1);
		disk_make(&d, "b/1", 2);
		disk_scans(&d, "ab");
		int64_t one = disk_id(&d, "a/1"), two = disk_id(&d, "b/1");
		disk_mv(&d, "a/1", "b/old");
		disk_make(&d, "a/1", 3);
		disk_mv(&d, "b/1", "a/old");
		disk_make(&d, "b/1", 4);
		disk_scans(&d, i ? "ab" : "ba");
		assert_int_equal(disk_id(&d, "b/old"), one);
		assert_int_equal(disk_id(&d, "a/old"), two);
		disk_end(&d);
	}
}

/* --- losing and coming back --- */


static void a_file_that_comes_back_as_it_was_is_not_read(void **state)
{
	struct disk d;
	(void)state;
	disk_init(&d);
	disk_make(&d, "a/1", 1);
	disk_make(&d, "b/1", 2);
	disk_scans(&d, "ab");
	int64_t id = disk_id(&d, "a/1"), at = added_at(&d, "a/1"), size = disk_number(&d, "size", "a/1");
	int64_t hash = disk_number(&d, "hash", "a/1"), btime = disk_number(&d, "btime", "a/1");
	d.hidden = "a";
	disk_scans(&d, "ab");
	assert_int_equal(disk_id(&d, "a/1"), 0);
	d.hidden = NULL;
	d.reads = 0;
	disk_restart(&d);
	disk_scans(&d, "ab");
	assert_int_equal(d.reads, 0);
	assert_int_equal(disk_id(&d, "a/1"), id);
	assert_int_equal(added_at(&d, "a/1"), at);
	assert_int_equal(disk_number(&d, "size", "a/1"), size);
	assert_int_equal(disk_number(&d, "hash", "a/1"), hash);
	assert_int_equal(disk_number(&d, "btime", "a/1"), btime);
	assert_int_equal(disk_count(&d, "gone"), 0);
	disk_end(&d);
}

static void a_file_that_comes_back_changed_is_read_and_keeps_its_row(void **state)
{
	struct disk d;
	(void)state;
	disk_init(&d);
	disk_make(&d, "a/1", 1);
	disk_scans(&d, "ab");
	int64_t id = disk_id(&d, "a/1");
	d.hidden = "a";
	disk_scans(&d, "a");
	d.hidden = NULL;
	struct inode *in = disk_inode(&d, "a/1");
	in->content = 5;
	in->mtime = in->ctime = ++d.clock;
	d.reads = 0;
	disk_scans(&d, "a");
	assert_int_equal(d.reads, 1);
	assert_int_equal(disk_id(&d, "a/1"), id);
	disk_end(&d);
}

static void what_is_purged_is_not_known_again(void **state)
{
	struct disk d;
	(void)state;
	disk_init(&d);
	disk_make(&d, "a/1", 1);
	disk_scans(&d, "a");
	int64_t id = disk_id(&d, "a/1");
	d.hidden = "a";
	disk_scans(&d, "a");
	assert_int_equal(store_purge_gone(d.s, now_ns() - 3600 * NS_PER_S), 0);
	assert_int_equal(disk_count(&d, "gone"), 1);
	assert_int_equal(store_purge_gone(d.s, now_ns() + NS_PER_S), 0);
	assert_int_equal(disk_count(&d, "gone"), 0);
	d.hidden = NULL;
	disk_scans(&d, "a");
	assert_true(disk_id(&d, "a/1") > id);
	disk_end(&d);
}

static void no_number_is_given_twice(void **state)
{
	struct disk d;
	int64_t last = 0;
	(void)state;
	disk_init(&d);
	for (int i = 1; i <= 20; i++) {
		char path[16];
		snprintf(path, sizeof path, "a/%d", i);
		disk_make(&d, path, i);
		disk_scans(&d, "a");
		int64_t id = disk_id(&d, path);
		assert_true(id > last);
		last = id;
		disk_rm(&d, path);
		disk_scans(&d, "a");
		assert_int_equal(store_purge_gone(d.s, now_ns() + NS_PER_S), 0);
		if (i % 4 == 0)
			disk_restart(&d);
	}
	disk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_renamed_file_keeps_its_row),
		cmocka_unit_test(a_file_moves_to_another_folder),
		cmocka_unit_test(two_files_change_places),
		cmocka_unit_test(three_files_go_round),
		cmocka_unit_test(files_move_up_one_place),
		cmocka_unit_test(a_file_moves_while_it_is_scanned),
		cmocka_unit_test(one_indexed_file_replaces_another),
		cmocka_unit_test(an_unknown_file_that_replaces_a_known_one_takes_its_row),
		cmocka_unit_test(a_file_and_its_backup),
		cmocka_unit_test(a_copy_the_original_of_which_goes_was_a_move),
		cmocka_unit_test(a_known_place_with_the_content_of_a_lost_file_stays),
		cmocka_unit_test(a_copy_of_long_ago_is_not_moved),
		cmocka_unit_test(the_same_content_twice_in_the_first_scan_is_two_files),
		cmocka_unit_test(files_without_a_hash_are_never_copies),
		cmocka_unit_test(an_inode_that_is_used_again_is_another_file),
		cmocka_unit_test(without_birth_times_size_and_time_must_be_the_same),
		cmocka_unit_test(without_birth_times_a_file_and_its_backup),
		cmocka_unit_test(a_file_that_comes_back_as_it_was_is_not_read),
		cmocka_unit_test(a_file_that_comes_back_changed_is_read_and_keeps_its_row),
		cmocka_unit_test(what_is_purged_is_not_known_again),
		cmocka_unit_test(no_number_is_given_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
