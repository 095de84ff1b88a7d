/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_fresh.h"

#include <stdlib.h>

#include "common/text.h"

enum {
	/** A file may come long after its neighbours: some are read in another way. */
	DIRS = 256,
	PLACES_FIRST = 32,
	/** Of a directory with more files each name is asked for. */
	NAMES = 4096,
};

struct fresh_dir {
	/** 0: none. */
	int64_t dir, root;
	char *path;
	size_t path_len;
	bool has_v1, has_cover;
	unsigned names, places;
	/** By hash, and then the next free one; 0: free.  At least half of them are. */
	uint64_t *place;
};

struct fresh_dirs {
	/** By number, of which those that are new follow each other: who comes later takes the place. */
	struct fresh_dir dir[DIRS];
	/** The number of the last one with such a path, by the path's hash. */
	int64_t by_path[2 * DIRS];
};

static int64_t *place_of_path(struct fresh_dirs *all, int64_t root, struct bytes path)
{
	return &all->by_path[(text_hash(path.data, path.len) + (uint64_t)root) % (2 * DIRS)];
}

static void forget(struct fresh_dir *f)
{
	free(f->path);
	free(f->place);
	*f = (struct fresh_dir){0};
}

void store_fresh_begin(struct store *s, int64_t root, struct bytes path, int64_t dir, bool has_cover)
{
	if (!s->fresh)
		s->fresh = calloc(1, sizeof *s->fresh);
	if (!s->fresh)
		return;
	struct fresh_dir *f = &s->fresh->dir[(uint64_t)dir % DIRS];
	forget(f);
	*f = (struct fresh_dir){.dir = dir, .root = root, .path = malloc(path.len + 1), .path_len = path.len,
				.has_cover = has_cover, .places = PLACES_FIRST, .place = calloc(PLACES_FIRST, sizeof *f->place)};
	if (!f->path || !f->place) {
		forget(f);
		return;
	}
	memcpy(f->path, path.data, path.len);
	*place_of_path(s->fresh, root, path) = dir;
}

void store_fresh_end(struct store *s)
{
	for (size_t i = 0; s->fresh && i < DIRS; i++)
		forget(&s->fresh->dir[i]);
	free(s->fresh);
	s->fresh = NULL;
}

static struct fresh_dir *find(const struct store *s, int64_t dir)
{
	struct fresh_dir *f = s->fresh ? &s->fresh->dir[(uint64_t)dir % DIRS] : NULL;
	return f && f->dir == dir && dir ? f : NULL;
}

int64_t store_fresh_dir(const struct store *s, int64_t root, struct bytes path)
{
	const struct fresh_dir *f = s->fresh ? find(s, *place_of_path(s->fresh, root, path)) : NULL;
	bool is_it = f && f->root == root && f->path_len == path.len && memcmp(f->path, path.data, path.len) == 0;
	return is_it ? f->dir : 0;
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

int store_fresh_has_cover(const struct store *s, int64_t dir)
{
	const struct fresh_dir *f = find(s, dir);
	return f ? f->has_cover : -1;
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
