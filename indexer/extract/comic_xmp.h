/* SPDX-License-Identifier: GPL-3.0-or-later */
/** XMP metadata of a PDF: the title, and calibre's series.  Private to the readers of formats. */
#ifndef INDEXER_EXTRACT_COMIC_XMP_H
#define INDEXER_EXTRACT_COMIC_XMP_H

#include "indexer/extract/comic.h"

/** Sets the volume's fields and the comicinfo JSON.  Returns 0 or -EBADMSG. */
int comic_xmp_read(const char *xml, size_t n, struct media *out);

#endif
