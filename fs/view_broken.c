/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * links/broken/<root>/<library path>: the links that are broken, where they are in the library, with their texts bit for
 * bit.  A folder is a row of link_dir, a root the row of its own folder.  Names are those on disk: any byte.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/path.h"
#include "fs/links.h"
#include "fs/views.h"

enum { NAME_LONGEST = 255 };

/** What a folder may show: a store that was tampered with cannot make a name that leads elsewhere. */
static bool is_name(struct bytes name)
{
	return name.len && name.len <= NAME_LONGEST && !memchr(name.data, '/', name.len) &&
	       !memchr(name.data, '\0', name.len) && !(name.len == 1 && *name.data == '.') &&
	       !(name.len == 2 && memcmp(name.data, "..", 2) == 0);
}

/* --- roots: loaded before they are told, because whoever is told may ask for them again --- */

/** The row of a root's own folder; 0 for one that was never read. */
static int64_t folder_of(struct view *v, const struct link_root *root)
{
	int64_t id = 0;
	if (is_name((struct bytes){root->name, strlen(root->name)}))
		store_link_dir_at(v->store, root->id, (struct bytes){"", 0}, &id);
	return id;
}

static int list_roots(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	__attribute__((cleanup(link_roots_clear))) struct link_roots roots = {0};
	(void)parent;
	int r = v->store ? link_roots_load(v->store, &roots) : 0;
	for (size_t i = after; i < roots.list.len && r == 0; i++) {
		int64_t row = folder_of(v, &roots.list.data[i]);
		if (row)
			r = out->add(out, roots.list.data[i].name, (uint64_t)row, v->at[TOPIC_symlinks], i + 1);
	}
	return r;
}

static int find_root(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	__attribute__((cleanup(link_roots_clear))) struct link_roots roots = {0};
	(void)parent;
	int r = v->store ? link_roots_load(v->store, &roots) : 0;
	*row = 0;
	for (size_t i = 0; i < roots.list.len && r == 0; i++)
		if (strcmp(roots.list.data[i].name, name) == 0)
			*row = (uint64_t)folder_of(v, &roots.list.data[i]);
	return r < 0 ? r : *row ? 0 : -ENOENT;
}

/* --- folders --- */

struct found {
	char *name;
	int64_t id, at;
};

struct folder {
	struct view *v;
	bool of_dirs;
	int64_t root;
	struct buf path;
	/** What is in it: loaded before it is told, as roots are. */
	VEC(struct found) list;
};

static int open_folder(struct view *v, const struct node *parent, struct folder *f)
{
	*f = (struct folder){.v = v, .path = BUF_INIT(1 << 16)};
	return v->store ? store_link_dir(v->store, (int64_t)parent->row, &f->root, &f->path) : -ENOENT;
}

static void close_folder(struct folder *f)
{
	for (size_t i = 0; i < f->list.len; i++)
		free(f->list.data[i].name);
	vec_clear(&f->list);
	buf_clear(&f->path);
}

#define _folder_ __attribute__((cleanup(close_folder)))

static int dir_below(const struct folder *f, const char *name, int64_t *id)
{
	_buf_ struct buf path = BUF_INIT(1 << 17);
	path_join(buf_str(&f->path), f->path.len, name, strlen(name), &path);
	return store_link_dir_at(f->v->store, f->root, (struct bytes){buf_str(&path), path.len}, id);
}

static int take_name(void *arg, const struct store_broken_entry *e)
{
	struct folder *f = arg;
	if (e->is_dir != f->of_dirs || !is_name(e->name))
		return 0;
	struct found *found = vec_add(&f->list);
	if (!found)
		return -ENOMEM;
	*found = (struct found){strndup(e->name.data, e->name.len), e->id,
				e->is_dir ? f->v->at[TOPIC_symlinks] : e->since};
	return found->name ? 0 : -ENOMEM;
}

static int list_folder(struct view *v, const struct node *parent, uint64_t after, struct emit *out,
		       bool of_dirs)
{
	_folder_ struct folder f;
	int r = open_folder(v, parent, &f);
	f.of_dirs = of_dirs;
	if (r == 0)
		r = store_broken_list(v->store, f.root, (struct bytes){buf_str(&f.path), f.path.len}, take_name,
				      &f);
	for (size_t i = after; i < f.list.len && r == 0; i++) {
		struct found *found = &f.list.data[i];
		if (of_dirs && dir_below(&f, found->name, &found->id) < 0)
			continue;
		r = out->add(out, found->name, (uint64_t)found->id, found->at, i + 1);
	}
	return r == -ENOENT ? 0 : r;
}

static int list_dirs(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	return list_folder(v, parent, after, out, true);
}

static int list_links(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	return list_folder(v, parent, after, out, false);
}

static int find_dir(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	_folder_ struct folder f;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	int64_t id = 0;
	int r = open_folder(v, parent, &f);
	if (r == 0 && !is_name((struct bytes){name, strlen(name)}))
		r = -ENOENT;
	if (r == 0) {
		path_join(buf_str(&f.path), f.path.len, name, strlen(name), &path);
		r = store_broken_dir(v->store, f.root, (struct bytes){buf_str(&path), path.len}, &id);
	}
	*row = (uint64_t)id;
	return r;
}

static int take_broken(void *arg, const struct store_symlink *row)
{
	if (row->state == LINK_BROKEN)
		*(int64_t *)arg = row->id;
	return 0;
}

static int find_link(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	_folder_ struct folder f;
	int64_t id = 0;
	int r = open_folder(v, parent, &f);
	if (r == 0)
		r = store_symlink_at(v->store, f.root, (struct bytes){buf_str(&f.path), f.path.len},
				     (struct bytes){name, strlen(name)}, take_broken, &id);
	*row = (uint64_t)id;
	return r < 0 ? r : id ? 0 : -ENOENT;
}

/** What is in it changes with the links: so does its time, by which the kernel's copy of a listing is judged. */
static int stamp_dir(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	int64_t root;
	*version = 0;
	*at = v->at[TOPIC_symlinks];
	return v->store ? store_link_dir(v->store, (int64_t)row, &root, &path) : -ENOENT;
}

static int take_time(void *arg, const struct store_symlink *row)
{
	*(int64_t *)arg = row->since;
	return row->state == LINK_BROKEN ? 0 : -ENOENT;
}

static int stamp_link(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	*version = 0;
	return v->store ? store_symlink(v->store, (int64_t)row, take_time, at) : -ENOENT;
}

static int take_text(void *arg, const struct store_symlink *row)
{
	return buf_add(arg, row->target.data, row->target.len);
}

static int show_link(struct view *v, const struct node *n, struct buf *out)
{
	return v->store ? store_symlink(v->store, (int64_t)n->row, take_text, out) : -ENOENT;
}

static const struct entry folder_dir[] = {
	DIRECTORY(NULL, folder_dir, .topics = TOPIC_BIT(symlinks), .list = list_dirs, .find = find_dir,
		  .stamp = stamp_dir, .help = "a folder of the library that holds broken links"),
	{
		.mode = S_IFLNK | 0777,
		.topics = TOPIC_BIT(symlinks),
		.list = list_links,
		.find = find_link,
		.stamp = stamp_link,
		.link = show_link,
		.help = "a broken link, as it is in the library",
	},
	{0},
};

static const struct entry broken_dir[] = {
	DIRECTORY(NULL, folder_dir, .topics = TOPIC_BIT(symlinks), .list = list_roots, .find = find_root,
		  .stamp = stamp_dir, .help = "a tree of links, by its name in status/roots"),
	{0},
};

const struct entry links_dir[] = {
	DIRECTORY("broken", broken_dir, .topics = TOPIC_BIT(symlinks),
		  .help = "<root>/<path in the library>: the links whose targets are gone"),
	{0},
};
