/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Plots of what was sampled over time (common/store_sample.h). */
#include <math.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_sample.h"
#include "fs/plots_data.h"

enum {
	/** With fewer hours than these the minutes tell more. */
	HOURS_ENOUGH = 24,
	HOURS_OF_CALLS = 72,
	/** A line is broken where so many samples are not there. */
	GAP = 3,
};

static const char no_sample[] = "nothing has been measured yet";

struct collector {
	struct plot_data *data;
	size_t n;
};

static int collect(void *arg, int64_t at, const double *value)
{
	struct collector *c = arg;
	return plot_data_add(c->data, at, value, c->n);
}

static int collect_step(const struct plot *p, enum sample_step step, const enum gauge_id *which, size_t n, int64_t since,
			struct plot_data *d)
{
	struct collector c = {d, n};
	return p->view->store ? store_samples(p->view->store, step, which, n, since, INT64_MAX, collect, &c) : 0;
}

/**
 * Adds minutes to the hours: of each hour that is not there the last values known.  @from_zero: totals are counted from
 * the first minute on, when there is no hour before it.
 */
static int fold_minutes(const struct plot_data *minutes, size_t n, bool from_zero, struct plot_data *hours)
{
	const int64_t hour = SAMPLE_STEP_NS[SAMPLE_HOUR];
	double value[SVG_SERIES_MOST];
	int r = 0;
	for (size_t i = 0; i < minutes->x.len && r == 0; i++) {
		int64_t at = minutes->x.data[i] / hour * hour;
		bool ends = i + 1 == minutes->x.len || minutes->x.data[i + 1] / hour * hour != at;
		for (size_t k = 0; k < n; k++) {
			double v = minutes->y[k].data[i];
			value[k] = svg_is_value(v) || i == 0 ? v : value[k];
		}
		if (i == 0 && from_zero && !hours->x.len)
			r = plot_data_add(hours, at - hour, value, n);
		if (r == 0 && ends && (!hours->x.len || hours->x.data[hours->x.len - 1] < at))
			r = plot_data_add(hours, at, value, n);
	}
	return r;
}

/** Adds the hours that are not over: minutes behind the last hour there is. */
static int add_present(const struct plot *p, const enum gauge_id *which, size_t n, bool from_zero, struct plot_data *hours)
{
	_data_ struct plot_data minutes = {0};
	int64_t since = hours->x.len ? hours->x.data[hours->x.len - 1] + SAMPLE_STEP_NS[SAMPLE_HOUR] : 0;
	int r = collect_step(p, SAMPLE_MINUTE, which, n, since, &minutes);
	return r < 0 ? r : fold_minutes(&minutes, n, from_zero, hours);
}

/** All hours there are, the one that runs with them; the minutes while these are few. */
static int collect_all(const struct plot *p, const enum gauge_id *which, size_t n, struct plot_data *d, int64_t *gap_ns)
{
	int r = collect_step(p, SAMPLE_HOUR, which, n, 0, d);
	*gap_ns = GAP * SAMPLE_STEP_NS[SAMPLE_HOUR];
	if (r < 0)
		return r;
	if (d->x.len >= HOURS_ENOUGH)
		return add_present(p, which, n, false, d);
	plot_data_clear(d);
	*gap_ns = GAP * SAMPLE_STEP_NS[SAMPLE_MINUTE];
	return collect_step(p, SAMPLE_MINUTE, which, n, 0, d);
}

static struct svg_chart chart_of_samples(const struct plot *p, const struct plot_data *d)
{
	struct svg_chart c = plot_chart(p, d);
	c.empty = no_sample;
	c.desc = p->row->help;
	return c;
}

/** The newest value of a column; NAN when none is known. */
static double newest(const struct plot_data *d, size_t column)
{
	for (size_t i = d->x.len; i-- > 0;)
		if (svg_is_value(d->y[column].data[i]))
			return d->y[column].data[i];
	return NAN;
}

/* --- library --- */

int plot_draw_library(const struct plot *p)
{
	static const enum gauge_id which[] = {GAUGE_tracks, GAUGE_volumes, GAUGE_chapters};
	_data_ struct plot_data d = {0};
	struct svg_chart c;
	int64_t gap_ns;
	int r = collect_all(p, which, COUNT_OF(which), &d, &gap_ns);
	if (r < 0)
		return r;
	const struct svg_series tracks = {"tracks", d.y[0].data, 0};
	const struct svg_series manga[] = {{"volumes", d.y[1].data, 1}, {"chapters", d.y[2].data, 2}};
	const struct svg_panel panels[] = {
		{.label = "music: number of tracks", .is_fitted = true, .series = &tracks, .count = 1},
		{.label = "manga: number of files", .is_fitted = true, .series = manga, .count = 2},
	};
	char note[160], now[COUNT_OF(which)][SVG_TICK_CHARS];
	for (size_t i = 0; i < COUNT_OF(which); i++)
		svg_value_text(newest(&d, i), SVG_COUNT, now[i]);
	snprintf(note, sizeof note, "now: %s tracks, %s volumes, %s chapters", now[0], now[1], now[2]);
	c = chart_of_samples(p, &d);
	c.gap_ns = gap_ns;
	c.note = d.x.len ? note : "";
	c.panel = panels;
	c.panels = COUNT_OF(panels);
	return plot_end(p, &c);
}

/* --- missing --- */

int plot_draw_missing(const struct plot *p)
{
	static const enum gauge_id which[] = {GAUGE_missing_interior, GAUGE_missing_tail, GAUGE_missing_announced};
	_data_ struct plot_data d = {0};
	int64_t gap_ns;
	int r = collect_all(p, which, COUNT_OF(which), &d, &gap_ns);
	if (r < 0)
		return r;
	const struct svg_series series[] = {{"interior", d.y[0].data, 0}, {"tail", d.y[1].data, 1},
					    {"announced", d.y[2].data, 2}};
	const struct svg_panel panel = {.label = "number of volumes", .kind = SVG_AREA, .series = series,
					.count = COUNT_OF(series)};
	char note[128], now[SVG_TICK_CHARS];
	svg_value_text(d.x.len ? svg_total(&panel, d.x.len - 1) : NAN, SVG_COUNT, now);
	snprintf(note, sizeof note, "now: %s volumes", now);
	struct svg_chart c = chart_of_samples(p, &d);
	c.gap_ns = gap_ns;
	c.note = d.x.len ? note : "";
	c.panel = &panel;
	c.panels = 1;
	return plot_end(p, &c);
}

/* --- api-budget --- */

static const char *const api_names[] = {
#define G(id, name, kind, label, value, decimals, help) value,
	BY_API(G, calls, "", TOTAL, "")
#undef G
};

enum {
	APIS = COUNT_OF(api_names),
};

/** Totals of calls, then what is left of each day. */
static const enum gauge_id api_gauges[] = {
#define G(id, ...) GAUGE_##id,
	BY_API(G, calls, "", TOTAL, "") BY_API(G, left, "", NOW, "")
#undef G
};

_Static_assert(COUNT_OF(api_gauges) <= SVG_SERIES_MOST, "as many columns as the data have");

/** The last hours there are, and those of which only minutes are there. */
static int collect_hours(const struct plot *p, struct plot_data *d)
{
	const int64_t hour = SAMPLE_STEP_NS[SAMPLE_HOUR];
	int64_t last[2] = {0, 0};
	if (!p->view->store)
		return 0;
	int r = store_sample_last(p->view->store, SAMPLE_MINUTE, &last[0]);
	if (r == 0)
		r = store_sample_last(p->view->store, SAMPLE_HOUR, &last[1]);
	int64_t end = (last[0] > last[1] ? last[0] : last[1]) / hour * hour;
	/* one more: what its successor has more are the calls of that */
	if (r == 0)
		r = collect_step(p, SAMPLE_HOUR, api_gauges, COUNT_OF(api_gauges), end - HOURS_OF_CALLS * hour, d);
	/* calls are counted from the first minute on */
	return r < 0 ? r : add_present(p, api_gauges, COUNT_OF(api_gauges), true, d);
}

/** What a total grew by; it begins again at 0 with a new index. */
static double growth(double before, double now)
{
	if (!svg_is_value(now) || !svg_is_value(before))
		return NAN;
	return now >= before ? now - before : now;
}

/** Each hour once, totals made calls of the hour; hours without a sample are not known. */
static int fill_hours(const struct plot_data *from, struct plot_data *to)
{
	const int64_t hour = SAMPLE_STEP_NS[SAMPLE_HOUR];
	double value[2 * APIS], unknown[2 * APIS];
	for (size_t k = 0; k < 2 * APIS; k++)
		unknown[k] = NAN;
	int r = 0;
	for (size_t i = 1; i < from->x.len && r == 0; i++) {
		for (int64_t at = from->x.data[i - 1] + hour; at < from->x.data[i] && r == 0; at += hour)
			r = plot_data_add(to, at, unknown, 2 * APIS);
		for (size_t k = 0; k < APIS; k++) {
			value[k] = growth(from->y[k].data[i - 1], from->y[k].data[i]);
			value[APIS + k] = from->y[APIS + k].data[i];
		}
		if (r == 0)
			r = plot_data_add(to, from->x.data[i], value, 2 * APIS);
	}
	return r;
}

static void add_left(struct buf *note, const char *api, double left)
{
	char text[SVG_TICK_CHARS];
	if (!svg_is_value(left))
		return;
	svg_value_text(left, SVG_COUNT, text);
	buf_addf(note, "%s%s %s", note->len ? ", " : "left today: ", api, text);
}

int plot_draw_api_budget(const struct plot *p)
{
	_data_ struct plot_data samples = {0}, hours = {0};
	int r = collect_hours(p, &samples);
	if (r == 0)
		r = fill_hours(&samples, &hours);
	if (r < 0)
		return r;
	struct svg_series calls[APIS], left[APIS];
	_buf_ struct buf note = BUF_INIT(1024);
	for (int a = 0; a < APIS; a++) {
		calls[a] = (struct svg_series){api_names[a], hours.y[a].data, a};
		left[a] = (struct svg_series){api_names[a], hours.y[APIS + a].data, a};
		add_left(&note, api_names[a], newest(&hours, (size_t)(APIS + a)));
	}
	const struct svg_panel panels[] = {
		{.label = "calls per hour", .kind = SVG_BARS, .series = calls,
		 .count = plot_known(calls, APIS, hours.x.len)},
		{.label = "calls left of the day", .kind = SVG_LINE, .series = left,
		 .count = plot_known(left, APIS, hours.x.len)},
	};
	struct svg_chart c = chart_of_samples(p, &hours);
	c.is_even = true;
	c.note = buf_str(&note);
	c.empty = "no call has been counted yet";
	c.x_label = "hours (UTC)";
	c.panel = panels;
	c.panels = COUNT_OF(panels);
	return plot_end(p, &c);
}
