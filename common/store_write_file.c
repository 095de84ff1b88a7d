/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Directories, files and their errors. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "common/dirsum.h"
#include "common/store_bulk.h"
#include "common/store_dirsum.h"
#include "common/store_facts.h"
#include "common/store_fresh.h"
#include "common/store_ids.h"
#include "common/store_pack.h"
#include "common/store_settle.h"
#include "common/store_tally.h"
#include "common/store_write_integrity.h"

/** 1: a picture lies in the directory of a file, as it is said now or was said before; 0; -errno. */
static int has_cover(struct store *s, const struct store_put *put)
{
	if (put->cover)
		return 1;
	_buf_ struct buf name = BUF_INIT(NAME_MAX + 1);
	int r = store_dir_cover(s, put->root, put->dir.data, put->dir.len, &name);
	return r < 0 ? r : name.len != 0;
}

static int add_dir(struct store *s, const struct store_put *put, int64_t *dir)
{
	int cover = has_cover(s, put);
	int r = cover < 0 ? cover : store_new_id(s, NUMBERED_dir, dir);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_dir_add);
	sqlite3_bind_int64(q, 1, put->root);
	bind_bytes(q, 2, put->dir.data, put->dir.len);
	sqlite3_bind_int(q, 3, cover);
	sqlite3_bind_int64(q, 4, *dir);
	r = store_run(s, q);
	if (r == 0)
		store_fresh_begin(s, put->root, put->dir, *dir, cover);
	return r;
}

static int find_dir(struct store *s, const struct store_put *put, int64_t *dir)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dir_find);
	sqlite3_bind_int64(q, 1, put->root);
	bind_bytes(q, 2, put->dir.data, put->dir.len);
	int r = store_step(s, q);
	bool is_summed = r > 0 && sqlite3_column_int64(q, 2) != DIRSUM_NONE;
	*dir = r > 0 ? sqlite3_column_int64(q, 0) : 0;
	sqlite3_reset(q);
	if (r == 0)
		return add_dir(s, put, dir);
	return r < 0 ? r : is_summed ? store_set_dirsum(s, *dir, DIRSUM_NONE) : 0;
}

int store_put_dir(struct store *s, const struct store_put *put, int64_t *dir)
{
	struct buf *path = &s->last.dir_path;
	if (s->last.dir && s->last.root == put->root && path->len == put->dir.len &&
	    memcmp(buf_str(path), put->dir.data, path->len) == 0) {
		*dir = s->last.dir;
		return 0;
	}
	*dir = store_fresh_dir(s, put->root, put->dir);
	int r = *dir ? 0 : find_dir(s, put, dir);
	if (r < 0)
		return r;
	buf_reset(path);
	s->last.root = put->root;
	s->last.dir = buf_add(path, put->dir.data, put->dir.len) == 0 ? *dir : 0;
	return 0;
}

static int update_file_row(struct store *s, const struct store_put *put, int64_t dir, int64_t file)
{
	sqlite3_stmt *q = store_stmt(s, SQL_file_update);
	sqlite3_bind_int64(q, 1, dir);
	bind_bytes(q, 2, put->name.data, put->name.len);
	sqlite3_bind_int64(q, 3, put->size);
	sqlite3_bind_int64(q, 4, put->mtime);
	sqlite3_bind_int64(q, 5, put->ctime);
	sqlite3_bind_int64(q, 6, put->inode);
	sqlite3_bind_int(q, 7, put->error_kind != NULL);
	sqlite3_bind_int64(q, 8, put->job);
	sqlite3_bind_int64(q, 9, s->started_at);
	sqlite3_bind_int64(q, 10, put->btime);
	sqlite3_bind_int64(q, 11, (int64_t)put->hash);
	sqlite3_bind_int64(q, 12, file);
	sqlite3_bind_int(q, 13, put->links == 1 ? PENDING_ONLY : PENDING);
	int r = store_run(s, q);
	return r < 0 ? r : sqlite3_changes(s->db);
}

static int add_file_row(struct store *s, const struct store_put *put, int64_t dir, int64_t *file)
{
	int is_known = store_is_known(s, put);
	int r = is_known < 0 ? is_known : store_new_id(s, NUMBERED_file, file);
	if (r < 0)
		return r;
	const struct store_cell row[] = {
		cell_int(*file), cell_int(dir), cell_blob(put->name), cell_int(put->size), cell_int(put->mtime),
		/* since_birth; a damaged file system tells any times */
		cell_int((int64_t)((uint64_t)put->ctime - (uint64_t)put->btime)), cell_int(put->inode), cell_int(put->error_kind != NULL), cell_int(put->job),
		cell_int(s->started_at), cell_int(put->btime), cell_int((int64_t)put->hash),
		/* pending */
		cell_int(!is_known ? 0 : put->links == 1 ? PENDING_ONLY : PENDING), cell_int(store_pack_name(put->name)),
	};
	_Static_assert(sizeof row / sizeof *row == BULK_file_COLUMNS, "a cell for each column");
	r = store_add_row(s, BULK_file, row);
	return r < 0 ? r : store_tally_add_to(s, TALLY_file, put->root, (double)put->size);
}

static int find_file(struct store *s, const struct store_put *put, int64_t dir, int64_t *file)
{
	if (store_fresh_name(s, dir, put->name))
		return -ENOENT;
	sqlite3_stmt *q = store_stmt(s, SQL_file_by_name);
	sqlite3_bind_int64(q, 1, dir);
	sqlite3_bind_int64(q, 2, store_pack_name(put->name));
	bind_bytes(q, 3, put->name.data, put->name.len);
	return store_returning(s, q, file);
}

/** *is_new: there was no row of that name. */
static int put_file_row(struct store *s, const struct store_put *put, int64_t dir, int64_t *file,
			bool *is_new)
{
	int r = put->file ? update_file_row(s, put, dir, put->file) : 0;
	*is_new = false;
	*file = put->file;
	if (r)
		return r < 0 ? r : 0;
	r = find_file(s, put, dir, file);
	*is_new = r == -ENOENT;
	r = *is_new ? add_file_row(s, put, dir, file) : r == 0 ? update_file_row(s, put, dir, *file) : r;
	return r < 0 ? r : 0;
}

/** The album or series that a file belongs to, 0 when it has none. */
int64_t store_owner_of(struct store *s, enum sql_id sql, int64_t file)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	int64_t owner = 0;
	sqlite3_bind_int64(q, 1, file);
	return store_returning(s, q, &owner) == 0 ? owner : 0;
}

/** What shows a file that was there before. */
static void touch_owners(struct store *s, int64_t file, struct store_touched *touched)
{
	touched->album[0] = store_owner_of(s, SQL_track_album, file);
	touched->series[0] = store_owner_of(s, SQL_volume_series, file);
}

int store_drop_media(struct store *s, int64_t file, struct store_touched *touched)
{
	touch_owners(s, file, touched);
	store_forget_album(s, touched->album[0]);
	int r = touched->album[0] ? store_run_id(s, SQL_track_delete, file) : 0;
	if (r == 0 && touched->series[0])
		r = store_run_id(s, SQL_volume_delete, file);
	return r;
}

static void path_of(const struct store_put *put, struct buf *path)
{
	buf_add(path, put->dir.data, put->dir.len);
	if (put->dir.len)
		buf_addc(path, '/');
	buf_add(path, put->name.data, put->name.len);
}

static int put_error_row(struct store *s, int64_t root, struct bytes path, int64_t file,
			 const char *kind, const char *reason, int tries, int64_t job)
{
	sqlite3_stmt *q = store_stmt(s, SQL_error_add);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, path.data, path.len);
	if (file)
		sqlite3_bind_int64(q, 3, file);
	else
		sqlite3_bind_null(q, 3);
	bind_text(q, 4, kind, strlen(kind));
	bind_text(q, 5, reason, strlen(reason));
	sqlite3_bind_int64(q, 6, s->started_at);
	sqlite3_bind_int(q, 7, tries);
	sqlite3_bind_int64(q, 8, job);
	store_touch(s, TOPIC_BIT(errors));
	return store_run(s, q);
}

int store_put_file_error(struct store *s, int64_t root, struct bytes path, int64_t file, const char *kind,
			 const char *reason, int tries)
{
	return put_error_row(s, root, path, file, kind, reason, tries, 0);
}

int store_clear_error(struct store *s, int64_t root, struct bytes path)
{
	sqlite3_stmt *q = store_stmt(s, SQL_error_clear);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, path.data, path.len);
	int r = store_run(s, q);
	if (r == 0 && sqlite3_changes(s->db))
		store_touch(s, TOPIC_BIT(errors));
	return r;
}

static int put_error_of_file(struct store *s, const struct store_put *put, int64_t file)
{
	_buf_ struct buf path = BUF_INIT(16384);
	path_of(put, &path);
	struct bytes where = {buf_str(&path), path.len};
	if (!put->error_kind)
		return store_clear_error(s, put->root, where);
	return put_error_row(s, put->root, where, file, put->error_kind, put->error_reason,
			     put->tries, put->job);
}

int store_put_file(struct store *s, const struct store_put *put, struct store_touched *touched)
{
	*touched = (struct store_touched){0};
	int r = store_put_dir(s, put, &touched->dir);
	if (r == 0)
		r = put_file_row(s, put, touched->dir, &touched->file, &touched->is_new);
	if (r == 0 && !touched->is_new && !put->keeps_media)
		r = store_drop_media(s, touched->file, touched);
	/* size and time of the file are shown beside what it held */
	if (r == 0 && !touched->is_new && put->keeps_media)
		touch_owners(s, touched->file, touched);
	if (r == 0 && (!touched->is_new || put->error_kind))
		r = put_error_of_file(s, put, touched->file);
	if (r == 0 && !touched->is_new)
		r = store_keep_verdict(s, touched->file);
	if (r < 0 || put->keeps_media)
		return r;
	if (put->of == OF_VOLUME)
		return store_add_volume(s, put, touched);
	/* a track that told nothing is an error and no track */
	return put->error_kind ? 0 : store_add_track(s, put, touched);
}

int store_forget_file(struct store *s, int64_t file, struct store_touched *touched)
{
	*touched = (struct store_touched){.file = file};
	touched->dir = store_owner_of(s, SQL_file_dir, file);
	int r = store_drop_media(s, file, touched);
	if (r == 0)
		r = store_run_id(s, SQL_error_of_file, file);
	if (r == 0 && sqlite3_changes(s->db))
		store_touch(s, TOPIC_BIT(errors));
	return r < 0 ? r : store_run_id(s, SQL_file_delete, file);
}

int store_forget_dir(struct store *s, int64_t dir)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dir_is_empty);
	int64_t is_empty = 0;
	sqlite3_bind_int64(q, 1, dir);
	int r = store_returning(s, q, &is_empty);
	if (r < 0)
		return r;
	store_forget_last(s);
	if (!is_empty)
		return -ENOTEMPTY;
	r = store_run_id(s, SQL_dir_cover_forget, dir);
	return r < 0 ? r : store_run_id(s, SQL_dir_delete, dir);
}

int store_set_cover(struct store *s, int64_t root, struct bytes dir, bool cover, struct bytes name,
		    void (*album)(void *arg, int64_t id), void *arg)
{
	sqlite3_stmt *q = store_stmt(s, name.len ? SQL_dir_cover_put : SQL_dir_cover_delete);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, dir.data, dir.len);
	if (name.len)
		bind_bytes(q, 3, name.data, name.len);
	int r = store_run(s, q);
	if (r < 0)
		return r;
	q = store_stmt(s, SQL_dir_cover);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, dir.data, dir.len);
	sqlite3_bind_int(q, 3, cover);
	r = store_run(s, q);
	/* of a directory that has no row yet no album has one */
	if (r < 0 || !sqlite3_changes(s->db))
		return r;
	store_fresh_end(s);
	q = store_stmt(s, SQL_dir_album_ids);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, dir.data, dir.len);
	while ((r = store_step(s, q)) > 0) {
		store_forget_album(s, sqlite3_column_int64(q, 0));
		album(arg, sqlite3_column_int64(q, 0));
	}
	return r;
}

int store_put_error(struct store *s, int64_t root, struct bytes path, const char *kind,
		    const char *reason, int64_t job)
{
	return put_error_row(s, root, path, 0, kind, reason, 1, job);
}

int store_end_suspects(struct store *s)
{
	static const char reason[] = "reading it ended the reader, or the machine stopped meanwhile";
	sqlite3_stmt *q = store_stmt(s, SQL_error_end_suspects);
	bind_text(q, 1, reason, sizeof reason - 1);
	int r = store_run(s, q);
	if (r == 0 && sqlite3_changes(s->db))
		store_touch(s, TOPIC_BIT(errors));
	return r;
}

int store_expire_errors(struct store *s, int64_t root, struct bytes path, bool is_shallow,
			int64_t job)
{
	_buf_ struct buf first = BUF_INIT(16384), behind = BUF_INIT(16384);
	sqlite3_stmt *q = store_stmt(s, SQL_error_expire);
	buf_add(&first, path.data, path.len);
	buf_addc(&first, '/');
	buf_add(&behind, path.data, path.len);
	buf_addc(&behind, '/' + 1);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, path.data, path.len);
	bind_bytes(q, 3, buf_str(&first), first.len);
	bind_bytes(q, 4, buf_str(&behind), behind.len);
	sqlite3_bind_int64(q, 5, job);
	sqlite3_bind_int(q, 6, is_shallow);
	int r = store_run(s, q);
	clear_bindings(q);
	if (r == 0 && sqlite3_changes(s->db))
		store_touch(s, TOPIC_BIT(errors));
	return r;
}
