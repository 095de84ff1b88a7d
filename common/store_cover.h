/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Covers: a small picture of each series, made of the first page of its lowest volume.  Questions as in store_read.h.
 *
 * They lie in the store, because the filesystem reads nothing else, and because a picture and its version change in one
 * transaction.  A store that is lost is made again, and its covers with it.
 */
#ifndef COMMON_STORE_COVER_H
#define COMMON_STORE_COVER_H

#include "common/store_read.h"

enum {
	/** A cover's sides in pixels at most, and its bytes. */
	COVER_WIDTH = 240,
	COVER_HEIGHT = 340,
	COVER_BYTES = 16 << 10,
	/** A file that ended its reader so often, or asked for more memory than it has, is not tried again as it is. */
	COVER_TRIES = 2,
};

typedef int store_cover_fn(void *arg, const void *jpeg, size_t n);

/** The JPEG of a series; -ENOENT when it has none. */
int store_cover(struct store *s, int64_t series, store_cover_fn *fn, void *arg);
/** When it became what it is; -ENOENT. */
int store_cover_stamp(struct store *s, int64_t series, uint64_t *version, int64_t *at);

struct store_cover_counts {
	/** There; not to be had from the file that it would be of; series in all. */
	int64_t kept, failed, series;
	int64_t bytes;
};
int store_cover_counts(struct store *s, struct store_cover_counts *c);

/** A series whose cover is not that of its lowest volume. */
struct store_cover_due {
	int64_t series;
	/** 0: no file of it can be read, so that it has none. */
	int64_t file, root;
	/** Below the root; borrowed. */
	struct bytes dir, name;
	int64_t size, mtime, ctime, inode;
	/** How often its reader died of the file, as it is now. */
	int tries;
	/** It has a picture now. */
	bool is_kept;
};
typedef int store_cover_due_fn(void *arg, const struct store_cover_due *row);
/**
 * The first series above number @after; -ENOENT.  @last: the highest that is looked at.  What failed for a reason that passes
 * is due again when that was before @again; those without a picture are, if @wants_new.
 */
int store_cover_due(struct store *s, int64_t after, int64_t last, int64_t again, bool wants_new, store_cover_due_fn *fn,
		    void *arg);
/** The highest number of a series; 0. */
int store_cover_last(struct store *s, int64_t *last);

#endif
