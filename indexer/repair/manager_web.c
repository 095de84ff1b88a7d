/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/repair/manager_web.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/net/secret.h"

enum {
	/** The list of some 10,000 films, each with what is known of its file. */
	ANSWER_MOST = 64 << 20,
	TIMEOUT_MS = 60000,
	KEY_MOST = 512,
	/** Calls in any 60 s: a rescan and a search cost about ten. */
	PER_MINUTE = 30,
	/** Of a list. */
	ELEMENTS_MOST = 500000,
};

/* --- opening --- */

static bool is_address(const char *text)
{
	size_t scheme = strncasecmp(text, "http://", 7) == 0 ? 7 : strncasecmp(text, "https://", 8) == 0 ? 8 : 0;
	if (!scheme || !text[scheme] || text[scheme] == '/' || strpbrk(text, "?#@\\\""))
		return false;
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return true;
}

/** What can stand in a header, also between quotation marks. */
static bool is_key(const char *key)
{
	size_t n = strlen(key);
	for (size_t i = 0; i < n; i++)
		if (key[i] <= ' ' || key[i] > '~' || key[i] == '"' || key[i] == '\\')
			return false;
	return n > 0 && n <= KEY_MOST;
}

int manager_web_open(struct manager_web *w, const struct outside *o, const char *who, const char *host,
		     const char *address, const char *header, const char *key, char *why)
{
	struct limit_rule rule = {.per_minute = PER_MINUTE};
	size_t n = strlen(address);
	*w = (struct manager_web){.net = o->net, .who = who, .url = BUF_INIT(4096), .key = BUF_INIT(4096),
				  .header = BUF_INIT(8192)};
	if (!is_address(address)) {
		snprintf(why, WHY, "its address is not such as http://127.0.0.1:8989");
		return -EINVAL;
	}
	if (!is_key(key)) {
		snprintf(why, WHY, "what its key file holds is no key");
		return -EINVAL;
	}
	while (n && address[n - 1] == '/')
		n--;
	snprintf(w->host, sizeof w->host, "%s", host);
	buf_add(&w->url, address, n);
	buf_adds(&w->key, key);
	buf_addf(&w->header, header, key);
	if (w->url.error || w->key.error || w->header.error) {
		snprintf(why, WHY, "its address is too long");
		return -EINVAL;
	}
	int r = limit_declare(o->net->limit, w->host, &rule);
	if (r < 0)
		snprintf(why, WHY, "its name cannot be used for a budget");
	return r;
}

void manager_web_clear(struct manager_web *w)
{
	buf_clear(&w->url);
	secret_clear(&w->key);
	secret_clear(&w->header);
}

/* --- asking --- */

static int judge(const struct manager_web *w, const struct http_answer *a, char *why)
{
	static const struct {
		int first, last, meaning;
		const char *text;
	} table[] = {
		{200, 204, 0, ""},
		{300, 399, -EPROTO, "sends us to another address, which is not followed"},
		{400, 400, -EINVAL, "refuses what it was told"},
		{401, 403, -EACCES, "does not accept the key"},
		{404, 404, -ENOENT, "does not know what was asked for"},
		{429, 429, -EBUSY, "asks to wait"},
		{500, 599, -EBUSY, "has an error of its own"},
		{0, 999, -EPROTO, "answers what was not expected"},
	};
	size_t i = 0;
	while (i < COUNT_OF(table) - 1 && (a->status < table[i].first || a->status > table[i].last))
		i++;
	if (table[i].meaning)
		snprintf(why, WHY, "%s %s (HTTP %d)", w->who, table[i].text, a->status);
	return table[i].meaning;
}

int manager_web_ask(struct manager_web *w, const char *path, const struct buf *body, struct http_answer *a, char *why)
{
	_buf_ struct buf url = BUF_INIT(32768);
	const char *const headers[] = {buf_str(&w->header), "Accept: application/json", NULL};
	buf_adds(&url, buf_str(&w->url));
	buf_adds(&url, path);
	if (url.error) {
		snprintf(why, WHY, "%s: the path is too long to be asked for", w->who);
		return -ENAMETOOLONG;
	}
	struct http_request q = {.url = buf_str(&url), .headers = headers, .most = ANSWER_MOST, .timeout_ms = TIMEOUT_MS};
	if (body) {
		q.body = body->data;
		q.body_len = body->len;
		q.body_type = "application/json";
	}
	int r = net_do(w->net, w->host, &q, a, NULL);
	if (r < 0) {
		snprintf(why, WHY, "%s: %s", w->who, a->why);
		return r;
	}
	return judge(w, a, why);
}

static int no_answer(const struct manager_web *w, const struct http_answer *a, const char *what, char *why)
{
	snprintf(why, WHY, "%s's answer is %s", w->who, strcmp(a->type, "text/html") == 0 ? "a page for people" : what);
	return -EPROTO;
}

int manager_web_object(struct manager_web *w, const char *path, const struct buf *body, struct js **out, char *why)
{
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	char detail[160];
	*out = NULL;
	int r = manager_web_ask(w, path, body, &a, why);
	if (r < 0)
		return r;
	if (js_parse(buf_str(&a.body), a.body.len, out, detail) == 0 && js_is_object(*out))
		return 0;
	js_free(*out);
	*out = NULL;
	return no_answer(w, &a, "no document that can be read", why);
}

/* --- lists --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/** The offset behind one value that begins at @i: where a comma or bracket of its list stands, or the end. */
static size_t skip_value(const char *s, size_t n, size_t i)
{
	size_t depth = 0;
	for (; i < n; i++) {
		if (s[i] == '"') {
			for (i++; i < n && s[i] != '"'; i++)
				i += s[i] == '\\';
			continue;
		}
		if (depth == 0 && (s[i] == ',' || s[i] == ']'))
			return i;
		if (s[i] == '[' || s[i] == '{')
			depth++;
		else if (s[i] == ']' || s[i] == '}')
			depth--;
	}
	return n;
}

static int tell_element(const char *s, size_t n, manager_element_fn *fn, void *arg)
{
	_js_ struct js *v = NULL;
	char detail[160];
	if (js_parse(s, n, &v, detail) < 0)
		return -EBADMSG;
	return js_is_object(v) ? fn(arg, v) : 0;
}

/** -EBADMSG: it is no array, or one of its elements cannot be read. */
static int each(const char *s, size_t n, manager_element_fn *fn, void *arg)
{
	size_t i = 0;
	int r = 0;
	while (i < n && is_blank(s[i]))
		i++;
	if (i == n || s[i++] != '[')
		return -EBADMSG;
	while (i < n && is_blank(s[i]))
		i++;
	if (i < n && s[i] == ']')
		return 0;
	for (size_t count = 0; r == 0; count++) {
		size_t end = skip_value(s, n, i);
		if (end >= n || count >= ELEMENTS_MOST)
			return -EBADMSG;
		r = tell_element(s + i, end - i, fn, arg);
		if (s[end] == ']')
			break;
		i = end + 1;
	}
	return r;
}

int manager_web_each(struct manager_web *w, const char *path, manager_element_fn *fn, void *arg, char *why)
{
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	int r = manager_web_ask(w, path, NULL, &a, why);
	if (r < 0)
		return r;
	r = each(buf_str(&a.body), a.body.len, fn, arg);
	if (r == -EBADMSG)
		return no_answer(w, &a, "no list that can be read", why);
	if (r < 0)
		snprintf(why, WHY, "%s's answer cannot be kept", w->who);
	return r;
}

/* --- what they say --- */

void manager_web_text(const struct manager_web *w, const char *text, char *out, size_t size)
{
	/* a character may begin before the limit and end behind it */
	_buf_ struct buf clean = BUF_INIT(size + 8);
	size_t n = strnlen(text, 4 * size);
	out[0] = '\0';
	if (strcasestr(text, buf_str(&w->key)))
		return;
	text_clean(text, n, size - 1, &clean);
	if (!clean.error)
		snprintf(out, size, "%s", buf_str(&clean));
}

bool manager_web_path(const struct manager_web *w, const char *text, char *out, size_t size)
{
	size_t n = strlen(text);
	while (n > 1 && text[n - 1] == '/')
		n--;
	if (text[0] != '/' || n < 2 || n >= size || strcasestr(text, buf_str(&w->key)))
		return false;
	memcpy(out, text, n);
	out[n] = '\0';
	return true;
}

bool manager_is_id(int64_t id)
{
	return id > 0 && id <= INT32_MAX;
}

size_t manager_below(const char *folder, const char *path)
{
	size_t n = strlen(folder);
	while (n && folder[n - 1] == '/')
		n--;
	if (!n || strncmp(path, folder, n) != 0 || (path[n] && path[n] != '/'))
		return 0;
	return n;
}
