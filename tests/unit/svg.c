/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The writer of plots: round numbers and times, what is drawn of many values, texts. */
#include "tests/unit/unit.h"

#include <float.h>
#include <math.h>

#include "common/clock.h"
#include "common/text.h"
#include "fs/svg.h"
#include "fs/svg_marks.h"

#define DAY (86400 * NS_PER_S)
/** 2026-11-21T10:00:00Z */
#define NOON (INT64_C(1795255200) * NS_PER_S)

static void ticks_are(const struct svg_scale *s, const char *expected)
{
	_buf_ struct buf all = BUF_INIT(4096);
	for (size_t i = 0; i < s->count; i++)
		buf_addf(&all, "%s%s", i ? " | " : "", s->tick[i].text);
	assert_string_equal(buf_str(&all), expected);
}

static void test_ticks(void **state)
{
	static const struct {
		double low, high;
		enum svg_unit unit;
		const char *ticks;
	} rows[] = {
		{0, 97, SVG_COUNT, "0 | 20 | 40 | 60 | 80 | 100"},
		{0, 2, SVG_COUNT, "0 | 1 | 2"},
		{0, 0, SVG_COUNT, "0 | 1"},
		{0, 1234567, SVG_COUNT, "0 | 0.5 M | 1.0 M | 1.5 M"},
		{90000, 91200, SVG_COUNT, "90.0 k | 90.5 k | 91.0 k | 91.5 k"},
		{7, 7, SVG_COUNT, "6 | 7 | 8"},
		{-3, 4, SVG_COUNT, "-4 | -2 | 0 | 2 | 4"},
		{0, 0.7, SVG_NUMBER, "0 | 0.2 | 0.4 | 0.6 | 0.8"},
		{0, 3e-7, SVG_NUMBER, "0 | 1e-07 | 2e-07 | 3e-07"},
		{0, 4e22, SVG_NUMBER, "0 | 10000 E | 20000 E | 30000 E | 40000 E"},
		{0, 0.017, SVG_SECONDS, "0 | 5 ms | 10 ms | 15 ms | 20 ms"},
		{0, 3600, SVG_SECONDS, "0 | 20 min | 40 min | 60 min"},
		{0, 700000, SVG_SECONDS, "0 | 2 d | 4 d | 6 d | 8 d | 10 d"},
		{0, 3 << 20, SVG_BYTES, "0 | 1 MiB | 2 MiB | 3 MiB"},
		{0, 1, SVG_RATIO, "0 % | 20 % | 40 % | 60 % | 80 % | 100 %"},
		{0.99999, 1, SVG_RATIO, "99.0 % | 99.2 % | 99.4 % | 99.6 % | 99.8 % | 100.0 %"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct svg_scale s;
		svg_scale_linear(&s, rows[i].low, rows[i].high, rows[i].unit, 5);
		ticks_are(&s, rows[i].ticks);
		assert_true(s.low <= rows[i].low && s.high >= rows[i].high);
	}
	struct svg_scale s;
	svg_scale_log(&s, 30, 90000, SVG_NUMBER, 5);
	ticks_are(&s, "10 | 100 | 1 k | 10 k | 100 k");
	svg_scale_log(&s, 1, 1e12, SVG_NUMBER, 5);
	ticks_are(&s, "1 | 1 k | 1 M | 1 G | 1 T");
}

/** Any two numbers have a scale whose ticks grow and lie within it. */
static void test_any_scale(void **state)
{
	static const double values[] = {0, 1, -1, 0.1, 3, 1e-300, 1e300, -1e300, 4.2e17, 1e-9, DBL_MIN, -DBL_MIN, 5e-324,
					1e15, 1e15 + 1, 0.30000000000000004, 0.3, 1023, 1024, 86399};
	enum { N = sizeof values / sizeof *values };
	(void)state;
	for (size_t i = 0; i < N * N * 5; i++) {
		double a = values[i % N], b = values[i / N % N];
		struct svg_scale s;
		svg_scale_linear(&s, fmin(a, b), fmax(a, b), (enum svg_unit)(i / N / N), 5);
		if (!(isfinite(s.low) && isfinite(s.high) && s.low < s.high))
			fail_msg("from %g to %g of unit %zu: %g to %g", fmin(a, b), fmax(a, b), i / N / N, s.low, s.high);
		assert_true(s.count >= 2 && s.count <= SVG_TICKS_MOST);
		for (size_t t = 1; t < s.count; t++)
			assert_true(s.tick[t].value > s.tick[t - 1].value);
		for (size_t t = 0; t < s.count; t++)
			assert_true(text_is_utf8(s.tick[t].text, strlen(s.tick[t].text)));
		assert_true(svg_scale_place(&s, a) >= 0 && svg_scale_place(&s, a) <= 1);
		if (a > 1e-290 && b > a) {
			svg_scale_log(&s, a, b, SVG_NUMBER, 5);
			assert_true(s.count >= 1 && s.low <= a * (1 + 1e-9) && s.high >= b * (1 - 1e-9));
			assert_true(svg_scale_place(&s, b) <= 1);
		}
	}
	assert_false(svg_is_value(NAN) || svg_is_value(INFINITY) || svg_is_value(-DBL_MAX));
}

static void times_are(int64_t low, int64_t high, const char *expected)
{
	struct svg_tick tick[SVG_TICKS_MOST];
	_buf_ struct buf all = BUF_INIT(4096);
	size_t n = svg_time_ticks(low, high, 6, tick);
	for (size_t i = 0; i < n; i++)
		buf_addf(&all, "%s%s", i ? " | " : "", tick[i].text);
	assert_string_equal(buf_str(&all), expected);
}

static void test_times(void **state)
{
	(void)state;
	times_are(NOON, NOON + 90 * NS_PER_S, "10:00:00 | 10:00:15 | 10:00:30 | 10:00:45 | 10:01:00 | 10:01:15 | 10:01:30");
	times_are(NOON, NOON + DAY, "12:00 | 18:00 | 22 Nov | 06:00");
	times_are(NOON, NOON + 3 * DAY, "22 Nov | 23 Nov | 24 Nov");
	/* Mondays */
	times_are(NOON, NOON + 30 * DAY, "23 Nov | 30 Nov | 7 Dec | 14 Dec | 21 Dec");
	times_are(NOON, NOON + 365 * DAY, "1 Jan | 1 Apr | 1 Jul | 1 Oct");
	times_are(NOON, NOON + 3 * 365 * DAY, "Jan 2027 | Jan 2028 | Jan 2029");
	times_are(0, NOON, "Jan 1970 | Jan 1980 | Jan 1990 | Jan 2000 | Jan 2010 | Jan 2020");
	times_are(INT64_MAX - DAY, INT64_MAX, "11 Apr | 06:00 | 12:00 | 18:00");
	times_are(NOON, NOON, "10:00:00");
}

/* --- charts --- */

enum { MANY = 10000 };

struct chart {
	struct svg_chart c;
	struct svg_panel panel;
	struct svg_series series[SVG_SERIES_MOST];
	int64_t x[MANY];
	double y[SVG_SERIES_MOST][MANY];
	struct buf out;
};

static struct chart *chart_of(size_t n, size_t series, enum svg_kind kind)
{
	struct chart *t = calloc(1, sizeof *t);
	assert_non_null(t);
	for (size_t s = 0; s < series; s++) {
		t->series[s] = (struct svg_series){"s", t->y[s], (int)s};
		for (size_t i = 0; i < n; i++)
			t->y[s][i] = 10 + (double)s + 5 * sin((double)i);
	}
	for (size_t i = 0; i < n; i++)
		t->x[i] = NOON + (int64_t)i * 60 * NS_PER_S;
	t->panel = (struct svg_panel){.label = "things", .kind = kind, .series = t->series, .count = series};
	t->c = (struct svg_chart){.name = "t", .title = "T", .note = "n", .desc = "d", .empty = "none", .x_label = "time (UTC)",
				  .x = t->x, .n = n, .gap_ns = 3600 * NS_PER_S, .panel = &t->panel, .panels = 1};
	t->out = BUF_INIT(1 << 20);
	return t;
}

static const char *draw(struct chart *t)
{
	buf_reset(&t->out);
	svg_chart(&t->out, &t->c, false);
	assert_int_equal(buf_error(&t->out), 0);
	assert_true(text_is_utf8(t->out.data, t->out.len));
	assert_null(strstr(t->out.data, "nan"));
	assert_null(strstr(t->out.data, "inf"));
	return t->out.data;
}

static void done(struct chart *t)
{
	buf_clear(&t->out);
	free(t);
}

/** The d attribute of the first line of colour 0; the caller frees it. */
static char *line_of(const char *svg)
{
	const char *line = strstr(svg, "<path class=\"s0\" fill=\"none\"");
	assert_non_null(line);
	const char *d = strstr(line, " d=\"") + 4;
	return strndup(d, strcspn(d, "\""));
}

static size_t count_of(const char *text, char c)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == c;
	return n;
}

static void test_gaps(void **state)
{
	struct chart *t = chart_of(20, 1, SVG_LINE);
	(void)state;
	char *d = line_of(draw(t));
	assert_int_equal(count_of(d, 'M'), 1);
	assert_int_equal(count_of(d, 'L'), 19);
	free(d);
	/* not known; and nothing for hours */
	t->y[0][5] = NAN;
	t->y[0][6] = INFINITY;
	for (size_t i = 12; i < 20; i++)
		t->x[i] += 2 * 3600 * NS_PER_S;
	d = line_of(draw(t));
	assert_int_equal(count_of(d, 'M'), 3);
	assert_int_equal(count_of(d, 'L'), 15);
	free(d);
	/* markers are joined */
	t->panel.kind = SVG_DOTS;
	d = line_of(draw(t));
	assert_int_equal(count_of(d, 'M'), 1);
	free(d);
	done(t);
}

/** One 0 among values that lie far apart: the rest still has powers of ten. */
static void test_zero_among_powers(void **state)
{
	struct chart *t = chart_of(4, 1, SVG_DOTS);
	(void)state;
	t->panel.may_be_log = true;
	t->panel.unit = SVG_NUMBER;
	memcpy(t->y[0], (double[]){30, 90000, 0, 500}, 4 * sizeof(double));
	const char *svg = draw(t);
	assert_non_null(strstr(svg, ">100 k</text>"));
	assert_non_null(strstr(svg, ">100</text>"));
	assert_null(strstr(svg, ">0</text>"));
	/* at the foot, where the axis is */
	double foot = 0, lowest = 0;
	char *d = line_of(svg);
	for (char *p = d; *p;) {
		strtod(p + 1, &p);
		lowest = fmax(lowest, strtod(p, &p));
	}
	const char *axis = strstr(strstr(svg, "<path class=\"a\""), "d=\"M");
	sscanf(axis, "d=\"M%*f %lf", &foot);
	assert_true(foot > 0 && fabs(lowest - foot) < 0.2);
	free(d);
	/* nothing is below 0 by powers of ten */
	t->y[0][2] = -1;
	assert_null(strstr(draw(t), ">100</text>"));
	done(t);
}

/** Of many values a peak and a hole of one value are still there. */
static void test_thinning(void **state)
{
	struct chart *t = chart_of(MANY, 1, SVG_LINE);
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		t->y[0][i] = 50;
	t->y[0][3333] = 100;
	t->y[0][7777] = 0;
	char *d = line_of(draw(t));
	/* 196 units high from y 100 on: the ends of the scale */
	double least = 1e9, greatest = -1e9;
	size_t points = 0;
	for (char *p = d; *p; points++) {
		strtod(p + 1, &p);
		double y = strtod(p, &p);
		least = fmin(least, y);
		greatest = fmax(greatest, y);
	}
	assert_true(greatest - least > 195.9 && greatest - least < 196.1);
	assert_true(points > 300 && points < 1200);
	free(d);
	done(t);
}

static void test_sizes(void **state)
{
	(void)state;
	for (int kind = SVG_LINE; kind <= SVG_BARS; kind++)
		for (int even = 0; even < 2; even++) {
			struct chart *t = chart_of(MANY, SVG_SERIES_MOST, (enum svg_kind)kind);
			for (size_t i = 0; i < MANY; i += 7)
				t->y[i % 5][i] = i % 3 ? NAN : 1e300;
			t->c.is_even = even || kind == SVG_BARS;
			draw(t);
			if (t->out.len > 60 << 10)
				fail_msg("%zu bytes of kind %d", t->out.len, kind);
			done(t);
		}
}

static void test_few(void **state)
{
	(void)state;
	for (int kind = SVG_LINE; kind <= SVG_BARS; kind++)
		for (size_t n = 0; n < 4; n++) {
			struct chart *t = chart_of(n, 2, (enum svg_kind)kind);
			t->c.is_even = kind == SVG_BARS;
			const char *svg = draw(t);
			assert_true(!strstr(svg, ">none</text>") == (n > 0));
			for (size_t i = 0; i < n; i++)
				t->y[0][i] = t->y[1][i] = NAN;
			assert_non_null(strstr(draw(t), ">none</text>"));
			done(t);
		}
}

/** A value alone between gaps is a marker, since no line shows it. */
static void test_alone(void **state)
{
	struct chart *t = chart_of(201, 1, SVG_LINE);
	(void)state;
	for (size_t i = 0; i < 201; i++)
		if (i % 50 == 1)
			t->y[0][i] = 7;
		else if (i % 50 < 3)
			t->y[0][i] = NAN;
	const char *svg = draw(t);
	const char *markers = strstr(svg, "<path class=\"f0\"");
	assert_non_null(markers);
	char *d = strndup(markers, strcspn(markers, ">"));
	assert_int_equal(count_of(d, 'M'), 4);
	free(d);
	done(t);
}

static void test_texts(void **state)
{
	struct chart *t = chart_of(3, 2, SVG_LINE);
	(void)state;
	t->c.title = "<script>\"&'\x01\x1b[31m\xff\xe2\x80\xae\xef\xbf\xbf </text>";
	t->c.note = t->c.desc = t->c.x_label = t->panel.label = t->series[0].name = t->c.title;
	t->series[1].name = "a name that is far too long for any legend whatever anybody may say of it, and goes on and on";
	const char *svg = draw(t);
	assert_null(strstr(svg, "<script"));
	assert_null(strchr(svg, '\x1b'));
	assert_null(strstr(svg, "\xe2\x80\xae"));
	assert_null(strstr(svg, "\xef\xbf\xbf"));
	assert_non_null(strstr(svg, "&#60;script&#62;&#34;&#38;&#39;"));
	assert_non_null(strstr(svg, "…</text>"));
	done(t);
}

/** The same data make the same bytes, embedded or not but for the size. */
static void test_same(void **state)
{
	struct chart *t = chart_of(500, 3, SVG_AREA);
	_buf_ struct buf embedded = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	(void)state;
	draw(t);
	svg_chart(&again, &t->c, false);
	svg_chart(&embedded, &t->c, true);
	assert_string_equal(buf_str(&again), buf_str(&t->out));
	assert_non_null(strstr(again.data, " width=\"520\" height="));
	assert_null(strstr(embedded.data, " width=\"520\" height="));
	done(t);
}

static void test_values(void **state)
{
	static const struct {
		double v;
		enum svg_unit unit;
		const char *text;
	} rows[] = {
		{12345, SVG_COUNT, "12,345"}, {7, SVG_COUNT, "7"}, {-1234, SVG_COUNT, "-1,234"}, {1234567, SVG_COUNT, "1.23 M"},
		{90312.7, SVG_NUMBER, "90.3 k"}, {0.5, SVG_NUMBER, "0.50"}, {0, SVG_NUMBER, "0"}, {NAN, SVG_NUMBER, "–"},
		{0.0123, SVG_SECONDS, "12.3 ms"}, {90, SVG_SECONDS, "90 s"}, {7200, SVG_SECONDS, "120 min"},
		{1536, SVG_BYTES, "1.50 KiB"}, {0.9999, SVG_RATIO, "100 %"}, {0.123, SVG_RATIO, "12.3 %"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[SVG_TICK_CHARS];
		svg_value_text(rows[i].v, rows[i].unit, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticks), cmocka_unit_test(test_any_scale), cmocka_unit_test(test_times),
		cmocka_unit_test(test_gaps),  cmocka_unit_test(test_thinning),  cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_few),   cmocka_unit_test(test_alone),     cmocka_unit_test(test_texts),
		cmocka_unit_test(test_same),  cmocka_unit_test(test_values),    cmocka_unit_test(test_zero_among_powers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
