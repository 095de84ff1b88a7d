/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the store knows of directories, as their numbers (dirsum.h), by their paths.  One thread adds, then many find. */
#ifndef INDEXER_DISCOVER_KNOWN_DIRS_H
#define INDEXER_DISCOVER_KNOWN_DIRS_H

#include <stddef.h>
#include <stdint.h>

struct known_dir {
	/** Of the path below the root, by text_hash(). */
	uint64_t path;
	/** 0: a free place. */
	int64_t sum, row;
};

struct known_dirs {
	struct known_dir *place;
	/** A power of two, or 0. */
	size_t places, count;
};

/** Without memory it is left out.  @d->sum is not 0. */
void known_dirs_add(struct known_dirs *k, const struct known_dir *d);
/** NULL: nothing is known of it. */
const struct known_dir *known_dirs_find(const struct known_dirs *k, const char *path);
void known_dirs_clear(struct known_dirs *k);

#endif
