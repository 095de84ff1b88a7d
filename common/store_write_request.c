/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A request is one missing volume for which something was found; a hand-over (handed) is one
 * release that a client was given, for one or several requests.  Hand-overs are never made twice
 * for one hash: the column is unique, and rows that failed stay.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/render.h"
#include "common/store_settle.h"
#include "common/store_write_find.h"
#include "common/vec.h"

int store_touch_series(struct store *s, const char *key)
{
	sqlite3_stmt *q = store_stmt(s, SQL_series_touch);
	sqlite3_bind_int64(q, 1, s->generation);
	sqlite3_bind_int64(q, 2, s->started_at);
	bind_str(q, 3, key);
	return store_run(s, q);
}

int64_t store_series_of_key(struct store *s, const char *key)
{
	int64_t id = 0;
	sqlite3_stmt *q = store_stmt(s, SQL_series_find);
	bind_str(q, 1, key);
	return store_one_number(s, q, &id) == 0 ? id : 0;
}

/* --- requests of found volumes --- */

struct known_request {
	int64_t id, result, handed, next_at;
	char state[16];
};

static int find_request(struct store *s, const char *key, int64_t volume, struct known_request *k)
{
	sqlite3_stmt *q = store_stmt(s, SQL_request_of);
	bind_str(q, 1, key);
	sqlite3_bind_int64(q, 2, volume);
	int r = store_step(s, q);
	if (r > 0) {
		k->id = sqlite3_column_int64(q, 0);
		snprintf(k->state, sizeof k->state, "%s", column_str(q, 1));
		k->result = sqlite3_column_int64(q, 2);
		k->handed = sqlite3_column_int64(q, 3);
		k->next_at = sqlite3_column_int64(q, 5);
	}
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

static int put_request(struct store *s, const char *key, const char *series, int64_t volume,
		       const char *flow, const char *state, int64_t result, int64_t handed)
{
	sqlite3_stmt *q = store_stmt(s, SQL_request_put);
	bind_str(q, 1, key);
	bind_str(q, 2, series);
	sqlite3_bind_int64(q, 3, volume);
	bind_str(q, 4, flow);
	bind_str(q, 5, state);
	bind_str(q, 6, "");
	if (result)
		sqlite3_bind_int64(q, 7, result);
	else
		sqlite3_bind_null(q, 7);
	if (handed)
		sqlite3_bind_int64(q, 8, handed);
	else
		sqlite3_bind_null(q, 8);
	sqlite3_bind_int64(q, 9, s->started_at);
	store_touch(s, TOPIC_BIT(requests));
	return store_run(s, q);
}

static const char *flow_of(const char *kind)
{
	return strcmp(kind, "announced") == 0 ? "new" : "missing";
}

static int64_t best_result(struct store *s, const char *key, int64_t volume)
{
	int64_t id = 0;
	sqlite3_stmt *q = store_stmt(s, SQL_result_best);
	bind_str(q, 1, key);
	sqlite3_bind_int64(q, 2, volume);
	return store_one_number(s, q, &id) == 0 ? id : 0;
}

static int event_of_find(struct store *s, const char *series, int64_t volume)
{
	_buf_ struct buf body = BUF_INIT(1 << 16);
	struct json j;
	json_init(&j, &body, 0);
	json_object(&j);
	json_kv_text(&j, "series", series);
	json_kv_int(&j, "volume", volume);
	json_end_object(&j);
	return store_add_event(s, "found", buf_str(&body), body.len);
}

/** Its hand-over ended without the volume: another one may be made instead. */
static bool is_over(const char *state)
{
	return strcmp(state, "failed") == 0 || strcmp(state, "gone") == 0;
}

/** Requests that nobody works on, whose result may be another one now. */
static bool is_open(const struct known_request *k)
{
	return !k->id || strcmp(k->state, "found") == 0 || strcmp(k->state, "wanted") == 0 ||
	       strcmp(k->state, "arrived") == 0 || is_over(k->state);
}

/** The best result of one missing volume. */
static int choose(struct store *s, const char *key, const char *series, int64_t volume,
		  const char *kind)
{
	struct known_request k = {0};
	int r = find_request(s, key, volume, &k);
	if (r < 0 && r != -ENOENT)
		return r;
	bool is_planned = k.handed && strcmp(k.state, "found") == 0;
	/* the next one is tried later */
	if (is_over(k.state) && k.next_at > s->started_at)
		return 0;
	if (!is_open(&k) || is_planned)
		return 0;
	int64_t best = best_result(s, key, volume);
	if (best && (k.result != best || strcmp(k.state, "found") != 0)) {
		r = put_request(s, key, series, volume, flow_of(kind), "found", best, 0);
		return r < 0 || strcmp(k.state, "found") == 0 ? r : event_of_find(s, series, volume);
	}
	/* what failed stays to be seen; what was only found, and is not any more, was nothing */
	if (best || !k.id || is_over(k.state))
		return 0;
	store_touch(s, TOPIC_BIT(requests));
	return store_run_id(s, SQL_request_delete, k.id);
}

struct volume_row {
	int64_t volume;
	char kind[12];
};

typedef VEC(struct volume_row) volume_rows;

static int load_missing(struct store *s, int64_t series, volume_rows *rows)
{
	sqlite3_stmt *q = store_stmt(s, SQL_missing_of);
	int r;
	sqlite3_bind_int64(q, 1, series);
	while ((r = store_step(s, q)) > 0) {
		struct volume_row *row = vec_add(rows);
		if (!row) {
			sqlite3_reset(q);
			return -ENOMEM;
		}
		row->volume = sqlite3_column_int64(q, 0);
		snprintf(row->kind, sizeof row->kind, "%s", column_str(q, 1));
	}
	return r;
}

struct series_name {
	char *key, *title;
};

static void free_name(struct series_name *n)
{
	free(n->key);
	free(n->title);
}

#define _name_ __attribute__((cleanup(free_name)))

static bool has_results(struct store *s, const char *key)
{
	int64_t any;
	sqlite3_stmt *q = store_stmt(s, SQL_result_any);
	bind_str(q, 1, key);
	return store_one_number(s, q, &any) == 0;
}

int store_choose(struct store *s, int64_t series)
{
	_name_ struct series_name name = {0};
	volume_rows rows = {0};
	int r = store_series_names(s, series, &name.key, &name.title);
	if (r < 0 || !has_results(s, name.key))
		return r;
	r = load_missing(s, series, &rows);
	for (size_t i = 0; i < rows.len && r == 0; i++)
		r = choose(s, name.key, name.title, rows.data[i].volume, rows.data[i].kind);
	vec_clear(&rows);
	return r;
}

/* --- handing over --- */

struct grab_facts {
	char *key, *ident, *source, *guid;
	int64_t first, last;
	bool is_complete, is_known;
};

static int copy_grab(void *arg, const struct store_result *x)
{
	struct grab_facts *f = arg;
	f->key = strdup(x->key);
	f->source = strdup(x->source);
	f->guid = strdup(x->guid);
	if (*x->hash)
		f->ident = strdup(x->hash);
	else if (asprintf(&f->ident, "%s:%s", x->source, x->guid) < 0)
		f->ident = NULL;
	f->first = x->first;
	f->last = x->last;
	f->is_complete = x->is_complete;
	f->is_known = x->is_complete || x->first <= x->last;
	return f->key && f->source && f->guid && f->ident ? 0 : -ENOMEM;
}

static bool grab_holds(const struct store_grab *g, const struct grab_facts *f, int64_t volume)
{
	if (!f->is_known)
		return volume == g->volume;
	return f->is_complete || (volume >= f->first && volume <= f->last);
}

/** A client has it, or is about to. */
static bool is_taken(const struct known_request *k)
{
	return k->handed && !is_over(k->state) && strcmp(k->state, "arrived") != 0;
}

/** Of the missing volumes, those that the release is for; *taken: others have a client's already. */
static int grab_volumes(struct store *s, const struct store_grab *g, const struct grab_facts *f,
			volume_rows *rows, bool *taken)
{
	size_t n = 0;
	int64_t series = store_series_of_key(s, f->key);
	int r = series ? load_missing(s, series, rows) : -ENOENT;
	for (size_t i = 0; i < rows->len && r == 0; i++) {
		struct known_request k = {0};
		if (!grab_holds(g, f, rows->data[i].volume))
			continue;
		r = find_request(s, f->key, rows->data[i].volume, &k);
		r = r == -ENOENT ? 0 : r;
		if (is_taken(&k))
			*taken = true;
		else
			rows->data[n++] = rows->data[i];
	}
	rows->len = n;
	return r;
}

static int add_handed(struct store *s, const struct store_grab *g, int64_t *handed)
{
	sqlite3_stmt *q = store_stmt(s, SQL_handed_put);
	sqlite3_bind_int64(q, 1, g->result);
	sqlite3_bind_int(q, 2, g->automatic);
	sqlite3_bind_int64(q, 3, g->now);
	return store_returning(s, q, handed);
}

/** Its hand-over: one that was known by its address got its hash when it was fetched. */
static int find_handed(struct store *s, const struct grab_facts *f, int64_t *id)
{
	int r = store_handed_find(s, f->ident, id);
	if (r != -ENOENT)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_handed_of);
	bind_str(q, 1, f->source);
	bind_str(q, 2, f->guid);
	return store_one_number(s, q, id);
}

/** A person may ask again for what failed or went away, from the client or from the library. */
static int hand_again(struct store *s, const struct store_grab *g, int64_t handed)
{
	char step[16] = "";
	sqlite3_stmt *q = store_stmt(s, SQL_handed_get);
	sqlite3_bind_int64(q, 1, handed);
	if (store_step(s, q) > 0)
		snprintf(step, sizeof step, "%s", column_str(q, 12));
	sqlite3_reset(q);
	if (g->automatic || (!is_over(step) && strcmp(step, "arrived") != 0))
		return -EEXIST;
	q = store_stmt(s, SQL_handed_again);
	sqlite3_bind_int64(q, 1, handed);
	sqlite3_bind_int64(q, 2, g->now);
	return store_run(s, q);
}

/** The same order while it still waits is one order. */
static bool is_waiting(struct store *s, const struct store_grab *g, const struct grab_facts *f, int64_t *id)
{
	bool planned = false;
	if (g->automatic || find_handed(s, f, id) < 0)
		return false;
	sqlite3_stmt *q = store_stmt(s, SQL_handed_get);
	sqlite3_bind_int64(q, 1, *id);
	if (store_step(s, q) > 0)
		planned = strcmp(column_str(q, 12), "planned") == 0;
	sqlite3_reset(q);
	return planned;
}

static int grab_rows(struct store *s, const struct store_grab *g, const struct grab_facts *f,
		     const volume_rows *rows, int64_t *handed)
{
	_name_ struct series_name name = {0};
	int r = find_handed(s, f, handed);
	if (r == 0)
		r = hand_again(s, g, *handed);
	else if (r == -ENOENT)
		r = add_handed(s, g, handed);
	if (r == 0)
		r = store_series_names(s, store_series_of_key(s, f->key), &name.key, &name.title);
	for (size_t i = 0; i < rows->len && r == 0; i++)
		r = put_request(s, f->key, name.title, rows->data[i].volume,
				flow_of(rows->data[i].kind), "found", g->result, *handed);
	store_touch(s, TOPIC_BIT(requests) | TOPIC_BIT(search));
	return r < 0 ? r : store_touch_series(s, f->key);
}

/** One find that cannot be handed over does not stand before all others. */
static void defer(struct store *s, const struct store_grab *g)
{
	sqlite3_stmt *q = store_stmt(s, SQL_request_defer);
	sqlite3_bind_int64(q, 1, g->result);
	sqlite3_bind_int64(q, 2, g->retry_at);
	store_run(s, q);
}

int store_grab(struct store *s, const struct store_grab *g, int64_t *handed)
{
	struct grab_facts f = {0};
	volume_rows rows = {0};
	bool taken = false;
	*handed = 0;
	int r = store_result(s, g->result, copy_grab, &f);
	if (r == 0)
		r = grab_volumes(s, g, &f, &rows, &taken);
	if (r == 0 && !rows.len)
		r = !taken ? -ESRCH : is_waiting(s, g, &f, handed) ? 0 : -EEXIST;
	else if (r == 0)
		r = grab_rows(s, g, &f, &rows, handed);
	/* a find that became somebody else's hand-over: the next best, or none */
	if (r == -EEXIST && g->automatic)
		store_choose(s, store_series_of_key(s, f.key));
	if (g->automatic && (r == -EEXIST || r == -ENOENT || r == -ESRCH))
		defer(s, g);
	free(f.key);
	free(f.source);
	free(f.guid);
	free(f.ident);
	vec_clear(&rows);
	return r;
}

static int set_requests(struct store *s, int64_t handed, const char *state, const char *reason,
			int64_t retry_at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_request_state);
	sqlite3_bind_int64(q, 1, handed);
	bind_str(q, 2, state);
	bind_str(q, 3, reason);
	sqlite3_bind_int64(q, 4, s->started_at);
	sqlite3_bind_int(q, 5, is_over(state));
	sqlite3_bind_int64(q, 6, retry_at);
	return store_run(s, q);
}

static int touch_one(void *arg, int64_t id, const char *key, const char *series, int64_t volume,
		     const char *state)
{
	(void)id, (void)series, (void)volume, (void)state;
	return store_touch_series(arg, key);
}

int store_set_handed(struct store *s, const struct store_handed *h, const char *request_state,
		     const char *reason, int64_t retry_at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_handed_set);
	sqlite3_bind_int64(q, 1, h->id);
	bind_str(q, 2, h->hash);
	bind_str(q, 3, h->ident);
	bind_str(q, 4, h->client);
	bind_str(q, 5, h->step);
	bind_str(q, 6, h->text);
	sqlite3_bind_double(q, 7, h->progress);
	sqlite3_bind_int64(q, 8, h->speed);
	sqlite3_bind_int64(q, 9, h->seconds_left);
	sqlite3_bind_int64(q, 10, h->tries);
	sqlite3_bind_int64(q, 11, h->next_at);
	sqlite3_bind_int64(q, 12, h->sent_at);
	sqlite3_bind_int64(q, 13, s->started_at);
	sqlite3_bind_int64(q, 14, h->missed);
	int r = store_run(s, q);
	if (r == 0 && request_state)
		r = set_requests(s, h->id, request_state, reason, retry_at);
	store_touch(s, TOPIC_BIT(requests));
	return r < 0 ? r : store_requests_of(s, h->id, touch_one, s);
}

int store_choose_again(struct store *s, int64_t series, int64_t now)
{
	sqlite3_stmt *q = store_stmt(s, SQL_requests_free);
	sqlite3_bind_int64(q, 1, now);
	sqlite3_bind_int64(q, 2, series);
	int r = store_run(s, q);
	store_touch(s, TOPIC_BIT(requests));
	return r < 0 ? r : store_choose(s, series);
}

int store_set_told(struct store *s, const struct store_told *told)
{
	sqlite3_stmt *q = store_stmt(s, SQL_request_told);
	sqlite3_bind_int64(q, 1, told->request);
	bind_str(q, 2, told->state);
	return store_run(s, q);
}

int store_purge_requests(struct store *s, int64_t time)
{
	int r = store_run_id(s, SQL_request_purge, time);
	bool any = r == 0 && sqlite3_changes(s->db) > 0;
	if (r == 0)
		r = store_run_id(s, SQL_handed_purge, time);
	if (any || (r == 0 && sqlite3_changes(s->db) > 0))
		store_touch(s, TOPIC_BIT(requests));
	return r;
}

/* --- a series was settled --- */

/** Whether a JSON list of ascending numbers holds one. */
static bool list_holds(const char *list, int64_t v)
{
	const char *p = list ? list : "";
	while (*p) {
		char *end;
		long long n = strtoll(p, &end, 10);
		if (end == p)
			p++;
		else if (n == v)
			return true;
		else
			p = end;
	}
	return false;
}

static bool is_gap(const struct store_gaps *gaps, int64_t volume)
{
	for (size_t i = 0; i < gaps->count; i++)
		if (gaps->gap[i].volume == volume)
			return true;
	return false;
}

struct open_request {
	int64_t id, volume, handed;
	char state[16];
};

typedef VEC(struct open_request) open_requests;

static int load_requests(struct store *s, const char *key, open_requests *rows)
{
	sqlite3_stmt *q = store_stmt(s, SQL_requests_of_key);
	int r;
	bind_str(q, 1, key);
	while ((r = store_step(s, q)) > 0) {
		struct open_request *row = vec_add(rows);
		if (!row) {
			sqlite3_reset(q);
			return -ENOMEM;
		}
		row->id = sqlite3_column_int64(q, 0);
		row->volume = sqlite3_column_int64(q, 1);
		row->handed = sqlite3_column_int64(q, 2);
		snprintf(row->state, sizeof row->state, "%s", column_str(q, 3));
	}
	return r;
}

/** The volume is here, wherever it came from. */
static int arrive(struct store *s, const struct open_request *q)
{
	if (!q->handed)
		return store_run_id(s, SQL_request_delete, q->id);
	sqlite3_stmt *set = store_stmt(s, SQL_request_arrived);
	sqlite3_bind_int64(set, 1, q->id);
	sqlite3_bind_int64(set, 2, s->started_at);
	int r = store_run(s, set);
	set = store_stmt(s, SQL_handed_arrived);
	sqlite3_bind_int64(set, 1, q->handed);
	sqlite3_bind_int64(set, 2, s->started_at);
	return r < 0 ? r : store_run(s, set);
}

static int settle_request(struct store *s, const struct open_request *q,
			  const struct store_gaps *gaps)
{
	if (strcmp(q->state, "arrived") == 0 || is_gap(gaps, q->volume))
		return 0;
	store_touch(s, TOPIC_BIT(requests));
	if (list_holds(gaps->owned, q->volume))
		return arrive(s, q);
	/* not wanted any more: what a client has is followed to its end all the same */
	return q->handed && !is_over(q->state) ? 0 : store_run_id(s, SQL_request_delete, q->id);
}

int store_settle_requests(struct store *s, int64_t series, const struct store_gaps *gaps)
{
	_name_ struct series_name name = {0};
	open_requests rows = {0};
	int r = store_series_names(s, series, &name.key, &name.title);
	if (r == 0)
		r = load_requests(s, name.key, &rows);
	for (size_t i = 0; i < rows.len && r == 0; i++)
		r = settle_request(s, &rows.data[i], gaps);
	vec_clear(&rows);
	return r < 0 ? r : store_choose(s, series);
}
