/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between walk.c (one directory) and walk_threads.c (which directory comes next). */
#ifndef INDEXER_DISCOVER_WALK_PRIVATE_H
#define INDEXER_DISCOVER_WALK_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "common/vec.h"
#include "indexer/discover/walk.h"

enum {
	STACK_LONG = 4096,
	DEPTH_INLINE = 200,
	SLOTS = 512,
	GETDENTS = 32768,
	THREADS = 16,
	FLUSH = 24576,
};

/** An ancestor; shared by the directories below it. */
struct link {
	dev_t device;
	ino_t inode;
	_Atomic int refs;
	/** What enter() answered. */
	int watch;
	struct link *up;
};

struct todo {
	char *path;
	struct link *up;
	bool is_shallow;
};

/** A directory some chunk of which is out. */
struct slot {
	uint64_t dir;
	int fd;
	/** Chunks out, plus one while the walker still lists it. */
	int uses;
};

struct walk {
	struct walk_options o;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	VEC(struct todo) stack;
	int working;
	int out;
	uint64_t next_dir;
	struct slot slot[SLOTS];
	/* --- */
	_Atomic bool is_stopped;
	_Atomic uint64_t busy_ns;
	/** Since when each thread waits for the disk, 0 while it does not. */
	_Atomic int64_t since[THREADS];
	_Atomic unsigned next_walker;
	const struct walk_order *order;
};

/** What one thread uses. */
struct walker {
	struct walk *w;
	_Atomic int64_t *since;
	struct buf frames;
	/** For lists at depth 0; what goes down inline makes its own. */
	struct buf entries;
	char dents[GETDENTS] __attribute__((aligned(8)));
};

/** Lists one directory; its own errors go out with its list, only ends of the walk return. */
int walk_directory(struct walker *me, const struct todo *t, int depth);
/** Sends what was made. */
int walk_flush(struct walker *me);
/** One user less of an ancestor and those above. */
void walk_put_link(struct link *l);

#endif
