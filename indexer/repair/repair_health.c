/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The mount and the account, asked before and between repairs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_private.h"

enum {
	/** An answer of the mount counts for so long between items. */
	HEALTH_S = 2,
	ACCOUNT_S = 600,
	PAUSE_S = 60,
	ANCHORS = 16,
};

struct anchors {
	VEC(char *) path;
};

static int take_anchor(void *arg, struct bytes path)
{
	struct anchors *a = arg;
	char *copy = strndup(path.data, path.len);
	char **slot = copy ? vec_add(&a->path) : NULL;
	if (!slot) {
		free(copy);
		return -ENOMEM;
	}
	*slot = copy;
	return 0;
}

static int take_known(void *arg, const struct store_mount_health *h)
{
	struct repair *r = arg;
	if (!*r->known.fstype)
		snprintf(r->known.fstype, sizeof r->known.fstype, "%s", h->fstype);
	return 0;
}

void repair_health_begin(struct repair *r)
{
	r->known = (struct health_known){.fstype = ""};
	r->health_at = 0;
	store_mount_health(r->store, take_known, r);
}

static int add_hold(void *arg, const struct store_link_hold *row)
{
	*(int64_t *)arg += row->count;
	return 0;
}

/** A mount that lost so much that a person has to say whether it did is not one to act on, whatever it still shows. */
static void judge_holds(struct repair *r)
{
	int64_t held = 0;
	if (!r->health.is_healthy || store_link_holds(r->store, add_hold, &held) < 0 || !held)
		return;
	r->health = (struct health_verdict){.state = "held"};
	snprintf(r->health.reason, sizeof r->health.reason,
		 "%lld links are held: status/symlinks says how to confirm that loss", (long long)held);
}

/** The next look at the links will say what is missing; until then a mount that lacks a quarter of what was there is not
 * one to act on. */
static void judge_lack(struct repair *r, const struct mount_facts *f)
{
	if (!r->health.is_healthy || f->answered * 4 >= f->anchors * 3)
		return;
	r->health = (struct health_verdict){.state = "unknown"};
	snprintf(r->health.reason, sizeof r->health.reason, "only %d of %d files that were there are on the mount",
		 f->answered, f->anchors);
}

static void look(struct repair *r)
{
	struct anchors anchors = {0};
	struct mount_facts facts = {0};
	store_link_anchors(r->store, ANCHORS, take_anchor, &anchors);
	int error = looker_mount(r->looker, places_mount(r->places), (const char *const *)anchors.path.data,
				 anchors.path.len, &facts);
	r->health = health_judge(error, &facts, &r->known);
	if (r->health.is_healthy && !r->known.mount_id)
		r->known.mount_id = facts.mount_id;
	/* mounted anew: this look proves nothing, and the next one judges the mount that is there now */
	if (strcmp(r->health.state, "flapping") == 0)
		r->known.mount_id = 0;
	judge_holds(r);
	judge_lack(r, &facts);
	for (size_t i = 0; i < anchors.path.len; i++)
		free(anchors.path.data[i]);
	vec_clear(&anchors.path);
}

bool repair_is_healthy(struct repair *r, bool fresh)
{
	int64_t now = mono_ns();
	if (!r->places || !*places_mount(r->places)) {
		r->health = (struct health_verdict){.state = "unknown", .reason = "realdebrid.mount is not set"};
		return false;
	}
	if (fresh || !r->health_at || now - r->health_at > HEALTH_S * NS_PER_S) {
		look(r);
		r->health_at = now;
	}
	return r->health.is_healthy;
}

struct hand *repair_hand(struct repair *r, const char *root)
{
	for (size_t i = 0; i < r->hands.len; i++)
		if (strcmp(r->hands.data[i].root, root) == 0)
			return r->hands.data[i].hand;
	struct open_hand *h = vec_add(&r->hands);
	if (!h)
		return NULL;
	*h = (struct open_hand){.root = strdup(root)};
	if (!h->root || hand_new(root, &h->hand) < 0) {
		free(h->root);
		r->hands.len--;
		return NULL;
	}
	return h->hand;
}

/* --- the account --- */

struct open_provider *repair_provider(struct repair *r, const char *name)
{
	for (size_t i = 0; i < r->providers.len; i++)
		if (strcmp(r->providers.data[i].provider->name, name) == 0)
			return &r->providers.data[i];
	return NULL;
}

/** What is stopped stays so after a restart: only a person's order lets it go on. */
static void keep_stopped(struct repair *r, const struct open_provider *p)
{
	struct store_torrent_scan row = {.kind = "account", .state = p->is_stopped ? "stopped" : "ok",
					 .error = p->reason, .total = -1, .ended_at = repair_now(r)};
	repairs_scan(r->o.writer, &row);
}

static void stop(struct repair *r, struct open_provider *p, const char *why)
{
	if (p->is_stopped)
		return;
	p->is_stopped = true;
	p->account_at = 0;
	snprintf(p->reason, sizeof p->reason, "%s", why);
	log_error("%s: %s; nothing more is asked until somebody orders it", p->provider->name, why);
	keep_stopped(r, p);
	struct notice notice = {.kind = "stopped", .series = p->provider->name, .text = p->reason,
				.at = repair_now(r)};
	notify_put(r->o.notify, &notice);
}

void repair_let_go_on(struct repair *r)
{
	for (size_t i = 0; i < r->providers.len; i++) {
		struct open_provider *p = &r->providers.data[i];
		if (!p->is_stopped)
			continue;
		p->is_stopped = false;
		*p->reason = '\0';
		p->account_at = 0;
		keep_stopped(r, p);
	}
}

int repair_note_error(struct repair *r, struct open_provider *p, int error, const struct provider_error *e)
{
	int64_t now = repair_now(r);
	if (e->class == PROVIDER_STOP)
		stop(r, p, e->why);
	else if (e->class == PROVIDER_WAIT)
		p->closed_until = e->at > now ? e->at : now + PAUSE_S * NS_PER_S;
	return error;
}

bool repair_may_ask(struct repair *r, const struct open_provider *p, int64_t *at)
{
	int64_t now = repair_now(r);
	*at = 0;
	if (p->is_stopped)
		return false;
	/* a clock that was set back does not make a pause longer than pauses are */
	if (p->closed_until > now && p->closed_until < now + 24 * 3600 * NS_PER_S)
		*at = p->closed_until;
	return !*at;
}

int repair_account(struct repair *r, struct open_provider *p)
{
	struct provider_account account = {.user = ""};
	struct provider_error e = {.class = PROVIDER_OK};
	int64_t now = repair_now(r);
	if (p->is_stopped)
		return -EACCES;
	if (p->account_at && now >= p->account_at && now - p->account_at < ACCOUNT_S * NS_PER_S)
		return 0;
	int error = p->provider->account(p->state, &account, &e);
	if (error < 0)
		return repair_note_error(r, p, error, &e);
	if (!account.is_premium) {
		stop(r, p, "the account is not premium any more");
		return -EACCES;
	}
	p->account_at = now;
	return 0;
}
