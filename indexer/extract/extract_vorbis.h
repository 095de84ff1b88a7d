/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One Vorbis comment; private to the readers of FLAC and Ogg. */
#ifndef INDEXER_EXTRACT_EXTRACT_VORBIS_H
#define INDEXER_EXTRACT_EXTRACT_VORBIS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/media.h"

/**
 * For a picture, the bytes in front of its base64: of "METADATA_BLOCK_PICTURE=", or "COVERART=",
 * which has no head of FLAC's (*has_head).  0 when @entry ("KEY=value", may be cut short) is none.
 */
size_t vorbis_picture(const char *entry, size_t n, bool *has_head);

/** Takes "KEY=value" over into @out; what is no field of ours, or a picture, is passed over. */
void vorbis_comment(const char *entry, size_t n, struct media *out);

#endif
