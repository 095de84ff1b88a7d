/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Sets of row numbers: one bit each. */
#ifndef INDEXER_BITS_H
#define INDEXER_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
	uint64_t *word;
	size_t words;
};

/** Without memory the number is left out. */
void bits_add(struct bits *b, int64_t id);
bool bits_has(const struct bits *b, int64_t id);
void bits_clear(struct bits *b);

#endif
