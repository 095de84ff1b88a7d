/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Changes of what store_find.h asks about.  Only indexer/load/ calls these, inside a transaction, as
 * in store_write.h.
 */
#ifndef COMMON_STORE_WRITE_FIND_H
#define COMMON_STORE_WRITE_FIND_H

#include "common/store_find.h"
#include "common/store_write.h"

/** @touched: the series is settled again, because what is expected of it changed. */
int store_set_wish(struct store *s, const struct store_wish *w, struct store_touched *touched);
int store_set_authority(struct store *s, const struct store_authority *a,
			struct store_touched *touched);

/** What a source said of one series. */
struct store_answer {
	struct store_searched said;
	const struct store_result *results;
	size_t count;
	/** Posts of a feed, or old results judged anew: `said` is not written. */
	bool is_partial;
	/** An answer that was still known; else somebody was asked. */
	bool is_hit;
	int64_t now;
};
int store_put_answer(struct store *s, const struct store_answer *a);
/** The user wants it searched now. */
int store_order_search(struct store *s, const char *key, const char *source, int64_t at);
/** All that is monitored and due. */
int store_order_due(struct store *s, const char *source, bool monitored, int64_t at);
/** He does not any more. */
int store_unorder_searches(struct store *s);

/** One hand-over that shall happen. */
struct store_grab {
	int64_t result;
	/** When the result does not say which volumes it holds: the one it is taken for; -1 none. */
	int64_t volume;
	bool automatic;
	int64_t now;
	/** An automatic one that is refused is not tried again before. */
	int64_t retry_at;
};
/**
 * Makes the intent: *handed is its id.  -EEXIST: that very release was handed over before (*handed
 * says which row) or a client has the volumes already; -ENOENT: no such result; -ESRCH: it holds no
 * volume that is missing.
 */
int store_grab(struct store *s, const struct store_grab *grab, int64_t *handed);
/**
 * @request_state, @reason: of the requests that it is for, unless they have arrived; NULL: they stay.  @retry_at: when one
 * that failed or is gone is wanted again (twice as long after each failure of its volume); INT64_MAX never by itself.
 */
int store_set_handed(struct store *s, const struct store_handed *h, const char *request_state,
		     const char *reason, int64_t retry_at);
/** Requests of the series that are wanted again by @now: the next best result of each, never one that was handed over
 * before.  Where there is none they stay as they are until one is found. */
int store_choose_again(struct store *s, int64_t series, int64_t now);
/** A request and the state of it that somebody was told of. */
struct store_told {
	int64_t request;
	char state[16];
};
/** A request that changed meanwhile is told again. */
int store_set_told(struct store *s, const struct store_told *told);
/** Forgets what arrived or ended before @time. */
int store_purge_requests(struct store *s, int64_t time);

int store_put_host(struct store *s, const struct store_host *h);
int store_put_feed(struct store *s, const char *source, const struct store_feed *f);

/* --- called when a series is settled (store_settle_series.c) --- */

/** What the missing volumes of a series are now: finds are chosen anew, and what is owned has arrived. */
int store_settle_requests(struct store *s, int64_t series, const struct store_gaps *gaps);

#endif
