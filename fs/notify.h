/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The thread that follows the indexer: when a topic, a row or a mood moves it tells the kernel to
 * forget the names and listings that changed.
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

/** Number of the round of invalidation that was begun last. */
uint64_t notify_round(void);
/**
 * After an answer that was made from a view of round @round: if a later round has begun since,
 * it may have missed the name, which is then invalidated once more.
 */
void notify_again(uint64_t round, uint64_t parent, const char *name);

/** As shown in status/generation. */
uint64_t notify_generation(void);

/** Names that changed by themselves (control files): invalidated now, in the caller's thread,
 * which must not be a request handler. */
void notify_name(uint64_t parent, const char *name);
/** Invalidates everything that depends on VIEW_ORDERS; the same. */
void notify_orders(void);

#endif
