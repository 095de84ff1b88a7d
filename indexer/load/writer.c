/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A transaction is kept open while changes come, and committed when somebody waits for it, when
 * it is BATCH changes, BATCH_BYTES or BATCH_AGE_MS old; in a first scan BULK changes and BULK_AGE_MS.
 * During a scan commits are therefore at least that far apart, which is also how often readers are woken.
 *
 * When a commit fails (disk full, I/O error) the transaction is rolled back, its changes are kept
 * and tried again once a second: writing stops and nothing else does.  Whoever waits for a change
 * is refused at once for as long.
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
#include "indexer/load/waiter.h"
#include "indexer/load/writer_private.h"

enum {
	BATCH = 2048,
	BATCH_AGE_MS = 60,
	/** Of a first scan, whose rows are all new: each commit writes the same pages again.  At most so many, and so many
	 * times as may wait in the queue: both are kept in memory. */
	BULK = 6144,
	BULK_QUEUES = 3,
	BULK_AGE_MS = 400,
	/** Most bytes that a batch keeps for another try. */
	BATCH_BYTES = 4 << 20,
	/** So long after the last commit nobody writes. */
	QUIET_MS = 3000,
	/** The same when others wait for indexes. */
	QUIET_SOON_MS = 100,
	/** A store that cannot be written is tried again this often, its callers refused that often. */
	RETRY_MS = 1000,
	REFUSE_MS = 100,
	/** Longest wait of a caller for room in the queue, at a time. */
	ROOM_MS = 50,
};

/* --- transactions --- */

static int open_transaction(struct writer *w)
{
	int r = store_set_lazy(w->store, w->is_lazy);
	if (r == 0)
		r = store_begin_write(w->store);
	if (r < 0)
		return r;
	w->opened_at = mono_tick_ns();
	return 0;
}

/** A disk that is full or ill, or a damaged store; all else is a change that can never be written. */
static bool is_disk_error(int r)
{
	static const int errors[] = {ENOSPC, EIO, EROFS, EAGAIN, ENOMEM, EDQUOT,
				     EUCLEAN, EACCES, EPERM, EMFILE, ENFILE};
	for (size_t i = 0; i < COUNT_OF(errors); i++)
		if (r == -errors[i])
			return true;
	return false;
}

/** Tells readers that a commit is under way, commits, tells them that it is there. */
static int commit(struct writer *w)
{
	uint64_t generation = 0;
	int r = writer_settle(w);
	if (r < 0 && is_disk_error(r))
		return r;
	if (r < 0)
		log_error("derived rows could not be settled: %s", strerror(-r));
	atomic_store(&w->o.live->generation_next, store_next_generation(w->store));
	r = store_commit(w->store, &generation);
	if (r < 0) {
		/* nobody waits for a commit that is not coming */
		atomic_store(&w->o.live->generation_next, atomic_load(&w->o.live->generation));
		return r;
	}
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
	w->batch_bytes = 0;
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
		r = writer_apply(w, w->batch.data[i]);
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
	if (!w->next || !w->next->waiter)
		return;
	waiter_finish(w->next->waiter, result, 0);
	change_free(w->next);
	w->next = NULL;
}

static bool is_not_waited_for(void *arg, void *item)
{
	struct change *c = item;
	const int *result = arg;
	if (!c->waiter)
		return true;
	waiter_finish(c->waiter, *result, 0);
	change_free(c);
	return false;
}

static void set_stuck(struct writer *w, int r)
{
	int before = atomic_exchange(&w->stuck, -r);
	atomic_store(&w->o.live->write_error, (uint64_t)-r);
	if (r < 0 && before != -r)
		log_error("the store cannot be written (%s); it is tried again every second",
			  strerror(-r));
	if (r == 0 && before)
		log_info("the store is written again");
	if (before != -r)
		live_wake(w->o.live);
}

static void sleep_stuck(struct writer *w, int r)
{
	for (int i = 0; i < RETRY_MS / REFUSE_MS && !atomic_load(&w->is_ending); i++) {
		queue_sift(w->queue, is_not_waited_for, &r);
		nanosleep(&(struct timespec){0, REFUSE_MS * NS_PER_MS}, NULL);
	}
}

/** Begins again and commits.  Also a batch that is empty by now writes something: it must not seem
 * that a disk takes what nobody gave it. */
static int try_again(struct writer *w)
{
	char now[24];
	snprintf(now, sizeof now, "%lld", (long long)now_ns());
	int r = replay(w);
	if (r == 0)
		r = store_set_meta(w->store, "written_again_at", now);
	return r < 0 ? r : commit(w);
}

static void take_back(struct writer *w)
{
	store_rollback(w->store);
	writer_unmark(w);
}

/** A disk that refuses is asked until it takes the batch, or until the end.  @r: what failed. */
static int insist(struct writer *w, int r)
{
	for (int tries = 0; r < 0; tries++) {
		take_back(w);
		if (is_disk_error(r) || tries) {
			set_stuck(w, r);
			refuse_waiters(w, r);
			if (atomic_load(&w->is_ending))
				return r;
			sleep_stuck(w, r);
		}
		r = try_again(w);
	}
	set_stuck(w, 0);
	return 0;
}

static void commit_batch(struct writer *w, int r)
{
	if (r == 0)
		r = commit(w);
	if (r < 0)
		r = insist(w, r);
	end_batch(w, r);
}

/** Somebody relies on it being on the disk: who waits, and who would read a file again that ended its reader. */
static bool is_relied_on(const struct change *c)
{
	return c->waiter || c->error_kind;
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
	w->batch_bytes += sizeof *c + c->dir_len + c->name_len + c->media_len;
	if (w->batch.len == 1)
		w->is_lazy = c->kind == CHANGE_FILE && !is_relied_on(c) && store_is_first_scan(w->store);
	int r = w->batch.len == 1 ? open_transaction(w) : 0;
	int64_t start = mono_ns();
	if (r == 0)
		r = writer_apply(w, c);
	atomic_fetch_add(&w->busy_ns, (uint64_t)(mono_ns() - start));
	if (c->kind == CHANGE_FILE)
		atomic_fetch_add(&w->o.live->insert_items, 1);
	return r;
}

/** What is relied on is promised to be on the disk, and what came before with it.  NULL: refused meanwhile. */
static struct change *commit_before(struct writer *w, struct change *c)
{
	if (!is_relied_on(c) || !w->is_lazy || !w->batch.len)
		return c;
	w->next = c;
	commit_batch(w, 0);
	c = w->next;
	w->next = NULL;
	return c;
}

/** Changes of a first scan that come into one commit. */
static size_t bulk_of(const struct writer *w)
{
	return w->o.limit < BULK / BULK_QUEUES ? w->o.limit * BULK_QUEUES : BULK;
}

static bool is_due(const struct writer *w)
{
	bool is_bulk = store_is_first_scan(w->store);
	return w->batch.len >= (is_bulk ? bulk_of(w) : BATCH) || w->batch_bytes >= BATCH_BYTES ||
	       mono_tick_ns() - w->opened_at >= (is_bulk ? BULK_AGE_MS : BATCH_AGE_MS) * NS_PER_MS;
}

/** How long nothing may come before that means something; -1: for ever. */
static int patience_ms(const struct writer *w)
{
	static const int tidy[] = {[TIDY_LATER] = QUIET_MS, [TIDY_ON] = 0, [TIDY_DONE] = -1};
	bool is_soon = w->tidying == TIDY_LATER && store_lacks_indexes(w->store);
	return w->batch.len ? BATCH_AGE_MS : is_soon ? QUIET_SOON_MS : tidy[w->tidying];
}

static int tidy(struct writer *w)
{
	/* others wait for these, the rest has time */
	if (store_lacks_indexes(w->store) && store_make_indexes(w->store) == 0)
		return TIDY_LATER;
	return store_tidy(w->store) > 0 ? TIDY_ON : TIDY_DONE;
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	for (;;) {
		void *item = NULL;
		int r = queue_take(w->queue, &item, patience_ms(w));
		if (r == -EPIPE)
			break;
		bool is_quiet = r == -EAGAIN && !w->batch.len;
		w->tidying = is_quiet ? tidy(w) : TIDY_LATER;
		int e = 0;
		bool waits = false;
		struct change *c = r == 0 ? commit_before(w, item) : NULL;
		if (c) {
			waits = c->waiter != NULL;
			e = add_to_batch(w, c);
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

int writer_offer(struct writer *w, struct change *c, int timeout_ms)
{
	if (!c)
		return -ENOMEM;
	int64_t end = mono_ns() + timeout_ms * NS_PER_MS;
	int r;
	do
		r = atomic_load(&w->stuck) ? -atomic_load(&w->stuck) : queue_offer(w->queue, c, ROOM_MS);
	while (r == -EAGAIN && !atomic_load(&w->stuck) && mono_ns() < end);
	if (r < 0)
		change_free(c);
	return r;
}

int writer_call(struct writer *w, struct change *c, int64_t *row)
{
	enum { NEVER_MS = 24 * 3600 * 1000 };
	int64_t ignored;
	struct waiter *waiter = waiter_new();
	if (!c || !waiter) {
		change_free(c);
		free(waiter);
		return -ENOMEM;
	}
	c->waiter = waiter;
	int r = writer_offer(w, c, NEVER_MS);
	if (r < 0) {
		waiter_free(waiter);
		return r;
	}
	return waiter_wait(waiter, row ? row : &ignored);
}

int writer_error(const struct writer *w)
{
	return w ? atomic_load(&w->stuck) : 0;
}

int writer_flush(struct writer *w)
{
	struct change *c = change_new(CHANGE_EXPIRE_ERRORS, 0);
	return writer_call(w, c, NULL);
}

uint64_t writer_busy_ns(struct writer *w)
{
	return atomic_load(&w->busy_ns);
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
	w->o.limit = w->o.limit ? w->o.limit : WRITER_LIMIT;
	w->queue = queue_new(w->o.limit);
	int r = w->queue ? store_open_writer(options->state_dir, &w->store, why) : -ENOMEM;
	if (r == 0) {
		/* readers see the generation of the last run at once */
		uint64_t version[TOPIC_COUNT], generation = 0;
		int64_t at[TOPIC_COUNT];
		store_topics(w->store, version, at, &generation);
		atomic_store(&options->live->generation, generation);
		atomic_store(&options->live->generation_next, generation);
		atomic_store(&options->live->insert_limit, w->o.limit);
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
