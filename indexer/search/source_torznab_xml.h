/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Torznab and Newznab feeds: RSS with attributes, or an error document. */
#ifndef INDEXER_SEARCH_SOURCE_TORZNAB_XML_H
#define INDEXER_SEARCH_SOURCE_TORZNAB_XML_H

#include "indexer/search/source_post.h"

enum {
	/** Most bytes of a page. */
	TORZNAB_MOST = 8 << 20,
	/** Most items that are read of one page. */
	TORZNAB_ITEMS = 2000,
};

/** An error document. */
struct torznab_error {
	/** 0: there was none. */
	int code;
	/** In its words: may hold anything. */
	char text[160];
};

/**
 * Reads a page (which is tidied in place).  0 with its items in @all, maybe none; -EPROTO when it
 * is none or not whole (@why), or a document type is declared; -EREMOTEIO: an error document, see @error.
 */
int torznab_parse(struct buf *page, struct posts *all, struct torznab_error *error, char *why);

/** What an error's number means for the caller: -EACCES, -EBUSY or -EPROTO. */
int torznab_meaning(int code);

#endif
