/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Small pictures as the formats' own libraries write them: red and green above, blue and white below. */
#ifndef TESTS_UNIT_PICTURE_FILES_H
#define TESTS_UNIT_PICTURE_FILES_H

#include "tests/unit/unit.h"

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>
#include <zlib.h>

#include "common/buf.h"
#include "common/cleanup.h"

enum { PICTURE_MAX = 64 << 20 };

struct canvas {
	unsigned width, height;
	/** Instead of the four: one grey from dark to light, left to right; transparent in its right half. */
	bool is_grey, is_clear;
};

static inline void pixel_of(const struct canvas *c, unsigned x, unsigned y, uint8_t rgba[4])
{
	static const uint8_t colours[4][3] = {{220, 20, 20}, {20, 200, 20}, {20, 20, 220}, {255, 255, 255}};
	unsigned which = (y >= c->height / 2) * 2u + (x >= c->width / 2);
	memcpy(rgba, colours[which], 3);
	if (c->is_grey)
		memset(rgba, (int)(x * 255 / c->width), 3);
	rgba[3] = c->is_clear && x >= c->width / 2 ? 0 : 255;
}

/* --- JPEG --- */

struct jpeg_as {
	bool is_progressive, is_cmyk, is_grey;
	/** EXIF's, 0: none is told; told in big endian. */
	unsigned orientation;
	bool is_big;
};

static inline void put_exif(struct jpeg_compress_struct *info, const struct jpeg_as *as)
{
	uint8_t body[] = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0";
	static const uint8_t big[] = "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0";
	if (as->is_big)
		memcpy(body, big, sizeof big - 1);
	body[as->is_big ? 25 : 24] = (uint8_t)as->orientation;
	jpeg_write_marker(info, JPEG_APP0 + 1, body, sizeof body - 1);
}

static inline void put_jpeg(struct buf *b, const struct canvas *c, const struct jpeg_as *as)
{
	struct jpeg_compress_struct info;
	struct jpeg_error_mgr failure;
	unsigned char *bytes = NULL;
	unsigned long n = 0;
	int samples = as->is_cmyk ? 4 : as->is_grey ? 1 : 3;
	_free_ uint8_t *line = malloc((size_t)c->width * 4);
	info.err = jpeg_std_error(&failure);
	jpeg_create_compress(&info);
	jpeg_mem_dest(&info, &bytes, &n);
	info.image_width = c->width;
	info.image_height = c->height;
	info.input_components = samples;
	info.in_color_space = as->is_cmyk ? JCS_CMYK : as->is_grey ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(&info);
	jpeg_set_quality(&info, 92, TRUE);
	if (as->is_progressive)
		jpeg_simple_progression(&info);
	jpeg_start_compress(&info, TRUE);
	if (as->orientation)
		put_exif(&info, as);
	for (unsigned y = 0; y < c->height; y++) {
		JSAMPROW row = line;
		for (unsigned x = 0; x < c->width; x++) {
			uint8_t rgba[4];
			pixel_of(c, x, y, rgba);
			/* libjpeg marks it as Adobe's: what is written is how much ink is not there */
			rgba[3] = 255;
			memcpy(line + (size_t)x * (unsigned)samples, rgba, (size_t)samples);
		}
		jpeg_write_scanlines(&info, &row, 1);
	}
	jpeg_finish_compress(&info);
	buf_add(b, bytes, n);
	jpeg_destroy_compress(&info);
	free(bytes);
}

/* --- PNG --- */

struct png_as {
	int depth, type;
	bool is_interlaced;
};

static inline void png_into(png_structp png, png_bytep data, size_t n)
{
	buf_add(png_get_io_ptr(png), data, n);
}

static inline void png_flushed(png_structp png)
{
	(void)png;
}

/** The row's samples: of a palette the four colours, of few bits the highest of them. */
static inline void png_row(const struct canvas *c, const struct png_as *as, unsigned y, uint8_t *to)
{
	size_t at = 0;
	for (unsigned x = 0; x < c->width; x++) {
		uint8_t p[4];
		pixel_of(c, x, y, p);
		if (as->type == PNG_COLOR_TYPE_PALETTE) {
			to[at++] = (uint8_t)((y >= c->height / 2) * 2u + (x >= c->width / 2));
		} else if (as->depth == 1) {
			to[x / 8] = (uint8_t)((x % 8 ? to[x / 8] : 0) | (p[0] > 127) << (7 - x % 8));
		} else {
			unsigned colours = as->type & PNG_COLOR_MASK_COLOR ? 3 : 1;
			for (unsigned i = 0; i < colours + (as->type & PNG_COLOR_MASK_ALPHA ? 1u : 0u); i++) {
				uint8_t v = i < colours ? p[i] : p[3];
				to[at++] = v;
				if (as->depth == 16)
					to[at++] = v;
			}
		}
	}
}

static inline void put_png(struct buf *b, const struct canvas *c, const struct png_as *as)
{
	static const png_color palette[] = {{220, 20, 20}, {20, 200, 20}, {20, 20, 220}, {255, 255, 255}};
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	_free_ uint8_t *pixels = calloc(c->height, (size_t)c->width * 8);
	_free_ png_bytep *rows = calloc(c->height, sizeof *rows);
	for (unsigned y = 0; y < c->height; y++) {
		rows[y] = pixels + (size_t)y * c->width * 8;
		png_row(c, as, y, rows[y]);
	}
	png_set_write_fn(png, b, png_into, png_flushed);
	png_set_IHDR(png, info, c->width, c->height, as->depth, as->type,
		     as->is_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
	if (as->type == PNG_COLOR_TYPE_PALETTE)
		png_set_PLTE(png, info, palette, 4);
	png_set_rows(png, info, rows);
	png_write_png(png, info, 0, NULL);
	png_destroy_write_struct(&png, &info);
}

/** A PNG's head that tells any size, and no more than a row of it. */
static inline void put_png_head(struct buf *b, unsigned width, unsigned height, bool is_interlaced)
{
	uint8_t head[] = {0,   0,   0, 13,  'I', 'H', 'D', 'R', (uint8_t)(width >> 24), (uint8_t)(width >> 16),
			  (uint8_t)(width >> 8), (uint8_t)width, (uint8_t)(height >> 24), (uint8_t)(height >> 16),
			  (uint8_t)(height >> 8), (uint8_t)height, 8, 2, 0, 0, is_interlaced};
	buf_add(b, "\x89PNG\r\n\x1a\n", 8);
	buf_add(b, head, sizeof head);
	uint32_t sum = (uint32_t)crc32(0, head + 4, sizeof head - 4);
	const uint8_t end[] = {(uint8_t)(sum >> 24), (uint8_t)(sum >> 16), (uint8_t)(sum >> 8), (uint8_t)sum};
	buf_add(b, end, sizeof end);
}

/* --- WebP --- */

static inline void put_webp(struct buf *b, const struct canvas *c, bool is_lossless)
{
	_free_ uint8_t *pixels = malloc((size_t)c->width * c->height * 4);
	uint8_t *bytes = NULL;
	for (unsigned y = 0; y < c->height; y++)
		for (unsigned x = 0; x < c->width; x++)
			pixel_of(c, x, y, pixels + ((size_t)y * c->width + x) * 4);
	int width = (int)c->width, height = (int)c->height, stride = width * 4;
	size_t n = is_lossless ? WebPEncodeLosslessRGBA(pixels, width, height, stride, &bytes)
			       : WebPEncodeRGBA(pixels, width, height, stride, 90, &bytes);
	buf_add(b, bytes, n);
	WebPFree(bytes);
}

#endif
