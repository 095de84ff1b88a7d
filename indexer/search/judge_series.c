/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a release is of the series: by equality of keys, never by resemblance. */
#include "indexer/search/judge_private.h"

#include <stdio.h>

#include "common/cleanup.h"
#include "common/text.h"

static const char *const articles[] = {"le", "la", "les", "l", "un", "une", "the", "a", "an"};

static size_t article_length(const char *s, size_t n)
{
	for (size_t i = 0; i < COUNT_OF(articles); i++) {
		size_t len = strlen(articles[i]);
		if (n >= len && memcmp(s, articles[i], len) == 0 && (n == len || s[len] == ' '))
			return len;
	}
	return 0;
}

static bool is_article(const char *s, size_t n)
{
	_buf_ struct buf word = BUF_INIT(64);
	if (n == 0 || n > 8 || text_fold_title(s, n, &word))
		return false;
	return word.len && article_length(buf_str(&word), word.len) == word.len;
}

/* "Title (Les)", "Title [L']", "Title, Le": bytes without the article behind. */
static size_t drop_trailing_article(const char *s, size_t n)
{
	while (n && s[n - 1] == ' ')
		n--;
	if (!n)
		return n;
	char last = s[n - 1];
	char open = last == ')' ? '(' : last == ']' ? '[' : ',';
	size_t end = open == ',' ? n : n - 1;
	for (size_t i = end; i > 1; i--) {
		if (s[i - 1] == open)
			return is_article(s + i, end - i) ? i - 1 : n;
	}
	return n;
}

void judge_key(const char *title, size_t n, struct buf *key)
{
	_buf_ struct buf folded = BUF_INIT(KEY_MAX * 4);
	n = drop_trailing_article(title, text_cut(title, n, TITLE_MAX));
	if (text_fold_title(title, n, &folded))
		return;
	const char *s = buf_str(&folded);
	size_t article = article_length(s, folded.len);
	/* "The" alone is a title. */
	size_t skip = article && article < folded.len ? article + 1 : 0;
	buf_add(key, s + skip, folded.len - skip);
}

static void key_of(const char *title, struct buf *key)
{
	buf_reset(key);
	judge_key(title, strlen(title), key);
}

void series_name(const char *title, struct buf *name)
{
	size_t n = text_cut(title, strlen(title), TITLE_MAX);
	for (size_t i = 0; i < n; i++) {
		if (title[i] == '/' || title[i] == '\\')
			text_append(name, 0x2215);
		else
			buf_addc(name, title[i]);
	}
}

static void series_key(const char *title, struct buf *key)
{
	_buf_ struct buf name = BUF_INIT(KEY_MAX * 2);
	struct guess g;
	series_name(title, &name);
	guess_name(buf_str(&name), name.len, &g);
	judge_key(g.series, strlen(g.series), key);
}

void judge_keys(const struct release *r, struct buf *by_title, struct buf *by_context)
{
	series_key(r->title, by_title);
	series_key(r->context, by_context);
}

static const char *title_at(const struct look *l, size_t i)
{
	return i == 0 ? l->series->title : l->series->aliases[i - 1];
}

static bool equals(const struct buf *a, const struct buf *b)
{
	return a->len && a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* True when every word of @key is in the name: "perfect edition" of a title that has it. */
static bool has_all_words(const struct look *l, const char *key)
{
	for (const char *s = key; *s;) {
		size_t n = strcspn(s, " ");
		_buf_ struct buf word = BUF_INIT(KEY_MAX);
		buf_addf(&word, " %.*s ", (int)n, s);
		if (!strstr(buf_str(&l->words), buf_str(&word)))
			return false;
		s += n + (s[n] == ' ');
	}
	return true;
}

/* The title as the parser would read it, which drops editions, equals @key; and what it dropped
 * is told by the name too. */
static bool equals_as_read(const struct look *l, const char *title, const struct buf *key)
{
	_buf_ struct buf read = BUF_INIT(KEY_MAX), whole = BUF_INIT(KEY_MAX),
			 name = BUF_INIT(KEY_MAX);
	char series[GUESS_SERIES_MAX];
	series_name(title, &name);
	guess_folder(buf_str(&name), name.len, series);
	key_of(series, &read);
	key_of(title, &whole);
	return equals(&read, key) && has_all_words(l, buf_str(&whole));
}

static bool is_known(const struct look *l, const struct buf *key)
{
	_buf_ struct buf known = BUF_INIT(KEY_MAX);
	if (!key->len)
		return false;
	for (size_t i = 0; i <= l->series->alias_count; i++) {
		key_of(title_at(l, i), &known);
		if (equals(&known, key))
			return true;
	}
	for (size_t i = 0; i <= l->series->alias_count; i++) {
		if (equals_as_read(l, title_at(l, i), key))
			return true;
	}
	return false;
}

static bool starts_with(const struct buf *key, const struct buf *start)
{
	return start->len && key->len > start->len && key->data[start->len] == ' ' &&
	       memcmp(key->data, start->data, start->len) == 0;
}

/* "[Team] Title" without the team. */
static const char *skip_groups(const char *s)
{
	for (;;) {
		s += strspn(s, " _-");
		const char *close = *s == '[' ? strchr(s, ']') : *s == '(' ? strchr(s, ')') : NULL;
		if (!close)
			return s;
		s = close + 1;
	}
}

/* What follows the words of @known in @name; NULL when it does not begin with them. */
static const char *behind_title(const char *name, const struct buf *known)
{
	_buf_ struct buf start = BUF_INIT(KEY_MAX);
	size_t max = known->len * 4 + 16, n = strlen(name);
	const char *rest = NULL;
	for (size_t i = 1; i <= n && i <= max; i++) {
		if (i < n && ((unsigned char)name[i] & 0xC0) == 0x80)
			continue;
		buf_reset(&start);
		judge_key(name, i, &start);
		if (equals(&start, known))
			rest = name + i;
		else if (rest)
			break;
	}
	return rest;
}

/*
 * "Mob Psycho 100", "Eyeshield 21 - 27": the number of the title was taken for a volume, or the
 * volume for one of the title's.  When nothing that could be of a title stands behind the title,
 * it is told as a folder would tell it.
 */
static bool reread(struct look *l)
{
	_buf_ struct buf known = BUF_INIT(KEY_MAX), words = BUF_INIT(KEY_MAX * 4);
	const char *name = skip_groups(l->release->title);
	judge_key(name, strlen(name), &words);
	for (size_t i = 0; i <= l->series->alias_count; i++) {
		key_of(title_at(l, i), &known);
		if (!known.len || (!equals(&words, &known) && !starts_with(&words, &known)))
			continue;
		_buf_ struct buf key = BUF_INIT(KEY_MAX), path = BUF_INIT(KEY_MAX * 4);
		const char *rest = behind_title(name, &known);
		if (rest)
			series_key(rest, &key);
		if (!rest || key.len)
			continue;
		series_name(title_at(l, i), &path);
		buf_addc(&path, '/');
		series_name(name, &path);
		guess_name(buf_str(&path), path.len, &l->name);
		return true;
	}
	return false;
}

/* "Наруто / Naruto": how many of the titles are known, and how many there are. */
static size_t count_alternatives(const struct look *l, size_t *total)
{
	static const char *const signs[] = {" \xe2\x88\x95 ", " | "};
	size_t known = 0;
	*total = 0;
	for (const char *s = l->name.series; *s;) {
		const char *end = s + strlen(s), *next = end;
		for (size_t i = 0; i < COUNT_OF(signs); i++) {
			const char *at = strstr(s, signs[i]);
			if (!at || at >= end)
				continue;
			end = at;
			next = at + strlen(signs[i]);
		}
		_buf_ struct buf key = BUF_INIT(KEY_MAX);
		judge_key(s, (size_t)(end - s), &key);
		known += is_known(l, &key);
		++*total;
		s = next;
	}
	return known;
}

/* What is not the title may still be the series; anything else is another one. */
static const char *resemblance(const struct look *l, const struct buf *key)
{
	_buf_ struct buf known = BUF_INIT(KEY_MAX);
	for (size_t i = 0; i <= l->series->alias_count; i++) {
		key_of(title_at(l, i), &known);
		if (!known.len)
			continue;
		if (known.len >= 5 && key->len >= 5 && known.len <= 64 && key->len <= 64 &&
		    text_distance(buf_str(&known), buf_str(key)) <= 1)
			return "which is nearly, but not exactly, its title";
		const char *more = starts_with(key, &known) ? key->data + known.len : "";
		if (strstr(more, " edition") || strstr(more, " ed "))
			return "which may be another edition";
		/* "Author - Title" */
		const char *dash = strstr(l->name.series, " - ");
		_buf_ struct buf last = BUF_INIT(KEY_MAX);
		if (dash)
			key_of(dash + 3, &last);
		if (equals(&last, &known))
			return "which holds its title, but more too";
	}
	return NULL;
}

/* A part of a title for a reason: short, and safe to show. */
static void quote(const char *s, struct buf *out)
{
	text_clean(s, strlen(s), 60, out);
}

static void check_other(struct look *l, const struct buf *key, bool is_context)
{
	size_t total = 0, known = count_alternatives(l, &total);
	_buf_ struct buf text = BUF_INIT(256);
	quote(l->name.series, &text);
	const char *why = resemblance(l, key);
	if (total > 1 && known == total)
		return;
	if (total > 1 && known)
		look_doubt(l, "it has several titles, of which not all are known: \"%s\"",
			   buf_str(&text));
	else if (is_context)
		look_doubt(l, "its name says \"%s\"; only where it was posted tells this series",
			   buf_str(&text));
	else if (why)
		look_doubt(l, "its name says \"%s\", %s", buf_str(&text), why);
	else
		look_reject(l, "it is of another series: \"%s\"", buf_str(&text));
}

void check_series(struct look *l)
{
	_buf_ struct buf key = BUF_INIT(KEY_MAX), context = BUF_INIT(KEY_MAX), text = BUF_INIT(256);
	key_of(l->name.series, &key);
	if (is_known(l, &key) || (key.len && reread(l)))
		return;
	key_of(l->context.series, &context);
	bool is_context = is_known(l, &context);
	if (key.len) {
		check_other(l, &key, is_context);
		return;
	}
	if (is_context)
		return;
	quote(l->context.series, &text);
	if (text.len)
		look_doubt(l, "its name tells no series, and where it was posted says \"%s\"",
			   buf_str(&text));
	else
		look_doubt(l, "its name tells no series");
}
