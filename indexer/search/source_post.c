/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/search/source_post.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/text.h"
#include "common/vec.h"
#include "indexer/hash.h"
#include "indexer/net/url.h"

enum {
	TITLE_MAX = 1024,
	ADDRESS_MAX = 8192,
	INDEXER_MAX = 128,
	/** Bytes of one character of a key, escaped as often as anybody does. */
	KEY_SPELLED = 9,
	/** So many hex digits in a path may be a key. */
	PATH_KEY_DIGITS = 32,
};

#define FNV_BASE UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

void post_clear(struct post *p)
{
	char **const texts[] = {&p->title, &p->guid,   &p->page, &p->indexer,
				&p->link,  &p->magnet, &p->hash, &p->clean_link};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free(*texts[i]);
	*p = POST_INIT;
}

void posts_clear(struct posts *all)
{
	for (size_t i = 0; i < all->len; i++)
		post_clear(&all->data[i]);
	vec_clear(all);
}

int posts_put(struct posts *all, struct post *p)
{
	struct post *row = vec_add(all);
	if (!row) {
		post_clear(p);
		return -ENOMEM;
	}
	*row = *p;
	*p = POST_INIT;
	return 0;
}

int64_t post_identity(const struct post *p)
{
	/* FNV-1a */
	uint64_t h = FNV_BASE;
	for (const char *c = p->guid ? p->guid : ""; *c; c++)
		h = (h ^ (uint8_t)*c) * FNV_PRIME;
	return (int64_t)(h >> 1);
}

bool post_is_magnet(const char *text)
{
	return text && strncasecmp(text, "magnet:?", 8) == 0;
}

bool post_is_address(const char *text)
{
	return text && (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0);
}

/* --- dates --- */

static int64_t since_1970(int year, int month, int day, int seconds)
{
	if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31)
		return 0;
	/* years begin in March, so that the odd day is at their end */
	int64_t y = month > 2 ? year : year - 1, m = (month + 9) % 12;
	int64_t days = 365 * y + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
	int64_t s = days * 86400 + seconds;
	return s > 0 ? s * NS_PER_S : 0;
}

/** "+01:00", "-0400", "Z" or a name; unknown names count as UTC. */
static int zone_seconds(const char *s)
{
	static const struct {
		const char *name;
		int hours;
	} names[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6},
		     {"PST", -8}, {"PDT", -7}};
	int hours = 0, minutes = 0;
	while (*s == ' ')
		s++;
	if (*s == '+' || *s == '-') {
		if (sscanf(s + 1, s[1] && s[2] && s[3] == ':' ? "%2d:%2d" : "%2d%2d", &hours, &minutes) < 1)
			return 0;
		return (*s == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncasecmp(s, names[i].name, 3) == 0)
			return names[i].hours * 3600;
	return 0;
}

static int64_t date_iso(const char *text)
{
	int year, month, day, hour = 0, minute = 0, second = 0, end = 0;
	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) < 3)
		return 0;
	const char *rest = text + end;
	end = 0;
	if (sscanf(rest, "%*1[T ]%2d:%2d:%2d%n", &hour, &minute, &second, &end) < 3 || !end)
		return since_1970(year, month, day, 0);
	rest += end;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	return since_1970(year, month, day, hour * 3600 + minute * 60 + second - zone_seconds(rest));
}

static int64_t date_mail(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int year, day, hour = 0, minute = 0, second = 0, end = 0;
	char name[4] = "";
	const char *comma = strchr(text, ',');
	text = comma ? comma + 1 : text;
	if (sscanf(text, " %2d %3[A-Za-z]%*[a-z] %4d%n", &day, name, &year, &end) < 3 &&
	    sscanf(text, " %2d %3[A-Za-z] %4d%n", &day, name, &year, &end) < 3)
		return 0;
	const char *month = strcasestr(months, name);
	if (!end || strlen(name) != 3 || !month || (month - months) % 3)
		return 0;
	const char *rest = text + end;
	end = 0;
	if (sscanf(rest, " %2d:%2d:%2d%n", &hour, &minute, &second, &end) < 3 || !end)
		sscanf(rest, " %2d:%2d%n", &hour, &minute, &end);
	return since_1970(year < 70 ? year + 2000 : year, (int)(month - months) / 3 + 1, day,
			  hour * 3600 + minute * 60 + second - zone_seconds(rest + end));
}

int64_t post_date(const char *text)
{
	if (!text)
		return 0;
	while (*text == ' ' || *text == '\n' || *text == '\t')
		text++;
	return strlen(text) > 4 && text[4] == '-' ? date_iso(text) : date_mail(text);
}

/* --- without keys --- */

static int small(char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : (unsigned char)c;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (small(c) >= 'a' && small(c) <= 'f');
}

static int hex_value(char c)
{
	return c <= '9' ? c - '0' : small(c) - 'a' + 10;
}

/** Bytes at the begin of @text that spell @c, be it as "%63", or as "%2563"; 0 for none. */
static size_t spells(const char *text, char c)
{
	if (*text != '%')
		return *text && small(*text) == small(c);
	for (size_t n = 1; is_hex(text[n]) && is_hex(text[n + 1]); n += 2) {
		char byte = (char)(hex_value(text[n]) << 4 | hex_value(text[n + 1]));
		if (small(byte) == small(c))
			return n + 2;
		if (byte != '%')
			break;
	}
	return c == '%';
}

/** As spells(), of all of @key. */
static size_t spells_key(const char *text, const char *key)
{
	size_t n = 0;
	for (; *key; key++) {
		size_t length = spells(text + n, *key);
		if (!length)
			return 0;
		n += length;
	}
	return n;
}

void post_mask(const char *text, const char *key, struct buf *out)
{
	while (*text) {
		size_t n = *key ? spells_key(text, key) : 0;
		if (n)
			buf_adds(out, "***");
		else
			buf_addc(out, *text);
		text += n ? n : 1;
	}
}

/** Cut at @max only when nothing of the key can be left at its end. */
static void tell_text(const char *text, const char *key, size_t max, struct buf *out)
{
	size_t most = max + strlen(key) * KEY_SPELLED;
	_buf_ struct buf clean = BUF_INIT(most + 8);
	_buf_ struct buf masked = BUF_INIT((most + 8) * 3);
	text_clean(text ? text : "", text ? strlen(text) : 0, most, &clean);
	post_mask(buf_str(&clean), key, &masked);
	buf_add(out, buf_str(&masked), text_cut(buf_str(&masked), masked.len, max));
}

/* --- keys in paths --- */

/** Digits of a key that @s begins with, however they are escaped: how many bytes, 0 when they are too few. */
static size_t path_key(const char *s, uint64_t *fingerprint)
{
	size_t bytes = 0;
	*fingerprint = FNV_BASE;
	for (int digits = 0;; digits++) {
		static const char hex[] = "0123456789abcdef";
		size_t n = 0;
		int i = 0;
		while (i < 16 && !n)
			n = spells(s + bytes, hex[i++]);
		if (!n)
			return digits >= PATH_KEY_DIGITS ? bytes : 0;
		*fingerprint = (*fingerprint ^ (uint8_t)hex[i - 1]) * FNV_PRIME;
		bytes += n;
	}
}

/** An address, "***" for what may be a key in its path; @is_identity: still another for another key. */
static void hide_path(const char *address, bool is_identity, struct buf *out)
{
	const char *start = strstr(address, "://");
	start = start ? start + 3 + strcspn(start + 3, "/?") : address;
	const char *end = start + strcspn(start, "?");
	buf_add(out, address, (size_t)(start - address));
	for (size_t n; start < end; start += n) {
		uint64_t fingerprint;
		n = path_key(start, &fingerprint);
		if (n && is_identity)
			buf_addf(out, "***%08x", (unsigned)(fingerprint >> 16));
		else if (n)
			buf_adds(out, "***");
		else
			buf_addc(out, *start);
		n = n ? n : 1;
	}
	buf_adds(out, end);
}

static void tell_address(const struct post *p, const char *text, const char *key, struct buf *out)
{
	_buf_ struct buf clean = BUF_INIT(ADDRESS_MAX);
	_buf_ struct buf hidden = BUF_INIT(ADDRESS_MAX);
	if (!post_is_address(text))
		return;
	url_strip(text, &clean);
	if (p->has_path_keys)
		hide_path(buf_str(&clean), text == p->guid, &hidden);
	if (!clean.error && !hidden.error)
		post_mask(buf_str(p->has_path_keys ? &hidden : &clean), key, out);
}

/** Whether a magnet's tracker (percent-encoded) carries nobody's key. */
static bool is_open_tracker(const char *tr, size_t n, const char *key)
{
	for (size_t i = 0; *key && i < n; i++)
		if (spells_key(tr + i, key))
			return false;
	_buf_ struct buf plain = BUF_INIT(ADDRESS_MAX);
	_buf_ struct buf clean = BUF_INIT(ADDRESS_MAX);
	if (url_unescape(tr, n, &plain) < 0)
		return false;
	url_strip(buf_str(&plain), &clean);
	return !clean.error && clean.len && strcmp(buf_str(&clean), buf_str(&plain)) == 0;
}

/** As it is, but for bytes that no address holds: a line break would make two links of one. */
static void add_parameter(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)s[i] > ' ' && (uint8_t)s[i] < 0x7f)
			buf_addc(out, s[i]);
		else
			buf_addf(out, "%%%02X", (uint8_t)s[i]);
}

/** Appends a magnet's hash, name, size and open trackers.  False when a tracker was left out. */
static bool tell_magnet(const char *magnet, const char *key, struct buf *out)
{
	static const char *const kept[] = {"xt=", "dn=", "xl="};
	_buf_ struct buf clean = BUF_INIT(ADDRESS_MAX);
	bool is_whole = true;
	buf_adds(&clean, "magnet:?");
	for (const char *p = magnet + strlen("magnet:?"); *p;) {
		size_t n = strcspn(p, "&");
		bool keep = strncasecmp(p, "tr=", 3) == 0 && is_open_tracker(p + 3, n - 3, key);
		is_whole &= keep || strncasecmp(p, "tr=", 3) != 0;
		for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
			keep |= strncasecmp(p, kept[i], 3) == 0;
		if (keep) {
			buf_adds(&clean, buf_str(&clean)[clean.len - 1] == '?' ? "" : "&");
			add_parameter(p, n, &clean);
		}
		p += n + (p[n] == '&');
	}
	if (!clean.error)
		post_mask(buf_str(&clean), key, out);
	return is_whole && !clean.error;
}

static void tell_identity(const struct post *p, const char *key, struct buf *out)
{
	if (post_is_magnet(p->guid))
		tell_magnet(p->guid, key, out);
	else if (post_is_address(p->guid))
		tell_address(p, p->guid, key, out);
	else
		tell_text(p->guid, key, TITLE_MAX, out);
}

/** A magnet that is whole needs nobody; what is not whole only its source can give. */
static void tell_link(const struct post *p, const char *key, struct buf *out)
{
	const char *const magnets[] = {p->magnet, p->link, p->guid};
	for (size_t i = 0; i < sizeof magnets / sizeof *magnets; i++) {
		if (post_is_magnet(magnets[i]) && tell_magnet(magnets[i], key, out))
			return;
		buf_reset(out);
	}
	if (p->clean_link)
		post_mask(p->clean_link, key, out);
	if (!out->len)
		tell_address(p, p->link, key, out);
	if (!out->len)
		tell_address(p, p->magnet, key, out);
}

static bool hash_of(const char *magnet, char out[41])
{
	if (post_is_magnet(magnet) && hash_of_magnet(magnet, out) == 0)
		return true;
	*out = '\0';
	return false;
}

static void find_hash(const struct post *p, char out[41])
{
	const char *hash = p->hash ? p->hash : "";
	char magnet[80] = "";
	/* digits only: nothing that could end the parameter */
	if (strspn(hash, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(hash))
		snprintf(magnet, sizeof magnet, "magnet:?xt=urn:btih:%.41s", hash);
	if (!hash_of(magnet, out) && !hash_of(p->magnet, out) && !hash_of(p->link, out))
		hash_of(p->guid, out);
}

static int tell(const struct post *p, const char *key, release_fn *fn, void *arg, size_t *told)
{
	_buf_ struct buf title = BUF_INIT(TITLE_MAX * 4);
	_buf_ struct buf guid = BUF_INIT(ADDRESS_MAX);
	_buf_ struct buf link = BUF_INIT(ADDRESS_MAX);
	_buf_ struct buf page = BUF_INIT(ADDRESS_MAX);
	_buf_ struct buf indexer = BUF_INIT(INDEXER_MAX * 4);
	tell_text(p->title, key, TITLE_MAX, &title);
	tell_identity(p, key, &guid);
	if (title.error || guid.error || !title.len || !guid.len)
		return 0;
	tell_link(p, key, &link);
	tell_address(p, p->page, key, &page);
	tell_text(p->indexer, key, INDEXER_MAX, &indexer);
	struct release r = {
		.title = buf_str(&title),
		.guid = buf_str(&guid),
		.link = link.error ? "" : buf_str(&link),
		.page = page.error ? "" : buf_str(&page),
		.indexer = buf_str(&indexer),
		.indexer_id = p->indexer_id,
		.protocol = p->protocol ? p->protocol : PROTOCOL_TORRENT,
		.size = p->size > 0 ? p->size : -1,
		.published_at = p->published_at,
		.seeders = p->seeders >= 0 ? p->seeders : -1,
		.leechers = p->leechers >= 0 ? p->leechers : -1,
		.context = "",
	};
	find_hash(p, r.hash);
	++*told;
	return fn(arg, &r);
}

int posts_tell(const struct posts *all, const char *key, release_fn *fn, void *arg, size_t *told)
{
	*told = 0;
	for (size_t i = 0; i < all->len; i++) {
		int r = tell(&all->data[i], key, fn, arg, told);
		if (r)
			return r < 0 ? r : 0;
	}
	return 0;
}
