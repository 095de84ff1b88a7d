/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A topic moves when a row really changed: every statement leaves alone what is so already, and SQLite says how
 * many rows it changed.
 */
#include "common/store_write_repair.h"

#include <errno.h>

#include "common/store_private.h"
#include "common/store_repair_columns.h"
#include "common/store_symlinks.h"

#define TORRENTS TOPIC_BIT(torrents)
#define REPAIRS TOPIC_BIT(repairs)

/* --- binding --- */

static const char *text_of(const char *text)
{
	return text ? text : "";
}

/** A hash in capitals is the same hash: two spellings must not be two insertions. */
static void bind_hash(sqlite3_stmt *q, int i, const char *hash)
{
	char lower[129];
	size_t n = strlen(hash);
	if (n >= sizeof lower) {
		bind_text(q, i, hash, n);
		return;
	}
	for (size_t k = 0; k < n; k++)
		lower[k] = (char)(hash[k] >= 'A' && hash[k] <= 'Z' ? hash[k] - 'A' + 'a' : hash[k]);
	sqlite3_bind_text(q, i, lower, (int)n, SQLITE_TRANSIENT);
}

static void bind_column(sqlite3_stmt *q, int i, enum store_column_type type, const void *at)
{
	const struct bytes *bytes = at;
	switch (type) {
	case COLUMN_TEXT:
		bind_str(q, i, text_of(*(const char *const *)at));
		return;
	case COLUMN_HASH:
		bind_hash(q, i, text_of(*(const char *const *)at));
		return;
	case COLUMN_BYTES:
		bind_bytes(q, i, bytes->data, bytes->len);
		return;
	case COLUMN_INT:
		sqlite3_bind_int64(q, i, *(const int64_t *)at);
		return;
	case COLUMN_REAL:
		sqlite3_bind_double(q, i, *(const double *)at);
		return;
	case COLUMN_SHORT:
		sqlite3_bind_int(q, i, *(const int *)at);
		return;
	case COLUMN_FLAG:
		sqlite3_bind_int(q, i, *(const bool *)at);
		return;
	}
}

/** Binds a record from parameter @i on; returns the next. */
static int bind_record(sqlite3_stmt *q, int i, const struct store_columns *columns, const void *record)
{
	for (size_t k = 0; k < columns->count; k++)
		bind_column(q, i++, columns->data[k].type, (const char *)record + columns->data[k].at);
	return i;
}

/** Runs a statement that changes rows; @topics move when it did.  *changed: how many; may be NULL. */
static int run(struct store *s, sqlite3_stmt *q, unsigned topics, int *changed)
{
	int r = store_run(s, q);
	int n = r == 0 ? sqlite3_changes(s->db) : 0;
	if (n)
		store_touch(s, topics);
	if (changed)
		*changed = n;
	return r;
}

static int put_record(struct store *s, enum sql_id sql, const struct store_columns *columns, const void *record,
		      unsigned topics)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	bind_record(q, 1, columns, record);
	return run(s, q, topics, NULL);
}

#define PUT(name, sql, row, topics) put_record(s, SQL_##sql, &store_##name##_columns, row, topics)

/** A new row of its own number. */
static int add_record(struct store *s, enum sql_id sql, const struct store_columns *columns, const void *record,
		      int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	bind_record(q, 1, columns, record);
	int r = store_step(s, q);
	if (r > 0) {
		*id = sqlite3_column_int64(q, 0);
		/* to its end, or the row is not counted as written */
		r = store_run(s, q);
		store_touch(s, REPAIRS);
	}
	return r;
}

/** The statement finds a row: 0, or -ENOENT. */
static int is_there(struct store *s, sqlite3_stmt *q)
{
	int r = store_step(s, q);
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/** What changes later of a row.  The columns stand twice: what is set, and what it must differ from. */
static int set_record(struct store *s, enum sql_id sql, enum sql_id get, const struct store_columns *columns,
		      const void *record, int64_t id)
{
	int changed;
	sqlite3_stmt *q = store_stmt(s, sql);
	sqlite3_bind_int64(q, 1, id);
	bind_record(q, bind_record(q, 2, columns, record), columns, record);
	int r = run(s, q, REPAIRS, &changed);
	if (r < 0 || changed)
		return r;
	q = store_stmt(s, get);
	sqlite3_bind_int64(q, 1, id);
	return is_there(s, q);
}

/* --- torrents --- */

int store_put_torrent(struct store *s, const struct store_torrent *t)
{
	struct store_torrent row = *t;
	if (!row.first_seen)
		row.first_seen = row.last_seen;
	return PUT(torrent, torrent_put, &row, TORRENTS);
}

int store_torrent_gone(struct store *s, const char *provider, const char *id, int64_t at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_torrent_gone);
	bind_str(q, 1, provider);
	bind_str(q, 2, id);
	sqlite3_bind_int64(q, 3, at);
	return run(s, q, TORRENTS, NULL);
}

int store_count_broken(struct store *s)
{
	sqlite3_stmt *q = store_stmt(s, SQL_torrent_uncount_broken);
	sqlite3_bind_int(q, 1, LINK_BROKEN);
	int r = run(s, q, TORRENTS, NULL);
	q = store_stmt(s, SQL_torrent_count_broken);
	sqlite3_bind_int(q, 1, LINK_BROKEN);
	return r < 0 ? r : run(s, q, TORRENTS, NULL);
}

/* --- what was tried --- */

int store_add_attempt(struct store *s, const struct store_attempt *a)
{
	int r = PUT(attempt, attempt_put, a, TORRENTS | REPAIRS);
	sqlite3_stmt *q = store_stmt(s, SQL_torrent_tried);
	bind_str(q, 1, text_of(a->provider));
	bind_str(q, 2, text_of(a->torrent));
	sqlite3_bind_int64(q, 3, a->at);
	sqlite3_bind_int(q, 4, strcmp(text_of(a->outcome), "success") == 0);
	return r < 0 ? r : run(s, q, TORRENTS, NULL);
}

int store_put_permanent(struct store *s, const struct store_permanent *p)
{
	return PUT(permanent, permanent_put, p, TORRENTS | REPAIRS);
}

int store_put_retry(struct store *s, const struct store_retry *r)
{
	return PUT(retry, retry_put, r, TORRENTS | REPAIRS);
}

int store_delete_retry(struct store *s, const char *provider, const char *hash)
{
	sqlite3_stmt *q = store_stmt(s, SQL_retry_delete);
	bind_str(q, 1, provider);
	bind_str(q, 2, hash);
	return run(s, q, TORRENTS | REPAIRS, NULL);
}

int store_put_torrent_scan(struct store *s, const struct store_torrent_scan *scan)
{
	return PUT(torrent_scan, scan_put, scan, TORRENTS);
}

/* --- plans --- */

/** Whether that plan is just being carried out. */
static int refuse_applying(struct store *s, const char *hash)
{
	int64_t is_applying = 0;
	sqlite3_stmt *q = store_stmt(s, SQL_plan_state);
	bind_str(q, 1, hash);
	int r = store_one_number(s, q, &is_applying);
	return r < 0 && r != -ENOENT ? r : is_applying ? -EBUSY : 0;
}

/** Nothing of the plan that nobody applied is kept but that it was. */
static int supersede(struct store *s, const char *hash)
{
	sqlite3_stmt *q = store_stmt(s, SQL_plan_clear);
	bind_str(q, 1, hash);
	int r = run(s, q, REPAIRS, NULL);
	q = store_stmt(s, SQL_plan_supersede);
	bind_str(q, 1, hash);
	return r < 0 ? r : run(s, q, REPAIRS, NULL);
}

int store_put_plan(struct store *s, const struct store_plan *plan, const struct store_plan_item *items, size_t n)
{
	int r = refuse_applying(s, text_of(plan->hash));
	if (r == 0)
		r = supersede(s, text_of(plan->hash));
	if (r == 0)
		r = PUT(plan, plan_put, plan, REPAIRS);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct store_plan_item item = items[i];
		item.plan = plan->hash;
		r = PUT(plan_item, plan_item_put, &item, REPAIRS);
	}
	return r;
}

int store_set_plan(struct store *s, const char *hash, const char *state)
{
	int changed;
	sqlite3_stmt *q = store_stmt(s, SQL_plan_set);
	bind_str(q, 1, hash);
	bind_str(q, 2, state);
	int r = run(s, q, REPAIRS, &changed);
	if (r < 0 || changed)
		return r;
	q = store_stmt(s, SQL_plan_state);
	bind_str(q, 1, hash);
	return is_there(s, q);
}

int store_set_plan_item(struct store *s, const char *plan, int64_t item, const char *state, const char *reason,
			int64_t at)
{
	int changed;
	sqlite3_stmt *q = store_stmt(s, SQL_plan_item_set);
	bind_str(q, 1, plan);
	sqlite3_bind_int64(q, 2, item);
	bind_str(q, 3, state);
	bind_str(q, 4, text_of(reason));
	sqlite3_bind_int64(q, 5, at);
	int r = run(s, q, REPAIRS, &changed);
	if (r < 0 || changed)
		return r;
	q = store_stmt(s, SQL_plan_item_state);
	bind_str(q, 1, plan);
	sqlite3_bind_int64(q, 2, item);
	return is_there(s, q);
}

/* --- the journal, insertions, managers --- */

int store_put_journal(struct store *s, const struct store_journal *row, int64_t *id)
{
	if (!row->id)
		return add_record(s, SQL_journal_put, &store_journal_columns, row, id);
	*id = row->id;
	return set_record(s, SQL_journal_set, SQL_journal_get, &store_journal_step_columns, row, row->id);
}

static int keep_id(void *arg, const struct store_insertion *row)
{
	int64_t *id = arg;
	*id = row->id;
	return 0;
}

static bool is_ended(const char *step)
{
	return strcmp(step, "done") == 0 || strcmp(step, "failed") == 0 || strcmp(step, "undone") == 0;
}

/** The index insertion_open would refuse as well; here it is an answer. */
int store_put_insertion(struct store *s, const struct store_insertion *row, int64_t *id)
{
	int64_t open = 0;
	int r = store_insertion(s, text_of(row->provider), text_of(row->hash), keep_id, &open);
	if (r < 0 && r != -ENOENT)
		return r;
	if (open && open != row->id && (!row->id || !is_ended(text_of(row->step)))) {
		*id = open;
		return -EEXIST;
	}
	if (!row->id)
		return add_record(s, SQL_insertion_put, &store_insertion_columns, row, id);
	*id = row->id;
	return set_record(s, SQL_insertion_set, SQL_insertion_get, &store_insertion_step_columns, row, row->id);
}

int store_put_told_item(struct store *s, const struct store_told_item *row, int64_t *id)
{
	if (!row->id)
		return add_record(s, SQL_told_put, &store_told_item_columns, row, id);
	*id = row->id;
	return set_record(s, SQL_told_set, SQL_told_get, &store_told_item_step_columns, row, row->id);
}

int store_add_sample(struct store *s, const struct store_repair_sample *row)
{
	return PUT(repair_sample, sample_put, row, TORRENTS);
}

/* --- retention --- */

int store_purge_repairs(struct store *s, int64_t history, int64_t samples, int64_t undo)
{
	/* the journal first: plans stay as long as a row of theirs */
	const struct {
		enum sql_id sql;
		int64_t before;
		unsigned topics;
	} rows[] = {
		{SQL_attempt_purge, history, TORRENTS | REPAIRS},
		{SQL_sample_purge, samples, TORRENTS},
		{SQL_journal_purge, undo, REPAIRS},
		{SQL_insertion_purge, history, REPAIRS},
		{SQL_told_purge, history, REPAIRS},
		{SQL_plan_purge, history, REPAIRS},
	};
	int r = 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows && r == 0; i++) {
		sqlite3_stmt *q = store_stmt(s, rows[i].sql);
		sqlite3_bind_int64(q, 1, rows[i].before);
		r = run(s, q, rows[i].topics, NULL);
	}
	return r < 0 ? r : run(s, store_stmt(s, SQL_plan_item_purge), REPAIRS, NULL);
}
