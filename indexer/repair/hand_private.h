/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the hand's files: hand.c (the indexer's side), hand_child.c (the process), hand_link.c (one link). */
#ifndef INDEXER_REPAIR_HAND_PRIVATE_H
#define INDEXER_REPAIR_HAND_PRIVATE_H

#include "indexer/repair/hand.h"

enum {
	/** The descriptor that the child finds open. */
	HAND_CONTROL = 3,
	/** Orders in one round trip; each may have a directory of its own open until its sync. */
	HAND_BATCH = 500,
	/** Bytes of an order's texts together: the longest that Linux knows, three times. */
	HAND_TEXT = 4096,
	HAND_DEADLINE_S = 10,
};

/**
 * Carries out an order on the entry @name of the directory @dir.  0 with *facts (zeros when it is gone), or
 * -errno as of hand_do().
 */
int hand_link(int dir, const char *name, const struct hand_order *o, struct hand_facts *facts);

/** Removes what a hand that was killed left in a directory. */
void hand_sweep(int dir);

#endif
