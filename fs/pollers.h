/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Readers that wait in poll(): what a poll is answered, and whom a change wakes.
 *
 * What is told is what was *announced*: state whose old names the kernel has forgotten already.
 * A reader that is told of a change and opens the name again sees the new content, never the old.
 *
 * - A file of status/, metrics/ or control/last: its node never changes, so an open handle is old
 *   (POLLPRI | POLLIN) from the moment a newer version is announced, until it is closed.  No
 *   state per handle: a change between the read and the poll is told by the poll at once.
 * - A file that grows: POLLPRI | POLLIN after each growth.  The daemon sees no open and, as pages
 *   are cached, no reads; so each (calling thread, node) is told of one growth ASKS times, then
 *   of the next one only, and a caller that is new here is told at once.  Twice, because epoll
 *   asks when a descriptor is added and again when it is waited for; the second telling costs a
 *   plain poll() loop one empty read.  A segment that gets no more is POLLPRI | POLLIN | POLLHUP:
 *   go on in the file that has the name now.
 * - Everything else is a plain file: ready at once.
 *
 * Whoever asks for POLLPRI by poll() or epoll waits for a change and gets nothing before it, not
 * even POLLIN.  Whoever does not (cat | nc | ssh < file) has a regular file: POLLIN at once.
 * select() asks for POLLPRI always; it is known by POLLRDNORM and gets POLLIN at once as well.
 *
 * Kernel handles are kept, at most POLLERS_MAX, until the change they wait for; one that waits
 * for longer than POLLERS_KEPT_S is woken for nothing, and asks again if its poller still lives.
 *
 * Thread-safe.  Callbacks are called without any lock held.
 */
#ifndef FS_POLLERS_H
#define FS_POLLERS_H

#include "fs/node.h"

enum {
	POLLERS_MAX = 8192,
	POLLERS_KEPT_S = 60,
	/** Growing files in the tree. */
	GROWING_MAX = 4,
};

/** State whose old names the kernel has forgotten. */
struct announced {
	/** As in struct view. */
	uint64_t topic[TOPIC_COUNT], mood[VIEW_MOODS];
	/** What status/generation shows, when even. */
	uint64_t generation;
	/** Numbers of the growing files' nodes now, 0 for none; how often any of them grew. */
	uint64_t segment[GROWING_MAX], growths;
};

/** Takes a kernel handle back: wakes its poller and frees it, or only frees it. */
typedef void pollers_fn(void *handle);
/** Before any thread is started. */
void pollers_start(pollers_fn *wake, pollers_fn *drop);
/** Drops every handle. */
void pollers_stop(void);

struct poll_question {
	/** Number of the node, and what it stands for. */
	uint64_t id;
	struct node node;
	/** Thread that polls. */
	int64_t caller;
	/** Events it asked for. */
	unsigned events;
};
/** Events to answer.  @handle, when not NULL, is taken: somebody will sleep on the answer. */
unsigned pollers_ask(const struct poll_question *q, void *handle);

/** From now on this is told; wakes nobody yet. */
void pollers_set(const struct announced *state);
/** Wakes whoever waits for what was set, and whoever waits for too long at @now (mono_ns). */
void pollers_wake(int64_t now);

/** Handles held, for tests. */
size_t pollers_count(void);

#endif
