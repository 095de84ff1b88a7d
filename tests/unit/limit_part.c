/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Budgets that are a part of another one's. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>

#include "common/clock.h"
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

static void call(struct limit *l, int64_t now, bool ok)
{
	int64_t at;
	assert_int_equal(limit_take(l, "a", now, &at), 0);
	if (ok)
		limit_ok(l, "a", now);
	else
		limit_fail(l, "a", now, -1, LIMIT_ERROR, "it failed");
}

static struct limit *nested(limit_save_fn *save, void *arg)
{
	struct limit *l;
	assert_int_equal(limit_new(save, arg, &l), 0);
	limit_seed(l, 1);
	assert_int_equal(limit_declare(l, "a", &(struct limit_rule){.per_minute = 4}), 0);
	assert_int_equal(limit_declare(l, "part", &(struct limit_rule){.per_minute = 2, .within = "a"}), 0);
	return l;
}

static void a_part_needs_a_whole(void **state)
{
	struct limit *l = nested(NULL, NULL);
	(void)state;
	assert_int_equal(limit_declare(l, "x", &(struct limit_rule){.within = "nobody"}), -EINVAL);
	assert_int_equal(limit_declare(l, "x", &(struct limit_rule){.within = "x"}), -EINVAL);
	assert_int_equal(limit_declare(l, "x", &(struct limit_rule){.within = "part"}), -EINVAL);
	assert_int_equal(limit_declare(l, "b", &(struct limit_rule){0}), 0);
	assert_int_equal(limit_declare(l, "a", &(struct limit_rule){.within = "b"}), -EINVAL);
	limit_free(l);
}

static void a_call_of_a_part_is_a_call_of_the_whole(void **state)
{
	struct limit *l = nested(NULL, NULL);
	int64_t at;
	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(limit_take(l, "part", START + i, &at), 0);
		limit_ok(l, "part", START + i);
	}
	/* its own budget is used up, the other's is not */
	assert_int_equal(limit_take(l, "part", START + 2, &at), -EAGAIN);
	assert_int_equal(at, START + MINUTE + 1);
	assert_int_equal(status(l, START + 2).used_minute, 2);
	for (int i = 2; i < 4; i++)
		call(l, START + i, true);
	assert_int_equal(limit_take(l, "a", START + 4, &at), -EAGAIN);
	/* a refused part uses up nothing of the whole */
	at = START + MINUTE + 1;
	assert_int_equal(limit_take(l, "part", at, &at), 0);
	limit_drop(l, "part", at);
	assert_int_equal(status(l, at).row.calls, 5);
	limit_free(l);
}

static void what_ends_a_part_closes_the_whole(void **state)
{
	struct limit *l = nested(NULL, NULL);
	struct limit_status s;
	int64_t at;
	(void)state;
	assert_int_equal(limit_take(l, "part", START, &at), 0);
	limit_fail(l, "part", START, HOUR, LIMIT_REFUSED, "HTTP 429");
	assert_int_equal(limit_take(l, "a", START + HOUR - 1, &at), -EAGAIN);
	assert_int_equal(limit_take(l, "part", START + HOUR - 1, &at), -EAGAIN);
	assert_int_equal(at, START + HOUR);
	assert_int_equal(limit_status(l, "part", START + HOUR - 1, &s), 0);
	assert_int_equal(s.state, LIMIT_OPEN);
	assert_string_equal(s.row.reason, "HTTP 429");
	assert_int_equal(s.next_at, START + HOUR);
	assert_int_equal(status(l, START + HOUR - 1).row.refusals, 1);
	/* closing the part alone leaves the whole open */
	limit_block(l, "part", START + HOUR, HOUR, "later");
	call(l, START + HOUR, true);
	assert_int_equal(limit_take(l, "part", START + HOUR, &at), -EAGAIN);
	assert_int_equal(at, START + 2 * HOUR);
	/* the breaker is the whole's, and so is its one probe */
	for (int i = 0; i < 5; i++) {
		int64_t now = START + 3 * HOUR + i * MINUTE;
		assert_int_equal(limit_take(l, i % 2 ? "a" : "part", now, &at), 0);
		limit_fail(l, i % 2 ? "a" : "part", now, -1, LIMIT_ERROR, "down");
	}
	s = status(l, START + 3 * HOUR + 4 * MINUTE);
	assert_int_equal(s.state, LIMIT_OPEN);
	assert_int_equal(limit_take(l, "part", s.next_at, &at), 0);
	assert_int_equal(limit_take(l, "a", s.next_at, &at), -EAGAIN);
	limit_ok(l, "part", s.next_at);
	call(l, s.next_at, true);
	limit_free(l);
}

struct picky {
	const char *refused;
	struct limit_row a, part;
};

static int keep_some(void *arg, const struct limit_row *row)
{
	struct picky *p = arg;
	if (p->refused && strcmp(p->refused, row->name) == 0)
		return -ENOSPC;
	*(row->name[0] == 'a' ? &p->a : &p->part) = *row;
	return 0;
}

static void a_part_is_counted_in_both_or_in_none(void **state)
{
	struct picky p = {.refused = "part"};
	struct limit *l = nested(keep_some, &p);
	struct limit_status s;
	int64_t at;
	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(limit_take(l, "part", START, &at), -ENOSPC);
		assert_int_equal(status(l, START).row.calls, 0);
		assert_int_equal(status(l, START).used_minute, 0);
		limit_status(l, "part", START, &s);
		assert_int_equal(s.row.calls, 0);
		p.refused = "a";
	}
	p.refused = NULL;
	assert_int_equal(limit_take(l, "part", START, &at), 0);
	assert_int_equal(limit_recent(&p.a), 1);
	assert_int_equal(limit_recent(&p.part), 1);
	limit_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_needs_a_whole),
		cmocka_unit_test(a_call_of_a_part_is_a_call_of_the_whole),
		cmocka_unit_test(what_ends_a_part_closes_the_whole),
		cmocka_unit_test(a_part_is_counted_in_both_or_in_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
