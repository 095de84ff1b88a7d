/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A call is made ready by its caller, put on a list, and from then on belongs to the thread, which
 * adds it to the multi handle, drives it and says when it is done; the caller then reads what came
 * and frees the handle.  The answer is written by the thread while its owner waits, so nothing is
 * copied and nothing outlives its call.
 */
#include "indexer/net/http.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/thread.h"
#include "indexer/net/http_private.h"

enum {
	/* connections open at once, and kept for the next call */
	CONNECTIONS_MOST = 64,
	CONNECTIONS_KEPT = 8,
	/* with nothing to do; and with calls, of which each is looked at for its low-speed limit */
	IDLE_MS = 60000,
	BUSY_MS = 1000,
	/* without descriptors or memory, until there are some */
	STARVED_US = 100000,
};

struct http {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	CURLM *multi;
	struct thread thread;
	/* protected by lock: */
	struct call *fresh;
	bool is_cancelled, is_ending;
	/* callers that are inside a function of ours */
	size_t inside;
	/* only the thread: */
	struct call *running;
};

/* --- the thread --- */

static void forget(struct http *h, struct call *c)
{
	struct call **p = &h->running;
	while (*p && *p != c)
		p = &(*p)->next;
	if (*p)
		*p = c->next;
	curl_multi_remove_handle(h->multi, c->easy);
}

/** The last that the thread does with a call. */
static void settle(struct http *h, struct call *c, CURLcode code, bool is_cancelled)
{
	LOCKED(&h->lock);
	c->code = code;
	c->is_cancelled = is_cancelled;
	c->is_done = true;
	pthread_cond_broadcast(&h->changed);
}

static void start_fresh(struct http *h, struct call *c)
{
	while (c) {
		struct call *next = c->next;
		if (curl_multi_add_handle(h->multi, c->easy) == CURLM_OK) {
			c->next = h->running;
			h->running = c;
		} else {
			settle(h, c, CURLE_OUT_OF_MEMORY, false);
		}
		c = next;
	}
}

static void finish_done(struct http *h)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
		char *private = NULL;
		/* @m does not outlive the removal */
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		struct call *c = (struct call *)private;
		forget(h, c);
		settle(h, c, code, false);
	}
}

static void cancel_all(struct http *h)
{
	while (h->running) {
		struct call *c = h->running;
		forget(h, c);
		settle(h, c, CURLE_OK, true);
	}
}

static struct call *take_fresh(struct http *h, bool *is_cancelled, bool *is_ending)
{
	LOCKED(&h->lock);
	*is_cancelled = h->is_cancelled;
	*is_ending = h->is_ending;
	return take(h->fresh);
}

static void *run(void *arg)
{
	struct http *h = arg;
	for (;;) {
		bool is_cancelled, is_ending;
		int running;
		start_fresh(h, take_fresh(h, &is_cancelled, &is_ending));
		if (is_cancelled)
			cancel_all(h);
		if (is_ending)
			return NULL;
		curl_multi_perform(h->multi, &running);
		finish_done(h);
		/* returns when curl has a timer of its own to serve, too, and at every wakeup */
		if (curl_multi_poll(h->multi, NULL, 0, h->running ? BUSY_MS : IDLE_MS, NULL) != CURLM_OK)
			usleep(STARVED_US);
	}
}

/* --- callers --- */

int http_new(struct http **out)
{
	int r = http_load();
	struct http *h = r == 0 ? calloc(1, sizeof *h) : NULL;
	if (!h)
		return r < 0 ? r : -ENOMEM;
	r = -ENOMEM;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		h->multi = curl_multi_init();
	if (!h->multi)
		goto fail;
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MOST);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	r = thread_start(&h->thread, "http", run, h);
	if (r < 0)
		goto fail;
	*out = h;
	return 0;
fail:
	http_free(h);
	return r;
}

static void cancel(struct http *h, bool is_ending)
{
	LOCKED(&h->lock);
	h->is_cancelled = true;
	h->is_ending |= is_ending;
	pthread_cond_broadcast(&h->changed);
	if (h->multi)
		curl_multi_wakeup(h->multi);
}

void http_cancel(struct http *h)
{
	cancel(h, false);
}

static void wait_for_callers(struct http *h)
{
	LOCKED(&h->lock);
	while (h->inside)
		pthread_cond_wait(&h->changed, &h->lock);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	cancel(h, true);
	thread_join(&h->thread);
	wait_for_callers(h);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static void enter(struct http *h)
{
	LOCKED(&h->lock);
	h->inside++;
}

static void leave(struct http *h)
{
	LOCKED(&h->lock);
	h->inside--;
	pthread_cond_broadcast(&h->changed);
}

/** Gives the call to the thread and waits until it is given back. */
static void hand_over(struct http *h, struct call *c)
{
	LOCKED(&h->lock);
	if (h->is_cancelled) {
		c->is_cancelled = true;
		return;
	}
	c->next = h->fresh;
	h->fresh = c;
	curl_multi_wakeup(h->multi);
	while (!c->is_done)
		pthread_cond_wait(&h->changed, &h->lock);
}

int http_do(struct http *h, const struct http_request *q, struct http_answer *a)
{
	struct call c = {.q = q, .a = a};
	http_answer_clear(a);
	enter(h);
	int r = call_init(&c);
	if (r == 0) {
		hand_over(h, &c);
		r = call_result(&c);
	}
	call_clear(&c);
	/* nobody shall read half an answer for a whole one */
	if (r < 0)
		buf_clear(&a->body);
	leave(h);
	return r;
}

int http_sleep(struct http *h, int64_t ns)
{
	struct timespec end;
	int64_t at = mono_ns() + (ns < 0 ? 0 : ns);
	end.tv_sec = (time_t)(at / NS_PER_S);
	end.tv_nsec = (long)(at % NS_PER_S);
	LOCKED(&h->lock);
	h->inside++;
	while (!h->is_cancelled)
		if (pthread_cond_timedwait(&h->changed, &h->lock, &end) == ETIMEDOUT)
			break;
	h->inside--;
	pthread_cond_broadcast(&h->changed);
	return h->is_cancelled ? -ECANCELED : 0;
}

void http_answer_clear(struct http_answer *a)
{
	buf_clear(&a->body);
	*a = (struct http_answer){.body = BUF_INIT(a->body.max), .retry_after_ns = -1, .total = -1};
}
