/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_fresh.h"

#include <stdlib.h>

#include "common/text.h"

enum {
	/** Of a directory with more files each name is asked for. */
	NAMES = 512,
	PLACES = 2 * NAMES,
};

struct fresh_dir {
	/** 0: none. */
	int64_t dir;
	bool has_v1;
	unsigned names;
	/** By hash, and then the next free one; 0: free. */
	uint64_t place[PLACES];
};

void store_fresh_begin(struct store *s, int64_t dir)
{
	if (!s->fresh)
		s->fresh = malloc(sizeof *s->fresh);
	if (!s->fresh)
		return;
	*s->fresh = (struct fresh_dir){.dir = dir};
}

void store_fresh_end(struct store *s)
{
	if (s->fresh)
		s->fresh->dir = 0;
}

bool store_fresh_name(struct store *s, int64_t dir, struct bytes name)
{
	struct fresh_dir *f = s->fresh;
	if (!f || f->dir != dir)
		return false;
	uint64_t hash = text_hash(name.data, name.len) | 1;
	size_t i = (hash >> 32) % PLACES;
	while (f->place[i] && f->place[i] != hash)
		i = (i + 1) % PLACES;
	if (f->place[i])
		return false;
	f->place[i] = hash;
	if (++f->names == NAMES)
		store_fresh_end(s);
	return true;
}

void store_fresh_v1(struct store *s, int64_t dir)
{
	if (s->fresh && s->fresh->dir == dir)
		s->fresh->has_v1 = true;
}

bool store_fresh_has_no_v1(const struct store *s, int64_t dir)
{
	return s->fresh && s->fresh->dir == dir && !s->fresh->has_v1;
}
