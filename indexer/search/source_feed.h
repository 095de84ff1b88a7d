/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Reading a feed since the last time: page by page until the newest post of then is met.
 * All marks of a source are one text (JSON): name of the feed → its mark.
 */
#ifndef INDEXER_SEARCH_SOURCE_FEED_H
#define INDEXER_SEARCH_SOURCE_FEED_H

#include "indexer/search/source_post.h"

enum {
	FEED_PAGES = 5,
	FEED_PAGE = 100,
};

struct feed_mark {
	/** Identity (a number, see post_identity()) and time of the newest post; 0 0: none yet. */
	int64_t id, at;
};

/** One page from @offset.  Returns as struct source's `recent`. */
typedef int feed_page_fn(void *arg, int64_t offset, struct posts *all, int64_t *at, char *why);

struct feed {
	feed_page_fn *page;
	void *arg;
	/** What no text may hold. */
	const char *key;
	/** Whether it answers to an offset. */
	bool has_pages;
	/** Now, ns since 1970: posts of the future do not move the mark. */
	int64_t now;
	release_fn *fn;
	void *fn_arg;
};

/**
 * Whole pages are told, so that a post which appears late under an old date is not lost; some are
 * told twice.  The mark moves only when everything up to it was read, or FEED_PAGES were.
 * @read: posts that were told.
 */
int feed_read(const struct feed *f, struct feed_mark *mark, size_t *read, int64_t *at, char *why);

/** The mark of @name in the text of all; none when that is damaged. */
void feed_mark_get(const struct buf *marks, const char *name, struct feed_mark *mark);

struct feed_named_mark {
	const char *name;
	struct feed_mark mark;
};

/** Replaces the text. */
void feed_marks_set(struct buf *marks, const struct feed_named_mark *all, size_t n);

#endif
