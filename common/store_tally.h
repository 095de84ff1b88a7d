/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Kept counts: how many rows of a table there are, and a sum over them, by a key.  Triggers keep them in the transaction
 * that changes the table, whoever writes it; table `tally` has one small row for each key.  A new row here is
 * counted once, when the next indexer opens the store, and kept from then on.
 *
 * Shared by common/store*.c only.
 */
#ifndef COMMON_STORE_TALLY_H
#define COMMON_STORE_TALLY_H

#include "common/store_private.h"

/** Whether a spot (an album on a shelf) shows an artist of tracks, and is the only one, or the first of several. */
#define TALLY_ARTIST(other) \
	"(SELECT kind FROM shelf WHERE id = @shelf_id) = 1 AND @tracks > 0 AND NOT EXISTS(SELECT 1 FROM spot o " \
	"WHERE o.shelf_id = @shelf_id AND o.tracks > 0 AND o.id " other " @id)"

/*   name, table, key and number to add up of a row (@: its columns), the columns that these are made of, the number as
     long as all rows are there (NULL: the same) */
#define TALLIES(T) \
	T(track, "track", "''", "CAST(ifnull(@duration_seconds, 0) * 1000 AS INTEGER)", "duration_seconds", NULL) \
	T(album, "album", "''", "0", "", NULL) \
	T(artist, "spot", "''", TALLY_ARTIST("<>"), "tracks", TALLY_ARTIST("<")) \
	T(series, "series", "''", "0", "", NULL) \
	T(volume, "volume", "@kind", "0", "kind", NULL) \
	T(missing, "missing", "@kind", "@state <> 'wanted'", "kind, state", NULL) \
	T(error, "error", "@kind", "0", "kind", NULL) \
	T(integrity, "integrity", "@verdict", "0", "verdict", NULL) \
	T(symlink, "symlink", "@state", "max(@size, 0)", "state, size", NULL) \
	T(torrent, "torrent", "@status", "@bytes", "status, bytes", NULL) \
	T(attempt, "attempt", "@outcome", "0", "outcome", NULL) \
	T(permanent, "permanent", "@kind", "0", "kind", NULL) \
	T(retry, "retry", "@is_spent", "0", "is_spent", NULL) \
	T(insertion, "insertion", "@step", "0", "step", NULL) \
	T(plan_item, "plan_item", "@state", "0", "state", NULL) \
	T(request, "request", "@state", "0", "state", NULL) \
	T(result, "result", "@verdict", "0", "verdict", NULL) \
	T(searched, "searched", "@outcome", "@results", "outcome, results", NULL)

enum tally_id {
#define T(name, ...) TALLY_##name,
	TALLIES(T)
#undef T
	TALLY_COUNT
};

/** Makes the triggers of those that are not kept yet, and counts once.  In the transaction of store_schema.c. */
int store_tally_keep(struct store *s);

/** Every row: name, key, rows, sum. */
typedef int store_tally_fn(void *arg, enum tally_id tally, const char *key, int64_t n, int64_t sum);
int store_tallies(struct store *s, store_tally_fn *fn, void *arg);

#endif
