/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PNG by libpng, row by row; one whose rows come interlaced is unpacked whole, and may be no larger than that allows. */
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "common/cleanup.h"
#include "indexer/extract/extract.h"
#include "indexer/extract/image.h"

enum {
	/** Of texts and profiles that nobody asks for. */
	CHUNK_MOST = 1 << 20,
};

struct reader {
	png_structp png;
	png_infop info;
	const uint8_t *data;
	size_t n, at;
	struct image_rows rows;
	/** Red, green, blue, alpha: a row, or all of them. */
	uint8_t *pixels, *rgb;
	png_bytep *row;
	char *reason;
};

static void on_read(png_structp png, png_bytep to, size_t n)
{
	struct reader *r = png_get_io_ptr(png);
	if (n > r->n - r->at)
		png_error(png, "it ends too early");
	memcpy(to, r->data + r->at, n);
	r->at += n;
}

static void on_error(png_structp png, png_const_charp text)
{
	struct reader *r = png_get_error_ptr(png);
	extract_fail(r->reason, -EBADMSG, "the picture cannot be read: %s", text);
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void add_row(struct reader *r, const uint8_t *from)
{
	for (unsigned x = 0; x < r->rows.width; x++)
		for (unsigned c = 0; c < 3; c++)
			r->rgb[x * 3 + c] = image_on_white(from[x * 4 + c], from[x * 4 + 3]);
	image_rows_add(&r->rows, r->rgb);
}

/** All samples of eight bits, in colour and with an alpha, whatever the file has. */
static void make_plain(struct reader *r)
{
	png_set_expand(r->png);
	png_set_scale_16(r->png);
	png_set_gray_to_rgb(r->png);
	png_set_add_alpha(r->png, 0xff, PNG_FILLER_AFTER);
}

static int read_rows(struct reader *r, bool is_whole)
{
	size_t stride = (size_t)r->rows.width * 4, rows = is_whole ? r->rows.height : 1;
	if (stride * rows > IMAGE_MEMORY)
		return extract_fail(r->reason, -EBADMSG, "an interlaced picture of %u x %u pixels is not read", r->rows.width,
				    r->rows.height);
	r->pixels = calloc(rows, stride);
	r->rgb = malloc((size_t)r->rows.width * 3);
	r->row = calloc(rows, sizeof *r->row);
	if (!r->pixels || !r->rgb || !r->row)
		return -ENOMEM;
	for (size_t y = 0; y < rows; y++)
		r->row[y] = r->pixels + y * stride;
	if (is_whole)
		png_read_image(r->png, r->row);
	for (unsigned y = 0; y < r->rows.height; y++) {
		if (!is_whole)
			png_read_row(r->png, r->pixels, NULL);
		add_row(r, is_whole ? r->row[y] : r->pixels);
	}
	return 0;
}

static int read_all(struct reader *r, struct image_box box)
{
	if (setjmp(png_jmpbuf(r->png)))
		return -EBADMSG;
	png_set_read_fn(r->png, r, on_read);
	png_set_user_limits(r->png, IMAGE_SIDE, IMAGE_SIDE);
	png_set_chunk_malloc_max(r->png, CHUNK_MOST);
	png_set_chunk_cache_max(r->png, 16);
	png_read_info(r->png, r->info);
	unsigned width = png_get_image_width(r->png, r->info), height = png_get_image_height(r->png, r->info);
	int error = image_rows_begin(&r->rows, width, height, box, r->reason);
	if (error < 0)
		return error;
	make_plain(r);
	bool is_whole = png_set_interlace_handling(r->png) > 1;
	png_read_update_info(r->png, r->info);
	if (png_get_rowbytes(r->png, r->info) != (size_t)width * 4)
		return extract_fail(r->reason, -EBADMSG, "the picture's pixels are of an unknown kind");
	return read_rows(r, is_whole);
}

int image_read_png(const uint8_t *data, size_t n, struct image_box box, struct image *out, char *reason)
{
	_free_ struct reader *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	*r = (struct reader){.data = data, .n = n, .reason = reason};
	r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
	r->info = r->png ? png_create_info_struct(r->png) : NULL;
	int error = r->info ? read_all(r, box) : -ENOMEM;
	png_destroy_read_struct(&r->png, &r->info, NULL);
	if (error == 0)
		image_rows_end(&r->rows, out);
	image_rows_clear(&r->rows);
	free(r->pixels);
	free(r->rgb);
	free(r->row);
	return error;
}
