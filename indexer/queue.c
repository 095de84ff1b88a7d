/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"

/** Part of a queue that was full which must be empty before it takes more: what comes is soon there, what goes too. */
enum { ROOM = 8 };

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	void **item;
	size_t limit, first, count;
	/** It was full, and has not room for some yet: who wakes for one item's room sleeps again at once. */
	bool is_full;
	bool is_finished, is_refused;
};

struct queue *queue_new(size_t limit)
{
	struct queue *q = calloc(1, sizeof *q);
	if (!q)
		return NULL;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, &attr);
	pthread_condattr_destroy(&attr);
	q->limit = limit;
	q->item = calloc(limit, sizeof *q->item);
	if (!q->item) {
		queue_free(q, NULL);
		return NULL;
	}
	return q;
}

void queue_free(struct queue *q, void (*drop)(void *item))
{
	if (!q)
		return;
	for (size_t i = 0; i < q->count && drop; i++)
		drop(q->item[(q->first + i) % q->limit]);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	free(q->item);
	free(q);
}

static struct timespec deadline_in(int ms)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000L;
	if (ts.tv_nsec >= 1000000000L) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000L;
	}
	return ts;
}

/** Under the lock. */
static int add(struct queue *q, void *item)
{
	if (q->is_refused || q->is_finished)
		return -EPIPE;
	q->item[(q->first + q->count++) % q->limit] = item;
	/* only make_room() ends that: it wakes those who wait for it */
	if (q->count == q->limit)
		q->is_full = true;
	/* only an empty queue has a sleeping consumer */
	if (q->count == 1)
		pthread_cond_broadcast(&q->changed);
	return 0;
}

/** Under the lock. */
static void make_room(struct queue *q)
{
	if (!q->is_full || q->count > q->limit - q->limit / ROOM)
		return;
	q->is_full = false;
	pthread_cond_broadcast(&q->changed);
}

int queue_put(struct queue *q, void *item)
{
	LOCKED(&q->lock);
	while (q->is_full && !q->is_refused)
		pthread_cond_wait(&q->changed, &q->lock);
	return add(q, item);
}

int queue_offer(struct queue *q, void *item, int timeout_ms)
{
	struct timespec end = deadline_in(timeout_ms);
	LOCKED(&q->lock);
	while (q->is_full && !q->is_refused)
		if (pthread_cond_timedwait(&q->changed, &q->lock, &end) == ETIMEDOUT)
			break;
	return q->count == q->limit && !q->is_refused ? -EAGAIN : add(q, item);
}

int queue_take(struct queue *q, void **item, int timeout_ms)
{
	struct timespec end = {0};
	LOCKED(&q->lock);
	while (!q->count) {
		if (q->is_finished)
			return -EPIPE;
		/* who finds something at once has no use for a clock */
		if (timeout_ms >= 0 && !end.tv_sec)
			end = deadline_in(timeout_ms);
		if (timeout_ms < 0)
			pthread_cond_wait(&q->changed, &q->lock);
		else if (pthread_cond_timedwait(&q->changed, &q->lock, &end) == ETIMEDOUT)
			if (!q->count)
				return -EAGAIN;
	}
	*item = q->item[q->first];
	q->first = (q->first + 1) % q->limit;
	q->count--;
	make_room(q);
	return 0;
}

void queue_sift(struct queue *q, bool (*keep)(void *arg, void *item), void *arg)
{
	LOCKED(&q->lock);
	size_t kept = 0;
	for (size_t i = 0; i < q->count; i++) {
		void *item = q->item[(q->first + i) % q->limit];
		if (keep(arg, item))
			q->item[(q->first + kept++) % q->limit] = item;
	}
	q->count = kept;
	make_room(q);
}

void queue_finish(struct queue *q)
{
	LOCKED(&q->lock);
	q->is_finished = true;
	pthread_cond_broadcast(&q->changed);
}

void queue_refuse(struct queue *q)
{
	LOCKED(&q->lock);
	q->is_refused = true;
	pthread_cond_broadcast(&q->changed);
}

size_t queue_length(struct queue *q)
{
	LOCKED(&q->lock);
	return q->count;
}
