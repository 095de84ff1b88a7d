/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/net/net.h"

#include <errno.h>
#include <stdio.h>

#include "common/clock.h"

/* between two looks at a budget that others may have used up meanwhile */
#define LEAST_WAIT (10 * NS_PER_MS)

int64_t net_now(const struct net *n)
{
	return n->now ? n->now(n->arg) : now_ns();
}

static int refuse(struct net *n, const char *host, int64_t at, struct http_answer *a)
{
	struct limit_status s;
	int64_t now = net_now(n);
	const char *reason = "";
	if (limit_status(n->limit, host, now, &s) == 0)
		reason = s.row.reason;
	snprintf(a->why, sizeof a->why, "not asked for another %lld s: %.100s",
		 (long long)((at - now + NS_PER_S - 1) / NS_PER_S),
		 *reason ? reason : "its budget is used up");
	return -EAGAIN;
}

/** Takes a slot, waiting for it as long as it is worth it. */
static int take_slot(struct net *n, const char *host, struct http_answer *a, int64_t *at)
{
	int64_t end = net_now(n) + n->patience_ms * NS_PER_MS;
	for (;;) {
		int64_t now = net_now(n), when = now;
		int r = limit_take(n->limit, host, now, &when);
		if (at)
			*at = when;
		if (r == 0)
			return 0;
		if (r != -EAGAIN) {
			snprintf(a->why, sizeof a->why, "its budget cannot be kept");
			return r;
		}
		if (when > end || now >= end)
			return refuse(n, host, when, a);
		r = http_sleep(n->http, when - now > LEAST_WAIT ? when - now : LEAST_WAIT);
		if (r < 0) {
			snprintf(a->why, sizeof a->why, "the program is ending");
			return r;
		}
	}
}

/** Ours, not the host's: it has not been asked. */
static bool is_our_fault(int error)
{
	return error == -ECANCELED || error == -EINVAL || error == -ENOMEM;
}

static enum limit_failure failure_of(int error)
{
	return error == -ECONNREFUSED || error == -EHOSTUNREACH ? LIMIT_ABSENT : LIMIT_ERROR;
}

/** By the status alone. */
static struct net_verdict judge_plainly(void *arg, const struct http_answer *a)
{
	(void)arg;
	if (a->status == 429 || (a->status == 503 && a->retry_after_ns >= 0))
		return (struct net_verdict){NET_REFUSED, a->retry_after_ns};
	if (a->status >= 500)
		return (struct net_verdict){NET_ERROR, a->retry_after_ns};
	return (struct net_verdict){NET_OK, a->status >= 300 ? a->retry_after_ns : -1};
}

static void tell(struct net *n, const char *host, const struct http_answer *a, struct net_verdict v)
{
	int64_t now = net_now(n);
	char reason[64];
	snprintf(reason, sizeof reason, "it answered HTTP %d", a->status);
	if (v.end != NET_OK) {
		limit_fail(n->limit, host, now, v.pause, v.end == NET_REFUSED ? LIMIT_REFUSED : LIMIT_ERROR,
			   reason);
		return;
	}
	limit_ok(n->limit, host, now);
	if (v.pause > 0)
		limit_block(n->limit, host, now, v.pause, reason);
}

/** http_do(), and who counts calls hears of it. */
static int ask(struct net *n, const char *host, const struct http_request *q, struct http_answer *a)
{
	int64_t start = mono_ns();
	int r = http_do(n->http, q, a);
	if (n->called && !is_our_fault(r))
		n->called(n->caller, host, mono_ns() - start, a, r == 0 && a->status < 400);
	return r;
}

int net_do_judged(struct net *n, const char *host, const struct http_request *q, struct http_answer *a,
		  net_judge_fn *judge, void *arg, int64_t *at)
{
	http_answer_clear(a);
	int r = take_slot(n, host, a, at);
	if (r < 0)
		return r;
	r = ask(n, host, q, a);
	if (r == 0)
		tell(n, host, a, judge(arg, a));
	else if (is_our_fault(r))
		limit_drop(n->limit, host, net_now(n));
	else
		limit_fail(n->limit, host, net_now(n), -1, failure_of(r), a->why);
	return r;
}

int net_do(struct net *n, const char *host, const struct http_request *q, struct http_answer *a,
	   int64_t *at)
{
	return net_do_judged(n, host, q, a, judge_plainly, NULL, at);
}

static int refuse_behind(struct net *n, const char *behind, int64_t at, struct http_answer *a)
{
	refuse(n, behind, at, a);
	return -EBUSY;
}

/** Whether @host may be asked before our patience ends; else *at and @a say why not. */
static int look_ahead(struct net *n, const char *host, int64_t now, struct http_answer *a, int64_t *at)
{
	struct limit_status s;
	if (limit_status(n->limit, host, now, &s) < 0 || s.next_at <= now + n->patience_ms * NS_PER_MS)
		return 0;
	if (at)
		*at = s.next_at;
	return refuse(n, host, s.next_at, a);
}

int net_do_behind(struct net *n, const char *host, const char *behind, const struct http_request *q,
		  struct http_answer *a, int64_t *at)
{
	int64_t now = net_now(n), when = now;
	http_answer_clear(a);
	/* a slot of the one behind is not used up while its host is closed */
	int r = look_ahead(n, host, now, a, at);
	if (r < 0)
		return r;
	r = limit_take(n->limit, behind, now, &when);
	if (r == -EAGAIN && at)
		*at = when;
	if (r < 0)
		return refuse_behind(n, behind, when, a);
	r = take_slot(n, host, a, at);
	if (r < 0) {
		limit_drop(n->limit, behind, net_now(n));
		return r;
	}
	r = ask(n, host, q, a);
	if (r == 0) {
		limit_ok(n->limit, host, net_now(n));
		tell(n, behind, a, judge_plainly(NULL, a));
		return 0;
	}
	limit_drop(n->limit, behind, net_now(n));
	if (is_our_fault(r))
		limit_drop(n->limit, host, net_now(n));
	else
		limit_fail(n->limit, host, net_now(n), -1, failure_of(r), a->why);
	return r;
}
