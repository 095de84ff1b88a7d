/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Waiting for a change to be durable; between writer.c's callers and its thread. */
#ifndef INDEXER_LOAD_WAITER_H
#define INDEXER_LOAD_WAITER_H

#include <stdint.h>

struct waiter;

/** NULL without memory. */
struct waiter *waiter_new(void);
/** Only one that was never given to the writer. */
void waiter_free(struct waiter *w);
/** The writer's word; whoever leaves last frees it.  NULL is nobody. */
void waiter_finish(struct waiter *w, int result, int64_t row);
/** The caller's side: the result and *row, or -ETIMEDOUT after ten seconds. */
int waiter_wait(struct waiter *w, int64_t *row);

#endif
