/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The gauges as lines of JSON in a file, for programs that read such files.  A thread of its own writes: where a
 * disk hangs, lines are left out and nobody waits.  One that refuses is told of once, and when it takes lines again.
 */
#ifndef INDEXER_METRICS_LOG_H
#define INDEXER_METRICS_LOG_H

#include "common/gauges.h"

struct metrics_log;

struct metrics_log_options {
	/** Without a '/': in the state directory.  "": no log. */
	const char *path;
	/** Of the caller, in ns. */
	int64_t interval;
	/** Bytes of a file; how many older ones are kept. */
	int64_t size;
	int keep;
};

/** 0, also when none is wanted (*out NULL), or -errno. */
int metrics_log_new(const struct metrics_log_options *options, const char *state_dir, struct metrics_log **out);
/** Takes a copy; left out while the one before is still being written. */
void metrics_log_put(struct metrics_log *l, const struct gauges *g);
/** Writes what was put.  A thread that a disk holds is left behind after two seconds.  Accepts NULL. */
void metrics_log_free(struct metrics_log *l);

#endif
