/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One series at one source: asked, judged, kept. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/search/search_private.h"

/* --- facts --- */

static int take_wish(void *arg, const struct store_wish *w)
{
	struct series_facts *f = arg;
	f->mine = strdup(w->aliases);
	if (*w->language)
		f->language = strdup(w->language);
	return 0;
}

static int take_authority(void *arg, const struct store_authority *a)
{
	struct series_facts *f = arg;
	f->theirs = strdup(a->aliases);
	return 0;
}

static int take_volume(void *arg, int64_t volume, const char *kind)
{
	struct series_facts *f = arg;
	int *slot = vec_add(&f->wanted);
	(void)kind;
	if (slot)
		*slot = (int)volume;
	return slot ? 0 : -ENOMEM;
}

void facts_add_aliases(struct series_facts *f, char *lines)
{
	char *save = NULL;
	for (char *line = lines ? strtok_r(lines, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		char **slot = vec_add(&f->aliases);
		if (slot)
			*slot = line;
	}
}

static bool names_source(const struct config *c, enum option_id list, const char *name)
{
	for (size_t i = 0; i < config_count(c, list); i++)
		if (strcmp(config_item(c, list, i), name) == 0)
			return true;
	return false;
}

struct store_flows series_flows(const struct seeker *k)
{
	const struct config *c = k->search->o.config;
	const char *name = k->source->name;
	return (struct store_flows){
		.missing = config_int(c, OPT_missing_enabled) && config_int(c, OPT_missing_search) &&
			   names_source(c, OPT_missing_sources, name),
		.fresh = config_int(c, OPT_new_enabled) && config_int(c, OPT_new_search) &&
			 names_source(c, OPT_new_sources, name),
	};
}

int facts_load(struct seeker *k, int64_t series, struct series_facts *f)
{
	*f = (struct series_facts){.id = series};
	int r = store_series_names(k->store, series, &f->key, &f->title);
	if (r < 0)
		return r;
	store_wish(k->store, f->key, take_wish, f);
	store_authority(k->store, f->key, take_authority, f);
	store_usual_bytes(k->store, series, &f->usual_bytes);
	if (!f->language)
		f->language = strdup(config_text(k->search->o.config, OPT_monitor_language));
	facts_add_aliases(f, f->mine);
	facts_add_aliases(f, f->theirs);
	return store_wanted(k->store, series, series_flows(k), take_volume, f);
}

void facts_clear(struct series_facts *f)
{
	free(f->key);
	free(f->title);
	free(f->language);
	free(f->mine);
	free(f->theirs);
	vec_clear(&f->aliases);
	vec_clear(&f->wanted);
}

/* --- judging --- */

struct blocked {
	const char *list[32];
};

static void fill_blocked(const struct config *c, struct blocked *b)
{
	size_t n = config_count(c, OPT_monitor_blocked);
	if (n >= COUNT_OF(b->list))
		n = COUNT_OF(b->list) - 1;
	for (size_t i = 0; i < n; i++)
		b->list[i] = config_item(c, OPT_monitor_blocked, i);
	b->list[n] = NULL;
}

static struct store_result to_result(const struct release *r, const struct verdict *v,
				     const struct seeker *k, const char *key, int64_t now)
{
	return (struct store_result){
		.key = key, .source = k->source->name, .guid = r->guid, .title = r->title,
		.link = r->link, .page = r->page, .indexer = r->indexer, .indexer_id = r->indexer_id,
		.protocol = protocol_name(r->protocol), .hash = r->hash, .size = r->size,
		.published_at = r->published_at, .seeders = r->seeders, .leechers = r->leechers,
		.context = r->context, .verdict = (int)v->kind, .reason = v->reason, .first = v->first,
		.last = v->last, .is_complete = v->is_complete, .covers = v->covers, .score = v->score,
		.seen_at = now,
	};
}

int series_answer(struct seeker *k, const struct series_facts *f, const found_list *list,
		  const struct store_searched *said, int64_t now)
{
	struct blocked blocked;
	fill_blocked(k->search->o.config, &blocked);
	struct judge_series s = {
		.title = f->title, .aliases = (const char *const *)f->aliases.data,
		.alias_count = f->aliases.len, .wanted = f->wanted.data, .wanted_count = f->wanted.len,
		.usual_bytes = f->usual_bytes, .language = f->language ? f->language : "",
		.source_language = k->source->language ? k->source->language : "",
		.blocked = blocked.list,
	};
	struct store_answer a = {.now = now, .count = list->len, .is_partial = !said};
	_free_ struct store_result *results = calloc(list->len + 1, sizeof *results);
	_free_ struct verdict *verdicts = calloc(list->len + 1, sizeof *verdicts);
	if (!results || !verdicts)
		return -ENOMEM;
	a.is_hit = said && said->tried_at > said->at;
	int64_t confirmed = 0;
	size_t kept = 0;
	for (size_t i = 0; i < list->len; i++) {
		const struct release *r = &list->data[i].release;
		struct verdict *v = &verdicts[kept];
		judge(&s, r, now, v);
		if (v->kind == VERDICT_REJECTED && list->data[i].is_guess)
			continue;
		results[kept++] = to_result(r, v, k, f->key, now);
		confirmed += v->kind == VERDICT_CONFIRMED && v->covers > 0;
	}
	a.count = kept;
	a.results = results;
	if (!kept && !said)
		return 0;
	a.said = said ? *said : (struct store_searched){.outcome = "", .error = ""};
	a.said.key = f->key;
	a.said.source = k->source->name;
	if (said) {
		const struct config *c = k->search->o.config;
		a.said.results = (int64_t)list->len;
		a.said.confirmed = confirmed;
		a.said.outcome = confirmed ? "found" : "nothing";
		a.said.streak = confirmed ? 0 : said->streak + 1;
		a.said.next_at = now + (confirmed ? config_int(c, OPT_missing_check)
						  : plan_negative(config_int(c, OPT_search_negative),
								  a.said.streak));
	}
	return finds_answer(k->search->o.writer, &a);
}

/* --- asking --- */

static int take_searched(void *arg, const struct store_searched *row)
{
	struct store_searched *x = arg;
	*x = *row;
	x->key = x->source = x->error = "";
	x->outcome = strcmp(row->outcome, "failed") == 0 ? "failed" : *row->outcome ? "found" : "";
	return 0;
}

static int take_result(void *arg, const struct store_result *x)
{
	struct release r = {
		.title = x->title, .guid = x->guid, .link = x->link, .page = x->page,
		.indexer = x->indexer, .indexer_id = x->indexer_id, .protocol = protocol_of(x->protocol),
		.size = x->size, .published_at = x->published_at, .seeders = x->seeders,
		.leechers = x->leechers, .context = x->context,
	};
	snprintf(r.hash, sizeof r.hash, "%s", x->hash);
	return found_add(arg, &r);
}

struct of_source {
	const char *source;
	found_list list;
};

static int take_own(void *arg, const struct store_result *x)
{
	struct of_source *o = arg;
	return strcmp(x->source, o->source) == 0 ? take_result(&o->list, x) : 0;
}

/** The last answer still counts: what is wanted now may be in it. */
static int judge_again(struct seeker *k, const struct series_facts *f, struct store_searched *said,
		       int64_t now)
{
	struct of_source own = {.source = k->source->name};
	int r = store_results(k->store, f->key, -1, take_own, &own);
	said->tried_at = now;
	said->streak -= said->streak > 0;
	if (r == 0)
		r = series_answer(k, f, &own.list, said, now);
	found_clear(&own.list);
	return r;
}

/** A series whose question alone makes the source fail waits twice as long each time, so that it does not use up
 * what the others need. */
static int64_t retry_at(const struct store_searched *said, int64_t now)
{
	const int64_t least = 60 * NS_PER_S, most = 86400 * NS_PER_S;
	int64_t last = now - said->tried_at;
	if (strcmp(said->outcome, "failed") != 0 || last < least)
		return now + least;
	return now + (last < most / 2 ? 2 * last : most);
}

/** What failed is not an answer: the last one stays. */
static int note_failure(struct seeker *k, const struct series_facts *f, struct store_searched *said,
			int64_t now, const char *why)
{
	struct store_answer a = {.now = now, .said = *said};
	int64_t again = retry_at(said, now);
	a.said.key = f->key;
	a.said.source = k->source->name;
	a.said.tried_at = now;
	a.said.outcome = "failed";
	a.said.error = why;
	a.said.next_at = k->closed_until > again ? k->closed_until : again;
	log_warning("%s did not answer about %s: %s", k->source->name, f->title, why);
	return finds_answer(k->search->o.writer, &a);
}

static int ask(struct seeker *k, const struct series_facts *f, struct store_searched *said,
	       int64_t now)
{
	found_list list = {0};
	char why[WHY] = "";
	int64_t at = 0;
	struct source_query q = {f->title, (const char *const *)f->aliases.data, f->aliases.len};
	int r = k->source->search(k->state, &q, found_add, &list, &at, why);
	r = r > 0 ? 0 : r;
	if (r == 0) {
		atomic_store(&k->failures, 0);
		said->at = said->tried_at = now;
		r = series_answer(k, f, &list, said, now);
	} else if (r == -EAGAIN) {
		/* no budget: nobody was asked */
		seeker_close(k, now, at > now ? at : now + NS_PER_S);
	} else if (r != -ECANCELED) {
		seeker_failed(k, now, at);
		note_failure(k, f, said, now, *why ? why : strerror(-r));
	}
	found_clear(&list);
	return r;
}

int series_search(struct seeker *k, int64_t series, int64_t now)
{
	struct series_facts f;
	struct store_searched said = {.outcome = "", .error = ""};
	int r = facts_load(k, series, &f);
	if (r == 0) {
		r = store_searched(k->store, f.key, k->source->name, take_searched, &said);
		r = r == -ENOENT ? 0 : r;
	}
	/* one of the future: the clock was set back, and it is not known how old it is */
	bool is_fresh = said.at && said.at <= now && strcmp(said.outcome, "failed") != 0 &&
			now - said.at < config_int(k->search->o.config, OPT_search_cache);
	if (r == 0)
		r = is_fresh ? judge_again(k, &f, &said, now) : ask(k, &f, &said, now);
	else
		seeker_close(k, now, now + NS_PER_S);
	facts_clear(&f);
	return r;
}
