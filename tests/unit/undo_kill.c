/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * kill -9 at every step of changing links and of undoing that: at each change of the disk that the hand makes, each sync
 * of the store, each message.  No link is ever changed without its journal row, what is found afterwards
 * is what the rows say after recovery, and undo then brings everything back to the bit.
 */
#include "tests/unit/undo_world.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define STEPS_ENV "MEDIAMON_TEST_STEPS"

/** Who dies at the step. */
enum victim { VICTIM_ALL, VICTIM_SELF };

/** Shared by the test, the life that is to be killed, and its hand. */
static struct steps {
	_Atomic int armed;
	/** Counts down to the step. */
	_Atomic long left;
	_Atomic int victim;
	_Atomic pid_t life, hand;
} *steps;

static void map_steps(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		_exit(99);
	close(fd);
	steps = p;
}

/** Only in a life and its hand. */
static void step(void)
{
	if (!steps || !steps->armed)
		return;
	pid_t self = getpid();
	if (self != steps->life && self != steps->hand)
		return;
	if (atomic_fetch_sub(&steps->left, 1) != 0)
		return;
	if (steps->victim == VICTIM_ALL) {
		pid_t other = self == steps->life ? steps->hand : steps->life;
		if (other > 0)
			kill(other, SIGKILL);
	}
	kill(self, SIGKILL);
}

#define PUBLIC __attribute__((visibility("default")))
#define STEPPED(number, ...) \
	({ \
		step(); \
		syscall(number, __VA_ARGS__); \
	})

/* what a killed process has written stays without a sync, and the disk is spared */

PUBLIC int fsync(int fd)
{
	step();
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

PUBLIC int fdatasync(int fd)
{
	return fsync(fd);
}

PUBLIC ssize_t send(int fd, const void *data, size_t n, int flags)
{
	return STEPPED(SYS_sendto, fd, data, n, flags, NULL, 0);
}

PUBLIC int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return (int)STEPPED(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

PUBLIC int symlinkat(const char *text, int dir, const char *name)
{
	return (int)STEPPED(SYS_symlinkat, text, dir, name);
}

PUBLIC int unlinkat(int dir, const char *name, int flags)
{
	return (int)STEPPED(SYS_unlinkat, dir, name, flags);
}

PUBLIC int fchownat(int dir, const char *name, uid_t uid, gid_t gid, int flags)
{
	return (int)STEPPED(SYS_fchownat, dir, name, uid, gid, flags);
}

PUBLIC int utimensat(int dir, const char *name, const struct timespec times[2], int flags)
{
	return (int)STEPPED(SYS_utimensat, dir, name, times, flags);
}

/* --- the library --- */

static const struct {
	const char *path, *text, *after;
} library[] = {
	{"a/1", "/mnt/x/1", "/mnt/y/1"}, {"a/2", "/mnt/x/2", ""}, {"b/3", "/mnt/x/3", ""}, {"4", "/mnt/x/4", "/mnt/y/4"},
};

static struct hand_facts original[COUNT_OF(library)];

static void make_library(void)
{
	links_begin();
	links_dir("a");
	links_dir("b");
	for (size_t i = 0; i < COUNT_OF(library); i++) {
		links_put(library[i].path, library[i].text, 11, 12, LINK_TIME + (int64_t)i);
		original[i] = links_facts(library[i].path);
	}
}

static bool is_original(size_t i)
{
	if (!links_is_there(library[i].path))
		return false;
	struct hand_facts f = links_facts(library[i].path);
	return strcmp(f.target, library[i].text) == 0 && f.uid == original[i].uid && f.gid == original[i].gid &&
	       f.mtime == original[i].mtime;
}

static bool is_changed(size_t i)
{
	if (!*library[i].after)
		return !links_is_there(library[i].path);
	return links_is_there(library[i].path) &&
	       strcmp(links_facts(library[i].path).target, library[i].after) == 0;
}

/* --- lives --- */

static void change_all(void)
{
	int64_t id;
	for (size_t i = 0; i < COUNT_OF(library); i++)
		undo_change(library[i].path, library[i].after, &id);
}

static void undo_all(void)
{
	_buf_ struct buf answer = BUF_INIT(1 << 14);
	struct repair r = undo_repair();
	undo_run(&r, PLAN, &answer);
}

static void recover(void)
{
	struct repair r = undo_repair();
	for (int i = 0; i < 3 && undo_recover(&r) < 0; i++)
		continue;
}

/** Lives in a process of its own; whether it reached its end without the step (@at -1: no step). */
static bool live(long at, enum victim victim, void (*act)(void))
{
	steps->left = at;
	steps->victim = (int)victim;
	steps->hand = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		world_open(&world);
		repair_hand(NULL, links_root);
		steps->life = getpid();
		steps->armed = at >= 0;
		act();
		steps->armed = 0;
		undo_forget_hand();
		world_close(&world);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	steps->armed = 0;
	steps->life = 0;
	assert_true((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
		    (WIFEXITED(status) && WEXITSTATUS(status) == 0));
	return at < 0 || steps->left >= 0;
}

/** Rows of a path with that step. */
static int64_t rows_of(const char *path, const char *is_step)
{
	char sql[256];
	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM journal WHERE CAST(path AS TEXT) = '%s' AND step LIKE '%s'", path, is_step);
	return world_count(&world, sql);
}

static void check_rows(long at, bool before_recovery)
{
	for (size_t i = 0; i < COUNT_OF(library); i++) {
		const char *path = library[i].path;
		bool changed = is_changed(i);
		if (!changed && !is_original(i))
			fail_msg("step %ld: %s is neither what it was nor what it should be", at, path);
		if (changed && !rows_of(path, "%"))
			fail_msg("step %ld: %s is changed without a row", at, path);
		if (before_recovery)
			continue;
		if (rows_of(path, "done") != changed)
			fail_msg("step %ld: %s is %s, its row is not", at, path, changed ? "changed" : "as it was");
		if (rows_of(path, "planned") || rows_of(path, "undoing"))
			fail_msg("step %ld: the row of %s is still open", at, path);
	}
	/* what a killed hand leaves is gone once its directory was looked at */
	int left = links_count("", ".mediamon-") + links_count("a", ".mediamon-") + links_count("b", ".mediamon-");
	if (!before_recovery && left)
		fail_msg("step %ld: %d are left over", at, left);
}

/** One run that ends at a step of @act, its recovery, and the way back. */
static bool kill_at(long at, enum victim victim, bool undoes)
{
	world_begin(&world, "");
	make_library();
	world_close(&world);
	if (undoes)
		live(-1, victim, change_all);
	bool reached_end = live(at, victim, undoes ? undo_all : change_all);
	assert_int_equal(store_open_reader(world.dir, &world.reader), 0);
	check_rows(at, true);
	store_close(world.reader);
	live(-1, victim, recover);
	assert_int_equal(store_open_reader(world.dir, &world.reader), 0);
	check_rows(at, false);
	store_close(world.reader);
	live(-1, victim, undo_all);
	world_open(&world);
	for (size_t i = 0; i < COUNT_OF(library); i++)
		if (!is_original(i))
			fail_msg("step %ld: %s is not what it was", at, library[i].path);
	assert_int_equal(links_count("", ""), 3);
	assert_int_equal(links_count("a", ""), 2);
	links_end();
	world_end(&world);
	return reached_end;
}

/** Each of the two victims at steps of its own: together they are twice as many. */
static void kill_everywhere(enum victim victim, bool undoes)
{
	int stride = unit_stride(4);
	long n = victim == VICTIM_ALL ? 0 : stride / 2;
	while (n < 1000 && !kill_at(n, victim, undoes))
		n += stride;
	print_message("    killed at every %d of %ld steps\n", stride, n);
	assert_true(n > 25 && n < 1000);
}

static void everything_dies_while_links_are_changed(void **state)
{
	(void)state;
	kill_everywhere(VICTIM_ALL, false);
}

static void one_process_dies_while_links_are_changed(void **state)
{
	(void)state;
	kill_everywhere(VICTIM_SELF, false);
}

static void everything_dies_while_it_is_undone(void **state)
{
	(void)state;
	kill_everywhere(VICTIM_ALL, true);
}

static void one_process_dies_while_it_is_undone(void **state)
{
	(void)state;
	kill_everywhere(VICTIM_SELF, true);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_dies_while_links_are_changed),
		cmocka_unit_test(one_process_dies_while_links_are_changed),
		cmocka_unit_test(everything_dies_while_it_is_undone),
		cmocka_unit_test(one_process_dies_while_it_is_undone),
	};
	log_init("undo");
	log_set_level(LOG_LEVEL_ERROR);
	if (argc > 1 && strcmp(argv[1], "--hand") == 0) {
		map_steps(getenv(STEPS_ENV));
		if (steps->life)
			steps->hand = getpid();
		return hand_main();
	}
	char path[256];
	snprintf(path, sizeof path, "%s/mediamon-steps.XXXXXX", unit_quick_tmp());
	int fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, sizeof *steps) < 0)
		return 1;
	close(fd);
	setenv(STEPS_ENV, path, 1);
	map_steps(path);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
