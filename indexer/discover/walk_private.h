/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between walk.c (one directory), walk_heads.c (one file) and walk_threads.c (which directory comes next). */
#ifndef INDEXER_DISCOVER_WALK_PRIVATE_H
#define INDEXER_DISCOVER_WALK_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/thread.h"
#include "common/vec.h"
#include "indexer/discover/walk.h"

enum {
	STACK_LONG = 4096,
	DEPTH_INLINE = 200,
	SLOTS = 512,
	GETDENTS = 32768,
	THREADS = 32,
	FLUSH = 24576,
	/** Entries after which a thread looks whether it waited for them. */
	LOOKS_BETWEEN = 64,
	/** Most slots for heads that a thread takes at a time. */
	GRAB = 16,
	/** Most files that a thread has open to read their heads together. */
	AHEAD = 16,
	/** A fourth of the threads is enough where each reads at least so many files together. */
	TOGETHER = 4,
};

/** A file that is being read. */
struct source {
	int fd;
	uint64_t size;
	const struct reach *reach;
	uint8_t *bytes;
	/** Of @bytes. */
	uint32_t used;
	/** Where the bytes of its end begin that are still to be asked for; @size: none are. */
	uint64_t tail;
	/** It cannot be read as it was told of. */
	bool is_lost;
	struct head head;
};

/** What it is for. */
struct ahead {
	/** In the list of names that is gone through. */
	const char *name;
	uint16_t slot;
	/** 0 until it was read, and when its bytes could not be had. */
	uint64_t ticket;
	struct statx st;
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
	/** Chunks out, plus one while the walker still lists it. */
	int uses;
};

struct walk {
	struct walk_options o;
	pthread_mutex_t lock;
	/** There are directories to list, or there will be none. */
	pthread_cond_t more;
	/** There is room for what is found. */
	pthread_cond_t room;
	/* protected by lock: */
	VEC(struct todo) stack;
	int working;
	/** Threads that wait for room. */
	int waiting;
	int out;
	uint64_t next_dir;
	struct slot slot[SLOTS];
	uint16_t free_dir[SLOTS];
	int free_dirs;
	/** Of the region of heads, those that are free, and how many there are. */
	uint16_t free_slot[HEADS_SLOTS];
	uint32_t free_slots, slots;
	struct thread thread[THREADS];
	int threads;
	/** Of them, those that did not end; and how many more are asked for: whoever runs the walk starts them. */
	int running, wanted;
	pthread_cond_t grow;
	/* --- */
	/** What each slot of heads is out for, 0 while it is not. */
	_Atomic uint64_t ticket[HEADS_SLOTS];
	_Atomic bool is_stopped;
	_Atomic uint64_t busy_ns;
	/** Since when each thread waits for the disk, 0 while it does not. */
	_Atomic int64_t since[THREADS];
	_Atomic unsigned next_walker;
	/** Heads that were sent and did not come back. */
	_Atomic int64_t heads_out;
	/** There will be no more threads; the disk makes them wait. */
	_Atomic bool has_enough, is_slow;
	const struct walk_order *order;
};

/** What one thread uses. */
struct walker {
	struct walk *w;
	_Atomic int64_t *since;
	/** Slots for heads that it took and did not use yet. */
	uint16_t slot[GRAB + AHEAD];
	uint32_t slots;
	/** Files of the directory that is listed whose heads are read next, and how many it may gather. */
	struct ahead ahead[AHEAD];
	struct source source[AHEAD];
	uint32_t aheads, most_ahead;
	/** How many were read, and in how many batches. */
	uint64_t read, batches;
	/** Times that it slept for something else than the disk; entries looked at; times that it may have slept for
	 * the disk; as of the last look. */
	uint64_t waits, looks, tries;
	struct {
		uint64_t slept, waits, tries;
	} last;
	struct buf frames;
	/** What is in them, and how much of it may wait there: others wait for the same room. */
	uint32_t chunks, heads, most_chunks, most_heads;
	/** When they were sent last. */
	int64_t flushed_at;
	/** For lists at depth 0; what goes down inline makes its own. */
	struct buf entries;
	char dents[GETDENTS] __attribute__((aligned(8)));
};

/** Takes the lock: who sleeps for it does not sleep for the disk. */
static inline pthread_mutex_t *walk_lock(struct walker *me)
{
	pthread_mutex_t *lock = &me->w->lock;
	if (pthread_mutex_trylock(lock) == 0)
		return lock;
	me->waits++;
	return cleanup_lock(lock);
}

#define WALK_LOCKED(me) \
	__attribute__((cleanup(cleanup_unlock), unused)) pthread_mutex_t *CLEANUP_CAT( \
		locked_, __LINE__) = walk_lock(me)

/**
 * Waits for room; the caller looks whether there is enough for it, and has sent what others may wait for.
 * Slots for heads that it did not use are others' meanwhile.  Under the lock.
 */
void walk_wait_room(struct walker *me);
/** Wakes those that wait for room, but not for so little that they would wait again at once.  Under the lock. */
void walk_tell_room(struct walk *w);
/** Of so much room each thread's part, at least 1; those that wait have none.  Under the lock. */
uint32_t walk_share(const struct walk *w, uint32_t room);
/** Gives back the slots for heads that were not used.  Under the lock. */
void walk_put_slots(struct walker *me);

/** Notes that it mostly waits for the disk, and adds threads then. */
void walk_grow(struct walker *me);
/** Lists one directory; its own errors go out with its list, only ends of the walk return. */
int walk_directory(struct walker *me, const struct todo *t, int depth);
/** Sends what was made. */
int walk_flush(struct walker *me);
/** A file whose head is to be read. */
struct walk_file {
	int dir;
	const char *name;
	const struct reach *reach;
};

/** All slots are free.  Under the lock, or before there are threads. */
void walk_fill_slots(struct walk *w);
/** A slot of the region, or -EAGAIN. */
int walk_take_head(struct walker *me, uint32_t *slot);
/** Sends what was made and waits until a slot is free; the caller holds none that was not sent. */
int walk_wait_head(struct walker *me);
/**
 * Opens a file whose head comes into @slot: one more ahead, of which there are less than AHEAD.  False when it could not be
 * opened, and the slot is free again.
 */
bool walk_open_head(struct walker *me, uint32_t slot, const struct walk_file *f);
/** Reads the heads of all that are ahead, and closes them: their tickets are for the caller to send. */
void walk_read_heads(struct walker *me);
/** Closes their files: by one call where nobody else's number lies between them. */
void walk_close_all(const struct source *s, size_t n);
/** Closes what was not read. */
void walk_drop_heads(struct walker *me);

/** Reads what @reach asks for of a file that @st tells of.  Its ticket, 0 when it is not there. */
uint64_t walk_seal_head(struct heads *heads, uint32_t slot, int fd, const struct reach *reach,
			const struct statx *st);

/** An ancestor with one user; NULL with errno: ELOOP when the directory is its own ancestor. */
struct link *walk_new_link(struct link *up, const struct stat *st);
/** One user more; accepts NULL. */
struct link *walk_get_link(struct link *l);
/** One user less of an ancestor and those above. */
void walk_put_link(struct link *l);

#endif
