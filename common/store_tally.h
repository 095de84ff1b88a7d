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

/*   name, table, key and number to add up of a row (@: its columns), the columns that these are made of */
#define TALLIES(T) \
	T(track, "track", "''", "CAST(ifnull(@duration_seconds, 0) * 1000 AS INTEGER)", "duration_seconds") \
	T(album, "album", "''", "0", "") \
	T(series, "series", "''", "0", "") \
	T(volume, "volume", "@kind", "0", "kind") \
	T(missing, "missing", "@kind", "@state <> 'wanted'", "kind, state") \
	T(error, "error", "@kind", "0", "kind") \
	T(integrity, "integrity", "@verdict", "0", "verdict") \
	T(symlink, "symlink", "@state", "max(@size, 0)", "state, size") \
	T(torrent, "torrent", "@status", "@bytes", "status, bytes") \
	T(attempt, "attempt", "@outcome", "0", "outcome") \
	T(permanent, "permanent", "@kind", "0", "kind") \
	T(retry, "retry", "@is_spent", "0", "is_spent") \
	T(insertion, "insertion", "@step", "0", "step") \
	T(plan_item, "plan_item", "@state", "0", "state") \
	T(request, "request", "@state", "0", "state") \
	T(result, "result", "@verdict", "0", "verdict") \
	T(searched, "searched", "@outcome", "@results", "outcome, results")

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
