/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Every metric of the tables goes through the store, JSON and CSV. */
#include "tests/unit/store_fill.h"

#include "common/metrics.h"
#include "common/render.h"

static void fill_run(struct run *run)
{
	*run = (struct run){.job = 7, .order = "rescan =all", .mode = "full", .started_at = 1000000000,
			    .ended_at = 2000000000};
	for (int m = 0; m < RUN_METRIC_COUNT; m++)
		run->value[m] = 100 + m;
	for (int s = 0; s < STAGE_COUNT; s++)
		for (int m = 0; m < STAGE_METRIC_COUNT; m++)
			run->stage[s][m] = 1000 + 10 * s + m;
}

static int keep(void *arg, const struct run *run)
{
	*(struct run *)arg = *run;
	return 0;
}

static void every_metric_comes_back_from_the_store(void **state)
{
	struct filler f;
	struct run in, out;
	char *dir = unit_folder();
	(void)state;
	memset(&out, 0, sizeof out);
	fill_run(&in);
	fill_begin(&f, dir);
	assert_int_equal(store_add_run(f.s, &in), 0);
	assert_int_equal(store_runs(f.s, 10, keep, &out), 0);
	assert_memory_equal(in.value, out.value, sizeof in.value);
	assert_memory_equal(in.stage, out.stage, sizeof in.stage);
	assert_string_equal(in.order, out.order);
	store_rollback(f.s);
	store_close(f.s);
	unit_remove(dir);
}

static void every_metric_is_in_json_under_its_name(void **state)
{
	struct run run;
	struct json j;
	_buf_ struct buf out = BUF_INIT(1 << 16);
	char want[128];
	(void)state;
	fill_run(&run);
	json_init(&j, &out, 0);
	run_json(&j, &run);
	for (int m = 0; m < RUN_METRIC_COUNT; m++) {
		snprintf(want, sizeof want, "\"%s\": %d", RUN_METRICS_TABLE[m].name, 100 + m);
		if (!strstr(buf_str(&out), want))
			fail_msg("%s is not in %s", want, buf_str(&out));
		assert_true(strlen(RUN_METRICS_TABLE[m].help) > 5);
	}
	for (int s = 0; s < STAGE_COUNT; s++)
		for (int m = 0; m < STAGE_METRIC_COUNT; m++) {
			snprintf(want, sizeof want, "\"%s\": %d", STAGE_METRICS_TABLE[m].name,
				 1000 + 10 * s + m);
			assert_non_null(strstr(buf_str(&out), want));
		}
}

static int count(const char *s, const char *end, char c)
{
	int n = 0;
	for (; s < end; s++)
		n += *s == c;
	return n;
}

static void a_line_of_csv_has_as_many_cells_as_the_header(void **state)
{
	struct run run;
	_buf_ struct buf out = BUF_INIT(1 << 16);
	(void)state;
	fill_run(&run);
	run_csv_header(&out);
	size_t head = out.len;
	run_csv(&out, &run);
	assert_int_equal(count(out.data, out.data + head, ','),
			 count(out.data + head, out.data + out.len, ','));
	for (int m = 0; m < RUN_METRIC_COUNT; m++)
		assert_non_null(strstr(out.data, RUN_METRICS_TABLE[m].name));
	/* an order is a text of the user: it runs in no spreadsheet */
	assert_non_null(strstr(out.data + head, "7,rescan =all,full,1970-01-01T00:00:01Z"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_metric_comes_back_from_the_store),
		cmocka_unit_test(every_metric_is_in_json_under_its_name),
		cmocka_unit_test(a_line_of_csv_has_as_many_cells_as_the_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
