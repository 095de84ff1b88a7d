/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/extract.h"

void image_clear(struct image *image)
{
	free(take(image->rgb));
	image->width = image->height = 0;
}

/* --- rows --- */

unsigned image_factor(unsigned width, unsigned height, struct image_box box)
{
	/* the side that has to shrink most decides */
	unsigned across = width / (2 * box.width), down = height / (2 * box.height);
	unsigned factor = across > down ? across : down;
	return factor ? factor : 1;
}

int image_rows_begin(struct image_rows *r, unsigned width, unsigned height, struct image_box box, char *reason)
{
	*r = (struct image_rows){.width = width, .height = height, .reason = reason};
	if (!width || !height || width > IMAGE_SIDE || height > IMAGE_SIDE || (uint64_t)width * height > IMAGE_PIXELS)
		return extract_fail(reason, -EBADMSG, "a picture of %u x %u pixels is not read", width, height);
	r->factor = image_factor(width, height, box);
	r->image.width = (width + r->factor - 1) / r->factor;
	r->image.height = (height + r->factor - 1) / r->factor;
	size_t row = (size_t)r->image.width * 3;
	/* what never comes is white */
	r->image.rgb = malloc(row * r->image.height);
	r->sum = calloc(row, sizeof *r->sum);
	if (!r->image.rgb || !r->sum)
		return -ENOMEM;
	memset(r->image.rgb, 255, row * r->image.height);
	return 0;
}

/** The rows so far make one. */
static void put_row(struct image_rows *r, unsigned rows)
{
	unsigned y = (r->row - 1) / r->factor;
	uint8_t *to = r->image.rgb + (size_t)y * r->image.width * 3;
	for (unsigned x = 0; x < r->image.width; x++) {
		unsigned left = r->width - x * r->factor;
		uint32_t n = rows * (left < r->factor ? left : r->factor);
		for (unsigned c = 0; c < 3; c++)
			to[x * 3 + c] = (uint8_t)((r->sum[x * 3 + c] + n / 2) / n);
	}
	memset(r->sum, 0, sizeof *r->sum * r->image.width * 3);
}

void image_rows_add(struct image_rows *r, const uint8_t *rgb)
{
	if (r->row >= r->height)
		return;
	for (unsigned x = 0, i = 0, of = 0; x < r->width; x++) {
		uint32_t *sum = r->sum + (size_t)i * 3;
		for (unsigned c = 0; c < 3; c++)
			sum[c] += rgb[(size_t)x * 3 + c];
		if (++of == r->factor) {
			of = 0;
			i++;
		}
	}
	r->row++;
	unsigned rows = r->row % r->factor;
	if (rows == 0 || r->row == r->height)
		put_row(r, rows ? rows : r->factor);
}

void image_rows_end(struct image_rows *r, struct image *out)
{
	*out = r->image;
	r->image.rgb = NULL;
}

void image_rows_clear(struct image_rows *r)
{
	image_clear(&r->image);
	free(take(r->sum));
}

/* --- upright --- */

int image_turn(struct image *image, unsigned orientation)
{
	if (orientation < 2 || orientation > 8)
		return 0;
	unsigned w = image->width, h = image->height;
	bool is_across = orientation >= 5;
	/* where the pixel that comes to (x, y) is: mirrored, upside down, and then with the sides changed */
	bool flips_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
	bool flips_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
	unsigned width = is_across ? h : w, height = is_across ? w : h;
	uint8_t *to = malloc((size_t)w * h * 3);
	if (!to)
		return -ENOMEM;
	for (unsigned y = 0; y < height; y++) {
		for (unsigned x = 0; x < width; x++) {
			unsigned fx = is_across ? y : x, fy = is_across ? x : y;
			fx = flips_x ? w - 1 - fx : fx;
			fy = flips_y ? h - 1 - fy : fy;
			memcpy(to + ((size_t)y * width + x) * 3, image->rgb + ((size_t)fy * w + fx) * 3, 3);
		}
	}
	free(image->rgb);
	*image = (struct image){width, height, to};
	return 0;
}

/* --- formats --- */

static const struct format {
	const char *magic;
	size_t n;
	/** More of it, behind. */
	const char *more;
	size_t at;
	int (*read)(const uint8_t *data, size_t n, struct image_box box, struct image *out, char *reason);
} formats[] = {
	{"\xff\xd8\xff", 3, "", 0, image_read_jpeg},
	{"\x89PNG\r\n\x1a\n", 8, "", 0, image_read_png},
	{"RIFF", 4, "WEBP", 8, image_read_webp},
};

static const struct format *format_of(const uint8_t *head, size_t n)
{
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		const struct format *f = &formats[i];
		size_t more = strlen(f->more);
		if (n >= f->n && memcmp(head, f->magic, f->n) == 0 && n >= f->at + more &&
		    memcmp(head + f->at, f->more, more) == 0)
			return f;
	}
	return NULL;
}

bool image_is_known(const uint8_t *head, size_t n)
{
	return format_of(head, n) != NULL;
}

int image_read(const uint8_t *data, size_t n, struct image_box box, struct image *out, char *reason)
{
	const struct format *f = format_of(data, n);
	*out = (struct image){0};
	if (!f)
		return extract_fail(reason, -EBADMSG, "pictures of its kind are not read");
	return f->read(data, n, box, out, reason);
}
