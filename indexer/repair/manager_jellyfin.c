/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Jellyfin: it is told that one path has changed, and looks there by itself some time later. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/text.h"
#include "indexer/repair/manager_places.h"

struct reading {
	struct places *p;
	/** Its own ids are no numbers, and none is needed: the place in the list stands for them. */
	int64_t number;
};

static int read_library(void *arg, const struct js *v)
{
	struct reading *reading = arg;
	const struct js *folders = js_get(v, "Locations");
	int r = 0;
	reading->number++;
	for (size_t i = 0; r == 0 && i < js_count(folders); i++)
		r = places_add(reading->p, reading->number, js_text(v, "Name"), js_own_text(js_at(folders, i)));
	return r;
}

static int read_libraries(struct places *p, char *why)
{
	struct reading reading = {.p = p};
	return manager_web_each(&p->web, "/Library/VirtualFolders", read_library, &reading, why);
}

static void close_jellyfin(void *state)
{
	struct places *p = state;
	if (!p)
		return;
	places_clear(p);
	free(p);
}

static int open_jellyfin(const struct outside *o, const char *host, const char *address, const char *key, void **state,
			 char *why)
{
	*state = NULL;
	struct places *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->read = read_libraries;
	int r = manager_web_open(&p->web, o, "Jellyfin", host, address, "Authorization: MediaBrowser Token=\"%s\"", key,
				 why);
	if (r < 0) {
		close_jellyfin(p);
		return r;
	}
	*state = p;
	return 0;
}

static int find(void *state, const char *path, struct manager_item *item, char *why)
{
	const struct place *place;
	/* its path is sent as JSON, which has no bytes: another path would be told of */
	if (strlen(path) >= sizeof item->path || !text_is_utf8(path, strlen(path))) {
		snprintf(why, WHY, "Jellyfin: the path is too long, or no UTF-8");
		return -ENOENT;
	}
	int r = places_find(state, path, false, &place, why);
	if (r < 0)
		return r;
	item->id = place->id;
	snprintf(item->title, sizeof item->title, "%s", place->title);
	snprintf(item->path, sizeof item->path, "%s", path);
	return 0;
}

static int ready(void *state, const struct manager_item *item, char *why)
{
	return places_ready(state, item, why);
}

static void write_update(const char *path, struct buf *body)
{
	struct json j;
	json_init(&j, body, 0);
	json_object(&j);
	json_key(&j, "Updates");
	json_array(&j);
	json_object(&j);
	json_kv_text(&j, "Path", path);
	json_kv_text(&j, "UpdateType", "Created");
	json_end_object(&j);
	json_end_array(&j);
	json_end_object(&j);
}

static int tell(void *state, enum manager_act act, const struct manager_item *item, struct manager_command *c,
		char *why)
{
	struct places *p = state;
	const struct place *place;
	_buf_ struct buf body = BUF_INIT(16384);
	_answer_ struct http_answer a = HTTP_ANSWER_INIT;
	*c = (struct manager_command){0};
	if (act != MANAGER_RESCAN) {
		snprintf(why, WHY, "Jellyfin does not search");
		return -ENOTSUP;
	}
	/* strictly below the folder of a library: never all of it */
	int r = places_find(p, item->path, false, &place, why);
	if (r < 0)
		return r;
	write_update(item->path, &body);
	if (buf_error(&body))
		return buf_error(&body);
	r = manager_web_ask(&p->web, "/Library/Media/Updated", &body, &a, why);
	return r == -ENOENT ? -EPROTO : r;
}

const struct manager_kind manager_jellyfin = {
	.name = "jellyfin",
	.instances = OPT_jellyfin_instances,
	.open = open_jellyfin,
	.close = close_jellyfin,
	.find = find,
	.ready = ready,
	.tell = tell,
};
