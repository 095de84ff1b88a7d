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

#include <stddef.h>
#include <stdint.h>

/** The rest of the comments when they reach over @n, else the first block that begins behind it. */
uint64_t reach_flac(const uint8_t *start, size_t n, uint64_t size);
/**
 * The end of the first frame of an ID3v2 tag that reaches over @n, else the tag's end; what follows @n
 * when the sound begins before and does not tell how long it is.
 */
uint64_t reach_mp3(const uint8_t *start, size_t n, uint64_t size);

#endif
