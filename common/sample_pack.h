/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Some samples of the gauges in few bytes: gauge by gauge, each value as what it differs from the one before.
 *
 * uint8 1, which places are filled (bits), then for each gauge that was ever known: its number, the bytes that follow,
 * and for the filled places in order: 0 n: n more of the value before; 1 n: n unknown; else 1 + the zigzagged difference
 * to the last known value, in units of its last decimal.  All numbers are of 7 bits a byte, lowest first (LEB128).
 */
#ifndef COMMON_SAMPLE_PACK_H
#define COMMON_SAMPLE_PACK_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/gauges.h"

enum {
	/** Places of a row at most. */
	SAMPLE_PLACES = 32,
	/** Numbers that gauges can have. */
	SAMPLE_NUMBERS = 4096,
};

/** Numbers of gauges, as the store that has the samples gave them. */
struct sample_numbers {
	/** Of each gauge; 0: none. */
	int number[GAUGE_COUNT];
	/** Gauge + 1 of each number; 0: of none that this program knows. */
	int gauge[SAMPLE_NUMBERS];
};

struct sample_block {
	/** Bit n: place n is filled. */
	uint32_t filled;
	double value[GAUGE_COUNT][SAMPLE_PLACES];
};

/** Nothing is filled, nothing known. */
void sample_block_init(struct sample_block *b);
/** Appends; gauges without a number are left out. */
void sample_pack(const struct sample_block *b, const struct sample_numbers *numbers, struct buf *out);
/** Fills @b, of gauges that are in @wanted (GAUGE_COUNT; NULL: all).  -EBADMSG, and what was understood is there. */
int sample_unpack(const void *data, size_t n, const struct sample_numbers *numbers, const bool *wanted,
		  struct sample_block *b);

#endif
