/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * An EPUB's package document: OPF 2.0.1 and EPUB 3's, with calibre's series.  What it says of the book goes
 * into the elements of ComicInfo.xml (comic.h).
 */
#ifndef INDEXER_EXTRACT_COMIC_OPF_H
#define INDEXER_EXTRACT_COMIC_OPF_H

#include "indexer/extract/comic.h"

struct comic_opf {
	/** Pictures in the manifest, and documents in the order of reading. */
	unsigned images, spine;
	/** Pages that do not flow: a comic. */
	bool is_fixed;
};

/** Returns 0 or -EBADMSG. */
int comic_opf_read(struct comic *c, const char *xml, size_t n, struct comic_opf *opf);

/** The first package document that META-INF/container.xml names; to be freed, NULL when there is none. */
char *comic_opf_path(const char *xml, size_t n);

/** Whether META-INF/encryption.xml tells of more than mangled fonts. */
bool comic_opf_is_locked(const char *xml, size_t n);

#endif
