/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/metrics_log.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/append.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/render.h"
#include "common/thread.h"

enum { PATIENCE_S = 2 };

struct metrics_log {
	struct buf path;
	int64_t size;
	int keep;
	struct thread thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* under lock: */
	struct gauges next;
	bool has_next, is_ending, has_ended;
	/* only the thread: */
	bool has_complained;
};

static void add_line(struct buf *out, const struct gauges *g)
{
	struct json j;
	json_init(&j, out, 0);
	json_object(&j);
	json_kv_time(&j, "at", g->at);
	for (int i = 0; i < GAUGE_COUNT; i++)
		if (!isnan(g->value[i]))
			json_kv_real(&j, GAUGES_TABLE[i].key, g->value[i], GAUGES_TABLE[i].decimals);
	json_end_object(&j);
	buf_addc(out, '\n');
}

static void write_line(struct metrics_log *l, const struct gauges *g)
{
	_buf_ struct buf line = BUF_INIT(1 << 16);
	add_line(&line, g);
	int r = buf_error(&line);
	if (r == 0)
		r = append_lines(buf_str(&l->path), buf_str(&line), line.len, l->size, l->keep);
	if (r < 0 && !l->has_complained)
		log_warning("metrics cannot be written to %s: %s; lines are left out until they can", buf_str(&l->path),
			    strerror(-r));
	if (r == 0 && l->has_complained)
		log_info("metrics are written to %s again", buf_str(&l->path));
	l->has_complained = r < 0;
}

/** The next one, when there is one; false at the end. */
static bool take_next(struct metrics_log *l, struct gauges *g)
{
	pthread_mutex_lock(&l->lock);
	while (!l->has_next && !l->is_ending)
		pthread_cond_wait(&l->wake, &l->lock);
	bool is_there = l->has_next;
	*g = l->next;
	pthread_mutex_unlock(&l->lock);
	return is_there;
}

/** Only now there is room for another one. */
static void end_next(struct metrics_log *l)
{
	pthread_mutex_lock(&l->lock);
	l->has_next = false;
	pthread_mutex_unlock(&l->lock);
}

static void *run(void *arg)
{
	struct metrics_log *l = arg;
	struct gauges g;
	while (take_next(l, &g)) {
		write_line(l, &g);
		end_next(l);
	}
	pthread_mutex_lock(&l->lock);
	l->has_ended = true;
	pthread_cond_broadcast(&l->wake);
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

int metrics_log_new(const struct metrics_log_options *options, const char *state_dir, struct metrics_log **out)
{
	*out = NULL;
	if (!*options->path)
		return 0;
	struct metrics_log *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->path = BUF_INIT(8192);
	if (!strchr(options->path, '/'))
		buf_addf(&l->path, "%s/", state_dir);
	buf_adds(&l->path, options->path);
	l->size = options->size;
	l->keep = options->keep;
	pthread_mutex_init(&l->lock, NULL);
	thread_cond_init(&l->wake);
	int r = buf_error(&l->path);
	if (r == 0)
		r = thread_start(&l->thread, "metrics log", run, l);
	if (r < 0) {
		metrics_log_free(l);
		return r;
	}
	*out = l;
	return 0;
}

void metrics_log_put(struct metrics_log *l, const struct gauges *g)
{
	pthread_mutex_lock(&l->lock);
	if (!l->has_next) {
		l->next = *g;
		l->has_next = true;
		pthread_cond_broadcast(&l->wake);
	}
	pthread_mutex_unlock(&l->lock);
}

/** Whether its thread came to its end. */
static bool wait_for_end(struct metrics_log *l)
{
	int64_t until = mono_ns() + PATIENCE_S * NS_PER_S;
	const struct timespec deadline = {until / NS_PER_S, until % NS_PER_S};
	pthread_mutex_lock(&l->lock);
	l->is_ending = true;
	pthread_cond_broadcast(&l->wake);
	while (!l->has_ended && pthread_cond_timedwait(&l->wake, &l->lock, &deadline) != ETIMEDOUT)
		;
	bool has_ended = l->has_ended;
	pthread_mutex_unlock(&l->lock);
	return has_ended;
}

void metrics_log_free(struct metrics_log *l)
{
	if (!l)
		return;
	if (l->thread.is_started && !wait_for_end(l)) {
		log_warning("the disk of %s does not answer: it is left alone", buf_str(&l->path));
		pthread_detach(l->thread.id);
		return;
	}
	thread_join(&l->thread);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	buf_clear(&l->path);
	free(l);
}
