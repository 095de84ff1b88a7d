/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The statements of store_tally.c, store_gauges.c and store_sample.c; part of STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_METRICS_H
#define COMMON_STORE_SQL_METRICS_H

#define STATEMENTS_METRICS(SQL) \
	/* a few dozens of rows */ \
	SQL(tallies, 0, "SELECT name, key, n, sum FROM tally") \
	SQL(tally_add, 0, \
	    "INSERT INTO tally(name, key, n, sum) VALUES(?, ?, ?, ?) " \
	    "ON CONFLICT(name, key) DO UPDATE SET n = n + excluded.n, sum = sum + excluded.sum") \
	/* a table that was made anew has lost it */ \
	SQL(tally_trigger, 1, "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?") \
	SQL(jobs_states, 0, "SELECT state FROM job WHERE state IN ('queued', 'running', 'paused')") \
	SQL(gauge_numbers, 0, "SELECT id, key FROM gauge") \
	SQL(gauge_add, 0, "INSERT OR IGNORE INTO gauge(key) VALUES(?) RETURNING id") \
	SQL(measured_get, 0, "SELECT body FROM measured WHERE step = ? AND at = ?") \
	SQL(measured_put, 0, \
	    "INSERT INTO measured(step, at, samples, body) VALUES(?, ?, ?, ?) ON CONFLICT(step, at) DO UPDATE SET " \
	    "samples = excluded.samples, body = excluded.body") \
	SQL(measured_between, 0, \
	    "SELECT at, body FROM measured WHERE step = ? AND at > ? AND at < ? ORDER BY at") \
	SQL(measured_last, 0, "SELECT at, body FROM measured WHERE step = ? AND at < ? ORDER BY at DESC LIMIT 1") \
	/* from the newest on; a row goes whole, when all newer ones hold enough */ \
	SQL(measured_sizes, 0, "SELECT at, samples FROM measured WHERE step = ? AND at > ? AND at <= ? ORDER BY at DESC") \
	SQL(measured_thin, 0, "DELETE FROM measured WHERE step = ? AND at > ? AND at <= ?")

#endif
