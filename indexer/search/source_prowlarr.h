/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Private to source_prowlarr*.c. */
#ifndef INDEXER_SEARCH_SOURCE_PROWLARR_H
#define INDEXER_SEARCH_SOURCE_PROWLARR_H

#include "indexer/net/net.h"
#include "indexer/search/source.h"

struct indexer {
	int64_t id;
	char name[64];
	enum protocol protocol;
	bool is_on, has_search, has_feed, has_pages;
	/** Its feed is still to be read in this round. */
	bool is_due;
	/** It fails, and Prowlarr leaves it alone for now. */
	bool is_away;
};

struct prowlarr {
	const struct config *config;
	struct net *net;
	/** Without a slash at its end. */
	char *url;
	/** Secrets: the key, and "X-Api-Key: " with it. */
	struct buf key, header;
	/** "&categories=7030&indexerIds=3", and "7030,7020". */
	struct buf chosen, categories;
	struct indexer *indexers;
	size_t count;
	/** When the list was read, ns since 1970; 0: never. */
	int64_t listed_at;
};

enum {
	PROWLARR_INDEXERS = 256,
	/** It asks many slow trackers before it answers (Prowlarr#586). */
	PROWLARR_PATIENCE_MS = 100000,
};

/** The name of the budget of calls that one indexer answers: "prowlarr:7". */
void prowlarr_host(int64_t indexer, char name[LIMIT_NAME]);

/**
 * GET of @path, with the key in a header.  @indexer: who answers behind Prowlarr, 0 for itself.
 * 0 for HTTP 200 only; see struct source for the rest.
 */
int prowlarr_get(struct prowlarr *p, const char *path, int64_t indexer, size_t most,
		 struct http_answer *a, int64_t *at, char *why);
/** Makes sure that the list of indexers is not older than @age ns. */
int prowlarr_list(struct prowlarr *p, int64_t age, int64_t *at, char *why);
/** NULL: unknown. */
struct indexer *prowlarr_indexer(struct prowlarr *p, int64_t id);
/** Whether the configuration wants its answers. */
bool prowlarr_is_wanted(const struct prowlarr *p, const struct indexer *i);
/** Asks which indexers are away: is_away of each. */
int prowlarr_ask_away(struct prowlarr *p, int64_t *at, char *why);
/** 0 when an empty answer is to be believed; -EBUSY and who is away. */
int prowlarr_believe(struct prowlarr *p, int64_t *at, char *why);

#endif
