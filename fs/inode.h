/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the kernel knows: nodes with their lookup counts and, for files, the bytes that every
 * reader shares until the kernel forgets the node; and the names that lead to them, so that they
 * can be invalidated.  Thread-safe.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"

void inodes_init(void);
void inodes_clear(void);

/**
 * Counts one lookup of node @id under (@parent, @name).  @content, when not NULL, becomes the
 * node's bytes unless it has some; taken always.  With @must_exist the node has to be known
 * already: -ENOENT when it was forgotten meanwhile.  Returns 0 or -ENOMEM.
 */
int inode_know(uint64_t id, uint64_t parent, const char *name, struct buf *content, int64_t at,
	       bool must_exist);
/** The kernel forgot @n lookups of a node. */
void inode_forget(uint64_t id, uint64_t n);

/** True when the node is known; size and time of its content. */
bool inode_stat(uint64_t id, uint64_t *size, int64_t *at);
/** Reads from the content into @out.  Bytes, or -ESTALE. */
ssize_t inode_read(uint64_t id, void *out, size_t n, off_t offset);
/**
 * Adds to the content of a growing file that has @from bytes; reads have it at once, but the size that is told stays until
 * inode_tell(): the kernel must forget the last page first.  True when it was so; *was_read: the kernel may have that page.
 */
bool inode_append(uint64_t id, uint64_t from, const char *data, size_t n, bool *was_read);
void inode_tell(uint64_t id, int64_t at);

/** Collects (parent, name) of every name that leads to a node for which @test is true, and of
 * every name in a directory for which @in_dir is true.  Both may be NULL. */
typedef bool inode_test(void *arg, uint64_t id);
typedef void inode_name(void *arg, uint64_t parent, const char *name);
void inodes_names(inode_test *test, inode_test *in_dir, void *arg, inode_name *fn);
/** True when the kernel knows the node. */
bool inode_is_known(uint64_t id);

/** Nodes, names and bytes held, for tests and metrics. */
void inodes_count(size_t *nodes, size_t *names, size_t *bytes);

#endif
