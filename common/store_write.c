/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Transactions, roots, jobs, events.  Files: store_write_file.c; albums and series: store_settle.c. */
#include "common/store_write.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/store_bulk.h"
#include "common/store_facts.h"
#include "common/store_ids.h"
#include "common/store_settle.h"
#include "common/store_shelf.h"
#include "common/store_tally.h"
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
	return s->has_asked_history && !s->has_history;
}

int store_set_lazy(struct store *s, bool is_lazy)
{
	if (is_lazy)
		store_limit_wal(s, WAL_PAGES_LAZY);
	if (s->is_lazy == is_lazy)
		return 0;
	int r = store_exec(s, is_lazy ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
	if (r == 0)
		s->is_lazy = is_lazy;
	return r;
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

/** A commit that changes nothing does not wait for the disk either: one that others rely on must not be such. */
static int write_something(struct store *s)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)s->started_at);
	return store_set_meta(s, "synced_at", text);
}

int store_commit(struct store *s, uint64_t *generation)
{
	int r = store_tally_flush(s);
	if (r == 0)
		r = store_keep_ids(s);
	if (r == 0 && s->touched)
		r = move_topics(s);
	if (r == 0 && s->owes_sync && !s->is_lazy)
		r = write_something(s);
	if (r == 0)
		r = store_exec(s, "COMMIT");
	if (r < 0)
		return r;
	s->owes_sync = s->is_lazy;
	s->in_transaction = false;
	store_bulk_trust(s);
	store_forget_albums(s);
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
	store_forget_albums(s);
	store_forget_ids(s);
	store_shelf_forget_all(s);
	store_tally_forget(s);
	store_bulk_forget(s);
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
	store_forget_last(s);
	int r = store_run_id(s, SQL_mounts_of_root, root);
	if (r == 0)
		r = store_run_id(s, SQL_gone_of_root, root);
	if (r == 0)
		r = store_run_id(s, SQL_dir_covers_of_root, root);
	return r < 0 ? r : store_run_id(s, SQL_root_delete, root);
}

int store_recount_root(struct store *s, int64_t root)
{
	store_touch(s, TOPIC_BIT(roots));
	int r = store_tally_flush(s);
	return r < 0 ? r : store_run_id(s, SQL_root_recount, root);
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
	/* who works on rows that are there looks for those that moved */
	if (r == 0 && !job->ended_at && s->has_history)
		r = store_index_late(s);
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
