/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Samples of the gauges, written by the writer's thread. */
#ifndef INDEXER_LOAD_SAMPLES_H
#define INDEXER_LOAD_SAMPLES_H

#include "common/store_sample.h"
#include "indexer/load/writer.h"

/** How many are kept; see store_thin_samples(). */
struct samples_kept {
	int64_t minutes, hours;
};

/** Writes minutes, makes hours of them that ended before @now, and thins both.  0 when it is durable; as writer_call(). */
int samples_put(struct writer *w, const struct gauges *minutes, size_t n, const struct samples_kept *kept, int64_t now);

#endif
