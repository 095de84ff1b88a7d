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

/** One name of a node, as the kernel is told of it. */
struct sight {
	uint64_t id, parent;
	const char *name;
	int64_t at;
	/** Of a link: the bytes of its target. */
	uint32_t target;
	/** The node has to be known already. */
	bool must_exist;
};
/**
 * Counts one lookup of a node.  @content, when not NULL, becomes the node's bytes unless it has some; taken always.
 * Returns 0, -ENOENT when must_exist and it was forgotten meanwhile, or -ENOMEM.
 */
int inode_know(const struct sight *sight, struct buf *content);
/** The kernel forgot @n lookups of a node. */
void inode_forget(uint64_t id, uint64_t n);

/** True when the node is known; size and time of its content or target. */
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
