/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/net/json.h"

static struct js *parsed(const char *text)
{
	char why[160] = "";
	struct js *v = NULL;
	if (js_parse(text, strlen(text), &v, why) < 0)
		fail_msg("%s: %s", text, why);
	return v;
}

static void check_refused(const char *text, size_t n)
{
	char why[160] = "";
	struct js *v = NULL;
	assert_int_equal(js_parse(text, n, &v, why), -EBADMSG);
	assert_null(v);
	assert_string_not_equal(why, "");
}

static void members_are_told_by_their_type(void **state)
{
	struct js *v = parsed("{\"t\": \"text\", \"n\": 12, \"r\": 1.9, \"b\": true, \"z\": null, \"a\": [1, \"2\", \"x\"],"
			      " \"o\": {\"t\": \"in\"}, \"s\": \"34\", \"f\": \"-5.5\", \"big\": 1e300, \"neg\": -7}");
	(void)state;
	assert_true(js_is_object(v));
	assert_false(js_is_array(v));
	assert_string_equal(js_text(v, "t"), "text");
	assert_string_equal(js_text(v, "n"), "");
	assert_string_equal(js_text(v, "absent"), "");
	assert_string_equal(js_text(v, "z"), "");
	assert_int_equal(js_int(v, "n", -1), 12);
	assert_int_equal(js_int(v, "r", -1), 1);
	assert_int_equal(js_int(v, "s", -1), 34);
	assert_int_equal(js_int(v, "f", -1), -5);
	assert_int_equal(js_int(v, "neg", -1), -7);
	assert_int_equal(js_int(v, "t", -1), -1);
	assert_int_equal(js_int(v, "b", -1), -1);
	assert_int_equal(js_int(v, "z", -1), -1);
	assert_int_equal(js_int(v, "big", -1), -1);
	assert_true(js_real(v, "r", 0) == 1.9);
	assert_true(js_real(v, "n", 0) == 12);
	assert_true(js_real(v, "f", 0) == -5.5);
	assert_true(js_real(v, "t", 0.5) == 0.5);
	assert_true(js_bool(v, "b", false));
	assert_true(js_bool(v, "n", true));
	assert_false(js_bool(v, "absent", false));
	const struct js *a = js_get(v, "a");
	assert_true(js_is_array(a));
	assert_int_equal(js_count(a), 3);
	assert_int_equal(js_own_int(js_at(a, 0), -1), 1);
	assert_int_equal(js_own_int(js_at(a, 1), -1), 2);
	assert_int_equal(js_own_int(js_at(a, 2), -1), -1);
	assert_string_equal(js_own_text(js_at(a, 2)), "x");
	assert_null(js_at(a, 3));
	assert_string_equal(js_text(js_get(v, "o"), "t"), "in");
	js_free(v);
}

static void what_is_not_there_is_nothing(void **state)
{
	(void)state;
	assert_false(js_is_array(NULL));
	assert_false(js_is_object(NULL));
	assert_int_equal(js_count(NULL), 0);
	assert_null(js_at(NULL, 0));
	assert_null(js_get(NULL, "a"));
	assert_string_equal(js_text(NULL, "a"), "");
	assert_int_equal(js_int(NULL, "a", 3), 3);
	assert_true(js_real(NULL, "a", 3) == 3);
	assert_true(js_bool(NULL, "a", true));
	assert_string_equal(js_own_text(NULL), "");
	assert_int_equal(js_own_int(NULL, 3), 3);
	js_free(NULL);
}

static void numbers_in_texts_are_whole(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} rows[] = {
		{"0", 0},	   {"9223372036854775807", INT64_MAX}, {"", -99},	  {" 1", -99},	 {"1 ", -99},
		{"0x10", -99},	   {"inf", -99},		       {"nan", -99},	  {"1e3", 1000}, {"1,5", -99},
		{"99999999999999999999", -99},			       {"1e999", -99},	  {"-", -99},	 {"+5", 5},
		{"1-2", -99},	   {".", -99},			       {"-0.9", 0},	  {"12abc", -99},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[64];
		snprintf(text, sizeof text, "{\"n\": \"%s\"}", rows[i].text);
		struct js *v = parsed(text);
		if (js_int(v, "n", -99) != rows[i].value)
			fail_msg("%s: %lld", rows[i].text, (long long)js_int(v, "n", -99));
		js_free(v);
	}
}

static void what_is_no_json_is_refused(void **state)
{
	static const char *const rows[] = {
		"", " ", "null", "1", "\"a\"", "{", "}", "[", "]", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "{'a':1}",
		"[1] [2]", "[1]x", "{\"a\":\"\n\"}", "[\"\xff\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]", "[\"\\ud800\"]",
		"[\"\\u0000\"]", "[01]", "[+1]", "[.5]", "[NaN]", "[1e999]", "[\"a]", "[\"\\\"]", "[\"\\x\"]", "<html>", "[//\n]",
		"[99999999999999999999]",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_refused(rows[i], strlen(rows[i]));
	check_refused(NULL, 0);
	check_refused("[1]\0", 4);
	check_refused("[\"a\0b\"]", 7);
	check_refused("[\"\\", 3);
}

static void nothing_of_the_text_is_told(void **state)
{
	char why[160];
	struct js *v;
	(void)state;
	assert_int_equal(js_parse("{\"k\": canary}", 13, &v, why), -EBADMSG);
	assert_null(strstr(why, "canary"));
}

static void repeat(struct buf *b, const char *text, int times)
{
	for (int i = 0; i < times; i++)
		buf_adds(b, text);
}

static void depth_has_a_limit(void **state)
{
	static const struct {
		const char *open, *close;
	} rows[] = {{"[", "]"}, {"{\"a\":", "}"}};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
			_buf_ struct buf b = BUF_INIT(1 << 20);
			repeat(&b, rows[i].open, depth);
			buf_adds(&b, "[]");
			repeat(&b, rows[i].close, depth);
			if (depth < JSON_DEPTH_MAX)
				js_free(parsed(buf_str(&b)));
			else
				check_refused(b.data, b.len);
		}
		_buf_ struct buf deep = BUF_INIT(1 << 20);
		repeat(&deep, rows[i].open, 100000);
		check_refused(deep.data, deep.len);
		repeat(&deep, rows[i].close, 100000);
		check_refused(deep.data, deep.len);
	}
	/* brackets in texts are no depth */
	_buf_ struct buf flat = BUF_INIT(1 << 20);
	buf_adds(&flat, "[\"\\\"");
	repeat(&flat, "[{", 1000);
	buf_adds(&flat, "\"]");
	js_free(parsed(buf_str(&flat)));
}

static void a_bomb_of_values_is_refused_at_once(void **state)
{
	_buf_ struct buf b = BUF_INIT(17 << 20);
	int64_t start = mono_ns();
	(void)state;
	buf_adds(&b, "[");
	repeat(&b, "{},", 5 << 20);
	buf_adds(&b, "0]");
	check_refused(b.data, b.len);
	assert_true(mono_ns() - start < 5 * NS_PER_S);
	/* a long text is one value */
	memset(b.data, 'x', b.len);
	memcpy(b.data, "[\"", 2);
	memcpy(b.data + (8 << 20) - 2, "\"]", 3);
	struct js *v = parsed(buf_str(&b));
	assert_int_equal(strlen(js_own_text(js_at(v, 0))), (8 << 20) - 4);
	js_free(v);
	memcpy(b.data + (8 << 20) - 2, "x\"]", 3);
	check_refused(b.data, (8 << 20) + 1);
}

static int64_t rss_kib(void)
{
	struct rusage u;
	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_maxrss;
}

/* the values that take most room for their bytes; of sanitizers' own memory nothing is promised */
static void nothing_that_is_taken_needs_more_than_32_mib(void **state)
{
	static const char *const values[] = {"{},", "{\"a\":1},", "\"abcdefghijklmnopqrstuvwxyz0123456789\",", "[1],"};
	static const int times[] = {99990, 66000, 199900, 99990};
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__has_feature)
	skip();
#endif
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		int64_t before = rss_kib();
		_buf_ struct buf b = BUF_INIT(17 << 20);
		buf_adds(&b, "[");
		repeat(&b, values[i], times[i]);
		buf_adds(&b, "0]");
		js_free(parsed(buf_str(&b)));
		assert_in_range(rss_kib() - before, 0, 32 << 10);
	}
}

static void cut_off_anywhere_is_refused(void **state)
{
	static const char whole[] = "{\"a\": [1, 2.5e1, \"t\\u00e9\\n\", true, null], \"b\": {\"c\": \"\xc3\xa9\"}}";
	(void)state;
	js_free(parsed(whole));
	for (size_t n = 0; n + 1 < sizeof whole - 1; n++) {
		/* a copy of that length, so that a sanitizer sees a step beyond */
		_free_ char *cut = malloc(n + 1);
		memcpy(cut, whole, n);
		check_refused(cut, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_told_by_their_type),
		cmocka_unit_test(what_is_not_there_is_nothing),
		cmocka_unit_test(numbers_in_texts_are_whole),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(nothing_of_the_text_is_told),
		cmocka_unit_test(depth_has_a_limit),
		/* first: the most that was ever used is what is told */
		cmocka_unit_test(nothing_that_is_taken_needs_more_than_32_mib),
		cmocka_unit_test(a_bomb_of_values_is_refused_at_once),
		cmocka_unit_test(cut_off_anywhere_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
