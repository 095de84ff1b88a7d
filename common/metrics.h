/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The metrics of a scan, one row each: columns of the store, fields of metrics/scan.json and
 * columns of metrics/scan.csv derive from these tables.  (The KPIs of the scan plan: discovery,
 * extraction and insertion rates, queue sizes, error rate, memory and CPU.)
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdint.h>

struct buf;
struct json;

/** name, what it is.  All numbers; real when the name ends in seconds or ratio. */
#define RUN_METRICS(M) \
	M(wall_seconds, "time from start to end, pauses not counted") \
	M(files, "media files seen") \
	M(bytes, "their sizes, added up") \
	M(unchanged, "answered from the store, not opened") \
	M(added, "new in the index") \
	M(changed, "read again because size, times or inode differ") \
	M(removed, "forgotten: gone from a healthy root") \
	M(errors, "files and directories that could not be read") \
	M(error_ratio, "errors per file seen") \
	M(cached_ratio, "share of the files answered from the store") \
	M(peak_rss_bytes, "peak memory of all processes, added up") \
	M(peak_rss_indexer_bytes, "peak memory of the indexer") \
	M(peak_rss_scout_bytes, "peak memory of the largest scout") \
	M(peak_rss_worker_bytes, "peak memory of the largest extract worker") \
	M(cpu_seconds, "processor time of all processes") \
	M(cpu_ratio, "processor time per wall time; 1 is one busy core")

#define STAGE_METRICS(M) \
	M(items, "what the stage finished") \
	M(items_per_second, "items per second of wall time") \
	M(queue_depth, "waiting in front of the stage (at the end of a run: the most seen)") \
	M(queue_limit, "where the stage before it has to wait") \
	M(busy_ratio, "share of the wall time that the stage worked")

#define STAGES(S) \
	S(discover) \
	S(extract) \
	S(insert)

enum run_metric {
#define M(name, help) RUN_##name,
	RUN_METRICS(M)
#undef M
	RUN_METRIC_COUNT
};

enum stage_metric {
#define M(name, help) STAGE_##name,
	STAGE_METRICS(M)
#undef M
	STAGE_METRIC_COUNT
};

enum stage {
#define S(name) STAGE_OF_##name,
	STAGES(S)
#undef S
	STAGE_COUNT
};

struct metric {
	const char *name;
	const char *help;
};

extern const struct metric RUN_METRICS_TABLE[RUN_METRIC_COUNT];
extern const struct metric STAGE_METRICS_TABLE[STAGE_METRIC_COUNT];
extern const char *const STAGE_NAMES[STAGE_COUNT];

/** One scan, running or ended. */
struct run {
	int64_t job;
	char order[256];
	/** "full" or "quick". */
	char mode[16];
	int64_t started_at, ended_at;
	double value[RUN_METRIC_COUNT];
	double stage[STAGE_COUNT][STAGE_METRIC_COUNT];
};

/** Writes one run as a JSON object. */
void run_json(struct json *j, const struct run *run);

/** Header line and one line of CSV. */
void run_csv_header(struct buf *out);
void run_csv(struct buf *out, const struct run *run);

#endif
