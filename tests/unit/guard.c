/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>

#include "indexer/guard.h"

/* --- what is believed --- */

struct row {
	struct guard_evidence e;
	const char *state, *word;
	bool may_forget, may_scan;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct guard_verdict v = guard_judge(&rows[i].e);
		if (strcmp(v.state, rows[i].state) != 0 || v.may_forget != rows[i].may_forget ||
		    v.may_scan != rows[i].may_scan || !strstr(v.reason, rows[i].word))
			fail_msg("row %zu: %s (%s), forget %d, scan %d", i, v.state, v.reason, v.may_forget,
				 v.may_scan);
		assert_true((strcmp(v.state, "present") == 0) == (*v.reason == '\0'));
	}
}

static void each_piece_of_evidence_has_its_state(void **state)
{
	static const struct row rows[] = {
		{{0}, "present", "", true, true},
		{{.has_files = true}, "present", "", true, true},
		{{.is_silent = true}, "stuck", "does not answer", false, false},
		{{.is_own = true}, "foreign", "own mount", false, false},
		{{.error = -ENOENT}, "absent", "not there", false, false},
		{{.error = -ENOTDIR}, "absent", "not there", false, false},
		{{.error = -EIO}, "unknown", "input/output", false, false},
		{{.error = -ENOTCONN}, "unknown", "not connected", false, false},
		{{.error = -ESTALE}, "unknown", "stale", false, false},
		{{.error = -EACCES}, "unknown", "permission", false, false},
		{{.error = -EPERM}, "unknown", "permission", false, false},
		{{.error = -ELOOP}, "unknown", "symbolic links", false, false},
		{{.error = -ETIMEDOUT}, "unknown", "timed out", false, false},
		{{.error = -99999}, "unknown", "cannot be opened", false, false},
		{{.marker_error = -ENOENT}, "absent", "marker", false, false},
		{{.marker_error = -EIO}, "unknown", "marker", false, false},
		{{.marker_error = -ENOTDIR}, "unknown", "marker", false, false},
		{{.is_empty = true, .has_files = true}, "empty", "lists nothing", false, false},
		/* a new library, empty so far, may be looked at; nothing is known that could be forgotten */
		{{.is_empty = true}, "empty", "is empty", false, true},
	};
	(void)state;
	check(rows, sizeof rows / sizeof *rows);
}

static void another_disk_is_known_by_what_is_not_on_it(void **state)
{
	static const struct row rows[] = {
		{{.is_other_device = true, .anchors = 8, .answered = 0}, "foreign", "another disk", false, false},
		{{.is_other_device = true, .anchors = 8, .answered = 3}, "foreign", "another disk", false, false},
		{{.is_other_device = true, .anchors = 8, .answered = 4}, "present", "", true, true},
		{{.is_other_device = true, .anchors = 7, .answered = 3}, "foreign", "another disk", false, false},
		{{.is_other_device = true, .anchors = 7, .answered = 4}, "present", "", true, true},
		{{.is_other_device = true, .anchors = 1, .answered = 0}, "foreign", "another disk", false, false},
		/* a new disk number alone is no evidence, nor are files alone that are missing */
		{{.is_other_device = true}, "present", "", true, true},
		{{.anchors = 8, .answered = 0}, "present", "", true, true},
	};
	(void)state;
	check(rows, sizeof rows / sizeof *rows);
}

/** From the strongest on: with each one less the next one counts. */
static void stronger_evidence_comes_first(void **state)
{
	struct guard_evidence e = {
		.error = -EIO, .marker_error = -ENOENT, .is_empty = true, .has_files = true, .is_silent = true,
		.is_own = true, .is_other_device = true, .anchors = 8,
	};
	(void)state;
	assert_string_equal(guard_judge(&e).state, "stuck");
	e.is_silent = false;
	assert_string_equal(guard_judge(&e).state, "foreign");
	assert_non_null(strstr(guard_judge(&e).reason, "own mount"));
	e.is_own = false;
	assert_string_equal(guard_judge(&e).state, "unknown");
	e.error = 0;
	assert_string_equal(guard_judge(&e).state, "absent");
	e.marker_error = -EIO;
	assert_string_equal(guard_judge(&e).state, "unknown");
	e.marker_error = 0;
	assert_string_equal(guard_judge(&e).state, "empty");
	assert_false(guard_judge(&e).may_scan);
	e.has_files = false;
	assert_string_equal(guard_judge(&e).state, "foreign");
	e.anchors = 0;
	assert_string_equal(guard_judge(&e).state, "empty");
	assert_true(guard_judge(&e).may_scan);
	e.is_empty = false;
	assert_string_equal(guard_judge(&e).state, "present");
}

/** Over all combinations: nothing is forgotten unless all is well. */
static void only_a_healthy_root_may_forget(void **state)
{
	static const int errors[] = {0, -ENOENT, -EIO, -ESTALE};
	int present = 0;
	(void)state;
	for (unsigned bits = 0; bits < 32; bits++)
		for (int error = 0; error < 4; error++)
			for (int marker = 0; marker < 4; marker++)
				for (uint32_t answered = 0; answered <= 4; answered++) {
					struct guard_evidence e = {
						.error = errors[error], .marker_error = errors[marker],
						.is_empty = bits & 1, .has_files = bits & 2,
						.is_silent = bits & 4, .is_own = bits & 8,
						.is_other_device = bits & 16, .anchors = 4, .answered = answered,
					};
					bool is_well = !error && !marker && !(bits & 13) &&
						       (!(bits & 16) || answered >= 2);
					struct guard_verdict v = guard_judge(&e);
					assert_int_equal(v.may_forget, is_well);
					assert_int_equal(strcmp(v.state, "present") == 0, is_well);
					assert_true(v.may_scan || !v.may_forget);
					present += is_well;
				}
	assert_int_equal(present, 2 * (5 + 3));
}

/* --- how much at once --- */

static void a_few_may_always_vanish_and_a_small_share_of_many(void **state)
{
	(void)state;
	assert_false(guard_brake(0, 100, 20, 2));
	assert_false(guard_brake(20, 100, 20, 2));
	assert_true(guard_brake(21, 100, 20, 2));
	assert_false(guard_brake(20, 20, 20, 2));
	assert_true(guard_brake(21, 21, 20, 2));
	assert_false(guard_brake(21, 10000, 20, 2));
	assert_false(guard_brake(200, 10000, 20, 2));
	assert_true(guard_brake(201, 10000, 20, 2));
	assert_false(guard_brake(21, 1050, 20, 2));
	assert_true(guard_brake(21, 1049, 20, 2));
	assert_true(guard_brake(10000000, 10000000, 20, 2));
}

static void either_bound_can_be_left_out(void **state)
{
	(void)state;
	assert_false(guard_brake(1000, 1000, 0, 0));
	/* only a share, only a number */
	assert_true(guard_brake(3, 100, 0, 2));
	assert_false(guard_brake(2, 100, 0, 2));
	assert_true(guard_brake(21, 1000000, 20, 0));
	assert_false(guard_brake(20, 1000000, 20, 0));
	assert_false(guard_brake(100, 100, 0, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_piece_of_evidence_has_its_state),
		cmocka_unit_test(another_disk_is_known_by_what_is_not_on_it),
		cmocka_unit_test(stronger_evidence_comes_first),
		cmocka_unit_test(only_a_healthy_root_may_forget),
		cmocka_unit_test(a_few_may_always_vanish_and_a_small_share_of_many),
		cmocka_unit_test(either_bound_can_be_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
