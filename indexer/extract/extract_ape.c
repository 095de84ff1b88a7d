/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Monkey's Audio.  Since version 3.98 a descriptor tells the sizes of all parts and a header the sound's shape; before,
 * one header does both.  After APEHeader.cpp of the Monkey's Audio SDK.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "indexer/extract/incomplete.h"
#include "indexer/extract/tag_places.h"

enum {
	DESCRIPTOR = 52,
	HEADER = 24,
	OLD_HEADER = 32,
	/** The version that brought the descriptor. */
	HAS_DESCRIPTOR = 3980,
	IS_8_BIT = 1,
	IS_24_BIT = 8,
	EXTRA_HIGH = 4000,
};

/** The latter with samples that are no whole numbers. */
static const char MAGICS[] = "MAC |MACF";

struct shape {
	uint32_t frames, frame_samples, last_samples, rate;
	unsigned channels, bits;
};

/** Samples of one frame, of one channel, before headers told it. */
static uint32_t old_frame_samples(unsigned version, unsigned level)
{
	if (version >= 3950)
		return 73728 * 4;
	return version >= 3900 || (version >= 3800 && level == EXTRA_HIGH) ? 73728 : 9216;
}

static int read_old(struct window *w, uint64_t at, struct shape *s, char *reason)
{
	const uint8_t *p = window_get(w, at, OLD_HEADER);
	if (!p)
		return window_short(w, reason, "its Monkey's Audio header", at + OLD_HEADER);
	unsigned flags = get_le16(p + 8);
	*s = (struct shape){.frames = get_le32(p + 24),
			    .frame_samples = old_frame_samples(get_le16(p + 4), get_le16(p + 6)),
			    .last_samples = get_le32(p + 28),
			    .rate = get_le32(p + 12),
			    .channels = get_le16(p + 10),
			    .bits = flags & IS_8_BIT ? 8 : flags & IS_24_BIT ? 24 : 16};
	return 0;
}

/** *least: where the last part ends by the descriptor. */
static int read_new(struct window *w, uint64_t at, struct shape *s, uint64_t *least, char *reason)
{
	const uint8_t *p = window_get(w, at, DESCRIPTOR);
	if (!p)
		return window_short(w, reason, "its Monkey's Audio header", at + DESCRIPTOR);
	uint64_t header = get_le32(p + 8) > DESCRIPTOR ? get_le32(p + 8) : DESCRIPTOR;
	*least = at + header;
	for (size_t part = 12; part <= 24; part += 4)
		*least += get_le32(p + part);
	*least += ((uint64_t)get_le32(p + 28) << 32) + get_le32(p + 32);
	p = window_get(w, at + header, HEADER);
	if (!p)
		return window_short(w, reason, "its Monkey's Audio header", at + header + HEADER);
	*s = (struct shape){.frames = get_le32(p + 12),
			    .frame_samples = get_le32(p + 4),
			    .last_samples = get_le32(p + 8),
			    .rate = get_le32(p + 20),
			    .channels = get_le16(p + 18),
			    .bits = get_le16(p + 16)};
	return 0;
}

static int ape_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct sound sound;
	struct shape s = {0};
	uint64_t least = 0;
	window_init(&w, in);
	int r = tag_places_read(&w, &sound, TAG_APE_FIRST, out, reason);
	if (r < 0)
		return r;
	r = sound_magic(&w, sound.start, MAGICS, "a Monkey's Audio file", reason);
	if (r < 0)
		return r;
	const uint8_t *p = window_get(&w, sound.start, 6);
	if (!p)
		return window_short(&w, reason, "its Monkey's Audio header", sound.start + OLD_HEADER);
	bool is_new = get_le16(p + 4) >= HAS_DESCRIPTOR;
	r = is_new ? read_new(&w, sound.start, &s, &least, reason) : read_old(&w, sound.start, &s, reason);
	if (r < 0)
		return r;
	if (s.rate == 0 || s.channels == 0)
		return extract_fail(reason, -EBADMSG, "its Monkey's Audio header tells no sample rate or no channels");
	double samples = s.frames ? (double)(s.frames - 1) * s.frame_samples + s.last_samples : 0;
	sound_set(out, samples / s.rate, s.rate, s.channels, s.bits, sound.end - sound.start);
	return least > in->size ? incomplete_at(reason, in->size, "its Monkey's Audio header", least) : 0;
}

static bool ape_probe(const uint8_t *head, size_t n)
{
	return tag_magic(head, n, MAGICS);
}

const struct extractor extract_ape = {
	.name = "ape",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"ape", NULL},
	.probe = ape_probe,
	.read = ape_read,
};
