/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the kernel knows: nodes, their names, their bytes. */
#include "tests/unit/unit.h"

#include <errno.h>

#include "fs/inode.h"
#include "fs/spill.h"

enum { DIR = 1, LINK = 70, FILE_ID = 80, MORE_THAN_MEMORY = 17 << 20 };

static int start(void **state)
{
	(void)state;
	inodes_init();
	return 0;
}

static int end(void **state)
{
	(void)state;
	inodes_clear();
	return 0;
}

static struct sight sight(uint64_t id, const char *name)
{
	return (struct sight){.id = id, .parent = DIR, .name = name, .at = 5};
}

static void know(const struct sight *s)
{
	assert_int_equal(inode_know(s, NULL), 0);
}

static void know_file(const struct sight *s, const char *bytes)
{
	struct buf content = BUF_INIT(1 << 20);
	buf_adds(&content, bytes);
	assert_int_equal(inode_know(s, &content), 0);
}

static void assert_stat(uint64_t id, uint64_t size, int64_t at)
{
	uint64_t is = 0;
	int64_t then = 0;
	assert_true(inode_stat(id, &is, &then));
	assert_int_equal(is, size);
	assert_int_equal(then, at);
}

static void assert_counts(size_t nodes, size_t names, size_t bytes)
{
	size_t n[3];
	inodes_count(&n[0], &n[1], &n[2]);
	assert_int_equal(n[0], nodes);
	assert_int_equal(n[1], names);
	assert_int_equal(n[2], bytes);
}

static void a_link_has_the_size_and_time_of_its_last_lookup(void **state)
{
	struct sight s = sight(LINK, "01 - A.flac");
	char byte;
	(void)state;
	s.target = 7;
	know(&s);
	assert_stat(LINK, 7, 5);
	s.at = 9;
	know(&s);
	assert_stat(LINK, 7, 9);
	assert_int_equal(inode_read(LINK, &byte, 1, 0), -ESTALE);
	assert_counts(1, 1, 0);
	inode_forget(LINK, 1);
	assert_true(inode_is_known(LINK));
	inode_forget(LINK, 1);
	assert_false(inode_is_known(LINK));
	assert_counts(0, 0, 0);
}

static void a_file_keeps_its_first_bytes_and_their_time(void **state)
{
	struct sight s = sight(FILE_ID, "album.json");
	char text[8] = "";
	bool was_read = false;
	(void)state;
	s.must_exist = true;
	assert_int_equal(inode_know(&s, NULL), -ENOENT);
	assert_counts(0, 0, 0);
	s.must_exist = false;
	know_file(&s, "first");
	s.at = 9;
	know_file(&s, "second and longer");
	s.must_exist = true;
	know(&s);
	assert_stat(FILE_ID, 5, 5);
	assert_counts(1, 1, 5);
	assert_int_equal(inode_read(FILE_ID, text, sizeof text, 1), 4);
	assert_memory_equal(text, "irst", 4);
	assert_int_equal(inode_read(FILE_ID, text, sizeof text, 5), 0);
	/* it grows: reads have it at once, what is told stays until it is told */
	assert_false(inode_append(FILE_ID, 4, "!", 1, &was_read));
	assert_true(inode_append(FILE_ID, 5, "!", 1, &was_read));
	assert_true(was_read);
	assert_stat(FILE_ID, 5, 5);
	assert_int_equal(inode_read(FILE_ID, text, sizeof text, 0), 6);
	inode_tell(FILE_ID, 11);
	assert_stat(FILE_ID, 6, 11);
	assert_counts(1, 1, 6);
	inode_forget(FILE_ID, 3);
	assert_counts(0, 0, 0);
}

static void an_empty_file_is_a_file(void **state)
{
	struct sight s = sight(FILE_ID, "empty");
	char byte;
	(void)state;
	know_file(&s, "");
	assert_stat(FILE_ID, 0, 5);
	assert_int_equal(inode_read(FILE_ID, &byte, 1, 0), 0);
}

static void what_memory_does_not_take_is_read_from_disk(void **state)
{
	struct buf content = BUF_INIT(MORE_THAN_MEMORY);
	struct sight s = sight(FILE_ID, "large");
	char last;
	char *dir = unit_folder();
	(void)state;
	spill_start(dir);
	while (content.len < MORE_THAN_MEMORY)
		buf_add(&content, "0123456789abcdef", 16);
	assert_int_equal(inode_know(&s, &content), 0);
	assert_stat(FILE_ID, MORE_THAN_MEMORY, 5);
	assert_counts(1, 1, 0);
	assert_int_equal(inode_read(FILE_ID, &last, 1, MORE_THAN_MEMORY - 1), 1);
	assert_int_equal(last, 'f');
	inode_forget(FILE_ID, 1);
	unit_remove(dir);
}

struct names {
	int count;
	char text[64];
};

static bool is_of_file(void *arg, uint64_t id)
{
	(void)arg;
	return id == FILE_ID;
}

static void take_name(void *arg, uint64_t parent, const char *name)
{
	struct names *n = arg;
	assert_int_equal(parent, DIR);
	n->count++;
	snprintf(n->text, sizeof n->text, "%s", name);
}

static void a_name_leads_to_what_was_seen_last(void **state)
{
	struct sight of_link = sight(LINK, "a"), of_file = sight(FILE_ID, "a"), other = sight(LINK, "b");
	struct names names = {0};
	(void)state;
	know(&of_link);
	know_file(&of_file, "x");
	know(&other);
	assert_counts(2, 2, 1);
	inodes_names(is_of_file, NULL, &names, take_name);
	assert_int_equal(names.count, 1);
	assert_string_equal(names.text, "a");
	/* the name that is left goes with its node */
	inode_forget(LINK, 2);
	assert_counts(1, 1, 1);
}

static void thousands_are_found(void **state)
{
	enum { MANY = 5000 };
	char name[32];
	struct names names = {0};
	(void)state;
	for (uint64_t i = 1; i <= MANY; i++) {
		struct sight s = sight(i << 28, name);
		snprintf(name, sizeof name, "name %d", (int)i);
		s.target = (uint32_t)i;
		know(&s);
	}
	for (uint64_t i = 1; i <= MANY; i++)
		assert_stat(i << 28, i, 5);
	inodes_names(NULL, is_of_file, &names, take_name);
	assert_int_equal(names.count, 0);
	for (uint64_t i = 1; i <= MANY; i += 2)
		inode_forget(i << 28, 1);
	assert_counts(MANY / 2, MANY / 2, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_link_has_the_size_and_time_of_its_last_lookup),
		TEST(a_file_keeps_its_first_bytes_and_their_time),
		TEST(an_empty_file_is_a_file),
		TEST(what_memory_does_not_take_is_read_from_disk),
		TEST(a_name_leads_to_what_was_seen_last),
		TEST(thousands_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
