/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The documents of an archive, unpacked one by one and read.  Private to the readers of formats. */
#ifndef INDEXER_EXTRACT_DOCUMENTS_H
#define INDEXER_EXTRACT_DOCUMENTS_H

#include "common/buf.h"
#include "indexer/extract/inside.h"

/** At most @most bytes of a document: 0, 1 when there would be more, -errno. */
typedef int documents_unpack(void *arg, enum comic_doc doc, size_t most, struct buf *out);

/** Reads those that were found, best first.  A broken document is not a broken volume: it is passed over. */
void documents_collect(const struct inside *l, documents_unpack *unpack, void *arg, struct comic *c);

/** The same, and sets the volume's fields. */
void documents_read(const struct inside *l, documents_unpack *unpack, void *arg, struct media *out);

#endif
