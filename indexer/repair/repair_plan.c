/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What would be done and why: one torrent after the other, each by the provider's positive word.  Writes the plan and
 * what the provider said; changes nothing else.
 */
#include "indexer/repair/repair_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/hash.h"
#include "indexer/load/repairs.h"

enum {
	/** Candidates and items of one plan. */
	CANDIDATES_MOST = 200000,
	TOLD_EVERY = 20,
	PAUSE_S = 60,
};

/* --- candidates --- */

static struct candidate *add_candidate(struct planner *p, enum candidate_kind kind, const char *provider,
				       const char *name)
{
	struct candidate *c = p->candidates.len < CANDIDATES_MOST ? vec_add(&p->candidates) : NULL;
	if (!c)
		return NULL;
	*c = (struct candidate){.kind = kind, .provider = provider, .name = strdup(name)};
	if (!c->name) {
		p->candidates.len--;
		return NULL;
	}
	return c;
}

static int add_torrent(struct planner *p, enum candidate_kind kind, const char *provider,
		       const struct store_torrent *t, const char *name)
{
	struct candidate *c = add_candidate(p, kind, provider, name);
	if (!c)
		return -ENOMEM;
	snprintf(c->id, sizeof c->id, "%s", t->id);
	snprintf(c->hash, sizeof c->hash, "%s", t->hash);
	return 0;
}

struct failed {
	struct planner *p;
	const char *provider;
};

/** Listed also for the broken links that lead to its name alone: which torrent they are of is judged by names. */
static bool has_failed(const struct store_torrent *t)
{
	static const char *const words[] = {"magnet_error", "error", "virus", "dead"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(t->status, words[i]) == 0)
			return true;
	return false;
}

static int take_failed(void *arg, const struct store_torrent *t)
{
	struct failed *f = arg;
	return strcmp(t->provider, f->provider) == 0 && has_failed(t)
		       ? add_torrent(f->p, CANDIDATE_FAILED, f->provider, t, t->name) : 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/** Names of those that failed, sorted; NULL without memory. */
static const char **failed_names(const struct planner *p)
{
	const char **names = calloc(p->failed + 1, sizeof *names);
	for (size_t i = 0; i < p->failed && names; i++)
		names[i] = p->candidates.data[i].name;
	if (names && p->failed)
		qsort(names, p->failed, sizeof *names, by_text);
	return names;
}

/** The one torrent of that name, the one that is there before one that is gone; NULL when there are several hashes. */
static const struct store_torrent *only_one(const kept_torrents *list)
{
	const struct store_torrent *best = NULL;
	for (size_t i = 0; i < list->len; i++) {
		const struct store_torrent *t = &list->data[i].row;
		if (best && strcmp(best->hash, t->hash) != 0)
			return NULL;
		if (!best || (best->gone_at && !t->gone_at))
			best = t;
	}
	return best;
}

/** Another one with the hash of one that is gone. */
static const struct store_torrent *twin(const kept_torrents *list)
{
	for (size_t i = 0; i < list->len; i++)
		if (!list->data[i].row.gone_at)
			return &list->data[i].row;
	return NULL;
}

static int add_named(struct planner *p, const char *provider, const char *name)
{
	kept_torrents named = {0}, twins = {0};
	struct bytes bytes = {name, strlen(name)};
	int error = store_torrents_named(p->r->store, provider, bytes, keep_torrent, &named);
	const struct store_torrent *t = only_one(&named), *moved = NULL;
	if (error == 0 && t && t->gone_at) {
		error = store_torrents_hashed(p->r->store, provider, t->hash, keep_torrent, &twins);
		moved = twin(&twins);
	}
	if (error == 0 && moved)
		error = add_torrent(p, CANDIDATE_MOVED, provider, moved, name);
	else if (error == 0 && t)
		error = add_torrent(p, CANDIDATE_BROKEN, provider, t, name);
	else if (error == 0)
		error = add_candidate(p, named.len ? CANDIDATE_AMBIGUOUS : CANDIDATE_UNKNOWN, provider, name)
				? 0 : -ENOMEM;
	kept_torrents_clear(&named);
	kept_torrents_clear(&twins);
	return error;
}

struct name {
	char *text;
};

typedef VEC(struct name) names;

static int take_name(void *arg, struct bytes torrent, int64_t broken, int64_t links)
{
	names *list = arg;
	struct name *n = broken ? vec_add(list) : NULL;
	(void)links;
	if (!n)
		return broken ? -ENOMEM : 0;
	n->text = strndup(torrent.data, torrent.len);
	return n->text ? 0 : -ENOMEM;
}

static int collect(struct planner *p)
{
	names list = {0};
	struct repair *r = p->r;
	int error = 0;
	for (size_t i = 0; i < r->providers.len && error >= 0; i++) {
		struct failed f = {p, r->providers.data[i].provider->name};
		error = store_torrents(r->store, "failed", take_failed, &f);
	}
	p->failed = p->candidates.len;
	if (error >= 0)
		error = store_broken_torrents(r->store, take_name, &list);
	const char **failed = failed_names(p);
	error = failed ? error : -ENOMEM;
	for (size_t i = 0; i < list.len && error >= 0 && r->providers.len; i++)
		if (!bsearch(&list.data[i].text, failed, p->failed, sizeof *failed, by_text))
			error = add_named(p, r->providers.data[0].provider->name, list.data[i].text);
	free(failed);
	for (size_t i = 0; i < list.len; i++)
		free(list.data[i].text);
	vec_clear(&list);
	return error < 0 ? error : 0;
}

/** What a person ordered is done, unless it was ordered again meanwhile: a crash before this begins anew. */
static void end_order(struct repair *r)
{
	bool again;
	{
		LOCKED(&r->lock);
		again = r->wants[WANT_PLAN];
	}
	if (!again && !r->planner->automatic)
		repair_keep_want(r, WANT_PLAN, NULL);
}

static void tell_progress(struct planner *p, const char *state, const char *why)
{
	struct store_torrent_scan row = {
		.kind = "plan", .state = state, .error = why, .offset = (int64_t)p->at,
		.total = (int64_t)p->candidates.len, .started_at = p->started_at, .calls = p->calls,
		.items = (int64_t)p->items.len,
		.ended_at = strcmp(state, "running") == 0 ? 0 : repair_now(p->r),
		.completed_at = strcmp(state, "completed") == 0 ? repair_now(p->r) : 0,
	};
	repairs_scan(p->r->o.writer, &row);
}

int plan_begin(struct repair *r, bool automatic)
{
	plan_drop(r);
	/* what was cancelled is what ran before */
	atomic_store(&r->is_cancelled, false);
	struct planner *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	*p = (struct planner){.r = r, .automatic = automatic, .started_at = repair_now(r)};
	r->planner = p;
	repair_health_begin(r);
	int error = collect(p);
	if (error < 0)
		plan_drop(r);
	else
		tell_progress(p, "running", "");
	return error;
}

void plan_drop(struct repair *r)
{
	struct planner *p = r->planner;
	if (!p)
		return;
	for (size_t i = 0; i < p->candidates.len; i++)
		free(p->candidates.data[i].name);
	for (size_t i = 0; i < p->items.len; i++)
		for (int t = 0; t < PLAN_TEXTS; t++)
			free(p->items.data[i].texts[t]);
	vec_clear(&p->candidates);
	vec_clear(&p->items);
	free(p);
	r->planner = NULL;
}

/* --- the end --- */

static void add_word(struct buf *b, const char *text)
{
	/* lengths keep two plans apart whose texts only join to the same */
	buf_addf(b, "%zu:", strlen(text));
	buf_adds(b, text);
}

/** Over everything that it would do, and nothing else: the same again tomorrow has the same. */
static int plan_hash(const struct planner *p, char hash[17])
{
	_buf_ struct buf all = BUF_INIT(1 << 30);
	for (size_t i = 0; i < p->items.len; i++) {
		const struct store_plan_item *row = &p->items.data[i].row;
		const char *const words[] = {row->action, row->provider, row->torrent, row->hash, row->name,
					     row->link_ids, row->state};
		for (size_t w = 0; w < COUNT_OF(words); w++)
			add_word(&all, words[w]);
	}
	if (buf_error(&all))
		return buf_error(&all);
	hash_of_bytes(buf_str(&all), all.len, hash);
	return 0;
}

static int keep_plan(struct planner *p)
{
	char hash[17];
	int error = plan_hash(p, hash);
	struct store_plan plan = {.hash = hash, .state = "planned", .made_at = repair_now(p->r),
				  .items = (int64_t)p->items.len, .automatic = p->automatic};
	struct store_plan_item *rows = calloc(p->items.len + 1, sizeof *rows);
	if (error < 0 || !rows) {
		free(rows);
		return error ? error : -ENOMEM;
	}
	for (size_t i = 0; i < p->items.len; i++) {
		rows[i] = p->items.data[i].row;
		rows[i].plan = hash;
		rows[i].item = (int64_t)i + 1;
		rows[i].changed_at = plan.made_at;
		plan.calls += rows[i].calls;
		plan.held += strcmp(rows[i].state, "held") == 0;
	}
	error = repairs_plan(p->r->o.writer, &plan, rows, p->items.len);
	free(rows);
	if (error == 0 && p->automatic && p->items.len)
		error = apply_all(p->r, hash);
	return error;
}

static int end(struct repair *r)
{
	struct planner *p = r->planner;
	plan_cap(p);
	int error = p->automatic && !p->items.len ? 0 : keep_plan(p);
	/* nothing is wrong: what is being carried out is the plan until it has ended */
	bool busy = error == -EBUSY;
	tell_progress(p, error < 0 ? "failed" : "completed",
		      busy ? "another plan is being carried out: order it again afterwards" : error < 0 ? strerror(-error) : "");
	log_info("plan: %zu steps for %zu torrents", p->items.len, p->candidates.len);
	if (error < 0 && !busy)
		r->unkept_at = repair_now(r);
	end_order(r);
	plan_drop(r);
	return 1;
}

int plan_step(struct repair *r, int64_t *at)
{
	struct planner *p = r->planner;
	*at = 0;
	if (!p)
		return 0;
	if (atomic_exchange(&r->is_cancelled, false)) {
		tell_progress(p, "failed", "cancelled");
		end_order(r);
		plan_drop(r);
		return 1;
	}
	if (p->at >= p->candidates.len)
		return end(r);
	int error = plan_candidate(p, &p->candidates.data[p->at], at);
	if (error == -EAGAIN) {
		*at = *at ? *at : repair_now(r) + PAUSE_S * NS_PER_S;
		return 0;
	}
	p->at++;
	if (p->at % TOLD_EVERY == 0)
		tell_progress(p, "running", "");
	return 1;
}
