/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/load/waiter.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"

enum { CALL_TIMEOUT_S = 10 };

/** Somebody who waits for a change; freed by whoever leaves last. */
struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t done;
	/* protected by lock: */
	bool is_done, is_left;
	int result;
	int64_t row;
};

struct waiter *waiter_new(void)
{
	struct waiter *w = calloc(1, sizeof *w);
	pthread_condattr_t attr;
	if (!w)
		return NULL;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->done, &attr);
	pthread_condattr_destroy(&attr);
	return w;
}

void waiter_free(struct waiter *w)
{
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void waiter_finish(struct waiter *w, int result, int64_t row)
{
	if (!w)
		return;
	bool is_left;
	{
		LOCKED(&w->lock);
		w->is_done = true;
		w->result = result;
		w->row = row;
		is_left = w->is_left;
		pthread_cond_signal(&w->done);
	}
	if (is_left)
		waiter_free(w);
}

int waiter_wait(struct waiter *w, int64_t *row)
{
	struct timespec end;
	int result = -ETIMEDOUT;
	bool is_done;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += CALL_TIMEOUT_S;
	{
		LOCKED(&w->lock);
		while (!w->is_done && pthread_cond_timedwait(&w->done, &w->lock, &end) != ETIMEDOUT)
			continue;
		is_done = w->is_done;
		if (is_done) {
			result = w->result;
			*row = w->row;
		}
		w->is_left = true;
	}
	if (is_done)
		waiter_free(w);
	return result;
}
