/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/cleanup.h"
#include "common/ctl.h"
#include "common/orders.h"
#include "common/snapshot.h"
#include "fs/links.h"
#include "fs/tree.h"
#include "fs/views.h"

static int print_item(void *arg, const struct tree_item *item)
{
	(void)arg;
	printf("%s%s\n", item->name, S_ISDIR(item->node.entry->mode) ? "/" : "");
	return 0;
}

static int complain(const char *path, int error)
{
	fprintf(stderr, "mediamon: %s: %s\n", path, strerror(-error));
	return 1;
}

int dump_command(const struct config *config, const char *path)
{
	struct view v;
	struct node n;
	int64_t at;
	_buf_ struct buf out = BUF_INIT((size_t)1 << 30);
	tree_init();
	views_open(config);
	view_begin(&v);
	int r = tree_resolve(&v, path, &n, &at);
	if (r == 0 && S_ISDIR(n.entry->mode))
		r = tree_list(&v, &n, 0, print_item, NULL);
	else if (r == 0)
		r = tree_render(&v, &n, &out);
	if (r == 0 && S_ISLNK(n.entry->mode))
		buf_addc(&out, '\n');
	view_end(&v);
	views_close();
	if (r < 0)
		return complain(path, r);
	return fwrite(buf_str(&out), 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}

/* --- snapshot --- */

struct walk {
	struct view *v;
	struct buf out, doc;
	unsigned topics;
	size_t count;
};

/** Whatever is a document: not what is never kept, nor what only grows. */
static bool is_document(const struct entry *e)
{
	return S_ISREG(e->mode) && !e->uncached && !e->grows;
}

static int add_topics(void *arg, const struct tree_item *item)
{
	struct walk *w = arg;
	if (is_document(item->node.entry))
		w->topics |= item->node.entry->topics;
	return 0;
}

static int add_document(void *arg, const struct tree_item *item)
{
	struct walk *w = arg;
	if (!is_document(item->node.entry))
		return 0;
	buf_reset(&w->doc);
	int r = tree_render(w->v, &item->node, &w->doc);
	if (r < 0)
		return r;
	snapshot_add(&w->out, item->name, buf_str(&w->doc), w->doc.len);
	w->count++;
	return 0;
}

static int render_snapshot(struct walk *w)
{
	struct node dir;
	int64_t at;
	int r = w->v->store ? tree_resolve(w->v, "status", &dir, &at) : -ENOENT;
	if (r == 0)
		r = tree_list(w->v, &dir, 0, add_topics, w);
	if (r < 0)
		return r;
	snapshot_begin(&w->out, view_version(w->v, w->topics, 0));
	r = tree_list(w->v, &dir, 0, add_document, w);
	snapshot_end(&w->out, w->count);
	return r < 0 ? r : buf_error(&w->out);
}

int snapshot_command(const struct config *config, const char *state_dir)
{
	struct view v;
	struct walk w = {.v = &v, .out = BUF_INIT(SNAPSHOT_MAX), .doc = BUF_INIT(SNAPSHOT_MAX)};
	if (strcmp(config_state_dir(config), state_dir) != 0)
		return complain(state_dir, -EXDEV);
	tree_init();
	views_open(config);
	view_begin(&v);
	/* what this process noticed, and when, is no part of the state: the same state gives the
	 * same bytes */
	memset(v.mood.version, 0, sizeof v.mood.version);
	v.mood.at[0] = 0;
	int r = render_snapshot(&w);
	view_end(&v);
	views_close();
	bool ok = r == 0 && fwrite(buf_str(&w.out), 1, w.out.len, stdout) == w.out.len &&
		  fflush(stdout) == 0;
	buf_clear(&w.out);
	buf_clear(&w.doc);
	return r < 0 ? complain(state_dir, r) : ok ? 0 : 1;
}

/* --- export --- */

struct export {
	unsigned of;
	struct buf line;
};

static int print_line(struct export *e)
{
	buf_addc(&e->line, '\n');
	bool ok = fwrite(e->line.data, 1, e->line.len, stdout) == e->line.len;
	buf_reset(&e->line);
	return ok ? 0 : -EPIPE;
}

static int print_media(void *arg, const struct store_media *m)
{
	struct export *e = arg;
	struct json j;
	json_init(&j, &e->line, 0);
	export_json(&j, m, e->of);
	return print_line(e);
}

static int print_error(void *arg, const struct store_error_row *row)
{
	struct export *e = arg;
	struct json j;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	buf_add(&path, row->root.data, row->root.len);
	if (row->path.len)
		buf_addc(&path, '/');
	buf_add(&path, row->path.data, row->path.len);
	json_init(&j, &e->line, 0);
	json_object(&j);
	json_kv_path(&j, "path", buf_str(&path), path.len);
	json_kv_text(&j, "kind", row->kind);
	json_kv_text(&j, "reason", row->reason);
	json_kv_time(&j, "since", row->since);
	json_kv_int(&j, "tries", row->tries);
	json_end_object(&j);
	return print_line(e);
}

static int export_tracks(struct store *s, struct export *e)
{
	e->of = OF_TRACK;
	return store_export_tracks(s, print_media, e);
}

static int export_volumes(struct store *s, struct export *e)
{
	e->of = OF_VOLUME;
	return store_export_volumes(s, print_media, e);
}

static int export_errors(struct store *s, struct export *e)
{
	return store_errors(s, print_error, e);
}

static int print_gone(void *arg, const struct store_gone *row)
{
	struct export *e = arg;
	struct json j;
	const struct store_media m = {.root = row->root, .dir = row->dir, .name = row->name};
	_buf_ struct buf path = BUF_INIT(1 << 17);
	media_path(&m, &path);
	json_init(&j, &e->line, 0);
	json_object(&j);
	json_kv_int(&j, "id", row->id);
	json_kv_path(&j, "path", buf_str(&path), path.len);
	json_kv_int(&j, "bytes", row->size);
	json_kv_time(&j, "modified_at", row->mtime);
	json_kv_time(&j, "added_at", row->added_at);
	json_kv_time(&j, "gone_at", row->gone_at);
	json_end_object(&j);
	return print_line(e);
}

static int export_gone(struct store *s, struct export *e)
{
	return store_gone(s, print_gone, e);
}

struct link_export {
	struct export *e;
	struct link_roots roots;
};

static int print_link(void *arg, const struct store_symlink *row)
{
	struct link_export *x = arg;
	struct json j;
	json_init(&j, &x->e->line, 0);
	json_object(&j);
	json_kv_int(&j, "id", row->id);
	link_json(&j, &x->roots, row);
	json_end_object(&j);
	return print_line(x->e);
}

static int export_links(struct store *s, struct export *e)
{
	struct link_export x = {.e = e};
	int r = link_roots_load(s, &x.roots);
	if (r == 0)
		r = store_symlinks(s, 0, print_link, &x);
	link_roots_clear(&x.roots);
	return r;
}

int export_command(const struct config *config, const char *what)
{
	static const struct {
		const char *what;
		int (*run)(struct store *s, struct export *e);
	} kinds[] = {
		{"tracks", export_tracks},
		{"volumes", export_volumes},
		{"errors", export_errors},
		{"gone", export_gone},
		{"links", export_links},
	};
	struct store *s = NULL;
	struct export e = {.line = BUF_INIT(1 << 22)};
	size_t k = 0;
	while (k < COUNT_OF(kinds) && strcmp(kinds[k].what, what) != 0)
		k++;
	if (k == COUNT_OF(kinds)) {
		fprintf(stderr, "mediamon: export tracks, volumes, links, errors or gone\n");
		return 2;
	}
	int r = store_open_reader(config_state_dir(config), &s);
	if (r == 0)
		r = kinds[k].run(s, &e);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	store_close(s);
	buf_clear(&e.line);
	return r == 0 ? 0 : complain(config_state_dir(config), r);
}

/* --- order --- */

int order_command(const struct config *config, const char *file, int argc, char **argv)
{
	enum { TIMEOUT_MS = 10000 };
	char token[CTL_TOKEN];
	int verdict = 0;
	_buf_ struct buf text = BUF_INIT(1 << 20), answer = BUF_INIT(1 << 16), shown = BUF_INIT(1 << 17);
	for (int i = 0; i < argc; i++)
		buf_addf(&text, "%s%s", i ? " " : "", argv[i]);
	if (order_find(file, strlen(file)) == ORDER_COUNT) {
		fprintf(stderr, "mediamon: there is no order \"%s\"; the orders are:", file);
		for (int i = 0; i < ORDER_COUNT; i++)
			fprintf(stderr, " %s", ORDERS_TABLE[i].name);
		fputc('\n', stderr);
		return 2;
	}
	ctl_token(token);
	int r = ctl_order(config_state_dir(config), token, file, buf_str(&text), text.len, TIMEOUT_MS,
			  &verdict, &answer);
	if (r < 0) {
		fprintf(stderr, "mediamon: %s in %s: the order %s\n",
			r == -ETIMEDOUT ? "the indexer is too busy to answer" : "no indexer answers",
			config_state_dir(config), r == -ETIMEDOUT ? "may have been taken, see status/jobs" : "was not taken");
		return 75;
	}
	text_escape(buf_str(&answer), answer.len, &shown);
	fprintf(verdict ? stderr : stdout, "%s%s%s%s\n", verdict ? "mediamon: " : "",
		verdict ? strerrorname_np(verdict) : "", verdict ? ": " : "", buf_str(&shown));
	return verdict ? 1 : 0;
}
