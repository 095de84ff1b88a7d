/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small media files made byte by byte: what is in them is known, no other program is needed. */
#ifndef TESTS_UNIT_MEDIA_FILES_H
#define TESTS_UNIT_MEDIA_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "indexer/extract/extract.h"

enum {
	FILE_MAX = 32 << 20,
};

/* --- numbers --- */

static inline void put8(struct buf *b, unsigned v)
{
	buf_addc(b, (char)v);
}

static inline void put_be16(struct buf *b, unsigned v)
{
	put8(b, v >> 8 & 255);
	put8(b, v & 255);
}

static inline void put_be24(struct buf *b, unsigned v)
{
	put8(b, v >> 16 & 255);
	put_be16(b, v);
}

static inline void put_be32(struct buf *b, uint32_t v)
{
	put_be16(b, v >> 16);
	put_be16(b, v);
}

static inline void put_le16(struct buf *b, unsigned v)
{
	put8(b, v & 255);
	put8(b, v >> 8 & 255);
}

static inline void put_le32(struct buf *b, uint32_t v)
{
	put_le16(b, v);
	put_le16(b, v >> 16);
}

static inline void put_le64(struct buf *b, uint64_t v)
{
	put_le32(b, (uint32_t)v);
	put_le32(b, (uint32_t)(v >> 32));
}

static inline void put_syncsafe(struct buf *b, uint32_t v)
{
	for (int shift = 21; shift >= 0; shift -= 7)
		put8(b, v >> shift & 127);
}

static inline void put_fill(struct buf *b, char c, size_t n)
{
	while (n--)
		buf_addc(b, c);
}

static inline void put_buf(struct buf *b, const struct buf *other)
{
	buf_add(b, buf_str(other), other->len);
}

/** Overwrites four bytes. */
static inline void set_be32(struct buf *b, size_t at, uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		b->data[at + (size_t)i] = (char)(v & 255);
}

static inline void set_le32(struct buf *b, size_t at, uint32_t v)
{
	for (size_t i = 0; i < 4; i++, v >>= 8)
		b->data[at + i] = (char)(v & 255);
}

/* --- Vorbis comments, FLAC --- */

/** @lines: NULL at the end; an entry "@n" is a METADATA_BLOCK_PICTURE of n bytes. */
static inline void put_comments(struct buf *b, const char *const *lines)
{
	put_le32(b, 6);
	buf_adds(b, "vendor");
	size_t count = b->len;
	uint32_t n = 0;
	put_le32(b, 0);
	for (; lines[n]; n++) {
		size_t picture = lines[n][0] == '@' ? strtoul(lines[n] + 1, NULL, 10) : 0;
		put_le32(b, (uint32_t)(picture ? picture + 23 : strlen(lines[n])));
		buf_adds(b, picture ? "METADATA_BLOCK_PICTURE=" : lines[n]);
		put_fill(b, 'A', picture);
	}
	set_le32(b, count, n);
}

static inline void put_block(struct buf *b, unsigned type, const struct buf *body)
{
	put8(b, type);
	put_be24(b, (unsigned)body->len);
	put_buf(b, body);
}

/**
 * What stands in front of the sound: 44,100 Hz, 2 channels, 16 bits, blocks of 4,096.
 * @picture: bytes of a picture in front of the comments, or 0.
 */
static inline void put_flac_head(struct buf *b, const char *const *lines, uint64_t samples,
				 size_t picture)
{
	_buf_ struct buf block = BUF_INIT(FILE_MAX);
	buf_adds(b, "fLaC");
	put_be16(&block, 4096);
	put_be16(&block, 4096);
	put_fill(&block, 0, 6);
	put_be32(&block, 44100u << 12 | 1u << 9 | 15u << 4 | (uint32_t)(samples >> 32 & 15));
	put_be32(&block, (uint32_t)samples);
	put_fill(&block, 7, 16);
	put_block(b, 0, &block);
	buf_reset(&block);
	put_fill(&block, 'P', picture);
	if (picture)
		put_block(b, 6, &block);
	buf_reset(&block);
	put_comments(&block, lines);
	put_block(b, 4, &block);
	buf_reset(&block);
	put_fill(&block, 0, 100);
	put_block(b, 0x81, &block);
}

/** With sound that has no frames. */
static inline void build_flac(struct buf *b, const char *const *lines, uint64_t samples,
			      size_t picture)
{
	put_flac_head(b, lines, samples, picture);
	put_fill(b, 'a', 10000);
}

/* --- Ogg --- */

/** One page of whole packets, or a part of one; @more: the last packet goes on. */
static inline void put_page(struct buf *b, uint32_t serial, int64_t clock, const struct buf *packet,
			    size_t at, size_t n, bool more)
{
	buf_add(b, "OggS", 5);
	put8(b, at ? 1 : 0);
	put_le64(b, (uint64_t)clock);
	put_le32(b, serial);
	put_le32(b, 0);
	put_le32(b, 0);
	size_t pieces = n / 255 + (more ? 0 : 1);
	put8(b, (unsigned)pieces);
	for (size_t i = 0; i < pieces; i++)
		put8(b, i < n / 255 ? 255 : (unsigned)(n % 255));
	buf_add(b, buf_str(packet) + at, n);
}

static inline void put_packet(struct buf *b, uint32_t serial, int64_t clock,
			      const struct buf *packet)
{
	size_t at = 0;
	for (; packet->len - at >= 255 * 255; at += 255 * 255)
		put_page(b, serial, -1, packet, at, 255 * 255, true);
	put_page(b, serial, clock, packet, at, packet->len - at, false);
}

/** Vorbis at 44,100 Hz or Opus with 312 samples to skip; the clock ends at @clock. */
static inline void build_ogg(struct buf *b, bool is_opus, const char *const *lines, int64_t clock)
{
	_buf_ struct buf packet = BUF_INIT(FILE_MAX);
	if (is_opus) {
		buf_adds(&packet, "OpusHead\x01\x02");
		put_le16(&packet, 312);
		put_le32(&packet, 44100);
		put_fill(&packet, 0, 3);
	} else {
		buf_adds(&packet, "\x01vorbis");
		put_le32(&packet, 0);
		put8(&packet, 2);
		put_le32(&packet, 44100);
		put_fill(&packet, 0, 14);
	}
	put_packet(b, 77, 0, &packet);
	buf_reset(&packet);
	buf_adds(&packet, is_opus ? "OpusTags" : "\x03vorbis");
	put_comments(&packet, lines);
	put_packet(b, 77, 0, &packet);
	buf_reset(&packet);
	put_fill(&packet, 'a', 9000);
	put_packet(b, 77, clock, &packet);
	/* A page of another stream, whose clock must not count. */
	put_packet(b, 78, 1 << 30, &packet);
}

/* --- MP4 --- */

static inline size_t open_atom(struct buf *b, const char *type)
{
	put_be32(b, 0);
	buf_add(b, type, 4);
	return b->len - 8;
}

static inline void close_atom(struct buf *b, size_t at)
{
	set_be32(b, at, (uint32_t)(b->len - at));
}

static inline void put_data(struct buf *b, unsigned type, const void *p, size_t n)
{
	size_t data = open_atom(b, "data");
	put_be32(b, type);
	put_be32(b, 0);
	buf_add(b, p, n);
	close_atom(b, data);
}

static inline void put_item(struct buf *b, const char *type, unsigned kind, const void *p, size_t n)
{
	size_t item = open_atom(b, type);
	put_data(b, kind, p, n);
	close_atom(b, item);
}

static inline void put_text_item(struct buf *b, const char *type, const char *text)
{
	put_item(b, type, 1, text, strlen(text));
}

static inline void put_freeform(struct buf *b, const char *name, const char *text)
{
	size_t item = open_atom(b, "----"), a = open_atom(b, "mean");
	put_be32(b, 0);
	buf_adds(b, "com.apple.iTunes");
	close_atom(b, a);
	a = open_atom(b, "name");
	put_be32(b, 0);
	buf_adds(b, name);
	close_atom(b, a);
	put_data(b, 1, text, strlen(text));
	close_atom(b, item);
}

/** A sound track of 441,000 / 44,100 seconds; ALAC of 24 bits and 96 kHz, or AAC. */
static inline void put_track(struct buf *b, bool is_alac)
{
	size_t trak = open_atom(b, "trak"), mdia = open_atom(b, "mdia"), a = open_atom(b, "mdhd");
	put_fill(b, 0, 12);
	put_be32(b, 44100);
	put_be32(b, 441000);
	put_be32(b, 0);
	close_atom(b, a);
	a = open_atom(b, "hdlr");
	put_fill(b, 0, 8);
	buf_adds(b, "soun");
	put_fill(b, 0, 13);
	close_atom(b, a);
	size_t minf = open_atom(b, "minf"), stbl = open_atom(b, "stbl");
	size_t stsd = open_atom(b, "stsd");
	put_be32(b, 0);
	put_be32(b, 1);
	a = open_atom(b, is_alac ? "alac" : "mp4a");
	put_fill(b, 0, 16);
	put_be16(b, 2);
	put_be16(b, 16);
	put_be32(b, 0);
	put_be32(b, is_alac ? 0 : 44100u << 16);
	if (is_alac) {
		size_t cookie = open_atom(b, "alac");
		put_fill(b, 0, 8);
		put_be32(b, 24u << 16);
		put_be32(b, 2u << 16);
		put_fill(b, 0, 8);
		put_be32(b, 96000);
		close_atom(b, cookie);
	}
	close_atom(b, a);
	close_atom(b, stsd);
	a = open_atom(b, "stsz");
	put_fill(b, 1, 20000);
	close_atom(b, a);
	close_atom(b, stbl);
	close_atom(b, minf);
	close_atom(b, mdia);
	close_atom(b, trak);
}

/** @items: the inside of ilst. @is_fast: the index stands in front of the audio. */
static inline void build_mp4(struct buf *b, const struct buf *items, bool is_alac, bool is_fast)
{
	size_t a = open_atom(b, "ftyp");
	buf_adds(b, "M4A ....");
	close_atom(b, a);
	_buf_ struct buf audio = BUF_INIT(FILE_MAX);
	a = open_atom(&audio, "mdat");
	put_fill(&audio, 'a', 30000);
	close_atom(&audio, a);
	if (!is_fast)
		put_buf(b, &audio);
	size_t moov = open_atom(b, "moov");
	a = open_atom(b, "mvhd");
	put_fill(b, 0, 12);
	put_be32(b, 1000);
	put_be32(b, 9000);
	put_fill(b, 0, 80);
	close_atom(b, a);
	put_track(b, is_alac);
	size_t udta = open_atom(b, "udta"), meta = open_atom(b, "meta");
	put_be32(b, 0);
	a = open_atom(b, "hdlr");
	put_fill(b, 0, 25);
	close_atom(b, a);
	a = open_atom(b, "ilst");
	put_buf(b, items);
	close_atom(b, a);
	close_atom(b, meta);
	close_atom(b, udta);
	close_atom(b, moov);
	if (is_fast)
		put_buf(b, &audio);
}

/* --- MP3 --- */

/** A frame of an ID3v2 tag. */
static inline void put_frame(struct buf *b, unsigned version, const char *id, const void *p,
			     size_t n)
{
	buf_add(b, id, version == 2 ? 3 : 4);
	if (version == 2)
		put_be24(b, (unsigned)n);
	else if (version == 3)
		put_be32(b, (uint32_t)n);
	else
		put_syncsafe(b, (uint32_t)n);
	if (version > 2)
		put_be16(b, 0);
	buf_add(b, p, n);
}

/** @text: what follows the encoding byte, to its end. */
static inline void put_text_frame(struct buf *b, unsigned version, const char *id, char encoding,
				  const char *text, size_t n)
{
	_buf_ struct buf body = BUF_INIT(FILE_MAX);
	buf_addc(&body, encoding);
	buf_add(&body, text, n);
	put_frame(b, version, id, body.data, body.len);
}

static inline void put_id3(struct buf *b, unsigned version, unsigned flags,
			   const struct buf *frames)
{
	buf_adds(b, "ID3");
	put8(b, version);
	put8(b, 0);
	put8(b, flags);
	put_syncsafe(b, (uint32_t)frames->len);
	put_buf(b, frames);
}

/** MPEG 1 layer III, 128 kbit/s, 44,100 Hz: 417 bytes, 1,152 samples each. */
static inline void put_mpeg(struct buf *b, int frames)
{
	for (int i = 0; i < frames; i++) {
		put_be32(b, 0xfffb9000);
		put_fill(b, 'a', 413);
	}
}

/**
 * The frame in front that tells the length: of @frames frames less 576 and 1,000 samples.  @encoder: nine characters;
 * @bytes: from this frame on, 0: it does not tell.
 */
static inline void put_xing_by(struct buf *b, const char *word, uint32_t frames, const char *encoder, size_t bytes)
{
	size_t start = b->len;
	put_be32(b, 0xfffb9000);
	put_fill(b, 0, 32);
	buf_adds(b, word);
	put_be32(b, bytes ? 3 : 1);
	put_be32(b, frames);
	if (bytes)
		put_be32(b, (uint32_t)bytes);
	buf_add(b, encoder, 9);
	put_fill(b, 0, 12);
	put_be24(b, 576 << 12 | 1000);
	put_fill(b, 0, start + 417 - b->len);
}

static inline void put_xing(struct buf *b, const char *word, uint32_t frames)
{
	put_xing_by(b, word, frames, "LAME3.100", 0);
}

/* --- ZIP --- */

struct zip_file {
	const char *name;
	const void *data;
	size_t n;
	/** 0 stored, 8 deflated; bits of the entry's flags. */
	unsigned method, flags;
};

static inline void put_entry(struct buf *b, const struct zip_file *f, size_t packed, bool is_local,
			     size_t at)
{
	buf_adds(b, is_local ? "PK\3\4" : "PK\1\2");
	if (!is_local)
		put_le16(b, 20);
	put_le16(b, 20);
	put_le16(b, f->flags);
	put_le16(b, f->method);
	put_le32(b, 0);
	put_le32(b, (uint32_t)crc32(0, f->data, (uInt)f->n));
	put_le32(b, (uint32_t)packed);
	put_le32(b, (uint32_t)f->n);
	put_le16(b, (unsigned)strlen(f->name));
	put_le16(b, 0);
	if (!is_local) {
		put_fill(b, 0, 10);
		put_le32(b, (uint32_t)at);
	}
	buf_adds(b, f->name);
}

/** @files: a NULL name at the end. */
static inline void build_zip(struct buf *b, const struct zip_file *files)
{
	_buf_ struct buf directory = BUF_INIT(FILE_MAX);
	unsigned count = 0;
	for (const struct zip_file *f = files; f->name; f++, count++) {
		_free_ uint8_t *packed = malloc(f->n + 1024);
		size_t n = f->n, at = b->len;
		if (f->method == 8) {
			z_stream s = {.next_in = (Bytef *)f->data, .avail_in = (uInt)f->n};
			deflateInit2(&s, 9, Z_DEFLATED, -15, 8, 0);
			s.next_out = packed;
			s.avail_out = (uInt)(f->n + 1024);
			deflate(&s, Z_FINISH);
			n = s.total_out;
			deflateEnd(&s);
		} else if (n) {
			memcpy(packed, f->data, n);
		}
		put_entry(b, f, n, true, 0);
		buf_add(b, packed, n);
		put_entry(&directory, f, n, false, at);
	}
	size_t at = b->len;
	put_buf(b, &directory);
	buf_adds(b, "PK\5\6");
	put_le32(b, 0);
	put_le16(b, count);
	put_le16(b, count);
	put_le32(b, (uint32_t)directory.len);
	put_le32(b, (uint32_t)at);
	put_le16(b, 0);
}

/** Three pages and a ComicInfo.xml with @inside. */
static inline void build_cbz(struct buf *b, const char *inside, unsigned method)
{
	_buf_ struct buf xml = BUF_INIT(FILE_MAX);
	buf_addf(&xml, "<?xml version=\"1.0\"?>\n<ComicInfo>%s</ComicInfo>", inside);
	const struct zip_file files[] = {
		{.name = "001.jpg", .data = "page one", .n = 8},
		{.name = "pages/002.PNG", .data = "page two", .n = 8},
		{.name = "credits.txt", .data = "x", .n = 1},
		{.name = "__MACOSX/._001.jpg", .data = "x", .n = 1},
		{.name = ".hidden.jpg", .data = "x", .n = 1},
		{.name = "ComicInfo.xml", .data = xml.data, .n = xml.len, .method = method},
		{.name = "003.webp", .data = "page three", .n = 10},
		{0},
	};
	build_zip(b, files);
}

/* --- reading them --- */

/** What the last read answered; the values are in @m. */
struct tried {
	int r;
	char reason[EXTRACT_REASON];
	struct media m;
};

/** Reads @n bytes as a file of that name. */
static inline int try_bytes(struct tried *t, enum media_kind kind, const char *name,
			    const void *data, size_t n)
{
	_close_ int fd = memfd_create("media", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(n == 0 || write(fd, data, n) == (ssize_t)n);
	struct extract_input in = {.fd = fd, .path = name, .path_len = strlen(name)};
	t->r = extract_file(kind, &in, &t->m, t->reason);
	assert_int_equal(t->r < 0, t->reason[0] != '\0');
	return t->r;
}

static inline int try_buf(struct tried *t, enum media_kind kind, const char *name,
			  const struct buf *b)
{
	assert_int_equal(buf_error(b), 0);
	return try_bytes(t, kind, name, buf_str(b), b->len);
}

static inline const char *text_of(const struct tried *t, enum field_id f)
{
	static char text[MEDIA_TEXT_MAX + 1];
	size_t n;
	const char *s = media_text(&t->m, f, &n);
	if (n > MEDIA_TEXT_MAX)
		n = MEDIA_TEXT_MAX;
	memcpy(text, s, n);
	text[n] = '\0';
	return text;
}

#define ASSERT_TEXT(t, field, expected) assert_string_equal(text_of(t, FIELD_##field), expected)
#define ASSERT_INT(t, field, expected) \
	assert_int_equal(media_int(&(t)->m, FIELD_##field, -999), expected)
#define ASSERT_REAL(t, field, expected) \
	assert_float_equal(media_real(&(t)->m, FIELD_##field, -999), expected, 0.0005)
#define ASSERT_UNSET(t, field) assert_false(media_has(&(t)->m, FIELD_##field))

#endif
