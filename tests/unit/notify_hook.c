/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A program of the user's may do what it likes: it gets its input, and it ends. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/thread.h"
#include "indexer/notify/hook.h"

struct bench {
	char *dir, program[4096], out[4096], why[WHY];
	int64_t took;
};

static void begin(struct bench *b, const char *script)
{
	b->dir = unit_folder();
	snprintf(b->program, sizeof b->program, "%s/hook", b->dir);
	snprintf(b->out, sizeof b->out, "%s/out", b->dir);
	b->why[0] = '\0';
	FILE *f = fopen(b->program, "we");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nOUT=%s\n%s\n", b->out, script);
	fclose(f);
	assert_int_equal(chmod(b->program, 0700), 0);
}

static int run(struct bench *b, const void *input, size_t n, int deadline_ms)
{
	int64_t start = mono_ns();
	int r = hook_run(b->program, input, n, deadline_ms, -1, b->why);
	b->took = (mono_ns() - start) / NS_PER_MS;
	return r;
}

static size_t output(const struct bench *b, char *text, size_t size)
{
	_fclose_ FILE *f = fopen(b->out, "re");
	size_t n = f ? fread(text, 1, size - 1, f) : 0;
	text[n] = '\0';
	return n;
}

static void end(struct bench *b)
{
	unlink(b->program);
	unlink(b->out);
	rmdir(b->dir);
	free(b->dir);
}

static void the_whole_input_arrives(void **state)
{
	enum { SIZE = 5 << 20 };
	struct bench b;
	struct stat st;
	(void)state;
	_free_ char *input = malloc(SIZE);
	memset(input, 'x', SIZE);
	begin(&b, "cat > $OUT");
	assert_int_equal(run(&b, input, SIZE, 20000), 0);
	assert_int_equal(stat(b.out, &st), 0);
	assert_int_equal(st.st_size, SIZE);
	end(&b);
}

static void one_that_does_not_read_is_none_the_worse(void **state)
{
	static const char *const scripts[] = {"exit 0", "exec <&-; exit 0", ":"};
	_free_ char *input = calloc(1, 5 << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(scripts); i++) {
		struct bench b;
		begin(&b, scripts[i]);
		assert_int_equal(run(&b, input, 5 << 20, 20000), 0);
		end(&b);
	}
}

static void its_status_and_its_word_are_told(void **state)
{
	struct bench b;
	(void)state;
	begin(&b, "echo 'no such room' >&2; echo second >&2; exit 3");
	assert_int_equal(run(&b, "{}", 2, 20000), -EIO);
	assert_string_equal(b.why, "ended with status 3: no such room");
	end(&b);
	begin(&b, "kill -SEGV $$");
	assert_int_equal(run(&b, "{}", 2, 20000), -EIO);
	assert_string_equal(b.why, "ended by signal 11");
	end(&b);
}

static void one_that_hangs_is_killed_with_its_children(void **state)
{
	struct bench b;
	char text[64];
	(void)state;
	begin(&b, "trap '' TERM INT HUP; sleep 1000 & echo $! > $OUT; wait; sleep 1000");
	assert_int_equal(run(&b, "{}", 2, 500), -ETIMEDOUT);
	assert_true(b.took >= 500 && b.took < 5000);
	assert_true(output(&b, text, sizeof text) > 1);
	pid_t child = (pid_t)strtol(text, NULL, 10);
	for (int i = 0; i < 200 && kill(child, 0) == 0; i++)
		nanosleep(&(struct timespec){0, 10 * NS_PER_MS}, NULL);
	/* gone, or a zombie that nobody has reaped */
	char path[64], line[512] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
	_fclose_ FILE *f = fopen(path, "re");
	if (f && fgets(line, sizeof line, f))
		assert_non_null(strstr(line, ") Z"));
	end(&b);
}

static void a_grandchild_that_keeps_everything_open_holds_nobody_up(void **state)
{
	struct bench b;
	(void)state;
	begin(&b, "sleep 1000 & exit 0");
	assert_int_equal(run(&b, "{}", 2, 20000), 0);
	assert_true(b.took < 5000);
	end(&b);
	begin(&b, "setsid sleep 3 & exit 0");
	assert_int_equal(run(&b, "{}", 2, 20000), 0);
	assert_true(b.took < 2500);
	end(&b);
}

static void endless_output_ends_with_the_deadline(void **state)
{
	struct bench b;
	(void)state;
	begin(&b, "exec yes 'too much' >&2");
	assert_int_equal(run(&b, "{}", 2, 300), -ETIMEDOUT);
	assert_true(b.took < 5000);
	assert_non_null(strstr(b.why, "too much"));
	end(&b);
}

static void it_sees_nothing_of_ours(void **state)
{
	struct bench b;
	char text[4096];
	(void)state;
	setenv("MEDIAMON_TEST_SECRET", "hidden", 1);
	/* a descriptor that is not close-on-exec */
	int leak = dup(STDERR_FILENO);
	begin(&b, "env > $OUT; ls /proc/self/fd | tr '\\n' ' ' >> $OUT; "
		  "echo >> $OUT; pwd >> $OUT");
	assert_int_equal(run(&b, "{}", 2, 20000), 0);
	output(&b, text, sizeof text);
	assert_null(strstr(text, "hidden"));
	assert_non_null(strstr(text, "PATH="));
	/* 3 is the folder that ls reads */
	assert_non_null(strstr(text, "0 1 2 3 "));
	assert_null(strstr(text, "0 1 2 3 4"));
	assert_non_null(strstr(text, "\n/\n"));
	close(leak);
	unsetenv("MEDIAMON_TEST_SECRET");
	end(&b);
}

static void what_cannot_be_run_is_told(void **state)
{
	struct bench b;
	(void)state;
	begin(&b, "exit 0");
	unlink(b.program);
	assert_int_equal(run(&b, "{}", 2, 1000), -EIO);
	assert_non_null(strstr(b.why, "No such file"));
	assert_int_equal(hook_run("/etc/passwd", "", 0, 1000, -1, b.why), -EIO);
	assert_non_null(strstr(b.why, "cannot be run"));
	end(&b);
}

static void *stop_soon(void *arg)
{
	nanosleep(&(struct timespec){0, 200 * NS_PER_MS}, NULL);
	eventfd_write(*(int *)arg, 1);
	return NULL;
}

static void it_is_ended_when_we_end(void **state)
{
	struct bench b;
	struct thread t = {0};
	(void)state;
	_close_ int stop = eventfd(0, EFD_CLOEXEC);
	begin(&b, "sleep 1000");
	assert_int_equal(thread_start(&t, "stop", stop_soon, &stop), 0);
	int64_t start = mono_ns();
	assert_int_equal(hook_run(b.program, "{}", 2, 20000, stop, b.why), -ECANCELED);
	assert_true(mono_ns() - start < 5 * NS_PER_S);
	thread_join(&t);
	end(&b);
}

static int descriptors(void)
{
	int n = 0;
	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void nothing_is_left_open(void **state)
{
	struct bench b;
	(void)state;
	begin(&b, "exit 0");
	int before = descriptors();
	for (int i = 0; i < 5; i++)
		assert_int_equal(run(&b, "{}", 2, 20000), 0);
	assert_int_equal(descriptors(), before);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_input_arrives),
		cmocka_unit_test(one_that_does_not_read_is_none_the_worse),
		cmocka_unit_test(its_status_and_its_word_are_told),
		cmocka_unit_test(one_that_hangs_is_killed_with_its_children),
		cmocka_unit_test(a_grandchild_that_keeps_everything_open_holds_nobody_up),
		cmocka_unit_test(endless_output_ends_with_the_deadline),
		cmocka_unit_test(it_sees_nothing_of_ours),
		cmocka_unit_test(what_cannot_be_run_is_told),
		cmocka_unit_test(it_is_ended_when_we_end),
		cmocka_unit_test(nothing_is_left_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
