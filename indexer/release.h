/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What search finds and requests hand over: shared by search/, request/ and the store's rows. */
#ifndef INDEXER_RELEASE_H
#define INDEXER_RELEASE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/config.h"
#include "indexer/net/net.h"

enum protocol {
	PROTOCOL_TORRENT = 1,
	PROTOCOL_USENET = 2,
	PROTOCOL_ED2K = 4,
};

/** "torrent", "usenet", "ed2k". */
const char *protocol_name(enum protocol p);
/** 0 when there is none of that name. */
enum protocol protocol_of(const char *name);

/** One result as a source tells it.  Texts are UTF-8, never NULL, and hold no secret. */
struct release {
	/** As posted: what the parser of names reads. */
	const char *title;
	/** Identity within its source. */
	const char *guid;
	/** magnet:, ed2k:, or an address rid of its keys; "" when only the source can get it. */
	const char *link;
	/** For people; "" for none. */
	const char *page;
	/** The tracker, feed or forum it comes from. */
	const char *indexer;
	int64_t indexer_id;
	enum protocol protocol;
	/** Lower-case hex: info-hash (40) or ed2k hash (32); "" when not known yet. */
	char hash[41];
	/** Bytes, -1 unknown; ns since 1970, 0 unknown; -1 unknown. */
	int64_t size, published_at, seeders, leechers;
	/** Another text that may name the series (title of a forum thread); "" for none. */
	const char *context;
};

/** Returns 0 to go on.  The release is borrowed. */
typedef int release_fn(void *arg, const struct release *r);

/** What a client is given. */
struct handover {
	/** The release as it was found; texts borrowed. */
	struct release release;
	const char *source;
	/** magnet:, ed2k: or an http address, which may hold secrets: never logged, never stored. */
	struct buf link;
	/** Or the bytes of a .torrent file; empty when there are none. */
	struct buf torrent;
};

/** What sources, authorities and clients are given when they are opened; all of it outlives them. */
struct outside {
	const struct config *config;
	struct net *net;
};

enum { WHY = 256 };

#endif
