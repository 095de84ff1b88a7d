/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What a service posted, in its own words: these may hold keys.  post_tell() makes a release of it,
 * and is the only way from here to the outside.
 */
#ifndef INDEXER_SEARCH_SOURCE_POST_H
#define INDEXER_SEARCH_SOURCE_POST_H

#include <stdbool.h>

#include "indexer/release.h"

/** Texts are owned, and may be NULL. */
struct post {
	char *title, *guid, *page, *indexer;
	/** Where it is got: an address or a magnet, of which `link` is liked better. */
	char *link, *magnet;
	/** The same, made without keys by the source itself, which knows its own addresses. */
	char *clean_link;
	/** 40 hex or 32 base32 digits. */
	char *hash;
	int64_t indexer_id;
	/** 0: it did not say. */
	enum protocol protocol;
	/** Whoever follows its link asks the source for it again: what looks like a key in the path of an address (32 hex
	 * digits, as trackers have them there) need not be told. */
	bool has_path_keys;
	/** As in struct release. */
	int64_t size, published_at, seeders, leechers;
};

#define POST_INIT ((struct post){.size = -1, .seeders = -1, .leechers = -1})

struct posts {
	struct post *data;
	size_t len, cap;
};

void post_clear(struct post *p);
void posts_clear(struct posts *all);
/** Takes what @p owns over.  0 or -ENOMEM, then @p is cleared. */
int posts_put(struct posts *all, struct post *p);

static inline void cleanup_posts(struct posts *all)
{
	posts_clear(all);
}

#define _posts_ __attribute__((cleanup(cleanup_posts), unused))

/** Its identity as a number: a guid may hold a key, this cannot. */
int64_t post_identity(const struct post *p);

/**
 * Tells @fn of each post that has a title and an identity, without any key: none of the parameters
 * that carry them, no tracker of a magnet that does, and not @key ("" for none) in any text.
 * @told: how many.  Returns 0, or a negative answer of @fn; a positive one ends it early.
 */
int posts_tell(const struct posts *all, const char *key, release_fn *fn, void *arg, size_t *told);

/** "2023-01-31T12:00:00.5Z" or "Tue, 31 Jan 2023 12:00:00 +0100": ns since 1970; 0 when it is none. */
int64_t post_date(const char *text);

/** True for "magnet:?…". */
bool post_is_magnet(const char *text);
/** True for http and https. */
bool post_is_address(const char *text);

/** Appends @text with every occurrence of @key (whatever its case, and whichever of its characters are percent-encoded,
 * and how often; "" for none) as "***". */
void post_mask(const char *text, const char *key, struct buf *out);

#endif
