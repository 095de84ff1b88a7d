/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Who is who among the names of one file. */
#include "tests/unit/disk.h"

static void a_hard_link_is_a_file_of_its_own(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_scans(&d, "ab");
		int64_t id = disk_id(&d, "a/1");
		disk_ln(&d, "a/1", "b/1");
		disk_scans(&d, how);
		int64_t link = disk_id(&d, "b/1");
		assert_int_equal(disk_id(&d, "a/1"), id);
		assert_true(link > id);
		disk_rm(&d, "a/1");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/1"), link);
		assert_int_equal(disk_id(&d, "a/1"), 0);
	}
}

static void a_link_is_open_until_the_other_name_was_looked_at(void **state)
{
	struct disk d;
	(void)state;
	disk_init(&d);
	disk_make(&d, "a/1", 1);
	disk_scans(&d, "ab");
	int64_t id = disk_id(&d, "a/1");
	disk_ln(&d, "a/1", "b/1");
	disk_scan(&d, "b");
	assert_int_equal(disk_number(&d, "pending", "b/1"), 1);
	assert_true(d.again['a']);
	disk_restart(&d);
	assert_int_equal(disk_number(&d, "pending", "b/1"), 1);
	disk_rest(&d);
	assert_int_equal(disk_number(&d, "pending", "b/1"), 0);
	assert_int_equal(disk_id(&d, "a/1"), id);
	/* with two names, and the first one gone before it was looked at again */
	disk_ln(&d, "b/1", "b/2");
	disk_ln(&d, "b/1", "c/1");
	disk_rm(&d, "a/1");
	disk_scans(&d, "c|a|b");
	assert_int_equal(disk_id(&d, "c/1"), id);
	disk_end(&d);
}

/** Links that came and went: a name of one of them moves, and takes its own number along. */
static void the_last_name_moves_with_its_own_number(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_scans(&d, "ab");
		disk_ln(&d, "a/1", "a/2");
		disk_scans(&d, "ab");
		int64_t link = disk_id(&d, "a/2");
		disk_rm(&d, "a/1");
		disk_scans(&d, "ab");
		assert_int_equal(disk_id(&d, "a/2"), link);
		disk_mv(&d, "a/2", "b/2");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/2"), link);
	}
}

static void a_file_that_had_a_link_changes_places(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_make(&d, "b/1", 2);
		disk_scans(&d, "ab");
		disk_ln(&d, "a/1", "a/2");
		disk_scans(&d, "ab");
		disk_rm(&d, "a/1");
		disk_scans(&d, "ab");
		int64_t link = disk_id(&d, "a/2"), other = disk_id(&d, "b/1");
		disk_mv(&d, "a/2", "x/1");
		disk_mv(&d, "b/1", "a/2");
		disk_mv(&d, "x/1", "b/1");
		/* in two scans it is one of those that it was */
		if (strchr(how, '|') || strchr(how, '!'))
			continue;
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "b/1"), link);
		assert_int_equal(disk_id(&d, "a/2"), other);
	}
}

/** The place of a name that was replaced has nothing to do with later links. */
static void a_new_link_leaves_a_replaced_one_alone(void **state)
{
	struct disk d;
	const char *how;
	(void)state;
	EACH_ORDER(&d, how) {
		disk_make(&d, "a/1", 1);
		disk_scans(&d, "ab");
		disk_ln(&d, "a/1", "b/1");
		disk_scans(&d, "ab");
		int64_t first = disk_id(&d, "a/1"), link = disk_id(&d, "b/1");
		disk_make(&d, "b/1", 2);
		disk_scans(&d, how);
		disk_ln(&d, "a/1", "b/2");
		disk_scans(&d, how);
		assert_int_equal(disk_id(&d, "a/1"), first);
		assert_int_equal(disk_id(&d, "b/1"), link);
		assert_true(disk_id(&d, "b/2") > link);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hard_link_is_a_file_of_its_own),
		cmocka_unit_test(a_link_is_open_until_the_other_name_was_looked_at),
		cmocka_unit_test(the_last_name_moves_with_its_own_number),
		cmocka_unit_test(a_file_that_had_a_link_changes_places),
		cmocka_unit_test(a_new_link_leaves_a_replaced_one_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
