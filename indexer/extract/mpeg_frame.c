/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/mpeg_frame.h"

#include <string.h>

#include "common/buf.h"

enum {
	JUNK_MAX = 65536,
	/** A frame is never longer than this (layer II, 384 kbit/s, 32 kHz). */
	FRAME_MAX = 1729,
	VERSION_1 = 1,
	/** Of a frame, to find all that a header in it tells: Xing's with its table, and LAME's. */
	HEADER_MAX = 4 + 32 + 120 + 36,
	/** Up to here a stream of varying bitrate is read whole, so much at a time. */
	EXACT_MAX = 8 << 20,
	PIECE = 64 << 10,
	/** Beyond, it is looked at in so many places. */
	PROBES = 64,
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
			n = w->size - at < WINDOW_FILL ? (size_t)(w->size - at) : WINDOW_FILL;
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
 * By its version, of five characters: up to 3.97 LAME counted an ID3v1 tag that it wrote, too.  libav counts whatever
 * it copies, tags that it does not know among it.
 */
static bool counts_exactly(const uint8_t *version)
{
	bool is_new = memcmp(version, "3.10", 4) == 0 && version[4] >= '0' && version[4] <= '9';
	return is_new || memcmp(version, "3.98", 4) == 0 || memcmp(version, "3.99", 4) == 0;
}

/**
 * What LAME and those that write like it put behind the Xing header, @p: the encoder's name in
 * nine bytes, then peak, gain, delay and padding ("Mp3 Info Tag rev 1", gabriel.mp3-tech.org).
 */
static void read_lame(struct mpeg_stream *s, const uint8_t *p, size_t n)
{
	enum { RADIO = 1, PEAK_ONE = 1 << 23 };
	bool is_libav = n >= 24 && (memcmp(p, "Lavf", 4) == 0 || memcmp(p, "Lavc", 4) == 0);
	bool is_lame = n >= 24 && memcmp(p, "LAME", 4) == 0;
	if (!is_lame && !is_libav)
		return;
	s->is_exact = is_lame && counts_exactly(p + 4);
	uint32_t gaps = get_be24(p + 21), peak = get_be32(p + 11);
	uint64_t sum = (gaps >> 12) + (gaps & 0xfff);
	s->gaps = sum < s->samples ? sum : 0;
	unsigned gain = get_be16(p + 15);
	/* Kind, who measured it (0: nobody), sign, and tenths of a decibel. */
	s->has_gain = gain >> 13 == RADIO && (gain >> 10 & 7) != 0;
	s->gain = (gain & 0x1ff) / 10.0 * (gain & 0x200 ? -1 : 1);
	s->has_peak = s->has_gain && peak > 0 && peak < 4 * PEAK_ONE;
	s->peak = (double)peak / PEAK_ONE;
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
	if (n > at)
		read_lame(s, p + at, n - at);
}

bool mpeg_is_all(const uint8_t *p, size_t n, uint64_t rest)
{
	struct mpeg_stream s = {0};
	if (n < 4 || !mpeg_frame_parse(p, &s.first))
		return false;
	read_xing(&s, p, n);
	return s.is_exact && s.bytes == rest;
}

/** The same for Fraunhofer's header, which has a fixed place. */
static void read_vbri(struct mpeg_stream *s, const uint8_t *p, size_t n)
{
	if (n < 4 + 32 + 18 || memcmp(p + 36, "VBRI", 4) != 0)
		return;
	s->bytes = get_be32(p + 36 + 10);
	s->samples = (uint64_t)get_be32(p + 36 + 14) * s->first.samples;
}

/* --- streams without such a header --- */

/** Frames that follow each other, counted. */
struct count {
	uint64_t frames, bytes;
	bool is_varied;
};

/**
 * Counts the whole frames in @n bytes, past what is none.  Returns where the last one ends, or
 * what may be the start of the next.
 */
static size_t count_frames(const struct mpeg_frame *first, const uint8_t *p, size_t n,
			   bool is_synced, struct count *c)
{
	size_t at = 0;
	struct mpeg_frame f;
	while (n - at >= 4) {
		bool is_frame = mpeg_frame_parse(p + at, &f) && is_same_stream(first, &f);
		if (is_frame && f.size > n - at)
			return at;
		/* A header is believed where one was due, or when another follows. */
		if (is_frame && !is_synced && n - at >= f.size + 4U) {
			struct mpeg_frame next;
			is_frame = mpeg_frame_parse(p + at + f.size, &next) &&
				   is_same_stream(first, &next);
		}
		is_synced = is_frame;
		if (!is_frame) {
			at++;
			continue;
		}
		c->is_varied = c->is_varied || f.bitrate != first->bitrate;
		c->frames++;
		c->bytes += f.size;
		at += f.size;
	}
	return at;
}

/** The frames in a view of the stream at @at, as many as lie in it.  False when it has none. */
static bool look_at(struct window *w, const struct mpeg_stream *s, uint64_t at, uint64_t end,
		    struct count *c)
{
	uint64_t before = c->frames;
	size_t n = end - at < WINDOW_FILL ? (size_t)(end - at) : WINDOW_FILL;
	const uint8_t *p = window_get(w, at, n);
	if (p)
		count_frames(&s->first, p, n, at == s->at, c);
	return c->frames > before;
}

/** Counts all frames.  False when they cannot all be read. */
static bool count_all(struct window *w, struct mpeg_stream *s, uint64_t end)
{
	struct count c = {0};
	_buf_ struct buf scratch = BUF_INIT(PIECE);
	for (uint64_t at = s->at; end - at >= 4;) {
		size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
		const uint8_t *p = window_copy(w, at, n, &scratch);
		if (!p)
			return false;
		size_t used = count_frames(&s->first, p, n, true, &c);
		at += used;
		if (at + n - used == end || used == 0)
			break;
	}
	s->samples = c.frames * s->first.samples;
	return s->samples > 0;
}

/**
 * The average over places all over the stream: each stands for as many bytes, however many frames
 * were whole in it.
 */
static void estimate(struct window *w, struct mpeg_stream *s, uint64_t end)
{
	double frames_a_byte = 0;
	unsigned places = 0;
	for (uint64_t i = 0; i < PROBES; i++) {
		struct count c = {0};
		if (!look_at(w, s, s->at + (end - s->at) / PROBES * i, end, &c))
			continue;
		frames_a_byte += (double)c.frames / (double)c.bytes;
		places++;
	}
	if (places)
		s->frame_size = places / frames_a_byte;
}

/** Silence takes the lowest bitrates; sound of varying bitrate begins and ends with it. */
static bool is_like_silence(const struct mpeg_frame *f)
{
	unsigned most = BITRATES[f->version == VERSION_1 ? 0 : 1][f->layer - 1][14];
	return f->bitrate * 3 < most;
}

void mpeg_measure(struct window *w, struct mpeg_stream *s, uint64_t end)
{
	struct count c = {.is_varied = !s->is_constant};
	if (s->samples || end <= s->at)
		return;
	/* The file's end is at hand: tags were looked for there. */
	uint64_t tail = w->size > WINDOW_FILL ? w->size - WINDOW_FILL : 0;
	if (tail > end || end - tail < FRAME_MAX)
		tail = end - s->at > WINDOW_FILL ? end - WINDOW_FILL : s->at;
	if (tail < s->at)
		tail = s->at;
	if (!c.is_varied)
		look_at(w, s, tail, end, &c);
	if (!c.is_varied && is_like_silence(&s->first))
		look_at(w, s, s->at + (end - s->at) / 2, end, &c);
	if (!c.is_varied)
		return;
	s->is_constant = false;
	if (end - s->at > EXACT_MAX || !count_all(w, s, end))
		estimate(w, s, end);
}

bool mpeg_find(struct window *w, uint64_t start, struct mpeg_stream *s)
{
	memset(s, 0, sizeof *s);
	if (!find_first(w, start, s))
		return false;
	/* as much of the first frame as holds a header, wherever it lies in what was read */
	size_t n = s->first.size > HEADER_MAX ? s->first.size : HEADER_MAX;
	n = w->size - s->at < n ? (size_t)(w->size - s->at) : n;
	const uint8_t *p = window_get(w, s->at, n);
	if (!p)
		return false;
	read_xing(s, p, n);
	if (s->samples == 0)
		read_vbri(s, p, n);
	if (s->samples)
		return true;
	const struct mpeg_frame *first = &s->first;
	struct count c = {0};
	count_frames(first, p, n, true, &c);
	s->is_constant = !c.is_varied;
	s->frame_size = first->samples / 8.0 * first->bitrate * 1000 / first->rate;
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
