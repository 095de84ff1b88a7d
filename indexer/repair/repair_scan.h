/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Knowing the provider's torrents: quick, full and symlinks scans, what is kept of them and for how long. */
#ifndef INDEXER_REPAIR_REPAIR_SCAN_H
#define INDEXER_REPAIR_REPAIR_SCAN_H

#include "indexer/repair/repair_private.h"

/** What a person ordered since the last step. */
struct scan_wants {
	bool quick, full, links;
};

/**
 * One thing that a scan needs next, begun by an order or by the clock: at most one call.  1 when something was done; 0 when nothing is
 * due before *at.  Sets r->has_scanned when a scan ended.
 */
int torrents_step(struct repair *r, const struct scan_wants *wanted, int64_t *at);

void scan_drop(struct repair *r);

/** 3: magnet_error, 1 GB or more, or added within a day; 1: 100 MB or less and a week old; else 2. */
int torrent_priority(const struct store_torrent *t, int64_t now);

#endif
