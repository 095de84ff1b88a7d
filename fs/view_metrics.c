/* SPDX-License-Identifier: GPL-3.0-or-later */
/** metrics/: numbers of scans, from the tables of common/metrics.h. */
#include <math.h>
#include <stdio.h>

#include "common/text.h"
#include "fs/plots.h"
#include "fs/views.h"

enum { RUNS_SHOWN = 200 };

struct current {
	struct run run;
	bool is_running;
};

static int find_words(void *arg, const struct store_job *job)
{
	struct run *run = arg;
	if (job->id == run->job)
		snprintf(run->order, sizeof run->order, "%.*s",
			 (int)text_cut(job->order, strlen(job->order), sizeof run->order - 1), job->order);
	return 0;
}

static void fill_stages(const struct live_values *l, double wall, struct run *run)
{
	const struct {
		uint64_t items, depth, limit, busy;
	} stage[STAGE_COUNT] = {
		{l->discover_items, l->discover_depth, l->discover_limit, l->discover_busy_ns},
		{l->extract_items, l->extract_depth, l->extract_limit, l->extract_busy_ns},
		{l->insert_items, l->insert_depth, l->insert_limit, l->insert_busy_ns},
	};
	for (int s = 0; s < STAGE_COUNT; s++) {
		run->stage[s][STAGE_items] = (double)stage[s].items;
		run->stage[s][STAGE_items_per_second] = wall > 0 ? (double)stage[s].items / wall : 0;
		run->stage[s][STAGE_queue_depth] = (double)stage[s].depth;
		run->stage[s][STAGE_queue_limit] = (double)stage[s].limit;
		run->stage[s][STAGE_busy_ratio] = wall > 0 ? (double)stage[s].busy / 1e9 / wall : 0;
	}
}

/** The scan that runs, from the live page; false when none does. */
static bool current_run(struct view *v, struct run *run)
{
	const struct live_values *l = &v->mood.live;
	*run = (struct run){.job = (int64_t)l->job, .started_at = (int64_t)l->job_started_at};
	if (v->mood.state != INDEXER_RUNNING || !l->job)
		return false;
	snprintf(run->mode, sizeof run->mode, "%s", l->job_full ? "full" : "quick");
	if (v->store)
		store_jobs_live(v->store, find_words, run);
	double wall = (double)live_job_worked(l, v->mood.at[1]) / 1e9;
	double *m = run->value;
	m[RUN_wall_seconds] = wall;
	m[RUN_files] = (double)l->files;
	m[RUN_bytes] = (double)l->bytes;
	m[RUN_unchanged] = (double)l->unchanged;
	m[RUN_added] = (double)l->added;
	m[RUN_changed] = (double)l->changed;
	m[RUN_removed] = (double)l->removed;
	m[RUN_errors] = (double)l->errors;
	m[RUN_error_ratio] = l->files ? m[RUN_errors] / m[RUN_files] : 0;
	m[RUN_cached_ratio] = l->files ? m[RUN_unchanged] / m[RUN_files] : 0;
	/* peaks are known when it has ended */
	m[RUN_peak_rss_bytes] = m[RUN_peak_rss_indexer_bytes] = NAN;
	m[RUN_peak_rss_scout_bytes] = m[RUN_peak_rss_worker_bytes] = NAN;
	m[RUN_cpu_seconds] = (double)l->cpu_ns / 1e9;
	fill_stages(l, wall, run);
	return true;
}

static int json_run(void *arg, const struct run *run)
{
	run_json(arg, run);
	return 0;
}

static int show_scan_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct run run;
	(void)n;
	doc_begin(&j, out, v, "scan", TOPIC_BIT(scan) | TOPIC_BIT(jobs), VIEW_AWAY | VIEW_LIVE);
	json_key(&j, "current");
	if (current_run(v, &run))
		run_json(&j, &run);
	else
		json_null(&j);
	json_key(&j, "runs");
	json_array(&j);
	int r = v->store ? store_runs(v->store, RUNS_SHOWN, json_run, &j) : 0;
	json_end_array(&j);
	json_end_object(&j);
	return r;
}

static int csv_run(void *arg, const struct run *run)
{
	run_csv(arg, run);
	return 0;
}

static int show_scan_csv(struct view *v, const struct node *n, struct buf *out)
{
	(void)n;
	run_csv_header(out);
	return v->store ? store_runs(v->store, RUNS_SHOWN, csv_run, out) : 0;
}

/* a plot's file is of its row */
#define P(id, name, title, topics, help) \
	static int plot_##id(struct view *v, const struct node *n, struct buf *out) \
	{ \
		(void)n; \
		return plot_show(v, PLOT_##id, out); \
	}
PLOTS(P)
#undef P

const struct entry metrics_dir[] = {
	FILE_OF("scan.json", show_scan_json, .topics = TOPIC_BIT(scan) | TOPIC_BIT(jobs),
		.moods = VIEW_AWAY | VIEW_LIVE,
		.help = "the running scan and the last ones: rates, queues, errors, memory, CPU"),
	FILE_OF("scan.csv", show_scan_csv, .topics = TOPIC_BIT(scan),
		.help = "the ended scans, one a line"),
	FILE_OF("chapters.json", show_chapters_json, .topics = TOPIC_BIT(chapters), .moods = VIEW_AWAY,
		.help = "chapters that scrapers told of, volumes that were checked, our own downloads: time, images, bytes"),
	FILE_OF("chapters.csv", show_chapters_csv, .topics = TOPIC_BIT(chapters), .help = "the same, one a line"),
	FILE_OF("session.json", show_session_json, .topics = TOPIC_BIT(chapters), .moods = VIEW_AWAY,
		.help = "what scrapers did since the last reset, added up; sums of all producers"),
	FILE_OF("analysis.json", show_analysis_json, .topics = OF_ANALYSIS, .moods = VIEW_AWAY,
		.help = "tracks and volumes that were read, how fast, and how many of them have each field"),
	TWINS("compare", show_compare, show_compare_json, .topics = OF_COMPARE,
	      .help = "the last scan against the ten before it: slower? where? more memory, more errors?"),
	FILE_OF("history.json", show_history_json, .topics = OF_SAMPLES,
		.help = "everything that is measured, over time: a sample a minute for a day, then one an hour"),
	FILE_OF("history.csv", show_history_csv, .topics = OF_SAMPLES, .help = "the same, one sample a line"),
	FILE_OF("seconds.json", show_seconds_json, .topics = OF_SAMPLES, .moods = VIEW_LIVE,
		.help = "a sample of each second of the last hour in which something ran"),
	FILE_OF("seconds.csv", show_seconds_csv, .topics = OF_SAMPLES, .moods = VIEW_LIVE,
		.help = "the same, one a line"),
	FILE_OF("integrity.json", show_integrity_metrics, .topics = OF_INTEGRITY, .moods = MOODY,
		.help = "files read to their end since the indexer started: how many, bytes, damaged, waiting"),
	FILE_OF("search.json", show_search_json, .topics = OF_SEARCH, .moods = VIEW_AWAY,
		.help = "searching: cache, budgets used and left, feeds"),
	FILE_OF("realdebrid.json", show_realdebrid_json, .topics = OF_REALDEBRID, .moods = VIEW_AWAY,
		.help = "Real-Debrid: calls, refusals, budgets, repairs, links by state, samples"),
	FILE_OF("mediamon.prom", show_prom, .topics = OF_EVERYTHING, .moods = MOODY,
		.help = "Prometheus' text format; node_exporter's textfile collector reads it where it is"),
#define P(id, name_, title, topics_, help_) FILE_OF(name_ ".svg", plot_##id, .topics = topics_, .help = help_),
	PLOTS(P)
#undef P
	{0},
};
