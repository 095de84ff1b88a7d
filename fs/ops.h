/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The FUSE callbacks, and what other parts of the filesystem ask of the session. */
#ifndef FS_OPS_H
#define FS_OPS_H

#include <stdbool.h>
#include <stdint.h>

struct fuse_args;
struct fuse_session;

/** A session that serves the tree.  NULL (libfuse said why) on failure. */
struct fuse_session *ops_session(struct fuse_args *args);

/** Group of control files, -1: the mounting user's; set before the session starts. */
void ops_set_group(int64_t gid);

/** Answers a write that was kept waiting: 0 for all @size bytes, or an errno. */
void ops_answer_write(void *request, int error, uint64_t size);
/** Answers a question for attributes that was kept (grow_keeps). */
void ops_answer_attr(void *request, uint64_t id);

#endif
