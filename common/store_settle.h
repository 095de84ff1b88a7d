/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between store_write.c and store_settle*.c only. */
#ifndef COMMON_STORE_SETTLE_H
#define COMMON_STORE_SETTLE_H

#include "common/store_private.h"
#include "common/store_write.h"

/** Notes that a row ended, for readers that hold its name. */
int store_tomb(struct store *s, enum row_kind kind, int64_t id);
/** Runs a bound `… RETURNING id` or `SELECT id`; -ENOENT without a row. */
int store_returning(struct store *s, sqlite3_stmt *q, int64_t *id);
/** Runs a statement with one number as its parameter. */
int store_run_id(struct store *s, enum sql_id sql, int64_t id);

/** The track or volume row of a file, and the album or series it belongs to. */
int store_add_track(struct store *s, const struct store_put *put, struct store_touched *touched);
int store_add_volume(struct store *s, const struct store_put *put, struct store_touched *touched);

/**
 * A name to show that no other row has: @wanted made safe, with " (2)" when taken.
 * @lookup: the statement that finds (id, shown) by its last parameter, @at; others are bound.
 */
int store_unique_name(struct store *s, sqlite3_stmt *lookup, int at, const char *wanted,
		      struct buf *shown, struct buf *shown_key);

#endif
