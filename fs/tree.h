/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The generic walk of entry tables: it knows no name of any file. */
#ifndef FS_TREE_H
#define FS_TREE_H

#include "fs/node.h"

/** Numbers the entries, starting at ROOT_ENTRY.  Once, at start. */
void tree_init(void);
/** All entries in the order of their numbers; *n of them. */
const struct entry *const *tree_entries(size_t *n);

/** A node's number: 1 for the root.  Stays the same as long as {entry, row, version} do. */
uint64_t tree_id(const struct node *n);
/** 0 or -ESTALE for a number that no entry has. */
int tree_decode(uint64_t id, struct node *n);
/** Whether a node is of a version before @version. */
bool tree_is_older(const struct node *n, uint64_t version);
/** st_ino: like the number, without the version. */
uint64_t tree_inode(const struct node *n);

/** The child called @name, its time and, unless it is a link, its version filled in.  -ENOENT, -ENOTDIR. */
int tree_find(struct view *v, const struct node *parent, const char *name, struct node *child,
	      int64_t *at);
/** The node that a path leads to ("status/missing"). */
int tree_resolve(struct view *v, const char *path, struct node *n, int64_t *at);

struct tree_item {
	const char *name;
	struct node node;
	int64_t at;
	/** Where the listing goes on after this item; never 0.  TREE_END: nothing is behind it. */
	uint64_t cursor;
};
/** As the kernel takes it: a positive off_t. */
#define TREE_END ((uint64_t)INT64_MAX)
/** Calls @fn for what follows @cursor (0: from the start) until it returns non-zero. */
typedef int tree_item_fn(void *arg, const struct tree_item *item);
int tree_list(struct view *v, const struct node *parent, uint64_t cursor, tree_item_fn *fn,
	      void *arg);

/** The content of a file or the target of a link. */
int tree_render(struct view *v, const struct node *n, struct buf *out);
/** The target of a symbolic link, and the version that it gives the node: another one when the target changes. */
int tree_target(struct view *v, struct node *link, struct buf *out);
/** Version and time of a node as of this view; -ENOENT when its row is gone. */
int tree_stamp(struct view *v, const struct node *n, uint64_t *version, int64_t *at);

#endif
