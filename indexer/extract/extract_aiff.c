/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AIFF and AIFF-C.  Names come from an ID3 tag in a chunk of its own, and what that lacks from the text chunks.
 * After Apple's "Audio Interchange File Format: AIFF" and "AIFF-C".
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/chunks.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/tag_places.h"

enum {
	FORM_HEADER = 12,
	COMM_SIZE = 18,
	COMM_COMPRESSED = 22,
	/** Samples of one packet of IMA 4:1. */
	IMA4_SAMPLES = 64,
	SLACK = 8,
};

struct aiff {
	unsigned channels, bits;
	double samples, rate;
	uint64_t sound;
	bool has_sound;
	uint64_t least;
	struct media *out;
	/** From the text chunks. */
	struct media texts;
};

/** An 80-bit number of IEEE 754: sign, 15 bits of exponent, 64 of mantissa. */
static double get_extended(const uint8_t *p)
{
	int exponent = (get_be16(p) & 0x7fff) - 16383 - 63;
	double v = ldexp((double)get_be64(p + 2), exponent);
	return v >= 1 && v < 1e9 && !(p[0] & 0x80) ? v : 0;
}

static void take_common(struct aiff *a, const struct chunk *c)
{
	const uint8_t *p = chunk_get(c, COMM_SIZE);
	if (!p)
		return;
	a->channels = get_be16(p);
	a->samples = get_be32(p + 2);
	a->bits = get_be16(p + 6);
	a->rate = get_extended(p + 8);
	p = chunk_get(c, COMM_COMPRESSED);
	if (p && memcmp(p + COMM_SIZE, "ima4", 4) == 0)
		a->samples *= IMA4_SAMPLES;
}

static void take_chunk(struct aiff *a, const struct chunk *c)
{
	static const struct {
		char id[5];
		uint8_t field;
	} texts[] = {{"NAME", FIELD_title}, {"AUTH", FIELD_artist}, {"ANNO", FIELD_comment}};
	if (strcmp(c->id, "COMM") == 0)
		take_common(a, c);
	else if (strcmp(c->id, "ID3 ") == 0 || strcmp(c->id, "id3 ") == 0)
		tag_id3_more(c->w, c->at, a->out);
	if (strcmp(c->id, "SSND") == 0) {
		a->has_sound = true;
		a->sound = c->size;
	}
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (strcmp(c->id, texts[i].id) == 0)
			chunk_take_text(c, texts[i].field, 0, &a->texts);
	}
	if (c->size > c->end - c->at)
		a->least = c->at + c->size;
}

static bool aiff_probe(const uint8_t *head, size_t n)
{
	return n >= FORM_HEADER && memcmp(head, "FORM", 4) == 0 &&
	       (memcmp(head + 8, "AIFF", 4) == 0 || memcmp(head + 8, "AIFC", 4) == 0);
}

static int aiff_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct aiff a = {.out = out};
	struct chunk c;
	window_init(&w, in);
	int r = sound_magic(&w, 0, "FORM", "an AIFF file", reason);
	if (r < 0)
		return r;
	const uint8_t *p = window_get(&w, 0, FORM_HEADER);
	if (!p)
		return window_short(&w, reason, "its AIFF header", FORM_HEADER);
	if (!aiff_probe(p, FORM_HEADER))
		return extract_fail(reason, -EBADMSG, "it is not an AIFF file");
	uint64_t form = get_be32(p + 4) + UINT64_C(8);
	media_init(&a.texts);
	chunk_start(&c, &w, FORM_HEADER, in->size, CHUNK_BE32);
	while (chunk_next(&c))
		take_chunk(&a, &c);
	tag_settle(out, &a.texts, "aiff");
	if (a.rate > 0)
		sound_set(out, a.samples / a.rate, (uint32_t)lround(a.rate), a.channels, a.bits, a.sound);
	if (a.least)
		return window_short(&w, reason, "its AIFF header", a.least);
	if (form > in->size + SLACK)
		return incomplete_at(reason, in->size, "its AIFF header", form);
	if (a.rate <= 0 || !a.channels)
		return extract_fail(reason, -EBADMSG, "the AIFF header tells no sample rate or no channels");
	return a.has_sound || a.samples <= 0 ? 0 : extract_fail(reason, -EBADMSG, "the AIFF file holds no sound");
}

const struct extractor extract_aiff = {
	.name = "aiff",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"aiff", "aif", "aifc", NULL},
	.probe = aiff_probe,
	.read = aiff_read,
};
