/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Tables that a migration makes anew; between store_schema.c and store_migrate.c only. */
#ifndef COMMON_STORE_SCHEMA_H
#define COMMON_STORE_SCHEMA_H

#include "common/store_private.h"

/** New in version 3: a number for each name of fields.h, for as long as the store lives. */
#define TABLE_FIELD "CREATE TABLE field(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)"

/** One name in one directory, which the program sees to: an index of whole names would be as large as
 * the table. */
#define TABLE_FILE \
	/* state: 0 read, 1 failed, 2 read and found corrupt by reading it to its end (see error); job: the last one \
	 * that read it */ \
	"CREATE TABLE file(id INTEGER PRIMARY KEY, dir_id INTEGER NOT NULL, " \
	"name_hash INTEGER NOT NULL, name BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, " \
	"since_birth INTEGER NOT NULL, inode INTEGER NOT NULL, state INTEGER NOT NULL, " \
	"job INTEGER NOT NULL, added_at INTEGER NOT NULL, " \
	/* who it is: birth time (0: the file system tells none), a hash of its head and size; and
	 * what is open about that until the end of the scan (store_identity.c) */ \
	"btime INTEGER NOT NULL DEFAULT 0, hash INTEGER NOT NULL DEFAULT 0, " \
	"pending INTEGER NOT NULL DEFAULT 0, old_inode INTEGER NOT NULL DEFAULT 0, " \
	"old_btime INTEGER NOT NULL DEFAULT 0)"

#define FILE_INDEXES \
	"CREATE INDEX file_name ON file(dir_id, name_hash)", \
	"CREATE INDEX file_pending ON file(pending) WHERE pending > 0", \
	"CREATE INDEX file_old ON file(old_inode) WHERE old_inode > 0"

/** Nobody asks these before the end of the first scan, and then they are made at one go. */
#define LATE_INDEXES \
	"CREATE INDEX IF NOT EXISTS file_inode ON file(" PACK_LOW("inode") ")", \
	"CREATE INDEX IF NOT EXISTS file_hash ON file(" PACK_LOW("hash") ")"

/** Files that are no more, for some time: id is that of the file; media: store_pack_all(). */
#define TABLE_GONE \
	"CREATE TABLE gone(id INTEGER PRIMARY KEY, root_id INTEGER NOT NULL, dir BLOB NOT NULL, " \
	"name BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, " \
	"ctime INTEGER NOT NULL, inode INTEGER NOT NULL, btime INTEGER NOT NULL, " \
	"hash INTEGER NOT NULL, added_at INTEGER NOT NULL, gone_at INTEGER NOT NULL, " \
	"of INTEGER NOT NULL, cover INTEGER NOT NULL, media BLOB)"

/** New in version 2: what is lost, and what is mounted. */
#define IDENTITY_TABLES \
	TABLE_GONE, \
	"CREATE INDEX gone_path ON gone(root_id, dir, name)", \
	"CREATE INDEX gone_inode ON gone(inode)", \
	"CREATE INDEX gone_hash ON gone(hash)", \
	"CREATE INDEX gone_at ON gone(gone_at)", \
	/* other file systems mounted below a root, '' for the root itself; state: as of roots */ \
	"CREATE TABLE mount(root_id INTEGER NOT NULL, path BLOB NOT NULL, device INTEGER NOT NULL, " \
	"fstype TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL, " \
	"held INTEGER NOT NULL, PRIMARY KEY(root_id, path))", \
	/* what the last control/verify found */ \
	"CREATE TABLE verify(id INTEGER PRIMARY KEY, path BLOB NOT NULL, what TEXT NOT NULL)"

/** One album on one shelf; tracks: how many of its tracks have this artist, genre or year; shown: as
 * PACK_SHOWN reads it. */
#define TABLE_SPOT \
	"CREATE TABLE spot(id INTEGER PRIMARY KEY, shelf_id INTEGER NOT NULL, " \
	"album_id INTEGER NOT NULL, tracks INTEGER NOT NULL, shown NOT NULL, " \
	"shown_hash INTEGER NOT NULL)"

#define SPOT_INDEXES \
	"CREATE UNIQUE INDEX spot_shown ON spot(shelf_id, shown_hash)", \
	"CREATE INDEX spot_album ON spot(album_id)"

/**
 * A sum ends when a row of the directory changes; what adds rows sees to that itself (store_put_dir()), as a first scan
 * adds very many.
 */
#define DIRSUM_TABLES \
	"CREATE INDEX IF NOT EXISTS dir_unsummed ON dir(id) WHERE dirsum = 0", \
	"CREATE TRIGGER IF NOT EXISTS dirsum_file_update " \
	"AFTER UPDATE OF dir_id, name, size, mtime, since_birth, inode, state, btime ON file BEGIN " \
	"UPDATE dir SET dirsum = 0 WHERE id IN (old.dir_id, new.dir_id) AND dirsum <> 0; END", \
	"CREATE TRIGGER IF NOT EXISTS dirsum_file_delete AFTER DELETE ON file BEGIN " \
	"UPDATE dir SET dirsum = 0 WHERE id = old.dir_id AND dirsum <> 0; END"

/**
 * New in version 4, all of them tables that the version before lacks: a new store and one that is migrated get them by
 * the same list (later_tables).
 */
#define METRICS_TABLES \
	/* kept counts: store_tally.h */ \
	"CREATE TABLE IF NOT EXISTS tally(name TEXT NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL, " \
	"sum INTEGER NOT NULL, PRIMARY KEY(name, key)) WITHOUT ROWID", \
	/* a number for each key of gauges.h, for as long as the store lives */ \
	"CREATE TABLE IF NOT EXISTS gauge(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE)", \
	/* step: enum sample_step; at: of the row's first place; samples: places that are filled; body: sample_pack.h */ \
	"CREATE TABLE IF NOT EXISTS measured(step INTEGER NOT NULL, at INTEGER NOT NULL, samples INTEGER NOT NULL, " \
	"body BLOB NOT NULL, PRIMARY KEY(step, at))"

/** Table track and its indexes. */
int store_create_track(struct store *s);
/** Columns that fields.h has and the table lacks: a new field of volumes is one row there. */
int store_add_columns(struct store *s, const char *table, unsigned of);

/* --- store_migrate.c --- */

int store_to_version_2(struct store *s);
int store_to_version_3(struct store *s);

#endif
