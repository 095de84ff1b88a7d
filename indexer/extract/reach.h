/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Where formats go on behind what their readers pass by.  These run in a scout, on hostile bytes: they
 * look at lengths alone, read nothing beyond @n, and end after a bounded number of steps.
 *
 * @start: the first @n bytes of a file of @size bytes.  Each returns the place of the byte that its reader
 * asks for next, at least @n; 0 when it needs no other than the first and the last bytes.
 */
#ifndef INDEXER_EXTRACT_REACH_H
#define INDEXER_EXTRACT_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indexer/extract/wants.h"

/** The rest of the comments when they reach over @n, else the first block that begins behind it. */
uint64_t reach_flac(const uint8_t *start, size_t n, uint64_t size);
/**
 * The end of the first frame of an ID3v2 tag that reaches over @n, else the tag's end; what follows @n
 * when the sound begins before and does not tell how long it is.
 */
uint64_t reach_mp3(const uint8_t *start, size_t n, uint64_t size);
/** The parts, the first of which is its start, tell that its sound goes on to the file's end: no tag stands there. */
bool reach_mp3_is_all(const struct part *part, size_t parts, uint64_t size);

#endif
