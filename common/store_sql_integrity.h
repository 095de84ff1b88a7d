/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The statements of store_integrity.c and store_write_integrity.c; part of STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_INTEGRITY_H
#define COMMON_STORE_SQL_INTEGRITY_H

#include "common/store_sql_pack.h"

/** A file as it is to be verified. */
#define SQL_INTEGRITY_FILES \
	"SELECT f.id, r.id, d.path, f.name, f.size, f.mtime, " PACK_CTIME("f.") ", f.inode, ifnull(i.tries, 0) " \
	"FROM file f JOIN dir d ON d.id = f.dir_id JOIN root r ON r.id = d.root_id " \
	"LEFT JOIN integrity i ON i.file_id = f.id "

/** Whether file f is another one than that of which row i tells; also where there is no row. */
#define SQL_INTEGRITY_STALE \
	"(i.file_id IS NULL OR i.size <> f.size OR i.mtime <> f.mtime OR " \
	"i.ctime <> " PACK_CTIME("f.") " OR i.inode <> f.inode)"

/** What could not be told for reasons that pass: ?4 is the time before which that is tried again. */
#define SQL_INTEGRITY_AGAIN "((i.verdict = 3 OR i.tries = 1) AND i.verified_at < ?4)"

/** By the partial index of the few that are bad. */
#define SQL_INTEGRITY_BAD \
	"FROM integrity i JOIN file f ON f.id = i.file_id JOIN dir d ON d.id = f.dir_id JOIN root r ON r.id = d.root_id " \
	"WHERE i.verdict > 1 AND r.active = 1 AND i.size = f.size AND i.mtime = f.mtime "

#define STATEMENTS_INTEGRITY(SQL) \
	/* ?1 to ?2: the numbers that are looked at; ?3: what changed after it is fresh, before ?5 a clock was wrong */ \
	SQL(integrity_due, 0, \
	    SQL_INTEGRITY_FILES "WHERE f.id > ?1 AND f.id <= ?2 AND r.active = 1 AND f.state <> 1 AND " \
	    "((r.kind = 'music' AND ?6) OR (r.kind = 'manga' AND ?7)) AND " \
	    "(" PACK_CTIME("f.") " < ?3 OR " PACK_CTIME("f.") " > ?5) AND " \
	    "(" SQL_INTEGRITY_STALE " OR " SQL_INTEGRITY_AGAIN ") ORDER BY f.id LIMIT 1") \
	SQL(integrity_oldest, 0, \
	    "SELECT f.id, r.id, d.path, f.name, f.size, f.mtime, " PACK_CTIME("f.") ", f.inode, i.tries FROM integrity i " \
	    "JOIN file f ON f.id = i.file_id JOIN dir d ON d.id = f.dir_id JOIN root r ON r.id = d.root_id " \
	    "WHERE i.verified_at < ?1 AND r.active = 1 AND f.state <> 1 AND i.tries < 2 AND " \
	    "((r.kind = 'music' AND ?2) OR (r.kind = 'manga' AND ?3)) AND " PACK_CTIME("f.") " < ?4 " \
	    "ORDER BY i.verified_at LIMIT 1") \
	SQL(integrity_file, 0, SQL_INTEGRITY_FILES "WHERE f.id = ?") \
	/* ?1 to ?4: root and path, as store_bind_below() */ \
	SQL(integrity_below, 0, \
	    "SELECT f.id FROM dir d JOIN file f ON f.dir_id = d.id LEFT JOIN integrity i ON i.file_id = f.id " \
	    "WHERE d.root_id = ?1 AND (?2 = x'' OR d.path = ?2 OR (d.path > ?3 AND d.path < ?4)) AND " \
	    "f.state <> 1 AND (i.verified_at IS NULL OR i.verified_at < ?5) ORDER BY f.id") \
	SQL(integrity_put, 0, \
	    "INSERT INTO integrity(file_id, size, mtime, ctime, inode, verified_at, since, verdict, tries, how, reason) " \
	    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(file_id) DO UPDATE SET " \
	    "since = CASE WHEN verdict = excluded.verdict THEN since ELSE excluded.since END, " \
	    "size = excluded.size, mtime = excluded.mtime, ctime = excluded.ctime, inode = excluded.inode, " \
	    "verified_at = excluded.verified_at, verdict = excluded.verdict, tries = excluded.tries, " \
	    "how = excluded.how, reason = excluded.reason") \
	/* what a file is known for that may be the same: by its size and time */ \
	SQL(integrity_of, 0, \
	    "SELECT i.verdict, i.reason, f.state, i.size = f.size AND i.mtime = f.mtime FROM integrity i " \
	    "JOIN file f ON f.id = i.file_id WHERE i.file_id = ?") \
	SQL(integrity_forget, 0, "DELETE FROM integrity WHERE file_id = ?") \
	SQL(integrity_purge, 1, \
	    "DELETE FROM integrity WHERE NOT EXISTS(SELECT 1 FROM file f WHERE f.id = file_id) AND " \
	    "NOT EXISTS(SELECT 1 FROM gone g WHERE g.id = file_id)") \
	SQL(integrity_place, 0, \
	    "SELECT d.root_id, d.path, f.name, f.size, f.mtime, f.state FROM file f JOIN dir d ON d.id = f.dir_id " \
	    "WHERE f.id = ?") \
	SQL(file_state, 0, "UPDATE file SET state = ?2 WHERE id = ?1") \
	/* verdict -1: waits */ \
	SQL(integrity_counts, 1, \
	    "SELECT r.kind, CASE WHEN " SQL_INTEGRITY_STALE " THEN -1 ELSE i.verdict END, count(*), sum(f.size), " \
	    "min(i.verified_at) FROM file f JOIN dir d ON d.id = f.dir_id JOIN root r ON r.id = d.root_id " \
	    "LEFT JOIN integrity i ON i.file_id = f.id WHERE r.active = 1 AND f.state <> 1 GROUP BY 1, 2") \
	/* the same of those that were read alone: as many as there are rows of them */ \
	SQL(integrity_known, 1, \
	    "SELECT r.kind, i.verdict, count(*), sum(f.size), min(i.verified_at) FROM integrity i " \
	    "JOIN file f ON f.id = i.file_id JOIN dir d ON d.id = f.dir_id JOIN root r ON r.id = d.root_id " \
	    "WHERE r.active = 1 AND f.state <> 1 AND NOT " SQL_INTEGRITY_STALE " GROUP BY 1, 2") \
	SQL(integrity_bad, 0, \
	    "SELECT r.path, d.path, f.name, f.size, i.verdict, i.how, i.reason, i.verified_at, i.since " \
	    SQL_INTEGRITY_BAD "ORDER BY r.path, d.path, f.name") \
	SQL(integrity_bad_counts, 0, "SELECT i.verdict, count(*) " SQL_INTEGRITY_BAD "GROUP BY 1") \
	/* why the file of a volume does not count */ \
	SQL(missing_reason, 0, \
	    "SELECT e.reason FROM volume t JOIN error e ON e.file_id = t.file_id WHERE t.series_id = ?1 AND e.kind = ?3 AND " \
	    "?2 BETWEEN t.volume AND ifnull(t.volume_end, t.volume) ORDER BY t.file_id LIMIT 1")

#endif
