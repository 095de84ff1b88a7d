/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/cover.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "indexer/extract/inside.h"

enum {
	NAMES_MAX = 4 << 20,
};

void cover_names_init(struct cover_names *l)
{
	*l = (struct cover_names){.text = BUF_INIT(NAMES_MAX)};
}

void cover_names_clear(struct cover_names *l)
{
	buf_clear(&l->text);
	vec_clear(&l->at);
	vec_clear(&l->sorted);
}

void cover_names_add(struct cover_names *l, const char *name, size_t n)
{
	/* beyond so many, or so long ones, the first of those that were there is as good */
	if (!inside_is_page(name, n) || memchr(name, '\0', n) || l->at.len >= INSIDE_MAX || l->text.len + n + 1 > NAMES_MAX)
		return;
	size_t *at = vec_add(&l->at);
	if (!at)
		return;
	*at = l->text.len;
	buf_add(&l->text, name, n);
	buf_addc(&l->text, '\0');
}

/** As people count: 2 before 10, whatever the case; folders one after the other. */
static int compare(const char *a, const char *b)
{
	const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
	while (*x && *y) {
		if (isdigit(*x) && isdigit(*y)) {
			while (*x == '0')
				x++;
			while (*y == '0')
				y++;
			size_t n = strspn((const char *)x, "0123456789"), m = strspn((const char *)y, "0123456789");
			int order = n != m ? (n < m ? -1 : 1) : memcmp(x, y, n);
			if (order)
				return order;
			x += n;
			y += m;
			continue;
		}
		int cx = *x == '/' || *x == '\\' ? 1 : tolower(*x), cy = *y == '/' || *y == '\\' ? 1 : tolower(*y);
		if (cx != cy)
			return cx - cy;
		x++;
		y++;
	}
	return *x ? 1 : *y ? -1 : 0;
}

static int by_reading(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int order = compare(x, y);
	/* "1.jpg" and "01.jpg" */
	return order ? order : strcmp(x, y);
}

void cover_names_sort(struct cover_names *l)
{
	l->sorted.len = 0;
	for (size_t i = 0; i < l->at.len && !buf_error(&l->text); i++) {
		const char **slot = vec_add(&l->sorted);
		if (slot)
			*slot = buf_str(&l->text) + l->at.data[i];
	}
	if (l->sorted.len > 1)
		qsort(l->sorted.data, l->sorted.len, sizeof *l->sorted.data, by_reading);
}

static const char *base_of(const char *name)
{
	const char *base = name;
	for (const char *p = name; *p; p++)
		if (*p == '/' || *p == '\\')
			base = p + 1;
	return base;
}

/** Names of covers, best first. */
static const char *const STEMS[] = {"cover", "front", "folder"};

/** Which of these a name is; COUNT_OF(STEMS): none. */
static size_t stem_of(const char *name)
{
	const char *base = base_of(name);
	size_t i = 0;
	for (; i < COUNT_OF(STEMS); i++) {
		size_t n = strlen(STEMS[i]);
		if (strncasecmp(base, STEMS[i], n) == 0 && base[n] == '.')
			break;
	}
	return i;
}

int extract_cover_order(const char *a, const char *b)
{
	size_t x = stem_of(a), y = stem_of(b);
	return x != y ? (x < y ? -1 : 1) : by_reading(&a, &b);
}

static const char *called(const struct cover_names *l)
{
	const char *best = NULL;
	size_t least = COUNT_OF(STEMS);
	for (size_t i = 0; i < l->sorted.len; i++) {
		size_t stem = stem_of(l->sorted.data[i]);
		if (stem >= least)
			continue;
		least = stem;
		best = l->sorted.data[i];
	}
	return best;
}

/** @href is told from the folder of the document that says it. */
static const char *at_href(const struct cover_names *l, const char *href)
{
	while (href[0] == '.' && (href[1] == '/' || (href[1] == '.' && href[2] == '/')))
		href += href[1] == '/' ? 2 : 3;
	size_t n = strlen(href);
	for (size_t i = 0; n && i < l->sorted.len; i++) {
		const char *name = l->sorted.data[i];
		size_t length = strlen(name);
		if (length >= n && strcmp(name + length - n, href) == 0 && (length == n || name[length - n - 1] == '/'))
			return name;
	}
	return NULL;
}

const char *cover_names_pick(const struct cover_names *l, int front, const char *href, unsigned nth)
{
	const char *const told[] = {
		front >= 0 && (size_t)front < l->sorted.len ? l->sorted.data[front] : NULL, href ? at_href(l, href) : NULL,
		called(l),
	};
	for (size_t i = 0; i < COUNT_OF(told); i++)
		if (told[i] && nth-- == 0)
			return told[i];
	return nth < l->sorted.len ? l->sorted.data[nth] : NULL;
}
