/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Any webhook: the notices as JSON. */
#include "indexer/notify/post.h"

static int webhook_open(const struct outside *o, void **state, char *why)
{
	return post_open(o, OPT_webhook_url, "webhook", state, why);
}

static int webhook_send(void *state, const struct notice *const *notices, size_t n, int64_t *at,
			char *why)
{
	struct post *p = state;
	struct http_answer a = HTTP_ANSWER_INIT;
	_buf_ struct buf json = BUF_INIT(POST_MOST);
	post_message(notices, n, net_now(p->net), &json);
	int r = post_json(p, &json, &a, at, why);
	http_answer_clear(&a);
	return r;
}

const struct notifier notifier_webhook = {
	.name = "webhook",
	.open = webhook_open,
	.close = post_close,
	.send = webhook_send,
};
