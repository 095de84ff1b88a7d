/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Scouts: one process for each root, the only ones that walk, stat and open media files.
 *
 * The indexer's side (scout_*) spawns one and exchanges frames; the child's side (scout_main) is
 * what `mediamond --scout` runs.
 */
#ifndef INDEXER_DISCOVER_SCOUT_H
#define INDEXER_DISCOVER_SCOUT_H

/** Descriptors that a scout finds open. */
enum {
	SCOUT_CONTROL = 3,
	/** The first of the workers' job sockets. */
	SCOUT_WORKERS = 10,
	/** Those that read tags, and the one that reads files to their end. */
	WORKERS_MAX = 17,
	/** Its region of heads (heads.h), where it has one. */
	SCOUT_HEADS = SCOUT_WORKERS + WORKERS_MAX,
};

/** Runs until the control socket closes.  Returns an exit status. */
int scout_main(void);

#endif
