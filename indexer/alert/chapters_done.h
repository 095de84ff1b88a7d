/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Scrapers have come to an end: what they fetched since the last time, in one sentence. */
#ifndef INDEXER_ALERT_CHAPTERS_DONE_H
#define INDEXER_ALERT_CHAPTERS_DONE_H

#include <stdbool.h>

#include "common/gauges.h"

struct buf;

/** All zero at first: what was there before the first look is not told. */
struct chapters_done {
	bool has_begun;
	/** Counts at the last sentence. */
	double told[GAUGE_COUNT];
	/** Chapters that had ended at the last look, and since when it is so many. */
	double ended;
	int64_t since;
};

/**
 * One look.  True, with a sentence in @out, when chapters ended, none runs, and that is so for @quiet ns.
 * What is not known now is asked the next time.
 */
bool chapters_done(struct chapters_done *d, const struct gauges *g, int64_t quiet, struct buf *out);

#endif
