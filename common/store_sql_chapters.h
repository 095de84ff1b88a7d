/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tables and statements of store_chapters.c and store_write_chapters.c; part of STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_CHAPTERS_H
#define COMMON_STORE_SQL_CHAPTERS_H

/**
 * Chapters (store_chapters.h).  found, processed: NULL when nobody spoke of them; downloaded, errors, bytes: added up;
 * said_…: as they were told.  told: the last number of a run's lines that was taken.
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
	"CREATE INDEX IF NOT EXISTS chapter_session ON chapter(session) WHERE session > 0", \
	"CREATE TABLE IF NOT EXISTS chapter_run(run TEXT PRIMARY KEY, session INTEGER NOT NULL, told INTEGER NOT NULL, " \
	"changed_at INTEGER NOT NULL)", \
	"CREATE TABLE IF NOT EXISTS chapter_session(id INTEGER PRIMARY KEY AUTOINCREMENT, started_at INTEGER NOT NULL)", \
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
	SQL(chapters_session, 0, SQL_CHAPTER_ROW "WHERE session = ? AND session > 0 ORDER BY id") \
	SQL(chapter_session, 0, \
	    "SELECT id, started_at FROM chapter_session WHERE id = (SELECT max(id) FROM chapter_session)") \
	SQL(chapter_counts, 0, \
	    "SELECT running, ok, failed, abandoned, found, downloaded, processed, errors, bytes, seconds " \
	    "FROM chapter_sum WHERE producer = ?")

#endif
