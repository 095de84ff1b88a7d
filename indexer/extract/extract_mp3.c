/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MP3 (and MPEG layers I and II): tags at both ends (tag_places.h says which counts), and the length of what is
 * between.  The file's end is read whatever stands in front: programs that measure loudness write it into an APE tag
 * there.  Only where the sound's own header says that it goes on to the last byte, nothing else can be there.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "indexer/extract/extract_id3.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/mpeg_frame.h"
#include "indexer/extract/reach.h"
#include "indexer/extract/tag_places.h"
#include "indexer/extract/window.h"

enum {
	/** Bytes that a header's count may be too high by: encoders differ in what they count. */
	COUNT_SLACK = 2048,
	/** How well a lack must match the tag in front, to be taken for it: one tag behind. */
	TAG_SLACK = 256,
};

/** Notes that the tag in front has one of the names at least. */
static void set_source(struct media *out)
{
	static const enum field_id fields[] = {FIELD_title, FIELD_artist, FIELD_album, FIELD_track,
					       FIELD_date,  FIELD_genre,  FIELD_album_artist};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (media_has(out, fields[i]))
			media_set_text(out, FIELD_tag_source, "id3v2", 5);
	}
}

/** The tags behind the sound, @s.  Returns where it ends. */
static uint64_t read_end(struct window *w, const struct mpeg_stream *s, struct media *out)
{
	struct tag_end end = {.at = w->size};
	if (!s->is_exact || s->bytes != w->size - s->at)
		tag_end_find(w, &end);
	const char *source = tag_end_take(w, &end, out);
	if (!media_has(out, FIELD_tag_source))
		media_set_text(out, FIELD_tag_source, source, strlen(source));
	return end.at;
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

/** What the encoder measured counts where no tag tells. */
static void take_gain(const struct mpeg_stream *s, struct media *out)
{
	bool is_silent = !media_has(out, FIELD_replaygain_track_gain) &&
			 !media_has(out, FIELD_r128_track_gain);
	if (!s->has_gain || !is_silent)
		return;
	media_set_real(out, FIELD_replaygain_track_gain, s->gain);
	if (s->has_peak && !media_has(out, FIELD_replaygain_track_peak))
		media_set_real(out, FIELD_replaygain_track_peak, s->peak);
}

/** The audio and the tags at the end. */
static int read_audio(struct window *w, uint64_t start, struct media *out, char *reason)
{
	struct mpeg_stream s;
	bool has_audio = mpeg_find(w, start, &s);
	set_source(out);
	uint64_t end = read_end(w, &s, out);
	if (!has_audio)
		return no_audio(w, start, reason);
	if (s.first.layer != 3)
		media_set_text(out, FIELD_format, s.first.layer == 2 ? "mp2" : "mp1", 3);
	mpeg_measure(w, &s, end);
	take_gain(&s, out);
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
	window_init(&w, in);
	uint64_t start = tag_id3_all(&w, out);
	if (w.error && w.error != -EBADMSG)
		return window_fail(&w, reason, "");
	if (start <= in->size && in->size < 10 &&
	    memcmp(in->head, "ID3", in->size < 3 ? (size_t)in->size : 3) == 0)
		start = 10;
	int r = 0;
	if (start > in->size) {
		set_source(out);
		r = incomplete_at(reason, in->size, "its ID3 tag", start);
	} else {
		r = read_audio(&w, start, out, reason);
	}
	media_set_int(out, FIELD_has_picture, media_int(out, FIELD_has_picture, 0));
	return r;
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
	.suffixes = (const char *const[]){"mp3", "mp2", "mp1", "mpga", NULL},
	.probe = mp3_probe,
	.read = mp3_read,
	.reach = &(const struct reach){WINDOW_FILL, false, reach_mp3, WINDOW_SIZE, reach_mp3_is_all},
};
