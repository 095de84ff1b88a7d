/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The numbers of dirsum.h, made of rows while nobody writes.  Between common/store*.c only; the writer's thread. */
#ifndef COMMON_STORE_DIRSUM_H
#define COMMON_STORE_DIRSUM_H

#include "common/store_private.h"

int store_set_dirsum(struct store *s, int64_t dir, int64_t sum);

/**
 * Outside transactions: makes the sums of some directories that have none.  1 when there may be more of them, 0 when
 * there are none, -errno.
 */
int store_sum_dirs(struct store *s);

#endif
