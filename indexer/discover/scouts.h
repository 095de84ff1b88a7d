/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The indexer's side of its scouts: one process for each root.  Used by the pipeline's thread. */
#ifndef INDEXER_DISCOVER_SCOUTS_H
#define INDEXER_DISCOVER_SCOUTS_H

#include <sys/types.h>

#include "indexer/extract/wants.h"
#include "indexer/frame.h"

struct scout {
	int64_t root;
	enum media_kind kind;
	char *path, *name;
	pid_t pid;
	/** Socket to the process, non-blocking; -1 while none runs. */
	int fd;
	struct frame_reader reader;
	/** Its region of heads, -1 for none; borrowed from the pool.  And which it is. */
	int heads_fd;
	uint32_t heads;
	/** The process before, 0: none.  While it waits for a disk and cannot end, a read of its own may still
	 * come to the region, which its successor does not use then. */
	pid_t former;
	/** Tickets that go back with the next frames. */
	struct buf back;
	/** Frames that did not fit the socket yet. */
	struct buf out;
	size_t out_sent;
};

struct scout_options {
	/** The workers' job sockets. */
	const int *jobs;
	int workers, walkers, walkers_most;
	/** Of heads that are out at a time. */
	int slots;
	/** enum watch_mode. */
	int mode;
	char *const *patterns;
	size_t pattern_count;
	/** A file that the root must hold, "" for none. */
	const char *marker;
};

/** Starts the process and tells it its root. */
int scout_start(struct scout *s, const struct scout_options *o);
/** Ends the process (the socket closes) and forgets what it had to say. */
void scout_stop(struct scout *s);
/** Frees path and name too. */
void scout_clear(struct scout *s);

/** Sends what is in s->out as far as the socket takes it.  0 or -errno. */
int scout_flush(struct scout *s);
/** True when bytes wait for the socket. */
static inline bool scout_has_output(const struct scout *s)
{
	return s->out.len > s->out_sent;
}

#endif
