/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/symlinks: how many links are how, the mount they lead to, and each that is not as it should be. */
#include "common/cleanup.h"
#include "fs/links.h"
#include "fs/views.h"

enum {
	ROWS_MOST = 10000,
	FOREIGN_MOST = 100,
};

/** What is listed, the worst first; foreign links are counted only. */
static const enum link_state listed[] = {LINK_BROKEN, LINK_HELD, LINK_SUSPECT, LINK_UNKNOWN};

struct links {
	struct view *v;
	struct json *j;
	struct table *t;
	struct buf *out;
	struct link_roots roots;
	struct store_symlink_counts counts;
	int64_t count, total, holds;
};

static int load(struct view *v, struct links *l)
{
	*l = (struct links){.v = v};
	if (!v->store)
		return 0;
	int r = link_roots_load(v->store, &l->roots);
	if (r == 0)
		r = links_count(v, &l->counts);
	for (size_t i = 0; i < COUNT_OF(listed); i++)
		l->total += l->counts.state[listed[i]];
	return r;
}

static void clear(struct links *l)
{
	link_roots_clear(&l->roots);
}

#define _links_ __attribute__((cleanup(clear)))

static int each_listed(struct links *l, store_symlink_fn *fn)
{
	int r = 0;
	for (size_t i = 0; l->v->store && i < COUNT_OF(listed) && r == 0 && l->count < ROWS_MOST; i++)
		if (l->counts.state[listed[i]])
			r = store_symlinks_some(l->v->store, listed[i], ROWS_MOST - l->count, fn, l);
	return r;
}

/* --- JSON --- */

static int json_link(void *arg, const struct store_symlink *row)
{
	struct links *l = arg;
	l->count++;
	json_object(l->j);
	link_json(l->j, &l->roots, row);
	json_end_object(l->j);
	return 0;
}

static int json_foreign(void *arg, const struct store_symlink *row)
{
	struct links *l = arg;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	link_path(&l->roots, row, &path);
	json_object(l->j);
	json_kv_path(l->j, "path", buf_str(&path), path.len);
	json_kv_path(l->j, "target", row->target.data, row->target.len);
	json_end_object(l->j);
	return 0;
}

static int json_mount(void *arg, const struct store_mount_health *h)
{
	struct json *j = arg;
	json_object(j);
	json_kv_text(j, "path", h->path);
	json_kv_text(j, "state", h->state);
	json_kv_text(j, "reason", h->reason);
	json_kv_text(j, "filesystem", h->fstype);
	json_kv_time(j, "since", h->since);
	json_kv_time(j, "looked_at", h->looked_at);
	json_kv_int(j, "entries", h->entries);
	json_end_object(j);
	return 0;
}

/** The words that say: these are really gone. */
static void put_confirmation(const struct store_link_hold *h, struct buf *out)
{
	buf_adds(out, "echo '");
	text_escape(h->name, strlen(h->name), out);
	buf_addf(out, " %lld' > control/accept-loss", (long long)h->count);
}

static int json_hold(void *arg, const struct store_link_hold *h)
{
	struct json *j = arg;
	_buf_ struct buf line = BUF_INIT(1 << 16);
	put_confirmation(h, &line);
	json_object(j);
	json_kv_text(j, "root", h->name);
	json_kv_int(j, "count", h->count);
	json_kv_time(j, "since", h->since);
	json_kv_text(j, "reason", h->reason);
	json_kv_text(j, "confirm", buf_str(&line));
	json_end_object(j);
	return 0;
}

static int json_head(struct links *l)
{
	struct json *j = l->j;
	int r = 0;
	json_kv_bool(j, "enabled", links_are_on(l->v, NULL));
	links_json(j, &l->counts);
	json_key(j, "mounts");
	json_array(j);
	if (l->v->store)
		r = store_mount_health(l->v->store, json_mount, j);
	json_end_array(j);
	json_key(j, "holds");
	json_array(j);
	if (l->v->store && r == 0)
		r = store_link_holds(l->v->store, json_hold, j);
	json_end_array(j);
	return r;
}

int show_symlinks_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	_links_ struct links l;
	int r = load(v, &l);
	(void)n;
	l.j = &j;
	doc_begin(&j, out, v, "symlinks", OF_SYMLINKS, VIEW_AWAY);
	if (r == 0)
		r = json_head(&l);
	json_key(&j, "items");
	json_array(&j);
	if (r == 0)
		r = each_listed(&l, json_link);
	json_end_array(&j);
	json_kv_int(&j, "count", l.count);
	json_kv_int(&j, "total", l.total);
	json_key(&j, "foreign");
	json_array(&j);
	if (r == 0 && l.counts.state[LINK_FOREIGN])
		r = store_symlinks_some(v->store, LINK_FOREIGN, FOREIGN_MOST, json_foreign, &l);
	json_end_array(&j);
	json_end_object(&j);
	return r;
}

/* --- text --- */

static int text_link(void *arg, const struct store_symlink *row)
{
	struct links *l = arg;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	link_path(&l->roots, row, &path);
	l->count++;
	table_cells(l->t, LINK_STATE_WORDS[row->state]);
	doc_time_cell(l->t, row->since);
	table_cellf(l->t, "%lld", (long long)row->sightings);
	table_cells(l->t, *link_error(row) ? link_error(row) : "-");
	doc_time_cell(l->t, row->ok_at);
	table_cell(l->t, buf_str(&path), path.len);
	table_cell(l->t, row->target.data, row->target.len);
	table_cells(l->t, row->reason);
	return 0;
}

static int text_mount(void *arg, const struct store_mount_health *h)
{
	struct buf *out = arg;
	buf_adds(out, "# the mount ");
	text_escape(h->path, strlen(h->path), out);
	buf_adds(out, " is ");
	buf_adds(out, *h->state ? h->state : "not looked at yet");
	if (h->since) {
		buf_adds(out, " since ");
		doc_time(h->since, out);
	}
	if (*h->reason) {
		buf_adds(out, ": ");
		text_escape(h->reason, strlen(h->reason), out);
	}
	buf_addc(out, '\n');
	return 0;
}

static int text_hold(void *arg, const struct store_link_hold *h)
{
	struct buf *out = arg;
	buf_adds(out, "# held: ");
	text_escape(h->name, strlen(h->name), out);
	buf_addf(out, ": %lld links since ", (long long)h->count);
	doc_time(h->since, out);
	buf_adds(out, ": ");
	text_escape(h->reason, strlen(h->reason), out);
	buf_adds(out, "\n#       to say that they are really gone: ");
	put_confirmation(h, out);
	buf_addc(out, '\n');
	return 0;
}

static int text_head(struct links *l)
{
	struct buf *out = l->out;
	buf_addf(out, "# %lld links:", (long long)l->counts.total);
	for (int s = 0; s < LINK_STATE_COUNT; s++)
		buf_addf(out, "%s %lld %s", s ? "," : "", (long long)l->counts.state[s],
			 LINK_STATE_WORDS[s]);
	buf_addc(out, '\n');
	int r = l->v->store ? store_mount_health(l->v->store, text_mount, out) : 0;
	return r == 0 && l->v->store ? store_link_holds(l->v->store, text_hold, out) : r;
}

int show_symlinks(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"state", "since", "seen", "error", "last there",
					   "path", "target", "reason"};
	struct table t;
	_links_ struct links l;
	int r = load(v, &l);
	(void)n;
	l.t = &t;
	l.out = out;
	if (r < 0)
		return r;
	if (!links_are_on(v, out) && !l.counts.total) {
		doc_away(out, v);
		return 0;
	}
	r = text_head(&l);
	table_open(&t, head, COUNT_OF(head));
	if (r == 0)
		r = each_listed(&l, text_link);
	doc_end_table(&t, out);
	if (l.total > l.count)
		buf_addf(out, "# %lld of %lld; `mediamon export links` shows all\n", (long long)l.count,
			 (long long)l.total);
	doc_away(out, v);
	return r;
}
