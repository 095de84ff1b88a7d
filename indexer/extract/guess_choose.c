/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of the marked numbers of a name are its volume and its chapter. */
#include "indexer/extract/guess_tokens.h"

#include <string.h>

#include "common/cleanup.h"

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

/* "Omnibus 2", "(3-in-1 Edition) v02", "Omnibus Vol. 2" */
static bool is_omnibus(const struct reading *r)
{
	static const char *const words[] = {"omnibus", "2 in 1", "3 in 1", "4 in 1"};
	for (size_t i = 0; i < r->line.n; i++) {
		for (size_t k = 0; k < COUNT_OF(words) && line_is_boundary(&r->line, i); k++) {
			if (line_match_word(&r->line, i, words[k]))
				return true;
		}
	}
	return false;
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
		    (r->pack || is_omnibus(r)))
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

/* "#3" is a volume, unless a volume or an episode is told: then the chapter; and none of both
 * behind a chapter, where it counts copies. */
static void choose_issue(struct reading *r)
{
	struct token *issue = NULL;
	for (size_t i = 0; i < r->token_count && !issue; i++) {
		if (r->tokens[i].type == TOKEN_ISSUE && opens_group(r, &r->tokens[i]))
			issue = &r->tokens[i];
	}
	if (!issue || (r->chapter && r->chapter->type == TOKEN_CHAPTER))
		return;
	if (!r->volume && !r->chapter) {
		r->volume = issue;
		return;
	}
	if (!r->volume)
		r->cut = r->chapter;
	r->chapter = issue;
}

static bool is_addition(const struct reading *r, size_t i)
{
	while (i > 0 && r->line.g[i - 1].key == ' ')
		i--;
	return i > 0 && r->line.g[i - 1].key == '+';
}

/* "PACK T01-T12", "Pack X T01-T12"; "Wolf Pack T01-T12" is a title. */
static bool is_pack_of_range(const struct reading *r, const struct token *t)
{
	bool is_front = t->start <= r->from;
	bool is_capital = r->line.g[t->end - 1].cp != r->line.g[t->end - 1].key;
	if (t->type != TOKEN_PACK || !line_match_word(&r->line, t->start, "pack") ||
	    !(is_front || is_capital))
		return false;
	for (size_t i = 0; i < r->token_count; i++) {
		if (r->tokens[i].type == TOKEN_VOLUME && r->tokens[i].num.is_range)
			return true;
	}
	return false;
}

/* "Special" and "Pack" may be words of a title: they count with a number or at the end. */
static bool weak_counts(const struct reading *r, const struct token *t)
{
	/* "T01-T12 + HS" */
	if (t->type == TOKEN_SPECIAL && is_addition(r, t->start))
		return false;
	if (!t->is_weak)
		return opens_group(r, t);
	if (is_pack_of_range(r, t))
		return true;
	if (!opens_group(r, t) || (t->start <= r->from && t->end < r->line.n))
		return false;
	if (t->has_number || t->group || is_followed_by_dash(r, t->end))
		return true;
	/* "INT T01" */
	bool is_integrale = strcmp(t->rule, "integrale") == 0;
	size_t next = line_skip_spaces(&r->line, t->end);
	if (is_integrale && next < r->line.n && r->line.g[next].is_used)
		return true;
	bool is_final = t->type == TOKEN_SPECIAL || is_integrale;
	return is_final && words_is_tail(&r->line, t->end);
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

/* "Pack 7 Seeds T01-T12": the number in front is the title's. */
static void detach_front_pack(struct reading *r)
{
	struct token *t = r->tokens;
	bool is_front = r->token_count > 1 && t->type == TOKEN_PACK && t->has_number && !t->group &&
			line_skip_spaces(&r->line, r->from) == t->start;
	bool has_volume = false;
	for (size_t i = 1; i < r->token_count; i++)
		has_volume = has_volume || (r->tokens[i].type == TOKEN_VOLUME && !t->group);
	if (!is_front || !has_volume)
		return;
	for (size_t i = t->num.start; i < t->end; i++)
		r->line.g[i].is_used = false;
	t->end = t->start;
	while (key_is_letter(line_key(&r->line, t->end)))
		t->end++;
	t->has_number = false;
}

void choose_marked(struct reading *r)
{
	r->token_count = tokens_find(&r->line, r->from, r->tokens);
	drop_versions(r);
	detach_front_pack(r);
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
	if (!r->pack || !r->pack->is_weak || !is_single)
		return;
	if (!r->cut && strcmp(r->pack->rule, "integrale") == 0)
		r->cut = r->pack;
	r->pack = NULL;
}
