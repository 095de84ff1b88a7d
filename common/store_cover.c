/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_cover.h"

#include <errno.h>

#include "common/store_rows.h"

static int cover_row(sqlite3_stmt *q, void *fn, void *arg)
{
	struct bytes jpeg = column_bytes(q, 0);
	return STORE_UNBOX(store_cover_fn, fn)(arg, jpeg.data, jpeg.len);
}

int store_cover(struct store *s, int64_t series, store_cover_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_cover);
	sqlite3_bind_int64(q, 1, series);
	return store_one(s, q, cover_row, STORE_BOX(store_cover_fn, fn), arg);
}

int store_cover_stamp(struct store *s, int64_t series, uint64_t *version, int64_t *at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_cover_stamp);
	sqlite3_bind_int64(q, 1, series);
	int r = store_step(s, q);
	if (r > 0) {
		*version = (uint64_t)sqlite3_column_int64(q, 0);
		*at = sqlite3_column_int64(q, 1);
	}
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_cover_counts(struct store *s, struct store_cover_counts *c)
{
	sqlite3_stmt *q = store_stmt(s, SQL_cover_counts);
	*c = (struct store_cover_counts){0};
	int r = store_step(s, q);
	if (r > 0) {
		c->kept = sqlite3_column_int64(q, 0);
		c->bytes = sqlite3_column_int64(q, 1);
		c->failed = sqlite3_column_int64(q, 2) - c->kept;
		c->series = sqlite3_column_int64(q, 3);
	}
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

static int due_row(sqlite3_stmt *q, void *fn, void *arg)
{
	const struct store_cover_due row = {
		.series = sqlite3_column_int64(q, 0), .file = sqlite3_column_int64(q, 1),
		.root = sqlite3_column_int64(q, 2), .dir = column_bytes(q, 3), .name = column_bytes(q, 4),
		.size = sqlite3_column_int64(q, 5), .mtime = sqlite3_column_int64(q, 6),
		.ctime = sqlite3_column_int64(q, 7), .inode = sqlite3_column_int64(q, 8),
		.tries = sqlite3_column_int(q, 9), .is_kept = sqlite3_column_int(q, 10) != 0,
	};
	return STORE_UNBOX(store_cover_due_fn, fn)(arg, &row);
}

int store_cover_due(struct store *s, int64_t after, int64_t last, int64_t again, bool wants_new, store_cover_due_fn *fn,
		    void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_cover_due);
	sqlite3_bind_int64(q, 1, after);
	sqlite3_bind_int64(q, 2, last);
	sqlite3_bind_int64(q, 3, again);
	sqlite3_bind_int(q, 4, wants_new);
	return store_one(s, q, due_row, STORE_BOX(store_cover_due_fn, fn), arg);
}

int store_cover_last(struct store *s, int64_t *last)
{
	sqlite3_stmt *q = store_stmt(s, SQL_cover_last);
	int r = store_step(s, q);
	*last = r > 0 ? sqlite3_column_int64(q, 0) : 0;
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}
