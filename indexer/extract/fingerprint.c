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

void *fingerprint_begin(void)
{
	XXH3_state_t *state = XXH3_createState();
	if (state)
		XXH3_64bits_reset(state);
	return state;
}

void fingerprint_add(void *hash, const uint8_t *data, size_t n)
{
	if (hash)
		XXH3_64bits_update(hash, data, n);
}

uint64_t fingerprint_end(void *hash)
{
	uint64_t digest = hash ? XXH3_64bits_digest(hash) : 0;
	XXH3_freeState(hash);
	return digest;
}
