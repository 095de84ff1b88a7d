/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Chapters and downloads, written by the writer's thread.  Everything is copied.  Any thread. */
#ifndef INDEXER_LOAD_CHAPTERS_H
#define INDEXER_LOAD_CHAPTERS_H

#include <pthread.h>

#include "common/store_write_chapters.h"
#include "indexer/load/writer.h"

/**
 * As store_tell_chapters(); returns when all of them are durable (0), or refused, or -errno.  At most
 * CHAPTER_EVENTS_AT_ONCE of them.
 */
enum { CHAPTER_EVENTS_AT_ONCE = 1024 };
int chapters_tell(struct writer *w, const struct chapter_event *events, size_t n, enum chapter_refusal *refusal,
		  size_t *index);

/* nobody waits for these */

int chapters_tidy(struct writer *w, int64_t silent, int64_t keep);
int chapters_check(struct writer *w, const struct chapter_check *check);

/** Calls of ours that the writer had no room for yet, added up by host and day. */
struct chapter_calls {
	pthread_mutex_t lock;
	struct waiting_calls {
		/* sum.host is not of it */
		char host[128];
		struct chapter_call sum;
	} waiting[32];
	size_t n;
};

/** Adds @call (or NULL) to what waits and offers that.  0, or why it waits on; -ENOSPC: it waits for too many hosts. */
int chapters_call(struct writer *w, struct chapter_calls *calls, const struct chapter_call *call);

#endif
