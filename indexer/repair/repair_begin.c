/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The beginning of an insertion: whether it is still needed, what it must put back, and whether it is there already. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_insert.h"

enum {
	PATHS_MAX = 1 << 20,
	/** A list of the newest ones counts for so long, for one hash. */
	LISTED_S = 120,
	LATER_S = 60 };

struct beginning {
	struct repair *r;
	struct open_provider *p;
	const struct store_plan_item *item;
	kept_links links;
	/** Chosen paths, a JSON array. */
	struct buf paths;
	/** One with that hash that is there besides the old one. */
	char other[PROVIDER_ID];
};

static int end_item(struct beginning *b, const char *state, const char *reason)
{
	int error = repairs_plan_item(b->r->o.writer, b->item->plan, b->item->item, state, reason, repair_now(b->r));
	if (error == 0)
		b->r->run_held++;
	return error ? error : 1;
}

/** Nothing was found out.  What is only this item's fault does not hinder the others; all wait a while, it longer. */
static int put_off(struct beginning *b, int error, const struct provider_error *e)
{
	const struct store_plan_item *i = b->item;
	struct insertion x = {.r = b->r, .p = b->p, .k.row = {
		.provider = i->provider, .hash = i->hash, .name = i->name, .old_id = i->torrent,
		.started_at = repair_now(b->r)}};
	/* that it cannot be asked about does not say that it can never be had */
	struct provider_error later = *e;
	int64_t again;
	repair_note_error(b->r, b->p, error, e);
	if (e->class == PROVIDER_WAIT || e->class == PROVIDER_STOP || error == -ECANCELED)
		return -EAGAIN;
	b->p->closed_until = repair_now(b->r) + LATER_S * NS_PER_S;
	later.class = PROVIDER_LATER;
	insertion_note_failure(&x, &later, &again);
	return end_item(b, again ? "waiting" : "failed", e->why);
}

struct retry_facts {
	int64_t due_at, tries;
	bool is_spent;
};

static int take_retry(void *arg, const struct store_retry *row)
{
	*(struct retry_facts *)arg = (struct retry_facts){row->due_at, row->tries, row->is_spent};
	return 1;
}

/** What failed before: 1 when it is too early, or too late for ever, also for who names it. */
static int judge_retry(struct beginning *b)
{
	struct retry_facts f = {0};
	char reason[WHY];
	store_retry(b->r->store, b->item->provider, b->item->hash, take_retry, &f);
	snprintf(reason, sizeof reason, "it was tried %lld times in vain", (long long)f.tries);
	if (f.is_spent)
		return end_item(b, "refused", reason);
	return f.due_at > repair_now(b->r) ? end_item(b, "waiting", "it failed lately and is tried again later") : 0;
}

static int take_permanent(void *arg, const struct store_permanent *row)
{
	snprintf(arg, WHY, "it was refused for good: %.200s", row->reason);
	return 1;
}

/** Whether a link that was broken is broken now: 1, 0, or -errno when nobody can tell. */
static int is_broken(struct beginning *b)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	int64_t size;
	if (!repair_is_healthy(b->r, true))
		return -ENODEV;
	for (size_t i = 0; i < b->links.len; i++) {
		const struct store_symlink *row = &b->links.data[i].row;
		if (row->state != LINK_BROKEN)
			continue;
		buf_reset(&path);
		buf_add(&path, row->here.data, row->here.len);
		buf_addc(&path, '/');
		if (buf_add(&path, row->target_name.data, row->target_name.len) < 0)
			return -ENOMEM;
		int error = looker_stat(b->r->looker, buf_str(&path), &size);
		if (error == -ENOENT)
			return 1;
		if (error < 0)
			return error;
	}
	return 0;
}

static int judge_working(struct beginning *b)
{
	int broken = is_broken(b);
	if (broken == -ENODEV || broken == -ETIMEDOUT || broken == -ENOMEM || broken == -ECANCELED)
		return -EAGAIN;
	/* it would block all others for ever */
	if (broken < 0)
		return end_item(b, "refused", "files that our links lead to answer with errors: nobody can tell");
	return broken ? 0 : end_item(b, "refused", "it works again");
}

static int judge_virus(struct beginning *b)
{
	struct store_permanent p = {.provider = b->item->provider, .hash = b->item->hash, .torrent = b->item->torrent,
				    .name = b->item->name, .kind = "virus", .reason = "it holds a virus",
				    .at = repair_now(b->r)};
	repairs_permanent(b->r->o.writer, &p);
	return end_item(b, "failed", "the provider says that it holds a virus");
}

/** 0: it is to be put back; 1: the item has ended. */
static int judge_old(struct beginning *b, const struct provider_torrent *t)
{
	if (t->state == TORRENT_VIRUS)
		return judge_virus(b);
	if (t->state == TORRENT_BUSY)
		return end_item(b, "refused", "it is on its way again");
	if (t->state == TORRENT_UNSELECTED)
		return end_item(b, "refused", "its files were never chosen: choose them at the provider");
	if (t->state == TORRENT_OK)
		return judge_working(b);
	return 0;
}

static int ask_old(struct beginning *b)
{
	const struct provider_torrent *t;
	struct provider_error e = {.class = PROVIDER_OK};
	if (!*b->item->torrent)
		return 0;
	int error = repair_ask(b->r, b->p, b->item->hash, b->item->torrent, &t, &e);
	if (error < 0 && e.class != PROVIDER_GONE)
		return put_off(b, error, &e);
	if (error < 0) {
		repairs_torrent_gone(b->r->o.writer, b->item->provider, b->item->torrent, repair_now(b->r));
		return 0;
	}
	error = strcmp(t->hash, b->item->hash) == 0 ? judge_old(b, t)
						   : end_item(b, "refused", "it is another torrent than the one planned");
	if (error == 0)
		error = paths_of(t, &b->paths);
	return error;
}

/** Before we began, whatever the clock says: it is not ours. */
static int take_fresh(void *arg, const struct provider_torrent *t)
{
	struct beginning *b = arg;
	bool same = strcmp(t->hash, b->item->hash) == 0 && strcmp(t->id, b->item->torrent) != 0;
	return same ? repair_remember(b->r, b->item->provider, t, repair_now(b->r) - 1) : 0;
}

/** The newest ones, which no scan may have told of yet. */
static int ask_newest(struct beginning *b)
{
	struct provider_error e = {.class = PROVIDER_OK};
	struct provider_page page = {.total = -1};
	int64_t now = repair_now(b->r);
	if (strcmp(b->r->listed, b->item->hash) == 0 && now >= b->r->listed_at &&
	    now - b->r->listed_at < LISTED_S * NS_PER_S)
		return 0;
	int error = b->p->provider->list(b->p->state, &page, take_fresh, b, &e);
	if (error == 0) {
		snprintf(b->r->listed, sizeof b->r->listed, "%s", b->item->hash);
		b->r->listed_at = now;
	}
	return error < 0 && e.class != PROVIDER_OK ? put_off(b, error, &e) : error;
}

/** The one that works, or may yet, with that hash. */
static int ask_others(struct beginning *b)
{
	kept_torrents others = {0};
	int error = store_torrents_hashed(b->r->store, b->item->provider, b->item->hash, keep_torrent, &others);
	for (size_t i = 0; i < others.len && error == 0 && !*b->other; i++) {
		const struct store_torrent *row = &others.data[i].row;
		const struct provider_torrent *t;
		struct provider_error e = {.class = PROVIDER_OK};
		if (row->gone_at || strcmp(row->id, b->item->torrent) == 0)
			continue;
		error = repair_ask(b->r, b->p, b->item->hash, row->id, &t, &e);
		if (error == 0 && strcmp(t->hash, b->item->hash) == 0 && t->state != TORRENT_FAILED &&
		    t->state != TORRENT_VIRUS)
			snprintf(b->other, sizeof b->other, "%s", row->id);
		if (e.class == PROVIDER_GONE)
			error = repairs_torrent_gone(b->r->o.writer, row->provider, row->id, repair_now(b->r));
		else if (error < 0)
			error = put_off(b, error, &e);
	}
	kept_torrents_clear(&others);
	return error;
}

static int take_owner(void *arg, const struct store_insertion *row)
{
	const struct store_plan_item *i = ((struct beginning *)arg)->item;
	return strcmp(row->plan, i->plan) == 0 && row->item == i->item;
}

/** One of that hash is on its way: this item's own, of which a crash left no word, or another's. */
static int go_on(struct beginning *b)
{
	const struct store_plan_item *i = b->item;
	if (store_insertion(b->r->store, i->provider, i->hash, take_owner, b) == 1)
		return repairs_plan_item(b->r->o.writer, i->plan, i->item, "running", "", repair_now(b->r));
	return end_item(b, "refused", "it is being put back already");
}

static int keep(struct beginning *b)
{
	int64_t now = repair_now(b->r), id = 0;
	const struct store_plan_item *i = b->item;
	struct store_insertion row = {
		.provider = i->provider, .hash = i->hash, .name = i->name, .plan = i->plan, .item = i->item,
		.old_id = i->torrent, .new_id = b->other, .step = *b->other ? "confirmed" : "planned",
		.error = "", .paths = buf_str(&b->paths), .started_at = now, .changed_at = now, .next_at = now,
		.deadline = now + config_int(b->r->o.config, OPT_repair_wait),
	};
	int error = repairs_insertion(b->r->o.writer, &row, &id);
	if (error == -EEXIST)
		return go_on(b);
	if (error == 0)
		error = repairs_plan_item(b->r->o.writer, i->plan, i->item, "running", "", now);
	return error;
}

static int begin(struct beginning *b)
{
	char why[WHY] = "";
	if (store_permanent(b->r->store, b->item->provider, b->item->hash, take_permanent, why) >= 0 && *why)
		return end_item(b, "refused", why);
	struct bytes name = {b->item->name, strlen(b->item->name)};
	int error = judge_retry(b);
	if (error == 0)
		error = store_symlinks_of(b->r->store, name, keep_link, &b->links);
	if (error == 0)
		error = ask_old(b);
	if (error == 0 && b->paths.len <= strlen("[]")) {
		buf_reset(&b->paths);
		error = paths_of_links(&b->links, &b->paths);
	}
	if (error == 0 && b->paths.len <= strlen("[]"))
		return end_item(b, "failed", "nobody knows which of its files were chosen");
	if (error == 0)
		error = ask_newest(b);
	if (error == 0)
		error = ask_others(b);
	return error ? error : keep(b);
}

int insert_begin(struct repair *r, const struct store_plan_item *item)
{
	struct beginning b = {.r = r, .p = repair_provider(r, item->provider), .item = item,
			      .paths = BUF_INIT(PATHS_MAX)};
	int error = b.p ? begin(&b) : -EAGAIN;
	if (error != -EAGAIN) {
		repair_forget_asked(r, item->hash);
		*r->listed = '\0';
	}
	kept_links_clear(&b.links);
	buf_clear(&b.paths);
	return error < 0 ? error : 0;
}
