/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Tables of the store.  Paths and names of files are bytes (BLOB); times are nanoseconds since
 * 1970; a row's `version` is the number of the commit that last changed it, `at` its time.
 *
 * root → dir → file → track → album ← spot → shelf (an artist, a genre, a year)
 *                   → volume → series → missing
 * history_at → history → history_body
 * wish, authority, searched, result, request → handed: by the key of a series; host, feed
 */
#include "common/store_schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/store_backup.h"
#include "common/store_ids.h"
#include "common/store_pack.h"
#include "common/store_tally.h"

enum { SCHEMA_VERSION = 6 };

/**
 * How older stores become this one: a row for each step, then SCHEMA_VERSION.  The tables below
 * are those of the newest version.
 */
static const struct migration migrations[] = {
	{.from = 1, .to = 2, .run = store_to_version_2},
	{.from = 2, .to = 3, .run = store_to_version_3},
	/* only new tables, see METRICS_TABLES */
	{.from = 3, .to = 4},
	{.from = 4, .to = 5, .sql = "ALTER TABLE dir ADD COLUMN dirsum INTEGER NOT NULL DEFAULT 0"},
	/* file, spot, dir, album and shelf are numbered by store_ids.h */
	{.from = 5, .to = 6, .run = store_to_version_6},
};

static const char *const tables[] = {
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL)",
	"CREATE TABLE topic(id INTEGER PRIMARY KEY, version INTEGER NOT NULL, at INTEGER NOT NULL)",
	/* rows that are no more, for readers that hold their names; kinds as in store_read.h */
	"CREATE TABLE tomb(version INTEGER NOT NULL, kind INTEGER NOT NULL, id INTEGER NOT NULL)",
	"CREATE INDEX tomb_version ON tomb(version)",
	"CREATE TABLE root(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, "
	"path BLOB NOT NULL UNIQUE, state TEXT NOT NULL, reason TEXT NOT NULL, "
	"since INTEGER NOT NULL, device INTEGER NOT NULL DEFAULT 0, "
	"fstype TEXT NOT NULL DEFAULT '', held INTEGER NOT NULL DEFAULT 0, "
	"watch TEXT NOT NULL DEFAULT '', real_path BLOB NOT NULL DEFAULT x'', "
	"files INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, "
	"active INTEGER NOT NULL)",
	/* path below the root, '' for the root itself; cover: a picture file lies beside the music; dirsum: dirsum.h */
	"CREATE TABLE dir(id INTEGER PRIMARY KEY, root_id INTEGER NOT NULL, path BLOB NOT NULL, "
	"cover INTEGER NOT NULL, dirsum INTEGER NOT NULL DEFAULT 0, UNIQUE(root_id, path))",
	TABLE_FIELD,
	TABLE_FILE,
	FILE_INDEXES,
	IDENTITY_TABLES,
	"CREATE TABLE album(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
	"title TEXT NOT NULL, artist TEXT NOT NULL, year INTEGER, date TEXT, "
	"audit INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL, at INTEGER NOT NULL)",
	"CREATE INDEX album_version ON album(version)",
	"CREATE INDEX album_audit ON album(audit) WHERE audit > 0",
	"CREATE TABLE shelf(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, "
	"key TEXT NOT NULL, name TEXT NOT NULL, shown TEXT NOT NULL, shown_key TEXT NOT NULL, "
	"version INTEGER NOT NULL, at INTEGER NOT NULL, UNIQUE(kind, key), "
	"UNIQUE(kind, shown_key))",
	"CREATE INDEX shelf_version ON shelf(version)",
	TABLE_SPOT,
	SPOT_INDEXES,
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

/** Tables that came after the first stores were made: a store that lacks them gets them. */
static const char *const later_tables[] = {
	/* all that status/missing shows of a volume: half of its time is looking for the rows otherwise */
	"CREATE INDEX IF NOT EXISTS missing_all ON missing(series_id, volume, kind, state, since)",
	/* past documents of status/; version: the last commit that they show */
	"CREATE TABLE IF NOT EXISTS history_at(id INTEGER PRIMARY KEY AUTOINCREMENT, "
	"time INTEGER NOT NULL UNIQUE, version INTEGER NOT NULL)",
	/* packed (common/snapshot.h); size: of what was packed; one body may serve several rows */
	"CREATE TABLE IF NOT EXISTS history_body(id INTEGER PRIMARY KEY AUTOINCREMENT, "
	"size INTEGER NOT NULL, body BLOB NOT NULL)",
	"CREATE TABLE IF NOT EXISTS history(id INTEGER PRIMARY KEY AUTOINCREMENT, "
	"at_id INTEGER NOT NULL, name TEXT NOT NULL, body_id INTEGER NOT NULL, UNIQUE(at_id, name))",
	"CREATE INDEX IF NOT EXISTS history_body_id ON history(body_id)",
	/*
	 * Searching.  key: the folded title of a series, which outlives the series' row; NULL of a wish: as the
	 * configuration says.  ignored: volumes, separated by spaces; aliases: one a line.
	 */
	"CREATE TABLE IF NOT EXISTS wish(key TEXT PRIMARY KEY, title TEXT NOT NULL, monitored INTEGER, "
	"automatic INTEGER, total INTEGER, language TEXT, ignored TEXT NOT NULL, url TEXT NOT NULL, "
	"aliases TEXT NOT NULL, at INTEGER NOT NULL)",
	/* known: as enum known of indexer/search/authority.h; -1 is unknown */
	"CREATE TABLE IF NOT EXISTS authority(key TEXT NOT NULL, source TEXT NOT NULL, known INTEGER NOT NULL, "
	"url TEXT NOT NULL, title TEXT NOT NULL, aliases TEXT NOT NULL, released INTEGER NOT NULL, "
	"original INTEGER NOT NULL, planned INTEGER NOT NULL, planned_at INTEGER NOT NULL, "
	"status TEXT NOT NULL, choices TEXT NOT NULL, asked_at INTEGER NOT NULL, next_at INTEGER NOT NULL, "
	"error TEXT NOT NULL, ordered_at INTEGER NOT NULL, PRIMARY KEY(key, source))",
	/* at: last answer; tried_at: last attempt; outcome: found, nothing, failed; streak: in a row */
	"CREATE TABLE IF NOT EXISTS searched(key TEXT NOT NULL, source TEXT NOT NULL, at INTEGER NOT NULL, "
	"tried_at INTEGER NOT NULL, next_at INTEGER NOT NULL, outcome TEXT NOT NULL, error TEXT NOT NULL, "
	"results INTEGER NOT NULL, confirmed INTEGER NOT NULL, streak INTEGER NOT NULL, "
	"ordered_at INTEGER NOT NULL, PRIMARY KEY(key, source))",
	/* verdict: 0 confirmed, 1 unconfirmed, 2 rejected; first > last: volumes not known; ident: the
	 * hash, or source and guid */
	"CREATE TABLE IF NOT EXISTS result(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, "
	"source TEXT NOT NULL, guid TEXT NOT NULL, title TEXT NOT NULL, link TEXT NOT NULL, "
	"page TEXT NOT NULL, indexer TEXT NOT NULL, indexer_id INTEGER NOT NULL, protocol TEXT NOT NULL, "
	"hash TEXT NOT NULL, size INTEGER NOT NULL, published_at INTEGER NOT NULL, "
	"seeders INTEGER NOT NULL, leechers INTEGER NOT NULL, context TEXT NOT NULL, "
	"verdict INTEGER NOT NULL, reason TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, "
	"complete INTEGER NOT NULL, covers INTEGER NOT NULL, score INTEGER NOT NULL, "
	"seen_at INTEGER NOT NULL, ident TEXT NOT NULL, UNIQUE(key, source, guid))",
	"CREATE INDEX IF NOT EXISTS result_rank ON result(key, verdict, score DESC)",
	/* state: wanted, found, sent, downloading, arrived, failed, gone; flow: missing, new */
	"CREATE TABLE IF NOT EXISTS request(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, "
	"series TEXT NOT NULL, volume INTEGER NOT NULL, flow TEXT NOT NULL, state TEXT NOT NULL, "
	"reason TEXT NOT NULL, result_id INTEGER, handed_id INTEGER, tries INTEGER NOT NULL, "
	"next_at INTEGER NOT NULL, created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, "
	"is_told INTEGER NOT NULL, UNIQUE(key, volume))",
	"CREATE INDEX IF NOT EXISTS request_handed ON request(handed_id)",
	"CREATE INDEX IF NOT EXISTS request_state ON request(state)",
	"CREATE INDEX IF NOT EXISTS request_untold ON request(is_told) WHERE is_told = 0",
	/* one hand-over to a client, for ever at most one a hash.  step: planned → sent (the intent, durable
	 * before the client is called) → confirmed | unknown → arrived | failed | gone */
	"CREATE TABLE IF NOT EXISTS handed(id INTEGER PRIMARY KEY AUTOINCREMENT, ident TEXT NOT NULL UNIQUE, "
	"hash TEXT NOT NULL, protocol TEXT NOT NULL, source TEXT NOT NULL, guid TEXT NOT NULL, "
	"title TEXT NOT NULL, indexer TEXT NOT NULL, indexer_id INTEGER NOT NULL, link TEXT NOT NULL, "
	"size INTEGER NOT NULL, client TEXT NOT NULL, step TEXT NOT NULL, text TEXT NOT NULL, "
	"progress REAL NOT NULL, speed INTEGER NOT NULL, seconds_left INTEGER NOT NULL, "
	"automatic INTEGER NOT NULL, tries INTEGER NOT NULL, next_at INTEGER NOT NULL, "
	"created_at INTEGER NOT NULL, sent_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, "
	"missed INTEGER NOT NULL)",
	"CREATE INDEX IF NOT EXISTS handed_guid ON handed(source, guid)",
	"CREATE INDEX IF NOT EXISTS handed_step ON handed(step, next_at)",
	"CREATE INDEX IF NOT EXISTS handed_guid ON handed(guid, source)",
	"CREATE INDEX IF NOT EXISTS handed_created ON handed(created_at) WHERE automatic = 1",
	/* budgets: indexer/net/limit.h; recent: times, as they lie in memory */
	"CREATE TABLE IF NOT EXISTS host(name TEXT PRIMARY KEY, day INTEGER NOT NULL, "
	"used_day INTEGER NOT NULL, refused_day INTEGER NOT NULL, calls INTEGER NOT NULL, "
	"failures INTEGER NOT NULL, refusals INTEGER NOT NULL, open_at INTEGER NOT NULL, "
	"reason TEXT NOT NULL, streak INTEGER NOT NULL, last_ok_at INTEGER NOT NULL, "
	"last_failure_at INTEGER NOT NULL, recent BLOB NOT NULL)",
	"CREATE TABLE IF NOT EXISTS host_day(name TEXT NOT NULL, day INTEGER NOT NULL, "
	"calls INTEGER NOT NULL, refused INTEGER NOT NULL, failures INTEGER NOT NULL, "
	"PRIMARY KEY(name, day))",
	"CREATE TABLE IF NOT EXISTS feed(source TEXT PRIMARY KEY, mark TEXT NOT NULL, at INTEGER NOT NULL, "
	"tried_at INTEGER NOT NULL, next_at INTEGER NOT NULL, outcome TEXT NOT NULL, "
	"error TEXT NOT NULL, posts INTEGER NOT NULL)",
	/*
	 * Links (store_symlinks.h).  mtime of a directory: 0 when it must be read again.
	 */
	"CREATE TABLE IF NOT EXISTS link_dir(id INTEGER PRIMARY KEY AUTOINCREMENT, root_id INTEGER NOT NULL, "
	"path BLOB NOT NULL, mtime INTEGER NOT NULL, read_at INTEGER NOT NULL, UNIQUE(root_id, path))",
	/* path: as the links' texts say it, once: who looks at links has all of them in memory, so no index is kept of
	 * it; here: what it is on this machine, NULL: the same */
	"CREATE TABLE IF NOT EXISTS target_dir(id INTEGER PRIMARY KEY, path BLOB NOT NULL, "
	"here BLOB, torrent BLOB NOT NULL)",
	"CREATE INDEX IF NOT EXISTS target_dir_torrent ON target_dir(torrent)",
	/* text: the link's text when it is not target_dir.path and target_name; else NULL.  That a name is there once
	 * in its directory is seen to by who looks at links: an index of a million names would cost more than the rows */
	"CREATE TABLE IF NOT EXISTS symlink(id INTEGER PRIMARY KEY AUTOINCREMENT, dir_id INTEGER NOT NULL, "
	"name BLOB NOT NULL, target_dir_id INTEGER NOT NULL, target_name BLOB NOT NULL, text BLOB, "
	"state INTEGER NOT NULL DEFAULT 0, error INTEGER NOT NULL DEFAULT 0, sightings INTEGER NOT NULL DEFAULT 0, "
	"first_at INTEGER NOT NULL DEFAULT 0, last_at INTEGER NOT NULL DEFAULT 0, since INTEGER NOT NULL, "
	"ok_at INTEGER NOT NULL, size INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '')",
	"CREATE INDEX IF NOT EXISTS symlink_dir ON symlink(dir_id)",
	"CREATE INDEX IF NOT EXISTS symlink_target ON symlink(target_dir_id)",
	"CREATE INDEX IF NOT EXISTS symlink_state ON symlink(state) WHERE state > 0",
	"CREATE TABLE IF NOT EXISTS link_hold(root_id INTEGER PRIMARY KEY, count INTEGER NOT NULL, "
	"since INTEGER NOT NULL, reason TEXT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS mount_health(path BLOB PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, "
	"fstype TEXT NOT NULL, since INTEGER NOT NULL, looked_at INTEGER NOT NULL, entries INTEGER NOT NULL)",
	/*
	 * Repairs (store_repair.h).
	 */
	"CREATE TABLE IF NOT EXISTS torrent(provider TEXT NOT NULL, id TEXT NOT NULL, hash TEXT NOT NULL, "
	"name TEXT NOT NULL, status TEXT NOT NULL, bytes INTEGER NOT NULL, links INTEGER NOT NULL, "
	"progress REAL NOT NULL, added_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, "
	"first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, gone_at INTEGER NOT NULL, "
	"priority INTEGER NOT NULL, attempts INTEGER NOT NULL, last_attempt_at INTEGER NOT NULL, "
	"last_success_at INTEGER NOT NULL, broken INTEGER NOT NULL, PRIMARY KEY(provider, id))",
	"CREATE INDEX IF NOT EXISTS torrent_hash ON torrent(hash)",
	"CREATE INDEX IF NOT EXISTS torrent_name ON torrent(name)",
	"CREATE INDEX IF NOT EXISTS torrent_status ON torrent(status)",
	"CREATE TABLE IF NOT EXISTS attempt(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, "
	"response_ms INTEGER NOT NULL, provider TEXT NOT NULL, torrent TEXT NOT NULL, hash TEXT NOT NULL, "
	"name TEXT NOT NULL, outcome TEXT NOT NULL, error TEXT NOT NULL, code INTEGER NOT NULL)",
	"CREATE INDEX IF NOT EXISTS attempt_at ON attempt(at)",
	"CREATE TABLE IF NOT EXISTS permanent(provider TEXT NOT NULL, hash TEXT NOT NULL, torrent TEXT NOT NULL, "
	"name TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, "
	"handled_at INTEGER NOT NULL, PRIMARY KEY(provider, hash))",
	"CREATE TABLE IF NOT EXISTS retry(provider TEXT NOT NULL, hash TEXT NOT NULL, torrent TEXT NOT NULL, "
	"name TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, first_at INTEGER NOT NULL, "
	"due_at INTEGER NOT NULL, tries INTEGER NOT NULL, last_at INTEGER NOT NULL, is_spent INTEGER NOT NULL, "
	"PRIMARY KEY(provider, hash))",
	"CREATE TABLE IF NOT EXISTS torrent_scan(kind TEXT PRIMARY KEY, state TEXT NOT NULL, error TEXT NOT NULL, "
	"offset INTEGER NOT NULL, total INTEGER NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, "
	"completed_at INTEGER NOT NULL, items INTEGER NOT NULL, calls INTEGER NOT NULL)",
	"CREATE TABLE IF NOT EXISTS plan(hash TEXT PRIMARY KEY, state TEXT NOT NULL, made_at INTEGER NOT NULL, "
	"items INTEGER NOT NULL, calls INTEGER NOT NULL, held INTEGER NOT NULL, automatic INTEGER NOT NULL)",
	"CREATE INDEX IF NOT EXISTS plan_made ON plan(made_at)",
	"CREATE TABLE IF NOT EXISTS plan_item(plan TEXT NOT NULL, item INTEGER NOT NULL, action TEXT NOT NULL, "
	"provider TEXT NOT NULL, torrent TEXT NOT NULL, hash TEXT NOT NULL, name TEXT NOT NULL, "
	"link_ids TEXT NOT NULL, links INTEGER NOT NULL, why TEXT NOT NULL, evidence TEXT NOT NULL, "
	"calls INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, changed_at INTEGER NOT NULL, "
	"PRIMARY KEY(plan, item))",
	"CREATE TABLE IF NOT EXISTS journal(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, "
	"plan TEXT NOT NULL, item INTEGER NOT NULL, action TEXT NOT NULL, step TEXT NOT NULL, error TEXT NOT NULL, "
	"root BLOB NOT NULL, path BLOB NOT NULL, before BLOB NOT NULL, after BLOB NOT NULL, uid INTEGER NOT NULL, "
	"gid INTEGER NOT NULL, mtime INTEGER NOT NULL, inode INTEGER NOT NULL, ended_at INTEGER NOT NULL, "
	"undone_at INTEGER NOT NULL)",
	"CREATE INDEX IF NOT EXISTS journal_plan ON journal(plan)",
	"CREATE INDEX IF NOT EXISTS journal_at ON journal(action, at)",
	"CREATE INDEX IF NOT EXISTS journal_open ON journal(step) WHERE step IN ('planned', 'undoing')",
	"CREATE TABLE IF NOT EXISTS insertion(id INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT NOT NULL, "
	"hash TEXT NOT NULL, name TEXT NOT NULL, plan TEXT NOT NULL, item INTEGER NOT NULL, old_id TEXT NOT NULL, "
	"new_id TEXT NOT NULL, is_ours INTEGER NOT NULL, step TEXT NOT NULL, error TEXT NOT NULL, paths TEXT NOT NULL, "
	"started_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, next_at INTEGER NOT NULL, "
	"deadline INTEGER NOT NULL, tries INTEGER NOT NULL)",
	"CREATE UNIQUE INDEX IF NOT EXISTS insertion_open ON insertion(provider, hash) "
	"WHERE step NOT IN ('done', 'failed', 'undone')",
	"CREATE TABLE IF NOT EXISTS told_item(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, "
	"item INTEGER NOT NULL, command_id INTEGER NOT NULL, changed_at INTEGER NOT NULL, instance TEXT NOT NULL, "
	"action TEXT NOT NULL, path TEXT NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL, text TEXT NOT NULL)",
	"CREATE INDEX IF NOT EXISTS told_item_at ON told_item(instance, at)",
	"CREATE TABLE IF NOT EXISTS sample(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, "
	"type TEXT NOT NULL, name TEXT NOT NULL, tags TEXT NOT NULL, value REAL NOT NULL)",
	"CREATE INDEX IF NOT EXISTS sample_at ON sample(at)",
	/*
	 * Files that were read to their end (store_integrity.h): size to inode are those of the file then; verdict: enum
	 * verdict; tries: how often its reader did not survive it.
	 */
	"CREATE TABLE IF NOT EXISTS integrity(file_id INTEGER PRIMARY KEY, size INTEGER NOT NULL, "
	"mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, inode INTEGER NOT NULL, verified_at INTEGER NOT NULL, "
	"since INTEGER NOT NULL, verdict INTEGER NOT NULL, tries INTEGER NOT NULL, how TEXT NOT NULL, "
	"reason TEXT NOT NULL)",
	"CREATE INDEX IF NOT EXISTS integrity_at ON integrity(verified_at)",
	"CREATE INDEX IF NOT EXISTS integrity_bad ON integrity(verdict) WHERE verdict > 1",
	DIRSUM_TABLES,
	ALERT_TABLES,
	METRICS_TABLES,
	CHAPTER_TABLES,
	/*
	 * Pictures of series (store_cover.h): the file that each was made of, as it was then; made_at: when that was; again: it
	 * failed for a reason that may pass; jpeg NULL, bytes 0: there is none; version, at: when it became another one.
	 */
	"CREATE TABLE IF NOT EXISTS cover(series_id INTEGER PRIMARY KEY, file_id INTEGER NOT NULL, size INTEGER NOT NULL, "
	"mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, inode INTEGER NOT NULL, made_at INTEGER NOT NULL, "
	"tries INTEGER NOT NULL, again INTEGER NOT NULL, reason TEXT NOT NULL, bytes INTEGER NOT NULL, "
	"version INTEGER NOT NULL, at INTEGER NOT NULL, jpeg BLOB)",
	"CREATE INDEX IF NOT EXISTS cover_version ON cover(version)",
	"CREATE INDEX IF NOT EXISTS cover_bytes ON cover(bytes)",
	/* the picture that stands for a directory of media files, by its path below the root: it may be known before its row in dir */
	"CREATE TABLE IF NOT EXISTS dir_cover(root_id INTEGER NOT NULL, path BLOB NOT NULL, name BLOB NOT NULL, "
	"PRIMARY KEY(root_id, path)) WITHOUT ROWID",
};

static const char *type_of(enum field_id f)
{
	if (field_is_text(f))
		return "TEXT";
	return field_is_real(f) ? "REAL" : "INTEGER";
}

/** CREATE TABLE track or volume: a file, what it belongs to, and the fields; @name may be a new one. */
static int create_media_table(struct store *s, const char *name, const char *owner, const struct buf *columns)
{
	_buf_ struct buf sql = BUF_INIT(1 << 14);
	buf_addf(&sql,
		 "CREATE TABLE %s(file_id INTEGER PRIMARY KEY, %s INTEGER NOT NULL, "
		 "audit INTEGER NOT NULL%s); CREATE INDEX %s_%s ON %s(%s); "
		 "CREATE INDEX %s_audit ON %s(audit) WHERE audit > 0",
		 name, owner, buf_str(columns), name, owner, name, owner, name, name);
	return store_exec(s, buf_str(&sql));
}

int store_create_track(struct store *s)
{
	_buf_ struct buf columns = BUF_INIT(1 << 14);
	for (int i = 0; i < store_pack_columns(); i++)
		buf_addf(&columns, ", %s %s", store_pack_column(i), store_pack_type(i));
	return create_media_table(s, "track", "album_id", &columns);
}

static int create_volume(struct store *s)
{
	_buf_ struct buf columns = BUF_INIT(1 << 14);
	for (int f = 0; f < FIELD_COUNT; f++)
		if (FIELDS_TABLE[f].of & OF_VOLUME)
			buf_addf(&columns, ", %s %s", FIELDS_TABLE[f].name, type_of((enum field_id)f));
	return create_media_table(s, "volume", "series_id", &columns);
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
		r = store_create_track(s);
	if (r == 0)
		r = create_volume(s);
	if (r == 0)
		r = create_run_table(s);
	return r;
}

static int create_later(struct store *s)
{
	int r = 0;
	for (size_t i = 0; i < COUNT_OF(later_tables) && r == 0; i++)
		r = store_exec(s, later_tables[i]);
	return r;
}

/** user_version; 0 of a store without tables; or -errno. */
static int version_of(sqlite3 *db)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	int version = rc == SQLITE_ROW ? sqlite3_column_int(q, 0) : store_errno(db, rc);
	sqlite3_finalize(q);
	return version;
}

static int set_version(struct store *s, int version)
{
	char pragma[64];
	snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", version);
	return store_exec(s, pragma);
}

/** Columns that fields.h has and the table lacks: a new field is one row there, nothing else. */
int store_add_columns(struct store *s, const char *table, unsigned of)
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

/* --- indexes that wait for the end of the first scan --- */

static const char *const late_indexes[] = {LATE_INDEXES};

int store_index_late(struct store *s)
{
	int r = 0;
	for (size_t i = 0; i < COUNT_OF(late_indexes) && r == 0 && !s->has_late_indexes; i++)
		r = store_exec(s, late_indexes[i]);
	s->has_late_indexes = r == 0;
	return r;
}

/** A first scan that was cut short did not make its indexes: who comes after it does. */
static int index_what_is_there(struct store *s)
{
	sqlite3_stmt *q = store_stmt(s, SQL_has_files);
	int64_t has_files = 0;
	int r = store_one_number(s, q, &has_files);
	return r < 0 || !has_files ? r : store_index_late(s);
}

/* --- versions --- */

static const struct migration *step_from(const struct migration *steps, size_t n, int version)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i].from == version && steps[i].to > version)
			return &steps[i];
	return NULL;
}

/** Whether a row of steps leads from one version to the other. */
static bool is_reachable(const struct migration *steps, size_t n, int version, int to)
{
	while (version < to) {
		const struct migration *step = step_from(steps, n, version);
		if (!step)
			return false;
		version = step->to;
	}
	return version == to;
}

static int run_steps(struct store *s, const struct migration *steps, size_t n, int version, int to)
{
	int r = 0;
	while (version < to && r == 0) {
		const struct migration *step = step_from(steps, n, version);
		log_info("the store is migrated from version %d to %d", step->from, step->to);
		if (step->sql)
			r = store_exec(s, step->sql);
		if (r == 0 && step->run)
			r = step->run(s);
		version = step->to;
	}
	return r;
}

/** A store that has something to lose is copied before it is changed. */
static int copy_before(const char *state_dir, int to, char *why)
{
	struct store_backup b = {.state_dir = state_dir, .at = now_ns(), .before_version = to,
				 .keep = BACKUPS_KEPT_ASIDE};
	char name[BACKUP_NAME], reason[256] = "";
	int r = store_backup(&b, name, reason);
	if (r < 0)
		snprintf(why, 256, "the store is not migrated, because it cannot be copied before: %.150s",
			 reason);
	return r;
}

static int change_tables(struct store *s, const struct migration *steps, size_t n, int version, int to)
{
	int r = version == 0 ? create_all(s) : run_steps(s, steps, n, version, to);
	if (r == 0 && version != to)
		r = set_version(s, to);
	if (r == 0)
		r = create_later(s);
	if (r == 0)
		r = store_add_columns(s, "volume", OF_VOLUME);
	/* steps to another version may come from tests, which have none of the tables */
	if (r == 0 && to == SCHEMA_VERSION)
		r = store_pack_number(s);
	if (r == 0 && to == SCHEMA_VERSION)
		r = index_what_is_there(s);
	if (r == 0 && to == SCHEMA_VERSION)
		r = store_tally_keep(s);
	return r;
}

int store_schema_migrate(struct store *s, const char *state_dir, const struct migration *steps,
			 size_t n, int to, char *why)
{
	int version = version_of(s->db);
	if (version < 0) {
		snprintf(why, 256, "the store cannot be read: %s", sqlite3_errmsg(s->db));
		return version;
	}
	if (version > to || (version && !is_reachable(steps, n, version, to))) {
		snprintf(why, 256, "the store was made by %s mediamon (version %d, this is %d)",
			 version > to ? "a newer" : "too old a", version, to);
		return -EPROTO;
	}
	int r = version && version < to ? copy_before(state_dir, to, why) : 0;
	if (r < 0)
		return r;
	r = store_exec(s, "BEGIN IMMEDIATE");
	if (r == 0)
		r = change_tables(s, steps, n, version, to);
	if (r == 0)
		r = store_exec(s, "COMMIT");
	if (r < 0) {
		snprintf(why, 256, "the store's tables cannot be made: %s", sqlite3_errmsg(s->db));
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return r;
}

int store_schema_prepare(struct store *s, const char *state_dir, char *why)
{
	return store_schema_migrate(s, state_dir, migrations, COUNT_OF(migrations), SCHEMA_VERSION, why);
}

bool store_schema_is_known(sqlite3 *db)
{
	int version = version_of(db);
	return version > 0 && is_reachable(migrations, COUNT_OF(migrations), version, SCHEMA_VERSION);
}

int store_schema_check(struct store *s)
{
	int version = version_of(s->db);
	if (version <= 0)
		return version < 0 ? version : -ENOENT;
	return version == SCHEMA_VERSION ? 0 : -EPROTO;
}
