/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * One budget per host, shared by all threads and kept across restarts: a bucket per minute and
 * per day, a least distance, Retry-After, and a breaker.  Pure bookkeeping: the time is given
 * (nanoseconds since 1970), so that tests and simulations live through days in a moment.  A clock that steps
 * back never locks a host for longer than its own rules do.
 *
 * The breaker opens after `failures` failures in a row, for 1, 5, 15, 30, 60 min, 3, 6, 12, 24 h
 * with full jitter; then one call may probe (half-open), and its success closes it.  Where nobody was reached, the
 * pauses end at 30 min and the call is not counted in the day: it costs the host nothing, and
 * whoever switches it on again does not wait for hours.
 */
#ifndef INDEXER_NET_LIMIT_H
#define INDEXER_NET_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct limit;

enum {
	LIMIT_NAME = 64,
	/** Most calls a minute that a rule may allow. */
	LIMIT_MINUTE_MOST = 200,
};

struct limit_rule {
	/** In any 60 s; 0: no limit; at most LIMIT_MINUTE_MOST. */
	int per_minute;
	/** From midnight to midnight UTC; 0: no limit. */
	int per_day;
	/** Between the starts of two calls, in nanoseconds. */
	int64_t distance;
	/** Failures in a row that open the breaker; 0: 5. */
	int failures;
	/**
	 * Another declared host, within whose budget this one is a part: a call here is a call there, and needs a slot of
	 * both at once.  Breaker and Retry-After are that one's alone: they hold for all of its parts.  "": none.
	 * Parts have no parts.
	 */
	char within[LIMIT_NAME];
};

/** What outlives a restart: one row a host. */
struct limit_row {
	char name[LIMIT_NAME];
	/** Day (since 1970, UTC) that `used_day` counts. */
	int64_t day;
	int64_t used_day, refused_day;
	/** Since ever. */
	int64_t calls, failures, refusals;
	/** Not before; 0: at once. */
	int64_t open_at;
	/** Why it is closed until then; "" when it is not. */
	char reason[160];
	/** In a row, now. */
	int streak;
	int64_t last_ok_at, last_failure_at;
	/** Starts of the calls of the last minute that count, newest first; 0-ended. */
	int64_t recent[LIMIT_MINUTE_MOST];
};

/** How many of `recent` are in use; the rest is 0 and need not be kept. */
static inline size_t limit_recent(const struct limit_row *row)
{
	size_t n = 0;
	while (n < LIMIT_MINUTE_MOST && row->recent[n])
		n++;
	return n;
}

/** Takes up starts that were kept as they lie in memory, by any version: fewer or more than there are here. */
static inline void limit_set_recent(struct limit_row *row, const void *data, size_t n)
{
	n = n < sizeof row->recent ? n : sizeof row->recent;
	memset(row->recent, 0, sizeof row->recent);
	/* a start that was cut off is none */
	if (n >= sizeof *row->recent)
		memcpy(row->recent, data, n - n % sizeof *row->recent);
}

enum limit_state { LIMIT_CLOSED, LIMIT_OPEN, LIMIT_HALF_OPEN };

struct limit_status {
	struct limit_row row;
	struct limit_rule rule;
	/** Of the breaker; like row.open_at and row.reason that of the host it is a part of, when that one's is closed for
	 * longer. */
	enum limit_state state;
	int used_minute;
	/** -1: no limit.  Its own, not of the host it is a part of. */
	int64_t left_minute, left_day;
	/** When the next call may start; now or earlier: at once. */
	int64_t next_at;
};

/** @save is called with the row before limit_take() returns 0, and after each outcome; with the lock held, by the calling
 * thread.  Its failure (-errno) makes limit_take() fail: what cannot be counted is not called.  May be NULL. */
typedef int limit_save_fn(void *arg, const struct limit_row *row);
int limit_new(limit_save_fn *save, void *arg, struct limit **out);
void limit_free(struct limit *l);
/** Makes the jitter repeatable, for tests. */
void limit_seed(struct limit *l, uint64_t seed);

/** Declares a host or changes its rule.  Known by name afterwards.  -EINVAL: no name, more than
 * LIMIT_MINUTE_MOST a minute, or `within` is not declared or a part itself. */
int limit_declare(struct limit *l, const char *host, const struct limit_rule *rule);
/** Takes up what was saved; before or after the declaration. */
int limit_restore(struct limit *l, const struct limit_row *row);

/**
 * Takes a slot for a call that starts now.  0; -EAGAIN with *at, when to ask again; -ENOENT: not
 * declared; or what save answered.
 */
int limit_take(struct limit *l, const char *host, int64_t now, int64_t *at);
enum limit_failure {
	/** It answered, badly or not to the end. */
	LIMIT_ERROR,
	/** It said "too many" (429, 503 with Retry-After): without Retry-After that is a pause of a minute. */
	LIMIT_REFUSED,
	/** Nobody was reached: its name is not known, there is no way to it, it takes no connections. */
	LIMIT_ABSENT,
};

/** How a call ended: each limit_take() is followed by exactly one of these. */
void limit_ok(struct limit *l, const char *host, int64_t now);
/** @retry_after: ns from now that the host asked for, -1 when it did not. */
void limit_fail(struct limit *l, const char *host, int64_t now, int64_t retry_after,
		enum limit_failure failure, const char *reason);
/** Neither: the call did not reach anybody's verdict (cancelled). */
void limit_drop(struct limit *l, const char *host, int64_t now);
/** Closes a host for @duration whatever its breaker says (a block page). */
void limit_block(struct limit *l, const char *host, int64_t now, int64_t duration, const char *reason);

int limit_status(struct limit *l, const char *host, int64_t now, struct limit_status *out);
/** Every declared host, by name.  fn returns 0 to go on. */
int limit_each(struct limit *l, int64_t now, int (*fn)(void *arg, const struct limit_status *s), void *arg);

#endif
