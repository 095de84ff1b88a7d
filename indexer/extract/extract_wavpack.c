/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WavPack 4 and 5.  The first block tells the shape and usually the length; where it does not (the encoder wrote to a
 * pipe) the last block does.  After "WavPack 4 & 5 Binary File / Block Format".
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/tag_places.h"

enum {
	BLOCK_HEADER = 32,
	/** Pieces of a block that are looked at. */
	PIECES_MAX = 64,
	/** Searched for the last block, when the first one does not tell the length. */
	TAIL_MAX = 1 << 20,
	PIECE_ID = 0x3f,
	PIECE_ODD = 0x40,
	PIECE_LARGE = 0x80,
	PIECE_DSD = 0x0e,
	PIECE_CHANNELS = 0x0d,
	PIECE_RATE = 0x27,
	UNKNOWN = -1,
};

#define FLAG_MONO UINT32_C(4)
#define FLAG_DSD (UINT32_C(1) << 31)

struct block {
	uint64_t size;
	unsigned version;
	/** Samples of the whole stream, UNKNOWN; where this block starts, and how many it has. */
	int64_t total, index;
	uint32_t samples, flags;
};

/** What the blocks tell of the sound. */
struct shape {
	uint32_t rate;
	unsigned channels, bits;
	/** DSD: by how much one byte's rate is higher than the header's. */
	unsigned dsd_power;
};

static bool parse_block(const uint8_t *p, struct block *b)
{
	if (memcmp(p, "wvpk", 4) != 0)
		return false;
	*b = (struct block){.size = (uint64_t)get_le32(p + 4) + 8, .version = get_le16(p + 8)};
	uint32_t total = get_le32(p + 12);
	b->total = total == UINT32_MAX ? UNKNOWN : ((int64_t)p[11] << 32) + total - p[11];
	b->index = ((int64_t)p[10] << 32) + get_le32(p + 16);
	b->samples = get_le32(p + 20);
	b->flags = get_le32(p + 24);
	return b->size >= BLOCK_HEADER;
}

static void take_piece(unsigned id, const uint8_t *p, size_t n, struct shape *s)
{
	if (id == PIECE_CHANNELS && n >= 1)
		s->channels = n >= 6 ? (p[0] | (p[2] & 15u) << 8) + 1 : p[0];
	else if (id == PIECE_RATE && n >= 3)
		s->rate = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)(p[2] & 0x7f) << 16;
	else if (id == PIECE_DSD && n >= 1)
		s->dsd_power = p[0] & 31;
}

/** Walks the pieces of the block at @at; those with sound are passed over. */
static void read_pieces(struct window *w, uint64_t at, uint64_t end, struct shape *s)
{
	for (int i = 0; i < PIECES_MAX && end - at >= 2; i++) {
		const uint8_t *p = window_get(w, at, end - at < 4 ? 2 : 4);
		if (!p)
			return;
		unsigned id = p[0];
		bool is_large = id & PIECE_LARGE;
		if (is_large && end - at < 4)
			return;
		uint64_t words = p[1];
		if (is_large)
			words |= (uint64_t)p[2] << 8 | (uint64_t)p[3] << 16;
		at += is_large ? 4 : 2;
		if (words * 2 > end - at)
			return;
		size_t n = words * 2 < 8 ? (size_t)words * 2 : 8;
		p = n ? window_get(w, at, n) : NULL;
		if (p)
			take_piece(id & PIECE_ID, p, n - (id & PIECE_ODD && words * 2 <= 8 ? 1 : 0), s);
		at += words * 2;
	}
}

static struct shape shape_of(const struct block *b)
{
	static const uint32_t rates[16] = {6000,  8000,	 9600,	11025, 12000, 16000,  22050, 24000,
					   32000, 44100, 48000, 64000, 88200, 96000, 192000};
	unsigned bits = ((b->flags & 3) + 1) * 8, shift = b->flags >> 13 & 31;
	return (struct shape){.rate = rates[b->flags >> 23 & 15],
			      .channels = b->flags & FLAG_MONO ? 1 : 2,
			      .bits = b->flags & FLAG_DSD ? 1 : bits > shift ? bits - shift : bits};
}

/** Samples up to the end of the last block in the file's last bytes; UNKNOWN when none is there. */
static int64_t last_sample(struct window *w, const struct sound *sound)
{
	_buf_ struct buf scratch = BUF_INIT(TAIL_MAX);
	uint64_t most = sound->end - sound->start;
	size_t n = most < TAIL_MAX ? (size_t)most : TAIL_MAX;
	const uint8_t *p = window_copy(w, sound->end - n, n, &scratch);
	struct block b;
	for (size_t i = p && n >= BLOCK_HEADER ? n - BLOCK_HEADER + 1 : 0; i > 0; i--) {
		if (p[i - 1] == 'w' && parse_block(p + i - 1, &b) && b.samples)
			return b.index + b.samples;
	}
	return UNKNOWN;
}

static int wavpack_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct sound sound;
	struct block b;
	window_init(&w, in);
	int r = tag_places_read(&w, &sound, TAG_APE_FIRST, out, reason);
	if (r < 0)
		return r;
	r = sound_magic(&w, sound.start, "wvpk", "a WavPack file", reason);
	if (r < 0)
		return r;
	const uint8_t *p = window_get(&w, sound.start, BLOCK_HEADER);
	if (!p)
		return window_short(&w, reason, "its WavPack header", sound.start + BLOCK_HEADER);
	if (!parse_block(p, &b))
		return extract_fail(reason, -EBADMSG, "its WavPack header is damaged");
	if (b.version < 0x402 || b.version > 0x4ff)
		return extract_fail(reason, -EBADMSG, "WavPack of version %x is not read", b.version);
	uint64_t block_end = sound.start + b.size;
	struct shape s = shape_of(&b);
	read_pieces(&w, sound.start + BLOCK_HEADER, block_end < in->size ? block_end : in->size, &s);
	int64_t samples = b.total == UNKNOWN ? last_sample(&w, &sound) : b.total;
	if (s.rate == 0 || s.dsd_power > 16)
		return extract_fail(reason, -EBADMSG, "its WavPack header tells no sample rate");
	double rate = (double)s.rate * (double)(UINT32_C(1) << s.dsd_power);
	bool is_dsd = b.flags & FLAG_DSD;
	double shown = is_dsd ? rate * 8 : rate;
	sound_set(out, samples > 0 ? (double)samples / rate : 0, shown < 1e9 ? (uint32_t)shown : 0, s.channels, s.bits,
		  sound.end - sound.start);
	return block_end > in->size ? incomplete_at(reason, in->size, "its WavPack header", block_end) : 0;
}

static bool wavpack_probe(const uint8_t *head, size_t n)
{
	return tag_magic(head, n, "wvpk");
}

const struct extractor extract_wavpack = {
	.name = "wavpack",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"wv", NULL},
	.probe = wavpack_probe,
	.read = wavpack_read,
};
