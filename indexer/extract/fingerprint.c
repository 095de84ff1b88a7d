/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/fingerprint.h"

/*
 * Compiled in for the least that any processor has; where the library can choose by what this one
 * has (AVX2: half the time), the library is called.
 */
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#else
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

uint64_t fingerprint(const uint8_t *head, size_t n, uint64_t size)
{
	if (n == 0)
		return 0;
	uint64_t hash = XXH3_64bits_withSeed(head, n, size);
	return hash ? hash : 1;
}
