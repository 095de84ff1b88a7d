/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/progress.h"

#include <string.h>

/** The running job's numbers, which the store has not; the moment that they are of, had there been no pause. */
static int64_t take_live(const struct view *v, struct progress *p)
{
	const struct live_values *live = &v->mood.live;
	p->state = live->job_paused ? "paused" : "running";
	p->started_at = (int64_t)live->job_started_at;
	p->done = (int64_t)live->done;
	p->total = (int64_t)live->total;
	p->found = (int64_t)live->files;
	/* the moment of this state, not of this call: the same version has the same bytes */
	return p->started_at + live_job_worked(live, v->mood.at[1]);
}

/** Files are read to their end beside the job of the live page: the store has the numbers, as of the topic's last change.
 * *before: what was done before the start of the job was written, which took no time since. */
static int64_t take_check(const struct view *v, const struct store_job *job, int64_t *before)
{
	if (v->mood.live.check_job == (uint64_t)job->id)
		*before = (int64_t)v->mood.live.check_before;
	return v->at[TOPIC_jobs];
}

struct progress progress_of(const struct view *v, const struct store_job *job)
{
	bool is_alive = v->mood.state == INDEXER_RUNNING;
	struct progress p = {.state = job->state, .started_at = job->started_at, .done = job->done,
			     .total = job->total, .left = -1, .ratio = -1};
	int64_t end = job->ended_at, before = 0;
	/* an interrupted job waits until the indexer takes it up again */
	if (!is_alive && strcmp(job->state, "running") == 0)
		p.state = "queued";
	if (is_alive && v->mood.live.job == (uint64_t)job->id && !job->ended_at)
		end = take_live(v, &p);
	else if (strcmp(p.state, "running") == 0)
		end = take_check(v, job, &before);
	if (p.started_at && end > p.started_at && p.done > before)
		p.rate = (double)(p.done - before) / ((double)(end - p.started_at) / 1e9);
	if (p.total > 0 && p.total >= p.done)
		p.ratio = (double)p.done / (double)p.total;
	/* nobody knows how long a pause is */
	if (p.rate > 0 && p.total >= p.done && strcmp(p.state, "running") == 0)
		p.left = (double)(p.total - p.done) / p.rate;
	return p;
}
