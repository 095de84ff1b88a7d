/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the names of an archive's files tell: which are pages, which describe the volume.  Private to
 * the readers of formats.
 *
 * A name is only looked at, never opened: "../../x.jpg" is a page like any other.
 */
#ifndef INDEXER_EXTRACT_INSIDE_H
#define INDEXER_EXTRACT_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/vec.h"
#include "indexer/extract/comic.h"

enum {
	/** Files of one archive that are looked at. */
	INSIDE_MAX = 100000,
	/** Of a document about the volume, packed and unpacked; more is cut. */
	INSIDE_DOC_MAX = 1 << 20,
};

struct inside {
	/** A hash of each page's name: an archive may hold a name twice. */
	VEC(uint64_t) names;
	/** A page's bytes need a password; those of any file. */
	bool is_encrypted, has_encrypted;
	/** By enum comic_doc: one was found, so many folders deep. */
	struct {
		bool is_found;
		unsigned depth;
	} doc[COMIC_DOCS];
};

void inside_clear(struct inside *l);

/**
 * One file of the archive.  @name: bytes, '/' or '\' between parts.
 * Returns the enum comic_doc that it is, when it is nearer to the archive's root than the one
 * before; else -1.
 */
int inside_note(struct inside *l, const char *name, size_t n, bool is_encrypted);

/** Pages with names of their own. */
unsigned inside_pages(struct inside *l);

/**
 * The last word about an archive whose list is whole: pages are set, and that it is encrypted or
 * holds none is an error.  Same answers as extractor.read.
 */
int inside_finish(struct inside *l, struct media *out, char *reason);

/** Whether a name with its folders is that of a page. */
bool inside_is_page(const char *name, size_t n);

/** Whether a picture's suffix is at the end of @name. */
bool inside_is_picture(const char *name, size_t n);

/** "the archive is one part of several", -EBADMSG. */
int inside_fail_part(char *reason);

/** Whether the file's name is that of one part: "x.part2.rar", "x.r00", "x.z01", "x.7z.001". */
bool inside_is_part_name(const char *path, size_t n);

#endif
