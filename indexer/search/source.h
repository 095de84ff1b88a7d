/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Where releases are found.  A source knows one service; politeness between searches, caching,
 * matching and ranking are search.c's.  A new source: one file and one word in SOURCES.
 * A source is used by one thread at a time.
 */
#ifndef INDEXER_SEARCH_SOURCE_H
#define INDEXER_SEARCH_SOURCE_H

#include "indexer/release.h"

struct source_query {
	/** As the library calls it, and other names of it (an authority's, the user's). */
	const char *series;
	const char *const *aliases;
	size_t alias_count;
};

struct source {
	const char *name;
	/** Answers from this machine: asked first, costs nothing. */
	bool is_local;
	/** The budget (limit_declare()) over whose day searches are spread; NULL: they need none. */
	const char *host;
	/** The option that says how often its feed is read. */
	enum option_id feed_interval;
	/** ISO 639-1 of releases that tell no language; NULL: not known. */
	const char *language;
	/**
	 * 0 with *state; 0 with *state NULL when the configuration does not use it; -errno with @why
	 * (WHY bytes, a sentence without secrets) when it is configured wrongly.  Calls nobody.
	 */
	int (*open)(const struct outside *o, void **state, char *why);
	void (*close)(void *state);
	/**
	 * Everything that may be of one series, every volume, pack and edition of it: the caller
	 * matches.  0: it answered, with @fn called for each (maybe none).  -EAGAIN: no budget now
	 * (*at: when).  Anything else: it did not answer, or not in a way to be believed (-EPROTO: the answer cannot be
	 * read; -EBUSY: empty while its indexers are away; -EACCES: the key is wrong), and @why says what.
	 */
	int (*search)(void *state, const struct source_query *q, release_fn *fn, void *arg, int64_t *at,
		      char *why);
	/**
	 * What was posted since the last call, newest first: reads on, page by page, until it meets
	 * @mark (a text of its own, "" the first time), which it then replaces; or until it has read
	 * enough.  Some posts are told again.  @mark is to be kept whatever is returned: of several
	 * feeds those that answered have moved on.  NULL: it has no feed.  Returns as search.
	 */
	int (*recent)(void *state, struct buf *mark, release_fn *fn, void *arg, int64_t *at, char *why);
	/**
	 * What a client needs to get it: h->link or h->torrent.  h->release.hash is filled when it
	 * becomes known.  -ENOENT: it is gone; -EPERM: its address is not the source's; else as search.
	 */
	int (*fetch)(void *state, struct handover *h, char *why);
};

#define SOURCES(X) \
	X(ebdz) \
	X(prowlarr) \
	X(torznab)

#define X(name) extern const struct source source_##name;
SOURCES(X)
#undef X

#endif
