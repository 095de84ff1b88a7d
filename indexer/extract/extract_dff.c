/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DSDIFF: sound of one bit a sample, plain or compressed (DST).  Names come from an ID3 tag in a chunk of its own, and
 * what that lacks from the texts of the edited master information.  After Philips' "DSDIFF File Format Specification 1.5".
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/chunks.h"
#include "indexer/extract/tag_places.h"

enum {
	FORM_HEADER = 16,
	DEPTH_MAX = 2,
	/** The frame information that begins compressed sound. */
	FRTE_SIZE = 18,
};

struct dff {
	struct window *w;
	uint32_t rate;
	unsigned channels;
	/** Bytes of plain sound; frames of compressed sound and how many make a second; bytes of either. */
	uint64_t plain, frames, stored;
	unsigned frame_rate;
	/** Where the file ends by the chunk that is cut, 0 when none is. */
	uint64_t least;
	struct media *out;
	/** From the master information. */
	struct media texts;
	/** Lists that the chunk is in. */
	int depth;
};

static void take_list(struct dff *d, uint64_t at, const struct chunk *list);

static void take_properties(struct dff *d, const struct chunk *c)
{
	take_list(d, c->at + 4, c);
}

static void take_master(struct dff *d, const struct chunk *c)
{
	take_list(d, c->at, c);
}

static void take_rate(struct dff *d, const struct chunk *c)
{
	const uint8_t *p = chunk_get(c, 4);
	d->rate = p ? get_be32(p) : 0;
}

static void take_channels(struct dff *d, const struct chunk *c)
{
	const uint8_t *p = chunk_get(c, 2);
	d->channels = p ? get_be16(p) : 0;
}

static void take_plain(struct dff *d, const struct chunk *c)
{
	d->plain = d->stored = c->size;
}

static void take_compressed(struct dff *d, const struct chunk *c)
{
	const uint8_t *p = chunk_get(c, FRTE_SIZE);
	d->stored = c->size;
	if (!p || memcmp(p, "FRTE", 4) != 0)
		return;
	d->frames = get_be32(p + 12);
	d->frame_rate = get_be16(p + 16);
}

/** A text behind its length of four bytes. */
static void take_text(const struct chunk *c, enum field_id f, struct media *out)
{
	const uint8_t *p = chunk_get(c, 4);
	struct chunk text = *c;
	if (!p)
		return;
	text.at += 4;
	text.size = get_be32(p);
	text.end = c->at + chunk_there(c);
	chunk_take_text(&text, f, 0, out);
}

static void take_artist(struct dff *d, const struct chunk *c)
{
	take_text(c, FIELD_artist, &d->texts);
}

static void take_title(struct dff *d, const struct chunk *c)
{
	take_text(c, FIELD_title, &d->texts);
}

static void take_id3(struct dff *d, const struct chunk *c)
{
	tag_id3_more(d->w, c->at, d->out);
}

static void take_list(struct dff *d, uint64_t at, const struct chunk *list)
{
	static const struct {
		char id[5];
		void (*read)(struct dff *, const struct chunk *);
	} kinds[] = {
		{"PROP", take_properties}, {"DIIN", take_master}, {"FS  ", take_rate},
		{"CHNL", take_channels},   {"DSD ", take_plain},  {"DST ", take_compressed},
		{"DIAR", take_artist},     {"DITI", take_title},  {"ID3 ", take_id3},
	};
	struct chunk c;
	if (d->depth >= DEPTH_MAX)
		return;
	d->depth++;
	chunk_start(&c, d->w, at, list->at + chunk_there(list), CHUNK_BE64);
	while (chunk_next(&c)) {
		for (size_t i = 0; i < COUNT_OF(kinds); i++) {
			if (strcmp(c.id, kinds[i].id) == 0)
				kinds[i].read(d, &c);
		}
		if (c.size > c.end - c.at)
			d->least = c.at + c.size;
	}
	d->depth--;
}

static int dff_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct dff d = {.w = &w, .out = out};
	window_init(&w, in);
	int r = sound_magic(&w, 0, "FRM8", "a DSDIFF file", reason);
	if (r < 0)
		return r;
	if (!window_get(&w, 0, FORM_HEADER))
		return window_short(&w, reason, "its DSDIFF header", FORM_HEADER);
	const struct chunk file = {.w = &w, .end = in->size, .size = in->size};
	media_init(&d.texts);
	take_list(&d, FORM_HEADER, &file);
	tag_settle(out, &d.texts, "dsdiff");
	double seconds = 0;
	if (d.frame_rate)
		seconds = (double)d.frames / d.frame_rate;
	else if (d.rate && d.channels)
		seconds = (double)d.plain * 8 / d.channels / d.rate;
	sound_set(out, seconds, d.rate, d.channels, d.rate ? 1 : 0, d.stored);
	if (d.least)
		return window_short(&w, reason, "its DSDIFF header", d.least);
	if (!d.rate || !d.channels)
		return extract_fail(reason, -EBADMSG, "its DSDIFF header tells no sample rate or no channels");
	return 0;
}

static bool dff_probe(const uint8_t *head, size_t n)
{
	return n >= FORM_HEADER && memcmp(head, "FRM8", 4) == 0 && memcmp(head + 12, "DSD ", 4) == 0;
}

const struct extractor extract_dff = {
	.name = "dff",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"dff", NULL},
	.probe = dff_probe,
	.read = dff_read,
};
