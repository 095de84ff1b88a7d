/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Starting this program again as a scout or a worker, and knowing what a process used. */
#ifndef INDEXER_CHILD_H
#define INDEXER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** Puts descriptor `from` of this process at `to` in the child. */
struct child_fd {
	int from, to;
};

/**
 * Runs this program with @role ("--scout", "--worker", "--looker"); the child has only standard error and
 * @fds, and ends with this process.  Returns its pid or -errno.
 */
pid_t child_spawn(const char *role, const char *title, const struct child_fd *fds, int n);

/**
 * Kills a process and reaps it.  One that waits for a dead disk cannot end: after @wait_ms it is
 * abandoned, and reaped by child_reap() when its disk is back.  Returns its status, -1 when it was
 * abandoned.  These three may be called by any thread; a process belongs to one of them.
 */
int child_end(pid_t pid, int wait_ms);
/** Whether a process was abandoned and has not ended yet. */
bool child_is_abandoned(pid_t pid);
/** Reaps abandoned processes that have ended meanwhile. */
void child_reap(void);

/** Peak memory in bytes and processor time in ns of a living process; zeros when it is gone. */
void child_usage(pid_t pid, uint64_t *peak_rss, uint64_t *cpu_ns);
/** Memory in bytes that a living process uses now; 0 when it is gone. */
uint64_t child_memory(pid_t pid);

/** Two ends of a socket, close-on-exec.  @type: SOCK_STREAM or SOCK_SEQPACKET.  0 or -errno. */
int child_socket(int type, int end[2]);

#endif
