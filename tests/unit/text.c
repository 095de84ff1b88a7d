/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/path.h"
#include "common/text.h"

static void check(void (*run)(const char *, size_t, struct buf *), const char *in, size_t n,
		  const char *want)
{
	_buf_ struct buf out = BUF_INIT(8192);
	run(in, n, &out);
	assert_string_equal(buf_str(&out), want);
}

static void fold_case(const char *s, size_t n, struct buf *out)
{
	assert_int_equal(text_fold_case(s, n, out), 0);
}

static void fold_title(const char *s, size_t n, struct buf *out)
{
	assert_int_equal(text_fold_title(s, n, out), 0);
}

static void safe(const char *s, size_t n, struct buf *out)
{
	text_safe_name(s, n, 0, out);
}

static void clean(const char *s, size_t n, struct buf *out)
{
	text_clean(s, n, 32, out);
}

#define S(text) text, sizeof(text) - 1

static void utf8_is_judged_as_the_standard_says(void **state)
{
	uint32_t cp;
	(void)state;
	assert_int_equal(text_decode(S("é"), &cp), 2);
	assert_int_equal(cp, 0xe9);
	assert_int_equal(text_decode(S("\xf0\x9f\x8e\xb5"), &cp), 4);
	assert_int_equal(text_decode(S("\xc0\x80"), &cp), 0);
	assert_int_equal(text_decode(S("\xed\xa0\x80"), &cp), 0);
	assert_int_equal(text_decode(S("\xf4\x90\x80\x80"), &cp), 0);
	assert_int_equal(text_decode(S("\xe2\x82"), &cp), 0);
	assert_true(text_is_utf8(S("plain, 東京")));
	assert_false(text_is_utf8(S("plain \xff")));
	check(text_to_utf8, S("a\xff" "b"), "a\xef\xbf\xbd" "b");
}

static void names_that_differ_in_case_only_fold_to_one(void **state)
{
	(void)state;
	check(fold_case, S("  The  BEATLES "), "the beatles");
	check(fold_case, S("ÉTÉ"), "été");
	/* composed and decomposed are the same text */
	check(fold_case, S("e\xcc\x81t\xc3\xa9"), "été");
	check(fold_case, S("AC/DC"), "ac/dc");
}

static void titles_fold_without_accents_and_punctuation(void **state)
{
	(void)state;
	check(fold_title, S("Re:ZERO — Starting Life!"), "re zero starting life");
	check(fold_title, S("Cœur d’Acier"), "cœur d acier");
	check(fold_title, S("ÉTOILE"), "etoile");
	check(fold_title, S("!!!"), "!!!");
}

/** Latin letters are folded by a table, unless there is anything else: that must not show. */
static void latin_is_folded_as_everything_is(void **state)
{
	static const char *const more[] = {"0", " ", "  ", "\t", ".", "-", "!", "\x7f", "\x01", "e\xcc\x81", "\xc2\xa0", "\xc2\xb5"};
	(void)state;
	uint32_t seed = 7;
	for (int round = 0; round < 20000; round++) {
		_buf_ struct buf in = BUF_INIT(1024), quick = BUF_INIT(4096), slow = BUF_INIT(4096);
		for (int i = round % 7; i >= 0; i--) {
			seed = seed * 1664525 + 1013904223;
			uint32_t r = seed >> 8;
			if (r % 4)
				text_append(&in, r % 4 == 1 ? 'A' + r / 4 % 58 : 0xc0 + r / 4 % 0xc0);
			else
				buf_adds(&in, more[r / 4 % COUNT_OF(more)]);
		}
		/* such a letter is folded to itself, but not by the table */
		buf_adds(&in, "x");
		void (*const folds[])(const char *, size_t, struct buf *) = {fold_case, fold_title};
		folds[round % 2](buf_str(&in), in.len, &quick);
		buf_adds(&in, "東");
		folds[round % 2](buf_str(&in), in.len, &slow);
		buf_adds(&quick, "東");
		assert_string_equal(buf_str(&quick), buf_str(&slow));
	}
	check(fold_case, S("Straße ŉ İ ſ"), "strasse ʼn i̇ s");
}

static void shown_names_are_safe(void **state)
{
	(void)state;
	check(safe, S("AC/DC: \"Live\"?"), "AC_DC_ _Live__");
	check(safe, S("..hidden"), "_.hidden");
	check(safe, S("a\nb\x1b[31m"), "a_b_[31m");
	check(safe, S("x\xe2\x80\xae" "fdp"), "x_fdp");
	check(safe, S(""), "_");
	check(safe, S("end  "), "end");
	char big[600];
	memset(big, 'x', sizeof big);
	memcpy(big + 253, "é", 2);
	_buf_ struct buf out = BUF_INIT(8192);
	text_safe_name(big, sizeof big, 0, &out);
	assert_int_equal(out.len, 255);
	buf_reset(&out);
	memcpy(big + 254, "é", 2);
	text_safe_name(big, sizeof big, 0, &out);
	assert_int_equal(out.len, 254);
}

static void tags_are_cleaned(void **state)
{
	(void)state;
	check(clean, S(" \t title\r\n"), "title");
	check(clean, S("a\x01" "b"), "a b");
	check(clean, S("\xff"), "\xef\xbf\xbd");
	/* cut at a character, not in it */
	check(clean, S("0123456789012345678901234567890é"), "0123456789012345678901234567890");
}

static void any_byte_is_cleaned_wherever_it_stands(void **state)
{
	(void)state;
	for (size_t at = 1; at < 19; at++)
		for (unsigned byte = 0; byte < 256; byte++) {
			char in[] = "abcdefghijklmnopqrst", expected[32];
			in[at] = (char)byte;
			const char *instead = byte >= 0x80 ? "\xef\xbf\xbd" : byte < 0x20 || byte == 0x7f ? " " : (char[]){(char)byte, 0};
			snprintf(expected, sizeof expected, "%.*s%s%s", (int)at, in, instead, in + at + 1);
			check(clean, in, sizeof in - 1, expected);
		}
	/* of several pieces no more than of one */
	check(clean, S("0123456789é0123456789é0123456789é0123456789é"), "0123456789é0123456789é01234567");
	check(clean, S("0123456789012345678901234567890123456789é"), "01234567890123456789012345678901");
	check(clean, S("012345678901234567890123456789éé"), "012345678901234567890123456789é");
	char long_one[600];
	memset(long_one, 'x', sizeof long_one);
	memcpy(long_one + 30, "é", 2);
	_buf_ struct buf small = BUF_INIT(64);
	text_clean(long_one, sizeof long_one, 32, &small);
	assert_int_equal(buf_error(&small), 0);
	assert_int_equal(small.len, 32);
}

static void random_bytes_never_leave_the_rules(void **state)
{
	(void)state;
	uint32_t seed = 12345;
	for (int round = 0; round < 20000; round++) {
		char in[64];
		for (size_t i = 0; i < sizeof in; i++) {
			seed = seed * 1664525 + 1013904223;
			in[i] = (char)(seed >> 24);
		}
		_buf_ struct buf out = BUF_INIT(8192);
		text_safe_name(in, (size_t)round % sizeof in, 10, &out);
		assert_true(text_is_utf8(out.data, out.len));
		assert_true(out.len >= 1 && out.len <= 245);
		assert_null(memchr(out.data, '/', out.len));
		assert_int_not_equal(out.data[0], '.');
		buf_reset(&out);
		text_fold_title(in, sizeof in, &out);
		assert_true(text_is_utf8(buf_str(&out), out.len));
	}
}

static void paths_are_bytes(void **state)
{
	static const char *const map[] = {"/data=/srv", "/data/music=/srv/music"};
	(void)state;
	_buf_ struct buf out = BUF_INIT(8192);
	path_clean("//a/./b//c/", &out);
	assert_string_equal(buf_str(&out), "/a/b/c");
	assert_true(path_has_dotdot("/a/../b"));
	assert_false(path_has_dotdot("/a/..b/...c"));
	assert_string_equal(path_below("/srv/a", "/srv/a/b/c"), "b/c");
	assert_string_equal(path_below("/srv/a", "/srv/a"), "");
	assert_null(path_below("/srv/a", "/srv/ab"));
	buf_reset(&out);
	path_map(map, 2, "/srv/music/x.flac", &out);
	assert_string_equal(buf_str(&out), "/data/music/x.flac");
	buf_reset(&out);
	path_map(map, 2, "/other/x", &out);
	assert_string_equal(buf_str(&out), "/other/x");
}

static void near_words_are_near(void **state)
{
	(void)state;
	assert_int_equal(text_distance("musik", "music"), 1);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("same", "same"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_judged_as_the_standard_says),
		cmocka_unit_test(names_that_differ_in_case_only_fold_to_one),
		cmocka_unit_test(titles_fold_without_accents_and_punctuation),
		cmocka_unit_test(latin_is_folded_as_everything_is),
		cmocka_unit_test(shown_names_are_safe),
		cmocka_unit_test(tags_are_cleaned),
		cmocka_unit_test(any_byte_is_cleaned_wherever_it_stands),
		cmocka_unit_test(random_bytes_never_leave_the_rules),
		cmocka_unit_test(paths_are_bytes),
		cmocka_unit_test(near_words_are_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
