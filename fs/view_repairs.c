/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * status/repairs: the newest plan with what it would do and on whose word, what is under way, what media managers were
 * told, and the journal with what can be undone.  Each thing with the line that orders it.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/store_repair.h"
#include "fs/views.h"

enum {
	ITEMS_MOST = 10000,
	JOURNAL_MOST = 200,
	TOLD_MOST = 100,
	INSERTIONS_MOST = 1000,
	HASH_SIZE = 33,
};

struct repairs {
	struct view *v;
	struct json *j;
	struct table *t;
	struct buf *out;
	char hash[HASH_SIZE];
	int64_t count, total;
	/** Items that a person has to see to. */
	struct buf todo;
	struct store_repair_counts sums;
};

static bool is_none(const struct store_plan_item *i)
{
	return strcmp(i->action, "none") == 0;
}

static bool is_held(const struct store_plan_item *i)
{
	return strcmp(i->state, "held") == 0;
}

/** The line that carries out this item; "" when none does. */
static void order_of(const struct store_plan_item *i, struct buf *out)
{
	if (!is_none(i) && (is_held(i) || strcmp(i->state, "planned") == 0))
		buf_addf(out, "echo '%s %lld' > control/apply", i->plan, (long long)i->item);
}

/** What a person can do where the program does nothing. */
static void advice_of(const struct store_plan_item *i, struct buf *out)
{
	if (is_none(i)) {
		buf_adds(out, "see to it yourself: ");
		buf_adds(out, *i->reason ? i->reason : i->why);
	} else if (is_held(i)) {
		buf_adds(out, "it is left out unless you name it: ");
		order_of(i, out);
	}
}

/* --- the plan --- */

static int json_plan(void *arg, const struct store_plan *p)
{
	struct repairs *r = arg;
	struct json *j = r->j;
	_buf_ struct buf line = BUF_INIT(1024);
	snprintf(r->hash, sizeof r->hash, "%s", p->hash);
	if (strcmp(p->state, "planned") == 0)
		buf_addf(&line, "echo %s > control/apply", r->hash);
	json_object(j);
	json_kv_text(j, "hash", p->hash);
	json_kv_text(j, "state", p->state);
	json_kv_time(j, "made_at", p->made_at);
	json_kv_int(j, "steps", p->items);
	json_kv_int(j, "calls", p->calls);
	json_kv_int(j, "held", p->held);
	json_kv_bool(j, "automatic", p->automatic);
	json_kv_text(j, "apply", buf_str(&line));
	json_end_object(j);
	return 0;
}

static int json_item(void *arg, const struct store_plan_item *i)
{
	struct repairs *r = arg;
	struct json *j = r->j;
	_buf_ struct buf order = BUF_INIT(1024), advice = BUF_INIT(1 << 16);
	if (r->total++ >= ITEMS_MOST)
		return 0;
	r->count++;
	order_of(i, &order);
	advice_of(i, &advice);
	json_object(j);
	json_kv_int(j, "item", i->item);
	json_kv_text(j, "action", i->action);
	json_kv_text(j, "state", i->state);
	json_kv_text(j, "reason", i->reason);
	json_kv_path(j, "name", i->name, strlen(i->name));
	json_kv_text(j, "provider", i->provider);
	json_kv_text(j, "torrent", i->torrent);
	json_kv_text(j, "hash", i->hash);
	json_kv_int(j, "links", i->links);
	json_kv_int(j, "calls", i->calls);
	json_kv_text(j, "why", i->why);
	json_kv_text(j, "evidence", i->evidence);
	json_kv_time(j, "changed_at", i->changed_at);
	json_kv_text(j, "apply", buf_str(&order));
	json_kv_text(j, "todo", buf_str(&advice));
	json_end_object(j);
	return 0;
}

static int text_plan(void *arg, const struct store_plan *p)
{
	struct repairs *r = arg;
	struct buf *out = r->out;
	snprintf(r->hash, sizeof r->hash, "%s", p->hash);
	buf_adds(out, "# plan ");
	text_escape(p->hash, strlen(p->hash), out);
	buf_addf(out, " is %s, made at ", p->state);
	doc_time(p->made_at, out);
	buf_addf(out, "%s: %lld steps, at most %lld calls, %lld held\n", p->automatic ? " by itself" : "",
		 (long long)p->items, (long long)p->calls, (long long)p->held);
	if (strcmp(p->state, "planned") == 0 && p->items) {
		buf_adds(out, "# to carry it out: echo ");
		text_escape(p->hash, strlen(p->hash), out);
		buf_adds(out, " > control/apply (or some of it: echo '");
		text_escape(p->hash, strlen(p->hash), out);
		buf_adds(out, " 1 2' > control/apply)\n");
	}
	return 0;
}

static int text_item(void *arg, const struct store_plan_item *i)
{
	struct repairs *r = arg;
	if (r->total++ >= ITEMS_MOST)
		return 0;
	r->count++;
	table_cellf(r->t, "%lld", (long long)i->item);
	table_cells(r->t, is_none(i) ? "nothing" : i->action);
	table_cells(r->t, i->state);
	table_cellf(r->t, "%lld", (long long)i->links);
	table_cellf(r->t, "%lld", (long long)i->calls);
	table_cells(r->t, i->name);
	table_cells(r->t, i->why);
	table_cells(r->t, i->evidence);
	table_cells(r->t, i->reason);
	_buf_ struct buf advice = BUF_INIT(1 << 16);
	advice_of(i, &advice);
	if (advice.len) {
		buf_addf(&r->todo, "# item %lld: ", (long long)i->item);
		text_escape(buf_str(&advice), advice.len, &r->todo);
		buf_addc(&r->todo, '\n');
	}
	return 0;
}

static int text_items(struct repairs *r)
{
	static const char *const head[] = {"item", "action", "state", "links", "calls", "name", "why",
					   "evidence", "reason"};
	struct table t;
	r->t = &t;
	table_open(&t, head, COUNT_OF(head));
	int e = store_plan_items(r->v->store, r->hash, text_item, r);
	doc_end_table(&t, r->out);
	if (r->total > r->count)
		buf_addf(r->out, "# %lld of %lld\n", (long long)r->count, (long long)r->total);
	buf_adds(r->out, buf_str(&r->todo));
	return e;
}

/* --- insertions --- */

static int json_insertion(void *arg, const struct store_insertion *i)
{
	struct repairs *r = arg;
	struct json *j = r->j;
	json_object(j);
	json_kv_int(j, "id", i->id);
	json_kv_text(j, "provider", i->provider);
	json_kv_text(j, "hash", i->hash);
	json_kv_path(j, "name", i->name, strlen(i->name));
	json_kv_text(j, "step", i->step);
	json_kv_text(j, "error", i->error);
	json_kv_text(j, "plan", i->plan);
	json_kv_int(j, "item", i->item);
	json_kv_text(j, "old_id", i->old_id);
	json_kv_text(j, "new_id", i->new_id);
	json_kv_int(j, "tries", i->tries);
	json_kv_time(j, "started_at", i->started_at);
	json_kv_time(j, "changed_at", i->changed_at);
	json_kv_time(j, "next_at", i->next_at);
	json_kv_time(j, "deadline", i->deadline);
	json_end_object(j);
	return ++r->count >= INSERTIONS_MOST;
}

static int text_insertion(void *arg, const struct store_insertion *i)
{
	struct repairs *r = arg;
	table_cells(r->t, i->step);
	doc_time_cell(r->t, i->started_at);
	doc_time_cell(r->t, i->changed_at);
	doc_time_cell(r->t, i->deadline);
	table_cells(r->t, i->hash);
	table_cells(r->t, i->name);
	table_cells(r->t, i->error);
	return ++r->count >= INSERTIONS_MOST;
}

/* --- media managers --- */

static int json_told(void *arg, const struct store_told_item *i)
{
	struct json *j = ((struct repairs *)arg)->j;
	json_object(j);
	json_kv_int(j, "id", i->id);
	json_kv_time(j, "at", i->at);
	json_kv_text(j, "instance", i->instance);
	json_kv_text(j, "action", i->action);
	json_kv_path(j, "path", i->path, strlen(i->path));
	json_kv_text(j, "title", i->title);
	json_kv_text(j, "state", i->state);
	json_kv_text(j, "text", i->text);
	json_kv_time(j, "changed_at", i->changed_at);
	json_end_object(j);
	return 0;
}

static int text_told(void *arg, const struct store_told_item *i)
{
	struct repairs *r = arg;
	doc_time_cell(r->t, i->at);
	table_cells(r->t, *i->instance ? i->instance : "-");
	table_cells(r->t, i->action);
	table_cells(r->t, i->state);
	table_cells(r->t, i->path);
	table_cells(r->t, i->title);
	table_cells(r->t, i->text);
	return 0;
}

/* --- the journal --- */

static bool can_be_undone(const struct store_journal *row)
{
	return strcmp(row->step, "done") == 0 && !row->undone_at;
}

static void journal_path(const struct store_journal *row, struct buf *out)
{
	buf_add(out, row->root.data, row->root.len);
	buf_addc(out, '/');
	buf_add(out, row->path.data, row->path.len);
}

static int json_journal(void *arg, const struct store_journal *row)
{
	struct json *j = ((struct repairs *)arg)->j;
	_buf_ struct buf path = BUF_INIT(1 << 17), undo = BUF_INIT(256);
	journal_path(row, &path);
	if (can_be_undone(row))
		buf_addf(&undo, "echo %lld > control/undo", (long long)row->id);
	json_object(j);
	json_kv_int(j, "id", row->id);
	json_kv_time(j, "at", row->at);
	json_kv_text(j, "plan", row->plan);
	json_kv_int(j, "item", row->item);
	json_kv_text(j, "action", row->action);
	json_kv_text(j, "step", row->step);
	json_kv_text(j, "error", row->error);
	json_kv_path(j, "path", buf_str(&path), path.len);
	json_kv_path(j, "before", row->before.data, row->before.len);
	json_kv_path(j, "after", row->after.data, row->after.len);
	json_kv_time(j, "ended_at", row->ended_at);
	json_kv_time(j, "undone_at", row->undone_at);
	json_kv_text(j, "undo", buf_str(&undo));
	json_end_object(j);
	return 0;
}

static int text_journal(void *arg, const struct store_journal *row)
{
	struct repairs *r = arg;
	_buf_ struct buf path = BUF_INIT(1 << 17), change = BUF_INIT(1 << 17);
	journal_path(row, &path);
	buf_add(&change, row->before.data, row->before.len);
	buf_adds(&change, " → ");
	if (row->after.len)
		buf_add(&change, row->after.data, row->after.len);
	else
		buf_adds(&change, "removed");
	table_cellf(r->t, "%lld", (long long)row->id);
	doc_time_cell(r->t, row->at);
	table_cells(r->t, row->action);
	table_cells(r->t, row->step);
	table_cells(r->t, can_be_undone(row) ? "yes" : "no");
	table_cell(r->t, buf_str(&path), path.len);
	table_cell(r->t, buf_str(&change), change.len);
	table_cells(r->t, row->plan);
	table_cells(r->t, row->error);
	return 0;
}

/* --- documents --- */

static int load(struct view *v, struct repairs *r)
{
	*r = (struct repairs){.v = v, .todo = BUF_INIT(64 << 20)};
	return v->store ? store_repair_counts(v->store, &r->sums) : 0;
}

static void clear(struct repairs *r)
{
	buf_clear(&r->todo);
}

#define _repairs_ __attribute__((cleanup(clear)))

/** Lists behind the plan's. */
static void json_lists(struct repairs *r)
{
	struct store *s = r->v->store;
	struct json *j = r->j;
	json_key(j, "insertions");
	json_array(j);
	r->count = 0;
	if (s)
		store_insertions(s, json_insertion, r);
	json_end_array(j);
	json_kv_int(j, "insertions_total", r->sums.insertions_open);
	json_key(j, "told");
	json_array(j);
	if (s)
		store_told_items(s, TOLD_MOST, json_told, r);
	json_end_array(j);
	json_key(j, "journal");
	json_array(j);
	if (s)
		store_journal(s, "", JOURNAL_MOST, json_journal, r);
	json_end_array(j);
	json_kv_int(j, "journal_total", r->sums.journal);
	json_kv_int(j, "undone", r->sums.undone);
}

int show_repairs_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	_repairs_ struct repairs r;
	int e = load(v, &r), p = -ENOENT;
	(void)n;
	r.j = &j;
	doc_begin(&j, out, v, "repairs", OF_REPAIRS, VIEW_AWAY);
	json_kv_bool(&j, "enabled", realdebrid_is_on(v, NULL));
	json_kv_bool(&j, "dry_run", is_dry_run(v));
	json_key(&j, "plan");
	if (v->store && e == 0)
		p = store_plan_last(v->store, json_plan, &r);
	if (p == -ENOENT)
		json_null(&j);
	json_key(&j, "items");
	json_array(&j);
	if (*r.hash)
		e = store_plan_items(v->store, r.hash, json_item, &r);
	json_end_array(&j);
	json_kv_int(&j, "count", r.count);
	json_kv_int(&j, "total", r.total);
	json_lists(&r);
	json_end_object(&j);
	return e < 0 ? e : p < 0 && p != -ENOENT ? p : 0;
}

/** One table with its heading line; nothing when it has no rows. */
static void text_list(struct repairs *r, const char *title, const char *const *head, int columns,
		      int (*each)(struct repairs *r))
{
	struct table t;
	r->t = &t;
	r->count = 0;
	table_open(&t, head, columns);
	each(r);
	if (t.filled > columns) {
		buf_addf(r->out, "\n# %s\n", title);
		table_write(&t, r->out);
	}
	table_clear(&t);
}

static int each_insertion(struct repairs *r)
{
	return store_insertions(r->v->store, text_insertion, r);
}

static int each_told(struct repairs *r)
{
	return store_told_items(r->v->store, TOLD_MOST, text_told, r);
}

static int each_journal(struct repairs *r)
{
	return store_journal(r->v->store, "", JOURNAL_MOST, text_journal, r);
}

static void text_lists(struct repairs *r)
{
	static const char *const insertions[] = {"step", "started", "changed", "gives up", "hash", "name",
						 "error"};
	static const char *const told[] = {"at", "who", "what", "state", "path", "title", "text"};
	static const char *const journal[] = {"id", "time", "action", "step", "can be undone", "path",
					      "before → after", "plan", "error"};
	text_list(r, "torrents on their way back", insertions, COUNT_OF(insertions), each_insertion);
	text_list(r, "what media managers were told", told, COUNT_OF(told), each_told);
	text_list(r,
		  "links that were changed, newest first; to put one back: echo ID > control/undo; all of a plan: "
		  "echo PLAN > control/undo",
		  journal, COUNT_OF(journal), each_journal);
	if (r->sums.journal > JOURNAL_MOST)
		buf_addf(r->out, "# the newest %d of %lld\n", JOURNAL_MOST, (long long)r->sums.journal);
}

int show_repairs(struct view *v, const struct node *n, struct buf *out)
{
	_repairs_ struct repairs r;
	int e = load(v, &r);
	(void)n;
	r.out = out;
	bool is_on = realdebrid_is_on(v, out);
	if (e < 0 || (!is_on && !r.sums.journal) || !v->store) {
		if (is_on && e == 0)
			buf_adds(out, "# nothing is known yet\n");
		doc_away(out, v);
		return e;
	}
	int p = store_plan_last(v->store, text_plan, &r);
	if (p == -ENOENT)
		buf_adds(out, "# there is no plan: echo plan > control/repair makes one and changes nothing\n");
	if (is_dry_run(v))
		buf_adds(out, "# dry run is on: nothing can be carried out before: echo off > control/dry-run\n");
	if (*r.hash)
		e = text_items(&r);
	text_lists(&r);
	doc_away(out, v);
	return e < 0 ? e : p < 0 && p != -ENOENT ? p : 0;
}
