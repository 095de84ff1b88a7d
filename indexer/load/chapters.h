/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Chapters and downloads, written by the writer's thread.  Everything is copied.  Any thread. */
#ifndef INDEXER_LOAD_CHAPTERS_H
#define INDEXER_LOAD_CHAPTERS_H

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
int chapters_call(struct writer *w, const struct chapter_call *call);

#endif
