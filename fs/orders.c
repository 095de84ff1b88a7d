/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/orders.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/ctl.h"
#include "common/orders.h"
#include "common/thread.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/ops.h"

enum {
	/** Orders that wait; more are answered EAGAIN. */
	WAITING = 64,
	DEADLINE_MS = 2000,
	/** Who writes and then reads shall see what the order did; usually a few milliseconds. */
	ANNOUNCED_MS = 100,
};

struct order {
	const struct entry *control;
	uint64_t row;
	void *request;
	size_t n;
	/** Of a longer one only the beginning; it is refused. */
	char text[ORDER_MAX];
};

static struct {
	struct thread thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	struct order *waiting[WAITING];
	int count;
	int is_ending;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/** What control/last says of an order. */
static void remember(const struct order *o, int verdict, const char *sentence)
{
	_buf_ struct buf text = BUF_INIT(1 << 16);
	time_rfc3339(now_ns() / NS_PER_S * NS_PER_S, &text);
	buf_addf(&text, " %s: %s: %s\n", o->control->name, verdict ? strerrorname_np(verdict) : "ok",
		 sentence);
	views_set_order(buf_str(&text));
	notify_orders();
}

/** The words of each line; what a file about one thing is told is about that thing. */
static int translate(const struct order *o, struct buf *words, struct buf *answer)
{
	if (!o->control->words)
		return buf_add(words, o->text, o->n);
	_free_ char *text = strndup(o->text, o->n);
	struct view v;
	char *save = NULL;
	int r = text ? 0 : -ENOMEM;
	view_begin(&v);
	for (char *line = r ? NULL : strtok_r(text, "\n", &save); line && r == 0;
	     line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t\r");
		if (!*line)
			continue;
		size_t before = words->len;
		r = o->control->words(&v, o->row, line, words);
		if (r < 0 && words->len > before)
			buf_adds(answer, buf_str(words) + before);
		buf_addc(words, '\n');
	}
	view_end(&v);
	return r;
}

/** Asks the indexer.  0: it answered *verdict; -errno: it did not, and *verdict is for the writer all the same. */
static int send_order(const struct order *o, const struct buf *words, int *verdict, struct buf *answer)
{
	char token[CTL_TOKEN];
	ctl_token(token);
	int r = ctl_order(config_state_dir(views_config()), token, o->control->order, buf_str(words), words->len,
			  DEADLINE_MS, verdict, answer);
	if (r < 0) {
		*verdict = r == -EACCES ? EACCES : EAGAIN;
		buf_reset(answer);
		buf_adds(answer, r == -EACCES	   ? "this user may not give orders to the indexer"
				 : r == -ETIMEDOUT ? "the indexer is too busy to answer: it may have taken the order, "
						     "see status/jobs; giving it again does no harm (but to a line of "
						     "control/chapter without \"seq\")"
						   : "the indexer is away: the order was not taken");
	}
	return r;
}

static void carry_out(struct order *o)
{
	int verdict = 0;
	_buf_ struct buf answer = BUF_INIT(1 << 16);
	if (o->n > ORDER_MAX) {
		buf_addf(&answer, "an order has at most %d bytes", ORDER_MAX);
		remember(o, E2BIG, buf_str(&answer));
		ops_answer_write(o->request, E2BIG, 0);
		return;
	}
	_buf_ struct buf words = BUF_INIT(1 << 16);
	verdict = -translate(o, &words, &answer);
	if (verdict) {
		remember(o, verdict, buf_str(&answer));
		ops_answer_write(o->request, verdict, 0);
		return;
	}
	int r = send_order(o, &words, &verdict, &answer);
	remember(o, verdict, buf_str(&answer));
	/* the notify thread takes the lock of control/, which is not held during a write */
	if (r == 0)
		notify_wait(ANNOUNCED_MS);
	ops_answer_write(o->request, verdict, o->n);
}

/* --- chapters: many small orders, which cost one commit together --- */

/** Whether orders like it can be one: all lines of it are one change, and none is blank. */
static bool can_share(const struct order *o)
{
	return strcmp(o->control->order, ORDERS_TABLE[ORDER_chapter].name) == 0 && o->n < ORDER_MAX && o->text[0] == '{';
}

/** Takes those that wait behind @first and fit into one order with it; with it in @shared, how many. */
static size_t take_like(struct order *first, struct order **shared)
{
	size_t bytes = first->n + 1, n = 1;
	int left = 0;
	shared[0] = first;
	LOCKED(&all.lock);
	for (int i = 0; i < all.count; i++) {
		struct order *o = all.waiting[i];
		bool fits = can_share(o) && bytes + o->n + 1 <= ORDER_MAX;
		bytes += fits ? o->n + 1 : 0;
		if (fits)
			shared[n++] = o;
		else
			all.waiting[left++] = o;
	}
	all.count = left;
	return n;
}

/** One order of all; false: its words are refused, nothing was taken, and each is to be asked for by itself. */
static bool carry_out_shared(struct order **shared, size_t n)
{
	int verdict = 0;
	_buf_ struct buf answer = BUF_INIT(1 << 16), words = BUF_INIT(1 << 16);
	for (size_t i = 0; i < n; i++) {
		buf_add(&words, shared[i]->text, shared[i]->n);
		buf_addc(&words, '\n');
	}
	int r = send_order(shared[0], &words, &verdict, &answer);
	/* whatever else went wrong, some of it may have been taken */
	if (verdict == EINVAL || verdict == ENOENT || verdict == EBUSY || verdict == E2BIG ||
	    verdict == EMFILE)
		return false;
	remember(shared[0], verdict, buf_str(&answer));
	if (r == 0)
		notify_wait(ANNOUNCED_MS);
	for (size_t i = 0; i < n; i++)
		ops_answer_write(shared[i]->request, verdict, shared[i]->n);
	return true;
}

static void carry_out_like(struct order *first)
{
	struct order *shared[WAITING + 1];
	size_t n = can_share(first) ? take_like(first, shared) : (shared[0] = first, 1);
	bool is_done = n > 1 && carry_out_shared(shared, n);
	for (size_t i = 0; i < n; i++) {
		if (!is_done)
			carry_out(shared[i]);
		free(shared[i]);
	}
}

static struct order *next_order(void)
{
	LOCKED(&all.lock);
	while (!all.count && !all.is_ending)
		pthread_cond_wait(&all.changed, &all.lock);
	if (!all.count)
		return NULL;
	struct order *o = all.waiting[0];
	memmove(&all.waiting[0], &all.waiting[1], (size_t)--all.count * sizeof all.waiting[0]);
	return o;
}

static void *run(void *arg)
{
	struct order *o;
	(void)arg;
	for (o = next_order(); o; o = next_order())
		carry_out_like(o);
	return NULL;
}

int orders_submit(const struct node *control, const char *text, size_t n, void *request)
{
	struct order *o = malloc(sizeof *o);
	if (!o)
		return -ENOMEM;
	*o = (struct order){.control = control->entry, .row = control->row, .request = request, .n = n};
	memcpy(o->text, text, n < ORDER_MAX ? n : ORDER_MAX);
	LOCKED(&all.lock);
	if (all.count == WAITING || all.is_ending) {
		free(o);
		return -EAGAIN;
	}
	all.waiting[all.count++] = o;
	pthread_cond_signal(&all.changed);
	return 0;
}

int orders_start(void)
{
	return thread_start(&all.thread, "orders", run, NULL);
}

void orders_stop(void)
{
	{
		LOCKED(&all.lock);
		all.is_ending = 1;
		pthread_cond_signal(&all.changed);
	}
	thread_join(&all.thread);
}
