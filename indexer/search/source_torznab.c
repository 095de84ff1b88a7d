/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Any number of Torznab and Newznab feeds, each with a budget of its own.  Their key can only be
 * a part of the address, which therefore is never shown, and their links may carry keys as well, as
 * parameters or in their paths: these are not stored, but asked for again when a release is fetched.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/vec.h"
#include "indexer/net/net.h"
#include "indexer/net/secret.h"
#include "indexer/net/url.h"
#include "indexer/search/source.h"
#include "indexer/search/source_feed.h"
#include "indexer/search/source_post.h"
#include "indexer/search/source_status.h"
#include "indexer/search/source_torznab_xml.h"

/** After "too many requests" in an error document. */
#define PAUSE (3600 * NS_PER_S)

enum {
	NAME_MAX_ = 32,
	PATIENCE_MS = 100000,
};

struct service {
	char *name, *address;
	/** A secret; may be empty. */
	struct buf key;
	/** Of its budget. */
	char host[LIMIT_NAME];
	struct torznab *all;
};

struct torznab {
	struct net *net;
	/** "7030,7020" */
	struct buf categories;
	struct {
		struct service *data;
		size_t len, cap;
	} services;
};

static void close_torznab(void *state)
{
	struct torznab *t = state;
	if (!t)
		return;
	for (size_t i = 0; i < t->services.len; i++) {
		free(t->services.data[i].name);
		free(t->services.data[i].address);
		secret_clear(&t->services.data[i].key);
	}
	vec_clear(&t->services);
	buf_clear(&t->categories);
	free(t);
}

/* --- opening --- */

static int complain(char *why, const char *name, const char *what)
{
	snprintf(why, WHY, "torznab: feed %.40s: %s", *name ? name : "(unnamed)", what);
	return -EINVAL;
}

static bool has_key(const char *address)
{
	_buf_ struct buf value = BUF_INIT(4096);
	_buf_ struct buf clean = BUF_INIT(8192);
	url_strip(address, &clean);
	return url_get(address, "apikey", &value) == 0 || strcmp(buf_str(&clean), address) != 0;
}

/** @line: "NAME ADDRESS [KEY-FILE]"; a file's name may hold blanks. */
static int read_service(const char *line, struct service *s, char *why)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strcspn(line, " \t");
	s->name = strndup(line, n);
	line += n + strspn(line + n, " \t");
	n = strcspn(line, " \t");
	s->address = strndup(line, n);
	line += n + strspn(line + n, " \t");
	if (!s->name || !s->address)
		return -ENOMEM;
	n = strlen(s->name);
	if (n == 0 || n > NAME_MAX_ || strspn(s->name, word) != n)
		return complain(why, s->name, "its name is letters, digits, dots and dashes, at most 32");
	if (!post_is_address(s->address) || strchr(s->address, '#'))
		return complain(why, s->name, "after its name comes its http or https address");
	if (has_key(s->address))
		return complain(why, s->name, "a key belongs into a file of its own, not into the address");
	snprintf(s->host, sizeof s->host, "torznab:%s", s->name);
	return *line ? secret_read(line, &s->key, why) : 0;
}

static int add_service(struct torznab *t, const struct config *c, const char *line, char *why)
{
	struct service *s = vec_add(&t->services);
	if (!s)
		return -ENOMEM;
	s->key = BUF_INIT(4096);
	int r = read_service(line, s, why);
	if (r < 0)
		return r;
	for (size_t i = 0; i + 1 < t->services.len; i++)
		if (strcasecmp(t->services.data[i].name, s->name) == 0)
			return complain(why, s->name, "another feed has that name");
	struct limit_rule rule = {
		.per_minute = (int)config_int(c, OPT_torznab_minute),
		.per_day = (int)config_int(c, OPT_torznab_day),
	};
	return limit_declare(t->net->limit, s->host, &rule);
}

static int configure(struct torznab *t, const struct config *c, char *why)
{
	for (size_t i = 0; i < config_count(c, OPT_torznab_categories); i++) {
		const char *text = config_item(c, OPT_torznab_categories, i);
		if (!*text || strspn(text, "0123456789") != strlen(text)) {
			snprintf(why, WHY, "torznab: \"%.64s\" in categories is no number", text);
			return -EINVAL;
		}
		buf_addf(&t->categories, "%s%s", i ? "," : "", text);
	}
	int r = buf_error(&t->categories);
	for (size_t i = 0; r == 0 && i < config_count(c, OPT_torznab_feeds); i++)
		r = add_service(t, c, config_item(c, OPT_torznab_feeds, i), why);
	for (size_t i = 0; i < t->services.len; i++)
		t->services.data[i].all = t;
	return r;
}

static int open_torznab(const struct outside *o, void **state, char *why)
{
	*state = NULL;
	if (!config_count(o->config, OPT_torznab_feeds))
		return 0;
	struct torznab *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->net = o->net;
	t->categories = BUF_INIT(8192);
	int r = configure(t, o->config, why);
	if (r < 0) {
		close_torznab(t);
		return r;
	}
	*state = t;
	return 0;
}

/* --- asking --- */

/** An error document, with whatever status it came. */
static int take_error(struct service *s, const struct torznab_error *e, char *why)
{
	_buf_ struct buf text = BUF_INIT(1024);
	int r = torznab_meaning(e->code);
	post_mask(e->text, buf_str(&s->key), &text);
	snprintf(why, WHY, "%s: error %d: %.120s", s->name, e->code, buf_str(&text));
	if (e->code == 429 || e->code == 500 || e->code == 501)
		limit_block(s->all->net->limit, s->host, net_now(s->all->net), PAUSE, "too many requests");
	return r;
}

static int read_answer(struct service *s, struct http_answer *a, struct posts *all, char *why)
{
	struct torznab_error error;
	char who[NAME_MAX_ + 8], reason[WHY] = "";
	snprintf(who, sizeof who, "%s", s->name);
	int status = source_status(a, who, why);
	int r = torznab_parse(&a->body, all, &error, reason);
	if (r == -EREMOTEIO)
		return take_error(s, &error, why);
	if (status < 0) {
		posts_clear(all);
		return status == -ENOENT ? -EPROTO : status;
	}
	if (r < 0)
		snprintf(why, WHY, "%s: %.180s", s->name, reason);
	return r;
}

/** One page; @query "": what was posted lately. */
static int ask(struct service *s, const char *query, int64_t offset, struct posts *all, int64_t *at,
	       char *why)
{
	_buf_ struct buf url = BUF_INIT(16384);
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	char numbers[2][24];
	snprintf(numbers[0], sizeof numbers[0], "%d", FEED_PAGE);
	snprintf(numbers[1], sizeof numbers[1], "%lld", (long long)offset);
	buf_adds(&url, s->address);
	url_query(&url, "t", "search");
	if (*query)
		url_query(&url, "q", query);
	if (s->all->categories.len)
		url_query(&url, "cat", buf_str(&s->all->categories));
	url_query(&url, "extended", "1");
	url_query(&url, "limit", numbers[0]);
	url_query(&url, "offset", numbers[1]);
	if (s->key.len)
		url_query(&url, "apikey", buf_str(&s->key));
	int r = url.error;
	struct http_request q = {.url = buf_str(&url), .most = TORZNAB_MOST, .timeout_ms = PATIENCE_MS};
	if (r == 0)
		r = net_do(s->all->net, s->host, &q, &a, at);
	if (r < 0)
		snprintf(why, WHY, "%s: %s", s->name, a.why);
	else
		r = read_answer(s, &a, all, why);
	secret_clear(&url);
	/* an indexer's name is the one it was given here */
	for (size_t i = 0; r == 0 && i < all->len; i++) {
		free(all->data[i].indexer);
		all->data[i].indexer = strdup(s->name);
		all->data[i].indexer_id = 0;
		all->data[i].has_path_keys = true;
	}
	return r;
}

static int read_page(void *arg, int64_t offset, struct posts *all, int64_t *at, char *why)
{
	return ask(arg, "", offset, all, at, why);
}

/* --- several as one --- */

struct sum {
	size_t answered, failed, told;
	int error;
	int64_t at;
	char why[WHY];
};

static void add_failure(struct sum *sum, int error, int64_t at, const char *why)
{
	/* the budget is the weakest reason, and its end the earliest */
	if (!sum->failed || sum->error == -EAGAIN) {
		sum->error = error;
		snprintf(sum->why, sizeof sum->why, "%s", why);
	}
	if (error == -EAGAIN && (!sum->at || at < sum->at))
		sum->at = at;
	sum->failed++;
}

static int fail_with(const struct sum *sum, int64_t *at, char *why)
{
	snprintf(why, WHY, "%s", sum->why);
	if (at)
		*at = sum->at;
	return sum->error;
}

static int search(void *state, const struct source_query *q, release_fn *fn, void *arg, int64_t *at,
		  char *why)
{
	struct torznab *t = state;
	struct sum sum = {0};
	for (size_t i = 0; i < t->services.len; i++) {
		struct service *s = &t->services.data[i];
		_posts_ struct posts all = {0};
		char reason[WHY] = "";
		int64_t when = 0;
		size_t told;
		int r = ask(s, q->series, 0, &all, &when, reason);
		if (r == -ECANCELED)
			return r;
		if (r < 0) {
			add_failure(&sum, r, when, reason);
			continue;
		}
		r = posts_tell(&all, buf_str(&s->key), fn, arg, &told);
		if (r < 0)
			return r;
		sum.answered++;
		sum.told += told;
	}
	/* nothing from some says nothing about those that did not answer */
	return sum.failed && !sum.told ? fail_with(&sum, at, why) : 0;
}

static int recent(void *state, struct buf *mark, release_fn *fn, void *arg, int64_t *at, char *why)
{
	struct torznab *t = state;
	struct sum sum = {0};
	_free_ struct feed_named_mark *marks = calloc(t->services.len + 1, sizeof *marks);
	if (!marks)
		return -ENOMEM;
	for (size_t i = 0; i < t->services.len; i++) {
		struct service *s = &t->services.data[i];
		struct feed feed = {
			.page = read_page,
			.arg = s,
			.key = buf_str(&s->key),
			.has_pages = true,
			.now = net_now(t->net),
			.fn = fn,
			.fn_arg = arg,
		};
		char reason[WHY] = "";
		int64_t when = 0;
		size_t read;
		marks[i].name = s->name;
		feed_mark_get(mark, s->name, &marks[i].mark);
		int r = feed_read(&feed, &marks[i].mark, &read, &when, reason);
		if (r < 0)
			add_failure(&sum, r, when, reason);
		else
			sum.answered++;
	}
	feed_marks_set(mark, marks, t->services.len);
	if (buf_error(mark))
		return buf_error(mark);
	return sum.failed && !sum.answered ? fail_with(&sum, at, why) : 0;
}

/* --- fetching --- */

struct wanted {
	const char *guid;
	bool is_found;
};

static int compare(void *arg, const struct release *r)
{
	struct wanted *w = arg;
	w->is_found = strcmp(r->guid, w->guid) == 0;
	return 0;
}

/** The post of a release, which was told without its keys. */
static const struct post *find(const struct posts *all, const struct service *s, const char *guid)
{
	for (size_t i = 0; i < all->len; i++) {
		struct wanted w = {.guid = guid};
		struct posts one = {&all->data[i], 1, 1};
		size_t told;
		posts_tell(&one, buf_str(&s->key), compare, &w, &told);
		if (w.is_found)
			return &all->data[i];
	}
	return NULL;
}

static int get_link(struct service *s, struct handover *h, const struct post *post, char *why)
{
	const char *const links[] = {post->magnet, post->link};
	for (size_t i = 0; i < COUNT_OF(links); i++)
		if (post_is_magnet(links[i]))
			return source_magnet(h, links[i]);
	const char *link = post->link ? post->link : post->magnet;
	if (!post_is_address(link)) {
		snprintf(why, WHY, "%s gives no address for it", s->name);
		return -ENOENT;
	}
	/* only the host that the configuration names is called; others are the client's to call */
	if (h->release.protocol == PROTOCOL_USENET || !url_same_host(link, s->address))
		return buf_adds(&h->link, link);
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	struct http_request q = {.url = link, .most = SOURCE_TORRENT_MOST, .timeout_ms = PATIENCE_MS};
	int r = net_do(s->all->net, s->host, &q, &a, NULL);
	if (r < 0) {
		snprintf(why, WHY, "%s: %s", s->name, a.why);
		return r;
	}
	if (a.status >= 300 && a.status <= 399 && post_is_magnet(a.location))
		return source_magnet(h, a.location);
	r = source_status(&a, s->name, why);
	return r < 0 ? r : source_torrent(h, &a, s->name, why);
}

static int fetch(void *state, struct handover *h, char *why)
{
	struct torznab *t = state;
	struct service *s = NULL;
	if (post_is_magnet(h->release.link))
		return source_magnet(h, h->release.link);
	for (size_t i = 0; i < t->services.len; i++)
		if (strcmp(t->services.data[i].name, h->release.indexer) == 0)
			s = &t->services.data[i];
	if (!s) {
		snprintf(why, WHY, "the feed %.60s is no longer configured", h->release.indexer);
		return -ENOENT;
	}
	_posts_ struct posts all = {0};
	int r = ask(s, h->release.title, 0, &all, NULL, why);
	if (r < 0)
		return r;
	const struct post *post = find(&all, s, h->release.guid);
	if (!post) {
		snprintf(why, WHY, "%s does not list it any longer", s->name);
		return -ENOENT;
	}
	return get_link(s, h, post, why);
}

const struct source source_torznab = {
	.name = "torznab",
	.feed_interval = OPT_torznab_feed,
	.open = open_torznab,
	.close = close_torznab,
	.search = search,
	.recent = recent,
	.fetch = fetch,
};
