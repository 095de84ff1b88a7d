/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_alerts.h"

#include <math.h>

#include "common/store_rows.h"

static double column_value(sqlite3_stmt *q, int i)
{
	return sqlite3_column_type(q, i) == SQLITE_NULL ? NAN : sqlite3_column_double(q, i);
}

static bool is_known(const char *name)
{
	for (int i = 0; i < ALERT_COUNT_OF_ROWS; i++)
		if (strcmp(ALERTS_TABLE[i].name, name) == 0)
			return true;
	return false;
}

static int alert_row(sqlite3_stmt *q, void *fn, void *arg)
{
	const struct store_alert row = {
		.name = column_str(q, 0), .subject = column_str(q, 1), .text = column_str(q, 2),
		.state = (enum store_alert_state)sqlite3_column_int(q, 3),
		.firing = sqlite3_column_int(q, 3) == STORE_ALERT_FIRING,
		.since = sqlite3_column_int64(q, 4), .fired_at = sqlite3_column_int64(q, 5),
		.cleared_at = sqlite3_column_int64(q, 6), .changed_at = sqlite3_column_int64(q, 7),
		.streak = sqlite3_column_int64(q, 8), .value = column_value(q, 9), .limit = column_value(q, 10),
		.told = sqlite3_column_int(q, 11) != 0,
	};
	/* of another version, whose indexer watches it no more */
	return is_known(row.name) ? STORE_UNBOX(store_alert_fn, fn)(arg, &row) : 0;
}

int store_alerts(struct store *s, store_alert_fn *fn, void *arg)
{
	return store_each(s, store_stmt(s, SQL_alerts_firing), alert_row, STORE_BOX(store_alert_fn, fn), arg);
}

int store_alerts_all(struct store *s, store_alert_fn *fn, void *arg)
{
	return store_each(s, store_stmt(s, SQL_alerts_all), alert_row, STORE_BOX(store_alert_fn, fn), arg);
}

static int disk_row(sqlite3_stmt *q, void *fn, void *arg)
{
	const struct store_disk row = {
		.root = sqlite3_column_int64(q, 0), .name = column_str(q, 1),
		.free_bytes = sqlite3_column_int64(q, 2), .size_bytes = sqlite3_column_int64(q, 3),
		.at = sqlite3_column_int64(q, 4),
	};
	return STORE_UNBOX(store_disk_fn, fn)(arg, &row);
}

int store_disks(struct store *s, store_disk_fn *fn, void *arg)
{
	return store_each(s, store_stmt(s, SQL_disks), disk_row, STORE_BOX(store_disk_fn, fn), arg);
}

static int count(void *arg, const struct store_alert *row)
{
	int64_t *n = arg;
	(void)row;
	++*n;
	return 0;
}

int store_alerts_firing(struct store *s, int64_t *n)
{
	*n = 0;
	return store_alerts(s, count, n);
}
