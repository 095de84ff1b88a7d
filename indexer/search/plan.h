/* SPDX-License-Identifier: GPL-3.0-or-later */
/** When to search what: the rules, without any state.  Times are nanoseconds. */
#ifndef INDEXER_SEARCH_PLAN_H
#define INDEXER_SEARCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indexer/net/limit.h"

struct plan_source {
	const char *name;
	bool is_local;
	/** Attempts in a row that it did not answer. */
	int failures;
};

/**
 * In which order sources are asked when @wanted volumes are looked for: fills @order with indexes of
 * @sources.  Fewer than @many: as configured; from there on local ones first and remote ones last.
 * One that fails is asked after those that answer.  Returns whether remote ones are only asked
 * for what local ones lack.
 */
bool plan_order(const struct plan_source *sources, size_t n, int64_t wanted, int64_t many,
		size_t *order);

/** How often a feed of which a reading takes @calls can be read within a day's budget (0: none); at most
 * every @interval (0: never). */
int64_t plan_feed(int64_t interval, int calls, int64_t per_day);

/** Whether any search may use a call now: what feeds will need today is left to them, whoever orders.
 * Returns @now or when to ask again; as plan_pace(). */
int64_t plan_room(const struct limit_status *s, int64_t now, int64_t feed_interval, int feed_calls);

/**
 * Whether a search that nobody ordered may use a call now: a day's budget is spread over the day,
 * and what feeds will need is left to them.  Returns @now or when to ask again.
 * @feed_interval: 0 without a feed; @feed_calls: what reading it costs.
 */
int64_t plan_pace(const struct limit_status *s, int64_t now, int64_t feed_interval, int feed_calls);

/** After so many empty answers in a row (the last included): how long the series is left alone. */
int64_t plan_negative(int64_t negative, int64_t streak);

/** After so many failures in a row (the last included), without jitter. */
int64_t plan_backoff(int64_t failures);

/** Somewhere between half of it and all of it: full jitter would ask too soon what just failed. */
int64_t plan_jitter(int64_t duration);

#endif
