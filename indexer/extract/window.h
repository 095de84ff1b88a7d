/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A bounded look at a file: the bytes asked for come from the head that was read already, else
 * from one small buffer that pread fills.  Private to the readers of formats.
 *
 * Walking a file through a window costs no allocation, and a hostile file can make it read only
 * as often as the window allows.
 */
#ifndef INDEXER_EXTRACT_WINDOW_H
#define INDEXER_EXTRACT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "indexer/extract/extract.h"

enum {
	WINDOW_SIZE = 8192,
	/** Bytes read at a time when fewer are asked for. */
	WINDOW_FILL = 4096,
	/** Reads of one file, unless the reader sets another number. */
	WINDOW_READS = 256,
};

struct window {
	/** NULL for bytes in memory. */
	const struct extract_input *in;
	/** Where in the file the window's first byte is. */
	uint64_t base;
	/** Bytes that can be asked for: the file's size, or the part's. */
	uint64_t size;
	/** What is at the start: the file's head, or all of the memory. */
	const uint8_t *head;
	size_t head_len;
	/** Where the buffer's bytes come from, and how many they are. */
	uint64_t at;
	size_t length;
	/** Reads that are still allowed. */
	unsigned reads;
	/** 0, or the -errno of a read that failed. */
	int error;
	uint8_t buffer[WINDOW_SIZE];
};

void window_init(struct window *w, const struct extract_input *in);
/** A window on @n bytes in memory; borrowed. */
void window_init_memory(struct window *w, const uint8_t *data, size_t n);
/** A window on the @size bytes of @w from @at on, less when they are not there, as on a file of its own. */
void window_init_part(struct window *part, const struct window *w, uint64_t at, uint64_t size);

/**
 * @n bytes (at most WINDOW_SIZE) at @at; NULL when the file ends before, cannot be read, or was
 * read too often.  Borrowed until the next call.
 */
const uint8_t *window_get(struct window *w, uint64_t at, size_t n);

/** The bytes at @at that can be had without a read, at least one; else as window_get(). */
const uint8_t *window_some(struct window *w, uint64_t at, size_t *n);

/** As window_get() for more than WINDOW_SIZE bytes, which are put into @scratch then. */
const uint8_t *window_copy(struct window *w, uint64_t at, size_t n, struct buf *scratch);

/**
 * For a reader that got NULL: the read's error, else -EBADMSG with @sentence.
 */
int window_fail(const struct window *w, char *reason, const char *sentence);
/** The same for bytes up to @least, which @who ("its WavPack header") promises: -ENODATA when the file ends before. */
int window_short(const struct window *w, char *reason, const char *who, uint64_t least);

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | get_be24(p + 1);
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)get_le16(p + 2) << 16 | get_le16(p);
}

static inline uint64_t get_le64(const uint8_t *p)
{
	return (uint64_t)get_le32(p + 4) << 32 | get_le32(p);
}

/** The 28 bits of an ID3v2 size. */
static inline uint32_t get_syncsafe(const uint8_t *p)
{
	return (uint32_t)(p[0] & 127) << 21 | (uint32_t)(p[1] & 127) << 14 |
	       (uint32_t)(p[2] & 127) << 7 | (p[3] & 127);
}

/** Bytes of the whole ID3v2 tag whose first ten bytes are at @p; 0 when that is none. */
static inline uint64_t id3_tag_size(const uint8_t *p)
{
	bool is_tag = p[0] == 'I' && p[1] == 'D' && p[2] == '3' && p[3] >= 2 && p[3] <= 4 &&
		      p[4] != 0xff && !((p[6] | p[7] | p[8] | p[9]) & 0x80);
	if (!is_tag)
		return 0;
	bool has_footer = p[3] == 4 && p[5] & 0x10;
	return get_syncsafe(p + 6) + (has_footer ? UINT64_C(20) : UINT64_C(10));
}

#endif
