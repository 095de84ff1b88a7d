/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/vec.h"

extern char **environ;

enum {
	/** As many times others may go first while a process ends, before it is waited for. */
	YIELDS = 16,
};

int child_socket(int type, int end[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, end) < 0)
		return -errno;
	int size = 1 << 20;
	for (int i = 0; i < 2; i++)
		setsockopt(end[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	return 0;
}

/**
 * Targets may collide with sources, so every source is first moved above all targets.  posix_spawn
 * is used because fork() in a process with threads is not safe.
 */
pid_t child_spawn(const char *role, const char *title, const struct child_fd *fds, int n)
{
	enum { MOST = 40, HIGH = 500 };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char *argv[] = {(char *)(uintptr_t)"mediamond", (char *)(uintptr_t)role, (char *)(uintptr_t)title, NULL};
	sigset_t none;
	int high[MOST];
	pid_t pid = -1;
	if (n > MOST)
		return -E2BIG;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	int r = 0;
	for (int i = 0; i < n; i++) {
		high[i] = fcntl(fds[i].from, F_DUPFD_CLOEXEC, HIGH);
		if (high[i] < 0)
			r = errno;
		posix_spawn_file_actions_adddup2(&actions, high[i], fds[i].to);
	}
	if (r == 0)
		r = posix_spawn(&pid, "/proc/self/exe", &actions, &attr, argv, environ);
	for (int i = 0; i < n; i++)
		if (high[i] >= 0)
			close(high[i]);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (r)
		log_error("cannot start a process (%s %s): %s", role, title, strerror(r));
	return r ? -r : pid;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/** Killed and not ended yet.  Under the lock. */
static VEC(pid_t) abandoned;

int child_end(pid_t pid, int wait_ms)
{
	int status = 0;
	kill(pid, SIGKILL);
	/* most are all but gone: they are let go first, then looked at often */
	long pause = NS_PER_MS / 20;
	int64_t end = mono_ns() + wait_ms * NS_PER_MS;
	for (int tries = 0;; tries++) {
		pid_t r = waitpid(pid, &status, WNOHANG);
		if (r == pid)
			return status;
		if (r < 0 || mono_ns() >= end)
			break;
		if (tries < YIELDS)
			sched_yield();
		else if (nanosleep(&(struct timespec){0, pause}, NULL) == 0 && pause < NS_PER_MS)
			pause *= 2;
	}
	LOCKED(&lock);
	pid_t *slot = vec_add(&abandoned);
	if (slot)
		*slot = pid;
	return -1;
}

bool child_is_abandoned(pid_t pid)
{
	LOCKED(&lock);
	for (size_t i = 0; i < abandoned.len; i++)
		if (abandoned.data[i] == pid)
			return true;
	return false;
}

void child_reap(void)
{
	LOCKED(&lock);
	for (size_t i = abandoned.len; i-- > 0;)
		if (waitpid(abandoned.data[i], NULL, WNOHANG) != 0)
			abandoned.data[i] = abandoned.data[--abandoned.len];
}

static uint64_t status_kib(pid_t pid, const char *key)
{
	char path[64], line[256];
	unsigned long long v = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	_fclose_ FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtoull(line + strlen(key), NULL, 10);
	return v;
}

static uint64_t cpu_ticks(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long user = 0, kernel = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	_fclose_ FILE *f = fopen(path, "re");
	if (!f || !fgets(text, sizeof text, f))
		return 0;
	const char *after = strrchr(text, ')');
	if (after)
		sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
		       &kernel);
	return user + kernel;
}

void child_usage(pid_t pid, uint64_t *peak_rss, uint64_t *cpu_ns)
{
	*peak_rss = status_kib(pid, "VmHWM:") * 1024;
	*cpu_ns = cpu_ticks(pid) * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
}

uint64_t child_memory(pid_t pid)
{
	return status_kib(pid, "VmRSS:") * 1024;
}
