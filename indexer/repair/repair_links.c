/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Changing links: inside the caps, on evidence that is asked for anew, each after its durable journal row. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_private.h"

enum { DAY_S = 86400 };

static int64_t changed_since(struct repair *r, int64_t since)
{
	int64_t unlinked = 0, relinked = 0;
	store_journal_count(r->store, "unlink", since, &unlinked);
	store_journal_count(r->store, "relink", since, &relinked);
	return unlinked + relinked;
}

int64_t links_allowed(struct repair *r)
{
	const struct config *c = r->o.config;
	struct store_symlink_counts counts;
	if (store_symlink_states(r->store, &counts) < 0)
		return 0;
	int64_t most = config_int(c, OPT_repair_most);
	int64_t share = counts.total * config_int(c, OPT_repair_percent) / 100;
	/* a library of ten links has one of them mended as well */
	share = share || !config_int(c, OPT_repair_percent) ? share : 1;
	int64_t left = (most < share ? most : share) - r->run_links;
	int64_t today = config_int(c, OPT_repair_day) -
			changed_since(r, repair_now(r) - DAY_S * NS_PER_S);
	left = left < today ? left : today;
	return left > 0 ? left : 0;
}

static bool has_text(const struct hand_facts *facts, struct bytes text)
{
	return facts->target_len == text.len && memcmp(facts->target, text.data, text.len) == 0;
}

/** What the link is now: 0 when it is what was recorded; 1 when it is what it shall be. */
static int read_link(struct hand *hand, const struct kept_link *k, struct bytes path, struct bytes after,
		     struct hand_facts *facts)
{
	struct hand_order order = {.act = HAND_READ, .path = path};
	int r = hand_do(hand, &order, facts);
	/* removed before a crash, or by somebody */
	if (r == -ENOENT && !after.len)
		return 1;
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	if (after.len && has_text(facts, after))
		return 1;
	return has_text(facts, k->row.target) ? 0 : -ESTALE;
}

/** The target as it is seen now: a link whose file is back is not changed. */
static int check_target(struct repair *r, const struct kept_link *k)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	int64_t size;
	buf_add(&path, k->row.here.data, k->row.here.len);
	if (!path.len || path.data[path.len - 1] != '/')
		buf_addc(&path, '/');
	if (buf_add(&path, k->row.target_name.data, k->row.target_name.len) < 0)
		return -ENOMEM;
	int error = looker_stat(r->looker, buf_str(&path), &size);
	if (error == -ENOENT)
		return 0;
	return error == 0 ? -EEXIST : error;
}

static int end_row(struct repair *r, struct store_journal *row, int error)
{
	int64_t id = row->id;
	row->step = error ? "failed" : "done";
	row->error = error ? strerror(-error) : "";
	row->ended_at = repair_now(r);
	return repairs_journal(r->o.writer, row, 1, &id);
}

/** The intent is durable, then the link is changed, then it is said how that ended. */
static int change(struct repair *r, struct hand *hand, const struct kept_link *k, struct bytes path,
		  struct store_journal *row, const struct hand_facts *facts)
{
	row->uid = facts->uid;
	row->gid = facts->gid;
	row->mtime = facts->mtime;
	row->inode = facts->inode;
	row->at = repair_now(r);
	row->step = "planned";
	row->error = "";
	int error = repairs_journal(r->o.writer, row, 1, &row->id);
	if (error < 0)
		return error;
	/* a busy store takes its time: what was seen before that is looked at again, the mount last */
	error = check_target(r, k);
	if (error == 0 && !repair_is_healthy(r, true))
		error = -ENODEV;
	if (error < 0) {
		end_row(r, row, error);
		return error == -EEXIST ? -ESTALE : error;
	}
	struct hand_facts after;
	struct hand_order order = {.act = row->after.len ? HAND_RELINK : HAND_UNLINK, .path = path,
				   .before = k->row.target, .after = row->after};
	error = hand_do(hand, &order, &after);
	/* nobody knows whether it happened: the open row says so, and is cleared up later */
	if (error == -ETIMEDOUT)
		return error;
	int kept = end_row(r, row, error);
	return error ? error : kept;
}

/** 0; 1: there is nothing to do; or why it could not be. */
static int change_one(struct repair *r, const char *plan, int64_t item, const struct kept_link *k,
		      struct bytes after, char *why)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	struct hand_facts facts;
	if (kept_link_path(k, &path) < 0 || !k->root)
		return -ENOMEM;
	struct bytes below = {buf_str(&path), path.len};
	if (!repair_is_healthy(r, true)) {
		snprintf(why, WHY, "the mount is not healthy: %.200s", r->health.reason);
		return -ENODEV;
	}
	int error = check_target(r, k);
	if (error < 0) {
		snprintf(why, WHY, "%s", error == -EEXIST ? "its target is there again"
							    : "its target does not answer as one that is gone");
		return error == -EEXIST ? -ESTALE : error;
	}
	struct hand *hand = repair_hand(r, k->root);
	error = hand ? read_link(hand, k, below, after, &facts) : -ENOMEM;
	if (error < 0)
		snprintf(why, WHY, "the link is not what was recorded: %s", strerror(-error));
	if (error)
		return error;
	struct store_journal row = {.plan = plan, .item = item, .action = after.len ? "relink" : "unlink",
				    .root = {k->root, strlen(k->root)}, .path = below,
				    .before = k->row.target, .after = after};
	error = change(r, hand, k, below, &row, &facts);
	if (error < 0)
		snprintf(why, WHY, "the link could not be changed: %s", strerror(-error));
	return error;
}

struct changed {
	int64_t item, since;
	const char *action;
	bool is;
};

static int take_changed(void *arg, const struct store_journal *row)
{
	struct changed *c = arg;
	c->is |= row->item == c->item && row->at >= c->since && strcmp(row->action, c->action) == 0 && strcmp(row->step, "failed") != 0 &&
		 strcmp(row->step, "undone") != 0;
	return c->is;
}

bool links_changed(struct repair *r, const char *plan, int64_t item, const char *action, int64_t since)
{
	struct changed c = {.item = item, .since = since, .action = action};
	return store_journal(r->store, plan, 0, take_changed, &c) < 0 || c.is;
}

/** The others would fare the same. */
static bool ends_all(int error)
{
	return error == -ENODEV || error == -ETIMEDOUT || error == -EBUSY || error == -EDQUOT || error == -ENOMEM;
}

int links_change(struct repair *r, const char *plan, int64_t item, const kept_links *links,
		 const struct bytes *after, int64_t *done, char *why)
{
	int error = 0, worst = 0;
	*done = 0;
	for (size_t i = 0; i < links->len && !ends_all(error); i++) {
		if (repair_must_stop(r)) {
			snprintf(why, WHY, "somebody stopped it");
			return -EBUSY;
		}
		if (links_allowed(r) <= 0) {
			snprintf(why, WHY, "no more links are changed for now: %lld in one run, %lld %% of all, %lld in 24 hours "
				 "at most (repair.most, percent, day)",
				 (long long)config_int(r->o.config, OPT_repair_most),
				 (long long)config_int(r->o.config, OPT_repair_percent),
				 (long long)config_int(r->o.config, OPT_repair_day));
			return -EDQUOT;
		}
		error = change_one(r, plan, item, &links->data[i], after[i], why);
		if (error == 0) {
			++*done;
			r->run_links++;
		} else if (error < 0 && (!worst || worst == -ESTALE)) {
			worst = error;
		}
	}
	return ends_all(error) ? error : worst;
}
