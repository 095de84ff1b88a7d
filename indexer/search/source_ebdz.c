/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Links to files on the ed2k network, as another program collects them in a table of an SQLite
 * file.  The forum they come from is never asked.
 *
 * Of the table's columns only the link is believed, and of it only what its hash proves; the
 * title is the name in the link, decoded.  Its column of volumes is not looked at: it knows no
 * packs, no volume 0, and takes numbers of titles for volumes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_links.h"
#include "common/text.h"
#include "indexer/hash.h"
#include "indexer/net/url.h"
#include "indexer/search/source.h"

enum {
	/** Rows that are read of what is new; what was before is found by searching. */
	RECENT_FIRST = 2000,
	RECENT_MOST = 20000,
	TITLES_MOST = 32,
};

struct ebdz {
	struct links *links;
};

static int name_of(const char *link, size_t n, struct buf *name)
{
	struct ed2k_link l;
	int r = ed2k_parse(link, n, &l);
	if (r < 0)
		return r;
	buf_add(name, buf_str(&l.name), l.name.len);
	ed2k_clear(&l);
	return buf_error(name);
}

static void close_ebdz(void *state)
{
	struct ebdz *e = state;
	links_free(e->links);
	free(e);
}

static int open_ebdz(const struct outside *o, void **state, char *why)
{
	*state = NULL;
	const char *path = config_text(o->config, OPT_ebdz_database);
	if (!*path)
		return 0;
	if (*path != '/') {
		snprintf(why, WHY, "ebdz: database is no absolute path");
		return -EINVAL;
	}
	struct ebdz *e = calloc(1, sizeof *e);
	int r = e ? links_new(path, name_of, &e->links) : -ENOMEM;
	if (r < 0) {
		free(e);
		snprintf(why, WHY, "ebdz: %s", strerror(-r));
		return r;
	}
	*state = e;
	return 0;
}

/* --- a row as a release --- */

struct giving {
	release_fn *fn;
	void *arg;
};

static void clean(const char *s, size_t most, struct buf *out)
{
	_buf_ struct buf text = BUF_INIT(1 << 16);
	size_t n = strnlen(s, 16384);
	if (text_is_utf8(s, n))
		buf_add(&text, s, n);
	else
		text_from_latin1(s, n, &text);
	text_clean(buf_str(&text), text.len, most, out);
}

/** "2024-03-01 12:34:56", with a T, a fraction or only the day; 0 for anything else. */
static int64_t time_of(const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	if (!rest || strspn(text, "0123456789") != 4)
		return 0;
	if (*rest == ' ' || *rest == 'T') {
		rest = strptime(rest + 1, "%H:%M:%S", &tm);
		if (!rest)
			return 0;
	}
	if (*rest && !strchr(".Z+-", *rest))
		return 0;
	time_t t = timegm(&tm);
	return t > 0 ? (int64_t)t * NS_PER_S : 0;
}

/** A web address without what may be secret in it; nothing for anything else. */
static void clean_page(const char *address, struct buf *out)
{
	_buf_ struct buf text = BUF_INIT(1024);
	clean(address, 1000, &text);
	if (strncasecmp(buf_str(&text), "https://", 8) == 0 ||
	    strncasecmp(buf_str(&text), "http://", 7) == 0)
		url_strip(buf_str(&text), out);
}

/** A link that is broken is passed over. */
static int give(void *arg, const struct link_row *row)
{
	const struct giving *g = arg;
	struct ed2k_link l;
	if (ed2k_parse(row->link, row->link_len, &l) < 0)
		return 0;
	_buf_ struct buf link = BUF_INIT(16384), thread = BUF_INIT(1024), page = BUF_INIT(1024),
			 forum = BUF_INIT(256);
	ed2k_format(&l, &link);
	clean(row->thread_title, 1000, &thread);
	clean_page(row->thread_url, &page);
	clean(row->forum_category, 200, &forum);
	struct release r = {
		.title = buf_str(&l.name),
		.guid = l.hash,
		.link = buf_str(&link),
		.page = buf_str(&page),
		.indexer = buf_str(&forum),
		.protocol = PROTOCOL_ED2K,
		.size = l.size,
		.published_at = time_of(row->date_scraped),
		.seeders = -1,
		.leechers = -1,
		.context = buf_str(&thread),
	};
	memcpy(r.hash, l.hash, sizeof l.hash);
	int result = buf_error(&link) ? 0 : g->fn(g->arg, &r);
	ed2k_clear(&l);
	return result;
}

/* --- searching --- */

/** Only for looking up: what is found is judged by judge.h, which knows more of titles. */
static const char *without_article(const char *folded)
{
	static const char *const articles[] = {"les ", "le ", "la ", "l ", "un ", "une ", "des ",
					       "the ", "a ", "an "};
	for (size_t i = 0; i < COUNT_OF(articles); i++) {
		size_t n = strlen(articles[i]);
		if (strncmp(folded, articles[i], n) == 0 && strlen(folded + n) >= 3)
			return folded + n;
	}
	return folded;
}

/** Appends the title by which a series is looked up, with its NUL; returns where it begins. */
static size_t add_title(const char *title, struct buf *out)
{
	_buf_ struct buf folded = BUF_INIT(8192);
	size_t at = out->len;
	text_fold_title(title, strnlen(title, LINKS_TITLE_MAX), &folded);
	buf_adds(out, without_article(buf_str(&folded)));
	buf_addc(out, '\0');
	return at;
}

static int search_ebdz(void *state, const struct source_query *q, release_fn *fn, void *arg,
		       int64_t *at, char *why)
{
	struct ebdz *e = state;
	struct giving g = {fn, arg};
	const char *titles[TITLES_MOST];
	size_t begin[TITLES_MOST], n = 0;
	_buf_ struct buf text = BUF_INIT(1 << 18);
	(void)at;
	begin[n++] = add_title(q->series, &text);
	for (size_t i = 0; i < q->alias_count && n < TITLES_MOST; i++)
		begin[n++] = add_title(q->aliases[i], &text);
	if (buf_error(&text))
		return buf_error(&text);
	for (size_t i = 0; i < n; i++)
		titles[i] = buf_str(&text) + begin[i];
	return links_find(e->links, titles, n, give, &g, why);
}

static int recent_ebdz(void *state, struct buf *mark, release_fn *fn, void *arg, int64_t *at,
		       char *why)
{
	struct ebdz *e = state;
	struct giving g = {fn, arg};
	(void)at;
	int64_t last = 0, after = mark->len ? strtoll(buf_str(mark), NULL, 10) : 0;
	size_t most = mark->len ? RECENT_MOST : RECENT_FIRST;
	int r = links_since(e->links, after, most, give, &g, &last, why);
	if (r != 0)
		return r;
	buf_reset(mark);
	return buf_addf(mark, "%lld", (long long)last);
}

static int fetch_ebdz(void *state, struct handover *h, char *why)
{
	struct ed2k_link l;
	(void)state;
	if (ed2k_parse(h->release.link, strlen(h->release.link), &l) < 0) {
		snprintf(why, WHY, "ebdz: this is no ed2k link");
		return -ENOENT;
	}
	memcpy(h->release.hash, l.hash, sizeof l.hash);
	buf_reset(&h->link);
	ed2k_format(&l, &h->link);
	ed2k_clear(&l);
	return buf_error(&h->link);
}

const struct source source_ebdz = {
	.name = "ebdz",
	.is_local = true,
	.feed_interval = OPT_monitor_interval,
	.language = "fr",
	.open = open_ebdz,
	.close = close_ebdz,
	.search = search_ebdz,
	.recent = recent_ebdz,
	.fetch = fetch_ebdz,
};
