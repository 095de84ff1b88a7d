/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Seven days of calls, storms, silences and restarts, in a moment. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>

#include "common/clock.h"
#include "common/vec.h"
#include "indexer/net/limit.h"

#define MINUTE (60 * NS_PER_S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
/* a day's start, in 2026 */
#define START (INT64_C(20500) * DAY)

static struct limit_status status(struct limit *l, int64_t now)
{
	struct limit_status s;
	assert_int_equal(limit_status(l, "a", now, &s), 0);
	return s;
}

static int keep(void *arg, const struct limit_row *row)
{
	*(struct limit_row *)arg = *row;
	return 0;
}

enum { OUTCOMES = 8 };

struct life {
	/** What was kept last. */
	struct limit_row row;
	struct limit *limit;
	struct limit_rule rule;
	VEC(int64_t) starts;
	uint64_t random;
	/** The latest moment before which the host asked not to be called. */
	int64_t silent_until;
	/* calls under way: when they end */
	int64_t ends[OUTCOMES];
	int restarts, refusals, opened;
};

static uint64_t pick(struct life *f, uint64_t n)
{
	f->random = f->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (f->random >> 33) % n;
}

static void restart(struct life *f)
{
	limit_free(f->limit);
	assert_int_equal(limit_new(keep, &f->row, &f->limit), 0);
	limit_seed(f->limit, f->random);
	assert_int_equal(limit_declare(f->limit, "a", &f->rule), 0);
	if (*f->row.name)
		assert_int_equal(limit_restore(f->limit, &f->row), 0);
	/* killed: what was under way never told how it ended */
	memset(f->ends, 0, sizeof f->ends);
	f->restarts++;
}

static void end_one(struct life *f, int64_t now, bool is_storm)
{
	uint64_t dice = pick(f, is_storm ? 10 : 400);
	if (dice >= 5 && (!is_storm || dice == 9)) {
		limit_ok(f->limit, "a", now);
	} else if (dice == 0) {
		int64_t wait = (int64_t)pick(f, 900) * NS_PER_S;
		limit_fail(f->limit, "a", now, wait, true, "HTTP 429");
		f->silent_until = now + wait > f->silent_until ? now + wait : f->silent_until;
		f->refusals++;
	} else if (dice == 1) {
		limit_drop(f->limit, "a", now);
	} else {
		limit_fail(f->limit, "a", now, -1, false, "down");
	}
	f->opened += status(f->limit, now).state == LIMIT_OPEN;
}

static void end_calls(struct life *f, int64_t now, bool is_storm)
{
	for (int i = 0; i < OUTCOMES; i++)
		if (f->ends[i] && f->ends[i] <= now) {
			f->ends[i] = 0;
			end_one(f, now, is_storm);
		}
}

static void try_call(struct life *f, int64_t now)
{
	int64_t at;
	int place = 0;
	while (place < OUTCOMES && f->ends[place])
		place++;
	if (place == OUTCOMES)
		return;
	struct limit_status s = status(f->limit, now);
	int r = limit_take(f->limit, "a", now, &at);
	assert_int_equal(r, s.next_at > now ? -EAGAIN : 0);
	if (r == 0) {
		assert_true(now >= f->silent_until);
		assert_true(s.state != LIMIT_OPEN);
		*vec_add(&f->starts) = now;
		f->ends[place] = now + (int64_t)pick(f, 20 * 1000) * NS_PER_MS;
	}
}

static void check_starts(const struct life *f)
{
	size_t n = f->starts.len, minute = (size_t)f->rule.per_minute, day = (size_t)f->rule.per_day;
	const int64_t *t = f->starts.data;
	for (size_t i = 0; i < n; i++) {
		if (minute && i + minute < n)
			assert_true(t[i + minute] - t[i] > MINUTE);
		if (i + 1 < n)
			assert_true(t[i + 1] - t[i] >= f->rule.distance);
		if (day && i + day < n)
			assert_true(t[i + day] / DAY > t[i] / DAY);
	}
}

static void live(struct limit_rule rule, uint64_t seed, size_t least)
{
	struct life f = {.rule = rule, .random = seed};
	int64_t now = START, end = START + 7 * DAY;
	restart(&f);
	while (now < end) {
		/* a night's storm every second day */
		bool is_storm = now / DAY % 2 && now % DAY < 2 * HOUR;
		end_calls(&f, now, is_storm);
		if (pick(&f, 2000) == 0)
			restart(&f);
		for (uint64_t burst = pick(&f, 4); burst; burst--)
			try_call(&f, now);
		now += (int64_t)pick(&f, pick(&f, 50) ? 4000 : 400000) * NS_PER_MS;
	}
	check_starts(&f);
	assert_true(f.starts.len >= least);
	assert_true(f.restarts > 20 && f.refusals > 5 && f.opened > 5);
	assert_int_equal(f.row.calls, f.starts.len);
	limit_free(f.limit);
	vec_clear(&f.starts);
}

static void seven_days_break_no_rule(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		live((struct limit_rule){.per_minute = 30}, seed, 40000);
		live((struct limit_rule){.per_minute = 60, .per_day = 5000}, seed, 25000);
		live((struct limit_rule){.distance = 10 * NS_PER_S, .per_minute = 4}, seed, 10000);
		live((struct limit_rule){.per_minute = 1, .per_day = 300, .failures = 2}, seed, 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seven_days_break_no_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
