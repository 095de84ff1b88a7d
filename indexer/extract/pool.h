/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The indexer's side of the extract workers: starts them, knows what each has to do, replaces the
 * one that died or took too long.  Used by the pipeline's thread.
 */
#ifndef INDEXER_EXTRACT_POOL_H
#define INDEXER_EXTRACT_POOL_H

#include <sys/types.h>

#include "indexer/extract/worker.h"
#include "indexer/frame.h"
#include "indexer/heads.h"

enum {
	POOL_MAX = 16,
	/** Batches that one worker has to do at most. */
	POOL_AHEAD = 3,
};

struct pool_worker {
	pid_t pid;
	/** Where its results come; -1 while it does not run. */
	int results;
	struct frame_reader reader;
	struct worker_slot *slot;
	int slot_fd;
	/** Batches given and not finished. */
	int ahead;
	/** Set when the pool killed it for being slow, and when. */
	bool is_late;
	int64_t late_at;
	/** Processor time and peak memory of those that ended. */
	uint64_t past_cpu_ns, past_rss;
};

struct pool {
	int count;
	struct pool_worker worker[POOL_MAX];
	/** Sending and receiving ends of the job sockets; they outlive the processes. */
	int job_send[POOL_MAX], job_receive[POOL_MAX];
	/** Regions of heads: for their scouts, and for workers, who only read. */
	int heads[HEADS_REGIONS], heads_read[HEADS_REGIONS];
	int regions;
	/** Workers come behind whatever else wants the processor. */
	bool is_background;
	int64_t deadline_ns;
	uint64_t restarts;
};

/** Starts @count workers, which see @regions regions of heads.  0 or -errno. */
int pool_start(struct pool *p, int count, int regions, int64_t deadline_ns);
void pool_stop(struct pool *p);

/** From now on workers come behind others, or not. */
void pool_set_background(struct pool *p, bool is_background);

/** The worker with the least to do, -1 when all have enough. */
int pool_choose(const struct pool *p);

/** Kills workers that read one file for longer than the deadline. */
void pool_check_deadlines(struct pool *p);

/** Kills a worker: what it was given goes to another. */
void pool_kill(struct pool_worker *w);
/** Whether a worker that was killed has not ended: it waits for a dead disk. */
bool pool_is_hung(const struct pool_worker *w);

/** What a worker was doing when it ended. */
struct pool_loss {
	/** 0: nothing, as far as it said. */
	uint64_t batch;
	uint32_t index;
	/** It had begun to read that file. */
	bool was_reading;
	bool was_late;
	/** It waits for a dead disk and could not be ended: its number, else 0. */
	pid_t abandoned;
	/** Signal that ended it, 0 when it exited. */
	int signal;
};

/** Reaps a worker whose results ended, or gives up one that hangs, and starts another in its place. */
int pool_replace(struct pool *p, int i, struct pool_loss *loss);

#endif
