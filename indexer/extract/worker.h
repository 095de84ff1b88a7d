/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Extract workers: processes that read one file at a time through descriptors given by scouts.
 * A worker that dies or hangs costs one file; the pool (pool.h) replaces it.
 *
 * A worker makes itself ready, enters its sandbox (sandbox.h) and waits on WORKER_RESULTS for its place:
 * one message of struct worker_place with two descriptors, the job socket and the file of the slot.
 */
#ifndef INDEXER_EXTRACT_WORKER_H
#define INDEXER_EXTRACT_WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "indexer/extract/extract.h"
#include "indexer/heads.h"

/**
 * The one descriptor that a worker finds open: results go there, as frames; its place comes there, with its job socket,
 * the file of its slot and the regions of heads.
 *
 * The job socket has one packet a batch: batch u64, kind u32, region u32; JOB_OF_FILES: with descriptors, each
 * (index u32, path text); else (index u32, ticket u64, path text) for each head.
 */
enum { WORKER_RESULTS = 3 };

struct worker_place {
	/** Where in its file the slot begins, bytes. */
	int64_t slot_at;
};

/** Written by the worker before it touches a file, read by the pool when the worker is gone. */
struct worker_slot {
	/** 0 while idle. */
	_Atomic uint64_t batch;
	/** The file's index in its batch, as the message said. */
	_Atomic uint32_t index;
	/** When it began with that file: CLOCK_MONOTONIC, ns; 0 outside of a batch's files. */
	_Atomic int64_t since;
	/** Set by the pool: the archives that may be opened (ARCHIVE_… bits). */
	_Atomic uint32_t archives;
	/** Set by the worker when a signal ends it: it died by itself. */
	_Atomic uint32_t has_died;
	/** Processor time that it used so far, in ns; 0 until it is ready. */
	_Atomic uint64_t cpu_ns;
	/** Bits of enum live_sandbox; 0 until it has its place. */
	_Atomic uint64_t sandbox;
	/** Set by the pool: what lies in the job socket from before is not read, since another does. */
	_Atomic uint64_t first_batch;
	/** Set by the pool: it ends after this batch. */
	_Atomic uint32_t must_leave;
	/** Set by the worker when it does. */
	_Atomic uint32_t has_left;
	/** Set by the pool: the result of each file goes out at once; else those of a batch go together. */
	_Atomic uint32_t tells_each;
};

/**
 * Reads what was sealed with @ticket, out of a copy: nobody changes it under a reader.  @in: its path.
 * As extract_file(), or RESULT_LACKS (frame.h) when the file itself must be read: nothing was told then.
 * @heads: NULL for a region that is not there.
 */
int worker_read_head(const struct heads *heads, uint64_t ticket, enum media_kind kind, struct extract_input *in,
		     struct media *out, char *reason);

#define WORKER_ROLE "--worker"
/** Makes others (nursery.h). */
#define WORKER_NURSERY "--nursery"

/** Runs until the job socket closes.  @role: the argument that is one of these; @mode: a word of sandbox_mode_of().  Returns an exit status. */
int worker_main(char *role, const char *mode);

#endif
