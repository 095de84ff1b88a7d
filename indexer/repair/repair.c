/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/repair/repair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_private.h"
#include "indexer/repair/repair_scan.h"
#include "indexer/repair/repair_undo.h"

enum {
	LOOK_S = 300,
	/** What was found out could not be kept: nobody is asked before that can have changed. */
	UNKEPT_S = 60,
	WORDS_MAX = 1 << 16,
};

static const struct provider *const all_providers[] = {
#define X(name) &provider_##name,
	PROVIDERS(X)
#undef X
	NULL,
};

/* --- orders that outlive a crash --- */

static const char *const want_kinds[WANT_COUNT] = {
	[WANT_QUICK] = "order quick", [WANT_FULL] = "order full",   [WANT_LINKS] = "order symlinks",
	[WANT_PLAN] = "order plan",   [WANT_UNDO] = "order undo",
};

int repair_keep_want(struct repair *r, enum repair_want what, const char *words)
{
	struct store_torrent_scan row = {.kind = want_kinds[what], .state = words ? "ordered" : "idle",
					 .error = words ? words : "", .total = -1, .started_at = repair_now(r)};
	return repairs_scan(r->o.writer, &row);
}

static int take_want(void *arg, const struct store_torrent_scan *row)
{
	struct repair *r = arg;
	if (strcmp(row->kind, "account") == 0 && strcmp(row->state, "stopped") == 0)
		for (size_t i = 0; i < r->providers.len; i++) {
			r->providers.data[i].is_stopped = true;
			snprintf(r->providers.data[i].reason, WHY, "%s", row->error);
		}
	for (int i = 0; i < WANT_COUNT; i++)
		if (strcmp(row->kind, want_kinds[i]) == 0 && strcmp(row->state, "ordered") == 0) {
			r->wants[i] = true;
			if (i == WANT_UNDO)
				buf_adds(&r->undo_words, row->error);
		}
	return 0;
}

/** What was ordered and not begun when we ended, and whether the account had stopped us. */
static void take_up(struct repair *r)
{
	LOCKED(&r->lock);
	store_torrent_scan(r->store, "account", take_want, r);
	for (int i = 0; i < WANT_COUNT; i++)
		store_torrent_scan(r->store, want_kinds[i], take_want, r);
}

/* --- what is next --- */

static bool was_wanted(struct repair *r, enum repair_want what, struct buf *words)
{
	LOCKED(&r->lock);
	bool wanted = r->wants[what];
	r->wants[what] = false;
	if (wanted && words) {
		buf_adds(words, buf_str(&r->undo_words));
		buf_reset(&r->undo_words);
	}
	return wanted;
}

/** @left: what is not done yet; what was ordered meanwhile comes after it. */
static void undo_later(struct repair *r, struct buf *left)
{
	{
		LOCKED(&r->lock);
		if (!left->len && r->wants[WANT_UNDO])
			return;
		buf_adds(left, buf_str(&r->undo_words));
		buf_reset(&r->undo_words);
		buf_adds(&r->undo_words, buf_str(left));
		r->wants[WANT_UNDO] = left->len > 0;
	}
	r->unkept_at = left->len ? repair_now(r) : r->unkept_at;
	repair_keep_want(r, WANT_UNDO, left->len ? buf_str(left) : NULL);
}

static void undo(struct repair *r)
{
	_buf_ struct buf words = BUF_INIT(WORDS_MAX), answer = BUF_INIT(4096);
	if (repair_is_dry(r) || !was_wanted(r, WANT_UNDO, &words))
		return;
	_buf_ struct buf left = BUF_INIT(WORDS_MAX);
	char *next = words.data;
	for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
		buf_reset(&answer);
		int error = *line ? undo_run(r, line, &answer) : 0;
		if (error)
			log_warning("undo %s: %s", line, buf_str(&answer));
		/* stopped in the middle, or the store or a disk did not answer: the rest is done when they do */
		if (error == EINTR || error == EAGAIN || error == EIO || error == ENOSPC)
			buf_addf(&left, "%s\n", line);
	}
	undo_later(r, &left);
	if (r->o.look_at_links)
		r->o.look_at_links(r->o.arg);
}

static int start_plan(struct repair *r)
{
	if (r->planner || !was_wanted(r, WANT_PLAN, NULL))
		return 0;
	if (plan_begin(r, false) < 0) {
		r->unkept_at = repair_now(r);
		LOCKED(&r->lock);
		r->wants[WANT_PLAN] = true;
	}
	return 1;
}

/** What scans found is mended by itself, where that was chosen. */
static int start_automatic(struct repair *r)
{
	if (!r->has_scanned)
		return 0;
	r->has_scanned = false;
	if (!config_int(r->o.config, OPT_repair_auto) || repair_is_dry(r) || r->planner)
		return 0;
	return plan_begin(r, true) == 0;
}

static int scan(struct repair *r, int64_t *at)
{
	struct scan_wants wanted = {was_wanted(r, WANT_QUICK, NULL), was_wanted(r, WANT_FULL, NULL), was_wanted(r, WANT_LINKS, NULL)};
	int did = torrents_step(r, &wanted, at);
	if (wanted.quick)
		repair_keep_want(r, WANT_QUICK, NULL);
	if (wanted.full)
		repair_keep_want(r, WANT_FULL, NULL);
	if (wanted.links)
		repair_keep_want(r, WANT_LINKS, NULL);
	return did;
}

static const struct {
	int (*run)(struct repair *r, int64_t *at);
} parts[] = {{insert_step}, {apply_step}, {plan_step}, {scan}, {tell_step}};

static bool is_unkept(struct repair *r, int64_t now)
{
	if (r->unkept_at && now >= r->unkept_at && now < r->unkept_at + UNKEPT_S * NS_PER_S)
		return true;
	r->unkept_at = 0;
	return writer_error(r->o.writer) != 0;
}

static void begin_step(struct repair *r)
{
	bool goes_on;
	if (!r->is_recovered) {
		r->is_recovered = true;
		repair_health_begin(r);
		take_up(r);
	}
	{
		LOCKED(&r->lock);
		goes_on = r->goes_on;
		r->goes_on = false;
	}
	if (goes_on)
		repair_let_go_on(r);
}

int repair_step(struct repair *r, int64_t *next_at)
{
	int64_t now = repair_now(r);
	*next_at = now + LOOK_S * NS_PER_S;
	if (!r->store && store_open_reader(r->o.state_dir, &r->store) < 0)
		return 0;
	if (is_unkept(r, now)) {
		*next_at = now + UNKEPT_S * NS_PER_S;
		return 0;
	}
	begin_step(r);
	if (undo_recover(r) < 0)
		return 0;
	undo(r);
	if (start_plan(r) || start_automatic(r))
		return 1;
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		int64_t at = 0;
		if (parts[i].run(r, &at) > 0)
			return 1;
		if (at > 0 && at < *next_at)
			*next_at = at;
	}
	return 0;
}

/* --- the thread --- */

static bool rest(struct repair *r, unsigned *seen, int64_t ns)
{
	int64_t end = mono_ns() + (ns > 0 ? ns : 0);
	struct timespec until = {end / NS_PER_S, end % NS_PER_S};
	LOCKED(&r->lock);
	int error = 0;
	while (!r->is_ending && error == 0 && (r->is_paused || *seen == r->pokes))
		error = r->is_paused ? pthread_cond_wait(&r->changed, &r->lock)
				     : pthread_cond_timedwait(&r->changed, &r->lock, &until);
	*seen = r->pokes;
	return !r->is_ending;
}

static void *run(void *arg)
{
	struct repair *r = arg;
	unsigned seen = 0;
	int64_t next_at, wait = 0;
	while (rest(r, &seen, wait)) {
		int did = repair_step(r, &next_at);
		wait = did ? 0 : next_at - repair_now(r);
	}
	return NULL;
}

static int open_provider(struct repair *r, const struct provider *provider)
{
	struct outside outside = {r->o.config, r->o.net};
	void *state = NULL;
	char why[WHY] = "";
	int error = provider->open(&outside, &state, why);
	if (error < 0)
		log_error("%s cannot be used: %s", provider->name, *why ? why : strerror(-error));
	if (error < 0 || !state)
		return 0;
	struct open_provider *p = vec_add(&r->providers);
	if (!p) {
		provider->close(state);
		return -ENOMEM;
	}
	*p = (struct open_provider){.provider = provider, .state = state};
	return 0;
}

static int open_all(struct repair *r)
{
	const struct provider *const *provider = r->o.providers ? r->o.providers : all_providers;
	struct outside outside = {r->o.config, r->o.net};
	char why[WHY] = "";
	int error = 0;
	for (; *provider && error == 0; provider++)
		error = open_provider(r, *provider);
	if (error == 0 && places_new(r->o.config, &r->places, why) < 0)
		log_error("links are not mended: %s", why);
	if (error == 0 && managers_new(&outside, &r->managers, why) < 0)
		log_error("%s", why);
	return error ? error : looker_new(1, &r->looker);
}

int repair_new(const struct repair_options *options, struct repair **out)
{
	struct repair *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->o = *options;
	r->undo_words = BUF_INIT(WORDS_MAX);
	pthread_mutex_init(&r->lock, NULL);
	thread_cond_init(&r->changed);
	int error = open_all(r);
	if (error < 0) {
		repair_free(r);
		return error;
	}
	*out = r;
	return 0;
}

int repair_start(struct repair *r)
{
	return thread_start(&r->thread, "repair", run, r);
}

void repair_poke(struct repair *r)
{
	LOCKED(&r->lock);
	r->pokes++;
	pthread_cond_signal(&r->changed);
}

int repair_pause(struct repair *r, bool paused)
{
	LOCKED(&r->lock);
	if (r->is_paused == paused)
		return -EBUSY;
	r->is_paused = paused;
	pthread_cond_signal(&r->changed);
	return 0;
}

int repair_cancel(struct repair *r)
{
	atomic_store(&r->is_cancelled, true);
	repair_poke(r);
	return 0;
}

void repair_free(struct repair *r)
{
	if (!r)
		return;
	{
		LOCKED(&r->lock);
		r->is_ending = true;
		pthread_cond_signal(&r->changed);
	}
	if (r->looker)
		looker_cancel(r->looker);
	thread_join(&r->thread);
	plan_drop(r);
	scan_drop(r);
	for (size_t i = 0; i < r->providers.len; i++)
		r->providers.data[i].provider->close(r->providers.data[i].state);
	vec_clear(&r->providers);
	for (size_t i = 0; i < r->hands.len; i++) {
		free(r->hands.data[i].root);
		hand_free(r->hands.data[i].hand);
	}
	vec_clear(&r->hands);
	repair_forget_asked(r, NULL);
	places_free(r->places);
	managers_free(r->managers);
	looker_free(r->looker);
	buf_clear(&r->undo_words);
	store_close(r->store);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
