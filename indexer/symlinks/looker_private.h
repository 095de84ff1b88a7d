/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Inside the looker.  The indexer's side: looker.c (the process, one question), looker_tree.c, looker_names.c.  The
 * process: looker_child.c (frames, beats, the mount), looker_walk.c, looker_targets.c.
 */
#ifndef INDEXER_SYMLINKS_LOOKER_PRIVATE_H
#define INDEXER_SYMLINKS_LOOKER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "common/clock.h"
#include "indexer/frame.h"
#include "indexer/mounts.h"
#include "indexer/queue.h"
#include "indexer/symlinks/looker.h"

enum {
	/** The process's end of the socket. */
	LOOKER_CONTROL = 3,
	LOOKER_THREADS = 16,
	/** Deadlines: how long one call may wait for the disk. */
	LOOKER_STAT_MS = 2000,
	LOOKER_BATCH_MS = 10000,
	LOOKER_BEAT_MS = 500,
	/** A process that says nothing at all for so long, not even a beat, is stopped or lost. */
	LOOKER_SILENCE_MS = 5000,
};

/* --- the indexer's side --- */

struct looker {
	int threads;
	/** -1 while none runs. */
	int fd;
	pid_t pid;
	/** Abandoned; 0: none. */
	pid_t stuck;
	struct frame_reader reader;
	/** Frames on their way to it. */
	struct buf out;
	size_t out_sent;
	/** An eventfd that looker_cancel() writes. */
	int wake;
	pthread_mutex_t lock;
	/** Under the lock. */
	bool is_asking, is_canceled;
};

/** One question.  @fill adds frames to l->out whenever few are left there; @frame takes what comes back.  Both: 1 when
 * that was all, 0 to go on, -errno. */
struct look {
	int (*fill)(void *arg, struct looker *l);
	int (*frame)(void *arg, struct frame *f);
	void *arg;
};

/** What waits in l->out. */
static inline size_t looker_waiting(const struct looker *l)
{
	return l->out.len - l->out_sent;
}

/** Asks.  Any error ends the process: the next question starts another one. */
int looker_ask(struct looker *l, const struct look *look);

/* --- the process --- */

/** Until when a thread's present call to the disk may last; 0: it does not wait for the disk. */
struct looker_slot {
	_Alignas(64) _Atomic int64_t deadline;
};

struct looker_child {
	/** Frames of several threads go out whole. */
	pthread_mutex_t sending;
	int threads;
	/** The main thread's is 0. */
	struct looker_slot slot[LOOKER_THREADS + 1];
	/** Questions that are being answered: beats are sent meanwhile. */
	atomic_int busy;
	/** Only the main thread. */
	struct mounts mounts;
	struct buf known_paths;
	VEC(int64_t) known_mtimes;
	/** Frames of FRAME_LOOK_TARGETS, for the threads that answer them; NULL before the first. */
	struct queue *jobs;
};

static inline void looker_enter(struct looker_slot *slot, int ms)
{
	atomic_store_explicit(&slot->deadline, mono_ns() + ms * NS_PER_MS, memory_order_relaxed);
}

static inline void looker_leave(struct looker_slot *slot)
{
	atomic_store_explicit(&slot->deadline, 0, memory_order_relaxed);
}

/** Sends and empties @frames.  Does not return when the indexer is gone. */
void looker_tell(struct looker_child *c, struct buf *frames);
/** The mount that an open file is on, and 0 when the kernel does not say. */
uint64_t looker_mount_id(int fd);
/** -ELOOP when it is mediamon's own mount; reads the list of mounts anew. */
int looker_check_own(struct looker_child *c, uint64_t mount_id, const struct mount **mount);
/** Entries and directories of an open directory, until @most entries and a directory were seen. */
int looker_count(struct looker_child *c, int fd, int most, int *entries, bool *has_dir);

void looker_child_walk(struct looker_child *c, struct frame *f);
/** Gives the frame to a thread. */
void looker_child_targets(struct looker_child *c, struct frame *f);

#endif
