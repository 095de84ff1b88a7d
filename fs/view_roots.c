/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/roots: the watched folders, and what is mounted below them. */
#include "common/cleanup.h"
#include "common/path.h"
#include "fs/links.h"
#include "fs/roots.h"
#include "fs/views.h"

struct walk {
	struct view *v;
	place_fn *fn;
	void *arg;
	/* the root at hand */
	const struct store_root *root;
};

struct places {
	struct json *j;
	struct table *t;
	int64_t count;
};

static int add_mount(void *arg, const struct store_mount *row)
{
	struct walk *p = arg;
	_buf_ struct buf name = BUF_INIT(1 << 17), path = BUF_INIT(1 << 17);
	int64_t files = 0;
	if (row->root != p->root->id)
		return 0;
	buf_addf(&name, "%s:", p->root->name);
	buf_add(&name, row->path.data, row->path.len);
	path_join(p->root->path.data, p->root->path.len, row->path.data, row->path.len, &path);
	store_count_below(p->v->store, row->root, row->path.data, row->path.len, &files);
	const struct place place = {
		.name = buf_str(&name), .kind = p->root->kind, .state = row->state,
		.reason = row->reason, .watch = row->fstype, .path = {buf_str(&path), path.len},
		.since = row->since, .files = files, .held = row->held, .is_mount = true,
	};
	return p->fn(p->arg, &place);
}

struct hold {
	int64_t root, count;
};

static int take_hold(void *arg, const struct store_link_hold *row)
{
	struct hold *h = arg;
	if (row->root == h->root)
		h->count = row->count;
	return 0;
}

static bool has_links(const struct store_root *row)
{
	return strcmp(row->kind, "links") == 0;
}

int64_t root_files(struct view *v, const struct store_root *row)
{
	return has_links(row) ? links_count_root(v, row->id) : row->files;
}

int64_t root_held(struct view *v, const struct store_root *row)
{
	struct hold hold = {.root = row->id, .count = row->held};
	if (has_links(row))
		store_link_holds(v->store, take_hold, &hold);
	return hold.count;
}

bool root_is_well(const struct store_root *row)
{
	return strcmp(row->state, "present") == 0 || (strcmp(row->state, "empty") == 0 && !row->files) ||
	       (strcmp(row->state, "unknown") == 0 && strcmp(row->reason, "not looked at yet") == 0);
}

static int add_root(void *arg, const struct store_root *row)
{
	struct walk *p = arg;
	const struct place place = {
		.name = row->name, .kind = row->kind, .state = row->state, .reason = row->reason,
		.watch = row->watch, .path = row->path, .since = row->since,
		.files = root_files(p->v, row), .bytes = row->bytes, .held = root_held(p->v, row),
	};
	int r = p->fn(p->arg, &place);
	p->root = row;
	return r ? r : store_mounts(p->v->store, add_mount, p);
}

int places_each(struct view *v, place_fn *fn, void *arg)
{
	struct walk walk = {.v = v, .fn = fn, .arg = arg};
	return v->store ? store_roots(v->store, add_root, &walk) : 0;
}

static int json_place(void *arg, const struct place *place)
{
	struct places *p = arg;
	struct json *j = p->j;
	p->count++;
	json_object(j);
	json_kv_text(j, "name", place->name);
	json_kv_text(j, "kind", place->kind);
	json_kv_path(j, "path", place->path.data, place->path.len);
	json_kv_text(j, "state", place->state);
	json_kv_text(j, "reason", place->reason);
	json_kv_time(j, "since", place->since);
	json_kv_int(j, "files", place->files);
	if (!place->is_mount)
		json_kv_int(j, "bytes", place->bytes);
	json_kv_int(j, "held", place->held);
	json_kv_bool(j, "mount", place->is_mount);
	json_kv_text(j, place->is_mount ? "filesystem" : "watch", place->watch);
	json_end_object(j);
	return 0;
}

static int text_place(void *arg, const struct place *place)
{
	struct places *p = arg;
	_buf_ struct buf size = BUF_INIT(64);
	human_bytes((uint64_t)place->bytes, &size);
	table_cells(p->t, place->name);
	table_cells(p->t, place->state);
	doc_time_cell(p->t, place->since);
	table_cellf(p->t, "%lld", (long long)place->files);
	table_cells(p->t, place->is_mount ? "-" : buf_str(&size));
	table_cellf(p->t, "%lld", (long long)place->held);
	table_cell(p->t, place->path.data, place->path.len);
	table_cells(p->t, *place->watch ? place->watch : "-");
	table_cells(p->t, place->reason);
	return 0;
}

int show_roots_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct places p = {.j = &j};
	(void)n;
	doc_list_begin(&j, out, v, "roots", OF_ROOTS, VIEW_AWAY);
	int e = places_each(v, json_place, &p);
	return e < 0 ? e : doc_list_end(&j, p.count);
}

int show_roots(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"name", "state", "since", "files", "size",
					   "held", "path",  "watched", "reason"};
	struct table t;
	struct places p = {.t = &t};
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = places_each(v, text_place, &p);
	doc_end_table(&t, out);
	doc_away(out, v);
	return e;
}
