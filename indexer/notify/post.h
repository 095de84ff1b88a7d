/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What webhooks have in common: a secret address to which JSON is posted. */
#ifndef INDEXER_NOTIFY_POST_H
#define INDEXER_NOTIFY_POST_H

#include "indexer/notify/notify.h"

/** {"app", "time", "notices": […]}: what machines are told.  @n notices, now = since 1970. */
void post_message(const struct notice *const *notices, size_t n, int64_t now, struct buf *out);

/** Room for post_message(): each byte of a text may become six. */
enum { POST_MOST = 16 << 20 };

struct post {
	struct net *net;
	/** In the budgets. */
	const char *host;
	/** The address; secret. */
	struct buf url;
};

/** Of a struct notifier: *state is a struct post, NULL when the option @file is empty. */
int post_open(const struct outside *o, enum option_id file, const char *host, void **state,
	      char *why);
void post_close(void *state);

/**
 * Posts and judges the status as struct notifier's send() does: 0 for 2xx.  The answer is the
 * caller's to look at, and to clear in every case.
 */
int post_json(struct post *p, const struct buf *json, struct http_answer *a, int64_t *at,
	      char *why);

#endif
