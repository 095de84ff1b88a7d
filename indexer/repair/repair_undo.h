/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The journal, backwards; and what a crash left in it. */
#ifndef INDEXER_REPAIR_REPAIR_UNDO_H
#define INDEXER_REPAIR_REPAIR_UNDO_H

#include "indexer/repair/repair_private.h"

/** Whether "JOURNAL-ID…" or "PLAN-HASH" can be undone: 0, or an errno with a sentence.  Any thread. */
int undo_check(struct repair *r, const char *words, struct buf *answer);
/** Undoes it.  0, or an errno with a sentence.  The repair thread. */
int undo_run(struct repair *r, const char *words, struct buf *answer);
/** Clears up open rows, once: 0; -errno: a hand or the store cannot tell yet. */
int undo_recover(struct repair *r);

#endif
