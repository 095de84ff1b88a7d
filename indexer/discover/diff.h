/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What a scout saw of a root against what the store knows: which files must be read, which are
 * gone.  Used by the pipeline's thread with its own read connection.
 */
#ifndef INDEXER_DISCOVER_DIFF_H
#define INDEXER_DISCOVER_DIFF_H

#include "common/store_read.h"
#include "indexer/change.h"

/** One entry of a scout's list. */
struct seen {
	/** ENTRY_FILE, or what it is instead (frame.h). */
	unsigned type;
	int64_t size, mtime, ctime, inode;
	struct bytes name;
	/** Filled by diff_chunk(): the row, 0 when new; failed reads of this very file so far. */
	int64_t file;
	int tries;
};

struct diff_sink {
	/** A file to be read. */
	void (*wanted)(void *arg, const struct seen *file);
	/** A change for the writer, which takes it. */
	void (*put)(void *arg, struct change *c);
	void *arg;
};

struct diff_options {
	struct store *store;
	int64_t root, job;
	/** Read every file again. */
	bool is_full;
	/** Below this path of the root only; "" for all of it. */
	const char *scope;
	struct diff_sink sink;
};

/** Numbers of one scan of one root. */
struct diff_counts {
	uint64_t files, bytes, unchanged, removed, errors;
};

struct diff;

int diff_new(const struct diff_options *options, struct diff **out);
void diff_free(struct diff *d);

/** One chunk: @flags LIST_*, @error 0 or -errno of the listing. */
int diff_chunk(struct diff *d, struct bytes path, uint32_t flags, int error, struct seen *entry,
	       size_t n);

/** A list was lost: diff_finish() will forget nothing. */
void diff_fail(struct diff *d);

/**
 * After the last chunk of a scan of a healthy root: forgets what was not seen.  What lies in or
 * below a directory that could not be listed stays.
 */
int diff_finish(struct diff *d);

const struct diff_counts *diff_counts(const struct diff *d);

#endif
