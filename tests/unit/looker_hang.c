/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A looker whose disk, or which itself, does not answer. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/thread.h"
#include "indexer/symlinks/looker_private.h"

/** So many times as fast goes the time of this process; not of the looker, which is another one. */
static _Atomic int speed = 1;

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int r = (int)syscall(SYS_clock_gettime, clock, t);
	if (r == 0 && clock == CLOCK_MONOTONIC && speed != 1) {
		int64_t ns = (t->tv_sec * NS_PER_S + t->tv_nsec) * speed;
		*t = (struct timespec){ns / NS_PER_S, ns % NS_PER_S};
	}
	return r;
}

static struct looker *looker_of(int threads)
{
	struct looker *l = NULL;
	assert_int_equal(looker_new(threads, &l), 0);
	return l;
}

/** A filesystem that takes requests and answers none but the first. */
struct silent {
	int fd;
	struct thread thread;
	char *root;
};

static void *serve(void *arg)
{
	struct silent *s = arg;
	static _Alignas(8) char in[1 << 20];
	while (read(s->fd, in, sizeof in) > 0) {
		const struct fuse_in_header *head = (const struct fuse_in_header *)in;
		struct {
			struct fuse_out_header head;
			struct fuse_init_out init;
		} out = {.head = {.len = sizeof out, .unique = head->unique},
			 .init = {.major = 7, .minor = 31, .max_write = 4096}};
		if (head->opcode == FUSE_INIT && write(s->fd, &out, sizeof out) < 0)
			return NULL;
	}
	return NULL;
}

static bool start_silent(struct silent *s, const char *type)
{
	char options[128];
	s->root = unit_folder();
	s->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", s->fd);
	if (s->fd < 0 || mount("silent", s->root, type, MS_NODEV | MS_NOSUID, options) < 0) {
		if (s->fd >= 0)
			close(s->fd);
		rmdir(s->root);
		free(s->root);
		return false;
	}
	assert_int_equal(thread_start(&s->thread, "silent", serve, s), 0);
	return true;
}

static void end_silent(struct silent *s)
{
	umount2(s->root, MNT_FORCE);
	umount2(s->root, MNT_DETACH);
	thread_join(&s->thread);
	close(s->fd);
	rmdir(s->root);
	free(s->root);
}

static void a_mount_that_never_answers_is_given_up(void **state)
{
	struct silent s;
	struct mount_facts facts;
	int64_t size;
	(void)state;
	if (!start_silent(&s, "fuse.silent"))
		skip();
	struct looker *l = looker_of(2);
	int64_t start = mono_ns();
	assert_int_equal(looker_mount(l, s.root, NULL, 0, &facts), -ETIMEDOUT);
	assert_in_range((mono_ns() - start) / NS_PER_MS, LOOKER_STAT_MS - 1, 15000);
	/* nothing is asked of it meanwhile */
	start = mono_ns();
	assert_int_equal(looker_stat(l, "/", &size), -ETIMEDOUT);
	assert_true(mono_ns() - start < NS_PER_S);
	end_silent(&s);
	int r = -ETIMEDOUT;
	for (int i = 0; i < 200 && r == -ETIMEDOUT; i++) {
		usleep(20000);
		r = looker_stat(l, "/", &size);
	}
	assert_int_equal(r, 0);
	looker_free(l);
}

static void our_own_mount_is_refused_unasked(void **state)
{
	struct silent s;
	struct mount_facts facts;
	struct looked_tree tree;
	(void)state;
	if (!start_silent(&s, "fuse.mediamon"))
		skip();
	struct looker *l = looker_of(1);
	assert_int_equal(looker_mount(l, s.root, NULL, 0, &facts), 0);
	assert_int_equal(facts.error, -ELOOP);
	assert_string_equal(facts.fstype, "fuse.mediamon");
	assert_int_equal(looker_walk(l, s.root, NULL, 0, NULL, NULL, NULL, &tree), 0);
	assert_int_equal(tree.error, -ELOOP);
	looker_free(l);
	end_silent(&s);
}

static void one_that_is_stopped_or_killed_is_replaced(void **state)
{
	struct looker *l = looker_of(1);
	int64_t size;
	(void)state;
	assert_int_equal(looker_stat(l, "/", &size), 0);
	kill(l->pid, SIGSTOP);
	speed = unit_many(5, 1);
	int64_t start = mono_ns();
	assert_int_equal(looker_stat(l, "/", &size), -ETIMEDOUT);
	assert_true(mono_ns() - start >= LOOKER_SILENCE_MS * NS_PER_MS);
	speed = 1;
	assert_int_equal(looker_stat(l, "/", &size), 0);
	kill(l->pid, SIGKILL);
	usleep(100000);
	assert_int_equal(looker_stat(l, "/", &size), 0);
	looker_free(l);
}

static void *cancel(void *arg)
{
	usleep(300000);
	looker_cancel(arg);
	return NULL;
}

static void a_question_can_be_ended(void **state)
{
	struct looker *l = looker_of(1);
	struct thread t = {0};
	int64_t size;
	(void)state;
	/* while none runs: nothing */
	looker_cancel(l);
	assert_int_equal(looker_stat(l, "/", &size), 0);
	kill(l->pid, SIGSTOP);
	assert_int_equal(thread_start(&t, "cancel", cancel, l), 0);
	assert_int_equal(looker_stat(l, "/", &size), -ECANCELED);
	thread_join(&t);
	assert_int_equal(looker_stat(l, "/", &size), 0);
	looker_free(l);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mount_that_never_answers_is_given_up),
		cmocka_unit_test(our_own_mount_is_refused_unasked),
		cmocka_unit_test(one_that_is_stopped_or_killed_is_replaced),
		cmocka_unit_test(a_question_can_be_ended),
	};
	if (argc > 1 && strcmp(argv[1], "--looker") == 0)
		return looker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
