/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The plots of the mount, from a store that was filled by hand.  MEDIAMON_PLOTS=DIR keeps the pictures there, for
 * the eye.
 */
#include "tests/unit/store_fill.h"

#include "common/clock.h"
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
	has(show(&w, "runs", "scan-rate"), "files/s (quick");
	show(&w, "runs", "stages");
	show(&w, "runs", "success");
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
