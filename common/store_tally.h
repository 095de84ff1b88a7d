/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Kept counts: how many rows of a table there are, and a sum over them, by a key.  Triggers keep them in the transaction
 * that changes the table, whoever writes it; table `tally` has one small row for each key.  A row here that is new,
 * or says something else than before, is counted once, when the next indexer opens the store, and kept from then on.
 *
 * Of some tables a first scan inserts as many rows as there are files.  A trigger would cost it more than the row, so
 * whoever inserts there calls store_tally_add() (BY_WRITER), and the commit adds all at once; what else happens to
 * their rows is for triggers.
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

/** How rows that come are counted. */
enum tally_inserts { BY_TRIGGER, BY_WRITER };

/*   name, table, key and number to add up of a row (@: its columns), the columns that these are made of, the number as
     long as all rows are there (NULL: the same), how rows that come are counted */
#define TALLIES(T) \
	T(track, "track", "''", "CAST(ifnull(@duration_seconds, 0) * 1000 AS INTEGER)", "duration_seconds", NULL, BY_WRITER) \
	T(album, "album", "''", "0", "", NULL, BY_WRITER) \
	T(file, "file", "(SELECT root_id FROM dir WHERE id = @dir_id)", "@size", "dir_id, size", NULL, BY_WRITER) \
	T(artist, "spot", "''", TALLY_ARTIST("<>"), "tracks", TALLY_ARTIST("<"), BY_WRITER) \
	T(series, "series", "''", "0", "", NULL, BY_TRIGGER) \
	T(volume, "volume", "@kind", "0", "kind", NULL, BY_TRIGGER) \
	T(missing, "missing", "@kind", "@state <> 'wanted'", "kind, state", NULL, BY_TRIGGER) \
	T(error, "error", "@kind", "0", "kind", NULL, BY_TRIGGER) \
	T(integrity, "integrity", "@verdict", "0", "verdict", NULL, BY_TRIGGER) \
	T(symlink, "symlink", "@state", "max(@size, 0)", "state, size", NULL, BY_TRIGGER) \
	T(torrent, "torrent", "@status", "@bytes", "status, bytes", NULL, BY_TRIGGER) \
	T(attempt, "attempt", "@outcome", "0", "outcome", NULL, BY_TRIGGER) \
	T(permanent, "permanent", "@kind", "0", "kind", NULL, BY_TRIGGER) \
	T(retry, "retry", "@is_spent", "0", "is_spent", NULL, BY_TRIGGER) \
	T(insertion, "insertion", "@step", "0", "step", NULL, BY_TRIGGER) \
	T(plan_item, "plan_item", "@state", "0", "state", NULL, BY_TRIGGER) \
	T(request, "request", "@state", "0", "state", NULL, BY_TRIGGER) \
	T(result, "result", "@verdict", "0", "verdict", NULL, BY_TRIGGER) \
	T(searched, "searched", "@outcome", "@results", "outcome, results", NULL, BY_TRIGGER)

enum tally_id {
#define T(name, ...) TALLY_##name,
	TALLIES(T)
#undef T
	TALLY_COUNT
};

/** Makes the triggers of those that are not kept yet, or otherwise, and counts once.  In the transaction of store_schema.c. */
int store_tally_keep(struct store *s);

/** What store_tally_add() needs; of the writer's connection.  0 or -ENOMEM. */
int store_tally_open(struct store *s);
void store_tally_close(struct store *s);
/** A row of such a table comes with this transaction; @sum: its number to add up, bounded as a trigger would. */
void store_tally_add(struct store *s, enum tally_id tally, double sum);
/** The same below a key that is a number.  0 or -errno. */
int store_tally_add_to(struct store *s, enum tally_id tally, int64_t key, double sum);
/** Adds them to the table; before the commit.  0 or -errno. */
int store_tally_flush(struct store *s);
/** The transaction is taken back. */
void store_tally_forget(struct store *s);

/** Every row: name, key, rows, sum. */
typedef int store_tally_fn(void *arg, enum tally_id tally, const char *key, int64_t n, int64_t sum);
int store_tallies(struct store *s, store_tally_fn *fn, void *arg);

#endif
