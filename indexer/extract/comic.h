/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the documents in a volume say of it, brought together: each is read into the elements of
 * ComicInfo.xml, and a better document's word stays.  Private to the readers of formats.
 *
 *   MetronInfo.xml (v1.0) > ComicInfo.xml (v1.0, v2.0, v2.1) > ACBF (v1.1) or an EPUB's OPF
 *
 * MetronInfo comes first because the programs that write it know more than ComicInfo can hold and
 * write the latter only for readers that know nothing else.
 *
 * Every document is hostile: at most COMIC_XML_MAX bytes, no type declaration (only there can
 * entities come from), no network, libxml2's own limits of depth and length.
 *
 * Sources: github.com/anansi-project/comicinfo (schemas v1.0 to v2.1),
 * metron-project.github.io/docs/metroninfo (v1.0), acbf.wikia.com (v1.1),
 * www.w3.org/TR/epub-33, idpf.org OPF 2.0.1, calibre's calibre:series.
 */
#ifndef INDEXER_EXTRACT_COMIC_H
#define INDEXER_EXTRACT_COMIC_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/media.h"

enum {
	COMIC_XML_MAX = 1 << 20,
	/** More elements than ComicInfo.xml has. */
	COMIC_VALUES = 48,
};

/** Documents that a volume can hold, best first. */
enum comic_doc {
	COMIC_METRON,
	COMIC_INFO,
	COMIC_ACBF,
	COMIC_DOCS,
};

/** What the documents said, by the elements of ComicInfo.xml. */
struct comic {
	struct {
		size_t offset, length;
		bool is_set;
	} values[COMIC_VALUES];
	/** The values, one behind the other; clean text. */
	struct buf texts;
};

void comic_init(struct comic *c);
void comic_clear(struct comic *c);

/** One document; to be called in the order of enum comic_doc.  Returns 0 or -EBADMSG. */
int comic_read(struct comic *c, enum comic_doc doc, const char *xml, size_t n);

/** Sets the fields and the comicinfo JSON. */
void comic_finish(const struct comic *c, struct media *out);

/** @name: an element of ComicInfo.xml.  A value that is there stays; empty text sets nothing. */
void comic_set(struct comic *c, const char *name, const char *text, size_t n);
bool comic_has(const struct comic *c, const char *name);

#endif
