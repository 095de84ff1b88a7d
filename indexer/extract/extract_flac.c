/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FLAC.  The list of metadata blocks is walked here, so that pictures and padding are passed by
 * their length and never read; libFLAC gets a small stream in memory of the two blocks that
 * matter, and judges them.
 */
#include "indexer/extract/extract.h"

#include <FLAC/stream_decoder.h>
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/extract_vorbis.h"
#include "indexer/extract/flac_frame.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/reach.h"
#include "indexer/extract/window.h"

enum {
	/** A longer comment block is read this far, by our own reader. */
	COMMENT_MAX = 1 << 20,
	/** Blocks of one file; an encoder writes about six. */
	BLOCKS_MAX = 512,
	/** At the file's end, to find its last frame: one of an ordinary file has 4 to 20 KiB. */
	TAIL_SIZE = 32 << 10,
};

/** Where the blocks are that matter. */
struct blocks {
	uint64_t stream_info, comment, audio;
	uint32_t comment_size;
	bool has_picture;
};

/** The bytes that libFLAC reads, and what it makes of them. */
struct synthetic {
	const char *data;
	size_t left;
	struct media *out;
	bool has_info;
	bool has_failed;
};

static bool flac_probe(const uint8_t *head, size_t n)
{
	if (n < 10)
		return n >= 4 && memcmp(head, "fLaC", 4) == 0;
	uint64_t start = id3_tag_size(head);
	/* Behind a tag that is larger than the head may be FLAC or MP3; the name decides then. */
	return start > n - 4 || memcmp(head + start, "fLaC", 4) == 0;
}

static FLAC__StreamDecoderReadStatus on_read(const FLAC__StreamDecoder *d, FLAC__byte *buffer,
					     size_t *bytes, void *arg)
{
	(void)d;
	struct synthetic *s = arg;
	if (*bytes > s->left)
		*bytes = s->left;
	if (*bytes == 0)
		return FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
	memcpy(buffer, s->data, *bytes);
	s->data += *bytes;
	s->left -= *bytes;
	return FLAC__STREAM_DECODER_READ_STATUS_CONTINUE;
}

static FLAC__StreamDecoderWriteStatus on_write(const FLAC__StreamDecoder *d, const FLAC__Frame *f,
					       const FLAC__int32 *const *b, void *arg)
{
	(void)d;
	(void)f;
	(void)b;
	(void)arg;
	return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
}

static void on_error(const FLAC__StreamDecoder *d, FLAC__StreamDecoderErrorStatus e, void *arg)
{
	(void)d;
	(void)e;
	((struct synthetic *)arg)->has_failed = true;
}

static void take_info(const FLAC__StreamMetadata_StreamInfo *info, struct media *out)
{
	media_set_int(out, FIELD_sample_rate, info->sample_rate);
	media_set_int(out, FIELD_channels, info->channels);
	media_set_int(out, FIELD_bits_per_sample, info->bits_per_sample);
	if (info->total_samples && info->sample_rate)
		media_set_real(out, FIELD_duration_seconds,
			       (double)info->total_samples / info->sample_rate);
}

static void on_metadata(const FLAC__StreamDecoder *d, const FLAC__StreamMetadata *m, void *arg)
{
	(void)d;
	struct synthetic *s = arg;
	if (m->type == FLAC__METADATA_TYPE_STREAMINFO) {
		s->has_info = m->data.stream_info.sample_rate != 0;
		take_info(&m->data.stream_info, s->out);
	}
	if (m->type != FLAC__METADATA_TYPE_VORBIS_COMMENT)
		return;
	const FLAC__StreamMetadata_VorbisComment *c = &m->data.vorbis_comment;
	for (FLAC__uint32 i = 0; i < c->num_comments; i++) {
		if (c->comments[i].entry)
			vorbis_comment((const char *)c->comments[i].entry, c->comments[i].length,
				       s->out);
	}
}

/** Runs libFLAC over "fLaC" and blocks in memory. */
static int decode(const struct buf *stream, struct media *out, char *reason)
{
	struct synthetic s = {.data = stream->data, .left = stream->len, .out = out};
	FLAC__StreamDecoder *d = FLAC__stream_decoder_new();
	if (!d)
		return extract_fail(reason, -ENOMEM, "out of memory");
	FLAC__stream_decoder_set_metadata_respond(d, FLAC__METADATA_TYPE_VORBIS_COMMENT);
	FLAC__StreamDecoderInitStatus status = FLAC__stream_decoder_init_stream(
		d, on_read, NULL, NULL, NULL, NULL, on_write, on_metadata, on_error, &s);
	bool is_good = status == FLAC__STREAM_DECODER_INIT_STATUS_OK &&
		       FLAC__stream_decoder_process_until_end_of_metadata(d);
	const char *state = FLAC__stream_decoder_get_resolved_state_string(d);
	int r = 0;
	if (!is_good || s.has_failed || !s.has_info)
		r = extract_fail(reason, -EBADMSG, "the FLAC metadata is damaged (%s)",
				 s.has_info ? state : "no sample rate");
	FLAC__stream_decoder_delete(d);
	return r;
}

/** Adds a block of the file to the synthetic stream. */
static int add_block(struct window *w, struct buf *stream, unsigned type, uint64_t at, uint32_t n,
		     char *reason)
{
	_buf_ struct buf scratch = BUF_INIT(COMMENT_MAX);
	const uint8_t *data = window_copy(w, at, n, &scratch);
	if (!data)
		return window_fail(w, reason, "the file ends inside its FLAC metadata");
	const uint8_t header[] = {(uint8_t)type, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	buf_add(stream, header, sizeof header);
	return buf_add(stream, data, n);
}

/** A comment block that is larger than any honest one: what its first part holds. */
static int read_large_comment(struct window *w, const struct blocks *b, struct media *out,
			      char *reason)
{
	_buf_ struct buf scratch = BUF_INIT(COMMENT_MAX);
	const uint8_t *data = window_copy(w, b->comment, COMMENT_MAX, &scratch);
	if (!data)
		return window_fail(w, reason, "the file ends inside its FLAC metadata");
	extract_vorbis_comments(data, COMMENT_MAX, out);
	return 0;
}

static int read_blocks(struct window *w, const struct blocks *b, struct media *out, char *reason)
{
	_buf_ struct buf stream = BUF_INIT(COMMENT_MAX + 256);
	bool is_large = b->comment_size > COMMENT_MAX;
	bool has_comment = b->comment && !is_large;
	buf_adds(&stream, "fLaC");
	unsigned type = has_comment ? 0 : 0x80;
	int r = add_block(w, &stream, type, b->stream_info, FLAC_INFO_SIZE, reason);
	if (r == 0 && has_comment)
		r = add_block(w, &stream, 0x84, b->comment, b->comment_size, reason);
	if (r == 0)
		r = decode(&stream, out, reason);
	if (r == 0 && is_large)
		r = read_large_comment(w, b, out, reason);
	return r;
}

static void note_block(struct blocks *b, unsigned type, uint64_t at, uint32_t n)
{
	if (type == FLAC__METADATA_TYPE_PICTURE) {
		b->has_picture = true;
	} else if (type == FLAC__METADATA_TYPE_VORBIS_COMMENT && !b->comment) {
		b->comment = at;
		b->comment_size = n;
	}
}

/** For a read that gave nothing: the file ends before @least, or could not be read. */
static int cut_metadata(const struct window *w, uint64_t least, char *reason)
{
	if (least > w->size && !w->error)
		return incomplete_at(reason, w->size, "its FLAC metadata", least);
	return window_fail(w, reason, "the file ends inside its FLAC metadata");
}

/** Walks the blocks' headers from @at on; b->audio stays 0 when the file ends before. */
static int walk(struct window *w, uint64_t at, struct blocks *b, char *reason)
{
	const uint8_t *p = window_get(w, at, 8);
	if (!p)
		return cut_metadata(w, at + 8 + FLAC_INFO_SIZE, reason);
	if ((p[4] & 127) != 0 || get_be24(p + 5) != FLAC_INFO_SIZE)
		return window_fail(w, reason, "the FLAC file does not begin with STREAMINFO");
	at += 4;
	b->stream_info = at + 4;
	for (int i = 0; i < BLOCKS_MAX; i++) {
		p = window_get(w, at, 4);
		if (!p)
			return cut_metadata(w, at + 4, reason);
		unsigned type = p[0] & 127;
		bool is_last = p[0] >> 7;
		uint32_t n = get_be24(p + 1);
		if (type == 127)
			return extract_fail(reason, -EBADMSG, "the FLAC metadata is damaged");
		if (n > w->size - at - 4) {
			/* A cut picture tells that there was one; cut comments tell nothing. */
			note_block(b, type == FLAC__METADATA_TYPE_PICTURE ? type : 0, at + 4, n);
			return cut_metadata(w, at + 4 + n, reason);
		}
		note_block(b, type, at + 4, n);
		at += 4 + n;
		if (is_last) {
			b->audio = at;
			return 0;
		}
	}
	return extract_fail(reason, -EBADMSG, "the FLAC metadata has no end");
}

/* --- where the sound ends --- */

/** The last frame, in the last WINDOW_SIZE bytes or else in TAIL_SIZE.  False when it is unknown. */
static bool find_last(struct window *w, const struct flac_info *info, uint64_t audio,
		      struct flac_last *last)
{
	static const size_t sizes[] = {WINDOW_SIZE, TAIL_SIZE};
	uint64_t most = w->size - audio;
	bool is_found = false;
	_buf_ struct buf scratch = BUF_INIT(TAIL_SIZE);
	for (size_t i = 0; i < COUNT_OF(sizes) && !is_found; i++) {
		size_t n = most < sizes[i] ? (size_t)most : sizes[i];
		const uint8_t *tail = window_copy(w, w->size - n, n, &scratch);
		is_found = tail && flac_find_last(info, tail, n, last);
	}
	return is_found;
}

/**
 * Whether numbers of samples and bytes fit together: sound never takes more than uncompressed, and
 * where it seems to, the frames found are not of this stream.
 */
static bool is_plausible(const struct flac_info *info, uint64_t samples, uint64_t bytes)
{
	return bytes / 2 <= samples * info->channels * ((info->bits + 7) / 8) + TAIL_SIZE;
}

/**
 * Looks for the end of the sound.  By arithmetic alone when the file is far too short; else its
 * last frame is read, which costs a cold disk a seek: only while the file may still be copied.
 */
static int check_end(struct window *w, uint64_t stream_info, uint64_t audio, bool is_fresh,
		     char *reason)
{
	const uint8_t *p = window_get(w, stream_info, FLAC_INFO_SIZE);
	struct flac_info info = p ? flac_info_parse(p) : (struct flac_info){0};
	if (info.samples == 0 || info.max_block == 0)
		return 0;
	uint64_t frames = info.samples / info.max_block;
	uint64_t sound = frames * info.min_frame;
	uint64_t least = audio + (sound > FLAC_FRAME_MIN ? sound : FLAC_FRAME_MIN);
	if (w->size < least)
		return incomplete_at(reason, w->size, "its FLAC header", least);
	struct flac_last last;
	if (!is_fresh || !find_last(w, &info, audio, &last) ||
	    !is_plausible(&info, last.samples, w->size - audio))
		return 0;
	char there[GROUPED_MAX], wanted[GROUPED_MAX];
	if (last.samples < info.samples)
		return incomplete(reason, "the sound ends after %s of %s samples",
				  incomplete_number(last.samples, there),
				  incomplete_number(info.samples, wanted));
	if (!last.is_whole)
		return incomplete(reason, "the file ends at %s bytes, inside its last frame",
				  incomplete_number(w->size, there));
	return 0;
}

/** Finds "fLaC", behind an ID3 tag perhaps. */
static int find_start(struct window *w, uint64_t *start, char *reason)
{
	const uint8_t *p = window_get(w, 0, 10);
	*start = p ? id3_tag_size(p) : 0;
	if (*start > w->size)
		return incomplete_at(reason, w->size, "its ID3 tag", *start);
	size_t n = w->size - *start < 4 ? (size_t)(w->size - *start) : 4;
	p = window_get(w, *start, n);
	bool is_like = p && memcmp(p, "fLaC", n) == 0;
	if (is_like && n < 4)
		return cut_metadata(w, *start + 8 + FLAC_INFO_SIZE, reason);
	if (is_like)
		return 0;
	return window_fail(w, reason, "it is not a FLAC file");
}

static int flac_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct blocks b = {0};
	uint64_t start;
	window_init(&w, in);
	int r = find_start(&w, &start, reason);
	if (r < 0)
		return r;
	r = walk(&w, start, &b, reason);
	if (b.stream_info && in->size >= b.stream_info + FLAC_INFO_SIZE) {
		/* The first damage is the one to tell of. */
		char ignored[EXTRACT_REASON];
		int read = read_blocks(&w, &b, out, r < 0 ? ignored : reason);
		r = r < 0 ? r : read;
	}
	bool has_picture = b.has_picture || media_int(out, FIELD_has_picture, 0);
	media_set_int(out, FIELD_has_picture, has_picture);
	double duration = media_real(out, FIELD_duration_seconds, 0);
	if (r == 0 && duration > 0)
		media_set_int(out, FIELD_bitrate,
			      (int64_t)((double)(in->size - b.audio) * 8 / duration / 1000));
	return r < 0 ? r : check_end(&w, b.stream_info, b.audio, in->is_fresh, reason);
}

const struct extractor extract_flac = {
	.name = "flac",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"flac", NULL},
	.probe = flac_probe,
	.read = flac_read,
	.reach = &(const struct reach){WINDOW_SIZE, true, reach_flac, WINDOW_FILL},
};
