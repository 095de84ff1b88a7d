/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <FLAC/stream_decoder.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/verify.h"

/** A stream that libFLAC reads. */
struct sound {
	struct verify *v;
	uint64_t at, end;
	/** By STREAMINFO, 0: not known; decoded. */
	uint64_t samples, decoded;
	unsigned rate;
	bool has_md5;
	/** The first thing that libFLAC found wrong, and behind which sample. */
	const char *wrong;
	uint64_t wrong_at;
	bool has_lost_sync;
};

/** The tags that others put behind the sound: no part of it. */
static uint64_t end_of_sound(struct verify *v)
{
	uint64_t end = v->in->size;
	const uint8_t *p = end >= 128 ? verify_get(v, end - 128, 128) : NULL;
	return p && memcmp(p, "TAG", 3) == 0 ? end - 128 : end;
}

static FLAC__StreamDecoderReadStatus on_read(const FLAC__StreamDecoder *d, FLAC__byte *buffer, size_t *bytes, void *arg)
{
	struct sound *s = arg;
	(void)d;
	size_t n = s->end - s->at < *bytes ? (size_t)(s->end - s->at) : *bytes;
	/* from our buffer: libFLAC asks for pieces of any size */
	const uint8_t *p = n ? verify_some(s->v, s->at, n, bytes) : NULL;
	if (!p) {
		*bytes = 0;
		return s->v->error ? FLAC__STREAM_DECODER_READ_STATUS_ABORT
				   : FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
	}
	memcpy(buffer, p, *bytes);
	s->at += *bytes;
	return FLAC__STREAM_DECODER_READ_STATUS_CONTINUE;
}

static FLAC__StreamDecoderWriteStatus on_write(const FLAC__StreamDecoder *d, const FLAC__Frame *f,
					       const FLAC__int32 *const *b, void *arg)
{
	struct sound *s = arg;
	(void)d;
	(void)b;
	s->decoded += f->header.blocksize;
	/* damaged frames are passed by silently: one is enough to know */
	return s->wrong ? FLAC__STREAM_DECODER_WRITE_STATUS_ABORT : FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
}

static void on_metadata(const FLAC__StreamDecoder *d, const FLAC__StreamMetadata *m, void *arg)
{
	static const FLAC__byte none[16];
	struct sound *s = arg;
	(void)d;
	if (m->type != FLAC__METADATA_TYPE_STREAMINFO)
		return;
	s->samples = m->data.stream_info.total_samples;
	s->rate = m->data.stream_info.sample_rate;
	s->has_md5 = memcmp(m->data.stream_info.md5sum, none, sizeof none) != 0;
}

static void on_error(const FLAC__StreamDecoder *d, FLAC__StreamDecoderErrorStatus e, void *arg)
{
	static const char *const texts[] = {
		[FLAC__STREAM_DECODER_ERROR_STATUS_LOST_SYNC] = "what should be a frame of sound is none",
		[FLAC__STREAM_DECODER_ERROR_STATUS_BAD_HEADER] = "the head of a frame is damaged",
		[FLAC__STREAM_DECODER_ERROR_STATUS_FRAME_CRC_MISMATCH] = "a frame has another checksum than it says",
	};
	struct sound *s = arg;
	(void)d;
	if (s->wrong)
		return;
	s->wrong = (size_t)e < COUNT_OF(texts) && texts[e] ? texts[e] : "a frame cannot be decoded";
	s->wrong_at = s->decoded;
	s->has_lost_sync = e == FLAC__STREAM_DECODER_ERROR_STATUS_LOST_SYNC;
}

static int judge(struct sound *s, bool is_done, bool is_same)
{
	struct verify *v = s->v;
	snprintf(v->how, sizeof v->how, "%llu samples%s", (unsigned long long)s->decoded,
		 s->has_md5 ? " and their MD5" : ", checksums of frames only");
	/* the piece of a frame that the file ends with is none */
	bool is_cut = s->has_lost_sync && s->at >= s->end && s->wrong_at == s->decoded && s->decoded < s->samples;
	/* all of the sound is there: what follows is a tag of another format, or padding */
	bool is_behind = s->wrong && s->has_lost_sync && s->samples && s->wrong_at >= s->samples;
	if (s->wrong && !is_cut && !is_behind)
		return extract_fail(v->reason, -EBADMSG, "%s, %.1f s from the start", s->wrong,
				    s->rate ? (double)s->wrong_at / s->rate : 0.0);
	if (s->samples && s->decoded < s->samples)
		return extract_fail(v->reason, -EBADMSG, "the sound ends after %llu of %llu samples",
				    (unsigned long long)s->decoded, (unsigned long long)s->samples);
	if (!is_done || s->decoded == 0)
		return extract_fail(v->reason, -EBADMSG, "the sound cannot be decoded");
	if (!is_same)
		return extract_fail(v->reason, -EBADMSG, "the sound has another MD5 than the file says");
	if (is_behind)
		extract_fail(v->reason, 0, "something else stands behind the sound");
	return 0;
}

int verify_flac(struct verify *v)
{
	struct sound s = {.v = v, .at = v->start, .end = end_of_sound(v)};
	FLAC__StreamDecoder *d = FLAC__stream_decoder_new();
	if (!d)
		return v->error = -ENOMEM;
	FLAC__stream_decoder_set_md5_checking(d, true);
	bool is_ready = FLAC__stream_decoder_init_stream(d, on_read, NULL, NULL, NULL, NULL, on_write, on_metadata,
							 on_error, &s) == FLAC__STREAM_DECODER_INIT_STATUS_OK;
	bool is_done = is_ready && FLAC__stream_decoder_process_until_end_of_stream(d);
	if (FLAC__stream_decoder_get_state(d) == FLAC__STREAM_DECODER_MEMORY_ALLOCATION_ERROR || !is_ready)
		v->error = -ENOMEM;
	/* false: the MD5 differs */
	bool is_same = is_ready && FLAC__stream_decoder_finish(d);
	FLAC__stream_decoder_delete(d);
	return v->error ? v->error : judge(&s, is_done, is_same);
}
