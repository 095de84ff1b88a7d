/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What tells one file from another without reading it all: 64 bits of its first bytes and size.
 * Files of one release differ in their tags, which stand there; archives in their first image.
 */
#ifndef INDEXER_EXTRACT_FINGERPRINT_H
#define INDEXER_EXTRACT_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

/**
 * XXH3 (64 bits, https://github.com/Cyan4973/xxHash, stable since 0.8.0) of the file's first
 * bytes (as many as extract_file() reads of its kind), seeded with @size.  0 says "none": for an empty file, which is
 * like every other, and for one whose first bytes were not had.
 */
uint64_t fingerprint(const uint8_t *head, size_t n, uint64_t size);

#endif
