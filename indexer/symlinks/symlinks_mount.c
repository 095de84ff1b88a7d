/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The mount, before and after a look. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "indexer/symlinks/symlinks_private.h"

enum {
	ANCHORS = 16,
	/** That the mount was looked at is kept so often, when nothing else is to be kept of it. */
	HEALTH_S = 3600,
};

static int take_health(void *arg, const struct store_mount_health *h)
{
	struct look *l = arg;
	if (strcmp(h->path, places_mount(l->s->places)) != 0)
		return 0;
	snprintf(l->known.path, sizeof l->known.path, "%s", h->path);
	snprintf(l->known.state, sizeof l->known.state, "%s", h->state);
	snprintf(l->known.reason, sizeof l->known.reason, "%s", h->reason);
	snprintf(l->known.fstype, sizeof l->known.fstype, "%s", h->fstype);
	l->known.since = h->since;
	l->known.looked_at = h->looked_at;
	return 0;
}

static int take_anchor(void *arg, struct bytes path)
{
	struct look *l = arg;
	const char **slot = vec_add(&l->anchors);
	if (!slot)
		return -ENOMEM;
	*slot = texts_add(&l->anchor_texts, path.data, path.len);
	return *slot ? 0 : -ENOMEM;
}

int look_load_health(struct look *l)
{
	int r = store_mount_health(l->s->store, take_health, l);
	if (r == 0 && l->has_mount)
		r = store_link_anchors(l->s->store, ANCHORS, take_anchor, l);
	return r;
}

int look_ask_health(struct look *l, bool again)
{
	struct health_known known = {.mount_id = again ? l->facts.mount_id : 0};
	struct mount_facts facts = {0};
	if (!l->has_mount)
		return 0;
	snprintf(known.fstype, sizeof known.fstype, "%s", l->known.fstype);
	int r = looker_mount(l->s->looker, places_mount(l->s->places), l->anchors.data, l->anchors.len, &facts);
	if (r == -ECANCELED || r == -ENOMEM)
		return r;
	l->health = health_judge(r, &facts, &known);
	l->facts = facts;
	return 0;
}

/** What was seen between two answers counts only when both agree. */
int look_ask_health_again(struct look *l)
{
	struct health_verdict before = l->health;
	int r = look_ask_health(l, true);
	if (r < 0 || before.is_healthy == l->health.is_healthy)
		return r;
	if (before.is_healthy) {
		char reason[sizeof l->health.reason];
		snprintf(reason, sizeof reason, "it was healthy when the look began, and then not: %.180s",
			 l->health.reason);
		l->health = (struct health_verdict){.state = "flapping"};
		snprintf(l->health.reason, sizeof l->health.reason, "%s", reason);
	} else {
		/* it came back meanwhile: the next look will tell */
		l->health = before;
		l->health.is_loss = false;
	}
	return 0;
}

int look_keep_health(struct look *l)
{
	const struct health_verdict *h = &l->health;
	bool same = strcmp(l->known.state, h->state) == 0 && strcmp(l->known.reason, h->reason) == 0 &&
		    (!h->is_healthy || strcmp(l->known.fstype, l->facts.fstype) == 0);
	bool fresh = l->now - l->known.looked_at < HEALTH_S * NS_PER_S && l->now >= l->known.looked_at;
	if (!l->has_mount || (same && fresh))
		return 0;
	struct store_mount_health row = {
		.path = places_mount(l->s->places), .state = h->state, .reason = h->reason,
		/* what it was when it was healthy is what it is compared with */
		.fstype = h->is_healthy ? l->facts.fstype : l->known.fstype, .looked_at = l->now,
		.since = strcmp(l->known.state, h->state) == 0 ? l->known.since : l->now,
		.entries = l->facts.entries,
	};
	l->changes += !same;
	return sights_health(l->sights, &row);
}
