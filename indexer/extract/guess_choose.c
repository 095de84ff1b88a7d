/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of the marked numbers of a name are its volume and its chapter. */
#include "indexer/extract/guess_tokens.h"

#include <string.h>

/* A token in brackets counts when nothing but tokens stands before it there: "(v01)", not
 * "(between chapter 083 and ch084)". */
static bool opens_group(const struct reading *r, const struct token *t)
{
	if (!t->group)
		return true;
	size_t start = r->line.groups[t->group - 1].start + 1;
	for (size_t i = start; i < t->start; i++) {
		uint32_t key = r->line.g[i].key;
		if (!r->line.g[i].is_used && (key_is_letter(key) || key_is_digit(key)))
			return false;
	}
	return true;
}

/* "ch11 v2", "Vol.4 - … v2": a one-digit v behind another number is the release's version. */
static void drop_versions(struct reading *r)
{
	bool has_number = false;
	for (size_t i = 0; i < r->token_count; i++) {
		struct token *t = &r->tokens[i];
		bool is_version = has_number && t->is_letter && t->type == TOKEN_VOLUME &&
				  t->num.digits == 1 && r->line.g[t->start].key == 'v';
		if (is_version)
			t->type = TOKEN_OTHER;
		if (t->type == TOKEN_VOLUME || t->type == TOKEN_CHAPTER || t->type == TOKEN_EPISODE)
			has_number = true;
	}
}

static bool is_followed_by_dash(const struct reading *r, size_t i)
{
	return line_key(&r->line, line_skip_spaces(&r->line, i)) == '-';
}

/* How much a volume's token looks like the volume and not like words of a title. */
static int weigh_volume(const struct reading *r, size_t index)
{
	const struct token *t = &r->tokens[index];
	int weight = 0;
	if (t->num.is_padded || t->num.digits == 2)
		weight += 2;
	if (words_is_tail(&r->line, t->end))
		weight += 1;
	if (is_followed_by_dash(r, t->end))
		weight += 2;
	if (index + 1 < r->token_count && r->tokens[index + 1].type == TOKEN_CHAPTER)
		weight += 3;
	return t->group ? weight - 16 : weight;
}

static void choose_volume(struct reading *r)
{
	int best = -100;
	for (size_t i = 0; i < r->token_count; i++) {
		struct token *t = &r->tokens[i];
		if (t->type != TOKEN_VOLUME || !opens_group(r, t))
			continue;
		int weight = weigh_volume(r, i);
		/* "Omnibus 2 (Vol. 4-6)": the volumes that it holds. */
		if (r->volume && !r->volume->num.is_range && t->group && t->num.is_range &&
		    (r->pack || strcmp(r->volume->rule, "omnibus") == 0))
			weight = 100;
		if (weight < best)
			continue;
		best = weight;
		if (weight == 100)
			r->cut = r->volume;
		r->volume = t;
	}
}

static void choose_chapter(struct reading *r)
{
	for (size_t i = 0; i < r->token_count; i++) {
		struct token *t = &r->tokens[i];
		bool is_chapter = t->type == TOKEN_CHAPTER || t->type == TOKEN_EPISODE;
		if (!is_chapter || !opens_group(r, t))
			continue;
		bool is_better = !r->chapter ||
				 (r->chapter->type == TOKEN_EPISODE && t->type == TOKEN_CHAPTER) ||
				 (r->chapter->group && !t->group);
		if (is_better)
			r->chapter = t;
	}
}

/* "#3" is a volume, unless a volume is told: then the chapter; and none of both behind a
 * chapter, where it counts copies. */
static void choose_issue(struct reading *r)
{
	struct token *issue = NULL;
	for (size_t i = 0; i < r->token_count && !issue; i++) {
		if (r->tokens[i].type == TOKEN_ISSUE && opens_group(r, &r->tokens[i]))
			issue = &r->tokens[i];
	}
	if (!issue || (r->chapter && r->chapter->type == TOKEN_CHAPTER))
		return;
	if (r->volume) {
		r->chapter = issue;
		return;
	}
	r->volume = issue;
	if (r->chapter)
		r->cut = r->chapter;
	r->chapter = NULL;
}

static bool is_addition(const struct reading *r, size_t i)
{
	while (i > 0 && r->line.g[i - 1].key == ' ')
		i--;
	return i > 0 && r->line.g[i - 1].key == '+';
}

/* "Special" and "Pack" may be words of a title: they count with a number or at the end. */
static bool weak_counts(const struct reading *r, const struct token *t)
{
	/* "T01-T12 + HS" */
	if (t->type == TOKEN_SPECIAL && is_addition(r, t->start))
		return false;
	if (!t->is_weak)
		return opens_group(r, t);
	if (!opens_group(r, t) || (t->start <= r->from && t->end < r->line.n))
		return false;
	if (t->has_number || t->group || is_followed_by_dash(r, t->end))
		return true;
	return t->type == TOKEN_SPECIAL && words_is_tail(&r->line, t->end);
}

static void choose_words(struct reading *r)
{
	for (size_t i = 0; i < r->token_count; i++) {
		const struct token *t = &r->tokens[i];
		const struct token **slot = t->type == TOKEN_SPECIAL   ? &r->special
					    : t->type == TOKEN_PACK    ? &r->pack
					    : t->type == TOKEN_ONESHOT ? &r->oneshot
								       : NULL;
		/* "Vol.TBD", and "v2016", the year that a comic started. */
		bool is_end = t->type == TOKEN_CUT || (t->type == TOKEN_YEAR && t->is_letter);
		if (is_end && !t->group && !r->cut)
			r->cut = t;
		if (slot && !*slot && weak_counts(r, t))
			*slot = t;
	}
}

/* "3 tomes", or the number of an intégrale, when no volume is told otherwise. */
static void choose_substitute(struct reading *r)
{
	for (size_t i = 0; i < r->token_count && !r->volume; i++) {
		struct token *t = &r->tokens[i];
		if (t->type != TOKEN_COUNT || t->num.value < 2)
			continue;
		t->num.last = t->num.value;
		t->num.value = 1;
		t->num.is_range = true;
		t->rule = "count";
		r->volume = t;
	}
	if (!r->volume && !r->chapter && r->pack && r->pack->has_number)
		r->volume = r->pack;
}

static void choose_bare(struct reading *r)
{
	bool is_strong_special = r->special && !r->special->is_weak;
	bool is_numbered_special = r->special && r->special->has_number;
	if (r->volume || r->chapter || is_strong_special || is_numbered_special)
		return;
	if (!bare_find(&r->line, r->from, r->has_folder, &r->bare))
		return;
	for (size_t i = r->bare.start; i < r->bare.end; i++)
		r->line.g[i].is_used = true;
	if (r->bare.type == TOKEN_CHAPTER)
		r->chapter = &r->bare;
	else
		r->volume = &r->bare;
}

void choose_marked(struct reading *r)
{
	r->token_count = tokens_find(&r->line, r->from, r->tokens);
	drop_versions(r);
	choose_words(r);
	choose_volume(r);
	choose_chapter(r);
	choose_issue(r);
	choose_substitute(r);
}

void choose_tokens(struct reading *r)
{
	choose_marked(r);
	choose_bare(r);
	/* "v05 Bonus": a volume with an extra, not an extra. */
	if (r->special && r->special->is_weak && (r->volume || r->chapter))
		r->special = NULL;
	bool is_single = r->volume && !r->volume->num.is_range && r->volume != r->pack;
	if (r->pack && r->pack->is_weak && is_single)
		r->pack = NULL;
}
