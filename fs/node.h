/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Entries and nodes.
 *
 * An entry is one row of a table: a virtual file or directory, or (with no name) a kind of rows
 * of the store.  A node is {entry, row, version}: an identity, asked anew from the store; its
 * number is made of the three, so it is decoded without any table in memory.
 *
 * A regular file's node never changes: a new version of its content is a new node under the same
 * name.  Nor does a symbolic link's: another target is another node.  Directories keep one node
 * (version 0).
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <sys/stat.h>

#include "common/buf.h"
#include "common/store_read.h"
#include "fs/view.h"

struct entry;

struct node {
	const struct entry *entry;
	uint64_t row, version;
};

/** Takes the names of a directory, in the order of their cursors. */
struct emit {
	/** Returns non-zero when the listing shall stop. @at: when the thing last changed. */
	int (*add)(struct emit *e, const char *name, uint64_t row, int64_t at, uint64_t cursor);
};

struct entry {
	/** NULL: names come from list and find. */
	const char *name;
	/** Type and permissions. */
	mode_t mode;
	/** What is inside a directory; ends with an entry whose mode is 0. */
	const struct entry *dir;
	/** Topics that the content or the listing depends on (TOPIC_BIT). */
	unsigned topics;
	/** What else it depends on: VIEW_AWAY, VIEW_LIVE, VIEW_ORDERS. */
	unsigned moods;
	/** Of which kind the rows are, for entries whose version is that of a row. */
	enum row_kind rows;
	/** The file shows the row of its directory, not rows of its own. */
	bool of_parent;
	/** Nothing of it is kept by the kernel. */
	bool uncached;
	/** Grows at its end, keeping its node. */
	bool grows;
	/** Names with a cursor greater than @after. */
	int (*list)(struct view *v, const struct node *parent, uint64_t after, struct emit *out);
	/** The row called @name; -ENOENT. */
	int (*find)(struct view *v, const struct node *parent, const char *name, uint64_t *row);
	/** Version and time of a row; -ENOENT when it is gone. */
	int (*stamp)(struct view *v, uint64_t row, uint64_t *version, int64_t *at);
	/** The content of a regular file. */
	int (*show)(struct view *v, const struct node *n, struct buf *out);
	/** The target of a symbolic link. */
	int (*link)(struct view *v, const struct node *n, struct buf *out);
	/** The order that writing to it gives (ORDERS_TABLE's name), or NULL.  With show, that explains
	 * it instead of the table. */
	const char *order;
	/** What one line that is written to it means, as words of that order; NULL: as it is.  0 or
	 * -errno, with a sentence in @out. */
	int (*words)(struct view *v, uint64_t row, const char *line, struct buf *out);
	/** One line for README.txt. */
	const char *help;
};

#define DIRECTORY(name_, dir_, ...) \
	{ \
		.name = name_, .mode = S_IFDIR | 0555, .dir = dir_, __VA_ARGS__ \
	}
#define FILE_OF(name_, show_, ...) \
	{ \
		.name = name_, .mode = S_IFREG | 0444, .show = show_, __VA_ARGS__ \
	}
/** A text for people and its JSON twin. */
#define TWINS(name_, text_, json_, ...) \
	FILE_OF(name_, text_, __VA_ARGS__), FILE_OF(name_ ".json", json_, __VA_ARGS__)

extern const struct entry ROOT_ENTRY;

#endif
