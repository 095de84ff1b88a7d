/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One call, as http.c (the thread) and http_call.c (what is asked and answered) see it; and the library that makes it. */
#ifndef INDEXER_NET_HTTP_PRIVATE_H
#define INDEXER_NET_HTTP_PRIVATE_H

#include <curl/curl.h>

#include "indexer/net/http.h"

struct call {
	struct call *next;
	const struct http_request *q;
	struct http_answer *a;
	CURL *easy;
	struct curl_slist *headers;
	curl_mime *mime;
	/* only the thread, until is_done: */
	size_t header_bytes;
	/* of the header block that is being read; the last one is the answer's */
	int block_status;
	bool is_headed;
	char retry_after[64], date[64];
	/* the low-speed limit's window */
	int64_t window_at, window_bytes;
	/* 0, or why a callback ended the call */
	int error;
	CURLcode code;
	/* protected by http.lock: */
	bool is_done, is_cancelled;
};

/** Loads libcurl, once; before any other call of it.  0 or -errno.  Any thread. */
int http_load(void);
/** Makes @c->easy ready for @c->q.  0 or -errno with @c->a->why; call_clear() in every case. */
int call_init(struct call *c);
void call_clear(struct call *c);
/** What http_do() returns, once the thread has given the call back. */
int call_result(struct call *c);

#endif
