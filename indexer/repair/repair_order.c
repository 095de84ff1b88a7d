/* SPDX-License-Identifier: GPL-3.0-or-later */
/** control/repair, apply, undo: what a person asks for.  Any thread; the repair thread carries it out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_private.h"
#include "indexer/repair/repair_undo.h"

enum { WORDS_MAX = 1 << 16, ITEMS_MAX = 512 };

static const struct {
	const char *words;
	enum repair_want want;
	bool needs_provider;
} wants[] = {
	{"scan quick", WANT_QUICK, true},
	{"scan full", WANT_FULL, true},
	{"scan symlinks", WANT_LINKS, false},
	{"plan", WANT_PLAN, true},
};

/** A person wants something: also after the account stopped everything. */
static void order_goes_on(struct repair *r)
{
	LOCKED(&r->lock);
	r->goes_on = true;
	r->pokes++;
	pthread_cond_signal(&r->changed);
}

/** It is kept before anybody is told that it was accepted. */
static int want(struct repair *r, enum repair_want what, const char *words, const char *kept)
{
	if (repair_keep_want(r, what, kept) < 0)
		return EIO;
	{
		LOCKED(&r->lock);
		if (what == WANT_UNDO)
			buf_addf(&r->undo_words, "%s\n", words);
		r->wants[what] = true;
	}
	order_goes_on(r);
	return 0;
}

int repair_order(struct repair *r, const char *words, bool act, struct buf *answer)
{
	for (size_t i = 0; i < COUNT_OF(wants); i++) {
		if (strcmp(wants[i].words, words) != 0)
			continue;
		if (wants[i].needs_provider && !r->providers.len) {
			buf_adds(answer, "no provider is set up: set realdebrid.token_file");
			return EINVAL;
		}
		return act ? want(r, wants[i].want, words, words) : 0;
	}
	buf_addf(answer, "repair takes \"scan quick\", \"scan full\", \"scan symlinks\" or \"plan\"");
	return EINVAL;
}

/* --- apply --- */

struct ordered {
	char hash[64];
	int64_t item[ITEMS_MAX];
	size_t items;
	/** Of the plan. */
	char state[32];
	int64_t planned;
};

static int parse(const char *words, struct ordered *o, struct buf *answer)
{
	size_t n = strcspn(words, " ");
	if (n != 16 || strspn(words, "0123456789abcdef") != n) {
		buf_adds(answer, "apply takes a plan's hash (16 hex digits, status/repairs) and, if you like, numbers of its items");
		return EINVAL;
	}
	snprintf(o->hash, sizeof o->hash, "%.*s", (int)n, words);
	for (const char *p = words + n; *p;) {
		char *end;
		p += strspn(p, " ");
		long long item = strtoll(p, &end, 10);
		if (end == p || item < 1 || (*end && *end != ' ') || o->items == ITEMS_MAX) {
			buf_addf(answer, "\"%s\" is no number of an item", p);
			return EINVAL;
		}
		o->item[o->items++] = item;
		p = end;
	}
	return 0;
}

static int take_plan(void *arg, const struct store_plan *plan)
{
	struct ordered *o = arg;
	snprintf(o->state, sizeof o->state, "%s", plan->state);
	return 1;
}

struct queueing {
	struct repair *r;
	struct ordered *o;
	VEC(int64_t) items;
	/** A named item that cannot be done, 0 none. */
	int64_t refused;
	size_t named;
};

static bool is_named(const struct ordered *o, int64_t item)
{
	for (size_t i = 0; i < o->items; i++)
		if (o->item[i] == item)
			return true;
	return false;
}

static int take_item(void *arg, const struct store_plan_item *i)
{
	struct queueing *q = arg;
	bool named = is_named(q->o, i->item);
	bool can = strcmp(i->action, "none") != 0 &&
		   (strcmp(i->state, "planned") == 0 || (named && strcmp(i->state, "held") == 0) ||
		    (named && strcmp(i->state, "queued") == 0));
	q->named += named;
	if (named && !can)
		q->refused = i->item;
	if (!can || (q->o->items && !named))
		return 0;
	int64_t *slot = vec_add(&q->items);
	if (slot)
		*slot = i->item;
	return slot ? 0 : -ENOMEM;
}

/** Which items, or an errno with a sentence. */
static int choose(struct queueing *q, struct store *s, struct buf *answer)
{
	store_plan(s, q->o->hash, take_plan, q->o);
	if (!*q->o->state) {
		buf_addf(answer, "there is no plan %s: status/repairs shows the present one", q->o->hash);
		return ENOENT;
	}
	if (strcmp(q->o->state, "superseded") == 0 || strcmp(q->o->state, "stale") == 0) {
		buf_addf(answer, "plan %s is %s: make a new one (echo plan > control/repair)", q->o->hash, q->o->state);
		return EBUSY;
	}
	if (store_plan_items(s, q->o->hash, take_item, q) < 0)
		return EIO;
	if (q->named < q->o->items || q->refused) {
		buf_addf(answer, q->refused ? "item %lld cannot be carried out (see its state)"
					    : "the plan has no such item", (long long)q->refused);
		return q->refused ? EBUSY : ENOENT;
	}
	if (!q->items.len) {
		buf_adds(answer, "nothing of that plan is left to be carried out; items that are held are named one by one");
		return EBUSY;
	}
	return 0;
}

static int queue_items(struct repair *r, const struct queueing *q)
{
	_buf_ struct buf items = BUF_INIT(1 << 24);
	for (size_t i = 0; i < q->items.len; i++)
		buf_addf(&items, "%s%lld", i ? " " : "", (long long)q->items.data[i]);
	int error = buf_error(&items);
	return error ? error : repairs_apply(r->o.writer, q->o->hash, buf_str(&items), repair_now(r));
}

int apply_all(struct repair *r, const char *hash)
{
	struct ordered o = {.state = ""};
	struct queueing q = {.r = r, .o = &o};
	_buf_ struct buf answer = BUF_INIT(1024);
	snprintf(o.hash, sizeof o.hash, "%s", hash);
	int error = choose(&q, r->store, &answer);
	error = error ? -error : queue_items(r, &q);
	vec_clear(&q.items);
	return error == -EBUSY ? 0 : error;
}

int repair_apply_order(struct repair *r, const char *words, bool act, struct buf *answer)
{
	struct ordered o = {.state = ""};
	struct queueing q = {.r = r, .o = &o};
	struct store *s = NULL;
	int error = parse(words, &o, answer);
	if (!error && repair_is_dry(r)) {
		buf_adds(answer, "dry run is on: nothing outside the index is changed (echo off > control/dry-run)");
		error = EROFS;
	}
	if (!error && store_open_reader(r->o.state_dir, &s) < 0)
		error = EAGAIN;
	if (!error)
		error = choose(&q, s, answer);
	if (!error && act && queue_items(r, &q) < 0)
		error = EIO;
	if (!error && act) {
		buf_addf(answer, "%zu of its steps are carried out: status/repairs", q.items.len);
		order_goes_on(r);
	}
	vec_clear(&q.items);
	store_close(s);
	return error;
}

/* --- undo --- */

int repair_undo_order(struct repair *r, const char *words, bool act, struct buf *answer)
{
	if (repair_is_dry(r)) {
		buf_adds(answer, "dry run is on: nothing outside the index is changed (echo off > control/dry-run)");
		return EROFS;
	}
	int error = undo_check(r, words, answer);
	if (error || !act)
		return error;
	_buf_ struct buf all = BUF_INIT(WORDS_MAX);
	{
		LOCKED(&r->lock);
		buf_addf(&all, "%s%s\n", buf_str(&r->undo_words), words);
	}
	if (buf_error(&all)) {
		buf_adds(answer, "too many are waiting to be undone");
		return EBUSY;
	}
	return want(r, WANT_UNDO, words, buf_str(&all));
}
