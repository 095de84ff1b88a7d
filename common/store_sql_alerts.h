/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The statements of store_alerts.c and store_write_alerts.c; part of STATEMENTS (store_sql.h). */
#ifndef COMMON_STORE_SQL_ALERTS_H
#define COMMON_STORE_SQL_ALERTS_H

#define SQL_ALERT_COLUMNS \
	"name, subject, text, state, since, fired_at, cleared_at, changed_at, streak, value, bound"

#define STATEMENTS_ALERTS(SQL) \
	SQL(alerts_firing, 0, \
	    "SELECT " SQL_ALERT_COLUMNS " FROM alert WHERE state = 2 ORDER BY since, name, subject") \
	SQL(alerts_all, 0, "SELECT " SQL_ALERT_COLUMNS " FROM alert ORDER BY name, subject") \
	SQL(alerts_count, 0, "SELECT count(*) FROM alert WHERE state = 2") \
	SQL(alert_put, 0, \
	    "INSERT INTO alert(" SQL_ALERT_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) " \
	    "ON CONFLICT(name, subject) DO UPDATE SET text = excluded.text, state = excluded.state, " \
	    "since = excluded.since, fired_at = excluded.fired_at, cleared_at = excluded.cleared_at, " \
	    "changed_at = excluded.changed_at, streak = excluded.streak, value = excluded.value, bound = excluded.bound") \
	SQL(alert_delete, 0, "DELETE FROM alert WHERE name = ? AND subject = ?") \
	SQL(disks, 0, \
	    "SELECT r.id, r.name, free_bytes, size_bytes, d.at FROM disk d JOIN root r ON r.id = d.root_id " \
	    "WHERE r.active = 1 ORDER BY r.name") \
	SQL(disk_put, 0, \
	    "INSERT INTO disk(root_id, free_bytes, size_bytes, at) VALUES(?, ?, ?, ?) ON CONFLICT(root_id) DO UPDATE SET " \
	    "free_bytes = excluded.free_bytes, size_bytes = excluded.size_bytes, at = excluded.at")

#endif
