/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Making pictures smaller, by stb_image_resize. */
#include <errno.h>
#include <stdlib.h>

#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#include <stb/stb_image_resize.h>

#include "indexer/extract/image.h"

int image_fit(struct image *image, struct image_box box)
{
	double across = (double)box.width / image->width, down = (double)box.height / image->height;
	double by = across < down ? across : down;
	if (by >= 1)
		return 0;
	unsigned width = (unsigned)(image->width * by + 0.5), height = (unsigned)(image->height * by + 0.5);
	width = width ? width : 1;
	height = height ? height : 1;
	uint8_t *to = malloc((size_t)width * height * 3);
	int done = to && stbir_resize_uint8_srgb(image->rgb, (int)image->width, (int)image->height, 0, to, (int)width,
						 (int)height, 0, 3, STBIR_ALPHA_CHANNEL_NONE, 0);
	if (!done) {
		free(to);
		return -ENOMEM;
	}
	free(image->rgb);
	*image = (struct image){width, height, to};
	return 0;
}
