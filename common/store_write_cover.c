/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_write_cover.h"

#include "common/store_settle.h"

static void bind_jpeg(sqlite3_stmt *q, int i, const struct store_put_cover *put)
{
	if (put->jpeg)
		sqlite3_bind_blob64(q, i, put->jpeg, put->n, SQLITE_STATIC);
	else
		sqlite3_bind_null(q, i);
}

/** What there is of a series. */
enum there {
	NO_ROW,
	ANOTHER,
	/** The same picture, or none either. */
	THE_SAME,
};

/** An enum there or -errno. */
static int compare(struct store *s, const struct store_put_cover *put)
{
	sqlite3_stmt *q = store_stmt(s, SQL_cover_is_same);
	sqlite3_bind_int64(q, 1, put->series);
	bind_jpeg(q, 2, put);
	int r = store_step(s, q);
	if (r > 0)
		r = sqlite3_column_int(q, 0) ? THE_SAME : ANOTHER;
	sqlite3_reset(q);
	return r < 0 ? r : r == 0 ? NO_ROW : r;
}

static int is_there(struct store *s, int64_t series)
{
	sqlite3_stmt *q = store_stmt(s, SQL_cover_series);
	sqlite3_bind_int64(q, 1, series);
	int r = store_step(s, q);
	sqlite3_reset(q);
	return r;
}

int store_put_cover(struct store *s, const struct store_put_cover *put)
{
	int r = is_there(s, put->series);
	if (r <= 0)
		return r;
	int there = compare(s, put);
	if (there < 0)
		return there;
	/* what fails for now says nothing of the picture that is there */
	bool same = there == THE_SAME || (there == ANOTHER && put->is_again);
	sqlite3_stmt *q = store_stmt(s, same ? SQL_cover_keep : SQL_cover_put);
	const int64_t numbers[] = {put->series, put->file,     put->size,  put->mtime,   put->ctime,
				   put->inode,  s->started_at, put->tries, put->is_again};
	for (int i = 0; i < 9; i++)
		sqlite3_bind_int64(q, i + 1, numbers[i]);
	bind_str(q, 10, put->reason);
	if (!same) {
		sqlite3_bind_int64(q, 11, put->jpeg ? (int64_t)put->n : 0);
		bind_jpeg(q, 12, put);
		sqlite3_bind_int64(q, 13, s->generation);
		store_touch(s, TOPIC_BIT(covers));
	}
	return store_run(s, q);
}

int store_drop_cover(struct store *s, int64_t series)
{
	return store_run_id(s, SQL_cover_delete, series);
}

int store_trim_covers(struct store *s, int64_t most)
{
	sqlite3_stmt *q = store_stmt(s, SQL_cover_trim);
	sqlite3_bind_int64(q, 1, most);
	sqlite3_bind_int64(q, 2, s->generation);
	sqlite3_bind_int64(q, 3, s->started_at);
	int r = store_run(s, q);
	if (r == 0 && sqlite3_changes(s->db))
		store_touch(s, TOPIC_BIT(covers));
	return r;
}
