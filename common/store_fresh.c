/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_fresh.h"

#include <stdlib.h>

#include "common/text.h"

enum {
	DIRS = 16,
	PLACES_FIRST = 64,
	/** Of a directory with more files each name is asked for. */
	NAMES = 4096,
};

struct fresh_dir {
	/** 0: none. */
	int64_t dir, root;
	char *path;
	size_t path_len;
	bool has_v1;
	unsigned names, places;
	/** By hash, and then the next free one; 0: free.  At least half of them are. */
	uint64_t *place;
};

struct fresh_dirs {
	struct fresh_dir dir[DIRS];
	/** The next that another one takes the place of. */
	unsigned oldest;
};

static void forget(struct fresh_dir *f)
{
	free(f->path);
	free(f->place);
	*f = (struct fresh_dir){0};
}

void store_fresh_begin(struct store *s, int64_t root, struct bytes path, int64_t dir)
{
	if (!s->fresh)
		s->fresh = calloc(1, sizeof *s->fresh);
	if (!s->fresh)
		return;
	struct fresh_dir *f = &s->fresh->dir[s->fresh->oldest++ % DIRS];
	forget(f);
	*f = (struct fresh_dir){.dir = dir, .root = root, .path = malloc(path.len + 1), .path_len = path.len,
				.places = PLACES_FIRST, .place = calloc(PLACES_FIRST, sizeof *f->place)};
	if (!f->path || !f->place)
		forget(f);
	else
		memcpy(f->path, path.data, path.len);
}

void store_fresh_end(struct store *s)
{
	for (size_t i = 0; s->fresh && i < DIRS; i++)
		forget(&s->fresh->dir[i]);
	free(s->fresh);
	s->fresh = NULL;
}

int64_t store_fresh_dir(const struct store *s, int64_t root, struct bytes path)
{
	for (size_t i = 0; s->fresh && i < DIRS; i++) {
		const struct fresh_dir *f = &s->fresh->dir[i];
		if (f->dir && f->root == root && f->path_len == path.len && memcmp(f->path, path.data, path.len) == 0)
			return f->dir;
	}
	return 0;
}

static struct fresh_dir *find(const struct store *s, int64_t dir)
{
	for (size_t i = 0; s->fresh && i < DIRS; i++)
		if (dir && s->fresh->dir[i].dir == dir)
			return &s->fresh->dir[i];
	return NULL;
}

/** False when it is there. */
static bool put(uint64_t *place, unsigned places, uint64_t hash)
{
	size_t i = (hash >> 32) % places;
	while (place[i] && place[i] != hash)
		i = (i + 1) % places;
	bool is_new = !place[i];
	place[i] = hash;
	return is_new;
}

static bool grow(struct fresh_dir *f)
{
	uint64_t *more = calloc(2 * (size_t)f->places, sizeof *more);
	if (!more)
		return false;
	for (size_t i = 0; i < f->places; i++)
		if (f->place[i])
			put(more, 2 * f->places, f->place[i]);
	free(f->place);
	f->place = more;
	f->places *= 2;
	return true;
}

bool store_fresh_name(struct store *s, int64_t dir, struct bytes name)
{
	struct fresh_dir *f = find(s, dir);
	if (!f || !put(f->place, f->places, text_hash(name.data, name.len) | 1))
		return false;
	if (++f->names == NAMES || (f->names > f->places / 2 && !grow(f)))
		forget(f);
	return true;
}

void store_fresh_v1(struct store *s, int64_t dir)
{
	struct fresh_dir *f = find(s, dir);
	if (f)
		f->has_v1 = true;
}

bool store_fresh_has_no_v1(const struct store *s, int64_t dir)
{
	const struct fresh_dir *f = find(s, dir);
	return f && !f->has_v1;
}
