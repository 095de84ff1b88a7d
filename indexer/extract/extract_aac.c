/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AAC in ADTS frames, each with its own header: no index and no length.  A small file's frames are counted; of a large
 * one the frames' average size, at places all over it, tells how many there are.  After ISO 13818-7.
 */
#include "indexer/extract/extract.h"

#include <errno.h>

#include "indexer/extract/incomplete.h"
#include "indexer/extract/tag_places.h"

enum {
	ADTS_HEADER = 7,
	/** Up to so many bytes every frame is counted. */
	COUNTED_MAX = 128 << 10,
	/** Places where frames of a larger file are measured. */
	PROBES = 16,
};

struct adts {
	uint32_t rate;
	unsigned channels;
	/** Bytes, and samples of one channel, of the frame. */
	unsigned size, samples;
};

static bool parse(const uint8_t *p, struct adts *f)
{
	static const uint32_t rates[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
					   22050, 16000, 12000, 11025, 8000,  7350};
	static const uint8_t channels[8] = {0, 1, 2, 3, 4, 5, 6, 8};
	if (p[0] != 0xff || (p[1] & 0xf6) != 0xf0)
		return false;
	f->rate = rates[p[2] >> 2 & 15];
	f->channels = channels[(p[2] & 1) << 2 | p[3] >> 6];
	f->size = (p[3] & 3u) << 11 | (unsigned)p[4] << 3 | p[5] >> 5;
	f->samples = ((p[6] & 3u) + 1) * 1024;
	return f->rate && f->size >= ADTS_HEADER;
}

/** Frames one behind the other from @at on, up to @end; *stop: where the last one ends. */
static uint64_t count_frames(struct window *w, uint64_t at, uint64_t end, const struct adts *first, uint64_t *stop)
{
	uint64_t frames = 0;
	struct adts f;
	while (at < end && end - at >= ADTS_HEADER) {
		const uint8_t *p = window_get(w, at, ADTS_HEADER);
		if (!p || !parse(p, &f) || f.rate != first->rate)
			break;
		at += f.size;
		frames++;
	}
	*stop = at;
	return frames;
}

/** Bytes of a frame on average in the @n bytes at @at, from the first frame there on; 0 when none is. */
static double measure(struct window *w, uint64_t at, size_t n, const struct adts *first)
{
	const uint8_t *p = window_get(w, at, n);
	struct adts f, next;
	for (size_t i = 0; p && i + ADTS_HEADER <= n; i++) {
		size_t frames = 0, stop = i;
		while (stop + ADTS_HEADER <= n && parse(p + stop, &f) && f.rate == first->rate) {
			next = f;
			stop += next.size;
			frames++;
		}
		if (frames >= 3 && stop <= n + next.size)
			return (double)(stop - i) / (double)frames;
	}
	return 0;
}

/** How many frames there are. */
static double estimate(struct window *w, uint64_t start, uint64_t end, const struct adts *first, uint64_t *stop)
{
	uint64_t bytes = end - start;
	*stop = end;
	if (bytes <= COUNTED_MAX)
		return (double)count_frames(w, start, end, first, stop);
	double sum = 0;
	int places = 0;
	for (uint64_t i = 0; i < PROBES; i++) {
		double size = measure(w, start + (bytes - WINDOW_SIZE) / (PROBES - 1) * i, WINDOW_SIZE, first);
		sum += size;
		places += size > 0;
	}
	return places ? (double)bytes / (sum / places) : 0;
}

static int read_sound(struct window *w, const struct sound *sound, struct media *out, char *reason)
{
	struct adts first;
	uint64_t stop;
	int r = sound_magic(w, sound->start, "\xff", "an AAC file", reason);
	if (r < 0)
		return r;
	const uint8_t *p = window_get(w, sound->start, ADTS_HEADER);
	if (!p)
		return window_short(w, reason, "its first frame", sound->start + ADTS_HEADER);
	if (!parse(p, &first))
		return extract_fail(reason, -EBADMSG, "no AAC frame was found");
	double frames = estimate(w, sound->start, sound->end, &first, &stop);
	double seconds = frames * first.samples / first.rate;
	sound_set(out, seconds, first.rate, first.channels, 0, sound->end - sound->start);
	if (stop > sound->end && sound->end == w->size)
		return incomplete_at(reason, w->size, "its last frame", stop);
	return 0;
}

static int aac_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct sound sound;
	window_init(&w, in);
	int r = tag_places_read(&w, &sound, TAG_ID3_FIRST, out, reason);
	return r < 0 ? r : read_sound(&w, &sound, out, reason);
}

static bool aac_probe(const uint8_t *head, size_t n)
{
	struct adts first, next;
	bool is_hidden = !tag_skip_id3(&head, &n);
	return is_hidden || (n >= ADTS_HEADER && parse(head, &first) && n >= first.size + (size_t)ADTS_HEADER &&
			     parse(head + first.size, &next));
}

const struct extractor extract_aac = {
	.name = "aac",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"aac", "adts", NULL},
	.probe = aac_probe,
	.read = aac_read,
};
