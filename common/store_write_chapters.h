/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Chapters and downloads, written as in store_write.h, by indexer/load/chapters.c. */
#ifndef COMMON_STORE_WRITE_CHAPTERS_H
#define COMMON_STORE_WRITE_CHAPTERS_H

#include "common/chapter_event.h"
#include "common/store_chapters.h"
#include "common/store_write.h"

/**
 * Takes all, or none of them: then *refusal says why, and *index which one.  Returns 0 also then.
 */
int store_tell_chapters(struct store *s, const struct chapter_event *events, size_t n, enum chapter_refusal *refusal,
			size_t *index);

/**
 * Those of scrapers of which nothing was heard since @silent are abandoned, and so ends a session of which nothing was; of
 * each producer @keep that ended are kept, and those of the session that is now.
 */
int store_tidy_chapters(struct store *s, int64_t silent, int64_t keep);

/** A file that was read to its end. */
struct chapter_check {
	int64_t file, bytes;
	/** Pages that are well, and pages that are not. */
	int64_t pages, bad;
	double seconds;
	bool is_whole;
	const char *reason;
};
/** A row for the volume; of files that are none nothing is kept. */
int store_put_chapter_check(struct store *s, const struct chapter_check *check);

/** Calls of ours to a host that ended, the last one @at. */
struct chapter_call {
	const char *host;
	int64_t bytes, at;
	double seconds;
	int64_t well, failed;
};
/** Added to the row of its host and day, which has failed when not one went well. */
int store_put_chapter_call(struct store *s, const struct chapter_call *call);

#endif
