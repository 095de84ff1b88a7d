/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Plots of the ended scans. */
#include <math.h>
#include <stdio.h>

#include "fs/plots_data.h"

enum { RUNS_PLOTTED = 200 };

static const char no_scan[] = "no scan has ended yet";

/** What one scan is in a plot. */
typedef int add_run_fn(struct plot_data *d, const struct run *run);

struct collector {
	struct plot_data *data;
	add_run_fn *add;
	struct run last;
};

static int collect_run(void *arg, const struct run *run)
{
	struct collector *c = arg;
	c->last = *run;
	return c->add(c->data, run);
}

/** All scans there are, by the time of their start; *last: the newest. */
static int collect_runs(const struct plot *p, add_run_fn *add, struct plot_data *d, struct run *last)
{
	struct collector c = {.data = d, .add = add};
	int r = p->view->store ? store_runs(p->view->store, RUNS_PLOTTED, collect_run, &c) : 0;
	*last = c.last;
	return r;
}

static struct svg_chart chart_of_runs(const struct plot *p, const struct plot_data *d)
{
	struct svg_chart c = plot_chart(p, d);
	c.is_even = true;
	c.empty = no_scan;
	c.x_label = "scans by their start (UTC)";
	c.desc = p->row->help;
	return c;
}

static double rate_of(const struct run *run)
{
	double wall = run->value[RUN_wall_seconds];
	return wall > 0 ? run->value[RUN_files] / wall : NAN;
}

/* --- scan-rate --- */

static int add_rate(struct plot_data *d, const struct run *run)
{
	bool is_full = strcmp(run->mode, "full") == 0;
	double rate = rate_of(run);
	return plot_data_add(d, run->started_at, (double[]){is_full ? rate : NAN, is_full ? NAN : rate}, 2);
}

int plot_draw_scan_rate(const struct plot *p)
{
	_data_ struct plot_data d = {0};
	struct run last;
	char note[192], rate[SVG_TICK_CHARS], files[SVG_TICK_CHARS], wall[SVG_TICK_CHARS];
	int r = collect_runs(p, add_rate, &d, &last);
	if (r < 0)
		return r;
	struct svg_chart c = chart_of_runs(p, &d);
	const struct svg_series series[] = {{"full", d.y[0].data, 0}, {"quick", d.y[1].data, 1}};
	const struct svg_panel panel = {.label = "files per second", .unit = SVG_NUMBER, .kind = SVG_DOTS,
					.may_be_log = true, .series = series, .count = 2};
	svg_value_text(rate_of(&last), SVG_NUMBER, rate);
	svg_value_text(last.value[RUN_files], SVG_COUNT, files);
	svg_value_text(last.value[RUN_wall_seconds], SVG_SECONDS, wall);
	snprintf(note, sizeof note, "last: %s files/s (%s, %s files in %s)", rate, last.mode, files, wall);
	c.note = d.x.len ? note : "";
	c.panel = &panel;
	c.panels = 1;
	return plot_end(p, &c);
}

/* --- stages --- */

static int add_stages(struct plot_data *d, const struct run *run)
{
	double busy[STAGE_COUNT];
	for (int s = 0; s < STAGE_COUNT; s++)
		busy[s] = run->stage[s][STAGE_busy_ratio];
	return plot_data_add(d, run->started_at, busy, STAGE_COUNT);
}

int plot_draw_stages(const struct plot *p)
{
	_data_ struct plot_data d = {0};
	struct run last;
	int r = collect_runs(p, add_stages, &d, &last);
	if (r < 0)
		return r;
	struct svg_series series[STAGE_COUNT];
	for (int s = 0; s < STAGE_COUNT; s++)
		series[s] = (struct svg_series){STAGE_NAMES[s], d.y[s].data, s};
	const struct svg_panel panel = {.label = "at work, % of the scan's time", .unit = SVG_RATIO, .kind = SVG_BARS,
					.series = series, .count = STAGE_COUNT};
	struct svg_chart c = chart_of_runs(p, &d);
	int busiest = 0;
	for (int s = 1; s < STAGE_COUNT; s++)
		if (last.stage[s][STAGE_busy_ratio] > last.stage[busiest][STAGE_busy_ratio])
			busiest = s;
	char note[128], share[SVG_TICK_CHARS];
	svg_value_text(last.stage[busiest][STAGE_busy_ratio], SVG_RATIO, share);
	snprintf(note, sizeof note, "last scan: most in %s, at work for %s of its time", STAGE_NAMES[busiest], share);
	c.note = d.x.len ? note : "";
	c.panel = &panel;
	c.panels = 1;
	return plot_end(p, &c);
}

/* --- success --- */

static int add_success(struct plot_data *d, const struct run *run)
{
	/* of no file no share was read */
	double read = run->value[RUN_files] > 0 ? 1 - fmin(1, run->value[RUN_error_ratio]) : NAN;
	return plot_data_add(d, run->started_at, &read, 1);
}

int plot_draw_success(const struct plot *p)
{
	_data_ struct plot_data d = {0};
	struct run last;
	char note[128], errors[SVG_TICK_CHARS], files[SVG_TICK_CHARS];
	int r = collect_runs(p, add_success, &d, &last);
	if (r < 0)
		return r;
	const struct svg_series series = {"read", d.y[0].data, 2};
	const struct svg_panel panel = {.label = "read without error, % of the files seen", .unit = SVG_RATIO,
					.kind = SVG_LINE, .is_fitted = true, .series = &series, .count = 1};
	struct svg_chart c = chart_of_runs(p, &d);
	svg_value_text(last.value[RUN_errors], SVG_COUNT, errors);
	svg_value_text(last.value[RUN_files], SVG_COUNT, files);
	snprintf(note, sizeof note, "last scan: %s of %s files could not be read", errors, files);
	c.empty = d.x.len ? "no scan has seen a file yet" : no_scan;
	c.note = d.x.len ? note : "";
	c.panel = &panel;
	c.panels = 1;
	return plot_end(p, &c);
}
