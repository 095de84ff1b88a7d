/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/repair/manager_places.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

#define LIST_AGE (300 * NS_PER_S)

enum { PLACES_MOST = 1000 };

void places_clear(struct places *p)
{
	vec_clear(&p->list);
	manager_web_clear(&p->web);
}

int places_add(struct places *p, int64_t id, const char *title, const char *path)
{
	struct place told = {.id = id};
	if (!manager_is_id(id) || !manager_web_path(&p->web, path, told.path, sizeof told.path))
		return 0;
	if (p->list.len >= PLACES_MOST)
		return -E2BIG;
	manager_web_text(&p->web, title, told.title, sizeof told.title);
	struct place *place = vec_add(&p->list);
	if (!place)
		return -ENOMEM;
	*place = told;
	return 0;
}

static int list(struct places *p, bool is_fresh, char *why)
{
	int64_t now = net_now(p->web.net);
	if (!is_fresh && p->listed_at && now >= p->listed_at && now - p->listed_at < LIST_AGE)
		return 0;
	vec_clear(&p->list);
	p->listed_at = 0;
	int r = p->read(p, why);
	if (r < 0) {
		vec_clear(&p->list);
		return r == -ENOENT ? -EPROTO : r;
	}
	p->listed_at = now;
	return 0;
}

int places_find(struct places *p, const char *path, bool is_fresh, const struct place **out, char *why)
{
	size_t longest = 0;
	*out = NULL;
	int r = list(p, is_fresh, why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->list.len; i++) {
		size_t n = manager_below(p->list.data[i].path, path);
		if (n > longest && path[n]) {
			longest = n;
			*out = &p->list.data[i];
		}
	}
	if (*out)
		return 0;
	snprintf(why, WHY, "%s has no library with that path", p->web.who);
	return -ENOENT;
}

int places_ready(struct places *p, const struct manager_item *item, char *why)
{
	const struct place *place;
	int r = places_find(p, item->path, true, &place, why);
	return r == -ENOENT ? -ENODEV : r;
}
