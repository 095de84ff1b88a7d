/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Chapters and downloads, written as in store_write.h, by indexer/load/chapters.c. */
#ifndef COMMON_STORE_WRITE_CHAPTERS_H
#define COMMON_STORE_WRITE_CHAPTERS_H

#include "common/store_chapters.h"
#include "common/store_write.h"

/* name, what it tells */
#define CHAPTER_EVENTS(E) \
	E(start, "a chapter is begun; again: another attempt") \
	E(update, "what is known of it now") \
	E(download, "a page that came, or did not; count: so many") \
	E(end, "it is through, well or not") \
	E(reset, "a new session begins, and what the run has open is abandoned")

enum chapter_event_kind {
#define E(name, help) CHAPTER_EVENT_##name,
	CHAPTER_EVENTS(E)
#undef E
	CHAPTER_EVENT_COUNT
};

/** One thing that a scraper told.  Texts are borrowed, never NULL. */
struct chapter_event {
	enum chapter_event_kind kind;
	const char *run, *series, *chapter, *url, *error;
	/** 0: the newest, or with start a new one. */
	int attempt;
	/** Number of the line in its run, growing; what was taken before is not taken again.  0: none. */
	int64_t seq;
	/** When it happened, in ns; 0: now. */
	int64_t at;
	/** How long the chapter took; -1: from start to end. */
	double seconds;
	/** Sums so far; -1: not told. */
	int64_t found, downloaded, processed, errors, said_bytes;
	/** Of a download: how many pages, and their bytes together. */
	int64_t count, bytes;
	bool success;
};

/** Why a line was not taken. */
enum chapter_refusal {
	CHAPTER_TAKEN,
	/** It was not begun in this run. */
	CHAPTER_UNKNOWN,
	/** That attempt is there already. */
	CHAPTER_EXISTS,
	/** It ended before. */
	CHAPTER_ENDED,
	/** Too many are open. */
	CHAPTER_TOO_MANY,
};

/** Open chapters that are kept at most, and the sum of one chapter's numbers. */
enum { CHAPTERS_OPEN = 10000 };
#define CHAPTER_SUM_MOST (INT64_C(1) << 53)

/**
 * Takes all, or none of them: then *refusal says why, and *index which one.  Returns 0 also then.
 */
int store_tell_chapters(struct store *s, const struct chapter_event *events, size_t n, enum chapter_refusal *refusal,
			size_t *index);

/** Those of scrapers of which nothing was heard since @silent are abandoned; of each producer @keep that ended are kept. */
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

/** A call of ours that ended. */
struct chapter_call {
	const char *host;
	int64_t bytes, at;
	double seconds;
	bool success;
};
/** Added to the row of its host and day. */
int store_put_chapter_call(struct store *s, const struct chapter_call *call);

#endif
