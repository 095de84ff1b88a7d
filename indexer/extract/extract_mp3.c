/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MP3 (and MPEG layers I and II): tags at both ends, and the length of what is between.  The
 * file's end is read only when the tag at the start has no title or artist, or when the length
 * must be told from the audio's size.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "indexer/extract/extract_id3.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/mpeg_frame.h"
#include "indexer/extract/reach.h"
#include "indexer/extract/window.h"

enum {
	APE_FOOTER = 32,
	/** Tags that may follow each other at the start. */
	TAGS_MAX = 4,
	/** Bytes that a header's count may be too high by: encoders differ in what they count. */
	COUNT_SLACK = 2048,
	/** How well a lack must match the tag in front, to be taken for it: one tag behind. */
	TAG_SLACK = 256,
};

/** Where the audio ends: in front of ID3v1 and APEv2.  *v1 is the former, or NULL. */
static uint64_t find_end(struct window *w, const uint8_t **v1)
{
	size_t most = ID3V1_SIZE + APE_FOOTER;
	size_t n = w->size < most ? (size_t)w->size : most;
	const uint8_t *tail = window_get(w, w->size - n, n);
	uint64_t end = w->size;
	*v1 = NULL;
	if (!tail)
		return end;
	if (n >= ID3V1_SIZE && memcmp(tail + n - ID3V1_SIZE, "TAG", 3) == 0) {
		*v1 = tail + n - ID3V1_SIZE;
		end -= ID3V1_SIZE;
		n -= ID3V1_SIZE;
	}
	if (n < APE_FOOTER || memcmp(tail + n - APE_FOOTER, "APETAGEX", 8) != 0)
		return end;
	const uint8_t *ape = tail + n - APE_FOOTER;
	bool has_header = get_le32(ape + 20) >> 31;
	uint64_t size = get_le32(ape + 12) + (has_header ? UINT64_C(32) : 0);
	return size < end ? end - size : end;
}

static void set_source(struct media *out, bool has_v1)
{
	static const enum field_id fields[] = {FIELD_title, FIELD_artist, FIELD_album, FIELD_track,
					       FIELD_date,  FIELD_genre,  FIELD_album_artist};
	bool has_v2 = false;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		has_v2 |= media_has(out, fields[i]);
	const char *source = has_v2 ? "id3v2" : has_v1 ? "id3v1" : "";
	media_set_text(out, FIELD_tag_source, source, strlen(source));
}

/** No frame was found behind @start: perhaps because nothing, or less than one frame, is there. */
static int no_audio(struct window *w, uint64_t start, char *reason)
{
	if (start >= w->size)
		return incomplete_at(reason, w->size, "its ID3 tag", start + 1);
	uint64_t rest = w->size - start;
	const uint8_t *p = window_get(w, start, rest < 4 ? (size_t)rest : 4);
	struct mpeg_frame f;
	if (p && rest < 4 && p[0] == 0xff)
		return incomplete_at(reason, w->size, "its first frame", start + 4);
	if (p && rest >= 4 && mpeg_frame_parse(p, &f) && f.size > rest)
		return incomplete_at(reason, w->size, "its first frame", start + f.size);
	return window_fail(w, reason, "no MPEG audio frame was found");
}

/**
 * Whether a Xing, Info or VBRI header counts more bytes than there are.  Old encoders counted the
 * tag in front too.
 */
static bool is_cut(const struct mpeg_stream *s, uint64_t size)
{
	uint64_t rest = size - s->at;
	if (s->bytes <= rest + COUNT_SLACK)
		return false;
	uint64_t lost = s->bytes - rest;
	return lost > s->at + TAG_SLACK || lost + TAG_SLACK < s->at;
}

/** The audio and the tags at the end. */
static int read_audio(struct window *w, uint64_t start, struct media *out, char *reason)
{
	struct mpeg_stream s;
	bool has_audio = mpeg_find(w, start, &s);
	bool has_names = media_has(out, FIELD_title) && media_has(out, FIELD_artist);
	uint64_t end = w->size;
	const uint8_t *v1 = NULL;
	if (!has_names || (has_audio && s.samples == 0))
		end = find_end(w, &v1);
	set_source(out, v1 && !has_names);
	if (v1 && !has_names)
		id3_read_v1(v1, out);
	if (!has_audio)
		return no_audio(w, start, reason);
	double seconds = mpeg_seconds(&s, end);
	media_set_int(out, FIELD_sample_rate, s.first.rate);
	media_set_int(out, FIELD_channels, s.first.channels);
	if (seconds > 0)
		media_set_real(out, FIELD_duration_seconds, seconds);
	if (mpeg_bitrate(&s, end))
		media_set_int(out, FIELD_bitrate, mpeg_bitrate(&s, end));
	if (is_cut(&s, w->size))
		return incomplete_at(reason, w->size, "its MP3 header", s.at + s.bytes);
	return 0;
}

static int mp3_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	uint64_t start = 0;
	window_init(&w, in);
	const uint8_t *p = window_get(&w, 0, 10);
	uint64_t size = p ? id3_tag_size(p) : 0;
	if (size) {
		int r = id3_read_v2(&w, size, out);
		if (r < 0)
			return window_fail(&w, reason, "");
		start = size;
	}
	media_set_int(out, FIELD_has_picture, media_int(out, FIELD_has_picture, 0));
	if (size > in->size) {
		set_source(out, false);
		return incomplete_at(reason, in->size, "its ID3 tag", size);
	}
	if (in->size < 10 && memcmp(in->head, "ID3", in->size < 3 ? (size_t)in->size : 3) == 0)
		return incomplete_at(reason, in->size, "its ID3 tag", 10);
	/* Some programs put a second tag behind the first instead of changing it. */
	for (int i = 0; size && i < TAGS_MAX; i++) {
		p = window_get(&w, start, 10);
		size = p ? id3_tag_size(p) : 0;
		start += size;
	}
	return read_audio(&w, start, out, reason);
}

static bool mp3_probe(const uint8_t *head, size_t n)
{
	struct mpeg_frame first, next;
	if (n >= 10 && id3_tag_size(head))
		return true;
	return n >= 4 && mpeg_frame_parse(head, &first) && n >= first.size + 4U &&
	       mpeg_frame_parse(head + first.size, &next);
}

const struct extractor extract_mp3 = {
	.name = "mp3",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"mp3", NULL},
	.probe = mp3_probe,
	.read = mp3_read,
	.reach = &(const struct reach){WINDOW_FILL, false, reach_mp3, WINDOW_SIZE},
};
