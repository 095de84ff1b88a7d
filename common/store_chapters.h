/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Chapters and downloads as they were fetched or checked: one row for each attempt at a chapter of a series in a run,
 * whoever told of it.  Questions as in store_read.h.  Times: nanoseconds since 1970.
 */
#ifndef COMMON_STORE_CHAPTERS_H
#define COMMON_STORE_CHAPTERS_H

#include "common/store_read.h"

/* name, what it is */
#define CHAPTER_STATES(S) \
	S(running, "begun, and heard of lately") \
	S(ok, "ended well") \
	S(failed, "ended badly") \
	S(abandoned, "nobody tells of it any more, or it was begun again before it ended")

enum chapter_state {
#define S(name, help) CHAPTER_##name,
	CHAPTER_STATES(S)
#undef S
	CHAPTER_STATE_COUNT
};

/* name, what its rows are */
#define CHAPTER_PRODUCERS(P) \
	P(scraper, "chapters that programs outside tell of through control/chapter") \
	P(archives, "volumes that were read to their end: run and attempt are those of the check") \
	P(downloads, "our own calls: one row for each host (series) and day (run)")

enum chapter_producer {
#define P(name, help) PRODUCER_##name,
	CHAPTER_PRODUCERS(P)
#undef P
	PRODUCER_COUNT
};

extern const char *const CHAPTER_STATE_NAMES[CHAPTER_STATE_COUNT];
extern const char *const CHAPTER_PRODUCER_NAMES[PRODUCER_COUNT];

/** Texts live for the time of the call. */
struct store_chapter {
	int64_t id;
	/** state, producer: a word of the tables above.  chapter: "1", "10.5", or any name; "" of downloads. */
	const char *run, *series, *chapter, *url, *state, *producer, *error;
	/** From 1 on. */
	int attempt;
	/** 0: not ended.  changed_at: when it was last heard of. */
	int64_t started_at, changed_at, ended_at;
	/** Downloaded, errors, bytes: what the single downloads add up to, or the sum that was told if that is more. */
	int64_t images_found, images_downloaded, images_processed, download_errors, bytes;
	/** How long it took; of one that runs: until it was last heard of. */
	double seconds;
	/** The session that it belongs to, 0: to none. */
	int64_t session;
};

typedef int store_chapter_fn(void *arg, const struct store_chapter *row);
/** The newest @limit rows of all producers, oldest first. */
int store_chapters(struct store *s, int limit, store_chapter_fn *fn, void *arg);
/** A set of producers. */
#define PRODUCER_BIT(name) (1u << PRODUCER_##name)
#define PRODUCERS_ALL ((1u << PRODUCER_COUNT) - 1)
/** Of each of @producers the newest @limit (> 0) rows, and all that run; oldest first. */
int store_chapters_of(struct store *s, unsigned producers, int limit, store_chapter_fn *fn, void *arg);
/** How many rows there are. */
int store_chapters_total(struct store *s, int64_t *total);
/** Those of a session, oldest first; 0: the one that is now. */
int store_chapters_session(struct store *s, int64_t session, store_chapter_fn *fn, void *arg);
/** The session that is now: its number (0: there was none) and when it began. */
int store_chapter_session(struct store *s, int64_t *session, int64_t *started_at);

/** Sums that are kept: running is how many there are now, all else since the store was made. */
struct store_chapter_counts {
	int64_t running, ok, failed, abandoned;
	int64_t images_found, images_downloaded, images_processed, download_errors, bytes;
	/** Of chapters that ended; parallel ones each count. */
	double seconds;
};
/** Of scrapers. */
int store_chapter_counts(struct store *s, struct store_chapter_counts *c);
int store_chapter_counts_of(struct store *s, enum chapter_producer producer, struct store_chapter_counts *c);

#endif
