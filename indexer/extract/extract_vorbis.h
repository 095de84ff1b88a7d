/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One Vorbis comment; private to the readers of FLAC and Ogg. */
#ifndef INDEXER_EXTRACT_EXTRACT_VORBIS_H
#define INDEXER_EXTRACT_EXTRACT_VORBIS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/media.h"

/** Whether @entry ("KEY=value", may be cut short) holds a picture, whose bytes nobody needs. */
bool vorbis_is_picture(const char *entry, size_t n);

/** Takes "KEY=value" over into @out; what is no field of ours is passed over. */
void vorbis_comment(const char *entry, size_t n, struct media *out);

#endif
