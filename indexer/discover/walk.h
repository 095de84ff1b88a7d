/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The parallel walk of one root, inside a scout process: threads that list directories with
 * getdents and statx by descriptor, never follow a link, never leave the root.
 *
 * Memory does not grow with a directory: its list goes out in chunks of at most WALK_CHUNK
 * entries, each of which must be answered (walk_answer) before too many are out.
 */
#ifndef INDEXER_DISCOVER_WALK_H
#define INDEXER_DISCOVER_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "indexer/discover/ignore.h"

enum {
	WALK_CHUNK = 512,
	/** Chunks sent and not answered yet. */
	WALK_CREDIT = 128,
};

struct walk;

struct walk_options {
	/** Descriptor of the root directory; borrowed. */
	int root;
	int threads;
	const struct ignore *ignore;
	/** Whether a name is that of a media file. */
	bool (*wants)(void *arg, const char *name, size_t n);
	/** Sends frames; called by several threads; one call is one write. */
	int (*send)(void *arg, const struct buf *frames);
	void *arg;
};

int walk_new(const struct walk_options *options, struct walk **out);
void walk_free(struct walk *w);

/** Walks @path ("" = the root) and all below; returns when every list was sent or stopped. */
int walk_run(struct walk *w, uint64_t scan, const char *path);
/** Lets walk_run() end soon.  Any thread. */
void walk_stop(struct walk *w);
/** One chunk of directory @dir is done with. Any thread. */
void walk_answer(struct walk *w, uint64_t dir);
/** A descriptor of directory @dir while some chunk of it is out, else -1.  Borrowed. */
int walk_dir(struct walk *w, uint64_t dir);
/** Time that the threads of the last run worked, in ns. */
uint64_t walk_busy_ns(const struct walk *w);

#endif
