/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A first scan's commits do not wait for the disk; who waits for one is told when all is there. */
#include "tests/unit/store_fill.h"

#include <errno.h>
#include <sqlite3.h>

#include "common/clock.h"
#include "common/live.h"
#include "indexer/load/writer.h"
#include "tests/unit/faulty_disk.h"

struct lab {
	char *dir;
	struct live_page *live;
	struct writer *writer;
	int64_t root, files;
};

static void start(struct lab *lab)
{
	char why[256] = "";
	struct writer_options o = {.state_dir = lab->dir, .live = lab->live, .gaps = monitor_missing};
	if (writer_new(&o, &lab->writer, why) < 0)
		fail_msg("%s", why);
}

static void begin(struct lab *lab)
{
	faulty_begin();
	lab->dir = unit_quick_folder();
	lab->live = live_create(lab->dir);
	assert_non_null(lab->live);
	start(lab);
	struct change *c = change_new(CHANGE_ADD_ROOT, 0);
	c->name = "music";
	c->state = "music";
	c->dir = "/music";
	c->dir_len = 6;
	assert_int_equal(writer_call(lab->writer, c, &lab->root), 0);
}

static void end(struct lab *lab)
{
	writer_free(lab->writer);
	live_close(lab->live);
	unit_remove(lab->dir);
	faulty_end();
}

/** @error: what became of it, or NULL. */
static void put_file(struct lab *lab, const char *error)
{
	struct change *c = change_new(CHANGE_FILE, 64);
	assert_non_null(c);
	c->root = lab->root;
	c->job = 1;
	c->of = OF_TRACK;
	c->size = 1000;
	c->inode = c->mtime = c->ctime = ++lab->files;
	c->dir = "a";
	c->dir_len = 1;
	char name[32];
	c->name_len = (size_t)snprintf(name, sizeof name, "%lld.flac", (long long)lab->files);
	c->name = change_copy(c, name, c->name_len);
	c->error_reason = "";
	c->error_kind = error;
	assert_int_equal(writer_put(lab->writer, c), 0);
}

/** A file comes, and is committed: how many writes were not synced then. */
static long add_file(struct lab *lab, const char *error)
{
	uint64_t before = atomic_load(&lab->live->generation);
	put_file(lab, error);
	for (int i = 0; i < 5000 && atomic_load(&lab->live->generation) == before; i++)
		usleep(1000);
	assert_true(atomic_load(&lab->live->generation) > before);
	return atomic_load(&faulty.unsynced);
}

static int64_t count(struct lab *lab, const char *sql)
{
	struct store *s = NULL;
	assert_int_equal(store_open_reader(lab->dir, &s), 0);
	int64_t n = fill_number(s, sql);
	store_close(s);
	return n;
}

static int64_t count_errors(struct lab *lab)
{
	return count(lab, "SELECT count(*) FROM error");
}

static struct change *event(void)
{
	struct change *c = change_new(CHANGE_EVENT, 0);
	c->name = "seen";
	c->dir = "{}";
	c->dir_len = 2;
	return c;
}

static void what_was_waited_for_is_on_the_disk(void **state)
{
	struct lab lab = {0};
	(void)state;
	begin(&lab);
	assert_int_equal(atomic_load(&faulty.unsynced), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(add_file(&lab, NULL) > 0);
		assert_true(add_file(&lab, NULL) > 0);
		assert_int_equal(writer_call(lab.writer, event(), NULL), 0);
		assert_int_equal(atomic_load(&faulty.unsynced), 0);
	}
	end(&lab);
}

/** It changes nothing of its own. */
static void a_flush_waits_for_all_that_came_before(void **state)
{
	struct lab lab = {0};
	(void)state;
	begin(&lab);
	for (int i = 0; i < 20; i++) {
		if (i % 2)
			put_file(&lab, NULL);
		else
			assert_true(add_file(&lab, NULL) > 0);
		assert_int_equal(writer_flush(lab.writer), 0);
		assert_int_equal(atomic_load(&faulty.unsynced), 0);
	}
	end(&lab);
}

/** The change that is waited for comes into a batch that began with files. */
static void who_comes_into_a_batch_waits_for_all_of_it(void **state)
{
	struct lab lab = {0};
	(void)state;
	begin(&lab);
	for (int i = 0; i < 50; i++) {
		put_file(&lab, NULL);
		assert_int_equal(writer_call(lab.writer, event(), NULL), 0);
		assert_int_equal(atomic_load(&faulty.unsynced), 0);
	}
	end(&lab);
}

/** Alone, or behind files that were read: it must not be forgotten what they did. */
static void files_that_ended_their_reader_are_on_the_disk(void **state)
{
	struct lab lab = {0};
	(void)state;
	begin(&lab);
	for (int i = 0; i < 20; i++) {
		assert_true(add_file(&lab, NULL) > 0);
		if (i % 2)
			put_file(&lab, NULL);
		assert_int_equal(writer_flush(lab.writer), 0);
		assert_int_equal(add_file(&lab, "crashed"), 0);
		put_file(&lab, NULL);
		put_file(&lab, "timeout");
		for (int k = 0; k < 5000 && count_errors(&lab) < 2 * (i + 1); k++)
			usleep(1000);
		assert_int_equal(count_errors(&lab), 2 * (i + 1));
		assert_int_equal(atomic_load(&faulty.unsynced), 0);
	}
	end(&lab);
}

/** The batch before it cannot be written: it does not wait for that. */
static void who_comes_behind_a_batch_that_is_refused_is_refused(void **state)
{
	struct lab lab = {0};
	(void)state;
	begin(&lab);
	for (int i = 0; i < 20; i++) {
		put_file(&lab, NULL);
		faulty_set(SQLITE_FULL, 0, false);
		int64_t start = mono_ns();
		assert_int_equal(writer_call(lab.writer, event(), NULL), -ENOSPC);
		assert_true(mono_ns() - start < 500 * NS_PER_MS);
		faulty_set(SQLITE_OK, 0, false);
		for (int k = 0; k < 500 && writer_error(lab.writer); k++)
			usleep(10000);
		assert_int_equal(writer_error(lab.writer), 0);
		assert_int_equal(writer_call(lab.writer, event(), NULL), 0);
		assert_int_equal(atomic_load(&faulty.unsynced), 0);
	}
	end(&lab);
}

/** What is copied into the file during a first scan is written again by its next rows. */
static void a_first_scan_keeps_its_log_until_somebody_tidies(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	uint64_t generation;
	(void)state;
	fill_begin(&f, dir);
	assert_int_equal(fill_number(f.s, "PRAGMA wal_autocheckpoint"), WAL_PAGES);
	assert_int_equal(store_commit(f.s, &generation), 0);
	assert_int_equal(store_set_lazy(f.s, true), 0);
	assert_int_equal(fill_number(f.s, "PRAGMA wal_autocheckpoint"), WAL_PAGES_LAZY);
	assert_int_equal(store_tidy(f.s), 0);
	assert_int_equal(fill_number(f.s, "PRAGMA wal_autocheckpoint"), WAL_PAGES);
	/* it goes on after a pause */
	assert_int_equal(store_set_lazy(f.s, true), 0);
	assert_int_equal(fill_number(f.s, "PRAGMA wal_autocheckpoint"), WAL_PAGES_LAZY);
	assert_int_equal(store_set_lazy(f.s, false), 0);
	assert_int_equal(store_tidy(f.s), 0);
	assert_int_equal(fill_number(f.s, "PRAGMA wal_autocheckpoint"), WAL_PAGES);
	store_close(f.s);
	unit_remove(dir);
}

/** The rows of a batch are given together: those beside it are written. */
static void a_file_that_can_never_be_written_is_left_out(void **state)
{
	enum { FILES = 300 };
	struct lab lab = {0};
	struct store *s = NULL;
	char path[4096];
	(void)state;
	begin(&lab);
	snprintf(path, sizeof path, "%s/" STORE_FILE, lab.dir);
	assert_int_equal(store_open_path(path, SQLITE_OPEN_READWRITE, &s), 0);
	assert_int_equal(store_exec(s, "CREATE TRIGGER no BEFORE INSERT ON file WHEN NEW.size = 1000 AND NEW.inode = 200 "
				       "BEGIN SELECT RAISE(ABORT, 'no'); END"), 0);
	store_close(s);
	for (int i = 0; i < FILES; i++)
		put_file(&lab, NULL);
	assert_int_equal(writer_flush(lab.writer), 0);
	assert_int_equal(writer_error(lab.writer), 0);
	assert_int_equal(count(&lab, "SELECT count(*) FROM file"), FILES - 1);
	end(&lab);
}

static void later_scans_wait_for_the_disk(void **state)
{
	struct lab lab = {0};
	(void)state;
	begin(&lab);
	assert_true(add_file(&lab, NULL) > 0);
	writer_free(lab.writer);
	start(&lab);
	assert_int_equal(add_file(&lab, NULL), 0);
	assert_int_equal(add_file(&lab, NULL), 0);
	end(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_waited_for_is_on_the_disk),
		cmocka_unit_test(a_flush_waits_for_all_that_came_before),
		cmocka_unit_test(who_comes_into_a_batch_waits_for_all_of_it),
		cmocka_unit_test(files_that_ended_their_reader_are_on_the_disk),
		cmocka_unit_test(who_comes_behind_a_batch_that_is_refused_is_refused),
		cmocka_unit_test(a_first_scan_keeps_its_log_until_somebody_tidies),
		cmocka_unit_test(a_file_that_can_never_be_written_is_left_out),
		cmocka_unit_test(later_scans_wait_for_the_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
