/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of control/chapter: each key by type and range, and nothing else. */
#include "indexer/chapter_line.h"

#include <errno.h>

#include "common/cleanup.h"
#include "tests/unit/unit.h"

static struct chapter_line line;

/** "" when the line is taken, else why not; what was read is in `line` until the next one. */
static const char *read_line(const char *text)
{
	static char why[512];
	_buf_ struct buf b = BUF_INIT(4096);
	chapter_line_clear(&line);
	int r = chapter_line_read(text, strlen(text), &line, &b);
	assert_int_equal(r, b.len ? EINVAL : 0);
	snprintf(why, sizeof why, "%s", buf_str(&b));
	return why;
}

/** The same with ' for ". */
static const char *read_easily(const char *text)
{
	char copy[8192];
	snprintf(copy, sizeof copy, "%s", text);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	return read_line(copy);
}

static void all_keys_are_read(void **state)
{
	(void)state;
	assert_string_equal(read_easily("{'event':'end','run':'r','series':'S\\u00e9rie','chapter':10.5,'attempt':3,'seq':7,"
					"'at':1763805600.5,'url':'u','images_found':12,'images_downloaded':11,"
					"'images_processed':10,'download_errors':1,'total_bytes':5000000000,'success':false,"
					"'error_message':'e','duration_seconds':1.25}"), "");
	const struct chapter_event *e = &line.event;
	assert_int_equal(e->kind, CHAPTER_EVENT_end);
	assert_string_equal(e->run, "r");
	assert_string_equal(e->series, "Série");
	assert_string_equal(e->chapter, "10.5");
	assert_int_equal(e->attempt, 3);
	assert_int_equal(e->seq, 7);
	assert_true(e->at == INT64_C(1763805600500000000));
	assert_string_equal(e->url, "u");
	assert_int_equal(e->found, 12);
	assert_int_equal(e->downloaded, 11);
	assert_int_equal(e->processed, 10);
	assert_int_equal(e->errors, 1);
	assert_true(e->said_bytes == INT64_C(5000000000));
	assert_false(e->success);
	assert_string_equal(e->error, "e");
	assert_true(e->seconds == 1.25);
}

static void what_is_not_told_has_its_default(void **state)
{
	(void)state;
	assert_string_equal(read_easily("{'event':'download','chapter':1.0}"), "");
	const struct chapter_event *e = &line.event;
	assert_string_equal(e->run, "");
	assert_string_equal(e->series, "");
	assert_int_equal(e->attempt, 0);
	assert_int_equal(e->count, 1);
	assert_int_equal(e->bytes, 0);
	assert_int_equal(e->found, -1);
	assert_int_equal(e->said_bytes, -1);
	assert_true(e->success);
	assert_true(e->seconds == -1);
	assert_string_equal(read_easily("{'event':'reset'}"), "");
}

static void one_number_has_one_name(void **state)
{
	static const struct {
		const char *value, *chapter;
	} rows[] = {
		{"1", "1"}, {"1.0", "1"}, {"'1'", "1"}, {"'001'", "1"}, {"'1.50'", "1.5"}, {"10.25", "10.25"},
		{"0", "0"}, {"-0.0", "0"}, {"1e3", "1000"}, {"'Extra 1'", "Extra 1"}, {"'1.2.3'", "1.2.3"}, {"'-1'", "-1"},
		{"1000000", "1000000"}, {"'nan'", "nan"}, {"'0x10'", "0x10"},
	};
	char text[200];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		snprintf(text, sizeof text, "{'event':'start','chapter':%s}", rows[i].value);
		assert_string_equal(read_easily(text), "");
		assert_string_equal(line.event.chapter, rows[i].chapter);
	}
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "no JSON object"},
		{"[]", "no JSON object"},
		{"7", "no JSON object"},
		{"{'event':'start','chapter':1} x", "no JSON object"},
		{"{'event':'start','chapter':1,}", "no JSON object"},
		{"{'event':'start','chapter':1", "no JSON object"},
		{"{'event':'start','chapter':1,'chapter':2}", "duplicate"},
		{"{'event':'start','chapter':1,'url':'\\u0000'}", "no JSON object"},
		{"{'event':'start','chapter':NaN}", "no JSON object"},
		{"{'chapter':1}", "\"event\" is missing"},
		{"{'event':1}", "\"event\" is none of"},
		{"{'event':'stop'}", "\"event\" is none of"},
		{"{'event':'start'}", "\"chapter\" is missing"},
		{"{'event':'start','chapter':1,'pages':3}", "\"pages\" is no key"},
		{"{'event':'start','chapter':1,'bytes':3}", "\"bytes\" has no meaning in start"},
		{"{'event':'update','chapter':1,'success':true}", "\"success\" has no meaning in update"},
		{"{'event':'reset','chapter':1}", "\"chapter\" has no meaning in reset"},
		{"{'event':'start','chapter':-1}", "\"chapter\" must be a number"},
		{"{'event':'start','chapter':1000001}", "\"chapter\" must be a number"},
		{"{'event':'start','chapter':true}", "\"chapter\" must be a number"},
		{"{'event':'start','chapter':''}", "\"chapter\" must have"},
		{"{'event':'start','chapter':[1]}", "\"chapter\" must be"},
		{"{'event':'start','chapter':1,'attempt':0}", "\"attempt\" must be a whole number from 1 to 1000000"},
		{"{'event':'start','chapter':1,'attempt':1.5}", "\"attempt\" must be a whole number"},
		{"{'event':'start','chapter':1,'series':7}", "\"series\" must be a text"},
		{"{'event':'start','chapter':1,'at':1}", "\"at\" must be seconds since 1970"},
		{"{'event':'start','chapter':1,'seq':1}", "\"seq\" counts the lines"},
		{"{'event':'update','chapter':1,'images_found':-1}", "\"images_found\" must be a whole number"},
		{"{'event':'update','chapter':1,'images_found':'9'}", "\"images_found\" must be a whole number"},
		{"{'event':'update','chapter':1,'images_found':true}", "\"images_found\" must be a whole number"},
		{"{'event':'update','chapter':1,'images_found':99999999999999999999}", "too big"},
		{"{'event':'update','chapter':1,'images_found':1e300}", "\"images_found\" must be a whole number"},
		{"{'event':'download','chapter':1,'bytes':1e16}", "\"bytes\" must be a whole number"},
		{"{'event':'download','chapter':1,'count':0}", "\"count\" must be a whole number"},
		{"{'event':'download','chapter':1,'success':1}", "\"success\" must be true or false"},
		{"{'event':'end','chapter':1,'duration_seconds':-1}", "\"duration_seconds\" must be seconds"},
		{"{'event':'end','chapter':1,'error_message':null}", "\"error_message\" must be a text"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *why = read_easily(rows[i].text);
		if (!strstr(why, rows[i].why))
			fail_msg("%s: \"%s\" does not say: %s", rows[i].text, why, rows[i].why);
	}
}

static void what_is_too_long_or_too_deep_is_refused(void **state)
{
	_buf_ struct buf b = BUF_INIT(1 << 20);
	(void)state;
	buf_adds(&b, "{\"event\":\"start\",\"chapter\":1,\"series\":\"");
	for (int i = 0; i < 513; i++)
		buf_addc(&b, 's');
	buf_adds(&b, "\"}");
	assert_non_null(strstr(read_line(buf_str(&b)), "too long"));
	buf_reset(&b);
	buf_adds(&b, "{\"event\":");
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, '[');
	assert_non_null(strstr(read_line(buf_str(&b)), "too deeply"));
	/* brackets in a text nest nothing */
	assert_string_equal(read_easily("{'event':'start','chapter':1,'url':'[[[[[[[[[[[[{{{{{{\\\\\\u0022[[[['}"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys_are_read),
		cmocka_unit_test(what_is_not_told_has_its_default),
		cmocka_unit_test(one_number_has_one_name),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(what_is_too_long_or_too_deep_is_refused),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	chapter_line_clear(&line);
	return r;
}
