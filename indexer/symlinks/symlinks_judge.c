/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Verdicts.  Links that were there and are not any more are counted before anything is said of one: too many at
 * once are more likely the mount than the files.  monitor_link() says what follows for each; only what changed is told the
 * store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/symlinks/symlinks_private.h"

static bool is_ours(const struct look *l, const struct seen_link *k)
{
	return l->table.targets.data[k->target].torrent_len != 0;
}

static struct seen_root *root_of(struct look *l, const struct seen_link *k)
{
	return &l->table.roots.data[l->table.dirs.data[k->dir].root];
}

/** Whether its target was there when it was last possible to tell: one that was missed before is no new loss. */
static bool was_there(const struct seen_link *k)
{
	return k->state == LINK_OK || (k->state == LINK_UNKNOWN && k->ok_at > 0 && !k->sightings);
}

static bool is_missing(const struct seen_link *k)
{
	return (k->flags & ASKED) && k->seen == -ENOENT;
}

/**
 * Whether its loss is young enough to be a part of a mass loss: a list may shrink over several looks, and what one look
 * missed just before the rest went is no better evidence than the rest.
 */
static bool is_young_loss(const struct seen_link *k)
{
	bool is_doubted = k->state == LINK_SUSPECT || (k->state == LINK_UNKNOWN && k->sightings);
	return was_there(k) || (is_doubted && strcmp(k->reason, LINK_ACCEPTED) != 0);
}

/** What the look says of it. */
static struct link_sight sight_of(struct look *l, const struct seen_link *k)
{
	struct link_sight s = {
		.at = l->now, .is_ours = is_ours(l, k), .is_healthy = l->health.is_healthy,
		.error = k->flags & ASKED ? k->seen : -EAGAIN, .size = k->seen_size,
	};
	bool is_asked = k->flags & ASKED;
	if (!is_missing(k)) {
		/* a mount that lost much still has what it has */
		s.is_healthy = (s.is_healthy || l->health.is_loss) && is_asked;
		return s;
	}
	s.is_held = is_young_loss(k) && (root_of(l, k)->brakes || l->health.is_loss);
	s.is_healthy = s.is_healthy || (l->health.is_loss && (s.is_held || k->state == LINK_HELD));
	return s;
}

/** Judges an entry; true when the store must be told. */
static bool judge(struct look *l, struct seen_link *k, struct store_symlink *row)
{
	*row = (struct store_symlink){
		.id = k->id, .state = k->state, .error = k->error, .sightings = k->sightings,
		.first_at = k->first_at, .last_at = k->last_at, .since = k->since, .ok_at = k->ok_at,
		.size = k->size, .reason = k->reason,
	};
	struct link_sight s = sight_of(l, k);
	if (k->state == LINK_HELD && is_missing(k) && root_of(l, k)->relents) {
		/* what was seen beside a mass loss counts for nothing */
		row->state = LINK_UNKNOWN;
		row->sightings = row->first_at = row->last_at = 0;
	}
	bool changed = monitor_link(row, &s, &l->s->rules);
	if (!row->since)
		row->since = l->now;
	changed = changed || row->state != k->state;
	k->state = (uint8_t)row->state;
	return changed;
}

/* --- fresh ones --- */

static int put_fresh(struct look *l, uint32_t link, struct store_symlink *row)
{
	struct table *t = &l->table;
	struct seen_link *k = &t->links.data[link];
	const struct fresh_link *f = &t->fresh.data[link - t->known];
	row->dir = t->dirs.data[k->dir].id;
	row->target_dir = t->targets.data[k->target].id;
	row->name = (struct bytes){f->name, f->name_len};
	row->target_name = (struct bytes){k->name, k->name_len};
	row->target = (struct bytes){f->text, f->text ? f->text_len : 0};
	row->id = f->id;
	k->flags |= STORED;
	l->changes++;
	return sights_put(l->sights, row);
}

int look_put_unseen(struct look *l, uint32_t link)
{
	const struct seen_link *k = &l->table.links.data[link];
	struct store_symlink row = {
		.state = k->state, .since = l->now, .size = -1, .reason = "its target was not looked at yet",
	};
	return k->flags & (GONE | STORED) ? 0 : put_fresh(l, link, &row);
}

int look_put_early(struct look *l, uint32_t link)
{
	struct seen_link *k = &l->table.links.data[link];
	struct store_symlink row;
	if (!l->health.is_healthy || (k->flags & STORED) || k->seen)
		return 0;
	judge(l, k, &row);
	l->has_early = true;
	return put_fresh(l, link, &row);
}

/* --- the brake --- */

static void count_losses(struct look *l)
{
	const struct table *t = &l->table;
	for (size_t i = 0; i < t->links.len; i++) {
		const struct seen_link *k = &t->links.data[i];
		if ((k->flags & GONE) || i >= t->known || !is_ours(l, k))
			continue;
		struct seen_root *r = root_of(l, k);
		r->were_there += is_young_loss(k);
		r->vanished += is_young_loss(k) && is_missing(k);
		r->still_held += k->state == LINK_HELD && (is_missing(k) || !(k->flags & ASKED));
	}
	const struct config *c = l->s->o.config;
	for (size_t i = 0; i < t->roots.len; i++) {
		struct seen_root *r = &t->roots.data[i];
		int64_t most = config_int(c, OPT_symlinks_brake_links), percent = config_int(c, OPT_symlinks_brake_percent);
		r->brakes = links_brake(r->vanished, r->were_there, most, percent);
		/* the others came back: so few would not have been held */
		r->relents = l->health.is_healthy && !links_brake(r->vanished + r->still_held,
								  r->were_there + r->still_held, most, percent);
	}
}

/** "147,160". */
static void write_number(struct buf *out, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%lld", (long long)n);
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_addc(out, ',');
		buf_addc(out, digits[i]);
	}
}

static int tell_hold(struct look *l, const struct seen_root *r)
{
	_buf_ struct buf reason = BUF_INIT(4096);
	struct store_link_hold hold = {.root = r->id, .count = r->held, .reason = "",
				       .since = r->old_held ? r->old_since : l->now};
	bool kept = r->removed && !r->forgets;
	if (r->held == r->old_held)
		return 0;
	write_number(&reason, r->held);
	buf_adds(&reason, " of ");
	write_number(&reason, r->links);
	buf_addf(&reason, " links %s at once: that is more likely the %s than the files",
		 kept ? "vanished" : "lost their target", kept ? "disk that they are on" : "mount");
	hold.reason = buf_str(&reason);
	l->changes++;
	return sights_hold(l->sights, &hold);
}

/* --- all --- */

static int judge_one(struct look *l, uint32_t i)
{
	struct table *t = &l->table;
	struct seen_link *k = &t->links.data[i];
	struct store_symlink row;
	bool is_fresh = i >= t->known;
	if ((k->flags & (GONE | STORED)) || (!is_fresh && !root_of(l, k)->is_seen))
		return 0;
	/* its tree could not be walked to the end, so nobody asked */
	if (is_fresh && !root_of(l, k)->is_seen)
		return look_put_unseen(l, i);
	bool changed = judge(l, k, &row);
	if (is_fresh)
		return put_fresh(l, i, &row);
	if (!changed)
		return 0;
	l->changes++;
	return sights_judge(l->sights, &row);
}

int look_judge(struct look *l)
{
	struct table *t = &l->table;
	int r = 0;
	count_losses(l);
	for (size_t i = 0; i < t->links.len && r == 0; i++) {
		r = judge_one(l, (uint32_t)i);
		const struct seen_link *k = &t->links.data[i];
		if (!(k->flags & GONE) && k->state == LINK_HELD)
			root_of(l, k)->held++;
	}
	for (size_t i = 0; i < t->roots.len && r == 0; i++) {
		struct seen_root *root = &t->roots.data[i];
		root->held += root->forgets ? 0 : root->removed;
		r = tell_hold(l, root);
	}
	return r;
}
