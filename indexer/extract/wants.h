/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which names are those of media files: what a scout needs to know of the formats. */
#ifndef INDEXER_EXTRACT_WANTS_H
#define INDEXER_EXTRACT_WANTS_H

#include <stdbool.h>
#include <stddef.h>

enum media_kind {
	MEDIA_TRACK = 0,
	MEDIA_VOLUME = 1,
	/** Symbolic links; no file of such a root is read. */
	MEDIA_LINK = 2,
};

/**
 * Whether a name has a suffix of some format of @kind; decides what a scan looks at.
 * @name: bytes, @n of them.
 */
bool extract_wants(enum media_kind kind, const char *name, size_t n);

/** Whether a name is that of a picture that can be a page. */
bool extract_is_page(const char *name, size_t n);

#endif
