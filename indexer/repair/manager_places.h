/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Media servers: libraries that have folders, of which one path strictly below is refreshed. */
#ifndef INDEXER_REPAIR_MANAGER_PLACES_H
#define INDEXER_REPAIR_MANAGER_PLACES_H

#include "indexer/repair/manager_web.h"

/** One folder of a library. */
struct place {
	int64_t id;
	char title[256], path[1024];
};

struct places {
	struct manager_web web;
	VEC(struct place) list;
	/** When they were listed; ns since 1970, 0 never. */
	int64_t listed_at;
	/** Calls places_add() for each. */
	int (*read)(struct places *p, char *why);
};

void places_clear(struct places *p);
/** What cannot be used is passed over. */
int places_add(struct places *p, int64_t id, const char *title, const char *path);
/**
 * The library of @path: the place with the longest folder that @path is below of; @out is borrowed until the
 * next call.  -ENOENT.  @is_fresh: asks, whatever is known.
 */
int places_find(struct places *p, const char *path, bool is_fresh, const struct place **out, char *why);
/** Whether the server still has the library with the folder that holds the item: -ENODEV. */
int places_ready(struct places *p, const struct manager_item *item, char *why);

#endif
