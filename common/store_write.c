/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Transactions, roots, files, jobs, events.  Albums and series: store_settle.c. */
#include "common/store_write.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/store_pack.h"
#include "common/store_settle.h"
#include "common/store_write_integrity.h"
#include "common/text.h"

enum {
	JOBS_KEPT = 1000,
	EVENTS_KEPT = 20000,
	/** Tombs are for readers that sleep; they wake many times a second. */
	TOMBS_KEPT = 100000,
};

/* --- transactions --- */

uint64_t store_next_generation(const struct store *s)
{
	return (uint64_t)s->generation;
}

static int load_generation(struct store *s)
{
	uint64_t version[TOPIC_COUNT], last;
	int64_t at[TOPIC_COUNT];
	int r = store_topics(s, version, at, &last);
	s->generation = (int64_t)last + 1;
	return r;
}

/** Files of a first scan can be none that moved. */
static int load_history(struct store *s)
{
	int64_t v = 0;
	int r = s->has_asked_history ? 0 : store_returning(s, store_stmt(s, SQL_has_history), &v);
	s->has_asked_history = r == 0;
	s->has_history = v != 0;
	return r;
}

int store_begin_write(struct store *s)
{
	int r = s->generation ? 0 : load_generation(s);
	if (r == 0 && !s->has_history)
		r = load_history(s);
	if (r == 0)
		r = store_exec(s, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	s->started_at = now_ns();
	s->touched = 0;
	s->in_transaction = true;
	return 0;
}

bool store_is_first_scan(const struct store *s)
{
	return !s->has_history;
}

void store_touch(struct store *s, unsigned topics)
{
	s->touched |= topics;
}

static int move_topics(struct store *s)
{
	for (int t = 0; t < TOPIC_COUNT; t++) {
		if (!(s->touched & 1u << t))
			continue;
		sqlite3_stmt *q = store_stmt(s, SQL_topic_move);
		sqlite3_bind_int64(q, 1, t);
		sqlite3_bind_int64(q, 2, s->generation);
		sqlite3_bind_int64(q, 3, s->started_at);
		int r = store_run(s, q);
		if (r < 0)
			return r;
	}
	sqlite3_stmt *q = store_stmt(s, SQL_tomb_purge);
	sqlite3_bind_int64(q, 1, s->generation - TOMBS_KEPT);
	return store_run(s, q);
}

int store_commit(struct store *s, uint64_t *generation)
{
	int r = s->touched ? move_topics(s) : 0;
	if (r == 0)
		r = store_exec(s, "COMMIT");
	if (r < 0)
		return r;
	s->in_transaction = false;
	if (s->touched)
		s->generation++;
	*generation = (uint64_t)s->generation - 1;
	return 0;
}

void store_rollback(struct store *s)
{
	if (s->in_transaction)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->in_transaction = false;
	s->has_late_indexes = false;
	store_forget_last(s);
}

int store_tomb(struct store *s, enum row_kind kind, int64_t id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_tomb_add);
	sqlite3_bind_int64(q, 1, s->generation);
	sqlite3_bind_int(q, 2, kind);
	sqlite3_bind_int64(q, 3, id);
	return store_run(s, q);
}

int store_returning(struct store *s, sqlite3_stmt *q, int64_t *id)
{
	int r = store_step(s, q);
	if (r > 0)
		*id = sqlite3_column_int64(q, 0);
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_run_id(struct store *s, enum sql_id sql, int64_t id)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	sqlite3_bind_int64(q, 1, id);
	return store_run(s, q);
}

/* --- roots --- */

int store_retire_roots(struct store *s)
{
	store_touch(s, TOPIC_BIT(roots));
	return store_run(s, store_stmt(s, SQL_roots_deactivate));
}

int store_put_root(struct store *s, const char *name, const char *kind, const char *path,
		   int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_root_upsert);
	bind_text(q, 1, name, strlen(name));
	bind_text(q, 2, kind, strlen(kind));
	bind_bytes(q, 3, path, strlen(path));
	sqlite3_bind_int64(q, 4, s->started_at);
	store_touch(s, TOPIC_BIT(roots));
	return store_returning(s, q, id);
}

int store_set_root(struct store *s, int64_t root, const char *state, const char *reason,
		   int64_t held)
{
	sqlite3_stmt *q = store_stmt(s, SQL_root_state);
	bind_text(q, 1, state, strlen(state));
	bind_text(q, 2, reason, strlen(reason));
	sqlite3_bind_int64(q, 3, s->started_at);
	sqlite3_bind_int64(q, 4, held);
	sqlite3_bind_int64(q, 5, root);
	store_touch(s, TOPIC_BIT(roots));
	return store_run(s, q);
}

int store_set_root_identity(struct store *s, int64_t root, uint64_t device, const char *fstype,
			    struct bytes real_path)
{
	sqlite3_stmt *q = store_stmt(s, SQL_root_identity);
	sqlite3_bind_int64(q, 1, (int64_t)device);
	bind_text(q, 2, fstype, strlen(fstype));
	bind_bytes(q, 3, real_path.data, real_path.len);
	sqlite3_bind_int64(q, 4, root);
	return store_run(s, q);
}

int store_set_root_watch(struct store *s, int64_t root, const char *how)
{
	sqlite3_stmt *q = store_stmt(s, SQL_root_watch);
	bind_text(q, 1, how, strlen(how));
	sqlite3_bind_int64(q, 2, root);
	store_touch(s, TOPIC_BIT(roots));
	return store_run(s, q);
}

int store_put_mount(struct store *s, const struct store_mount *mount)
{
	sqlite3_stmt *q = store_stmt(s, SQL_mount_put);
	sqlite3_bind_int64(q, 1, mount->root);
	bind_bytes(q, 2, mount->path.data, mount->path.len);
	sqlite3_bind_int64(q, 3, (int64_t)mount->device);
	bind_text(q, 4, mount->fstype, strlen(mount->fstype));
	bind_text(q, 5, mount->state, strlen(mount->state));
	bind_text(q, 6, mount->reason, strlen(mount->reason));
	sqlite3_bind_int64(q, 7, s->started_at);
	sqlite3_bind_int64(q, 8, mount->held);
	store_touch(s, TOPIC_BIT(roots));
	return store_run(s, q);
}

int store_delete_mount(struct store *s, int64_t root, struct bytes path)
{
	sqlite3_stmt *q = store_stmt(s, SQL_mount_delete);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, path.data, path.len);
	store_touch(s, TOPIC_BIT(roots));
	return store_run(s, q);
}

int store_delete_root(struct store *s, int64_t root)
{
	store_touch(s, TOPIC_BIT(roots) | TOPIC_BIT(errors));
	int r = store_run_id(s, SQL_mounts_of_root, root);
	if (r == 0)
		r = store_run_id(s, SQL_gone_of_root, root);
	return r < 0 ? r : store_run_id(s, SQL_root_delete, root);
}

int store_recount_root(struct store *s, int64_t root)
{
	store_touch(s, TOPIC_BIT(roots));
	return store_run_id(s, SQL_root_recount, root);
}

/* --- files --- */

static int find_dir(struct store *s, const struct store_put *put, int64_t *dir)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dir_find);
	sqlite3_bind_int64(q, 1, put->root);
	bind_bytes(q, 2, put->dir.data, put->dir.len);
	int r = store_returning(s, q, dir);
	if (r != -ENOENT)
		return r;
	q = store_stmt(s, SQL_dir_add);
	sqlite3_bind_int64(q, 1, put->root);
	bind_bytes(q, 2, put->dir.data, put->dir.len);
	sqlite3_bind_int(q, 3, put->cover);
	return store_returning(s, q, dir);
}

int store_put_dir(struct store *s, const struct store_put *put, int64_t *dir)
{
	struct buf *path = &s->last.dir_path;
	if (s->last.dir && s->last.root == put->root && path->len == put->dir.len &&
	    memcmp(buf_str(path), put->dir.data, path->len) == 0) {
		*dir = s->last.dir;
		return 0;
	}
	int r = find_dir(s, put, dir);
	if (r < 0)
		return r;
	buf_reset(path);
	s->last.root = put->root;
	s->last.dir = buf_add(path, put->dir.data, put->dir.len) == 0 ? *dir : 0;
	return 0;
}

static void bind_file(struct store *s, sqlite3_stmt *q, const struct store_put *put, int64_t dir)
{
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
}

static int update_file_row(struct store *s, const struct store_put *put, int64_t dir, int64_t file)
{
	sqlite3_stmt *q = store_stmt(s, SQL_file_update);
	bind_file(s, q, put, dir);
	sqlite3_bind_int64(q, 12, file);
	sqlite3_bind_int(q, 13, put->links == 1 ? PENDING_ONLY : PENDING);
	int r = store_run(s, q);
	return r < 0 ? r : sqlite3_changes(s->db);
}

static int add_file_row(struct store *s, const struct store_put *put, int64_t dir, int64_t *file)
{
	int is_known = store_is_known(s, put);
	if (is_known < 0)
		return is_known;
	sqlite3_stmt *q = store_stmt(s, SQL_file_insert);
	bind_file(s, q, put, dir);
	sqlite3_bind_int(q, 12, !is_known ? 0 : put->links == 1 ? PENDING_ONLY : PENDING);
	sqlite3_bind_int64(q, 13, store_pack_name(put->name));
	int r = store_run(s, q);
	*file = sqlite3_last_insert_rowid(s->db);
	return r;
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
	sqlite3_stmt *q = store_stmt(s, SQL_file_by_name);
	sqlite3_bind_int64(q, 1, dir);
	sqlite3_bind_int64(q, 2, store_pack_name(put->name));
	bind_bytes(q, 3, put->name.data, put->name.len);
	r = store_returning(s, q, file);
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

int store_drop_media(struct store *s, int64_t file, struct store_touched *touched)
{
	touched->album[0] = store_owner_of(s, SQL_track_album, file);
	touched->series[0] = store_owner_of(s, SQL_volume_series, file);
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
	return is_empty ? store_run_id(s, SQL_dir_delete, dir) : -ENOTEMPTY;
}

int store_set_cover(struct store *s, int64_t dir, bool cover, void (*album)(void *arg, int64_t id),
		    void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dir_cover);
	sqlite3_bind_int(q, 1, cover);
	sqlite3_bind_int64(q, 2, dir);
	int r = store_run(s, q);
	if (r < 0)
		return r;
	q = store_stmt(s, SQL_dir_album_ids);
	sqlite3_bind_int64(q, 1, dir);
	while ((r = store_step(s, q)) > 0)
		album(arg, sqlite3_column_int64(q, 0));
	return r;
}

int store_put_error(struct store *s, int64_t root, struct bytes path, const char *kind,
		    const char *reason, int64_t job)
{
	return put_error_row(s, root, path, 0, kind, reason, 1, job);
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
	sqlite3_clear_bindings(q);
	if (r == 0 && sqlite3_changes(s->db))
		store_touch(s, TOPIC_BIT(errors));
	return r;
}

/* --- jobs, runs, events, meta --- */

int store_add_job(struct store *s, const char *words, const char *token, int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_job_by_token);
	bind_text(q, 1, token, strlen(token));
	if (store_returning(s, q, id) == 0)
		return 0;
	q = store_stmt(s, SQL_job_waiting);
	bind_text(q, 1, words, strlen(words));
	if (store_returning(s, q, id) == 0)
		return 0;
	q = store_stmt(s, SQL_job_add);
	bind_text(q, 1, words, strlen(words));
	sqlite3_bind_int64(q, 2, s->started_at);
	bind_text(q, 3, token, strlen(token));
	store_touch(s, TOPIC_BIT(jobs));
	return store_returning(s, q, id);
}

int store_requeue_jobs(struct store *s)
{
	store_touch(s, TOPIC_BIT(jobs));
	return store_run(s, store_stmt(s, SQL_jobs_requeue));
}

int store_set_job(struct store *s, const struct store_job *job)
{
	sqlite3_stmt *q = store_stmt(s, SQL_job_update);
	bind_text(q, 1, job->state, strlen(job->state));
	sqlite3_bind_int64(q, 2, job->started_at);
	sqlite3_bind_int64(q, 3, job->ended_at);
	sqlite3_bind_int64(q, 4, job->done);
	sqlite3_bind_int64(q, 5, job->total);
	bind_text(q, 6, job->result, strlen(job->result));
	sqlite3_bind_int64(q, 7, job->id);
	store_touch(s, TOPIC_BIT(jobs));
	int r = store_run(s, q);
	if (r < 0 || !job->ended_at)
		return r;
	return store_run_id(s, SQL_jobs_purge, JOBS_KEPT);
}

int store_add_run(struct store *s, const struct run *run)
{
	sqlite3_stmt *q = store_stmt(s, SQL_run_add);
	int i = 1;
	sqlite3_bind_int64(q, i++, run->job);
	bind_text(q, i++, run->order, strlen(run->order));
	bind_text(q, i++, run->mode, strlen(run->mode));
	sqlite3_bind_int64(q, i++, run->started_at);
	sqlite3_bind_int64(q, i++, run->ended_at);
	for (int m = 0; m < RUN_METRIC_COUNT; m++)
		sqlite3_bind_double(q, i++, run->value[m]);
	for (int st = 0; st < STAGE_COUNT; st++)
		for (int m = 0; m < STAGE_METRIC_COUNT; m++)
			sqlite3_bind_double(q, i++, run->stage[st][m]);
	store_touch(s, TOPIC_BIT(scan));
	return store_run(s, q);
}

int store_add_event(struct store *s, const char *kind, const char *body, size_t n)
{
	sqlite3_stmt *q = store_stmt(s, SQL_event_add);
	sqlite3_bind_int64(q, 1, s->started_at);
	bind_text(q, 2, kind, strlen(kind));
	bind_text(q, 3, body, n);
	store_touch(s, TOPIC_BIT(events));
	int r = store_run(s, q);
	int64_t seq = sqlite3_last_insert_rowid(s->db);
	if (r < 0 || seq % 1000)
		return r;
	return store_run_id(s, SQL_events_purge, seq - EVENTS_KEPT);
}

static int set_number(struct store *s, const char *name, int64_t v)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)v);
	return store_set_meta(s, name, text);
}

int store_set_verify(struct store *s, int64_t job, int64_t files, int64_t different, struct bytes rows)
{
	int r = store_run(s, store_stmt(s, SQL_verify_clear));
	for (size_t at = 0; at < rows.len && r == 0;) {
		const char *path = rows.data + at, *what = path + strlen(path) + 1;
		sqlite3_stmt *q = store_stmt(s, SQL_verify_add);
		bind_bytes(q, 1, path, strlen(path));
		bind_text(q, 2, what, strlen(what));
		r = store_run(s, q);
		at = (size_t)(what - rows.data) + strlen(what) + 1;
	}
	store_touch(s, TOPIC_BIT(verify));
	if (r == 0)
		r = set_number(s, "verify_job", job);
	if (r == 0)
		r = set_number(s, "verify_files", files);
	if (r == 0)
		r = set_number(s, "verify_different", different);
	return r < 0 ? r : set_number(s, "verify_at", s->started_at);
}

int store_set_meta(struct store *s, const char *name, const char *value)
{
	sqlite3_stmt *q = store_stmt(s, SQL_meta_set);
	bind_text(q, 1, name, strlen(name));
	bind_text(q, 2, value, strlen(value));
	return store_run(s, q);
}
