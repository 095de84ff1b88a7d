/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/sampler.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/seconds.h"
#include "common/thread.h"
#include "indexer/load/samples.h"
#include "indexer/metrics_log.h"

enum {
	/** Minutes that wait for a store that cannot be written. */
	WAITING = 120,
	/** Minutes that are written at once. */
	BATCH = 10,
};

struct sampler {
	char *state_dir;
	int64_t keep[SAMPLE_STEPS];
	const struct live_page *live;
	struct writer *writer;
	/** NULL: none is wanted. */
	struct metrics_log *log;
	int64_t log_interval, prowlarr_day;
	struct thread thread;
	/** Readable when the end has come. */
	int end;
	/* only the thread: */
	struct store *store;
	int seconds;
	bool has_complained;
	/** The second that was measured last; the minute that is being collected, -1 none; the last line's time. */
	int64_t second, minute, line;
	struct gauge_mean mean;
	struct gauges now;
	struct gauges waiting[WAITING];
	size_t count;
	/** The ten minutes that were being collected when writing was last tried. */
	int64_t tenth;
};

/* --- measuring --- */

static void measure(struct sampler *m, int64_t now)
{
	struct live_values live;
	live_read(m->live, &live);
	if (!m->store)
		store_open_reader(m->state_dir, &m->store);
	if (m->store && store_begin_read(m->store) < 0) {
		gauges_read(&m->now, NULL, &live, now);
		return;
	}
	gauges_read(&m->now, m->store, &live, now);
	gauges_set_budgets(&m->now, m->prowlarr_day);
	if (m->store)
		store_end(m->store);
}

static unsigned places(const struct sampler *m)
{
	int64_t n = m->keep[SAMPLE_SECOND] / NS_PER_S;
	return n > SECONDS_MOST ? SECONDS_MOST : (unsigned)n;
}

static void keep_second(struct sampler *m)
{
	if (!places(m))
		return;
	/* a disk that was full when it was to be made */
	if (m->seconds < 0)
		m->seconds = seconds_open(m->state_dir, places(m));
	int r = m->seconds < 0 ? m->seconds : seconds_put(m->seconds, places(m), &m->now);
	if (r < 0 && !m->has_complained)
		log_warning("seconds cannot be kept in %s/" SECONDS_FILE ": %s; they are gaps until they can", m->state_dir,
			    strerror(-r));
	m->has_complained = r < 0;
}

/* --- minutes --- */

static void end_minute(struct sampler *m)
{
	if (!m->mean.count || !m->keep[SAMPLE_MINUTE])
		return;
	if (m->count == WAITING) {
		memmove(m->waiting, m->waiting + 1, (WAITING - 1) * sizeof *m->waiting);
		m->count--;
	}
	gauge_mean_end(&m->mean, m->minute * SAMPLE_STEP_NS[SAMPLE_MINUTE], &m->waiting[m->count++]);
	m->mean = (struct gauge_mean){0};
}

/** What could not be written waits for the next time. */
static void write_minutes(struct sampler *m, int64_t now)
{
	const struct samples_kept kept = {m->keep[SAMPLE_MINUTE] / SAMPLE_STEP_NS[SAMPLE_MINUTE],
					  m->keep[SAMPLE_HOUR] / SAMPLE_STEP_NS[SAMPLE_HOUR]};
	if (m->count && samples_put(m->writer, m->waiting, m->count, &kept, now) == 0)
		m->count = 0;
}

static void add_now(struct sampler *m, int64_t now)
{
	measure(m, now);
	gauge_mean_add(&m->mean, m->now.value);
}

static void begin_minute(struct sampler *m, int64_t now, int64_t minute)
{
	/* as it was at its end; after a sleep, or when the clock was set, nobody knows */
	if (m->minute >= 0 && minute == m->minute + 1)
		add_now(m, now);
	end_minute(m);
	m->minute = minute;
	if (minute / BATCH != m->tenth)
		write_minutes(m, now);
	m->tenth = minute / BATCH;
}

int64_t sampler_tick(struct sampler *m, int64_t now)
{
	int64_t second = now / NS_PER_S, minute = now / SAMPLE_STEP_NS[SAMPLE_MINUTE];
	bool is_running = atomic_load(&m->live->job) && !atomic_load(&m->live->job_paused);
	if (minute != m->minute)
		begin_minute(m, now, minute);
	if (is_running && second != m->second) {
		add_now(m, now);
		keep_second(m);
	}
	m->second = second;
	if (m->log && now / m->log_interval != m->line) {
		m->line = now / m->log_interval;
		measure(m, now);
		metrics_log_put(m->log, &m->now);
	}
	return NS_PER_S - now % NS_PER_S;
}

void sampler_end(struct sampler *m, int64_t now)
{
	int64_t ago = now / SAMPLE_STEP_NS[SAMPLE_MINUTE] - m->minute;
	if (m->minute >= 0 && (ago == 0 || ago == 1))
		add_now(m, now);
	end_minute(m);
	m->minute = -1;
	write_minutes(m, now);
}

/* --- the thread --- */

static void *run(void *arg)
{
	struct sampler *m = arg;
	struct pollfd fd = {m->end, POLLIN, 0};
	int64_t wait;
	do
		wait = sampler_tick(m, now_ns());
	while (poll(&fd, 1, (int)(wait / NS_PER_MS) + 1) <= 0);
	return NULL;
}

int sampler_make(const struct sampler_options *options, struct sampler **out)
{
	*out = NULL;
	if (!options->keep[SAMPLE_SECOND] && !options->keep[SAMPLE_MINUTE] && !*options->log.path)
		return 0;
	struct sampler *m = calloc(1, sizeof *m);
	if (!m)
		return -ENOMEM;
	m->seconds = -1;
	m->state_dir = strdup(options->state_dir);
	memcpy(m->keep, options->keep, sizeof m->keep);
	m->live = options->live;
	m->writer = options->writer;
	m->second = m->minute = m->line = -1;
	m->log_interval = options->log.interval;
	m->prowlarr_day = options->prowlarr_day;
	m->end = eventfd(0, EFD_CLOEXEC);
	if (!m->state_dir || m->end < 0) {
		sampler_free(m);
		return -ENOMEM;
	}
	m->seconds = seconds_open(m->state_dir, places(m));
	int r = metrics_log_new(&options->log, options->state_dir, &m->log);
	if (r < 0) {
		sampler_free(m);
		return r;
	}
	*out = m;
	return 0;
}

int sampler_new(const struct sampler_options *options, struct sampler **out)
{
	int r = sampler_make(options, out);
	if (r < 0 || !*out)
		return r;
	r = thread_start(&(*out)->thread, "sampler", run, *out);
	if (r < 0)
		sampler_free(take(*out));
	return r;
}

void sampler_free(struct sampler *m)
{
	uint64_t one = 1;
	if (!m)
		return;
	if (m->end >= 0 && write(m->end, &one, sizeof one) < 0)
		log_debug("the sampler's thread is awake already");
	if (m->thread.is_started) {
		thread_join(&m->thread);
		sampler_end(m, now_ns());
	}
	metrics_log_free(m->log);
	store_close(m->store);
	if (m->seconds >= 0)
		close(m->seconds);
	if (m->end >= 0)
		close(m->end);
	free(m->state_dir);
	free(m);
}
