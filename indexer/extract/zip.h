/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A ZIP archive's directory, read from the file's end; and single small files of it.  Private to
 * the readers of formats.  Source: PKWARE's APPNOTE.TXT 6.3.10.
 */
#ifndef INDEXER_EXTRACT_ZIP_H
#define INDEXER_EXTRACT_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "indexer/extract/extract.h"

enum {
	ZIP_FLAG_ENCRYPTED = 1,
	ZIP_STORED = 0,
	ZIP_DEFLATE = 8,
	/** A member's own header, without its name. */
	ZIP_LOCAL_SIZE = 30,
};

struct zip {
	const struct extract_input *in;
	/** The file's last bytes, and where they begin. */
	struct buf tail;
	uint64_t tail_at;
	/** The directory as the end record tells. */
	uint64_t end_at, directory_at, directory_size, entries;
	/** Bytes in front of the archive: offsets inside are counted from there. */
	uint64_t prefix;
	/** The directory's bytes when they are not all in the tail; then @directory is there. */
	struct buf whole;
	const uint8_t *directory;
	/** Where the last entry's bytes end at least, counted from the prefix; set by zip_walk(). */
	uint64_t reach;
	/** The directory is not as long as it says; set by zip_walk(). */
	bool is_damaged;
};

struct zip_entry {
	/** Bytes in the directory; borrowed. */
	const char *name;
	size_t name_len;
	unsigned flags, method;
	uint32_t crc;
	uint64_t packed, size, at;
};

/** Whether "PK" and two bytes are at @p. */
static inline bool zip_is(const uint8_t *p, uint8_t a, uint8_t b)
{
	return p[0] == 'P' && p[1] == 'K' && p[2] == a && p[3] == b;
}

/** Whether the bytes begin as an archive does. */
bool zip_probe(const uint8_t *head, size_t n);

/** Reads the directory.  Same answers as extractor.read; zip_close() in any case. */
int zip_open(struct zip *z, const struct extract_input *in, char *reason);
void zip_close(struct zip *z);

/** Shows every entry. */
void zip_walk(struct zip *z, void (*each)(void *arg, const struct zip_entry *e), void *arg);

/** The entry of that name.  False when there is none. */
bool zip_find(struct zip *z, const char *name, size_t n, struct zip_entry *out);

/** What walking the directory said of the archive as a whole.  Same answers as extractor.read. */
int zip_check(const struct zip *z, char *reason);

/**
 * Unpacks one file, at most @most bytes of it.  Returns 0, 1 when there would be more, -EBADMSG,
 * -ENOTSUP for an encrypted one or a method that is not known.
 */
int zip_unpack(const struct zip *z, const struct zip_entry *e, size_t most, struct buf *out);

#endif
