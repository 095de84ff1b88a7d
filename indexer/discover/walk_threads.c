/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which directory comes next, and the threads that take them. */
#include "indexer/discover/walk_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/thread.h"
#include "indexer/frame.h"

/** The next directory, or false when no thread will ever add one. */
static bool next_todo(struct walker *me, struct todo *t)
{
	struct walk *w = me->w;
	LOCKED(&w->lock);
	w->working--;
	while (!w->stack.len && w->working > 0 && !atomic_load(&w->is_stopped)) {
		if (me->frames.len) {
			pthread_mutex_unlock(&w->lock);
			walk_flush(me);
			pthread_mutex_lock(&w->lock);
			continue;
		}
		pthread_cond_wait(&w->changed, &w->lock);
	}
	if (!w->stack.len || atomic_load(&w->is_stopped)) {
		pthread_cond_broadcast(&w->changed);
		return false;
	}
	*t = w->stack.data[--w->stack.len];
	w->working++;
	return true;
}

static void *walker_main(void *arg)
{
	struct walk *w = arg;
	struct walker *me = calloc(1, sizeof *me);
	if (!me)
		return NULL;
	me->w = w;
	me->since = &w->since[atomic_fetch_add(&w->next_walker, 1) % THREADS];
	me->frames = BUF_INIT(FRAME_MAX);
	me->entries = BUF_INIT(1 << 20);
	struct todo t;
	while (next_todo(me, &t)) {
		int64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		walk_directory(me, &t, 0);
		atomic_fetch_add(&w->busy_ns, (uint64_t)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start));
		free(t.path);
		walk_put_link(t.up);
	}
	walk_flush(me);
	buf_clear(&me->frames);
	buf_clear(&me->entries);
	free(me);
	return NULL;
}

static void drop_stack(struct walk *w)
{
	for (size_t i = 0; i < w->stack.len; i++) {
		free(w->stack.data[i].path);
		walk_put_link(w->stack.data[i].up);
	}
	w->stack.len = 0;
}

/** Chunks of a stopped scan will not be answered. */
static void forget_slots(struct walk *w)
{
	for (int i = 0; i < SLOTS; i++) {
		if (w->slot[i].uses && w->slot[i].fd >= 0)
			close(w->slot[i].fd);
		w->slot[i].uses = 0;
	}
	w->out = 0;
	walk_fill_slots(w);
}

/** The scopes as first directories to list.  Under the lock. */
static int add_scopes(struct walk *w, const struct walk_order *order)
{
	drop_stack(w);
	forget_slots(w);
	for (size_t i = order->scopes; i-- > 0;) {
		struct todo *t = vec_add(&w->stack);
		if (!t)
			return -ENOMEM;
		*t = (struct todo){strdup(order->scope[i].path), NULL, !order->scope[i].is_deep};
		if (!t->path)
			return -ENOMEM;
	}
	return 0;
}

/** One thread for what is soon done. */
static int threads_for(const struct walk *w, const struct walk_order *order)
{
	bool is_deep = false;
	for (size_t i = 0; i < order->scopes; i++)
		is_deep |= order->scope[i].is_deep;
	return !is_deep ? 1 : w->o.threads < 1 ? 1 : w->o.threads > THREADS ? THREADS : w->o.threads;
}

int walk_run(struct walk *w, const struct walk_order *order)
{
	struct thread thread[THREADS] = {0};
	int n = threads_for(w, order);
	{
		LOCKED(&w->lock);
		int r = add_scopes(w, order);
		if (r < 0)
			return r;
		w->order = order;
		w->working = n;
	}
	atomic_store(&w->busy_ns, 0);
	for (int i = 0; i < n; i++) {
		char name[24];
		snprintf(name, sizeof name, "walk %d", i);
		if (thread_start(&thread[i], name, walker_main, w) < 0) {
			LOCKED(&w->lock);
			w->working--;
		}
	}
	for (int i = 0; i < n; i++)
		thread_join(&thread[i]);
	return atomic_load(&w->is_stopped) ? -ECANCELED : 0;
}

int64_t walk_stall(const struct walk *w)
{
	int64_t now = mono_ns(), longest = 0;
	for (int i = 0; i < THREADS; i++) {
		int64_t since = atomic_load_explicit(&w->since[i], memory_order_relaxed);
		if (since && now - since > longest)
			longest = now - since;
	}
	return longest;
}

void walk_stop(struct walk *w)
{
	atomic_store(&w->is_stopped, true);
	LOCKED(&w->lock);
	pthread_cond_broadcast(&w->changed);
}

uint64_t walk_busy_ns(const struct walk *w)
{
	return atomic_load(&w->busy_ns);
}

int walk_new(const struct walk_options *options, struct walk **out)
{
	struct walk *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->o = *options;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	*out = w;
	return 0;
}

void walk_free(struct walk *w)
{
	if (!w)
		return;
	drop_stack(w);
	forget_slots(w);
	vec_clear(&w->stack);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
