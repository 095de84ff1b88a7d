/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/notify/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/thread.h"
#include "indexer/notify/box.h"

enum {
	/** Nothing came for so long: the run is over though nobody said so. */
	QUIET_S = 60,
	/** Longest that the first notice waits for others. */
	GATHER_S = 600,
	/** After the first failure; doubled by each further one, up to the last. */
	RETRY_S = 10,
	RETRY_MOST_S = 3600,
	KEEP_S = 24 * 3600,
	/** The longest sleep; and when a simulation's clock, which wakes nobody, is to be watched. */
	NAP_MS = 60000,
	SIMULATED_NAP_MS = 20,
	END_MS = 2000,
	COUNT = 0
#define X(name) +1
	NOTIFIERS(X)
#undef X
};

/** What one notifier has to send, and its thread. */
struct lane {
	struct notify *owner;
	const struct notifier *notifier;
	/** Of the notifier; only its thread, but for cancel(). */
	void *state;
	struct thread thread;
	/* protected by owner->lock: */
	struct box box;
	/** What it had is being sent. */
	bool is_busy;
	/** To be sent without waiting for more. */
	bool is_flushed;
	/** Refused for good, or its thread has ended. */
	bool is_gone;
	/** Failures in a row; not before which time it is tried again. */
	int streak;
	int64_t retry_at, last_put;
	uint64_t sent, failed;
};

struct notify {
	struct outside outside;
	/** As o->net, but with an http of its own: ending its calls ends no others. */
	struct net net;
	int count;
	struct lane lane[COUNT];
	pthread_mutex_t lock;
	/** Also: a lane ended. */
	pthread_cond_t changed;
	/* protected by lock: */
	bool is_ending;
	int running;
};

/** Of the lanes: never steps, but in a simulation it is that of the simulation. */
static int64_t lane_now(const struct notify *n)
{
	return n->net.now ? n->net.now(n->net.arg) : mono_ns();
}

static void nap(struct notify *n, int64_t ns)
{
	int64_t most = (n->net.now ? SIMULATED_NAP_MS : NAP_MS) * NS_PER_MS;
	int64_t end = mono_ns() + (ns < most ? ns : most);
	struct timespec ts = {end / NS_PER_S, end % NS_PER_S};
	pthread_cond_timedwait(&n->changed, &n->lock, &ts);
}

/** When there is something to do; INT64_MAX: when something is put. */
static int64_t lane_due(const struct lane *l)
{
	if (box_is_empty(&l->box))
		return INT64_MAX;
	int64_t oldest = box_oldest(&l->box), due = 0;
	if (!l->is_flushed) {
		due = l->last_put + QUIET_S * NS_PER_S;
		if (due > oldest + GATHER_S * NS_PER_S)
			due = oldest + GATHER_S * NS_PER_S;
	}
	if (due < l->retry_at)
		due = l->retry_at;
	int64_t expiry = oldest + KEEP_S * NS_PER_S + 1;
	return due < expiry ? due : expiry;
}

static void expire(struct lane *l, int64_t now)
{
	uint64_t dropped = box_expire(&l->box, now - KEEP_S * NS_PER_S);
	if (dropped)
		log_warning("%s: notices dropped, not sent within a day: %" PRIu64,
			    l->notifier->name, dropped);
}

/** With a quarter of jitter, so that many machines do not come back together. */
static int64_t backoff(int streak)
{
	uint32_t noise = 0;
	int64_t s = RETRY_S;
	for (int i = 1; i < streak && s < RETRY_MOST_S; i++)
		s *= 2;
	if (s > RETRY_MOST_S)
		s = RETRY_MOST_S;
	if (getrandom(&noise, sizeof noise, GRND_NONBLOCK) < 0)
		noise = 0;
	return s * NS_PER_S * 3 / 4 + (int64_t)(noise % 1024) * (s * NS_PER_S / 4 / 1024);
}

/** The message of what was taken out of the box.  Owned by the caller; NULL without memory. */
static const struct notice **message_of(struct box *b, size_t *n)
{
	const struct notice **m = calloc(b->len + BOX_KINDS, sizeof(*m));
	*n = 0;
	for (size_t i = 0; m && i < b->len; i++)
		m[(*n)++] = &b->note[i]->notice;
	for (int i = 0; m && i < b->tally_count; i++) {
		struct tally *t = &b->tally[i];
		snprintf(t->text, sizeof t->text, "and %" PRIu64 " more", t->notice.more);
		t->notice.kind = t->kind;
		t->notice.series = "";
		t->notice.text = t->text;
		m[(*n)++] = &t->notice;
	}
	return m;
}

/** It is tried again, with what was put meanwhile. */
static void keep_for_later(struct lane *l, struct box *taken, int64_t delay)
{
	box_return(&l->box, taken);
	l->is_flushed = true;
	l->retry_at = lane_now(l->owner) + delay;
}

/** Neither its fault nor ours: as long as the other side, or the budget, asked for. */
static void postpone(struct lane *l, struct box *taken, int64_t at, const char *why)
{
	int64_t now = net_now(&l->owner->net);
	int64_t delay = at > 0 ? at - now : backoff(++l->streak);
	if (delay < NS_PER_S / 10)
		delay = NS_PER_S / 10;
	if (delay > KEEP_S * NS_PER_S)
		delay = KEEP_S * NS_PER_S;
	log_debug("%s: notices wait %" PRId64 " ms: %s", l->notifier->name, delay / NS_PER_MS, why);
	keep_for_later(l, taken, delay);
}

static void on_failure(struct lane *l, struct box *taken, int r, const char *why)
{
	const char *name = l->notifier->name;
	l->failed++;
	if (r == -ENOENT) {
		l->is_gone = true;
		log_error("%s: gone, and not asked again until the next start: %s", name, why);
		box_clear(&l->box);
		return;
	}
	if (r == -EBADMSG) {
		log_error("%s: notices dropped, refused for good: %" PRIu64 ": %s", name,
			  box_count(taken), why);
		return;
	}
	int64_t delay = backoff(++l->streak);
	log_write(l->streak == 1 ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
		  "%s: notices cannot be sent, tried again in %" PRId64 " s: %s", name,
		  delay / NS_PER_S, why[0] ? why : strerror(-r));
	keep_for_later(l, taken, delay);
}

static void on_success(struct lane *l)
{
	l->sent++;
	if (l->streak)
		log_info("%s: notices are sent again", l->notifier->name);
	l->streak = 0;
	l->retry_at = 0;
}

/** Sends all that waits.  Called with the lock, which it lets go while the notifier is at work. */
static void lane_send(struct lane *l)
{
	struct notify *n = l->owner;
	struct box taken = l->box;
	char why[WHY] = "";
	int64_t at = 0;
	size_t count;
	l->box = (struct box){0};
	l->is_flushed = false;
	l->is_busy = true;
	_free_ const struct notice **message = message_of(&taken, &count);
	pthread_mutex_unlock(&n->lock);
	int r = message ? l->notifier->send(l->state, message, count, &at, why) : -ENOMEM;
	pthread_mutex_lock(&n->lock);
	l->is_busy = false;
	if (r == 0)
		on_success(l);
	else if (r == -EAGAIN)
		postpone(l, &taken, at, why);
	else if (r == -ECANCELED && n->is_ending)
		keep_for_later(l, &taken, RETRY_S * NS_PER_S);
	else
		on_failure(l, &taken, r, why);
	box_clear(&taken);
}

static void *lane_run(void *arg)
{
	struct lane *l = arg;
	struct notify *n = l->owner;
	LOCKED(&n->lock);
	while (!l->is_gone) {
		int64_t now = lane_now(n), due = lane_due(l);
		if (n->is_ending && (due == INT64_MAX || l->retry_at > now))
			break;
		if (!n->is_ending && due > now) {
			nap(n, due - now);
			continue;
		}
		expire(l, now);
		if (!box_is_empty(&l->box) && l->retry_at <= now)
			lane_send(l);
	}
	l->is_gone = true;
	n->running--;
	pthread_cond_broadcast(&n->changed);
	return NULL;
}

static int lane_open(struct notify *n, const struct notifier *notifier)
{
	char why[WHY] = "";
	struct lane *l = &n->lane[n->count];
	*l = (struct lane){.owner = n, .notifier = notifier};
	int r = notifier->open(&n->outside, &l->state, why);
	if (r < 0)
		log_error("%s: not used: %s", notifier->name, why[0] ? why : strerror(-r));
	else if (l->state)
		n->count++;
	return r == -ENOMEM ? r : 0;
}

static int open_all(struct notify *n)
{
	static const struct notifier *const all[COUNT] = {
#define X(name) &notifier_##name,
		NOTIFIERS(X)
#undef X
	};
	int r = 0;
	for (int i = 0; i < COUNT && r == 0; i++)
		r = lane_open(n, all[i]);
	return r;
}

static int start_all(struct notify *n)
{
	int r = n->outside.net ? http_new(&n->net.http) : 0;
	LOCKED(&n->lock);
	for (int i = 0; i < n->count && r == 0; i++) {
		char name[16];
		snprintf(name, sizeof name, "notify-%s", n->lane[i].notifier->name);
		r = thread_start(&n->lane[i].thread, name, lane_run, &n->lane[i]);
		if (r == 0)
			n->running++;
	}
	return r;
}

int notify_new(const struct outside *o, struct notify **out)
{
	*out = NULL;
	struct notify *n = calloc(1, sizeof *n);
	if (!n)
		return -ENOMEM;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->changed, &attr);
	pthread_condattr_destroy(&attr);
	n->outside = (struct outside){.config = o->config};
	if (o->net) {
		n->net = *o->net;
		n->net.http = NULL;
		n->net.patience_ms = 0;
		n->outside.net = &n->net;
	}
	int r = open_all(n);
	if (r == 0 && n->count)
		r = start_all(n);
	if (r < 0 || !n->count) {
		notify_free(n);
		return r;
	}
	*out = n;
	return 0;
}

/** Lets the lanes send what waits, then ends what they are at. */
static void end_lanes(struct notify *n)
{
	int64_t end = mono_ns() + END_MS * NS_PER_MS;
	LOCKED(&n->lock);
	n->is_ending = true;
	pthread_cond_broadcast(&n->changed);
	while (n->running && mono_ns() < end)
		nap(n, end - mono_ns());
	if (!n->running)
		return;
	if (n->net.http)
		http_cancel(n->net.http);
	for (int i = 0; i < n->count; i++)
		if (n->lane[i].notifier->cancel)
			n->lane[i].notifier->cancel(n->lane[i].state);
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	end_lanes(n);
	for (int i = 0; i < n->count; i++) {
		struct lane *l = &n->lane[i];
		thread_join(&l->thread);
		if (!box_is_empty(&l->box))
			log_warning("%s: notices dropped at the end: %" PRIu64,
				    l->notifier->name, box_count(&l->box));
		box_clear(&l->box);
		l->notifier->close(l->state);
	}
	http_free(n->net.http);
	pthread_cond_destroy(&n->changed);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

void notify_put(struct notify *n, const struct notice *notice)
{
	for (int i = 0; n && i < n->count; i++) {
		struct lane *l = &n->lane[i];
		int64_t now = lane_now(n);
		struct note *note = note_new(notice, now);
		if (!note)
			continue;
		LOCKED(&n->lock);
		if (l->is_gone) {
			free(note);
			continue;
		}
		bool was_empty = box_is_empty(&l->box);
		box_put(&l->box, note);
		l->last_put = now;
		/* one that has something to wait for looks again by itself */
		if (was_empty)
			pthread_cond_broadcast(&n->changed);
	}
}

void notify_flush(struct notify *n)
{
	if (!n)
		return;
	LOCKED(&n->lock);
	for (int i = 0; i < n->count; i++)
		if (!box_is_empty(&n->lane[i].box))
			n->lane[i].is_flushed = true;
	pthread_cond_broadcast(&n->changed);
}

bool notify_is_told(struct notify *n)
{
	int waiting = 0;
	if (!n)
		return true;
	LOCKED(&n->lock);
	for (int i = 0; i < n->count; i++) {
		const struct lane *l = &n->lane[i];
		if (l->is_gone)
			continue;
		if (box_is_empty(&l->box) && !l->is_busy)
			return true;
		waiting++;
	}
	return !waiting;
}

void notify_counts(struct notify *n, uint64_t *sent, uint64_t *failed, uint64_t *waiting)
{
	*sent = *failed = *waiting = 0;
	if (!n)
		return;
	LOCKED(&n->lock);
	for (int i = 0; i < n->count; i++) {
		*sent += n->lane[i].sent;
		*failed += n->lane[i].failed;
		*waiting += box_count(&n->lane[i].box);
	}
}
