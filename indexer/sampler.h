/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Measures the gauges (common/gauges.h): each second while a job runs, and at the end of each minute.  Seconds go to the file of
 * common/seconds.h; minutes are collected and written to the store at each tenth one, at once with the hours that are
 * made of them.  Nobody waits for its thread; while the store cannot be written the last two hours stay in memory.
 */
#ifndef INDEXER_SAMPLER_H
#define INDEXER_SAMPLER_H

#include "common/live.h"
#include "common/store_sample.h"

struct sampler;
struct writer;

struct sampler_options {
	/** Copied. */
	const char *state_dir;
	/** How long samples of each step are kept, in ns; 0: none are made, of minutes no hours either. */
	int64_t keep[SAMPLE_STEPS];
	/** Borrowed until sampler_free(). */
	const struct live_page *live;
	struct writer *writer;
};

/** Starts the thread.  0, also when there is nothing to do (*out NULL), or -errno. */
int sampler_new(const struct sampler_options *options, struct sampler **out);
/** Writes what is collected and ends it.  Accepts NULL. */
void sampler_free(struct sampler *m);

/* --- without the thread: for it, and for tests with a clock of their own --- */

int sampler_make(const struct sampler_options *options, struct sampler **out);
/** What is to be done at @now.  Returns when it wants to be called again, in ns from then. */
int64_t sampler_tick(struct sampler *m, int64_t now);
/** Writes what is collected, the minute that is not over too. */
void sampler_end(struct sampler *m, int64_t now);

#endif
