/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * HTTP by libcurl: the only file that knows it.  One thread runs a curl multi handle; callers
 * wait for their answer, any number of them at once.
 *
 * Always: http and https only, TLS verified, no redirect is followed (a key would be forwarded to
 * the new host), 5 s to connect, a limit for the whole call, a low-speed limit (a drip ends), the
 * size counted after decoding (a bomb ends).  No proxy from the environment.  Nothing that a
 * caller sends (address, query, headers, body) is ever logged or put into a reason.
 */
#ifndef INDEXER_NET_HTTP_H
#define INDEXER_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct http;

/** One field of a multipart/form-data body. */
struct http_part {
	const char *name;
	/** NULL: a plain field. */
	const char *file, *type;
	const void *data;
	size_t len;
};

/** All borrowed for the time of the call. */
struct http_request {
	/** NULL: GET, or POST when there is a body or a part. */
	const char *method;
	const char *url;
	/** "Name: value", ended by NULL; NULL for none. */
	const char *const *headers;
	const void *body;
	size_t body_len;
	/** NULL: application/x-www-form-urlencoded. */
	const char *body_type;
	const struct http_part *parts;
	size_t part_count;
	/** Most bytes of the decoded answer; 0: 16 MiB. */
	size_t most;
	/** For the whole call; 0: 60 s. */
	int timeout_ms;
};

enum {
	HTTP_MOST = 16 << 20,
	HTTP_TIMEOUT_MS = 60000,
	HTTP_CONNECT_MS = 5000,
};

struct http_answer {
	/** 0 when there was no answer. */
	int status;
	struct buf body;
	/** Content-Type without parameters, lower case; "" when none. */
	char type[64];
	/** Retry-After (seconds, or a date) as a duration from now; -1 when there is none. */
	int64_t retry_after_ns;
	/** Header cf-mitigated: challenge. */
	bool is_challenge;
	char etag[128], last_modified[64];
	/** X-Total-Count; -1 when there is none. */
	int64_t total;
	/** "name=value" of the first Set-Cookie; "" when none. */
	char cookie[512];
	/** Location, for those who know what they expect (Prowlarr's magnets); "" when none. */
	char location[4096];
	/** What went wrong, a clause without any secret. */
	char why[160];
};

#define HTTP_ANSWER_INIT ((struct http_answer){.body = BUF_INIT(HTTP_MOST), .retry_after_ns = -1, .total = -1})

/** Starts the thread. */
int http_new(struct http **out);
/** Ends running calls (-ECANCELED) and the thread.  Accepts NULL. */
void http_free(struct http *h);
/** Running calls and all later ones end at once with -ECANCELED: the end is near. */
void http_cancel(struct http *h);

/**
 * Asks and waits.  Returns 0 when an HTTP answer came, whatever its status; else -errno and
 * @a->why: -ECONNREFUSED, -EHOSTUNREACH (name or route), -ETIMEDOUT, -EPROTO (no HTTP, cut off,
 * bad encoding), -EKEYREJECTED (TLS), -EFBIG (over `most`), -EINVAL (address, or a line break in a
 * header), -ECANCELED, -ENOMEM.  @a is emptied first and its body is empty after a failure.
 * Any thread.  The answer is cleared with http_answer_clear() in every case.
 */
int http_do(struct http *h, const struct http_request *q, struct http_answer *a);
void http_answer_clear(struct http_answer *a);

/** Sleeps; -ECANCELED at once when http_cancel() was or is called. */
int http_sleep(struct http *h, int64_t ns);

#endif
