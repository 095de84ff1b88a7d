/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows become records by their list of columns (store_repair_columns.h). */
#include "common/store_repair.h"

#include "common/store_repair_columns.h"
#include "common/store_rows.h"

#define COLUMN(record, kind, name) {COLUMN_##kind, offsetof(struct record, name)},
#define R(name, list) \
	static const struct store_column name##_list[] = {list(COLUMN)}; \
	const struct store_columns store_##name##_columns = { \
		name##_list, sizeof name##_list / sizeof *name##_list, sizeof(struct store_##name)};
REPAIR_RECORDS(R)
#undef R
#define R(name, part, list) \
	static const struct store_column name##_##part##_list[] = {list(COLUMN)}; \
	const struct store_columns store_##name##_##part##_columns = { \
		name##_##part##_list, sizeof name##_##part##_list / sizeof *name##_##part##_list, \
		sizeof(struct store_##name)};
REPAIR_PARTS(R)
#undef R

static void read_column(sqlite3_stmt *q, int i, enum store_column_type type, void *at)
{
	switch (type) {
	case COLUMN_TEXT:
	case COLUMN_HASH:
		*(const char **)at = column_str(q, i);
		return;
	case COLUMN_BYTES:
		*(struct bytes *)at = column_bytes(q, i);
		return;
	case COLUMN_INT:
		*(int64_t *)at = sqlite3_column_int64(q, i);
		return;
	case COLUMN_REAL:
		*(double *)at = sqlite3_column_double(q, i);
		return;
	case COLUMN_SHORT:
		*(int *)at = sqlite3_column_int(q, i);
		return;
	case COLUMN_FLAG:
		*(bool *)at = sqlite3_column_int(q, i) != 0;
		return;
	}
}

/** The columns after the first, which is the id of records that have one. */
static void read_record(sqlite3_stmt *q, const struct store_columns *columns, void *record)
{
	for (size_t i = 0; i < columns->count; i++)
		read_column(q, (int)i + 1, columns->data[i].type, (char *)record + columns->data[i].at);
}

/** row_NAME(): a row as a struct store_NAME; @first: what is done with its first column. */
#define ROW(name, first) \
	static int row_##name(sqlite3_stmt *q, void *fn, void *arg) \
	{ \
		struct store_##name row = {0}; \
		first; \
		read_record(q, &store_##name##_columns, &row); \
		return STORE_UNBOX(store_##name##_fn, fn)(arg, &row); \
	}
#define ID row.id = sqlite3_column_int64(q, 0)

ROW(torrent, )
ROW(attempt, ID)
ROW(permanent, )
ROW(retry, )
ROW(torrent_scan, )
ROW(plan, )
ROW(plan_item, )
ROW(journal, ID)
ROW(insertion, ID)
ROW(told_item, ID)
ROW(repair_sample, )

#define EACH(name, q) store_each(s, q, row_##name, STORE_BOX(store_##name##_fn, fn), arg)
#define ONE(name, q) store_one(s, q, row_##name, STORE_BOX(store_##name##_fn, fn), arg)

/** The statement with a text. */
static sqlite3_stmt *of_text(struct store *s, enum sql_id sql, const char *text)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	bind_str(q, 1, text);
	return q;
}

static sqlite3_stmt *of_texts(struct store *s, enum sql_id sql, const char *first, const char *second)
{
	sqlite3_stmt *q = of_text(s, sql, first);
	bind_str(q, 2, second);
	return q;
}

static sqlite3_stmt *of_number(struct store *s, enum sql_id sql, int64_t n)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	sqlite3_bind_int64(q, 1, n);
	return q;
}

/** Rows of a name since a time. */
static int count_since(struct store *s, enum sql_id sql, const char *name, int64_t since, int64_t *n)
{
	sqlite3_stmt *q = of_text(s, sql, name);
	sqlite3_bind_int64(q, 2, since);
	*n = 0;
	return store_one_number(s, q, n);
}

/* --- torrents --- */

int store_torrents(struct store *s, const char *status, store_torrent_fn *fn, void *arg)
{
	static const struct {
		const char *word;
		enum sql_id sql;
	} all[] = {{"", SQL_torrents}, {"failed", SQL_torrents_failed}, {"symlink_broken", SQL_torrents_broken}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(status, all[i].word) == 0)
			return EACH(torrent, store_stmt(s, all[i].sql));
	return EACH(torrent, of_text(s, SQL_torrents_in, status));
}

int store_torrent(struct store *s, const char *provider, const char *id, store_torrent_fn *fn, void *arg)
{
	return ONE(torrent, of_texts(s, SQL_torrent_get, provider, id));
}

int store_torrents_named(struct store *s, const char *provider, struct bytes name, store_torrent_fn *fn, void *arg)
{
	sqlite3_stmt *q = of_text(s, SQL_torrents_named, provider);
	bind_text(q, 2, name.data, name.len);
	return EACH(torrent, q);
}

int store_torrents_hashed(struct store *s, const char *provider, const char *hash, store_torrent_fn *fn, void *arg)
{
	return EACH(torrent, of_texts(s, SQL_torrents_hashed, provider, hash));
}

static int row_count(sqlite3_stmt *q, void *fn, void *arg)
{
	return STORE_UNBOX(store_torrent_count_fn, fn)(arg, column_str(q, 0), sqlite3_column_int64(q, 1),
						       sqlite3_column_int64(q, 2));
}

int store_torrent_counts(struct store *s, store_torrent_count_fn *fn, void *arg)
{
	return store_each(s, store_stmt(s, SQL_torrent_counts), row_count,
			  STORE_BOX(store_torrent_count_fn, fn), arg);
}

/* --- what was tried --- */

int store_attempts(struct store *s, int64_t most, store_attempt_fn *fn, void *arg)
{
	return EACH(attempt, of_number(s, SQL_attempts, most));
}

int store_permanents(struct store *s, store_permanent_fn *fn, void *arg)
{
	return EACH(permanent, store_stmt(s, SQL_permanents));
}

int store_permanent(struct store *s, const char *provider, const char *hash, store_permanent_fn *fn, void *arg)
{
	return ONE(permanent, of_texts(s, SQL_permanent_get, provider, hash));
}

int store_retries(struct store *s, store_retry_fn *fn, void *arg)
{
	return EACH(retry, store_stmt(s, SQL_retries));
}

int store_retry(struct store *s, const char *provider, const char *hash, store_retry_fn *fn, void *arg)
{
	return ONE(retry, of_texts(s, SQL_retry_get, provider, hash));
}

int store_torrent_scans(struct store *s, store_torrent_scan_fn *fn, void *arg)
{
	return EACH(torrent_scan, store_stmt(s, SQL_scans));
}

int store_torrent_scan(struct store *s, const char *kind, store_torrent_scan_fn *fn, void *arg)
{
	return ONE(torrent_scan, of_text(s, SQL_scan_get, kind));
}

/* --- plans, the journal, insertions --- */

int store_plan_last(struct store *s, store_plan_fn *fn, void *arg)
{
	return ONE(plan, store_stmt(s, SQL_plan_last));
}

int store_plan(struct store *s, const char *hash, store_plan_fn *fn, void *arg)
{
	return ONE(plan, of_text(s, SQL_plan_get, hash));
}

int store_plans_in(struct store *s, const char *state, store_plan_fn *fn, void *arg)
{
	return EACH(plan, of_text(s, SQL_plans_in, state));
}

int store_plan_items(struct store *s, const char *hash, store_plan_item_fn *fn, void *arg)
{
	return EACH(plan_item, of_text(s, SQL_plan_items, hash));
}

int store_journal(struct store *s, const char *plan, int64_t most, store_journal_fn *fn, void *arg)
{
	sqlite3_stmt *q = of_number(s, *plan ? SQL_journal_of : SQL_journal_all, most > 0 ? most : -1);
	if (*plan)
		bind_str(q, 2, plan);
	return EACH(journal, q);
}

int store_journal_row(struct store *s, int64_t id, store_journal_fn *fn, void *arg)
{
	return ONE(journal, of_number(s, SQL_journal_get, id));
}

int store_journal_open(struct store *s, store_journal_fn *fn, void *arg)
{
	return EACH(journal, store_stmt(s, SQL_journal_open));
}

int store_journal_count(struct store *s, const char *action, int64_t since, int64_t *n)
{
	return count_since(s, SQL_journal_count, action, since, n);
}

int store_insertions(struct store *s, store_insertion_fn *fn, void *arg)
{
	return EACH(insertion, store_stmt(s, SQL_insertions));
}

int store_insertion(struct store *s, const char *provider, const char *hash, store_insertion_fn *fn, void *arg)
{
	return ONE(insertion, of_texts(s, SQL_insertion_of, provider, hash));
}

/* --- managers, numbers --- */

int store_told_items(struct store *s, int64_t most, store_told_item_fn *fn, void *arg)
{
	return EACH(told_item, of_number(s, SQL_told, most));
}

int store_told_count(struct store *s, const char *instance, int64_t since, int64_t *n)
{
	return count_since(s, SQL_told_count, instance, since, n);
}

int store_told_open(struct store *s, store_told_item_fn *fn, void *arg)
{
	return EACH(told_item, store_stmt(s, SQL_told_open));
}

int store_repair_samples(struct store *s, int64_t since, store_repair_sample_fn *fn, void *arg)
{
	return EACH(repair_sample, of_number(s, SQL_samples, since));
}

int store_journal_failed(struct store *s, int64_t *n)
{
	return store_one_number(s, store_stmt(s, SQL_journal_failed), n);
}

int store_repair_counts(struct store *s, struct store_repair_counts *counts)
{
	int64_t *const number[] = {
		&counts->attempts, &counts->successes, &counts->failures, &counts->permanent,
		&counts->retries_waiting, &counts->retries_spent, &counts->insertions_open, &counts->journal,
		&counts->undone,
	};
	sqlite3_stmt *q = store_stmt(s, SQL_repair_counts);
	int r = store_step(s, q);
	for (size_t i = 0; i < sizeof number / sizeof *number; i++)
		*number[i] = r > 0 ? sqlite3_column_int64(q, (int)i) : 0;
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}
