/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A snapshot: the documents of status/ as they were at one moment.  The filesystem program renders
 * it as a stream, the indexer reads that and keeps it packed.  Plain functions, any thread; those
 * that return int return 0 or -errno.
 *
 * The stream:   mediamon-snapshot 1 VERSION\n
 *               NAME LENGTH\n BYTES \n              for each document
 *               end COUNT\n
 */
#ifndef COMMON_SNAPSHOT_H
#define COMMON_SNAPSHOT_H

#include "common/buf.h"
#include "common/vec.h"

enum {
	/** Bytes of a stream. */
	SNAPSHOT_MAX = 64 << 20,
	SNAPSHOT_DOCS = 256,
	/** Room that a name needs, its NUL counted. */
	SNAPSHOT_NAME = 64,
};

struct snapshot_doc {
	char name[SNAPSHOT_NAME];
	/** Bytes of the document, and the packed ones.  Owned. */
	size_t size;
	char *packed;
	size_t packed_len;
};

struct snapshot {
	/** When it was made, whole seconds in ns since 1970. */
	int64_t time;
	/** The last commit that moved a topic which the documents show. */
	uint64_t version;
	VEC(struct snapshot_doc) docs;
};

/** Writing the stream. */
void snapshot_begin(struct buf *out, uint64_t version);
void snapshot_add(struct buf *out, const char *name, const char *data, size_t n);
void snapshot_end(struct buf *out, size_t count);

/** Reads a whole stream and packs its documents; -EPROTO for anything that is not one. */
int snapshot_read(const char *data, size_t n, struct snapshot **out);
/** Accepts NULL. */
void snapshot_free(struct snapshot *s);

/** Adds one document.  */
int snapshot_pack(struct snapshot *s, const char *name, size_t name_len, const char *data, size_t n);
/** The @size bytes that were packed, appended to @out; -EUCLEAN when it is not them. */
int snapshot_unpack(const void *packed, size_t n, size_t size, struct buf *out);

#endif
