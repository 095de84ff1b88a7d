/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Nautiljon, a French encyclopaedia of manga.  It bans those who ask too often: off by default,
 * one page at a time and far apart, and the first sign of not being wanted closes it for hours.
 *
 * The first hit of its search is never taken: a title has to be the same, or people choose.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/net/net.h"
#include "indexer/net/url.h"
#include "indexer/search/authority.h"
#include "indexer/search/authority_nautiljon_page.h"

#define HOST "nautiljon"

enum {
	/** In memory a page of nothing but tags is thirty times as large. */
	PAGE_MAX = 1 << 20,
	FAILURES = 2,
	REDIRECTS = 1,
	KEY_MAX = 4096,
};

struct nautiljon {
	struct net *net;
	const char *url;
	int64_t cooldown;
};

static int open_nautiljon(const struct outside *o, void **state, char *why)
{
	*state = NULL;
	if (!config_int(o->config, OPT_nautiljon_enabled))
		return 0;
	struct limit_rule rule = {.per_day = NAUTILJON_DAY, .failures = FAILURES,
				  .distance = config_int(o->config, OPT_nautiljon_distance)};
	const char *url = config_text(o->config, OPT_nautiljon_url);
	if (!url_same_host(url, url)) {
		snprintf(why, WHY, "nautiljon: url is no http address");
		return -EINVAL;
	}
	struct nautiljon *x = calloc(1, sizeof *x);
	int r = x ? limit_declare(o->net->limit, HOST, &rule) : -ENOMEM;
	if (r < 0) {
		free(x);
		snprintf(why, WHY, "nautiljon: %s", strerror(-r));
		return r;
	}
	xmlInitParser();
	x->net = o->net;
	x->url = url;
	x->cooldown = config_int(o->config, OPT_nautiljon_block);
	*state = x;
	return 0;
}

static void close_nautiljon(void *state)
{
	free(state);
}

/* --- one page --- */

/** It does not want us: it is left alone, whoever asks. */
static int blocked(struct nautiljon *x, int64_t duration, const char *sign, char *why)
{
	char reason[128];
	snprintf(reason, sizeof reason, "it refused us (%s)", sign);
	limit_block(x->net->limit, HOST, net_now(x->net),
		    duration > x->cooldown ? duration : x->cooldown, reason);
	snprintf(why, WHY, "nautiljon: %s", reason);
	return -EPERM;
}

/** Whether an address is one of its pages of series. */
static bool is_page(const struct nautiljon *x, const char *address)
{
	const char *path = strstr(address, "://");
	path = path ? strchr(path + 3, '/') : NULL;
	return path && url_same_host(x->url, address) && strncmp(path, "/mangas/", 8) == 0 &&
	       strlen(path) > 8 && path[8] != '?' && !strpbrk(address, " \t\r\n");
}

/** "/mangas/…" as a whole address; false when it leads elsewhere. */
static bool complete(const struct nautiljon *x, const char *href, char *out, size_t size)
{
	const char *host = strstr(x->url, "://");
	size_t base = (size_t)(host - x->url) + 3;
	base += strcspn(x->url + base, "/?#");
	int n = *href == '/' && href[1] != '/' ?
			snprintf(out, size, "%.*s%s", (int)base, x->url, href) :
			snprintf(out, size, "%s", href);
	return n > 0 && (size_t)n < size && is_page(x, out);
}

/** 0: the answer is a page of its own, with @url where it was found after being sent on. */
static int get(struct nautiljon *x, char *url, size_t size, struct http_answer *answer, int64_t *at,
	       char *why)
{
	static const char *const headers[] = {"Accept: text/html", "Accept-Language: fr", NULL};
	for (int i = 0;; i++) {
		struct http_request q = {.url = url, .headers = headers, .most = PAGE_MAX};
		int r = net_do(x->net, HOST, &q, answer, at);
		if (r < 0) {
			snprintf(why, WHY, "nautiljon: %s", answer->why);
			return r;
		}
		if (answer->is_challenge)
			return blocked(x, answer->retry_after_ns, "a challenge", why);
		if (answer->status == 403 || answer->status == 429 || answer->status == 503) {
			char sign[32];
			snprintf(sign, sizeof sign, "HTTP %d", answer->status);
			return blocked(x, answer->retry_after_ns, sign, why);
		}
		if (answer->status == 200)
			return 0;
		bool is_moved = answer->status >= 301 && answer->status <= 308;
		if (is_moved && i < REDIRECTS && complete(x, answer->location, url, size))
			continue;
		snprintf(why, WHY, "nautiljon: it answered HTTP %d", answer->status);
		return answer->status == 404 || answer->status == 410 ? -ENOENT : -EPROTO;
	}
}

/** A page that parses to nothing is no answer, least of all "0 volumes". */
static int unreadable(struct nautiljon *x, const struct http_answer *answer, const char *what,
		      char *why)
{
	if (nautiljon_is_block(buf_str(&answer->body), answer->body.len))
		return blocked(x, -1, "a page that says so", why);
	snprintf(why, WHY, "nautiljon: %s cannot be read", what);
	return -EPROTO;
}

/* --- looking a series up --- */

/** Folded, without a leading article. */
static void key_of(const char *title, size_t n, struct buf *out)
{
	static const char *const articles[] = {"les ", "le ", "la ", "l ", "the "};
	_buf_ struct buf folded = BUF_INIT(KEY_MAX);
	text_fold_title(title, n, &folded);
	const char *key = buf_str(&folded);
	for (size_t i = 0; i < COUNT_OF(articles); i++) {
		size_t length = strlen(articles[i]);
		if (strncmp(key, articles[i], length) == 0 && key[length]) {
			key += length;
			break;
		}
	}
	buf_reset(out);
	buf_adds(out, key);
}

struct looking {
	struct nautiljon *x;
	struct authority_answer *a;
	struct buf key;
	/** Of rows with exactly that title: as the main one [0], as another [1]. */
	char url[2][512], title[2][256];
	bool is_several[2];
};

static bool is_wanted(struct looking *l, const char *title, size_t n)
{
	_buf_ struct buf key = BUF_INIT(KEY_MAX);
	key_of(title, n, &key);
	return key.len && !buf_error(&key) && strcmp(buf_str(&key), buf_str(&l->key)) == 0;
}

/** "(One / Another)": any of them. */
static bool is_wanted_among(struct looking *l, const char *others)
{
	while (*others) {
		const char *end = strstr(others, " / ");
		size_t n = end ? (size_t)(end - others) : strlen(others);
		if (is_wanted(l, others, n))
			return true;
		others += n + (end ? 3 : 0);
	}
	return false;
}

static void take_row(void *arg, const char *title, const char *others, const char *href)
{
	struct looking *l = arg;
	char url[512];
	if (!complete(l->x, href, url, sizeof url))
		return;
	buf_addf(&l->a->choices, "%s\t%s\n", title, url);
	bool is_main = is_wanted(l, title, strlen(title));
	if (!is_main && !is_wanted_among(l, others))
		return;
	int i = is_main ? 0 : 1;
	if (l->url[i][0] && strcmp(l->url[i], url) != 0)
		l->is_several[i] = true;
	memcpy(l->url[i], url, sizeof url);
	size_t n = text_cut(title, strlen(title), sizeof l->title[i] - 1);
	memcpy(l->title[i], title, n);
	l->title[i][n] = '\0';
}

/** What the rows of a search amount to. */
static enum known settle(struct looking *l, int rows)
{
	for (int i = 0; i < 2; i++) {
		if (!l->url[i][0])
			continue;
		if (l->is_several[i])
			return KNOWN_AMBIGUOUS;
		memcpy(l->a->url, l->url[i], sizeof l->a->url);
		memcpy(l->a->title, l->title[i], sizeof l->a->title);
		buf_reset(&l->a->choices);
		return KNOWN_YES;
	}
	return rows ? KNOWN_AMBIGUOUS : KNOWN_NO;
}

static void forget_numbers(struct authority_answer *a)
{
	a->released = a->original = a->planned = -1;
	a->planned_at = 0;
	*a->status = '\0';
	buf_reset(&a->aliases);
}

/** It sent us to a page instead of a list: its only hit, which may be another series. */
static int land(struct looking *l, const char *url, const struct http_answer *answer, char *why)
{
	struct authority_answer *a = l->a;
	size_t n = strlen(url);
	if (n >= sizeof a->url || nautiljon_read_page(buf_str(&answer->body), answer->body.len, a) < 0)
		return unreadable(l->x, answer, "its page", why);
	memcpy(a->url, url, n + 1);
	a->known = KNOWN_YES;
	bool is_it = is_wanted(l, a->title, strlen(a->title));
	for (const char *p = buf_str(&a->aliases); *p && !is_it; p += *p == '\n') {
		size_t len = strcspn(p, "\n");
		is_it = is_wanted(l, p, len);
		p += len;
	}
	if (is_it)
		return 0;
	buf_addf(&a->choices, "%s\t%s\n", a->title, url);
	forget_numbers(a);
	a->known = KNOWN_AMBIGUOUS;
	*a->url = *a->title = '\0';
	return 0;
}

static int search_address(const struct nautiljon *x, const char *series, char *out, size_t size)
{
	_buf_ struct buf address = BUF_INIT(8192);
	buf_adds(&address, x->url);
	while (address.len && address.data[address.len - 1] == '/')
		address.data[--address.len] = '\0';
	buf_adds(&address, "/mangas/");
	url_query(&address, "q", series);
	bool fits = !buf_error(&address) && address.len < size;
	snprintf(out, size, "%s", fits ? buf_str(&address) : "");
	return fits ? 0 : -EINVAL;
}

/** The page of a series: a->url, and KNOWN_YES; @is_read: what it says, too. */
static int look_up(struct looking *l, const char *series, int64_t *at, bool *is_read, char *why)
{
	__attribute__((cleanup(http_answer_clear))) struct http_answer answer = HTTP_ANSWER_INIT;
	char url[4096];
	key_of(series, strlen(series), &l->key);
	if (!l->key.len || search_address(l->x, series, url, sizeof url) < 0) {
		snprintf(why, WHY, "nautiljon: that title cannot be looked for");
		return -EINVAL;
	}
	int r = get(l->x, url, sizeof url, &answer, at, why);
	if (r < 0)
		return r;
	*is_read = is_page(l->x, url);
	if (*is_read)
		return land(l, url, &answer, why);
	int rows = nautiljon_read_search(buf_str(&answer.body), answer.body.len, take_row, l);
	if (rows < 0 || (rows == 0 && nautiljon_is_block(buf_str(&answer.body), answer.body.len)))
		return unreadable(l->x, &answer, "its list", why);
	l->a->known = settle(l, rows);
	return 0;
}

static int read_series(struct nautiljon *x, struct authority_answer *a, int64_t *at, char *why)
{
	__attribute__((cleanup(http_answer_clear))) struct http_answer answer = HTTP_ANSWER_INIT;
	int r = get(x, a->url, sizeof a->url, &answer, at, why);
	if (r < 0)
		return r;
	if (nautiljon_read_page(buf_str(&answer.body), answer.body.len, a) < 0)
		return unreadable(x, &answer, "its page", why);
	a->known = KNOWN_YES;
	return 0;
}

static int ask_nautiljon(void *state, const char *series, const char *url,
			 struct authority_answer *a, int64_t *at, char *why)
{
	struct nautiljon *x = state;
	forget_numbers(a);
	buf_reset(&a->choices);
	*a->url = *a->title = '\0';
	if (*url && (!is_page(x, url) || strlen(url) >= sizeof a->url)) {
		snprintf(why, WHY, "nautiljon: that is no address of one of its series");
		return -EINVAL;
	}
	if (!*url) {
		struct looking l = {.x = x, .a = a, .key = BUF_INIT(KEY_MAX)};
		bool is_read = false;
		int r = look_up(&l, series, at, &is_read, why);
		buf_clear(&l.key);
		if (r < 0 || a->known != KNOWN_YES || is_read)
			return r;
	} else {
		snprintf(a->url, sizeof a->url, "%s", url);
	}
	/* when there is no slot for the page now, its address is kept */
	return read_series(x, a, at, why);
}

const struct authority authority_nautiljon = {
	.name = "nautiljon",
	.interval = OPT_nautiljon_interval,
	.interval_finished = OPT_nautiljon_finished,
	.open = open_nautiljon,
	.close = close_nautiljon,
	.ask = ask_nautiljon,
};
