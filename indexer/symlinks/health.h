/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Whether the debrid mount may be believed.  Asked before, during and after a look at links, and before and
 * between repairs: a mount that is away, empty, half there, or another one proves nothing.
 */
#ifndef INDEXER_SYMLINKS_HEALTH_H
#define INDEXER_SYMLINKS_HEALTH_H

#include "indexer/symlinks/looker.h"

/** What was recorded of it when it was healthy. */
struct health_known {
	char fstype[64];
	/** Of the present run of questions: another id is another mount; 0: not asked yet. */
	uint64_t mount_id;
};

struct health_verdict {
	bool is_healthy;
	/** "healthy", "absent", "empty", "foreign", "stuck", "flapping", "unknown". */
	const char *state;
	/** Only its anchors speak against it: either it is another mount, or it truly lost what was there. What vanished is to
	 * be held, and a person may say which it is. */
	bool is_loss;
	/** A sentence; "" when healthy. */
	char reason[256];
};

/** Pure.  @error: of the question itself (-ETIMEDOUT: stuck). */
struct health_verdict health_judge(int error, const struct mount_facts *facts, const struct health_known *known);

#endif
