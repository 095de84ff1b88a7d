/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows for a terminal: nothing is lost, nothing is wider than the line, no escape sequence but our own. */
#include "fs/screen.h"

#include "common/render.h"
#include "common/text.h"
#include "tests/unit/unit.h"

static const char *const phrases[] = {
	"a", "rescan /music/a folder", "\033[2J\033]0;title\007", "\xff\xfe bytes", "\u65e5\u672c\u8a9e\u306e\u30d5\u30a9\u30eb\u30c0",
	"e\u0301\u0302", "right\u202eto left", "", "a word of very many letters and none of them a space",
	"x\ny\tz", "\u200b", "\xe6\x97",
};

static void fill(struct screen *s)
{
	screen_row(s, "library");
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		screen_phrase(s, (enum ink)(i % INK_COUNT), phrases[i], strlen(phrases[i]));
	screen_gap(s);
	screen_row(s, "a label that is long");
	screen_bar(s, INK_busy, 0.43);
	screen_row(s, "");
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		screen_words(s, INK_plain, phrases[i], strlen(phrases[i]));
	screen_end(s);
}

/** What is left of @line without our colours, into @plain. */
static void without_colours(const char *line, size_t n, struct buf *plain)
{
	for (size_t i = 0; i < n; i++) {
		if (line[i] == '\033') {
			assert_int_equal(line[++i], '[');
			i += strspn(line + i + 1, "0123456789;") + 1;
			assert_int_equal(line[i], 'm');
		} else {
			buf_addc(plain, line[i]);
		}
	}
}

static void check_line(const char *line, size_t n, unsigned columns)
{
	_buf_ struct buf plain = BUF_INIT(1 << 20);
	without_colours(line, n, &plain);
	assert_true(text_is_utf8(buf_str(&plain), plain.len));
	assert_true(text_width(buf_str(&plain), plain.len) <= columns);
	for (size_t i = 0; i < plain.len;) {
		uint32_t cp;
		i += text_decode(plain.data + i, plain.len - i, &cp);
		assert_false(text_is_control(cp));
	}
}

static void test_no_line_is_wider_than_the_terminal(void **state)
{
	(void)state;
	for (unsigned columns = SCREEN_NARROWEST; columns < 200; columns++)
		for (int look = 0; look < 4; look++) {
			struct screen s;
			screen_init(&s, (struct screen_look){columns, look & 1, look & 2});
			fill(&s);
			assert_int_equal(buf_error(&s.out), 0);
			const char *at = buf_str(&s.out);
			for (const char *end; (end = strchr(at, '\n')); at = end + 1)
				check_line(at, (size_t)(end - at), columns);
			assert_int_equal(*at, '\0');
			screen_clear(&s);
		}
}

/** Breaks and indents aside, a narrow screen shows what a wide one does. */
static void test_a_narrow_screen_loses_nothing(void **state)
{
	(void)state;
	char *first = NULL;
	for (unsigned columns = SCREEN_NARROWEST; columns < 120; columns += 7) {
		struct screen s;
		screen_init(&s, (struct screen_look){.columns = columns});
		screen_row(&s, "row");
		for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
			screen_phrase(&s, INK_bad, phrases[i], strlen(phrases[i]));
		screen_end(&s);
		char *text = calloc(1, s.out.len + 1), *to = text;
		for (const char *c = buf_str(&s.out); *c; c++)
			if (*c != ' ' && *c != '\n')
				*to++ = *c;
		if (first)
			assert_string_equal(text, first);
		free(first);
		first = text;
		screen_clear(&s);
	}
	free(first);
}

static void test_spaces_within_a_line_are_kept(void **state)
{
	(void)state;
	static const char text[] = "a  b c   d ";
	struct screen s;
	screen_init(&s, (struct screen_look){.columns = 40});
	screen_row(&s, "");
	screen_words(&s, INK_plain, text, sizeof text - 1);
	screen_words(&s, INK_plain, " e", 2);
	screen_phrase(&s, INK_plain, "f", 1);
	screen_end(&s);
	assert_string_equal(buf_str(&s.out), "            a  b c   d  e f\n");
	screen_clear(&s);
	/* not where the line ends, nor wider than it is */
	screen_init(&s, (struct screen_look){.columns = SCREEN_NARROWEST});
	screen_row(&s, "");
	screen_words(&s, INK_plain, "twelve        twelve", 20);
	screen_end(&s);
	assert_string_equal(buf_str(&s.out), "      twelve\n      twelve\n");
	screen_clear(&s);
}

static void test_plain_output_has_no_escape_sequence(void **state)
{
	(void)state;
	struct screen s;
	screen_init(&s, (struct screen_look){0});
	fill(&s);
	assert_null(strchr(buf_str(&s.out), '\033'));
	assert_null(strchr(buf_str(&s.out), '\007'));
	screen_clear(&s);
	screen_init(&s, (struct screen_look){.has_colour = true});
	screen_phrase(&s, INK_bad, "x", 1);
	assert_string_equal(buf_str(&s.out), "\033[1;31mx\033[0m");
	screen_clear(&s);
}

static void test_a_bar_is_as_full_as_it_says(void **state)
{
	(void)state;
	static const struct {
		double ratio;
		const char *bar;
	} rows[] = {
		{0, "            [----------]   0 %"}, {0.5, "            [#####-----]  50 %"},
		{0.999, "            [#########-]  99 %"}, {1, "            [##########] 100 %"},
		{7, "            [##########] 100 %"}, {-1, "            [----------]   0 %"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct screen s;
		screen_init(&s, (struct screen_look){.columns = 40});
		screen_row(&s, "");
		/* ten cells are left for it */
		s.look.columns = 30;
		screen_bar(&s, INK_busy, rows[i].ratio);
		assert_string_equal(buf_str(&s.out), rows[i].bar);
		screen_clear(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_line_is_wider_than_the_terminal),
		cmocka_unit_test(test_a_narrow_screen_loses_nothing),
		cmocka_unit_test(test_spaces_within_a_line_are_kept),
		cmocka_unit_test(test_plain_output_has_no_escape_sequence),
		cmocka_unit_test(test_a_bar_is_as_full_as_it_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
