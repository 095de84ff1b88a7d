/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A process that makes workers.  To load this program with its libraries takes 10 ms and more; the nursery has done
 * that, is otherwise as a worker before its sandbox, reads no file, and makes one more of itself in half a millisecond.
 *
 * What it makes is a child of the indexer (CLONE_PARENT, clone(2)), which waits for it and ends it as if it had
 * started it; and which tells it everything else (worker.h).
 *
 * Workers of one nursery have their memory at the same places, which somebody who ends one after the other could
 * learn from: after NURSERY_CHILDREN of them comes another nursery.
 *
 * On its socket (SOCK_SEQPACKET), which it finds open as a worker finds its results: it says NURSERY_READY when it is; an
 * order is one byte with the descriptor where the worker's results go, its answer the worker's pid or -errno (no EAGAIN), int32.
 *
 * Until it is ready, and for a while after it failed, workers are started by themselves: nobody waits for what loads slowly.
 */
#ifndef INDEXER_EXTRACT_NURSERY_H
#define INDEXER_EXTRACT_NURSERY_H

#include <stdbool.h>
#include <sys/types.h>

#include "indexer/extract/sandbox.h"

enum {
	NURSERY_CHILDREN = 100,
	NURSERY_READY = 0,
};

/** The indexer's side.  One thread. */
struct nursery {
	/** What holds its workers. */
	enum sandbox_mode sandbox;
	/** 0: there is none now. */
	pid_t pid;
	int orders;
	bool is_ready;
	/** Workers that it made. */
	int count;
	/** Of the order: the pid or -errno, 0 when the answer tells it. */
	pid_t made;
	/** After one that failed: not before this time (monotonic), and how long that was; ns. */
	int64_t retry_at, pause;
	/** Never: with sanitizers, which have threads and a memory of their own, and where the system refuses it. */
	bool is_impossible;
};

void nursery_init(struct nursery *n, enum sandbox_mode sandbox);
/** Starts it, when there is none and it is time.  Nothing is lost without it. */
void nursery_start(struct nursery *n);
/** Waits until one that was started is ready, seconds at most. */
void nursery_wait(struct nursery *n);
/** Notices that it ended while nobody wanted anything of it. */
void nursery_look(struct nursery *n);
void nursery_end(struct nursery *n);

/**
 * Orders a worker whose results go to @results, which may be closed then; where no nursery is ready it is started
 * by itself.  0 or -errno.  One at a time: nursery_made() tells its pid, or -errno.  @waits: for it, seconds at most; else
 * -EAGAIN while it is not known.
 */
int nursery_order(struct nursery *n, int results);
pid_t nursery_made(struct nursery *n, bool waits);

/**
 * The process: serves until its socket closes.  True in each worker, with its results in place of that socket; false
 * at the end.  @role: the word of its command line that says what it is, which is changed in a worker.
 */
bool nursery_serve(char *role);

#endif
