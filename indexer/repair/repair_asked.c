/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the provider said of torrents within the work that goes on: when the next call of it must wait for its slot, the work
 * begins again then, and what was answered is not asked again.  Else two calls that belong together never both find a slot
 * where calls are far apart.
 */
#include <errno.h>
#include <stdio.h>

#include "common/clock.h"
#include "indexer/repair/repair_private.h"

enum {
	/** It is asked anew after so long: ten insertions take turns, 30 s apart at worst. */
	KEPT_S = 600,
	KEPT_MOST = 64,
};

static void drop(struct repair *r, size_t i)
{
	provider_torrent_clear(&r->asked.data[i].torrent);
	r->asked.data[i] = r->asked.data[--r->asked.len];
}

static struct asked *find(struct repair *r, const struct open_provider *p, const char *id)
{
	int64_t now = repair_now(r);
	for (size_t i = 0; i < r->asked.len; i++) {
		struct asked *a = &r->asked.data[i];
		if (a->provider != p->provider || strcmp(a->id, id) != 0)
			continue;
		if (now >= a->at && now - a->at < KEPT_S * NS_PER_S)
			return a;
		drop(r, i);
		break;
	}
	return NULL;
}

int repair_ask(struct repair *r, struct open_provider *p, const char *hash, const char *id,
	       const struct provider_torrent **out, struct provider_error *e)
{
	struct asked *a = find(r, p, id);
	*out = NULL;
	if (!a) {
		struct asked now = {.provider = p->provider, .at = repair_now(r)};
		snprintf(now.id, sizeof now.id, "%s", id);
		snprintf(now.hash, sizeof now.hash, "%s", hash);
		now.result = p->provider->info(p->state, id, &now.torrent, e);
		if (now.result < 0 && e->class != PROVIDER_GONE) {
			provider_torrent_clear(&now.torrent);
			return now.result;
		}
		now.error = *e;
		if (r->asked.len >= KEPT_MOST)
			drop(r, 0);
		a = vec_add(&r->asked);
		if (!a) {
			provider_torrent_clear(&now.torrent);
			return provider_fail(e, PROVIDER_WAIT, "no memory");
		}
		*a = now;
	}
	*e = a->error;
	*out = &a->torrent;
	return a->result;
}

void repair_forget_asked(struct repair *r, const char *hash)
{
	for (size_t i = r->asked.len; i-- > 0;)
		if (!hash || strcmp(r->asked.data[i].hash, hash) == 0)
			drop(r, i);
	if (!r->asked.len)
		vec_clear(&r->asked);
}
