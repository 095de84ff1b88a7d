/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What exists: authorities are asked about one series at a time, seldom. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/search/search_private.h"

enum { WAIT_LEAST_S = 86400 };

struct subject {
	char *key, *title, *url;
	/** What it said before. */
	char known_url[512];
	int64_t tries, ordered_at;
};

static int take_url(void *arg, const struct store_wish *w)
{
	struct subject *t = arg;
	t->url = *w->url ? strdup(w->url) : NULL;
	return 0;
}

static int take_known(void *arg, const struct store_authority *a)
{
	struct subject *t = arg;
	t->ordered_at = a->ordered_at;
	snprintf(t->known_url, sizeof t->known_url, "%s", a->url);
	return 0;
}

static void clear_subject(struct subject *t)
{
	free(t->key);
	free(t->title);
	free(t->url);
}

/** Until it is asked again. */
static int64_t interval_of(const struct seeker *k, const struct authority_answer *a)
{
	const struct config *c = k->search->o.config;
	bool ended = strcmp(a->status, "finished") == 0 || strcmp(a->status, "abandoned") == 0;
	return config_int(c, ended ? k->authority->interval_finished : k->authority->interval);
}

static int keep_answer(struct seeker *k, const struct subject *t, const struct authority_answer *a,
		       int64_t now)
{
	struct store_authority row = {
		.key = t->key, .source = k->authority->name, .known = (int)a->known, .url = a->url,
		.title = a->title, .aliases = buf_str(&a->aliases), .status = a->status,
		.choices = buf_str(&a->choices), .error = "", .released = a->released,
		.original = a->original, .planned = a->planned, .planned_at = a->planned_at,
		.asked_at = now, .next_at = now + interval_of(k, a),
	};
	return finds_authority(k->search->o.writer, &row);
}

/** What it said before stays; of a first attempt only the error is known. */
struct keep {
	struct seeker *k;
	const struct subject *t;
	const char *why, *url;
	int64_t next_at, now;
	int result;
};

static int keep_old(void *arg, const struct store_authority *old)
{
	struct keep *e = arg;
	struct store_authority row = *old;
	row.error = e->why;
	row.next_at = e->next_at;
	/* it was set back: what was said in the future was said, at the latest, now */
	if (row.asked_at > e->now)
		row.asked_at = e->now;
	if (*e->url)
		row.url = e->url;
	e->result = finds_authority(e->k->search->o.writer, &row);
	return 0;
}

static int keep_error(struct keep *e)
{
	int r = store_authority(e->k->store, e->t->key, keep_old, e);
	if (r != -ENOENT)
		return r < 0 ? r : e->result;
	struct store_authority row = {
		.key = e->t->key, .source = e->k->authority->name, .known = -1, .url = e->url, .title = "",
		.aliases = "", .status = "", .choices = "", .error = e->why, .released = -1,
		.original = -1, .planned = -1, .next_at = e->next_at,
	};
	return finds_authority(e->k->search->o.writer, &row);
}

/** A page was fetched, though it told nothing: that is one of the few that a series may cost. */
static bool cost_a_page(int r)
{
	return r == -EPROTO || r == -ENOENT || r == -EINVAL;
}

/** What is asked wrongly is no fault of whom we ask. */
static int keep_failure(struct seeker *k, const struct subject *t, int r, int64_t at, const char *why,
			int64_t now)
{
	int64_t wait = cost_a_page(r) ? config_int(k->search->o.config, k->authority->interval)
				      : plan_backoff(6);
	struct keep e = {k, t, why, "", now + wait, now, 0};
	if (r != -EINVAL)
		seeker_failed(k, now, at);
	log_warning("%s did not answer about %s: %s", k->authority->name, t->title, why);
	return keep_error(&e);
}

static int ask(struct seeker *k, const struct subject *t, int64_t now)
{
	struct authority_answer a = AUTHORITY_ANSWER_INIT;
	char why[WHY] = "";
	int64_t at = 0;
	int r = k->authority->ask(k->state, t->title, t->url ? t->url : t->known_url, &a, &at, why);
	if (r == 0) {
		atomic_store(&k->failures, 0);
		r = keep_answer(k, t, &a, now);
	} else if (r == -EAGAIN) {
		seeker_close(k, now, at > now ? at : now + NS_PER_S);
		/* its page was found before the budget ended: the next call asks for that */
		struct keep e = {k, t, "", a.url, now, now, 0};
		if (*a.url)
			r = keep_error(&e);
	} else if (r != -ECANCELED) {
		r = keep_failure(k, t, r, at, why, now);
	}
	buf_clear(&a.aliases);
	buf_clear(&a.choices);
	return r;
}

/** A clock that was set back by a day or more silences nobody; by less, it only makes the next call as much later. */
static struct store_authority_ask may_ask(const struct seeker *k, int64_t now)
{
	const struct config *c = k->search->o.config;
	int64_t wait = config_int(c, k->authority->interval);
	return (struct store_authority_ask){
		.source = k->authority->name, .now = now, .monitored = config_int(c, OPT_monitor_default) != 0,
		.by_itself = config_int(c, OPT_monitor_enabled) && config_int(c, OPT_monitor_auto) &&
			     config_int(c, OPT_new_enabled) && config_int(c, OPT_new_authority),
		/* failures wait, too, be the interval as short as it may */
		.wait = wait > WAIT_LEAST_S * NS_PER_S ? wait : WAIT_LEAST_S * NS_PER_S,
		.wait_ended = config_int(c, k->authority->interval_finished),
	};
}

int authority_step(struct seeker *k, int64_t now, int64_t *next_at)
{
	struct store_authority_ask may = may_ask(k, now);
	int64_t series, due = 0;
	int r = store_authority_next(k->store, &may, &series);
	if (r < 0) {
		store_authority_due(k->store, may.source, may.monitored, &due);
		if (due > now && due < *next_at)
			*next_at = due;
		return 0;
	}
	struct subject t = {0};
	r = store_series_names(k->store, series, &t.key, &t.title);
	if (r == 0) {
		store_wish(k->store, t.key, take_url, &t);
		store_authority(k->store, t.key, take_known, &t);
		ask(k, &t, now);
	}
	clear_subject(&t);
	return 1;
}
