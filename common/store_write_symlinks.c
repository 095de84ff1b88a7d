/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_write_symlinks.h"

#include <errno.h>

#include "common/store_private.h"
#include "common/store_settle.h"

/* --- directories --- */

/** Zero: SQLite chooses. */
static void bind_id(sqlite3_stmt *q, int i, int64_t id)
{
	if (id)
		sqlite3_bind_int64(q, i, id);
	else
		sqlite3_bind_null(q, i);
}

int store_put_link_dir(struct store *s, int64_t root, struct bytes path, int64_t mtime, int64_t read_at,
		       int64_t *id)
{
	/* to be told the number costs as much as the row */
	sqlite3_stmt *q = store_stmt(s, *id ? SQL_link_dir_add : SQL_link_dir_put);
	bind_id(q, 1, *id);
	sqlite3_bind_int64(q, 2, root);
	bind_bytes(q, 3, path.data, path.len);
	sqlite3_bind_int64(q, 4, mtime);
	sqlite3_bind_int64(q, 5, read_at);
	return *id ? store_run(s, q) : store_returning(s, q, id);
}

int store_set_link_dir(struct store *s, int64_t dir, int64_t mtime, int64_t read_at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_dir_read);
	sqlite3_bind_int64(q, 1, dir);
	sqlite3_bind_int64(q, 2, mtime);
	sqlite3_bind_int64(q, 3, read_at);
	return store_run(s, q);
}

static int run_id(struct store *s, enum sql_id id, int64_t row)
{
	sqlite3_stmt *q = store_stmt(s, id);
	sqlite3_bind_int64(q, 1, row);
	return store_run(s, q);
}

int store_delete_link_dir(struct store *s, int64_t dir)
{
	int r = run_id(s, SQL_link_dir_empty, dir);
	store_touch(s, TOPIC_BIT(symlinks));
	return r < 0 ? r : run_id(s, SQL_link_dir_delete, dir);
}

static bool is_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}

static int find_target_dir(struct store *s, const struct store_target_dir *t, int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_target_find);
	bind_bytes(q, 1, t->torrent.data, t->torrent.len);
	bind_bytes(q, 2, t->path.data, t->path.len);
	int r = store_one_number(s, q, id);
	return r == -ENOENT ? 0 : r;
}

int store_put_target_dir(struct store *s, const struct store_target_dir *t, int64_t *id)
{
	*id = t->id;
	int r = *id ? 0 : find_target_dir(s, t, id);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_link_target_put);
	bind_id(q, 1, *id);
	bind_bytes(q, 2, t->path.data, t->path.len);
	if (is_equal(t->path, t->here))
		sqlite3_bind_null(q, 3);
	else
		bind_bytes(q, 3, t->here.data, t->here.len);
	bind_bytes(q, 4, t->torrent.data, t->torrent.len);
	r = store_run(s, q);
	*id = *id ? *id : sqlite3_last_insert_rowid(s->db);
	return r;
}

/* --- links --- */

/** Whether the text is the target directory's path and the name: then it is not kept twice. */
static bool has_plain_text(const struct store_symlink *row)
{
	size_t n = row->target_name.len;
	return !row->target.data ||
	       (row->target.len > n && row->target.data[0] == '/' && row->target.data[row->target.len - n - 1] == '/' &&
		memcmp(row->target.data + row->target.len - n, row->target_name.data, n) == 0);
}

/** Binds the columns that say something of each link from parameter @i on; returns the next one. */
static int bind_plain(sqlite3_stmt *q, int i, const struct store_symlink *row)
{
	sqlite3_bind_int64(q, i++, row->dir);
	bind_bytes(q, i++, row->name.data, row->name.len);
	sqlite3_bind_int64(q, i++, row->target_dir);
	bind_bytes(q, i++, row->target_name.data, row->target_name.len);
	sqlite3_bind_int64(q, i++, row->since);
	sqlite3_bind_int64(q, i++, row->ok_at);
	sqlite3_bind_int64(q, i++, row->size);
	return i;
}

int store_put_symlink(struct store *s, const struct store_symlink *row)
{
	const int64_t numbers[] = {row->state, row->error, row->sightings, row->first_at, row->last_at};
	sqlite3_stmt *q = store_stmt(s, row->id ? SQL_link_change : SQL_link_put);
	int i = bind_plain(q, 1, row);
	if (has_plain_text(row))
		sqlite3_bind_null(q, i++);
	else
		bind_bytes(q, i++, row->target.data, row->target.len);
	for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
		sqlite3_bind_int64(q, i++, numbers[k]);
	bind_str(q, i++, row->reason ? row->reason : "");
	if (row->id)
		sqlite3_bind_int64(q, i, row->id);
	store_touch(s, TOPIC_BIT(symlinks));
	return store_run(s, q);
}

/** New, and of what bind_plain() leaves out it has nothing. */
static bool is_plain(const struct store_symlink *row)
{
	return !row->id && !row->state && !row->error && !row->sightings && !row->first_at && !row->last_at &&
	       (!row->reason || !*row->reason) && has_plain_text(row);
}

static bool are_plain(const struct store_symlink *rows, size_t n)
{
	size_t i = 0;
	while (i < n && is_plain(&rows[i]))
		i++;
	return i == n;
}

int store_put_symlinks(struct store *s, const struct store_symlink *rows, size_t n)
{
	int r = 0;
	while (n && r == 0) {
		if (n < SQL_LINKS_AT_ONCE || !are_plain(rows, SQL_LINKS_AT_ONCE)) {
			r = store_put_symlink(s, rows++);
			n--;
			continue;
		}
		sqlite3_stmt *q = store_stmt(s, SQL_link_put_many);
		int at = 1;
		for (int i = 0; i < SQL_LINKS_AT_ONCE; i++)
			at = bind_plain(q, at, rows++);
		n -= SQL_LINKS_AT_ONCE;
		r = store_run(s, q);
		store_touch(s, TOPIC_BIT(symlinks));
	}
	return r;
}

int store_delete_symlink(struct store *s, int64_t id)
{
	store_touch(s, TOPIC_BIT(symlinks));
	return run_id(s, SQL_link_delete, id);
}

int store_judge_symlink(struct store *s, const struct store_symlink *row)
{
	const int64_t numbers[] = {row->id,       row->state,   row->error, row->sightings, row->first_at,
				   row->last_at,  row->since,   row->ok_at, row->size};
	sqlite3_stmt *q = store_stmt(s, SQL_link_judge);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sqlite3_bind_int64(q, (int)i + 1, numbers[i]);
	bind_str(q, 10, row->reason ? row->reason : "");
	store_touch(s, TOPIC_BIT(symlinks));
	return store_run(s, q);
}

/* --- holds, health --- */

int store_put_link_hold(struct store *s, const struct store_link_hold *hold)
{
	store_touch(s, TOPIC_BIT(symlinks) | TOPIC_BIT(roots));
	if (!hold->count)
		return run_id(s, SQL_link_hold_delete, hold->root);
	sqlite3_stmt *q = store_stmt(s, SQL_link_hold_put);
	sqlite3_bind_int64(q, 1, hold->root);
	sqlite3_bind_int64(q, 2, hold->count);
	sqlite3_bind_int64(q, 3, hold->since);
	bind_str(q, 4, hold->reason);
	return store_run(s, q);
}

int store_release_links(struct store *s, int64_t root, int64_t at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_release);
	sqlite3_bind_int64(q, 1, root);
	sqlite3_bind_int64(q, 2, at);
	sqlite3_bind_int(q, 3, ENOENT);
	int r = store_run(s, q);
	store_touch(s, TOPIC_BIT(symlinks) | TOPIC_BIT(roots));
	return r < 0 ? r : run_id(s, SQL_link_hold_delete, root);
}

static bool is_known_health(struct store *s, const struct store_mount_health *h)
{
	sqlite3_stmt *q = store_stmt(s, SQL_link_health_same);
	int64_t n = 0;
	bind_bytes(q, 1, h->path, strlen(h->path));
	bind_str(q, 2, h->state);
	bind_str(q, 3, h->reason);
	bind_str(q, 4, h->fstype);
	return store_one_number(s, q, &n) == 0 && n > 0;
}

int store_put_mount_health(struct store *s, const struct store_mount_health *h)
{
	/* that it was looked at again is no news */
	if (!is_known_health(s, h))
		store_touch(s, TOPIC_BIT(symlinks));
	sqlite3_stmt *q = store_stmt(s, SQL_link_health_put);
	bind_bytes(q, 1, h->path, strlen(h->path));
	bind_str(q, 2, h->state);
	bind_str(q, 3, h->reason);
	bind_str(q, 4, h->fstype);
	sqlite3_bind_int64(q, 5, h->since);
	sqlite3_bind_int64(q, 6, h->looked_at);
	sqlite3_bind_int64(q, 7, h->entries);
	int r = store_run(s, q);
	if (r < 0)
		return r;
	q = store_stmt(s, SQL_link_health_others);
	bind_bytes(q, 1, h->path, strlen(h->path));
	return store_run(s, q);
}

int store_purge_symlinks(struct store *s)
{
	static const struct {
		enum sql_id id;
		bool is_seen;
	} steps[] = {{SQL_link_purge_links, true},
		     {SQL_link_purge_dirs, true},
		     {SQL_link_purge_holds, true},
		     {SQL_link_purge_targets, false}};
	int r = 0;
	for (size_t i = 0; i < sizeof steps / sizeof *steps && r == 0; i++) {
		r = store_run(s, store_stmt(s, steps[i].id));
		if (r == 0 && steps[i].is_seen && sqlite3_changes(s->db) > 0)
			store_touch(s, TOPIC_BIT(symlinks) | TOPIC_BIT(roots));
	}
	return r;
}
