/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JPEG: ITU-T T.81, annex B.  PNG: W3C PNG, 5.  WebP: RFC 9649. */
#include "indexer/extract/verify_image.h"

#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/window.h"

enum {
	JPEG_SOI = 0xd8,
	JPEG_EOI = 0xd9,
	JPEG_SOS = 0xda,
	PNG_SIGNATURE = 8,
	PNG_CRC = 4,
};

void image_begin(struct image_check *c)
{
	*c = (struct image_check){0};
}

/* --- which one --- */

static enum image_kind kind_of(const uint8_t *p)
{
	static const struct {
		size_t at, n;
		const char *magic;
		enum image_kind kind;
	} rows[] = {
		{0, 3, "\xff\xd8\xff", IMAGE_JPEG}, {0, 8, "\x89PNG\r\n\x1a\n", IMAGE_PNG},
		{8, 4, "WEBP", IMAGE_WEBP},	    {0, 5, "GIF87", IMAGE_OTHER},
		{0, 5, "GIF89", IMAGE_OTHER},	    {4, 4, "ftyp", IMAGE_OTHER},
		{0, 2, "\xff\x0a", IMAGE_OTHER},    {4, 4, "JXL ", IMAGE_OTHER},
		{0, 2, "BM", IMAGE_OTHER},	    {0, 4, "II*\0", IMAGE_OTHER},
		{0, 4, "MM\0*", IMAGE_OTHER},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (memcmp(p + rows[i].at, rows[i].magic, rows[i].n) == 0)
			return rows[i].kind;
	return IMAGE_NONE;
}

static void begin_kind(struct image_check *c)
{
	c->kind = kind_of(c->head);
	if (c->kind == IMAGE_WEBP)
		c->length = (uint64_t)get_le32(c->head + 4) + 8;
}

/* --- JPEG: markers, and between them what they tell the length of --- */

/** A whole marker segment's head: 0xff, code, and two bytes of length where the code has one. */
static void jpeg_marker(struct image_check *c)
{
	uint8_t code = c->part[1];
	bool is_bare = code == JPEG_SOI || code == 1 || (code >= 0xd0 && code < JPEG_SOI);
	if (code == JPEG_EOI)
		c->has_end = true;
	if (is_bare || code == JPEG_EOI) {
		c->have = 0;
		return;
	}
	if (c->have < 4)
		return;
	uint16_t length = get_be16(c->part + 2);
	c->skip = length > 2 ? length - 2U : 0;
	c->in_scan = code == JPEG_SOS;
	c->was_ff = false;
	c->have = 0;
}

/** In compressed data 0xff is followed by 0 or a restart marker; what else follows is the next segment. */
static size_t jpeg_scan(struct image_check *c, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!c->was_ff) {
			const uint8_t *ff = memchr(p + i, 0xff, n - i);
			if (!ff)
				return n;
			i = (size_t)(ff - p);
			c->was_ff = true;
			continue;
		}
		if (p[i] == 0xff)
			continue;
		c->was_ff = false;
		if (p[i] == 0 || (p[i] >= 0xd0 && p[i] < JPEG_SOI))
			continue;
		c->in_scan = false;
		c->part[0] = 0xff;
		c->part[1] = p[i];
		c->have = 2;
		jpeg_marker(c);
		return i + 1;
	}
	return n;
}

static size_t jpeg_feed(struct image_check *c, const uint8_t *p, size_t n)
{
	/* what stands behind the end is no part of it */
	if (c->has_end)
		return n;
	if (c->in_scan)
		return jpeg_scan(c, p, n);
	/* a marker may have any number of 0xff in front; nonsense between segments is passed */
	if ((c->have == 0 && *p != 0xff) || (c->have == 1 && *p == 0xff))
		return 1;
	c->part[c->have++] = *p;
	if (c->have >= 2)
		jpeg_marker(c);
	return 1;
}

/* --- PNG: chunks --- */

static size_t png_feed(struct image_check *c, const uint8_t *p, size_t n)
{
	if (c->has_end)
		return n;
	c->part[c->have++] = *p;
	if (c->have < sizeof c->part)
		return 1;
	c->has_end = memcmp(c->part + 4, "IEND", 4) == 0;
	c->skip = (uint64_t)get_be32(c->part) + PNG_CRC;
	c->have = 0;
	return 1;
}

/* --- bytes --- */

static size_t feed_some(struct image_check *c, const uint8_t *p, size_t n)
{
	if (c->skip) {
		size_t pass = c->skip < n ? (size_t)c->skip : n;
		c->skip -= pass;
		return pass;
	}
	if (c->kind == IMAGE_JPEG)
		return jpeg_feed(c, p, n);
	return c->kind == IMAGE_PNG ? png_feed(c, p, n) : n;
}

static void feed_all(struct image_check *c, const uint8_t *p, size_t n)
{
	while (n) {
		size_t used = feed_some(c, p, n);
		p += used;
		n -= used;
	}
}

void image_feed(struct image_check *c, const uint8_t *p, size_t n)
{
	size_t at = c->size < sizeof c->head ? (size_t)c->size : sizeof c->head, room = sizeof c->head - at;
	c->size += n;
	if (c->kind == IMAGE_UNKNOWN) {
		size_t take = n < room ? n : room;
		memcpy(c->head + at, p, take);
		p += take;
		n -= take;
		if (at + take < sizeof c->head)
			return;
		begin_kind(c);
		feed_all(c, c->head + (c->kind == IMAGE_PNG ? PNG_SIGNATURE : 0),
			 sizeof c->head - (c->kind == IMAGE_PNG ? PNG_SIGNATURE : 0));
	}
	feed_all(c, p, n);
}

const char *image_end(const struct image_check *c)
{
	if (c->size == 0)
		return "is empty (0 bytes)";
	if (c->kind == IMAGE_UNKNOWN || c->kind == IMAGE_NONE)
		return "is no image";
	if (c->kind == IMAGE_JPEG && !c->has_end)
		return "is a JPEG without its end";
	if (c->kind == IMAGE_PNG && (!c->has_end || c->skip))
		return "is a PNG without its end";
	return c->kind == IMAGE_WEBP && c->length > c->size ? "is a WebP without its end" : NULL;
}
