/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Which directory a watch number stands for: each knows its name and its parent's number, so that
 * a directory that moves takes everything below along; and which number a directory has that is
 * met again.  About 100 bytes a directory.  Not thread-safe.
 */
#ifndef INDEXER_DISCOVER_WATCH_MAP_H
#define INDEXER_DISCOVER_WATCH_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

struct watch_node {
	/** Number of the watch; of the parent, 0 when the name is the whole path below the root. */
	int wd, parent;
	uint32_t mtime;
	/** Place in the heap of limited watches, from 1; 0: not in it. */
	uint32_t heap;
	/** To know a directory again under its name. */
	uint64_t inode;
	struct watch_node *next, *next_name;
	char name[];
};

struct watch_map {
	/** By number; by parent and name. */
	struct watch_node **slot, **name_slot;
	size_t slots, count;
	/** A heap by mtime, the oldest first; only while watches are short. */
	struct watch_node **heap;
	size_t heap_len, heap_size;
	bool is_limited;
};

/** Notes (or moves) a directory.  0 or -ENOMEM. */
int map_put(struct watch_map *m, int wd, int parent, const char *name, uint64_t inode, int64_t mtime);
/** The number of a directory under its name, 0 when it has none or another inode has it. */
int map_known(const struct watch_map *m, int parent, const char *name, uint64_t inode);
struct watch_node *map_find(const struct watch_map *m, int wd);
void map_remove(struct watch_map *m, int wd);
/** The path below the root; -ENOENT when a parent is not known, -ELOOP. */
int map_path(const struct watch_map *m, const struct watch_node *n, struct buf *path);
void map_clear(struct watch_map *m);

/** Calls @fn for every node; it must not change the map. */
void map_each(const struct watch_map *m, void (*fn)(void *arg, const struct watch_node *n), void *arg);

/** Builds the heap from all nodes, once; later ones join it.  0 or -ENOMEM. */
int map_limit(struct watch_map *m);
/** The node that changed longest ago; NULL without a heap. */
const struct watch_node *map_oldest(const struct watch_map *m);

#endif
