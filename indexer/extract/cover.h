/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The cover of a volume: its first page, or the picture that its documents or names say it is, as a small JPEG.  Sees the bytes of
 * one descriptor, as the readers of tags.
 */
#ifndef INDEXER_EXTRACT_COVER_H
#define INDEXER_EXTRACT_COVER_H

#include "common/vec.h"
#include "indexer/extract/extract.h"

/** What a cover shall be: sides in pixels, bytes. */
struct cover_size {
	unsigned width, height;
	size_t bytes;
};

/**
 * Reads a volume's (or picture's) file: @in->fd, size and path are given.  The JPEG is added to @out.  0; -EBADMSG with a sentence
 * in @reason (EXTRACT_REASON bytes): there is none to be had; -ENOMEM; what a read answered.
 */
int cover_read(struct extract_input *in, const struct cover_size *size, struct buf *out, char *reason);

/** The same of a picture in memory. */
int cover_make(const uint8_t *data, size_t n, const struct cover_size *size, struct buf *out, char *reason);

/* --- cover_pick.c: which of an archive's pictures --- */

struct cover_names {
	/** All pages, each with a NUL behind; where each begins. */
	struct buf text;
	VEC(size_t) at;
	/** In order of reading, after cover_names_sort(). */
	VEC(const char *) sorted;
};

void cover_names_init(struct cover_names *l);
void cover_names_clear(struct cover_names *l);
/** A file's name with its folders; passed over when it is no page's. */
void cover_names_add(struct cover_names *l, const char *name, size_t n);
void cover_names_sort(struct cover_names *l);
/**
 * The @nth best, after cover_names_sort(): the page of number @front (-1: none is told), the file @href (NULL: none),
 * one that is called cover, front or folder, then the first pages.  Borrowed; NULL when there are no more.
 */
const char *cover_names_pick(const struct cover_names *l, int front, const char *href, unsigned nth);

#endif
