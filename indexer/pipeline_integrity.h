/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between pipeline_integrity.c (the file at hand) and pipeline_integrity_due.c (which one is next); the pipeline's thread. */
#ifndef INDEXER_PIPELINE_INTEGRITY_H
#define INDEXER_PIPELINE_INTEGRITY_H

#include "common/clock.h"
#include "indexer/pipeline_private.h"

/** What the budget counts in. */
#define INTEGRITY_HOUR_NS (INT64_C(3600) * NS_PER_S)

/** Whether the budget has room for a file of that size now; one larger than it has an hour of its own. */
bool integrity_may_read(struct pipeline *p, int64_t size);
/** Gives a file to the worker: 1; 0 when its root is away. */
int integrity_begin_file(struct pipeline *p, const struct store_check *check, bool is_ordered);
/** The same of a file that a cover is made of. */
int integrity_begin_cover(struct pipeline *p, const struct store_check *check, int64_t series);
/** The file that was read is the one that the index knows.  What a server says of inodes is not relied on. */
bool integrity_is_same(const struct pipeline *p, int64_t size, int64_t mtime, int64_t ctime, int64_t inode);
/** It is another one than the index says: the index first. */
void integrity_look_again(struct pipeline *p);

/** Begins with what is due by itself, if anything is. */
void integrity_begin_due(struct pipeline *p);
/** Whether the job that runs is still to be done; else one that waits is begun. */
bool integrity_follow_job(struct pipeline *p);
/** Begins with the next file of the job; ends it behind the last one. */
void integrity_step_job(struct pipeline *p);

#endif
