/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What is asked and what is answered: the rules of a call, its headers, its failures' names.
 *
 * Only GET and HEAD may use a connection that is open already: libcurl sends a request again when
 * such a connection turns out to be dead, and a POST must not arrive twice.
 *
 * The low-speed limit is ours: libcurl's also counts the time in which a server thinks, and an
 * aggregator may think for most of a minute before its first byte.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/net/http_private.h"

enum {
	HEADERS_MOST = 64 << 10,
	SLOW_BYTES = 100,
	SLOW_SECONDS = 20,
	CONNECTION_AGE_S = 30,
	/* nobody means to be left alone for longer; larger numbers are mistakes */
	RETRY_AFTER_MOST_S = 30 * 24 * 3600,
};

/* --- what a failure is called --- */

static const struct failure {
	CURLcode code;
	int error;
	const char *why;
} failures[] = {
	{CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH, "the host's name is not known"},
	{CURLE_COULDNT_CONNECT, -ECONNREFUSED, "no connection"},
	{CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, "no answer in time"},
	{CURLE_ABORTED_BY_CALLBACK, -ETIMEDOUT, "the answer came too slowly"},
	{CURLE_FILESIZE_EXCEEDED, -EFBIG, "the answer is too large"},
	{CURLE_URL_MALFORMAT, -EINVAL, "the address is not valid"},
	{CURLE_GOT_NOTHING, -EPROTO, "the connection was closed without an answer"},
	{CURLE_PARTIAL_FILE, -EPROTO, "the answer was cut off"},
	{CURLE_RECV_ERROR, -EPROTO, "the connection broke"},
	{CURLE_SEND_ERROR, -EPROTO, "the connection broke"},
	{CURLE_BAD_CONTENT_ENCODING, -EPROTO, "the answer's encoding is not valid"},
	{CURLE_UNSUPPORTED_PROTOCOL, -EPROTO, "the answer is not HTTP"},
	{CURLE_WEIRD_SERVER_REPLY, -EPROTO, "the answer is not HTTP"},
	{CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED, "its certificate is not to be trusted"},
	{CURLE_SSL_CONNECT_ERROR, -EKEYREJECTED, "no secure connection (TLS)"},
	{CURLE_SSL_CERTPROBLEM, -EKEYREJECTED, "no secure connection (TLS)"},
	{CURLE_SSL_CIPHER, -EKEYREJECTED, "no secure connection (TLS)"},
	{CURLE_SSL_ISSUER_ERROR, -EKEYREJECTED, "its certificate is not to be trusted"},
	{CURLE_SSL_INVALIDCERTSTATUS, -EKEYREJECTED, "its certificate is not to be trusted"},
	{CURLE_SSL_CACERT_BADFILE, -EKEYREJECTED, "the system's certificates cannot be read"},
	{CURLE_SSL_ENGINE_INITFAILED, -EKEYREJECTED, "no secure connection (TLS)"},
};

static const struct failure own_failures[] = {
	{CURLE_OK, -EFBIG, "the answer is too large"},
	{CURLE_OK, -EPROTO, "the answer's headers are too long"},
	{CURLE_OK, -ENOMEM, "no memory"},
};

static int say(struct http_answer *a, int error, const char *why)
{
	snprintf(a->why, sizeof a->why, "%s", why);
	return error;
}

static int say_failure(struct call *c)
{
	long os = 0;
	for (size_t i = 0; c->error && i < COUNT_OF(own_failures); i++)
		if (own_failures[i].error == c->error)
			return say(c->a, c->error, own_failures[i].why);
	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os);
	if (c->code == CURLE_COULDNT_CONNECT && (os == EHOSTUNREACH || os == ENETUNREACH))
		return say(c->a, -EHOSTUNREACH, "the host cannot be reached");
	for (size_t i = 0; i < COUNT_OF(failures); i++)
		if (failures[i].code == c->code)
			return say(c->a, failures[i].error, failures[i].why);
	/* libcurl says "out of memory" of a header line without an end, too */
	return say(c->a, -EPROTO, "the answer cannot be read");
}

/* --- headers --- */

/** Copies a header's value when it fits and is text; half a value is worth nothing. */
static void keep(char *to, size_t size, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return;
	if (n >= size)
		return;
	memcpy(to, s, n);
	to[n] = '\0';
}

static size_t cut_at(const char *s, size_t n, const char *stops)
{
	size_t i = 0;
	while (i < n && !strchr(stops, s[i]))
		i++;
	while (i > 0 && s[i - 1] == ' ')
		i--;
	return i;
}

static void take_type(struct call *c, const char *s, size_t n)
{
	keep(c->a->type, sizeof c->a->type, s, cut_at(s, n, "; \t,"));
	for (char *p = c->a->type; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
}

static void take_retry(struct call *c, const char *s, size_t n)
{
	keep(c->retry_after, sizeof c->retry_after, s, n);
}

static void take_date(struct call *c, const char *s, size_t n)
{
	keep(c->date, sizeof c->date, s, n);
}

static void take_challenge(struct call *c, const char *s, size_t n)
{
	c->a->is_challenge = n == 9 && strncasecmp(s, "challenge", 9) == 0;
}

static void take_etag(struct call *c, const char *s, size_t n)
{
	keep(c->a->etag, sizeof c->a->etag, s, n);
}

static void take_modified(struct call *c, const char *s, size_t n)
{
	keep(c->a->last_modified, sizeof c->a->last_modified, s, n);
}

static void take_cookie(struct call *c, const char *s, size_t n)
{
	if (!*c->a->cookie)
		keep(c->a->cookie, sizeof c->a->cookie, s, cut_at(s, n, ";"));
}

static void take_location(struct call *c, const char *s, size_t n)
{
	keep(c->a->location, sizeof c->a->location, s, n);
}

/** Digits only; what is no number is not there. */
static void take_total(struct call *c, const char *s, size_t n)
{
	int64_t total = n && n <= 15 ? 0 : -1;
	for (size_t i = 0; i < n && total >= 0; i++)
		total = s[i] >= '0' && s[i] <= '9' ? total * 10 + s[i] - '0' : -1;
	c->a->total = total;
}

static const struct {
	const char *name;
	void (*read)(struct call *c, const char *s, size_t n);
} headers[] = {
	{"content-type", take_type},   {"retry-after", take_retry},
	{"date", take_date},           {"cf-mitigated", take_challenge},
	{"etag", take_etag},           {"last-modified", take_modified},
	{"set-cookie", take_cookie},   {"location", take_location},
	{"x-total-count", take_total},
};

/** An interim answer (100, 103) is not the answer: each status line starts anew. */
static void start_block(struct call *c, const char *line, size_t n)
{
	struct http_answer *a = c->a;
	const char *space = memchr(line, ' ', n);
	c->block_status = 0;
	for (const char *p = space; p && ++p < line + n && *p >= '0' && *p <= '9';)
		c->block_status = c->block_status < 1000 ? c->block_status * 10 + *p - '0' : 1000;
	*a->type = *a->etag = *a->last_modified = *a->cookie = *a->location = '\0';
	*c->retry_after = *c->date = '\0';
	a->is_challenge = false;
	a->total = -1;
}

static void take_header(struct call *c, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	if (!colon)
		return;
	size_t name = (size_t)(colon - line);
	const char *value = colon + 1, *end = line + n;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (size_t i = 0; i < COUNT_OF(headers); i++)
		if (strlen(headers[i].name) == name && strncasecmp(headers[i].name, line, name) == 0)
			headers[i].read(c, value, (size_t)(end - value));
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	n *= size;
	c->header_bytes += n;
	if (c->header_bytes > HEADERS_MOST) {
		c->error = -EPROTO;
		return 0;
	}
	size_t bare = n;
	while (bare > 0 && (line[bare - 1] == '\n' || line[bare - 1] == '\r'))
		bare--;
	/* what follows the body (trailers) tells nothing */
	if (c->is_headed)
		return n;
	if (bare == 0)
		c->is_headed = c->block_status >= 200;
	else if (bare > 5 && strncasecmp(line, "HTTP/", 5) == 0)
		start_block(c, line, bare);
	else
		take_header(c, line, bare);
	return n;
}

/** Against the host's own clock when it tells it: ours may differ. */
static int64_t retry_after(const struct call *c)
{
	int64_t seconds = 0;
	const char *p = c->retry_after;
	if (!*p)
		return -1;
	for (; *p >= '0' && *p <= '9'; p++)
		if (seconds < RETRY_AFTER_MOST_S)
			seconds = seconds * 10 + *p - '0';
	if (*p) {
		time_t then = curl_getdate(c->retry_after, NULL);
		time_t now = *c->date ? curl_getdate(c->date, NULL) : -1;
		if (then == -1)
			return -1;
		seconds = (int64_t)then - (now == -1 ? now_ns() / NS_PER_S : (int64_t)now);
	}
	if (seconds > RETRY_AFTER_MOST_S)
		seconds = RETRY_AFTER_MOST_S;
	return seconds < 0 ? 0 : seconds * NS_PER_S;
}

/* --- body --- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	int r = buf_add(&c->a->body, data, size * n);
	if (r == 0)
		return size * n;
	c->error = r == -E2BIG ? -EFBIG : -ENOMEM;
	return 0;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
	struct call *c = arg;
	(void)total, (void)to_send, (void)sent;
	int64_t bytes = (int64_t)c->header_bytes + got, now = mono_ns();
	if (bytes == 0)
		return 0;
	if (c->window_at == 0) {
		c->window_at = now;
		c->window_bytes = bytes;
	}
	if (now - c->window_at < SLOW_SECONDS * NS_PER_S)
		return 0;
	if (bytes - c->window_bytes < SLOW_BYTES * SLOW_SECONDS)
		return 1;
	c->window_at = now;
	c->window_bytes = bytes;
	return 0;
}

/* --- a call made ready --- */

static bool is_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static bool is_web(const char *url)
{
	const char *host = url ? strstr(url, "//") : NULL;
	if (!host || !host[2] || strchr("/?#", host[2]))
		return false;
	return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static bool is_method(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	return n > 0 && n <= 16 && !s[n];
}

static int add_header(struct call *c, const char *line)
{
	if (!is_line(line))
		return -EINVAL;
	struct curl_slist *longer = curl_slist_append(c->headers, line);
	if (!longer)
		return -ENOMEM;
	c->headers = longer;
	return 0;
}

static int set_headers(struct call *c)
{
	const struct http_request *q = c->q;
	/* else a large body waits a second for a word that few servers give */
	int r = add_header(c, "Expect:");
	for (const char *const *h = q->headers; h && *h && r == 0; h++)
		r = add_header(c, *h);
	if (r == 0 && q->body && q->body_type) {
		char line[256];
		if (snprintf(line, sizeof line, "Content-Type: %s", q->body_type) >= (int)sizeof line)
			return -EINVAL;
		r = add_header(c, line);
	}
	if (r == 0 && curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers))
		r = -ENOMEM;
	return r;
}

static int set_parts(struct call *c)
{
	c->mime = curl_mime_init(c->easy);
	if (!c->mime)
		return -ENOMEM;
	for (size_t i = 0; i < c->q->part_count; i++) {
		const struct http_part *p = &c->q->parts[i];
		curl_mimepart *part = curl_mime_addpart(c->mime);
		if (!part || curl_mime_name(part, p->name) ||
		    curl_mime_data(part, p->len ? p->data : "", p->len) ||
		    (p->file && curl_mime_filename(part, p->file)) ||
		    (p->type && curl_mime_type(part, p->type)))
			return -ENOMEM;
	}
	return curl_easy_setopt(c->easy, CURLOPT_MIMEPOST, c->mime) ? -ENOMEM : 0;
}

static int set_method(struct call *c)
{
	const struct http_request *q = c->q;
	const char *method = q->method ? q->method : q->body || q->part_count ? "POST" : "GET";
	bool is_get = strcmp(method, "GET") == 0, is_head = strcmp(method, "HEAD") == 0;
	int r = 0;
	if (!is_method(method))
		return -EINVAL;
	if (q->part_count) {
		r = set_parts(c);
	} else if (q->body || (!is_get && !is_head)) {
		if (curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len) ||
		    curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, q->body ? q->body : ""))
			r = -ENOMEM;
	} else if (is_head) {
		curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
	}
	if (r == 0 && !is_head && curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method))
		r = -ENOMEM;
	if (!is_get && !is_head)
		curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
	return r;
}

static const struct {
	CURLoption option;
	long value;
} numbers[] = {
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_HTTP09_ALLOWED, 0},
	/* one protocol less to be attacked by */
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	{CURLOPT_SSL_VERIFYPEER, 1},
	{CURLOPT_SSL_VERIFYHOST, 2},
	{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
	{CURLOPT_HTTPAUTH, CURLAUTH_BASIC},
	{CURLOPT_CONNECTTIMEOUT_MS, HTTP_CONNECT_MS},
	{CURLOPT_MAXAGE_CONN, CONNECTION_AGE_S},
	{CURLOPT_NOPROGRESS, 0},
	/* a name that does not resolve must not stop the thread when its call ends */
	{CURLOPT_QUICK_EXIT, 1},
};

static const struct {
	CURLoption option;
	const char *value;
} words[] = {
	{CURLOPT_PROTOCOLS_STR, "http,https"},
	{CURLOPT_PROXY, ""},
	{CURLOPT_NOPROXY, "*"},
	{CURLOPT_ACCEPT_ENCODING, "gzip, deflate"},
	{CURLOPT_USERAGENT, "mediamon/" MEDIAMON_VERSION},
};

static CURLcode set_rules(struct call *c, size_t most)
{
	CURL *e = c->easy;
	long timeout = c->q->timeout_ms > 0 ? c->q->timeout_ms : HTTP_TIMEOUT_MS;
	CURLcode r = CURLE_OK;
	for (size_t i = 0; i < COUNT_OF(numbers) && r == CURLE_OK; i++)
		r = curl_easy_setopt(e, numbers[i].option, numbers[i].value);
	for (size_t i = 0; i < COUNT_OF(words) && r == CURLE_OK; i++)
		r = curl_easy_setopt(e, words[i].option, words[i].value);
	if (r == CURLE_OK)
		r = curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout);
	if (r == CURLE_OK)
		r = curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)most);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, c);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	return r;
}

int call_init(struct call *c)
{
	size_t most = c->q->most ? c->q->most : HTTP_MOST;
	if (!is_web(c->q->url) || !is_line(c->q->url))
		return say(c->a, -EINVAL, "the address is not valid");
	c->a->body.max = most;
	c->easy = curl_easy_init();
	/* a rule that cannot be set is a call that is not made */
	if (!c->easy || set_rules(c, most) || curl_easy_setopt(c->easy, CURLOPT_URL, c->q->url))
		return say(c->a, -ENOMEM, "no memory");
	int r = set_method(c);
	if (r == 0)
		r = set_headers(c);
	return r == 0 ? 0 : say(c->a, r, r == -EINVAL ? "the request is not valid" : "no memory");
}

void call_clear(struct call *c)
{
	curl_easy_cleanup(c->easy);
	curl_mime_free(c->mime);
	curl_slist_free_all(c->headers);
}

int call_result(struct call *c)
{
	long status = 0;
	if (c->is_cancelled)
		return say(c->a, -ECANCELED, "the program is ending");
	if (c->code != CURLE_OK)
		return say_failure(c);
	/* libcurl takes a head that was cut off for a whole one */
	if (!c->is_headed)
		return say(c->a, -EPROTO, "the answer was cut off");
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 999)
		return say(c->a, -EPROTO, "the answer is not HTTP");
	c->a->status = (int)status;
	c->a->retry_after_ns = retry_after(c);
	return 0;
}
