/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Chunks: four letters, a size, so many bytes.  WAV (RIFF), AIFF (IFF) and DSDIFF are lists of them.
 * Private to the readers of formats.
 */
#ifndef INDEXER_EXTRACT_CHUNKS_H
#define INDEXER_EXTRACT_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/media.h"
#include "indexer/extract/window.h"

enum chunk_size {
	/** 32 bits, little endian: RIFF. */
	CHUNK_LE32,
	/** 32 bits, big endian: IFF. */
	CHUNK_BE32,
	/** 64 bits, big endian: DSDIFF. */
	CHUNK_BE64,
};

/** A list of chunks, and the one that chunk_next() went to. */
struct chunk {
	struct window *w;
	enum chunk_size kind;
	/** Where the list ends. */
	uint64_t end;
	/** The chunk: its name, where its bytes are, how many it says there are (the reader may correct it). */
	char id[5];
	uint64_t at, size;
	/** Chunks that are still looked at. */
	unsigned left;
};

/** A list from @at to @end. */
void chunk_start(struct chunk *c, struct window *w, uint64_t at, uint64_t end, enum chunk_size kind);

/** Goes to the next chunk, or the first one.  False at the end and where no chunk is. */
bool chunk_next(struct chunk *c);

/** Bytes of it that are there. */
static inline uint64_t chunk_there(const struct chunk *c)
{
	return c->size < c->end - c->at ? c->size : c->end - c->at;
}

/** Its first @n bytes, NULL when it has fewer or they are not there.  As window_get(). */
const uint8_t *chunk_get(const struct chunk *c, size_t n);

/** Sets a field to its text, as a tag: UTF-8, else Latin-1. */
void chunk_take_text(const struct chunk *c, enum field_id f, int rank, struct media *out);

#endif
