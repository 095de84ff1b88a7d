/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Sonarr.  A series is rescanned as a whole; a search is of episodes that are named one by one: those of the file
 * at the path, or, when Sonarr has forgotten that file, those that the path itself tells and that lack one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "indexer/repair/manager_servarr.h"
#include "indexer/repair/season.h"

enum {
	/** More than that is no file and no season, and every one is a search. */
	PARTS_MOST = 100,
};

static void close_sonarr(void *state)
{
	struct servarr *s = state;
	if (!s)
		return;
	servarr_clear(s);
	free(s);
}

static int open_sonarr(const struct outside *o, const char *host, const char *address, const char *key, void **state,
		       char *why)
{
	*state = NULL;
	struct servarr *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	int r = servarr_open(s, o, "Sonarr", host, address, key, "/api/v3/series", why);
	if (r < 0) {
		close_sonarr(s);
		return r;
	}
	*state = s;
	return 0;
}

/* --- the episodes of a path --- */

struct wanted {
	/** As the instance knows it. */
	const char *path;
	struct manager_item *item;
	struct servarr *s;
	/** Of the file; 0 when there is none. */
	int64_t file;
	/** What the path says, and what has been shown until now (RFC 3339). */
	struct season season;
	struct buf now;
};

static int look_at_file(void *arg, const struct js *v)
{
	struct wanted *w = arg;
	char path[4096];
	int64_t id = js_int(v, "id", 0);
	if (manager_is_id(id) && manager_web_path(&w->s->web, js_text(v, "path"), path, sizeof path) &&
	    strcmp(path, w->path) == 0)
		w->file = id;
	return 0;
}

static bool is_said(const struct wanted *w, const struct js *v)
{
	const struct season *said = &w->season;
	int64_t number = js_int(v, "episodeNumber", -1);
	const char *shown = js_text(v, "airDateUtc");
	if (js_bool(v, "hasFile", false) || js_int(v, "episodeFileId", 0) != 0 ||
	    js_int(v, "seasonNumber", -1) != said->number)
		return false;
	if (said->first)
		return number >= said->first && number <= said->last;
	return *shown && strcmp(shown, buf_str(&w->now)) <= 0;
}

static int look_at_episode(void *arg, const struct js *v)
{
	struct wanted *w = arg;
	int64_t id = js_int(v, "id", 0);
	bool is_wanted = w->file ? js_int(v, "episodeFileId", 0) == w->file : is_said(w, v);
	if (!is_wanted || !manager_is_id(id))
		return 0;
	if (w->item->parts.len >= PARTS_MOST)
		return -E2BIG;
	int64_t *part = vec_add(&w->item->parts);
	if (!part)
		return -ENOMEM;
	*part = id;
	return 0;
}

static int find_episodes(struct wanted *w, char *why)
{
	char path[64];
	long long series = w->item->id;
	snprintf(path, sizeof path, "/api/v3/episodefile?seriesId=%lld", series);
	int r = manager_web_each(&w->s->web, path, look_at_file, w, why);
	if (r < 0)
		return r;
	const char *rest = w->path + manager_below(w->item->path, w->path);
	if (!w->file && (!*rest || !season_of_path(rest + 1, &w->season)))
		return 0;
	snprintf(path, sizeof path, "/api/v3/episode?seriesId=%lld", series);
	r = manager_web_each(&w->s->web, path, look_at_episode, w, why);
	if (r < 0)
		vec_clear(&w->item->parts);
	return r == -E2BIG ? 0 : r;
}

static int find(void *state, const char *path, struct manager_item *item, char *why)
{
	struct wanted w = {.path = path, .item = item, .s = state, .now = BUF_INIT(64)};
	int r = servarr_find(state, path, item, why);
	if (r < 0)
		return r;
	time_rfc3339(net_now(w.s->web.net), &w.now);
	r = find_episodes(&w, why);
	buf_clear(&w.now);
	/* the series itself is there: an answer that is missing is no "nothing at that path" */
	return r == -ENOENT ? -EPROTO : r;
}

/* --- orders --- */

static int ready(void *state, const struct manager_item *item, char *why)
{
	return servarr_ready(state, item, why);
}

static int tell(void *state, enum manager_act act, const struct manager_item *item, struct manager_command *c,
		char *why)
{
	if (act == MANAGER_RESCAN)
		return servarr_order(state, SERVARR_RESCAN_SERIES, &item->id, 1, c, why);
	if (item->parts.len == 0) {
		*c = (struct manager_command){0};
		snprintf(why, WHY, "Sonarr knows no episode for that path which could be searched");
		return -ENOENT;
	}
	return servarr_order(state, SERVARR_SEARCH_EPISODES, item->parts.data, item->parts.len, c, why);
}

static int follow(void *state, int64_t command, struct manager_command *c, char *why)
{
	return servarr_follow(state, command, c, why);
}

const struct manager_kind manager_sonarr = {
	.name = "sonarr",
	.instances = OPT_sonarr_instances,
	.open = open_sonarr,
	.close = close_sonarr,
	.find = find,
	.ready = ready,
	.tell = tell,
	.follow = follow,
	.can_search = true,
};
