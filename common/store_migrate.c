/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The steps from each version of the tables to the next.  What a step makes anew is copied whole; it runs
 * in one transaction, and a copy of the store lies in backups/.
 *
 * New tables need no step: they are a row of later_tables in store_schema.c.
 */
#include <errno.h>

#include "common/cleanup.h"
#include "common/store_pack.h"
#include "common/store_schema.h"

static int run_all(struct store *s, const char *const *sql, size_t n)
{
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = store_exec(s, sql[i]);
	return r;
}

/* --- 2: files that move keep their rows --- */

int store_to_version_2(struct store *s)
{
	static const char *const steps[] = {
		"ALTER TABLE root ADD COLUMN fstype TEXT NOT NULL DEFAULT ''",
		"ALTER TABLE root ADD COLUMN held INTEGER NOT NULL DEFAULT 0",
		"ALTER TABLE root ADD COLUMN watch TEXT NOT NULL DEFAULT ''",
		"ALTER TABLE root ADD COLUMN real_path BLOB NOT NULL DEFAULT x''",
		"ALTER TABLE file ADD COLUMN btime INTEGER NOT NULL DEFAULT 0",
		"ALTER TABLE file ADD COLUMN hash INTEGER NOT NULL DEFAULT 0",
		"ALTER TABLE file ADD COLUMN pending INTEGER NOT NULL DEFAULT 0",
		"ALTER TABLE file ADD COLUMN old_inode INTEGER NOT NULL DEFAULT 0",
		"ALTER TABLE file ADD COLUMN old_btime INTEGER NOT NULL DEFAULT 0",
		IDENTITY_TABLES,
	};
	return run_all(s, steps, COUNT_OF(steps));
}

/* --- 3: smaller rows --- */

/* numbers of rows that were given out are never given again */
#define TAKE_SEQUENCE(table) \
	"DELETE FROM sqlite_sequence WHERE name = '" table "'", \
	"INSERT INTO sqlite_sequence(name, seq) SELECT '" table "', seq FROM sqlite_sequence " \
	"WHERE name = '" table "_2'"

static const char *const version_3[] = {
	TABLE_FIELD,
	"DROP INDEX IF EXISTS file_inode",
	"DROP INDEX IF EXISTS file_hash",
	"DROP INDEX IF EXISTS file_pending",
	"DROP INDEX IF EXISTS file_old",
	"DROP INDEX spot_album",
	"DROP INDEX track_album_id",
	"DROP INDEX track_audit",
	"ALTER TABLE file RENAME TO file_2",
	"ALTER TABLE spot RENAME TO spot_2",
	"ALTER TABLE track RENAME TO track_2",
	TABLE_FILE,
	TABLE_SPOT,
	"INSERT INTO file(id, dir_id, name_hash, name, size, mtime, since_birth, inode, state, job, added_at, "
	"btime, hash, pending, old_inode, old_btime) SELECT f.id, dir_id, pack_name(f.name), f.name, size, mtime, "
	/* music is read again: there are fields that the version did not know, and its hash is of fewer bytes now */
	"ctime - btime - ifnull(r.kind = 'music', 0), inode, f.state, f.job, added_at, "
	"btime, CASE r.kind WHEN 'music' THEN 0 ELSE hash END, pending, old_inode, old_btime FROM file_2 f "
	"LEFT JOIN dir d ON d.id = f.dir_id LEFT JOIN root r ON r.id = d.root_id ORDER BY f.id",
	"INSERT INTO spot(id, shelf_id, album_id, tracks, shown, shown_hash) SELECT p.id, p.shelf_id, "
	"p.album_id, p.tracks, CASE p.shown WHEN a.title THEN 0 WHEN a.artist || ' - ' || a.title THEN 1 "
	"ELSE p.shown END, pack_shown(p.shown_key) FROM spot_2 p JOIN album a ON a.id = p.album_id ORDER BY p.id",
	TAKE_SEQUENCE("file"),
	TAKE_SEQUENCE("spot"),
	FILE_INDEXES,
	SPOT_INDEXES,
	"DROP TABLE file_2",
	"DROP TABLE spot_2",
	/* in the form of the program that wrote it, whose fields had other places: it is read again */
	"UPDATE gone SET media = NULL",
	"UPDATE gone SET hash = 0 WHERE root_id IN (SELECT id FROM root WHERE kind = 'music')",
};

static void sql_name(sqlite3_context *context, int n, sqlite3_value **v)
{
	const void *data = sqlite3_value_blob(v[0]);
	(void)n;
	const struct bytes name = {data ? data : "", (size_t)sqlite3_value_bytes(v[0])};
	sqlite3_result_int64(context, store_pack_name(name));
}

static void sql_shown(sqlite3_context *context, int n, sqlite3_value **v)
{
	_buf_ struct buf key = BUF_INIT(1 << 16);
	(void)n;
	buf_add(&key, sqlite3_value_blob(v[0]), (size_t)sqlite3_value_bytes(v[0]));
	sqlite3_result_int64(context, store_pack_shown(&key));
}

static int copy_track(struct store *s, sqlite3_stmt *from, struct media *m)
{
	const struct pack_names names = {column_bytes(from, 3), column_bytes(from, 4), column_bytes(from, 5)};
	media_reset(m);
	store_column_fields(from, 6, OF_TRACK, m);
	const struct pack_track row = {sqlite3_column_int64(from, 0), sqlite3_column_int64(from, 1), sqlite3_column_int(from, 2), m};
	return store_pack_add(s, &row, &names);
}

static int copy_tracks(struct store *s)
{
	_buf_ struct buf sql = BUF_INIT(1 << 14);
	struct media m;
	sqlite3_stmt *from = NULL;
	buf_adds(&sql, "SELECT t.file_id, t.album_id, t.audit, " PACK_NAMES);
	for (int f = 0; f < FIELD_COUNT; f++)
		if (FIELDS_TABLE[f].of & OF_TRACK)
			buf_addf(&sql, ", t.%s", FIELDS_TABLE[f].name);
	buf_adds(&sql, " FROM track_2 t JOIN file f ON f.id = t.file_id JOIN album a ON a.id = t.album_id "
		       "ORDER BY t.file_id");
	int rc = sqlite3_prepare_v2(s->db, buf_str(&sql), -1, &from, NULL);
	int r = store_errno(s->db, rc);
	media_init(&m);
	while (r == 0 && (r = store_step(s, from)) > 0)
		r = copy_track(s, from, &m);
	media_clear(&m);
	sqlite3_finalize(from);
	return r;
}

int store_to_version_3(struct store *s)
{
	enum { FLAGS = SQLITE_UTF8 | SQLITE_DETERMINISTIC };
	sqlite3_create_function(s->db, "pack_name", 1, FLAGS, NULL, sql_name, NULL, NULL);
	sqlite3_create_function(s->db, "pack_shown", 1, FLAGS, NULL, sql_shown, NULL, NULL);
	int r = run_all(s, version_3, COUNT_OF(version_3));
	if (r == 0)
		r = store_pack_number(s);
	if (r == 0)
		r = store_create_track(s);
	/* what the version lacked of the fields is nothing */
	if (r == 0)
		r = store_add_columns(s, "track_2", OF_TRACK);
	if (r == 0)
		r = copy_tracks(s);
	return r < 0 ? r : store_exec(s, "DROP TABLE track_2");
}
