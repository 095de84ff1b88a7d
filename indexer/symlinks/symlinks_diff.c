/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One directory that was read, against what the store knows of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/path.h"
#include "indexer/symlinks/symlinks_private.h"

/* --- what a link's text says --- */

/** Takes the last component of what is in @out. */
static void go_up(struct buf *out)
{
	while (out->len && out->data[out->len - 1] != '/')
		out->len--;
	if (out->len)
		out->len--;
}

/** Appends the components of @path, without "." and "..", which goes up as text does. */
static void walk_text(struct buf *out, const char *path, size_t n)
{
	while (n) {
		const char *slash = memchr(path, '/', n);
		size_t part = slash ? (size_t)(slash - path) : n;
		if (part == 2 && memcmp(path, "..", 2) == 0) {
			go_up(out);
		} else if (part && !(part == 1 && *path == '.')) {
			buf_addc(out, '/');
			buf_add(out, path, part);
		}
		n -= part + (slash != NULL);
		path += part + (slash != NULL);
	}
}

static bool is_plain(struct bytes text)
{
	const char *slash = memrchr(text.data, '/', text.len);
	size_t n = text.len - (size_t)(slash ? slash + 1 - text.data : 0);
	return text.len && *text.data == '/' && n && strcmp(slash, "/.") != 0 && strcmp(slash, "/..") != 0;
}

/**
 * The directory of the target, with the last '/', and the target's name in it.  A text that is absolute and ends in a name is
 * taken as it is; another one is resolved as text against the link's directory (@root, @dir).
 */
static int split_text(struct look *l, const char *root, struct bytes dir, struct bytes text,
		      struct bytes *target_dir, struct bytes *name)
{
	struct bytes whole = text;
	if (!is_plain(text)) {
		buf_reset(&l->text);
		if (!text.len || *text.data != '/') {
			walk_text(&l->text, root, strlen(root));
			walk_text(&l->text, dir.data, dir.len);
		}
		walk_text(&l->text, text.data, text.len);
		if (!l->text.len)
			buf_addc(&l->text, '/');
		if (buf_error(&l->text))
			return buf_error(&l->text);
		whole = (struct bytes){l->text.data, l->text.len};
	}
	const char *slash = memrchr(whole.data, '/', whole.len);
	size_t n = (size_t)(slash + 1 - whole.data);
	*target_dir = (struct bytes){whole.data, n};
	*name = (struct bytes){whole.data + n, whole.len - n};
	return 0;
}

/* --- target directories --- */

void look_place(struct look *l, struct store_target_dir *row, struct bytes name)
{
	buf_reset(&l->here);
	row->torrent = places_torrent(l->s->places, row->path, name, &l->here);
	row->here = (struct bytes){buf_str(&l->here), l->here.len};
	/* a file that lies in a folder itself: so does each of its neighbours */
	if (row->torrent.len && row->torrent.data == name.data)
		row->torrent = (struct bytes){"/", 1};
}

static int64_t target_of(struct look *l, struct bytes path, struct bytes name)
{
	struct table *t = &l->table;
	int64_t at = seen_find_target(t, path);
	if (at != -ENOENT)
		return at;
	struct store_target_dir row = {.path = path};
	look_place(l, &row, name);
	row.id = ++t->last_target;
	at = seen_add_target(t, &row);
	int r = at < 0 ? 0 : sights_put_target(l->sights, &row);
	return r < 0 ? r : at;
}

/* --- fresh links --- */

/** @id: of its row, 0 without; @known: the entry that it replaces, or NULL. */
static int add_fresh(struct look *l, uint32_t dir, struct bytes dir_path, const char *root,
		     const struct looked_link *link, int64_t id, struct seen_link *known)
{
	struct table *t = &l->table;
	struct bytes path = {0}, name = {0};
	int r = split_text(l, root, dir_path, link->target, &path, &name);
	int64_t target = r < 0 ? r : target_of(l, path, name);
	if (target < 0)
		return (int)target;
	struct seen_link fresh = {
		.size = -1, .seen_size = -1, .reason = "", .state = LINK_UNKNOWN, .dir = dir,
		.target = (uint32_t)target, .name = texts_add(&t->texts, name.data, name.len),
		.name_len = (uint32_t)name.len,
	};
	struct fresh_link more = {
		.id = id, .name = texts_add(&t->texts, link->name.data, link->name.len),
		.name_len = (uint32_t)link->name.len, .text_len = (uint32_t)link->target.len,
	};
	if (known)
		known->flags |= GONE;
	if (!is_plain(link->target))
		more.text = texts_add(&t->texts, link->target.data, link->target.len);
	/* before the place in the table is asked for, which may move known */
	struct seen_link *slot = t->links.len < UINT32_MAX - 1 ? vec_add(&t->links) : NULL;
	struct fresh_link *more_slot = vec_add(&t->fresh);
	if (!slot || !more_slot || !fresh.name || !more.name)
		return -ENOMEM;
	*slot = fresh;
	*more_slot = more;
	return 0;
}

/* --- comparing --- */

/** A known link of the directory, its texts copied. */
struct old_link {
	struct bytes name, target;
	int64_t id;
};

struct old_links {
	VEC(struct old_link) rows;
	struct texts texts;
};

static int take_old(void *arg, const struct store_symlink *row)
{
	struct old_links *old = arg;
	struct old_link *o = vec_add(&old->rows);
	if (!o)
		return -ENOMEM;
	*o = (struct old_link){.id = row->id, .name.len = row->name.len, .target.len = row->target.len};
	o->name.data = texts_add(&old->texts, row->name.data, row->name.len);
	o->target.data = texts_add(&old->texts, row->target.data, row->target.len);
	return o->name.data && o->target.data ? 0 : -ENOMEM;
}

static int compare(struct bytes a, struct bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n ? memcmp(a.data, b.data, n) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *a, const void *b)
{
	return compare((*(const struct looked_link *const *)a)->name, (*(const struct looked_link *const *)b)->name);
}

/** Both lists by name. */
static int merge(struct look *l, uint32_t dir, const struct looked_dir *d, const char *root,
		 const struct looked_link **links, const struct old_links *old)
{
	size_t i = 0, k = 0;
	int r = 0;
	while ((i < d->count || k < old->rows.len) && r == 0) {
		struct old_link *o = k < old->rows.len ? &old->rows.data[k] : NULL;
		int order = !o ? -1 : i == d->count ? 1 : compare(links[i]->name, o->name);
		struct seen_link *known = o && order >= 0 ? seen_find(&l->table, o->id) : NULL;
		if (order > 0) {
			/* only a root that was walked to its end forgets it: see look_forget() */
			if (known)
				known->flags |= GONE | REMOVED;
		} else if (order < 0 || compare(links[i]->target, o->target) != 0) {
			r = add_fresh(l, dir, d->path, root, links[i], order ? 0 : o->id, known);
		}
		i += order <= 0;
		k += order >= 0;
	}
	return r;
}

static int compare_dir(struct look *l, uint32_t dir, const struct looked_dir *d, const char *root)
{
	struct old_links old = {0};
	const struct looked_link **links = malloc((d->count + 1) * sizeof *links);
	int r = links ? store_symlinks_in_dir(l->s->store, l->table.dirs.data[dir].id, take_old, &old) : -ENOMEM;
	for (size_t i = 0; i < d->count && r == 0; i++)
		links[i] = &d->links[i];
	if (r == 0) {
		qsort(links, d->count, sizeof *links, by_name);
		r = merge(l, dir, d, root, links, &old);
	}
	free(links);
	vec_clear(&old.rows);
	texts_clear(&old.texts);
	return r;
}

/** A directory that nobody knew: all of it is new.  One that cannot be read is kept too: it is looked for again. */
static int add_dir(struct look *l, uint32_t root, const struct looked_dir *d)
{
	struct table *t = &l->table;
	struct seen_dir *dir = vec_add(&t->dirs);
	if (!dir)
		return -ENOMEM;
	*dir = (struct seen_dir){.id = ++t->last_dir, .root = root, .path = "",
				 .new_mtime = d->error ? 0 : d->mtime, .read_at = l->now};
	uint32_t at = (uint32_t)t->dirs.len - 1;
	int r = sights_put_dir(l->sights, dir->id, t->roots.data[root].id, d->path, l->now);
	for (size_t i = 0; !d->error && i < d->count && r == 0; i++)
		r = add_fresh(l, at, d->path, t->roots.data[root].path, &d->links[i], 0, NULL);
	l->changes++;
	return r;
}

int look_read_dir(struct look *l, uint32_t root, const struct looked_dir *d)
{
	struct table *t = &l->table;
	struct seen_dir *dir = seen_find_dir(t, root, d->path);
	if (!dir)
		return add_dir(l, root, d);
	dir->read_at = l->now;
	dir->new_mtime = d->error ? 0 : d->mtime;
	/* nothing is known of what is in it: what was known stays */
	if (d->error)
		return 0;
	return compare_dir(l, (uint32_t)(dir - t->dirs.data), d, t->roots.data[root].path);
}
