/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Inside a scout's process: scout.c (frames, the walk), scout_root.c (how the root is),
 * scout_open.c (files for the workers). */
#ifndef INDEXER_DISCOVER_SCOUT_PRIVATE_H
#define INDEXER_DISCOVER_SCOUT_PRIVATE_H

#include <stdatomic.h>

#include "common/thread.h"
#include "common/vec.h"
#include "indexer/discover/walk.h"
#include "indexer/discover/watch.h"
#include "indexer/extract/wants.h"
#include "indexer/frame.h"

/** A file that is known to be there: what it answers tells whether this is the same disk. */
struct anchor {
	char *path;
	uint64_t size, mtime;
};

/** A scan as it was ordered; owned. */
struct scan_order {
	struct walk_order walk;
	VEC(struct walk_scope) scopes;
	VEC(char *) skips;
	VEC(struct anchor) anchors;
	struct known_dirs known;
	bool reads_heads, is_background;
};

struct scout {
	char *root, *marker;
	/** Only while a scan runs: an open directory would keep its disk from being unmounted. */
	int root_fd;
	uint32_t kind, mode;
	int walkers, walkers_most, slots;
	/** Of the root, as it was opened last. */
	dev_t device;
	struct ignore ignore;
	/** NULL: it has none. */
	struct heads *heads;
	struct walk *walk;
	struct watch *watch;
	/** fanotify was tried when watches ran out. */
	bool has_upgraded;
	/** Frames of several threads go out whole. */
	pthread_mutex_t sending;
	struct thread runner, beater;
	/** The scan that was stopped last, also before its walk began. */
	_Atomic uint64_t stopped;
	_Atomic uint64_t scan;
	struct scan_order order;
	/** Of the order to come. */
	struct known_dirs known;
	/** Since when the main thread and the scan's thread wait for the disk, 0 while not. */
	_Atomic int64_t main_since, runner_since;
	/** Dirty directories on their way; only the watch's teller. */
	struct buf told;
	size_t told_start;
	uint32_t told_count;
};

int scout_send(struct scout *s, const struct buf *frames);

/** The running walk, or NULL. */
struct walk *scout_walk(struct scout *s);

/** Tells how the root is, at the start of a scan (and opens it) or at its end.  0 or -errno. */
int scout_report_root(struct scout *s, bool is_end, uint64_t *fstype);
/** FRAME_LOOK: which of the paths are there. */
void scout_look(struct scout *s, struct frame *f);
/** FRAME_OPEN: files for a worker. */
void scout_open(struct scout *s, struct frame *f);
/** FRAME_CHECK: the same of one file, at any time. */
void scout_check(struct scout *s, struct frame *f);
/** FRAME_COVER: the same, or a picture of a folder of them. */
void scout_cover(struct scout *s, struct frame *f);

#endif
