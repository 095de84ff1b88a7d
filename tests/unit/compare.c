/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One scan against those before it: verdicts, and the sentences that tell them. */
#include "tests/unit/unit.h"

#include <math.h>

#include "common/buf.h"
#include "common/compare.h"

/** An ordinary scan of @files in @seconds: a tenth is new, extracting is what takes time. */
static struct run run_of(double files, double seconds)
{
	struct run r = {.job = 1, .order = "rescan all", .mode = "quick", .started_at = 1, .ended_at = 2};
	r.value[RUN_wall_seconds] = seconds;
	r.value[RUN_files] = files;
	r.value[RUN_cached_ratio] = 0.9;
	r.value[RUN_peak_rss_bytes] = 80e6;
	r.value[RUN_cpu_seconds] = files / 1000;
	const double items[STAGE_COUNT] = {files, files / 10, files / 10}, busy[STAGE_COUNT] = {0.3, 0.8, 0.2};
	for (int s = 0; s < STAGE_COUNT; s++) {
		r.stage[s][STAGE_items] = items[s];
		r.stage[s][STAGE_items_per_second] = seconds > 0 ? items[s] / seconds : 0;
		r.stage[s][STAGE_busy_ratio] = busy[s];
	}
	return r;
}

static struct comparison compare(const struct run *run, const double *seconds, size_t n)
{
	struct run before[32];
	struct comparison c;
	for (size_t i = 0; i < n; i++)
		before[i] = run_of(1000, seconds[i]);
	compare_runs(run, before, n, &c);
	return c;
}

static const double calm[10] = {10, 10.2, 9.9, 10.1, 10, 9.8, 10.3, 10, 10.1, 9.9};
/* the same with two days on which the disk was busy */
static const double rough[10] = {10, 10.2, 9.9, 60, 10, 9.8, 300, 10, 10.1, 9.9};

static void assert_words(const struct run *run, const struct comparison *c, const char *part)
{
	struct buf words = BUF_INIT(1 << 14);
	compare_words(run, c, &words);
	if (!strstr(buf_str(&words), part))
		fail_msg("\"%s\" is not in:\n%s", part, buf_str(&words));
	buf_clear(&words);
}

static void too_few_are_said_to_be_too_few(void **state)
{
	(void)state;
	for (size_t n = 0; n < COMPARE_LEAST; n++) {
		struct run slow = run_of(1000, 100);
		struct comparison c = compare(&slow, calm, n);
		assert_int_equal(c.verdict, COMPARE_UNKNOWN);
		assert_int_equal(c.row[COMPARED_files_per_second].verdict, COMPARE_UNKNOWN);
		assert_words(&slow, &c, n == 1 ? "too few runs: 1 scan like it before" : "too few runs: ");
	}
	struct run slow = run_of(1000, 100);
	struct comparison c = compare(&slow, calm, COMPARE_LEAST);
	assert_int_equal(c.verdict, COMPARE_WORSE);
}

static void speed_is_judged_by_the_median(void **state)
{
	static const struct {
		double seconds;
		const double *before;
		enum compare_verdict verdict;
		const char *words;
	} rows[] = {
		{10.1, calm, COMPARE_USUAL, "as fast as usual: 1000 files in 10.1 s, 99 files/s; the median of the last 10 is"},
		{12.0, calm, COMPARE_USUAL, "as fast as usual"},
		/* 25 % less: 13.3 s */
		{14.0, calm, COMPARE_WORSE, "slower: 1000 files in 14 s, 71.4 files/s; the median of the last 10 is 100 files/s (-29 %)"},
		{20.0, calm, COMPARE_WORSE, "slower: 1000 files in 20 s, 50 files/s; the median of the last 10 is 100 files/s (-50 %)"},
		{6.0, calm, COMPARE_BETTER, "faster: 1000 files in 6 s"},
		/* bad days of the past hide nothing and alarm nobody */
		{10.1, rough, COMPARE_USUAL, "as fast as usual"},
		{20.0, rough, COMPARE_WORSE, "slower"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct run r = run_of(1000, rows[i].seconds);
		struct comparison c = compare(&r, rows[i].before, 10);
		if (c.verdict != rows[i].verdict)
			fail_msg("%g s: %s", rows[i].seconds, COMPARE_VERDICT_NAMES[c.verdict]);
		assert_words(&r, &c, rows[i].words);
	}
}

static void runs_that_scatter_allow_more(void **state)
{
	static const double wild[10] = {5, 20, 9, 14, 30, 6, 18, 11, 8, 25};
	struct run r = run_of(1000, 22);
	(void)state;
	assert_int_equal(compare(&r, wild, 10).verdict, COMPARE_USUAL);
	assert_int_equal(compare(&r, calm, 10).verdict, COMPARE_WORSE);
}

static void where_it_was_slow_is_named(void **state)
{
	struct run r = run_of(1000, 30);
	(void)state;
	r.stage[STAGE_OF_insert][STAGE_items_per_second] = 0.1;
	struct comparison c = compare(&r, calm, 10);
	assert_words(&r, &c, "where: in the stage insert, see below\n");
	assert_words(&r, &c, "insert: speed: 0.1 items/s; the median of 10 scans is");
	/* it read everything anew: that is why, and no stage is to blame */
	r = run_of(1000, 30);
	r.value[RUN_cached_ratio] = 0.1;
	c = compare(&r, calm, 10);
	assert_words(&r, &c, "it had more to read: 10 % of the files were answered from the index, usually 90 %\n");
}

static void errors_and_memory_count_too(void **state)
{
	struct run r = run_of(1000, 10);
	(void)state;
	r.value[RUN_errors] = 30;
	r.value[RUN_error_ratio] = 0.03;
	struct comparison c = compare(&r, calm, 10);
	assert_int_equal(c.verdict, COMPARE_WORSE);
	assert_words(&r, &c, "errors: 30 errors; the median of 10 scans is 0 errors, usually within 0 errors (worse)\n");
	/* one error more than none is below what anybody cares for */
	r.value[RUN_errors] = 1;
	r.value[RUN_error_ratio] = 0.001;
	assert_int_equal(compare(&r, calm, 10).verdict, COMPARE_USUAL);
	r = run_of(1000, 10);
	r.value[RUN_peak_rss_bytes] = 160e6;
	c = compare(&r, calm, 10);
	assert_int_equal(c.verdict, COMPARE_WORSE);
	assert_words(&r, &c, "peak memory: 160.0 MB; the median of 10 scans is 80.0 MB");
	r.value[RUN_peak_rss_bytes] = 85e6;
	assert_int_equal(compare(&r, calm, 10).verdict, COMPARE_USUAL);
}

static void a_larger_library_is_no_slower_one(void **state)
{
	struct run r = run_of(5000, 50);
	(void)state;
	struct comparison c = compare(&r, calm, 10);
	assert_int_equal(c.verdict, COMPARE_USUAL);
	assert_int_equal(c.row[COMPARED_wall_seconds].verdict, COMPARE_OTHER);
	assert_words(&r, &c, "duration: 50 s; the median of 10 scans is 10 s");
}

static void scans_without_files_have_no_speed(void **state)
{
	struct run r = run_of(0, 0), before[10];
	struct comparison c;
	(void)state;
	for (int i = 0; i < 10; i++)
		before[i] = run_of(0, 0);
	compare_runs(&r, before, 10, &c);
	assert_true(isnan(c.row[COMPARED_files_per_second].value));
	assert_int_equal(c.row[COMPARED_files_per_second].verdict, COMPARE_UNKNOWN);
	assert_int_equal(c.verdict, COMPARE_USUAL);
	assert_words(&r, &c, "its speed cannot be compared");
	/* of too few that had one nothing is said */
	before[0] = before[1] = run_of(1000, 1);
	r = run_of(1000, 10);
	compare_runs(&r, before, 10, &c);
	assert_int_equal(c.row[COMPARED_files_per_second].verdict, COMPARE_UNKNOWN);
	assert_words(&r, &c, "its speed cannot be compared");
	/* a stage that had nothing to do is not slow */
	r = run_of(1000, 10);
	r.stage[STAGE_OF_insert][STAGE_items] = r.stage[STAGE_OF_insert][STAGE_items_per_second] = 0;
	c = compare(&r, calm, 10);
	assert_int_equal(c.row[COMPARED_insert_rate].verdict, COMPARE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_few_are_said_to_be_too_few),
		cmocka_unit_test(speed_is_judged_by_the_median),
		cmocka_unit_test(runs_that_scatter_allow_more),
		cmocka_unit_test(where_it_was_slow_is_named),
		cmocka_unit_test(errors_and_memory_count_too),
		cmocka_unit_test(a_larger_library_is_no_slower_one),
		cmocka_unit_test(scans_without_files_have_no_speed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
