/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A transaction is kept open while changes come, and committed when somebody waits for it, when
 * it is BATCH changes or BATCH_AGE old.  During a scan commits are therefore at least BATCH_AGE
 * apart, which is also how often readers are woken.
 *
 * When a commit fails (disk full, I/O error) the transaction is rolled back, its changes are kept
 * and tried again once a second: writing stops and nothing else does.
 */
#include "indexer/load/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/media.h"
#include "common/thread.h"
#include "common/vec.h"
#include "indexer/load/waiter.h"
#include "indexer/queue.h"

enum {
	BATCH = 2048,
	BATCH_AGE_MS = 60,
};

struct dirty {
	VEC(int64_t) id;
};

struct writer {
	struct writer_options o;
	struct queue *queue;
	struct thread thread;
	/** Lowest volume that counts as missing. */
	int64_t first_volume;
	_Atomic bool is_ending;
	/* only the writer's thread: */
	struct store *store;
	struct media media;
	VEC(struct change *) batch;
	struct dirty dirs, albums, series;
	int64_t opened_at;
};

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
	mark(&w->dirs, t->dir);
	for (int i = 0; i < 2; i++) {
		mark(&w->albums, t->album[i]);
		mark(&w->series, t->series[i]);
	}
}

/** Derived rows: first the albums of ID3v1-only tracks, then albums, then series. */
static int settle(struct writer *w)
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
	w->dirs.id.len = w->albums.id.len = w->series.id.len = 0;
	return r;
}

/* --- applying --- */

static int apply_file(struct writer *w, const struct change *c)
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
		.of = c->of, .media = &w->media,
		.error_kind = c->error_kind, .error_reason = c->error_reason, .tries = c->tries,
	};
	int r = store_put_file(w->store, &put, &touched);
	if (r == 0)
		mark_touched(w, &touched);
	return r;
}

static int apply_forget_file(struct writer *w, const struct change *c)
{
	struct store_touched touched;
	int r = store_forget_file(w->store, c->row, &touched);
	if (r == 0)
		mark_touched(w, &touched);
	return r;
}

static int apply_forget_dir(struct writer *w, const struct change *c)
{
	int r = store_forget_dir(w->store, c->row);
	return r == -ENOTEMPTY ? 0 : r;
}

static int apply_cover(struct writer *w, const struct change *c)
{
	return store_set_cover(w->store, c->row, c->flag, mark_album, w);
}

static int apply_error(struct writer *w, const struct change *c)
{
	return store_put_error(w->store, c->root, (struct bytes){c->dir, c->dir_len}, c->error_kind,
			       c->error_reason, c->job);
}

static int apply_expire_errors(struct writer *w, const struct change *c)
{
	return store_expire_errors(w->store, c->root, (struct bytes){c->dir, c->dir_len}, c->job);
}

static int apply_root(struct writer *w, const struct change *c)
{
	return store_set_root(w->store, c->root, c->state, c->error_reason, c->since, c->device);
}

static int apply_recount(struct writer *w, const struct change *c)
{
	return store_recount_root(w->store, c->root);
}

static int apply_add_root(struct writer *w, struct change *c)
{
	return store_put_root(w->store, c->name, c->state, c->dir, &c->row);
}

static int apply_delete_root(struct writer *w, const struct change *c)
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
static int apply_first_volume(struct writer *w, const struct change *c)
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

static int apply_retire_roots(struct writer *w, const struct change *c)
{
	(void)c;
	return store_retire_roots(w->store);
}

static int apply_add_job(struct writer *w, struct change *c)
{
	return store_add_job(w->store, c->name, c->error_kind, &c->row);
}

static int apply_requeue_jobs(struct writer *w, const struct change *c)
{
	(void)c;
	return store_requeue_jobs(w->store);
}

static int apply_job(struct writer *w, const struct change *c)
{
	struct store_job job = {
		.id = c->job, .order = "", .state = c->state, .result = c->error_reason,
		.started_at = c->started_at, .ended_at = c->ended_at,
		.done = c->done, .total = c->total,
	};
	return store_set_job(w->store, &job);
}

static int apply_run(struct writer *w, const struct change *c)
{
	return store_add_run(w->store, c->run);
}

static int apply_event(struct writer *w, const struct change *c)
{
	return store_add_event(w->store, c->name, c->dir, c->dir_len);
}

static int apply_meta(struct writer *w, const struct change *c)
{
	store_touch(w->store, TOPIC_BIT(orders));
	return store_set_meta(w->store, c->name, c->dir);
}

static int apply(struct writer *w, struct change *c)
{
	switch (c->kind) {
	case CHANGE_FILE:
		return apply_file(w, c);
	case CHANGE_FORGET_FILE:
		return apply_forget_file(w, c);
	case CHANGE_FORGET_DIR:
		return apply_forget_dir(w, c);
	case CHANGE_COVER:
		return apply_cover(w, c);
	case CHANGE_ERROR:
		return apply_error(w, c);
	case CHANGE_EXPIRE_ERRORS:
		return apply_expire_errors(w, c);
	case CHANGE_ROOT:
		return apply_root(w, c);
	case CHANGE_RECOUNT:
		return apply_recount(w, c);
	case CHANGE_DELETE_ROOT:
		return apply_delete_root(w, c);
	case CHANGE_FIRST_VOLUME:
		return apply_first_volume(w, c);
	case CHANGE_ADD_ROOT:
		return apply_add_root(w, c);
	case CHANGE_RETIRE_ROOTS:
		return apply_retire_roots(w, c);
	case CHANGE_ADD_JOB:
		return apply_add_job(w, c);
	case CHANGE_REQUEUE_JOBS:
		return apply_requeue_jobs(w, c);
	case CHANGE_JOB:
		return apply_job(w, c);
	case CHANGE_RUN:
		return apply_run(w, c);
	case CHANGE_EVENT:
		return apply_event(w, c);
	case CHANGE_META:
		return apply_meta(w, c);
	}
	return -EINVAL;
}

/* --- transactions --- */

static int open_transaction(struct writer *w)
{
	int r = store_begin_write(w->store);
	if (r < 0)
		return r;
	w->opened_at = mono_ns();
	return 0;
}

/** A disk that is full or ill; everything else is a change that can never be written. */
static bool is_disk_error(int r)
{
	return r == -ENOSPC || r == -EIO || r == -EROFS || r == -EAGAIN || r == -ENOMEM ||
	       r == -EDQUOT;
}

/** Tells readers that a commit is under way, commits, tells them that it is there. */
static int commit(struct writer *w)
{
	uint64_t generation = 0;
	int r = settle(w);
	if (r < 0 && is_disk_error(r))
		return r;
	if (r < 0)
		log_error("derived rows could not be settled: %s", strerror(-r));
	atomic_store(&w->o.live->generation_next, store_next_generation(w->store));
	r = store_commit(w->store, &generation);
	if (r < 0)
		return r;
	bool moved = atomic_load(&w->o.live->generation) != generation;
	atomic_store(&w->o.live->generation, generation);
	atomic_store(&w->o.live->generation_next, generation);
	if (moved)
		live_wake(w->o.live);
	return 0;
}

static void end_batch(struct writer *w, int result)
{
	for (size_t i = 0; i < w->batch.len; i++) {
		struct change *c = w->batch.data[i];
		waiter_finish(c->waiter, result, c->row);
		change_free(c);
	}
	w->batch.len = 0;
}

/** Takes one change out of the batch and tells whoever waits for it. */
static void drop_from_batch(struct writer *w, size_t i, int result)
{
	struct change *c = w->batch.data[i];
	waiter_finish(c->waiter, result, c->row);
	change_free(c);
	memmove(&w->batch.data[i], &w->batch.data[i + 1],
		(w->batch.len - i - 1) * sizeof *w->batch.data);
	w->batch.len--;
}

/** Begins again with the batch as it is; a change that can never be written is left out. */
static int replay(struct writer *w)
{
	int r = open_transaction(w);
	for (size_t i = 0; i < w->batch.len && r == 0;) {
		r = apply(w, w->batch.data[i]);
		if (r == 0) {
			i++;
		} else if (!is_disk_error(r)) {
			log_error("a change (kind %d) cannot be written: %s",
				  (int)w->batch.data[i]->kind, strerror(-r));
			drop_from_batch(w, i, r);
			store_rollback(w->store);
			r = open_transaction(w);
			i = 0;
		}
	}
	return r;
}

/** Whoever waits is told at once that it failed, and what he wanted is not done later. */
static void refuse_waiters(struct writer *w, int result)
{
	for (size_t i = w->batch.len; i-- > 0;)
		if (w->batch.data[i]->waiter)
			drop_from_batch(w, i, result);
}

/** Commits the batch; a disk that refuses is asked again until it takes it. */
static void commit_batch(struct writer *w, int r)
{
	bool complained = false;
	int tries = 0;
	if (r == 0)
		r = commit(w);
	while (r < 0) {
		store_rollback(w->store);
		w->dirs.id.len = w->albums.id.len = w->series.id.len = 0;
		if (!complained)
			log_error("the store cannot be written (%s); it is tried again every second",
				  strerror(-r));
		complained = true;
		if (is_disk_error(r))
			refuse_waiters(w, r);
		if (atomic_load(&w->is_ending))
			break;
		if (is_disk_error(r) || tries++)
			nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
		r = replay(w);
		if (r == 0)
			r = commit(w);
	}
	if (complained && r == 0)
		log_info("the store is written again");
	end_batch(w, r);
}

static int add_to_batch(struct writer *w, struct change *c)
{
	struct change **slot = vec_add(&w->batch);
	if (!slot) {
		waiter_finish(c->waiter, -ENOMEM, 0);
		change_free(c);
		return 0;
	}
	*slot = c;
	int r = w->batch.len == 1 ? open_transaction(w) : 0;
	int64_t start = mono_ns();
	if (r == 0)
		r = apply(w, c);
	atomic_fetch_add(&w->o.live->insert_busy_ns, (uint64_t)(mono_ns() - start));
	if (c->kind == CHANGE_FILE)
		atomic_fetch_add(&w->o.live->insert_items, 1);
	return r;
}

static bool is_due(const struct writer *w)
{
	return w->batch.len >= BATCH || mono_ns() - w->opened_at >= BATCH_AGE_MS * NS_PER_MS;
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	for (;;) {
		void *item = NULL;
		int r = queue_take(w->queue, &item, w->batch.len ? BATCH_AGE_MS : -1);
		if (r == -EPIPE)
			break;
		int e = 0;
		bool waits = false;
		if (r == 0) {
			waits = ((struct change *)item)->waiter != NULL;
			e = add_to_batch(w, item);
		}
		if (w->batch.len && (e < 0 || waits || r == -EAGAIN || is_due(w)))
			commit_batch(w, e);
	}
	if (w->batch.len)
		commit_batch(w, 0);
	return NULL;
}

/* --- public --- */

int writer_put(struct writer *w, struct change *c)
{
	if (!c)
		return -ENOMEM;
	int r = queue_put(w->queue, c);
	if (r < 0)
		change_free(c);
	return r;
}

int writer_call(struct writer *w, struct change *c, int64_t *row)
{
	int64_t ignored;
	struct waiter *waiter = waiter_new();
	if (!c || !waiter) {
		change_free(c);
		free(waiter);
		return -ENOMEM;
	}
	c->waiter = waiter;
	int r = writer_put(w, c);
	if (r < 0) {
		waiter_free(waiter);
		return r;
	}
	return waiter_wait(waiter, row ? row : &ignored);
}

int writer_flush(struct writer *w)
{
	struct change *c = change_new(CHANGE_EXPIRE_ERRORS, 0);
	return writer_call(w, c, NULL);
}

size_t writer_depth(struct writer *w)
{
	return queue_length(w->queue);
}

int writer_new(const struct writer_options *options, struct writer **out, char *why)
{
	struct writer *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->o = *options;
	media_init(&w->media);
	w->queue = queue_new(WRITER_LIMIT);
	int r = w->queue ? store_open_writer(options->state_dir, &w->store, why) : -ENOMEM;
	if (r == 0) {
		/* readers see the generation of the last run at once */
		uint64_t version[TOPIC_COUNT], generation = 0;
		int64_t at[TOPIC_COUNT];
		store_topics(w->store, version, at, &generation);
		atomic_store(&options->live->generation, generation);
		atomic_store(&options->live->generation_next, generation);
		atomic_store(&options->live->insert_limit, WRITER_LIMIT);
		r = thread_start(&w->thread, "writer", writer_main, w);
	}
	if (r < 0) {
		writer_free(w);
		return r;
	}
	*out = w;
	return 0;
}

void writer_hurry(struct writer *w)
{
	if (w)
		atomic_store(&w->is_ending, true);
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	atomic_store(&w->is_ending, true);
	if (w->queue)
		queue_finish(w->queue);
	thread_join(&w->thread);
	queue_free(w->queue, change_free);
	store_close(w->store);
	media_clear(&w->media);
	vec_clear(&w->batch);
	vec_clear(&w->dirs.id);
	vec_clear(&w->albums.id);
	vec_clear(&w->series.id);
	free(w);
}
