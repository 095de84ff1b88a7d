/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/notify/post.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/render.h"
#include "indexer/net/secret.h"

enum {
	PER_MINUTE = 30,
	TIMEOUT_MS = 15000,
	/** An answer only tells whether and when to ask again. */
	ANSWER_MOST = 64 << 10,
	URL_MOST = 4096,
};

static void one_notice(struct json *j, const struct notice *n)
{
	json_object(j);
	json_kv_text(j, "kind", n->kind);
	json_kv_text(j, "series", n->series);
	json_kv_text(j, "text", n->text);
	json_kv_time(j, "time", n->at);
	if (n->more)
		json_kv_int(j, "more", (int64_t)n->more);
	json_end_object(j);
}

void post_message(const struct notice *const *notices, size_t n, int64_t now, struct buf *out)
{
	struct json j;
	json_init(&j, out, 0);
	json_object(&j);
	json_kv_text(&j, "app", "mediamon");
	json_kv_time(&j, "time", now);
	json_key(&j, "notices");
	json_array(&j);
	for (size_t i = 0; i < n; i++)
		one_notice(&j, notices[i]);
	json_end_array(&j);
	json_end_object(&j);
}

static bool is_address(const char *s)
{
	return strncasecmp(s, "https://", 8) == 0 || strncasecmp(s, "http://", 7) == 0;
}

int post_open(const struct outside *o, enum option_id file, const char *host, void **state,
	      char *why)
{
	static const struct limit_rule rule = {.per_minute = PER_MINUTE};
	const char *path = config_text(o->config, file);
	*state = NULL;
	if (!path[0])
		return 0;
	if (!o->net) {
		snprintf(why, WHY, "there is no network");
		return -ENETDOWN;
	}
	struct post *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	*p = (struct post){.net = o->net, .host = host, .url = BUF_INIT(URL_MOST)};
	int r = secret_read(path, &p->url, why);
	if (r == 0 && !is_address(buf_str(&p->url))) {
		snprintf(why, WHY, "%.200s holds no http address", path);
		r = -EINVAL;
	}
	if (r == 0)
		r = limit_declare(o->net->limit, host, &rule);
	if (r < 0) {
		post_close(p);
		return r;
	}
	*state = p;
	return 0;
}

void post_close(void *state)
{
	struct post *p = state;
	secret_clear(&p->url);
	free(p);
}

/** What statuses mean that are no success; all others: try later. */
static const struct {
	int status, result;
	const char *text;
} verdicts[] = {
	{400, -EBADMSG, "the message is refused (400)"},
	{413, -EBADMSG, "the message is too large (413)"},
	{422, -EBADMSG, "the message is refused (422)"},
	{401, -ENOENT, "the address is not allowed (401)"},
	{404, -ENOENT, "the address does not exist (404)"},
	{410, -ENOENT, "the address does not exist any more (410)"},
};

static int judge(const struct post *p, const struct http_answer *a, int64_t *at, char *why)
{
	if (a->status >= 200 && a->status <= 299)
		return 0;
	for (size_t i = 0; i < COUNT_OF(verdicts); i++)
		if (a->status == verdicts[i].status) {
			snprintf(why, WHY, "%s", verdicts[i].text);
			return verdicts[i].result;
		}
	snprintf(why, WHY, "it answered %d", a->status);
	if (a->status != 429 && (a->status != 503 || a->retry_after_ns < 0))
		return -EPROTO;
	*at = a->retry_after_ns < 0 ? 0 : net_now(p->net) + a->retry_after_ns;
	return -EAGAIN;
}

int post_json(struct post *p, const struct buf *json, struct http_answer *a, int64_t *at, char *why)
{
	struct http_request q = {
		.url = buf_str(&p->url),
		.body = buf_str(json),
		.body_len = json->len,
		.body_type = "application/json",
		.most = ANSWER_MOST,
		.timeout_ms = TIMEOUT_MS,
	};
	if (buf_error(json))
		return buf_error(json);
	int r = net_do(p->net, p->host, &q, a, at);
	if (r == 0)
		return judge(p, a, at, why);
	snprintf(why, WHY, "%s", a->why);
	/* what a message cannot be blamed for must not look like a verdict on it */
	return r == -ENOENT || r == -EBADMSG ? -EIO : r;
}
