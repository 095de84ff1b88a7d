/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/bits.h"

#include <stdlib.h>
#include <string.h>

void bits_add(struct bits *b, int64_t id)
{
	size_t i = (size_t)id / 64;
	if (i >= b->words) {
		size_t words = i + 1 + i / 2;
		uint64_t *grown = realloc(b->word, words * sizeof *grown);
		if (!grown)
			return;
		memset(grown + b->words, 0, (words - b->words) * sizeof *grown);
		b->word = grown;
		b->words = words;
	}
	b->word[i] |= UINT64_C(1) << (id % 64);
}

bool bits_has(const struct bits *b, int64_t id)
{
	size_t i = (size_t)id / 64;
	return i < b->words && b->word[i] >> (id % 64) & 1;
}

void bits_clear(struct bits *b)
{
	free(b->word);
	*b = (struct bits){0};
}
