/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Messages with open descriptors, between the processes of the indexer: unix(7), SCM_RIGHTS. */
#ifndef INDEXER_PASS_H
#define INDEXER_PASS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	/** Descriptors of one message. */
	PASS_MOST = 32,
};

/** One message of @n bytes (more than none) with @count descriptors, which stay open here.  0 or -errno. */
int pass_send(int socket, const void *data, size_t n, const int *fds, int count);

/**
 * One message with its descriptors, *count of at most @most: those above are closed.  They are close-on-exec.
 * @waits: until there is one.  Its bytes, cut at @n; 0 at the end, or when there is none and nobody waits.
 */
size_t pass_receive(int socket, bool waits, void *data, size_t n, int *fds, int most, int *count);

#endif
