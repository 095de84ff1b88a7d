/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers without a marker.  Titles hold numbers too ("20th Century", "Area 51"), so each
 * candidate gets a weight from its place and its width, and the heaviest wins.
 */
#include "indexer/extract/guess_tokens.h"

enum {
	/** In brackets, as Japanese names have it, or glued to a word: better than nothing. */
	WEIGHT_FAINT = 1,
	WEIGHT_LEADING = 2,
	WEIGHT_DASH = 2,
	WEIGHT_TAIL = 3,
	WEIGHT_BETWEEN_DASHES = 4,
	WEIGHT_PADDED = 2,
	/** "Title 05 Subtitle", "Title 5 - Subtitle". */
	WEIGHT_MIDDLE = 1,
	LEAST_RESOLUTION = 300,
	/** No series has so many volumes: these are chapters. */
	LEAST_CHAPTER = 1000,
};

/* The last thing before @i that is neither space nor group, as its index + 1; 0 at the start. */
static size_t before(const struct line *line, size_t from, size_t i)
{
	while (i > from && (line->g[i - 1].key == ' ' || line->g[i - 1].group))
		i--;
	return i > from ? i : 0;
}

static size_t after(const struct line *line, size_t i)
{
	while (i < line->n && (line->g[i].key == ' ' || line->g[i].group))
		i++;
	return i;
}

static bool is_dash_before(const struct line *line, size_t from, size_t i)
{
	size_t at = before(line, from, i);
	return at > 0 && line->g[at - 1].key == '-';
}

/* "- 12 -": a dash that is followed by a letter at once is a word's ("100-nin"). */
static bool is_dash_after(const struct line *line, size_t i)
{
	size_t at = after(line, i);
	return line_key(line, at) == '-' && (at > i || !key_is_letter(line_key(line, at + 1)));
}

/* Two digits or a leading zero are how people number volumes. */
static bool is_wide(const struct number *num)
{
	return num->is_padded || num->digits == 2;
}

/* "Ranma 1-2": a half, as '/' cannot be in a name. */
static bool is_half(const struct number *num)
{
	return num->is_range && num->digits == 1 && num->value == 1 && num->last == 2;
}

/* "tough11": a number at the very end of a word of some length. */
static bool is_glued(const struct line *line, const struct number *num)
{
	size_t letters = 0;
	for (size_t i = num->start; i > 0 && key_is_spaced(line->g[i - 1].key); i--)
		letters++;
	return letters >= 3 && num->digits >= 2 && words_is_tail(line, num->end);
}

/* "12.03.2020", "2019-03": more of a date. */
static bool is_in_date(const struct line *line, const struct number *num)
{
	uint32_t sign = line_key(line, num->start - 1), next = line_key(line, num->end);
	if ((sign == '.' || sign == '-') && key_is_digit(line_key(line, num->start - 2)))
		return true;
	return next == '.' && key_is_digit(line_key(line, num->end + 1));
}

static bool can_be_volume(const struct line *line, size_t from, const struct number *num)
{
	uint32_t next = line_key(line, num->end);
	if (line_key(line, num->start - 1) == '\'' || num->digits > 4 || is_half(num) ||
	    is_in_date(line, num) || number_is_year(num) || num->value > 2035)
		return false;
	/* "05完" */
	bool is_word =
		key_is_letter(next) && (key_is_spaced(next) || !words_is_tail(line, num->end));
	if (is_word || next == '%' || next == '\'' || next == 0xB0)
		return false;
	if (next == '-' && key_is_letter(line_key(line, num->end + 1)) &&
	    !words_is_tail(line, num->end))
		return false;
	/* Right behind the folder's series it is no longer the title's. */
	bool is_first = from > 0 && before(line, from, num->start) == 0;
	return is_first || !words_takes_number(line, num->start, num->is_padded);
}

static int weigh(const struct line *line, size_t from, bool has_folder, const struct number *num)
{
	int extra = num->is_padded ? WEIGHT_PADDED : 0;
	bool is_first = before(line, from, num->start) == 0;
	bool has_dash = is_dash_before(line, from, num->start);
	if (!line_is_boundary(line, num->start))
		return is_glued(line, num) ? WEIGHT_FAINT : 0;
	if (words_is_tail(line, num->end))
		return WEIGHT_TAIL + extra;
	if (is_first) {
		return num->is_padded || has_folder ? WEIGHT_LEADING + extra : 0;
	}
	if (has_dash && is_dash_after(line, num->end))
		return WEIGHT_BETWEEN_DASHES + extra;
	if (has_dash && is_wide(num))
		return WEIGHT_DASH + extra;
	bool is_before_dash = line_key(line, num->end) == ' ' && is_dash_after(line, num->end);
	/* "Title 12: Subtitle", "Title 12. Subtitle" */
	size_t at = line_skip_spaces(line, num->end);
	uint32_t sign = line_key(line, at);
	bool is_before_stop = num->digits == 2 && (sign == ':' || sign == '.' || sign == ',') &&
			      line_key(line, at + 1) == ' ';
	return num->is_padded || is_before_dash || is_before_stop ? WEIGHT_MIDDLE + extra : 0;
}

/* "タイトル (12)": the group holds the number and nothing else. */
static int weigh_group(const struct line *line, const struct number *num)
{
	struct span group = line->groups[line->g[num->start].group - 1];
	if (num->start != group.start + 1 || num->end + 1 != group.end)
		return 0;
	if (num->value >= LEAST_RESOLUTION || (group.start == 0 && !num->is_padded))
		return 0;
	return WEIGHT_FAINT;
}

static const char *rule_of(const struct line *line, const struct number *num)
{
	if (line->g[num->start].group)
		return "bracket";
	if (!line_is_boundary(line, num->start))
		return "glued";
	return before(line, 0, num->start) == 0 ? "leading" : "bare";
}

/* "18+1": the volume and its extra; "12b", "12bis": a part of it. */
static void skip_addition(const struct line *line, struct number *num)
{
	uint32_t key = line_key(line, num->end);
	size_t part = line_match_word(line, num->end, "bis");
	if (!part && (key == 'a' || key == 'b') && line->g[num->end].cp == key)
		part = num->end + 1;
	if (part && num->digits >= 2 && !key_is_spaced(line_key(line, part)) &&
	    !key_is_digit(line_key(line, part)))
		num->end = part;
	struct number extra;
	if (line_key(line, num->end) == '+' && number_read(line, num->end + 1, &extra))
		num->end = extra.end;
}

static bool has_group(const struct line *line, size_t from, const char *word)
{
	for (size_t i = from; i < line->n; i++) {
		size_t group = line->g[i].group;
		if (group && line_match(line, i, word) + 1 == line->groups[group - 1].end)
			return true;
	}
	return false;
}

/* "X 040 (2020) (Digital) (Team)": where volumes are called v05, three digits are a chapter. */
static bool is_digital_chapter(const struct line *line, const struct number *num)
{
	return num->digits == 3 && !line->g[num->start].group && words_is_tail(line, num->end) &&
	       words_year(line) && has_group(line, num->end, "digital");
}

static enum token_type type_of(const struct line *line, const struct number *num)
{
	bool is_large = num->value >= LEAST_CHAPTER && !num->is_padded;
	return is_large || is_digital_chapter(line, num) ? TOKEN_CHAPTER : TOKEN_VOLUME;
}

bool bare_find(const struct line *line, size_t from, bool has_folder, struct token *token)
{
	int best = 0;
	struct number num;
	for (size_t i = from; i < line->n; i++) {
		if (line->g[i].is_used || !number_read_range(line, i, &num))
			continue;
		skip_addition(line, &num);
		if (can_be_volume(line, from, &num)) {
			int weight = line->g[i].group ? weigh_group(line, &num)
						      : weigh(line, from, has_folder, &num);
			if (weight > 0 && weight >= best) {
				best = weight;
				*token = (struct token){
					.type = type_of(line, &num),
					.start = num.start,
					.end = num.end,
					.group = line->g[i].group,
					.has_number = true,
					.num = num,
					.rule = rule_of(line, &num),
				};
			}
		}
		i = num.end - 1;
	}
	return best > 0;
}
