/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Identities of what is downloaded: info-hash, ed2k hash.  Strict readers of hostile text; pure. */
#ifndef INDEXER_HASH_H
#define INDEXER_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/** The v1 info-hash (40 lower-case hex) of a magnet (hex or base32 btih); -EINVAL. */
int hash_of_magnet(const char *magnet, char out[41]);
/** SHA-1 of the info dictionary of a .torrent's bytes; -EINVAL when it is none (depth and sizes bounded). */
int hash_of_torrent(const void *data, size_t n, char out[41]);

/** 16 lower-case hex digits that tell two texts apart (of their SHA-1). */
void hash_of_bytes(const void *data, size_t n, char out[17]);

struct ed2k_link {
	/** Decoded (HTML, then percent), UTF-8 (Latin-1 bytes turned). */
	struct buf name;
	int64_t size;
	/** Lower-case hex, 32. */
	char hash[33];
};
/** ed2k://|file|NAME|SIZE|HASH|[h=AICH|][sources,…|]/ ; -EINVAL for anything else. */
int ed2k_parse(const char *link, size_t n, struct ed2k_link *out);
void ed2k_clear(struct ed2k_link *l);
/** The link written anew from its parts: what is sent to a client. */
void ed2k_format(const struct ed2k_link *l, struct buf *out);

#endif
