/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The only process that changes a link (`mediamond --hand`): one for each root of links.  It works below
 * a descriptor of that root, follows no link on the way (indexer/beneath.h), and changes a link
 * only if it is still what was recorded.  Whoever calls has made the journal row durable before.
 */
#ifndef INDEXER_REPAIR_HAND_H
#define INDEXER_REPAIR_HAND_H

#include <stdint.h>

#include "common/store_read.h"

struct hand;

enum hand_act {
	/** Only says what is there. */
	HAND_READ,
	/** Replaces a link: a new one beside it (".mediamon-XXXX"), then renamed over it; owner, group and mtime are kept. */
	HAND_RELINK,
	HAND_UNLINK,
	/** Makes a link where nothing is, with owner, group and mtime; -EEXIST when something is there. */
	HAND_MAKE,
};

struct hand_order {
	enum hand_act act;
	/** Below the root. */
	struct bytes path;
	/** RELINK, UNLINK: the text that it must have now. */
	struct bytes before;
	/** RELINK, MAKE: its new text. */
	struct bytes after;
	/** MAKE, and RELINK with has_facts: to be set; ns. */
	int64_t uid, gid, mtime;
	int has_facts;
};

/** What is there afterwards. */
struct hand_facts {
	char target[4096];
	size_t target_len;
	int64_t uid, gid, mtime, inode;
};

/** @root: absolute.  The process starts with the first order.  One thread at a time uses a hand. */
int hand_new(const char *root, struct hand **out);
/** Accepts NULL. */
void hand_free(struct hand *h);
/**
 * 0; else nothing was changed, with the exception of -ETIMEDOUT.
 *
 *   -ESTALE     it is not what was recorded: another text, another kind of file, gone
 *   -EXDEV      the way leads through a link or out of the root
 *   -EINVAL     no path, or no text, that may be
 *   -EEXIST     MAKE: something is there
 *   -ENOTDIR    READ, MAKE: its directory is not there; READ: -ENOENT, the directory is, the link is not
 *   -ENODEV     the root is not there
 *   -EBUSY      the process before is still stuck: nothing is asked of that root
 *   -ETIMEDOUT  nobody knows: no answer in time, or the process died, and was given up; or its sync failed.
 *               HAND_READ tells later
 *
 * The directory is synced before 0.  Owner, group and mtime are right to the bit, or nothing is changed.
 */
int hand_do(struct hand *h, const struct hand_order *o, struct hand_facts *facts);
/**
 * Several at once: results[i] as of hand_do(); a round trip for each 500; one sync per directory.  Returns 0
 * when all were answered; else why not (-ETIMEDOUT …): then those never begun have -ECANCELED.
 */
int hand_do_all(struct hand *h, const struct hand_order *o, size_t n, int *results);

/** The child. */
int hand_main(void);

#endif
