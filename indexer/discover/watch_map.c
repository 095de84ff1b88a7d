/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/discover/watch_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_SLOTS = 256,
	DEEPEST = 4096,
};

/* --- the heap --- */

static void place(struct watch_map *m, size_t i, struct watch_node *n)
{
	m->heap[i] = n;
	n->heap = (uint32_t)i + 1;
}

static void swap(struct watch_map *m, size_t a, size_t b)
{
	struct watch_node *n = m->heap[a];
	place(m, a, m->heap[b]);
	place(m, b, n);
}

static void rise(struct watch_map *m, size_t i)
{
	while (i > 0 && m->heap[i]->mtime < m->heap[(i - 1) / 2]->mtime) {
		swap(m, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void sink(struct watch_map *m, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1;
		for (size_t c = left; c < left + 2 && c < m->heap_len; c++)
			if (m->heap[c]->mtime < m->heap[least]->mtime)
				least = c;
		if (least == i)
			return;
		swap(m, i, least);
		i = least;
	}
}

static int heap_add(struct watch_map *m, struct watch_node *n)
{
	if (m->heap_len == m->heap_size) {
		size_t size = m->heap_size ? m->heap_size * 2 : 1024;
		struct watch_node **grown = realloc(m->heap, size * sizeof *grown);
		if (!grown)
			return -ENOMEM;
		m->heap = grown;
		m->heap_size = size;
	}
	place(m, m->heap_len++, n);
	rise(m, m->heap_len - 1);
	return 0;
}

static void heap_drop(struct watch_map *m, const struct watch_node *n)
{
	size_t i = n->heap - 1;
	if (!n->heap)
		return;
	struct watch_node *last = m->heap[--m->heap_len];
	if (last == n)
		return;
	place(m, i, last);
	rise(m, i);
	sink(m, last->heap - 1);
}

int map_limit(struct watch_map *m)
{
	int r = 0;
	/* once it is there, every node joins it */
	for (size_t i = 0; i < m->slots && !m->is_limited; i++)
		for (struct watch_node *n = m->slot[i]; n && r == 0; n = n->next)
			if (!n->heap)
				r = heap_add(m, n);
	m->is_limited = r == 0;
	return r;
}

const struct watch_node *map_oldest(const struct watch_map *m)
{
	return m->heap_len ? m->heap[0] : NULL;
}

/* --- the map --- */

static struct watch_node **slot_of(const struct watch_map *m, int wd)
{
	return &m->slot[(uint32_t)wd * 2654435761u & (m->slots - 1)];
}

static struct watch_node **name_slot_of(const struct watch_map *m, int parent, const char *name)
{
	uint32_t h = (uint32_t)parent * 2654435761u;
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return &m->name_slot[h & (m->slots - 1)];
}

static void link_node(struct watch_map *m, struct watch_node *n)
{
	struct watch_node **at = slot_of(m, n->wd), **named = name_slot_of(m, n->parent, n->name);
	n->next = *at;
	*at = n;
	n->next_name = *named;
	*named = n;
}

static int grow(struct watch_map *m)
{
	if (m->count < m->slots)
		return 0;
	struct watch_map grown = {.slots = m->slots ? m->slots * 2 : FIRST_SLOTS};
	grown.slot = calloc(grown.slots, sizeof *grown.slot);
	grown.name_slot = calloc(grown.slots, sizeof *grown.name_slot);
	if (!grown.slot || !grown.name_slot) {
		free(grown.slot);
		free(grown.name_slot);
		return -ENOMEM;
	}
	for (size_t i = 0; i < m->slots; i++)
		for (struct watch_node *n = m->slot[i], *next; n; n = next) {
			next = n->next;
			link_node(&grown, n);
		}
	free(m->slot);
	free(m->name_slot);
	m->slot = grown.slot;
	m->name_slot = grown.name_slot;
	m->slots = grown.slots;
	return 0;
}

struct watch_node *map_find(const struct watch_map *m, int wd)
{
	struct watch_node *n = m->slots ? *slot_of(m, wd) : NULL;
	while (n && n->wd != wd)
		n = n->next;
	return n;
}

void map_remove(struct watch_map *m, int wd)
{
	struct watch_node *n = map_find(m, wd);
	if (!n)
		return;
	struct watch_node **at = slot_of(m, wd);
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	at = name_slot_of(m, n->parent, n->name);
	while (*at != n)
		at = &(*at)->next_name;
	*at = n->next_name;
	heap_drop(m, n);
	m->count--;
	free(n);
}

int map_put(struct watch_map *m, int wd, int parent, const char *name, uint64_t inode, int64_t mtime)
{
	struct watch_node *n = map_find(m, wd);
	if (n && n->parent == parent && strcmp(n->name, name) == 0) {
		n->mtime = (uint32_t)mtime;
		n->inode = inode;
		if (n->heap) {
			rise(m, n->heap - 1);
			sink(m, n->heap - 1);
		}
		return 0;
	}
	map_remove(m, wd);
	size_t len = strlen(name);
	n = grow(m) == 0 ? malloc(sizeof *n + len + 1) : NULL;
	if (!n)
		return -ENOMEM;
	*n = (struct watch_node){.wd = wd, .parent = parent == wd ? 0 : parent,
				 .mtime = (uint32_t)mtime, .inode = inode};
	memcpy(n->name, name, len + 1);
	link_node(m, n);
	m->count++;
	return m->is_limited ? heap_add(m, n) : 0;
}

int map_known(const struct watch_map *m, int parent, const char *name, uint64_t inode)
{
	const struct watch_node *n = m->slots ? *name_slot_of(m, parent, name) : NULL;
	while (n && (n->parent != parent || strcmp(n->name, name) != 0))
		n = n->next_name;
	return n && n->inode == inode ? n->wd : 0;
}

static int add_path(const struct watch_map *m, const struct watch_node *n, int depth,
		    struct buf *path)
{
	if (depth > DEEPEST)
		return -ELOOP;
	if (n->parent) {
		const struct watch_node *up = map_find(m, n->parent);
		int r = up ? add_path(m, up, depth + 1, path) : -ENOENT;
		if (r < 0)
			return r;
		if (path->len)
			buf_addc(path, '/');
	}
	return buf_adds(path, n->name);
}

int map_path(const struct watch_map *m, const struct watch_node *n, struct buf *path)
{
	return add_path(m, n, 0, path);
}

void map_each(const struct watch_map *m, void (*fn)(void *arg, const struct watch_node *n), void *arg)
{
	for (size_t i = 0; i < m->slots; i++)
		for (const struct watch_node *n = m->slot[i]; n; n = n->next)
			fn(arg, n);
}

void map_clear(struct watch_map *m)
{
	for (size_t i = 0; i < m->slots; i++)
		for (struct watch_node *n = m->slot[i], *next; n; n = next) {
			next = n->next;
			free(n);
		}
	free(m->slot);
	free(m->name_slot);
	free(m->heap);
	*m = (struct watch_map){0};
}
