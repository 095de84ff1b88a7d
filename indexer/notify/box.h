/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The notices that wait for one notifier: bounded, oldest first.  Locks nothing. */
#ifndef INDEXER_NOTIFY_BOX_H
#define INDEXER_NOTIFY_BOX_H

#include "indexer/notify/notify.h"

enum {
	/** Most notices kept whole; of others only the number is. */
	BOX_NOTES = 1000,
	/** Kinds that are counted apart; the last one is "other". */
	BOX_KINDS = 16,
};

/** A notice with its texts, in one piece of memory. */
struct note {
	struct notice notice;
	/** When it was put, by the clock of the caller. */
	int64_t put_at;
	char texts[];
};

/** Notices that had no room. */
struct tally {
	/** more: how many. */
	struct notice notice;
	char kind[NOTICE_KIND + 1], text[40];
	/** When the last of them was put. */
	int64_t put_at;
};

struct box {
	/** Owned. */
	struct note **note;
	size_t len, cap;
	struct tally tally[BOX_KINDS];
	int tally_count;
};

/** A copy in valid UTF-8, cut to its lengths; free() it.  NULL without memory. */
struct note *note_new(const struct notice *n, int64_t put_at);

/**
 * Takes @note over.  In a full box the oldest of its kind makes room (the oldest of all when it is
 * the first of its kind) and is counted.
 */
void box_put(struct box *b, struct note *note);
/** Puts what @older holds before what is in @b, within the same bound; @older is empty then. */
void box_return(struct box *b, struct box *older);
/** Drops what was put before @since; returns how many. */
uint64_t box_expire(struct box *b, int64_t since);
bool box_is_empty(const struct box *b);
/** Notices, those that are only counted included. */
uint64_t box_count(const struct box *b);
/** When the oldest that is kept was put; INT64_MAX in an empty box. */
int64_t box_oldest(const struct box *b);
void box_clear(struct box *b);

#endif
