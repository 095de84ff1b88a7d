/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Every call to the world: HTTP inside the host's budget. */
#ifndef INDEXER_NET_NET_H
#define INDEXER_NET_NET_H

#include "indexer/net/http.h"
#include "indexer/net/limit.h"

struct net {
	struct http *http;
	struct limit *limit;
	/** Nanoseconds since 1970; tests and simulations have their own.  NULL: now_ns(). */
	int64_t (*now)(void *arg);
	void *arg;
	/**
	 * How long a call may wait for its slot of the minute; beyond, -EAGAIN.  The wait ends early
	 * with http_cancel().
	 */
	int patience_ms;
	/** Is told of each call that was made, how long it took and what came.  Any thread; may be NULL. */
	void (*called)(void *caller, const char *host, int64_t ns, const struct http_answer *a, bool is_well);
	void *caller;
};

int64_t net_now(const struct net *n);

/**
 * Takes a slot of @host (a name of limit_declare()), asks, and tells limit how it ended: no
 * answer, 429 and 5xx are failures; every other status is the caller's to judge.  Returns as
 * http_do(); -EAGAIN when the budget allows no call now, with *at (may be NULL) when to ask again
 * and the reason in @a->why.
 */
int net_do(struct net *n, const char *host, const struct http_request *q, struct http_answer *a,
	   int64_t *at);

/** How an answer ended its call, for the host's budget. */
struct net_verdict {
	/** Of NET_ERROR and NET_REFUSED: a failure for the breaker. */
	enum net_end { NET_OK, NET_ERROR, NET_REFUSED } end;
	/** The host is left alone for so long; -1: as limit_fail() says without Retry-After. */
	int64_t pause;
};
typedef struct net_verdict net_judge_fn(void *arg, const struct http_answer *a);

/** net_do() for a host whose answers mean more than their status: @judge says what, before anybody else may ask. */
int net_do_judged(struct net *n, const char *host, const struct http_request *q, struct http_answer *a,
		  net_judge_fn *judge, void *arg, int64_t *at);

/**
 * net_do() where @behind (a declared name, too) answers through @host, as an indexer does through
 * Prowlarr: 429 and 5xx are its failures; @host fails only when there is no answer.  A call counts
 * for both.  -EBUSY, with *at: the one behind may not be asked now.
 */
int net_do_behind(struct net *n, const char *host, const char *behind, const struct http_request *q,
		  struct http_answer *a, int64_t *at);

#endif
