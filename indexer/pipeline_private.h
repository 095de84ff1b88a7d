/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between pipeline.c (jobs, the thread) and pipeline_scan.c (one scan). */
#ifndef INDEXER_PIPELINE_PRIVATE_H
#define INDEXER_PIPELINE_PRIVATE_H

#include "common/thread.h"
#include "common/vec.h"
#include "indexer/discover/diff.h"
#include "indexer/discover/scouts.h"
#include "indexer/extract/pool.h"
#include "indexer/guard.h"
#include "indexer/pipeline.h"

/** A file on its way through scout and worker. */
struct batch_file {
	/** Its name's bytes lie in the batch, name_at. */
	struct seen seen;
	size_t name_at;
	bool is_done;
};

/** Files of one chunk of one directory, opened and read together. */
struct batch {
	uint64_t id;
	int root;
	uint64_t dir;
	bool cover;
	/** The chunk's last batch: its scout is answered when this one is sent. */
	bool is_last;
	/** Worker that has it, -1 while it waits. */
	int worker;
	int64_t sent_at;
	struct batch *next;
	/** Directory's path, and the names; owned. */
	struct buf texts;
	size_t dir_len;
	int count, left;
	struct batch_file file[BATCH_MAX];
};

/** One root in the running scan. */
struct scan_root {
	/** Index in pipeline.scout. */
	int scout;
	char *scope;
	struct diff *diff;
	int64_t heard_at;
	/** Batches of it that are not finished. */
	int batches;
	bool is_walked, is_ended;
	/** The verdicts at the start and at the end allow to forget. */
	bool may_forget_start, may_forget_end;
};

struct scan {
	/** Sent along with every frame: what an older scan still says is not listened to. */
	uint64_t id;
	int64_t job;
	bool is_full;
	struct scan_root *root;
	size_t roots;
	/** Waiting, first in first out; and given to workers. */
	struct batch *first, **last, *given;
	size_t waiting_files;
	int64_t started_mono, started_at;
	uint64_t start_cpu_ns, start_insert_busy, start_extract_cpu, walk_busy_ns;
	uint64_t peak_pending, peak_waiting, peak_writer;
	uint64_t added, changed, errors, extracted;
	uint64_t rss_scout, rss_worker, rss_sum;
};

struct job {
	int64_t id;
	char *words;
	bool is_paused;
};

struct root_row {
	int64_t id;
	char state[16];
};

struct pipeline {
	struct pipeline_options o;
	struct thread thread;
	/** Wakes the thread. */
	int wake;
	pthread_mutex_t lock;
	/* protected by lock: */
	VEC(struct job) jobs;
	int64_t running;
	bool is_paused, is_cancelled, is_ending;
	/* only the thread: */
	struct store *store;
	struct scout *scout;
	struct root_row *row;
	size_t scouts;
	struct pool pool;
	struct scan scan;
	/** Never begins anew: a late answer to an older scan meets no batch of its number. */
	uint64_t next_batch;
};

/** "music", "manga", "links". */
const char *pipeline_kind(enum media_kind kind);

/* --- pipeline_roots.c: before the thread runs --- */

/** Declares the roots of the configuration to the store: fills p->scout and p->row. */
int roots_declare(struct pipeline *p);
/** Reads their last states; forgets roots that the configuration does not name any more. */
int roots_take_up(struct pipeline *p);

/* --- pipeline_batch.c: all in the pipeline's thread --- */

/** An empty batch for files of @path; NULL without memory. */
struct batch *batch_new(struct pipeline *p, int root, uint64_t dir, struct bytes path);
/** Adds a file, whose name is copied; at most BATCH_MAX. */
void batch_add(struct batch *b, const struct seen *e);
/** Puts a batch into the row of those that wait for a worker. */
void batch_enqueue(struct pipeline *p, struct batch *b);
/** Gives waiting batches to workers that have little to do. */
void batch_dispatch(struct pipeline *p);
/** Tells a scout that one chunk of a directory is done with. */
void batch_answer_chunk(struct pipeline *p, int root, uint64_t dir);
/** Results of worker @i are there, or its end. */
void batch_read_worker(struct pipeline *p, int i);
/** A scout could not open a file. */
void batch_on_failed(struct pipeline *p, struct frame *f);
/** Finds workers that do not touch what they were given. */
void batch_check_lost(struct pipeline *p);
/** Forgets the batches of a root (-1: of all). */
void batch_drop(struct pipeline *p, int root);

/* --- pipeline_scan.c: all in the pipeline's thread --- */

/** Starts a scan of the given roots (indexes of p->scout, with a scope each). */
int scan_begin(struct pipeline *p, int64_t job, bool is_full, const int *roots,
	       const char *const *scopes, size_t n);
/** Reads what scouts and workers say and gives out work; waits at most @timeout_ms. */
void scan_step(struct pipeline *p, int timeout_ms, bool is_paused);
bool scan_is_done(const struct pipeline *p);
/** Stops the walk; what is on its way is dropped. */
void scan_abort(struct pipeline *p);
/** Frees the scan's memory, fills @run with its numbers. */
void scan_end(struct pipeline *p, struct run *run);

#endif
