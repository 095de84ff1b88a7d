/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a scraper tells of a chapter, and why it may not be taken. */
#ifndef COMMON_CHAPTER_EVENT_H
#define COMMON_CHAPTER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

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
	/**
	 * Number of the line in its run, growing, in any order within CHAPTER_WINDOW; what was taken before is not taken
	 * again.  0: none.
	 */
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
	/** Its number is too far below the greatest of its run to tell whether it was taken. */
	CHAPTER_LATE,
};

/** Open chapters that are kept at most, and the sum of one chapter's numbers. */
enum { CHAPTERS_OPEN = 10000 };
/** Of so many numbers of a run it is remembered whether they were taken: more than one write can hold. */
enum { CHAPTER_WINDOW = 1024 };
#define CHAPTER_SUM_MOST (INT64_C(1) << 53)

#endif
