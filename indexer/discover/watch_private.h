/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between watch.c (what is dirty) and watch_inotify.c, watch_fanotify.c (where it comes from). */
#ifndef INDEXER_DISCOVER_WATCH_PRIVATE_H
#define INDEXER_DISCOVER_WATCH_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/buf.h"
#include "common/thread.h"
#include "indexer/discover/watch.h"
#include "indexer/discover/watch_map.h"

/** A directory to be told; names lie in `paths`. */
struct dirty {
	uint32_t hash, at, len;
	unsigned flags;
};

enum {
	/** Directories kept until they are told. */
	DIRTY_MOST = 4096,
	DIRTY_SLOTS = 8192,
};

struct watch {
	struct watch_options o;
	enum watch_mode mode;
	/** inotify's or fanotify's; -1 when polled. */
	int fd;
	/** Ends the threads. */
	int ending;
	struct thread reader, teller;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	struct dirty dirty[DIRTY_MOST];
	uint16_t slot[DIRTY_SLOTS];
	size_t dirty_count;
	struct buf paths;
	bool is_lost, is_ending;
	struct watch_counts counts;
	/** inotify: who is who. */
	struct watch_map map;
	bool is_limited;
	/** Events were lost, that a watch ended perhaps: each is asked for anew. */
	bool is_doubtful;
	uint64_t refused;
	/* only the reader: fanotify's directories, see watch_fanotify.c */
	void *handles;
};

/** Notes a directory.  Under the lock. */
void watch_mark(struct watch *w, const char *path, size_t n, unsigned flags);
/** Something in a folder changed, or it is new or gone: a volume of pictures is in its parent's list.  Under the lock. */
void watch_mark_folder(struct watch *w, const char *folder, size_t n, unsigned flags);
/** Events were lost.  Under the lock. */
void watch_lose(struct watch *w);

/** One of the two ways.  open: 0 or -errno; read: the reader's thread, until w->is_ending. */
int inotify_open(struct watch *w);
void *inotify_read(void *watch);
int inotify_watch(struct watch *w, int fd, int parent, const char *path, const struct stat *st);
void inotify_forget(struct watch *w, char *const *paths, size_t n);

int fanotify_open(struct watch *w);
/** A directory on file system @device: marked when a walk enters it.  Its word. */
int fanotify_watch(struct watch *w, int fd, int parent, uint64_t device);
void *fanotify_read(void *watch);
void fanotify_close(struct watch *w);

#endif
