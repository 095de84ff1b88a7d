/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The page's sections about links: those that are broken or held, and the plan to mend them. */
#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/store_repair.h"
#include "fs/dashboard.h"
#include "fs/html.h"
#include "fs/links.h"
#include "fs/views.h"

enum {
	LINKS_MOST = 25,
	ITEMS_MOST = 25,
};

/* --- links --- */

struct links {
	struct page *p;
	struct html_table t;
	struct link_roots roots;
	int64_t count;
};

static int put_link(void *arg, const struct store_symlink *row)
{
	struct links *l = arg;
	struct buf *out = l->p->out;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	link_path(&l->roots, row, &path);
	l->count++;
	html_cell(&l->t, -1);
	html_foreign(buf_str(&path), path.len, out);
	buf_adds(out, "<span class=\"path\">→ ");
	html_foreign(row->target.data, row->target.len, out);
	buf_adds(out, "</span>");
	html_cell_end(&l->t);
	html_cell(&l->t, -1);
	html_tag(row->state == LINK_BROKEN ? "bad" : "warn", LINK_STATE_WORDS[row->state], out);
	if (*row->reason) {
		buf_adds(out, " <span class=\"muted\">");
		html_foreign(row->reason, strlen(row->reason), out);
		buf_adds(out, "</span>");
	}
	html_cell_end(&l->t);
	html_cell_time(&l->t, row->since);
	return 0;
}

static int put_links(struct links *l)
{
	static const enum link_state listed[] = {LINK_BROKEN, LINK_HELD};
	static const char *const head[] = {"Link", "State", "Since"};
	int r = link_roots_load(l->p->v->store, &l->roots);
	html_table_begin(&l->t, l->p->out, "Links whose target is gone", head, COUNT_OF(head));
	for (size_t i = 0; i < COUNT_OF(listed) && r == 0 && l->count < LINKS_MOST; i++)
		r = store_symlinks_some(l->p->v->store, listed[i], LINKS_MOST - l->count, put_link, l);
	html_table_end(&l->t);
	link_roots_clear(&l->roots);
	return r;
}

int page_links(struct page *p)
{
	struct links l = {.p = p};
	struct store_symlink_counts c = {0};
	int r = p->v->store ? links_count(p->v, &c) : 0;
	int64_t total = c.state[LINK_BROKEN] + c.state[LINK_HELD];
	if (r < 0 || !total)
		return r;
	p->count = total;
	buf_adds(p->out, "<p class=\"lead\">They can also be looked at as files, in <a href=\"links/broken/\">links/broken</a>.</p>\n");
	r = put_links(&l);
	page_rest(p, total - l.count, "links", "symlinks");
	return r;
}

/* --- the plan --- */

struct plan {
	struct page *p;
	struct html_table t;
	char hash[33];
	int64_t items, count, doable;
	bool is_waiting;
};

static int put_plan(void *arg, const struct store_plan *row)
{
	struct plan *plan = arg;
	struct buf *out = plan->p->out;
	snprintf(plan->hash, sizeof plan->hash, "%s", row->hash);
	plan->items = row->items;
	plan->is_waiting = strcmp(row->state, "planned") == 0;
	plan->doable = row->items - row->held;
	if (!row->items)
		return 0;
	buf_adds(out, "<p class=\"lead\">");
	html_tag(plan->is_waiting ? "warn" : "calm", row->state, out);
	buf_adds(out, " made ");
	html_time(row->made_at, out);
	buf_adds(out, row->automatic ? " by itself: " : ": ");
	html_number(row->items, out);
	buf_addf(out, row->items == 1 ? " step, at most " : " steps, at most ");
	html_number(row->calls, out);
	buf_adds(out, " calls, ");
	html_number(row->held, out);
	buf_adds(out, " held.</p>\n");
	if (plan->is_waiting && plan->doable > 0) {
		buf_adds(out, "<p>To carry it out: ");
		page_command(plan->p, "apply", row->hash);
		buf_adds(out, "</p>\n");
	}
	return 0;
}

static int put_item(void *arg, const struct store_plan_item *i)
{
	struct plan *plan = arg;
	struct buf *out = plan->p->out;
	const char *why = *i->reason ? i->reason : i->why;
	html_cell(&plan->t, i->item);
	buf_addf(out, "%lld", (long long)i->item);
	html_cell_end(&plan->t);
	html_cell(&plan->t, -1);
	html_text(strcmp(i->action, "none") == 0 ? "nothing" : i->action, strcmp(i->action, "none") == 0 ? 7 : strlen(i->action), out);
	buf_adds(out, " ");
	html_tag(strcmp(i->state, "failed") == 0 ? "bad" : strcmp(i->state, "done") == 0 ? "good" : "calm", i->state, out);
	html_cell_end(&plan->t);
	html_cell(&plan->t, -1);
	html_foreign(i->name, strlen(i->name), out);
	buf_adds(out, "<span class=\"path\">");
	html_foreign(why, strlen(why), out);
	buf_adds(out, "</span>");
	html_cell_end(&plan->t);
	html_cell_number(&plan->t, i->links);
	return ++plan->count >= ITEMS_MOST;
}

int page_plan(struct page *p)
{
	static const char *const head[] = {"#Step", "Action", "Torrent", "#Links"};
	struct plan plan = {.p = p};
	int r = p->v->store ? store_plan_last(p->v->store, put_plan, &plan) : -ENOENT;
	if (r < 0 || !plan.items)
		return r == -ENOENT ? 0 : r;
	p->count = plan.items;
	if (plan.is_waiting && is_dry_run(p->v)) {
		buf_adds(p->out, "<p>The dry run is on: nothing is changed until you say ");
		page_command(p, "dry-run", "off");
		buf_adds(p->out, "</p>\n");
	}
	html_table_begin(&plan.t, p->out, "What the plan would do", head, COUNT_OF(head));
	r = store_plan_items(p->v->store, plan.hash, put_item, &plan);
	html_table_end(&plan.t);
	page_rest(p, plan.items - plan.count, "steps", "repairs");
	return r < 0 ? r : 0;
}
