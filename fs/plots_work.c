/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Plots of what was done piece by piece: repairs, chapters. */
#include <math.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_chapters.h"
#include "common/store_repair.h"
#include "fs/plots_data.h"
#include "fs/views.h"

enum {
	ATTEMPTS_MOST = 20000,
	/** Of these days the attempts are shown. */
	DAYS_MOST = 60,
	CHAPTERS_MOST = 2000,
};

#define DAY_NS (86400 * NS_PER_S)

/* --- repairs --- */

struct repair_days {
	/** The last day; 0 before the first attempt. */
	int64_t last;
	size_t days;
	double good[DAYS_MOST], bad[DAYS_MOST];
	int64_t all, all_good;
};

/** Newest first. */
static int count_attempt(void *arg, const struct store_attempt *row)
{
	struct repair_days *d = arg;
	int64_t day = row->at / DAY_NS;
	if (!d->all)
		d->last = day;
	/* of a clock that was set back: with the last ones */
	size_t ago = day >= d->last ? 0 : (size_t)(d->last - day);
	bool is_good = strcmp(row->outcome, "success") == 0;
	if (ago >= DAYS_MOST)
		return 0;
	d->days = ago + 1 > d->days ? ago + 1 : d->days;
	*(is_good ? &d->good[ago] : &d->bad[ago]) += 1;
	d->all++;
	d->all_good += is_good;
	return 0;
}

/** Each day once, oldest first: succeeded, failed, and the share of the succeeded. */
static int fill_days(const struct repair_days *days, struct plot_data *d)
{
	int r = 0;
	for (size_t ago = days->days; ago-- > 0 && r == 0;) {
		double all = days->good[ago] + days->bad[ago];
		r = plot_data_add(d, (days->last - (int64_t)ago) * DAY_NS,
				  (double[]){days->good[ago], days->bad[ago], all > 0 ? days->good[ago] / all : NAN}, 3);
	}
	return r;
}

int plot_draw_repairs(const struct plot *p)
{
	_data_ struct plot_data d = {0};
	struct repair_days days = {0};
	int r = p->view->store ? store_attempts(p->view->store, ATTEMPTS_MOST, count_attempt, &days) : 0;
	if (r == 0)
		r = fill_days(&days, &d);
	if (r < 0)
		return r;
	const struct svg_series series[] = {{"succeeded", d.y[0].data, 0}, {"failed", d.y[1].data, 1}};
	const struct svg_series rate = {"succeeded", d.y[2].data, 0};
	const struct svg_panel panels[] = {
		{.label = "attempts per day", .kind = SVG_BARS, .series = series, .count = COUNT_OF(series)},
		{.label = "succeeded, % of the day's attempts", .unit = SVG_RATIO, .kind = SVG_DOTS, .series = &rate, .count = 1},
	};
	char note[128], share[SVG_TICK_CHARS];
	svg_value_text(days.all ? (double)days.all_good / (double)days.all : NAN, SVG_RATIO, share);
	snprintf(note, sizeof note, "%lld of %lld attempts succeeded (%s)", (long long)days.all_good, (long long)days.all, share);
	struct svg_chart c = plot_chart(p, &d);
	c.is_even = true;
	c.empty = "no repair has been tried yet";
	c.desc = p->row->help;
	c.x_label = "days (UTC)";
	c.note = days.all ? note : "";
	c.panel = panels;
	c.panels = COUNT_OF(panels);
	return plot_end(p, &c);
}

/* --- chapters --- */

/** Kinds of chapters that are told apart. */
enum { FETCHED, CHECKED, NOT_OK, CHAPTER_KINDS };

/** Durations, then speeds, of the kinds. */
static int add_chapter(void *arg, const struct store_chapter *row)
{
	double value[2 * CHAPTER_KINDS];
	bool is_ok = strcmp(row->state, "ok") == 0, is_fetched = strcmp(row->producer, "scraper") == 0;
	if (!row->ended_at || !(row->seconds >= 0))
		return 0;
	int kind = !is_ok ? NOT_OK : is_fetched ? FETCHED : CHECKED;
	for (int i = 0; i < 2 * CHAPTER_KINDS; i++)
		value[i] = NAN;
	value[kind] = row->seconds;
	if (row->seconds > 0 && row->bytes > 0)
		value[CHAPTER_KINDS + kind] = (double)row->bytes / row->seconds;
	return plot_data_add(arg, row->started_at, value, 2 * CHAPTER_KINDS);
}

int plot_draw_chapters(const struct plot *p)
{
	static const char *const names[CHAPTER_KINDS] = {"fetched", "checked", "not ended well"};
	static const int colours[CHAPTER_KINDS] = {0, 2, 1};
	_data_ struct plot_data d = {0};
	int r = p->view->store ? view_chapters(p->view, CHAPTERS_MOST, add_chapter, &d) : 0;
	if (r == 0)
		r = plot_data_sort(&d);
	if (r < 0)
		return r;
	size_t good = 0;
	for (size_t i = 0; i < d.x.len; i++)
		good += !svg_is_value(d.y[NOT_OK].data[i]);
	char note[128];
	snprintf(note, sizeof note, "%zu of the last %zu ended well", good, d.x.len);
	struct svg_series durations[CHAPTER_KINDS], speeds[CHAPTER_KINDS];
	for (int k = 0; k < CHAPTER_KINDS; k++) {
		durations[k] = (struct svg_series){names[k], d.y[k].data, colours[k]};
		speeds[k] = (struct svg_series){names[k], d.y[CHAPTER_KINDS + k].data, colours[k]};
	}
	const struct svg_panel panels[] = {
		{.label = "duration, seconds", .unit = SVG_SECONDS, .kind = SVG_DOTS, .may_be_log = true,
		 .series = durations, .count = plot_known(durations, CHAPTER_KINDS, d.x.len)},
		{.label = "speed, bytes per second", .unit = SVG_BYTES, .kind = SVG_DOTS, .may_be_log = true,
		 .series = speeds, .count = plot_known(speeds, CHAPTER_KINDS, d.x.len)},
	};
	struct svg_chart c = plot_chart(p, &d);
	c.is_even = true;
	c.empty = "no chapter has ended yet";
	c.desc = p->row->help;
	c.note = d.x.len ? note : "";
	c.x_label = "chapters by their start (UTC)";
	c.panel = panels;
	c.panels = COUNT_OF(panels);
	return plot_end(p, &c);
}
