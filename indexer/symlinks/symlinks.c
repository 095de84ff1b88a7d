/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/symlinks/symlinks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/symlinks/symlinks_private.h"

enum {
	THREADS = 2,
	/** Changes below a root are looked at when the last look is so long ago. */
	POKE_S = 10,
	/** A mount that is not healthy is asked again then, and a look that failed is tried again. */
	ILL_S = 300,
	/** A look may begin that much later than its interval; and of looks that a person orders. */
	SLACK_S = 3600,
	CREDIT_S = 12 * 3600,
};

/* --- one look --- */

/** Whether a look may begin; it is for all that was ordered so far. */
static bool begin(struct symlinks *s, bool *full)
{
	LOCKED(&s->lock);
	if (s->is_running)
		return false;
	s->is_running = true;
	s->is_poked = false;
	s->running_number = s->ordered;
	*full = *full || s->is_full;
	s->is_full = false;
	atomic_store(&s->is_cancelled, s->is_ending);
	atomic_store(&s->done, 0);
	atomic_store(&s->total, 0);
	return true;
}

/** One that was cancelled by a pause, or that a release overtook, is not done: it begins again. */
static void end(struct symlinks *s, int r, bool full, const char *result)
{
	LOCKED(&s->lock);
	s->is_running = false;
	s->ended_at = mono_ns();
	if (r == -EAGAIN || (r == -ECANCELED && s->is_paused)) {
		s->is_full = s->is_full || full;
		s->is_poked = true;
		s->ended_at -= POKE_S * NS_PER_S;
		return;
	}
	s->done_number = s->running_number;
	s->ended_done = atomic_load(&s->done);
	s->ended_total = atomic_load(&s->total);
	snprintf(s->result, sizeof s->result, "%s", result);
}

int symlinks_look(struct symlinks *s, bool full)
{
	char result[160] = "";
	if (!begin(s, &full))
		return -EBUSY;
	int r = look_at_all(s, full, result);
	if (r < 0 && r != -ECANCELED && r != -EAGAIN)
		log_warning("links: the look failed: %s", strerror(-r));
	else
		log_debug("links: %s", result);
	end(s, r, full, result);
	return r;
}

/* --- the thread --- */

/** When the next look is due (mono), INT64_MAX: only when it is ordered.  With the lock. */
static int64_t due_at(const struct symlinks *s, int64_t next_at)
{
	if (s->is_paused)
		return INT64_MAX;
	if (s->ordered != s->done_number)
		return 0;
	int64_t poke = s->is_poked ? s->ended_at + POKE_S * NS_PER_S : INT64_MAX;
	return poke < next_at ? poke : next_at;
}

/** Waits until a look is due; false at the end. */
static bool rest(struct symlinks *s, int64_t next_at)
{
	LOCKED(&s->lock);
	while (!s->is_ending) {
		int64_t due = due_at(s, next_at);
		if (due <= mono_ns())
			return true;
		struct timespec until = {due / NS_PER_S, due % NS_PER_S};
		if (due == INT64_MAX)
			pthread_cond_wait(&s->changed, &s->lock);
		else
			pthread_cond_timedwait(&s->changed, &s->lock, &until);
	}
	return false;
}

static void *run(void *arg)
{
	struct symlinks *s = arg;
	int64_t next_at = 0;
	while (rest(s, next_at)) {
		int64_t interval = config_int(s->o.config, OPT_symlinks_interval);
		int r = symlinks_look(s, false);
		bool ill = (r < 0 && r != -ECANCELED) || !s->is_healthy;
		if (ill && interval > ILL_S * NS_PER_S)
			interval = ILL_S * NS_PER_S;
		next_at = interval ? mono_ns() + interval : INT64_MAX;
	}
	return NULL;
}

/* --- public --- */

/** What lies between two looks; more than that may be the clock's doing. */
static int64_t credit_of(int64_t interval)
{
	return interval ? interval + SLACK_S * NS_PER_S : CREDIT_S * NS_PER_S;
}

int symlinks_new(const struct symlinks_options *options, struct symlinks **out)
{
	char why[256] = "";
	struct symlinks *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->o = *options;
	pthread_mutex_init(&s->lock, NULL);
	thread_cond_init(&s->changed);
	s->rules = (struct link_rules){
		.sightings = config_int(options->config, OPT_symlinks_sightings),
		.span = config_int(options->config, OPT_symlinks_span),
		.apart = config_int(options->config, OPT_symlinks_apart),
		.credit = credit_of(config_int(options->config, OPT_symlinks_interval)),
	};
	int r = places_new(options->config, &s->places, why);
	if (r < 0)
		log_error("links cannot be looked at: %s", *why ? why : strerror(-r));
	if (r == 0)
		r = looker_new(THREADS, &s->looker);
	if (r < 0) {
		symlinks_free(s);
		return r;
	}
	*out = s;
	return 0;
}

int symlinks_start(struct symlinks *s)
{
	return thread_start(&s->thread, "symlinks", run, s);
}

void symlinks_free(struct symlinks *s)
{
	if (!s)
		return;
	{
		LOCKED(&s->lock);
		s->is_ending = true;
		atomic_store(&s->is_cancelled, true);
		pthread_cond_broadcast(&s->changed);
	}
	if (s->looker)
		looker_cancel(s->looker);
	thread_join(&s->thread);
	looker_free(s->looker);
	places_free(s->places);
	store_close(s->store);
	vec_clear(&s->memory);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

uint64_t symlinks_scan(struct symlinks *s, bool full)
{
	LOCKED(&s->lock);
	s->is_full = s->is_full || full;
	s->ordered++;
	pthread_cond_broadcast(&s->changed);
	return s->ordered;
}

void symlinks_poke(struct symlinks *s)
{
	LOCKED(&s->lock);
	s->is_poked = true;
	pthread_cond_broadcast(&s->changed);
}

/** Ends the running look.  With the lock. */
static void stop_running(struct symlinks *s)
{
	if (!s->is_running)
		return;
	atomic_store(&s->is_cancelled, true);
	looker_cancel(s->looker);
}

void symlinks_cancel(struct symlinks *s)
{
	LOCKED(&s->lock);
	stop_running(s);
	if (!s->is_running && s->ordered != s->done_number) {
		s->done_number = s->ordered;
		snprintf(s->result, sizeof s->result, "cancelled");
	}
}

void symlinks_pause(struct symlinks *s, bool paused)
{
	LOCKED(&s->lock);
	s->is_paused = paused;
	if (paused)
		stop_running(s);
	pthread_cond_broadcast(&s->changed);
}

void symlinks_progress(struct symlinks *s, uint64_t number, struct symlinks_progress *out)
{
	LOCKED(&s->lock);
	*out = (struct symlinks_progress){.is_done = s->done_number >= number};
	if (out->is_done) {
		out->done = s->ended_done;
		out->total = s->ended_total;
		snprintf(out->result, sizeof out->result, "%s", s->result);
	} else if (s->is_running && s->running_number >= number) {
		out->done = atomic_load(&s->done);
		out->total = atomic_load(&s->total);
	}
}

/* --- holds --- */

struct wanted_hold {
	const char *name;
	int64_t root, count;
};

static int match_hold(void *arg, const struct store_link_hold *row)
{
	struct wanted_hold *w = arg;
	if (strcmp(w->name, row->name) != 0)
		return 0;
	w->root = row->root;
	w->count = row->count;
	return 1;
}

/** What is not there any more may be forgotten by the next look. */
static void forgive(struct symlinks *s, int64_t root)
{
	LOCKED(&s->lock);
	for (size_t i = 0; i < s->memory.len; i++)
		if (s->memory.data[i].id == root && s->memory.data[i].kept)
			s->memory.data[i].forgives = true;
	s->is_poked = true;
	s->ended_at -= POKE_S * NS_PER_S;
	pthread_cond_broadcast(&s->changed);
}

int symlinks_accept_loss(struct symlinks *s, const char *name, int64_t count, bool act)
{
	struct wanted_hold w = {.name = name};
	struct store *reader = NULL;
	struct sights *sights = NULL;
	int r = store_open_reader(s->o.state_dir, &reader);
	if (r == 0)
		r = store_link_holds(reader, match_hold, &w);
	store_close(reader);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	if (w.count != count)
		return -EINVAL;
	if (!act)
		return 0;
	/* a look that goes on judges nothing any more with what it knew before */
	atomic_fetch_add(&s->releases, 1);
	r = sights_new(s->o.writer, &sights);
	if (r == 0)
		r = sights_release(sights, w.root, s->o.now ? s->o.now(s->o.arg) : now_ns());
	if (r == 0)
		r = sights_end(sights);
	sights_free(sights);
	if (r == 0)
		forgive(s, w.root);
	return r;
}
