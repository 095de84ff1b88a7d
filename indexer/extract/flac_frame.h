/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * FLAC frames, as far as they tell where the sound ends (RFC 9639, sections 8.2 and 9).
 * Private to extract_flac.
 */
#ifndef INDEXER_EXTRACT_FLAC_FRAME_H
#define INDEXER_EXTRACT_FLAC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FLAC_INFO_SIZE = 34,
	/** Six bytes of header, two of one constant sample, two of checksum. */
	FLAC_FRAME_MIN = 10,
};

/** The number has 36 bits. */
#define FLAC_SAMPLES_MAX ((UINT64_C(1) << 36) - 1)

/** STREAMINFO.  Zero is unknown in min_frame and samples. */
struct flac_info {
	/** Samples of one channel in a frame. */
	unsigned min_block, max_block;
	/** Bytes of the smallest frame. */
	uint32_t min_frame;
	/** Samples a second; 0 is no sound at all. */
	uint32_t rate;
	unsigned channels, bits;
	/** Samples of one channel in all. */
	uint64_t samples;
};

/** Where the last frame stands in some bytes. */
struct flac_last {
	size_t at;
	/** Samples up to its end, from the stream's start. */
	uint64_t samples;
	/** Whether it is there to its last byte, by its checksum. */
	bool is_whole;
};

/** @p: the FLAC_INFO_SIZE bytes of the block. */
struct flac_info flac_info_parse(const uint8_t *p);

/**
 * The last frame of the stream that begins in these bytes, the file's last ones.  False when none
 * does, or when its frames do not say how they are numbered.
 */
bool flac_find_last(const struct flac_info *info, const uint8_t *data, size_t n,
		    struct flac_last *last);

#endif
