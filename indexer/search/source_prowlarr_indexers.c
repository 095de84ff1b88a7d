/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Prowlarr's indexers, and whether they answer.  It swallows their failures: an empty list of
 * results says nothing until it is known that those who were asked are there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"
#include "indexer/net/json.h"
#include "indexer/search/source_post.h"
#include "indexer/search/source_prowlarr.h"
#include "indexer/search/source_status.h"

/** An empty answer is not judged by an older list. */
#define LIST_AGE (3600 * NS_PER_S)

static void cleanup_js(struct js **v)
{
	js_free(*v);
}

#define _js_ __attribute__((cleanup(cleanup_js), unused))

void prowlarr_host(int64_t indexer, char name[LIMIT_NAME])
{
	snprintf(name, LIMIT_NAME, "prowlarr:%lld", (long long)indexer);
}

/** A list of Prowlarr's own; 0 with *out, or as prowlarr_get(). */
static int get_array(struct prowlarr *p, const char *path, struct js **out, int64_t *at, char *why)
{
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	char detail[160] = "";
	int r = prowlarr_get(p, path, 0, HTTP_MOST, &a, at, why);
	if (r < 0)
		return r;
	_js_ struct js *all = NULL;
	if (js_parse(buf_str(&a.body), a.body.len, &all, detail) < 0 || !js_is_array(all)) {
		snprintf(why, WHY, "Prowlarr's list of indexers cannot be read");
		return -EPROTO;
	}
	*out = all;
	all = NULL;
	return 0;
}

static void read_indexer(const struct js *v, struct indexer *i)
{
	_buf_ struct buf name = BUF_INIT(256);
	const char *text = js_text(v, "name");
	text_clean(text, strlen(text), sizeof i->name - 1, &name);
	snprintf(i->name, sizeof i->name, "%s", buf_str(&name));
	i->id = js_int(v, "id", 0);
	i->protocol = strcmp(js_text(v, "protocol"), "usenet") == 0 ? PROTOCOL_USENET : PROTOCOL_TORRENT;
	i->is_on = js_bool(v, "enable", true);
	i->has_search = js_bool(v, "supportsSearch", true);
	i->has_feed = js_bool(v, "supportsRss", true);
	i->has_pages = js_bool(v, "supportsPagination", false);
}

static int declare(struct prowlarr *p, const struct indexer *i)
{
	char host[LIMIT_NAME];
	prowlarr_host(i->id, host);
	/* how many calls there may be is Prowlarr's budget; this one knows pauses and failures */
	return limit_declare(p->net->limit, host, &(struct limit_rule){0});
}

static int take_list(struct prowlarr *p, const struct js *all)
{
	struct indexer *list = calloc(js_count(all) + 1, sizeof *list);
	size_t n = 0;
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < js_count(all) && n < PROWLARR_INDEXERS; i++) {
		read_indexer(js_at(all, i), &list[n]);
		const struct indexer *old = prowlarr_indexer(p, list[n].id);
		list[n].is_due = old && old->is_due;
		if (list[n].id > 0 && declare(p, &list[n]) == 0)
			n++;
		else
			list[n] = (struct indexer){0};
	}
	free(p->indexers);
	p->indexers = list;
	p->count = n;
	p->listed_at = net_now(p->net);
	return 0;
}

int prowlarr_list(struct prowlarr *p, int64_t age, int64_t *at, char *why)
{
	int64_t now = net_now(p->net);
	if (p->listed_at && now >= p->listed_at && now - p->listed_at <= age)
		return 0;
	_js_ struct js *all = NULL;
	int r = get_array(p, "/api/v1/indexer", &all, at, why);
	return r < 0 ? r : take_list(p, all);
}

struct indexer *prowlarr_indexer(struct prowlarr *p, int64_t id)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->indexers[i].id == id)
			return &p->indexers[i];
	return NULL;
}

bool prowlarr_is_wanted(const struct prowlarr *p, const struct indexer *i)
{
	size_t n = config_count(p->config, OPT_prowlarr_indexers);
	if (!i->is_on)
		return false;
	for (size_t k = 0; k < n; k++) {
		int64_t id = strtoll(config_item(p->config, OPT_prowlarr_indexers, k), NULL, 10);
		if (id == i->id || (id == -1 && i->protocol == PROTOCOL_USENET) ||
		    (id == -2 && i->protocol == PROTOCOL_TORRENT))
			return true;
	}
	return n == 0;
}

/** A row is there while an indexer fails; one whose date cannot be read is taken at its word. */
static bool is_away(const struct js *row, int64_t now)
{
	int64_t till = post_date(js_text(row, "disabledTill"));
	return till ? till > now : *js_text(row, "disabledTill") || !*js_text(row, "mostRecentFailure");
}

int prowlarr_ask_away(struct prowlarr *p, int64_t *at, char *why)
{
	_js_ struct js *all = NULL;
	int r = get_array(p, "/api/v1/indexerstatus", &all, at, why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->count; i++)
		p->indexers[i].is_away = false;
	for (size_t k = 0; k < js_count(all); k++) {
		struct indexer *i = prowlarr_indexer(p, js_int(js_at(all, k), "indexerId", 0));
		if (i)
			i->is_away = is_away(js_at(all, k), net_now(p->net));
	}
	return 0;
}

int prowlarr_believe(struct prowlarr *p, int64_t *at, char *why)
{
	int r = prowlarr_list(p, LIST_AGE, at, why);
	if (r == 0)
		r = prowlarr_ask_away(p, at, why);
	if (r < 0)
		return r;
	_buf_ struct buf names = BUF_INIT(160);
	size_t asked = 0, away = 0;
	for (size_t i = 0; i < p->count; i++) {
		if (!prowlarr_is_wanted(p, &p->indexers[i]) || !p->indexers[i].has_search)
			continue;
		asked++;
		if (p->indexers[i].is_away)
			buf_addf(&names, "%s%s", away++ ? ", " : "", p->indexers[i].name);
	}
	if (!asked)
		snprintf(why, WHY, "none of the indexers that are wanted is on in Prowlarr");
	else if (away)
		snprintf(why, WHY, "nothing came, but %zu of %zu indexers are away: %s%s", away, asked,
			 buf_str(&names), names.error ? ", …" : "");
	return asked && !away ? 0 : -EBUSY;
}
