/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The control socket: a Unix stream socket in the state directory.
 *
 *   → mediamon-order TOKEN FILE LENGTH\n  and LENGTH bytes of order lines
 *   ← ERRNO LENGTH\n                      and LENGTH bytes: one sentence
 *
 * TOKEN is made up by the caller: the same token twice is the same order.  An answer of 0 means
 * that the order is durable.
 */
#ifndef COMMON_CTL_H
#define COMMON_CTL_H

#include "common/buf.h"

#define CTL_SOCKET "control.sock"

enum {
	CTL_TOKEN = 33,
	CTL_FILE = 32,
};

/** Fills @token with 32 random hexadecimal digits. */
void ctl_token(char token[static CTL_TOKEN]);

/**
 * Gives an order and waits for its answer.  Returns 0 with *verdict (0 or an errno) and the
 * sentence in @answer; -EAGAIN when no indexer is there, -ETIMEDOUT when it took the words but has not answered
 * within @timeout_ms (the order may have been made durable, or may still be), -EACCES.
 */
int ctl_order(const char *state_dir, const char *token, const char *file, const char *text,
	      size_t n, int timeout_ms, int *verdict, struct buf *answer);

struct ctl_server;

/** Handles one order; @text is NUL-terminated.  Returns 0 or an errno (positive). */
typedef int ctl_handler(void *arg, const char *token, const char *file, const char *text, size_t n,
			struct buf *answer);

/** Binds the socket (mode 0660, @gid when it is not -1) and starts the thread. */
int ctl_serve(const char *state_dir, int gid, ctl_handler *handler, void *arg,
	      struct ctl_server **out);
void ctl_stop(struct ctl_server *s);

#endif
