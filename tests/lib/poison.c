/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LD_PRELOAD: a reader that ends at certain files, as a fault in a parser would have it end.  A file says
 * at its start how: "POISON segv", "abort", "exit", "hang", "socket", "memory", and "once", which ends the
 * first read only.
 *
 * $POISON_COUNTS is a file of one number (64 bits) for each way, in that order: how often such a file was
 * begun.  It is mapped before the sandbox is entered.
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
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const char *const ways[] = {"segv", "abort", "exit", "hang", "socket", "memory", "once"};
enum { SEGV, ABORT, EXIT, HANG, SOCKET, MEMORY, ONCE, WAYS };

static _Atomic uint64_t *counts;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("POISON_COUNTS");
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

static ssize_t read_at(int fd, void *buffer, size_t n, off_t at)
{
	static const char magic[] = "POISON ";
	const size_t length = sizeof magic - 1;
	ssize_t got = syscall(SYS_pread64, fd, buffer, n, at);
	if (!counts || at || got < (ssize_t)length + 8 || memcmp(buffer, magic, length) != 0)
		return got;
	const char *word = (const char *)buffer + length;
	for (int i = 0; i < WAYS; i++)
		if (strncmp(word, ways[i], strlen(ways[i])) == 0 && word[strlen(ways[i])] == '\n')
			return i == ONCE && atomic_load(&counts[i]) ? (atomic_fetch_add(&counts[i], 1), got) : end_by(i);
	return got;
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
