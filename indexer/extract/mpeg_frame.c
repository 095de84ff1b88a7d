/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/mpeg_frame.h"

#include <string.h>

enum {
	JUNK_MAX = 65536,
	/** A frame is never longer than this (layer II, 384 kbit/s, 32 kHz). */
	FRAME_MAX = 1729,
	/** Bytes in which a Xing header with all its parts ends. */
	HEADER_MAX = 192,
	VERSION_1 = 1,
};

/* By version 1 or not, layer, index; kbit/s.  ISO 11172-3 and 13818-3. */
static const uint16_t BITRATES[2][3][16] = {
	{{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
	 {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
	 {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
	{{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
	 {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	 {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}},
};

static const uint16_t RATES[4] = {44100, 48000, 32000, 0};

bool mpeg_frame_parse(const uint8_t *p, struct mpeg_frame *f)
{
	static const uint8_t versions[4] = {3, 0, 2, 1};
	if (p[0] != 0xff || (p[1] & 0xe0) != 0xe0)
		return false;
	f->version = versions[p[1] >> 3 & 3];
	f->layer = 4 - (p[1] >> 1 & 3);
	if (f->version == 0 || f->layer == 4)
		return false;
	bool is_one = f->version == VERSION_1;
	f->bitrate = BITRATES[is_one ? 0 : 1][f->layer - 1][p[2] >> 4];
	f->rate = RATES[p[2] >> 2 & 3] >> (f->version - 1);
	if (f->bitrate == 0 || f->rate == 0)
		return false;
	unsigned padding = p[2] >> 1 & 1;
	f->channels = p[3] >> 6 == 3 ? 1 : 2;
	f->samples = f->layer == 1 ? 384 : f->layer == 3 && !is_one ? 576 : 1152;
	if (f->layer == 1)
		f->size = (12 * f->bitrate * 1000 / f->rate + padding) * 4;
	else
		f->size = f->samples / 8 * f->bitrate * 1000 / f->rate + padding;
	return true;
}

/** Whether two headers can belong to one stream. */
static bool is_same_stream(const struct mpeg_frame *a, const struct mpeg_frame *b)
{
	return a->version == b->version && a->layer == b->layer && a->rate == b->rate;
}

/** Looks for a frame in @n bytes of which the first @starts may be its start. */
static bool find_in(const uint8_t *p, size_t n, size_t starts, bool is_end, struct mpeg_frame *f,
		    size_t *found)
{
	for (size_t i = 0; i < starts; i++) {
		const uint8_t *sync = memchr(p + i, 0xff, starts - i);
		if (!sync)
			return false;
		i = (size_t)(sync - p);
		if (n - i < 4 || !mpeg_frame_parse(sync, f))
			continue;
		*found = i;
		struct mpeg_frame next;
		if (n - i >= f->size + 4U) {
			if (mpeg_frame_parse(sync + f->size, &next) && is_same_stream(f, &next))
				return true;
		} else if (is_end && n - i >= f->size) {
			/* The only frame, or one in front of a tag that is cut off. */
			return true;
		}
	}
	return false;
}

static bool find_first(struct window *w, uint64_t start, struct mpeg_stream *s)
{
	for (uint64_t at = start; at < w->size && at - start <= JUNK_MAX;) {
		size_t n = 0, found;
		const uint8_t *p = window_some(w, at, &n);
		/* mostly it is right here, and so is the next one */
		if (p && find_in(p, n, 1, false, &s->first, &found)) {
			s->at = at;
			return true;
		}
		size_t need = FRAME_MAX + 4;
		if (p && n < need && w->size - at > n) {
			n = w->size - at < WINDOW_SIZE ? (size_t)(w->size - at) : WINDOW_SIZE;
			p = window_get(w, at, n);
		}
		if (!p)
			return false;
		bool is_end = w->size - at == n;
		size_t starts = is_end ? n : n - need + 1;
		if (find_in(p, n, starts, is_end, &s->first, &found)) {
			s->at = at + found;
			return true;
		}
		at += starts;
	}
	return false;
}

/**
 * The delay and padding that LAME and those that write like it put behind the Xing header;
 * @p: the nine bytes of the encoder's name and what follows.
 */
static uint64_t lame_gaps(const uint8_t *p, size_t n)
{
	bool is_known = n >= 24 && (memcmp(p, "LAME", 4) == 0 || memcmp(p, "Lavf", 4) == 0 ||
				    memcmp(p, "Lavc", 4) == 0);
	if (!is_known)
		return 0;
	uint32_t gaps = get_be24(p + 21);
	return (gaps >> 12) + (gaps & 0xfff);
}

/** Reads the Xing header of the first frame, when it has one. */
static void read_xing(struct mpeg_stream *s, const uint8_t *p, size_t n)
{
	const struct mpeg_frame *f = &s->first;
	bool is_one = f->version == VERSION_1;
	size_t at = 4 + (f->channels == 1 ? (is_one ? 17 : 9) : (is_one ? 32 : 17));
	if (f->layer != 3 || n < at + 16)
		return;
	if (memcmp(p + at, "Xing", 4) != 0 && memcmp(p + at, "Info", 4) != 0)
		return;
	uint32_t flags = get_be32(p + at + 4);
	if (!(flags & 1))
		return;
	s->is_constant = p[at] == 'I';
	s->samples = (uint64_t)get_be32(p + at + 8) * f->samples;
	s->bytes = flags & 2 ? get_be32(p + at + 12) : 0;
	at += 12 + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
	uint64_t gaps = n > at ? lame_gaps(p + at, n - at) : 0;
	s->gaps = gaps < s->samples ? gaps : 0;
}

/** The same for Fraunhofer's header, which has a fixed place. */
static void read_vbri(struct mpeg_stream *s, const uint8_t *p, size_t n)
{
	if (n < 4 + 32 + 18 || memcmp(p + 36, "VBRI", 4) != 0)
		return;
	s->bytes = get_be32(p + 36 + 10);
	s->samples = (uint64_t)get_be32(p + 36 + 14) * s->first.samples;
}

/**
 * Bytes of a frame over the frames that are at hand.  When their bitrates differ the file is of
 * variable bitrate without a header that tells its length: the average of its start is an
 * estimate, which a scan takes; only reading the whole file would tell more.
 */
static void average_size(struct mpeg_stream *s, const uint8_t *p, size_t n)
{
	const struct mpeg_frame *first = &s->first;
	s->is_constant = true;
	size_t at = 0, frames = 0;
	struct mpeg_frame f;
	while (n - at >= 4 && mpeg_frame_parse(p + at, &f) && is_same_stream(first, &f)) {
		if (f.size > n - at)
			break;
		s->is_constant = s->is_constant && f.bitrate == first->bitrate;
		at += f.size;
		frames++;
	}
	if (s->is_constant)
		s->frame_size = first->samples / 8.0 * first->bitrate * 1000 / first->rate;
	else
		s->frame_size = (double)at / (double)frames;
}

bool mpeg_find(struct window *w, uint64_t start, struct mpeg_stream *s)
{
	if (!find_first(w, start, s))
		return false;
	/* as much of the first frame as holds a header, wherever it lies in what was read */
	size_t n = s->first.size > HEADER_MAX ? s->first.size : HEADER_MAX;
	n = w->size - s->at < n ? (size_t)(w->size - s->at) : n;
	const uint8_t *p = window_get(w, s->at, n);
	if (!p)
		return false;
	s->samples = s->gaps = s->bytes = 0;
	s->frame_size = 0;
	s->is_constant = false;
	read_xing(s, p, n);
	if (s->samples == 0)
		read_vbri(s, p, n);
	if (s->samples)
		return true;
	n = w->size - s->at < WINDOW_SIZE ? (size_t)(w->size - s->at) : WINDOW_SIZE;
	p = window_get(w, s->at, n);
	if (p)
		average_size(s, p, n);
	return true;
}

double mpeg_seconds(const struct mpeg_stream *s, uint64_t end)
{
	if (s->samples)
		return (double)(s->samples - s->gaps) / s->first.rate;
	if (end <= s->at || s->frame_size <= 0)
		return 0;
	return (double)(end - s->at) / s->frame_size * s->first.samples / s->first.rate;
}

unsigned mpeg_bitrate(const struct mpeg_stream *s, uint64_t end)
{
	if (s->is_constant)
		return s->first.bitrate;
	double bytes = (double)(end > s->at ? end - s->at : 0);
	/* A header that tells more bytes than there are is of another file, or this one is cut. */
	if (s->bytes && (double)s->bytes < bytes)
		bytes = (double)s->bytes;
	double seconds = s->samples ? (double)s->samples / s->first.rate : mpeg_seconds(s, end);
	double bitrate = seconds > 0 ? bytes * 8 / seconds / 1000 : 0;
	return bitrate < 1e6 ? (unsigned)bitrate : 0;
}
