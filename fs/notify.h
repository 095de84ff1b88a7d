/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The thread that follows the indexer: when a topic, a row or a mood moves it tells the kernel to
 * forget the names and listings that changed, and then wakes whoever waits for it in poll().
 *
 * `status/generation` is even while nothing is being invalidated: 2 × the announced generation;
 * equal even reads before and after prove that nothing moved between.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include <stdint.h>

struct fuse_session;

int notify_start(struct fuse_session *session);
void notify_stop(void);
/** The session talks to the kernel: notices may be sent. */
void notify_ready(void);
/** When this mount began: the time of things that never changed. */
int64_t notify_started_at(void);

/** A handler that looks at a view and tells the kernel names. */
struct look {
	/** The round of invalidation that was begun last. */
	uint64_t round;
	int slot;
};
/** Before the view is begun.  Nobody is woken for a later round until notify_end(). */
struct look notify_begin(void);
/**
 * After a name became known (inode_know): if a later round has begun since, it may have missed
 * the name, which is then invalidated once more.
 */
void notify_again(const struct look *l, uint64_t parent, const char *name);
void notify_end(const struct look *l);

/** Waits until what is committed now is announced, at most @timeout_ms.  Not for handlers. */
void notify_wait(int timeout_ms);

/** As shown in status/generation. */
uint64_t notify_generation(void);

/** Names that changed by themselves (control files): invalidated now, in the caller's thread,
 * which must not be a request handler. */
void notify_name(uint64_t parent, const char *name);
/** Invalidates everything that depends on VIEW_ORDERS; the same. */
void notify_orders(void);

#endif
