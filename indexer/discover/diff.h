/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What a scout saw of a root against what the store knows: which files must be read, which are
 * gone.  Used by the pipeline's thread with its own read connection.
 */
#ifndef INDEXER_DISCOVER_DIFF_H
#define INDEXER_DISCOVER_DIFF_H

#include "common/store_read.h"
#include "indexer/change.h"
#include "indexer/discover/walk.h"

/** One entry of a scout's list. */
struct seen {
	/** ENTRY_FILE, or what it is instead (frame.h). */
	unsigned type;
	int64_t size, mtime, ctime, inode, btime, links;
	/** Of its head (heads.h), 0 for none; whoever takes it sets it to 0. */
	uint64_t ticket;
	struct bytes name;
	/** Filled by diff_chunk(): the row, 0 when new; failed reads of this very file so far. */
	int64_t file;
	/** What the row had, where that is another inode. */
	int64_t old_inode, old_btime;
	int tries;
	/** Reading it ended its reader, so often. */
	bool has_killed;
	/** The store was told that it is read once more, and not what came of it. */
	bool is_pending;
};

enum {
	/** Reads of a file that ends its reader, as long as it does not change. */
	DIFF_TRIES = 2,
};

struct diff_sink {
	/** A file to be read. */
	void (*wanted)(void *arg, struct seen *file);
	/** A file of @dir is still being written: it is not read now. */
	void (*unsettled)(void *arg, struct bytes dir);
	/** A change for the writer, which takes it. */
	void (*put)(void *arg, struct change *c);
	void *arg;
};

struct diff_options {
	struct store *store;
	int64_t root, job;
	/** Read every file again. */
	bool is_full;
	/** A full scan of a path that a person named: what has ended its reader is tried again, too. */
	bool is_ordered;
	/** These directories of the root; borrowed until diff_free(). */
	const struct walk_scope *scope;
	size_t scopes;
	/** See struct walk_order. */
	uint32_t slice, slices;
	/** Paths of what is unknown now: nothing at or below them is lost. */
	char *const *blind;
	size_t blinds;
	/** Inode numbers of this file system change with each mount. */
	bool has_loose_inodes;
	/** A file that was touched so recently is not read yet, in ns; 0: every one is. */
	int64_t quiet_ns;
	struct diff_sink sink;
};

/** Numbers of one scan of one root. */
struct diff_counts {
	uint64_t files, bytes, unchanged, errors;
};

struct diff;

int diff_new(const struct diff_options *options, struct diff **out);
void diff_free(struct diff *d);

/** One chunk: @flags LIST_*, @error 0 or -errno of the listing. */
int diff_chunk(struct diff *d, struct bytes path, uint32_t flags, int error, struct seen *entry,
	       size_t n);

/**
 * A directory is as the store knew it when the scan began: @files of @bytes together, none of which is to be read.
 * @dir: 0 for one without files that the store did not know.
 */
void diff_same(struct diff *d, int64_t dir, uint64_t files, uint64_t bytes);

/** A list was lost: nothing will be forgotten. */
void diff_fail(struct diff *d);

/** Nothing at or below @path is lost. */
void diff_blind(struct diff *d, const char *path);

/** A file that was not seen at its place. */
struct lost_file {
	int64_t file, dir;
	/** Of the directory; the file's name. */
	struct bytes path, name;
};
typedef int diff_lost_fn(void *arg, const struct lost_file *f);
/**
 * After the last chunk of a scan of a healthy root: what was not seen.  What lies in or below a
 * directory that could not be listed, or that is unknown, is none of it.
 */
int diff_lost(struct diff *d, diff_lost_fn *fn, void *arg);

/** After those that are really lost were told to the writer: directories and errors that are no
 * more. */
int diff_finish(struct diff *d);

/** Whether the file was seen at its place in this scan, or is new. */
bool diff_has_seen(const struct diff *d, int64_t file);

const struct diff_counts *diff_counts(const struct diff *d);

#endif
