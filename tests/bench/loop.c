/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Median time of open, read and close of a small file.
 *
 *   loop CPU COUNT PATH                        unchanged: again and again
 *   loop CPU COUNT PATH signal PID             after each change made by SIGUSR1 to that process
 *   loop CPU COUNT PATH order FILE WORD WORD   after each change made by writing the words in turn
 *
 * Prints nanoseconds.  A read that shows the same text as the one before is not counted when changes are
 * timed: the news had not yet come.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	BYTES = 1 << 16,
	/** Until the news has come. */
	PAUSE_US = 5000,
	/** Tries for one that counts. */
	PATIENCE = 20,
};

static char bytes[BYTES], before[BYTES];

static void fail(const char *what)
{
	fprintf(stderr, "loop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) < 0)
		fail("the CPU");
}

static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

/** Nanoseconds; the text is in bytes, *n of them. */
static long read_once(const char *path, ssize_t *n)
{
	long start = now();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	*n = read(fd, bytes, sizeof bytes);
	close(fd);
	long end = now();
	if (*n <= 0)
		fail(path);
	return end - start;
}

static void give_order(const char *file, const char *word)
{
	int fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || write(fd, word, strlen(word)) < 0)
		fail(file);
	close(fd);
}

static void change(char **how, long i)
{
	if (strcmp(how[0], "order") == 0)
		give_order(how[1], how[2 + i % 2]);
	else if (kill((pid_t)strtol(how[1], NULL, 10), SIGUSR1) < 0)
		fail("the process");
	usleep(PAUSE_US);
}

static long time_unchanged(const char *path, long *times, long count)
{
	ssize_t n;
	for (long i = 0; i < count; i++)
		times[i] = read_once(path, &n);
	return count;
}

static long time_changed(const char *path, long *times, long count, char **how)
{
	long counted = 0;
	ssize_t n, last = 0;
	for (long i = 0; i < count * PATIENCE && counted < count; i++) {
		change(how, i);
		long t = read_once(path, &n);
		if (n != last || memcmp(bytes, before, (size_t)n) != 0)
			times[counted++] = t;
		memcpy(before, bytes, (size_t)n);
		last = n;
	}
	return counted;
}

static int ascending(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	if (argc != 4 && argc != 6 && argc != 8)
		return 2;
	pin((int)strtol(argv[1], NULL, 10));
	long count = strtol(argv[2], NULL, 10);
	long *times = calloc((size_t)count, sizeof *times);
	if (!times)
		fail("memory");
	long n = argc == 4 ? time_unchanged(argv[3], times, count) : time_changed(argv[3], times, count, argv + 4);
	if (n < count) {
		fprintf(stderr, "loop: %s changed only %ld times of %ld\n", argv[3], n, count);
		return 1;
	}
	qsort(times, (size_t)n, sizeof *times, ascending);
	printf("%ld\n", times[n / 2]);
	free(times);
	return 0;
}
