/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which names are those of media files: what a scout needs to know of the formats. */
#ifndef INDEXER_EXTRACT_WANTS_H
#define INDEXER_EXTRACT_WANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum media_kind {
	MEDIA_TRACK = 0,
	MEDIA_VOLUME = 1,
	/** Symbolic links; no file of such a root is read. */
	MEDIA_LINK = 2,
};

/**
 * Whether a name has a suffix of some format of @kind; decides what a scan looks at.
 * @name: bytes, @n of them.
 */
bool extract_wants(enum media_kind kind, const char *name, size_t n);

/** Whether a name is that of a picture that can be a page. */
bool extract_is_page(const char *name, size_t n);
/**
 * Which of two pictures is rather the cover: one that is called cover, front or folder, else the first in the order of reading
 * (2 before 10).  As strcmp().
 */
int extract_cover_order(const char *a, const char *b);

/** Bytes of a file that were read, and where they stand in it. */
struct part {
	const uint8_t *bytes;
	size_t n;
	uint64_t at;
};

/** What the reader of a format needs of an ordinary file besides its first bytes. */
struct reach {
	/** Bytes at its end. */
	uint32_t tail;
	/** These only when the file was written lately: it may still be being copied. */
	bool is_tail_of_fresh;
	/** See reach.h; NULL: nothing else.  And how many bytes it reads there. */
	uint64_t (*behind)(const uint8_t *start, size_t n, uint64_t size);
	uint32_t middle;
	/** Whether what was read before its end, the start first, tells that nothing of use stands there.  NULL: it never does. */
	bool (*is_all)(const struct part *part, size_t parts, uint64_t size);
};

/** That of the format that the name tells; NULL when its files may be read anywhere. */
const struct reach *extract_reach(enum media_kind kind, const char *name, size_t n);

/**
 * Whether a file was written less than an hour before @now; all in seconds since 1970.  A copy that keeps the times of
 * what it copies sets them when it has ended (cp, rsync, tar), so that a later @ctime tells nothing but that.
 */
bool incomplete_is_fresh(int64_t now, int64_t mtime, int64_t ctime);

#endif
