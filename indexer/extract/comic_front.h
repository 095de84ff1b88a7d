/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a volume's documents say of its cover.  Private to the readers of formats. */
#ifndef INDEXER_EXTRACT_COMIC_FRONT_H
#define INDEXER_EXTRACT_COMIC_FRONT_H

#include <stddef.h>

#include "indexer/extract/comic.h"

/** ComicInfo.xml: the number of the page that is the front cover, from 0; -1. */
int comic_front_page(const char *xml, size_t n);
/** An EPUB's package document: the picture that it says is the cover; to be freed, NULL. */
char *comic_front_href(const char *xml, size_t n);

#endif
