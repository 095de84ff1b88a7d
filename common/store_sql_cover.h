/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The statements of store_cover.c and store_write_cover.c; part of STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_COVER_H
#define COMMON_STORE_SQL_COVER_H

#include "common/store_sql_pack.h"

#define STATEMENTS_COVER(SQL) \
	SQL(cover, 0, "SELECT jpeg FROM cover WHERE series_id = ? AND jpeg IS NOT NULL") \
	SQL(cover_stamp, 0, "SELECT version, at FROM cover WHERE series_id = ? AND jpeg IS NOT NULL") \
	/* the index has all that is asked: no picture is read */ \
	SQL(cover_counts, 1, \
	    "SELECT (SELECT count(*) FROM cover WHERE bytes > 0), (SELECT ifnull(sum(bytes), 0) FROM cover WHERE bytes > 0), " \
	    "(SELECT count(*) FROM cover), (SELECT count(*) FROM series)") \
	SQL(cover_last, 0, "SELECT ifnull(max(id), 0) FROM series") \
	/* ?1 to ?2: the numbers that are looked at; what may change is tried again if it was before ?3; ?4: also those without a picture */ \
	SQL(cover_due, 0, \
	    "SELECT s.id, f.id, d.root_id, d.path, f.name, f.size, f.mtime, " PACK_CTIME("f.") ", f.inode, " \
	    "CASE WHEN c.file_id = f.id AND c.size = f.size AND c.mtime = f.mtime THEN c.tries ELSE 0 END, " \
	    "ifnull(c.bytes, 0) > 0 FROM series s " \
	    "LEFT JOIN file f ON f.id = (SELECT t.file_id FROM volume t JOIN file g ON g.id = t.file_id " \
	    "JOIN dir e ON e.id = g.dir_id JOIN root r ON r.id = e.root_id " \
	    "WHERE t.series_id = s.id AND g.state <> 1 AND r.active = 1 " \
	    "ORDER BY ifnull(t.volume, 1e9), ifnull(t.chapter, 1e9), g.name, g.id LIMIT 1) " \
	    "LEFT JOIN dir d ON d.id = f.dir_id LEFT JOIN cover c ON c.series_id = s.id " \
	    "WHERE s.id > ?1 AND s.id <= ?2 AND CASE WHEN f.id IS NULL THEN ifnull(c.bytes, 0) > 0 " \
	    "WHEN ifnull(c.bytes, 0) = 0 AND NOT ?4 THEN 0 WHEN c.series_id IS NULL THEN 1 ELSE c.file_id <> f.id OR c.size <> f.size OR c.mtime <> f.mtime OR " \
	    "c.ctime <> " PACK_CTIME("f.") " OR c.inode <> f.inode OR (c.again = 1 AND c.made_at < ?3) END " \
	    "ORDER BY s.id LIMIT 1") \
	SQL(cover_series, 0, "SELECT id FROM series WHERE id = ?") \
	SQL(cover_is_same, 0, "SELECT jpeg IS ?2 FROM cover WHERE series_id = ?1") \
	SQL(cover_put, 0, \
	    "INSERT INTO cover(series_id, file_id, size, mtime, ctime, inode, made_at, tries, again, reason, bytes, jpeg, " \
	    "version, at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?7) " \
	    "ON CONFLICT(series_id) DO UPDATE SET file_id = excluded.file_id, size = excluded.size, " \
	    "mtime = excluded.mtime, ctime = excluded.ctime, inode = excluded.inode, made_at = excluded.made_at, " \
	    "tries = excluded.tries, again = excluded.again, reason = excluded.reason, bytes = excluded.bytes, " \
	    "jpeg = excluded.jpeg, version = excluded.version, at = excluded.at") \
	/* the same picture of another file */ \
	SQL(cover_keep, 0, \
	    "UPDATE cover SET file_id = ?2, size = ?3, mtime = ?4, ctime = ?5, inode = ?6, made_at = ?7, tries = ?8, " \
	    "again = ?9, reason = ?10 WHERE series_id = ?1") \
	SQL(cover_delete, 0, "DELETE FROM cover WHERE series_id = ?") \
	/* all but the first ?1: what is not there has no size, so that it is due when it is wanted */ \
	SQL(cover_trim, 1, \
	    "UPDATE cover SET jpeg = NULL, bytes = 0, size = -1, tries = 0, again = 0, reason = 'it is not kept', version = ?2, " \
	    "at = ?3 WHERE bytes > 0 AND series_id NOT IN (SELECT series_id FROM cover WHERE bytes > 0 " \
	    "ORDER BY series_id LIMIT ?1)")

#endif
