/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was being read when everybody was killed is known afterwards; and a worker's death is cheap. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/extract/pool_reading.h"

static char *folder;

static struct read_mark file_of(int n)
{
	return (struct read_mark){.root = 1, .path = reading_hash("dir", 3, "name", (size_t)n % 4), .size = n, .mtime = 7};
}

static void acquit_all(struct reading *r)
{
	for (int i = 0; i < READING_MARKS + 3; i++) {
		struct read_mark file = file_of(i);
		reading_acquit(r, &file);
	}
	assert_true(reading_is_empty(r));
}

static void begin(struct reading *r, int worker, uint64_t batch, uint32_t index)
{
	struct worker_slot *slot = reading_slot(r, worker);
	atomic_store(&slot->batch, batch);
	atomic_store(&slot->index, index);
	atomic_store(&slot->since, 1);
}

/** How it goes with a process that begins to read a file. */
enum ending {
	/** It is killed at once; or was at it for long; or its worker died by itself. */
	AT_ONCE,
	LATE,
	BY_ITSELF,
};

/** A process that begins to read file @index of a batch of three, and is killed. */
static void read_and_end(uint32_t index, enum ending ending)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct reading r;
		struct read_mark files[] = {file_of(1), file_of(2), file_of(3)};
		if (reading_open(folder, &r) < 0)
			_exit(1);
		for (size_t i = 0; i < COUNT_OF(files); i++)
			files[i].tries = reading_tries(&r, &files[i]);
		reading_give(&r, 5, 40, 0, files, COUNT_OF(files));
		begin(&r, 5, 40, index);
		reading_beat(&r, ending == LATE ? NS_PER_S : 2);
		atomic_store(&reading_slot(&r, 5)->has_died, ending == BY_ITSELF);
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void expect(int first, int second, int third)
{
	struct reading r;
	struct read_mark files[] = {file_of(1), file_of(2), file_of(3)};
	assert_int_equal(reading_open(folder, &r), 0);
	assert_int_equal(reading_tries(&r, &files[0]), first);
	assert_int_equal(reading_tries(&r, &files[1]), second);
	assert_int_equal(reading_tries(&r, &files[2]), third);
	reading_close(&r);
}

static void test_what_was_being_read_is_known_after_a_kill(void **state)
{
	(void)state;
	expect(0, 0, 0);
	read_and_end(1, LATE);
	expect(0, 1, 0);
	/* nothing was being read since: no try more */
	expect(0, 1, 0);
	read_and_end(1, LATE);
	expect(0, 2, 0);
	read_and_end(2, LATE);
	expect(0, 2, 1);
	/* an index beyond the batch names no file */
	read_and_end(3, LATE);
	expect(0, 2, 1);
	struct reading r;
	struct read_mark changed = file_of(2), good = file_of(2);
	changed.mtime++;
	assert_int_equal(reading_open(folder, &r), 0);
	assert_int_equal(reading_tries(&r, &changed), 0);
	reading_acquit(&r, &good);
	assert_int_equal(reading_tries(&r, &good), 0);
	reading_close(&r);
	expect(0, 0, 1);
}

static void test_a_file_that_is_read_at_the_moment_of_a_kill_is_suspected_once(void **state)
{
	(void)state;
	struct reading r;
	assert_int_equal(reading_open(folder, &r), 0);
	acquit_all(&r);
	reading_close(&r);
	for (int i = 0; i < 3; i++) {
		read_and_end(0, AT_ONCE);
		expect(1, 0, 0);
	}
	read_and_end(0, BY_ITSELF);
	expect(2, 0, 0);
}

static void test_only_what_a_worker_was_given_is_blamed(void **state)
{
	struct reading r;
	struct read_mark files[] = {file_of(1), file_of(2)};
	(void)state;
	assert_int_equal(reading_open(folder, &r), 0);
	acquit_all(&r);
	reading_give(&r, 0, 7, 0, files, 2);
	begin(&r, 1, 7, 0);
	assert_null(reading_blame(&r, 1));
	begin(&r, 0, 8, 0);
	assert_null(reading_blame(&r, 0));
	begin(&r, 0, 7, 2);
	assert_null(reading_blame(&r, 0));
	begin(&r, 0, 7, 1);
	assert_non_null(reading_blame(&r, 0));
	assert_int_equal(reading_tries(&r, &files[1]), 1);
	reading_take(&r, 0, 7);
	assert_null(reading_blame(&r, 0));
	assert_int_equal(reading_tries(&r, &files[1]), 1);
	reading_close(&r);
}

/** Tries that the store knows count with those that only the marks know. */
static void test_the_table_of_marks_has_an_end(void **state)
{
	struct reading r;
	(void)state;
	assert_int_equal(reading_open(folder, &r), 0);
	acquit_all(&r);
	for (int i = 0; i < READING_MARKS + 3; i++) {
		struct read_mark file = file_of(i);
		file.tries = 1;
		reading_give(&r, 0, 1, 0, &file, 1);
		begin(&r, 0, 1, 0);
		assert_int_equal(reading_is_full(&r), i >= READING_MARKS);
		assert_non_null(reading_blame(&r, 0));
		assert_int_equal(reading_tries(&r, &file), 2);
		reading_take(&r, 0, 1);
	}
	assert_true(reading_is_full(&r));
	/* only what the store was told of is forgotten */
	struct read_mark told = file_of(3), untold = file_of(4);
	reading_tell(&r, &told);
	reading_forget(&r);
	assert_int_equal(reading_tries(&r, &told), 0);
	assert_int_equal(reading_tries(&r, &untold), 2);
	assert_false(reading_is_full(&r));
	reading_close(&r);
}

/** No marks, whatever the tests before left. */
static void open_empty(struct reading *r)
{
	assert_int_equal(reading_open(NULL, r), 0);
	assert_true(reading_is_empty(r));
}

static void test_what_is_dropped_is_blamed_while_its_worker_may_be_at_it(void **state)
{
	struct reading r;
	struct read_mark files[] = {file_of(1), file_of(2)};
	(void)state;
	open_empty(&r);
	reading_give(&r, 0, 7, 0, files, 2);
	assert_true(reading_has_others(&r, 1));
	assert_false(reading_has_others(&r, 0));
	assert_true(reading_is_given(&r, 1, &files[1]));
	assert_false(reading_is_given(&r, 0, &files[1]));
	/* it lies in its socket, and who knows whether it comes to that */
	reading_drop(&r, 0, 7);
	assert_false(reading_is_given(&r, 1, &files[1]));
	assert_false(reading_is_at_dropped(&r, 0));
	begin(&r, 0, 7, 1);
	assert_true(reading_is_at_dropped(&r, 0));
	assert_true(reading_is_given(&r, 1, &files[1]));
	assert_true(reading_is_given(&r, 0, &files[1]));
	struct read_mark other = file_of(3);
	assert_false(reading_is_given(&r, 0, &other));
	assert_non_null(reading_blame(&r, 0));
	assert_int_equal(reading_tries(&r, &files[1]), 1);
	reading_take_dropped(&r, 0);
	assert_false(reading_is_given(&r, 0, &files[1]));
	assert_null(reading_blame(&r, 0));
	reading_close(&r);
}

static void test_room_is_made_of_what_nobody_waits_for(void **state)
{
	struct reading r;
	struct read_mark file = file_of(1), last = file_of(2);
	uint64_t n = 0;
	(void)state;
	open_empty(&r);
	while (reading_has_room(&r, 0) && n < 100)
		reading_give(&r, 0, ++n, 0, &file, 1);
	assert_in_range(n, READING_AHEAD + 1, 99);
	assert_true(reading_has_room(&r, 1));
	/* what it is at stays, though nobody waits for it */
	begin(&r, 0, 1, 0);
	reading_drop(&r, 0, 1);
	assert_false(reading_has_room(&r, 0));
	reading_drop(&r, 0, 2);
	assert_true(reading_has_room(&r, 0));
	reading_give(&r, 0, 200, 0, &last, 1);
	assert_false(reading_has_room(&r, 0));
	assert_non_null(reading_now(&r, 0));
	begin(&r, 0, 200, 0);
	assert_int_equal(reading_now(&r, 0)->size, 2);
	begin(&r, 0, 2, 0);
	assert_null(reading_now(&r, 0));
	reading_close(&r);
}

static void put_mark(struct reading *r, int n, int tries, bool is_told)
{
	struct read_mark file = file_of(n);
	file.tries = tries - 1;
	reading_give(r, 0, 1, 0, &file, 1);
	begin(r, 0, 1, 0);
	assert_non_null(reading_blame(r, 0));
	reading_take(r, 0, 1);
	if (is_told)
		reading_tell(r, &file);
}

static int tries_of(const struct reading *r, int n)
{
	struct read_mark file = file_of(n);
	return reading_tries(r, &file);
}

static void test_a_full_table_loses_what_it_can_spare(void **state)
{
	struct reading r;
	(void)state;
	open_empty(&r);
	for (int i = 0; i < READING_MARKS; i++)
		put_mark(&r, i, i == 7 ? 1 : 2, i == 9);
	put_mark(&r, 1000, 1, false);
	assert_int_equal(tries_of(&r, 9), 0);
	assert_int_equal(tries_of(&r, 7), 1);
	/* none is told any more: the first of those that were read once */
	put_mark(&r, 1001, 2, false);
	assert_int_equal(tries_of(&r, 7), 0);
	assert_int_equal(tries_of(&r, 1000), 1);
	for (int i = 0; i < READING_MARKS; i++)
		assert_int_equal(tries_of(&r, i), i == 7 || i == 9 ? 0 : 2);
	reading_close(&r);
}

/** Who is killed between its start and the end of what the store says of files that are being read is not believed. */
static void test_it_is_whole_when_the_store_says_nothing_older(void **state)
{
	struct reading r;
	(void)state;
	char path[4096];
	snprintf(path, sizeof path, "%s/reading", folder);
	unlink(path);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(reading_open(folder, &r), 0);
		assert_false(r.is_whole);
		reading_close(&r);
	}
	assert_int_equal(reading_open(folder, &r), 0);
	reading_made_whole(&r);
	assert_true(r.is_whole);
	reading_close(&r);
	assert_int_equal(reading_open(folder, &r), 0);
	assert_true(r.is_whole);
	reading_close(&r);
	/* another version's is none of ours, though it is of the same start of the machine */
	int fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, "another!", 8, 0), 8);
	close(fd);
	assert_int_equal(reading_open(folder, &r), 0);
	assert_false(r.is_whole);
	reading_close(&r);
}

static void test_a_file_that_is_none_of_ours_is_begun_anew(void **state)
{
	char path[4096];
	struct reading r;
	(void)state;
	snprintf(path, sizeof path, "%s/reading", folder);
	int fd = open(path, O_RDWR);
	char noise[65536];
	memset(noise, 0xa5, sizeof noise);
	while (lseek(fd, 0, SEEK_CUR) < 1 << 20)
		assert_int_equal(write(fd, noise, sizeof noise), sizeof noise);
	close(fd);
	assert_int_equal(reading_open(folder, &r), 0);
	assert_true(reading_is_empty(&r));
	reading_close(&r);
	/* right at its start, and nonsense behind it */
	fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, noise, sizeof noise, 8), sizeof noise);
	close(fd);
	assert_int_equal(reading_open(folder, &r), 0);
	assert_true(reading_is_empty(&r));
	reading_close(&r);
	struct reading elsewhere;
	assert_int_equal(reading_open("/nonexistent", &elsewhere), 0);
	assert_true(reading_is_empty(&elsewhere));
	reading_close(&elsewhere);
}

static int make_folder(void **state)
{
	(void)state;
	folder = unit_folder();
	return 0;
}

static int remove_folder(void **state)
{
	char path[4096];
	(void)state;
	snprintf(path, sizeof path, "%s/reading", folder);
	unlink(path);
	unit_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_being_read_is_known_after_a_kill),
		cmocka_unit_test(test_a_file_that_is_read_at_the_moment_of_a_kill_is_suspected_once),
		cmocka_unit_test(test_only_what_a_worker_was_given_is_blamed),
		cmocka_unit_test(test_the_table_of_marks_has_an_end),
		cmocka_unit_test(test_what_is_dropped_is_blamed_while_its_worker_may_be_at_it),
		cmocka_unit_test(test_room_is_made_of_what_nobody_waits_for),
		cmocka_unit_test(test_a_full_table_loses_what_it_can_spare),
		cmocka_unit_test(test_it_is_whole_when_the_store_says_nothing_older),
		cmocka_unit_test(test_a_file_that_is_none_of_ours_is_begun_anew),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
