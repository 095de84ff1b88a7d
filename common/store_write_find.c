/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_write_find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/render.h"
#include "common/store_settle.h"
#include "common/vec.h"

enum {
	/** Results kept of one series at one source, and for how long. */
	RESULTS_KEPT = 300,
	RESULT_DAYS = 30,
	HOST_DAYS = 90,
};

#define DAY_NS (INT64_C(86400) * NS_PER_S)

static void put_tristate(sqlite3_stmt *q, int i, int v)
{
	if (v < 0)
		sqlite3_bind_null(q, i);
	else
		sqlite3_bind_int(q, i, v);
}

/* --- wishes, authorities --- */

static int take_aliases(void *arg, const struct store_wish *w)
{
	*(size_t *)arg = strlen(w->aliases);
	return 0;
}

/** A name was taken back: what it may have proved is no find until it has been judged without. */
static int doubt_results(struct store *s, const char *key)
{
	sqlite3_stmt *q = store_stmt(s, SQL_results_doubt);
	bind_str(q, 1, key);
	int r = store_run(s, q);
	q = store_stmt(s, SQL_searched_again);
	bind_str(q, 1, key);
	return r < 0 ? r : store_run(s, q);
}

int store_set_wish(struct store *s, const struct store_wish *w, struct store_touched *touched)
{
	size_t before = 0;
	int r = store_wish(s, w->key, take_aliases, &before);
	if (r == 0 && strlen(w->aliases) < before)
		r = doubt_results(s, w->key);
	if (r < 0 && r != -ENOENT)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_wish_put);
	bind_str(q, 1, w->key);
	bind_str(q, 2, w->title);
	put_tristate(q, 3, w->monitored);
	put_tristate(q, 4, w->automatic);
	sqlite3_bind_int64(q, 5, w->total);
	bind_str(q, 6, w->language);
	bind_str(q, 7, w->ignored);
	bind_str(q, 8, w->url);
	bind_str(q, 9, w->aliases);
	sqlite3_bind_int64(q, 10, s->started_at);
	store_touch(s, TOPIC_BIT(search) | TOPIC_BIT(missing));
	touched->series[0] = store_series_of_key(s, w->key);
	r = store_run(s, q);
	return r < 0 ? r : store_touch_series(s, w->key);
}

int store_set_authority(struct store *s, const struct store_authority *a,
			struct store_touched *touched)
{
	sqlite3_stmt *q = store_stmt(s, SQL_authority_put);
	bind_str(q, 1, a->key);
	bind_str(q, 2, a->source);
	sqlite3_bind_int(q, 3, a->known);
	bind_str(q, 4, a->url);
	bind_str(q, 5, a->title);
	bind_str(q, 6, a->aliases);
	sqlite3_bind_int64(q, 7, a->released);
	sqlite3_bind_int64(q, 8, a->original);
	sqlite3_bind_int64(q, 9, a->planned);
	sqlite3_bind_int64(q, 10, a->planned_at);
	bind_str(q, 11, a->status);
	bind_str(q, 12, a->choices);
	sqlite3_bind_int64(q, 13, a->asked_at);
	sqlite3_bind_int64(q, 14, a->next_at);
	bind_str(q, 15, a->error);
	sqlite3_bind_int64(q, 16, a->ordered_at);
	store_touch(s, TOPIC_BIT(search));
	touched->series[0] = store_series_of_key(s, a->key);
	int r = store_run(s, q);
	return r < 0 ? r : store_touch_series(s, a->key);
}

/* --- answers --- */

static int put_searched(struct store *s, const struct store_searched *x)
{
	sqlite3_stmt *q = store_stmt(s, SQL_searched_put);
	bind_str(q, 1, x->key);
	bind_str(q, 2, x->source);
	sqlite3_bind_int64(q, 3, x->at);
	sqlite3_bind_int64(q, 4, x->tried_at);
	sqlite3_bind_int64(q, 5, x->next_at);
	bind_str(q, 6, x->outcome);
	bind_str(q, 7, x->error);
	sqlite3_bind_int64(q, 8, x->results);
	sqlite3_bind_int64(q, 9, x->confirmed);
	sqlite3_bind_int64(q, 10, x->streak);
	/* an order of the future was given before the clock was set back: it is carried out now */
	sqlite3_bind_int64(q, 11, s->started_at);
	return store_run(s, q);
}

/** Whoever hands over knows a release by its hash, wherever it was found. */
static void put_ident(sqlite3_stmt *q, int i, const struct store_result *x, struct buf *ident)
{
	buf_reset(ident);
	if (*x->hash)
		buf_adds(ident, x->hash);
	else
		buf_addf(ident, "%s:%s", x->source, x->guid);
	bind_text(q, i, buf_str(ident), ident->len);
}

static int put_result(struct store *s, const struct store_answer *a, const struct store_result *x)
{
	_buf_ struct buf ident = BUF_INIT(1 << 16);
	sqlite3_stmt *q = store_stmt(s, SQL_result_put);
	bind_str(q, 1, a->said.key);
	bind_str(q, 2, x->source);
	bind_str(q, 3, x->guid);
	bind_str(q, 4, x->title);
	bind_str(q, 5, x->link);
	bind_str(q, 6, x->page);
	bind_str(q, 7, x->indexer);
	sqlite3_bind_int64(q, 8, x->indexer_id);
	bind_str(q, 9, x->protocol);
	bind_str(q, 10, x->hash);
	sqlite3_bind_int64(q, 11, x->size);
	sqlite3_bind_int64(q, 12, x->published_at);
	sqlite3_bind_int64(q, 13, x->seeders);
	sqlite3_bind_int64(q, 14, x->leechers);
	bind_str(q, 15, x->context);
	sqlite3_bind_int(q, 16, x->verdict);
	bind_str(q, 17, x->reason);
	sqlite3_bind_int64(q, 18, x->first);
	sqlite3_bind_int64(q, 19, x->last);
	sqlite3_bind_int(q, 20, x->is_complete);
	sqlite3_bind_int64(q, 21, x->covers);
	sqlite3_bind_int64(q, 22, x->score);
	sqlite3_bind_int64(q, 23, x->seen_at);
	put_ident(q, 24, x, &ident);
	return store_run(s, q);
}

static int trim_results(struct store *s, const struct store_answer *a)
{
	sqlite3_stmt *q = store_stmt(s, SQL_result_expire);
	bind_str(q, 1, a->said.key);
	bind_str(q, 2, a->said.source);
	sqlite3_bind_int64(q, 3, a->now - RESULT_DAYS * DAY_NS);
	int r = store_run(s, q);
	q = store_stmt(s, SQL_result_trim);
	bind_str(q, 1, a->said.key);
	bind_str(q, 2, a->said.source);
	sqlite3_bind_int64(q, 3, RESULTS_KEPT);
	return r < 0 ? r : store_run(s, q);
}

static int count_up(struct store *s, const char *name)
{
	sqlite3_stmt *q = store_stmt(s, SQL_meta_count);
	bind_str(q, 1, name);
	return store_run(s, q);
}

int store_put_answer(struct store *s, const struct store_answer *a)
{
	int r = a->is_partial ? 0 : put_searched(s, &a->said);
	if (r == 0 && !a->is_partial)
		r = count_up(s, a->is_hit ? "search_hits" : "search_misses");
	for (size_t i = 0; i < a->count && r == 0; i++)
		r = put_result(s, a, &a->results[i]);
	if (r == 0 && a->count)
		r = trim_results(s, a);
	int64_t series = store_series_of_key(s, a->said.key);
	if (r == 0 && series)
		r = store_choose(s, series);
	store_touch(s, TOPIC_BIT(search));
	return r < 0 ? r : store_touch_series(s, a->said.key);
}

int store_order_search(struct store *s, const char *key, const char *source, int64_t at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_searched_order);
	bind_str(q, 1, key);
	bind_str(q, 2, source);
	sqlite3_bind_int64(q, 3, at);
	store_touch(s, TOPIC_BIT(search));
	return store_run(s, q);
}

int store_order_due(struct store *s, const char *source, bool monitored, int64_t at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_searched_order_due);
	bind_str(q, 1, source);
	sqlite3_bind_int64(q, 2, at);
	sqlite3_bind_int(q, 3, monitored);
	store_touch(s, TOPIC_BIT(search));
	return store_run(s, q);
}

int store_unorder_searches(struct store *s)
{
	store_touch(s, TOPIC_BIT(search));
	return store_run(s, store_stmt(s, SQL_searched_unorder));
}

/* --- hosts, feeds --- */

static int put_host_day(struct store *s, const struct store_host *h, int64_t failures)
{
	sqlite3_stmt *q = store_stmt(s, SQL_host_day_put);
	bind_str(q, 1, h->name);
	sqlite3_bind_int64(q, 2, h->day);
	sqlite3_bind_int64(q, 3, h->used_day);
	sqlite3_bind_int64(q, 4, h->refused_day);
	sqlite3_bind_int64(q, 5, failures);
	int r = store_run(s, q);
	q = store_stmt(s, SQL_host_day_purge);
	bind_str(q, 1, h->name);
	sqlite3_bind_int64(q, 2, h->day - HOST_DAYS);
	return r < 0 ? r : store_run(s, q);
}

int store_put_host(struct store *s, const struct store_host *h)
{
	int64_t before = h->failures;
	sqlite3_stmt *q = store_stmt(s, SQL_host_failures);
	bind_str(q, 1, h->name);
	store_one_number(s, q, &before);
	q = store_stmt(s, SQL_host_put);
	bind_str(q, 1, h->name);
	const int64_t numbers[] = {h->day, h->used_day, h->refused_day, h->calls, h->failures,
				   h->refusals, h->open_at};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sqlite3_bind_int64(q, 2 + (int)i, numbers[i]);
	bind_str(q, 9, h->reason);
	sqlite3_bind_int64(q, 10, h->streak);
	sqlite3_bind_int64(q, 11, h->last_ok_at);
	sqlite3_bind_int64(q, 12, h->last_failure_at);
	bind_bytes(q, 13, h->recent.data, h->recent.len);
	int r = store_run(s, q);
	store_touch(s, TOPIC_BIT(search));
	return r < 0 ? r : put_host_day(s, h, h->failures > before ? h->failures - before : 0);
}

int store_put_feed(struct store *s, const char *source, const struct store_feed *f)
{
	sqlite3_stmt *q = store_stmt(s, SQL_feed_put);
	bind_str(q, 1, source);
	bind_str(q, 2, f->mark);
	sqlite3_bind_int64(q, 3, f->at);
	sqlite3_bind_int64(q, 4, f->tried_at);
	sqlite3_bind_int64(q, 5, f->next_at);
	bind_str(q, 6, f->outcome);
	bind_str(q, 7, f->error);
	sqlite3_bind_int64(q, 8, f->posts);
	store_touch(s, TOPIC_BIT(search));
	return store_run(s, q);
}

