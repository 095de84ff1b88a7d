/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Plex.  It refreshes a folder of a library; the folder of a library itself would be all of it, so that a file that
 * lies there directly cannot be told of.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/net/url.h"
#include "indexer/repair/manager_places.h"

static int read_section(struct places *p, const struct js *section)
{
	const struct js *folders = js_get(section, "Location");
	int r = 0;
	for (size_t i = 0; r == 0 && i < js_count(folders); i++)
		r = places_add(p, js_int(section, "key", 0), js_text(section, "title"),
			       js_text(js_at(folders, i), "path"));
	return r;
}

static int read_sections(struct places *p, char *why)
{
	_js_ struct js *v = NULL;
	int r = manager_web_object(&p->web, "/library/sections", NULL, &v, why);
	if (r < 0)
		return r;
	const struct js *container = js_get(v, "MediaContainer"), *all = js_get(container, "Directory");
	if (!js_is_object(container)) {
		snprintf(why, WHY, "Plex's answer is no list of libraries");
		return -EPROTO;
	}
	for (size_t i = 0; r == 0 && i < js_count(all); i++)
		r = read_section(p, js_at(all, i));
	if (r < 0)
		snprintf(why, WHY, "Plex's libraries cannot be kept");
	return r;
}

static void close_plex(void *state)
{
	struct places *p = state;
	if (!p)
		return;
	places_clear(p);
	free(p);
}

static int open_plex(const struct outside *o, const char *host, const char *address, const char *key, void **state,
		     char *why)
{
	*state = NULL;
	struct places *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->read = read_sections;
	int r = manager_web_open(&p->web, o, "Plex", host, address, "X-Plex-Token: %s", key, why);
	if (r < 0) {
		close_plex(p);
		return r;
	}
	*state = p;
	return 0;
}

static int find(void *state, const char *path, struct manager_item *item, char *why)
{
	const struct place *place;
	char folder[sizeof item->path];
	const char *end = strrchr(path, '/');
	if (!end || (size_t)(end - path) >= sizeof folder) {
		snprintf(why, WHY, "Plex: the path is too long");
		return -ENOENT;
	}
	snprintf(folder, sizeof folder, "%.*s", (int)(end - path), path);
	int r = places_find(state, folder, false, &place, why);
	if (r < 0)
		return r;
	item->id = place->id;
	snprintf(item->title, sizeof item->title, "%s", place->title);
	snprintf(item->path, sizeof item->path, "%s", folder);
	return 0;
}

static int ready(void *state, const struct manager_item *item, char *why)
{
	return places_ready(state, item, why);
}

static int tell(void *state, enum manager_act act, const struct manager_item *item, struct manager_command *c,
		char *why)
{
	struct places *p = state;
	const struct place *place;
	_buf_ struct buf path = BUF_INIT(16384);
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	*c = (struct manager_command){0};
	if (act != MANAGER_RESCAN) {
		snprintf(why, WHY, "Plex does not search");
		return -ENOTSUP;
	}
	/* strictly below a folder of that very library, or it would be all of it */
	int r = places_find(p, item->path, false, &place, why);
	if (r < 0)
		return r;
	if (place->id != item->id) {
		snprintf(why, WHY, "Plex is given no order without a library and a folder in it");
		return -EINVAL;
	}
	buf_addf(&path, "/library/sections/%lld/refresh", (long long)item->id);
	url_query(&path, "path", item->path);
	if (buf_error(&path))
		return buf_error(&path);
	r = manager_web_ask(&p->web, buf_str(&path), NULL, &a, why);
	return r == -ENOENT ? -EPROTO : r;
}

const struct manager_kind manager_plex = {
	.name = "plex",
	.instances = OPT_plex_instances,
	.open = open_plex,
	.close = close_plex,
	.find = find,
	.ready = ready,
	.tell = tell,
};
