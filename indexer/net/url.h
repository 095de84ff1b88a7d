/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Addresses: built, and rid of secrets. */
#ifndef INDEXER_NET_URL_H
#define INDEXER_NET_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/** Appends @s percent-encoded (RFC 3986 unreserved characters stay). */
void url_escape(const char *s, size_t n, struct buf *out);
/** Appends @s percent-decoded; '+' stays.  -EINVAL when a '%' is not followed by two digits. */
int url_unescape(const char *s, size_t n, struct buf *out);
/** Appends "?name=value" or "&name=value", both escaped. */
void url_query(struct buf *url, const char *name, const char *value);
/** The value of a parameter, decoded; -ENOENT. */
int url_get(const char *url, const char *name, struct buf *out);
/**
 * Appends the address without user and password, and without the parameters that carry keys
 * (apikey, api_key, passkey, authkey, auth_token, token, rsskey, torrent_pass, key, secret, uid,
 * …, whatever their case) and without 32 or more hex digits as a path component of a tracker's
 * announce address.  What is no address is dropped whole.
 */
void url_strip(const char *url, struct buf *out);
/** Puts a parameter back that url_strip() took. */
void url_restore(const char *url, const char *name, const char *secret, struct buf *out);
/** True when both have the same scheme, host and port. */
bool url_same_host(const char *a, const char *b);

#endif
