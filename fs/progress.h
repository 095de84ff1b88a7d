/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How far a job is: one place for status/jobs, `mediamon status` and the page.  Plain functions, any thread. */
#ifndef FS_PROGRESS_H
#define FS_PROGRESS_H

#include "fs/view.h"

/** Numbers of a job as of the view: of the running one they are on the live page. */
struct progress {
	/** "queued", "running", "paused", "done", "failed" or "cancelled". Borrowed, like the job's. */
	const char *state;
	/** ns since 1970, 0 before it began. */
	int64_t started_at;
	/** Things done, and how many there will be as far as the last count tells; 0 unknown. */
	int64_t done, total;
	/** Things found so far, of which there may be more: what a first scan has instead of a total; 0 for other jobs. */
	int64_t found;
	/** Things a second, since the start; what was done before a restart of the indexer is not counted. */
	double rate;
	/** Seconds left; negative: nobody knows. */
	double left;
	/** 0 to 1; negative: nobody knows (no total, or more done than there should be). */
	double ratio;
};

struct progress progress_of(const struct view *v, const struct store_job *job);

#endif
