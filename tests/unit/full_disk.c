/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A disk that refuses the i-th write: nothing that was acknowledged is lost, reading goes on. */
#include "tests/unit/store_fill.h"

#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>

#include "common/clock.h"
#include "common/live.h"
#include "common/store_private.h"
#include "common/thread.h"
#include "indexer/load/writer.h"
#include "indexer/queue.h"
#include "tests/unit/faulty_disk.h"

enum { ROUNDS = 6 };

/** Of this program's thread that waits for the disk time goes so many times as fast. */
static int speed = 1;

int nanosleep(const struct timespec *t, struct timespec *left)
{
	int64_t ns = (t->tv_sec * NS_PER_S + t->tv_nsec) / speed;
	int r = clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ns / NS_PER_S, ns % NS_PER_S}, left);
	errno = r ? r : errno;
	return r ? -1 : 0;
}

/** One commit of a file, an event and a job; 0 or -errno. */
static int commit_round(struct filler *f, int i)
{
	struct store_touched t;
	uint64_t g;
	int64_t job;
	char name[32];
	snprintf(name, sizeof name, "%d.cbz", i);
	struct media m;
	media_init(&m);
	media_set_text(&m, FIELD_series, "S", 1);
	struct store_put put = {.root = f->manga, .job = 1, .dir = {"d", 1}, .name = {name, strlen(name)},
				.size = 1, .of = OF_VOLUME, .media = &m, .error_reason = ""};
	int r = store_begin_write(f->s);
	if (r == 0)
		r = store_put_file(f->s, &put, &t);
	if (r == 0)
		r = store_settle_series(f->s, t.series[1] ? t.series[1] : t.series[0], 1, monitor_missing);
	if (r == 0)
		r = store_add_event(f->s, "round", "{}", 2);
	if (r == 0)
		r = store_add_job(f->s, name, name, &job);
	if (r == 0)
		r = store_commit(f->s, &g);
	if (r < 0)
		store_rollback(f->s);
	media_clear(&m);
	return r;
}

static int64_t count(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int64_t n = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

static bool has_round(struct store *s, int i)
{
	char sql[160];
	snprintf(sql, sizeof sql,
		 "SELECT (SELECT count(*) FROM job WHERE words = '%d.cbz') + "
		 "(SELECT count(*) FROM file WHERE name = x'3%d2e63627a')", i, i);
	return count(s->db, sql) == 2;
}

static struct store *reader_of(const char *dir)
{
	struct store *s = NULL;
	assert_int_equal(store_open_reader(dir, &s), 0);
	return s;
}

/** Rounds while the i-th write fails; false when no write was left to fail. */
static bool try_fault(int result, long i, bool once)
{
	struct filler f;
	struct store_counts counts;
	char why[256];
	bool done[ROUNDS + 1] = {false};
	char *dir = unit_quick_folder();
	fill_begin(&f, dir);
	fill_commit(&f);
	/* small enough that the WAL is written back in between */
	assert_int_equal(store_exec(f.s, "PRAGMA wal_autocheckpoint = 8"), 0);
	struct store *reader = reader_of(dir);
	faulty_set(result, i, once);
	for (int n = 0; n < ROUNDS; n++) {
		int r = commit_round(&f, n);
		done[n] = r == 0;
		if (r < 0 && r != -ENOSPC && r != -EIO)
			fail_msg("write %ld, round %d: %s", i, n, strerror(-r));
		assert_int_equal(store_counts(reader, &counts), 0);
		assert_int_equal(counts.tracks, fill_number(reader, "SELECT count(*) FROM track"));
	}
	bool has_failed = atomic_load(&faulty.failed) > 0;
	faulty_set(SQLITE_OK, 0, false);
	done[ROUNDS] = commit_round(&f, ROUNDS) == 0;
	assert_true(done[ROUNDS]);
	store_close(reader);
	store_close(f.s);
	if (store_open_writer(dir, &f.s, why) < 0)
		fail_msg("write %ld: %s", i, why);
	assert_int_equal(store_check(f.s->db, "PRAGMA integrity_check", why), 0);
	for (int n = 0; n <= ROUNDS; n++)
		if (done[n] && !has_round(f.s, n))
			fail_msg("write %ld: round %d was acknowledged and is lost", i, n);
	store_close(f.s);
	unit_remove(dir);
	return has_failed;
}

/** Of the writes, every so-manieth fails once: after a single error others than on a full disk. */
static void try_faults(int result, bool once)
{
	int stride = unit_stride(4);
	long i = once ? stride / 2 : 0;
	faulty_begin();
	while (try_fault(result, i, once))
		i += stride;
	faulty_end();
	assert_true(i > 30);
}

static void a_full_disk_loses_nothing_at_any_write(void **state)
{
	(void)state;
	try_faults(SQLITE_FULL, false);
}

static void a_single_error_loses_nothing_at_any_write(void **state)
{
	(void)state;
	try_faults(SQLITE_IOERR_WRITE, true);
}

/** Opening for the first time, and for the second, while the i-th write fails. */
static void a_store_that_cannot_be_opened_is_left_as_it_is(void **state)
{
	char why[256];
	(void)state;
	faulty_begin();
	for (int is_old = 0; is_old < 2; is_old++) {
		long i = 0;
		for (bool has_failed = true; has_failed; i += unit_stride(4)) {
			struct filler f;
			struct store *s = NULL;
			struct store_counts counts;
			char *dir = unit_quick_folder();
			if (is_old) {
				fill_all(&f, dir);
				store_close(f.s);
			}
			faulty_set(SQLITE_FULL, i, false);
			int r = store_open_writer(dir, &s, why);
			has_failed = atomic_load(&faulty.failed) > 0;
			faulty_set(SQLITE_OK, 0, false);
			store_close(s);
			assert_true(r == 0 || r == -ENOSPC || r == -EIO);
			assert_int_equal(store_open_writer(dir, &s, why), 0);
			assert_int_equal(store_counts(s, &counts), 0);
			assert_int_equal(counts.tracks, is_old ? 3 : 0);
			assert_int_equal(counts.tracks, fill_number(s, "SELECT count(*) FROM track"));
			store_close(s);
			unit_remove(dir);
		}
	}
	faulty_end();
}

/* --- the writer's thread --- */

struct lab {
	char *dir;
	struct live_page *live;
	struct writer *writer;
};

static void begin(struct lab *lab)
{
	char why[256] = "";
	faulty_begin();
	lab->dir = unit_quick_folder();
	lab->live = live_create(lab->dir);
	assert_non_null(lab->live);
	struct writer_options o = {.state_dir = lab->dir, .live = lab->live, .gaps = monitor_missing};
	if (writer_new(&o, &lab->writer, why) < 0)
		fail_msg("%s", why);
}

static void end(struct lab *lab)
{
	writer_free(lab->writer);
	live_close(lab->live);
	unit_remove(lab->dir);
	faulty_end();
}

static struct change *job(const char *words)
{
	struct change *c = change_new(CHANGE_ADD_JOB, 2 * strlen(words) + 2);
	c->name = change_copy(c, words, strlen(words));
	c->error_kind = change_copy(c, words, strlen(words));
	return c;
}

static struct change *event(void)
{
	struct change *c = change_new(CHANGE_EVENT, 0);
	c->name = "queued";
	c->dir = "{}";
	c->dir_len = 2;
	return c;
}

/** What an order is told, which must not take long. */
static int order(struct lab *lab, const char *words)
{
	int64_t row, start = mono_ns();
	int r = writer_call(lab->writer, job(words), &row);
	assert_true(mono_ns() - start < 500 * NS_PER_MS);
	return r;
}

static void wait_error(struct lab *lab, int error)
{
	for (int i = 0; i < 500 && writer_error(lab->writer) != error; i++)
		usleep(10000);
	assert_int_equal(writer_error(lab->writer), error);
	assert_int_equal(atomic_load(&lab->live->write_error), error);
}

static void wait_fault(void)
{
	long before = atomic_load(&faulty.failed);
	for (int i = 0; i < 5000 && atomic_load(&faulty.failed) == before; i++)
		usleep(1000);
	assert_true(atomic_load(&faulty.failed) > before);
}

/** It has tried again, in vain, and what came of that is known. */
static void wait_retry(void)
{
	wait_fault();
	usleep(20000);
	wait_fault();
}

static int64_t rows(struct lab *lab, const char *sql)
{
	struct store *s = reader_of(lab->dir);
	int64_t n = count(s->db, sql);
	store_close(s);
	return n;
}

static void a_full_disk_refuses_orders_at_once_and_takes_the_rest_later(void **state)
{
	struct lab lab;
	(void)state;
	begin(&lab);
	assert_int_equal(order(&lab, "before"), 0);
	faulty_set(SQLITE_FULL, 0, false);
	for (int i = 0; i < 10; i++)
		writer_put(lab.writer, event());
	assert_int_equal(order(&lab, "refused 1"), -ENOSPC);
	assert_int_equal(order(&lab, "refused 2"), -ENOSPC);
	wait_error(&lab, ENOSPC);
	assert_int_equal(writer_offer(lab.writer, event(), 1000), -ENOSPC);
	assert_int_equal(rows(&lab, "SELECT count(*) FROM job"), 1);
	/* it does not forget the error because nothing is left to write */
	wait_retry();
	assert_int_equal(writer_error(lab.writer), ENOSPC);
	faulty_set(SQLITE_OK, 0, false);
	wait_error(&lab, 0);
	assert_int_equal(order(&lab, "after"), 0);
	assert_int_equal(rows(&lab, "SELECT count(*) FROM job"), 2);
	assert_int_equal(rows(&lab, "SELECT count(*) FROM event"), 10);
	end(&lab);
}

static void an_order_that_found_nothing_else_to_write_keeps_the_error_shown(void **state)
{
	struct lab lab;
	(void)state;
	begin(&lab);
	faulty_set(SQLITE_IOERR_WRITE, 0, false);
	assert_int_equal(order(&lab, "refused"), -EIO);
	wait_retry();
	wait_error(&lab, EIO);
	faulty_set(SQLITE_OK, 0, false);
	wait_error(&lab, 0);
	assert_int_equal(rows(&lab, "SELECT count(*) FROM job"), 0);
	end(&lab);
}

/** More than a transaction takes and the queue holds. */
enum { FILL = 4 * WRITER_LIMIT };

static void *fill_queue(void *arg)
{
	struct lab *lab = arg;
	for (int i = 0; i < FILL; i++)
		writer_put(lab->writer, event());
	return NULL;
}

static void a_queue_that_is_full_behind_a_full_disk_holds_up_no_order(void **state)
{
	struct lab lab;
	struct thread t = {0};
	(void)state;
	begin(&lab);
	faulty_set(SQLITE_FULL, 0, false);
	assert_int_equal(thread_start(&t, "filler", fill_queue, &lab), 0);
	wait_error(&lab, ENOSPC);
	/* one that was full takes more when some of it is taken */
	for (int i = 0; i < 500 && writer_depth(lab.writer) <= WRITER_LIMIT / 2; i++)
		usleep(10000);
	usleep(20000);
	assert_in_range(writer_depth(lab.writer), WRITER_LIMIT / 2 + 1, WRITER_LIMIT);
	assert_int_equal(order(&lab, "refused"), -ENOSPC);
	faulty_set(SQLITE_OK, 0, false);
	thread_join(&t);
	assert_int_equal(writer_flush(lab.writer), 0);
	assert_int_equal(rows(&lab, "SELECT count(*) FROM event"), FILL);
	end(&lab);
}

static void *call_one(void *arg)
{
	struct lab *lab = arg;
	assert_int_equal(writer_call(lab->writer, job("raced"), NULL), -ENOSPC);
	return NULL;
}

/** Calls that were queued before the disk was known to be full are answered as well. */
static void orders_that_were_queued_already_are_refused_soon(void **state)
{
	enum { CALLERS = 16 };
	struct lab lab;
	struct thread t[CALLERS] = {0};
	(void)state;
	begin(&lab);
	faulty_set(SQLITE_FULL, 0, false);
	int64_t start = mono_ns();
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(thread_start(&t[i], "caller", call_one, &lab), 0);
	for (int i = 0; i < CALLERS; i++)
		thread_join(&t[i]);
	assert_true(mono_ns() - start < NS_PER_S);
	faulty_set(SQLITE_OK, 0, false);
	wait_error(&lab, 0);
	assert_int_equal(rows(&lab, "SELECT count(*) FROM job"), 0);
	end(&lab);
}

static void a_writer_that_ends_does_not_wait_for_a_full_disk(void **state)
{
	struct lab lab;
	(void)state;
	begin(&lab);
	faulty_set(SQLITE_FULL, 0, false);
	for (int i = 0; i < 10; i++)
		writer_put(lab.writer, event());
	wait_error(&lab, ENOSPC);
	int64_t start = mono_ns();
	end(&lab);
	assert_true(mono_ns() - start < 2 * NS_PER_S);
}

int main(void)
{
	speed = unit_many(5, 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_loses_nothing_at_any_write),
		cmocka_unit_test(a_single_error_loses_nothing_at_any_write),
		cmocka_unit_test(a_store_that_cannot_be_opened_is_left_as_it_is),
		cmocka_unit_test(a_full_disk_refuses_orders_at_once_and_takes_the_rest_later),
		cmocka_unit_test(an_order_that_found_nothing_else_to_write_keeps_the_error_shown),
		cmocka_unit_test(a_queue_that_is_full_behind_a_full_disk_holds_up_no_order),
		cmocka_unit_test(orders_that_were_queued_already_are_refused_soon),
		cmocka_unit_test(a_writer_that_ends_does_not_wait_for_a_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
