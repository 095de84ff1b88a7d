/* SPDX-License-Identifier: GPL-3.0-or-later */
/** EPUB, which is a ZIP archive: shared with the reader of these.  Private to the readers of formats. */
#ifndef INDEXER_EXTRACT_EXTRACT_EPUB_H
#define INDEXER_EXTRACT_EXTRACT_EPUB_H

#include "indexer/extract/zip.h"

/** Whether the archive begins with EPUB's own entry. */
bool epub_probe(const uint8_t *head, size_t n);

/** Reads an opened archive that has META-INF/container.xml.  Same answers as extractor.read. */
int epub_read_zip(struct zip *z, struct media *out, char *reason);

#endif
