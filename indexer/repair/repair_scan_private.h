/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Between the files of scans: repair_scan.c (which, when, how they end), repair_scan_torrents.c (a page, one
 * torrent), repair_samples.c (numbers and retention).  Only the repair thread.
 */
#ifndef INDEXER_REPAIR_REPAIR_SCAN_PRIVATE_H
#define INDEXER_REPAIR_REPAIR_SCAN_PRIVATE_H

#include "indexer/repair/repair_scan.h"

enum scan_stage {
	SCAN_IDLE,
	/** The first pages, then the torrents that failed, one by one. */
	SCAN_QUICK,
	SCAN_ASK,
	/** All pages of a portion, and after the last one of a round the torrents that were not listed, one by one. */
	SCAN_FULL,
	SCAN_UNSEEN,
};

struct scan_id {
	char id[PROVIDER_ID], hash[PROVIDER_HASH];
	int64_t last_seen;
	bool is_due;
};

typedef VEC(struct scan_id) scan_ids;

/** What is remembered between two steps; after a crash the rows of torrent_scan tell where to go on. */
struct scanner {
	struct scan_wants wanted;
	bool is_restored;
	enum scan_stage stage;
	/** Of r->providers. */
	size_t provider;
	/** The scan's row as it is kept; kind and error point into the two below. */
	struct store_torrent_scan row;
	char kind[64], error[WHY];
	/** Since when this portion runs. */
	int64_t begun_at;
	/** Calls in a row that failed; nothing is asked before that. */
	int failures;
	int64_t wait_until;
	/** To be asked about, one by one. */
	scan_ids queue;
	size_t at;
	/** Since when a look at our own links is waited for, beside all else; 0 not. */
	int64_t links_at;
	uint64_t look;
	/** Version of topic symlinks when broken links were counted last. */
	uint64_t counted;
};

/** How a call of a scan ended for the scan. */
enum scan_end {
	SCAN_GOES_ON,
	/** The provider may not be asked now, or the same is tried again: *at. */
	SCAN_WAITS,
	SCAN_ENDS,
	/** r->unkept_at is set. */
	SCAN_UNKEPT,
};

/** One page from row.offset on; the row moves on with what was received.  @seen_all: nothing of it was new. */
enum scan_end scan_page(struct repair *r, struct provider_page *page, bool *seen_all, int64_t *at);
/** One torrent of the queue. */
enum scan_end scan_ask(struct repair *r, int64_t *at);
/** The provider may be asked; else waits or ends as it must. */
enum scan_end scan_may_ask(struct repair *r, int64_t *at);
/** Fills the queue with what a quick scan asks about, or (@unseen) with what the last round did not list. */
int scan_fill(struct repair *r, bool unseen);
/** Keeps the row; not 0: r->unkept_at is set. */
int scan_save(struct repair *r, const struct store_torrent_scan *row);

/** Torrents that a round did list and that were known before it, and those that it did not. */
int scan_compare(struct repair *r, int64_t *old_seen, int64_t *unseen);

/** The numbers of a scan that ended, and that began at @begun_at. */
void scan_samples(struct repair *r, const struct store_torrent_scan *row, int64_t begun_at);
/** Every 6 hours: what is too old is forgotten.  1 when it was done; else *at, when it will be. */
int scan_purge(struct repair *r, int64_t *at);

#endif
