/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/reach.h"

#include <string.h>

#include "indexer/extract/window.h"

enum {
	/** Sound begins with about so much that a reader looks at. */
	SOUND = 64,
};

/** @at, when the file has such a place and it is not among the first bytes. */
static uint64_t beyond(uint64_t at, size_t n, uint64_t size)
{
	return at >= n && at < size ? at : 0;
}

uint64_t reach_flac(const uint8_t *start, size_t n, uint64_t size)
{
	uint64_t at = n >= 10 ? id3_tag_size(start) : 0;
	if (at > n || n - at < 4)
		return beyond(at, n, size);
	if (memcmp(start + at, "fLaC", 4) != 0)
		return 0;
	for (at += 4; at <= n && n - at >= 4;) {
		bool is_last = start[at] >> 7;
		at += 4 + (uint64_t)get_be24(start + at + 1);
		/* nothing is read of the sound itself */
		if (is_last)
			return 0;
	}
	return at < n ? beyond(n, n, size) : beyond(at, n, size);
}

/** Bytes of the frame with its header at @p; 0 for padding and what is no frame. */
static uint64_t frame_size(const uint8_t *p, unsigned version, unsigned header)
{
	if (*p == 0)
		return 0;
	uint64_t n = version == 2 ? get_be24(p + 3) : version == 4 ? get_syncsafe(p + 4) : get_be32(p + 4);
	return n ? header + n : 0;
}

uint64_t reach_id3(const uint8_t *start, size_t n, uint64_t size)
{
	uint64_t end = n >= 10 ? id3_tag_size(start) : 0;
	if (end == 0)
		return 0;
	unsigned header = start[3] == 2 ? 6 : 10;
	/* a tag with an extended header or unsynchronised as a whole is read as it is */
	for (uint64_t at = 10; !(start[5] & 0xc0) && at < n && n - at >= header && at < end;) {
		uint64_t frame = frame_size(start + at, start[3], header);
		if (frame == 0 || frame > end - at)
			break;
		at += frame;
		if (at >= n)
			return beyond(at, n, size);
	}
	return end + SOUND > n ? beyond(end > n ? end : n, n, size) : 0;
}
