/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/store_rows.h"

/** The most that a row adds. */
#define MOST (INT64_C(1) << 50)

struct tally {
	const char *name, *table, *key, *sum, *columns, *first;
	enum tally_inserts inserts;
};

struct tally_added {
	struct {
		/** 0: ''. */
		int64_t key;
		int64_t n, sum;
	} of[TALLY_COUNT];
};

static const struct tally tallies[TALLY_COUNT] = {
#define T(name, table, key, sum, columns, first, inserts) {#name, table, key, sum, columns, first, inserts},
	TALLIES(T)
#undef T
};

/** @expression with "new.", "old." or nothing for each '@'; @otherwise for NULL. */
static void add_of(struct buf *out, const char *expression, const char *row, const char *otherwise)
{
	buf_adds(out, "ifnull(");
	for (; *expression; expression++) {
		if (*expression == '@')
			buf_adds(out, row);
		else
			buf_addc(out, *expression);
	}
	buf_addf(out, ", %s)", otherwise);
}

static void add_key(struct buf *out, const struct tally *t, const char *row)
{
	add_of(out, t->key, row, "''");
}

/** Tags of damaged files say anything: a single row can neither fill nor break the sum. */
static void add_bounded(struct buf *out, const char *expression, const char *row)
{
	buf_addf(out, "max(0, min(%lld, ", (long long)MOST);
	add_of(out, expression, row, "0");
	buf_adds(out, "))");
}

static void add_sum(struct buf *out, const struct tally *t, const char *row)
{
	add_bounded(out, t->sum, row);
}

/** Adds a row of the table to its count (@sign "+"), or takes it away ("-"). */
static void add_step(struct buf *out, const struct tally *t, const char *row, const char *sign)
{
	buf_addf(out, "INSERT INTO tally(name, key, n, sum) VALUES('%s', ", t->name);
	add_key(out, t, row);
	buf_addf(out, ", %s1, %s(", sign, sign);
	add_sum(out, t, row);
	buf_adds(out, ")) ON CONFLICT(name, key) DO UPDATE SET n = n + excluded.n, sum = sum + excluded.sum; ");
}

/** What keeps it when rows come, go and change; in this order. */
enum { ON_INSERT, ON_DELETE, ON_UPDATE, EVENTS };

static const char *const events[EVENTS] = {"INSERT", "DELETE", "UPDATE"};

static void add_head(struct buf *out, const struct tally *t, int event)
{
	buf_addf(out, "CREATE TRIGGER tally_%s_%s AFTER %s", t->name, events[event], events[event]);
	if (event == ON_UPDATE)
		buf_addf(out, " OF %s", t->columns);
	buf_addf(out, " ON %s ", t->table);
}

/** An update that changes nothing of it costs a comparison. */
static void add_when(struct buf *out, const struct tally *t)
{
	buf_adds(out, "WHEN (");
	add_key(out, t, "old.");
	buf_adds(out, ", ");
	add_sum(out, t, "old.");
	buf_adds(out, ") IS NOT (");
	add_key(out, t, "new.");
	buf_adds(out, ", ");
	add_sum(out, t, "new.");
	buf_adds(out, ") ");
}

/** As SQLite keeps its text; nothing when it is to have none. */
static void add_trigger(struct buf *out, const struct tally *t, int event)
{
	if ((event == ON_INSERT && t->inserts == BY_WRITER) || (event == ON_UPDATE && !*t->columns))
		return;
	add_head(out, t, event);
	if (event == ON_UPDATE)
		add_when(out, t);
	buf_adds(out, "BEGIN ");
	if (event != ON_INSERT)
		add_step(out, t, "old.", "-");
	if (event != ON_DELETE)
		add_step(out, t, "new.", "+");
	buf_adds(out, "END");
}

/** All at once; a key that has no rows gets none, but for '', so that it shows that the table is counted. */
static void add_count(struct buf *out, const struct tally *t)
{
	_buf_ struct buf row = BUF_INIT(64);
	buf_addf(&row, "%s.", t->table);
	buf_addf(out, "DELETE FROM tally WHERE name = '%s'; INSERT INTO tally(name, key, n, sum) SELECT '%s', ", t->name,
		 t->name);
	add_key(out, t, buf_str(&row));
	buf_adds(out, ", count(*), CAST(total(");
	add_bounded(out, t->first ? t->first : t->sum, buf_str(&row));
	buf_addf(out, ") AS INTEGER) FROM %s GROUP BY 2; INSERT OR IGNORE INTO tally VALUES('%s', '', 0, 0)", t->table, t->name);
}

static int keep(struct store *s, const struct tally *t)
{
	_buf_ struct buf sql = BUF_INIT(1 << 14);
	for (int event = 0; event < EVENTS; event++) {
		buf_addf(&sql, "DROP TRIGGER IF EXISTS tally_%s_%s; ", t->name, events[event]);
		add_trigger(&sql, t, event);
		buf_adds(&sql, "; ");
	}
	add_count(&sql, t);
	int r = buf_error(&sql);
	return r < 0 ? r : store_exec(s, buf_str(&sql));
}

/** 1 when its trigger is there as it is to be, or is not there as it is not to be; 0; -errno. */
static int is_trigger_right(struct store *s, const struct tally *t, int event)
{
	_buf_ struct buf sql = BUF_INIT(1 << 13);
	char name[64];
	add_trigger(&sql, t, event);
	if (buf_error(&sql) < 0)
		return buf_error(&sql);
	snprintf(name, sizeof name, "tally_%s_%s", t->name, events[event]);
	sqlite3_stmt *q = store_stmt(s, SQL_tally_trigger);
	bind_str(q, 1, name);
	int r = store_step(s, q);
	if (r >= 0)
		r = strcmp(r ? column_str(q, 0) : "", buf_str(&sql)) == 0;
	sqlite3_reset(q);
	return r;
}

/**
 * With exactly the triggers that it is to have: one for inserts beside a writer that counts would count twice, and one
 * of another program counts something else.
 */
static int is_kept(struct store *s, const struct tally *t)
{
	int r = 1;
	for (int event = 0; event < EVENTS && r > 0; event++)
		r = is_trigger_right(s, t, event);
	return r;
}

int store_tally_keep(struct store *s)
{
	int r = 0;
	for (int t = 0; t < TALLY_COUNT && r >= 0; t++) {
		r = is_kept(s, &tallies[t]);
		if (r == 0)
			r = keep(s, &tallies[t]);
	}
	return r < 0 ? r : 0;
}

int store_tally_open(struct store *s)
{
	s->added = calloc(1, sizeof *s->added);
	return s->added ? 0 : -ENOMEM;
}

void store_tally_close(struct store *s)
{
	free(s->added);
}

void store_tally_add(struct store *s, enum tally_id tally, double sum)
{
	s->added->of[tally].n++;
	s->added->of[tally].sum += sum >= (double)MOST ? MOST : sum > 0 ? (int64_t)sum : 0;
}

/** What waits for one key. */
static int flush_one(struct store *s, enum tally_id tally)
{
	int64_t key = s->added->of[tally].key;
	char text[24] = "";
	if (!s->added->of[tally].n)
		return 0;
	if (key)
		snprintf(text, sizeof text, "%lld", (long long)key);
	sqlite3_stmt *q = store_stmt(s, SQL_tally_add);
	bind_str(q, 1, tallies[tally].name);
	bind_str(q, 2, text);
	sqlite3_bind_int64(q, 3, s->added->of[tally].n);
	sqlite3_bind_int64(q, 4, s->added->of[tally].sum);
	s->added->of[tally].n = s->added->of[tally].sum = 0;
	return store_run(s, q);
}

int store_tally_add_to(struct store *s, enum tally_id tally, int64_t key, double sum)
{
	int r = s->added->of[tally].key == key ? 0 : flush_one(s, tally);
	s->added->of[tally].key = key;
	store_tally_add(s, tally, sum);
	return r;
}

int store_tally_flush(struct store *s)
{
	int r = 0;
	for (int t = 0; s->added && t < TALLY_COUNT && r == 0; t++)
		r = flush_one(s, (enum tally_id)t);
	return r;
}

void store_tally_forget(struct store *s)
{
	if (s->added)
		*s->added = (struct tally_added){0};
}

static enum tally_id tally_called(const char *name)
{
	int t = 0;
	while (t < TALLY_COUNT && strcmp(tallies[t].name, name) != 0)
		t++;
	return (enum tally_id)t;
}

static int tally_row(sqlite3_stmt *q, void *fn, void *arg)
{
	enum tally_id t = tally_called(column_str(q, 0));
	if (t == TALLY_COUNT)
		return 0;
	return STORE_UNBOX(store_tally_fn, fn)(arg, t, column_str(q, 1), sqlite3_column_int64(q, 2),
					       sqlite3_column_int64(q, 3));
}

int store_tallies(struct store *s, store_tally_fn *fn, void *arg)
{
	return store_each(s, store_stmt(s, SQL_tallies), tally_row, STORE_BOX(store_tally_fn, fn), arg);
}
