/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Secrets are only ever read from a file. */
#ifndef INDEXER_NET_SECRET_H
#define INDEXER_NET_SECRET_H

#include "common/buf.h"

/**
 * The first line of the file, without blanks at its ends.  A file that others than its owner can
 * read is refused (-EPERM), but for files of systemd's credentials directory; so are an empty one (-ENODATA) and
 * one that is no regular file or longer than 4 KiB.  @why: 256 bytes, names the path, never the
 * content.
 */
int secret_read(const char *path, struct buf *out, char *why);
/** Overwrites and frees. */
void secret_clear(struct buf *secret);

#endif
