/* SPDX-License-Identifier: GPL-3.0-or-later */
/** ID3 tags of all versions.  Private to extract_mp3. */
#ifndef INDEXER_EXTRACT_EXTRACT_ID3_H
#define INDEXER_EXTRACT_EXTRACT_ID3_H

#include <stdbool.h>
#include <stdint.h>

#include "common/media.h"
#include "indexer/extract/window.h"

enum {
	ID3V1_SIZE = 128,
};

/**
 * The ID3v2 tag at the window's start, whose ten bytes of header id3_tag_size() approved of.
 * Versions 2.2 to 2.4 (id3.org): unsynchronised tags and frames, extended headers, footers, frames
 * with data length, group and zlib compression; encrypted ones are passed over, as is what is
 * damaged.  Texts and one picture are read; images are passed by their length.
 * Returns 0, or the -errno of a read.
 */
int id3_read_v2(struct window *w, uint64_t size, struct media *out);

/** Fills what is unset in @out from the 128 bytes of an ID3v1 tag.  Whether it gave anything. */
bool id3_read_v1(const uint8_t *tag, struct media *out);

#endif
