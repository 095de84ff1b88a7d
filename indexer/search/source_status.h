/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What HTTP answers mean to a source, and what of them is handed over. */
#ifndef INDEXER_SEARCH_SOURCE_STATUS_H
#define INDEXER_SEARCH_SOURCE_STATUS_H

#include "indexer/net/http.h"
#include "indexer/release.h"

enum { SOURCE_TORRENT_MOST = 8 << 20 };

static inline void cleanup_answer(struct http_answer *a)
{
	http_answer_clear(a);
}

#define _answer_ __attribute__((cleanup(cleanup_answer), unused))

/** 0 for HTTP 200 without a challenge; else what it means, and @why: "@who does not accept the key (HTTP 401)". */
int source_status(const struct http_answer *a, const char *who, char *why);

/** Hands a magnet over. */
int source_magnet(struct handover *h, const char *magnet);
/** Hands over what was downloaded: a torrent, or a magnet in place of one; -EPROTO for anything else. */
int source_torrent(struct handover *h, const struct http_answer *a, const char *who, char *why);

#endif
