/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a name means, from the marked numbers in it:
 *
 *  1. the folders, from the nearest, until one names a series; its name in front of the file's
 *     own is passed over, so that the numbers of a title are never taken for a volume;
 *  2. the markers ("Tome 3", "第3巻") choose the volume and the chapter;
 *  3. without any, the number that stands where volumes stand (guess_bare.c);
 *  4. the series is what comes before, the title what comes behind.
 *
 * Weakness that is accepted: without a marker and without a folder, the number at the end of a
 * title is a volume ("Area 51" is known by its word, "Apollo 13" is not).
 */
#include "indexer/extract/guess.h"

#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "indexer/extract/guess_tokens.h"

enum {
	MAX_FOLDERS = 16,
	/** The longest text looked at in one part of a path. */
	MAX_PART = 4096,
};

static const char *const suffixes[] = {
	".cbz", ".cbr",  ".cb7",  ".cbt",  ".cba",  ".zip", ".rar",  ".7z",
	".tar", ".pdf",  ".epub", ".mobi", ".azw3", ".azw", ".djvu", ".fb2",
	".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tar.lz4", ".tar.lzma",
	".jpg", ".jpeg", ".png",  ".webp", ".avif", ".xml",
};

static size_t drop_suffix(const char *s, size_t n)
{
	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		size_t len = strlen(suffixes[i]);
		if (n > len && strncasecmp(s + n - len, suffixes[i], len) == 0)
			return n - len;
	}
	return n;
}

const char *guess_kind_name(enum guess_kind kind)
{
	static const char *const names[] = {
		[GUESS_UNKNOWN] = "unknown", [GUESS_VOLUME] = "volume",
		[GUESS_RANGE] = "range",     [GUESS_CHAPTER] = "chapter",
		[GUESS_SPECIAL] = "special", [GUESS_ONESHOT] = "oneshot",
		[GUESS_PACK] = "range",
	};
	return (size_t)kind < COUNT_OF(names) ? names[kind] : "unknown";
}

static bool is_text(const struct line *line, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++) {
		const struct glyph *g = &line->g[i];
		if (!g->group && (key_is_letter(g->key) || key_is_digit(g->key)))
			return true;
	}
	return false;
}

/* Where the text in front of a token ends: "X (v01)", "X - L'intégrale". */
static size_t token_start(const struct reading *r, const struct token *t)
{
	size_t start = t->group ? r->line.groups[t->group - 1].start : t->start;
	if (t == r->pack && start >= 2 && line_match(&r->line, start - 2, "l'") == start)
		start -= 2;
	return start;
}

/* The start of what was chosen; a pack's word in front ("Intégrale X") is no end. */
static size_t series_end(const struct reading *r)
{
	const struct token *chosen[] = {r->volume,  r->chapter, r->cut,
					r->special, r->pack,    r->oneshot};
	size_t end = r->line.n;
	for (size_t i = 0; i < COUNT_OF(chosen); i++) {
		const struct token *t = chosen[i];
		if (!t)
			continue;
		size_t start = token_start(r, t);
		bool is_word = t == r->pack || t == r->special || t == r->oneshot;
		bool is_front = !is_text(&r->line, 0, start);
		if (start < end && !((is_word || t->group) && is_front))
			end = start;
	}
	return end;
}

/* "Coffret X T01-T03" */
static size_t series_start(const struct reading *r)
{
	bool is_front = r->pack && !r->pack->group && r->pack != r->volume &&
			!is_text(&r->line, 0, token_start(r, r->pack));
	return is_front ? r->pack->end : 0;
}

static size_t chosen_end(const struct reading *r)
{
	const struct token *pack = series_start(r) ? NULL : r->pack;
	const struct token *chosen[] = {r->volume, r->chapter, r->special, pack};
	size_t end = 0;
	for (size_t i = 0; i < COUNT_OF(chosen); i++) {
		if (chosen[i] && !chosen[i]->group && chosen[i]->end > end)
			end = chosen[i]->end;
	}
	return end;
}

/* "(Les)" between the title and the number goes in front of the title. */
static void put_article(const struct reading *r, size_t end, char *series)
{
	for (size_t i = 0; i < r->line.group_count; i++) {
		struct span group = r->line.groups[i];
		struct span in = {group.start + 1, group.end - 1};
		if (group.start == 0 || group.end > end || in.start >= in.end ||
		    !words_is_article(&r->line, in))
			continue;
		char text[GUESS_SERIES_MAX] = "";
		size_t used = strlen(series);
		line_text(&r->line, in, true, text, sizeof text);
		if (used + 2 + strlen(text) >= GUESS_SERIES_MAX)
			return;
		memcpy(series + used, ", ", 2);
		memcpy(series + used + 2, text, strlen(text) + 1);
		return;
	}
}

static void write_series(const struct reading *r, struct span span, char *series)
{
	span = words_trim_tail(&r->line, span);
	size_t start = words_skip_shelf(&r->line, line_trim(&r->line, span).start);
	if (start < span.end)
		span.start = start > span.start ? start : span.start;
	line_text(&r->line, span, false, series, GUESS_SERIES_MAX);
	if (*series)
		put_article(r, r->line.n, series);
	words_unscramble(series, GUESS_SERIES_MAX);
}

/* "[Oshi no Ko] T03": a title in brackets, when there is no other. */
static void write_bracketed(const struct reading *r, size_t end, char *series)
{
	for (size_t i = 0; i < r->line.group_count; i++) {
		struct span group = r->line.groups[i];
		struct span in = {group.start + 1, group.end - 1};
		bool is_square = r->line.g[group.start].key == '[';
		if (group.end > end || !is_square || r->line.g[in.start].is_used)
			continue;
		if (words_folder_class(&r->line, in) != FOLDER_NAMED ||
		    words_match_tag(&r->line, in.start))
			continue;
		line_text(&r->line, group, true, series, GUESS_SERIES_MAX);
		return;
	}
}

/* Behind the number until the next token or the tags. */
static struct span title_span(const struct reading *r, size_t start)
{
	size_t end = start;
	while (end < r->line.n && !r->line.g[end].is_used && r->line.g[end].key != '@') {
		bool is_word =
			key_is_letter(line_key(&r->line, end)) && line_is_boundary(&r->line, end);
		if (is_word && words_is_tail(&r->line, end))
			break;
		end++;
	}
	struct span span = line_trim(&r->line, (struct span){start, end});
	while (span.start < span.end && r->line.g[span.start].group) {
		span.start++;
		span = line_trim(&r->line, span);
	}
	return span;
}

static void write_texts(const struct reading *r, struct guess *out)
{
	size_t end = series_end(r);
	size_t behind = chosen_end(r);
	write_series(r, (struct span){series_start(r), end}, out->series);
	if (behind) {
		struct span title = title_span(r, behind);
		if (r->special && !r->special->group && title.end > r->special->end)
			title.start = r->special->start;
		else if (r->special && !r->special->group)
			title = (struct span){r->special->start, r->special->end};
		line_text(&r->line, title, false, out->title, sizeof out->title);
	}
	if (*out->series)
		return;
	write_bracketed(r, end, out->series);
	if (*out->series || r->chapter || r->has_folder || !*out->title || !behind)
		return;
	/* "Tome 3 - Title", "05 Title" */
	write_series(r, title_span(r, behind), out->series);
	out->title[0] = '\0';
}

static void write_numbers(const struct reading *r, struct guess *out)
{
	if (r->volume) {
		out->has_volume = true;
		out->volume = r->volume->num.value;
		out->has_volume_end = r->volume->num.is_range;
		out->volume_end = r->volume->num.last;
		out->explicit_volume = r->volume != &r->bare;
	}
	if (r->chapter) {
		out->has_chapter = true;
		out->chapter = r->chapter->num.value;
		out->has_chapter_end = r->chapter->num.is_range;
		out->chapter_end = r->chapter->num.last;
		out->explicit_chapter = r->chapter != &r->bare;
	}
	if (!out->has_volume_end)
		out->volume_end = 0;
	if (!out->has_chapter_end)
		out->chapter_end = 0;
}

static enum guess_kind kind_of(const struct reading *r, const struct guess *out)
{
	if (out->has_volume_end)
		return GUESS_RANGE;
	if (r->special)
		return GUESS_SPECIAL;
	if (r->volume && r->volume == r->pack)
		return GUESS_PACK;
	if (out->has_chapter && !(out->has_volume && out->has_chapter_end))
		return GUESS_CHAPTER;
	if (out->has_volume)
		return GUESS_VOLUME;
	if (r->pack)
		return GUESS_PACK;
	return r->oneshot ? GUESS_ONESHOT : GUESS_UNKNOWN;
}

static const char *rule_of(const struct reading *r, const struct guess *out)
{
	const struct token *by_kind[] = {
		[GUESS_VOLUME] = r->volume,   [GUESS_RANGE] = r->volume,
		[GUESS_CHAPTER] = r->chapter, [GUESS_SPECIAL] = r->special,
		[GUESS_ONESHOT] = r->oneshot, [GUESS_PACK] = r->pack,
	};
	const struct token *t = out->kind < COUNT_OF(by_kind) ? by_kind[out->kind] : NULL;
	/* "Intégrale" is all there is, "Intégrale 2" and "Coffret" are not */
	if (out->kind == GUESS_PACK && t && !t->has_number && strcmp(t->rule, "integrale") == 0)
		return "complete";
	return t ? t->rule : "none";
}

static int year_of(const struct reading *r)
{
	int year = words_year(&r->line);
	for (size_t i = 0; i < r->token_count && !year; i++) {
		if (r->tokens[i].type == TOKEN_YEAR)
			year = (int)r->tokens[i].num.value;
	}
	for (size_t i = chosen_end(r); i > 0 && i < r->line.n && !year; i++) {
		struct number num;
		if (!r->line.g[i].group && line_is_boundary(&r->line, i) &&
		    number_read(&r->line, i, &num) && number_is_year(&num) &&
		    words_is_tail(&r->line, i))
			year = (int)num.value;
	}
	return year;
}

/* Where @series ends at the front of the name, 0 when it is not there.  Punctuation and spaces
 * differ between a folder and its files, letters and digits do not. */
static size_t skip_series(const struct line *line, const struct line *series)
{
	size_t i = 0, k = 0;
	for (;;) {
		while (k < series->n && !key_is_letter(series->g[k].key) &&
		       !key_is_digit(series->g[k].key))
			k++;
		if (k >= series->n)
			break;
		while (i < line->n && (line->g[i].group || (!key_is_letter(line->g[i].key) &&
							    !key_is_digit(line->g[i].key))))
			i++;
		if (i >= line->n || line->g[i].key != series->g[k].key)
			return 0;
		i++;
		k++;
	}
	bool is_cut = i > 0 &&
		      ((key_is_spaced(line_key(line, i - 1)) && key_is_spaced(line_key(line, i))) ||
		       (key_is_digit(line_key(line, i - 1)) && key_is_digit(line_key(line, i))));
	return is_cut ? 0 : i;
}

static void read_part(const char *s, size_t n, const char *folder, struct guess *out)
{
	struct reading r = {.has_folder = folder && *folder};
	line_read(&r.line, s, n < MAX_PART ? n : MAX_PART);
	if (r.has_folder) {
		struct line series;
		line_read(&series, folder, strlen(folder));
		r.from = skip_series(&r.line, &series);
	}
	choose_tokens(&r);
	write_numbers(&r, out);
	write_texts(&r, out);
	out->kind = kind_of(&r, out);
	out->rule = rule_of(&r, out);
	out->year = year_of(&r);
	const char *code = words_language(&r.line, chosen_end(&r));
	memcpy(out->language, code, strlen(code) + 1);
}

/* "C:", and "A" where series are sorted by letter. */
static bool is_shelf(const struct line *line)
{
	if (line->n == 2)
		return line->g[1].key == ':';
	return line->n < 2 && (line->n == 0 || key_is_spaced(line->g[0].key));
}

/* "Season 2", "Part 1" and nothing else. */
static bool is_all_tokens(const struct reading *r, struct span span)
{
	for (size_t i = span.start; i < span.end; i++) {
		const struct glyph *g = &r->line.g[i];
		if (!g->is_used && !g->group && (key_is_letter(g->key) || key_is_digit(g->key)))
			return false;
	}
	return r->token_count > 0;
}

static enum folder_class read_folder(const char *s, size_t n, char *series, struct guess *own)
{
	series[0] = '\0';
	struct reading r = {.has_folder = true};
	line_read(&r.line, s, n < MAX_PART ? n : MAX_PART);
	if (is_shelf(&r.line))
		return FOLDER_GENERIC;
	choose_marked(&r);
	/* "X 01-72": a range is no title, a single number may be. */
	if (!r.volume && !r.chapter && bare_find(&r.line, 0, false, &r.bare) && r.bare.num.is_range)
		r.volume = &r.bare;
	write_numbers(&r, own);
	const char *code = words_language(&r.line, 0);
	memcpy(own->language, code, strlen(code) + 1);
	struct span span = words_trim_tail(&r.line, (struct span){0, series_end(&r)});
	if (!is_text(&r.line, span.start, span.end)) {
		write_bracketed(&r, r.line.n, series);
		/* "!!!" */
		if (!*series && r.token_count == 0)
			line_text(&r.line, span, false, series, GUESS_SERIES_MAX);
		return r.special ? FOLDER_SPECIAL : FOLDER_GENERIC;
	}
	if (is_all_tokens(&r, span))
		return FOLDER_GENERIC;
	enum folder_class class = words_folder_class(&r.line, span);
	if (class == FOLDER_NAMED)
		write_series(&r, span, series);
	return class;
}

void guess_folder(const char *folder, size_t n, char series[static GUESS_SERIES_MAX])
{
	struct guess own = {0};
	read_folder(folder, n, series, &own);
}

/* The parts of a path, the last first. */
static size_t split_path(const char *name, size_t n, struct span parts[static MAX_FOLDERS])
{
	size_t count = 0;
	size_t end = n;
	while (end > 0 && count < MAX_FOLDERS) {
		size_t start = end;
		while (start > 0 && name[start - 1] != '/' && name[start - 1] != '\\')
			start--;
		if (start < end)
			parts[count++] = (struct span){start, end};
		end = start > 0 ? start - 1 : 0;
	}
	return count;
}

/* What only the folders tell: "Vol 3/Chapter 12", "Specials/Story", "FR/Story 03". */
static void inherit(const struct guess *above, enum folder_class nearest, struct guess *out)
{
	if (!*out->language)
		memcpy(out->language, above->language, sizeof out->language);
	/* "Vol 3/012" */
	bool is_bare = out->has_volume && !out->explicit_volume && !out->has_volume_end;
	if (above->has_volume && is_bare && out->volume != above->volume) {
		out->has_chapter = true;
		out->chapter = out->volume;
		out->has_volume = false;
		out->kind = GUESS_CHAPTER;
	}
	if (out->has_chapter && !out->has_volume && above->has_volume) {
		out->has_volume = out->explicit_volume = true;
		out->volume = above->volume;
	}
	if (nearest == FOLDER_ONESHOT && out->kind == GUESS_UNKNOWN)
		out->kind = GUESS_ONESHOT;
	if (nearest != FOLDER_SPECIAL || out->explicit_volume || out->explicit_chapter)
		return;
	out->kind = GUESS_SPECIAL;
	out->rule = "special";
	out->has_volume = out->has_volume_end = false;
	out->volume = out->volume_end = 0;
}

void guess_name(const char *name, size_t n, struct guess *out)
{
	*out = (struct guess){.rule = "none"};
	struct span parts[MAX_FOLDERS];
	size_t count = split_path(name, n, parts);
	if (count == 0)
		return;
	char series[GUESS_SERIES_MAX] = "";
	struct guess above = {0};
	enum folder_class nearest = FOLDER_NAMED;
	for (size_t i = 1; i < count && !*series; i++) {
		struct guess own = {0};
		enum folder_class class = read_folder(name + parts[i].start,
						      parts[i].end - parts[i].start, series, &own);
		if (i == 1)
			nearest = class;
		if (!*series && own.explicit_volume && !own.has_volume_end && !above.has_volume)
			above = own;
		if (!*above.language)
			memcpy(above.language, own.language, sizeof above.language);
	}
	size_t len = parts[0].end - parts[0].start;
	read_part(name + parts[0].start, drop_suffix(name + parts[0].start, len), series, out);
	if (*series)
		memcpy(out->series, series, sizeof series);
	/* "X/T03" */
	const char *shelf = count > 1 ? name + parts[1].start : "";
	char letter = count > 1 && parts[1].end == parts[1].start + 1 ? (char)(*shelf | 0x20) : 0;
	if (!*out->series && letter >= 'a' && letter <= 'z')
		out->series[0] = *shelf;
	inherit(&above, nearest, out);
}
