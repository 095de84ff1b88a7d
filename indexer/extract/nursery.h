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
 * On its socket (SOCK_SEQPACKET), which it finds open as a worker finds its results: an order is one byte with the
 * descriptor where the worker's results go, its answer the worker's pid or -errno, int32.
 */
#ifndef INDEXER_EXTRACT_NURSERY_H
#define INDEXER_EXTRACT_NURSERY_H

#include <stdbool.h>
#include <sys/types.h>

#include "indexer/extract/sandbox.h"

enum {
	NURSERY_CHILDREN = 100,
};

/** The indexer's side.  One thread. */
struct nursery {
	/** What holds its workers. */
	enum sandbox_mode sandbox;
	/** 0: there is none now. */
	pid_t pid;
	int orders;
	/** Workers that it made. */
	int count;
	/** Of the order: a pid or -errno, 0 when the answer tells it. */
	pid_t made;
	/** Never: with sanitizers, which have threads and a memory of their own, and where the system refuses it. */
	bool is_impossible;
};

void nursery_init(struct nursery *n, enum sandbox_mode sandbox);
/** Starts it, when there is none.  Nothing is lost without it. */
void nursery_start(struct nursery *n);
void nursery_end(struct nursery *n);

/**
 * Orders a worker whose results go to @results, which may be closed then; where there is no nursery it is started
 * by itself.  One at a time: nursery_made() tells its pid, or -errno, and waits for it, seconds at most.
 */
void nursery_order(struct nursery *n, int results);
pid_t nursery_made(struct nursery *n);

/**
 * The process: serves until its socket closes.  True in each worker, with its results in place of that socket; false
 * at the end.  @role: the word of its command line that says what it is, which is changed in a worker.
 */
bool nursery_serve(char *role);

#endif
