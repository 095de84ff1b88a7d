/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/repair/manager_servarr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/render.h"
#include "common/text.h"
#include "indexer/net/url.h"

/** Lists are long, and repairs come in crowds. */
#define LIST_AGE (300 * NS_PER_S)

enum {
	ITEMS_MOST = 200000,
	/** Ids in one order: more than the files of one season are no item. */
	IDS_MOST = 100,
};

int servarr_open(struct servarr *s, const struct outside *o, const char *who, const char *host, const char *address,
		 const char *key, const char *items_path, char *why)
{
	*s = (struct servarr){.items_path = items_path};
	return manager_web_open(&s->web, o, who, host, address, "X-Api-Key: %s", key, why);
}

static void forget_items(struct servarr *s)
{
	for (size_t i = 0; i < s->items.len; i++) {
		free(s->items.data[i].path);
		free(s->items.data[i].title);
	}
	vec_clear(&s->items);
	s->listed_at = 0;
}

void servarr_clear(struct servarr *s)
{
	forget_items(s);
	manager_web_clear(&s->web);
}

/* --- the item of a path --- */

/** What cannot be named or told apart is as if it were not there. */
static int keep_item(void *arg, const struct js *v)
{
	struct servarr *s = arg;
	struct manager_item told = {.id = js_int(v, "id", 0)};
	if (!manager_is_id(told.id) || !manager_web_path(&s->web, js_text(v, "path"), told.path, sizeof told.path))
		return 0;
	if (s->items.len >= ITEMS_MOST)
		return -E2BIG;
	manager_web_text(&s->web, js_text(v, "title"), told.title, sizeof told.title);
	struct servarr_item *item = vec_add(&s->items);
	if (!item)
		return -ENOMEM;
	*item = (struct servarr_item){.id = told.id, .path = strdup(told.path), .title = strdup(told.title)};
	return item->path && item->title ? 0 : -ENOMEM;
}

static int list_items(struct servarr *s, char *why)
{
	int64_t now = net_now(s->web.net);
	if (s->listed_at && now >= s->listed_at && now - s->listed_at < LIST_AGE)
		return 0;
	forget_items(s);
	int r = manager_web_each(&s->web, s->items_path, keep_item, s, why);
	if (r < 0)
		forget_items(s);
	else
		s->listed_at = now;
	return r;
}

int servarr_find(struct servarr *s, const char *path, struct manager_item *item, char *why)
{
	const struct servarr_item *best = NULL;
	size_t longest = 0;
	int r = list_items(s, why);
	if (r < 0)
		return r == -ENOENT ? -EPROTO : r;
	for (size_t i = 0; i < s->items.len; i++) {
		size_t n = manager_below(s->items.data[i].path, path);
		if (n > longest) {
			longest = n;
			best = &s->items.data[i];
		}
	}
	if (!best) {
		snprintf(why, WHY, "%s has nothing at that path", s->web.who);
		return -ENOENT;
	}
	item->id = best->id;
	snprintf(item->title, sizeof item->title, "%s", best->title);
	snprintf(item->path, sizeof item->path, "%s", best->path);
	return 0;
}

/* --- its root folder --- */

struct root {
	struct servarr *s;
	const char *path;
	char best[1024];
	bool is_accessible;
};

static int look_at_root(void *arg, const struct js *v)
{
	struct root *r = arg;
	char path[sizeof r->best];
	if (!manager_web_path(&r->s->web, js_text(v, "path"), path, sizeof path))
		return 0;
	if (manager_below(path, r->path) > strlen(r->best)) {
		snprintf(r->best, sizeof r->best, "%s", path);
		r->is_accessible = js_bool(v, "accessible", false);
	}
	return 0;
}

/** What it sees in the folder: the slash at the end makes it list the folder itself. */
static int is_filled(struct servarr *s, const char *folder, char *why)
{
	_buf_ struct buf path = BUF_INIT(16384);
	_buf_ struct buf slash = BUF_INIT(2048);
	_js_ struct js *v = NULL;
	buf_addf(&slash, "%s/", folder);
	buf_adds(&path, "/api/v3/filesystem");
	url_query(&path, "path", buf_str(&slash));
	url_query(&path, "includeFiles", "false");
	int r = manager_web_object(&s->web, buf_str(&path), NULL, &v, why);
	if (r < 0)
		return r == -ENOENT ? -EPROTO : r;
	if (js_count(js_get(v, "directories")) > 0)
		return 0;
	snprintf(why, WHY, "the root folder that %s sees is empty", s->web.who);
	return -ENODEV;
}

int servarr_ready(struct servarr *s, const struct manager_item *item, char *why)
{
	struct root root = {.s = s, .path = item->path};
	int r = manager_web_each(&s->web, "/api/v3/rootfolder", look_at_root, &root, why);
	if (r < 0)
		return r == -ENOENT ? -EPROTO : r;
	if (!root.best[0]) {
		snprintf(why, WHY, "%s has no root folder for that item", s->web.who);
		return -ENODEV;
	}
	if (!root.is_accessible) {
		snprintf(why, WHY, "%s cannot reach its root folder", s->web.who);
		return -ENODEV;
	}
	return is_filled(s, root.best, why);
}

/* --- commands --- */

static const struct {
	const char *name, *ids;
	bool is_list;
} ORDERS[SERVARR_COMMANDS] = {
	[SERVARR_RESCAN_SERIES] = {"RescanSeries", "seriesId", false},
	[SERVARR_SEARCH_EPISODES] = {"EpisodeSearch", "episodeIds", true},
	[SERVARR_RESCAN_MOVIE] = {"RescanMovie", "movieId", false},
	[SERVARR_SEARCH_MOVIES] = {"MoviesSearch", "movieIds", true},
};

static bool is_order(enum servarr_command command, const int64_t *ids, size_t n)
{
	if (command < 0 || command >= SERVARR_COMMANDS || n == 0 || n > IDS_MOST || (n > 1 && !ORDERS[command].is_list))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!manager_is_id(ids[i]))
			return false;
	return true;
}

static void write_order(enum servarr_command command, const int64_t *ids, size_t n, struct buf *body)
{
	struct json j;
	json_init(&j, body, 0);
	json_object(&j);
	json_kv_text(&j, "name", ORDERS[command].name);
	json_key(&j, ORDERS[command].ids);
	if (ORDERS[command].is_list)
		json_array(&j);
	for (size_t i = 0; i < n; i++)
		json_int(&j, ids[i]);
	if (ORDERS[command].is_list)
		json_end_array(&j);
	json_end_object(&j);
}

/** A command as it is told of; false when it is none. */
static bool read_command(struct servarr *s, const struct js *v, struct manager_command *c)
{
	const char *said = js_text(v, "exception");
	*c = (struct manager_command){.id = js_int(v, "id", 0)};
	manager_web_text(&s->web, js_text(v, "status"), c->state, sizeof c->state);
	manager_web_text(&s->web, *said ? said : js_text(v, "message"), c->text, sizeof c->text);
	return manager_is_id(c->id) && c->state[0];
}

int servarr_order(struct servarr *s, enum servarr_command command, const int64_t *ids, size_t n,
		  struct manager_command *c, char *why)
{
	_buf_ struct buf body = BUF_INIT(4096);
	_js_ struct js *v = NULL;
	*c = (struct manager_command){0};
	if (!is_order(command, ids, n)) {
		snprintf(why, WHY, "%s is given no order without a valid id", s->web.who);
		return -EINVAL;
	}
	write_order(command, ids, n, &body);
	if (buf_error(&body))
		return buf_error(&body);
	int r = manager_web_object(&s->web, "/api/v3/command", &body, &v, why);
	if (r < 0)
		return r == -ENOENT ? -EPROTO : r;
	if (!read_command(s, v, c)) {
		snprintf(why, WHY, "%s did not say that it took the order", s->web.who);
		return -EPROTO;
	}
	return 0;
}

int servarr_follow(struct servarr *s, int64_t command, struct manager_command *c, char *why)
{
	char path[64];
	_js_ struct js *v = NULL;
	*c = (struct manager_command){0};
	if (!manager_is_id(command)) {
		snprintf(why, WHY, "%s is not asked for an order without a number", s->web.who);
		return -EINVAL;
	}
	snprintf(path, sizeof path, "/api/v3/command/%lld", (long long)command);
	int r = manager_web_object(&s->web, path, NULL, &v, why);
	if (r < 0)
		return r;
	if (!read_command(s, v, c) || c->id != command) {
		snprintf(why, WHY, "%s tells nothing of that order", s->web.who);
		return -EPROTO;
	}
	return 0;
}
