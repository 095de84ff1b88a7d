/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Pages of a volume: whether bytes that come piece by piece are an image that has its end.  JPEG and PNG are followed to
 * their last marker or chunk, WebP to the length it tells; others are known by how they begin.
 */
#ifndef INDEXER_EXTRACT_VERIFY_IMAGE_H
#define INDEXER_EXTRACT_VERIFY_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_kind {
	IMAGE_UNKNOWN,
	IMAGE_JPEG,
	IMAGE_PNG,
	IMAGE_WEBP,
	/** Known, and not followed. */
	IMAGE_OTHER,
	/** Its bytes are those of no image. */
	IMAGE_NONE,
};

struct image_check {
	enum image_kind kind;
	/** Bytes so far, the first of them, and how many more are passed by. */
	uint64_t size, skip;
	uint8_t head[16];
	/** Of a marker or chunk: what came of it. */
	uint8_t part[8];
	unsigned have;
	/** In the compressed data of a JPEG; the end was there. */
	bool in_scan, was_ff, has_end;
	/** By its own word, 0 when it tells none. */
	uint64_t length;
};

void image_begin(struct image_check *c);
void image_feed(struct image_check *c, const uint8_t *p, size_t n);
/** NULL when the image is whole; else what is wrong, as in "page.jpg …". */
const char *image_end(const struct image_check *c);

#endif
