/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files that read 7z. */
#ifndef INDEXER_EXTRACT_SEVEN_PRIVATE_H
#define INDEXER_EXTRACT_SEVEN_PRIVATE_H

#include "indexer/extract/seven.h"

struct seven_bytes {
	const uint8_t *at, *end;
	/** Something was asked for that is not there; stays. */
	bool is_bad;
};

uint8_t seven_byte(struct seven_bytes *b);
/** A number of 1 to 9 bytes. */
uint64_t seven_number(struct seven_bytes *b);

/** StreamsInfo: where the folders are and how they are packed, and the streams' sizes. */
bool seven_streams(struct seven *s, struct seven_bytes *b);

#endif
