/* SPDX-License-Identifier: GPL-3.0-or-later */
/** history/: a folder for each snapshot of status/ that the retention rules keep, and what changed
 * since.  A document's row and that of its folder never change; diff moves with what it compares. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/path.h"
#include "common/snapshot.h"
#include "fs/diff.h"
#include "fs/document.h"
#include "fs/names.h"
#include "fs/tree.h"
#include "fs/views.h"

/* --- <time>/ --- */

static int list_times(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	(void)parent;
	return v->store ? store_history(v->store, (int64_t)after, names_emit_item, out) : 0;
}

/** "2026-11-21T10:00:00Z", exactly so written. */
static int parse_time(const char *name, int64_t *time)
{
	struct tm tm = {0};
	const char *end = strptime(name, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return -ENOENT;
	_buf_ struct buf again = BUF_INIT(64);
	*time = (int64_t)timegm(&tm) * NS_PER_S;
	time_rfc3339(*time, &again);
	return strcmp(buf_str(&again), name) == 0 ? 0 : -ENOENT;
}

static int find_time(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	int64_t time, id = 0;
	(void)parent;
	int r = v->store ? parse_time(name, &time) : -ENOENT;
	if (r == 0)
		r = store_history_at(v->store, time, &id);
	*row = (uint64_t)id;
	return r;
}

static int stamp_time(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	*version = 0;
	return v->store ? store_history_time(v->store, (int64_t)row, at) : -ENOENT;
}

/* --- the documents --- */

static int list_docs(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	return v->store ? store_history_docs(v->store, (int64_t)parent->row, (int64_t)after,
					     names_emit_item, out)
			: 0;
}

static int find_doc(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	int64_t id = 0;
	int r = v->store ? store_history_find(v->store, (int64_t)parent->row, name, &id) : -ENOENT;
	*row = (uint64_t)id;
	return r;
}

static int stamp_doc(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	*version = 1;
	return v->store ? store_history_doc(v->store, (int64_t)row, at) : -ENOENT;
}

static int show_doc(struct view *v, const struct node *n, struct buf *out)
{
	return store_history_read(v->store, (int64_t)n->row, out);
}

/* --- diff --- */

enum {
	OF_DIFF = OF_ROOTS | OF_MISSING | OF_ERRORS | OF_AUDIT,
};

struct owned {
	double volume;
	bool is_there;
};

static int look_in_series(void *arg, const struct store_series *row)
{
	struct owned *o = arg;
	o->is_there = document_list_has(row->owned, o->volume);
	return 0;
}

static bool has_volume(void *arg, const char *series, double volume)
{
	struct view *v = arg;
	struct owned o = {.volume = volume};
	int64_t id;
	if (store_series_titled(v->store, series, &id) == 0)
		store_series(v->store, id, look_in_series, &o);
	return o.is_there;
}

struct place {
	const char *path;
	int64_t root;
	/** Below the root. */
	struct buf *below;
};

static int look_in_root(void *arg, const struct store_root *row)
{
	struct place *p = arg;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	buf_add(&path, row->path.data, row->path.len);
	const char *below = path_below(buf_str(&path), p->path);
	if (!below)
		return 0;
	p->root = row->id;
	buf_adds(p->below, below);
	return 1;
}

/** A file or folder that the index knows. */
static bool has_path(void *arg, const char *path)
{
	struct view *v = arg;
	_buf_ struct buf below = BUF_INIT(1 << 16);
	struct place p = {.path = path, .below = &below};
	struct store_file row;
	int64_t dir;
	bool cover;
	store_roots(v->store, look_in_root, &p);
	if (!p.root)
		return false;
	const char *text = buf_str(&below), *slash = strrchr(text, '/');
	const char *name = slash ? slash + 1 : text;
	if (store_dir(v->store, p.root, text, below.len, &dir, &cover) == 0)
		return true;
	return store_dir(v->store, p.root, text, slash ? (size_t)(slash - text) : 0, &dir, &cover) == 0 &&
	       store_file_find(v->store, dir, name, strlen(name), &row) == 0;
}

/** The document of then; nothing when there was none. */
static int load_then(struct view *v, const struct node *n, const char *name, struct buf *out)
{
	int64_t id;
	int r = store_history_find(v->store, (int64_t)n->row, name, &id);
	if (r == 0)
		r = store_history_read(v->store, id, out);
	return r == -ENOENT ? 0 : r;
}

static int load_now(struct view *v, const char *name, struct buf *out)
{
	struct node n;
	int64_t at;
	_buf_ struct buf path = BUF_INIT(256);
	buf_addf(&path, "status/%s", name);
	int r = tree_resolve(v, buf_str(&path), &n, &at);
	return r == 0 ? tree_render(v, &n, out) : r == -ENOENT ? 0 : r;
}

static int compare(struct view *v, const struct node *n, struct buf *out)
{
	struct buf then[DIFF_COUNT], now[DIFF_COUNT];
	struct diff d = {.has_volume = has_volume, .has_path = has_path, .arg = v};
	int r = 0;
	for (int i = 0; i < DIFF_COUNT; i++) {
		then[i] = now[i] = BUF_INIT(SNAPSHOT_MAX);
		if (r == 0)
			r = load_then(v, n, DIFF_NAMES[i], &then[i]);
		if (r == 0)
			r = load_now(v, DIFF_NAMES[i], &now[i]);
		d.then[i] = (struct bytes){then[i].data, then[i].len};
		d.now[i] = (struct bytes){now[i].data, now[i].len};
	}
	if (r == 0)
		r = diff_words(&d, out);
	for (int i = 0; i < DIFF_COUNT; i++) {
		buf_clear(&then[i]);
		buf_clear(&now[i]);
	}
	return r;
}

static int show_diff(struct view *v, const struct node *n, struct buf *out)
{
	int64_t time;
	int r = v->store ? store_history_time(v->store, (int64_t)n->row, &time) : -ENOENT;
	if (r < 0)
		return r;
	buf_adds(out, "# what changed since ");
	doc_time(time, out);
	buf_addc(out, '\n');
	r = compare(v, n, out);
	doc_away(out, v);
	return r;
}

static const struct entry time_dir[] = {
	FILE_OF("diff", show_diff, .of_parent = true, .topics = OF_DIFF, .moods = VIEW_AWAY,
		.help = "what changed since then, in words"),
	{
		.mode = S_IFREG | 0444,
		.list = list_docs,
		.find = find_doc,
		.stamp = stamp_doc,
		.show = show_doc,
		.help = "a document of status/ as it was",
	},
	{0},
};

const struct entry history_dir[] = {
	DIRECTORY(NULL, time_dir, .list = list_times, .find = find_time, .stamp = stamp_time,
		  .rows = ROW_HISTORY, .help = "status/ at that time (UTC)"),
	{0},
};
