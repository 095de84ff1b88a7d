/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Prowlarr.  One search a series gives every volume, pack and edition; the feeds of its indexers
 * tell what is new without a search.  Its key goes in a header, and only to the host of its address.
 */
#include "indexer/search/source_prowlarr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/hash.h"
#include "indexer/net/json.h"
#include "indexer/net/secret.h"
#include "indexer/net/url.h"
#include "indexer/search/source_feed.h"
#include "indexer/search/source_post.h"
#include "indexer/search/source_status.h"
#include "indexer/search/source_torznab_xml.h"

static const char HOST[] = "prowlarr";

/** Every call counts: the list is read again for feeds only so often. */
#define FEED_LIST_AGE (6 * 3600 * NS_PER_S)

enum {
	/** Of each indexer. */
	SEARCH_LIMIT = 200,
	
};

static void close_prowlarr(void *state)
{
	struct prowlarr *p = state;
	if (!p)
		return;
	secret_clear(&p->key);
	secret_clear(&p->header);
	buf_clear(&p->chosen);
	buf_clear(&p->categories);
	free(p->indexers);
	free(p->url);
	free(p);
}

/* --- opening --- */

/** A list of whole numbers, each also as "&NAME=NUMBER". */
static int read_numbers(const struct config *c, enum option_id id, const char *name,
			struct prowlarr *p, char *why)
{
	for (size_t i = 0; i < config_count(c, id); i++) {
		const char *text = config_item(c, id, i);
		char *end = NULL;
		long long v = strtoll(text, &end, 10);
		if (end == text || *end || v < -2 || v > INT32_MAX) {
			snprintf(why, WHY, "prowlarr: \"%.64s\" in %s is no number", text, name);
			return -EINVAL;
		}
		buf_addf(&p->chosen, "&%s=%lld", name, v);
		if (id == OPT_prowlarr_categories)
			buf_addf(&p->categories, "%s%lld", p->categories.len ? "," : "", v);
	}
	return buf_error(&p->chosen);
}

static int configure(struct prowlarr *p, const struct config *c, char *why)
{
	const char *url = config_text(c, OPT_prowlarr_url);
	const char *file = config_text(c, OPT_prowlarr_key);
	if (!post_is_address(url) || strpbrk(url, "?# ")) {
		snprintf(why, WHY, "prowlarr: url is no address such as http://127.0.0.1:9696");
		return -EINVAL;
	}
	if (!*file) {
		snprintf(why, WHY, "prowlarr: api_key_file is not set");
		return -EINVAL;
	}
	p->url = strdup(url);
	if (!p->url)
		return -ENOMEM;
	for (size_t n = strlen(p->url); n && p->url[n - 1] == '/'; n--)
		p->url[n - 1] = '\0';
	int r = secret_read(file, &p->key, why);
	if (r == 0)
		r = read_numbers(c, OPT_prowlarr_categories, "categories", p, why);
	if (r == 0)
		r = read_numbers(c, OPT_prowlarr_indexers, "indexerIds", p, why);
	if (r == 0)
		r = buf_addf(&p->header, "X-Api-Key: %s", buf_str(&p->key));
	return r;
}

static int open_prowlarr(const struct outside *o, void **state, char *why)
{
	*state = NULL;
	if (!*config_text(o->config, OPT_prowlarr_url))
		return 0;
	struct prowlarr *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	*p = (struct prowlarr){
		.config = o->config,
		.net = o->net,
		.key = BUF_INIT(4096),
		.header = BUF_INIT(8192),
		.chosen = BUF_INIT(16384),
		.categories = BUF_INIT(8192),
	};
	struct limit_rule rule = {
		.per_minute = (int)config_int(o->config, OPT_prowlarr_minute),
		.per_day = (int)config_int(o->config, OPT_prowlarr_day),
	};
	int r = configure(p, o->config, why);
	if (r == 0)
		r = limit_declare(o->net->limit, HOST, &rule);
	if (r < 0) {
		close_prowlarr(p);
		return r;
	}
	*state = p;
	return 0;
}

/* --- asking --- */

/** As prowlarr_get(), of an address of this Prowlarr, and without a verdict on the status. */
static int ask(struct prowlarr *p, const char *url, int64_t indexer, size_t most,
	       struct http_answer *a, int64_t *at, char *why)
{
	const char *const headers[] = {buf_str(&p->header), NULL};
	struct http_request q = {
		.url = url,
		.headers = headers,
		.most = most,
		.timeout_ms = PROWLARR_PATIENCE_MS,
	};
	char host[LIMIT_NAME];
	prowlarr_host(indexer, host);
	int r = indexer > 0 ? net_do_behind(p->net, HOST, host, &q, a, at)
			    : net_do(p->net, HOST, &q, a, at);
	if (r < 0)
		snprintf(why, WHY, "Prowlarr: %s", a->why);
	return r;
}

int prowlarr_get(struct prowlarr *p, const char *path, int64_t indexer, size_t most,
		 struct http_answer *a, int64_t *at, char *why)
{
	_buf_ struct buf url = BUF_INIT(16384);
	buf_adds(&url, p->url);
	buf_adds(&url, path);
	if (url.error)
		return url.error;
	int r = ask(p, buf_str(&url), indexer, most, a, at, why);
	if (r == 0 && a->status == 400) {
		snprintf(why, WHY, "Prowlarr says that none of the indexers is available");
		return -EBUSY;
	}
	return r < 0 ? r : source_status(a, "Prowlarr", why);
}

/* --- searching --- */

static char *text_of(const struct js *v, const char *name)
{
	const char *text = js_text(v, name);
	return *text ? strdup(text) : NULL;
}

static enum protocol protocol_in(const struct js *v)
{
	const char *text = js_text(v, "protocol");
	if (strcmp(text, "usenet") == 0)
		return PROTOCOL_USENET;
	if (strcmp(text, "torrent") == 0 || *js_text(v, "infoHash") || *js_text(v, "magnetUrl") ||
	    js_int(v, "seeders", -1) >= 0)
		return PROTOCOL_TORRENT;
	return 0;
}

/**
 * Prowlarr's address for a download: what it is and its name stay, and nothing else of the query;
 * both are opaque, base64 with '=' at its end.  NULL when it is another address.
 */
static char *own_link(const struct prowlarr *p, const char *url)
{
	if (!url || !url_same_host(url, p->url))
		return NULL;
	size_t n = strcspn(url, "?#");
	if (n < 9 || strncmp(url + n - 9, "/download", 9) != 0 || url[n] != '?' || memchr(url, '@', n))
		return NULL;
	struct buf out = BUF_INIT(8192);
	char lead = '?';
	buf_add(&out, url, n);
	for (const char *s = url + n + 1; *s && *s != '#';) {
		size_t length = strcspn(s, "&#");
		if (strncmp(s, "link=", 5) == 0 || strncmp(s, "file=", 5) == 0) {
			buf_addc(&out, lead);
			buf_add(&out, s, length);
			lead = '&';
		}
		s += length + (s[length] == '&');
	}
	return buf_take(&out);
}

static void know_link(const struct prowlarr *p, struct post *post)
{
	post->clean_link = own_link(p, post->link);
	if (!post->clean_link)
		post->clean_link = own_link(p, post->magnet);
}

/** Adds a result; one without title, identity or protocol is passed over. */
static int read_result(const struct prowlarr *p, const struct js *v, struct posts *all)
{
	struct post post = POST_INIT;
	post.protocol = protocol_in(v);
	if (!post.protocol || !*js_text(v, "title") || !*js_text(v, "guid"))
		return 0;
	post.title = text_of(v, "title");
	post.guid = text_of(v, "guid");
	post.page = text_of(v, *js_text(v, "infoUrl") ? "infoUrl" : "commentUrl");
	post.indexer = text_of(v, "indexer");
	post.link = text_of(v, "downloadUrl");
	post.magnet = text_of(v, "magnetUrl");
	post.hash = text_of(v, "infoHash");
	post.indexer_id = js_int(v, "indexerId", 0);
	post.size = js_int(v, "size", -1);
	post.seeders = js_int(v, "seeders", -1);
	post.leechers = js_int(v, "leechers", -1);
	post.published_at = post_date(js_text(v, "publishDate"));
	know_link(p, &post);
	return posts_put(all, &post);
}

/** 0; -EPROTO when it is no list, or a list of which nothing can be read. */
static int read_results(const struct prowlarr *p, const struct http_answer *a, struct posts *all,
			char *why)
{
	char detail[160];
	struct js *list = NULL;
	int r = js_parse(buf_str(&a->body), a->body.len, &list, detail);
	if (r < 0 || !js_is_array(list)) {
		snprintf(why, WHY, "Prowlarr's answer is %s",
			 strcmp(a->type, "text/html") == 0 ? "a page for people" : "no list of results");
		js_free(list);
		return -EPROTO;
	}
	r = 0;
	for (size_t i = 0; r == 0 && i < js_count(list); i++)
		r = read_result(p, js_at(list, i), all);
	if (r == 0 && js_count(list) && !all->len) {
		snprintf(why, WHY, "Prowlarr's answer holds %zu results, none of which can be read",
			 js_count(list));
		r = -EPROTO;
	}
	js_free(list);
	return r;
}

static int search(void *state, const struct source_query *q, release_fn *fn, void *arg, int64_t *at,
		  char *why)
{
	struct prowlarr *p = state;
	_buf_ struct buf path = BUF_INIT(16384);
	char limit[16];
	snprintf(limit, sizeof limit, "%d", SEARCH_LIMIT);
	buf_adds(&path, "/api/v1/search");
	url_query(&path, "query", q->series);
	url_query(&path, "type", "search");
	url_query(&path, "limit", limit);
	buf_adds(&path, buf_str(&p->chosen));
	if (path.error)
		return path.error;
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	_posts_ struct posts all = {0};
	int r = prowlarr_get(p, buf_str(&path), 0, HTTP_MOST, &a, at, why);
	if (r == -ENOENT)
		r = -EPROTO;
	if (r == 0)
		r = read_results(p, &a, &all, why);
	if (r < 0)
		return r;
	size_t told;
	return all.len ? posts_tell(&all, buf_str(&p->key), fn, arg, &told) : prowlarr_believe(p, at, why);
}

/* --- feeds --- */

struct feed_of {
	struct prowlarr *p;
	const struct indexer *indexer;
};

static int read_page(void *arg, int64_t offset, struct posts *all, int64_t *at, char *why)
{
	const struct feed_of *f = arg;
	_buf_ struct buf path = BUF_INIT(16384);
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	struct torznab_error error;
	buf_addf(&path, "/%lld/api?t=search&cat=%s&limit=%d&offset=%lld", (long long)f->indexer->id,
		 buf_str(&f->p->categories), FEED_PAGE, (long long)offset);
	int r = prowlarr_get(f->p, buf_str(&path), f->indexer->id, TORZNAB_MOST, &a, at, why);
	if (r == 0)
		r = torznab_parse(&a.body, all, &error, why);
	if (r == -EREMOTEIO) {
		r = torznab_meaning(error.code);
		snprintf(why, WHY, "%s: Prowlarr refuses (error %d)", f->indexer->name, error.code);
	}
	for (size_t i = 0; r == 0 && i < all->len; i++) {
		struct post *post = &all->data[i];
		post->indexer_id = f->indexer->id;
		know_link(f->p, post);
		if (!post->indexer)
			post->indexer = strdup(f->indexer->name);
	}
	return r;
}

/** What a round over the feeds has come to. */
struct round {
	size_t read, failed;
	/** Feeds that had posts before and have none now. */
	size_t emptied;
	int error;
};

static int read_feed(struct prowlarr *p, struct indexer *i, struct feed_mark *mark, release_fn *fn,
		     void *arg, struct round *round, int64_t *at, char *why)
{
	struct feed_of of = {p, i};
	struct feed feed = {
		.page = read_page,
		.arg = &of,
		.key = buf_str(&p->key),
		.has_pages = i->has_pages,
		.now = net_now(p->net),
		.fn = fn,
		.fn_arg = arg,
	};
	char reason[WHY] = "";
	size_t posts;
	bool had_posts = mark->id != 0;
	int r = feed_read(&feed, mark, &posts, at, reason);
	/* the budget, or the end of the program: the rest is for the next time */
	if (r == -EAGAIN || r == -ECANCELED) {
		snprintf(why, WHY, "%s", reason);
		return r;
	}
	i->is_due = false;
	if (r < 0) {
		round->failed++;
		round->error = r;
		snprintf(why, WHY, "%.60s: %.180s", i->name, reason);
		return 0;
	}
	round->read++;
	round->emptied += had_posts && !posts;
	return 0;
}

static bool is_feed(const struct prowlarr *p, const struct indexer *i)
{
	return i->has_feed && prowlarr_is_wanted(p, i);
}

/** A round ends when every feed was read: one that the budget cut short is taken up again. */
static void begin_round(struct prowlarr *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->indexers[i].is_due && is_feed(p, &p->indexers[i]))
			return;
	for (size_t i = 0; i < p->count; i++)
		p->indexers[i].is_due = is_feed(p, &p->indexers[i]);
}

static int read_feeds(struct prowlarr *p, struct feed_named_mark *marks, release_fn *fn, void *arg,
		      int64_t *at, char *why)
{
	struct round round = {0};
	int r = 0;
	begin_round(p);
	for (size_t i = 0; r == 0 && i < p->count; i++)
		if (p->indexers[i].is_due && is_feed(p, &p->indexers[i]))
			r = read_feed(p, &p->indexers[i], &marks[i].mark, fn, arg, &round, at, why);
	if (r < 0)
		return r;
	if (round.failed && !round.read)
		return round.error;
	/* as with a search: nothing is believed when nobody was there to tell */
	if (round.emptied && round.emptied == round.read)
		return prowlarr_believe(p, at, why);
	return 0;
}

static int recent(void *state, struct buf *mark, release_fn *fn, void *arg, int64_t *at, char *why)
{
	struct prowlarr *p = state;
	int r = prowlarr_list(p, FEED_LIST_AGE, at, why);
	if (r < 0)
		return r;
	_free_ struct feed_named_mark *marks = calloc(p->count + 1, sizeof *marks);
	_free_ char(*names)[24] = calloc(p->count + 1, sizeof *names);
	if (!marks || !names)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++) {
		snprintf(names[i], sizeof names[i], "%lld", (long long)p->indexers[i].id);
		marks[i].name = names[i];
		feed_mark_get(mark, names[i], &marks[i].mark);
	}
	r = read_feeds(p, marks, fn, arg, at, why);
	feed_marks_set(mark, marks, p->count);
	return r < 0 ? r : buf_error(mark);
}

/* --- fetching --- */

/** A redirect that we know: to a magnet, or (when the indexer is set to) to the tracker itself. */
static int take_redirect(struct prowlarr *p, struct handover *h, const struct http_answer *a, char *why)
{
	if (post_is_magnet(a->location))
		return source_magnet(h, a->location);
	if (post_is_address(a->location) && !url_same_host(a->location, p->url) &&
	    !strcasestr(a->location, buf_str(&p->key))) {
		buf_adds(&h->link, a->location);
		return buf_error(&h->link);
	}
	snprintf(why, WHY, "Prowlarr sends us to an address that is no download (HTTP %d)", a->status);
	return -EPROTO;
}

static int get_link(struct prowlarr *p, struct handover *h, char *why)
{
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	int64_t indexer = h->release.indexer_id;
	char host[LIMIT_NAME];
	prowlarr_host(indexer, host);
	/* after a restart the list has not been read */
	if (indexer > 0 && limit_declare(p->net->limit, host, &(struct limit_rule){0}) < 0)
		indexer = 0;
	int r = ask(p, h->release.link, indexer, SOURCE_TORRENT_MOST, &a, NULL, why);
	if (r < 0)
		return r;
	if (a.status >= 300 && a.status <= 399)
		return take_redirect(p, h, &a, why);
	r = source_status(&a, "Prowlarr", why);
	return r < 0 ? r : source_torrent(h, &a, "Prowlarr", why);
}

static int fetch(void *state, struct handover *h, char *why)
{
	struct prowlarr *p = state;
	const char *link = h->release.link;
	if (post_is_magnet(link))
		return source_magnet(h, link);
	if (!*link) {
		snprintf(why, WHY, "Prowlarr gave no address for it");
		return -ENOENT;
	}
	if (!post_is_address(link) || !url_same_host(link, p->url)) {
		snprintf(why, WHY, "its address is not one of the Prowlarr that is configured");
		return -EPERM;
	}
	if (h->release.protocol != PROTOCOL_USENET)
		return get_link(p, h, why);
	url_restore(link, "apikey", buf_str(&p->key), &h->link);
	return buf_error(&h->link);
}

const struct source source_prowlarr = {
	.name = "prowlarr",
	.host = "prowlarr",
	.feed_interval = OPT_prowlarr_feed,
	.open = open_prowlarr,
	.close = close_prowlarr,
	.search = search,
	.recent = recent,
	.fetch = fetch,
};
