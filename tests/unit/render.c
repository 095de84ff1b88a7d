/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <math.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/text.h"

#define S(text) text, sizeof(text) - 1

static void json_is_written_as_a_stream(void **state)
{
	struct json j;
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	json_init(&j, &out, 0);
	json_object(&j);
	json_kv_text(&j, "a", "x\"y\\z\n");
	json_kv_int(&j, "b", INT64_MIN);
	json_kv_real(&j, "c", 41.5, 3);
	json_kv_real(&j, "d", 7.0, 3);
	json_kv_real(&j, "e", NAN, 3);
	json_key(&j, "f");
	json_array(&j);
	json_bool(&j, true);
	json_null(&j);
	json_end_array(&j);
	json_kv_time(&j, "g", INT64_C(1795255200) * 1000000000);
	json_end_object(&j);
	assert_string_equal(buf_str(&out),
			    "{\"a\": \"x\\\"y\\\\z\\n\", \"b\": -9223372036854775808, \"c\": 41.5, "
			    "\"d\": 7, \"e\": null, \"f\": [true, null], "
			    "\"g\": \"2026-11-21T10:00:00Z\"}");
}

static void a_path_keeps_its_bytes(void **state)
{
	struct json j;
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	json_init(&j, &out, 0);
	json_object(&j);
	json_kv_path(&j, "path", S("a\xff" "b"));
	json_kv_path(&j, "good", S("é"));
	json_end_object(&j);
	assert_string_equal(buf_str(&out), "{\"path\": \"a\xef\xbf\xbd" "b\", \"path_bytes\": \"Yf9i\", "
					   "\"good\": \"é\"}");
}

/** As printf() writes it, without zeros at the end. */
static void check_real(double v, int digits)
{
	char text[400];
	_buf_ struct buf out = BUF_INIT(8192);
	int n = v == floor(v) && fabs(v) < 1e15 ? snprintf(text, sizeof text, "%.0f", v + 0.0)
						: snprintf(text, sizeof text, "%.*f", digits, v);
	if (memchr(text, '.', (size_t)n)) {
		while (text[n - 1] == '0')
			n--;
		n -= text[n - 1] == '.';
	}
	text[n] = '\0';
	real_text(v, digits, &out);
	if (strcmp(buf_str(&out), text) != 0)
		fail_msg("%.17g with %d digits: \"%s\", not \"%s\"", v, digits, buf_str(&out), text);
}

static void numbers_are_rounded_as_by_printf(void **state)
{
	static const double odd[] = {0, -0.5, 0.5, 1.5, 2.5, 0.05, 0.25, 0.125, 0.0005, -0.0004, -0.04, 1e11 + 0.5, 1e12 + 0.5,
				     1e15, 1e16, 1e22, 0.1, 0.3, 1.005, 2.675, 1e-9, -1e-9, 0.999999, 9.9999995, 999999.5};
	uint64_t seed = 7;
	(void)state;
	for (int digits = 0; digits <= 8; digits++)
		for (size_t i = 0; i < COUNT_OF(odd); i++)
			check_real(odd[i], digits);
	for (int i = 0; i < 300000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		int digits = (int)(seed >> 60) % 8;
		double v = (double)(int64_t)(seed >> 20) / (double)(UINT64_C(1) << (seed >> 40 & 63));
		check_real(seed & (1 << 20) ? -v : v, digits);
		/* ties, and what lies beside them */
		check_real((double)(int)(seed >> 44 & 0xffff) / 16 + (double)(int)(seed >> 33 & 3) * 1e-4, digits);
	}
}

static void text_for_people_holds_no_control_character(void **state)
{
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	text_escape(S("a\x1b[31m\n\xe2\x80\xae\xff" "é"), &out);
	assert_string_equal(buf_str(&out), "a\\x1b[31m\\x0a\\xe2\\x80\\xae\\xffé");
}

static void csv_runs_in_no_spreadsheet(void **state)
{
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	csv_text(&out, S("=cmd()"));
	buf_addc(&out, '|');
	csv_text(&out, S("a,\"b\""));
	buf_addc(&out, '|');
	csv_text(&out, S("plain"));
	buf_addc(&out, '|');
	csv_text(&out, S("-1"));
	assert_string_equal(buf_str(&out), "\"'=cmd()\"|\"a,\"\"b\"\"\"|plain|\"'-1\"");
}

static void random_bytes_make_valid_output(void **state)
{
	uint32_t seed = 4711;
	(void)state;
	for (int round = 0; round < 10000; round++) {
		char in[48];
		struct json j;
		_buf_ struct buf json = BUF_INIT(8192), text = BUF_INIT(8192), csv = BUF_INIT(8192);
		for (size_t i = 0; i < sizeof in; i++) {
			seed = seed * 1664525 + 1013904223;
			in[i] = (char)(seed >> 24);
		}
		json_init(&j, &json, 0);
		json_text(&j, in, sizeof in);
		text_escape(in, sizeof in, &text);
		csv_text(&csv, in, sizeof in);
		assert_true(text_is_utf8(json.data, json.len));
		assert_true(text_is_utf8(text.data, text.len));
		assert_true(text_is_utf8(csv.data, csv.len));
		for (size_t i = 0; i < json.len; i++)
			assert_true((uint8_t)json.data[i] >= 0x20 && json.data[i] != 0x7f);
		for (size_t i = 0; i < text.len; i++)
			assert_true((uint8_t)text.data[i] >= 0x20 && text.data[i] != 0x7f);
	}
}

static void columns_are_aligned_by_cells(void **state)
{
	struct table t;
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	table_init(&t, 2);
	table_cells(&t, "name");
	table_cells(&t, "n");
	table_cells(&t, "東京");
	table_cells(&t, "1");
	table_cells(&t, "a\nb");
	table_cells(&t, "2");
	table_write(&t, &out);
	table_clear(&t);
	assert_string_equal(buf_str(&out), "# name    n\n  東京    1\n  a\\x0ab  2\n");
}

static void rows_end_behind_their_last_text(void **state)
{
	struct table t;
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	table_init(&t, 3);
	table_cells(&t, "a");
	table_cells(&t, "number");
	table_cells(&t, "c");
	table_cells(&t, "");
	table_cell_int(&t, INT64_MIN);
	table_cells(&t, "");
	table_cells(&t, "x");
	table_cell_int(&t, 0);
	table_cells(&t, "");
	table_cells(&t, "");
	table_cells(&t, "");
	table_cells(&t, "");
	table_write(&t, &out);
	table_clear(&t);
	assert_string_equal(buf_str(&out), "# a  number                c\n"
					   "     -9223372036854775808\n"
					   "  x  0\n"
					   "  \n");
}

static void a_table_that_is_too_large_is_an_error(void **state)
{
	struct table t;
	_buf_ struct buf out = BUF_INIT(8192);
	(void)state;
	table_init(&t, 2);
	t.cells.max = 100;
	for (int i = 0; i < 20; i++)
		table_cells(&t, i % 3 ? "plain" : "é");
	table_write(&t, &out);
	table_clear(&t);
	assert_int_equal(buf_error(&out), -7);
}

/** Each byte at each place of a text, against the rule said in one line. */
static void every_byte_at_every_place(void **state)
{
	(void)state;
	for (size_t n = 1; n < 20; n++)
		for (size_t i = 0; i < n; i++)
			for (int c = 0; c < 0x100; c++) {
				char in[20], unit[8];
				struct json j;
				_buf_ struct buf json = BUF_INIT(200), text = BUF_INIT(200), want = BUF_INIT(200);
				bool plain = c >= 0x20 && c < 0x7f;
				memset(in, 'a', sizeof in);
				in[i] = (char)c;
				json_init(&j, &json, 0);
				json_text(&j, in, n);
				text_escape(in, n, &text);
				snprintf(unit, sizeof unit, plain ? "%c" : "\\x%02x", c);
				buf_addf(&want, "%.*s%s%.*s", (int)i, in, unit, (int)(n - i - 1), in + i + 1);
				assert_string_equal(buf_str(&text), buf_str(&want));
				bool same = json.len == n + 2 && memcmp(json.data + 1, in, n) == 0;
				assert_int_equal(same, plain && c != '"' && c != '\\');
			}
}

static void times_are_those_of_the_calendar(void **state)
{
	uint64_t seed = 4711;
	(void)state;
	for (int round = 0; round < 200000; round++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		/* the first of them: both ends of time, and around 1970 */
		int64_t near = (round >> 2) - 2, ns = (int64_t)seed;
		if (round < 16)
			ns = round & 1 ? near : round & 2 ? INT64_MIN + 2 + near : INT64_MAX - 2 + near;
		time_t seconds = (time_t)(ns / 1000000000 - (ns % 1000000000 < 0));
		int ms = (int)((ns % 1000000000 + 1000000000) % 1000000000 / 1000000);
		char want[64];
		struct tm tm;
		_buf_ struct buf out = BUF_INIT(64);
		size_t n = strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
		snprintf(want + n, sizeof want - n, ms ? ".%03dZ" : "Z", ms);
		time_rfc3339(ns, &out);
		assert_string_equal(buf_str(&out), want);
	}
}

static void a_buffer_has_a_limit(void **state)
{
	_buf_ struct buf out = BUF_INIT(8);
	(void)state;
	assert_int_equal(buf_adds(&out, "12345678"), 0);
	assert_int_equal(buf_addc(&out, '9'), -7);
	assert_int_equal(buf_error(&out), -7);
	assert_int_equal(out.len, 8);
	assert_null(buf_take(&out));
}

static void people_read_sizes_and_times(void **state)
{
	_buf_ struct buf out = BUF_INIT(256);
	(void)state;
	human_bytes(1536, &out);
	buf_addc(&out, ' ');
	human_duration(125, &out);
	buf_addc(&out, ' ');
	human_duration(7500, &out);
	assert_string_equal(buf_str(&out), "1.5 KiB 2 m 5 s 2 h 5 m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_written_as_a_stream),
		cmocka_unit_test(a_path_keeps_its_bytes),
		cmocka_unit_test(numbers_are_rounded_as_by_printf),
		cmocka_unit_test(text_for_people_holds_no_control_character),
		cmocka_unit_test(csv_runs_in_no_spreadsheet),
		cmocka_unit_test(random_bytes_make_valid_output),
		cmocka_unit_test(columns_are_aligned_by_cells),
		cmocka_unit_test(rows_end_behind_their_last_text),
		cmocka_unit_test(a_table_that_is_too_large_is_an_error),
		cmocka_unit_test(every_byte_at_every_place),
		cmocka_unit_test(times_are_those_of_the_calendar),
		cmocka_unit_test(a_buffer_has_a_limit),
		cmocka_unit_test(people_read_sizes_and_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
