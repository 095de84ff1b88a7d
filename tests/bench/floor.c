/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The least that an indexer must do: threads walk a tree.
 *
 *   floor stat DIR                    statx of every file                (an unchanged rescan)
 *   floor read DIR BYTES              open, read the first bytes, close  (a first index, nothing parsed)
 *   floor read DIR BYTES THREADS      the same with as many reads outstanding, and POSIX_FADV_RANDOM, so that
 *                                     the kernel reads nothing more      (a first index of a cold disk)
 *
 * Two threads unless it is said.
 * Prints the number of files and the seconds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS = 2,
	THREADS_MAX = 256,
	READ_MAX = 1 << 20,
};

/** Folders not yet listed; everything under lock. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	char **paths;
	size_t n, room;
	int working;
	long files;
} todo = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

/** Bytes to read of each file, 0: none. */
static size_t wanted;
/** Are the bytes behind those wanted of no use? */
static bool is_random;

static void fail(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void add_folder(const char *parent, const char *name)
{
	char *path;
	if (asprintf(&path, "%s%s%s", parent, *name ? "/" : "", name) < 0)
		fail("memory");
	pthread_mutex_lock(&todo.lock);
	if (todo.n == todo.room) {
		todo.room = todo.room * 2 + 64;
		todo.paths = realloc(todo.paths, todo.room * sizeof *todo.paths);
		if (!todo.paths)
			fail("memory");
	}
	todo.paths[todo.n++] = path;
	pthread_cond_signal(&todo.more);
	pthread_mutex_unlock(&todo.lock);
}

/** NULL when nothing is left and nobody can find more. */
static char *next_folder(void)
{
	char *path = NULL;
	pthread_mutex_lock(&todo.lock);
	while (!todo.n && todo.working)
		pthread_cond_wait(&todo.more, &todo.lock);
	if (todo.n) {
		path = todo.paths[--todo.n];
		todo.working++;
	} else {
		pthread_cond_broadcast(&todo.more);
	}
	pthread_mutex_unlock(&todo.lock);
	return path;
}

static void folder_done(long files)
{
	pthread_mutex_lock(&todo.lock);
	todo.files += files;
	if (--todo.working == 0)
		pthread_cond_broadcast(&todo.more);
	pthread_mutex_unlock(&todo.lock);
}

static void visit(int folder, const char *name, char *bytes)
{
	struct statx st;
	if (!wanted) {
		if (statx(folder, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) < 0)
			fail(name);
		return;
	}
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (is_random && posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) != 0) ||
	    pread(fd, bytes, wanted, 0) < 0)
		fail(name);
	close(fd);
}

static long list(const char *path, char *bytes)
{
	long files = 0;
	const struct dirent *e;
	DIR *dir = opendir(path);
	if (!dir)
		fail(path);
	while ((e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type == DT_DIR) {
			add_folder(path, e->d_name);
		} else if (e->d_type == DT_REG) {
			visit(dirfd(dir), e->d_name, bytes);
			files++;
		}
	}
	closedir(dir);
	return files;
}

static void *walk(void *arg)
{
	char *path, *bytes = malloc(READ_MAX);
	if (!bytes)
		fail("memory");
	while ((path = next_folder())) {
		folder_done(list(path, bytes));
		free(path);
	}
	free(bytes);
	return arg;
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/** Does not return when the words mean nothing. */
static int threads_of(int argc, char **argv)
{
	bool is_read = argc >= 4 && argc <= 5 && strcmp(argv[1], "read") == 0;
	if (!is_read && (argc != 3 || strcmp(argv[1], "stat") != 0))
		exit(2);
	if (is_read)
		wanted = strtoul(argv[3], NULL, 10);
	is_random = argc == 5;
	long n = is_random ? strtol(argv[4], NULL, 10) : THREADS;
	if (wanted > READ_MAX || n < 1 || n > THREADS_MAX)
		exit(2);
	return (int)n;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	int n = threads_of(argc, argv);
	double start = seconds();
	add_folder(argv[2], "");
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, walk, NULL))
			fail("threads");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("%ld %.6f\n", todo.files, seconds() - start);
	free(todo.paths);
	return 0;
}
