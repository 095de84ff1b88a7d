/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Radarr: a film is a folder, and is rescanned and searched by its id. */
#include <errno.h>
#include <stdlib.h>

#include "indexer/repair/manager_servarr.h"

static void close_radarr(void *state)
{
	struct servarr *s = state;
	if (!s)
		return;
	servarr_clear(s);
	free(s);
}

static int open_radarr(const struct outside *o, const char *host, const char *address, const char *key, void **state,
		       char *why)
{
	*state = NULL;
	struct servarr *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	int r = servarr_open(s, o, "Radarr", host, address, key, "/api/v3/movie", why);
	if (r < 0) {
		close_radarr(s);
		return r;
	}
	*state = s;
	return 0;
}

static int find(void *state, const char *path, struct manager_item *item, char *why)
{
	return servarr_find(state, path, item, why);
}

static int ready(void *state, const struct manager_item *item, char *why)
{
	return servarr_ready(state, item, why);
}

static int tell(void *state, enum manager_act act, const struct manager_item *item, struct manager_command *c,
		char *why)
{
	return servarr_order(state, act == MANAGER_RESCAN ? SERVARR_RESCAN_MOVIE : SERVARR_SEARCH_MOVIES, &item->id, 1,
			     c, why);
}

static int follow(void *state, int64_t command, struct manager_command *c, char *why)
{
	return servarr_follow(state, command, c, why);
}

const struct manager_kind manager_radarr = {
	.name = "radarr",
	.instances = OPT_radarr_instances,
	.open = open_radarr,
	.close = close_radarr,
	.find = find,
	.ready = ready,
	.tell = tell,
	.follow = follow,
	.can_search = true,
};
