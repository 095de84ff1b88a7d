/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Questions about the index as a whole: topics, roots, files, errors, jobs, runs, events. */
#include "common/store_read.h"

#include <errno.h>
#include <stdio.h>

#include "common/store_pack.h"
#include "common/store_tally.h"

int store_topics(struct store *s, uint64_t *version, int64_t *at, uint64_t *generation)
{
	sqlite3_stmt *q = store_stmt(s, SQL_topics);
	int r;
	*generation = 0;
	memset(version, 0, TOPIC_COUNT * sizeof *version);
	memset(at, 0, TOPIC_COUNT * sizeof *at);
	while ((r = store_step(s, q)) > 0) {
		int64_t id = sqlite3_column_int64(q, 0);
		uint64_t v = (uint64_t)sqlite3_column_int64(q, 1);
		if (v > *generation)
			*generation = v;
		if (id < 0 || id >= TOPIC_COUNT)
			continue;
		version[id] = v;
		at[id] = sqlite3_column_int64(q, 2);
	}
	return r;
}

static int changed_rows(struct store *s, enum sql_id sql, uint64_t since, enum row_kind kind,
			store_changed_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	int r;
	sqlite3_bind_int64(q, 1, (int64_t)since);
	while ((r = store_step(s, q)) > 0)
		fn(arg, kind, sqlite3_column_int64(q, 0), false);
	return r;
}

int store_changed(struct store *s, uint64_t since, store_changed_fn *fn, void *arg)
{
	int r = changed_rows(s, SQL_changed_series, since, ROW_SERIES, fn, arg);
	if (r == 0)
		r = changed_rows(s, SQL_changed_missing, since, ROW_MISSING, fn, arg);
	if (r == 0)
		r = changed_rows(s, SQL_changed_albums, since, ROW_ALBUM, fn, arg);
	if (r == 0)
		r = changed_rows(s, SQL_changed_shelves, since, SHELF_ARTIST, fn, arg);
	sqlite3_stmt *q = store_stmt(s, SQL_tombs);
	if (r < 0 || !q)
		return r < 0 ? r : -EIO;
	sqlite3_bind_int64(q, 1, (int64_t)since);
	while ((r = store_step(s, q)) > 0)
		fn(arg, (enum row_kind)sqlite3_column_int(q, 0), sqlite3_column_int64(q, 1), true);
	return r;
}

int store_meta(struct store *s, const char *name, char *value, size_t size)
{
	sqlite3_stmt *q = store_stmt(s, SQL_meta_get);
	bind_text(q, 1, name, strlen(name));
	int r = store_step(s, q);
	snprintf(value, size, "%s", r > 0 ? column_str(q, 0) : "");
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

int store_roots(struct store *s, store_root_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_roots);
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_root row = {
			.id = sqlite3_column_int64(q, 0),
			.name = column_str(q, 1),
			.kind = column_str(q, 2),
			.path = column_bytes(q, 3),
			.state = column_str(q, 4),
			.reason = column_str(q, 5),
			.since = sqlite3_column_int64(q, 6),
			.device = (uint64_t)sqlite3_column_int64(q, 7),
			.files = sqlite3_column_int64(q, 8),
			.bytes = sqlite3_column_int64(q, 9),
			.fstype = column_str(q, 10),
			.held = sqlite3_column_int64(q, 11),
			.watch = column_str(q, 12),
			.real_path = column_bytes(q, 13),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_mounts(struct store *s, store_mount_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_mounts);
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_mount row = {
			.root = sqlite3_column_int64(q, 0),
			.path = column_bytes(q, 1),
			.device = (uint64_t)sqlite3_column_int64(q, 2),
			.fstype = column_str(q, 3),
			.state = column_str(q, 4),
			.reason = column_str(q, 5),
			.since = sqlite3_column_int64(q, 6),
			.held = sqlite3_column_int64(q, 7),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_one_number(struct store *s, sqlite3_stmt *q, int64_t *v)
{
	int r = store_step(s, q);
	*v = r > 0 ? sqlite3_column_int64(q, 0) : 0;
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_former_roots(struct store *s, int (*fn)(void *arg, int64_t id), void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_roots_former);
	int r;
	while ((r = store_step(s, q)) > 0) {
		r = fn(arg, sqlite3_column_int64(q, 0));
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_root_has_files(struct store *s, int64_t root)
{
	sqlite3_stmt *q = store_stmt(s, SQL_root_has_files);
	int64_t v;
	sqlite3_bind_int64(q, 1, root);
	int r = store_one_number(s, q, &v);
	return r < 0 ? r : v != 0;
}

/* --- the diff --- */

int store_dir(struct store *s, int64_t root, const char *path, size_t n, int64_t *id, bool *cover)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dir_find);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, path, n);
	int r = store_step(s, q);
	if (r > 0) {
		*id = sqlite3_column_int64(q, 0);
		*cover = sqlite3_column_int(q, 1) != 0;
		sqlite3_reset(q);
		return 0;
	}
	return r < 0 ? r : -ENOENT;
}

int store_dir_cover(struct store *s, int64_t root, const char *path, size_t n, struct buf *name)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dir_cover_name);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, path, n);
	int r = store_step(s, q);
	if (r > 0) {
		struct bytes found = column_bytes(q, 0);
		buf_add(name, found.data, found.len);
	}
	sqlite3_reset(q);
	return r < 0 ? r : buf_error(name);
}

struct store_file store_file_row(sqlite3_stmt *q)
{
	return (struct store_file){
		.id = sqlite3_column_int64(q, 0),
		.name = column_bytes(q, 1),
		.size = sqlite3_column_int64(q, 2),
		.mtime = sqlite3_column_int64(q, 3),
		.ctime = sqlite3_column_int64(q, 4),
		.inode = sqlite3_column_int64(q, 5),
		.state = sqlite3_column_int(q, 6),
		.job = sqlite3_column_int64(q, 7),
		.btime = sqlite3_column_int64(q, 8),
	};
}

static int files_of(struct store *s, enum sql_id sql, int64_t dir, store_file_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	int r;
	sqlite3_bind_int64(q, 1, dir);
	while ((r = store_step(s, q)) > 0) {
		struct store_file row = store_file_row(q);
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_dir_files(struct store *s, int64_t dir, store_file_fn *fn, void *arg)
{
	return files_of(s, SQL_dir_files, dir, fn, arg);
}

int store_dir_known(struct store *s, int64_t dir, store_file_fn *fn, void *arg)
{
	return files_of(s, SQL_dir_known, dir, fn, arg);
}

int64_t store_dir_of_file(struct store *s, int64_t file)
{
	int64_t dir = 0;
	sqlite3_stmt *q = store_stmt(s, SQL_file_dir);
	sqlite3_bind_int64(q, 1, file);
	return store_one_number(s, q, &dir) < 0 ? 0 : dir;
}

int store_file_find(struct store *s, int64_t dir, const char *name, size_t n, struct store_file *row)
{
	sqlite3_stmt *q = store_stmt(s, SQL_file_find);
	sqlite3_bind_int64(q, 1, dir);
	sqlite3_bind_int64(q, 2, store_pack_name((struct bytes){name, n}));
	bind_bytes(q, 3, name, n);
	int r = store_step(s, q);
	if (r > 0) {
		*row = store_file_row(q);
		row->name = (struct bytes){name, n};
		sqlite3_reset(q);
		return 0;
	}
	return r < 0 ? r : -ENOENT;
}

void store_bind_below(sqlite3_stmt *q, int64_t root, const char *path, size_t n, struct buf *range)
{
	buf_add(&range[0], path, n);
	buf_addc(&range[0], '/');
	buf_add(&range[1], path, n);
	buf_addc(&range[1], '/' + 1);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, path, n);
	bind_bytes(q, 3, buf_str(&range[0]), range[0].len);
	bind_bytes(q, 4, buf_str(&range[1]), range[1].len);
}

void store_clear_below(sqlite3_stmt *q, struct buf *range)
{
	sqlite3_reset(q);
	clear_bindings(q);
	buf_clear(&range[0]);
	buf_clear(&range[1]);
}

int store_dirs_below(struct store *s, int64_t root, const char *path, size_t n, store_dir_fn *fn,
		     void *arg)
{
	struct buf range[2] = {BUF_INIT(1 << 16), BUF_INIT(1 << 16)};
	sqlite3_stmt *q = store_stmt(s, SQL_dirs_below);
	int r;
	store_bind_below(q, root, path, n, range);
	while ((r = store_step(s, q)) > 0) {
		r = fn(arg, sqlite3_column_int64(q, 0), column_bytes(q, 1));
		if (r)
			break;
	}
	store_clear_below(q, range);
	return r;
}

int store_last_ids(struct store *s, int64_t *dir, int64_t *file)
{
	sqlite3_stmt *q = store_stmt(s, SQL_last_ids);
	int r = store_step(s, q);
	*dir = r > 0 ? sqlite3_column_int64(q, 0) : 0;
	*file = r > 0 ? sqlite3_column_int64(q, 1) : 0;
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

int store_error_find(struct store *s, int64_t root, const char *path, size_t n,
		     struct store_error *row)
{
	sqlite3_stmt *q = store_stmt(s, SQL_error_find);
	sqlite3_bind_int64(q, 1, root);
	bind_bytes(q, 2, path, n);
	int r = store_step(s, q);
	if (r > 0) {
		*row = (struct store_error){.tries = sqlite3_column_int(q, 2)};
		snprintf(row->kind, sizeof row->kind, "%s", column_str(q, 0));
	}
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/* --- errors and audit --- */

int store_errors(struct store *s, store_error_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_errors);
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_error_row row = {
			.root = column_bytes(q, 0),
			.path = column_bytes(q, 1),
			.kind = column_str(q, 2),
			.reason = column_str(q, 3),
			.since = sqlite3_column_int64(q, 4),
			.tries = sqlite3_column_int(q, 5),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

static int audit_of(struct store *s, enum sql_id sql, const char *kind, int limit,
		    store_audit_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, sql);
	int r;
	sqlite3_bind_int(q, 1, limit);
	while ((r = store_step(s, q)) > 0) {
		struct store_audit_row row = {
			.root = column_bytes(q, 0),
			.dir = column_bytes(q, 1),
			.name = column_bytes(q, 2),
			.kind = kind,
			.problems = sqlite3_column_int(q, 3),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_audit(struct store *s, int limit, store_audit_fn *fn, void *arg, int64_t *total)
{
	static const struct {
		enum sql_id sql;
		const char *kind;
	} kinds[] = {
		{SQL_audit_albums, "album"},
		{SQL_audit_tracks, "track"},
		{SQL_audit_volumes, "volume"},
	};
	int r = store_one_number(s, store_stmt(s, SQL_audit_count), total);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && r == 0; i++)
		r = audit_of(s, kinds[i].sql, kinds[i].kind, limit, fn, arg);
	return r;
}

/* --- jobs, runs, events --- */

static int job_rows(struct store *s, sqlite3_stmt *q, store_job_fn *fn, void *arg)
{
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_job row = {
			.id = sqlite3_column_int64(q, 0),
			.order = column_str(q, 1),
			.state = column_str(q, 2),
			.submitted_at = sqlite3_column_int64(q, 3),
			.started_at = sqlite3_column_int64(q, 4),
			.ended_at = sqlite3_column_int64(q, 5),
			.done = sqlite3_column_int64(q, 6),
			.total = sqlite3_column_int64(q, 7),
			.result = column_str(q, 8),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_jobs_live(struct store *s, store_job_fn *fn, void *arg)
{
	return job_rows(s, store_stmt(s, SQL_jobs_live), fn, arg);
}

int store_jobs_ended(struct store *s, int limit, store_job_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_jobs_ended);
	sqlite3_bind_int(q, 1, limit);
	return job_rows(s, q, fn, arg);
}

static void run_row(sqlite3_stmt *q, struct run *run)
{
	*run = (struct run){
		.job = sqlite3_column_int64(q, 0),
		.started_at = sqlite3_column_int64(q, 3),
		.ended_at = sqlite3_column_int64(q, 4),
	};
	snprintf(run->order, sizeof run->order, "%s", column_str(q, 1));
	snprintf(run->mode, sizeof run->mode, "%s", column_str(q, 2));
	int i = 5;
	for (int m = 0; m < RUN_METRIC_COUNT; m++)
		run->value[m] = sqlite3_column_double(q, i++);
	for (int st = 0; st < STAGE_COUNT; st++)
		for (int m = 0; m < STAGE_METRIC_COUNT; m++)
			run->stage[st][m] = sqlite3_column_double(q, i++);
}

static int give_runs(struct store *s, sqlite3_stmt *q, store_run_fn *fn, void *arg)
{
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct run run;
		run_row(q, &run);
		r = fn(arg, &run);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_runs(struct store *s, int limit, store_run_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_runs);
	sqlite3_bind_int(q, 1, limit);
	return give_runs(s, q, fn, arg);
}

int store_runs_whole(struct store *s, int limit, store_run_fn *fn, void *arg)
{
	enum { BACK = 1000 };
	sqlite3_stmt *q = store_stmt(s, SQL_runs_whole);
	sqlite3_bind_int(q, 1, limit);
	sqlite3_bind_int(q, 2, BACK);
	return give_runs(s, q, fn, arg);
}

int store_events(struct store *s, int64_t after, int limit, store_event_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_events);
	int r;
	sqlite3_bind_int64(q, 1, after);
	sqlite3_bind_int(q, 2, limit);
	while ((r = store_step(s, q)) > 0) {
		struct store_event row = {
			.seq = sqlite3_column_int64(q, 0),
			.time = sqlite3_column_int64(q, 1),
			.kind = column_str(q, 2),
			.body = column_bytes(q, 3),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_event_last(struct store *s, int64_t *seq)
{
	return store_one_number(s, store_stmt(s, SQL_event_last), seq);
}

/* --- counts --- */

static int kind_bytes(struct store *s, const char *kind, int64_t *bytes)
{
	sqlite3_stmt *q = store_stmt(s, SQL_count_kind_bytes);
	bind_text(q, 1, kind, strlen(kind));
	return store_one_number(s, q, bytes);
}

static int add_count(void *arg, enum tally_id tally, const char *key, int64_t n, int64_t sum)
{
	struct store_counts *c = arg;
	bool is_chapters = tally == TALLY_volume && strcmp(key, "chapter") == 0;
	c->tracks += tally == TALLY_track ? n : 0;
	c->music_seconds += tally == TALLY_track ? (double)sum / 1e3 : 0;
	c->albums += tally == TALLY_album ? n : 0;
	c->artists += tally == TALLY_artist ? sum : 0;
	c->series += tally == TALLY_series ? n : 0;
	c->chapters += is_chapters ? n : 0;
	c->volumes += tally == TALLY_volume && !is_chapters ? n : 0;
	c->missing += tally == TALLY_missing ? n : 0;
	c->errors += tally == TALLY_error ? n : 0;
	return 0;
}

int store_counts(struct store *s, struct store_counts *c)
{
	*c = (struct store_counts){0};
	int r = store_tallies(s, add_count, c);
	if (r == 0)
		r = kind_bytes(s, "music", &c->music_bytes);
	return r < 0 ? r : kind_bytes(s, "manga", &c->manga_bytes);
}
