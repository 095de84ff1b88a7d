/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Shelves (artists, genres, years) by their keys, for the writer.  What was found of one is kept in memory: most albums
 * stand on shelves that others stand on too.  Between common/store*.c only; one thread, that of the writer.
 */
#ifndef COMMON_STORE_SHELF_H
#define COMMON_STORE_SHELF_H

#include "common/store_settle.h"

struct shelf {
	enum row_kind kind;
	/** As text_fold_case() makes it. */
	char *key;
	uint64_t hash;
	int64_t id;
	/** The generation that it was last marked as changed with. */
	int64_t touched;
	/** An album with tracks stands on it for certain. */
	bool has_tracks;
	/** Nothing has ever stood on it. */
	bool is_new;
};

/**
 * The shelf with that key, made when there is none.  *out lives until the next call; 0 or -errno.
 * @name: as it is shown.
 */
int store_shelf_get(struct store *s, enum row_kind kind, const char *key, const char *name, struct shelf **out);

/** It is new for readers; once in a transaction. */
int store_shelf_touch(struct store *s, struct shelf *shelf);

/** The same of a shelf known by its number, from which something went. */
int store_shelf_changed(struct store *s, int64_t id);
/** What stands on it has another number of tracks. */
void store_shelf_changed_tracks(struct store *s, int64_t id);

/** Its row ended. */
void store_shelf_forget(struct store *s, int64_t id);
/** A transaction was taken back. */
void store_shelf_forget_all(struct store *s);

#endif
