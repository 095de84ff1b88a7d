/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rules of conditions, and the engine on a clock of its own: every row of the table goes through the same life. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/text.h"
#include "indexer/alert/chapters_done.h"
#include "indexer/alert/engine.h"
#include "tests/unit/unit.h"

#define MINUTE (60 * NS_PER_S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START (INT64_C(1800000000) * NS_PER_S)

/** What an engine told, and what the store would hold. */
struct told {
	int moves[ALERT_ENDED + 1], late;
	/** Of its writes; so many of them fail first. */
	int refuse;
	bool has_row;
	struct alert_state row;
};

static int on_move(void *arg, struct alert_state *s, enum alert_move move)
{
	struct told *t = arg;
	t->late += s->is_late;
	if (!s->is_late)
		t->moves[move]++;
	if (t->refuse && t->refuse--)
		return -ENOSPC;
	t->has_row = move != ALERT_ENDED;
	t->row = *s;
	return 0;
}

static struct alert_engine engine_of(enum alert_id id, const char *rule)
{
	struct alert_engine e = {0};
	for (int i = 0; i < ALERT_COUNT_OF_ROWS; i++)
		assert_int_equal(alert_rule_read((enum alert_id)i, i == (int)id ? rule : "off", &e.rule[i], NULL), 0);
	return e;
}

/** One look; NAN: the question was not answered, INFINITY: there is nothing to tell of any more. */
static void look(struct alert_engine *e, enum alert_id id, double value, int64_t now, struct told *t)
{
	struct alert_facts facts = {0};
	struct alert_fact fact = {.id = id, .subject = "x", .value = value, .text = "it is so"};
	facts.answered[id] = !isnan(value);
	if (!isinf(value)) {
		facts.fact.data = &fact;
		facts.fact.len = 1;
	}
	assert_int_equal(engine_step(e, &facts, now, on_move, t), 0);
}

/** A look each half minute for @time. */
static int64_t look_for(struct alert_engine *e, enum alert_id id, double value, int64_t from, int64_t time,
			struct told *t)
{
	int64_t now = from;
	for (; now < from + time; now += 30 * NS_PER_S)
		look(e, id, value, now, t);
	return now;
}

/** Values on both sides of a rule's limits, as near as the unit tells. */
struct values {
	double inside, beyond, not_well, well;
};

static struct values values_of(enum alert_id id, const struct alert_rule *r)
{
	double sign = ALERTS_TABLE[id].side == ALERT_ABOVE ? 1 : -1;
	if (ALERTS_TABLE[id].unit == ALERT_FLAG)
		return (struct values){0, 1, 1, 0};
	return (struct values){r->limit, r->limit + sign, r->clear + sign, r->clear};
}

static void every_row_fires_and_clears(void **state)
{
	(void)state;
	for (int i = 0; i < ALERT_COUNT_OF_ROWS; i++) {
		const enum alert_id id = (enum alert_id)i;
		struct told t = {0};
		struct alert_engine e = engine_of(id, "");
		const struct alert_rule *r = &e.rule[id];
		struct values v = values_of(id, r);
		int64_t now = look_for(&e, id, v.inside, START, r->hold + HOUR, &t);
		assert_int_equal(t.moves[ALERT_FIRED], 0);
		assert_int_equal(e.state.len, 0);
		/* just before its time, and then */
		int64_t began = now;
		if (r->hold) {
			look(&e, id, v.beyond, began, &t);
			look(&e, id, v.beyond, began + r->hold - 1, &t);
			assert_int_equal(t.moves[ALERT_FIRED], 0);
		}
		look(&e, id, v.beyond, began + r->hold, &t);
		assert_int_equal(t.moves[ALERT_FIRED], 1);
		assert_int_equal(engine_firing(&e), 1);
		assert_true(t.row.since == began && t.row.value == v.beyond);
		now = look_for(&e, id, v.beyond, began + r->hold, 3 * HOUR, &t);
		/* between the limits it goes on; at the clear limit it ends, after its time */
		now = look_for(&e, id, v.not_well, now, r->after + HOUR, &t);
		assert_int_equal(t.moves[ALERT_CLEARED], 0);
		if (r->after) {
			look(&e, id, v.well, now, &t);
			look(&e, id, v.well, now + r->after - 1, &t);
			assert_int_equal(t.moves[ALERT_CLEARED], 0);
		}
		look(&e, id, v.well, now + r->after, &t);
		assert_int_equal(t.moves[ALERT_CLEARED], 1);
		assert_int_equal(t.moves[ALERT_FIRED], 1);
		assert_int_equal(engine_firing(&e), 0);
		/* a day later nothing is left of it */
		look(&e, id, v.well, now + r->after + DAY, &t);
		assert_int_equal(e.state.len, 0);
		assert_false(t.has_row);
		engine_clear(&e);
	}
}

static void restart(struct alert_engine *e, const struct told *t)
{
	engine_clear(e);
	const struct store_alert row = engine_row(&t->row);
	if (t->has_row)
		assert_int_equal(engine_restore(e, &row), 0);
}

static void every_row_survives_a_restart(void **state)
{
	(void)state;
	for (int i = 0; i < ALERT_COUNT_OF_ROWS; i++) {
		const enum alert_id id = (enum alert_id)i;
		struct told t = {0};
		struct alert_engine e = engine_of(id, "");
		const struct alert_rule *r = &e.rule[id];
		struct values v = values_of(id, r);
		int64_t now = look_for(&e, id, v.beyond, START, r->hold + MINUTE, &t);
		assert_int_equal(t.moves[ALERT_FIRED], 1);
		restart(&e, &t);
		assert_int_equal(engine_firing(&e), 1);
		now = look_for(&e, id, v.beyond, now + HOUR, HOUR, &t);
		/* at a start much is not known yet, and that is no end */
		now = look_for(&e, id, NAN, now, HOUR, &t);
		assert_int_equal(t.moves[ALERT_FIRED], 1);
		assert_int_equal(t.moves[ALERT_CLEARED], 0);
		assert_true(t.row.since == START);
		restart(&e, &t);
		look_for(&e, id, v.well, now, r->after + MINUTE, &t);
		assert_int_equal(t.moves[ALERT_CLEARED], 1);
		restart(&e, &t);
		assert_int_equal(engine_firing(&e), 0);
		assert_int_equal(t.moves[ALERT_FIRED], 1);
		engine_clear(&e);
	}
}

static void what_is_on_its_way_survives_a_restart(void **state)
{
	(void)state;
	struct told t = {0};
	struct alert_engine e = engine_of(ALERT_links_broken, "20 for 1h");
	int64_t now = look_for(&e, ALERT_links_broken, 21, START, 30 * MINUTE, &t);
	restart(&e, &t);
	now = look_for(&e, ALERT_links_broken, 21, now, 29 * MINUTE, &t);
	assert_int_equal(t.moves[ALERT_FIRED], 0);
	look_for(&e, ALERT_links_broken, 21, now, 2 * MINUTE, &t);
	assert_int_equal(t.moves[ALERT_FIRED], 1);
	assert_true(t.row.since == START);
	engine_clear(&e);
}

static void what_flips_is_told_of_a_few_times(void **state)
{
	/* the last: without any patience, as nobody should set it */
	static const char *const rules[] = {"", "20 for 10m", "20 for 0s clear 20 after 0s"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		struct told t = {0};
		struct alert_engine e = engine_of(ALERT_links_broken, rules[i]);
		for (int m = 0; m < 60; m++)
			look(&e, ALERT_links_broken, m % 2 ? 0 : 100, START + m * MINUTE, &t);
		assert_in_range(t.moves[ALERT_FIRED] + t.moves[ALERT_CLEARED], 0, 4);
		/* and for a week: with each hour it waits longer, six hours at most */
		for (int h = 1; h < 7 * 24; h++)
			look_for(&e, ALERT_links_broken, h % 2 ? 0 : 100, START + h * HOUR, HOUR, &t);
		assert_in_range(t.moves[ALERT_FIRED] + t.moves[ALERT_CLEARED], 0, 20);
		look_for(&e, ALERT_links_broken, 0, START + 8 * DAY, 7 * HOUR, &t);
		assert_int_equal(engine_firing(&e), 0);
		engine_clear(&e);
	}
}

static void it_is_quick_again_after_a_quiet_day(void **state)
{
	(void)state;
	struct told t = {0};
	struct alert_engine e = engine_of(ALERT_links_broken, "20 for 0s clear 10 after 10m");
	int64_t now = START;
	for (int i = 0; i < 5; i++) {
		now = look_for(&e, ALERT_links_broken, 21, now, MINUTE, &t);
		now = look_for(&e, ALERT_links_broken, 0, now, DAY + HOUR, &t);
		assert_int_equal(t.moves[ALERT_FIRED], i + 1);
		assert_int_equal(t.moves[ALERT_CLEARED], i + 1);
		assert_true(t.row.streak == 0);
	}
	engine_clear(&e);
}

static void what_is_gone_is_over_and_what_is_off_is_forgotten(void **state)
{
	(void)state;
	struct told t = {0};
	struct alert_engine e = engine_of(ALERT_root_absent, "for 0s");
	look(&e, ALERT_root_absent, 1, START, &t);
	assert_int_equal(engine_firing(&e), 1);
	look(&e, ALERT_root_absent, INFINITY, START + MINUTE, &t);
	assert_int_equal(t.moves[ALERT_CLEARED], 1);
	look(&e, ALERT_root_absent, 1, START + 2 * MINUTE, &t);
	assert_int_equal(engine_firing(&e), 1);
	e.rule[ALERT_root_absent].is_on = false;
	look(&e, ALERT_root_absent, 1, START + 3 * MINUTE, &t);
	assert_int_equal(engine_firing(&e), 0);
	assert_int_equal(t.moves[ALERT_CLEARED], 1);
	assert_false(t.has_row);
	engine_clear(&e);
}

static void a_store_that_refuses_is_told_later_and_nobody_twice(void **state)
{
	(void)state;
	struct told t = {.refuse = 3};
	struct alert_engine e = engine_of(ALERT_store_unwritable, "for 0s after 0s");
	int64_t now = look_for(&e, ALERT_store_unwritable, 1, START, 2 * MINUTE, &t);
	assert_int_equal(t.moves[ALERT_FIRED], 1);
	assert_int_equal(t.late, 3);
	assert_true(t.has_row && t.row.state == STORE_ALERT_FIRING);
	t.refuse = 2;
	look_for(&e, ALERT_store_unwritable, 0, now, 2 * MINUTE, &t);
	assert_int_equal(t.moves[ALERT_CLEARED], 1);
	assert_int_equal(t.moves[ALERT_FIRED], 1);
	assert_true(t.has_row && t.row.state == STORE_ALERT_QUIET);
	engine_clear(&e);
}

static void a_clock_that_steps_back_locks_nothing(void **state)
{
	(void)state;
	struct told t = {0};
	struct alert_engine e = engine_of(ALERT_links_broken, "20 for 10m clear 10 after 10m");
	look(&e, ALERT_links_broken, 21, START + 365 * DAY, &t);
	look_for(&e, ALERT_links_broken, 21, START, 11 * MINUTE, &t);
	assert_int_equal(t.moves[ALERT_FIRED], 1);
	look(&e, ALERT_links_broken, 0, START + 365 * DAY, &t);
	look_for(&e, ALERT_links_broken, 0, START + HOUR, 11 * MINUTE, &t);
	assert_int_equal(t.moves[ALERT_CLEARED], 1);
	engine_clear(&e);
}

static void what_fires_costs_few_commits(void **state)
{
	(void)state;
	struct told t = {0};
	struct alert_engine e = engine_of(ALERT_nothing_seen, "1h for 0s");
	for (int64_t s = 0; s < 7 * 24 * 3600; s += 30)
		look(&e, ALERT_nothing_seen, 3601 + (double)s, START + s * NS_PER_S, &t);
	/* an age grows for ever: it is written when it grew by a tenth */
	assert_in_range(t.moves[ALERT_NOTED], 10, 80);
	assert_int_equal(t.moves[ALERT_FIRED], 1);
	engine_clear(&e);
}

/** Two folders whose long names begin alike. */
static void look_at_long(struct alert_engine *e, double one, double other, int64_t now, struct told *t)
{
	char long_one[400], long_other[400];
	memset(long_one, 'x', sizeof long_one);
	/* a character lies across the cut, wherever that is */
	for (size_t i = 100; i + 2 < 200; i += 2)
		memcpy(long_one + i, "\xc3\xa9", 2);
	long_one[sizeof long_one - 1] = '\0';
	memcpy(long_other, long_one, sizeof long_one);
	long_other[sizeof long_other - 2] = 'y';
	struct alert_fact fact[] = {
		{.id = ALERT_root_absent, .subject = long_one, .value = one, .text = "one"},
		{.id = ALERT_root_absent, .subject = long_other, .value = other, .text = "other"},
	};
	struct alert_facts facts = {.answered = {[ALERT_root_absent] = true}};
	facts.fact.data = fact;
	facts.fact.len = COUNT_OF(fact);
	assert_int_equal(engine_step(e, &facts, now, on_move, t), 0);
}

static void long_subjects_are_told_once_and_stay_two(void **state)
{
	(void)state;
	struct told t = {0};
	struct alert_engine e = engine_of(ALERT_root_absent, "for 0s after 0s");
	for (int i = 0; i < 10; i++)
		look_at_long(&e, 1, 1, START + i * MINUTE, &t);
	assert_int_equal(t.moves[ALERT_FIRED], 2);
	assert_int_equal(t.moves[ALERT_CLEARED], 0);
	assert_int_equal(e.state.len, 2);
	assert_true(text_is_utf8(e.state.data[0].subject, strlen(e.state.data[0].subject)));
	restart(&e, &t);
	look_at_long(&e, 0, 1, START + HOUR, &t);
	assert_int_equal(t.moves[ALERT_FIRED], 2);
	look_at_long(&e, 0, 0, START + 2 * HOUR, &t);
	assert_int_equal(t.moves[ALERT_CLEARED], 1);
	engine_clear(&e);
}

static void too_many_subjects_are_bounded(void **state)
{
	(void)state;
	struct told t = {0};
	struct alert_engine e = engine_of(ALERT_root_absent, "for 0s");
	struct alert_facts facts = {.answered = {[ALERT_root_absent] = true}};
	static char names[ALERT_STATES + 10][16];
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(names[i], sizeof names[i], "root-%zu", i);
		*vec_add(&facts.fact) =
			(struct alert_fact){.id = ALERT_root_absent, .subject = names[i], .value = 1, .text = ""};
	}
	assert_int_equal(engine_step(&e, &facts, START, on_move, &t), 0);
	assert_int_equal(e.state.len, ALERT_STATES);
	assert_int_equal(t.moves[ALERT_FIRED], ALERT_STATES);
	vec_clear(&facts.fact);
	engine_clear(&e);
}

/* --- rules --- */

static const struct {
	enum alert_id id;
	const char *text;
	double limit, clear;
	int64_t hold, after;
} good[] = {
	{ALERT_links_broken, "", 20, 10, HOUR, 10 * MINUTE},
	{ALERT_links_broken, "50", 50, 10, HOUR, 10 * MINUTE},
	/* the clear limit of the row would lie beyond */
	{ALERT_links_broken, "5", 5, 5, HOUR, 10 * MINUTE},
	{ALERT_links_broken, "50 for 2h, clear 40 after 1m", 50, 40, 2 * HOUR, MINUTE},
	{ALERT_links_broken, "after 1m for 2h", 20, 10, 2 * HOUR, MINUTE},
	{ALERT_scan_slow, "30% clear 60%", 30, 60, 0, 0},
	{ALERT_scan_slow, "80%", 80, 80, 0, 0},
	{ALERT_state_disk, "2GiB", 2147483648.0, 2147483648.0, 10 * MINUTE, 10 * MINUTE},
	{ALERT_nothing_seen, "7d", 7 * 86400, 72 * 3600, 5 * MINUTE, 0},
	{ALERT_root_absent, "for 1h", 0, 0, HOUR, MINUTE},
};

static void rules_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct alert_rule r;
		_buf_ struct buf why = BUF_INIT(4096);
		assert_int_equal(alert_rule_read(good[i].id, good[i].text, &r, &why), 0);
		assert_true(r.is_on && r.hold == good[i].hold && r.after == good[i].after);
		assert_true(fabs(r.limit - good[i].limit) < 0.001 && fabs(r.clear - good[i].clear) < 0.001);
	}
}

static void wrong_rules_are_refused(void **state)
{
	static const struct {
		enum alert_id id;
		const char *text, *why;
	} wrong[] = {
		{ALERT_links_broken, "many", "write a number"},
		{ALERT_links_broken, "-1", "write a number"},
		{ALERT_links_broken, "nan", "write a number"},
		{ALERT_links_broken, "20 for", "nothing follows"},
		{ALERT_links_broken, "20 for ever", "such as 10m"},
		{ALERT_links_broken, "20 30", "told twice"},
		{ALERT_links_broken, "20 clear 30", "must not be above"},
		{ALERT_scan_slow, "50% clear 40%", "must not be below"},
		{ALERT_scan_slow, "120%", "a share"},
		{ALERT_root_absent, "3 for 5m", "has no limit"},
		{ALERT_state_disk, "much", "GiB"},
		{ALERT_nothing_seen, "20", "24h"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct alert_rule r;
		_buf_ struct buf why = BUF_INIT(4096);
		assert_int_equal(alert_rule_read(wrong[i].id, wrong[i].text, &r, &why), -EINVAL);
		assert_non_null(strstr(buf_str(&why), wrong[i].why));
	}
}

static void every_row_of_the_table_is_whole(void **state)
{
	(void)state;
	for (int i = 0; i < ALERT_COUNT_OF_ROWS; i++) {
		const struct alert_row *row = &ALERTS_TABLE[i];
		struct alert_rule r;
		assert_int_equal(alert_rule_read((enum alert_id)i, "", &r, NULL), 0);
		assert_true(r.is_on && *row->help && strchr(row->see, '/'));
		assert_non_null(strstr(row->rule, "for "));
		assert_non_null(strstr(row->rule, "after "));
		/* a rule that would clear at once what it fired was no rule */
		assert_true(row->side == ALERT_ABOVE ? r.clear <= r.limit : r.clear >= r.limit);
		assert_int_equal(alert_rule_read((enum alert_id)i, "off", &r, NULL), 0);
		assert_false(r.is_on);
	}
}

/* --- scrapers that are done --- */

static bool chapters_at(struct chapters_done *d, double running, double ok, double failed, int64_t at, struct buf *out)
{
	struct gauges g = {.at = START + at};
	for (int i = 0; i < GAUGE_COUNT; i++)
		g.value[i] = NAN;
	g.value[GAUGE_chapters_running] = running;
	g.value[GAUGE_chapters_ok] = ok;
	g.value[GAUGE_chapters_failed] = failed;
	g.value[GAUGE_chapters_abandoned] = 0;
	g.value[GAUGE_chapter_bytes] = 1048576 * (ok + failed);
	g.value[GAUGE_chapter_seconds] = 60 * (ok + failed);
	buf_reset(out);
	return chapters_done(d, &g, MINUTE, out);
}

static void what_scrapers_fetched_is_told_once_when_they_are_done(void **state)
{
	struct chapters_done d = {0};
	_buf_ struct buf text = BUF_INIT(1 << 12);
	(void)state;
	assert_false(chapters_at(&d, NAN, NAN, NAN, 0, &text));
	/* what was there before */
	assert_false(chapters_at(&d, 0, 100, 10, 0, &text));
	assert_false(chapters_at(&d, 0, 100, 10, HOUR, &text));
	/* one ended and none runs, but the next may begin in a moment */
	assert_false(chapters_at(&d, 1, 100, 10, 2 * HOUR, &text));
	assert_false(chapters_at(&d, 0, 101, 10, 2 * HOUR + 1 * NS_PER_S, &text));
	assert_false(chapters_at(&d, 0, 101, 10, 2 * HOUR + 50 * NS_PER_S, &text));
	assert_false(chapters_at(&d, 1, 101, 10, 2 * HOUR + 60 * NS_PER_S, &text));
	assert_false(chapters_at(&d, 0, 102, 11, 2 * HOUR + 70 * NS_PER_S, &text));
	assert_false(chapters_at(&d, 0, 102, 11, 2 * HOUR + 129 * NS_PER_S, &text));
	assert_true(chapters_at(&d, 0, 102, 11, 2 * HOUR + 130 * NS_PER_S, &text));
	assert_string_equal(buf_str(&text), "3 chapters are done: 2 ended well, 1 ended badly; 3.0 MiB in 3 m 0 s");
	assert_false(chapters_at(&d, 0, 102, 11, 3 * HOUR, &text));
	assert_false(chapters_at(&d, 0, 103, 11, 3 * HOUR, &text));
	assert_true(chapters_at(&d, 0, 103, 11, 3 * HOUR + MINUTE, &text));
	assert_string_equal(buf_str(&text), "1 chapter is done: 1 ended well; 1.0 MiB in 1 m 0 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_fires_and_clears),
		cmocka_unit_test(every_row_survives_a_restart),
		cmocka_unit_test(what_is_on_its_way_survives_a_restart),
		cmocka_unit_test(what_flips_is_told_of_a_few_times),
		cmocka_unit_test(it_is_quick_again_after_a_quiet_day),
		cmocka_unit_test(what_is_gone_is_over_and_what_is_off_is_forgotten),
		cmocka_unit_test(a_store_that_refuses_is_told_later_and_nobody_twice),
		cmocka_unit_test(a_clock_that_steps_back_locks_nothing),
		cmocka_unit_test(what_fires_costs_few_commits),
		cmocka_unit_test(long_subjects_are_told_once_and_stay_two),
		cmocka_unit_test(too_many_subjects_are_bounded),
		cmocka_unit_test(rules_are_read),
		cmocka_unit_test(wrong_rules_are_refused),
		cmocka_unit_test(every_row_of_the_table_is_whole),
		cmocka_unit_test(what_scrapers_fetched_is_told_once_when_they_are_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
