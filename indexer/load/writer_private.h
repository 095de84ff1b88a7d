/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between writer.c (transactions, the thread) and apply.c (what each change does). */
#ifndef INDEXER_LOAD_WRITER_PRIVATE_H
#define INDEXER_LOAD_WRITER_PRIVATE_H

#include <stdbool.h>

#include "common/media.h"
#include "common/thread.h"
#include "common/vec.h"
#include "indexer/load/writer.h"
#include "indexer/queue.h"

struct dirty {
	VEC(int64_t) id;
};

struct writer {
	struct writer_options o;
	struct queue *queue;
	struct thread thread;
	/** Lowest volume that counts as missing. */
	int64_t first_volume;
	_Atomic bool is_ending;
	/** errno while the store cannot be written, else 0. */
	_Atomic int stuck;
	/** Time that went into changes since the start. */
	_Atomic uint64_t busy_ns;
	/* only the writer's thread: */
	struct store *store;
	struct media media;
	VEC(struct change *) batch;
	size_t batch_bytes;
	/** Whether store_tidy() comes when nobody writes for a while, goes on, or has nothing to do until somebody writes. */
	enum { TIDY_LATER, TIDY_ON, TIDY_DONE } tidying;
	struct dirty dirs, albums, series;
	int64_t opened_at;
	/** The open transaction's commit does not wait for the disk: what it holds is found again by a scan. */
	bool is_lazy;
	/** Comes behind the batch that is being committed; NULL once it was refused. */
	struct change *next;
};

/** Writes one change into the open transaction; marks derived rows.  0 or -errno. */
int writer_apply(struct writer *w, struct change *c);
/** Computes the marked derived rows anew and forgets the marks. */
int writer_settle(struct writer *w);
/** Forgets the marks of a transaction that was taken back. */
void writer_unmark(struct writer *w);

#endif
