/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers as people write them in names. */
#include "indexer/extract/guess_tokens.h"

#include "common/cleanup.h"

enum {
	MAX_DIGITS = 5,
	MAX_FRACTION = 3,
	FIRST_YEAR = 1900,
	LAST_YEAR = 2035,
};

static size_t read_digits(const struct line *line, size_t i, double *value)
{
	size_t n = 0;
	*value = 0;
	for (; key_is_digit(line_key(line, i + n)); n++) {
		if (n < MAX_DIGITS)
			*value = *value * 10 + (line_key(line, i + n) - '0');
	}
	return n;
}

/* ".5", ",5"; not the ".03" of a date, nor the ",2,3" of a list. */
static size_t read_fraction(const struct line *line, size_t i, double *value)
{
	uint32_t sign = line_key(line, i);
	if (sign != '.' && sign != ',')
		return 0;
	double digits = 0;
	size_t n = read_digits(line, i + 1, &digits);
	if (n == 0 || n > (sign == '.' ? MAX_FRACTION : 1))
		return 0;
	size_t after = i + 1 + n;
	if (line_key(line, after) == sign && key_is_digit(line_key(line, after + 1)))
		return 0;
	for (size_t k = 0; k < n; k++)
		digits /= 10;
	*value += digits;
	return 1 + n;
}

/* ① to ⑳ */
static bool read_circled(const struct line *line, size_t i, struct number *num)
{
	uint32_t key = line_key(line, i);
	if (key < 0x2460 || key > 0x2473)
		return false;
	double value = key - 0x2460 + 1;
	*num = (struct number){i, i + 1, value, value, false, 1, false};
	return true;
}

bool number_read(const struct line *line, size_t i, struct number *num)
{
	double value = 0;
	if (read_circled(line, i, num))
		return true;
	size_t n = read_digits(line, i, &value);
	if (n == 0 || n > MAX_DIGITS)
		return false;
	bool is_padded = n > 1 && line_key(line, i) == '0';
	unsigned digits = (unsigned)n;
	n += read_fraction(line, i + n, &value);
	*num = (struct number){
		.start = i,
		.end = i + n,
		.value = value,
		.last = value,
		.digits = digits,
		.is_padded = is_padded,
	};
	return true;
}

bool number_is_year(const struct number *num)
{
	return num->digits == 4 && num->value >= FIRST_YEAR && num->value <= LAST_YEAR;
}

/* What joins two numbers.  A list ("1 & 2") is a range only when they follow each other. */
static const struct joint {
	const char *text;
	bool is_list;
	bool needs_space;
} joints[] = {
	{"->", false, false},  {">", false, false},      {"-", false, false}, {"..", false, false},
	{"→", false, false},   {"~", false, false},      {"a", false, true},  {"au", false, true},
	{"to", false, true},   {"bis", false, true},     {"al", false, true}, {"ate", false, true},
	{"thru", false, true}, {"through", false, true}, {"до", false, true}, {"по", false, true},
	{"&", true, false},    {"+", true, false},       {",", true, false},  {"et", true, true},
	{"and", true, true},   {"und", true, true},      {"y", true, true},   {"e", true, true},
	{"и", true, true},
};

static bool is_follower(const struct joint *joint, double a, double b)
{
	return joint->is_list ? b == a + 1 : b > a;
}

bool number_is_joint(const struct line *line, struct span span, double a, double b)
{
	size_t i = line_skip_spaces(line, span.start);
	for (size_t k = 0; k < COUNT_OF(joints); k++) {
		size_t end = line_match(line, i, joints[k].text);
		if (!end || end > span.end || line_skip_spaces(line, end) < span.end)
			continue;
		return is_follower(&joints[k], a, b);
	}
	return false;
}

/* "T05 - 20 ans": across a spaced hyphen only a number of the same width that ends the name. */
static bool is_spaced_range(const struct line *line, const struct number *a, const struct number *b)
{
	bool is_wide = a->digits >= 2 && a->digits == b->digits;
	return (is_wide || a->value == 1) && words_is_tail(line, b->end);
}

static bool is_range_end(const struct line *line, const struct number *a, const struct number *b,
			 const struct joint *joint, bool has_space)
{
	if (!is_follower(joint, a->last, b->value) || key_is_spaced(line_key(line, b->end)))
		return line_key(line, b->end) == 'x' && b->value > a->last;
	if (number_is_year(b) && !number_is_year(a))
		return false;
	if (line_match(line, a->end, "-in-"))
		return false;
	if (has_space && line_match(line, line_skip_spaces(line, a->end), "-"))
		return is_spaced_range(line, a, b);
	return true;
}

/* One more part of a range after @num; false when there is none. */
static bool extend(const struct line *line, struct number *num)
{
	size_t i = line_skip_spaces(line, num->end);
	bool has_space = i > num->end;
	for (size_t k = 0; k < COUNT_OF(joints); k++) {
		size_t end = line_match(line, i, joints[k].text);
		if (!end)
			continue;
		size_t next = line_skip_spaces(line, end);
		if (joints[k].needs_space && !(has_space && next > end))
			continue;
		struct number more;
		bool is_spaced = has_space || next > end;
		/* "Ranma 1-2 - 03" */
		bool is_apart = is_spaced && num->is_range && line_match(line, i, "-");
		if (is_apart || !number_read(line, next, &more) ||
		    !is_range_end(line, num, &more, &joints[k], is_spaced))
			continue;
		num->last = more.value;
		num->end = more.end;
		num->is_range = true;
		return true;
	}
	return false;
}

bool number_read_range(const struct line *line, size_t i, struct number *num)
{
	if (!number_read(line, i, num))
		return false;
	while (extend(line, num))
		;
	return true;
}

bool number_read_roman(const struct line *line, size_t i, struct number *num)
{
	static const struct {
		char letter;
		int value;
	} letters[] = {{'I', 1}, {'V', 5}, {'X', 10}};
	int total = 0, last = 0;
	size_t n = 0;
	for (; n < 6 && i + n < line->n; n++) {
		int value = 0;
		for (size_t k = 0; k < COUNT_OF(letters); k++) {
			if (line->g[i + n].cp == (uint32_t)letters[k].letter)
				value = letters[k].value;
		}
		if (!value)
			break;
		total += value > last ? value - 2 * last : value;
		last = value;
	}
	if (n == 0 || total <= 0 || key_is_letter(line_key(line, i + n)) ||
	    key_is_digit(line_key(line, i + n)))
		return false;
	*num = (struct number){i, i + n, total, total, false, 1, false};
	return true;
}

bool number_read_word(const struct line *line, size_t i, struct number *num)
{
	static const char *const words[] = {"one", "two",   "three", "four", "five",
					    "six", "seven", "eight", "nine", "ten"};
	for (size_t k = 0; k < COUNT_OF(words); k++) {
		size_t end = line_match_word(line, i, words[k]);
		if (!end)
			continue;
		double value = (double)(k + 1);
		*num = (struct number){i, end, value, value, false, 1, false};
		return true;
	}
	return false;
}

/* 〇 to 九, else -1. */
static int kanji_digit(uint32_t cp)
{
	static const uint32_t digits[] = {0x3007, 0x4E00, 0x4E8C, 0x4E09, 0x56DB,
					  0x4E94, 0x516D, 0x4E03, 0x516B, 0x4E5D};
	for (size_t i = 0; i < COUNT_OF(digits); i++) {
		if (digits[i] == cp)
			return (int)i;
	}
	return -1;
}

/* 二十三, 百五 and 二三: up to 999. */
bool number_read_kanji(const struct line *line, size_t i, struct number *num)
{
	int total = 0, pending = 0;
	size_t n = 0;
	for (; n < 6; n++) {
		uint32_t key = line_key(line, i + n);
		int unit = key == 0x5341 ? 10 : key == 0x767E ? 100 : 0;
		int digit = kanji_digit(key);
		if (unit) {
			total += (pending ? pending : 1) * unit;
			pending = 0;
		} else if (digit >= 0) {
			pending = pending * 10 + digit;
		} else {
			break;
		}
	}
	total += pending;
	if (n == 0 || total > 999)
		return false;
	*num = (struct number){i, i + n, total, total, false, 1, false};
	return true;
}
