/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LD_PRELOAD: a reader that ends at certain files, as a fault in a parser would have it end.  A file says
 * at its start how: "POISON segv", "abort", "exit", "hang", "socket", "memory", and "once", which ends the
 * first read only.  Of others the reader lives: "slow" takes a tenth of a second, after the first read of
 * "shut" no file can be closed, as on a disk that is gone, and "count" is but counted.  A reader has its bytes by pread(), or copies them from
 * a head: those that go on are for files that are opened, and would be counted again.
 *
 * $POISON_COUNTS is a file of one number (64 bits) for each way, in that order: how often such a file was
 * begun.  It is mapped before the sandbox is entered.
 *
 * While there is a file $POISON_BIRTH, readers end before they are ready, as with a broken library.  With
 * $POISON_SLOW_NURSERY who makes readers takes so many seconds to be ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const char *const ways[] = {"segv", "abort", "exit", "hang", "socket", "memory", "once", "slow", "shut", "count"};
enum { SEGV, ABORT, EXIT, HANG, SOCKET, MEMORY, ONCE, SLOW, SHUT, COUNT, WAYS };

static _Atomic uint64_t *counts;
static int is_shut;

/** Whether this process has that word in its command line. */
static int is_called(const char *word)
{
	char line[4096];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line);
	close(fd);
	return n > 0 && memmem(line, (size_t)n, word, strlen(word) + 1);
}

__attribute__((constructor)) static void begin(void)
{
	int is_nursery = is_called("--nursery"), is_reader = is_nursery || is_called("--worker");
	const char *path = is_reader ? getenv("POISON_COUNTS") : NULL, *birth = getenv("POISON_BIRTH");
	const char *seconds = is_nursery ? getenv("POISON_SLOW_NURSERY") : NULL;
	if (seconds)
		sleep((unsigned)strtoul(seconds, NULL, 10));
	if (path && birth && access(birth, F_OK) == 0)
		_exit(127);
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, WAYS * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	counts = map == MAP_FAILED ? NULL : map;
}

static ssize_t end_by(int way)
{
	uint64_t before = atomic_fetch_add(&counts[way], 1);
	volatile int *nothing = NULL;
	if (way == SEGV || (way == ONCE && before == 0))
		*nothing = 1;
	if (way == ABORT)
		abort();
	if (way == EXIT)
		_exit(3);
	while (way == HANG)
		continue;
	if (way == SOCKET)
		socket(AF_INET, SOCK_STREAM, 0);
	while (way == MEMORY)
		if (!malloc(1 << 20))
			abort();
	errno = EIO;
	return -1;
}

/** The way that the bytes name, -1 for none. */
static int way_of(const void *bytes, size_t n)
{
	static const char magic[] = "POISON ";
	const size_t length = sizeof magic - 1;
	if (!counts || n < length + 8 || memcmp(bytes, magic, length) != 0)
		return -1;
	const char *word = (const char *)bytes + length;
	int i = 0;
	while (i < WAYS && (strncmp(word, ways[i], strlen(ways[i])) != 0 || word[strlen(ways[i])] != '\n'))
		i++;
	return i < WAYS ? i : -1;
}

static void wait_a_tenth(void)
{
	struct timespec begin, now;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < 100);
}

static ssize_t read_at(int fd, void *buffer, size_t n, off_t at)
{
	ssize_t got = syscall(SYS_pread64, fd, buffer, n, at);
	int way = at || got < 0 ? -1 : way_of(buffer, (size_t)got);
	if (way == ONCE && atomic_load(&counts[way])) {
		atomic_fetch_add(&counts[way], 1);
		return got;
	}
	if (way == SLOW || way == SHUT || way == COUNT) {
		is_shut = atomic_fetch_add(&counts[way], 1) == 0 && way == SHUT;
		if (way == SLOW)
			wait_a_tenth();
		return got;
	}
	return way < 0 ? got : end_by(way);
}

/* inlined where both are restrict, memmove() would become the memcpy() below */
__attribute__((noinline)) static void *copy(void *to, const void *from, size_t n)
{
	int way = way_of(from, n);
	if (way >= 0 && way < ONCE)
		end_by(way);
	return memmove(to, from, n);
}

EXPORT void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	return copy(to, from, n);
}

void *__memcpy_chk(void *restrict to, const void *restrict from, size_t n, size_t room);
EXPORT void *__memcpy_chk(void *restrict to, const void *restrict from, size_t n, size_t room)
{
	(void)room;
	return copy(to, from, n);
}

EXPORT ssize_t pread(int fd, void *buffer, size_t n, off_t at)
{
	return read_at(fd, buffer, n, at);
}

/* the names that the C library gives it besides */
EXPORT ssize_t pread64(int fd, void *buffer, size_t n, off_t at)
{
	return read_at(fd, buffer, n, at);
}

ssize_t __pread_chk(int fd, void *buffer, size_t n, off_t at, size_t room);
EXPORT ssize_t __pread_chk(int fd, void *buffer, size_t n, off_t at, size_t room)
{
	(void)room;
	return read_at(fd, buffer, n, at);
}

ssize_t __pread64_chk(int fd, void *buffer, size_t n, off_t at, size_t room);
EXPORT ssize_t __pread64_chk(int fd, void *buffer, size_t n, off_t at, size_t room)
{
	(void)room;
	return read_at(fd, buffer, n, at);
}

EXPORT int close(int fd)
{
	while (*(volatile int *)&is_shut)
		continue;
	return (int)syscall(SYS_close, fd);
}
