/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Files that are read to their end, what they are expected to be, and how FLAC and Ogg are made. */
#ifndef TESTS_UNIT_VERIFY_FILES_H
#define TESTS_UNIT_VERIFY_FILES_H

#include <FLAC/stream_encoder.h>
#include <errno.h>
#include <math.h>
#include <sys/mman.h>

#include "indexer/extract/verify.h"
#include "tests/unit/sound_files.h"

/* --- reading --- */

static inline void look(struct verify_result *r, const void *data, size_t n)
{
	_close_ int fd = memfd_create("file", MFD_CLOEXEC);
	assert_true(fd >= 0 && (n == 0 || write(fd, data, n) == (ssize_t)n));
	verify_whole(fd, NULL, NULL, r);
	assert_int_equal(r->size, n);
}

static inline void is_intact(const struct buf *b, const char *how)
{
	struct verify_result r;
	look(&r, buf_str(b), b->len);
	if (r.error)
		print_error("%d %s\n", r.error, r.reason);
	assert_int_equal(r.error, 0);
	assert_string_equal(r.how, how);
}

/** @word: of the reason. */
static inline void is_bad_bytes(const void *data, size_t n, int error, const char *word)
{
	struct verify_result r;
	look(&r, data, n);
	if (r.error != error || !strstr(r.reason, word))
		print_error("%d \"%s\", not %d \"%s\"\n", r.error, r.reason, error, word);
	assert_int_equal(r.error, error);
	assert_non_null(strstr(r.reason, word));
}

static inline void is_bad(const struct buf *b, int error, const char *word)
{
	is_bad_bytes(buf_str(b), b->len, error, word);
}

static inline void is_corrupt(const struct buf *b, const char *word)
{
	is_bad(b, -EBADMSG, word);
}

/** With one bit of the byte at @at turned. */
static inline void is_corrupt_with_flip(struct buf *b, size_t at, const char *word)
{
	b->data[at] = (char)(b->data[at] ^ 16);
	is_corrupt(b, word);
	b->data[at] = (char)(b->data[at] ^ 16);
}

static inline size_t find(const struct buf *b, const char *text)
{
	const char *p = memmem(buf_str(b), b->len, text, strlen(text));
	assert_non_null(p);
	return (size_t)(p - buf_str(b));
}

/* --- FLAC --- */

static inline FLAC__StreamEncoderWriteStatus on_write(const FLAC__StreamEncoder *e, const FLAC__byte *p, size_t n, uint32_t samples,
					       uint32_t frame, void *arg)
{
	(void)e, (void)samples, (void)frame;
	return buf_add(arg, p, n) == 0 ? FLAC__STREAM_ENCODER_WRITE_STATUS_OK : FLAC__STREAM_ENCODER_WRITE_STATUS_FATAL_ERROR;
}

static size_t at_seek;

static inline FLAC__StreamEncoderSeekStatus on_seek(const FLAC__StreamEncoder *e, FLAC__uint64 at, void *arg)
{
	(void)e, (void)arg;
	at_seek = (size_t)at;
	return FLAC__STREAM_ENCODER_SEEK_STATUS_OK;
}

/** STREAMINFO is written again at the end: into its place. */
static inline FLAC__StreamEncoderWriteStatus on_rewrite(const FLAC__StreamEncoder *e, const FLAC__byte *p, size_t n, uint32_t samples,
						 uint32_t frame, void *arg)
{
	struct buf *b = arg;
	if (!at_seek)
		return on_write(e, p, n, samples, frame, arg);
	assert_true(at_seek + n <= b->len);
	memcpy(b->data + at_seek, p, n);
	at_seek += n;
	return FLAC__STREAM_ENCODER_WRITE_STATUS_OK;
}

static inline FLAC__StreamEncoderTellStatus on_tell(const FLAC__StreamEncoder *e, FLAC__uint64 *at, void *arg)
{
	(void)e;
	*at = ((struct buf *)arg)->len;
	return FLAC__STREAM_ENCODER_TELL_STATUS_OK;
}

static inline void encode_flac(struct buf *b)
{
	enum { SAMPLES = 20000 };
	static FLAC__int32 sound[SAMPLES];
	for (int i = 0; i < SAMPLES; i++)
		sound[i] = (FLAC__int32)(9000 * sin(i / 20.0)) + i % 7;
	FLAC__StreamEncoder *e = FLAC__stream_encoder_new();
	at_seek = 0;
	FLAC__stream_encoder_set_channels(e, 1);
	assert_int_equal(FLAC__stream_encoder_init_stream(e, on_rewrite, on_seek, on_tell, NULL, b),
			 FLAC__STREAM_ENCODER_INIT_STATUS_OK);
	const FLAC__int32 *channels[] = {sound};
	assert_true(FLAC__stream_encoder_process(e, channels, SAMPLES));
	assert_true(FLAC__stream_encoder_finish(e));
	FLAC__stream_encoder_delete(e);
}

/* --- Ogg --- */

/** Bit by bit, as RFC 3533 says it. */
static inline void seal_page(struct buf *b, size_t at, uint32_t number, unsigned flags)
{
	uint32_t crc = 0;
	b->data[at + 5] = (char)(flags | (unsigned)b->data[at + 5]);
	set_le32(b, at + 18, number);
	set_le32(b, at + 22, 0);
	for (size_t i = at; i < b->len; i++)
		for (int bit = 7; bit >= 0; bit--) {
			bool is_set = ((uint8_t)b->data[i] >> bit & 1) != (crc >> 31);
			crc = crc << 1 ^ (is_set ? 0x04c11db7U : 0);
		}
	set_le32(b, at + 22, crc);
}

/** Two streams, five pages each; @without: a page that is left out, -1 none. */
static inline void build_pages(struct buf *b, int without, int last)
{
	_buf_ struct buf packet = BUF_INIT(FILE_MAX);
	put_fill(&packet, 'a', 3000);
	for (int i = 0; i <= last; i++)
		for (uint32_t serial = 7; serial < 9; serial++) {
			size_t at = b->len;
			if (i == without && serial == 8)
				continue;
			put_page(b, serial, i * 1000, &packet, 0, packet.len, false);
			seal_page(b, at, (uint32_t)i, (i == 0 ? 2U : 0) | (i == 4 ? 4U : 0));
		}
}

#endif
