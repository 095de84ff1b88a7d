/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The plots of the mount, from a store that was filled by hand.  MEDIAMON_PLOTS=DIR keeps the pictures there, for
 * the eye.
 */
#include "tests/unit/store_fill.h"

#include <math.h>

#include "common/clock.h"
#include "common/store_sample.h"
#include "common/store_write_chapters.h"
#include "common/store_write_repair.h"
#include "common/text.h"
#include "fs/plots.h"
#include "fs/tree.h"

/** 2026-11-21T10:00:00Z */
#define NOON (INT64_C(1795255200) * NS_PER_S)
#define HOUR (3600 * NS_PER_S)

struct world {
	char *dir;
	struct filler f;
	struct config *config;
	struct view v;
	struct buf out;
};

static void begin(struct world *w)
{
	char path[4096];
	_buf_ struct buf why = BUF_INIT(1 << 16);
	*w = (struct world){.dir = unit_quick_folder(), .out = BUF_INIT(64 << 20)};
	fill_begin(&w->f, w->dir);
	fill_commit(&w->f);
	snprintf(path, sizeof path, "%s/conf", w->dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "state_dir = \"%s\"\n", w->dir);
	fclose(f);
	if (config_load(path, &w->config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	assert_int_equal(views_open(w->config), 0);
	tree_init();
}

static void end(struct world *w)
{
	views_close();
	config_free(w->config);
	store_close(w->f.s);
	buf_clear(&w->out);
	unit_remove(w->dir);
}

static void keep(const char *test, const char *name, const struct buf *svg)
{
	char path[4096];
	if (!getenv("MEDIAMON_PLOTS"))
		return;
	snprintf(path, sizeof path, "%s/%s-%s.svg", getenv("MEDIAMON_PLOTS"), test, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(svg->data, 1, svg->len, f), svg->len);
	fclose(f);
}

/** The picture as the mount has it now. */
static const char *show(struct world *w, const char *test, const char *name)
{
	struct node n;
	int64_t at;
	char path[256];
	snprintf(path, sizeof path, "metrics/%s.svg", name);
	view_begin(&w->v);
	buf_reset(&w->out);
	if (tree_resolve(&w->v, path, &n, &at) < 0)
		fail_msg("there is no %s", path);
	assert_int_equal(tree_render(&w->v, &n, &w->out), 0);
	view_end(&w->v);
	assert_true(text_is_utf8(w->out.data, w->out.len));
	assert_true(w->out.len <= 60 << 10);
	_buf_ struct buf again = BUF_INIT(1 << 20);
	view_begin(&w->v);
	assert_int_equal(tree_render(&w->v, &n, &again), 0);
	view_end(&w->v);
	assert_string_equal(buf_str(&again), buf_str(&w->out));
	keep(test, name, &w->out);
	return buf_str(&w->out);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void fill_runs(struct world *w, int n)
{
	assert_int_equal(store_begin_write(w->f.s), 0);
	for (int i = 0; i < n; i++) {
		bool is_full = i % 7 == 0;
		struct run run = {.job = i + 1, .order = "rescan", .started_at = NOON - (n - i) * 23 * HOUR};
		run.ended_at = run.started_at + HOUR;
		snprintf(run.mode, sizeof run.mode, "%s", is_full ? "full" : "quick");
		run.value[RUN_files] = 120000 + 350 * i;
		run.value[RUN_wall_seconds] = (is_full ? 42.5 : 1.3) * (1 + 0.2 * ((i * 37) % 11) / 11.);
		run.value[RUN_errors] = (i * 13) % 5;
		run.value[RUN_error_ratio] = run.value[RUN_errors] / run.value[RUN_files];
		run.stage[0][STAGE_busy_ratio] = is_full ? 0.12 : 0.71;
		run.stage[1][STAGE_busy_ratio] = is_full ? 0.83 - 0.01 * (i % 9) : 0.02;
		run.stage[2][STAGE_busy_ratio] = is_full ? 0.31 + 0.02 * (i % 5) : 0.04;
		assert_int_equal(store_add_run(w->f.s, &run), 0);
	}
	fill_commit(&w->f);
}

/** @n samples up to @last; an hour's night without any of them now and then. */
static void fill_samples(struct world *w, enum sample_step step, int n, int64_t last)
{
	enum { AT_ONCE = 500 };
	struct gauges *rows = calloc(AT_ONCE, sizeof *rows);
	size_t filled = 0;
	assert_non_null(rows);
	assert_int_equal(store_begin_write(w->f.s), 0);
	for (int i = 0; i < n; i++) {
		struct gauges *g = &rows[filled];
		if (i % 500 > 480)
			continue;
		g->at = last - (int64_t)(n - 1 - i) * SAMPLE_STEP_NS[step];
		for (int k = 0; k < GAUGE_COUNT; k++)
			g->value[k] = NAN;
		g->value[GAUGE_tracks] = 81000 + i * 3 + i / 300 * 400;
		g->value[GAUGE_volumes] = 9100 + i / 4;
		g->value[GAUGE_chapters] = 2400 + i / 9;
		g->value[GAUGE_missing_interior] = 120 + 40 * sin(i / 90.);
		g->value[GAUGE_missing_tail] = 300 - i % 150;
		g->value[GAUGE_missing_announced] = 25 + i / 80 % 30;
		g->value[GAUGE_api_prowlarr_calls] = 1000 + i * 12 + i * i % 7;
		g->value[GAUGE_api_prowlarr_left] = 2000 - i % 24 * 12;
		g->value[GAUGE_api_nautiljon_calls] = 50 + i * 2;
		g->value[GAUGE_api_nautiljon_left] = 300 - i % 24 * 2;
		g->value[GAUGE_api_realdebrid_calls] = 5 + i / 3 * 9;
		g->value[GAUGE_api_realdebrid_left] = 1000 - i % 24 / 3 * 9;
		if (++filled == AT_ONCE) {
			assert_int_equal(store_put_samples(w->f.s, step, rows, filled), 0);
			filled = 0;
		}
	}
	assert_int_equal(store_put_samples(w->f.s, step, rows, filled), 0);
	fill_commit(&w->f);
	free(rows);
}

static void fill_attempts(struct world *w, int n)
{
	assert_int_equal(store_begin_write(w->f.s), 0);
	for (int i = 0; i < n; i++) {
		const struct store_attempt a = {
			.at = NOON - (n - i) * 5 * HOUR, .provider = "realdebrid", .torrent = "T", .hash = "H",
			.name = "<b>&\x1b\xff", .outcome = i % 4 ? "success" : "failed", .error = "",
		};
		assert_int_equal(store_add_attempt(w->f.s, &a), 0);
	}
	fill_commit(&w->f);
}

static void fill_chapters(struct world *w, int n, int64_t last)
{
	assert_int_equal(store_begin_write(w->f.s), 0);
	for (int i = 0; i < n; i++) {
		char chapter[16];
		enum chapter_refusal refusal;
		size_t index;
		const int64_t at = last - (n - i) * HOUR / 30;
		snprintf(chapter, sizeof chapter, "%d", i + 1);
		const struct chapter_event begins = {
			.kind = CHAPTER_EVENT_start, .run = "r", .series = "<script>", .chapter = chapter, .url = "", .error = "",
			.at = at, .seconds = -1, .found = -1, .downloaded = -1, .processed = -1, .errors = -1, .said_bytes = -1,
		};
		struct chapter_event ends = begins;
		ends.kind = CHAPTER_EVENT_end;
		ends.seconds = 8 + i * 7 % 11;
		ends.at = at + (int64_t)ends.seconds * NS_PER_S;
		ends.said_bytes = 9000000 + i * 7919 % 3000000;
		ends.success = i % 9 != 4;
		assert_int_equal(store_tell_chapters(w->f.s, (struct chapter_event[]){begins, ends}, 2, &refusal, &index), 0);
		assert_int_equal(refusal, CHAPTER_TAKEN);
	}
	fill_commit(&w->f);
}

/** One row for each: as many hosts. */
static void fill_calls(struct world *w, int n)
{
	assert_int_equal(store_begin_write(w->f.s), 0);
	for (int i = 0; i < n; i++) {
		char host[32];
		snprintf(host, sizeof host, "host%d", i);
		const struct chapter_call call = {.host = host, .at = NOON, .seconds = 1, .bytes = 1, .well = 1};
		assert_int_equal(store_put_chapter_call(w->f.s, &call), 0);
	}
	fill_commit(&w->f);
}

static void test_empty(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	for (int p = 0; p < PLOT_COUNT; p++) {
		const char *svg = show(&w, "empty", PLOTS_TABLE[p].name);
		has(svg, "</svg>\n");
		has(svg, "<title");
	}
	has(show(&w, "empty", "scan-rate"), ">no scan has ended yet</text>");
	end(&w);
}

static void test_runs(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	fill_runs(&w, 30);
	/* full scans by thousands a second, quick ones near 100,000: powers of ten */
	const char *rate = show(&w, "runs", "scan-rate");
	has(rate, "files/s (quick");
	has(rate, ">1 k</text>");
	has(rate, ">100 k</text>");
	show(&w, "runs", "stages");
	show(&w, "runs", "success");
	end(&w);
}

static void test_samples(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	fill_samples(&w, SAMPLE_HOUR, unit_many(2160, 8760), NOON);
	has(show(&w, "samples", "library"), " volumes, ");
	has(show(&w, "samples", "missing"), "now: ");
	has(show(&w, "samples", "api-budget"), ">calls per hour</text>");
	end(&w);
}

/** A young installation has minutes and no hours. */
static void test_minutes(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	fill_samples(&w, SAMPLE_MINUTE, 90, NOON + 42 * 60 * NS_PER_S);
	has(show(&w, "minutes", "library"), "now: 81,267 tracks");
	show(&w, "minutes", "missing");
	/* 18 calls a minute in the fuller hour */
	has(show(&w, "minutes", "api-budget"), ">800</text>");
	/* of the hour that runs, from its last minute */
	has(show(&w, "minutes", "api-budget"), ">left today: prowlarr 1,796, nautiljon 266, realdebrid 955</text>");
	end(&w);
}

/** What is told as now is of the last minute, not of the last whole hour. */
static void test_the_hour_that_runs(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	fill_samples(&w, SAMPLE_HOUR, 48, NOON);
	has(show(&w, "hour", "library"), "now: 81,141 tracks, 9,111 volumes");
	fill_samples(&w, SAMPLE_MINUTE, 100, NOON + 130 * 60 * NS_PER_S);
	has(show(&w, "hour", "library"), "now: 81,297 tracks, 9,124 volumes");
	has(show(&w, "hour", "missing"), "now: 383 volumes");
	end(&w);
}

static void add_run(struct world *w, int files, int errors)
{
	struct run run = {.job = 1, .order = "rescan", .mode = "full", .started_at = NOON, .ended_at = NOON + HOUR};
	run.value[RUN_files] = files;
	run.value[RUN_wall_seconds] = 1;
	run.value[RUN_errors] = errors;
	run.value[RUN_error_ratio] = files ? (double)errors / files : 0;
	assert_int_equal(store_begin_write(w->f.s), 0);
	assert_int_equal(store_add_run(w->f.s, &run), 0);
	fill_commit(&w->f);
}

/** A scan of nothing read no share of it; the scans beside it are shown. */
static void test_no_file(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	add_run(&w, 0, 0);
	has(show(&w, "nothing", "success"), ">no scan has seen a file yet</text>");
	add_run(&w, 4, 2);
	assert_null(strstr(show(&w, "nothing", "success"), "100 %"));
	end(&w);
}

static void test_one(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	fill_samples(&w, SAMPLE_MINUTE, 1, NOON);
	fill_runs(&w, 1);
	fill_attempts(&w, 1);
	fill_chapters(&w, 1, NOON);
	for (int p = 0; p < PLOT_COUNT; p++)
		if (strstr(show(&w, "one", PLOTS_TABLE[p].name), " yet</text>"))
			fail_msg("%s shows nothing", PLOTS_TABLE[p].name);
	end(&w);
}

static void test_work(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	fill_attempts(&w, 100);
	fill_chapters(&w, 70, NOON);
	has(show(&w, "work", "repairs"), "75 of 100 attempts succeeded (75 %)");
	const char *chapters = show(&w, "work", "chapters");
	has(chapters, ">not ended well</text>");
	has(chapters, ">62 of the last 70 ended well</text>");
	/* one that is told late stands at its time */
	fill_chapters(&w, 1, NOON - 72 * HOUR);
	has(show(&w, "work", "chapters"), "up to 21 Nov 2026");
	/* our own calls may be newer, and more than are asked for: they stand in no chapter's place */
	fill_calls(&w, 2100);
	has(show(&w, "work", "chapters"), ">63 of the last 71 ended well</text>");
	end(&w);
}

/** A year of hours, as many scans, repairs and chapters as are kept: how long each plot takes.  LONG=1 tells. */
static void test_year(void **state)
{
	enum { ROUNDS = 20 };
	struct world w;
	(void)state;
	begin(&w);
	fill_samples(&w, SAMPLE_HOUR, unit_many(800, 8760), NOON);
	fill_samples(&w, SAMPLE_MINUTE, unit_many(200, 1440), NOON);
	fill_runs(&w, unit_many(210, 1000));
	fill_attempts(&w, unit_many(500, 20000));
	fill_chapters(&w, unit_many(2100, 10000), NOON);
	for (int p = 0; p < PLOT_COUNT; p++) {
		int64_t least = INT64_MAX;
		show(&w, "year", PLOTS_TABLE[p].name);
		for (int i = 0; i < unit_many(1, ROUNDS); i++) {
			view_begin(&w.v);
			buf_reset(&w.out);
			const int64_t start = mono_ns();
			assert_int_equal(plot_show(&w.v, (enum plot_id)p, &w.out), 0);
			least = mono_ns() - start < least ? mono_ns() - start : least;
			view_end(&w.v);
		}
		if (getenv("LONG"))
			print_message("%-12s %7.3f ms %6zu bytes\n", PLOTS_TABLE[p].name, (double)least / 1e6, w.out.len);
	}
	end(&w);
}

/** More minutes than are shown: hours are, up to the first that is. */
static void hours_go_on_to_where_minutes_begin(void **state)
{
	enum { DAYS = 8 };
	struct world w;
	struct node n;
	int64_t at, last = 0, rows = 0, now = now_ns() / HOUR * HOUR;
	(void)state;
	begin(&w);
	fill_samples(&w, SAMPLE_MINUTE, DAYS * 1440, now);
	fill_samples(&w, SAMPLE_HOUR, 2 * DAYS * 24, now);
	view_begin(&w.v);
	assert_int_equal(tree_resolve(&w.v, "metrics/history.csv", &n, &at), 0);
	assert_int_equal(tree_render(&w.v, &n, &w.out), 0);
	view_end(&w.v);
	for (const char *line = strchr(buf_str(&w.out), '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		struct tm tm = {0};
		assert_non_null(strptime(line + 1, "%Y-%m-%dT%H:%M:%SZ,", &tm));
		int64_t time = timegm(&tm);
		/* an hour, or the minutes that are left out above */
		if (last && (time <= last || time - last > 3600))
			fail_msg("after row %lld: %lld s", (long long)rows, (long long)(time - last));
		last = time;
		rows++;
	}
	assert_true(rows > 9000 && last == now / NS_PER_S);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_minutes),
		cmocka_unit_test(test_the_hour_that_runs),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_work),
		cmocka_unit_test(test_year),
		cmocka_unit_test(hours_go_on_to_where_minutes_begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
