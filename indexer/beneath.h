/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Opening what lies below a directory, without following a symbolic link and without leaving the directory.
 *
 * openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS does it in one call.  It is not always there: systemd's
 * RestrictSUIDSGID= answers ENOSYS to it, container runtimes older than 2020 answer EPERM, kernels before 5.6 lack it.
 * There each component is opened below the one before.  Any thread.
 */
#ifndef INDEXER_BENEATH_H
#define INDEXER_BENEATH_H

#include <stdbool.h>

/**
 * @path: relative, "" is @root itself.  @flags: those of open(2); O_CLOEXEC is added.  A link at the end is ELOOP, or with
 * O_PATH | O_NOFOLLOW the link itself.  Returns a descriptor, or -1 with errno: EXDEV for a path that leads out.
 */
int beneath_open(int root, const char *path, int flags);

/** The same, and EXDEV where another file system is mounted on the way or at the end. */
int beneath_open_here(int root, const char *path, int flags);

/** 0 when openat2(2) works for this process, else its errno (ENOSYS, EPERM). */
int beneath_refusal(void);

#endif
