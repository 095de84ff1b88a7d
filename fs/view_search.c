/* SPDX-License-Identifier: GPL-3.0-or-later */
/** metrics/search.json: cache, budgets, feeds; how searching does. */
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_find.h"
#include "fs/views.h"

#define MINUTE_NS (60 * NS_PER_S)
#define DAY_NS (86400 * NS_PER_S)

/** Whose budgets the configuration sets; others have none that is worth telling. */
static const struct {
	const char *prefix;
	int minute, day, distance;
} budgets[] = {
	{"prowlarr", OPT_prowlarr_minute, OPT_prowlarr_day, -1},
	{"torznab:", OPT_torznab_minute, OPT_torznab_day, -1},
	{"nautiljon", -1, -1, OPT_nautiljon_distance},
	/* the longer prefix is the one that counts: it comes later */
	{"realdebrid", OPT_realdebrid_minute, -1, -1},
	{"realdebrid-repairs", OPT_realdebrid_repairs, -1, -1},
};

struct budget {
	int64_t minute, day, distance;
};

static struct budget budget_of(const struct config *c, const char *host)
{
	struct budget b = {0};
	for (size_t i = 0; i < COUNT_OF(budgets); i++) {
		if (strncmp(budgets[i].prefix, host, strlen(budgets[i].prefix)) != 0)
			continue;
		b.minute = budgets[i].minute < 0 ? 0 : config_int(c, (enum option_id)budgets[i].minute);
		b.day = budgets[i].day < 0 ? 0 : config_int(c, (enum option_id)budgets[i].day);
		b.distance =
			budgets[i].distance < 0 ? 0 : config_int(c, (enum option_id)budgets[i].distance);
	}
	return b;
}

struct hosts {
	struct view *v;
	struct json *j;
	/** As of when the numbers are: the last change, so that they do not depend on who looks when. */
	int64_t now;
};

struct usage {
	int64_t minute, oldest, newest;
};

/** Calls of the last minute; the row has their times, newest first. */
static struct usage usage_of(const struct store_host *h, int64_t now)
{
	struct usage u = {0};
	for (size_t i = 0; i + sizeof(int64_t) <= h->recent.len; i += sizeof(int64_t)) {
		int64_t at;
		memcpy(&at, h->recent.data + i, sizeof at);
		if (at <= now - MINUTE_NS || !at)
			break;
		u.minute++;
		u.oldest = at;
		u.newest = u.newest ? u.newest : at;
	}
	return u;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t next_slot(const struct store_host *h, const struct budget *b, const struct usage *u,
			 int64_t used_day, int64_t now)
{
	int64_t at = later(now, h->open_at);
	if (b->minute && u->minute >= b->minute)
		at = later(at, u->oldest + MINUTE_NS);
	if (b->distance && u->newest)
		at = later(at, u->newest + b->distance);
	if (b->day && used_day >= b->day)
		at = later(at, (h->day + 1) * DAY_NS);
	return at;
}

static int json_day(void *arg, int64_t day, int64_t calls, int64_t refused, int64_t failures)
{
	struct json *j = arg;
	json_object(j);
	json_kv_time(j, "day", day * DAY_NS);
	json_kv_int(j, "calls", calls);
	json_kv_int(j, "failures", failures);
	json_kv_int(j, "refused", refused);
	json_end_object(j);
	return 0;
}

static void kv_left(struct json *j, const char *key, int64_t most, int64_t used)
{
	json_key(j, key);
	if (most)
		json_int(j, most > used ? most - used : 0);
	else
		json_null(j);
}

/** As indexer/net/limit.h: after a time of being open one call may try. */
static const char *breaker_of(const struct store_host *h, int64_t now)
{
	enum { FAILURES = 5 };
	if (h->open_at > now)
		return "open";
	return h->streak >= FAILURES ? "half-open" : "closed";
}

void host_use(const struct view *v, const struct store_host *h, int64_t now, struct host_use *use)
{
	struct budget b = budget_of(v->config, h->name);
	*use = (struct host_use){
		.minute_most = b.minute, .minute_used = usage_of(h, now).minute, .day_most = b.day,
		.day_used = h->day == now / DAY_NS ? h->used_day : 0, .is_open = h->open_at > now,
	};
}

void host_json(struct view *v, struct json *j, const struct store_host *h, int64_t now)
{
	struct budget b = budget_of(v->config, h->name);
	struct usage u = usage_of(h, now);
	int64_t used_day = h->day == now / DAY_NS ? h->used_day : 0;
	json_object(j);
	json_kv_text(j, "name", h->name);
	json_kv_int(j, "requests_per_minute", b.minute);
	json_kv_int(j, "requests_per_day", b.day);
	json_kv_int(j, "used_minute", u.minute);
	kv_left(j, "left_minute", b.minute, u.minute);
	json_kv_int(j, "used_day", used_day);
	kv_left(j, "left_day", b.day, used_day);
	json_kv_time(j, "next_at", next_slot(h, &b, &u, used_day, now));
	json_kv_text(j, "breaker", breaker_of(h, now));
	json_kv_text(j, "reason", h->reason);
	json_kv_int(j, "failures_in_a_row", h->streak);
	json_kv_int(j, "calls_total", h->calls);
	json_kv_int(j, "failures_total", h->failures);
	json_kv_int(j, "refused_total", h->refusals);
	if (h->last_ok_at)
		json_kv_time(j, "last_ok_at", h->last_ok_at);
	if (h->last_failure_at)
		json_kv_time(j, "last_failure_at", h->last_failure_at);
	json_key(j, "days");
	json_array(j);
	store_host_days(v->store, h->name, json_day, j);
	json_end_array(j);
	json_end_object(j);
}

static int json_host(void *arg, const struct store_host *h)
{
	struct hosts *w = arg;
	host_json(w->v, w->j, h, w->now);
	return 0;
}

bool is_dry_run(struct view *v)
{
	char dry[8] = "";
	if (v->store)
		store_meta(v->store, "dry_run", dry, sizeof dry);
	return *dry ? strcmp(dry, "off") != 0 : config_int(v->config, OPT_dry_run) != 0;
}

/** A host may answer well and its source be of no use: a page for people, a wrong key. */
static int json_source(void *arg, const struct store_searched *x)
{
	struct json *j = arg;
	bool failed = strcmp(x->outcome, "failed") == 0;
	json_object(j);
	json_kv_text(j, "source", x->source);
	json_kv_text(j, "state", failed ? "failed" : "answers");
	json_kv_time(j, "tried_at", x->tried_at);
	json_kv_text(j, "error", failed ? x->error : "");
	json_end_object(j);
	return 0;
}

static void json_sources(struct json *j, struct view *v)
{
	json_key(j, "sources");
	json_array(j);
	if (v->store)
		store_searched_last(v->store, json_source, j);
	json_end_array(j);
}

static int json_feed(void *arg, const struct store_feed *f)
{
	struct json *j = arg;
	json_object(j);
	json_kv_text(j, "source", f->source);
	json_kv_text(j, "state", f->outcome);
	if (f->at)
		json_kv_time(j, "read_at", f->at);
	json_kv_time(j, "tried_at", f->tried_at);
	json_kv_time(j, "next_at", f->next_at);
	json_kv_int(j, "posts", f->posts);
	json_kv_text(j, "error", f->error);
	json_end_object(j);
	return 0;
}

static void json_feeds(struct json *j, struct view *v)
{
	json_key(j, "feeds");
	json_array(j);
	if (v->store)
		store_feeds(v->store, json_feed, j);
	json_end_array(j);
}

static int64_t meta_number(struct view *v, const char *name)
{
	char text[32] = "";
	if (v->store)
		store_meta(v->store, name, text, sizeof text);
	return strtoll(text, NULL, 10);
}

static void json_cache(struct json *j, struct view *v, int64_t now)
{
	int64_t entries = 0, negative = 0, results = 0, bytes = 0;
	if (v->store)
		store_search_counts(v->store, now - config_int(v->config, OPT_search_cache), now, &entries,
				    &negative, &results, &bytes);
	json_key(j, "cache");
	json_object(j);
	json_kv_int(j, "total_entries", entries);
	json_kv_int(j, "cache_size_bytes", bytes);
	json_kv_int(j, "hits", meta_number(v, "search_hits"));
	json_kv_int(j, "misses", meta_number(v, "search_misses"));
	json_kv_int(j, "negative", negative);
	json_kv_int(j, "results", results);
	json_end_object(j);
}

static bool is_paused(struct view *v)
{
	char said[8] = "";
	if (v->store)
		store_meta(v->store, "search_paused", said, sizeof said);
	return strcmp(said, "on") == 0;
}

int show_search_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct hosts w = {.v = v, .j = &j, .now = view_at(v, OF_SEARCH, 0)};
	int64_t minute = config_int(v->config, OPT_prowlarr_minute);
	(void)n;
	doc_begin(&j, out, v, "search", OF_SEARCH, VIEW_AWAY);
	json_cache(&j, v, w.now);
	json_key(&j, "throttler");
	json_object(&j);
	json_kv_int(&j, "requests_per_minute", minute);
	json_kv_real(&j, "min_interval_seconds", 60.0 / (double)minute, 3);
	json_end_object(&j);
	json_kv_bool(&j, "dry_run", is_dry_run(v));
	json_kv_bool(&j, "paused", is_paused(v));
	json_key(&j, "hosts");
	json_array(&j);
	int e = v->store ? store_hosts(v->store, json_host, &w) : 0;
	json_end_array(&j);
	json_sources(&j, v);
	json_feeds(&j, v);
	json_end_object(&j);
	return e;
}
