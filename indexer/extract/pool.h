/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The indexer's side of the extract workers: has them started, knows what each has to do, replaces
 * the one that died or took too long by one that waits ready.  Used by the pipeline's thread.
 */
#ifndef INDEXER_EXTRACT_POOL_H
#define INDEXER_EXTRACT_POOL_H

#include <sys/types.h>

#include "indexer/extract/nursery.h"
#include "indexer/extract/pool_reading.h"
#include "indexer/extract/sandbox.h"
#include "indexer/frame.h"
#include "indexer/heads.h"

enum {
	POOL_MAX = READING_WORKERS,
	POOL_AHEAD = READING_AHEAD,
	/** A worker that does nothing with what it was given for so many seconds is replaced. */
	POOL_STALLED_S = 8,
};

/** A process that is ready to work, or will be. */
struct pool_process {
	/** 0: none, or not known yet. */
	pid_t pid;
	/** Where its results come; -1: there is none. */
	int results;
};

struct pool_worker {
	pid_t pid;
	/** Where its results come; -1 while it does not run. */
	int results;
	struct frame_reader reader;
	struct worker_slot *slot;
	/** Batches given and not finished; and when it last told of a file. */
	int ahead;
	int64_t heard_at;
	/** Set when the pool killed it for being slow, and when; and that it did nothing then: no file is to blame. */
	bool is_late, is_idle;
	int64_t late_at;
	/** Since when it was seen between two files of what nobody waits for any more; 0: it is not. */
	int64_t stalled_at;
	/** Set when it was told to go; what it says of that itself is not believed. */
	bool is_asked;
	/** The one before it did not end by itself. */
	bool has_died;
	/** Processes, one after the other, that ended before they were ready. */
	int stillborn;
	/** No batch of a lower number is for the next that takes its place. */
	uint64_t first_batch;
	/** Files that it has read. */
	uint64_t files;
	/** Of this one: most memory, in bytes, when pool_measure() looked. */
	uint64_t peak_rss;
	/** Processor time and peak memory of those that ended. */
	uint64_t past_cpu_ns, past_rss;
};

struct pool_options {
	/** Where it is written down what is being read (pool_reading.h); NULL: nowhere that outlives us. */
	const char *state_dir;
	int count;
	/** For one file: so long, and for each MiB of it so much more; ns. */
	int64_t deadline_ns, deadline_mib_ns;
	enum sandbox_mode sandbox;
	/** Those that may be opened (ARCHIVE_… bits). */
	uint32_t archives;
	/** Regions of heads that workers see. */
	int regions;
};

struct pool {
	bool is_open;
	struct pool_options o;
	int count;
	struct pool_worker worker[POOL_MAX];
	/** Waits ready for a place. */
	struct pool_process spare;
	struct nursery nursery;
	struct reading reading;
	/** Sending and receiving ends of the job sockets; they outlive the processes. */
	int job_send[POOL_MAX], job_receive[POOL_MAX];
	/** Regions of heads: for their scouts, and for workers, who only read. */
	int heads[HEADS_REGIONS], heads_read[HEADS_REGIONS];
	int regions;
	/** Workers come behind whatever else wants the processor. */
	bool is_background;
	uint64_t restarts;
	/** What holds the workers: bits of enum live_sandbox, as they said or, until they do, what there is. */
	uint64_t sandbox;
	/** One waits ready, and a nursery makes others; else one is started when it is needed. */
	bool has_spare;
	/** When none could be started: not before this time (monotonic). */
	int64_t retry_at;
	/** That is not enough: nothing may be read. */
	bool is_refused;
};

/** Makes room for workers; none runs, and none waits.  @options' texts are borrowed.  0 or -errno. */
int pool_open(struct pool *p, const struct pool_options *options);
/** Starts worker @i when it does not run: no batch below @first is for it. */
int pool_wake(struct pool *p, int i, uint64_t first);
/** Ends it, whatever it does; what it had not taken is closed. */
void pool_rest(struct pool *p, int i);
/**
 * Starts all of one that is open, one that waits and their nursery; those that cannot be started now are later, by
 * pool_refill().  By the thread that uses them: they end when it does, whatever they are at.
 */
void pool_start(struct pool *p);
void pool_stop(struct pool *p);

/** From now on workers come behind others, or not. */
void pool_set_background(struct pool *p, bool is_background);

/** The worker with the least to do, -1 when all have enough. */
int pool_choose(const struct pool *p);

/** Makes another process ready, where none is; and starts workers that could not be started when the former ended. */
void pool_refill(struct pool *p);

/** @n files of worker @i were read: after many a fresh process takes its place. */
void pool_count(struct pool *p, int i, uint64_t n);

/**
 * Asks the system how much memory the processes have, for pool_usage().  (What they could say of themselves,
 * ru_maxrss, is at least what their parent had when it started them: getrusage(2) on execve.)  What all have now, in bytes.
 */
uint64_t pool_measure(struct pool *p);

/** Peak memory in bytes, as far as measured, and processor time in ns of the process that is worker @i now. */
void pool_usage(const struct pool *p, int i, uint64_t *peak_rss, uint64_t *cpu_ns);

/** How long a file of @size bytes may take, in ns. */
int64_t pool_deadline(const struct pool *p, int64_t size);

/** Kills workers that read one file for longer than its deadline. */
void pool_check_deadlines(struct pool *p);

/** Worker @i passes over what it was given below @first, but for what it is at. */
void pool_pass_over(struct pool *p, int i, uint64_t first);

/** Kills a worker: what it was given goes to another. */
void pool_kill(struct pool_worker *w);
/** Whether a worker that was killed has not ended: it waits for a dead disk. */
bool pool_is_hung(const struct pool_worker *w);

/** What a worker was doing when it ended. */
struct pool_loss {
	/** 0: nothing, as far as it said. */
	uint64_t batch;
	uint32_t index;
	/** It had begun to read that file, which was its to read. */
	bool was_reading;
	bool was_late;
	/** It ended before it was ready: no file has to do with it. */
	bool is_stillborn;
	/** It was told to go: what it had not begun waits for its successor. */
	bool has_left;
	/** It waits for a dead disk and could not be ended: its number, else 0. */
	pid_t abandoned;
	/** Signal that ended it, 0 when it exited. */
	int signal;
};

/**
 * Reaps a worker whose results ended, or gives up one that hangs, and puts another in its place.  The file
 * that it was reading is marked (unless it waits for a disk).  @next: no batch of a lower number is read any
 * more, unless the worker was told to go.  Where one after the other ends before it is ready the next comes with pool_refill().
 */
int pool_replace(struct pool *p, int i, uint64_t next, struct pool_loss *loss);

#endif
