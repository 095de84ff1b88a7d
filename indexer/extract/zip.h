/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * ZIP archives, as far as reading and verifying them share: where their directory is (APPNOTE.TXT 4.3).
 * Private to extract_cbz and verify_zip.
 */
#ifndef INDEXER_EXTRACT_ZIP_H
#define INDEXER_EXTRACT_ZIP_H

#include "common/buf.h"
#include "indexer/extract/extract.h"

enum {
	ZIP_ENTRY_SIZE = 46,
	ZIP_LOCAL_SIZE = 30,
	ZIP_ENTRIES_MAX = 100000,
	ZIP_TAIL_MAX = 65535 + 22,
	METHOD_STORED = 0,
	METHOD_DEFLATE = 8,
	FLAG_ENCRYPTED = 1,
};

/** What an entry of the directory tells. */
struct zip_entry {
	bool is_found;
	unsigned depth, method, flags;
	uint32_t crc;
	uint64_t packed, at;
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
	/** Where the last entry's bytes end at least, counted so. */
	uint64_t reach;
	unsigned pages;
	bool is_encrypted, is_damaged;
	/** ComicInfo.xml's. */
	struct zip_entry info;
};

/** Whether bytes are those of a ZIP archive. */
bool zip_probe(const uint8_t *head, size_t n);

/** Finds the directory: end_at to prefix.  @z->in and an empty @z->tail are set; the caller clears it.  As extractor.read. */
int zip_open(struct zip *z, char *reason);

/** Whether "PK" and two bytes are at @p. */
static inline bool zip_is(const uint8_t *p, uint8_t a, uint8_t b)
{
	return p[0] == 'P' && p[1] == 'K' && p[2] == a && p[3] == b;
}

/** What stands in the ZIP_ENTRY_SIZE bytes at @entry; @extra: the @n bytes of its extra field. */
struct zip_entry zip_entry_parse(const uint8_t *entry, const uint8_t *extra, size_t n);

/** The last part of a path. */
const char *zip_base(const char *name, size_t *n);
/** Whether a name without folders is that of a page. */
bool zip_is_page(const char *base, size_t n);

#endif
