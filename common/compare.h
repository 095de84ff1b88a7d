/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * One scan against those before it of the same order and mode: what is out of the ordinary, by how much, and whether that
 * is bad.  Robust: a value counts when it is far from the median, measured by the median of the distances from it (MAD),
 * by a share of the median, and by a least difference below which nobody cares.  A single bad scan in the past
 * therefore changes nothing.
 */
#ifndef COMMON_COMPARE_H
#define COMMON_COMPARE_H

#include <stddef.h>

#include "common/metrics.h"

struct buf;

enum {
	/** Runs before it that it is compared with at most, and how many it takes to say anything. */
	COMPARE_RUNS = 10,
	COMPARE_LEAST = 4,
};

enum compare_verdict {
	/** One of the values is missing, or there are too few. */
	COMPARE_UNKNOWN,
	COMPARE_USUAL,
	COMPARE_BETTER,
	COMPARE_WORSE,
	/** Out of the ordinary, neither good nor bad: another amount of work. */
	COMPARE_OTHER,
};

extern const char *const COMPARE_VERDICT_NAMES[COMPARE_OTHER + 1];

/*   key, value of run r, its unit, what is better (0: neither), least difference that counts, what it is */
#define COMPARED(C) \
	C(files_per_second, rate_of(r), "files/s", 1, 1, "speed") \
	C(wall_seconds, r->value[RUN_wall_seconds], "s", 0, 0.5, "duration") \
	C(files, r->value[RUN_files], "files", 0, 1, "files seen") \
	C(cached_ratio, r->value[RUN_cached_ratio], "", 0, 0.02, "share answered from the index") \
	C(errors, r->value[RUN_errors], "errors", -1, 1, "errors") \
	C(error_ratio, r->value[RUN_error_ratio], "", -1, 0.001, "errors per file") \
	C(peak_rss_bytes, r->value[RUN_peak_rss_bytes], "bytes", -1, 16 << 20, "peak memory") \
	C(cpu_seconds, r->value[RUN_cpu_seconds], "s", 0, 0.5, "processor time") \
	C(seconds_per_1000_files, cpu_of(r), "s", -1, 0.02, "processor time for 1,000 files") \
	C(discover_rate, stage_of(r, STAGE_OF_discover, STAGE_items_per_second), "items/s", 1, 1, "discover: speed") \
	C(extract_rate, stage_of(r, STAGE_OF_extract, STAGE_items_per_second), "items/s", 1, 1, "extract: speed") \
	C(insert_rate, stage_of(r, STAGE_OF_insert, STAGE_items_per_second), "items/s", 1, 1, "insert: speed") \
	C(discover_busy, stage_of(r, STAGE_OF_discover, STAGE_busy_ratio), "", 0, 0.1, "discover: share of the time") \
	C(extract_busy, stage_of(r, STAGE_OF_extract, STAGE_busy_ratio), "", 0, 0.1, "extract: share of the time") \
	C(insert_busy, stage_of(r, STAGE_OF_insert, STAGE_busy_ratio), "", 0, 0.1, "insert: share of the time") \
	C(extract_queue, stage_of(r, STAGE_OF_extract, STAGE_queue_depth), "items", 0, 8, "extract: longest queue") \
	C(insert_queue, stage_of(r, STAGE_OF_insert, STAGE_queue_depth), "items", 0, 8, "insert: longest queue")

enum compared {
#define C(key, ...) COMPARED_##key,
	COMPARED(C)
#undef C
	COMPARED_COUNT
};

struct compare_row {
	const char *key, *unit, *help;
	/** NAN: not known of this run; of too few. */
	double value, median, mad;
	/** How many of the earlier runs know it. */
	int runs;
	enum compare_verdict verdict;
};

struct comparison {
	/** Runs that it was compared with. */
	int runs;
	/** The worst of what matters; COMPARE_UNKNOWN: too few runs. */
	enum compare_verdict verdict;
	struct compare_row row[COMPARED_COUNT];
};

/** @before: up to COMPARE_RUNS, in any order. */
void compare_runs(const struct run *run, const struct run *before, size_t n, struct comparison *out);
/** Sentences with numbers, one a line. */
void compare_words(const struct run *run, const struct comparison *c, struct buf *out);

#endif
