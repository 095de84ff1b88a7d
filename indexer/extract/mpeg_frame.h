/* SPDX-License-Identifier: GPL-3.0-or-later */
/** MPEG audio frames: how long a stream is and what it is made of.  Private to extract_mp3. */
#ifndef INDEXER_EXTRACT_MPEG_FRAME_H
#define INDEXER_EXTRACT_MPEG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "indexer/extract/window.h"

struct mpeg_frame {
	/** 1, 2, or 3 for "2.5". */
	unsigned version;
	unsigned layer;
	/** kbit/s. */
	unsigned bitrate;
	unsigned rate;
	unsigned channels;
	/** Samples of one channel, and bytes, of one frame. */
	unsigned samples, size;
};

struct mpeg_stream {
	/** The first frame, and where it is. */
	struct mpeg_frame first;
	uint64_t at;
	/** Samples in all, from a Xing, Info or VBRI header; 0 when there is none. */
	uint64_t samples;
	/** Of them, those that the encoder put around the music: not heard. */
	uint64_t gaps;
	/** Bytes of audio by that header, 0 when it does not tell. */
	uint64_t bytes;
	/** Whether its writer is one that counts just those from the first frame to the end of the last. */
	bool is_exact;
	/** Whether all frames have the first one's bitrate, as far as is known. */
	bool is_constant;
	/** Without such a header: bytes of a frame on average. */
	double frame_size;
	/** What LAME measured: ReplayGain's track gain in dB, and the peak (1.0 is full scale). */
	bool has_gain, has_peak;
	double gain, peak;
};

/** Reads a frame's four header bytes.  False when they are none, or of free format. */
bool mpeg_frame_parse(const uint8_t *p, struct mpeg_frame *f);

/**
 * Whether the frame at @p, @n bytes of which are known and which is followed by no more than @rest with itself, has a header
 * that counts just as many: that is the file's end, then, and no tag stands there.  Looks at nothing else.
 */
bool mpeg_is_all(const uint8_t *p, size_t n, uint64_t rest);

/**
 * Finds the first frame at or behind @start, past up to 64 KiB of junk, and reads what it tells.
 * False when there is none.
 */
bool mpeg_find(struct window *w, uint64_t start, struct mpeg_stream *s);

/**
 * For a stream without such a header, whose audio ends at @end: whether its bitrate varies, by
 * frames at its end too (and, where both ends are like silence, in the middle).  If it does, all
 * frames are counted up to some MiB; in a larger one the average is that of places all over it.
 */
void mpeg_measure(struct window *w, struct mpeg_stream *s, uint64_t end);

/** The stream's seconds, when its audio ends at @end. */
double mpeg_seconds(const struct mpeg_stream *s, uint64_t end);

/** The average over the whole stream, kbit/s. */
unsigned mpeg_bitrate(const struct mpeg_stream *s, uint64_t end);

#endif
