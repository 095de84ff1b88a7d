/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Carries out a plan whose carrying out was ordered: item by item, on evidence that is asked for anew. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_private.h"

enum {
	/** Torrents on their way at once: providers allow few active ones. */
	INSERTIONS_MOST = 10,
	LATER_S = 60,
	/** A mount that is not healthy is asked again. */
	MOUNT_S = 10,
};

/* --- which item --- */

struct choice {
	struct repair *r;
	int64_t now;
	/** When an item that waits is due; 0 none. */
	int64_t due;
	bool is_running;
	struct kept_item item;
};

static int take_due(void *arg, const struct store_retry *retry)
{
	*(int64_t *)arg = retry->is_spent ? 0 : retry->due_at;
	return 1;
}

static bool is_next(struct choice *c, const struct store_plan_item *i)
{
	int64_t due = 0;
	if (strcmp(i->state, "queued") == 0)
		return true;
	c->is_running |= strcmp(i->state, "running") == 0;
	if (strcmp(i->state, "waiting") != 0)
		return false;
	store_retry(c->r->store, i->provider, i->hash, take_due, &due);
	if (due <= c->now)
		return true;
	c->due = !c->due || due < c->due ? due : c->due;
	return false;
}

static int take_item(void *arg, const struct store_plan_item *i)
{
	struct choice *c = arg;
	return is_next(c, i) ? keep_item(&c->item, i) : 0;
}

struct applying {
	char hash[64];
};

static int take_plan(void *arg, const struct store_plan *plan)
{
	struct applying *a = arg;
	snprintf(a->hash, sizeof a->hash, "%s", plan->hash);
	return 1;
}

static int take_insertion(void *arg, const struct store_insertion *row)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

/* --- what it says --- */

static int set_item(struct repair *r, const struct store_plan_item *i, const char *state, const char *reason)
{
	if (strcmp(i->state, state) == 0 && strcmp(i->reason, reason) == 0)
		return 0;
	return repairs_plan_item(r->o.writer, i->plan, i->item, state, reason, repair_now(r));
}

/* --- removing, moving --- */

/** Links of an item that are not broken now, and do not work either. */
struct undecided {
	/** The mount was away when they were looked at. */
	int64_t unknown;
	/** Suspect, or held with many others. */
	int64_t doubtful;
};

/** The item's links as they are now: those that are still broken as planned. */
static int load_links(struct repair *r, const struct store_plan_item *i, kept_links *links, struct undecided *others)
{
	int error = 0;
	for (const char *p = i->link_ids; *p && error >= 0;) {
		char *end;
		int64_t id = strtoll(p, &end, 10);
		if (end == p)
			break;
		p = end + strspn(end, " ");
		error = store_symlink(r->store, id, keep_link, links);
		enum link_state state = error >= 0 ? links->data[links->len - 1].row.state : LINK_BROKEN;
		if (state != LINK_BROKEN)
			free(links->data[--links->len].bytes);
		others->unknown += state == LINK_UNKNOWN;
		others->doubtful += state == LINK_SUSPECT || state == LINK_HELD;
		error = error == -ENOENT ? 0 : error;
	}
	return error < 0 ? error : keep_links_roots(r, links);
}

struct permanent {
	char kind[64], reason[WHY];
	int64_t at;
};

static int take_permanent(void *arg, const struct store_permanent *row)
{
	struct permanent *p = arg;
	snprintf(p->kind, sizeof p->kind, "%s", row->kind);
	snprintf(p->reason, sizeof p->reason, "%s", row->reason);
	p->at = row->at;
	return 1;
}

/** Asks the provider anew about what it called a virus: 0 with @p filled, -EAGAIN, or -ENOENT: it says so no more. */
static int ask_for_virus(struct repair *r, const struct store_plan_item *i, struct permanent *p)
{
	struct open_provider *provider = repair_provider(r, i->provider);
	struct provider_torrent t = {.id = ""};
	struct provider_error e = {.class = PROVIDER_OK};
	int error = *i->torrent ? provider->provider->info(provider->state, i->torrent, &t, &e) : -ENOENT;
	if (error < 0)
		repair_note_error(r, provider, error, &e);
	bool is_virus = error == 0 && t.state == TORRENT_VIRUS && strcmp(t.hash, i->hash) == 0;
	provider_torrent_clear(&t);
	if (e.class == PROVIDER_WAIT || e.class == PROVIDER_STOP || error == -ECANCELED)
		return -EAGAIN;
	if (!is_virus)
		return -ENOENT;
	*p = (struct permanent){.kind = "virus", .reason = "it holds a virus", .at = repair_now(r)};
	struct store_permanent row = {.provider = i->provider, .hash = i->hash, .torrent = i->torrent, .name = i->name,
				      .kind = p->kind, .reason = p->reason, .at = p->at};
	return repairs_permanent(r->o.writer, &row);
}

/** All that was to be done about it was done. */
static void handle_permanent(struct repair *r, const struct store_plan_item *i, const struct permanent *p)
{
	struct store_permanent row = {.provider = i->provider, .hash = i->hash, .torrent = i->torrent, .name = i->name,
				      .kind = p->kind, .reason = p->reason, .at = p->at,
				      .handled_at = repair_now(r)};
	repairs_permanent(r->o.writer, &row);
}

static void tell_all(struct repair *r, const struct store_plan_item *i, const kept_links *links)
{
	for (size_t k = 0; k < links->len; k++) {
		_buf_ struct buf path = BUF_INIT(1 << 16), below = BUF_INIT(1 << 16);
		if (kept_link_path(&links->data[k], &below) < 0)
			continue;
		buf_addf(&path, "%s/", links->data[k].root);
		if (buf_add(&path, below.data, below.len) == 0)
			tell_item(r, i->item, buf_str(&path), true);
	}
}

static int end_links(struct repair *r, const struct store_plan_item *i, int error, int64_t done, const char *why)
{
	char reason[WHY + 64];
	snprintf(reason, sizeof reason, "%lld of %lld links changed%s%s", (long long)done, (long long)i->links,
		 *why ? ": " : "", why);
	if (error == -ENODEV || error == -ETIMEDOUT || error == -EBUSY)
		return set_item(r, i, "queued", reason) ? : -EAGAIN;
	bool held = error == -EDQUOT;
	r->run_held += held;
	r->run_done += error == 0;
	r->run_failed += error != 0 && !held;
	const char *state = held ? "held" : error == 0 || done ? "done" : "refused";
	return set_item(r, i, state, reason);
}

/** The mount was away: its links are looked at again before anybody says what they are. */
static int wait_for_look(struct repair *r, const struct store_plan_item *i, int64_t unknown)
{
	char reason[WHY];
	snprintf(reason, sizeof reason, "waits: nobody can tell of %lld links until they are looked at again",
		 (long long)unknown);
	if (r->o.look_at_links)
		r->o.look_at_links(r->o.arg);
	int error = set_item(r, i, "queued", reason);
	return error < 0 ? error : -EAGAIN;
}

/** Links to what the provider took down for good. */
static int remove_links(struct repair *r, const struct store_plan_item *i)
{
	kept_links links = {0};
	char why[WHY] = "";
	struct permanent permanent = {.kind = ""};
	struct undecided others = {0};
	int64_t done = 0;
	store_permanent(r->store, i->provider, i->hash, take_permanent, &permanent);
	int error = *permanent.kind ? 0 : ask_for_virus(r, i, &permanent);
	if (error == -ENOENT)
		return set_item(r, i, "refused", "the provider's word that it is gone for good is not known any more");
	const char *doubt = error == 0 ? removal_doubt(r, i->provider, i->hash, i->name, permanent.kind) : NULL;
	if (doubt)
		return set_item(r, i, "refused", doubt);
	if (error == 0)
		error = load_links(r, i, &links, &others);
	if (error == 0 && others.unknown)
		error = wait_for_look(r, i, others.unknown);
	if (error == -EAGAIN || (error == 0 && !links.len && !others.doubtful && !links_changed(r, i->plan, i->item, "unlink", 0))) {
		kept_links_clear(&links);
		return error ? error : set_item(r, i, "refused", "its links are not broken any more");
	}
	struct bytes *after = calloc(links.len + 1, sizeof *after);
	if (error == 0)
		error = after ? links_change(r, i->plan, i->item, &links, after, &done, why) : -ENOMEM;
	/* what is left is not forgotten: a person orders it again when it is sure */
	if (error == 0 && others.doubtful) {
		snprintf(why, sizeof why, "%lld are not surely broken now", (long long)others.doubtful);
		error = -EDQUOT;
	}
	if (done || links_changed(r, i->plan, i->item, "unlink", 0))
		tell_all(r, i, &links);
	if (error == 0)
		handle_permanent(r, i, &permanent);
	free(after);
	kept_links_clear(&links);
	return end_links(r, i, error, done, why);
}

static int keep_name(void *arg, const struct store_torrent *t)
{
	snprintf(arg, 1024, "%s", t->name);
	return 1;
}

/** Links to a torrent that is there under another name: item->torrent is that one. */
static int move_links(struct repair *r, const struct store_plan_item *i)
{
	char why[WHY] = "", name[1024] = "";
	int64_t before = r->run_links;
	int error = store_torrent(r->store, i->provider, i->torrent, keep_name, name);
	if (error >= 0)
		error = links_restore(r, &(struct moving){i->plan, i->item, i->name, name, NULL}, why);
	return end_links(r, i, error, r->run_links - before, why);
}

static const struct {
	const char *name;
	int (*run)(struct repair *r, const struct store_plan_item *i);
	/** It calls what changes something at the provider: not too many at once. */
	bool inserts;
} actions[] = {
	{"reinsert", insert_begin, true},
	{"relink", move_links, false},
	{"remove", remove_links, false},
};

/* --- a step --- */

/** What holds for every item: 0, or -EAGAIN. */
static int may_act(struct repair *r, const struct store_plan_item *i, int64_t *at)
{
	char reason[WHY + 64];
	struct open_provider *p = repair_provider(r, i->provider);
	if (!r->is_running) {
		repair_health_begin(r);
		r->is_running = true;
	}
	*at = repair_now(r) + LATER_S * NS_PER_S;
	if (!repair_is_healthy(r, true)) {
		snprintf(reason, sizeof reason, "waits: the mount is not healthy: %s", r->health.reason);
		set_item(r, i, i->state, reason);
		*at = repair_now(r) + MOUNT_S * NS_PER_S;
		return -EAGAIN;
	}
	if (!p || !repair_may_ask(r, p, at))
		return -EAGAIN;
	if (repair_account(r, p) < 0) {
		*at = p->is_stopped ? 0 : repair_now(r) + LATER_S * NS_PER_S;
		return -EAGAIN;
	}
	return 0;
}

static int carry_out(struct repair *r, const struct store_plan_item *i, int64_t *at)
{
	int running = 0, error = may_act(r, i, at);
	if (error < 0)
		return 0;
	store_insertions(r->store, take_insertion, &running);
	for (size_t a = 0; a < COUNT_OF(actions); a++) {
		if (strcmp(actions[a].name, i->action) != 0)
			continue;
		if (actions[a].inserts && running >= INSERTIONS_MOST)
			return 0;
		error = actions[a].run(r, i);
		*at = repair_now(r) + MOUNT_S * NS_PER_S;
		if (error < 0 && error != -EAGAIN)
			r->unkept_at = repair_now(r);
		return error == 0;
	}
	return set_item(r, i, "refused", "nobody knows how to do that") == 0;
}

/** Nothing of it is left to do. */
static int end_plan(struct repair *r, const char *hash)
{
	if (repairs_plan_state(r->o.writer, hash, "applied") < 0)
		return 0;
	tell_summary(r);
	return 1;
}

int apply_step(struct repair *r, int64_t *at)
{
	struct applying a = {.hash = ""};
	struct choice c = {.r = r, .now = repair_now(r)};
	*at = 0;
	if (repair_is_dry(r))
		return 0;
	store_plans_in(r->store, "applying", take_plan, &a);
	if (!*a.hash)
		return 0;
	store_plan_items(r->store, a.hash, take_item, &c);
	int did = 0;
	if (c.item.texts)
		did = carry_out(r, &c.item.row, at);
	else if (c.due)
		*at = c.due;
	else if (!c.is_running)
		did = end_plan(r, a.hash);
	kept_item_clear(&c.item);
	return did;
}
