/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What libarchive is used for: a small file out of an archive whose list our own readers know, and
 * tar.  The only place that knows it.  Private to the readers of formats.
 *
 * It reads the file with pread through a buffer of its own.  It allocates what an archive says that
 * its method needs: callers refuse windows over UNPACK_WINDOW_MAX before they come here.
 */
#ifndef INDEXER_EXTRACT_UNPACK_H
#define INDEXER_EXTRACT_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "indexer/extract/extract.h"

enum {
	/** Of a method's window or model. */
	UNPACK_WINDOW_MAX = 64 << 20,
	/** Bytes in front of a document in a solid block that are unpacked to come to it. */
	UNPACK_FRONT_MAX = 8 << 20,
};

enum unpack_format {
	UNPACK_RAR,
	UNPACK_7Z,
};

/** A stretch of the file. */
struct unpack_part {
	uint64_t at, n;
};

/**
 * Unpacks the @index-th file (folders count) of the archive that the parts of the file, one behind
 * the other, are.  Returns 0, 1 when there would be more than @most, -EBADMSG.
 */
int unpack_nth(enum unpack_format format, const struct extract_input *in, const struct unpack_part *parts,
	       int count, unsigned index, size_t most, struct buf *out);

/**
 * Unpacks the packed bytes of one file of a ZIP archive, by any method that libarchive knows.
 * Same answers, and -ENOTSUP.
 */
int unpack_zip_file(unsigned method, const struct buf *packed, uint32_t crc, uint64_t size, size_t most,
		    struct buf *out);

/** A file of an archive that is walked; unpack_file() gives its bytes, as unpack_nth(), during the call. */
struct unpack_file {
	const char *name;
	size_t name_len;
	struct archive *handle;
};

/** Returns whether the next one is to be shown. */
typedef bool unpack_file_fn(void *arg, const struct unpack_file *file);

int unpack_file(const struct unpack_file *file, size_t most, struct buf *out);

/** Shows every regular file of a tar archive, which may be packed.  Same answers as extractor.read. */
int unpack_tar_walk(const struct extract_input *in, unpack_file_fn *each, void *arg, char *reason);

/** The same of any archive that may be opened (extract_allows()). */
int unpack_walk(const struct extract_input *in, unpack_file_fn *each, void *arg, char *reason);

#endif
