/* SPDX-License-Identifier: GPL-3.0-or-later */
/** control/search, grab, refresh, dry-run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/render.h"
#include "common/text.h"
#include "indexer/pipeline_find_private.h"

static void quote(struct buf *out, const char *word, size_t n)
{
	buf_addc(out, '"');
	text_escape(word, text_cut(word, n, 120), out);
	buf_addc(out, '"');
}

int finder_series(struct finder *f, const char *name, size_t n, int64_t *id)
{
	_free_ char *text = strndup(name, n);
	if (!text)
		return -ENOMEM;
	int r = store_series_find(f->store, text, id);
	return r == -ENOENT ? store_series_titled(f->store, text, id) : r;
}

static int take_key(void *arg, const char *key, const char *title, const char *shown)
{
	(void)title, (void)shown;
	*(char **)arg = strdup(key);
	return 0;
}

char *finder_key(struct finder *f, int64_t series)
{
	char *key = NULL;
	store_series_key(f->store, series, take_key, &key);
	return key;
}

static int no_series(struct buf *answer, const char *name, size_t n)
{
	quote(answer, name, n);
	buf_adds(answer, " is no series of the library");
	return ENOENT;
}

/** A whole number that is all of @word. */
static bool is_number(const char *word, int64_t *v)
{
	char *end;
	errno = 0;
	*v = strtoll(word, &end, 10);
	return end != word && !*end && !errno && *v >= 0 && *word != '+' && *word != ' ';
}

/* --- search --- */

static int take_one(void *arg, const struct store_missing *m)
{
	*(bool *)arg = true;
	(void)m;
	return 1;
}

static int count_one(void *arg, int64_t volume, const char *kind)
{
	(void)volume, (void)kind;
	++*(int64_t *)arg;
	return 0;
}

/** An order that nothing would come of is no order. */
static int check_wanted(struct finder *f, int64_t series, struct buf *answer)
{
	int64_t n = 0;
	store_wanted(f->store, series, (struct store_flows){true, true}, count_one, &n);
	if (!n)
		buf_adds(answer, "nothing is missing of it that is not handed over already");
	return n ? 0 : ENOENT;
}

/** "Series", or "Series 5": *volume is -1 without. */
static int find_target(struct finder *f, const char *words, int64_t *series, int64_t *volume,
		       struct buf *answer)
{
	const char *space = strrchr(words, ' ');
	bool missing = false;
	*volume = -1;
	if (finder_series(f, words, strlen(words), series) == 0)
		return check_wanted(f, *series, answer);
	if (!space || !is_number(space + 1, volume) ||
	    finder_series(f, words, (size_t)(space - words), series) < 0)
		return no_series(answer, words, strlen(words));
	store_missing_one(f->store, *series, *volume, take_one, &missing);
	if (!missing)
		buf_addf(answer, "volume %lld is not missing", (long long)*volume);
	return missing ? check_wanted(f, *series, answer) : ENOENT;
}

static int order_sources(struct finder *f, const char *key, int *asked)
{
	int r = 0;
	for (size_t i = 0; i < search_count(f->search) && r == 0; i++) {
		if (search_is_authority(f->search, i) || *search_fault(f->search, i))
			continue;
		r = key ? finds_order(f->o.writer, key, search_name(f->search, i), net_now(&f->net))
			: finds_order_due(f->o.writer, search_name(f->search, i),
					  config_int(f->o.config, OPT_monitor_default) != 0,
					  net_now(&f->net));
		++*asked;
	}
	return r;
}

static bool has_sources(struct finder *f)
{
	for (size_t i = 0; i < search_count(f->search); i++)
		if (!search_is_authority(f->search, i) && !*search_fault(f->search, i))
			return true;
	return false;
}

int finder_search(struct finder *f, const char *words, bool act, struct buf *answer)
{
	int64_t series, volume;
	bool due = strcmp(words, "due") == 0;
	int asked = 0, r = due ? 0 : find_target(f, words, &series, &volume, answer);
	if (r)
		return r;
	if (!has_sources(f)) {
		buf_adds(answer, "no source is set up: see ebdz, prowlarr and torznab in the configuration");
		return EPERM;
	}
	if (!act)
		return 0;
	_free_ char *key = due ? NULL : finder_key(f, series);
	r = due || key ? order_sources(f, key, &asked) : -ENOENT;
	if (r < 0) {
		buf_addf(answer, "the order could not be stored: %s", strerror(-r));
		return -r;
	}
	search_poke(f->search);
	buf_addf(answer, "searches at %d source%s, inside their budgets; see metrics/search.json", asked,
		 asked == 1 ? "" : "s");
	return 0;
}

/* --- grab --- */

struct grab_words {
	int64_t result, volume;
};

/** "7" (a request), "result 12", "result 12 5". */
static int parse_grab(struct finder *f, const char *words, struct grab_words *g, struct buf *answer)
{
	int64_t id, handed = 0;
	char rest[64], *space;
	g->volume = -1;
	if (is_number(words, &id)) {
		if (store_request(f->store, id, &g->result, &handed, &g->volume) < 0 || !g->result) {
			buf_addf(answer, "there is no request %lld (see status/requests)", (long long)id);
			return ENOENT;
		}
		return 0;
	}
	if (strncmp(words, "result ", 7) != 0 || strlen(words) >= sizeof rest) {
		quote(answer, words, strlen(words));
		buf_adds(answer, " is no number of status/requests");
		return EINVAL;
	}
	snprintf(rest, sizeof rest, "%s", words + 7);
	space = strchr(rest, ' ');
	if (space)
		*space++ = '\0';
	if (!is_number(rest, &g->result) || (space && !is_number(space, &g->volume))) {
		quote(answer, words, strlen(words));
		buf_adds(answer, " is not understood");
		return EINVAL;
	}
	return 0;
}

struct grabbed {
	enum protocol protocol;
	int verdict;
	char source[32], title[160];
};

static int take_result(void *arg, const struct store_result *x)
{
	struct grabbed *g = arg;
	g->protocol = protocol_of(x->protocol);
	g->verdict = x->verdict;
	snprintf(g->source, sizeof g->source, "%s", x->source);
	snprintf(g->title, sizeof g->title, "%.*s", (int)text_cut(x->title, strlen(x->title), 150), x->title);
	return 0;
}

static int check_grab(struct finder *f, const struct grab_words *w, struct grabbed *g,
		      struct buf *answer)
{
	if (store_result(f->store, w->result, take_result, g) < 0) {
		buf_addf(answer, "there is no result %lld any more", (long long)w->result);
		return ENOENT;
	}
	if (atomic_load(&f->is_dry)) {
		buf_adds(answer, "dry run is on: nothing is handed over; echo off > control/dry-run");
		return EROFS;
	}
	if (g->verdict == 2) {
		buf_adds(answer, "this result was rejected: see its reason in results");
		return EPERM;
	}
	if (!requests_can_take(f->requests, g->protocol, g->source)) {
		buf_addf(answer, "no download client is set up for %s: see qbittorrent, amule, prowlarr and "
				 "blackhole in the configuration", protocol_name(g->protocol));
		return EPERM;
	}
	return 0;
}

static int say_grab(int r, int64_t handed, const struct grabbed *g, struct buf *answer)
{
	if (r == 0) {
		buf_adds(answer, "will be handed over: ");
		text_escape(g->title, strlen(g->title), answer);
		return 0;
	}
	(void)handed;
	if (r == -EEXIST)
		buf_adds(answer, "it was handed over already: see status/requests");
	else if (r == -ESRCH)
		buf_adds(answer, "it holds no volume that is missing");
	else if (r == -ENOENT)
		buf_adds(answer, "there is no such result any more");
	else
		buf_addf(answer, "the order could not be stored: %s", strerror(-r));
	return r == -EEXIST ? EBUSY : r == -ESRCH ? ENOENT : -r;
}

int finder_grab(struct finder *f, const char *words, bool act, struct buf *answer)
{
	struct grab_words w = {0};
	struct grabbed g = {0};
	int64_t handed = 0;
	int r = parse_grab(f, words, &w, answer);
	if (r == 0)
		r = check_grab(f, &w, &g, answer);
	if (r || !act)
		return r;
	struct store_grab grab = {.result = w.result, .volume = w.volume, .now = net_now(&f->net)};
	r = finds_grab(f->o.writer, &grab, &handed);
	requests_poke(f->requests);
	return say_grab(r, handed, &g, answer);
}

/* --- refresh --- */

struct refresh {
	struct finder *f;
	const struct authority *authority;
	const char *source;
	int64_t now, not_before;
	bool act;
	int result;
};

static int64_t interval_of(const struct finder *f, const char *source, const char *status)
{
	static const struct authority *const all[] = {
#define X(name) &authority_##name,
		AUTHORITIES(X)
#undef X
	};
	bool ended = strcmp(status, "finished") == 0 || strcmp(status, "abandoned") == 0;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (strcmp(all[i]->name, source) == 0)
			return config_int(f->o.config, ended ? all[i]->interval_finished : all[i]->interval);
	return 0;
}

static int take_authority(void *arg, const struct store_authority *a)
{
	struct refresh *w = arg;
	struct store_authority row = *a;
	w->not_before = a->asked_at ? a->asked_at + interval_of(w->f, a->source, a->status) : 0;
	/* one whose page was not found is asked again when a page was pinned meanwhile */
	if (a->known != 0)
		w->not_before = 0;
	if (w->not_before > w->now || !w->act)
		return 0;
	row.ordered_at = w->now;
	row.next_at = 0;
	w->result = finds_authority(w->f->o.writer, &row);
	return 0;
}

static int order_refresh(struct refresh *w, const char *key)
{
	int r = store_authority(w->f->store, key, take_authority, w);
	if (r != -ENOENT || !w->act)
		return r == -ENOENT ? 0 : r;
	struct store_authority row = {
		.key = key, .source = w->source, .known = -1, .url = "", .title = "", .aliases = "",
		.status = "", .choices = "", .error = "", .released = -1, .original = -1, .planned = -1,
		.ordered_at = w->now,
	};
	w->result = finds_authority(w->f->o.writer, &row);
	return 0;
}

static const char *first_authority(struct finder *f)
{
	for (size_t i = 0; i < search_count(f->search); i++)
		if (search_is_authority(f->search, i) && !*search_fault(f->search, i))
			return search_name(f->search, i);
	return NULL;
}

int finder_refresh(struct finder *f, const char *words, bool act, struct buf *answer)
{
	int64_t series;
	struct refresh w = {.f = f, .source = first_authority(f), .now = net_now(&f->net), .act = act};
	if (finder_series(f, words, strlen(words), &series) < 0)
		return no_series(answer, words, strlen(words));
	if (!w.source) {
		buf_adds(answer, "no authority is set up: see nautiljon in the configuration");
		return EPERM;
	}
	_free_ char *key = finder_key(f, series);
	int r = key ? order_refresh(&w, key) : -ENOMEM;
	r = r < 0 ? r : w.result;
	if (r < 0) {
		buf_addf(answer, "the order could not be stored: %s", strerror(-r));
		return -r;
	}
	if (w.not_before > w.now) {
		buf_addf(answer, "%s was asked lately: not again before ", w.source);
		time_rfc3339(w.not_before, answer);
		return EBUSY;
	}
	if (act)
		search_poke(f->search);
	buf_addf(answer, "%s will be asked, inside its budget; see status/new", w.source);
	return 0;
}

/* --- dry run --- */

int finder_dry_run(struct finder *f, const char *words, bool act, struct buf *answer)
{
	bool on = strcmp(words, "on") == 0;
	if (!on && strcmp(words, "off") != 0) {
		quote(answer, words, strlen(words));
		buf_adds(answer, " is neither on nor off");
		return EINVAL;
	}
	if (!act)
		return 0;
	int r = finder_remember(f, "dry_run", words);
	if (r < 0) {
		buf_addf(answer, "the order could not be stored: %s", strerror(-r));
		return -r;
	}
	atomic_store(&f->is_dry, on);
	requests_poke(f->requests);
	buf_adds(answer, on ? "dry run is on: nothing outside the index is changed"
			    : "dry run is off: what is ordered is done");
	return 0;
}
