/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/request/qbittorrent_web.h"

#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/config.h"
#include "indexer/net/secret.h"
#include "indexer/net/url.h"

static const char HOST[] = "qbittorrent";

#define BAN_LENGTH (6 * 60 * NS_PER_S)
#define REFUSED_LENGTH (3600 * NS_PER_S)

enum {
	PER_MINUTE = 60,
	TIMEOUT_MS = 30000,
	PASSWORD_MOST = 4096,
};

static void cleanup_secret(struct buf *b)
{
	secret_clear(b);
}

#define _secret_ __attribute__((cleanup(cleanup_secret)))

/** Bytes of scheme, host and port; 0 when it is no address that we use. */
static size_t origin_length(const char *url)
{
	size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
	size_t host = scheme ? strcspn(url + scheme, "/") : 0;
	if (!host || strpbrk(url, "?#@ \r\n"))
		return 0;
	return scheme + host;
}

static int set_address(struct qbittorrent_web *w, const char *url, char *why)
{
	size_t origin = origin_length(url), n = strlen(url);
	if (!origin) {
		snprintf(why, WHY, "qbittorrent: url is not an http address without user, query and fragment");
		return -EINVAL;
	}
	while (n && url[n - 1] == '/')
		n--;
	buf_add(&w->base, url, n);
	buf_adds(&w->base, "/api/v2/");
	buf_addf(&w->referer, "Referer: %.*s/", (int)n, url);
	buf_addf(&w->origin, "Origin: %.*s", (int)origin, url);
	if (!buf_error(&w->base) && !buf_error(&w->referer) && !buf_error(&w->origin))
		return 0;
	snprintf(why, WHY, "qbittorrent: url is too long");
	return -EINVAL;
}

/** The password can be had now: a wrong file is told of at start. */
static int check_password(const struct qbittorrent_web *w, char *why)
{
	_secret_ struct buf password = BUF_INIT(PASSWORD_MOST);
	if (!*w->user)
		return 0;
	if (*w->password_file)
		return secret_read(w->password_file, &password, why);
	snprintf(why, WHY, "qbittorrent: username is set, password_file is not");
	return -EINVAL;
}

int qbittorrent_web_init(struct qbittorrent_web *w, const struct outside *o, char *why)
{
	const struct limit_rule rule = {.per_minute = PER_MINUTE};
	*w = (struct qbittorrent_web){
		.net = o->net,
		.base = BUF_INIT(4096),
		.referer = BUF_INIT(4096),
		.origin = BUF_INIT(4096),
		.user = config_text(o->config, OPT_qbittorrent_user),
		.password_file = config_text(o->config, OPT_qbittorrent_password),
		.refused = BUF_INIT(PASSWORD_MOST),
	};
	int r = set_address(w, config_text(o->config, OPT_qbittorrent_url), why);
	if (r == 0)
		r = check_password(w, why);
	if (r == 0)
		r = limit_declare(o->net->limit, HOST, &rule);
	return r;
}

void qbittorrent_web_clear(struct qbittorrent_web *w)
{
	secret_clear(&w->refused);
	explicit_bzero(w->cookie, sizeof w->cookie);
	buf_clear(&w->base);
	buf_clear(&w->referer);
	buf_clear(&w->origin);
}

void qbittorrent_web_field(struct buf *form, const char *name, const char *value)
{
	if (form->len)
		buf_addc(form, '&');
	buf_addf(form, "%s=", name);
	url_escape(value, strlen(value), form);
}

static int ask_once(struct qbittorrent_web *w, const char *path, struct http_request *q, struct http_answer *a, char *why)
{
	_buf_ struct buf url = BUF_INIT(64 << 10);
	const char *headers[] = {buf_str(&w->referer), buf_str(&w->origin), *w->cookie ? w->cookie : NULL, NULL};
	buf_add(&url, w->base.data, w->base.len);
	buf_adds(&url, path);
	if (buf_error(&url))
		return buf_error(&url);
	q->url = buf_str(&url);
	q->headers = headers;
	q->timeout_ms = TIMEOUT_MS;
	int r = net_do(w->net, HOST, q, a, NULL);
	q->url = NULL;
	q->headers = NULL;
	if (r < 0)
		snprintf(why, WHY, "qBittorrent: %s", a->why);
	return r;
}

/* --- signing in --- */

static bool is_refused(const struct qbittorrent_web *w, const struct buf *password)
{
	int64_t age = net_now(w->net) - w->refused_at;
	return w->refused_at && age >= 0 && age < REFUSED_LENGTH && w->refused.len == password->len &&
	       memcmp(buf_str(&w->refused), buf_str(password), password->len) == 0;
}

static int judge_login(struct qbittorrent_web *w, const struct http_answer *a, const struct buf *password, char *why)
{
	const char *body = buf_str(&a->body);
	if (a->status == 403) {
		limit_block(w->net->limit, HOST, net_now(w->net), BAN_LENGTH, "it banned this address after wrong passwords");
		snprintf(why, WHY, "qBittorrent has banned this address after wrong passwords; it is left alone for a while");
		return -EAGAIN;
	}
	if (a->status == 401 || (a->status == 200 && strcmp(body, "Fails.") == 0)) {
		secret_clear(&w->refused);
		w->refused = BUF_INIT(PASSWORD_MOST);
		buf_add(&w->refused, password->data, password->len);
		w->refused_at = net_now(w->net);
		snprintf(why, WHY, "qBittorrent does not accept user and password, or not the address in its url");
		return -EACCES;
	}
	if (a->status == 204 || (a->status == 200 && (!*body || strcmp(body, "Ok.") == 0))) {
		w->refused_at = 0;
		if (*a->cookie)
			snprintf(w->cookie, sizeof w->cookie, "Cookie: %s", a->cookie);
		return 0;
	}
	snprintf(why, WHY, "what answers the login (status %d) is not qBittorrent's Web API", a->status);
	return -EAGAIN;
}

static int sign_in(struct qbittorrent_web *w, char *why)
{
	_secret_ struct buf password = BUF_INIT(PASSWORD_MOST), form = BUF_INIT(32 << 10);
	struct http_answer a = HTTP_ANSWER_INIT;
	*w->cookie = '\0';
	if (secret_read(w->password_file, &password, why) < 0)
		return -EACCES;
	if (is_refused(w, &password)) {
		snprintf(why, WHY, "qBittorrent did not accept this password: it is not tried again until it changes");
		return -EACCES;
	}
	qbittorrent_web_field(&form, "username", w->user);
	qbittorrent_web_field(&form, "password", buf_str(&password));
	if (buf_error(&form))
		return -EACCES;
	struct http_request q = {.body = form.data, .body_len = form.len, .most = 64 << 10};
	int r = ask_once(w, "auth/login", &q, &a, why);
	if (r == 0)
		r = judge_login(w, &a, &password, why);
	http_answer_clear(&a);
	return r;
}

int qbittorrent_web_ask(struct qbittorrent_web *w, const char *path, struct http_request *q, struct http_answer *a,
			char *why)
{
	bool is_new = *w->user && !*w->cookie;
	int r = is_new ? sign_in(w, why) : 0;
	if (r == 0)
		r = ask_once(w, path, q, a, why);
	if (r == 0 && a->status == 403 && *w->user && !is_new) {
		/* the login has ended; once */
		r = sign_in(w, why);
		if (r == 0)
			r = ask_once(w, path, q, a, why);
	}
	if (r < 0 || (a->status != 401 && a->status != 403))
		return r;
	snprintf(why, WHY, "qBittorrent %s", *w->user ? "does not let us do this" : "wants a login, and no username is set");
	return -EACCES;
}
