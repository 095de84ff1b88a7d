/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What reading a file to its end told; written as in store_write.h, by indexer/load/verdicts.c. */
#ifndef COMMON_STORE_WRITE_INTEGRITY_H
#define COMMON_STORE_WRITE_INTEGRITY_H

#include "common/store_integrity.h"
#include "common/store_write.h"

struct store_verdict {
	/** The file, and how it was while it was read. */
	int64_t file, size, mtime, ctime, inode;
	enum verdict verdict;
	int tries;
	/** What was checked; why it is not intact, or what is odd about it. */
	const char *how, *reason;
};

/**
 * A corrupt file counts as damaged from now on, one that is not corrupt any more does not.  Of a file that is another
 * one in the index by now nothing is kept.
 */
int store_put_verdict(struct store *s, const struct store_verdict *v, struct store_touched *touched);

/**
 * After a row of the index was written anew: what is known of the file by its size and time holds on; what was known of
 * another one at its place is forgotten.
 */
int store_keep_verdict(struct store *s, int64_t file);

#endif
