/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Samples of the gauges (common/gauges.h): one a second while something runs, one a minute, one an hour.
 *
 * Minutes and hours lie in the store, packed (common/sample_pack.h): one row for ten minutes, or for a day of hours.  Each
 * sample has a place of its own in its row, that of the whole minute or hour (UTC) that it stands for; what was written
 * there stays, so a clock that is set back can neither change nor double what is there.  Where nothing ran is a gap.
 * Seconds lie in a file of the state directory (common/seconds.h).
 */
#ifndef COMMON_STORE_SAMPLE_H
#define COMMON_STORE_SAMPLE_H

#include "common/gauges.h"
#include "common/store.h"

enum sample_step {
	SAMPLE_SECOND,
	SAMPLE_MINUTE,
	SAMPLE_HOUR,
	SAMPLE_STEPS,
};

/** "second", "minute", "hour"; and how long they are, in ns. */
extern const char *const SAMPLE_STEP_NAMES[SAMPLE_STEPS];
extern const int64_t SAMPLE_STEP_NS[SAMPLE_STEPS];

/**
 * The beginning of a second, minute or hour, and what was measured in it: the last value known, of
 * rates (GAUGE_RATE) their mean.  @value: as many as asked for, NAN where nothing was known.
 */
typedef int store_sample_fn(void *arg, int64_t at, const double *value);

/**
 * Samples of @n gauges of one step with @since <= at < @until (ns), oldest first.  A damaged row is a gap.
 */
int store_samples(struct store *s, enum sample_step step, const enum gauge_id *which, size_t n, int64_t since,
		  int64_t until, store_sample_fn *fn, void *arg);

/** The last sample's time, 0 when there is none. */
int store_sample_last(struct store *s, enum sample_step step, int64_t *at);

/** Writes minutes or hours, by the writer's connection; what is there already stays. */
int store_put_samples(struct store *s, enum sample_step step, const struct gauges *rows, size_t n);
/** Makes hours, the last of which ended before @now, of minutes that are there: of a day, and of the last hour before it. */
int store_roll_samples(struct store *s, int64_t now);

/**
 * Lets go of the oldest rows beyond the newest @keep samples of a step.  It counts samples, not time: neither a long
 * sleep nor a clock that was wrong for a while empties the history.  What is more than a day after @now is of such a clock:
 * it is counted by itself.
 */
int store_thin_samples(struct store *s, enum sample_step step, int64_t keep, int64_t now);

#endif
