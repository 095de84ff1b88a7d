/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Starting this program again as a scout or a worker, and knowing what a process used. */
#ifndef INDEXER_CHILD_H
#define INDEXER_CHILD_H

#include <stdint.h>
#include <sys/types.h>

/** Puts descriptor `from` of this process at `to` in the child. */
struct child_fd {
	int from, to;
};

/**
 * Runs this program with @role ("--scout", "--worker"); the child has only standard error and
 * @fds, and ends with this process.  Returns its pid or -errno.
 */
pid_t child_spawn(const char *role, const char *title, const struct child_fd *fds, int n);

/** Peak memory in bytes and processor time in ns of a living process; zeros when it is gone. */
void child_usage(pid_t pid, uint64_t *peak_rss, uint64_t *cpu_ns);

/** Two ends of a socket, close-on-exec.  @type: SOCK_STREAM or SOCK_SEQPACKET.  0 or -errno. */
int child_socket(int type, int end[2]);

#endif
