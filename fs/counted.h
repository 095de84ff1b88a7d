/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What takes reading all rows of a table is counted once for each state of the store.  While that changes from moment to
 * moment, which a job does, what was counted serves for COUNTED_PATIENCE times as long as counting took: so nobody
 * notices that somebody reads; for a minute at most.  What shows it depends on topic `jobs`, to be counted again when the job has ended.
 */
#ifndef FS_COUNTED_H
#define FS_COUNTED_H

#include "fs/view.h"

enum { COUNTED_PATIENCE = 400 };

/** All 0: never counted.  Times: nanoseconds since 1970; took: nanoseconds. */
struct counted {
	uint64_t version;
	int64_t at, took;
	unsigned epoch;
};

/** Whether what was counted of @topics still serves. */
bool counted_serves(struct view *v, unsigned topics, const struct counted *c);
void counted_begin(const struct view *v, unsigned topics, struct counted *c);
void counted_end(struct counted *c);

#endif
