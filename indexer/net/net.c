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

static void judge_status(struct net *n, const char *host, const struct http_answer *a)
{
	int64_t now = net_now(n);
	char reason[64];
	snprintf(reason, sizeof reason, "it answered HTTP %d", a->status);
	if (a->status == 429 || a->status >= 500) {
		bool refused = a->status == 429 || (a->status == 503 && a->retry_after_ns >= 0);
		limit_fail(n->limit, host, now, a->retry_after_ns, refused, reason);
		return;
	}
	limit_ok(n->limit, host, now);
	if (a->status >= 300 && a->retry_after_ns > 0)
		limit_block(n->limit, host, now, a->retry_after_ns, reason);
}

int net_do(struct net *n, const char *host, const struct http_request *q, struct http_answer *a,
	   int64_t *at)
{
	http_answer_clear(a);
	int r = take_slot(n, host, a, at);
	if (r < 0)
		return r;
	r = http_do(n->http, q, a);
	if (r == 0)
		judge_status(n, host, a);
	else if (is_our_fault(r))
		limit_drop(n->limit, host, net_now(n));
	else
		limit_fail(n->limit, host, net_now(n), -1, false, a->why);
	return r;
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
	r = http_do(n->http, q, a);
	if (r == 0) {
		limit_ok(n->limit, host, net_now(n));
		judge_status(n, behind, a);
		return 0;
	}
	limit_drop(n->limit, behind, net_now(n));
	if (is_our_fault(r))
		limit_drop(n->limit, host, net_now(n));
	else
		limit_fail(n->limit, host, net_now(n), -1, false, a->why);
	return r;
}
