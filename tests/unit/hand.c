/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Links are changed to the bit, only those that were recorded, and nothing else is ever touched. */
#include "tests/unit/hand_world.h"

#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/cleanup.h"

#define TIME INT64_C(1234567890123456789)
#define OWNER 1234
#define GROUP 4321

static struct hand *hand;

/** Seconds that the hand was given last; above 0: what it gets instead. */
static int patience, patience_instead;

/** The hand's patience is a socket's. */
__attribute__((visibility("default"))) int setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
	struct timeval t;
	if (level == SOL_SOCKET && name == SO_RCVTIMEO) {
		memcpy(&t, value, sizeof t);
		patience = (int)t.tv_sec;
		if (patience_instead)
			return (int)syscall(SYS_setsockopt, fd, level, name,
					    &(struct timeval){patience_instead, 0}, sizeof t);
	}
	return (int)syscall(SYS_setsockopt, fd, level, name, value, n);
}

#define STRANGER_ENV "MEDIAMON_TEST_STRANGER"

/** In a hand, once: somebody else replaces the link between the last look at it and its change. */
static void stranger_comes(int dir)
{
	static bool has_come;
	if (has_come || !getenv(STRANGER_ENV))
		return;
	has_come = true;
	if (symlinkat("strange", dir, "beside") < 0 ||
	    syscall(SYS_renameat2, dir, "beside", dir, "l", 0) < 0)
		_exit(99);
}

__attribute__((visibility("default"))) int renameat2(int from_dir, const char *from, int to_dir, const char *to,
						     unsigned flags)
{
	stranger_comes(from_dir);
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

__attribute__((visibility("default"))) int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

static int set_up(void **state)
{
	(void)state;
	links_begin();
	assert_int_equal(hand_new(links_root, &hand), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hand_free(hand);
	links_end();
	return 0;
}

static struct hand_order relink(const char *path, const char *before, const char *after)
{
	return (struct hand_order){
		.act = HAND_RELINK, .path = BYTES(path), .before = BYTES(before), .after = BYTES(after)};
}

static struct hand_order unlinking(const char *path, const char *before)
{
	return (struct hand_order){.act = HAND_UNLINK, .path = BYTES(path), .before = BYTES(before)};
}

static struct hand_order making(const char *path, const char *after, const struct hand_facts *as)
{
	return (struct hand_order){
		.act = HAND_MAKE, .path = BYTES(path), .after = BYTES(after),
		.uid = as->uid, .gid = as->gid, .mtime = as->mtime,
	};
}

static int reading(const char *path, struct hand_facts *facts)
{
	return hand_do(hand, &(struct hand_order){.act = HAND_READ, .path = BYTES(path)}, facts);
}

static int doing(struct hand_order o)
{
	return hand_do(hand, &o, NULL);
}

/* --- to the bit --- */

static void a_link_gets_another_text_and_stays_what_it_was(void **state)
{
	struct hand_facts facts;
	(void)state;
	links_dir("a");
	links_put("a/l", "/mnt/old/x.mkv", OWNER, GROUP, TIME);
	struct hand_facts was = links_facts("a/l");
	struct hand_order o = relink("a/l", "/mnt/old/x.mkv", "/mnt/new/x.mkv");
	assert_int_equal(hand_do(hand, &o, &facts), 0);
	links_assert("a/l", "/mnt/new/x.mkv", &was);
	assert_string_equal(facts.target, "/mnt/new/x.mkv");
	assert_int_equal(facts.mtime, TIME);
	assert_int_equal(links_count("a", ""), 1);
	/* other facts when they are given: what undo does */
	o = relink("a/l", "/mnt/new/x.mkv", "/mnt/old/x.mkv");
	o.has_facts = 1;
	o.uid = was.uid;
	o.gid = was.gid;
	o.mtime = 5;
	assert_int_equal(doing(o), 0);
	was.mtime = 5;
	links_assert("a/l", "/mnt/old/x.mkv", &was);
}

static void a_link_is_removed_and_made_again(void **state)
{
	struct hand_facts facts;
	(void)state;
	links_put("l", "../x", OWNER, GROUP, -1);
	struct hand_facts was = links_facts("l");
	assert_int_equal(was.mtime, -1);
	assert_int_equal(doing(unlinking("l", "../x")), 0);
	assert_int_equal(links_count("", ""), 0);
	assert_int_equal(reading("l", &facts), -ENOENT);
	assert_int_equal(doing(making("l", "../x", &was)), 0);
	links_assert("l", "../x", &was);
	assert_int_equal(doing(making("l", "../y", &was)), -EEXIST);
	links_assert("l", "../x", &was);
	assert_int_equal(links_count("", ""), 1);
	assert_int_equal(reading("l", &facts), 0);
	assert_string_equal(facts.target, "../x");
}

static void hostile_names_are_names(void **state)
{
	static const char *const names[] = {
		"a b", "\n", "\xff\xfe", "-rf", "*", "'\"$(x)", "\x1b[31m", ".mediamon-x", "...", "..a", " ",
	};
	char long_name[256], text[4096];
	(void)state;
	memset(long_name, 'n', 255);
	long_name[255] = '\0';
	memset(text, 't', 4095);
	text[4095] = '\0';
	for (size_t i = 0; i <= COUNT_OF(names); i++) {
		const char *name = i < COUNT_OF(names) ? names[i] : long_name;
		links_put(name, text, OWNER, GROUP, TIME);
		struct hand_facts was = {.uid = links_facts(name).uid, .gid = links_facts(name).gid, .mtime = TIME};
		assert_int_equal(doing(relink(name, text, "\xff\n")), 0);
		links_assert(name, "\xff\n", &was);
		assert_int_equal(doing(unlinking(name, "\xff\n")), 0);
		assert_int_equal(doing(making(name, text, &was)), 0);
		links_assert(name, text, &was);
	}
}

/* --- refused --- */

static void another_text_is_left_alone(void **state)
{
	(void)state;
	links_put("l", "/a", OWNER, GROUP, TIME);
	struct hand_facts was = links_facts("l");
	static const char *const texts[] = {"/", "/A", "/a/", "/ab", "a"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(doing(relink("l", texts[i], "/b")), -ESTALE);
		assert_int_equal(doing(unlinking("l", texts[i])), -ESTALE);
	}
	assert_int_equal(doing(relink("gone", "/a", "/b")), -ESTALE);
	assert_int_equal(doing(unlinking("gone", "/a")), -ESTALE);
	assert_int_equal(doing(unlinking("no/gone", "/a")), -ESTALE);
	links_assert("l", "/a", &was);
	assert_int_equal(links_facts("l").inode, was.inode);
	assert_int_equal(links_count("", ""), 1);
}

static void what_is_no_link_is_left_alone(void **state)
{
	struct hand_facts facts, as = {.mtime = 1};
	(void)state;
	links_dir("dir");
	assert_int_equal(mkfifo(links_path("fifo"), 0600), 0);
	int fd = open(links_path("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "/a", 2), 2);
	close(fd);
	static const char *const names[] = {"dir", "fifo", "file"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(doing(relink(names[i], "/a", "/b")), -ESTALE);
		assert_int_equal(doing(unlinking(names[i], "/a")), -ESTALE);
		assert_int_equal(doing(making(names[i], "/a", &as)), -EEXIST);
		assert_int_equal(reading(names[i], &facts), -ESTALE);
		assert_true(links_is_there(names[i]));
	}
	assert_int_equal(links_count("", ""), 3);
}

static void a_link_on_the_way_leads_nowhere(void **state)
{
	struct hand_facts facts, as = {.mtime = 1};
	(void)state;
	links_dir("real");
	links_dir("other");
	links_put("real/l", "/a", OWNER, GROUP, TIME);
	links_put("other/l", "/a", OWNER, GROUP, TIME);
	assert_int_equal(reading("real/l", &facts), 0);
	/* swapped on the way, with the same content behind it */
	assert_int_equal(rename(links_path("real"), links_path("moved")), 0);
	assert_int_equal(symlink("other", links_path("real")), 0);
	assert_int_equal(symlink("/", links_path("top")), 0);
	assert_int_equal(doing(relink("real/l", "/a", "/b")), -EXDEV);
	assert_int_equal(doing(unlinking("real/l", "/a")), -EXDEV);
	assert_int_equal(doing(making("real/new", "/a", &as)), -EXDEV);
	assert_int_equal(reading("real/l", &facts), -EXDEV);
	assert_int_equal(doing(making("top/tmp/new", "/a", &as)), -EXDEV);
	assert_string_equal(links_facts("other/l").target, "/a");
	assert_string_equal(links_facts("moved/l").target, "/a");
}

static void paths_that_may_not_be_are_refused(void **state)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {
		{"..", -EXDEV}, {"../l", -EXDEV}, {"a/../l", -EXDEV}, {"a/..", -EXDEV}, {"", -EINVAL},
		{"/l", -EINVAL}, {"/", -EINVAL}, {"l/", -EINVAL}, {"a//l", -EINVAL}, {"./l", -EINVAL},
		{"a/.", -EINVAL}, {".", -EINVAL},
	};
	struct hand_facts as = {.mtime = 1}, facts;
	char *huge = malloc(100000);
	(void)state;
	links_dir("a");
	links_put("l", "/a", OWNER, GROUP, TIME);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(doing(unlinking(cases[i].path, "/a")), cases[i].error);
		assert_int_equal(doing(making(cases[i].path, "/a", &as)), cases[i].error);
		assert_int_equal(reading(cases[i].path, &facts), cases[i].error);
	}
	struct hand_order zero = unlinking("l", "/a");
	zero.path.len = 2;
	assert_int_equal(doing(zero), -EINVAL);
	assert_int_equal(doing(relink("l", "/a", "")), -EINVAL);
	memset(huge, 'x', 99999);
	huge[99999] = '\0';
	assert_int_equal(doing(relink("l", "/a", huge)), -EINVAL);
	assert_int_equal(doing(unlinking(huge, "/a")), -EINVAL);
	huge[4095] = '\0';
	assert_int_equal(doing(making(huge, "/a", &as)), -ENAMETOOLONG);
	as.uid = UINT32_MAX;
	assert_int_equal(doing(making("new", "/a", &as)), -EINVAL);
	free(huge);
	assert_string_equal(links_facts("l").target, "/a");
	assert_int_equal(links_count("", ""), 2);
}

static void a_missing_directory_is_told_from_a_missing_link(void **state)
{
	struct hand_facts facts, as = {.mtime = 1};
	(void)state;
	links_dir("a");
	assert_int_equal(reading("a/l", &facts), -ENOENT);
	assert_int_equal(reading("b/l", &facts), -ENOTDIR);
	assert_int_equal(doing(making("b/l", "/a", &as)), -ENOTDIR);
	assert_false(links_is_there("b"));
	links_end();
	assert_int_equal(reading("a/l", &facts), -ENODEV);
	/* another directory at its path: another process works there */
	assert_int_equal(mkdir(links_root, 0755), 0);
	links_dir("a");
	links_put("a/l", "/a", OWNER, GROUP, TIME);
	assert_int_equal(doing(unlinking("a/l", "/a")), 0);
	assert_false(links_is_there("a/l"));
}

static void a_root_that_cannot_be_written_says_so(void **state)
{
	(void)state;
	links_put("l", "/a", OWNER, GROUP, TIME);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount(links_root, links_root, NULL, MS_BIND, NULL) < 0 ||
		    mount(NULL, links_root, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
			_exit(77);
		struct hand_facts as = {.mtime = 1};
		_exit(doing(relink("l", "/a", "/b")) != -EROFS || doing(unlinking("l", "/a")) != -EROFS ||
		      doing(making("m", "/a", &as)) != -EROFS);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_string_equal(links_facts("l").target, "/a");
	assert_int_equal(links_count("", ""), 1);
}

/* --- somebody else at the same moment --- */

/** Replaces the link as others do, by rename: once a round, a moment after it began.  Round -1 is the end. */
struct stranger {
	_Atomic int round, done;
	/** Nanoseconds that a change takes: it comes in the midst of it. */
	_Atomic int64_t took;
};

static void be_a_stranger(struct stranger *s)
{
	char text[64];
	const char *beside = links_path("beside"), *place = links_path("l");
	unsigned seed = 1;
	for (int round = 1;; round++) {
		snprintf(text, sizeof text, "stranger-%d", round);
		if (symlink(text, beside) < 0)
			_exit(1);
		while (s->round >= 0 && s->round < round)
			sched_yield();
		if (s->round < 0)
			_exit(0);
		seed = seed * 1664525 + 1013904223;
		for (int64_t end = mono_ns() + (seed >> 8) % 1000 * s->took / 1000; mono_ns() < end;)
			continue;
		if (rename(beside, place) < 0)
			_exit(1);
		s->done = round;
	}
}

/** A stranger's link is there in the end, whether it came before, after or in the midst of our change. */
static void race(bool unlinks)
{
	struct stranger *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct hand_facts facts;
	int refused = 0, status, round = 1;
	const int rounds = unit_many(3000, 8000);
	char text[64];
	assert_true(s != MAP_FAILED);
	assert_int_equal(reading("l", &facts), -ENOENT);
	s->took = 200000;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		be_a_stranger(s);
	/* on a busy machine it may come late for long */
	for (; round <= rounds || (!refused && round <= 20 * rounds); round++) {
		unlink(links_path("l"));
		links_put("l", "recorded", OWNER, GROUP, TIME);
		s->round = round;
		int64_t begin = mono_ns();
		int r = doing(unlinks ? unlinking("l", "recorded") : relink("l", "recorded", "ours"));
		assert_true(r == 0 || r == -ESTALE);
		int64_t took = mono_ns() - begin;
		s->took = took < s->took ? took : s->took + s->took / 64;
		refused += r != 0;
		while (s->done < round)
			sched_yield();
		snprintf(text, sizeof text, "stranger-%d", round);
		if (reading("l", &facts) < 0 || strcmp(facts.target, text) != 0)
			fail_msg("%s was lost (%d): %s is there", text, r, facts.target);
	}
	s->round = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
	print_message("    %d of %d came before us\n", refused, --round);
	assert_true(refused > 0 && refused < round);
	assert_int_equal(links_count("", ".mediamon-"), 0);
	munmap(s, sizeof *s);
}

static void a_strangers_link_that_comes_in_between_is_not_lost(void **state)
{
	struct hand_facts facts;
	(void)state;
	for (int unlinks = 0; unlinks < 2; unlinks++) {
		hand_free(hand);
		assert_int_equal(hand_new(links_root, &hand), 0);
		unlink(links_path("l"));
		links_put("l", "recorded", OWNER, GROUP, TIME);
		setenv(STRANGER_ENV, "1", 1);
		int r = doing(unlinks ? unlinking("l", "recorded") : relink("l", "recorded", "ours"));
		unsetenv(STRANGER_ENV);
		assert_int_equal(r, -ESTALE);
		assert_int_equal(reading("l", &facts), 0);
		assert_string_equal(facts.target, "strange");
		assert_int_equal(links_count("", ""), 1);
	}
}

static void a_strangers_link_is_not_lost_to_a_relink(void **state)
{
	(void)state;
	race(false);
}

static void a_strangers_link_is_not_lost_to_an_unlink(void **state)
{
	(void)state;
	race(true);
}

/* --- killed, stuck, left over --- */

static uint64_t fnv(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(1099511628211);
	return h;
}

static void what_a_killed_hand_left_is_removed_and_nothing_else(void **state)
{
	char ours[64], theirs[64], file[64];
	struct hand_facts facts;
	(void)state;
	snprintf(ours, sizeof ours, "a/.mediamon-%08x%016llx%016llx", 1U, (unsigned long long)fnv("/a"),
		 (unsigned long long)fnv("/b"));
	snprintf(theirs, sizeof theirs, "a/.mediamon-%08x%016llx%016llx", 2U, (unsigned long long)fnv("/a"),
		 (unsigned long long)fnv("/b"));
	snprintf(file, sizeof file, "a/.mediamon-%08x%016llx%016llx", 3U, (unsigned long long)fnv("/a"),
		 (unsigned long long)fnv("/b"));
	links_dir("a");
	links_put(ours, "/a", OWNER, GROUP, TIME);
	links_put(theirs, "/stranger", OWNER, GROUP, TIME);
	links_put("a/.mediamon-x", "/a", OWNER, GROUP, TIME);
	links_put("a/.mediamon", "/a", OWNER, GROUP, TIME);
	close(open(links_path(file), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(reading("a/l", &facts), -ENOENT);
	assert_false(links_is_there(ours));
	assert_true(links_is_there(theirs));
	assert_true(links_is_there(file));
	assert_int_equal(links_count("a", ""), 4);
}

static void a_hand_that_died_is_replaced(void **state)
{
	struct hand_facts facts;
	(void)state;
	links_put("l", "/a", OWNER, GROUP, TIME);
	assert_int_equal(reading("l", &facts), 0);
	/* ours is the only child */
	char path[64], pid[32] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	_fclose_ FILE *f = fopen(path, "re");
	if (!f || !fgets(pid, sizeof pid, f))
		skip();
	assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), SIGKILL), 0);
	assert_int_equal(doing(unlinking("l", "/a")), -ETIMEDOUT);
	assert_string_equal(links_facts("l").target, "/a");
	assert_int_equal(doing(unlinking("l", "/a")), 0);
}

static void one_that_does_not_answer_is_given_up(void **state)
{
	struct hand_facts facts;
	struct hand_order o[600];
	int results[600];
	(void)state;
	links_put("l", "/a", OWNER, GROUP, TIME);
	int fd = open(links_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	for (int i = 0; i < 600; i++)
		o[i] = unlinking("l", "/a");
	patience_instead = unit_many(1, 0);
	int64_t begin = mono_ns(), least = patience_instead ? NS_PER_S * 9 / 10 : 9 * NS_PER_S;
	assert_int_equal(hand_do_all(hand, o, 600, results), -ETIMEDOUT);
	int64_t took = mono_ns() - begin;
	patience_instead = 0;
	assert_int_equal(patience, 10);
	assert_true(took >= least && took < 3 * least);
	assert_int_equal(results[0], -ETIMEDOUT);
	assert_int_equal(results[499], -ETIMEDOUT);
	assert_int_equal(results[500], -ECANCELED);
	close(fd);
	/* the process that was ended, or the one in its place before it begins, may hold the directory for a moment */
	int r = -EBUSY;
	for (int i = 0; i < 1000 && r == -EBUSY; i++) {
		r = reading("l", &facts);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	assert_int_equal(r, 0);
}

/* --- many --- */

static double per_second(int n, int64_t since)
{
	return n / ((double)(mono_ns() - since) / 1e9);
}

static void many_are_changed_in_batches(void **state)
{
	enum { MOST = 10000, IN_ONE = 4 };
	static struct hand_order orders[MOST];
	static char paths[MOST][64];
	static int results[MOST];
	const int many = unit_many(3000, MOST), dirs = many / IN_ONE, strange = many * 7 / 9;
	(void)state;
	for (int i = 0; i < dirs; i++) {
		snprintf(paths[0], sizeof paths[0], "d%d", i);
		links_dir(paths[0]);
	}
	for (int i = 0; i < many; i++) {
		snprintf(paths[i], sizeof paths[i], "d%d/link %d", i % dirs, i);
		links_put(paths[i], "/mnt/a", OWNER, GROUP, TIME + i);
		orders[i] = relink(paths[i], "/mnt/a", "/mnt/b");
	}
	struct hand_facts was = links_facts(paths[0]);
	int64_t begin = mono_ns();
	assert_int_equal(hand_do_all(hand, orders, many, results), 0);
	print_message("    %d relinks in %d directories: %.0f a second\n", many, dirs, per_second(many, begin));
	for (int i = 0; i < many; i++) {
		assert_int_equal(results[i], 0);
		was.mtime = TIME + i;
		links_assert(paths[i], "/mnt/b", &was);
		orders[i] = unlinking(paths[i], i == strange ? "/mnt/a" : "/mnt/b");
	}
	begin = mono_ns();
	assert_int_equal(hand_do_all(hand, orders, many, results), 0);
	print_message("    %d unlinks: %.0f a second\n", many, per_second(many, begin));
	for (int i = 0; i < many; i++) {
		assert_int_equal(results[i], i == strange ? -ESTALE : 0);
		assert_int_equal(links_is_there(paths[i]), i == strange);
		was.mtime = TIME + i;
		orders[i] = making(paths[i], "/mnt/a", &was);
	}
	begin = mono_ns();
	assert_int_equal(hand_do_all(hand, orders, many, results), 0);
	print_message("    %d made again: %.0f a second\n", many, per_second(many, begin));
	for (int i = 0; i < many; i++) {
		assert_int_equal(results[i], i == strange ? -EEXIST : 0);
		was.mtime = TIME + i;
		links_assert(paths[i], i == strange ? "/mnt/b" : "/mnt/a", &was);
	}
	assert_int_equal(links_count("d0", ""), IN_ONE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_link_gets_another_text_and_stays_what_it_was),
		TEST(a_link_is_removed_and_made_again),
		TEST(hostile_names_are_names),
		TEST(another_text_is_left_alone),
		TEST(what_is_no_link_is_left_alone),
		TEST(a_link_on_the_way_leads_nowhere),
		TEST(paths_that_may_not_be_are_refused),
		TEST(a_missing_directory_is_told_from_a_missing_link),
		TEST(a_root_that_cannot_be_written_says_so),
		TEST(a_strangers_link_that_comes_in_between_is_not_lost),
		TEST(a_strangers_link_is_not_lost_to_a_relink),
		TEST(a_strangers_link_is_not_lost_to_an_unlink),
		TEST(what_a_killed_hand_left_is_removed_and_nothing_else),
		TEST(a_hand_that_died_is_replaced),
		TEST(one_that_does_not_answer_is_given_up),
		TEST(many_are_changed_in_batches),
	};
	log_init("hand");
	if (argc > 1 && strcmp(argv[1], "--hand") == 0)
		return hand_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
