/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/flac_frame.h"

#include <string.h>

#include "indexer/extract/window.h"

enum {
	/** Sync, sizes, a number of seven bytes, two of block size, two of rate, the checksum. */
	HEADER_MAX = 4 + 7 + 2 + 2 + 1,
	HEADER_MIN = 6,
};

/** A frame's header. */
struct header {
	bool is_variable;
	unsigned block;
	/** Of the frame; of its first sample when the blocks vary. */
	uint64_t number;
};

struct flac_info flac_info_parse(const uint8_t *p)
{
	return (struct flac_info){
		.min_block = get_be16(p),
		.max_block = get_be16(p + 2),
		.min_frame = get_be24(p + 4),
		.rate = get_be24(p + 10) >> 4,
		.channels = (p[12] >> 1 & 7) + 1U,
		.bits = ((p[12] & 1U) << 4 | p[13] >> 4) + 1U,
		.samples = (uint64_t)(p[13] & 15) << 32 | get_be32(p + 14),
	};
}

/** Polynomial x^8 + x^2 + x + 1. */
static uint8_t crc8(const uint8_t *p, size_t n)
{
	unsigned crc = 0;
	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1;
	}
	return (uint8_t)crc;
}

/** Polynomial x^16 + x^15 + x^2 + 1; table[k] for a byte with k bytes behind it. */
static uint16_t table[8][256];

static void make_table(void)
{
	for (unsigned i = 0; i < 256; i++) {
		unsigned crc = i << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x8000 ? crc << 1 ^ 0x8005 : crc << 1;
		table[0][i] = (uint16_t)crc;
	}
	for (unsigned i = 0; i < 256; i++) {
		for (int k = 1; k < 8; k++)
			table[k][i] = (uint16_t)(table[k - 1][i] << 8 ^ table[0][table[k - 1][i] >> 8]);
	}
}

static uint16_t crc16_byte(uint16_t crc, uint8_t byte)
{
	return (uint16_t)(crc << 8 ^ table[0][crc >> 8 ^ byte]);
}

/** Eight bytes at a time: a frame has thousands, and every fresh file has its last one checked. */
static uint16_t crc16(const uint8_t *p, size_t n)
{
	uint16_t crc = 0;
	for (; n >= 8; p += 8, n -= 8)
		crc = table[7][crc >> 8 ^ p[0]] ^ table[6][(crc & 255) ^ p[1]] ^ table[5][p[2]] ^
		      table[4][p[3]] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
		      table[0][p[7]];
	while (n--)
		crc = crc16_byte(crc, *p++);
	return crc;
}

/**
 * Whether a frame that starts at @p ends in these bytes: there its checksum makes itself zero.
 * Mostly at the end; before it when a tag follows.
 */
static bool is_whole_frame(const uint8_t *p, size_t n)
{
	if (!table[0][1])
		make_table();
	if (crc16(p, n) == 0)
		return true;
	uint16_t crc = 0;
	for (size_t i = 0; i < n; i++) {
		crc = crc16_byte(crc, p[i]);
		if (crc == 0 && i > HEADER_MIN)
			return true;
	}
	return false;
}

/** The number that is coded like UTF-8, of up to 36 bits.  Returns its bytes, 0 when it is none. */
static size_t parse_number(const uint8_t *p, uint64_t *number)
{
	size_t n = 0;
	while (n < 8 && p[0] << n & 0x80)
		n++;
	if (n == 0) {
		*number = p[0];
		return 1;
	}
	if (n == 1 || n == 8)
		return 0;
	*number = n == 7 ? 0 : p[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		*number = *number << 6 | (p[i] & 63);
	}
	return n;
}

static bool is_of_stream(const struct flac_info *info, const uint8_t *p)
{
	static const uint8_t bits[8] = {0, 8, 12, 255, 16, 20, 24, 32};
	unsigned channels = p[3] >> 4, depth = bits[p[3] >> 1 & 7];
	bool has_channels = channels < 8 ? channels + 1 == info->channels
					 : channels <= 10 && info->channels == 2;
	return has_channels && (depth == 0 || depth == info->bits) && !(p[3] & 1);
}

/** Reads the header at @p, of which HEADER_MAX bytes are there. */
static bool parse_header(const struct flac_info *info, const uint8_t *p, struct header *h)
{
	unsigned block = p[2] >> 4, rate = p[2] & 15;
	if (p[0] != 0xff || (p[1] & 0xfe) != 0xf8 || block == 0 || rate == 15 ||
	    !is_of_stream(info, p))
		return false;
	size_t n = parse_number(p + 4, &h->number);
	if (n == 0)
		return false;
	n += 4;
	h->is_variable = p[1] & 1;
	if (block < 6)
		h->block = block == 1 ? 192 : 144U << block;
	else if (block >= 8)
		h->block = 1U << block;
	else
		h->block = (block == 6 ? p[n] : get_be16(p + n)) + 1U;
	n += block == 6 ? 1 : block == 7 ? 2 : 0;
	n += rate == 12 ? 1 : rate > 12 ? 2 : 0;
	return crc8(p, n) == p[n];
}

/**
 * Samples up to the frame's end; 0 when that cannot be.  Frames of one size are counted; how they
 * are is not defined where STREAMINFO has two sizes.
 */
static uint64_t end_of(const struct flac_info *info, const struct header *h)
{
	if (!h->is_variable && info->min_block != info->max_block)
		return 0;
	uint64_t start = h->is_variable ? h->number : h->number * info->max_block;
	return start + h->block <= info->samples ? start + h->block : 0;
}

/**
 * Sound may by chance look like a header, about once in 20,000 files: the highest number counts,
 * and one that is by chance too high condemns nothing.
 */
bool flac_find_last(const struct flac_info *info, const uint8_t *data, size_t n,
		    struct flac_last *last)
{
	uint8_t copy[HEADER_MAX];
	*last = (struct flac_last){0};
	for (size_t i = 0; i + HEADER_MIN <= n; i++) {
		const uint8_t *p = memchr(data + i, 0xff, n - i - HEADER_MIN + 1);
		struct header h;
		if (!p)
			break;
		i = (size_t)(p - data);
		if (n - i < HEADER_MAX) {
			memset(copy, 0, sizeof copy);
			p = memcpy(copy, p, n - i);
		}
		uint64_t end = parse_header(info, p, &h) ? end_of(info, &h) : 0;
		if (end > last->samples)
			*last = (struct flac_last){.at = i, .samples = end};
	}
	if (last->samples)
		last->is_whole = is_whole_frame(data + last->at, n - last->at);
	return last->samples != 0;
}
