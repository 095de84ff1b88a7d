/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/reach.h"

#include <string.h>

#include "indexer/extract/mpeg_frame.h"
#include "indexer/extract/window.h"

enum {
	/** A header that tells how long the sound is ends before that. */
	SOUND = 64,
};

/** @at, when the file has such a place and it is not among the first bytes. */
static uint64_t beyond(uint64_t at, size_t n, uint64_t size)
{
	return at >= n && at < size ? at : 0;
}

uint64_t reach_flac(const uint8_t *start, size_t n, uint64_t size)
{
	enum { COMMENT = 4 };
	uint64_t at = n >= 10 ? id3_tag_size(start) : 0;
	if (at > n || n - at < 4)
		return beyond(at, n, size);
	if (memcmp(start + at, "fLaC", 4) != 0)
		return 0;
	for (at += 4; at <= n && n - at >= 4;) {
		bool is_last = start[at] >> 7, is_comment = (start[at] & 127) == COMMENT;
		at += 4 + (uint64_t)get_be24(start + at + 1);
		if (is_comment && at > n)
			return beyond(n, n, size);
		/* nothing is read of the sound itself */
		if (is_last)
			return 0;
	}
	return beyond(at < n ? n : at, n, size);
}

/** Bytes of the frame with its header at @p; 0 for padding and what is no frame. */
static uint64_t frame_size(const uint8_t *p, unsigned version, unsigned header)
{
	if (*p == 0)
		return 0;
	uint64_t n = version == 2 ? get_be24(p + 3) : version == 4 ? get_syncsafe(p + 4) : get_be32(p + 4);
	return n ? header + n : 0;
}

/** Whether the frame at @at has a header that tells its length: Xing, Info or VBRI, each at its place. */
static bool tells_length(const uint8_t *start, size_t n, uint64_t at)
{
	static const struct {
		unsigned at;
		char word[5];
	} words[] = {{36, "Xing"}, {36, "Info"}, {21, "Xing"}, {21, "Info"}, {13, "Xing"}, {13, "Info"}, {36, "VBRI"}};
	if (at > n || n - at < SOUND)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (memcmp(start + at + words[i].at, words[i].word, 4) == 0)
			return true;
	return false;
}

/** The end of the first frame in the tag that reaches over @n; 0 when none does. */
static uint64_t long_frame(const uint8_t *start, size_t n, uint64_t end)
{
	unsigned header = start[3] == 2 ? 6 : 10;
	/* a tag with an extended header, or unsynchronised as a whole, is read as it is */
	for (uint64_t at = 10; !(start[5] & 0xc0) && at < n && n - at >= header && at < end;) {
		uint64_t frame = frame_size(start + at, start[3], header);
		if (frame == 0 || frame > end - at)
			return 0;
		at += frame;
		if (at >= n)
			return at;
	}
	return 0;
}

uint64_t reach_mp3(const uint8_t *start, size_t n, uint64_t size)
{
	uint64_t end = n >= 10 ? id3_tag_size(start) : 0;
	uint64_t frame = end ? long_frame(start, n, end) : 0;
	if (frame)
		return beyond(frame, n, size);
	if (end >= n)
		return beyond(end, n, size);
	return tells_length(start, n, end) ? 0 : beyond(n, n, size);
}

bool reach_mp3_is_all(const struct part *part, size_t parts, uint64_t size)
{
	uint64_t at = part->n >= 10 ? id3_tag_size(part->bytes) : 0;
	for (const struct part *p = part; p < part + parts; p++) {
		if (at >= p->at && at - p->at < p->n)
			return mpeg_is_all(p->bytes + (at - p->at), p->n - (size_t)(at - p->at), size - at);
	}
	return false;
}
