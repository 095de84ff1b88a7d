/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Running a program of the user's: no shell, nothing of ours, and an end. */
#ifndef INDEXER_NOTIFY_HOOK_H
#define INDEXER_NOTIFY_HOOK_H

#include <stddef.h>

#include "indexer/release.h"

/**
 * Runs @program (an absolute path) with @n bytes as its standard input, a file, so that whether it
 * reads is its own affair.  Standard output is dropped; of standard error the first line comes into
 * @why.  Its environment is PATH, HOME and LANG; it is the head of a process group, of which
 * nothing is left when this returns.
 *
 * 0 when it ended with status 0; -ETIMEDOUT: killed after @deadline_ms; -ECANCELED: killed because
 * @stop (a descriptor; -1: none) became readable; -EIO: it could not be run or failed, @why (WHY
 * bytes) tells how; -errno.  Any thread.
 */
int hook_run(const char *program, const void *input, size_t n, int deadline_ms, int stop,
	     char *why);

#endif
