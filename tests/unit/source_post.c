/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is told of a post holds no key. */
#include "tests/unit/unit.h"

#include "indexer/search/source_post.h"

#define KEY "canary0123456789abcdef0123456789"

static void a_key_is_masked_as_it_is_and_escaped(void **state)
{
	_buf_ struct buf out = BUF_INIT(1024);
	(void)state;
	post_mask("a S3/k+y= b http://h/s3%2fK%2By%3D/c", "S3/k+y=", &out);
	assert_string_equal(buf_str(&out), "a *** b http://h/***/c");
	buf_reset(&out);
	post_mask("none", "", &out);
	assert_string_equal(buf_str(&out), "none");
}

static void a_key_is_masked_however_it_is_spelled(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"http://h/dl/0123456789ABCDEF0123456789abcdef/a.torrent", "http://h/dl/***/a.torrent"},
		/* one digit escaped, all of them, and twice */
		{"http://h/%30123456789abcdef0123456789abcde%66/a", "http://h/***/a"},
		{"http://h/%25300123456789abcdef", "http://h/%25300123456789abcdef"},
		{"http://h/%253123456789abcdef0123456789abcdef", "http://h/%253123456789abcdef0123456789abcdef"},
		{"u=http%3A%2F%2Fh%2F%2530123456789abcdef0123456789abcdef%2Fa", "u=http%3A%2F%2Fh%2F***%2Fa"},
		{"0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcde"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_buf_ struct buf out = BUF_INIT(1024);
		post_mask(rows[i].text, "0123456789abcdef0123456789abcdef", &out);
		assert_string_equal(buf_str(&out), rows[i].want);
	}
}

static int check_no_part(void *arg, const struct release *r)
{
	(void)arg;
	assert_null(strstr(r->title, "canary"));
	assert_null(strstr(r->guid, "canary"));
	return 0;
}

/* what is cut off in the middle of a key is most of a key */
static void a_key_at_the_end_of_a_long_title_is_masked(void **state)
{
	(void)state;
	for (int length = 980; length < 1030; length++) {
		char title[1200];
		size_t told;
		memset(title, 'x', (size_t)length);
		snprintf(title + length, sizeof title - (size_t)length, "%s", KEY);
		struct post p = {.title = title, .guid = title, .link = title};
		struct posts all = {&p, 1, 1};
		assert_int_equal(posts_tell(&all, KEY, check_no_part, NULL, &told), 0);
		assert_int_equal(told, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_masked_as_it_is_and_escaped),
		cmocka_unit_test(a_key_is_masked_however_it_is_spelled),
		cmocka_unit_test(a_key_at_the_end_of_a_long_title_is_masked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
