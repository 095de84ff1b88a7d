/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Requests, from the find to the file. */
#include "tests/unit/request_world.h"

/* --- refusals, pauses --- */

static void a_refusal_is_told_once_and_not_repeated(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	int64_t id = put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10);
	assert_int_equal(grab(&w, id), 0);
	fake->add_result = -EINVAL;
	work_for(&w, seeing_only, 3 * DAY_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "failed");
	assert_int_equal(told("failed: "), 1);
	assert_int_equal(fake->notices, 2);
	/* a person may want it again */
	fake->add_result = 0;
	assert_int_equal(grab(&w, id), 0);
	work_for(&w, seeing_only, HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	assert_int_equal(fake->adds[0], 1);
	/* but not twice */
	assert_int_equal(grab(&w, id), -EEXIST);
	end(&w);
}

static void a_client_that_is_away_is_tried_again(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	fake->add_result = -ECONNREFUSED;
	work_for(&w, seeing_only, 3 * HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "found");
	fake->add_result = 0;
	work_for(&w, seeing_only, 6 * HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	assert_int_equal(fake->adds[0], 1);
	/* for ever is too long */
	assert_int_equal(grab(&w, put_result(&w, "alpha", "two", hash_number(1), 4, 4, 10)), 0);
	fake->find_result = -ECONNREFUSED;
	work_for(&w, seeing_only, 10 * DAY_NS);
	assert_string_equal(state_of(&w, "alpha", 4), "failed");
	/* asked again by a person it has all its tries again */
	fake->find_result = 0;
	fake->add_result = -ECONNREFUSED;
	assert_int_equal(grab(&w, world_count(&w, "SELECT id FROM result WHERE guid = 'two'")), 0);
	work_for(&w, seeing_only, HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 4), "found");
	end(&w);
}

static void what_the_client_has_is_not_sent(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	fake->has[0] = true;
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	work_for(&w, seeing_only, HOUR_NS);
	assert_int_equal(fake->adds[0], 0);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	end(&w);
}

static void a_dry_run_sends_nothing(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	fake->is_dry = true;
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	struct requests *q = requests_of(&w, seeing_only);
	work(q, DAY_NS);
	assert_int_equal(fake->adds[0], 0);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM handed WHERE step = 'planned' AND text LIKE '%dry run%'"), 1);
	fake->is_dry = false;
	work(q, 5 * MINUTE_NS);
	assert_int_equal(fake->adds[0], 1);
	requests_free(q);
	end(&w);
}

static void without_a_client_it_waits_for_one(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	work_for(&w, nobody, unit_many(6, 24) * HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "found");
	work_for(&w, seeing_only, 5 * MINUTE_NS);
	assert_int_equal(fake->adds[0], 1);
	/* and gone once more: it is not forgotten, and not sent to the next one */
	int64_t long_ns = unit_many(6, 24) * HOUR_NS;
	work_for(&w, nobody, long_ns);
	work_for(&w, blind_only, long_ns);
	work_for(&w, seeing_only, long_ns);
	assert_int_equal(fake->adds[0], 1);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	end(&w);
}

/* --- followed --- */

static void what_somebody_removed_stays_removed(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "monitor_missing_volumes { auto_download_enabled = true }");
	int64_t id = put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10);
	work_for(&w, seeing_only, HOUR_NS);
	assert_int_equal(fake->adds[0], 1);
	fake->has[0] = false;
	work_for(&w, seeing_only, DAY_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "gone");
	/* not by itself, however long it is offered */
	for (int i = 0; i < 15; i++) {
		put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10);
		world_pass(10 * DAY_NS);
		work_for(&w, seeing_only, HOUR_NS);
	}
	assert_string_equal(state_of(&w, "alpha", 3), "gone");
	assert_int_equal(fake->adds[0], 1);
	assert_int_equal(told("is gone"), 1);
	/* but when he says so */
	assert_int_equal(grab(&w, id), 0);
	work_for(&w, seeing_only, HOUR_NS);
	assert_int_equal(fake->adds[0], 2);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	end(&w);
}

static void a_wrong_volume_is_flagged(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	snprintf(fake->files, sizeof fake->files, "Alpha T07.cbz");
	work_for(&w, seeing_only, HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "failed");
	assert_int_equal(told("wrong volume: it holds Alpha T07.cbz"), 1);
	end(&w);
}

static void a_pack_serves_several_volumes_at_once(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	assert_int_equal(grab(&w, put_result(&w, "alpha", "pack", hash_number(0), 1, 4, 10)), 0);
	snprintf(fake->files, sizeof fake->files, "Alpha T01.cbz\nAlpha T02.cbz\nAlpha T03.cbz\nAlpha T04.cbz");
	work_for(&w, seeing_only, HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	assert_string_equal(state_of(&w, "alpha", 4), "downloading");
	assert_string_equal(state_of(&w, "alpha", 5), "none");
	assert_int_equal(fake->adds[0], 1);
	/* one message for all of it */
	assert_int_equal(told("Alpha 3, 4 was handed over"), 1);
	/* who has them already is not asked for one of them */
	assert_int_equal(grab(&w, put_result(&w, "alpha", "single", hash_number(1), 4, 4, 30)), -EEXIST);
	world_file(&w, "Alpha", 3);
	assert_int_equal(writer_flush(w.writer), 0);
	assert_string_equal(state_of(&w, "alpha", 3), "arrived");
	assert_string_equal(state_of(&w, "alpha", 4), "downloading");
	world_file(&w, "Alpha", 4);
	assert_int_equal(writer_flush(w.writer), 0);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM handed WHERE step = 'arrived'"), 1);
	work_for(&w, seeing_only, HOUR_NS);
	assert_int_equal(told("has arrived"), 1);
	end(&w);
}

static void one_hash_under_two_titles_is_added_once(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	snprintf(fake->fetched, sizeof fake->fetched, "%s", hash_number(0));
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", "", 3, 3, 10)), 0);
	work_for(&w, seeing_only, HOUR_NS);
	assert_int_equal(grab(&w, put_result(&w, "beta", "other", "", 3, 3, 10)), 0);
	work_for(&w, seeing_only, HOUR_NS);
	assert_int_equal(fake->adds[0], 1);
	assert_string_equal(state_of(&w, "beta", 3), "failed");
	/* known beforehand it is not even tried */
	assert_int_equal(grab(&w, put_result(&w, "beta", "third", hash_number(0), 3, 3, 10)), -EEXIST);
	end(&w);
}

static void what_is_complete_waits_for_the_library(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	fake->state = CLIENT_DONE;
	fake->progress = 1;
	struct requests *q = requests_of(&w, seeing_only);
	work(q, HOUR_NS);
	/* and was cleared from the client */
	fake->has[0] = false;
	work(q, 3 * DAY_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	world_file(&w, "Alpha", 3);
	assert_int_equal(writer_flush(w.writer), 0);
	assert_string_equal(state_of(&w, "alpha", 3), "arrived");
	assert_int_equal(world_count(&w, "SELECT count(*) FROM missing WHERE volume = 3 AND series_id = 1"), 0);
	work(q, DAY_NS);
	requests_free(q);
	assert_int_equal(told("Alpha 3 has arrived"), 1);
	assert_int_equal(told("was found"), 1);
	assert_int_equal(told("was handed over"), 1);
	assert_int_equal(fake->notices, 3);
	end(&w);
}

/** It was moved, or imported by somebody else; @is_cleared: and taken from the client. */
static void check_that_never_comes(bool is_cleared)
{
	struct world w;
	begin(&w, "monitor_missing_volumes { auto_download_enabled = true }\nrequests { check_interval = 3h }");
	put_result(&w, "alpha", "one", hash_number(0), 3, 4, 10);
	put_result(&w, "alpha", "two", hash_number(1), 3, 3, 5);
	struct requests *q = requests_of(&w, seeing_only);
	work(q, DAY_NS);
	fake->state = CLIENT_DONE;
	fake->progress = 1;
	work(q, DAY_NS);
	fake->has[0] = !is_cleared;
	world_file(&w, "Alpha", 4);
	assert_int_equal(writer_flush(w.writer), 0);
	work(q, 5 * DAY_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	work(q, 2 * DAY_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "failed");
	assert_string_equal(state_of(&w, "alpha", 4), "arrived");
	assert_int_equal(told("failed: complete in seeing since 2024-01-02T0"), 1);
	assert_int_equal(told("no file of this volume has appeared below the manga roots: was it moved or imported "
			      "elsewhere?"), 1);
	/* it is asked no more, and what somebody has is not downloaded again */
	int finds = fake->finds;
	put_result(&w, "alpha", "two", hash_number(1), 3, 3, 5);
	work(q, unit_many(3, 30) * DAY_NS);
	assert_int_equal(fake->finds, finds);
	assert_string_equal(state_of(&w, "alpha", 3), "failed");
	assert_int_equal(fake->adds[1], 0);
	/* late is not never */
	world_file(&w, "Alpha", 3);
	assert_int_equal(writer_flush(w.writer), 0);
	assert_string_equal(state_of(&w, "alpha", 3), "arrived");
	work(q, DAY_NS);
	requests_free(q);
	assert_int_equal(told("Alpha 3 has arrived"), 1);
	end(&w);
}

static void what_is_complete_and_never_comes_has_failed(void **state)
{
	(void)state;
	check_that_never_comes(false);
	check_that_never_comes(true);
}

static void how_long_a_file_may_take_is_an_option(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "requests { arrival = 20d\n check_interval = 3h }");
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	fake->state = CLIENT_DONE;
	fake->progress = 1;
	struct requests *q = requests_of(&w, seeing_only);
	world_pass(300 * DAY_NS);
	work(q, 19 * DAY_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	/* a clock that is set back makes it no longer than that */
	world_pass(-300 * DAY_NS);
	work(q, 21 * DAY_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "failed");
	requests_free(q);
	end(&w);
}

static void a_queue_that_moves_up_and_down_tells_nothing(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	struct requests *q = requests_of(&w, seeing_only);
	for (int i = 0; i < 6; i++) {
		fake->state = i % 2 ? CLIENT_WAITS : CLIENT_LOADS;
		work(q, 10 * MINUTE_NS);
	}
	assert_string_equal(state_of(&w, "alpha", 3), "sent");
	requests_free(q);
	assert_int_equal(told("was handed over"), 1);
	assert_int_equal(fake->notices, 2);
	end(&w);
}

static void patience_ends(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "requests { patience = 2d\n check_interval = 1h }");
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	struct requests *q = requests_of(&w, seeing_only);
	for (int i = 0; i < 5; i++) {
		fake->progress += 0.1;
		work(q, DAY_NS);
	}
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	work(q, 3 * DAY_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "failed");
	assert_int_equal(told("stands still"), 1);
	requests_free(q);
	end(&w);
}

/* --- the next best --- */

static void after_a_failure_the_next_best_is_tried(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "monitor_missing_volumes { auto_download_enabled = true }");
	put_result(&w, "alpha", "one", hash_number(0), 3, 3, 30);
	put_result(&w, "alpha", "same", hash_number(0), 3, 3, 20);
	put_result(&w, "alpha", "two", hash_number(1), 3, 3, 10);
	fake->add_result = -EINVAL;
	struct requests *q = requests_of(&w, seeing_only);
	work(q, 30 * MINUTE_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "failed");
	assert_int_equal(told("failed: said the client"), 1);
	fake->add_result = 0;
	/* nobody searched meanwhile */
	work(q, 2 * HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	assert_int_equal(fake->adds[0], 0);
	assert_int_equal(fake->adds[1], 1);
	requests_free(q);
	end(&w);
}

/** All its tries were in vain, for two days and more. */
static void after_the_last_try_too(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "monitor_missing_volumes { auto_download_enabled = true }");
	put_result(&w, "alpha", "one", hash_number(0), 3, 3, 30);
	put_result(&w, "alpha", "two", hash_number(1), 3, 3, 10);
	fake->fetch_result = -EIO;
	struct requests *q = requests_of(&w, seeing_only);
	for (int i = 0; i < 240 && strcmp(state_of(&w, "alpha", 3), "failed") != 0; i++)
		work(q, 30 * MINUTE_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "failed");
	fake->fetch_result = 0;
	work(q, 2 * HOUR_NS);
	assert_int_equal(fake->adds[0], 0);
	assert_int_equal(fake->adds[1], 1);
	requests_free(q);
	end(&w);
}

static void what_is_gone_is_wanted_again_as_another_one(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "monitor_missing_volumes { auto_download_enabled = true }");
	put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10);
	put_result(&w, "alpha", "two", hash_number(1), 3, 3, 5);
	work_for(&w, seeing_only, HOUR_NS);
	fake->has[0] = false;
	work_for(&w, seeing_only, DAY_NS);
	assert_int_equal(told("is gone"), 1);
	assert_int_equal(fake->adds[0], 1);
	assert_int_equal(fake->adds[1], 1);
	assert_string_equal(state_of(&w, "alpha", 3), "downloading");
	end(&w);
}

static void the_next_best_of_a_pack_is_one_for_each(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	assert_int_equal(grab(&w, put_result(&w, "alpha", "pack", hash_number(0), 3, 5, 50)), 0);
	put_result(&w, "alpha", "three", hash_number(1), 3, 3, 10);
	put_result(&w, "alpha", "four", hash_number(2), 4, 4, 10);
	fake->add_result = -EINVAL;
	work_for(&w, seeing_only, 30 * MINUTE_NS);
	assert_string_equal(state_of(&w, "alpha", 4), "failed");
	fake->add_result = 0;
	work_for(&w, seeing_only, 2 * HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "found");
	assert_string_equal(state_of(&w, "alpha", 4), "found");
	assert_string_equal(state_of(&w, "alpha", 5), "failed");
	/* found, but who did not allow it has to say so */
	assert_int_equal(fake->adds[0] + fake->adds[1] + fake->adds[2], 0);
	/* what is found later is taken at once */
	put_result(&w, "alpha", "five", hash_number(3), 5, 5, 10);
	assert_string_equal(state_of(&w, "alpha", 5), "found");
	end(&w);
}

static void a_clock_that_is_set_back_keeps_no_next_one_away(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	world_pass(300 * DAY_NS);
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	put_result(&w, "alpha", "two", hash_number(1), 3, 3, 5);
	fake->add_result = -EINVAL;
	work_for(&w, seeing_only, 30 * MINUTE_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "failed");
	world_pass(-300 * DAY_NS);
	work_for(&w, seeing_only, HOUR_NS);
	assert_string_equal(state_of(&w, "alpha", 3), "found");
	end(&w);
}

/* --- by itself --- */

static void by_itself_it_keeps_to_the_days_number(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "monitor_missing_volumes { auto_download_enabled = true }\nrequests { per_day = 2 }");
	put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10);
	put_result(&w, "alpha", "two", hash_number(1), 4, 4, 10);
	put_result(&w, "alpha", "three", hash_number(2), 5, 5, 10);
	work_for(&w, seeing_only, 20 * HOUR_NS);
	assert_int_equal(fake->adds[0] + fake->adds[1] + fake->adds[2], 2);
	work_for(&w, seeing_only, 5 * HOUR_NS);
	assert_int_equal(fake->adds[0] + fake->adds[1] + fake->adds[2], 3);
	end(&w);
}

static void by_itself_nothing_is_done_unless_it_is_allowed(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10);
	work_for(&w, seeing_only, DAY_NS);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM handed"), 0);
	end(&w);
	begin(&w, "monitor_missing_volumes { auto_download_enabled = true }");
	fake->is_dry = true;
	put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10);
	work_for(&w, seeing_only, DAY_NS);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM handed"), 0);
	end(&w);
}

/** The find of one series became a hand-over of another: those behind it are not held up. */
static void a_find_that_is_taken_does_not_hold_up_the_others(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "monitor_missing_volumes { auto_download_enabled = true }");
	fake->is_dry = true;
	put_result(&w, "alpha", "first", hash_number(0), 3, 3, 10);
	int64_t same = put_result(&w, "beta", "same", hash_number(0), 3, 3, 10);
	put_result(&w, "alpha", "second", hash_number(1), 4, 4, 10);
	fake->is_dry = false;
	assert_int_equal(grab(&w, same), 0);
	work_for(&w, seeing_only, HOUR_NS);
	assert_int_equal(fake->adds[0], 1);
	assert_int_equal(fake->adds[1], 1);
	assert_string_equal(state_of(&w, "alpha", 4), "downloading");
	end(&w);
}

static void a_clock_that_is_set_back_holds_nothing_up_for_long(void **state)
{
	struct world w;
	(void)state;
	begin(&w, "");
	world_pass(300 * DAY_NS);
	assert_int_equal(grab(&w, put_result(&w, "alpha", "one", hash_number(0), 3, 3, 10)), 0);
	fake->add_result = -ECONNREFUSED;
	struct requests *q = requests_of(&w, seeing_only);
	work(q, HOUR_NS);
	fake->add_result = 0;
	world_pass(-300 * DAY_NS);
	work(q, 2 * HOUR_NS);
	requests_free(q);
	assert_int_equal(fake->adds[0], 1);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_is_told_once_and_not_repeated),
		cmocka_unit_test(a_client_that_is_away_is_tried_again),
		cmocka_unit_test(what_the_client_has_is_not_sent),
		cmocka_unit_test(a_dry_run_sends_nothing),
		cmocka_unit_test(without_a_client_it_waits_for_one),
		cmocka_unit_test(what_somebody_removed_stays_removed),
		cmocka_unit_test(a_wrong_volume_is_flagged),
		cmocka_unit_test(a_pack_serves_several_volumes_at_once),
		cmocka_unit_test(one_hash_under_two_titles_is_added_once),
		cmocka_unit_test(what_is_complete_waits_for_the_library),
		cmocka_unit_test(what_is_complete_and_never_comes_has_failed),
		cmocka_unit_test(how_long_a_file_may_take_is_an_option),
		cmocka_unit_test(a_queue_that_moves_up_and_down_tells_nothing),
		cmocka_unit_test(patience_ends),
		cmocka_unit_test(after_a_failure_the_next_best_is_tried),
		cmocka_unit_test(after_the_last_try_too),
		cmocka_unit_test(what_is_gone_is_wanted_again_as_another_one),
		cmocka_unit_test(the_next_best_of_a_pack_is_one_for_each),
		cmocka_unit_test(a_clock_that_is_set_back_keeps_no_next_one_away),
		cmocka_unit_test(by_itself_it_keeps_to_the_days_number),
		cmocka_unit_test(by_itself_nothing_is_done_unless_it_is_allowed),
		cmocka_unit_test(a_find_that_is_taken_does_not_hold_up_the_others),
		cmocka_unit_test(a_clock_that_is_set_back_holds_nothing_up_for_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
