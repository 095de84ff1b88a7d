/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Copies of the store, its recovery from them, migrations. */
#include "tests/unit/store_fill.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/live.h"
#include "common/store_backup.h"
#include "common/store_private.h"
#include "common/thread.h"
#include "tests/unit/faulty_disk.h"

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	(void)where;
	return remove(path);
}

/** With folders inside. */
static void remove_folder(char *dir)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

/** Names in a folder that begin so. */
static int count_files(const char *dir, const char *below, const char *prefix)
{
	char path[4096];
	int n = 0;
	snprintf(path, sizeof path, "%s/%s", dir, below);
	DIR *d = opendir(path);
	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		     strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	if (d)
		closedir(d);
	return n;
}

static bool exists(const char *dir, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/** The first column of the first row; -1 when the question is refused. */
static int64_t ask(const char *dir, const char *name, const char *sql)
{
	char path[4096];
	sqlite3 *db;
	sqlite3_stmt *q = NULL;
	int64_t answer = -1;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		answer = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return answer;
}

#define IS_WHOLE "SELECT integrity_check = 'ok' FROM pragma_integrity_check(1)"

static int64_t day(int n)
{
	return (INT64_C(1795255200) + n * INT64_C(86400)) * NS_PER_S;
}

/** Makes a daily copy; its path below @dir in @name. */
static int copy(const char *dir, int64_t at, char name[128])
{
	char file[BACKUP_NAME], why[256] = "";
	struct store_backup b = {.state_dir = dir, .at = at, .keep = 7};
	int r = store_backup(&b, file, why);
	snprintf(name, 128, "backups/%.100s", r == 0 ? file : why);
	return r;
}

static void add_event(struct store *s, const char *kind, size_t n)
{
	char *body = malloc(n + 1);
	memset(body, 'x', n);
	assert_int_equal(store_add_event(s, kind, body, n), 0);
	free(body);
}

/** A commit of one event. */
static uint64_t commit_event(struct store *s)
{
	uint64_t g = 0;
	assert_int_equal(store_begin_write(s), 0);
	add_event(s, "one", 10);
	assert_int_equal(store_commit(s, &g), 0);
	return g;
}

/* --- copies --- */

static void a_copy_is_one_whole_file(void **state)
{
	struct filler f;
	char name[128];
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(store_backup_newest(dir), 0);
	assert_int_equal(copy(dir, day(0), name), 0);
	assert_string_equal(name, "backups/mediamon-20261121T100000Z.db");
	assert_int_equal(store_backup_newest(dir), day(0));
	assert_int_equal(count_files(dir, "backups", ""), 1);
	assert_int_equal(ask(dir, name, IS_WHOLE), 1);
	assert_int_equal(ask(dir, name, "SELECT count(*) FROM track"), 3);
	/* reading it made no file beside it: it stands alone */
	assert_int_equal(count_files(dir, "backups", ""), 1);
	store_close(f.s);
	remove_folder(dir);
}

struct writing {
	struct store *s;
	_Atomic bool is_ending;
	int64_t commits;
};

/** Each commit adds an event and moves a counter: a copy of one moment has as many of both. */
static void *write_on(void *arg)
{
	struct writing *w = arg;
	uint64_t g;
	char text[24];
	while (!atomic_load(&w->is_ending)) {
		store_begin_write(w->s);
		store_add_event(w->s, "counted", "{}", 2);
		snprintf(text, sizeof text, "%lld", (long long)++w->commits);
		store_set_meta(w->s, "counter", text);
		store_commit(w->s, &g);
	}
	return NULL;
}

static void a_copy_is_of_one_moment_while_the_writer_goes_on(void **state)
{
	struct filler f;
	uint64_t g;
	char name[128];
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(store_begin_write(f.s), 0);
	for (int i = 0; i < 2000; i++)
		add_event(f.s, "filler", 10000);
	assert_int_equal(store_commit(f.s, &g), 0);
	struct writing w = {.s = f.s};
	struct thread t = {0};
	assert_int_equal(thread_start(&t, "writing", write_on, &w), 0);
	nanosleep(&(struct timespec){0, 50 * NS_PER_MS}, NULL);
	int r = copy(dir, day(0), name);
	atomic_store(&w.is_ending, true);
	thread_join(&t);
	assert_int_equal(r, 0);
	int64_t copied = ask(dir, name, "SELECT count(*) FROM event WHERE kind = 'counted'");
	assert_true(copied > 0 && copied < w.commits);
	assert_int_equal(copied, ask(dir, name, "SELECT value FROM meta WHERE name = 'counter'"));
	store_close(f.s);
	remove_folder(dir);
}

static void touch(const char *dir, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	close(open(path, O_WRONLY | O_CREAT, 0644));
}

static void only_the_newest_copies_are_kept_and_nothing_else_is_touched(void **state)
{
	static const char *const foreign[] = {
		"backups/mine.db", "backups/mediamon-2026.db", "backups/mediamon-20261101T100000Z.db.old",
		"backups/mediamon-2026110aT100000Z.db", "backups/mediamon-before-v2-20261101T100000Z.db"};
	struct filler f;
	char name[128];
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(copy(dir, day(0), name), 0);
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		touch(dir, foreign[i]);
	for (int i = 1; i < 10; i++)
		assert_int_equal(copy(dir, day(i), name), 0);
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		assert_true(exists(dir, foreign[i]));
	assert_int_equal(count_files(dir, "backups", ""), 7 + 5);
	assert_false(exists(dir, "backups/mediamon-20261123T100000Z.db"));
	assert_true(exists(dir, "backups/mediamon-20261124T100000Z.db"));
	store_close(f.s);
	remove_folder(dir);
}

static void a_copy_that_fails_leaves_nothing_and_keeps_the_old_ones(void **state)
{
	struct filler f;
	char name[128], file[BACKUP_NAME], why[256] = "";
	char *dir = unit_folder();
	_Atomic bool is_cancelled = true;
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(copy(dir, day(0), name), 0);
	struct store_backup b = {.state_dir = dir, .at = day(1), .keep = 1, .is_cancelled = &is_cancelled};
	assert_int_equal(store_backup(&b, file, why), -ECANCELED);
	assert_int_equal(count_files(dir, "backups", ""), 1);
	store_close(f.s);
	/* the disk is full at each moment of the copy */
	faulty_begin();
	for (long i = 0; i < 200; i++) {
		faulty_set(SQLITE_FULL, i, false);
		int r = copy(dir, day(2), name);
		if (r == 0)
			break;
		assert_int_equal(r, -ENOSPC);
		assert_non_null(strstr(name, "full"));
		assert_int_equal(count_files(dir, "backups", ""), 1);
	}
	faulty_end();
	assert_true(exists(dir, "backups/mediamon-20261121T100000Z.db"));
	assert_int_equal(count_files(dir, "backups", ""), 2);
	remove_folder(dir);
}

/* --- damage --- */

/** Overwrites the pages in the middle; what is in the WAL goes as well. */
static void damage(const char *dir, const char *name, off_t from)
{
	char path[4096], junk[4096];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	memset(junk, 0xa5, sizeof junk);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = from; at + 4096 <= st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
	close(fd);
}

static struct store *reopen(const char *dir)
{
	struct store *s = NULL;
	char why[256] = "";
	if (store_open_writer(dir, &s, why) < 0)
		fail_msg("%s", why);
	return s;
}

static uint64_t generation_of(struct store *s)
{
	uint64_t version[TOPIC_COUNT], g;
	int64_t at[TOPIC_COUNT];
	assert_int_equal(store_topics(s, version, at, &g), 0);
	return g;
}

static void assert_story(struct store *s, const char *part)
{
	char story[1024], at[24];
	assert_int_equal(store_meta(s, "recovered", story, sizeof story), 0);
	assert_int_equal(store_meta(s, "recovered_at", at, sizeof at), 0);
	if (!strstr(story, part))
		fail_msg("\"%s\" is not in: %s", part, story);
	assert_true(now_ns() - strtoll(at, NULL, 10) < 60 * NS_PER_S);
}

/** What the indexer leaves behind: the last generation that readers saw. */
static void leave_live(const char *dir, uint64_t generation)
{
	struct live_page *live = live_create(dir);
	assert_non_null(live);
	atomic_store(&live->generation, generation);
	atomic_store(&live->generation_next, generation + 1);
	live_close(live);
}

static void the_newest_good_copy_takes_the_place_of_a_damaged_store(void **state)
{
	struct filler f;
	char name[128];
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(copy(dir, day(0), name), 0);
	assert_int_equal(store_begin_write(f.s), 0);
	fill_media(&f, OF_TRACK, "new", "1.mp3", FIELDS_OF("title=n", "artist=N", "album=N"));
	fill_commit(&f);
	assert_int_equal(copy(dir, day(1), name), 0);
	damage(dir, name, 4096 * 3);
	uint64_t last = commit_event(f.s);
	store_close(f.s);
	leave_live(dir, last + 500);
	damage(dir, "mediamon.db", 4096 * 3);

	struct store *s = reopen(dir);
	assert_story(s, "the copy of 2026-11-21T10:00:00Z took its place");
	assert_true(generation_of(s) > last + 501);
	store_close(s);
	assert_int_equal(ask(dir, "mediamon.db", IS_WHOLE), 1);
	assert_int_equal(ask(dir, "mediamon.db", "SELECT count(*) FROM track"), 3);
	assert_int_equal(ask(dir, "mediamon.db", "SELECT count(*) FROM event WHERE kind = 'recovered'"), 1);
	assert_true(count_files(dir, "", "mediamon.db.damaged-") >= 1);
	assert_false(exists(dir, "mediamon.db.new"));
	/* it is good now: nothing more happens at the next start */
	uint64_t before = generation_of(s = reopen(dir));
	store_close(s);
	assert_int_equal(generation_of(s = reopen(dir)), before);
	store_close(s);
	remove_folder(dir);
}

static void numbers_of_rows_are_not_given_again_after_a_recovery(void **state)
{
	struct filler f;
	int64_t before, after;
	uint64_t g;
	char name[128];
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(copy(dir, day(0), name), 0);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(store_add_job(f.s, "rescan music", "t1", &before), 0);
	assert_int_equal(store_commit(f.s, &g), 0);
	store_close(f.s);
	damage(dir, "mediamon.db", 0);
	struct store *s = reopen(dir);
	assert_int_equal(store_begin_write(s), 0);
	assert_int_equal(store_add_job(s, "rescan manga", "t2", &after), 0);
	assert_int_equal(store_commit(s, &g), 0);
	assert_true(after > before);
	store_close(s);
	remove_folder(dir);
}

static void without_a_good_copy_a_new_store_is_begun(void **state)
{
	static const char *const kinds[] = {"pages", "header", "empty"};
	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct filler f;
		char path[4096];
		char *dir = unit_folder();
		fill_all(&f, dir);
		uint64_t last = commit_event(f.s);
		store_close(f.s);
		leave_live(dir, last);
		snprintf(path, sizeof path, "%s/mediamon.db", dir);
		if (i < 2)
			damage(dir, "mediamon.db", i ? 0 : 4096 * 3);
		else
			assert_int_equal(truncate(path, 0), 0);
		struct store *s = reopen(dir);
		assert_story(s, "a new one was begun");
		assert_true(generation_of(s) > last);
		store_close(s);
		assert_int_equal(ask(dir, "mediamon.db", "SELECT count(*) FROM track"), 0);
		remove_folder(dir);
	}
}

static void two_damaged_stores_are_kept(void **state)
{
	char *dir = unit_folder();
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct store *s = reopen(dir);
		commit_event(s);
		store_close(s);
		damage(dir, "mediamon.db", 0);
		if (i)
			nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 10000000}, NULL);
	}
	store_close(reopen(dir));
	dated_files files = {0};
	struct name_shape shape = {"mediamon.db.damaged-", ""};
	assert_int_equal(files_list(dir, &shape, &files), 0);
	assert_int_equal(files.len, 2);
	vec_clear(&files);
	remove_folder(dir);
}

/** Opens while the i-th read fails (and all after it, or it alone): the store stays the same file. */
static void open_with_bad_reads(const char *dir, bool once)
{
	struct stat before, after;
	char path[4096], why[256];
	bool has_failed = true;
	snprintf(path, sizeof path, "%s/mediamon.db", dir);
	assert_int_equal(stat(path, &before), 0);
	for (long i = 0; i < 300 && has_failed; i++) {
		struct store *s = NULL;
		faulty_set(SQLITE_IOERR_READ, i, once);
		int r = store_open_writer(dir, &s, why);
		has_failed = atomic_load(&faulty.failed) > 0;
		if (r < 0 && r != -EIO)
			fail_msg("read %ld: %s: %s", i, strerror(-r), why);
		faulty_set(SQLITE_OK, 0, false);
		store_close(s);
		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(after.st_ino, before.st_ino);
	}
	assert_false(has_failed);
}

static void a_disk_that_refuses_is_no_damage(void **state)
{
	struct filler f;
	char name[128];
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(copy(dir, day(0), name), 0);
	commit_event(f.s);
	store_close(f.s);
	faulty_begin();
	atomic_store(&faulty.reads, true);
	open_with_bad_reads(dir, false);
	open_with_bad_reads(dir, true);
	faulty_end();
	assert_int_equal(count_files(dir, "", "mediamon.db.damaged-"), 0);
	remove_folder(dir);
}

static void a_store_that_was_replaced_by_hand_goes_on_above_what_was_shown(void **state)
{
	struct filler f;
	char name[128], from[4096], to[4096];
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_int_equal(copy(dir, day(0), name), 0);
	uint64_t last = 0;
	for (int i = 0; i < 5; i++)
		last = commit_event(f.s);
	store_close(f.s);
	leave_live(dir, last);
	/* what an administrator does: the copy in its place, the rest away */
	snprintf(from, sizeof from, "%s/%s", dir, name);
	snprintf(to, sizeof to, "%s/mediamon.db", dir);
	assert_int_equal(file_copy(from, to), 0);
	snprintf(to, sizeof to, "%s/mediamon.db-wal", dir);
	unlink(to);
	struct store *s = reopen(dir);
	assert_true(generation_of(s) > last + 1);
	assert_story(s, "another or an older one");
	store_close(s);
	remove_folder(dir);
}

static void an_interrupted_commit_is_no_older_store(void **state)
{
	struct filler f;
	char story[1024];
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	uint64_t last = commit_event(f.s);
	store_close(f.s);
	leave_live(dir, last);
	struct store *s = reopen(dir);
	assert_int_equal(generation_of(s), last);
	assert_int_equal(store_meta(s, "recovered", story, sizeof story), 0);
	assert_string_equal(story, "");
	store_close(s);
	remove_folder(dir);
}

/* --- migrations --- */

static int add_three(struct store *s)
{
	return store_exec(s, "INSERT INTO fruit(name) VALUES('fig'), ('nut'), ('pea')");
}

static const struct migration good[] = {
	{1, 3, "CREATE TABLE fruit(name TEXT)", NULL},
	{3, 4, NULL, add_three},
};
static const struct migration bad[] = {
	{1, 3, "CREATE TABLE fruit(name TEXT)", NULL},
	{3, 4, "INSERT INTO fruit(no_such_column) VALUES(1)", NULL},
};

/** A store of version 1, as far as its number says. */
static void fill_old(struct filler *f, char *dir)
{
	fill_all(f, dir);
	assert_int_equal(store_exec(f->s, "PRAGMA user_version = 1"), 0);
}

static void migrations_run_one_after_the_other_after_a_copy(void **state)
{
	struct filler f;
	char why[256] = "";
	char *dir = unit_folder();
	(void)state;
	fill_old(&f, dir);
	assert_int_equal(store_schema_migrate(f.s, dir, good, 2, 4, why), 0);
	store_close(f.s);
	assert_int_equal(ask(dir, "mediamon.db", "SELECT count(*) FROM fruit"), 3);
	assert_int_equal(ask(dir, "mediamon.db", "PRAGMA user_version"), 4);
	assert_int_equal(ask(dir, "mediamon.db", "SELECT count(*) FROM track"), 3);
	assert_int_equal(count_files(dir, "backups", "mediamon-before-v4-"), 1);
	assert_int_equal(store_backup_newest(dir), 0);
	remove_folder(dir);
}

static void a_migration_that_fails_leaves_the_store_as_it_was(void **state)
{
	struct filler f;
	char why[256] = "";
	char *dir = unit_folder();
	(void)state;
	fill_old(&f, dir);
	assert_int_not_equal(store_schema_migrate(f.s, dir, bad, 2, 4, why), 0);
	assert_non_null(strstr(why, "no_such_column"));
	/* the connection is usable, and an attempt that works follows */
	commit_event(f.s);
	assert_int_equal(ask(dir, "mediamon.db", "PRAGMA user_version"), 1);
	assert_int_equal(ask(dir, "mediamon.db", "SELECT count(*) FROM fruit"), -1);
	assert_int_equal(store_schema_migrate(f.s, dir, good, 2, 4, why), 0);
	store_close(f.s);
	remove_folder(dir);
}

static void a_store_that_cannot_be_copied_is_not_migrated(void **state)
{
	struct filler f;
	char why[256] = "", path[4096];
	char *dir = unit_folder();
	(void)state;
	fill_old(&f, dir);
	snprintf(path, sizeof path, "%s/backups", dir);
	touch(dir, "backups");
	assert_int_not_equal(store_schema_migrate(f.s, dir, good, 2, 4, why), 0);
	assert_non_null(strstr(why, "cannot be copied"));
	assert_int_equal(ask(dir, "mediamon.db", "PRAGMA user_version"), 1);
	store_close(f.s);
	remove_folder(dir);
}

static void versions_without_a_way_are_refused(void **state)
{
	struct filler f;
	char why[256] = "";
	char *dir = unit_folder();
	(void)state;
	fill_old(&f, dir);
	assert_int_equal(store_schema_migrate(f.s, dir, good, 2, 5, why), -EPROTO);
	assert_non_null(strstr(why, "too old"));
	assert_int_equal(store_schema_migrate(f.s, dir, good + 1, 1, 4, why), -EPROTO);
	assert_int_equal(store_exec(f.s, "PRAGMA user_version = 9"), 0);
	assert_int_equal(store_schema_migrate(f.s, dir, good, 2, 4, why), -EPROTO);
	assert_non_null(strstr(why, "newer"));
	assert_int_equal(count_files(dir, "backups", ""), 0);
	store_close(f.s);
	remove_folder(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_is_one_whole_file),
		cmocka_unit_test(a_copy_is_of_one_moment_while_the_writer_goes_on),
		cmocka_unit_test(only_the_newest_copies_are_kept_and_nothing_else_is_touched),
		cmocka_unit_test(a_copy_that_fails_leaves_nothing_and_keeps_the_old_ones),
		cmocka_unit_test(the_newest_good_copy_takes_the_place_of_a_damaged_store),
		cmocka_unit_test(numbers_of_rows_are_not_given_again_after_a_recovery),
		cmocka_unit_test(without_a_good_copy_a_new_store_is_begun),
		cmocka_unit_test(two_damaged_stores_are_kept),
		cmocka_unit_test(a_disk_that_refuses_is_no_damage),
		cmocka_unit_test(a_store_that_was_replaced_by_hand_goes_on_above_what_was_shown),
		cmocka_unit_test(an_interrupted_commit_is_no_older_store),
		cmocka_unit_test(migrations_run_one_after_the_other_after_a_copy),
		cmocka_unit_test(a_migration_that_fails_leaves_the_store_as_it_was),
		cmocka_unit_test(a_store_that_cannot_be_copied_is_not_migrated),
		cmocka_unit_test(versions_without_a_way_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
