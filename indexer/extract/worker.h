/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Extract workers: processes that read one file at a time through descriptors given by scouts.
 * A worker that dies or hangs costs one file; the pool (pool.h) replaces it.
 */
#ifndef INDEXER_EXTRACT_WORKER_H
#define INDEXER_EXTRACT_WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "indexer/extract/extract.h"
#include "indexer/heads.h"

/** Descriptors that a worker finds open. */
enum {
	/**
	 * Its job socket: one packet a batch: batch u64, kind u32, region u32; JOB_OF_FILES: with descriptors,
	 * each (index u32, path text); else (index u32, ticket u64, path text) for each head.
	 */
	WORKER_JOBS = 3,
	/** Results go here, as frames. */
	WORKER_RESULTS = 4,
	/** Shared memory: struct worker_slot. */
	WORKER_SLOT = 5,
	/** The first of the regions of heads (heads.h). */
	WORKER_HEADS = 6,
};

/** Written by the worker before it touches a file, read by the pool when the worker is gone. */
struct worker_slot {
	/** 0 while idle. */
	_Atomic uint64_t batch;
	/** The file's index in its batch, as the message said. */
	_Atomic uint32_t index;
	/** When it began with that file: CLOCK_MONOTONIC, ns; 0 outside of a batch's files. */
	_Atomic int64_t since;
};

/**
 * Reads what was sealed with @ticket, out of a copy: nobody changes it under a reader.  @in: its path.
 * As extract_file(), or RESULT_LACKS (frame.h) when the file itself must be read: nothing was told then.
 * @heads: NULL for a region that is not there.
 */
int worker_read_head(const struct heads *heads, uint64_t ticket, enum media_kind kind, struct extract_input *in,
		     struct media *out, char *reason);

/** Runs until the job socket closes.  @kind: enum media_kind.  Returns an exit status. */
int worker_main(void);

#endif
