/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/discover/ignore.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/** Every name is matched with every pattern: the common shapes must cost next to nothing. */
enum shape {
	/** Plain: "@eaDir". */
	SHAPE_NAME,
	/** "*.part" */
	SHAPE_END,
	/** "._*" */
	SHAPE_START,
	SHAPE_ANY,
};

struct ignore_pattern {
	enum shape shape;
	/** The fixed part, or the whole pattern (SHAPE_ANY). */
	char *text;
	size_t len;
	/** Its last byte: most names are told from it by that. */
	char last;
};

static struct ignore_pattern make_pattern(const char *pattern, size_t n)
{
	static const char special[] = "*?[\\";
	char *text = strndup(pattern, n);
	struct ignore_pattern p = {SHAPE_ANY, text, n, n ? pattern[n - 1] : 0};
	if (!text || n == 0)
		return p;
	if (!strpbrk(text, special)) {
		p.shape = SHAPE_NAME;
	} else if (text[0] == '*' && !strpbrk(text + 1, special)) {
		p.shape = SHAPE_END;
		memmove(text, text + 1, n);
		p.len = n - 1;
	} else if (text[n - 1] == '*' && strcspn(text, special) == n - 1) {
		p.shape = SHAPE_START;
		text[--p.len] = '\0';
	}
	return p;
}

int ignore_add(struct ignore *ig, const char *pattern, size_t n)
{
	struct ignore_pattern *grown = realloc(ig->pattern, (ig->count + 1) * sizeof *grown);
	if (!grown)
		return -ENOMEM;
	ig->pattern = grown;
	ig->pattern[ig->count] = make_pattern(pattern, n);
	if (!ig->pattern[ig->count].text)
		return -ENOMEM;
	ig->count++;
	return 0;
}

void ignore_clear(struct ignore *ig)
{
	for (size_t i = 0; i < ig->count; i++)
		free(ig->pattern[i].text);
	free(ig->pattern);
	*ig = (struct ignore){0};
}

static bool matches(const struct ignore_pattern *p, const char *name, size_t n)
{
	switch (p->shape) {
	case SHAPE_NAME:
		return n == p->len && memcmp(name, p->text, n) == 0;
	case SHAPE_END:
		return n >= p->len && n && (name[n - 1] == p->last || !p->len) && memcmp(name + n - p->len, p->text, p->len) == 0;
	case SHAPE_START:
		return n >= p->len && (name[0] == p->text[0] || !p->len) && memcmp(name, p->text, p->len) == 0;
	case SHAPE_ANY:
		break;
	}
	return fnmatch(p->text, name, 0) == 0;
}

bool ignore_matches(const struct ignore *ig, const char *name, size_t n)
{
	for (size_t i = 0; i < ig->count; i++)
		if (matches(&ig->pattern[i], name, n))
			return true;
	return false;
}

enum {
	NO_COVER = 100,
};

/** 0: the best; NO_COVER. */
static size_t cover_rank(const char *name)
{
	static const char *const stems[] = {"cover", "folder", "front", "album", "albumart"};
	static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".webp"};
	const char *dot = strrchr(name, '.');
	size_t suffix = 0, stem = 0;
	while (dot && suffix < COUNT_OF(suffixes) && strcasecmp(dot, suffixes[suffix]) != 0)
		suffix++;
	if (!dot || suffix == COUNT_OF(suffixes))
		return NO_COVER;
	while (stem < COUNT_OF(stems) && (strlen(stems[stem]) != (size_t)(dot - name) ||
					  strncasecmp(name, stems[stem], (size_t)(dot - name)) != 0))
		stem++;
	return stem == COUNT_OF(stems) ? NO_COVER : stem * COUNT_OF(suffixes) + suffix;
}

bool ignore_is_cover(const char *name)
{
	return cover_rank(name) != NO_COVER;
}

bool ignore_is_better_cover(const char *a, const char *b)
{
	size_t x = cover_rank(a), y = cover_rank(b);
	return x != y ? x < y : strcmp(a, b) < 0;
}
