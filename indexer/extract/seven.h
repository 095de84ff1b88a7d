/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The list of files in a 7z archive's header, and the start of its simple folders.  Private to the
 * readers of formats.
 *
 * A "folder" is what 7z packs as one: in a solid archive all files are in one.
 * Sources: 7zFormat.txt and Methods.txt of the LZMA SDK.
 */
#ifndef INDEXER_EXTRACT_SEVEN_H
#define INDEXER_EXTRACT_SEVEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/vec.h"
#include "indexer/extract/extract.h"

struct seven_folder {
	/** Its first packed stream in the file. */
	uint64_t at, packed;
	/** Bytes unpacked. */
	uint64_t size;
	unsigned streams;
	/** One coder: copied, LZMA or LZMA2, with its properties. */
	bool is_simple;
	/** Some coder is AES. */
	bool is_encrypted;
	bool has_crc;
	/** The largest window that a coder asks for. */
	uint64_t window;
	/** Of the first coder. */
	uint64_t method;
	uint8_t properties[8];
	size_t property_count;
	/** Streams that its coders put out, and which of them is the result. */
	unsigned outputs, result;
};

/** Where a file is: its folder (SIZE_MAX: it is empty), and how far in. */
struct seven_place {
	size_t folder;
	uint64_t offset, size;
};

struct seven {
	const struct extract_input *in;
	VEC(struct seven_folder) folders;
	/** Sizes of the streams, folder by folder. */
	VEC(uint64_t) sizes;
	VEC(struct seven_place) places;
	/** Names in UTF-8, each with a NUL behind. */
	struct buf names;
};

/** Reads the header.  Same answers as extractor.read; seven_close() in any case. */
int seven_open(struct seven *s, const struct extract_input *in, char *reason);
void seven_close(struct seven *s);

/**
 * @n bytes at @offset of an unpacked folder.  Returns 0, -EBADMSG, -ENOTSUP when the folder is not
 * simple or asks for too much memory.
 */
int seven_unpack(const struct seven *s, const struct seven_folder *f, uint64_t offset, size_t n, struct buf *out);

#endif
