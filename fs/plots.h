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
	P(stages, "stages", "Where scans spend their time", TOPIC_BIT(scan), \
	  "how long each stage of each scan worked, stacked") \
	P(success, "success", "Files that could be read", TOPIC_BIT(scan), "share of the files of each scan read without error")

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
