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

enum { OUTCOMES = 64 };

struct life {
	/** What was kept last. */
	struct limit_row row, part_row;
	struct limit *limit;
	struct limit_rule rule;
	/** Of "part", which is within "a" and makes most of the calls; per_minute 0: there is none. */
	struct limit_rule part;
	/** All, and the part's. */
	VEC(int64_t) starts;
	VEC(int64_t) part_starts;
	uint64_t random;
	/** The latest moment before which the host asked not to be called. */
	int64_t silent_until;
	/* calls under way: when they end */
	int64_t ends[OUTCOMES];
	const char *name[OUTCOMES];
	int restarts, refusals, opened;
};

static int keep(void *arg, const struct limit_row *row)
{
	struct life *f = arg;
	*(row->name[0] == 'a' ? &f->row : &f->part_row) = *row;
	return 0;
}

static uint64_t pick(struct life *f, uint64_t n)
{
	f->random = f->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (f->random >> 33) % n;
}

static void restart(struct life *f)
{
	limit_free(f->limit);
	assert_int_equal(limit_new(keep, f, &f->limit), 0);
	limit_seed(f->limit, f->random);
	assert_int_equal(limit_declare(f->limit, "a", &f->rule), 0);
	if (*f->row.name)
		assert_int_equal(limit_restore(f->limit, &f->row), 0);
	if (f->part.per_minute)
		assert_int_equal(limit_declare(f->limit, "part", &f->part), 0);
	if (*f->part_row.name)
		assert_int_equal(limit_restore(f->limit, &f->part_row), 0);
	/* killed: what was under way never told how it ended */
	memset(f->ends, 0, sizeof f->ends);
	f->restarts++;
}

static void end_one(struct life *f, const char *name, int64_t now, bool is_storm)
{
	uint64_t dice = pick(f, is_storm ? 10 : 400);
	if (dice >= 5 && (!is_storm || dice == 9)) {
		limit_ok(f->limit, name, now);
	} else if (dice == 0) {
		int64_t wait = (int64_t)pick(f, 900) * NS_PER_S;
		limit_fail(f->limit, name, now, wait, LIMIT_REFUSED, "HTTP 429");
		f->silent_until = now + wait > f->silent_until ? now + wait : f->silent_until;
		f->refusals++;
	} else if (dice == 1) {
		limit_drop(f->limit, name, now);
	} else {
		limit_fail(f->limit, name, now, -1, LIMIT_ERROR, "down");
	}
	f->opened += status(f->limit, now).state == LIMIT_OPEN;
}

static void end_calls(struct life *f, int64_t now, bool is_storm)
{
	for (int i = 0; i < OUTCOMES; i++)
		if (f->ends[i] && f->ends[i] <= now) {
			f->ends[i] = 0;
			end_one(f, f->name[i], now, is_storm);
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
	const char *name = f->part.per_minute && pick(f, 3) ? "part" : "a";
	struct limit_status s;
	assert_int_equal(limit_status(f->limit, name, now, &s), 0);
	int r = limit_take(f->limit, name, now, &at);
	assert_int_equal(r, s.next_at > now ? -EAGAIN : 0);
	if (r == 0) {
		assert_true(now >= f->silent_until);
		assert_true(s.state != LIMIT_OPEN);
		*vec_add(&f->starts) = now;
		if (name[0] == 'p')
			*vec_add(&f->part_starts) = now;
		f->name[place] = name;
		f->ends[place] = now + (int64_t)pick(f, 20 * 1000) * NS_PER_MS;
	}
}

static void check_starts(const int64_t *t, size_t n, const struct limit_rule *rule)
{
	size_t minute = (size_t)rule->per_minute, day = (size_t)rule->per_day;
	for (size_t i = 0; i < n; i++) {
		if (minute && i + minute < n)
			assert_true(t[i + minute] - t[i] > MINUTE);
		if (i + 1 < n)
			assert_true(t[i + 1] - t[i] >= rule->distance);
		if (day && i + day < n)
			assert_true(t[i + day] / DAY > t[i] / DAY);
	}
}

/** @pace: calls that are tried at each moment, at most. */
static void live(struct limit_rule rule, struct limit_rule part, uint64_t pace, uint64_t seed, size_t least)
{
	struct life f = {.rule = rule, .part = part, .random = seed};
	int64_t now = START, end = START + 7 * DAY;
	restart(&f);
	while (now < end) {
		/* a night's storm every second day */
		bool is_storm = now / DAY % 2 && now % DAY < 2 * HOUR;
		end_calls(&f, now, is_storm);
		if (pick(&f, 2000) == 0)
			restart(&f);
		for (uint64_t burst = pick(&f, pace); burst; burst--)
			try_call(&f, now);
		now += (int64_t)pick(&f, pick(&f, 50) ? 4000 : 400000) * NS_PER_MS;
	}
	check_starts(f.starts.data, f.starts.len, &rule);
	check_starts(f.part_starts.data, f.part_starts.len, &part);
	assert_true(f.starts.len >= least);
	assert_true(f.restarts > 20 && f.refusals > 5 && f.opened > 5);
	assert_int_equal(f.row.calls, f.starts.len);
	assert_int_equal(f.part_row.calls, f.part_starts.len);
	assert_true(!part.per_minute || f.part_starts.len > least / 4);
	limit_free(f.limit);
	vec_clear(&f.starts);
	vec_clear(&f.part_starts);
}

static void seven_days_break_no_rule(void **state)
{
	const struct limit_rule none = {0};
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		live((struct limit_rule){.per_minute = 30}, none, 4, seed, 40000);
		live((struct limit_rule){.per_minute = 60, .per_day = 5000}, none, 4, seed, 25000);
		live((struct limit_rule){.distance = 10 * NS_PER_S, .per_minute = 4}, none, 4, seed, 10000);
		live((struct limit_rule){.per_minute = 1, .per_day = 300, .failures = 2}, none, 4, seed, 1000);
	}
}

static void seven_days_of_a_part_break_neither_rule(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		live((struct limit_rule){.per_minute = 200},
		     (struct limit_rule){.per_minute = 60, .within = "a"}, 40, seed, 200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seven_days_break_no_rule),
		cmocka_unit_test(seven_days_of_a_part_break_neither_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
