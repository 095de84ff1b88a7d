/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The input is a memory file and not a pipe: nothing has to be fed, so a program that does not
 * read, or closes its input, can neither hang us nor send us SIGPIPE.  The end is told by the
 * process (a pidfd) and not by the end of its output, which a grandchild may hold open.  Its group
 * is killed before the process is reaped: until then the number cannot belong to anybody else. What
 * leaves the group (setsid) is beyond our reach, and meant to be.
 */
#include "indexer/notify/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/clock.h"

enum {
	/** Without a pidfd (old kernels) its end is looked for so often. */
	TICK_MS = 50,
	/** Of what it says. */
	SAID_MOST = 160,
};

/** A file in memory with @n bytes, at its begin; or -errno. */
static int memory_file(const void *data, size_t n)
{
	_close_ int fd = memfd_create("notices", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < n;) {
		ssize_t r = pwrite(fd, (const char *)data + done, n - done, (off_t)done);
		if (r < 0)
			return -errno;
		done += (size_t)r;
	}
	return take_fd(fd);
}

/** "NAME=value" of the names that a program may know; ended by NULL. */
static void environment(char *env[4], struct buf text[3])
{
	static const char *const names[] = {"PATH", "HOME", "LANG"};
	static const char *const otherwise[] = {"/usr/local/bin:/usr/bin:/bin", NULL, NULL};
	int n = 0;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *value = getenv(names[i]);
		value = value ? value : otherwise[i];
		if (value && buf_addf(&text[i], "%s=%s", names[i], value) == 0)
			env[n++] = text[i].data;
	}
	env[n] = NULL;
}

/** @input and @output may be any descriptors but 0, 1 and 2.  0 or -errno. */
static int spawn(const char *program, int input, int output, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	struct buf text[] = {BUF_INIT(65536), BUF_INIT(65536), BUF_INIT(65536)};
	char *env[4], *argv[] = {(char *)(uintptr_t)program, NULL};
	environment(env, text);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	posix_spawn_file_actions_addchdir_np(&actions, "/");
	int r = posix_spawn(pid, program, &actions, &attr, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	for (size_t i = 0; i < COUNT_OF(text); i++)
		buf_clear(&text[i]);
	return -r;
}

/** Keeps the begin of what it says and drops the rest.  False at its end. */
static bool hear(int fd, struct buf *said)
{
	char piece[4096];
	ssize_t n = read(fd, piece, sizeof piece);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	size_t room = said->max - said->len;
	buf_add(said, piece, (size_t)n < room ? (size_t)n : room);
	return n > 0;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid == pid;
}

/** Until it ended (0), the deadline or @stop; it is not reaped. */
static int watch(pid_t pid, int output, int deadline_ms, int stop, struct buf *said)
{
	int64_t deadline = mono_ns() + deadline_ms * NS_PER_MS;
	_close_ int process = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd fds[] = {{output, POLLIN, 0}, {process, POLLIN, 0}, {stop, POLLIN, 0}};
	while (!has_ended(pid)) {
		int64_t left = (deadline - mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
		if (left <= 0)
			return -ETIMEDOUT;
		if (process < 0 && left > TICK_MS)
			left = TICK_MS;
		if (poll(fds, COUNT_OF(fds), (int)left) < 0 && errno != EINTR)
			return -errno;
		if (fds[2].revents)
			return -ECANCELED;
		if (fds[0].revents && !hear(output, said))
			fds[0].fd = -1;
	}
	if (fds[0].fd >= 0)
		hear(output, said);
	return 0;
}

/** Nothing is left of the group.  False when the process waits for a disk and cannot be killed: it
 * is left behind, as we would be with it. */
static bool reap(pid_t pid, int *status)
{
	enum { TRIES = 200 };
	pid_t gone = 0;
	kill(-pid, SIGKILL);
	for (int i = 0; i < TRIES; i++) {
		gone = waitpid(pid, status, WNOHANG);
		if (gone)
			break;
		nanosleep(&(struct timespec){0, 10 * NS_PER_MS}, NULL);
	}
	return gone != 0;
}

static int verdict(int r, int status, int deadline_ms, const struct buf *said, char *why)
{
	int first_line = (int)strcspn(buf_str(said), "\r\n");
	const char *sep = first_line ? ": " : "";
	if (r == -ETIMEDOUT)
		snprintf(why, WHY, "killed: it did not end within %g s%s%.*s", deadline_ms / 1e3,
			 sep, first_line, buf_str(said));
	else if (r == -ECANCELED)
		snprintf(why, WHY, "killed: the indexer ends");
	else if (WIFSIGNALED(status))
		snprintf(why, WHY, "ended by signal %d%s%.*s", WTERMSIG(status), sep, first_line,
			 buf_str(said));
	else
		snprintf(why, WHY, "ended with status %d%s%.*s", WEXITSTATUS(status), sep,
			 first_line, buf_str(said));
	if (r < 0)
		return r;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/** Descriptors above 2, whatever the daemon was started without. */
static int raised(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

int hook_run(const char *program, const void *input, size_t n, int deadline_ms, int stop, char *why)
{
	int ends[2], status = 0;
	pid_t pid;
	_buf_ struct buf said = BUF_INIT(SAID_MOST);
	_close_ int file = memory_file(input, n);
	if (file < 0)
		return file;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	_close_ int output = ends[0];
	_close_ int write_end = ends[1];
	_close_ int high_file = raised(file);
	_close_ int high_end = raised(write_end);
	int r = high_file < 0 || high_end < 0 ? -errno : spawn(program, high_file, high_end, &pid);
	if (r < 0) {
		snprintf(why, WHY, "cannot be run: %s", strerror(-r));
		return -EIO;
	}
	close(take_fd(write_end));
	close(take_fd(high_end));
	fcntl(output, F_SETFL, O_NONBLOCK);
	r = watch(pid, output, deadline_ms, stop, &said);
	if (!reap(pid, &status)) {
		snprintf(why, WHY, "killed, but it does not end (a dead disk?)");
		return -ETIMEDOUT;
	}
	return verdict(r, status, deadline_ms, &said, why);
}
