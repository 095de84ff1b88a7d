/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Past documents of status/: kept, found again, and let go by the retention rules. */
#include <errno.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/render.h"
#include "common/store_settle.h"
#include "common/vec.h"

#define DAY_NS (86400 * NS_PER_S)

/* --- reading --- */

/** One number of the row with @key. */
static int number_of(struct store *s, enum sql_id sql, int64_t key, int64_t *v)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	sqlite3_bind_int64(q, 1, key);
	return store_returning(s, q, v);
}

int store_history(struct store *s, int64_t after, store_item_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_history_list);
	int r;
	sqlite3_bind_int64(q, 1, after);
	while ((r = store_step(s, q)) > 0) {
		_buf_ struct buf name = BUF_INIT(64);
		struct store_item row = {.id = sqlite3_column_int64(q, 0), .at = sqlite3_column_int64(q, 1)};
		time_rfc3339(row.at, &name);
		row.name = buf_str(&name);
		row.name_len = name.len;
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_history_at(struct store *s, int64_t time, int64_t *id)
{
	return number_of(s, SQL_history_at, time, id);
}

int store_history_time(struct store *s, int64_t id, int64_t *time)
{
	return number_of(s, SQL_history_time, id, time);
}

/** What the last snapshot was; zeros when there is none. */
struct last {
	int64_t id, time, version;
};

static int find_last(struct store *s, struct last *last)
{
	sqlite3_stmt *q = store_stmt(s, SQL_history_last);
	int r = store_step(s, q);
	*last = (struct last){0};
	if (r > 0)
		*last = (struct last){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
				      sqlite3_column_int64(q, 2)};
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

int store_history_last(struct store *s, int64_t *time)
{
	struct last last;
	int r = find_last(s, &last);
	*time = last.time;
	return r;
}

int store_history_docs(struct store *s, int64_t at, int64_t after, store_item_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_history_docs);
	int r;
	sqlite3_bind_int64(q, 1, at);
	sqlite3_bind_int64(q, 2, after);
	while ((r = store_step(s, q)) > 0) {
		struct store_item row = {
			.id = sqlite3_column_int64(q, 0),
			.name = column_str(q, 1),
			.name_len = (size_t)sqlite3_column_bytes(q, 1),
			.at = sqlite3_column_int64(q, 2),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_history_find(struct store *s, int64_t at, const char *name, int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_history_find);
	sqlite3_bind_int64(q, 1, at);
	bind_text(q, 2, name, strlen(name));
	return store_returning(s, q, id);
}

int store_history_doc(struct store *s, int64_t id, int64_t *time)
{
	return number_of(s, SQL_history_doc, id, time);
}

int store_history_read(struct store *s, int64_t id, struct buf *out)
{
	sqlite3_stmt *q = store_stmt(s, SQL_history_read);
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	int64_t size = sqlite3_column_int64(q, 0);
	struct bytes body = column_bytes(q, 1);
	r = snapshot_unpack(body.data, body.len, (size_t)size, out);
	sqlite3_reset(q);
	return r;
}

/* --- keeping --- */

/** The body of the same document in the snapshot before, when it is the same; else a new one. */
static int body_for(struct store *s, int64_t before, const struct snapshot_doc *doc, int64_t *body)
{
	sqlite3_stmt *q = store_stmt(s, SQL_history_same);
	sqlite3_bind_int64(q, 1, before);
	bind_text(q, 2, doc->name, strlen(doc->name));
	sqlite3_bind_int64(q, 3, (int64_t)doc->size);
	bind_bytes(q, 4, doc->packed, doc->packed_len);
	int r = store_returning(s, q, body);
	if (r != -ENOENT)
		return r;
	q = store_stmt(s, SQL_history_body_add);
	sqlite3_bind_int64(q, 1, (int64_t)doc->size);
	bind_bytes(q, 2, doc->packed, doc->packed_len);
	return store_returning(s, q, body);
}

static int add_doc(struct store *s, int64_t at, int64_t before, const struct snapshot_doc *doc)
{
	int64_t body;
	int r = body_for(s, before, doc, &body);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_history_doc_add);
	sqlite3_bind_int64(q, 1, at);
	bind_text(q, 2, doc->name, strlen(doc->name));
	sqlite3_bind_int64(q, 3, body);
	return store_run(s, q);
}

typedef VEC(int64_t) ids;

/** Snapshots that the rules do not keep, @now being the time of the newest. */
static int find_old(struct store *s, int64_t now, ids *old)
{
	sqlite3_stmt *q = store_stmt(s, SQL_history_times);
	int64_t day_after = -1;
	int r, of_day = 0, days = 0;
	/* from the newest to the oldest: the first seen of a day is the last of that day.  Days
	 * without any do not count: neither a long sleep nor a clock that was wrong for a moment
	 * empties the history */
	while ((r = store_step(s, q)) > 0) {
		int64_t time = sqlite3_column_int64(q, 1);
		bool is_last = time / DAY_NS != day_after;
		day_after = time / DAY_NS;
		days += is_last;
		if (time > now - DAY_NS && ++of_day <= STORE_HISTORY_DAY)
			continue;
		if (is_last && days <= STORE_HISTORY_DAYS)
			continue;
		int64_t *slot = vec_add(old);
		if (slot)
			*slot = sqlite3_column_int64(q, 0);
	}
	return r;
}

static int let_go(struct store *s, int64_t now)
{
	ids old = {0};
	int r = find_old(s, now, &old);
	for (size_t i = 0; i < old.len && r == 0; i++) {
		r = store_run_id(s, SQL_history_docs_delete, old.data[i]);
		if (r == 0)
			r = store_run_id(s, SQL_history_delete, old.data[i]);
		if (r == 0)
			r = store_tomb(s, ROW_HISTORY, old.data[i]);
	}
	if (r == 0 && old.len)
		r = store_run(s, store_stmt(s, SQL_history_bodies_purge));
	vec_clear(&old);
	return r;
}

int store_add_history(struct store *s, const struct snapshot *p, int64_t *id)
{
	struct last last;
	int64_t same;
	*id = 0;
	int r = find_last(s, &last);
	if (r < 0 || store_history_at(s, p->time, &same) == 0)
		return r;
	if (last.id && last.version == (int64_t)p->version && last.time / DAY_NS == p->time / DAY_NS)
		return 0;
	sqlite3_stmt *q = store_stmt(s, SQL_history_add);
	sqlite3_bind_int64(q, 1, p->time);
	sqlite3_bind_int64(q, 2, (int64_t)p->version);
	r = store_returning(s, q, id);
	for (size_t i = 0; i < p->docs.len && r == 0; i++)
		r = add_doc(s, *id, last.id, &p->docs.data[i]);
	if (r == 0)
		r = let_go(s, p->time);
	store_touch(s, TOPIC_BIT(history));
	return r;
}
