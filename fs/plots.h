/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The plots, one row each: metrics/NAME.svg and the plots of dashboard.html derive from this table.
 *
 * A plot depends on nothing but the topics and moods of its row (no clock): one version of the file has one
 * content.  Plain functions, any thread that holds the view.
 */
#ifndef FS_PLOTS_H
#define FS_PLOTS_H

#include "fs/view.h"

/** id, name of the file without ".svg", title, topics, help (a line of README.txt) */
#define PLOTS(P) \
	P(scan_rate, "scan-rate", "Scan rate", TOPIC_BIT(scan), "files per second of each scan") \
	P(stages, "stages", "What scans are busy with", TOPIC_BIT(scan), \
	  "share of each scan's time in which its stages worked, on each other") \
	P(success, "success", "Files that could be read", TOPIC_BIT(scan), \
	  "share of the files of each scan that were read without error") \
	P(library, "library", "Library", TOPIC_BIT(metrics), "tracks, volumes and chapters over time") \
	P(missing, "missing", "Missing volumes", TOPIC_BIT(metrics), "missing volumes over time, by where the gap is") \
	P(api_budget, "api-budget", "Calls to APIs", TOPIC_BIT(metrics), \
	  "calls in each hour by API, and what is left of the day's budget") \
	P(repairs, "repairs", "Repairs", TOPIC_BIT(repairs), "attempts to put torrents back by day, and how they ended") \
	P(chapters, "chapters", "Chapters", TOPIC_BIT(chapters), \
	  "how long the last chapters took, and their speed")

enum plot_id {
#define P(id, name, title, topics, help) PLOT_##id,
	PLOTS(P)
#undef P
	PLOT_COUNT
};

struct plot_row {
	/** "scan-rate"; the file is the same with ".svg". */
	const char *name;
	const char *title;
	const char *help;
	/** TOPIC_BIT of what it depends on. */
	unsigned topics;
};

extern const struct plot_row PLOTS_TABLE[PLOT_COUNT];

/** The whole document, as metrics/NAME.svg has it.  0 or -errno. */
int plot_show(struct view *v, enum plot_id plot, struct buf *out);
/**
 * One <svg> to be put into an HTML page: no XML header, as wide as its place, ids begin with "plot-NAME-", class
 * "plot", the rules of its <style> apply to that class alone (they are the same bytes in each plot).
 */
int plot_embed(struct view *v, enum plot_id plot, struct buf *out);

#endif
