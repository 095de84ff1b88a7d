/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by common/store*.c only: the connection and its prepared statements. */
#ifndef COMMON_STORE_PRIVATE_H
#define COMMON_STORE_PRIVATE_H

#include <sqlite3.h>

#include "common/clock.h"
#include "common/media.h"
#include "common/store_files.h"
#include "common/store_read.h"
#include "common/store_sql.h"

enum { STORE_FIELD_NUMBERS = 256 };

/** Tables whose numbers are given by store_new_id() (store_ids.h). */
#define NUMBERED_TABLES(N) N(file) N(spot) N(dir) N(album) N(shelf)

enum numbered {
#define N(name) NUMBERED_##name,
	NUMBERED_TABLES(N)
#undef N
	NUMBERED_COUNT
};

struct store {
	sqlite3 *db;
	/** Prepared at first use. */
	sqlite3_stmt *stmt[SQL_COUNT];
	/** Of those: they speak of what store_bulk.h gathers. */
	bool asks_rows[SQL_COUNT];
	/** store_bulk.h; NULL: nothing is gathered.  The error of what could not be given, until the transaction is taken back. */
	struct bulk *bulk;
	int bulk_error;
	bool writer;
	/** Number that the running transaction will have; only the writer. */
	int64_t generation;
	int64_t started_at;
	bool in_transaction;
	/** There were rows before this connection wrote: what comes may be what moved. */
	bool has_history, has_asked_history;
	/** Commits do not wait for the disk, see store_set_lazy(); and the last one did not. */
	bool is_lazy, owes_sync;
	/** Pages of the log after which a commit copies it into the file. */
	int wal_pages;
	bool has_late_indexes;
	/** store_ids.h; 0: not asked for yet. */
	struct {
		int64_t last;
		bool is_given;
	} ids[NUMBERED_COUNT];
	/** Table `field`: the number of each field, 0 none; each number's field + 1, 0 none. */
	struct {
		uint8_t number[FIELD_COUNT], field[STORE_FIELD_NUMBERS];
		int last;
		bool is_loaded;
	} fields;
	/** Topics touched by the running transaction (TOPIC_BIT). */
	unsigned touched;
	/** The directory and album asked for last: files come in the order of their folders.
	 * Forgotten with any row that ends, and with a transaction that is taken back. */
	struct {
		struct buf dir_path, album_key, album_title, album_artist;
		int64_t root, dir, album;
	} last;
	/** How the album of the track at hand is called; kept for its memory. */
	struct album_name {
		/** Artist and title as they are, or the folder. */
		struct buf key;
		struct buf title, artist;
	} naming;
	/** store_fresh.h; NULL: nothing is known. */
	struct fresh_dirs *fresh;
	/** store_facts.h; NULL: none. */
	struct new_albums *new_albums;
	/** What was found of shelves: store_shelf.h; NULL: nothing. */
	struct shelves *shelves;
	/** What the running transaction adds to table `tally`: store_tally.h; only the writer. */
	struct tally_added *added;
	/** The bytes that a running statement writes. */
	struct buf packed;
};

/** A copy the original of which goes within this time was a move to another disk. */
#define MOVE_NS (INT64_C(24) * 3600 * NS_PER_S)

enum {
	WAL_PAGES = 4000,
	/** Until store_tidy(), once a first scan began: what is copied while it runs is written again by its next rows.  64 MiB,
	 * as long as the log may stay (journal_size_limit). */
	WAL_PAGES_LAZY = 16000,
};
void store_limit_wal(struct store *s, int pages);

/** Forgets what was asked for last. */
void store_forget_last(struct store *s);

/** The statement, reset and without bindings; NULL (logged) when SQLite refuses it, or rows before it. */
sqlite3_stmt *store_stmt(struct store *s, enum sql_id id);

/** Runs a statement to its end, resets it.  Returns 0 or -errno (logged). */
int store_run(struct store *s, sqlite3_stmt *q);

/** sqlite3_step: 1 for a row, 0 at the end (and reset), -errno (logged, reset). */
int store_step(struct store *s, sqlite3_stmt *q);

/** Plain SQL without results.  Returns 0 or -errno (logged). */
int store_exec(struct store *s, const char *sql);

/** A connection to the file at @path; nothing is checked.  @flags of SQLite. */
int store_open_path(const char *path, int flags, struct store **out);

/** -errno of a result of SQLite; of a failed file operation the system's, where it tells more. */
int store_errno(sqlite3 *db, int rc);

/**
 * Runs quick_check or integrity_check.  0; -EUCLEAN: damaged, and @why (256 bytes) says so; any
 * other -errno: it could not be found out.
 */
int store_check(sqlite3 *db, const char *pragma, char *why);

/* --- store_schema.c --- */

/** One step from a version to a later one: SQL, then a function; either may be NULL. */
struct migration {
	int from, to;
	const char *sql;
	int (*run)(struct store *s);
};

/**
 * Makes the tables or migrates them, in one transaction, after a copy to backups/.  On failure
 * everything is as it was.  @why: 256 bytes.
 */
int store_schema_prepare(struct store *s, const char *state_dir, char *why);
/** The same with other steps to another version; for tests. */
int store_schema_migrate(struct store *s, const char *state_dir, const struct migration *steps,
			 size_t n, int to, char *why);
/** -EPROTO when the store has another version than this program; -ENOENT: it has no tables yet. */
int store_schema_check(struct store *s);
/** Makes the indexes that a first scan goes without; at its end. */
int store_index_late(struct store *s);
/** Whether this program can use, or migrate, a store of that version. */
bool store_schema_is_known(sqlite3 *db);

/* --- store_backup.c, store_recover.c --- */

/** Copies in backups/, newest first: daily ones, or those before migrations. */
int store_backup_list(const char *state_dir, bool daily, dated_files *out);

/** Replaces a damaged store in one step: readers see the old one or the new one, which says what
 * became of it.  @damage: a clause. */
int store_recover(const char *state_dir, const char *damage);
/** The store is an empty file though commits of it were shown. */
bool store_lost_all(const char *state_dir);
/**
 * After a recovery (@story is not ""), or when readers were shown later commits than this store
 * has: goes on above all numbers that were ever given out, and notes why in meta `recovered`.
 */
int store_resume(struct store *s, const char *state_dir, const char *story);

/** One number from a statement whose parameters are bound; -ENOENT without a row. */
int store_one_number(struct store *s, sqlite3_stmt *q, int64_t *v);
/** The row of a question for files; its texts live until the next step. */
struct store_file store_file_row(sqlite3_stmt *q);
/** Binds root, path and the bounds of all below it to parameters 1 to 4; @range: two buffers that
 * live until store_clear_below(). */
void store_bind_below(sqlite3_stmt *q, int64_t root, const char *path, size_t n, struct buf *range);
void store_clear_below(sqlite3_stmt *q, struct buf *range);

/** SQL with the column lists of fields.h and metrics.h put in.  The caller frees it. */
char *store_sql_expand(const char *sql);

static inline void bind_bytes(sqlite3_stmt *q, int i, const char *s, size_t n)
{
	sqlite3_bind_blob(q, i, n ? s : "", (int)n, SQLITE_STATIC);
}

/** Of NULL nothing is bound. */
static inline void clear_bindings(sqlite3_stmt *q)
{
	if (q)
		sqlite3_clear_bindings(q);
}

static inline void bind_text(sqlite3_stmt *q, int i, const char *s, size_t n)
{
	sqlite3_bind_text(q, i, n ? s : "", (int)n, SQLITE_STATIC);
}

static inline void bind_str(sqlite3_stmt *q, int i, const char *s)
{
	bind_text(q, i, s, strlen(s));
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

/** Binds every field of a volume from parameter @i on; returns the next free number.  Of a track:
 * store_pack_bind(). */
int store_bind_volume(sqlite3_stmt *q, int i, const struct media *m);
/** Reads them back as they are; returns the next column. */
int store_column_fields(sqlite3_stmt *q, int i, unsigned of, struct media *m);
/** Of a track unpacked, with PACK_NAMES behind.  0 or -errno. */
int store_column_media(struct store *s, sqlite3_stmt *q, int i, unsigned of, struct media *m);

#endif
