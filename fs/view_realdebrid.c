/* SPDX-License-Identifier: GPL-3.0-or-later */
/** metrics/realdebrid.json: calls and their budget, repairs, links by state, the last scans, samples of the last day. */
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_find.h"
#include "common/store_repair.h"
#include "fs/links.h"
#include "fs/views.h"

enum { SAMPLES_MOST = 20000 };

#define DAY_NS (86400 * NS_PER_S)

struct numbers {
	struct view *v;
	struct json *j;
	/** As of the last change, so that one version has one content. */
	int64_t now, count;
	/** Told of the whole account: calls, refused, failed. */
	int64_t calls, refusals, failures;
};

static int json_host(void *arg, const struct store_host *h)
{
	struct numbers *n = arg;
	if (strcmp(h->name, "realdebrid") != 0 && strcmp(h->name, "realdebrid-repairs") != 0)
		return 0;
	if (!strchr(h->name, '-')) {
		n->calls = h->calls;
		n->refusals = h->refusals;
		n->failures = h->failures;
	}
	host_json(n->v, n->j, h, n->now);
	return 0;
}

static int json_scan(void *arg, const struct store_torrent_scan *row)
{
	struct json *j = arg;
	json_object(j);
	json_kv_text(j, "kind", row->kind);
	json_kv_text(j, "state", row->state);
	json_kv_int(j, "items", row->items);
	json_kv_int(j, "calls", row->calls);
	json_kv_time(j, "started_at", row->started_at);
	json_kv_time(j, "ended_at", row->ended_at);
	json_kv_time(j, "completed_at", row->completed_at);
	json_end_object(j);
	return 0;
}

static int json_sample(void *arg, const struct store_repair_sample *s)
{
	struct numbers *n = arg;
	json_object(n->j);
	json_kv_time(n->j, "at", s->at);
	json_kv_text(n->j, "type", s->type);
	json_kv_text(n->j, "name", s->name);
	json_kv_real(n->j, "value", s->value, 6);
	json_kv_text(n->j, "tags", s->tags);
	json_end_object(n->j);
	return ++n->count >= SAMPLES_MOST;
}

static void json_repairs(struct json *j, const struct store_repair_counts *c)
{
	json_key(j, "repairs");
	json_object(j);
	json_kv_int(j, "attempts", c->attempts);
	json_kv_int(j, "successes", c->successes);
	json_kv_int(j, "failures", c->failures);
	json_key(j, "success_rate");
	if (c->attempts)
		json_real(j, (double)c->successes / (double)c->attempts, 4);
	else
		json_null(j);
	json_kv_int(j, "permanent_failures", c->permanent);
	json_kv_int(j, "retries_waiting", c->retries_waiting);
	json_kv_int(j, "retries_spent", c->retries_spent);
	json_kv_int(j, "insertions_open", c->insertions_open);
	json_kv_int(j, "links_changed", c->journal);
	json_kv_int(j, "links_undone", c->undone);
	json_end_object(j);
}

static void json_samples(struct numbers *n)
{
	json_key(n->j, "samples");
	json_array(n->j);
	if (n->v->store)
		store_repair_samples(n->v->store, n->now - DAY_NS, json_sample, n);
	json_end_array(n->j);
}

int show_realdebrid_json(struct view *v, const struct node *node, struct buf *out)
{
	struct json j;
	struct numbers n = {.v = v, .j = &j, .now = view_at(v, OF_REALDEBRID, 0)};
	struct store_repair_counts sums = {0};
	struct store_symlink_counts links;
	(void)node;
	int r = links_count(v, &links);
	if (v->store && r == 0)
		r = store_repair_counts(v->store, &sums);
	doc_begin(&j, out, v, "realdebrid", OF_REALDEBRID, VIEW_AWAY);
	json_kv_bool(&j, "enabled", realdebrid_is_on(v, NULL));
	json_kv_bool(&j, "dry_run", is_dry_run(v));
	json_key(&j, "hosts");
	json_array(&j);
	if (v->store && r == 0)
		r = store_hosts(v->store, json_host, &n);
	json_end_array(&j);
	json_kv_int(&j, "calls_total", n.calls);
	json_kv_int(&j, "refused_total", n.refusals);
	json_kv_int(&j, "failures_total", n.failures);
	json_repairs(&j, &sums);
	links_json(&j, &links);
	json_key(&j, "scans");
	json_array(&j);
	if (v->store && r == 0)
		r = store_torrent_scans(v->store, json_scan, &j);
	json_end_array(&j);
	json_samples(&n);
	json_end_object(&j);
	return r < 0 ? r : 0;
}
