/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FLAC (RFC 9639).  The list of metadata blocks is walked by its headers, so that pictures and
 * padding are passed by their length; STREAMINFO and the comments are read here, with one view of
 * the file's start, or of what stands behind a picture.  The sound is not: checking it is the work
 * of libFLAC in an integrity check.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/flac_frame.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/picture.h"
#include "indexer/extract/reach.h"
#include "indexer/extract/tag_places.h"
#include "indexer/extract/window.h"

/** Types of metadata blocks. */
enum {
	BLOCK_COMMENT = 4,
	BLOCK_PICTURE = 6,
	BLOCK_INVALID = 127,
};

enum {
	/** A longer comment block is read this far. */
	COMMENT_MAX = 1 << 20,
	/** Blocks of one file; an encoder writes about six. */
	BLOCKS_MAX = 512,
	/** At the file's end, to find its last frame: one of an ordinary file has 4 to 20 KiB. */
	TAIL_SIZE = 32 << 10,
};

/** What the blocks tell. */
struct blocks {
	struct media *out;
	struct flac_info info;
	/** Where the sound begins; 0 while that is not known. */
	uint64_t audio;
	bool has_info, has_comment, is_comment_damaged;
};

static bool flac_probe(const uint8_t *head, size_t n)
{
	if (n < 10)
		return n >= 4 && memcmp(head, "fLaC", 4) == 0;
	uint64_t start = id3_tag_size(head);
	/* Behind a tag that is larger than the head may be FLAC or MP3; the name decides then. */
	return start > n - 4 || memcmp(head + start, "fLaC", 4) == 0;
}

static void take_info(struct blocks *b, const uint8_t *p)
{
	b->info = flac_info_parse(p);
	b->has_info = b->info.rate != 0;
	if (!b->has_info)
		return;
	media_set_int(b->out, FIELD_sample_rate, b->info.rate);
	media_set_int(b->out, FIELD_channels, b->info.channels);
	media_set_int(b->out, FIELD_bits_per_sample, b->info.bits);
	if (b->info.samples)
		media_set_real(b->out, FIELD_duration_seconds,
			       (double)b->info.samples / b->info.rate);
}

/** @n: bytes that are there.  The first comment block counts, there should be one. */
static void take_comment(struct window *w, struct blocks *b, uint64_t at, uint64_t n)
{
	if (b->has_comment)
		return;
	b->has_comment = true;
	size_t most = n < COMMENT_MAX ? (size_t)n : COMMENT_MAX;
	_buf_ struct buf scratch = BUF_INIT(COMMENT_MAX);
	const uint8_t *data = window_copy(w, at, most, &scratch);
	bool is_good = data && extract_vorbis_comments(data, most, w->in->hashes_pictures, b->out) == 0;
	/* What follows the first part of a large one was not read: that is no damage. */
	b->is_comment_damaged = !is_good && n <= COMMENT_MAX;
}

static void take_picture(struct window *w, struct blocks *b, uint64_t at, uint64_t n)
{
	struct picture picture = {0};
	size_t most = n < PICTURE_HEAD ? (size_t)n : PICTURE_HEAD;
	const uint8_t *p = window_get(w, at, most);
	if (p)
		picture_parse_flac(p, most, n, &picture);
	picture_take(b->out, w, picture.kind, at + picture.skip, picture.bytes,
		     w->in->hashes_pictures);
}

static void take_block(struct window *w, struct blocks *b, unsigned type, uint64_t at, uint64_t n)
{
	if (type == BLOCK_PICTURE)
		take_picture(w, b, at, n);
	else if (type == BLOCK_COMMENT)
		take_comment(w, b, at, n);
}

/** For a read that gave nothing: the file ends before @least, or could not be read. */
static int cut_metadata(const struct window *w, uint64_t least, char *reason)
{
	if (least > w->size && !w->error)
		return incomplete_at(reason, w->size, "its FLAC metadata", least);
	return window_fail(w, reason, "the file ends inside its FLAC metadata");
}

/** Walks the blocks from @at on; b->audio stays 0 when the file ends before. */
static int walk(struct window *w, uint64_t at, struct blocks *b, char *reason)
{
	uint64_t info = at + 8;
	const uint8_t *p = window_get(w, at, 8);
	if (!p)
		return cut_metadata(w, info + FLAC_INFO_SIZE, reason);
	if ((p[4] & 127) != 0 || get_be24(p + 5) != FLAC_INFO_SIZE)
		return window_fail(w, reason, "the FLAC file does not begin with STREAMINFO");
	p = window_get(w, info, FLAC_INFO_SIZE);
	if (!p)
		return cut_metadata(w, info + FLAC_INFO_SIZE, reason);
	take_info(b, p);
	at += 4;
	for (int i = 0; i < BLOCKS_MAX; i++) {
		p = window_get(w, at, 4);
		if (!p)
			return cut_metadata(w, at + 4, reason);
		unsigned type = p[0] & 127;
		bool is_last = p[0] >> 7;
		uint32_t n = get_be24(p + 1);
		at += 4;
		if (type == BLOCK_INVALID)
			return extract_fail(reason, -EBADMSG, "the FLAC metadata is damaged");
		/* Of a cut block what is there is taken. */
		uint64_t there = n < w->size - at ? n : w->size - at;
		take_block(w, b, type, at, there);
		if (there < n)
			return cut_metadata(w, at + n, reason);
		at += n;
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
static int check_end(struct window *w, const struct blocks *b, bool is_fresh, char *reason)
{
	const struct flac_info *info = &b->info;
	uint64_t audio = b->audio;
	if (info->samples == 0 || info->max_block == 0)
		return 0;
	uint64_t frames = info->samples / info->max_block;
	uint64_t sound = frames * info->min_frame;
	uint64_t least = audio + (sound > FLAC_FRAME_MIN ? sound : FLAC_FRAME_MIN);
	if (w->size < least)
		return incomplete_at(reason, w->size, "its FLAC header", least);
	struct flac_last last;
	if (!is_fresh || !find_last(w, info, audio, &last) ||
	    !is_plausible(info, last.samples, w->size - audio))
		return 0;
	char there[GROUPED_MAX], wanted[GROUPED_MAX];
	if (last.samples < info->samples)
		return incomplete(reason, "the sound ends after %s of %s samples",
				  incomplete_number(last.samples, there),
				  incomplete_number(info->samples, wanted));
	if (!last.is_whole)
		return incomplete(reason, "the file ends at %s bytes, inside its last frame",
				  incomplete_number(w->size, there));
	return 0;
}

/**
 * The duration of a stream that was written without going back to tell it: its last frame counts,
 * if it is there to its end, which its checksum proves.
 */
static void measure(struct window *w, const struct blocks *b)
{
	struct flac_info info = b->info;
	struct flac_last last;
	info.samples = FLAC_SAMPLES_MAX;
	if (info.max_block && find_last(w, &info, b->audio, &last) && last.is_whole &&
	    is_plausible(&info, last.samples, w->size - b->audio))
		media_set_real(b->out, FIELD_duration_seconds, (double)last.samples / info.rate);
}

static void set_bitrate(struct media *out, uint64_t bytes)
{
	double duration = media_real(out, FIELD_duration_seconds, 0);
	double bitrate = duration > 0 ? (double)bytes * 8 / duration / 1000 : 0;
	if (bitrate > 0 && bitrate < 1e6)
		media_set_int(out, FIELD_bitrate, (int64_t)bitrate);
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

/** A tag of another format in front fills up what the comments lack. */
static void take_id3(struct window *w, struct media *out)
{
	struct media more;
	media_init(&more);
	tag_id3_all(w, &more);
	tag_fill(out, &more);
	media_clear(&more);
}

static int flac_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct blocks b = {.out = out};
	uint64_t start;
	window_init(&w, in);
	int r = find_start(&w, &start, reason);
	if (r < 0)
		return r;
	r = walk(&w, start, &b, reason);
	if (start)
		take_id3(&w, out);
	media_set_int(out, FIELD_has_picture, media_int(out, FIELD_has_picture, 0));
	if (r < 0)
		return r;
	if (!b.has_info)
		return extract_fail(reason, -EBADMSG, "the FLAC file tells no sample rate");
	if (b.info.samples == 0)
		measure(&w, &b);
	set_bitrate(out, in->size - b.audio);
	if (b.is_comment_damaged)
		return window_fail(&w, reason, "the FLAC comments are damaged");
	return check_end(&w, &b, in->is_fresh, reason);
}

const struct extractor extract_flac = {
	.name = "flac",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"flac", NULL},
	.probe = flac_probe,
	.read = flac_read,
	.reach = &(const struct reach){WINDOW_SIZE, true, reach_flac, WINDOW_FILL, NULL},
};
