/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A bounded queue of pointers between two threads, with an end on both sides: the producer says
 * "no more" (queue_finish), the consumer says "I take no more" (queue_refuse).
 */
#ifndef INDEXER_QUEUE_H
#define INDEXER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue;

/** @limit: most items that wait.  NULL without memory. */
struct queue *queue_new(size_t limit);
/** The items left are given to @drop.  Accepts NULL. */
void queue_free(struct queue *q, void (*drop)(void *item));

/** Waits while full.  0: the queue owns @item; -EPIPE: refused, the caller keeps it. */
int queue_put(struct queue *q, void *item);
/** The same, but waits at most @timeout_ms; -EAGAIN: it is full, the caller keeps @item. */
int queue_offer(struct queue *q, void *item, int timeout_ms);
/**
 * Waits up to @timeout_ms (-1: for ever) for an item.  0 with the item, which the caller then
 * owns; -EAGAIN on timeout; -EPIPE when the producer finished and nothing is left.
 */
int queue_take(struct queue *q, void **item, int timeout_ms);

/** Takes those items out that @keep does not want; it is called under the queue's lock and owns
 * what it does not keep. */
void queue_sift(struct queue *q, bool (*keep)(void *arg, void *item), void *arg);

void queue_finish(struct queue *q);
void queue_refuse(struct queue *q);

size_t queue_length(struct queue *q);

#endif
