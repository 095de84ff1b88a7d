/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/verify_page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "indexer/extract/inside.h"

/** No page, and no volume, is larger; what claims to be unpacks for ever. */
#define PAGE_MOST (UINT64_C(512) << 20)
#define TOTAL_MOST (UINT64_C(16) << 30)
/** Deflate makes at most 1,032 bytes of one, images hardly more than one: beyond some size that tells a bomb. */
#define RATIO_FROM (UINT64_C(64) << 20)
enum { RATIO_MOST = 100 };

void pages_init(struct pages *p, struct verify *v)
{
	memset(p, 0, sizeof *p);
	p->v = v;
	v->pages = 0;
}

/** FNV-1a, 64 bits; never 0. */
static uint64_t hash_of(const char *name, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)name[i]) * UINT64_C(1099511628211);
	return h ? h : 1;
}

/** Whether a name was there before; beyond three quarters of the table names are not kept any more. */
static bool is_twice(struct pages *p, const char *name, size_t n)
{
	uint64_t h = hash_of(name, n);
	size_t i = (size_t)(h % PAGE_NAMES);
	for (size_t tried = 0; tried < PAGE_NAMES && p->seen[i]; tried++, i = (i + 1) % PAGE_NAMES)
		if (p->seen[i] == h)
			return true;
	if (p->members < PAGE_NAMES * 3 / 4)
		p->seen[i] = h;
	return false;
}

int pages_fail(struct pages *p, int error, const char *what)
{
	return extract_fail(p->v->reason, error, "%s %s", p->name, what);
}

int pages_begin(struct pages *p, const char *name, size_t n)
{
	snprintf(p->name, sizeof p->name, "%.*s", (int)text_cut(name, n, sizeof p->name - 1), name);
	p->is_page = inside_is_page(name, n);
	p->size = 0;
	image_begin(&p->image);
	if (is_twice(p, name, n))
		return pages_fail(p, -EBADMSG, "is there twice");
	p->members++;
	return 0;
}

int pages_feed(struct pages *p, const uint8_t *data, size_t n)
{
	p->size += n;
	p->total += n;
	bool is_bomb = p->size > PAGE_MOST || p->total > TOTAL_MOST ||
		       (p->total > RATIO_FROM && p->total / RATIO_MOST > p->v->in->size);
	if (is_bomb)
		return pages_fail(p, -ENOTSUP, "unpacks to more than any page: it is not read further");
	if (p->is_page)
		image_feed(&p->image, data, n);
	return 0;
}

int pages_end(struct pages *p)
{
	const char *wrong = p->is_page ? image_end(&p->image) : NULL;
	p->pages += p->is_page;
	p->v->pages += p->is_page && !wrong;
	return wrong ? pages_fail(p, -EBADMSG, wrong) : 0;
}

int pages_finish(struct pages *p)
{
	snprintf(p->v->how, sizeof p->v->how, "%u page%s of %u file%s", p->pages, p->pages == 1 ? "" : "s", p->members,
		 p->members == 1 ? "" : "s");
	return p->pages ? 0 : extract_fail(p->v->reason, -ENOTSUP, "the archive holds no images");
}
