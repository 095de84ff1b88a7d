/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tables and statements of store_alerts.c and store_write_alerts.c; parts of store_schema.c and STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_ALERTS_H
#define COMMON_STORE_SQL_ALERTS_H

#define ALERT_TABLES \
	/* conditions (store_alerts.h); state: enum store_alert_state; value, bound: NULL is not known; told: of its last move */ \
	"CREATE TABLE IF NOT EXISTS alert(name TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, " \
	"state INTEGER NOT NULL, since INTEGER NOT NULL, fired_at INTEGER NOT NULL, cleared_at INTEGER NOT NULL, " \
	"changed_at INTEGER NOT NULL, streak INTEGER NOT NULL, value REAL, bound REAL, told INTEGER NOT NULL, PRIMARY KEY(name, subject))", \
	"CREATE INDEX IF NOT EXISTS alert_state ON alert(state) WHERE state = 2", \
	/* room on the disks of roots, by their last look */ \
	"CREATE TABLE IF NOT EXISTS disk(root_id INTEGER PRIMARY KEY, free_bytes INTEGER NOT NULL, " \
	"size_bytes INTEGER NOT NULL, at INTEGER NOT NULL)"

#define SQL_ALERT_COLUMNS \
	"name, subject, text, state, since, fired_at, cleared_at, changed_at, streak, value, bound, told"

#define STATEMENTS_ALERTS(SQL) \
	SQL(alerts_firing, 0, \
	    "SELECT " SQL_ALERT_COLUMNS " FROM alert WHERE state = 2 ORDER BY since, name, subject") \
	SQL(alerts_all, 0, "SELECT " SQL_ALERT_COLUMNS " FROM alert ORDER BY name, subject") \
	SQL(alert_put, 0, \
	    "INSERT INTO alert(" SQL_ALERT_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) " \
	    "ON CONFLICT(name, subject) DO UPDATE SET text = excluded.text, state = excluded.state, " \
	    "since = excluded.since, fired_at = excluded.fired_at, cleared_at = excluded.cleared_at, " \
	    "changed_at = excluded.changed_at, streak = excluded.streak, value = excluded.value, bound = excluded.bound, " \
	    "told = excluded.told") \
	SQL(alert_delete, 0, "DELETE FROM alert WHERE name = ? AND subject = ?") \
	SQL(disks, 0, \
	    "SELECT r.id, r.name, free_bytes, size_bytes, d.at FROM disk d JOIN root r ON r.id = d.root_id " \
	    "WHERE r.active = 1 ORDER BY r.name") \
	SQL(disk_put, 0, \
	    "INSERT INTO disk(root_id, free_bytes, size_bytes, at) VALUES(?, ?, ?, ?) ON CONFLICT(root_id) DO UPDATE SET " \
	    "free_bytes = excluded.free_bytes, size_bytes = excluded.size_bytes, at = excluded.at")

#endif
