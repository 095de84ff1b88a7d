/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WebP by libwebp, which makes it smaller while it reads; what is without loss, be it the alpha alone, it keeps whole. */
#include <errno.h>
#include <stdlib.h>

#include <webp/decode.h>

#include "indexer/extract/extract.h"
#include "indexer/extract/image.h"

/** WebPBitstreamFeatures.format */
enum { WITHOUT_LOSS = 2 };

static int check(const WebPBitstreamFeatures *f, char *reason)
{
	uint64_t pixels = (uint64_t)f->width * (uint64_t)f->height;
	if (f->has_animation)
		return extract_fail(reason, -EBADMSG, "a picture that moves is not read");
	if (pixels > IMAGE_PIXELS || ((f->format == WITHOUT_LOSS || f->has_alpha) && pixels * 4 > IMAGE_MEMORY))
		return extract_fail(reason, -EBADMSG, "a picture of %d x %d pixels is not read", f->width, f->height);
	return 0;
}

/** Red, green, blue and alpha, these already less by it, upon white. */
static void take_rows(const WebPRGBABuffer *from, struct image *out)
{
	for (unsigned y = 0; y < out->height; y++) {
		const uint8_t *p = from->rgba + (size_t)y * (size_t)from->stride;
		uint8_t *to = out->rgb + (size_t)y * out->width * 3;
		for (unsigned x = 0; x < out->width; x++, p += 4, to += 3)
			for (unsigned c = 0; c < 3; c++)
				to[c] = p[c] + (255 - p[3]) > 255 ? 255 : (uint8_t)(p[c] + (255 - p[3]));
	}
}

static int decode(WebPDecoderConfig *config, const uint8_t *data, size_t n, struct image *out, char *reason)
{
	VP8StatusCode code = WebPDecode(data, n, config);
	if (code == VP8_STATUS_OUT_OF_MEMORY)
		return -ENOMEM;
	if (code != VP8_STATUS_OK)
		return extract_fail(reason, -EBADMSG, "the picture cannot be read: %s",
				    code == VP8_STATUS_NOT_ENOUGH_DATA ? "it ends too early" : "it is damaged");
	out->rgb = malloc((size_t)out->width * out->height * 3);
	if (!out->rgb)
		return -ENOMEM;
	take_rows(&config->output.u.RGBA, out);
	return 0;
}

int image_read_webp(const uint8_t *data, size_t n, struct image_box box, struct image *out, char *reason)
{
	WebPDecoderConfig config;
	if (!WebPInitDecoderConfig(&config) || WebPGetFeatures(data, n, &config.input) != VP8_STATUS_OK)
		return extract_fail(reason, -EBADMSG, "the picture cannot be read: its first bytes are damaged");
	int error = check(&config.input, reason);
	if (error < 0)
		return error;
	unsigned width = (unsigned)config.input.width, height = (unsigned)config.input.height;
	unsigned factor = image_factor(width, height, box);
	out->width = (width + factor - 1) / factor;
	out->height = (height + factor - 1) / factor;
	config.options.use_scaling = factor > 1;
	config.options.scaled_width = (int)out->width;
	config.options.scaled_height = (int)out->height;
	config.output.colorspace = MODE_rgbA;
	error = decode(&config, data, n, out, reason);
	WebPFreeDecBuffer(&config.output);
	return error;
}
