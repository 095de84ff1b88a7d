/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Musepack of stream versions 7 and 8.  Version 7 has one header; version 8 has packets, of which the first ones tell
 * the sound's shape (SH) and its loudness (RG).  After the Musepack SV7 and SV8 specifications and libmpcdec.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "indexer/extract/incomplete.h"
#include "indexer/extract/tag_places.h"

enum {
	SV7_HEADER = 28,
	SV7_FRAME = 1152,
	/** Samples that the decoder of version 7 swallows where the last frame's length is not known. */
	SV7_DELAY = 576,
	PACKETS_MAX = 32,
	/** Bytes of a version 8 number, seven bits each. */
	VARINT_MAX = 9,
	/** The longest SH packet: CRC, version, two numbers, two bytes. */
	SH_MAX = 4 + 1 + 2 * VARINT_MAX + 2,
	RG_SIZE = 9,
};

/** The loudness that gains of version 8 are counted from, in dB. */
#define SV8_REFERENCE 64.82

static const char MAGICS[] = "MPCK|MP+";

static const uint32_t RATES[8] = {44100, 48000, 37800, 32000};

static void set_gain(struct media *out, enum field_id f, double value)
{
	if (!media_has(out, f))
		media_set_real(out, f, value);
}

/* --- version 7 --- */

static void take_sv7_gain(const uint8_t *p, struct media *out)
{
	static const struct {
		uint8_t peak, gain;
		uint8_t peak_field, gain_field;
	} places[] = {
		{12, 14, FIELD_replaygain_track_peak, FIELD_replaygain_track_gain},
		{16, 18, FIELD_replaygain_album_peak, FIELD_replaygain_album_gain},
	};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		int16_t gain = (int16_t)get_le16(p + places[i].gain);
		uint16_t peak = get_le16(p + places[i].peak);
		if (gain)
			set_gain(out, places[i].gain_field, gain / 100.0);
		if (peak)
			set_gain(out, places[i].peak_field, peak / 32768.0);
	}
}

static int read_sv7(struct window *w, const struct sound *sound, struct media *out, char *reason)
{
	const uint8_t *p = window_get(w, sound->start, SV7_HEADER);
	if (!p)
		return window_short(w, reason, "its Musepack header", sound->start + SV7_HEADER);
	if ((p[3] & 15) != 7)
		return extract_fail(reason, -EBADMSG, "Musepack of stream version %d is not read", p[3] & 15);
	uint32_t frames = get_le32(p + 4), rate = RATES[p[10] & 3], last = get_le32(p + 20);
	bool is_exact = last >> 31;
	double samples = (double)frames * SV7_FRAME;
	samples -= is_exact ? SV7_FRAME - (double)(last >> 20 & 0x7ff) : SV7_DELAY;
	take_sv7_gain(p, out);
	sound_set(out, samples / rate, rate, 2, 0, sound->end - sound->start);
	return 0;
}

/* --- version 8 --- */

/** A number of @n bytes at most at @p.  Its bytes, 0 when it has no end. */
static size_t read_varint(const uint8_t *p, size_t n, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < n && i < VARINT_MAX; i++) {
		*v = *v << 7 | (p[i] & 127);
		if (!(p[i] & 128))
			return i + 1;
	}
	return 0;
}

/** Stream header.  False when it is damaged. */
static bool take_sh(const uint8_t *p, size_t n, const struct sound *sound, struct media *out)
{
	uint64_t samples, silence;
	size_t at = 5;
	size_t step = n > at ? read_varint(p + at, n - at, &samples) : 0;
	at += step;
	size_t second = step ? read_varint(p + at, n - at, &silence) : 0;
	at += second;
	if (!second || n - at < 2 || p[4] != 8)
		return false;
	uint32_t rate = RATES[p[at] >> 5];
	unsigned channels = (p[at + 1] >> 4) + 1u;
	double seconds = rate && samples > silence ? (double)(samples - silence) / rate : 0;
	sound_set(out, seconds, rate, channels, 0, sound->end - sound->start);
	return rate != 0;
}

/** Loudness, as the music is; a gain is what lacks to the reference. */
static void take_rg(const uint8_t *p, size_t n, struct media *out)
{
	if (n < RG_SIZE || p[0] != 1)
		return;
	static const uint8_t gains[] = {FIELD_replaygain_track_gain, FIELD_replaygain_album_gain};
	static const uint8_t peaks[] = {FIELD_replaygain_track_peak, FIELD_replaygain_album_peak};
	for (size_t i = 0; i < 2; i++) {
		unsigned gain = get_be16(p + 1 + i * 4), peak = get_be16(p + 3 + i * 4);
		if (gain)
			set_gain(out, gains[i], SV8_REFERENCE - gain / 256.0);
		if (peak)
			set_gain(out, peaks[i], pow(10, peak / 256.0 / 20) / 32768);
	}
}

static int read_sv8(struct window *w, const struct sound *sound, struct media *out, char *reason)
{
	uint64_t at = sound->start + 4, size;
	bool has_header = false;
	for (int i = 0; i < PACKETS_MAX; i++) {
		uint64_t rest = at < w->size ? w->size - at : 0;
		size_t n = rest < 2 + VARINT_MAX ? (size_t)rest : 2 + VARINT_MAX;
		const uint8_t *p = n >= 3 ? window_get(w, at, n) : NULL;
		size_t varint = p ? read_varint(p + 2, n - 2, &size) : 0;
		if (!varint)
			return window_short(w, reason, "its Musepack header", at + 3);
		char key[3] = {(char)p[0], (char)p[1], '\0'};
		if (strcmp(key, "AP") == 0 || strcmp(key, "SE") == 0)
			break;
		size_t header = 2 + varint;
		if (size < header)
			return extract_fail(reason, -EBADMSG, "its Musepack packets are damaged");
		if (size > rest)
			return incomplete_at(reason, w->size, "its Musepack header", at + size);
		size_t body = size - header < SH_MAX ? (size_t)(size - header) : SH_MAX;
		p = window_get(w, at + header, body);
		if (p && strcmp(key, "SH") == 0)
			has_header = take_sh(p, body, sound, out);
		else if (p && strcmp(key, "RG") == 0)
			take_rg(p, body, out);
		at += size;
	}
	return has_header ? 0 : extract_fail(reason, -EBADMSG, "its Musepack stream has no header");
}

static int musepack_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct sound sound;
	window_init(&w, in);
	int r = tag_places_read(&w, &sound, TAG_APE_FIRST, out, reason);
	if (r < 0)
		return r;
	r = sound_magic(&w, sound.start, MAGICS, "a Musepack file of stream version 7 or 8", reason);
	if (r < 0)
		return r;
	const uint8_t *p = window_get(&w, sound.start, 3);
	bool is_new = p && p[2] == MAGICS[2];
	return is_new ? read_sv8(&w, &sound, out, reason) : read_sv7(&w, &sound, out, reason);
}

static bool musepack_probe(const uint8_t *head, size_t n)
{
	return tag_magic(head, n, MAGICS);
}

const struct extractor extract_musepack = {
	.name = "musepack",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"mpc", "mp+", "mpp", NULL},
	.probe = musepack_probe,
	.read = musepack_read,
};
