/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How far a job is: the live page's numbers for the one that runs, the store's for the others. */
#include "fs/progress.h"

#include "common/clock.h"
#include "tests/unit/unit.h"

enum { JOB = 7 };

static struct view view_of(enum indexer_state state, uint64_t done, uint64_t total)
{
	struct view v = {0};
	v.mood.state = state;
	v.mood.at[1] = 1010 * NS_PER_S;
	v.mood.live = (struct live_values){.job = JOB, .job_started_at = 1000 * (uint64_t)NS_PER_S,
					   .done = done, .total = total};
	return v;
}

static const struct store_job RUNNING = {.id = JOB, .state = "running", .started_at = 999 * NS_PER_S};

static void test_the_running_job_is_on_the_live_page(void **state)
{
	(void)state;
	struct view v = view_of(INDEXER_RUNNING, 50, 200);
	struct progress p = progress_of(&v, &RUNNING);
	assert_string_equal(p.state, "running");
	assert_int_equal(p.started_at, 1000 * NS_PER_S);
	assert_int_equal(p.done, 50);
	assert_int_equal(p.total, 200);
	assert_true(p.rate == 5.0);
	assert_true(p.left == 30.0);
	assert_true(p.ratio == 0.25);
}

static void test_what_nobody_knows_is_negative(void **state)
{
	(void)state;
	struct view v = view_of(INDEXER_RUNNING, 50, 0);
	struct progress p = progress_of(&v, &RUNNING);
	assert_true(p.rate == 5.0);
	assert_true(p.left < 0 && p.ratio < 0);
	assert_int_equal(p.found, 0);
	v.mood.live.files = 70;
	assert_int_equal(progress_of(&v, &RUNNING).found, 70);
	/* more than the last count: there is no end to tell */
	v = view_of(INDEXER_RUNNING, 201, 200);
	p = progress_of(&v, &RUNNING);
	assert_true(p.left < 0 && p.ratio < 0);
	v = view_of(INDEXER_RUNNING, 0, 200);
	p = progress_of(&v, &RUNNING);
	assert_true(p.rate == 0 && p.left < 0 && p.ratio == 0);
	v = view_of(INDEXER_RUNNING, 50, 200);
	v.mood.live.job_paused = 1;
	p = progress_of(&v, &RUNNING);
	assert_string_equal(p.state, "paused");
	assert_true(p.left < 0 && p.ratio == 0.25);
}

static void test_no_indexer_runs_no_job(void **state)
{
	(void)state;
	struct view v = view_of(INDEXER_AWAY, 50, 200);
	struct progress p = progress_of(&v, &RUNNING);
	assert_string_equal(p.state, "queued");
	assert_int_equal(p.done, 0);
	assert_true(p.left < 0 && p.ratio < 0);
}

/** Files are read to their end beside the job of the live page. */
static void test_a_job_beside_the_live_one(void **state)
{
	(void)state;
	struct view v = view_of(INDEXER_RUNNING, 50, 200);
	const struct store_job check = {.id = JOB + 1, .state = "running", .started_at = 1000 * NS_PER_S,
					.done = 40, .total = 100};
	v.at[TOPIC_jobs] = 1010 * NS_PER_S;
	struct progress p = progress_of(&v, &check);
	assert_int_equal(p.done, 40);
	assert_true(p.rate == 4.0 && p.left == 15.0 && p.ratio == 0.4);
	/* what was done before a restart took none of this time */
	v.mood.live.check_job = JOB + 1;
	v.mood.live.check_before = 30;
	p = progress_of(&v, &check);
	assert_int_equal(p.done, 40);
	assert_true(p.rate == 1.0 && p.left == 60.0 && p.ratio == 0.4);
	v.mood.live.check_before = 40;
	p = progress_of(&v, &check);
	assert_true(p.rate == 0 && p.left < 0);
	/* another's */
	v.mood.live.check_job = JOB + 2;
	assert_true(progress_of(&v, &check).rate == 4.0);
	v.mood.state = INDEXER_AWAY;
	assert_true(progress_of(&v, &check).rate == 0);
}

static void test_an_ended_job_has_its_own_numbers(void **state)
{
	(void)state;
	struct view v = view_of(INDEXER_RUNNING, 50, 200);
	const struct store_job ended = {.id = JOB, .state = "done", .started_at = 100 * NS_PER_S,
					.ended_at = 104 * NS_PER_S, .done = 40, .total = 40};
	struct progress p = progress_of(&v, &ended);
	assert_string_equal(p.state, "done");
	assert_int_equal(p.done, 40);
	assert_true(p.rate == 10.0);
	assert_true(p.left < 0 && p.ratio == 1.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_running_job_is_on_the_live_page),
		cmocka_unit_test(test_what_nobody_knows_is_negative),
		cmocka_unit_test(test_no_indexer_runs_no_job),
		cmocka_unit_test(test_a_job_beside_the_live_one),
		cmocka_unit_test(test_an_ended_job_has_its_own_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
