/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Orders written to control files: sent to the indexer and answered by a thread of their own. */
#ifndef FS_ORDERS_H
#define FS_ORDERS_H

#include <stddef.h>

struct node;

int orders_start(void);
void orders_stop(void);

/**
 * Takes one write.  0: @request is answered later (ops_answer_write); -errno: the caller answers
 * now.
 */
int orders_submit(const struct node *control, const char *text, size_t n, void *request);

#endif
