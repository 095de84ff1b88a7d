/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the account stops, what a person lets go on, and orders that outlive a crash. */
#include "tests/unit/repair_world.h"

static void begin(const char *options)
{
	repair_begin(options, "");
	put_anchor();
}

/* --- the account --- */

static void what_stops_stops_everything_until_a_person_orders(void **state)
{
	(void)state;
	static const enum debrid_call calls[] = {CALL_ACCOUNT, CALL_INFO, CALL_ADD, CALL_SELECT, CALL_REMOVE, CALL_LIST};
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		begin(WIDE);
		put_dead(1, "dead");
		put_dead(2, "dead");
		index_all();
		debrid_offer(H(1), "T1", 0);
		debrid_offer(H(2), "T2", 0);
		plan_it();
		world_pass(HOUR_NS);
		debrid_fail(calls[i], "", 1, PROVIDER_STOP);
		assert_int_equal(apply_items(""), 0);
		live(10 * MINUTE_NS);
		int64_t asked = debrid.all_calls;
		assert_string_equal(text_of_row("SELECT state FROM torrent_scan WHERE kind = 'account'"), "stopped");
		live(2 * DAY_NS);
		assert_int_equal(debrid.all_calls, asked);
		repair_restart();
		live(2 * DAY_NS);
		if (debrid.all_calls != asked)
			fail_msg("call %d: asked again after a restart", (int)calls[i]);
		assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE state = 'done'"), 0);
		/* a person who orders right after a start is heard as well */
		repair_restart();
		assert_int_equal(try_order("scan quick"), 0);
		live(HOUR_NS);
		if (rows("SELECT count(*) FROM plan_item WHERE state = 'done'") != 2)
			fail_msg("call %d: it did not go on", (int)calls[i]);
		assert_string_equal(text_of_row("SELECT state FROM torrent_scan WHERE kind = 'account'"), "ok");
		repair_end();
	}
}

static void applying_is_an_order_as_well(void **state)
{
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	index_all();
	debrid_offer(H(1), "T1", 0);
	plan_it();
	world_pass(HOUR_NS);
	debrid_fail(CALL_ACCOUNT, "", 1, PROVIDER_STOP);
	assert_int_equal(apply_items(""), 0);
	live(HOUR_NS);
	ASSERT_ITEM(1, "state", "queued");
	assert_int_equal(apply_items(" 1"), 0);
	live(HOUR_NS);
	ASSERT_ITEM(1, "state", "done");
	repair_end();
}

static void a_free_account_changes_nothing(void **state)
{
	(void)state;
	begin(WIDE);
	put_all_kinds();
	plan_it();
	world_pass(HOUR_NS);
	debrid.is_premium = false;
	assert_int_equal(apply_items(""), 0);
	live(DAY_NS);
	assert_int_equal(changing_calls(), 0);
	assert_int_equal(rows("SELECT count(*) FROM journal"), 0);
	assert_non_null(strstr(text_of_row("SELECT error FROM torrent_scan WHERE kind = 'account'"), "premium"));
	repair_end();
}

/* --- orders --- */

static void a_plan_that_was_ordered_is_made_after_a_crash(void **state)
{
	int64_t next_at;
	(void)state;
	/* before its first step, and in the middle of it */
	for (int taken = 0; taken < 4; taken++) {
		begin(WIDE);
		put_dead(1, "dead");
		put_dead(2, "dead");
		index_all();
		assert_int_equal(try_order("plan"), 0);
		for (int i = 0; i < taken; i++)
			repair_step(repair, &next_at);
		repair_restart();
		live(MINUTE_NS);
		assert_int_equal(rows("SELECT count(*) FROM plan_item WHERE action = 'reinsert'"), 2);
		int64_t asked = debrid.all_calls;
		/* once */
		repair_restart();
		live(HOUR_NS);
		assert_int_equal(debrid.all_calls, asked);
		repair_end();
	}
}

static int try_undo(const char *words)
{
	struct buf answer = BUF_INIT(4096);
	int error = repair_undo_order(repair, words, true, &answer);
	buf_clear(&answer);
	return error;
}

static void an_undo_that_was_ordered_is_done_after_a_crash(void **state)
{
	(void)state;
	begin(WIDE);
	plan_removal();
	struct hand_facts before = links_facts("d/1.mkv");
	assert_int_equal(apply_items(""), 0);
	live(MINUTE_NS);
	assert_false(links_is_there("d/1.mkv"));
	repair_dry = true;
	assert_int_equal(try_undo(planned), EROFS);
	repair_dry = false;
	assert_int_equal(try_undo(planned), 0);
	repair_restart();
	live(MINUTE_NS);
	links_assert("d/1.mkv", before.target, &before);
	assert_string_equal(text_of_row("SELECT step FROM journal"), "undone");
	assert_int_equal(rows("SELECT count(*) FROM torrent_scan WHERE state = 'ordered'"), 0);
	repair_end();
}

static void a_plan_is_cancelled_and_the_next_one_is_not(void **state)
{
	int64_t next_at;
	(void)state;
	begin(WIDE);
	put_dead(1, "dead");
	put_dead(2, "dead");
	index_all();
	assert_int_equal(try_order("plan"), 0);
	repair_step(repair, &next_at);
	repair_step(repair, &next_at);
	repair_cancel(repair);
	live(MINUTE_NS);
	assert_int_equal(rows("SELECT count(*) FROM plan"), 0);
	assert_string_equal(text_of_row("SELECT error FROM torrent_scan WHERE kind = 'plan'"), "cancelled");
	/* nothing runs: there is nothing to end */
	repair_cancel(repair);
	plan_it();
	assert_int_equal(rows("SELECT count(*) FROM plan_item"), 2);
	repair_end();
}

static void pausing_twice_is_refused(void **state)
{
	(void)state;
	begin(WIDE);
	assert_int_equal(repair_pause(repair, false), -EBUSY);
	assert_int_equal(repair_pause(repair, true), 0);
	assert_int_equal(repair_pause(repair, true), -EBUSY);
	assert_int_equal(repair_start(repair), 0);
	put_dead(1, "dead");
	index_all();
	assert_int_equal(try_order("plan"), 0);
	usleep(100000);
	assert_int_equal(rows("SELECT count(*) FROM plan"), 0);
	assert_int_equal(repair_pause(repair, false), 0);
	for (int i = 0; i < 200 && !rows("SELECT count(*) FROM plan"); i++)
		usleep(20000);
	assert_int_equal(rows("SELECT count(*) FROM plan"), 1);
	repair_end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stops_stops_everything_until_a_person_orders),
		cmocka_unit_test(applying_is_an_order_as_well),
		cmocka_unit_test(a_free_account_changes_nothing),
		cmocka_unit_test(a_plan_that_was_ordered_is_made_after_a_crash),
		cmocka_unit_test(an_undo_that_was_ordered_is_done_after_a_crash),
		cmocka_unit_test(a_plan_is_cancelled_and_the_next_one_is_not),
		cmocka_unit_test(pausing_twice_is_refused),
	};
	int child = repair_child(argc, argv);
	return child >= 0 ? child : cmocka_run_group_tests(tests, NULL, NULL);
}
