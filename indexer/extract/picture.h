/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Pictures inside of music files: one is chosen and told of, for all formats in the same way.
 *
 * Fields: has_picture; picture_kind, the number that ID3v2 (APIC) and FLAC give to kinds of
 * pictures (3 is the front cover; formats that know no kinds mean that); picture_bytes, those of
 * the image alone, unset when only reading it would tell; picture_hash, see picture_take().
 * Of several the first front cover is chosen, else the first.  Private to the readers of formats.
 */
#ifndef INDEXER_EXTRACT_PICTURE_H
#define INDEXER_EXTRACT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/media.h"
#include "indexer/extract/window.h"

enum {
	PICTURE_OTHER = 0,
	PICTURE_FRONT = 3,
	/** Of a picture's start, enough for its description in front of the image. */
	PICTURE_HEAD = 512,
};

/** A picture whose description was read. */
struct picture {
	unsigned kind;
	/** Where its image begins, counted from the start of what was parsed. */
	size_t skip;
	/** Bytes of the image, 0 when that is not known. */
	uint64_t bytes;
};

/**
 * Tells of a picture.  Whether it is the chosen one so far: its hash, when one is wanted, is to be
 * set by picture_hash_bytes() or picture_hash_range().
 */
bool picture_note(struct media *out, unsigned kind, uint64_t bytes);

/** Sets picture_hash: XXH3 (64 bits, no seed) of the image's bytes, as 16 hexadecimal digits. */
void picture_hash_bytes(struct media *out, const uint8_t *image, size_t n);

/** The same of @n bytes of what @w looks at, read in pieces; unset when they cannot be read. */
void picture_hash_range(struct media *out, const struct window *w, uint64_t at, uint64_t n);

/**
 * picture_note() for an image that lies in the window as it is, and its hash when that is wanted
 * (extract_input.hashes_pictures): a scan does not, it reads no images.
 */
void picture_take(struct media *out, const struct window *w, unsigned kind, uint64_t at,
		  uint64_t bytes, bool wants_hash);

/**
 * The body of FLAC's PICTURE block (RFC 9639, section 8.8), @n bytes of it at hand of @size.
 * False when not even the kind is there.
 */
bool picture_parse_flac(const uint8_t *p, size_t n, uint64_t size, struct picture *picture);

/**
 * The body of ID3v2's APIC (or, @is_old, v2.2's PIC) frame, @n bytes of it at hand of @size (0
 * when that is not known).  False when its description does not end in them.
 */
bool picture_parse_id3(const uint8_t *p, size_t n, uint64_t size, bool is_old,
		       struct picture *picture);

/** An image, or a FLAC picture, in base64, taken piece by piece. */
struct picture_text {
	/** Whether a FLAC picture stands in front of the image (METADATA_BLOCK_PICTURE). */
	bool has_head;
	/** Bytes behind the base64, by its length. */
	uint64_t size;
	/** The first ones, until the description is parsed. */
	uint8_t head[PICTURE_HEAD];
	size_t head_len;
	/** Bits that make no byte yet. */
	uint32_t bits;
	unsigned bit_count;
	/** NULL unless a hash is wanted. */
	void *hash;
	/** Bytes of the image that are not hashed yet. */
	uint64_t left;
	struct picture picture;
	bool is_parsed;
};

/** @length: characters of the base64.  @wants_hash: all of them will be given. */
void picture_text_begin(struct picture_text *t, bool has_head, uint64_t length, bool wants_hash);
void picture_text_add(struct picture_text *t, const char *text, size_t n);
/** Tells of the picture, and of its hash when one was wanted and @is_whole. */
void picture_text_end(struct picture_text *t, bool is_whole, struct media *out);

#endif
