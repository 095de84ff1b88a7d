/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_write_alerts.h"

#include <math.h>

#include "common/store_private.h"

/** What is not known is NULL: SQLite has no NAN. */
static void bind_value(sqlite3_stmt *q, int i, double v)
{
	if (!isnan(v))
		sqlite3_bind_double(q, i, v);
}

int store_put_alert(struct store *s, const struct store_alert *row)
{
	sqlite3_stmt *q = store_stmt(s, SQL_alert_put);
	bind_str(q, 1, row->name);
	bind_str(q, 2, row->subject);
	bind_str(q, 3, row->text);
	sqlite3_bind_int(q, 4, (int)row->state);
	const int64_t numbers[] = {row->since, row->fired_at, row->cleared_at, row->changed_at, row->streak};
	for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
		sqlite3_bind_int64(q, 5 + i, numbers[i]);
	bind_value(q, 10, row->value);
	bind_value(q, 11, row->limit);
	sqlite3_bind_int(q, 12, row->told);
	store_touch(s, TOPIC_BIT(alerts));
	return store_run(s, q);
}

int store_delete_alert(struct store *s, const char *name, const char *subject)
{
	sqlite3_stmt *q = store_stmt(s, SQL_alert_delete);
	bind_str(q, 1, name);
	bind_str(q, 2, subject);
	store_touch(s, TOPIC_BIT(alerts));
	return store_run(s, q);
}

int store_put_disk(struct store *s, const struct store_disk *disk)
{
	sqlite3_stmt *q = store_stmt(s, SQL_disk_put);
	const int64_t numbers[] = {disk->root, disk->free_bytes, disk->size_bytes, disk->at};
	for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
		sqlite3_bind_int64(q, 1 + i, numbers[i]);
	return store_run(s, q);
}
