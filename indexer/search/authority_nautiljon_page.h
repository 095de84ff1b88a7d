/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What Nautiljon's pages say.  Hostile HTML in, plain values out; pure. */
#ifndef INDEXER_SEARCH_AUTHORITY_NAUTILJON_PAGE_H
#define INDEXER_SEARCH_AUTHORITY_NAUTILJON_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "indexer/search/authority.h"

/** A row of a search: texts are clean and borrowed; @others: alternate titles, "" for none. */
typedef void nautiljon_row_fn(void *arg, const char *title, const char *others, const char *href);

/** How many rows; -EPROTO when the page is no answer to a search (having none, it has to say so). */
int nautiljon_read_search(const char *html, size_t n, nautiljon_row_fn *fn, void *arg);

/** Everything but `known`, `url` and `choices`; -EPROTO when it is no page of a series. */
int nautiljon_read_page(const char *html, size_t n, struct authority_answer *a);

/** Whether a page that could not be read says that we are not wanted. */
bool nautiljon_is_block(const char *html, size_t n);

#endif
