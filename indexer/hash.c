/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/text.h"

enum {
	/** Folders of a torrent may be nested; what is deeper than any of them is an attack. */
	DEPTH_MAX = 100,
	TORRENT_MAX = 32 << 20,
	MAGNET_MAX = 64 << 10,
	LINK_MAX = 16 << 10,
	NAME_MAX_BYTES = 2048,
};

/** What the ed2k network can carry: 256 GiB. */
#define ED2K_SIZE_MAX INT64_C(0x4000000000)

/** A text that is read from its begin to its end. */
struct span {
	const char *s;
	size_t n;
};

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int base32_of(char c)
{
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? c - 'a' : -1;
}

static void write_hex(const unsigned char *bytes, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		*out++ = "0123456789abcdef"[bytes[i] >> 4];
		*out++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*out = '\0';
}

/** Copies @n hex digits in lower case; -EINVAL for anything else. */
static int copy_hex(struct span in, size_t n, char *out)
{
	if (in.n != n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int v = hex_of(in.s[i]);
		if (v < 0)
			return -EINVAL;
		out[i] = "0123456789abcdef"[v];
	}
	out[n] = '\0';
	return 0;
}

/** Percent-encoding undone; a '%' that is none stays. */
static void unescape(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int high = in.s[i] == '%' && i + 2 < in.n ? hex_of(in.s[i + 1]) : -1;
		int low = high >= 0 ? hex_of(in.s[i + 2]) : -1;
		if (low < 0) {
			buf_addc(out, in.s[i]);
			continue;
		}
		buf_addc(out, (char)(high << 4 | low));
		i += 2;
	}
}

/** The part before @mark, which is taken away with it; all when there is none. */
static struct span cut(struct span *rest, char mark)
{
	struct span part = *rest;
	const char *end = memchr(rest->s, mark, rest->n);
	part.n = end ? (size_t)(end - rest->s) : rest->n;
	rest->s += part.n + (end != NULL);
	rest->n -= part.n + (end != NULL);
	return part;
}

static bool begins(struct span in, const char *prefix)
{
	size_t n = strlen(prefix);
	return in.n >= n && strncasecmp(in.s, prefix, n) == 0;
}

static struct span after(struct span in, size_t n)
{
	return (struct span){in.s + n, in.n - n};
}

/* --- magnet --- */

static int from_base32(struct span in, char out[41])
{
	unsigned char bytes[20];
	unsigned bits = 0, count = 0;
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		int v = base32_of(in.s[i]);
		if (v < 0)
			return -EINVAL;
		bits = (bits << 5 | (unsigned)v) & 0xfff;
		count += 5;
		if (count >= 8) {
			count -= 8;
			bytes[n++] = (unsigned char)(bits >> count);
		}
	}
	write_hex(bytes, n, out);
	return 0;
}

/** The hash of one parameter: -ENOENT when it is another one, -EINVAL when it is broken. */
static int take_topic(struct span parameter, char out[41])
{
	/* links that were cut out of a page separate with "&amp;" */
	if (begins(parameter, "amp;"))
		parameter = after(parameter, 4);
	struct span name = cut(&parameter, '=');
	if (!begins(name, "xt") || (name.n > 2 && name.s[2] != '.'))
		return -ENOENT;
	_buf_ struct buf value = BUF_INIT(1024);
	unescape(parameter, &value);
	struct span topic = {buf_str(&value), value.len};
	if (buf_error(&value) || !begins(topic, "urn:btih:"))
		return -ENOENT;
	topic = after(topic, strlen("urn:btih:"));
	return topic.n == 32 ? from_base32(topic, out) : copy_hex(topic, 40, out);
}

int hash_of_magnet(const char *magnet, char out[41])
{
	struct span rest = {magnet, strnlen(magnet, MAGNET_MAX + 1)};
	char found[41] = "";
	if (rest.n > MAGNET_MAX || !begins(rest, "magnet:?"))
		return -EINVAL;
	rest = after(rest, strlen("magnet:?"));
	while (rest.n) {
		char hash[41];
		int r = take_topic(cut(&rest, '&'), hash);
		if (r == -ENOENT)
			continue;
		/* two that differ: nobody knows which one a client takes */
		if (r < 0 || (found[0] && strcmp(found, hash) != 0))
			return -EINVAL;
		memcpy(found, hash, sizeof found);
	}
	if (!found[0])
		return -EINVAL;
	memcpy(out, found, sizeof found);
	return 0;
}

/* --- torrent --- */

/**
 * Numbers must be written as the format says (no leading zero, no "-0").  The order of keys is
 * not held against a file: clients do not mind either.
 */
static int skip_number(struct span *in)
{
	const char *end = memchr(in->s, 'e', in->n < 24 ? in->n : 24);
	size_t n = end ? (size_t)(end - in->s) : 0;
	size_t digits = n && in->s[0] == '-' ? n - 1 : n;
	const char *first = in->s + (n - digits);
	if (digits == 0 || digits > 19 || (*first == '0' && n > 1))
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		if (first[i] < '0' || first[i] > '9')
			return -EINVAL;
	*in = after(*in, n + 1);
	return 0;
}

static int take_string(struct span *in, struct span *out)
{
	size_t n = 0, i = 0;
	while (i < in->n && in->s[i] >= '0' && in->s[i] <= '9') {
		n = n * 10 + (size_t)(in->s[i++] - '0');
		if (n > in->n || (i > 1 && in->s[0] == '0'))
			return -EINVAL;
	}
	if (i == 0 || i == in->n || in->s[i] != ':' || n > in->n - i - 1)
		return -EINVAL;
	*out = (struct span){in->s + i + 1, n};
	*in = after(*in, i + 1 + n);
	return 0;
}

static int skip_value(struct span *in, int depth);

/** The rest of a list or dictionary, up to and with its end. */
static int skip_items(struct span *in, bool has_keys, int depth)
{
	while (in->n && *in->s != 'e') {
		struct span key;
		int r = has_keys ? take_string(in, &key) : 0;
		if (r == 0)
			r = skip_value(in, depth + 1);
		if (r < 0)
			return r;
	}
	if (!in->n)
		return -EINVAL;
	*in = after(*in, 1);
	return 0;
}

static int skip_value(struct span *in, int depth)
{
	struct span text;
	if (!in->n || depth > DEPTH_MAX)
		return -EINVAL;
	char kind = *in->s;
	if (kind >= '0' && kind <= '9')
		return take_string(in, &text);
	*in = after(*in, 1);
	if (kind == 'i')
		return skip_number(in);
	return kind == 'd' || kind == 'l' ? skip_items(in, kind == 'd', depth) : -EINVAL;
}

/** The bytes of the value of @key in the dictionary @in, which must be one and end where it ends;
 * -ENOENT: it has none; -EINVAL also when there are two. */
static int find_value(struct span in, const char *key, struct span *out)
{
	struct span found = {NULL, 0};
	if (!in.n || *in.s != 'd')
		return -EINVAL;
	in = after(in, 1);
	while (in.n && *in.s != 'e') {
		struct span name;
		int r = take_string(&in, &name);
		struct span value = in;
		if (r == 0)
			r = skip_value(&in, 1);
		if (r < 0)
			return r;
		value.n -= in.n;
		if (name.n != strlen(key) || memcmp(name.s, key, name.n) != 0)
			continue;
		if (found.s)
			return -EINVAL;
		found = value;
	}
	if (in.n != 1)
		return -EINVAL;
	*out = found;
	return found.s ? 0 : -ENOENT;
}

int hash_of_torrent(const void *data, size_t n, char out[41])
{
	struct span info, pieces, hashes;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	/* without "pieces" it is of the second version only, and has no such hash */
	if (n > TORRENT_MAX || find_value((struct span){data, n}, "info", &info) < 0 ||
	    find_value(info, "pieces", &pieces) < 0 || take_string(&pieces, &hashes) < 0 ||
	    hashes.n == 0 || hashes.n % 20 != 0)
		return -EINVAL;
	if (EVP_Digest(info.s, info.n, digest, &length, EVP_sha1(), NULL) != 1 || length != 20)
		return -EIO;
	write_hex(digest, length, out);
	return 0;
}

void hash_of_bytes(const void *data, size_t n, char out[17])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	unsigned length = 0;
	EVP_Digest(data, n, digest, &length, EVP_sha1(), NULL);
	write_hex(digest, 8, out);
}

/* --- ed2k --- */

/** Characters that French pages write by name; of the others the numbers are understood. */
static const struct {
	const char *name;
	uint32_t cp;
} ENTITIES[] = {
	{"amp", '&'},     {"lt", '<'},      {"gt", '>'},      {"quot", '"'},    {"apos", '\''},
	{"nbsp", ' '},    {"agrave", 0xe0}, {"acirc", 0xe2},  {"auml", 0xe4},   {"ccedil", 0xe7},
	{"egrave", 0xe8}, {"eacute", 0xe9}, {"ecirc", 0xea},  {"euml", 0xeb},   {"icirc", 0xee},
	{"iuml", 0xef},   {"ntilde", 0xf1}, {"ocirc", 0xf4},  {"ouml", 0xf6},   {"ugrave", 0xf9},
	{"ucirc", 0xfb},  {"uuml", 0xfc},   {"Agrave", 0xc0}, {"Ccedil", 0xc7}, {"Egrave", 0xc8},
	{"Eacute", 0xc9}, {"Ecirc", 0xca},  {"Ocirc", 0xd4},  {"oelig", 0x153}, {"OElig", 0x152},
	{"laquo", 0xab},  {"raquo", 0xbb},  {"deg", 0xb0},    {"rsquo", 0x2019}, {"ndash", 0x2013},
};

/** "#233" or "#xe9"; 0 for anything else. */
static uint32_t numbered(struct span word)
{
	uint32_t cp = 0;
	bool is_hex = word.n > 2 && (word.s[1] | 0x20) == 'x';
	for (size_t i = is_hex ? 2 : 1; i < word.n; i++) {
		int v = hex_of(word.s[i]);
		if (v < 0 || (!is_hex && v > 9))
			return 0;
		cp = cp * (is_hex ? 16 : 10) + (uint32_t)v;
	}
	return cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000) ? 0 : cp;
}

/** The character that "&word;" stands for; 0 when it is none. */
static uint32_t entity(struct span word)
{
	if (word.n == 0 || word.n > 8)
		return 0;
	if (word.s[0] == '#')
		return numbered(word);
	for (size_t i = 0; i < COUNT_OF(ENTITIES); i++)
		if (strlen(ENTITIES[i].name) == word.n &&
		    memcmp(ENTITIES[i].name, word.s, word.n) == 0)
			return ENTITIES[i].cp;
	return 0;
}

/** HTML's escapes undone; what is none stays. */
static void unescape_html(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		struct span rest = after(in, i);
		size_t reach = in.s[i] != '&' ? 0 : rest.n < 10 ? rest.n : 10;
		const char *end = memchr(rest.s, ';', reach);
		uint32_t cp = end ? entity((struct span){rest.s + 1, (size_t)(end - rest.s) - 1}) : 0;
		if (!cp) {
			buf_addc(out, in.s[i]);
			continue;
		}
		text_append(out, cp);
		i += (size_t)(end - rest.s);
	}
}

static int read_name(struct span raw, struct buf *out)
{
	_buf_ struct buf html = BUF_INIT(LINK_MAX * 2), bytes = BUF_INIT(LINK_MAX * 2),
			 text = BUF_INIT(LINK_MAX * 4);
	unescape_html(raw, &html);
	unescape((struct span){buf_str(&html), html.len}, &bytes);
	if (text_is_utf8(buf_str(&bytes), bytes.len))
		buf_add(&text, buf_str(&bytes), bytes.len);
	else
		text_from_latin1(buf_str(&bytes), bytes.len, &text);
	*out = BUF_INIT(NAME_MAX_BYTES + 1);
	text_clean(buf_str(&text), text.len, NAME_MAX_BYTES, out);
	int r = buf_error(&html) ? buf_error(&html) : buf_error(&bytes);
	if (r == 0)
		r = buf_error(&text) ? buf_error(&text) : buf_error(out);
	return r < 0 ? r : out->len ? 0 : -EINVAL;
}

static int read_size(struct span digits, int64_t *out)
{
	int64_t size = 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.s[i] < '0' || digits.s[i] > '9')
			return -EINVAL;
		size = size * 10 + (digits.s[i] - '0');
		if (size > ED2K_SIZE_MAX)
			return -EINVAL;
	}
	*out = size;
	return size > 0 ? 0 : -EINVAL;
}

/** h=AICH, p=hashes of parts, s=address, sources,…: read over, as they are written anew without. */
static bool is_extra(struct span part)
{
	if (begins(part, "h=")) {
		for (size_t i = 2; i < part.n; i++)
			if (base32_of(part.s[i]) < 0)
				return false;
		return part.n == 34;
	}
	return begins(part, "p=") || begins(part, "s=") || begins(part, "sources,");
}

/** What follows the hash: extras, each with its '|', then '/'; eMule puts sources behind that. */
static int read_end(struct span rest)
{
	bool had_slash = false;
	while (rest.n) {
		bool is_last = !memchr(rest.s, '|', rest.n);
		struct span part = cut(&rest, '|');
		bool is_slash = part.n == 1 && part.s[0] == '/';
		if (is_last)
			return is_slash ? 0 : -EINVAL;
		if (is_slash ? had_slash : !is_extra(part))
			return -EINVAL;
		had_slash |= is_slash;
	}
	return -EINVAL;
}

int ed2k_parse(const char *link, size_t n, struct ed2k_link *out)
{
	struct span rest = {link, n};
	*out = (struct ed2k_link){.name = BUF_INIT(NAME_MAX_BYTES + 1)};
	while (rest.n && strchr(" \t\r\n", rest.s[rest.n - 1]) && rest.s[rest.n - 1])
		rest.n--;
	if (rest.n > LINK_MAX || !begins(rest, "ed2k://|file|"))
		return -EINVAL;
	rest = after(rest, strlen("ed2k://|file|"));
	struct span name = cut(&rest, '|'), size = cut(&rest, '|'), hash = cut(&rest, '|');
	int r = read_size(size, &out->size);
	if (r == 0)
		r = copy_hex(hash, 32, out->hash);
	if (r == 0)
		r = read_end(rest);
	if (r == 0)
		r = read_name(name, &out->name);
	if (r < 0)
		ed2k_clear(out);
	return r;
}

void ed2k_clear(struct ed2k_link *l)
{
	buf_clear(&l->name);
	*l = (struct ed2k_link){.name = BUF_INIT(NAME_MAX_BYTES + 1)};
}

/** A name for a file elsewhere: without what would make a path of it. */
static void escape_name(const struct buf *name, struct buf *out)
{
	for (size_t i = 0; i < name->len; i++) {
		unsigned char c = (unsigned char)name->data[i];
		bool is_plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
				(c && strchr("-._~", c));
		if (c == '/' || c == '\\')
			buf_addc(out, '_');
		else if (is_plain)
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

void ed2k_format(const struct ed2k_link *l, struct buf *out)
{
	buf_adds(out, "ed2k://|file|");
	escape_name(&l->name, out);
	buf_addf(out, "|%lld|%s|/", (long long)l->size, l->hash);
}
