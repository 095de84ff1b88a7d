/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/search/search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/search/search_private.h"

enum {
	/** What was found could not be kept: nobody is asked before that can have changed. */
	UNKEPT_S = 60,
	/** Failures of a source after which its pauses grow no more: within half an hour it is noticed that it is
	 * back.  Whether it may be called at all is its budget's business. */
	PAUSES = 4,
};

static const struct source *const all_sources[] = {
#define X(name) &source_##name,
	SOURCES(X)
#undef X
	NULL,
};

static const struct authority *const all_authorities[] = {
#define X(name) &authority_##name,
	AUTHORITIES(X)
#undef X
	NULL,
};

/* --- what was found --- */

int found_add(void *arg, const struct release *r)
{
	found_list *list = arg;
	const char *const texts[] = {r->title, r->guid, r->link, r->page, r->indexer, r->context};
	const char **to[COUNT_OF(texts)];
	size_t bytes = 0;
	if (list->len >= FOUND_MOST)
		return 1;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		bytes += strlen(texts[i]) + 1;
	struct found *f = vec_add(list);
	char *space = f ? malloc(bytes) : NULL;
	if (!space) {
		list->len -= f ? 1 : 0;
		return -ENOMEM;
	}
	f->release = *r;
	f->texts = space;
	to[0] = &f->release.title, to[1] = &f->release.guid, to[2] = &f->release.link;
	to[3] = &f->release.page, to[4] = &f->release.indexer, to[5] = &f->release.context;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		size_t n = strlen(texts[i]) + 1;
		memcpy(space, texts[i], n);
		*to[i] = space;
		space += n;
	}
	return 0;
}

void found_clear(found_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->data[i].texts);
	vec_clear(list);
}

/* --- seekers --- */

void seeker_close(struct seeker *k, int64_t now, int64_t until)
{
	k->closed_at = now;
	k->closed_until = until;
}

/** A clock that was set back does not keep it closed. */
static bool is_closed(const struct seeker *k, int64_t now)
{
	return now < k->closed_until && now >= k->closed_at;
}

void seeker_failed(struct seeker *k, int64_t now, int64_t at)
{
	int failures = atomic_fetch_add(&k->failures, 1) + 1;
	int pauses = k->source && failures > PAUSES ? PAUSES : failures;
	int64_t own = now + plan_jitter(plan_backoff(pauses));
	seeker_close(k, now, at > own ? at : own);
}

static int add_seeker(struct search *s, const struct source *source,
		      const struct authority *authority)
{
	struct outside outside = {s->o.config, s->o.net};
	void *state = NULL;
	char why[WHY] = "";
	int r = source ? source->open(&outside, &state, why) : authority->open(&outside, &state, why);
	if (r == 0 && !state)
		return 0;
	struct seeker *k = vec_add(&s->seekers);
	if (!k)
		return -ENOMEM;
	*k = (struct seeker){.search = s, .source = source, .authority = authority, .state = state};
	if (r < 0) {
		snprintf(k->fault, sizeof k->fault, "%s", *why ? why : strerror(-r));
		log_error("%s cannot be used: %s", source ? source->name : authority->name, k->fault);
	}
	return 0;
}

static void close_seeker(struct seeker *k)
{
	if (k->state && k->source)
		k->source->close(k->state);
	if (k->state && k->authority)
		k->authority->close(k->state);
	store_close(k->store);
}

int search_new(const struct search_options *options, struct search **out)
{
	struct search *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->o = *options;
	pthread_mutex_init(&s->lock, NULL);
	thread_cond_init(&s->changed);
	const struct source *const *source = options->sources ? options->sources : all_sources;
	const struct authority *const *authority =
		options->authorities ? options->authorities : all_authorities;
	int r = 0;
	for (; *source && r == 0; source++)
		r = add_seeker(s, *source, NULL);
	for (; *authority && r == 0; authority++)
		r = add_seeker(s, NULL, *authority);
	if (r < 0) {
		search_free(s);
		return r;
	}
	*out = s;
	return 0;
}

size_t search_count(const struct search *s)
{
	return s->seekers.len;
}

const char *search_name(const struct search *s, size_t seeker)
{
	const struct seeker *k = &s->seekers.data[seeker];
	return k->source ? k->source->name : k->authority->name;
}

bool search_is_authority(const struct search *s, size_t seeker)
{
	return s->seekers.data[seeker].authority != NULL;
}

const char *search_fault(const struct search *s, size_t seeker)
{
	return s->seekers.data[seeker].fault;
}

/* --- one action --- */

/** Whoever does not look for all that @k looks for is not waited for: it would be for ever. */
static bool looks_for_all_of(const struct seeker *other, const struct seeker *k)
{
	struct store_flows theirs = series_flows(other), ours = series_flows(k);
	return (theirs.missing || !ours.missing) && (theirs.fresh || !ours.fresh);
}

/** Remote sources of a long list wait until local ones have looked. */
static void ask_order(struct seeker *k, struct store_search_ask *ask, char *before, size_t size)
{
	enum { MOST = 16 };
	struct plan_source sources[MOST];
	size_t order[MOST], n = 0;
	int64_t wanted = 0;
	struct search *s = k->search;
	for (size_t i = 0; i < s->seekers.len && n < MOST; i++) {
		const struct seeker *other = &s->seekers.data[i];
		if (other->source && !*other->fault && (other == k || looks_for_all_of(other, k)))
			sources[n++] = (struct plan_source){other->source->name, other->source->is_local,
							    atomic_load(&other->failures)};
	}
	store_wanted_count(k->store, ask->monitored, &wanted);
	bool local_first = plan_order(sources, n, wanted, config_int(s->o.config, OPT_search_many), order);
	ask->only_rest = local_first && !k->source->is_local;
	snprintf(before, size, " ");
	for (size_t i = 0; i < n && ask->only_rest; i++) {
		const struct plan_source *o = &sources[order[i]];
		if (strcmp(o->name, k->source->name) == 0)
			break;
		if (!o->is_local || o->failures)
			continue;
		size_t len = strlen(before);
		snprintf(before + len, size - len, "%s ", o->name);
		ask->before_count++;
	}
}

/** When a search may be made next: one that is ordered, and one that is not. */
static void pace(const struct seeker *k, int64_t now, int64_t *ordered_at, int64_t *own_at)
{
	struct limit_status status;
	int calls = k->feed_calls ? k->feed_calls : 1;
	*ordered_at = *own_at = now;
	if (!k->source->host || limit_status(k->search->o.net->limit, k->source->host, now, &status) < 0)
		return;
	*ordered_at = plan_room(&status, now, feed_interval(k), calls);
	*own_at = plan_pace(&status, now, feed_interval(k), calls);
}

static int pick(struct seeker *k, int64_t now, bool by_itself, int64_t *series)
{
	const struct config *c = k->search->o.config;
	char before[256];
	bool is_ordered, is_new;
	struct store_search_ask ask = {
		.source = k->source->name, .now = now, .monitored = config_int(c, OPT_monitor_default) != 0,
		.flows = series_flows(k), .before = before, .by_itself = by_itself,
	};
	ask_order(k, &ask, before, sizeof before);
	return store_search_next(k->store, &ask, series, &is_ordered, &is_new);
}

static void earlier(int64_t *at, int64_t other)
{
	if (other > 0 && other < *at)
		*at = other;
}

/** Else it would be asked the same again at once. */
static void rest_if_unkept(struct seeker *k, int r, int64_t now)
{
	if (r < 0 && !is_closed(k, now))
		seeker_close(k, now, now + UNKEPT_S * NS_PER_S);
}

static int source_step(struct seeker *k, int64_t now, int64_t *next_at)
{
	const struct config *c = k->search->o.config;
	bool scanning = k->search->o.is_scanning && k->search->o.is_scanning(k->search->o.arg);
	bool by_itself = config_int(c, OPT_monitor_enabled) && config_int(c, OPT_monitor_auto) && !scanning;
	int64_t series, due = 0, at = now;
	if (scanning)
		earlier(next_at, now + NS_PER_S);
	int fed = by_itself ? feed_step(k, now, next_at) : 0;
	if (fed) {
		rest_if_unkept(k, fed, now);
		return 1;
	}
	int64_t paced = now, ordered_at = now;
	if (by_itself)
		pace(k, now, &ordered_at, &paced);
	if (ordered_at > now) {
		earlier(next_at, ordered_at);
		return 0;
	}
	int r = pick(k, now, by_itself && paced <= now, &series);
	if (r == 0) {
		rest_if_unkept(k, series_search(k, series, now), now);
		return 1;
	}
	if (by_itself && paced > now)
		earlier(next_at, paced);
	else if (by_itself && store_search_due(k->store, k->source->name,
					       config_int(c, OPT_monitor_default) != 0, &due) == 0)
		earlier(next_at, due > at ? due : 0);
	return 0;
}

static int open_store(struct seeker *k)
{
	return k->store ? 0 : store_open_reader(k->search->o.state_dir, &k->store);
}

int search_step(struct search *s, size_t seeker, int64_t *next_at)
{
	struct seeker *k = &s->seekers.data[seeker];
	int64_t now = net_now(s->o.net);
	*next_at = now + config_int(s->o.config, OPT_monitor_interval);
	if (*k->fault || open_store(k) < 0)
		return 0;
	if (is_closed(k, now)) {
		*next_at = k->closed_until;
		return 0;
	}
	if (writer_error(s->o.writer)) {
		*next_at = now + UNKEPT_S * NS_PER_S;
		return 0;
	}
	return k->source ? source_step(k, now, next_at) : authority_step(k, now, next_at);
}

void search_set_back(struct search *s, size_t seeker)
{
	struct seeker *k = &s->seekers.data[seeker];
	k->closed_until = 0;
	k->is_set_back = true;
}

/* --- threads --- */

static int take_unusable(void *arg, const struct store_feed *f)
{
	*(bool *)arg = strcmp(f->outcome, "unusable") == 0;
	return 0;
}

/** Sleeps until something may be due.  False at the end. */
static bool rest(struct search *s, unsigned *seen, int64_t ns)
{
	struct timespec until;
	int64_t end = mono_ns() + (ns > 0 ? ns : 0);
	until.tv_sec = end / NS_PER_S;
	until.tv_nsec = end % NS_PER_S;
	LOCKED(&s->lock);
	int r = 0;
	while (!s->is_ending && r == 0 && (s->is_paused || *seen == s->pokes))
		r = s->is_paused ? pthread_cond_wait(&s->changed, &s->lock)
				 : pthread_cond_timedwait(&s->changed, &s->lock, &until);
	*seen = s->pokes;
	return !s->is_ending;
}

/** What the clock is ahead of one that nobody sets. */
static int64_t clock_ahead(const struct search *s)
{
	return net_now(s->o.net) - mono_ns();
}

static void *seek(void *arg)
{
	struct seeker *k = arg;
	struct search *s = k->search;
	size_t index = (size_t)(k - s->seekers.data);
	unsigned seen = 0;
	int64_t next_at, wait = 0, ahead = clock_ahead(s);
	while (rest(s, &seen, wait)) {
		int64_t was = ahead;
		ahead = clock_ahead(s);
		if (ahead < was - NS_PER_S)
			search_set_back(s, index);
		int did = search_step(s, index, &next_at);
		wait = did ? 0 : next_at - net_now(s->o.net);
	}
	return NULL;
}

/** What is configured wrongly is seen in status/health, until it is not. */
static int note_fault(struct seeker *k, const char *name)
{
	struct store_feed f = {.mark = "", .outcome = "unusable", .error = k->fault};
	struct store_feed fine = {.mark = "", .outcome = "", .error = ""};
	bool was_unusable = false;
	if (*k->fault)
		return finds_feed(k->search->o.writer, name, &f);
	if (open_store(k) == 0)
		store_feed(k->store, name, take_unusable, &was_unusable);
	return was_unusable ? finds_feed(k->search->o.writer, name, &fine) : 0;
}

int search_start(struct search *s)
{
	int r = 0;
	for (size_t i = 0; i < s->seekers.len && r == 0; i++) {
		struct seeker *k = &s->seekers.data[i];
		char name[16];
		snprintf(name, sizeof name, "%.15s", search_name(s, i));
		note_fault(k, search_name(s, i));
		if (!*k->fault)
			r = thread_start(&k->thread, name, seek, k);
	}
	return r;
}

void search_poke(struct search *s)
{
	LOCKED(&s->lock);
	s->pokes++;
	pthread_cond_broadcast(&s->changed);
}

void search_pause(struct search *s, bool paused)
{
	LOCKED(&s->lock);
	s->is_paused = paused;
	pthread_cond_broadcast(&s->changed);
}

bool search_is_paused(struct search *s)
{
	LOCKED(&s->lock);
	return s->is_paused;
}

void search_free(struct search *s)
{
	if (!s)
		return;
	{
		LOCKED(&s->lock);
		s->is_ending = true;
		pthread_cond_broadcast(&s->changed);
	}
	for (size_t i = 0; i < s->seekers.len; i++)
		thread_join(&s->seekers.data[i].thread);
	for (size_t i = 0; i < s->seekers.len; i++)
		close_seeker(&s->seekers.data[i]);
	vec_clear(&s->seekers);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
