/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Questions about who is who: what is lost, what has moved, what must be there. */
#include "common/store_read.h"

#include <errno.h>

#include "common/store_private.h"

int store_count_below(struct store *s, int64_t root, const char *path, size_t len, int64_t *n)
{
	struct buf range[2] = {BUF_INIT(1 << 16), BUF_INIT(1 << 16)};
	sqlite3_stmt *q = store_stmt(s, SQL_count_below);
	store_bind_below(q, root, path, len, range);
	int r = store_one_number(s, q, n);
	store_clear_below(q, range);
	return r;
}

int store_moved_to(struct store *s, int64_t file, bool (*is_free)(void *arg, int64_t id), void *arg,
		   int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_moved_to);
	sqlite3_bind_int64(q, 1, file);
	int r = store_one_number(s, q, id);
	if (r != -ENOENT)
		return r;
	q = store_stmt(s, SQL_copied_to);
	sqlite3_bind_int64(q, 1, file);
	sqlite3_bind_int64(q, 2, now_ns() - MOVE_NS);
	while ((r = store_step(s, q)) > 0) {
		*id = sqlite3_column_int64(q, 0);
		if (is_free(arg, *id))
			break;
	}
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/** The @nth of @most files, of the directory that follows number @from. */
static int one_anchor(struct store *s, int64_t root, int64_t from, int nth, int most,
		      store_anchor_fn *fn, void *arg)
{
	sqlite3_stmt *dir = store_stmt(s, SQL_anchor_dir), *q = store_stmt(s, SQL_anchor_file);
	sqlite3_bind_int64(dir, 1, root);
	sqlite3_bind_int64(dir, 2, from);
	int r = store_step(s, dir);
	if (r <= 0)
		return r;
	sqlite3_bind_int64(q, 1, sqlite3_column_int64(dir, 0));
	sqlite3_bind_int(q, 2, nth);
	sqlite3_bind_int(q, 3, most);
	r = store_step(s, q);
	if (r > 0) {
		const struct store_file row = {.name = column_bytes(q, 0),
					       .size = sqlite3_column_int64(q, 1),
					       .mtime = sqlite3_column_int64(q, 2)};
		r = fn(arg, column_bytes(dir, 1), &row);
	}
	sqlite3_reset(q);
	sqlite3_reset(dir);
	return r;
}

int store_anchors(struct store *s, int64_t root, int most, store_anchor_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_anchor_bounds);
	sqlite3_bind_int64(q, 1, root);
	int r = store_step(s, q);
	int64_t least = r > 0 ? sqlite3_column_int64(q, 0) : 0;
	int64_t last = r > 0 ? sqlite3_column_int64(q, 1) : 0;
	sqlite3_reset(q);
	for (int i = 0; i < most && r >= 0 && last; i++)
		r = one_anchor(s, root, least + (last - least) * i / most, i, most, fn, arg);
	return r < 0 ? r : 0;
}

int store_has_gone(struct store *s)
{
	int64_t v;
	int r = store_one_number(s, store_stmt(s, SQL_gone_any), &v);
	return r < 0 ? r : v != 0;
}

int store_gone_find(struct store *s, int64_t root, struct bytes dir, struct bytes name,
		    struct store_file *row)
{
	sqlite3_stmt *q = store_stmt(s, SQL_gone_find);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, dir.data, dir.len);
	bind_bytes(q, 3, name.data, name.len);
	int r = store_step(s, q);
	if (r > 0) {
		*row = store_file_row(q);
		row->name = name;
		sqlite3_reset(q);
		return 0;
	}
	return r < 0 ? r : -ENOENT;
}

int store_twins(struct store *s, store_twin_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_twins);
	int r;
	while ((r = store_step(s, q)) > 0) {
		r = fn(arg, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
		       sqlite3_column_int64(q, 2), column_bytes(q, 3), sqlite3_column_int(q, 4) != 0);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

static int place_rows(struct store *s, sqlite3_stmt *q, store_place_fn *fn, void *arg)
{
	int r;
	while ((r = store_step(s, q)) > 0) {
		r = fn(arg, sqlite3_column_int64(q, 0), column_bytes(q, 1));
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_names_of_inode(struct store *s, int64_t inode, int64_t btime, store_place_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_names_of_inode);
	sqlite3_bind_int64(q, 1, inode);
	sqlite3_bind_int64(q, 2, btime);
	return place_rows(s, q, fn, arg);
}

int store_other_names(struct store *s, int64_t file, store_place_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_other_names);
	sqlite3_bind_int64(q, 1, file);
	return place_rows(s, q, fn, arg);
}

int store_gone(struct store *s, store_gone_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_gone_list);
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_gone row = {
			.root = column_bytes(q, 0), .dir = column_bytes(q, 1), .name = column_bytes(q, 2),
			.id = sqlite3_column_int64(q, 3), .size = sqlite3_column_int64(q, 4),
			.mtime = sqlite3_column_int64(q, 5), .added_at = sqlite3_column_int64(q, 6),
			.gone_at = sqlite3_column_int64(q, 7),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}
