/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/pipeline_find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/pipeline_find_private.h"

enum {
	/** How long a call waits for its slot of the minute. */
	PATIENCE_MS = 5000,
};

static const struct source *const all_sources[] = {
#define X(name) &source_##name,
	SOURCES(X)
#undef X
};

/* --- budgets outlive us --- */

static int save_host(void *arg, const struct limit_row *row)
{
	struct finder *f = arg;
	struct store_host h = {
		.name = row->name, .reason = row->reason, .day = row->day, .used_day = row->used_day,
		.refused_day = row->refused_day, .calls = row->calls, .failures = row->failures,
		.refusals = row->refusals, .open_at = row->open_at, .streak = row->streak,
		.last_ok_at = row->last_ok_at, .last_failure_at = row->last_failure_at,
		.recent = {(const char *)row->recent, limit_recent(row) * sizeof *row->recent},
	};
	return finds_host(f->o.writer, &h);
}

static int restore_host(void *arg, const struct store_host *h)
{
	struct finder *f = arg;
	struct limit_row row = {
		.day = h->day, .used_day = h->used_day, .refused_day = h->refused_day, .calls = h->calls,
		.failures = h->failures, .refusals = h->refusals, .open_at = h->open_at,
		.streak = (int)h->streak, .last_ok_at = h->last_ok_at,
		.last_failure_at = h->last_failure_at,
	};
	snprintf(row.name, sizeof row.name, "%s", h->name);
	snprintf(row.reason, sizeof row.reason, "%s", h->reason);
	limit_set_recent(&row, h->recent.data, h->recent.len);
	limit_restore(f->net.limit, &row);
	return 0;
}

/* --- what requests ask of us --- */

static int fetch(void *arg, struct handover *h, char *why)
{
	struct finder *f = arg;
	for (size_t i = 0; i < f->fetchers; i++)
		if (strcmp(f->fetcher[i].source->name, h->source) == 0)
			return f->fetcher[i].source->fetch(f->fetcher[i].state, h, why);
	snprintf(why, WHY, "the source %.64s is not set up any more", h->source);
	return -EAGAIN;
}

static bool is_dry(void *arg)
{
	return finder_is_dry(arg);
}

static bool is_scanning(void *arg)
{
	const struct finder *f = arg;
	return atomic_load(&f->o.live->job) != 0 || atomic_load(&f->o.live->due) != 0;
}

static void open_fetchers(struct finder *f)
{
	struct outside outside = {f->o.config, &f->net};
	char why[WHY];
	for (size_t i = 0; i < COUNT_OF(all_sources); i++) {
		void *state = NULL;
		if (all_sources[i]->open(&outside, &state, why) < 0 || !state)
			continue;
		f->fetcher[f->fetchers].source = all_sources[i];
		f->fetcher[f->fetchers++].state = state;
	}
}

/* --- parts --- */

static void load_dry_run(struct finder *f)
{
	char said[8] = "";
	store_meta(f->store, "dry_run", said, sizeof said);
	atomic_store(&f->is_dry, *said ? strcmp(said, "off") != 0
				       : config_int(f->o.config, OPT_dry_run) != 0);
}

static bool was_paused(struct finder *f)
{
	char said[8] = "";
	store_meta(f->store, "search_paused", said, sizeof said);
	return strcmp(said, "on") == 0;
}

/** A call that was made, for metrics/chapters. */
static void note_call(void *arg, const char *host, int64_t ns, const struct http_answer *a, bool is_well)
{
	struct finder *f = arg;
	const struct chapter_call call = {
		.host = host, .bytes = (int64_t)a->body.len, .at = net_now(&f->net),
		.seconds = (double)ns / (double)NS_PER_S, .well = is_well, .failed = !is_well,
	};
	chapters_call(f->o.writer, &f->calls, &call);
}

static int open_net(struct finder *f)
{
	f->net.patience_ms = PATIENCE_MS;
	f->net.called = note_call;
	f->net.caller = f;
	int r = http_new(&f->net.http);
	if (r == 0)
		r = limit_new(save_host, f, &f->net.limit);
	if (r == 0)
		r = store_open_reader(f->o.state_dir, &f->store);
	if (r == 0)
		store_hosts(f->store, restore_host, f);
	return r;
}

static int start(struct finder *f)
{
	struct outside outside = {f->o.config, &f->net};
	struct search_options search = {.config = f->o.config, .state_dir = f->o.state_dir,
					.writer = f->o.writer, .net = &f->net, .is_scanning = is_scanning,
					.arg = f};
	int r = notify_new(&outside, &f->notify);
	if (r == 0)
		r = search_new(&search, &f->search);
	open_fetchers(f);
	struct requests_options requests = {
		.config = f->o.config, .state_dir = f->o.state_dir, .writer = f->o.writer,
		.net = &f->net, .notify = f->notify, .fetch = fetch, .is_dry = is_dry,
		.is_scanning = is_scanning, .arg = f,
	};
	if (r == 0)
		r = requests_new(&requests, &f->requests);
	if (r == 0) {
		search_pause(f->search, was_paused(f));
		r = search_start(f->search);
	}
	return r < 0 ? r : requests_start(f->requests);
}

int finder_new(const struct finder_options *options, struct finder **out)
{
	struct finder *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	f->o = *options;
	pthread_mutex_init(&f->calls.lock, NULL);
	int r = open_net(f);
	if (r == 0) {
		load_dry_run(f);
		r = start(f);
	}
	if (r < 0) {
		finder_free(f);
		return r;
	}
	*out = f;
	return 0;
}

void finder_free(struct finder *f)
{
	if (!f)
		return;
	if (f->net.http)
		http_cancel(f->net.http);
	search_free(f->search);
	requests_free(f->requests);
	chapters_call(f->o.writer, &f->calls, NULL);
	notify_free(f->notify);
	for (size_t i = 0; i < f->fetchers; i++)
		f->fetcher[i].source->close(f->fetcher[i].state);
	store_close(f->store);
	http_free(f->net.http);
	limit_free(f->net.limit);
	pthread_mutex_destroy(&f->calls.lock);
	free(f);
}

struct net *finder_net(struct finder *f)
{
	return &f->net;
}

struct notify *finder_notify(struct finder *f)
{
	return f->notify;
}

bool finder_is_dry(const struct finder *f)
{
	return atomic_load(&f->is_dry);
}

int finder_remember(struct finder *f, const char *name, const char *word)
{
	struct change *c = change_new(CHANGE_META, 8);
	if (!c)
		return -ENOMEM;
	c->name = name;
	c->dir = change_copy(c, word, strlen(word));
	c->of = TOPIC_BIT(requests) | TOPIC_BIT(search);
	return writer_call(f->o.writer, c, NULL);
}

void finder_poke(struct finder *f)
{
	if (!f)
		return;
	chapters_call(f->o.writer, &f->calls, NULL);
	search_poke(f->search);
	requests_poke(f->requests);
}

int finder_pause(struct finder *f, bool paused)
{
	if (search_is_paused(f->search) == paused)
		return -EBUSY;
	int r = finder_remember(f, "search_paused", paused ? "on" : "off");
	if (r == 0)
		search_pause(f->search, paused);
	return r;
}

int finder_cancel(struct finder *f)
{
	return finds_unorder(f->o.writer);
}
