/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/dirsum.h"

#include "common/text.h"

enum { MARK_FILE = 1, MARK_COVER = 2 };

static uint64_t mix(uint64_t h, int64_t value)
{
	h = (h ^ (uint64_t)value) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

uint64_t dirsum_of_file(const struct dirsum_file *f)
{
	uint64_t h = mix(text_hash(f->name, f->n), MARK_FILE);
	h = mix(h, f->size);
	h = mix(h, f->mtime);
	h = mix(h, f->ctime);
	h = mix(h, f->inode);
	return mix(h, f->btime);
}

uint64_t dirsum_of_cover(const char *name, size_t n)
{
	return mix(text_hash(name, n), MARK_COVER);
}

int64_t dirsum_end(uint64_t sum)
{
	int64_t number = (int64_t)(sum >> 1);
	return number > DIRSUM_NEVER ? number : DIRSUM_NEVER + 1;
}
