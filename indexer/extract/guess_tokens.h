/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Private to guess*.c: a name as folded characters, and the marked numbers found in it.
 *
 *   guess_line.c    bytes -> characters with a key for comparison, bracket groups, text back out
 *   guess_number.c  numbers, ranges, Roman, kanji
 *   guess_tokens.c  the tables of markers ("Tome", "ch", "巻"...), and the scan for them
 *   guess_words.c   languages, editions, articles, folders that name nothing
 *   guess_bare.c    numbers without a marker
 *   guess_choose.c  which of them are the volume and the chapter
 *   guess.c         folders, series, title, and the answer
 */
#ifndef INDEXER_EXTRACT_GUESS_TOKENS_H
#define INDEXER_EXTRACT_GUESS_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Characters looked at; a file name has at most 255 bytes, a search result seldom more. */
	LINE_MAX_GLYPHS = 640,
	LINE_MAX_GROUPS = 32,
	LINE_MAX_TOKENS = 48,
	GLYPH_MARKS = 2,
};

struct glyph {
	uint32_t cp;
	/** For comparison: lower case, no accent, no width; every separator is ' '. */
	uint32_t key;
	/** Combining marks that have no composed form here, kept for output. */
	uint32_t marks[GLYPH_MARKS];
	/** 0, or 1 + index of the bracket group that holds it (brackets included). */
	uint8_t group;
	/** Part of a token. */
	bool is_used;
};

struct span {
	size_t start, end;
};

struct line {
	struct glyph g[LINE_MAX_GLYPHS];
	size_t n;
	struct span groups[LINE_MAX_GROUPS];
	size_t group_count;
};

struct number {
	size_t start, end;
	double value, last;
	bool is_range;
	/** Digits of the first number's whole part. */
	unsigned digits;
	/** Written with a leading zero ("05", "00"). */
	bool is_padded;
};

enum token_type {
	TOKEN_NONE = 0,
	TOKEN_VOLUME,
	TOKEN_CHAPTER,
	/** "Episode 3": a chapter, unless something says better. */
	TOKEN_EPISODE,
	/** "#3", "n°3": a volume, or the chapter of a volume that is told besides. */
	TOKEN_ISSUE,
	/** "3 tomes": how many. */
	TOKEN_COUNT,
	TOKEN_PACK,
	TOKEN_SPECIAL,
	TOKEN_ONESHOT,
	/** "2021年" */
	TOKEN_YEAR,
	/** "Part 2", "Season 1", "pg. 8", a release's "v2": a number that is none of ours. */
	TOKEN_OTHER,
	/** "Vol.TBD": ends the series, tells nothing. */
	TOKEN_CUT,
};

struct token {
	enum token_type type;
	size_t start, end;
	uint8_t group;
	bool has_number;
	/** A single letter ("v2"), which may be a release's version. */
	bool is_letter;
	/** A word that means something only at the end or with a number ("Special", "Pack"). */
	bool is_weak;
	struct number num;
	const char *rule;
};

/* guess_line.c */

void line_read(struct line *line, const char *s, size_t n);
bool key_is_digit(uint32_t key);
bool key_is_letter(uint32_t key);
/** A letter of a script that puts spaces between words. */
bool key_is_spaced(uint32_t key);
/** The key at @i, ' ' outside the line. */
uint32_t line_key(const struct line *line, size_t i);
size_t line_skip_spaces(const struct line *line, size_t i);
/** Where @text (already folded; ' ' is any run of spaces, '-' and '\'') ends; 0 when absent. */
size_t line_match(const struct line *line, size_t i, const char *text);
/** As line_match(), but the word must end there; a digit may follow. */
size_t line_match_word(const struct line *line, size_t i, const char *text);
/** True when a word may start at @i. */
bool line_is_boundary(const struct line *line, size_t i);
/** The characters of @span outside the groups (all of them if @with_groups) as tidy UTF-8. */
void line_text(const struct line *line, struct span span, bool with_groups, char *out, size_t max);
/** The span without the spaces and the loose punctuation at its ends. */
struct span line_trim(const struct line *line, struct span span);

/* guess_number.c */

bool number_read(const struct line *line, size_t i, struct number *num);
/** "01", "01-03", "1 à 3", "1-2-3", "1, 2 & 3". */
bool number_read_range(const struct line *line, size_t i, struct number *num);
bool number_read_roman(const struct line *line, size_t i, struct number *num);
bool number_read_word(const struct line *line, size_t i, struct number *num);
bool number_read_kanji(const struct line *line, size_t i, struct number *num);
bool number_is_year(const struct number *num);
/** True when the text of @span joins two numbers @a < @b into a range. */
bool number_is_joint(const struct line *line, struct span span, double a, double b);

/* guess_tokens.c */

size_t tokens_find(struct line *line, size_t from, struct token *tokens);

/* guess_words.c */

/** ISO 639-1 of the words in brackets, and of those after @tail; "" when none. */
const char *words_language(const struct line *line, size_t tail);
/** The year that a bracket group tells, or 0. */
int words_year(const struct line *line);
/** The span without trailing editions, languages and so on. */
struct span words_trim_tail(const struct line *line, struct span span);
/** True when nothing but groups, tags and years follows @i. */
bool words_is_tail(const struct line *line, size_t i);
/** End of the word at @i when it is a tag ("FR", "Digital"), else 0. */
size_t words_match_tag(const struct line *line, size_t i);
/** Behind "Manga - " in front of a title at @i; @i when there is none. */
size_t words_skip_shelf(const struct line *line, size_t i);
/** True for the contents of a group that is an article: "(Les)". */
bool words_is_article(const struct line *line, struct span span);
/** Puts the article of "Title, Le" in front. */
void words_unscramble(char *text, size_t max);
/** True when the word before @i keeps its number in the title: "Level 1", "Area 51". */
bool words_takes_number(const struct line *line, size_t i, bool is_padded);

enum folder_class {
	FOLDER_NAMED = 0,
	FOLDER_GENERIC,
	FOLDER_SPECIAL,
	FOLDER_ONESHOT,
};

/** What a folder called @span is, when that is no series. */
enum folder_class words_folder_class(const struct line *line, struct span span);

/* guess_bare.c */

/**
 * The number without a marker that most looks like a volume.  @has_folder: the series is known
 * from elsewhere, so that a number in front can be a volume.
 */
bool bare_find(const struct line *line, size_t from, bool has_folder, struct token *token);

/* guess_choose.c */

/* One name under way; the tokens that were chosen point into @tokens. */
struct reading {
	struct line line;
	/** Where the name's own text starts, behind the folder's series. */
	size_t from;
	struct token tokens[LINE_MAX_TOKENS];
	size_t token_count;
	struct token bare;
	const struct token *volume, *chapter, *special, *pack, *oneshot;
	/** "Episode 3 - … #1": ends the series, tells no number. */
	const struct token *cut;
	bool has_folder;
};

/** Finds the tokens and chooses among those with a marker: enough for a folder. */
void choose_marked(struct reading *r);
/** The same, and a number without a marker when there is no other. */
void choose_tokens(struct reading *r);

#endif
