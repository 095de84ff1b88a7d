/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Pictures: JPEG, PNG and WebP are read, made small, and written as JPEG.  A format is one function here and one row in
 * image.c; each library in its one place.
 *
 * Input is hostile.  No picture has more than IMAGE_PIXELS; what is unpacked at one time is at most IMAGE_MEMORY: rows
 * are made small as they come, and a picture that a library must unpack whole may not be larger than that; of a JPEG in
 * several scans, whose samples are two bytes each until the last of them, twice as much.  How long it takes is watched
 * by who runs the process.
 */
#ifndef INDEXER_EXTRACT_IMAGE_H
#define INDEXER_EXTRACT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum {
	IMAGE_PIXELS = 100000000,
	/** Bytes: of a file, and of a picture in memory. */
	IMAGE_MEMORY = 64 << 20,
	/** A side. */
	IMAGE_SIDE = 65535,
};

/** A picture in memory: three bytes a pixel (sRGB), row by row. */
struct image {
	unsigned width, height;
	uint8_t *rgb;
};

void image_clear(struct image *image);

/** What a picture shall fit into; it is never made larger. */
struct image_box {
	unsigned width, height;
};

/**
 * Takes a picture row by row and keeps it smaller by a whole number: at least twice the box, so that image_fit()
 * has something to work with.
 */
struct image_rows {
	struct image image;
	/** Of what comes; by how much it is made smaller; rows so far. */
	unsigned width, height, factor, row;
	/** Sums of the rows that make one. */
	uint32_t *sum;
	char *reason;
};

/** By how much a picture may be made smaller without being below twice its box; at least 1. */
unsigned image_factor(unsigned width, unsigned height, struct image_box box);
/** 0; -EBADMSG: no such picture is read, -ENOMEM.  image_rows_clear() in any case.  @reason: EXTRACT_REASON bytes. */
int image_rows_begin(struct image_rows *r, unsigned width, unsigned height, struct image_box box, char *reason);
/** The next row, three bytes a pixel; more than there are, are passed over. */
void image_rows_add(struct image_rows *r, const uint8_t *rgb);
/** All are there; *out is owned by the caller. */
void image_rows_end(struct image_rows *r, struct image *out);
void image_rows_clear(struct image_rows *r);

/** Puts a pixel with that much of itself (0 to 255) upon white. */
static inline uint8_t image_on_white(uint8_t value, uint8_t alpha)
{
	return (uint8_t)((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/** Whether the bytes begin as a picture that image_read() knows. */
bool image_is_known(const uint8_t *head, size_t n);

/**
 * Reads a picture, smaller where it can be, upright.  0; -EBADMSG with a sentence in @reason (EXTRACT_REASON bytes);
 * -ENOMEM.
 */
int image_read(const uint8_t *data, size_t n, struct image_box box, struct image *out, char *reason);

/** Makes it fit into the box.  0 or -ENOMEM. */
int image_fit(struct image *image, struct image_box box);

/** Turns it as EXIF's number says (1 to 8).  0 or -ENOMEM. */
int image_turn(struct image *image, unsigned orientation);

/** Writes a JPEG; in grey where it has no colour.  @quality: 1 to 100.  0, -ENOMEM, -EIO. */
int image_write(const struct image *image, int quality, struct buf *out);

/* --- the formats: as image_read(); the bytes begin as they shall --- */

/** Whether both sides of a JPEG are at least so long. */
bool image_is_large(const uint8_t *data, size_t n, unsigned side);
int image_read_jpeg(const uint8_t *data, size_t n, struct image_box box, struct image *out, char *reason);
int image_read_png(const uint8_t *data, size_t n, struct image_box box, struct image *out, char *reason);
int image_read_webp(const uint8_t *data, size_t n, struct image_box box, struct image *out, char *reason);

#endif
