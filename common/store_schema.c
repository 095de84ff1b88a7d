/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Tables of the store.  Paths and names of files are bytes (BLOB); times are nanoseconds since
 * 1970; a row's `version` is the number of the commit that last changed it, `at` its time.
 *
 * root → dir → file → track → album ← spot → shelf (an artist, a genre, a year)
 *                   → volume → series → missing
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/store_private.h"

enum { SCHEMA_VERSION = 1 };

static const char *const tables[] = {
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL)",
	"CREATE TABLE topic(id INTEGER PRIMARY KEY, version INTEGER NOT NULL, at INTEGER NOT NULL)",
	/* rows that are no more, for readers that hold their names; kinds as in store_read.h */
	"CREATE TABLE tomb(version INTEGER NOT NULL, kind INTEGER NOT NULL, id INTEGER NOT NULL)",
	"CREATE INDEX tomb_version ON tomb(version)",
	"CREATE TABLE root(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, "
	"path BLOB NOT NULL UNIQUE, state TEXT NOT NULL, reason TEXT NOT NULL, "
	"since INTEGER NOT NULL, device INTEGER NOT NULL DEFAULT 0, "
	"files INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, "
	"active INTEGER NOT NULL)",
	/* path below the root, '' for the root itself; cover: a picture file lies beside the music */
	"CREATE TABLE dir(id INTEGER PRIMARY KEY AUTOINCREMENT, root_id INTEGER NOT NULL, path BLOB NOT NULL, "
	"cover INTEGER NOT NULL, UNIQUE(root_id, path))",
	/* state: 0 read, 1 failed (see error); job: the last one that read it */
	"CREATE TABLE file(id INTEGER PRIMARY KEY AUTOINCREMENT, dir_id INTEGER NOT NULL, "
	"name BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, "
	"ctime INTEGER NOT NULL, inode INTEGER NOT NULL, state INTEGER NOT NULL, "
	"job INTEGER NOT NULL, added_at INTEGER NOT NULL, UNIQUE(dir_id, name))",
	"CREATE TABLE album(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, "
	"title TEXT NOT NULL, artist TEXT NOT NULL, year INTEGER, date TEXT, "
	"audit INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL, at INTEGER NOT NULL)",
	"CREATE INDEX album_version ON album(version)",
	"CREATE INDEX album_audit ON album(audit) WHERE audit > 0",
	"CREATE TABLE shelf(id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, "
	"key TEXT NOT NULL, name TEXT NOT NULL, shown TEXT NOT NULL, shown_key TEXT NOT NULL, "
	"version INTEGER NOT NULL, at INTEGER NOT NULL, UNIQUE(kind, key), "
	"UNIQUE(kind, shown_key))",
	"CREATE INDEX shelf_version ON shelf(version)",
	/* one album on one shelf; tracks: how many of its tracks have this artist, genre or year */
	"CREATE TABLE spot(id INTEGER PRIMARY KEY AUTOINCREMENT, shelf_id INTEGER NOT NULL, "
	"album_id INTEGER NOT NULL, tracks INTEGER NOT NULL, shown TEXT NOT NULL, "
	"shown_key TEXT NOT NULL, UNIQUE(shelf_id, shown_key))",
	"CREATE INDEX spot_album ON spot(album_id)",
	"CREATE TABLE series(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, "
	"title TEXT NOT NULL, shown TEXT NOT NULL, shown_key TEXT NOT NULL UNIQUE, "
	"total INTEGER, total_source TEXT, user_total INTEGER, owned TEXT, "
	"version INTEGER NOT NULL, at INTEGER NOT NULL)",
	"CREATE INDEX series_version ON series(version)",
	"CREATE TABLE missing(series_id INTEGER NOT NULL, volume INTEGER NOT NULL, "
	"kind TEXT NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL, "
	"PRIMARY KEY(series_id, volume))",
	/* path below the root; file_id NULL for directories and what is no regular file */
	"CREATE TABLE error(root_id INTEGER NOT NULL, path BLOB NOT NULL, file_id INTEGER, "
	"kind TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL, "
	"tries INTEGER NOT NULL, job INTEGER NOT NULL, PRIMARY KEY(root_id, path))",
	"CREATE INDEX error_file ON error(file_id)",
	"CREATE TABLE job(id INTEGER PRIMARY KEY AUTOINCREMENT, words TEXT NOT NULL, "
	"state TEXT NOT NULL, submitted_at INTEGER NOT NULL, token TEXT UNIQUE, "
	"started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, done INTEGER NOT NULL, "
	"total INTEGER NOT NULL, result TEXT NOT NULL)",
	"CREATE INDEX job_state ON job(state)",
	"CREATE INDEX job_ended ON job(ended_at) WHERE ended_at > 0",
	"CREATE TABLE event(seq INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, "
	"kind TEXT NOT NULL, body TEXT NOT NULL)",
};

static const char *type_of(enum field_id f)
{
	if (field_is_text(f))
		return "TEXT";
	return field_is_real(f) ? "REAL" : "INTEGER";
}

/** CREATE TABLE track / volume: a file, what it belongs to, and the fields. */
static int create_media_table(struct store *s, const char *name, const char *owner, unsigned of)
{
	_buf_ struct buf sql = BUF_INIT(1 << 14);
	buf_addf(&sql,
		 "CREATE TABLE %s(file_id INTEGER PRIMARY KEY, %s INTEGER NOT NULL, "
		 "audit INTEGER NOT NULL",
		 name, owner);
	for (int f = 0; f < FIELD_COUNT; f++)
		if (FIELDS_TABLE[f].of & of)
			buf_addf(&sql, ", %s %s", FIELDS_TABLE[f].name, type_of((enum field_id)f));
	buf_addf(&sql,
		 "); CREATE INDEX %s_%s ON %s(%s); "
		 "CREATE INDEX %s_audit ON %s(audit) WHERE audit > 0",
		 name, owner, name, owner, name, name);
	return store_exec(s, buf_str(&sql));
}

static int create_run_table(struct store *s)
{
	_buf_ struct buf sql = BUF_INIT(1 << 14);
	buf_adds(&sql, "CREATE TABLE run(seq INTEGER PRIMARY KEY AUTOINCREMENT, "
		       "job INTEGER NOT NULL, words TEXT NOT NULL, mode TEXT NOT NULL, "
		       "started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL");
	for (int m = 0; m < RUN_METRIC_COUNT; m++)
		buf_addf(&sql, ", %s REAL", RUN_METRICS_TABLE[m].name);
	for (int st = 0; st < STAGE_COUNT; st++)
		for (int m = 0; m < STAGE_METRIC_COUNT; m++)
			buf_addf(&sql, ", %s_%s REAL", STAGE_NAMES[st], STAGE_METRICS_TABLE[m].name);
	buf_addc(&sql, ')');
	return store_exec(s, buf_str(&sql));
}

static int create_all(struct store *s)
{
	int r = 0;
	for (size_t i = 0; i < COUNT_OF(tables) && r == 0; i++)
		r = store_exec(s, tables[i]);
	if (r == 0)
		r = create_media_table(s, "track", "album_id", OF_TRACK);
	if (r == 0)
		r = create_media_table(s, "volume", "series_id", OF_VOLUME);
	if (r == 0)
		r = create_run_table(s);
	if (r == 0) {
		char pragma[64];
		snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", SCHEMA_VERSION);
		r = store_exec(s, pragma);
	}
	return r;
}

static int version_of(struct store *s)
{
	sqlite3_stmt *q = NULL;
	int version = -1;
	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		version = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return version;
}

/** Columns that fields.h has and the table lacks: a new field is one row there, nothing else. */
static int add_columns(struct store *s, const char *table, unsigned of)
{
	for (int f = 0; f < FIELD_COUNT; f++) {
		if (!(FIELDS_TABLE[f].of & of))
			continue;
		_buf_ struct buf sql = BUF_INIT(256);
		buf_addf(&sql, "SELECT %s FROM %s LIMIT 0", FIELDS_TABLE[f].name, table);
		sqlite3_stmt *q = NULL;
		int rc = sqlite3_prepare_v2(s->db, buf_str(&sql), -1, &q, NULL);
		sqlite3_finalize(q);
		if (rc == SQLITE_OK)
			continue;
		buf_reset(&sql);
		buf_addf(&sql, "ALTER TABLE %s ADD COLUMN %s %s", table, FIELDS_TABLE[f].name,
			 type_of((enum field_id)f));
		int r = store_exec(s, buf_str(&sql));
		if (r < 0)
			return r;
	}
	return 0;
}

int store_schema_prepare(struct store *s, char *why)
{
	int version = version_of(s);
	if (version > SCHEMA_VERSION) {
		snprintf(why, 256, "the store was made by a newer mediamon (version %d, this is %d)",
			 version, SCHEMA_VERSION);
		return -EPROTO;
	}
	int r = store_exec(s, "BEGIN IMMEDIATE");
	if (r == 0)
		r = version == 0 ? create_all(s) : 0;
	if (r == 0)
		r = add_columns(s, "track", OF_TRACK);
	if (r == 0)
		r = add_columns(s, "volume", OF_VOLUME);
	if (r == 0)
		r = store_exec(s, "COMMIT");
	if (r < 0) {
		snprintf(why, 256, "the store's tables cannot be made: %s", sqlite3_errmsg(s->db));
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return r;
}

int store_schema_check(struct store *s)
{
	int version = version_of(s);
	if (version == 0)
		return -ENOENT;
	return version == SCHEMA_VERSION ? 0 : -EPROTO;
}
