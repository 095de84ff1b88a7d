/* SPDX-License-Identifier: GPL-3.0-or-later */
/** qBittorrent's Web API v2 as calls: signing in, once more when the login is gone, never in a loop. */
#ifndef INDEXER_REQUEST_QBITTORRENT_WEB_H
#define INDEXER_REQUEST_QBITTORRENT_WEB_H

#include "indexer/release.h"

struct qbittorrent_web {
	struct net *net;
	/** …/api/v2/ */
	struct buf base;
	/** Header lines: its own address, which it wants to see against forged requests. */
	struct buf referer, origin;
	/** Borrowed. */
	const char *user, *password_file;
	/** Header line; "" before the login. */
	char cookie[600];
	/** A password that it did not accept, and when: tried again when it changed, or after an hour. */
	struct buf refused;
	int64_t refused_at;
};

/** Calls nobody.  -EINVAL, -errno of the password's file, with @why. */
int qbittorrent_web_init(struct qbittorrent_web *w, const struct outside *o, char *why);
/** Accepts what init did not finish. */
void qbittorrent_web_clear(struct qbittorrent_web *w);

/**
 * GET, or POST when @q has a body or parts (url, headers and time are filled in here).  0 with a
 * status other than 401 and 403; -EACCES; -EAGAIN (banned, no budget); else as net_do().  @a is
 * cleared by the caller.
 */
int qbittorrent_web_ask(struct qbittorrent_web *w, const char *path, struct http_request *q, struct http_answer *a,
			char *why);
/** Appends "name=value" to a form, with "&" before it when it is not the first. */
void qbittorrent_web_field(struct buf *form, const char *name, const char *value);

#endif
