/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is broken: the one place that says it.  Pure. */
#ifndef INDEXER_MONITOR_MONITOR_LINKS_H
#define INDEXER_MONITOR_MONITOR_LINKS_H

#include "common/store_symlinks.h"

struct link_rules {
	/** ENOENT so often, and over so long (ns), is broken. */
	int64_t sightings, span;
	/** Sightings closer together than this are one. */
	int64_t apart;
	/** Between two sightings no more time than this counts: a clock that jumps is no evidence; 0: all of it. */
	int64_t credit;
};

/** What was seen of one link. */
struct link_sight {
	int64_t at;
	/** Its text leads below a configured folder of the mount. */
	bool is_ours;
	/** The mount was healthy before and after. */
	bool is_healthy;
	/** Too many vanished at once: see links_brake(). */
	bool is_held;
	/** 0 it is there; -ENOENT; else. */
	int error;
	/** -1 not known. */
	int64_t size;
};

/** Changes state, error, sightings, first_at, last_at, ok_at, since, size, reason of @link; true when anything but
 * times of sight that need not be kept changed. */
bool monitor_link(struct store_symlink *link, const struct link_sight *sight, const struct link_rules *rules);

/** Whether so many links that were there at the last look vanish at once that they must be held: more than
 * @count and more than @percent of @total. */
bool links_brake(int64_t vanished, int64_t total, int64_t count, int64_t percent);

#endif
