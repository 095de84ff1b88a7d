/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "indexer/symlinks/symlinks_private.h"

enum { TEXT_BLOCK = 1 << 20 };

/* --- texts --- */

struct text_block {
	struct text_block *before;
	size_t used, size;
	char data[];
};

const char *texts_add(struct texts *t, const char *data, size_t n)
{
	struct text_block *b = t->last;
	if (!b || b->size - b->used < n + 1) {
		size_t size = n + 1 > TEXT_BLOCK ? n + 1 : TEXT_BLOCK;
		b = malloc(sizeof *b + size);
		if (!b)
			return NULL;
		*b = (struct text_block){.before = t->last, .size = size};
		t->last = b;
	}
	char *copy = b->data + b->used;
	if (n)
		memcpy(copy, data, n);
	copy[n] = '\0';
	b->used += n + 1;
	return copy;
}

void texts_clear(struct texts *t)
{
	while (t->last) {
		struct text_block *b = t->last;
		t->last = b->before;
		free(b);
	}
}

/* --- what the store knows --- */

/** Roots that cannot be walked are left alone: their links stay what they are. */
static bool may_look(const struct store_root *row)
{
	return strcmp(row->state, "stuck") != 0 && strcmp(row->state, "foreign") != 0;
}

static int take_root(void *arg, const struct store_root *row)
{
	struct table *t = arg;
	if (strcmp(row->kind, "links") != 0 || !may_look(row))
		return 0;
	struct seen_root *root = vec_add(&t->roots);
	if (!root)
		return -ENOMEM;
	root->id = row->id;
	root->name = texts_add(&t->texts, row->name, strlen(row->name));
	root->path = texts_add(&t->texts, row->path.data, row->path.len);
	return root->name && root->path ? 0 : -ENOMEM;
}

static int take_dir(void *arg, int64_t id, struct bytes path, int64_t mtime, int64_t read_at)
{
	struct table *t = arg;
	struct seen_dir *d = vec_add(&t->dirs);
	(void)read_at;
	if (!d)
		return -ENOMEM;
	*d = (struct seen_dir){.id = id, .mtime = mtime, .path_len = (uint32_t)path.len,
			       .root = (uint32_t)(t->roots.len - 1)};
	d->path = texts_add(&t->texts, path.data, path.len);
	return d->path ? 0 : -ENOMEM;
}

static int take_target(void *arg, const struct store_target_dir *row)
{
	int64_t n = seen_add_target(arg, row);
	return n < 0 ? (int)n : 0;
}

/** Rows of links come with ids; those of a table of ids that ascend are found by halving. */
static int64_t find_id(const void *first, size_t n, size_t size, int64_t id)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int64_t at;
		memcpy(&at, (const char *)first + middle * size, sizeof at);
		if (at == id)
			return (int64_t)middle;
		if (at < id)
			low = middle + 1;
		else
			high = middle;
	}
	return -ENOENT;
}

/** Directories are in the order of their paths: their ids are looked up in an order of their own. */
struct dir_id {
	int64_t id;
	uint32_t dir;
};

struct loading {
	struct table *t;
	struct dir_id *dir_ids;
	/** The last ones, mostly those that come next. */
	int64_t dir, target;
	uint32_t dir_at, target_at;
	const char *reason;
};

static int by_id(const void *a, const void *b)
{
	const struct dir_id *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

/** Both places of a link; false when it is of a root that is not looked at. */
static bool find_places(struct loading *g, const struct store_symlink *row)
{
	struct table *t = g->t;
	if (row->dir != g->dir) {
		int64_t at = find_id(g->dir_ids, t->dirs.len, sizeof *g->dir_ids, row->dir);
		if (at < 0)
			return false;
		g->dir = row->dir;
		g->dir_at = g->dir_ids[at].dir;
	}
	if (row->target_dir != g->target) {
		int64_t at = find_id(t->targets.data, t->targets.len, sizeof *t->targets.data, row->target_dir);
		if (at < 0)
			return false;
		g->target = row->target_dir;
		g->target_at = (uint32_t)at;
	}
	return true;
}

static int take_link(void *arg, const struct store_symlink *row)
{
	struct loading *g = arg;
	struct table *t = g->t;
	if (!find_places(g, row))
		return 0;
	struct seen_link *l = vec_add(&t->links);
	if (!l || t->links.len >= UINT32_MAX)
		return -ENOMEM;
	*l = (struct seen_link){
		.id = row->id, .since = row->since, .ok_at = row->ok_at, .first_at = row->first_at,
		.last_at = row->last_at, .size = row->size, .seen_size = -1, .target = g->target_at, .dir = g->dir_at,
		.name_len = (uint32_t)row->target_name.len, .sightings = (uint32_t)row->sightings,
		.error = row->error, .state = (uint8_t)row->state, .reason = "",
	};
	/* the same sentence stands in many */
	if (*row->reason && (!g->reason || strcmp(g->reason, row->reason) != 0)) {
		g->reason = texts_add(&t->texts, row->reason, strlen(row->reason));
		if (!g->reason)
			return -ENOMEM;
	}
	if (*row->reason)
		l->reason = g->reason;
	l->name = texts_add(&t->texts, row->target_name.data, row->target_name.len);
	t->roots.data[t->dirs.data[l->dir].root].links++;
	return l->name ? 0 : -ENOMEM;
}

int seen_load_links(struct table *t, struct store *s)
{
	_free_ struct dir_id *ids = malloc((t->dirs.len + 1) * sizeof *ids);
	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < t->dirs.len; i++)
		ids[i] = (struct dir_id){t->dirs.data[i].id, (uint32_t)i};
	qsort(ids, t->dirs.len, sizeof *ids, by_id);
	struct loading g = {.t = t, .dir_ids = ids};
	int r = store_link_evidence(s, take_link, &g);
	t->known = t->links.len;
	return r;
}

static int take_hold(void *arg, const struct store_link_hold *row)
{
	struct table *t = arg;
	for (size_t i = 0; i < t->roots.len; i++)
		if (t->roots.data[i].id == row->root) {
			t->roots.data[i].old_held = row->count;
			t->roots.data[i].old_since = row->since;
		}
	return 0;
}

/** One root after the other: its directories are those that follow. */
static int load_dirs(struct table *t, struct store *s)
{
	VEC(struct seen_root) all = {t->roots.data, t->roots.len, t->roots.cap};
	int r = 0;
	for (size_t i = 0; i < all.len && r == 0; i++) {
		t->roots.len = i + 1;
		all.data[i].first = (uint32_t)t->dirs.len;
		r = store_link_dirs(s, all.data[i].id, take_dir, t);
		all.data[i].count = (uint32_t)(t->dirs.len - all.data[i].first);
	}
	t->roots.len = all.len;
	return r;
}

int seen_load_trees(struct table *t, struct store *s)
{
	int r = store_roots(s, take_root, t);
	if (r == 0)
		r = load_dirs(t, s);
	if (r == 0)
		r = store_target_dirs(s, take_target, t);
	if (r == 0)
		r = store_link_holds(s, take_hold, t);
	if (r == 0)
		r = store_link_last_ids(s, &t->last_dir, &t->last_target);
	t->known_dirs = t->dirs.len;
	return r;
}

int seen_load(struct table *t, struct store *s)
{
	int r = store_begin_read(s);
	if (r < 0)
		return r;
	r = seen_load_trees(t, s);
	if (r == 0)
		r = seen_load_links(t, s);
	store_end(s);
	return r;
}

void seen_clear(struct table *t)
{
	texts_clear(&t->texts);
	vec_clear(&t->roots);
	vec_clear(&t->dirs);
	vec_clear(&t->targets);
	vec_clear(&t->links);
	vec_clear(&t->fresh);
	free(t->order);
	free(t->hash);
	*t = (struct table){0};
}

/* --- finding --- */

struct seen_link *seen_find(struct table *t, int64_t id)
{
	int64_t at = find_id(t->links.data, t->known, sizeof *t->links.data, id);
	return at < 0 ? NULL : &t->links.data[at];
}

static int compare(const char *a, size_t n, struct bytes b)
{
	size_t least = n < b.len ? n : b.len;
	int order = least ? memcmp(a, b.data, least) : 0;
	return order ? order : (n > b.len) - (n < b.len);
}

struct seen_dir *seen_find_dir(struct table *t, uint32_t root, struct bytes path)
{
	const struct seen_root *r = &t->roots.data[root];
	size_t low = r->first, high = r->first + r->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		struct seen_dir *d = &t->dirs.data[middle];
		int order = compare(d->path, d->path_len, path);
		if (order == 0)
			return d;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/** FNV-1a over words: paths of one mount differ at their ends. */
static uint64_t hash_of(const char *s, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ n;
	for (; n >= 8; n -= 8, s += 8) {
		uint64_t w;
		memcpy(&w, s, 8);
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	for (; n; n--)
		h = (h ^ (unsigned char)*s++) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

static bool is_at(const struct table *t, size_t target, const char *path, size_t n)
{
	const struct seen_target *d = &t->targets.data[target];
	return d->path_len == n && memcmp(d->path, path, n) == 0;
}

/** The slot of a path: its own, or an empty one.  Paths that share only the place in the table are told apart
 * without a look at them. */
static uint64_t *slot_of(struct table *t, uint64_t hash, const char *path, size_t n)
{
	size_t at = hash & (t->hash_size - 1);
	while (t->hash[at] && (t->hash[at] >> 32 != hash >> 32 || !is_at(t, (uint32_t)t->hash[at] - 1, path, n)))
		at = (at + 1) & (t->hash_size - 1);
	return &t->hash[at];
}

static void put_hash(struct table *t, size_t target)
{
	const struct seen_target *d = &t->targets.data[target];
	uint64_t hash = hash_of(d->path, d->path_len);
	*slot_of(t, hash, d->path, d->path_len) = hash >> 32 << 32 | (target + 1);
}

/** Makes the hash, or a larger one: at most half full. */
static int grow_hash(struct table *t)
{
	size_t size = t->hash_size ? t->hash_size : 1024;
	if (t->hash && t->targets.len < size / 2)
		return 0;
	while (t->targets.len >= size / 2)
		size *= 2;
	uint64_t *hash = calloc(size, sizeof *hash);
	if (!hash)
		return -ENOMEM;
	free(t->hash);
	t->hash = hash;
	t->hash_size = size;
	for (size_t i = 0; i < t->targets.len; i++)
		put_hash(t, i);
	return 0;
}

int64_t seen_find_target(struct table *t, struct bytes path)
{
	if (t->found < t->targets.len && is_at(t, t->found, path.data, path.len))
		return (int64_t)t->found;
	int r = grow_hash(t);
	if (r < 0)
		return r;
	uint32_t at = (uint32_t)*slot_of(t, hash_of(path.data, path.len), path.data, path.len);
	t->found = at ? at - 1 : t->targets.len;
	return at ? (int64_t)at - 1 : -ENOENT;
}

int64_t seen_add_target(struct table *t, const struct store_target_dir *row)
{
	struct seen_target *d = t->targets.len < UINT32_MAX - 1 ? vec_add(&t->targets) : NULL;
	if (!d)
		return -ENOMEM;
	d->id = row->id;
	d->path_len = (uint32_t)row->path.len;
	d->here_len = (uint32_t)row->here.len;
	d->torrent_len = (uint32_t)row->torrent.len;
	d->path = texts_add(&t->texts, row->path.data, row->path.len);
	d->here = d->path;
	if (row->here.len != row->path.len || memcmp(row->here.data, row->path.data, row->here.len) != 0)
		d->here = texts_add(&t->texts, row->here.data, row->here.len);
	d->torrent = texts_add(&t->texts, row->torrent.data, row->torrent.len);
	if (!d->path || !d->here || !d->torrent)
		return -ENOMEM;
	if (t->hash) {
		int r = grow_hash(t);
		if (r < 0)
			return r;
		put_hash(t, t->targets.len - 1);
	}
	return (int64_t)t->targets.len - 1;
}

/** A counting sort. */
int seen_group(struct table *t)
{
	free(t->order);
	t->order = malloc((t->links.len + 1) * sizeof *t->order);
	uint32_t *at = calloc(t->targets.len + 1, sizeof *at);
	if (!t->order || !at) {
		free(at);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->links.len; i++)
		if (!(t->links.data[i].flags & GONE))
			at[t->links.data[i].target]++;
	uint32_t sum = 0;
	for (size_t i = 0; i < t->targets.len; i++) {
		uint32_t n = at[i];
		t->targets.data[i].first = at[i] = sum;
		sum += n;
	}
	/* what stands behind the last one's */
	at[t->targets.len] = sum;
	for (size_t i = 0; i < t->links.len; i++)
		if (!(t->links.data[i].flags & GONE))
			t->order[at[t->links.data[i].target]++] = (uint32_t)i;
	t->order[t->links.len] = sum;
	free(at);
	return 0;
}
