/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/thread.h"
#include "indexer/net/limit.h"

#define MINUTE (60 * NS_PER_S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
/* a day's start, in 2026 */
#define START (INT64_C(20500) * DAY)

static struct limit *made(const struct limit_rule *rule)
{
	struct limit *l;
	assert_int_equal(limit_new(NULL, NULL, &l), 0);
	limit_seed(l, 1);
	assert_int_equal(limit_declare(l, "a", rule), 0);
	return l;
}

static struct limit_status status(struct limit *l, int64_t now)
{
	struct limit_status s;
	assert_int_equal(limit_status(l, "a", now, &s), 0);
	return s;
}

static void call(struct limit *l, int64_t now, bool ok)
{
	int64_t at;
	assert_int_equal(limit_take(l, "a", now, &at), 0);
	if (ok)
		limit_ok(l, "a", now);
	else
		limit_fail(l, "a", now, -1, LIMIT_ERROR, "it failed");
}

/* --- the rules one by one --- */

static void hosts_are_declared_first(void **state)
{
	struct limit *l = made(&(struct limit_rule){0});
	int64_t at;
	char name[LIMIT_NAME + 1];
	(void)state;
	assert_int_equal(limit_take(l, "b", START, &at), -ENOENT);
	assert_int_equal(limit_declare(l, "", &(struct limit_rule){0}), -EINVAL);
	assert_int_equal(limit_declare(l, "b", &(struct limit_rule){.per_minute = LIMIT_MINUTE_MOST + 1}), -EINVAL);
	assert_int_equal(limit_declare(l, "b", &(struct limit_rule){.per_day = -1}), -EINVAL);
	memset(name, 'x', LIMIT_NAME);
	name[LIMIT_NAME] = '\0';
	assert_int_equal(limit_declare(l, name, &(struct limit_rule){0}), -EINVAL);
	/* outcomes of nobody do no harm */
	limit_ok(l, "b", START);
	limit_fail(l, "b", START, -1, LIMIT_REFUSED, "");
	limit_drop(l, "b", START);
	limit_block(l, "b", START, HOUR, "");
	limit_free(l);
}

static void a_minute_has_so_many_calls(void **state)
{
	struct limit *l = made(&(struct limit_rule){.per_minute = 3});
	int64_t at;
	(void)state;
	for (int i = 0; i < 3; i++)
		call(l, START + i * NS_PER_S, true);
	assert_int_equal(limit_take(l, "a", START + 3 * NS_PER_S, &at), -EAGAIN);
	assert_int_equal(at, START + MINUTE + 1);
	struct limit_status s = status(l, START + 3 * NS_PER_S);
	assert_int_equal(s.used_minute, 3);
	assert_int_equal(s.left_minute, 0);
	assert_int_equal(s.left_day, -1);
	assert_int_equal(s.next_at, at);
	assert_int_equal(limit_take(l, "a", at - 1, &at), -EAGAIN);
	call(l, at, true);
	assert_int_equal(limit_take(l, "a", at, &at), -EAGAIN);
	assert_int_equal(at, START + NS_PER_S + MINUTE + 1);
	limit_free(l);
}

static void a_day_has_so_many_calls_and_ends_at_midnight(void **state)
{
	struct limit *l = made(&(struct limit_rule){.per_day = 2});
	int64_t at, evening = START + 23 * HOUR;
	(void)state;
	call(l, evening, true);
	call(l, evening, true);
	assert_int_equal(limit_take(l, "a", evening, &at), -EAGAIN);
	assert_int_equal(at, START + DAY);
	assert_int_equal(status(l, evening).left_day, 0);
	assert_int_equal(limit_take(l, "a", START + DAY - 1, &at), -EAGAIN);
	call(l, START + DAY, true);
	assert_int_equal(status(l, START + DAY).left_day, 1);
	assert_int_equal(status(l, START + DAY).row.calls, 3);
	limit_free(l);
}

static void calls_keep_their_distance(void **state)
{
	struct limit *l = made(&(struct limit_rule){.distance = 5 * MINUTE});
	int64_t at;
	(void)state;
	call(l, START, true);
	assert_int_equal(limit_take(l, "a", START + 5 * MINUTE - 1, &at), -EAGAIN);
	assert_int_equal(at, START + 5 * MINUTE);
	call(l, at, true);
	limit_free(l);
}

static void retry_after_is_obeyed_by_the_nanosecond(void **state)
{
	struct limit *l = made(&(struct limit_rule){0});
	int64_t at;
	(void)state;
	assert_int_equal(limit_take(l, "a", START, &at), 0);
	assert_int_equal(limit_take(l, "a", START, &at), 0);
	limit_fail(l, "a", START, 90 * NS_PER_S, LIMIT_REFUSED, "HTTP 429");
	/* a success that was under way does not end the silence; nor does a shorter one */
	limit_ok(l, "a", START + 1);
	limit_block(l, "a", START + 2, NS_PER_S, "shorter");
	assert_int_equal(limit_take(l, "a", START + 90 * NS_PER_S - 1, &at), -EAGAIN);
	assert_int_equal(at, START + 90 * NS_PER_S);
	struct limit_status s = status(l, START + 3);
	assert_int_equal(s.state, LIMIT_OPEN);
	assert_string_equal(s.row.reason, "HTTP 429");
	assert_int_equal(s.row.refusals, 1);
	assert_int_equal(s.row.refused_day, 1);
	call(l, at, true);
	s = status(l, at);
	assert_int_equal(s.row.open_at, 0);
	assert_string_equal(s.row.reason, "");
	limit_free(l);
}

static void a_refusal_without_a_time_is_a_minute(void **state)
{
	struct limit *l = made(&(struct limit_rule){0});
	int64_t at;
	(void)state;
	assert_int_equal(limit_take(l, "a", START, &at), 0);
	limit_fail(l, "a", START, -1, LIMIT_REFUSED, "HTTP 429");
	assert_int_equal(limit_take(l, "a", START + MINUTE - 1, &at), -EAGAIN);
	call(l, START + MINUTE, true);
	limit_free(l);
}

static void a_block_closes_a_host_whatever_its_breaker_says(void **state)
{
	struct limit *l = made(&(struct limit_rule){0});
	int64_t at;
	(void)state;
	call(l, START, true);
	limit_block(l, "a", START, 12 * HOUR, "it refuses us");
	assert_int_equal(limit_take(l, "a", START + 12 * HOUR - 1, &at), -EAGAIN);
	assert_string_equal(status(l, START + HOUR).row.reason, "it refuses us");
	call(l, START + 12 * HOUR, true);
	limit_free(l);
}

/* --- the breaker --- */

static const int64_t ladder[] = {
	MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, DAY, DAY,
};

static void the_breaker_climbs_its_ladder(void **state)
{
	int64_t longest[COUNT_OF(ladder)] = {0};
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct limit *l = made(&(struct limit_rule){0});
		int64_t now = START;
		limit_seed(l, seed);
		for (int i = 0; i < 4; i++) {
			call(l, now, false);
			assert_int_equal(status(l, now).state, LIMIT_CLOSED);
		}
		for (size_t step = 0; step < COUNT_OF(ladder); step++) {
			int64_t at;
			call(l, now, false);
			assert_int_equal(status(l, now).state, LIMIT_OPEN);
			assert_int_equal(limit_take(l, "a", now, &at), -EAGAIN);
			assert_in_range(at - now, NS_PER_S, ladder[step]);
			if (at - now > longest[step])
				longest[step] = at - now;
			assert_int_equal(status(l, at).state, LIMIT_HALF_OPEN);
			now = at;
		}
		call(l, now, true);
		assert_int_equal(status(l, now).state, LIMIT_CLOSED);
		assert_int_equal(status(l, now).row.streak, 0);
		limit_free(l);
	}
	/* jitter is full: it reaches up to the rung */
	for (size_t step = 0; step < COUNT_OF(ladder); step++)
		assert_true(longest[step] > ladder[step] * 9 / 10);
}

static void one_call_probes_at_a_time(void **state)
{
	struct limit *l = made(&(struct limit_rule){.failures = 1});
	int64_t at, again;
	(void)state;
	call(l, START, false);
	assert_int_equal(limit_take(l, "a", START, &at), -EAGAIN);
	assert_int_equal(limit_take(l, "a", at, &again), 0);
	assert_int_equal(limit_take(l, "a", at, &again), -EAGAIN);
	assert_true(again > at);
	/* a probe that reached nobody leaves its place to another */
	limit_drop(l, "a", at);
	assert_int_equal(limit_take(l, "a", at, &again), 0);
	limit_ok(l, "a", at);
	call(l, at, true);
	limit_free(l);
}

static void calls_under_way_do_not_climb(void **state)
{
	struct limit *l = made(&(struct limit_rule){0});
	int64_t at;
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(limit_take(l, "a", START, &at), 0);
	for (int i = 0; i < 20; i++)
		limit_fail(l, "a", START, -1, LIMIT_ERROR, "down");
	struct limit_status s = status(l, START);
	assert_int_equal(s.row.streak, 5);
	assert_int_equal(s.row.failures, 20);
	assert_in_range(s.row.open_at - START, NS_PER_S, MINUTE);
	limit_free(l);
}

static void who_is_away_is_asked_again_within_half_an_hour(void **state)
{
	struct limit *l = made(&(struct limit_rule){.per_day = 3});
	int64_t at, now = START;
	(void)state;
	/* three days: more calls than a day has, for none of them arrived */
	for (int calls = 0; now < START + 3 * DAY; calls++) {
		assert_true(calls < 100000);
		while (limit_take(l, "a", now, &at) == -EAGAIN)
			now = at;
		limit_fail(l, "a", now, -1, LIMIT_ABSENT, "no connection");
		struct limit_status s = status(l, now);
		assert_true(s.row.open_at <= now + HOUR / 2);
		assert_int_equal(s.row.used_day, 0);
		now += NS_PER_S;
	}
	/* one error after its return weighs no more than after half an hour */
	while (limit_take(l, "a", now, &at) == -EAGAIN)
		now = at;
	limit_fail(l, "a", now, -1, LIMIT_ERROR, "HTTP 502");
	assert_true(status(l, now).row.open_at <= now + HOUR);
	assert_int_equal(status(l, now).row.used_day, 1);
	limit_free(l);
}

static void a_success_between_failures_keeps_it_closed(void **state)
{
	struct limit *l = made(&(struct limit_rule){0});
	(void)state;
	for (int i = 0; i < 40; i++)
		call(l, START + i, i % 5 == 4);
	assert_int_equal(status(l, START + 40).state, LIMIT_CLOSED);
	limit_free(l);
}

/* --- a clock that steps --- */

static void a_clock_set_back_locks_nobody_longer_than_the_rules(void **state)
{
	static const int64_t back[] = {6 * NS_PER_S, HOUR, 365 * DAY, START - 1};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(back); i++) {
		struct limit *l = made(&(struct limit_rule){.per_minute = 2, .distance = 10 * NS_PER_S});
		int64_t at, now = START - back[i];
		call(l, START - 20 * NS_PER_S, true);
		call(l, START, true);
		assert_int_equal(limit_take(l, "a", now, &at), -EAGAIN);
		assert_in_range(at - now, 10 * NS_PER_S, MINUTE + 1);
		assert_int_equal(limit_take(l, "a", at, &at), 0);
		limit_fail(l, "a", at, HOUR, LIMIT_REFUSED, "HTTP 429");
		now = at > 2 * HOUR ? at - 2 * HOUR : 1;
		assert_int_equal(limit_take(l, "a", now, &at), -EAGAIN);
		/* the hour is not over sooner, nor much later */
		assert_in_range(at - now, HOUR - 5 * NS_PER_S, HOUR + 5 * NS_PER_S);
		limit_free(l);
	}
}

static void a_clock_set_back_gives_no_second_day(void **state)
{
	struct limit *l = made(&(struct limit_rule){.per_day = 2});
	int64_t at;
	(void)state;
	call(l, START + DAY, true);
	call(l, START + DAY, true);
	assert_int_equal(limit_take(l, "a", START + 12 * HOUR, &at), -EAGAIN);
	assert_int_equal(at, START + DAY);
	call(l, at, true);
	limit_free(l);
}

static void threads_that_read_the_clock_out_of_order_gain_nothing(void **state)
{
	struct limit *l = made(&(struct limit_rule){.per_minute = 1});
	int64_t at;
	(void)state;
	call(l, START, true);
	assert_int_equal(limit_take(l, "a", START - 3 * NS_PER_S, &at), -EAGAIN);
	assert_int_equal(at, START + MINUTE + 1);
	limit_free(l);
}

static void two_hundred_a_minute_and_no_more(void **state)
{
	struct limit *l = made(&(struct limit_rule){.per_minute = LIMIT_MINUTE_MOST});
	int64_t at;
	(void)state;
	for (int i = 0; i < LIMIT_MINUTE_MOST; i++)
		call(l, START + i, true);
	assert_int_equal(limit_take(l, "a", START + NS_PER_S, &at), -EAGAIN);
	assert_int_equal(at, START + MINUTE + 1);
	struct limit_row row = status(l, START + NS_PER_S).row;
	assert_int_equal(limit_recent(&row), LIMIT_MINUTE_MOST);
	limit_free(l);
}

/* --- kept --- */

struct store {
	struct limit_row row;
	int saves, error;
};

static int keep(void *arg, const struct limit_row *row)
{
	struct store *s = arg;
	if (s->error)
		return s->error;
	s->row = *row;
	s->saves++;
	return 0;
}

static void what_cannot_be_counted_is_not_called(void **state)
{
	struct store store = {.error = -ENOSPC};
	struct limit *l;
	int64_t at;
	(void)state;
	assert_int_equal(limit_new(keep, &store, &l), 0);
	limit_declare(l, "a", &(struct limit_rule){.per_minute = 1});
	assert_int_equal(limit_take(l, "a", START, &at), -ENOSPC);
	assert_int_equal(status(l, START).row.calls, 0);
	store.error = 0;
	/* the slot was not lost */
	assert_int_equal(limit_take(l, "a", START, &at), 0);
	assert_int_equal(store.saves, 1);
	assert_int_equal(store.row.used_day, 1);
	assert_int_equal(store.row.recent[0], START);
	/* an outcome that cannot be kept still counts here */
	store.error = -EIO;
	limit_fail(l, "a", START, HOUR, LIMIT_REFUSED, "HTTP 429");
	assert_int_equal(limit_take(l, "a", START + MINUTE * 2, &at), -EAGAIN);
	limit_free(l);
}

static void rows_are_taken_up_before_and_after_the_declaration(void **state)
{
	struct limit_row row = {.name = "a", .open_at = START + HOUR, .reason = "away", .day = START / DAY,
				.used_day = 7, .calls = 70};
	(void)state;
	for (int before = 0; before < 2; before++) {
		struct limit *l;
		int64_t at;
		limit_new(NULL, NULL, &l);
		if (before)
			assert_int_equal(limit_restore(l, &row), 0);
		if (before)
			assert_int_equal(limit_take(l, "a", START, &at), -ENOENT);
		limit_declare(l, "a", &(struct limit_rule){.per_day = 10});
		if (!before)
			assert_int_equal(limit_restore(l, &row), 0);
		assert_int_equal(limit_take(l, "a", START, &at), -EAGAIN);
		assert_int_equal(at, START + HOUR);
		assert_int_equal(status(l, START).left_day, 3);
		limit_free(l);
	}
}

static void damaged_rows_lock_nobody_for_ever(void **state)
{
	struct limit_row row;
	(void)state;
	for (int fill = 0; fill < 2; fill++) {
		struct limit *l = made(&(struct limit_rule){.per_minute = 30, .per_day = 10, .distance = HOUR});
		int64_t now = START, at = START;
		memset(&row, fill ? 0x7f : 0x80, sizeof row);
		memcpy(row.name, "a", 2);
		assert_int_equal(limit_restore(l, &row), 0);
		for (int i = 0; i < 5 && limit_take(l, "a", now, &at) == -EAGAIN; i++)
			now = at;
		assert_in_range(now, START, START + 33 * DAY);
		assert_true(strnlen(status(l, now).row.reason, 160) < 160);
		limit_free(l);
	}
	/* a streak below zero would keep the breaker shut; times out of order would hide calls */
	row = (struct limit_row){.name = "a", .streak = -1000, .recent = {START - HOUR, START, START}};
	struct limit *broken = made(&(struct limit_rule){.per_minute = 1});
	assert_int_equal(limit_restore(broken, &row), 0);
	assert_int_equal(status(broken, START).row.streak, 0);
	assert_int_equal(status(broken, START).row.recent[1], 0);
	limit_free(broken);
	memset(row.name, 'x', sizeof row.name);
	struct limit *l = made(&(struct limit_rule){0});
	assert_int_equal(limit_restore(l, &row), -EINVAL);
	limit_free(l);
}

static void starts_are_taken_up_however_many_were_kept(void **state)
{
	int64_t kept[LIMIT_MINUTE_MOST + 50] = {START + 2, START + 1, START};
	(void)state;
	/* of a version that kept 64, of one that keeps more, only those in use, none, and half of one */
	const size_t sizes[] = {64 * sizeof *kept, sizeof kept, 3 * sizeof *kept, 0, 3 * sizeof *kept + 5};
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct limit_row row = {.name = "a"};
		struct limit *l = made(&(struct limit_rule){.per_minute = 5});
		limit_set_recent(&row, sizes[i] ? kept : NULL, sizes[i]);
		assert_int_equal(limit_recent(&row), sizes[i] ? 3 : 0);
		assert_int_equal(limit_restore(l, &row), 0);
		assert_int_equal(status(l, START + 3).used_minute, sizes[i] ? 3 : 0);
		limit_free(l);
	}
}

static int collect(void *arg, const struct limit_status *s)
{
	char *names = arg;
	snprintf(names + strlen(names), 64 - strlen(names), "%s ", s->row.name);
	return s->row.name[0] == 'm' ? -ECANCELED : 0;
}

static void hosts_are_told_by_name(void **state)
{
	struct limit *l = made(&(struct limit_rule){0});
	char names[64] = "";
	(void)state;
	limit_declare(l, "prowlarr", &(struct limit_rule){0});
	limit_declare(l, "discord", &(struct limit_rule){0});
	assert_int_equal(limit_restore(l, &(struct limit_row){.name = "forgotten"}), 0);
	assert_int_equal(limit_each(l, START, collect, names), 0);
	assert_string_equal(names, "a discord prowlarr ");
	limit_declare(l, "m", &(struct limit_rule){0});
	*names = '\0';
	assert_int_equal(limit_each(l, START, collect, names), -ECANCELED);
	assert_string_equal(names, "a discord m ");
	limit_free(l);
}

/* --- threads --- */

struct shared {
	struct limit *limit;
	int taken;
};

static void *take_many(void *arg)
{
	struct shared *s = arg;
	int64_t at;
	for (int i = 0; i < 200; i++)
		if (limit_take(s->limit, "a", START + i * NS_PER_MS, &at) == 0) {
			s->taken++;
			limit_ok(s->limit, "a", START + i * NS_PER_MS);
		}
	return NULL;
}

static void threads_share_one_budget(void **state)
{
	struct limit *l = made(&(struct limit_rule){.per_minute = 50});
	struct shared shared[8];
	struct thread threads[8];
	int taken = 0;
	(void)state;
	for (int i = 0; i < 8; i++) {
		shared[i] = (struct shared){.limit = l};
		assert_int_equal(thread_start(&threads[i], "taker", take_many, &shared[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		thread_join(&threads[i]);
		taken += shared[i].taken;
	}
	assert_int_equal(taken, 50);
	limit_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_declared_first),
		cmocka_unit_test(a_minute_has_so_many_calls),
		cmocka_unit_test(a_day_has_so_many_calls_and_ends_at_midnight),
		cmocka_unit_test(calls_keep_their_distance),
		cmocka_unit_test(retry_after_is_obeyed_by_the_nanosecond),
		cmocka_unit_test(a_refusal_without_a_time_is_a_minute),
		cmocka_unit_test(a_block_closes_a_host_whatever_its_breaker_says),
		cmocka_unit_test(the_breaker_climbs_its_ladder),
		cmocka_unit_test(one_call_probes_at_a_time),
		cmocka_unit_test(calls_under_way_do_not_climb),
		cmocka_unit_test(who_is_away_is_asked_again_within_half_an_hour),
		cmocka_unit_test(a_success_between_failures_keeps_it_closed),
		cmocka_unit_test(a_clock_set_back_locks_nobody_longer_than_the_rules),
		cmocka_unit_test(a_clock_set_back_gives_no_second_day),
		cmocka_unit_test(threads_that_read_the_clock_out_of_order_gain_nothing),
		cmocka_unit_test(two_hundred_a_minute_and_no_more),
		cmocka_unit_test(what_cannot_be_counted_is_not_called),
		cmocka_unit_test(rows_are_taken_up_before_and_after_the_declaration),
		cmocka_unit_test(damaged_rows_lock_nobody_for_ever),
		cmocka_unit_test(starts_are_taken_up_however_many_were_kept),
		cmocka_unit_test(hosts_are_told_by_name),
		cmocka_unit_test(threads_share_one_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
