/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/torrents: what the debrid provider has, what failed, what is tried again, and what never is. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/store_repair.h"
#include "fs/views.h"

enum {
	ROWS_MOST = 5000,
};

struct torrents {
	struct view *v;
	struct json *j;
	struct table *t;
	struct buf *out;
	int64_t count, total, failed, bytes;
	struct store_repair_counts sums;
	/** Of the torrent at hand: when it is tried next; 0 not. */
	int64_t due_at;
};

bool realdebrid_is_on(const struct view *v, struct buf *out)
{
	bool is_on = *config_text(v->config, OPT_realdebrid_token) != '\0';
	if (!is_on && out)
		buf_adds(out, "# Real-Debrid is not asked: no token is named in the configuration "
			      "(realdebrid { token_file = \"…\" })\n");
	return is_on;
}

static int load(struct view *v, struct torrents *t)
{
	*t = (struct torrents){.v = v};
	return v->store ? store_repair_counts(v->store, &t->sums) : 0;
}

/* --- counts --- */

static int json_status(void *arg, const char *status, int64_t n, int64_t bytes)
{
	struct torrents *t = arg;
	t->total += n;
	json_object(t->j);
	json_kv_text(t->j, "status", status);
	json_kv_int(t->j, "count", n);
	json_kv_int(t->j, "bytes", bytes);
	json_end_object(t->j);
	return 0;
}

static int text_status(void *arg, const char *status, int64_t n, int64_t bytes)
{
	struct torrents *t = arg;
	buf_addf(t->out, "%s %lld ", t->total ? "," : ":", (long long)n);
	text_escape(status, strlen(status), t->out);
	t->total += n;
	t->bytes += bytes;
	return 0;
}

/* --- scans, the account --- */

static const char mend[] = "when that is mended: echo 'scan quick' > control/repair";

static int json_account(void *arg, const struct store_torrent_scan *row)
{
	struct torrents *t = arg;
	bool is_stopped = strcmp(row->state, "stopped") == 0;
	json_key(t->j, "account");
	json_object(t->j);
	json_kv_text(t->j, "state", row->state);
	json_kv_text(t->j, "reason", row->error);
	json_kv_text(t->j, "todo", is_stopped ? mend : "");
	json_kv_time(t->j, "since", row->ended_at);
	json_end_object(t->j);
	return 0;
}

static int json_scan(void *arg, const struct store_torrent_scan *row)
{
	struct torrents *t = arg;
	struct json *j = t->j;
	if (strcmp(row->kind, "account") == 0)
		return 0;
	json_object(j);
	json_kv_text(j, "kind", row->kind);
	json_kv_text(j, "state", row->state);
	json_kv_text(j, "error", row->error);
	json_kv_int(j, "offset", row->offset);
	json_key(j, "total");
	if (row->total >= 0)
		json_int(j, row->total);
	else
		json_null(j);
	json_kv_int(j, "items", row->items);
	json_kv_int(j, "calls", row->calls);
	json_kv_time(j, "started_at", row->started_at);
	json_kv_time(j, "ended_at", row->ended_at);
	json_kv_time(j, "completed_at", row->completed_at);
	json_end_object(j);
	return 0;
}

static int text_account(void *arg, const struct store_torrent_scan *row)
{
	struct buf *out = arg;
	if (strcmp(row->state, "stopped") != 0)
		return buf_adds(out, "# the account is ok\n");
	buf_adds(out, "# the account is STOPPED since ");
	doc_time(row->ended_at, out);
	buf_adds(out, ": ");
	text_escape(row->error, strlen(row->error), out);
	return buf_addf(out, "; nothing is asked any more; %s\n", mend);
}

static int text_scan(void *arg, const struct store_torrent_scan *row)
{
	struct torrents *t = arg;
	if (strcmp(row->kind, "account") == 0)
		return 0;
	table_cells(t->t, row->kind);
	table_cells(t->t, row->state);
	if (row->total >= 0)
		table_cellf(t->t, "%lld/%lld", (long long)row->offset, (long long)row->total);
	else
		table_cellf(t->t, "%lld", (long long)row->offset);
	table_cellf(t->t, "%lld", (long long)row->calls);
	doc_time_cell(t->t, row->started_at);
	doc_time_cell(t->t, row->ended_at);
	doc_time_cell(t->t, row->completed_at);
	table_cells(t->t, row->error);
	return 0;
}

static void text_scans(struct torrents *l)
{
	static const char *const head[] = {"scan", "state", "progress", "calls", "started", "ended",
					   "completed", "error"};
	struct table t;
	buf_addc(l->out, '\n');
	l->t = &t;
	table_open(&t, head, COUNT_OF(head));
	store_torrent_scans(l->v->store, text_scan, l);
	doc_end_table(&t, l->out);
}

/* --- torrents that failed --- */

static int take_due(void *arg, const struct store_retry *row)
{
	struct torrents *t = arg;
	t->due_at = row->is_spent ? 0 : row->due_at;
	return 0;
}

static void find_due(struct torrents *l, const struct store_torrent *t)
{
	l->due_at = 0;
	if (*t->hash)
		store_retry(l->v->store, t->provider, t->hash, take_due, l);
}

static int json_failed(void *arg, const struct store_torrent *t)
{
	struct torrents *l = arg;
	struct json *j = l->j;
	if (l->failed++ >= ROWS_MOST)
		return 0;
	l->count++;
	find_due(l, t);
	json_object(j);
	json_kv_text(j, "provider", t->provider);
	json_kv_text(j, "id", t->id);
	json_kv_text(j, "hash", t->hash);
	json_kv_path(j, "name", t->name, strlen(t->name));
	json_kv_text(j, "status", t->status);
	json_kv_int(j, "bytes", t->bytes);
	json_kv_int(j, "priority", t->priority);
	json_kv_int(j, "broken_links", t->broken);
	json_kv_int(j, "attempts", t->attempts);
	json_kv_time(j, "added_at", t->added_at);
	json_kv_time(j, "last_seen_at", t->last_seen);
	json_kv_time(j, "last_attempt_at", t->last_attempt_at);
	json_kv_time(j, "last_success_at", t->last_success_at);
	json_kv_time(j, "next_attempt_at", l->due_at);
	json_end_object(j);
	return 0;
}

static int text_failed(void *arg, const struct store_torrent *t)
{
	struct torrents *l = arg;
	if (l->failed++ >= ROWS_MOST)
		return 0;
	l->count++;
	find_due(l, t);
	table_cells(l->t, t->status);
	table_cellf(l->t, "%lld", (long long)t->broken);
	table_cellf(l->t, "%lld", (long long)t->attempts);
	doc_time_cell(l->t, t->last_attempt_at);
	doc_time_cell(l->t, l->due_at);
	table_cells(l->t, t->hash);
	table_cells(l->t, t->name);
	return 0;
}

static void text_failures(struct torrents *l)
{
	static const char *const head[] = {"failed", "broken links", "attempts", "last", "next", "hash",
					   "name"};
	struct table t;
	buf_addc(l->out, '\n');
	l->t = &t;
	table_open(&t, head, COUNT_OF(head));
	store_torrents(l->v->store, "failed", text_failed, l);
	doc_end_table(&t, l->out);
	if (l->failed > l->count)
		buf_addf(l->out, "# %lld of %lld\n", (long long)l->count, (long long)l->failed);
}

/* --- tried again, and never again --- */

static int json_retry(void *arg, const struct store_retry *row)
{
	struct torrents *l = arg;
	struct json *j = l->j;
	json_object(j);
	json_kv_text(j, "provider", row->provider);
	json_kv_text(j, "hash", row->hash);
	json_kv_path(j, "name", row->name, strlen(row->name));
	json_kv_text(j, "kind", row->kind);
	json_kv_text(j, "reason", row->reason);
	json_kv_int(j, "tries", row->tries);
	json_kv_text(j, "state", row->is_spent ? "spent" : "waiting");
	json_kv_time(j, "first_at", row->first_at);
	json_kv_time(j, "due_at", row->is_spent ? 0 : row->due_at);
	json_end_object(j);
	return ++l->count >= ROWS_MOST;
}

static int json_permanent(void *arg, const struct store_permanent *row)
{
	struct torrents *l = arg;
	struct json *j = l->j;
	json_object(j);
	json_kv_text(j, "provider", row->provider);
	json_kv_text(j, "hash", row->hash);
	json_kv_path(j, "name", row->name, strlen(row->name));
	json_kv_text(j, "kind", row->kind);
	json_kv_text(j, "reason", row->reason);
	json_kv_time(j, "at", row->at);
	json_kv_time(j, "handled_at", row->handled_at);
	json_end_object(j);
	return ++l->count >= ROWS_MOST;
}

static int text_retry(void *arg, const struct store_retry *row)
{
	struct torrents *l = arg;
	table_cells(l->t, row->kind);
	table_cellf(l->t, "%lld", (long long)row->tries);
	if (row->is_spent)
		table_cells(l->t, "no more");
	else
		doc_time_cell(l->t, row->due_at);
	table_cells(l->t, row->hash);
	table_cells(l->t, row->name);
	table_cells(l->t, row->reason);
	return ++l->count >= ROWS_MOST;
}

static int text_permanent(void *arg, const struct store_permanent *row)
{
	struct torrents *l = arg;
	table_cells(l->t, row->kind);
	doc_time_cell(l->t, row->at);
	doc_time_cell(l->t, row->handled_at);
	table_cells(l->t, row->hash);
	table_cells(l->t, row->name);
	table_cells(l->t, row->reason);
	return ++l->count >= ROWS_MOST;
}

static void text_queues(struct torrents *l)
{
	static const char *const retries[] = {"tried again", "tries", "due", "hash", "name", "reason"};
	static const char *const permanents[] = {"never again", "since", "links handled", "hash", "name",
						 "reason"};
	struct table t;
	l->t = &t;
	l->count = 0;
	buf_addc(l->out, '\n');
	table_open(&t, retries, COUNT_OF(retries));
	store_retries(l->v->store, text_retry, l);
	doc_end_table(&t, l->out);
	l->count = 0;
	buf_addc(l->out, '\n');
	table_open(&t, permanents, COUNT_OF(permanents));
	store_permanents(l->v->store, text_permanent, l);
	doc_end_table(&t, l->out);
}

/* --- documents --- */

static void json_lists(struct torrents *l)
{
	struct store *s = l->v->store;
	struct json *j = l->j;
	json_key(j, "retries");
	json_array(j);
	l->count = 0;
	if (s)
		store_retries(s, json_retry, l);
	json_end_array(j);
	json_kv_int(j, "retries_total", l->sums.retries_waiting + l->sums.retries_spent);
	json_key(j, "permanent");
	json_array(j);
	l->count = 0;
	if (s)
		store_permanents(s, json_permanent, l);
	json_end_array(j);
	json_kv_int(j, "permanent_total", l->sums.permanent);
}

int show_torrents_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct torrents l;
	int r = load(v, &l);
	(void)n;
	l.j = &j;
	doc_begin(&j, out, v, "torrents", OF_TORRENTS, VIEW_AWAY);
	json_kv_bool(&j, "enabled", realdebrid_is_on(v, NULL));
	json_key(&j, "statuses");
	json_array(&j);
	if (v->store)
		store_torrent_counts(v->store, json_status, &l);
	json_end_array(&j);
	json_kv_int(&j, "torrents", l.total);
	if (v->store)
		store_torrent_scan(v->store, "account", json_account, &l);
	json_key(&j, "scans");
	json_array(&j);
	if (v->store)
		store_torrent_scans(v->store, json_scan, &l);
	json_end_array(&j);
	json_key(&j, "items");
	json_array(&j);
	if (v->store && r == 0)
		r = store_torrents(v->store, "failed", json_failed, &l);
	json_end_array(&j);
	json_kv_int(&j, "count", l.count);
	json_kv_int(&j, "total", l.failed);
	json_lists(&l);
	json_end_object(&j);
	return r;
}

int show_torrents(struct view *v, const struct node *n, struct buf *out)
{
	struct torrents l;
	int r = load(v, &l);
	(void)n;
	l.out = out;
	bool is_on = realdebrid_is_on(v, out);
	if (r < 0 || (!is_on && !l.sums.attempts && !l.sums.permanent) || !v->store) {
		if (is_on && r == 0)
			buf_adds(out, "# nothing is known yet\n");
		doc_away(out, v);
		return r;
	}
	buf_adds(out, "# torrents");
	store_torrent_counts(v->store, text_status, &l);
	buf_addf(out, "; %lld in all, ", (long long)l.total);
	human_bytes((uint64_t)l.bytes, out);
	buf_addc(out, '\n');
	store_torrent_scan(v->store, "account", text_account, out);
	text_scans(&l);
	text_failures(&l);
	text_queues(&l);
	doc_away(out, v);
	return 0;
}
