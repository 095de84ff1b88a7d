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

/* --- store_write_request.c --- */

/** Documents about the series are new. */
int store_touch_series(struct store *s, const char *key);
/** 0 when no series has the key now. */
int64_t store_series_of_key(struct store *s, const char *key);
/** The best results of its missing volumes become requests, where nobody works on one. */
int store_choose(struct store *s, int64_t series);

/** Values of file.pending. */
enum {
	PENDING = 1,
	/** The file has one name, so that whoever else has its inode has lost it, unless the same tree
	 * is mounted twice: both places are looked at again, up to PENDING_LAST. */
	PENDING_ONLY = 2,
	PENDING_LAST = 4,
};

/** Values of file.state. */
enum file_state {
	FILE_READ = 0,
	FILE_FAILED = 1,
	/** It was read well, and then found damaged by reading it to its end. */
	FILE_CORRUPT = 2,
};

/** An error of an indexed file, and its end. */
int store_put_file_error(struct store *s, int64_t root, struct bytes path, int64_t file, const char *kind,
			 const char *reason, int tries);
int store_clear_error(struct store *s, int64_t root, struct bytes path);

/** The row of put->dir, made when there is none. */
int store_put_dir(struct store *s, const struct store_put *put, int64_t *dir);
/** Whether a file that has no row may be one that moved or came back: 0, 1 or -errno. */
int store_is_known(struct store *s, const struct store_put *put);
/** The number that a statement finds for a file (its album, series, directory); 0 without. */
int64_t store_owner_of(struct store *s, enum sql_id sql, int64_t file);
/** Ends a file's track or volume row. */
int store_drop_media(struct store *s, int64_t file, struct store_touched *touched);

/** The track or volume row of a file, and the album or series it belongs to. */
int store_add_track(struct store *s, const struct store_put *put, struct store_touched *touched);
int store_add_volume(struct store *s, const struct store_put *put, struct store_touched *touched);

/** The @n-th name to show for @wanted, made safe; @key: as names are compared. */
void store_shown_name(const char *wanted, int n, struct buf *shown, struct buf *key);

/**
 * A name to show that no other row has: @wanted made safe, with " (2)" when taken.
 * @lookup: the statement that finds (id, shown) by its last parameter, @at; others are bound.
 */
enum name_form {
	NAME_FOLDED,
	/** As store_pack_shown() tells it. */
	NAME_HASHED,
};
int store_unique_name(struct store *s, sqlite3_stmt *lookup, int at, enum name_form form, const char *wanted,
		      struct buf *shown, struct buf *shown_key);

#endif
