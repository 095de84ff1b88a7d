/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A release is confirmed until a check doubts or rejects it.  All checks are made: a doubt must
 * not hide that it is wrong altogether.
 */
#include "indexer/search/judge.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/search/judge_private.h"

enum {
	/** Volumes are counted up to here; more is no volume. */
	MOST_VOLUMES = 9999,
	/** A volume has a hundred pages and more: less than so many bytes are not that. */
	LEAST_BYTES = 1000000,
	/** How often the usual size may be undercut or exceeded. */
	LEAST_RATIO = 6,
	MOST_RATIO = 10,
};

static const int64_t most_bytes = INT64_C(3000000000);

const char *verdict_name(enum verdict_kind kind)
{
	static const char *const names[] = {
		[VERDICT_CONFIRMED] = "confirmed",
		[VERDICT_UNCONFIRMED] = "unconfirmed",
		[VERDICT_REJECTED] = "rejected",
	};
	return (size_t)kind < COUNT_OF(names) ? names[kind] : "rejected";
}

static void conclude(struct look *l, enum verdict_kind kind, const char *format, va_list args)
{
	if (l->out->kind >= kind)
		return;
	_buf_ struct buf text = BUF_INIT(4096);
	buf_addv(&text, format, args);
	size_t n = text_cut(buf_str(&text), text.len, sizeof l->out->reason - 1);
	memcpy(l->out->reason, buf_str(&text), n);
	l->out->reason[n] = '\0';
	l->out->kind = kind;
}

void look_reject(struct look *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	conclude(l, VERDICT_REJECTED, format, args);
	va_end(args);
}

void look_doubt(struct look *l, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	conclude(l, VERDICT_UNCONFIRMED, format, args);
	va_end(args);
}

static int count_wanted(const struct look *l)
{
	int n = 0;
	for (size_t i = 0; i < l->series->wanted_count; i++) {
		int v = l->series->wanted[i];
		n += v >= l->out->first && v <= l->out->last;
	}
	return n;
}

/* "040" and "139": chapters are numbered so. */
static bool has_three_digits(const struct look *l)
{
	double number = l->name.volume;
	const char *s = l->release->title;
	while (*s) {
		s += strcspn(s, "0123456789");
		size_t n = strspn(s, "0123456789");
		if (n >= 3 && n < 9 && strtol(s, NULL, 10) == (long)number)
			return true;
		s += n;
	}
	return false;
}

static void set_range(struct look *l, double first, double last)
{
	if (last > MOST_VOLUMES) {
		look_reject(l, "no series has %g volumes", last);
		return;
	}
	l->out->first = (int)ceil(first);
	l->out->last = (int)floor(last);
}

static void read_single(struct look *l)
{
	double v = l->name.volume;
	if (v != floor(v)) {
		look_reject(l, "%g is not a regular volume", v);
		return;
	}
	set_range(l, v, v);
	if (!l->name.explicit_volume && has_three_digits(l))
		look_doubt(l, "nothing says whether %g is a volume or a chapter", v);
}

static void read_range(struct look *l)
{
	set_range(l, l->name.volume, l->name.volume_end);
	if (strcmp(l->name.rule, "count") == 0)
		look_doubt(l, "it says how many volumes it holds, not which");
	else if (!l->name.explicit_volume && has_three_digits(l))
		look_doubt(l, "nothing says whether %g-%g are volumes or chapters", l->name.volume,
			   l->name.volume_end);
}

/* "Intégrale" holds all; "Intégrale 2" and a coffret hold some. */
static void read_pack(struct look *l)
{
	bool is_whole = !l->name.has_volume &&
			(strcmp(l->name.rule, "integrale") == 0 || words_told(l, "complete") ||
			 words_told(l, "complet") || words_told(l, "integrale"));
	l->out->is_complete = is_whole;
	look_doubt(l, is_whole ? "it calls itself complete, without saying which volumes it holds"
			       : "it holds several volumes, without saying which");
}

static void read_other(struct look *l)
{
	const struct guess *g = &l->name;
	if (g->kind == GUESS_CHAPTER)
		look_reject(l, "it is a chapter (%g), not a volume", g->chapter);
	else if (g->kind == GUESS_SPECIAL)
		look_reject(l, "it is a special, not a regular volume");
	else
		look_doubt(l, "its name tells no volume");
}

static void check_volumes(struct look *l)
{
	struct verdict *out = l->out;
	if (l->name.kind == GUESS_VOLUME)
		read_single(l);
	else if (l->name.kind == GUESS_RANGE)
		read_range(l);
	else if (l->name.kind == GUESS_PACK)
		read_pack(l);
	else
		read_other(l);
	out->covers = out->is_complete ? (int)l->series->wanted_count : count_wanted(l);
	if (out->covers || out->first > out->last)
		return;
	if (out->first == out->last)
		look_reject(l, "volume %d is not missing", out->first);
	else
		look_reject(l, "none of the volumes %d-%d is missing", out->first, out->last);
}

/* What words of a language say when nothing else does. */
static const char *implied_language(const struct look *l)
{
	static const char *const words[][2] = {
		{"tome", "fr"}, {"tomes", "fr"}, {"integrale", "fr"}, {"巻", "ja"},
		{"권", "ko"},   {"卷", "zh"},    {"том", "ru"},
	};
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (words_told(l, words[i][0]))
			return words[i][1];
	}
	return "";
}

static void check_language(struct look *l)
{
	const char *wanted = l->series->language ? l->series->language : "";
	const char *told = *l->name.language ? l->name.language : l->context.language;
	if (!*wanted || words_told(l, "multi"))
		return;
	if (*told) {
		if (strcmp(told, wanted) != 0)
			look_reject(l, "it is in %s, and %s is wanted", told, wanted);
		return;
	}
	const char *source = l->series->source_language ? l->series->source_language : "";
	const char *implied = implied_language(l);
	const char *is = *implied ? implied : source;
	if (!*is || strcmp(is, wanted) == 0)
		return;
	if (*implied)
		look_doubt(l, "it seems to be in %s, and %s is wanted", is, wanted);
	else
		look_reject(l, "it tells no language, its source is in %s, and %s is wanted", is,
			    wanted);
}

/* "1.2 MB" */
static const char *human(int64_t bytes, char out[static 32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double v = (double)bytes;
	size_t unit = 0;
	for (; v >= 1000 && unit + 1 < COUNT_OF(units); unit++)
		v /= 1000;
	snprintf(out, 32, "%.3g %s", v, units[unit]);
	return out;
}

static void check_size(struct look *l)
{
	const struct verdict *out = l->out;
	int64_t size = l->release->size, usual = l->series->usual_bytes;
	/* nobody knows what is usual in a library of other things */
	if (size <= 0 || out->first > out->last || usual < LEAST_BYTES)
		return;
	int64_t n = (int64_t)out->last - out->first + 1, each = size / n;
	int64_t least = usual / LEAST_RATIO;
	int64_t most = usual > most_bytes / MOST_RATIO ? usual : usual * MOST_RATIO;
	char text[32];
	if (each < least || each < LEAST_BYTES / 4)
		look_doubt(l, "%s is too small for %" PRId64 " volume%s", human(size, text), n,
			   n == 1 ? "" : "s");
	else if (each > most)
		look_doubt(l, "%s is too large for %" PRId64 " volume%s", human(size, text), n,
			   n == 1 ? "" : "s");
}

static void read_name(const char *title, struct guess *g)
{
	_buf_ struct buf name = BUF_INIT(KEY_MAX * 2);
	series_name(title, &name);
	guess_name(buf_str(&name), name.len, g);
}

static void add_words(const char *text, struct buf *words)
{
	buf_addc(words, ' ');
	text_fold_title(text, text_cut(text, strlen(text), TITLE_MAX), words);
	buf_addc(words, ' ');
}

void judge(const struct judge_series *s, const struct release *r, int64_t now, struct verdict *out)
{
	*out = (struct verdict){.kind = VERDICT_CONFIRMED, .first = 0, .last = -1};
	_buf_ struct buf words = BUF_INIT(KEY_MAX * 4), known = BUF_INIT(1 << 20);
	struct look l = {.series = s, .release = r, .now = now, .out = out};
	read_name(r->title, &l.name);
	read_name(r->context, &l.context);
	add_words(r->title, &words);
	add_words(s->title, &known);
	for (size_t i = 0; i < s->alias_count; i++)
		add_words(s->aliases[i], &known);
	l.words = words;
	l.known = known;
	static void (*const checks[])(struct look *) = {
		check_kind,    check_series,   check_format, check_volumes,
		check_edition, check_language, check_size,
	};
	for (size_t i = 0; i < COUNT_OF(checks); i++)
		checks[i](&l);
	out->score = judge_score(&l);
}
