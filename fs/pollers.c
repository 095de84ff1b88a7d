/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/pollers.h"

#include <poll.h>
#include <pthread.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "fs/tree.h"

enum {
	/** How often one growth is told to one caller. */
	ASKS = 2,
	/** Callers remembered; whoever was forgotten is told once too often. */
	CALLERS = 1024,
	PLAIN = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM,
	CHANGED = POLLPRI | POLLIN | POLLRDNORM,
};

struct waiter {
	struct waiter *next;
	void *handle;
	uint64_t id;
	struct node node;
	/** For growing files: growths when it was answered nothing. */
	uint64_t growths;
	int64_t since;
};

struct caller {
	int64_t thread;
	uint64_t id, growths;
	int asks;
};

static struct {
	pollers_fn *wake, *drop;
	pthread_mutex_t lock;
	/* protected by lock: */
	/** Oldest first. */
	struct waiter *first, **last;
	size_t count;
	struct announced now;
	struct caller caller[CALLERS];
	size_t callers;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &all.first};

/* --- what is old --- */

static bool is_told(const struct entry *e)
{
	return S_ISREG(e->mode) && !e->order &&
	       (e->grows || e->uncached || (!e->stamp && (e->topics || e->moods)));
}

static bool is_ended(const struct node *n)
{
	struct node now;
	for (size_t i = 0; i < GROWING_MAX && all.now.segment[i]; i++)
		if (tree_decode(all.now.segment[i], &now) == 0 && now.entry == n->entry)
			return tree_is_older(n, now.version);
	return false;
}

/** The announced version of a file that does not grow. */
static uint64_t version_of(const struct entry *e)
{
	struct view v;
	if (e->uncached)
		return all.now.generation;
	memcpy(v.version, all.now.topic, sizeof v.version);
	memcpy(v.mood.version, all.now.mood, sizeof v.mood.version);
	return view_version(&v, e->topics, e->moods);
}

/** Whether a waiter has something to hear. */
static bool is_due(const struct waiter *w)
{
	if (w->node.entry->grows)
		return w->growths != all.now.growths || is_ended(&w->node);
	return tree_is_older(&w->node, version_of(w->node.entry));
}

/* --- callers of growing files --- */

static struct caller *caller_of(int64_t thread, uint64_t id)
{
	for (size_t i = 0; i < CALLERS && i < all.callers; i++)
		if (all.caller[i].thread == thread && all.caller[i].id == id)
			return &all.caller[i];
	struct caller *c = &all.caller[all.callers++ % CALLERS];
	*c = (struct caller){.thread = thread, .id = id, .growths = UINT64_MAX};
	return c;
}

static bool is_news_for(int64_t thread, uint64_t id)
{
	struct caller *c = caller_of(thread, id);
	if (c->growths != all.now.growths)
		*c = (struct caller){thread, id, all.now.growths, 0};
	return c->asks < ASKS && ++c->asks;
}

/* --- answers --- */

static bool is_watcher(unsigned events)
{
	return events & POLLPRI && !(events & POLLRDNORM);
}

/** What was told of already is heard of again only if it grows: an edge-triggered epoll never asks
 * by itself. */
static bool can_change(const struct entry *e, unsigned told)
{
	return is_told(e) && !(told & POLLHUP) && (e->grows || !(told & POLLPRI));
}

static unsigned answer(const struct poll_question *q)
{
	const struct node *n = &q->node;
	unsigned unchanged = is_watcher(q->events) ? 0 : PLAIN;
	if (!is_told(n->entry))
		return PLAIN;
	if (!n->entry->grows)
		return tree_is_older(n, version_of(n->entry)) ? CHANGED : unchanged;
	if (is_ended(n))
		return CHANGED | POLLHUP;
	/* who never hears of a growth must not use it up */
	return q->events & POLLPRI && is_news_for(q->caller, q->id) ? CHANGED : unchanged;
}

/** Takes the oldest when there are too many. */
static struct waiter *make_room(void)
{
	if (all.count < POLLERS_MAX)
		return NULL;
	struct waiter *w = all.first;
	all.first = w->next;
	all.count--;
	w->next = NULL;
	return w;
}

static void add(struct waiter *w)
{
	*all.last = w;
	all.last = &w->next;
	all.count++;
}

static void release(struct waiter *list, pollers_fn *fn)
{
	for (struct waiter *next; list; list = next) {
		next = list->next;
		fn(list->handle);
		free(list);
	}
}

unsigned pollers_ask(const struct poll_question *q, void *handle)
{
	struct waiter *out = NULL, *w = handle ? calloc(1, sizeof *w) : NULL;
	unsigned events;
	{
		/* one lock for both: what is announced after the answer finds the handle */
		LOCKED(&all.lock);
		events = answer(q);
		if (w && can_change(q->node.entry, events)) {
			*w = (struct waiter){.handle = handle, .id = q->id, .node = q->node,
					     .growths = all.now.growths, .since = mono_ns()};
			out = make_room();
			add(w);
			w = handle = NULL;
		}
	}
	free(w);
	if (handle)
		all.drop(handle);
	release(out, all.wake);
	return events;
}

/* --- waking --- */

void pollers_set(const struct announced *state)
{
	LOCKED(&all.lock);
	all.now = *state;
}

/** Those that are due at @now; all with @now 0. */
static struct waiter *take_due(int64_t now)
{
	struct waiter *due = NULL, **end = &due;
	LOCKED(&all.lock);
	for (struct waiter **at = &all.first; *at;) {
		struct waiter *w = *at;
		if (now && now - w->since < POLLERS_KEPT_S * NS_PER_S && !is_due(w)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		*end = w;
		end = &w->next;
		w->next = NULL;
		all.count--;
	}
	all.last = &all.first;
	while (*all.last)
		all.last = &(*all.last)->next;
	return due;
}

void pollers_wake(int64_t now)
{
	release(take_due(now), all.wake);
}

void pollers_start(pollers_fn *wake, pollers_fn *drop)
{
	all.wake = wake;
	all.drop = drop;
}

void pollers_stop(void)
{
	if (all.drop)
		release(take_due(0), all.drop);
}

size_t pollers_count(void)
{
	LOCKED(&all.lock);
	return all.count;
}
