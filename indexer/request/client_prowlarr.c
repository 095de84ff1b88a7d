/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Prowlarr's own grab: it hands what it found to the download client that it is set up with.  It
 * knows a find by the guid of its last 30 minutes only, and never tells what became of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "common/render.h"
#include "indexer/net/secret.h"
#include "indexer/request/client.h"

struct prowlarr {
	struct net *net;
	/** …/api/v1/search */
	struct buf url;
	/** Borrowed. */
	const char *key_file;
};

enum {
	/** It asks the indexer first. */
	GRAB_TIMEOUT_MS = 100000,
};

static const char HOST[] = "prowlarr";

static void prowlarr_close(void *state)
{
	struct prowlarr *p = state;
	if (!p)
		return;
	buf_clear(&p->url);
	free(p);
}

static bool is_http(const char *url)
{
	return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

static int prowlarr_open(const struct outside *o, void **state, char *why)
{
	const char *url = config_text(o->config, OPT_prowlarr_url), *file = config_text(o->config, OPT_prowlarr_key);
	struct limit_rule rule = {.per_minute = (int)config_int(o->config, OPT_prowlarr_minute),
				  .per_day = (int)config_int(o->config, OPT_prowlarr_day)};
	size_t n = strlen(url);
	*state = NULL;
	if (!*url)
		return 0;
	if (!is_http(url) || !*file) {
		snprintf(why, WHY, "prowlarr: url is not an http address, or api_key_file is not set");
		return -EINVAL;
	}
	struct prowlarr *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	*p = (struct prowlarr){.net = o->net, .url = BUF_INIT(4096), .key_file = file};
	while (n && url[n - 1] == '/')
		n--;
	buf_add(&p->url, url, n);
	buf_adds(&p->url, "/api/v1/search");
	int r = buf_error(&p->url);
	if (r == 0)
		r = limit_declare(o->net->limit, HOST, &rule);
	if (r < 0) {
		snprintf(why, WHY, "prowlarr: its url cannot be used");
		prowlarr_close(p);
		return r;
	}
	*state = p;
	return 0;
}

/** What a status means for the handover. */
static int judge(int status, char *why)
{
	static const struct {
		int status, result;
		const char *text;
	} meanings[] = {
		{400, -EINVAL, "Prowlarr refused the find"},
		{401, -EACCES, "Prowlarr does not accept the API key"},
		{403, -EACCES, "Prowlarr does not accept the API key"},
		{404, -EAGAIN, "Prowlarr knows the find no more (it keeps them for 30 minutes): it must be searched again"},
		{405, -EAGAIN, "there is no Prowlarr at its url"},
		{409, -EAGAIN, "Prowlarr could not get it from the indexer"},
		{429, -EAGAIN, "Prowlarr asks for patience"},
	};
	if (status >= 200 && status < 300)
		return 0;
	for (size_t i = 0; i < COUNT_OF(meanings); i++)
		if (meanings[i].status == status) {
			snprintf(why, WHY, "%s", meanings[i].text);
			return meanings[i].result;
		}
	snprintf(why, WHY, "Prowlarr answered with status %d", status);
	/* an error of its own may have happened after the grab */
	return status >= 500 ? -EIO : -EAGAIN;
}

/** For what went wrong without an answer. */
static int no_answer(int r)
{
	switch (r) {
	case -EAGAIN:
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ETIMEDOUT:
	case -EPROTO:
		return r;
	/* the address is wrong, or its certificate: nothing was sent */
	case -EINVAL:
	case -EKEYREJECTED:
		return -EAGAIN;
	case -EFBIG:
		return -EPROTO;
	default:
		return -EIO;
	}
}

static int grab(struct prowlarr *p, const struct handover *h, const char *header, char *why)
{
	_buf_ struct buf body = BUF_INIT(64 << 10);
	struct http_answer a = HTTP_ANSWER_INIT;
	const char *headers[] = {header, NULL};
	struct json j;
	json_init(&j, &body, 0);
	json_object(&j);
	json_kv_text(&j, "guid", h->release.guid);
	json_kv_int(&j, "indexerId", h->release.indexer_id);
	json_end_object(&j);
	if (buf_error(&body)) {
		snprintf(why, WHY, "the find's guid is too long");
		return -EINVAL;
	}
	struct http_request q = {.url = buf_str(&p->url), .headers = headers, .body = body.data, .body_len = body.len,
				 .body_type = "application/json", .timeout_ms = GRAB_TIMEOUT_MS};
	int r = net_do(p->net, HOST, &q, &a, NULL);
	if (r < 0)
		snprintf(why, WHY, "Prowlarr: %s", a.why);
	r = r < 0 ? no_answer(r) : judge(a.status, why);
	if (r == 0 && strcmp(a.type, "text/html") == 0) {
		snprintf(why, WHY, "a web page answered in Prowlarr's place");
		r = -EAGAIN;
	}
	http_answer_clear(&a);
	return r;
}

static int prowlarr_add(void *state, const struct handover *h, char *why)
{
	struct prowlarr *p = state;
	struct buf key = BUF_INIT(4096), header = BUF_INIT(8192);
	int r = secret_read(p->key_file, &key, why);
	if (r == 0) {
		buf_adds(&header, "X-Api-Key: ");
		buf_add(&header, key.data, key.len);
		r = buf_error(&header) ? -EAGAIN : grab(p, h, buf_str(&header), why);
	} else {
		r = -EACCES;
	}
	secret_clear(&key);
	secret_clear(&header);
	return r;
}

static int prowlarr_find(void *state, enum protocol protocol, const char *hash, struct client_item *item, char *why)
{
	(void)state, (void)protocol, (void)hash, (void)item;
	snprintf(why, WHY, "Prowlarr does not tell what becomes of a grab");
	return -ENOTSUP;
}

const struct client client_prowlarr = {
	.name = "prowlarr",
	.takes = PROTOCOL_TORRENT | PROTOCOL_USENET,
	.source = "prowlarr",
	.open = prowlarr_open,
	.close = prowlarr_close,
	.add = prowlarr_add,
	.find = prowlarr_find,
};
