/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files of the formats that few programs write, made byte by byte; each has 10 seconds of sound. */
#ifndef TESTS_UNIT_SOUND_FILES_H
#define TESTS_UNIT_SOUND_FILES_H

#include "tests/unit/media_files.h"

/** 44,100 Hz unless a format's own unit is coarser. */
#define SOUND_SAMPLES 441000

static inline void put_be64(struct buf *b, uint64_t v)
{
	put_be32(b, (uint32_t)(v >> 32));
	put_be32(b, (uint32_t)v);
}

/** What was read of a file without errors; -999 for what is not told. */
static inline void assert_sound(const struct tried *t, const char *format, double seconds, int rate, int channels, int bits)
{
	if (t->r)
		print_message("%s\n", t->reason);
	assert_int_equal(t->r, 0);
	ASSERT_TEXT(t, format, format);
	ASSERT_REAL(t, duration_seconds, seconds);
	ASSERT_INT(t, sample_rate, rate);
	ASSERT_INT(t, channels, channels);
	ASSERT_INT(t, bits_per_sample, bits);
}

/* --- tags --- */

/** @flags: 0 text, 2 binary. */
static inline void put_ape_item(struct buf *b, const char *key, unsigned flags, const void *value, size_t n)
{
	put_le32(b, (uint32_t)n);
	put_le32(b, flags);
	buf_add(b, key, strlen(key) + 1);
	buf_add(b, value, n);
}

static inline void put_ape_edge(struct buf *b, unsigned version, size_t size, unsigned count, uint32_t flags)
{
	buf_adds(b, "APETAGEX");
	put_le32(b, version);
	put_le32(b, (uint32_t)size);
	put_le32(b, count);
	put_le32(b, flags);
	put_fill(b, 0, 8);
}

/** The items as a tag; of version 2 with a header. */
static inline void put_ape_tag(struct buf *b, unsigned version, const struct buf *items, unsigned count)
{
	bool has_header = version == 2000;
	if (has_header)
		put_ape_edge(b, version, items->len + 32, count, 0xa0000000);
	put_buf(b, items);
	put_ape_edge(b, version, items->len + 32, count, has_header ? 0x80000000 : 0);
}

/** A tag with a title and an artist, no more. */
static inline void put_ape_names(struct buf *b, const char *title, const char *artist)
{
	_buf_ struct buf items = BUF_INIT(4096);
	put_ape_item(&items, "Title", 0, title, strlen(title));
	put_ape_item(&items, "ARTIST", 0, artist, strlen(artist));
	put_ape_tag(b, 2000, &items, 2);
}

/** Padded with NUL to its places, of which there are enough. */
static inline void put_v1(struct buf *b, const char *title, const char *album)
{
	char tag[128] = "TAG";
	memcpy(tag + 3, title, strlen(title));
	memcpy(tag + 63, album, strlen(album));
	tag[126] = 9;
	tag[127] = 17;
	buf_add(b, tag, 128);
}

/** ID3v2.4 with a title, and an album artist and a picture when @more. */
static inline void put_id3_names(struct buf *b, const char *title, bool more)
{
	_buf_ struct buf frames = BUF_INIT(4096);
	put_text_frame(&frames, 4, "TIT2", 3, title, strlen(title));
	if (more) {
		put_text_frame(&frames, 4, "TPE2", 3, "All", 3);
		put_frame(&frames, 4, "APIC", "\0image/png\0\3\0picture", 20);
	}
	put_id3(b, 4, 0, &frames);
}

/* --- RIFF, IFF --- */

static inline size_t open_chunk(struct buf *b, const char *id)
{
	buf_add(b, id, 4);
	put_le32(b, 0);
	return b->len;
}

/** Writes the size behind the name, and a byte of padding. */
static inline void close_chunk(struct buf *b, size_t at, bool is_big)
{
	(is_big ? set_be32 : set_le32)(b, at - 4, (uint32_t)(b->len - at));
	put_fill(b, 0, (b->len - at) & 1);
}

static inline void put_chunk(struct buf *b, const char *id, const void *data, size_t n, bool is_big)
{
	size_t at = open_chunk(b, id);
	buf_add(b, data, n);
	close_chunk(b, at, is_big);
}

static inline void put_wav_format(struct buf *b, unsigned format, unsigned bits, uint32_t rate)
{
	size_t at = open_chunk(b, "fmt ");
	put_le16(b, format);
	put_le16(b, 2);
	put_le32(b, rate);
	put_le32(b, rate * 2 * bits / 8);
	put_le16(b, 2 * bits / 8);
	put_le16(b, bits);
	close_chunk(b, at, false);
}

/** 8 kHz, 16 bits, 2 channels; @chunks stand behind the sound. */
static inline void build_wav(struct buf *b, const struct buf *chunks)
{
	size_t riff = open_chunk(b, "RIFF");
	buf_adds(b, "WAVE");
	put_wav_format(b, 1, 16, 8000);
	size_t data = open_chunk(b, "data");
	put_fill(b, 'a', 320000);
	close_chunk(b, data, false);
	if (chunks)
		put_buf(b, chunks);
	close_chunk(b, riff, false);
}

/** 44,100 Hz as a number of 80 bits. */
#define EXTENDED_44100 "\x40\x0e\xac\x44\0\0\0\0\0\0"

static inline void build_aiff(struct buf *b, const char *type, const struct buf *chunks)
{
	size_t form = open_chunk(b, "FORM");
	buf_add(b, type, 4);
	size_t comm = open_chunk(b, "COMM");
	put_be16(b, 2);
	put_be32(b, SOUND_SAMPLES);
	put_be16(b, 24);
	buf_add(b, EXTENDED_44100, 10);
	if (type[3] == 'C')
		buf_add(b, "NONE\0\0", 6);
	close_chunk(b, comm, true);
	if (chunks)
		put_buf(b, chunks);
	size_t sound = open_chunk(b, "SSND");
	put_fill(b, 'a', 3001);
	close_chunk(b, sound, true);
	close_chunk(b, form, true);
}

/* --- DSD --- */

/** 2.8 MHz, 2 channels, an ID3 tag at its end when @tag is not NULL. */
static inline void build_dsf(struct buf *b, const struct buf *tag)
{
	enum { SOUND = 8192 };
	size_t tag_at = 28 + 52 + 12 + SOUND;
	buf_adds(b, "DSD ");
	put_le64(b, 28);
	put_le64(b, tag_at + (tag ? tag->len : 0));
	put_le64(b, tag ? tag_at : 0);
	buf_adds(b, "fmt ");
	put_le64(b, 52);
	put_le32(b, 1);
	put_le32(b, 0);
	put_le32(b, 2);
	put_le32(b, 2);
	put_le32(b, 2822400);
	put_le32(b, 1);
	put_le64(b, 28224000);
	put_le32(b, 4096);
	put_le32(b, 0);
	buf_adds(b, "data");
	put_le64(b, 12 + SOUND);
	put_fill(b, 'a', SOUND);
	if (tag)
		put_buf(b, tag);
}

static inline void put_dff_chunk(struct buf *b, const char *id, const struct buf *body)
{
	buf_add(b, id, 4);
	put_be64(b, body->len);
	put_buf(b, body);
	put_fill(b, 0, body->len & 1);
}

/** 2.8 MHz, 2 channels; plain sound of 0.01 seconds, or compressed sound of 750 frames of which 75 make a second. */
static inline void build_dff(struct buf *b, bool is_compressed, const struct buf *tag)
{
	_buf_ struct buf file = BUF_INIT(FILE_MAX), part = BUF_INIT(FILE_MAX), whole = BUF_INIT(FILE_MAX);
	buf_adds(&file, "DSD ");
	buf_adds(&whole, "SND ");
	put_be32(&part, 2822400);
	put_dff_chunk(&whole, "FS  ", &part);
	buf_reset(&part);
	buf_add(&part, "\0\2SLFTSRGT", 10);
	put_dff_chunk(&whole, "CHNL", &part);
	put_dff_chunk(&file, "PROP", &whole);
	buf_reset(&whole);
	buf_reset(&part);
	if (is_compressed) {
		put_be32(&part, 750);
		put_be16(&part, 75);
		put_dff_chunk(&whole, "FRTE", &part);
	}
	put_fill(&whole, 'a', 2822400 / 8 * 2 / 100);
	put_dff_chunk(&file, is_compressed ? "DST " : "DSD ", &whole);
	buf_reset(&whole);
	buf_reset(&part);
	put_be32(&part, 6);
	buf_adds(&part, "Artist");
	put_dff_chunk(&whole, "DIAR", &part);
	put_dff_chunk(&file, "DIIN", &whole);
	if (tag)
		put_dff_chunk(&file, "ID3 ", tag);
	put_dff_chunk(b, "FRM8", &file);
}

/* --- Monkey's Audio, WavPack, Musepack --- */

/** 73,728 × 4 samples a frame: one whole frame and what is left of 10 seconds. */
static inline void put_ape(struct buf *b, unsigned version, size_t sound)
{
	enum { FRAME = 73728 * 4, LAST = SOUND_SAMPLES - FRAME };
	buf_adds(b, "MAC ");
	put_le16(b, version);
	if (version >= 3980) {
		put_le16(b, 0);
		put_le32(b, 52);
		put_le32(b, 24);
		put_le32(b, 8);
		put_le32(b, 44);
		put_le32(b, (uint32_t)sound);
		put_fill(b, 0, 4 + 4 + 16);
		put_le16(b, 2000);
		put_le16(b, 0);
		put_le32(b, FRAME);
		put_le32(b, LAST);
		put_le32(b, 2);
		put_le16(b, 16);
		put_le16(b, 2);
		put_le32(b, 44100);
		put_fill(b, 'a', 8 + 44);
	} else {
		put_le16(b, 2000);
		put_le16(b, 8);
		put_le16(b, 2);
		put_le32(b, 44100);
		put_le32(b, 44);
		put_le32(b, 0);
		put_le32(b, 2);
		put_le32(b, LAST);
	}
	put_fill(b, 'a', sound);
}

/** A block of the stream: 16 bits, 2 channels, 44,100 Hz in its @flags (index 9). */
static inline void put_wavpack(struct buf *b, uint32_t total, uint32_t index, uint32_t samples, uint32_t flags,
			       const struct buf *pieces)
{
	size_t n = pieces ? pieces->len : 0;
	buf_adds(b, "wvpk");
	put_le32(b, (uint32_t)(24 + n + 1002));
	put_le16(b, 0x410);
	put_le16(b, 0);
	put_le32(b, total);
	put_le32(b, index);
	put_le32(b, samples);
	put_le32(b, 1 | 9u << 23 | flags);
	put_le32(b, 0);
	if (pieces)
		put_buf(b, pieces);
	/* Sound. */
	put8(b, 0x8a);
	put8(b, 499 & 255);
	put8(b, 499 >> 8);
	put8(b, 0);
	put_fill(b, 'a', 998);
}

/** 383 frames of 1,152 samples, of which the last has 936: 441,000. */
static inline void put_sv7(struct buf *b)
{
	buf_adds(b, "MP+\x17");
	put_le32(b, 383);
	put_le32(b, 0);
	put_le16(b, 16384);
	put_le16(b, (uint16_t)-602);
	put_le16(b, 32767);
	put_le16(b, 125);
	put_le32(b, 1u << 31 | 936u << 20);
	put_fill(b, 0, 4);
	put_fill(b, 'a', 2000);
}

/** 441,312 samples of which 312 are silence. */
static inline void put_sv8(struct buf *b)
{
	buf_add(b, "MPCKSH\x0f" "crc!\x08\x9a\xf7\x60\x82\x38\x1b\x1b", 19);
	buf_add(b, "RG\x0c\1\x46\xd6\x3e\x00\0\0\0\0", 12);
	buf_add(b, "AP\x13", 3);
	put_fill(b, 'a', 2000);
}

/* --- Windows Media --- */

static inline void put_utf16(struct buf *b, const char *ascii)
{
	for (; *ascii; ascii++)
		put_le16(b, (uint8_t)*ascii);
	put_le16(b, 0);
}

static inline void put_guid(struct buf *b, const char *guid, size_t size)
{
	buf_add(b, guid, 16);
	put_le64(b, size);
}

static inline void put_object(struct buf *b, const char *guid, const struct buf *body)
{
	put_guid(b, guid, body->len + 24);
	put_buf(b, body);
}

/** An attribute of the extended content description; @kind 0 text, 3 a number. */
static inline void put_attribute(struct buf *b, const char *name, unsigned kind, const char *text, uint32_t number)
{
	put_le16(b, (unsigned)strlen(name) * 2 + 2);
	put_utf16(b, name);
	put_le16(b, kind);
	put_le16(b, kind ? 4 : (unsigned)strlen(text) * 2 + 2);
	if (kind)
		put_le32(b, number);
	else
		put_utf16(b, text);
}

#define GUID_FILE "\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65"
#define GUID_STREAM "\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65"
#define GUID_CONTENT "\x33\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"
#define GUID_EXTENDED "\x40\xa4\xd0\xd2\x07\xe3\xd2\x11\x97\xf0\x00\xa0\xc9\x5e\xa8\x50"
#define GUID_HEADER "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"
#define GUID_EXTENSION "\xb5\x03\xbf\x5f\x2e\xa9\xcf\x11\x8e\xe3\x00\xc0\x0c\x20\x53\x65"
#define GUID_LIBRARY "\x94\x1c\x23\x44\x98\x94\xd1\x49\xa1\x41\x1d\x13\x4e\x45\x70\x54"
#define GUID_AUDIO "\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b"

/** 13 seconds of which 3 are preroll; 3 packets of 1,000 bytes; @more objects in the header. */
static inline void build_asf(struct buf *b, const struct buf *more)
{
	_buf_ struct buf body = BUF_INIT(FILE_MAX), objects = BUF_INIT(FILE_MAX);
	put_fill(&body, 0, 32);
	put_le64(&body, 3);
	put_le64(&body, 130000000);
	put_le64(&body, 130000000);
	put_le64(&body, 3000);
	put_le32(&body, 2);
	put_le32(&body, 1000);
	put_le32(&body, 1000);
	put_le32(&body, 128000);
	put_object(&objects, GUID_FILE, &body);
	buf_reset(&body);
	buf_add(&body, GUID_AUDIO, 16);
	put_fill(&body, 0, 38);
	put_le16(&body, 0x161);
	put_le16(&body, 2);
	put_le32(&body, 44100);
	put_le32(&body, 16000);
	put_le16(&body, 4);
	put_le16(&body, 16);
	put_object(&objects, GUID_STREAM, &body);
	put_buf(&objects, more);
	put_guid(b, GUID_HEADER, objects.len + 30);
	put_le32(b, 3);
	put_le16(b, 0x201);
	put_buf(b, &objects);
	put_fill(b, 'd', 50 + 3000);
}

/* --- AAC --- */

/** Frames of 1,024 samples at 44,100 Hz. */
static inline void put_adts(struct buf *b, int frames)
{
	for (int i = 0; i < frames; i++) {
		unsigned size = 300 + (unsigned)(i * 37 % 100);
		put_be16(b, 0xfff1);
		put_be16(b, 0x5080 | size >> 11);
		put_be16(b, (size << 5 & 0xffff) | 0x1f);
		put8(b, 0xfc);
		put_fill(b, 'a', size - 7);
	}
}

#endif
