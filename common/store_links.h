/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The table ed2k_links of another program, and an index of our own by which its rows are found.
 * What the table says of a link is not believed: names are those that the reader of links finds
 * in the link itself.  One thread at a time.
 */
#ifndef COMMON_STORE_LINKS_H
#define COMMON_STORE_LINKS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct links;

/** A row as it is: any bytes; "" for what it has not.  Borrowed during the call. */
struct link_row {
	int64_t id;
	const char *link;
	size_t link_len;
	const char *thread_title, *thread_url, *forum_category, *date_scraped;
};

/** Appends the name that a link holds; -EINVAL when it is none, and its row is passed over. */
typedef int links_name_fn(const char *link, size_t n, struct buf *name);
/** Returns 0 to go on; what else it returns is returned. */
typedef int links_fn(void *arg, const struct link_row *row);

enum {
	/** Most rows that one search gives. */
	LINKS_MOST = 2000,
	LINKS_TITLE_MAX = 512,
};

/** Opens nothing yet.  @path is copied. */
int links_new(const char *path, links_name_fn *name, struct links **out);
void links_free(struct links *l);

/**
 * Rows whose name or thread holds one of the titles (folded by text_fold_title(), "" passed over),
 * where it stands as words first, then newest first; at most LINKS_MOST.  Titles are plain text.
 * Errors as of common/store_foreign.h; -ENOSPC when there is no room for the index.
 */
int links_find(struct links *l, const char *const *titles, size_t n, links_fn *fn, void *arg,
	       char why[static 256]);

/** Rows after @id, newest first, at most @most; *last: the greatest id there is, 0 for none. */
int links_since(struct links *l, int64_t id, size_t most, links_fn *fn, void *arg, int64_t *last,
		char why[static 256]);

#endif
