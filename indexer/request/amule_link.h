/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One connection to aMule: TCP that never waits longer than its deadline. */
#ifndef INDEXER_REQUEST_AMULE_LINK_H
#define INDEXER_REQUEST_AMULE_LINK_H

#include "indexer/net/http.h"
#include "indexer/request/amule_wire.h"

struct amule_link {
	int fd;
	/** Whose http_cancel() ends waiting; NULL: nobody's. */
	struct http *http;
	/** The frame that is sent, the payload that came. */
	struct buf out, in;
	/** mono_ns() at which all of it ends, whatever is left of a question's time; 0: none. */
	int64_t end;
};

enum {
	/** To connect, and for each question. */
	AMULE_PATIENCE_MS = 10000,
	/** For all that one errand takes. */
	AMULE_ERRAND_MS = 50000,
	/** How long it may go unnoticed that the end is near. */
	AMULE_NOTICE_MS = 100,
};

#define AMULE_LINK_INIT ((struct amule_link){.fd = -1, .out = BUF_INIT(64 << 10), .in = BUF_INIT(AMULE_MOST)})

/** -ECONNREFUSED, -EHOSTUNREACH (name, route, silence), -ECANCELED. @why: WHY bytes. */
int amule_link_open(struct amule_link *l, const char *host, int port, char *why);
/** Sends the frame in l->out and reads the answer.  -ETIMEDOUT, -EIO (cut off), -EPROTO (not aMule's),
 * -ECANCELED. */
int amule_link_ask(struct amule_link *l, enum amule_op *op, struct amule_tags *tags, char *why);
/** May be opened again. */
void amule_link_close(struct amule_link *l);

#endif
