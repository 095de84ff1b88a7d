/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Download clients.  A new one: one file and one word in CLIENTS.  A client is used by one thread
 * at a time.  That a release is handed over once is request.c's business: it asks find() before
 * it ever calls add() again.
 */
#ifndef INDEXER_REQUEST_CLIENT_H
#define INDEXER_REQUEST_CLIENT_H

#include "indexer/release.h"

enum client_state {
	CLIENT_WAITS,
	CLIENT_LOADS,
	/** All bytes are there. */
	CLIENT_DONE,
	/** It gave up, or cannot go on by itself. */
	CLIENT_FAILED,
};

struct client_item {
	enum client_state state;
	/** 0 to 1. */
	double progress;
	/** Bytes a second, seconds left; -1 unknown. */
	int64_t speed, seconds_left;
	/** Names of its files, below the item's folder, one a line; may stay empty. */
	struct buf files;
	/** The client's own word for its state, or the error. */
	char text[160];
};

#define CLIENT_ITEM_INIT ((struct client_item){.speed = -1, .seconds_left = -1, .files = BUF_INIT(1 << 20)})

struct client {
	const char *name;
	/** enum protocol, or'ed. */
	unsigned takes;
	/** Releases of this source only; NULL: of any. */
	const char *source;
	/** find() can tell what the client has. */
	bool can_find;
	/** As of sources (search/source.h). */
	int (*open)(const struct outside *o, void **state, char *why);
	void (*close)(void *state);
	/**
	 * Hands over.  0: the client has it.  -EEXIST: it had it before.  -EINVAL: refused for good.
	 * -ETIMEDOUT, -EPROTO, -EIO: it is not known whether it has it (ask find()).  -EAGAIN, -ECONNREFUSED,
	 * -EHOSTUNREACH, -EACCES: it surely has it not; later, when the fault is mended.
	 */
	int (*add)(void *state, const struct handover *h, char *why);
	/** 0; -ENOENT: it answered and has it not; -ENOTSUP: it cannot be asked; else it did not answer. */
	int (*find)(void *state, enum protocol protocol, const char *hash, struct client_item *item, char *why);
};

#define CLIENTS(X) \
	X(qbittorrent) \
	X(amule) \
	X(blackhole) \
	X(prowlarr)

#define X(name) extern const struct client client_##name;
CLIENTS(X)
#undef X

#endif
