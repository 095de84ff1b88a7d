/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/search/plan.h"

#include <sys/random.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)

enum {
	/** Searches that need not wait for their share of the day: who starts sees something.  The rest is spread
	 * so evenly that any 24 hours hold a day's number and no more: whoever counts may begin
	 * his day at another hour, and our clock may be wrong. */
	BURST = 10,
	/** Of so many calls of a day one is left alone: our midnight may not be theirs. */
	SPARE = 25,
	/** What feeds may use of a day's budget: whoever has many is read less often, and searches go on.
	 * Three can be read within the hour with a hundred calls. */
	FEED_PERCENT = 75,
};

/** By the size of the list: which rows of the order count. */
static const struct {
	/** Of `many`. */
	int64_t from;
	bool local_first;
} orders[] = {
	{0, false},
	{1, true},
};

static bool is_local_first(int64_t wanted, int64_t many)
{
	bool first = false;
	for (size_t i = 0; i < COUNT_OF(orders); i++)
		if (wanted >= orders[i].from * many)
			first = orders[i].local_first;
	return first;
}

/** Smaller is earlier. */
static int rank(const struct plan_source *s, bool local_first)
{
	return (s->failures > 0 ? 2 : 0) + (local_first && !s->is_local ? 1 : 0);
}

bool plan_order(const struct plan_source *sources, size_t n, int64_t wanted, int64_t many,
		size_t *order)
{
	bool local_first = is_local_first(wanted, many);
	size_t used = 0;
	for (int r = 0; r < 4; r++)
		for (size_t i = 0; i < n; i++)
			if (rank(&sources[i], local_first) == r)
				order[used++] = i;
	return local_first;
}

int64_t plan_feed(int64_t interval, int calls, int64_t per_day)
{
	int64_t most = per_day * FEED_PERCENT / 100;
	int64_t least = per_day ? DAY_NS / (most > 0 ? most : 1) * (calls > 0 ? calls : 1) : 0;
	return !interval || interval > least ? interval : least;
}

/** Calls of a day that are used: one in SPARE is left alone. */
static int64_t most_of(const struct limit_status *s)
{
	return s->rule.per_day - s->rule.per_day / SPARE;
}

static int64_t used_of(const struct limit_status *s, int64_t now)
{
	return s->row.day == now / DAY_NS ? s->row.used_day : 0;
}

int64_t plan_room(const struct limit_status *s, int64_t now, int64_t feed_interval, int feed_calls)
{
	int64_t end = now - now % DAY_NS + DAY_NS, most = most_of(s);
	int64_t reserve = feed_interval ? ((end - now) / feed_interval + 1) * feed_calls : 0;
	return most && used_of(s, now) + reserve >= most ? end : now;
}

int64_t plan_pace(const struct limit_status *s, int64_t now, int64_t feed_interval, int feed_calls)
{
	int64_t start = now - now % DAY_NS, end = start + DAY_NS;
	int64_t most = most_of(s), used = used_of(s, now);
	int64_t room = plan_room(s, now, feed_interval, feed_calls);
	if (!most || room > now)
		return room;
	int64_t burst = most < 4 * BURST ? most / 4 + 1 : BURST;
	if (most <= burst)
		return used < burst ? now : end;
	int64_t apart = DAY_NS / (most - burst), last = s->row.recent[0];
	int64_t at = used < burst ? now : start + (used - burst + 1) * apart;
	/* what was not used while it was away is not made good at once */
	if (used >= burst && last <= now && last + apart > at)
		at = last + apart;
	return at > now ? at : now;
}

int64_t plan_negative(int64_t negative, int64_t streak)
{
	const int64_t most = 30 * DAY_NS;
	int64_t wait = negative;
	for (int64_t i = 1; i < streak && wait < most; i++)
		wait *= 2;
	return wait < most ? wait : most;
}

int64_t plan_backoff(int64_t failures)
{
	static const int64_t minutes[] = {1, 5, 15, 30, 60, 180, 360, 720, 1440};
	size_t i = failures > 0 ? (size_t)failures - 1 : 0;
	return minutes[i < COUNT_OF(minutes) ? i : COUNT_OF(minutes) - 1] * MINUTE_NS;
}

int64_t plan_jitter(int64_t duration)
{
	uint64_t random = 0;
	if (duration < 2 || getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		return duration;
	return duration / 2 + (int64_t)(random % (uint64_t)(duration / 2 + 1));
}
