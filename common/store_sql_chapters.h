/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tables and statements of store_chapters.c and store_write_chapters.c; part of STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_CHAPTERS_H
#define COMMON_STORE_SQL_CHAPTERS_H

/**
 * Chapters (store_chapters.h).  found, processed: NULL when nobody spoke of them; downloaded, errors, bytes: added up;
 * said_…: as they were told.  told: the greatest number of a run's lines that was taken; taken: a bit for each of the
 * numbers from it down, the lowest bit of the first byte is its own.  is_over: nothing was heard for too long.
 */
#define CHAPTER_TABLES \
	"CREATE TABLE IF NOT EXISTS chapter(id INTEGER PRIMARY KEY AUTOINCREMENT, producer INTEGER NOT NULL, " \
	"run TEXT NOT NULL, series TEXT NOT NULL, chapter TEXT NOT NULL, attempt INTEGER NOT NULL, " \
	"session INTEGER NOT NULL, state INTEGER NOT NULL, started_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, " \
	"ended_at INTEGER NOT NULL, found INTEGER, processed INTEGER, downloaded INTEGER NOT NULL, " \
	"said_downloaded INTEGER NOT NULL, errors INTEGER NOT NULL, said_errors INTEGER NOT NULL, " \
	"bytes INTEGER NOT NULL, said_bytes INTEGER NOT NULL, seconds REAL NOT NULL, url TEXT NOT NULL, " \
	"error TEXT NOT NULL)", \
	"CREATE UNIQUE INDEX IF NOT EXISTS chapter_key ON chapter(producer, run, series, chapter, attempt)", \
	"CREATE INDEX IF NOT EXISTS chapter_running ON chapter(producer, run, changed_at) WHERE state = 0", \
	"CREATE INDEX IF NOT EXISTS chapter_order ON chapter(producer, id)", \
	"CREATE INDEX IF NOT EXISTS chapter_of_session ON chapter(session) WHERE session > 0", \
	"CREATE TABLE IF NOT EXISTS chapter_run(run TEXT PRIMARY KEY, told INTEGER NOT NULL, " \
	"taken BLOB NOT NULL, changed_at INTEGER NOT NULL)", \
	"CREATE INDEX IF NOT EXISTS chapter_run_at ON chapter_run(changed_at)", \
	"CREATE TABLE IF NOT EXISTS chapter_session(id INTEGER PRIMARY KEY AUTOINCREMENT, started_at INTEGER NOT NULL, " \
	"is_over INTEGER NOT NULL DEFAULT 0)", \
	"CREATE TABLE IF NOT EXISTS chapter_sum(producer INTEGER PRIMARY KEY, running INTEGER NOT NULL, " \
	"ok INTEGER NOT NULL, failed INTEGER NOT NULL, abandoned INTEGER NOT NULL, found INTEGER NOT NULL, " \
	"downloaded INTEGER NOT NULL, processed INTEGER NOT NULL, errors INTEGER NOT NULL, bytes INTEGER NOT NULL, " \
	"seconds REAL NOT NULL)"

#define SQL_CHAPTER_ROW \
	"SELECT id, producer, run, series, chapter, attempt, session, state, started_at, changed_at, ended_at, found, " \
	"processed, downloaded, said_downloaded, errors, said_errors, bytes, said_bytes, seconds, url, error FROM chapter "

#define STATEMENTS_CHAPTERS(SQL) \
	/* the last ?1 rows */ \
	SQL(chapters, 1, \
	    SQL_CHAPTER_ROW "WHERE id >= ifnull((SELECT id FROM chapter ORDER BY id DESC LIMIT 1 OFFSET ?1 - 1), 0) " \
	    "ORDER BY id") \
	/* of each producer in the bits of ?1 the last ?2 rows, and what runs */ \
	SQL(chapters_of, 1, \
	    "WITH RECURSIVE told(who) AS (SELECT 0 UNION ALL SELECT who + 1 FROM told WHERE ?1 >> who > 1) " \
	    SQL_CHAPTER_ROW "WHERE id IN (SELECT c.id FROM told CROSS JOIN chapter c ON c.producer = who AND c.id >= " \
	    "ifnull((SELECT id FROM chapter WHERE producer = who ORDER BY id DESC LIMIT 1 OFFSET ?2 - 1), 0) " \
	    "WHERE ?1 >> who & 1 UNION ALL SELECT id FROM chapter WHERE state = 0 AND ?1 >> producer & 1) ORDER BY id") \
	SQL(chapters_total, 1, "SELECT count(*) FROM chapter") \
	SQL(chapters_session, 0, SQL_CHAPTER_ROW "WHERE session = ? AND session > 0 ORDER BY id") \
	SQL(chapter_session, 0, \
	    "SELECT id, started_at FROM chapter_session WHERE id = (SELECT max(id) FROM chapter_session)") \
	SQL(chapter_counts, 0, \
	    "SELECT running, ok, failed, abandoned, found, downloaded, processed, errors, bytes, seconds " \
	    "FROM chapter_sum WHERE producer = ?") \
	/* --- store_write_chapters.c --- */ \
	SQL(chapter_sum, 0, \
	    "INSERT INTO chapter_sum(producer, running, ok, failed, abandoned, found, downloaded, processed, errors, bytes, " \
	    "seconds) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(producer) DO UPDATE SET " \
	    "running = running + excluded.running, ok = ok + excluded.ok, failed = failed + excluded.failed, " \
	    "abandoned = abandoned + excluded.abandoned, found = found + excluded.found, " \
	    "downloaded = downloaded + excluded.downloaded, processed = processed + excluded.processed, " \
	    "errors = errors + excluded.errors, bytes = bytes + excluded.bytes, seconds = seconds + excluded.seconds") \
	SQL(chapter_find, 0, \
	    SQL_CHAPTER_ROW "WHERE producer = ?1 AND run = ?2 AND series = ?3 AND chapter = ?4 AND " \
	    "attempt BETWEEN ?5 AND ?6 ORDER BY attempt DESC LIMIT 1") \
	SQL(chapter_set, 0, \
	    "UPDATE chapter SET session = ?1, state = ?2, changed_at = ?3, ended_at = ?4, found = ?5, processed = ?6, " \
	    "downloaded = ?7, said_downloaded = ?8, errors = ?9, said_errors = ?10, bytes = ?11, said_bytes = ?12, " \
	    "seconds = ?13, url = CASE ?14 WHEN '' THEN url ELSE ?14 END, " \
	    "error = CASE WHEN ?15 <> '' THEN ?15 WHEN ?2 IN (0, 1) THEN '' ELSE error END WHERE id = ?16") \
	SQL(chapter_add, 0, \
	    "INSERT INTO chapter(session, state, changed_at, ended_at, found, processed, downloaded, said_downloaded, " \
	    "errors, said_errors, bytes, said_bytes, seconds, url, error, producer, run, series, chapter, attempt, " \
	    "started_at) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id") \
	SQL(chapter_session_add, 0, "INSERT INTO chapter_session(started_at) VALUES(?) RETURNING id") \
	SQL(chapter_session_open, 0, \
	    "SELECT id FROM chapter_session WHERE id = (SELECT max(id) FROM chapter_session) AND is_over = 0") \
	SQL(chapter_session_close, 0, \
	    "UPDATE chapter_session SET is_over = 1 WHERE id = (SELECT max(id) FROM chapter_session) AND is_over = 0 AND " \
	    "ifnull((SELECT max(changed_at) FROM chapter_run), 0) < ?") \
	SQL(chapter_run, 0, "SELECT told, taken FROM chapter_run WHERE run = ?") \
	SQL(chapter_run_put, 0, \
	    "INSERT INTO chapter_run(run, told, taken, changed_at) VALUES(?, ?, ?, ?) ON CONFLICT(run) DO UPDATE SET " \
	    "told = excluded.told, taken = excluded.taken, changed_at = excluded.changed_at") \
	SQL(chapter_open, 0, SQL_CHAPTER_ROW "WHERE state = 0 AND producer = ? AND run = ? LIMIT 64") \
	SQL(chapters_silent, 0, SQL_CHAPTER_ROW "WHERE state = 0 AND producer = ? AND changed_at < ? LIMIT 64") \
	SQL(chapter_move, 0, "UPDATE chapter SET session = ? WHERE state = 0 AND producer = ?") \
	/* more than ?2, but of the session that is now only what is more than ?3 */ \
	SQL(chapters_purge, 0, \
	    "DELETE FROM chapter WHERE producer = ?1 AND state <> 0 AND id <= " \
	    "(SELECT id FROM chapter WHERE producer = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2) AND " \
	    "(session <> ifnull((SELECT max(id) FROM chapter_session), -1) OR id <= " \
	    "(SELECT id FROM chapter WHERE producer = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3))") \
	SQL(chapter_runs_purge, 0, "DELETE FROM chapter_run WHERE changed_at < ?1") \
	SQL(chapter_volume, 0, \
	    "SELECT s.title, t.volume, t.chapter, t.pages, f.name FROM volume t JOIN series s ON s.id = t.series_id " \
	    "JOIN file f ON f.id = t.file_id WHERE t.file_id = ?")

#endif
