/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/roots: the watched folders, and what is mounted below them. */
#include "common/cleanup.h"
#include "common/path.h"
#include "fs/links.h"
#include "fs/views.h"

/** A root, or a mount below one. */
struct place {
	const char *name, *kind, *state, *reason, *watch;
	struct bytes path;
	int64_t since, files, bytes, held;
	bool is_mount;
};

struct places {
	struct view *v;
	int (*show)(struct places *p, const struct place *place);
	struct json *j;
	struct table *t;
	int64_t count;
	/* the root at hand */
	const struct store_root *root;
};

static int add_mount(void *arg, const struct store_mount *row)
{
	struct places *p = arg;
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
	return p->show(p, &place);
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
	struct places *p = arg;
	const struct place place = {
		.name = row->name, .kind = row->kind, .state = row->state, .reason = row->reason,
		.watch = row->watch, .path = row->path, .since = row->since,
		.files = root_files(p->v, row), .bytes = row->bytes, .held = root_held(p->v, row),
	};
	int r = p->show(p, &place);
	p->root = row;
	return r < 0 ? r : store_mounts(p->v->store, add_mount, p);
}

static int json_place(struct places *p, const struct place *place)
{
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

static int text_place(struct places *p, const struct place *place)
{
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
	struct places p = {.v = v, .show = json_place, .j = &j};
	(void)n;
	doc_list_begin(&j, out, v, "roots", OF_ROOTS, VIEW_AWAY);
	int e = v->store ? store_roots(v->store, add_root, &p) : 0;
	return e < 0 ? e : doc_list_end(&j, p.count);
}

int show_roots(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"name", "state", "since", "files", "size",
					   "held", "path",  "watched", "reason"};
	struct table t;
	struct places p = {.v = v, .show = text_place, .t = &t};
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = v->store ? store_roots(v->store, add_root, &p) : 0;
	doc_end_table(&t, out);
	doc_away(out, v);
	return e;
}
