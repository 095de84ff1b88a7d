/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What each kind of change does to the store, and which derived rows follow. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "indexer/load/writer_private.h"

/* --- dirty rows --- */

static void mark(struct dirty *d, int64_t id)
{
	if (!id || (d->id.len && d->id.data[d->id.len - 1] == id))
		return;
	int64_t *slot = vec_add(&d->id);
	if (slot)
		*slot = id;
}

static void mark_album(void *arg, int64_t id)
{
	struct writer *w = arg;
	mark(&w->albums, id);
}

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void sort_unique(struct dirty *d)
{
	size_t n = 0;
	if (!d->id.len)
		return;
	qsort(d->id.data, d->id.len, sizeof *d->id.data, by_id);
	for (size_t i = 0; i < d->id.len; i++)
		if (n == 0 || d->id.data[n - 1] != d->id.data[i])
			d->id.data[n++] = d->id.data[i];
	d->id.len = n;
}

static void mark_touched(struct writer *w, const struct store_touched *t)
{
	if (!t->is_dir_settled)
		mark(&w->dirs, t->dir);
	for (int i = 0; i < 2; i++) {
		mark(&w->albums, t->album[i]);
		mark(&w->series, t->series[i]);
	}
}

void writer_unmark(struct writer *w)
{
	w->dirs.id.len = w->albums.id.len = w->series.id.len = 0;
}

int writer_settle(struct writer *w)
{
	int r = 0;
	sort_unique(&w->dirs);
	for (size_t i = 0; i < w->dirs.id.len && r == 0; i++)
		r = store_settle_dir(w->store, w->dirs.id.data[i], mark_album, w);
	sort_unique(&w->albums);
	for (size_t i = 0; i < w->albums.id.len && r == 0; i++)
		r = store_settle_album(w->store, w->albums.id.data[i]);
	sort_unique(&w->series);
	for (size_t i = 0; i < w->series.id.len && r == 0; i++)
		r = store_settle_series(w->store, w->series.id.data[i], w->first_volume,
					w->o.gaps);
	writer_unmark(w);
	return r;
}

/* --- changes --- */

static int apply_file(struct writer *w, struct change *c)
{
	struct store_touched touched;
	size_t used;
	media_reset(&w->media);
	if (c->media_len && media_decode(&w->media, c->media, c->media_len, &used) < 0)
		media_reset(&w->media);
	struct store_put put = {
		.root = c->root, .job = c->job, .file = c->row, .cover = c->flag,
		.keeps_media = c->keeps_media,
		.dir = {c->dir, c->dir_len}, .name = {c->name, c->name_len},
		.size = c->size, .mtime = c->mtime, .ctime = c->ctime, .inode = c->inode,
		.btime = c->btime, .hash = c->hash, .links = c->links,
		.of = c->of, .media = &w->media,
		.error_kind = c->error_kind, .error_reason = c->error_reason, .tries = c->tries,
	};
	int r = store_put_file(w->store, &put, &touched);
	if (r == 0)
		mark_touched(w, &touched);
	return r;
}

static int apply_forget_file(struct writer *w, struct change *c)
{
	struct store_touched touched;
	int r = store_forget_file(w->store, c->row, &touched);
	if (r == 0)
		mark_touched(w, &touched);
	return r;
}

static void mark_all_touched(void *arg, const struct store_touched *t)
{
	mark_touched(arg, t);
}

static int apply_lose_file(struct writer *w, struct change *c)
{
	struct store_touched touched;
	int r = store_lose_file(w->store, c->row, c->dir_id, (struct bytes){c->name, c->name_len},
				&touched);
	if (r == 0)
		mark_touched(w, &touched);
	return r;
}

static int apply_restore_file(struct writer *w, struct change *c)
{
	struct store_touched touched;
	int r = store_restore_file(w->store, c->row, c->job, &touched);
	if (r == 0)
		mark_touched(w, &touched);
	return r;
}

static int apply_resolve(struct writer *w, struct change *c)
{
	(void)c;
	return store_resolve(w->store, mark_all_touched, w);
}

static int apply_settle_twin(struct writer *w, struct change *c)
{
	return store_settle_twin(w->store, c->row, c->flag);
}

static int apply_purge_gone(struct writer *w, struct change *c)
{
	return store_purge_gone(w->store, c->since);
}

static int apply_forget_dir(struct writer *w, struct change *c)
{
	int r = store_forget_dir(w->store, c->row);
	return r == -ENOTEMPTY ? 0 : r;
}

static int apply_cover(struct writer *w, struct change *c)
{
	const struct bytes dir = {c->dir, c->dir_len}, name = {c->name, c->name_len};
	return store_set_cover(w->store, c->root, dir, c->flag, name, mark_album, w);
}

static int apply_error(struct writer *w, struct change *c)
{
	return store_put_error(w->store, c->root, (struct bytes){c->dir, c->dir_len}, c->error_kind,
			       c->error_reason, c->job);
}

static int apply_expire_errors(struct writer *w, struct change *c)
{
	return store_expire_errors(w->store, c->root, (struct bytes){c->dir, c->dir_len}, c->flag,
				   c->job);
}

static int apply_root(struct writer *w, struct change *c)
{
	return store_set_root(w->store, c->root, c->state, c->error_reason, c->total);
}

static int apply_root_identity(struct writer *w, struct change *c)
{
	return store_set_root_identity(w->store, c->root, c->device, c->state,
				       (struct bytes){c->dir, c->dir_len});
}

static int apply_root_watch(struct writer *w, struct change *c)
{
	return store_set_root_watch(w->store, c->root, c->error_reason);
}

static int apply_mount(struct writer *w, struct change *c)
{
	const struct store_mount mount = {
		.root = c->root, .path = {c->dir, c->dir_len}, .device = c->device, .fstype = c->name,
		.state = c->state, .reason = c->error_reason, .held = c->total,
	};
	return store_put_mount(w->store, &mount);
}

static int apply_delete_mount(struct writer *w, struct change *c)
{
	return store_delete_mount(w->store, c->root, (struct bytes){c->dir, c->dir_len});
}

static int apply_recount(struct writer *w, struct change *c)
{
	return store_recount_root(w->store, c->root);
}

static int apply_add_root(struct writer *w, struct change *c)
{
	return store_put_root(w->store, c->name, c->state, c->dir, &c->row);
}

static int apply_delete_root(struct writer *w, struct change *c)
{
	return store_delete_root(w->store, c->root);
}

static void mark_series(void *arg, int64_t id)
{
	struct writer *w = arg;
	mark(&w->series, id);
}

/** Gaps of all series are computed again when this differs from the last time, also before a
 * restart. */
static int apply_first_volume(struct writer *w, struct change *c)
{
	char now[24], before[24];
	w->first_volume = c->row;
	snprintf(now, sizeof now, "%lld", (long long)c->row);
	int r = store_meta(w->store, "first_volume", before, sizeof before);
	if (r < 0 || strcmp(now, before) == 0)
		return r;
	r = store_all_series(w->store, mark_series, w);
	return r < 0 ? r : store_set_meta(w->store, "first_volume", now);
}

static int apply_retire_roots(struct writer *w, struct change *c)
{
	(void)c;
	return store_retire_roots(w->store);
}

static int apply_add_job(struct writer *w, struct change *c)
{
	return store_add_job(w->store, c->name, c->error_kind, &c->row);
}

static int apply_end_suspects(struct writer *w, struct change *c)
{
	(void)c;
	return store_end_suspects(w->store);
}

static int apply_requeue_jobs(struct writer *w, struct change *c)
{
	(void)c;
	return store_requeue_jobs(w->store);
}

static int apply_job(struct writer *w, struct change *c)
{
	struct store_job job = {
		.id = c->job, .order = "", .state = c->state, .result = c->error_reason,
		.started_at = c->started_at, .ended_at = c->ended_at,
		.done = c->done, .total = c->total,
	};
	return store_set_job(w->store, &job);
}

static int apply_run(struct writer *w, struct change *c)
{
	return store_add_run(w->store, c->run);
}

static int apply_event(struct writer *w, struct change *c)
{
	return store_add_event(w->store, c->name, c->dir, c->dir_len);
}

/** What says the same as before moves nothing. */
static int apply_meta(struct writer *w, struct change *c)
{
	char before[8192];
	int r = store_meta(w->store, c->name, before, sizeof before);
	if (r < 0 || strcmp(before, c->dir) == 0)
		return r;
	store_touch(w->store, c->of);
	return store_set_meta(w->store, c->name, c->dir);
}

static int apply_verify(struct writer *w, struct change *c)
{
	return store_set_verify(w->store, c->job, c->done, c->total, (struct bytes){c->dir, c->dir_len});
}

static int apply_history(struct writer *w, struct change *c)
{
	return store_add_history(w->store, c->snapshot, &c->row);
}

static int apply_act(struct writer *w, struct change *c)
{
	struct store_touched touched = {0};
	int r = c->act(w->store, c->record, &c->row, &touched);
	if (r == 0)
		mark_touched(w, &touched);
	return r;
}

static int (*const handlers[])(struct writer *w, struct change *c) = {
	[CHANGE_FILE] = apply_file,
	[CHANGE_FORGET_FILE] = apply_forget_file,
	[CHANGE_LOSE_FILE] = apply_lose_file,
	[CHANGE_RESTORE_FILE] = apply_restore_file,
	[CHANGE_RESOLVE] = apply_resolve,
	[CHANGE_SETTLE_TWIN] = apply_settle_twin,
	[CHANGE_PURGE_GONE] = apply_purge_gone,
	[CHANGE_FORGET_DIR] = apply_forget_dir,
	[CHANGE_COVER] = apply_cover,
	[CHANGE_ERROR] = apply_error,
	[CHANGE_EXPIRE_ERRORS] = apply_expire_errors,
	[CHANGE_ROOT] = apply_root,
	[CHANGE_ROOT_IDENTITY] = apply_root_identity,
	[CHANGE_ROOT_WATCH] = apply_root_watch,
	[CHANGE_MOUNT] = apply_mount,
	[CHANGE_DELETE_MOUNT] = apply_delete_mount,
	[CHANGE_RECOUNT] = apply_recount,
	[CHANGE_DELETE_ROOT] = apply_delete_root,
	[CHANGE_FIRST_VOLUME] = apply_first_volume,
	[CHANGE_ADD_ROOT] = apply_add_root,
	[CHANGE_RETIRE_ROOTS] = apply_retire_roots,
	[CHANGE_ADD_JOB] = apply_add_job,
	[CHANGE_END_SUSPECTS] = apply_end_suspects,
	[CHANGE_REQUEUE_JOBS] = apply_requeue_jobs,
	[CHANGE_JOB] = apply_job,
	[CHANGE_RUN] = apply_run,
	[CHANGE_EVENT] = apply_event,
	[CHANGE_VERIFY] = apply_verify,
	[CHANGE_META] = apply_meta,
	[CHANGE_HISTORY] = apply_history,
	[CHANGE_ACT] = apply_act,
};

int writer_apply(struct writer *w, struct change *c)
{
	if ((size_t)c->kind >= COUNT_OF(handlers) || !handlers[c->kind])
		return -EINVAL;
	return handlers[c->kind](w, c);
}
