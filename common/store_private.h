/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by common/store*.c only: the connection and its prepared statements. */
#ifndef COMMON_STORE_PRIVATE_H
#define COMMON_STORE_PRIVATE_H

#include <sqlite3.h>

#include "common/media.h"
#include "common/store_read.h"
#include "common/store_sql.h"

struct store {
	sqlite3 *db;
	/** Prepared at first use. */
	sqlite3_stmt *stmt[SQL_COUNT];
	bool writer;
	/** Number that the running transaction will have; only the writer. */
	int64_t generation;
	int64_t started_at;
	bool in_transaction;
	/** Topics touched by the running transaction (TOPIC_BIT). */
	unsigned touched;
	/** The directory and album asked for last: files come in the order of their folders.
	 * Forgotten with any row that ends, and with a transaction that is taken back. */
	struct {
		struct buf dir_path, album_key;
		int64_t root, dir, album;
	} last;
};

/** Forgets what was asked for last. */
void store_forget_last(struct store *s);

/** The statement, reset and without bindings; NULL (logged) when SQLite refuses it. */
sqlite3_stmt *store_stmt(struct store *s, enum sql_id id);

/** Runs a statement to its end, resets it.  Returns 0 or -errno (logged). */
int store_run(struct store *s, sqlite3_stmt *q);

/** sqlite3_step: 1 for a row, 0 at the end (and reset), -errno (logged, reset). */
int store_step(struct store *s, sqlite3_stmt *q);

/** Plain SQL without results.  Returns 0 or -errno (logged). */
int store_exec(struct store *s, const char *sql);

/** Makes or migrates the tables.  @why: 256 bytes. */
int store_schema_prepare(struct store *s, char *why);
/** -EPROTO when the store has another version than this program. */
int store_schema_check(struct store *s);

/** SQL with the column lists of fields.h and metrics.h put in.  The caller frees it. */
char *store_sql_expand(const char *sql);

static inline void bind_bytes(sqlite3_stmt *q, int i, const char *s, size_t n)
{
	sqlite3_bind_blob(q, i, n ? s : "", (int)n, SQLITE_STATIC);
}

static inline void bind_text(sqlite3_stmt *q, int i, const char *s, size_t n)
{
	sqlite3_bind_text(q, i, n ? s : "", (int)n, SQLITE_STATIC);
}

static inline struct bytes column_bytes(sqlite3_stmt *q, int i)
{
	int n = sqlite3_column_bytes(q, i);
	return (struct bytes){.data = n ? sqlite3_column_blob(q, i) : "", .len = (size_t)n};
}

/** "" for NULL. */
static inline const char *column_str(sqlite3_stmt *q, int i)
{
	const char *text = (const char *)sqlite3_column_text(q, i);
	return text ? text : "";
}

/** Binds every field of @of from parameter @i on; returns the next free number. */
int store_bind_media(sqlite3_stmt *q, int i, unsigned of, const struct media *m);
/** Reads them back from column @i on; returns the next column. */
int store_column_media(sqlite3_stmt *q, int i, unsigned of, struct media *m);

#endif
