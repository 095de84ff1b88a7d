/* SPDX-License-Identifier: GPL-3.0-or-later */
/** When what is searched: order of sources, shares of a day, pauses. */
#include "tests/unit/unit.h"

#include <stdbool.h>

#include "common/clock.h"
#include "indexer/search/plan.h"

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)

static const struct plan_source remote = {"remote", false, 0}, local = {"local", true, 0};

static void few_volumes_are_looked_for_everywhere_in_the_order_of_the_list(void **state)
{
	const struct plan_source sources[] = {remote, local};
	size_t order[2];
	(void)state;
	assert_false(plan_order(sources, 2, 19, 20, order));
	assert_int_equal(order[0], 0);
	assert_int_equal(order[1], 1);
}

static void of_many_volumes_local_sources_come_first(void **state)
{
	const struct plan_source sources[] = {remote, local};
	size_t order[2];
	(void)state;
	assert_true(plan_order(sources, 2, 20, 20, order));
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 0);
}

static void who_fails_comes_after_who_answers(void **state)
{
	const struct plan_source sources[] = {{"a", true, 3}, {"b", false, 0}, {"c", true, 0}, {"d", false, 1}};
	static const size_t many[] = {2, 1, 0, 3}, few[] = {1, 2, 0, 3};
	size_t order[4];
	(void)state;
	assert_true(plan_order(sources, 4, 100, 20, order));
	assert_memory_equal(order, many, sizeof many);
	assert_false(plan_order(sources, 4, 1, 20, order));
	assert_memory_equal(order, few, sizeof few);
	assert_false(plan_order(NULL, 0, 1, 20, order));
}

static struct limit_status status_of(int per_day, int64_t day, int64_t used)
{
	return (struct limit_status){.rule = {.per_day = per_day}, .row = {.day = day, .used_day = used}};
}

static void a_day_is_spread_over_the_day(void **state)
{
	const int64_t day = 20000, start = day * DAY_NS, noon = start + 12 * HOUR_NS;
	struct limit_status s = status_of(100, day, 0);
	(void)state;
	/* without a limit nothing waits */
	s.rule.per_day = 0;
	assert_int_equal(plan_pace(&s, noon, 0, 1), noon);
	s = status_of(100, day, 52);
	assert_int_equal(plan_pace(&s, noon, 0, 1), noon);
	s = status_of(100, day, 53);
	assert_in_range(plan_pace(&s, noon, 0, 1), noon + 1, noon + 17 * MINUTE_NS);
	/* after an outage much is left: one by one all the same, but for the first few */
	s = status_of(100, day, 20);
	s.row.recent[0] = noon - MINUTE_NS;
	assert_in_range(plan_pace(&s, noon, 0, 1), noon + 15 * MINUTE_NS, noon + 16 * MINUTE_NS);
	s.row.used_day = 9;
	assert_int_equal(plan_pace(&s, noon, 0, 1), noon);
	/* what was used yesterday does not count */
	s = status_of(100, day - 1, 100);
	assert_int_equal(plan_pace(&s, noon, 0, 1), noon);
	/* nothing is left */
	s = status_of(100, day, 100);
	assert_int_equal(plan_pace(&s, noon, 0, 1), start + DAY_NS);
}

static void what_feeds_need_is_left_to_them(void **state)
{
	const int64_t day = 20000, start = day * DAY_NS, late = start + 23 * HOUR_NS;
	struct limit_status s = status_of(100, day, 90);
	(void)state;
	/* two more readings today, each of one page; then of three */
	assert_int_equal(plan_pace(&s, late, 50 * MINUTE_NS, 1), late);
	assert_int_equal(plan_pace(&s, late, 50 * MINUTE_NS, 3), start + DAY_NS);
	/* a feed that needs the whole day */
	s = status_of(20, day, 0);
	assert_int_equal(plan_pace(&s, start, 50 * MINUTE_NS, 1), start + DAY_NS);
}

/** Whoever asks as often as he may, at any moment of the day, never uses more than there is. */
static void a_day_is_never_overdrawn(void **state)
{
	(void)state;
	for (int per_day = 1; per_day <= 2000; per_day = per_day * 3 + 1) {
		const int64_t day = 20000, end = (day + 1) * DAY_NS;
		int64_t used = 0, steps = 0;
		for (int64_t now = day * DAY_NS; now < end; steps++) {
			struct limit_status s = status_of(per_day, day, used);
			int64_t at = plan_pace(&s, now, 0, 1);
			assert_true(at >= now);
			if (at > now)
				now = at;
			else
				used++, now += NS_PER_S;
			assert_true(steps < 100000);
		}
		assert_in_range(used, per_day - 1 - per_day / 20, per_day - per_day / 25);
	}
}

static void empty_answers_are_asked_for_less_and_less(void **state)
{
	(void)state;
	assert_int_equal(plan_negative(DAY_NS, 0), DAY_NS);
	assert_int_equal(plan_negative(DAY_NS, 1), DAY_NS);
	assert_int_equal(plan_negative(DAY_NS, 2), 2 * DAY_NS);
	assert_int_equal(plan_negative(DAY_NS, 5), 16 * DAY_NS);
	assert_int_equal(plan_negative(DAY_NS, 6), 30 * DAY_NS);
	assert_int_equal(plan_negative(DAY_NS, INT64_MAX), 30 * DAY_NS);
	assert_int_equal(plan_negative(90 * DAY_NS, 1), 30 * DAY_NS);
}

static void pauses_grow_to_a_day(void **state)
{
	(void)state;
	assert_int_equal(plan_backoff(1), MINUTE_NS);
	assert_int_equal(plan_backoff(5), HOUR_NS);
	assert_int_equal(plan_backoff(9), DAY_NS);
	assert_int_equal(plan_backoff(INT64_MAX), DAY_NS);
	assert_int_equal(plan_backoff(0), MINUTE_NS);
	for (int i = 0; i < 1000; i++)
		assert_in_range(plan_jitter(HOUR_NS), HOUR_NS / 2, HOUR_NS);
	assert_int_equal(plan_jitter(1), 1);
	assert_int_equal(plan_jitter(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_volumes_are_looked_for_everywhere_in_the_order_of_the_list),
		cmocka_unit_test(of_many_volumes_local_sources_come_first),
		cmocka_unit_test(who_fails_comes_after_who_answers),
		cmocka_unit_test(a_day_is_spread_over_the_day),
		cmocka_unit_test(what_feeds_need_is_left_to_them),
		cmocka_unit_test(a_day_is_never_overdrawn),
		cmocka_unit_test(empty_answers_are_asked_for_less_and_less),
		cmocka_unit_test(pauses_grow_to_a_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
