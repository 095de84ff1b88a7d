/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The writer: one thread, the only read-write connection.  Changes come through a bounded queue
 * and are committed in batches; derived rows (albums, shelves, missing volumes) are settled in
 * the same transaction; after each commit readers are woken through the live page.
 */
#ifndef INDEXER_LOAD_WRITER_H
#define INDEXER_LOAD_WRITER_H

#include "common/live.h"
#include "common/store_write.h"
#include "indexer/change.h"

struct writer;

struct writer_options {
	const char *state_dir;
	struct live_page *live;
	store_gaps_fn *gaps;
	/** Changes that may wait; 0: WRITER_LIMIT. */
	size_t limit;
};

/** @why: 256 bytes, a sentence on failure. */
int writer_new(const struct writer_options *options, struct writer **out, char *why);
/** The end is near: a disk that refuses is not asked again. */
void writer_hurry(struct writer *w);
/** Writes what is queued, ends the thread, closes the store.  Accepts NULL. */
void writer_free(struct writer *w);

/** Queues a change; waits while the queue is full.  Takes @c always; any thread. */
int writer_put(struct writer *w, struct change *c);
/**
 * The same, but waits at most @timeout_ms (-EAGAIN) and not at all while the store cannot be
 * written (its -errno).
 */
int writer_offer(struct writer *w, struct change *c, int timeout_ms);
/**
 * Queues a change and waits until it is durable (or failed).  *row: what it answered.
 * Returns 0 or -errno; -ETIMEDOUT after ten seconds (the change may still happen).  While the
 * store cannot be written it fails at once, and the change does not happen later.
 */
int writer_call(struct writer *w, struct change *c, int64_t *row);
/** Waits until everything put before is committed. */
int writer_flush(struct writer *w);

/** errno while the store cannot be written, which is tried again all the time; else 0.  EUCLEAN: it
 * is damaged, and only opening it anew helps.  Any thread; accepts NULL. */
int writer_error(const struct writer *w);

/** Time that went into changes since it was made. */
uint64_t writer_busy_ns(struct writer *w);
/** Changes that wait. */
size_t writer_depth(struct writer *w);
enum { WRITER_LIMIT = 4096 };

#endif
