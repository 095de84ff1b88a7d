/* SPDX-License-Identifier: GPL-3.0-or-later */
/** metrics/mediamon.prom over a store with a little of everything, and a live page made up here. */
#include "tests/unit/fill_links.h"

#include "common/clock.h"
#include "common/gauges.h"
#include "fs/tree.h"
#include "fs/views.h"

static struct config *config;
static const int64_t NOW = INT64_C(1795255200) * NS_PER_S;

static void open_views(const char *dir)
{
	char path[4096];
	_buf_ struct buf why = BUF_INIT(1 << 16);
	snprintf(path, sizeof path, "%s/conf", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "state_dir = \"%s\"\n", dir);
	fclose(f);
	assert_int_equal(config_load(path, &config, &why), 0);
	assert_int_equal(views_open(config), 0);
	tree_init();
}

static void close_views(char *dir)
{
	views_close();
	config_free(config);
	config = NULL;
	unit_remove(dir);
}

static char *filled(void)
{
	struct filler f;
	char *dir = unit_folder();
	fill_all(&f, dir);
	fill_links(&f);
	store_close(f.s);
	return dir;
}

/** As if an indexer were in the middle of a scan. */
static void make_up_a_scan(struct view *v)
{
	v->mood.state = INDEXER_RUNNING;
	v->mood.live = (struct live_values){
		.pid = 7, .heartbeat_at = (uint64_t)(NOW - 500 * NS_PER_MS), .started_at = (uint64_t)(NOW - 60 * NS_PER_S),
		.job = 3, .job_started_at = (uint64_t)(NOW - 10 * NS_PER_S), .done = 400, .total = 1000, .files = 410,
		.bytes = 5000, .errors = 4, .discover_items = 420, .discover_depth = 2, .discover_limit = 64,
		.discover_busy_ns = 5000000000, .extract_items = 300, .extract_depth = 9, .extract_limit = 32,
		.extract_busy_ns = 9000000000, .insert_items = 290, .insert_limit = 128, .rss_indexer = 1000, .rss_sum = 3000,
		.cpu_ns = 1500000000, .workers = 2, .worker_restarts = 1, .due = 6, .verified_files = 8, .verified_bytes = 900,
	};
	for (int i = 0; i < VIEW_MOODS; i++) {
		v->mood.version[i] += 1000;
		v->mood.at[i] = NOW;
	}
}

/** Moods alone tell when: the topics of a filled store are of today. */
static void forget_topics(struct view *v)
{
	memset(v->at, 0, sizeof v->at);
}

static void has_line(const struct buf *out, const char *line)
{
	_buf_ struct buf whole = BUF_INIT(1 << 10);
	buf_addf(&whole, "\n%s\n", line);
	if (!strstr(buf_str(out), buf_str(&whole)))
		fail_msg("not there: %s", line);
}

static void the_running_scan_is_told(void **state)
{
	struct view v;
	_buf_ struct buf out = BUF_INIT(1 << 20);
	char *dir = filled();
	(void)state;
	open_views(dir);
	view_begin(&v);
	make_up_a_scan(&v);
	forget_topics(&v);
	assert_int_equal(show_prom(&v, NULL, &out), 0);
	static const char *const lines[] = {
		"mediamon_up 1", "mediamon_scan_running 1", "mediamon_scan_done_files 400", "mediamon_scan_expected_files 1000",
		"mediamon_scan_elapsed_seconds 10", "mediamon_scan_files_per_second 41", "mediamon_scan_errors 4",
		"mediamon_scan_stage_queue_depth{stage=\"extract\"} 9", "mediamon_scan_stage_queue_limit{stage=\"insert\"} 128",
		"mediamon_scan_stage_busy_ratio{stage=\"discover\"} 0.5", "mediamon_scan_stage_busy_ratio{stage=\"extract\"} 0.9",
		"mediamon_resident_bytes{process=\"indexer\"} 1000", "mediamon_cpu_seconds_total 1.5", "mediamon_due_folders 6",
		"mediamon_heartbeat_age_seconds 0.5", "mediamon_heartbeat_timestamp_seconds 1795255199",
		"mediamon_worker_restarts_total 1", "mediamon_verified_bytes_total 900",
		"# TYPE mediamon_verified_bytes_total counter", "# TYPE mediamon_scan_done_files gauge",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		has_line(&out, lines[i]);
	view_end(&v);
	close_views(dir);
}

static int count_of(const struct buf *out, const char *text)
{
	int n = 0;
	for (const char *at = buf_str(out); (at = strstr(at, text)); at++)
		n++;
	return n;
}

/** Whatever the table says: known values are there, each family once, and nothing else. */
static void every_gauge_that_is_known_is_there_once(void **state)
{
	struct view v;
	struct gauges g;
	_buf_ struct buf out = BUF_INIT(1 << 20);
	char *dir = filled();
	int known = 0;
	(void)state;
	open_views(dir);
	view_begin(&v);
	make_up_a_scan(&v);
	assert_int_equal(view_gauges(&v, &g), 0);
	assert_int_equal(show_prom(&v, NULL, &out), 0);
	assert_null(strstr(buf_str(&out), "nan"));
	for (int i = 0; i < GAUGE_COUNT; i++) {
		const struct gauge_row *row = &GAUGES_TABLE[i];
		_buf_ struct buf sample = BUF_INIT(1 << 10), head = BUF_INIT(1 << 10);
		buf_addf(&sample, row->label ? "\n%s{%s=\"%s\"} " : "\n%s ", row->name, row->label, row->value);
		buf_addf(&head, "\n# TYPE %s ", row->name);
		assert_int_equal(count_of(&out, buf_str(&sample)), g.value[i] == g.value[i]);
		assert_true(count_of(&out, buf_str(&head)) <= 1);
		known += g.value[i] == g.value[i];
	}
	assert_true(known > 80);
	view_end(&v);
	close_views(dir);
}

static void what_nobody_knows_is_absent(void **state)
{
	struct view v;
	_buf_ struct buf out = BUF_INIT(1 << 20);
	char *dir = unit_folder();
	(void)state;
	open_views(dir);
	view_begin(&v);
	assert_null(v.store);
	assert_int_equal(show_prom(&v, NULL, &out), 0);
	has_line(&out, "mediamon_up 0");
	has_line(&out, "mediamon_index_readable 0");
	assert_null(strstr(buf_str(&out), "mediamon_tracks"));
	assert_null(strstr(buf_str(&out), "mediamon_root"));
	assert_null(strstr(buf_str(&out), "mediamon_resident"));
	assert_int_equal(out.data[out.len - 1], '\n');
	view_end(&v);
	close_views(dir);
}

/** The kernel keeps a node's bytes; a disk's free space is asked once for each. */
static void one_version_has_one_content(void **state)
{
	struct view v;
	struct gauges one, two, three;
	char *dir = filled();
	(void)state;
	open_views(dir);
	view_begin(&v);
	make_up_a_scan(&v);
	assert_int_equal(view_gauges(&v, &one), 0);
	v.mood.live.files++;
	assert_int_equal(view_gauges(&v, &two), 0);
	assert_memory_equal(&one, &two, sizeof one);
	v.mood.version[1]++;
	assert_int_equal(view_gauges(&v, &three), 0);
	assert_true(three.value[GAUGE_scan_files_per_second] > one.value[GAUGE_scan_files_per_second]);
	view_end(&v);
	close_views(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_running_scan_is_told),
		cmocka_unit_test(every_gauge_that_is_known_is_there_once),
		cmocka_unit_test(what_nobody_knows_is_absent),
		cmocka_unit_test(one_version_has_one_content),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
