/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which directory comes next, what it lies in, and the threads that take them. */
#include "indexer/discover/walk_private.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/frame.h"

#if defined(__SANITIZE_THREAD__)
#define IS_THREAD_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_THREAD_SANITIZER true
#endif
#endif
#ifndef IS_THREAD_SANITIZER
#define IS_THREAD_SANITIZER false
#endif

/* --- ancestors --- */

void walk_put_link(struct link *l)
{
	while (l && atomic_fetch_sub(&l->refs, 1) == 1) {
		struct link *up = l->up;
		free(l);
		l = up;
	}
}

struct link *walk_get_link(struct link *l)
{
	if (l)
		atomic_fetch_add(&l->refs, 1);
	return l;
}

struct link *walk_new_link(struct link *up, const struct stat *st)
{
	for (const struct link *l = up; l; l = l->up)
		if (l->device == st->st_dev && l->inode == st->st_ino) {
			errno = ELOOP;
			return NULL;
		}
	struct link *l = malloc(sizeof *l);
	if (!l)
		return NULL;
	*l = (struct link){st->st_dev, st->st_ino, 1, 0, walk_get_link(up)};
	return l;
}

/* --- threads --- */

/** The next directory, or false when no thread will ever add one. */
static bool next_todo(struct walker *me, struct todo *t)
{
	struct walk *w = me->w;
	WALK_LOCKED(me);
	w->working--;
	while (!w->stack.len && w->working > 0 && !atomic_load(&w->is_stopped)) {
		if (me->frames.len) {
			pthread_mutex_unlock(&w->lock);
			walk_flush(me);
			pthread_mutex_lock(&w->lock);
			continue;
		}
		me->waits += 2;
		walk_put_slots(me);
		walk_tell_room(w);
		pthread_cond_wait(&w->more, &w->lock);
	}
	if (!w->stack.len || atomic_load(&w->is_stopped)) {
		walk_put_slots(me);
		walk_tell_room(w);
		pthread_cond_broadcast(&w->more);
		return false;
	}
	*t = w->stack.data[--w->stack.len];
	w->working++;
	return true;
}

void walk_wait_room(struct walker *me)
{
	struct walk *w = me->w;
	/* it sleeps to be told, and maybe for the lock then */
	me->waits += 2;
	walk_put_slots(me);
	w->waiting++;
	pthread_cond_wait(&w->room, &w->lock);
	w->waiting--;
}

/** Threads that neither wait for room nor for a directory. */
static int active(const struct walk *w)
{
	return w->working - w->waiting;
}

uint32_t walk_share(const struct walk *w, uint32_t room)
{
	uint32_t n = room / (uint32_t)(active(w) > 1 ? active(w) : 1);
	return n ? n : 1;
}

void walk_tell_room(struct walk *w)
{
	if (!w->waiting)
		return;
	/* when nothing is out nothing will come back: then, and only then, it must not be put off */
	if (w->out == 0 && atomic_load(&w->heads_out) == 0) {
		pthread_cond_broadcast(&w->room);
		return;
	}
	bool has_room = w->out <= WALK_CREDIT / 8 * 7 && w->free_slots >= w->slots / 8 && w->free_dirs;
	/* while those behind are slower than the disk, more threads than walk anyway would only be in each other's way */
	bool is_wanted = active(w) < w->o.threads || atomic_load(&w->heads_out) <= w->slots / 4;
	if (has_room && is_wanted)
		pthread_cond_signal(&w->room);
}

static void walk_all(struct walk *w)
{
	struct walker *me = calloc(1, sizeof *me);
	if (!me)
		return;
	uint64_t began = (uint64_t)clock_ns(CLOCK_THREAD_CPUTIME_ID);
	me->w = w;
	me->since = &w->since[atomic_fetch_add(&w->next_walker, 1) % THREADS];
	me->frames = BUF_INIT(FRAME_MAX);
	me->flushed_at = mono_tick_ns();
	me->most_chunks = WALK_CREDIT;
	me->most_heads = HEADS_SLOTS;
	me->entries = BUF_INIT(1 << 20);
	struct todo t;
	while (next_todo(me, &t)) {
		walk_directory(me, &t, 0);
		free(t.path);
		walk_put_link(t.up);
	}
	walk_flush(me);
	atomic_fetch_add(&w->busy_ns, (uint64_t)clock_ns(CLOCK_THREAD_CPUTIME_ID) - began);
	buf_clear(&me->frames);
	buf_clear(&me->entries);
	free(me);
}

/** A file that is open in another thread may be deleted there, and its disk unmounted. */
static void close_others(const struct walk_options *o)
{
	const int kept[] = {o->root, o->keeps[0], o->keeps[1]};
	for (unsigned from = STDERR_FILENO + 1, next = 0; next != UINT_MAX; from = next + 1) {
		next = UINT_MAX;
		for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
			if (kept[i] >= (int)from && (unsigned)kept[i] < next)
				next = (unsigned)kept[i];
		if (next > from)
			close_range(from, next == UINT_MAX ? next : next - 1, 0);
	}
}

/** False when it goes on to share that of others: the kernel is older than 5.9, or somebody looks on who knows one table alone. */
static bool take_own_table(const struct walk_options *o)
{
	/* none is so high: nothing is closed for others */
	if (IS_THREAD_SANITIZER || close_range(UINT_MAX, UINT_MAX, CLOSE_RANGE_UNSHARE) < 0)
		return false;
	close_others(o);
	return true;
}

static void *walker_main(void *arg)
{
	struct walk *w = arg;
	bool is_own = take_own_table(&w->o);
	walk_all(w);
	/* who waits for the thread must not find them open */
	if (is_own)
		close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	LOCKED(&w->lock);
	w->running--;
	pthread_cond_signal(&w->grow);
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
	for (int i = 0; i < SLOTS; i++)
		w->slot[i].uses = 0;
	w->out = w->free_dirs = 0;
	for (int i = SLOTS; i-- > 0;)
		w->free_dir[w->free_dirs++] = (uint16_t)i;
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

/** One thread more.  Under the lock. */
static void add_thread(struct walk *w)
{
	char name[24];
	snprintf(name, sizeof name, "walk %d", w->threads);
	w->working++;
	w->running++;
	if (thread_start(&w->thread[w->threads], name, walker_main, w) == 0) {
		w->threads++;
		return;
	}
	w->working--;
	w->running--;
}

/** Starts the threads that are asked for, until all have ended.  They are none's children: what a walker has open is its own. */
static void add_threads(struct walk *w)
{
	LOCKED(&w->lock);
	while (w->running) {
		for (; w->wanted > 0; w->wanted--)
			add_thread(w);
		pthread_cond_wait(&w->grow, &w->lock);
	}
}

/** How often this thread slept. */
static uint64_t times_slept(void)
{
	struct rusage u;
	return getrusage(RUSAGE_THREAD, &u) == 0 ? (uint64_t)u.ru_nvcsw : 0;
}

/** Whether it mostly slept for the disk since it was asked last. */
static bool waits_for_disk(struct walker *me)
{
	uint64_t slept = times_slept();
	uint64_t disk = slept - me->last.slept, other = me->waits - me->last.waits;
	uint64_t tries = me->tries - me->last.tries;
	bool is_first = me->last.slept == 0 && me->last.tries == 0;
	me->last.slept = slept;
	me->last.waits = me->waits;
	me->last.tries = me->tries;
	/* it counts who sleeps, not who is slow: a busy processor asks for no more threads */
	return !is_first && disk >= other + 2 && (disk - other) * 4 >= tries;
}

/** How many threads may wait for the disk at a time. */
static int threads_most(const struct walker *me)
{
	int most = me->w->o.threads_most < THREADS ? me->w->o.threads_most : THREADS;
	return me->batches && me->read >= TOGETHER * me->batches ? most / TOGETHER : most;
}

void walk_grow(struct walker *me)
{
	struct walk *w = me->w;
	bool is_slow = atomic_load_explicit(&w->is_slow, memory_order_relaxed);
	if ((is_slow && atomic_load_explicit(&w->has_enough, memory_order_relaxed)) || !waits_for_disk(me))
		return;
	atomic_store_explicit(&w->is_slow, true, memory_order_relaxed);
	if (atomic_load(&w->has_enough))
		return;
	int most = threads_most(me);
	LOCKED(&w->lock);
	/* what is not listed yet is enough for more */
	for (int n = w->threads / 2 + 1; n > 0 && w->stack.len && w->threads + w->wanted < most; n--)
		w->wanted++;
	int n = w->threads + w->wanted;
	atomic_store(&w->has_enough, n >= w->o.threads_most || n >= THREADS);
	pthread_cond_signal(&w->grow);
}

int walk_run(struct walk *w, const struct walk_order *order)
{
	int n = threads_for(w, order);
	atomic_store(&w->busy_ns, 0);
	{
		LOCKED(&w->lock);
		int r = add_scopes(w, order);
		if (r < 0)
			return r;
		w->order = order;
		w->working = w->threads = w->running = w->wanted = 0;
		/* who has others to serve is not tried */
		atomic_store(&w->is_slow, w->o.ahead <= 1);
		atomic_store(&w->has_enough, n == 1 && order->scopes && !order->scope[0].is_deep);
		for (int i = 0; i < n; i++)
			add_thread(w);
	}
	/* a walk that nobody walks would seem to find an empty root */
	if (!w->threads) {
		w->working = 1;
		walk_all(w);
	}
	add_threads(w);
	for (int i = 0; i < w->threads; i++)
		thread_join(&w->thread[i]);
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
	pthread_cond_broadcast(&w->more);
	pthread_cond_broadcast(&w->room);
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
	pthread_cond_init(&w->more, NULL);
	pthread_cond_init(&w->room, NULL);
	pthread_cond_init(&w->grow, NULL);
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
	pthread_cond_destroy(&w->more);
	pthread_cond_destroy(&w->room);
	pthread_cond_destroy(&w->grow);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
