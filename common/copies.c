/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/copies.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

static int64_t wholeness(const struct copy *c)
{
	return !c->is_bad;
}

static int64_t volumes(const struct copy *c)
{
	return c->volumes;
}

static int64_t format(const struct copy *c)
{
	static const struct {
		const char *name;
		int64_t rank;
	} formats[] = {
		{"cbz", 5}, {"cbr", 4}, {"cb7", 3}, {"cbt", 3}, {"pdf", 2}, {"epub", 1},
		/* 1 is also what is_lossless gives */
		{"flac", 1}, {"wav", 1}, {"aiff", 1}, {"alac", 1}, {"ape", 1}, {"wavpack", 1}, {"dsf", 1},
	};
	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (strcasecmp(c->format, formats[i].name) == 0)
			return formats[i].rank;
	return c->is_lossless;
}

static int64_t bitrate(const struct copy *c)
{
	return c->bitrate;
}

static int64_t pages(const struct copy *c)
{
	return c->pages;
}

static int64_t bytes(const struct copy *c)
{
	return c->bytes;
}

/** Most important first.  The greater value is better. */
static const struct {
	int64_t (*value)(const struct copy *c);
	const char *better, *worse;
} criteria[] = {
	{wholeness, "the others are damaged", "damaged"},
	{volumes, "holds more volumes", "the best one holds it as well"},
	{format, "the better format", "a lesser format"},
	{bitrate, "the highest bit rate", "a lower bit rate"},
	{pages, "the most pages", "fewer pages"},
	{bytes, "the most bytes", "fewer bytes"},
};

/** The first criterion by which they differ; COUNT_OF(criteria) when they are equal. */
static size_t difference(const struct copy *a, const struct copy *b)
{
	size_t i = 0;
	while (i < COUNT_OF(criteria) && criteria[i].value(a) == criteria[i].value(b))
		i++;
	return i;
}

static int compare(const void *pa, const void *pb)
{
	const struct copy *a = pa, *b = pb;
	size_t i = difference(a, b);
	if (i < COUNT_OF(criteria))
		return criteria[i].value(a) > criteria[i].value(b) ? -1 : 1;
	return a->file < b->file ? -1 : a->file > b->file;
}

void copies_rank(struct copy *c, size_t n)
{
	qsort(c, n, sizeof *c, compare);
	for (size_t i = 0; i < n; i++) {
		/* the best is told from the next one, the others from the best */
		size_t d = n > 1 ? difference(&c[0], &c[i ? i : 1]) : COUNT_OF(criteria);
		c[i].is_best = i == 0;
		if (d == COUNT_OF(criteria))
			c[i].reason = i ? "as good as the best" : "as good as the next, and known for longer";
		else
			c[i].reason = i ? criteria[d].worse : criteria[d].better;
	}
}
