/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * An address is split where RFC 3986 splits it, and dropped whole when its parts are not what they
 * should be: "http://user:se/cret@host" has the port "se", and is no address.  In doubt a
 * parameter goes: url_restore() can bring it back, a key that was shown cannot be taken back.
 */
#include "indexer/net/url.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/text.h"

enum { URL_MOST = 64 << 10, NESTED_MOST = 3 };

struct part {
	const char *s;
	size_t n;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* --- encoding --- */

void url_escape(const char *s, size_t n, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (is_letter(s[i]) || is_digit(s[i]) || (c && strchr("-._~", c))) {
			buf_addc(out, s[i]);
			continue;
		}
		char code[3] = {'%', hex[c >> 4], hex[c & 15]};
		buf_add(out, code, sizeof code);
	}
}

int url_unescape(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] != '%') {
			buf_addc(out, s[i]);
			continue;
		}
		if (n - i < 3 || hex_value(s[i + 1]) < 0 || hex_value(s[i + 2]) < 0)
			return -EINVAL;
		int high = hex_value(s[i + 1]), low = hex_value(s[i + 2]);
		buf_addc(out, (char)(high << 4 | low));
		i += 2;
	}
	return buf_error(out);
}

void url_query(struct buf *url, const char *name, const char *value)
{
	char last = url->len ? url->data[url->len - 1] : '\0';
	bool has_query = url->len && memchr(url->data, '?', url->len);
	if (!has_query)
		buf_addc(url, '?');
	else if (last != '?' && last != '&')
		buf_addc(url, '&');
	url_escape(name, strlen(name), url);
	buf_addc(url, '=');
	url_escape(value, strlen(value), url);
}

/* --- parts --- */

static size_t span_until(const char *s, size_t n, const char *stops)
{
	size_t i = 0;
	while (i < n && !(s[i] && strchr(stops, s[i])))
		i++;
	return i;
}

struct url {
	struct part scheme, user, host, port, path, query;
	/** It has "//" and what follows. */
	bool has_authority;
};

static bool is_scheme(struct part p)
{
	for (size_t i = 0; i < p.n; i++)
		if (!is_letter(p.s[i]) && (i == 0 || !(is_digit(p.s[i]) || strchr("+-.", p.s[i]))))
			return false;
	return p.n > 0;
}

static bool is_host(struct part p)
{
	bool is_v6 = p.n > 2 && p.s[0] == '[' && p.s[p.n - 1] == ']';
	for (size_t i = is_v6; i < p.n - is_v6; i++) {
		char c = p.s[i];
		if (is_v6 ? !(hex_value(c) >= 0 || c == ':' || c == '.')
			  : !(is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || (c & 0x80)))
			return false;
	}
	return p.n > 0;
}

static bool is_port(struct part p)
{
	unsigned port = 0;
	for (size_t i = 0; i < p.n; i++) {
		if (!is_digit(p.s[i]) || port > 65535)
			return false;
		port = port * 10 + (unsigned)(p.s[i] - '0');
	}
	return port <= 65535;
}

static int parse_authority(struct part a, struct url *u)
{
	for (size_t i = a.n; i > 0; i--)
		if (a.s[i - 1] == '@') {
			u->user = (struct part){a.s, i - 1};
			a = (struct part){a.s + i, a.n - i};
			break;
		}
	size_t host = a.n && a.s[0] == '[' ? span_until(a.s, a.n, "]") : 0;
	host += span_until(a.s + host, a.n - host, ":");
	u->host = (struct part){a.s, host};
	if (host < a.n)
		u->port = (struct part){a.s + host + 1, a.n - host - 1};
	return is_host(u->host) && is_port(u->port) ? 0 : -EINVAL;
}

/** The fragment is no part of what is sent, and is left out. */
static int parse(const char *s, size_t n, struct url *u)
{
	*u = (struct url){.scheme = {s, span_until(s, n, ":")}};
	if (u->scheme.n == n || !is_scheme(u->scheme))
		return -EINVAL;
	s += u->scheme.n + 1;
	n -= u->scheme.n + 1;
	n = span_until(s, n, "#");
	u->has_authority = n >= 2 && s[0] == '/' && s[1] == '/';
	if (u->has_authority) {
		size_t length = span_until(s + 2, n - 2, "/?");
		int r = parse_authority((struct part){s + 2, length}, u);
		if (r < 0)
			return r;
		s += 2 + length;
		n -= 2 + length;
	}
	u->path = (struct part){s, span_until(s, n, "?")};
	if (u->path.n < n)
		u->query = (struct part){s + u->path.n + 1, n - u->path.n - 1};
	return 0;
}

int url_get(const char *url, const char *name, struct buf *out)
{
	size_t n = strlen(url), start = span_until(url, n, "?"), end = span_until(url, n, "#");
	for (size_t i = start + 1; i < end;) {
		size_t length = span_until(url + i, end - i, "&"), key = span_until(url + i, length, "=");
		_buf_ struct buf decoded = BUF_INIT(URL_MOST);
		if (key < length && url_unescape(url + i, key, &decoded) == 0 &&
		    strcmp(buf_str(&decoded), name) == 0)
			return url_unescape(url + i + key + 1, length - key - 1, out);
		i += length + 1;
	}
	return -ENOENT;
}

/* --- what is secret --- */

/** Small letters and digits only; "API-Key" is "apikey", "key[]" is "key". */
static void plain_name(struct part p, char *to, size_t size)
{
	size_t k = 0;
	for (size_t i = 0; i < p.n && k + 1 < size; i++)
		if (is_letter(p.s[i]) || is_digit(p.s[i]))
			to[k++] = (char)(is_letter(p.s[i]) ? p.s[i] | 32 : p.s[i]);
	to[k] = '\0';
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && strcmp(s + n - m, end) == 0;
}

static bool is_secret_name(struct part p)
{
	static const char *const ends[] = {
		"key",  "token", "secret", "password", "passwd", "passphrase", "torrentpass", "signature",
		"ession", "essionid", "sessid", "credential", "credentials", "apihash",
	};
	static const char *const whole[] = {
		"uid",  "user",	"username", "userid", "login", "pass", "pwd", "auth", "authorization",
		"sig",  "sid",	"pid",	    "jwt",    "cookie", "rss", "hmac", "bearer", "oauth", "pin",
	};
	char name[256];
	/* nobody needs a name of that length */
	if (p.n >= sizeof name)
		return true;
	plain_name(p, name, sizeof name);
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		if (ends_with(name, ends[i]))
			return true;
	for (size_t i = 0; i < COUNT_OF(whole); i++)
		if (strcmp(name, whole[i]) == 0)
			return true;
	return false;
}

static bool is_hex_run(struct part p)
{
	size_t i = 0;
	while (i < p.n && hex_value(p.s[i]) >= 0)
		i++;
	return i == p.n && p.n >= 32;
}

/** Newznab's short form: i=USER&r=KEY. */
static bool is_secret(struct part name, struct part value)
{
	return is_secret_name(name) || (name.n == 1 && (*name.s | 32) == 'r' && is_hex_run(value));
}

static int strip(const char *s, size_t n, int depth, struct buf *out);

/** True when a value may itself be an address or a query, which may hold keys. */
static bool may_nest(const struct buf *value)
{
	const char *s = buf_str(value);
	return strstr(s, "://") || strchr(s, '=') || strncasecmp(s, "magnet:", 7) == 0;
}

static bool has_escape(const struct buf *value)
{
	const char *s = buf_str(value);
	for (size_t i = 0; i + 2 < value->len; i++)
		if (s[i] == '%' && hex_value(s[i + 1]) >= 0 && hex_value(s[i + 2]) >= 0)
			return true;
	return false;
}

static int strip_value(struct part value, int depth, struct buf *out);

/** A value that was escaped twice: looked at as it is below, and written back as it came. */
static int strip_escaped_value(struct part value, const struct buf *decoded, int depth, struct buf *out)
{
	_buf_ struct buf bare = BUF_INIT(URL_MOST);
	struct part inner = {buf_str(decoded), decoded->len};
	if (depth == 0 || strip_value(inner, depth - 1, &bare) < 0)
		return -EINVAL;
	if (bare.len == inner.n && memcmp(buf_str(&bare), inner.s, inner.n) == 0)
		return buf_add(out, value.s, value.n);
	url_escape(buf_str(&bare), bare.len, out);
	return buf_error(out);
}

/** 0: @out has it; else the parameter is left out. */
static int strip_value(struct part value, int depth, struct buf *out)
{
	_buf_ struct buf decoded = BUF_INIT(URL_MOST);
	_buf_ struct buf bare = BUF_INIT(URL_MOST);
	/* behind a NUL nothing would be looked at */
	if (url_unescape(value.s, value.n, &decoded) < 0 || memchr(buf_str(&decoded), '\0', decoded.len))
		return -EINVAL;
	if (!may_nest(&decoded) && has_escape(&decoded))
		return strip_escaped_value(value, &decoded, depth, out);
	if (!may_nest(&decoded))
		return buf_add(out, value.s, value.n);
	if (depth == 0 || strip(buf_str(&decoded), decoded.len, depth - 1, &bare) < 0)
		return -EINVAL;
	url_escape(buf_str(&bare), bare.len, out);
	return buf_error(out);
}

/** One "name=value", or a word; with the separator @lead in front when it stays. */
static bool strip_parameter(struct part p, int depth, char lead, struct buf *out)
{
	size_t n = span_until(p.s, p.n, "=");
	/* a word alone is looked at as a value is */
	size_t key = n < p.n ? n + 1 : 0;
	struct part value = {p.s + key, p.n - key};
	_buf_ struct buf name = BUF_INIT(URL_MOST);
	_buf_ struct buf kept = BUF_INIT(URL_MOST);
	if (key && (url_unescape(p.s, n, &name) < 0 || may_nest(&name) ||
		    is_secret((struct part){buf_str(&name), name.len}, value)))
		return false;
	if (strip_value(value, depth, &kept) < 0)
		return false;
	if (lead)
		buf_addc(out, lead);
	buf_add(out, p.s, key);
	buf_add(out, buf_str(&kept), kept.len);
	return true;
}

/** Parts between '&' and ';', of a query or of a component of a path. */
static void strip_parameters(struct part all, int depth, char lead, struct buf *out)
{
	for (size_t i = 0; i <= all.n;) {
		size_t n = span_until(all.s + i, all.n - i, "&;");
		char next = i + n < all.n ? all.s[i + n] : '\0';
		bool is_kept = strip_parameter((struct part){all.s + i, n}, depth, lead, out);
		/* the first that stays follows the '?' */
		if (lead != '?' || is_kept)
			lead = next;
		i += n + 1;
	}
}

/* --- paths --- */

static bool is_announce(struct part path)
{
	for (size_t i = 0; i < path.n;) {
		size_t n = span_until(path.s + i, path.n - i, "/");
		if ((n >= 8 && strncasecmp(path.s + i, "announce", 8) == 0) ||
		    (n >= 6 && strncasecmp(path.s + i, "scrape", 6) == 0))
			return true;
		i += n + 1;
	}
	return false;
}

/** 32 or more hex digits anywhere in it, or a long word of letters and digits. */
static bool is_passkey(struct part p)
{
	size_t run = 0, digits = 0, letters = 0;
	for (size_t i = 0; i < p.n; i++) {
		run = hex_value(p.s[i]) >= 0 ? run + 1 : 0;
		if (run >= 32)
			return true;
		digits += is_digit(p.s[i]);
		letters += is_letter(p.s[i]);
	}
	return p.n >= 16 && digits && letters && digits + letters == p.n;
}

static bool is_encoded_passkey(struct part p)
{
	_buf_ struct buf decoded = BUF_INIT(URL_MOST);
	return url_unescape(p.s, p.n, &decoded) < 0 ||
	       is_passkey((struct part){buf_str(&decoded), decoded.len});
}

/** @p: one component. */
static int strip_component(struct part p, bool has_passkey, int depth, struct buf *out)
{
	_buf_ struct buf decoded = BUF_INIT(URL_MOST);
	_buf_ struct buf kept = BUF_INIT(URL_MOST);
	if (url_unescape(p.s, p.n, &decoded) < 0)
		return -EINVAL;
	/* an address in a path is for a proxy, and has secrets of its own */
	if (memmem(buf_str(&decoded), decoded.len, "://", 3))
		return -EINVAL;
	strip_parameters(p, depth, '\0', &kept);
	/* as it came, and without what followed it: "PASSKEY&r=…" */
	if (has_passkey && (is_passkey((struct part){buf_str(&decoded), decoded.len}) ||
			    is_encoded_passkey((struct part){buf_str(&kept), kept.len})))
		return buf_error(out);
	return buf_add(out, buf_str(&kept), kept.len);
}

static int strip_path(const struct url *u, int depth, struct buf *out)
{
	bool has_passkey = is_announce(u->path) || !strncasecmp(u->scheme.s, "udp:", 4) ||
			   !strncasecmp(u->scheme.s, "ws", 2);
	size_t start = out->len;
	for (size_t i = 0; i < u->path.n;) {
		size_t n = span_until(u->path.s + i, u->path.n - i, "/");
		int r = strip_component((struct part){u->path.s + i, n}, has_passkey, depth, out);
		if (r < 0)
			return r;
		i += n;
		if (i < u->path.n) {
			buf_addc(out, '/');
			i++;
		}
	}
	/* said last: it may come of what was taken out between */
	return memmem(buf_str(out) + start, out->len - start, "://", 3) ? -EINVAL : buf_error(out);
}

/* --- whole addresses --- */

enum form {
	/** scheme://authority/path?query */
	FORM_WEB,
	/** magnet:?query */
	FORM_MAGNET,
	/** ed2k://|…|/ */
	FORM_ED2K,
};

static const struct {
	const char *scheme;
	enum form form;
} forms[] = {
	{"http", FORM_WEB},	{"https", FORM_WEB},	{"udp", FORM_WEB},	{"ws", FORM_WEB},
	{"wss", FORM_WEB},	{"magnet", FORM_MAGNET}, {"ed2k", FORM_ED2K},
};

static int form_of(const char *s, size_t n)
{
	size_t length = span_until(s, n, ":");
	for (size_t i = 0; i < COUNT_OF(forms) && length < n; i++)
		if (strlen(forms[i].scheme) == length && strncasecmp(forms[i].scheme, s, length) == 0)
			return forms[i].form;
	return -EINVAL;
}

/** Nothing that ends a line, hides or is not text; blanks in ed2k links only. */
static bool is_clean(const char *s, size_t n, bool blanks)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t length = text_decode(s + i, n - i, &cp);
		if (length == 0 || text_is_control(cp) || (cp == ' ' && !blanks) || cp == '\\')
			return false;
		i += length;
	}
	return true;
}

static int strip_ed2k(const char *s, size_t n, struct buf *out)
{
	if (n < 8 || s[7] != '|' || s[5] != '/' || s[6] != '/')
		return -EINVAL;
	return buf_add(out, s, n);
}

static int strip_web(const struct url *u, int depth, struct buf *out)
{
	if (!u->has_authority)
		return -EINVAL;
	buf_add(out, u->scheme.s, u->scheme.n);
	buf_adds(out, "://");
	buf_add(out, u->host.s, u->host.n);
	if (u->port.n) {
		buf_addc(out, ':');
		buf_add(out, u->port.s, u->port.n);
	}
	int r = strip_path(u, depth, out);
	if (r < 0)
		return r;
	if (u->query.s)
		strip_parameters(u->query, depth, '?', out);
	return buf_error(out);
}

static int strip(const char *s, size_t n, int depth, struct buf *out)
{
	struct url u;
	int form = form_of(s, n);
	if (form < 0 || n > URL_MOST || !is_clean(s, n, form == FORM_ED2K))
		return -EINVAL;
	if (form == FORM_ED2K)
		return strip_ed2k(s, n, out);
	if (parse(s, n, &u) < 0)
		return -EINVAL;
	if (form == FORM_WEB)
		return strip_web(&u, depth, out);
	if (u.has_authority || u.path.n || !u.query.s)
		return -EINVAL;
	buf_add(out, s, u.scheme.n + 1);
	strip_parameters(u.query, depth, '?', out);
	return out->len > u.scheme.n + 1 ? buf_error(out) : -EINVAL;
}

void url_strip(const char *url, struct buf *out)
{
	_buf_ struct buf bare = BUF_INIT(URL_MOST);
	if (strip(url, strlen(url), NESTED_MOST, &bare) == 0)
		buf_add(out, buf_str(&bare), bare.len);
}

void url_restore(const char *url, const char *name, const char *secret, struct buf *out)
{
	_buf_ struct buf whole = BUF_INIT(2 * URL_MOST);
	buf_adds(&whole, url);
	url_query(&whole, name, secret);
	buf_add(out, buf_str(&whole), whole.len);
}

/* --- hosts --- */

static bool is_same(struct part a, struct part b)
{
	return a.n == b.n && strncasecmp(a.s, b.s, a.n) == 0;
}

static int port_of(const struct url *u)
{
	int port = 0;
	for (size_t i = 0; i < u->port.n; i++)
		port = port * 10 + u->port.s[i] - '0';
	if (u->port.n)
		return port;
	return u->scheme.n == 5 ? 443 : 80;
}

static int parse_web(const char *s, struct url *u)
{
	size_t n = strlen(s);
	if (form_of(s, n) != FORM_WEB || strncasecmp(s, "http", 4) != 0 || !is_clean(s, n, false))
		return -EINVAL;
	int r = parse(s, n, u);
	return r < 0 || !u->has_authority ? -EINVAL : 0;
}

bool url_same_host(const char *a, const char *b)
{
	struct url x, y;
	if (parse_web(a, &x) < 0 || parse_web(b, &y) < 0)
		return false;
	return is_same(x.scheme, y.scheme) && is_same(x.host, y.host) && port_of(&x) == port_of(&y);
}
