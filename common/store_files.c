/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

void stamp_of(int64_t ns, char stamp[static STAMP_LEN + 1])
{
	time_t t = (time_t)(ns / NS_PER_S);
	struct tm tm;
	gmtime_r(&t, &tm);
	strftime(stamp, STAMP_LEN + 1, "%Y%m%dT%H%M%SZ", &tm);
}

int64_t stamp_read(const char *text)
{
	static const char shape[] = "########T######Z";
	struct tm tm = {0};
	for (int i = 0; i < STAMP_LEN; i++)
		if (shape[i] == '#' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
			return 0;
	if (sscanf(text, "%4d%2d%2dT%2d%2d%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		   &tm.tm_min, &tm.tm_sec) != 6)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)timegm(&tm) * NS_PER_S;
}

/** Where the stamp must be; NULL when the name begins differently. */
static const char *skip_before(const char *name, const char *before)
{
	for (; *before; before++) {
		if (*before == '#' ? !isdigit((unsigned char)*name) : *name != *before)
			return NULL;
		name++;
		while (*before == '#' && isdigit((unsigned char)*name))
			name++;
	}
	return name;
}

static int64_t time_in(const char *name, const struct name_shape *shape)
{
	const char *stamp = skip_before(name, shape->before);
	int64_t at = stamp ? stamp_read(stamp) : 0;
	return at && strcmp(stamp + STAMP_LEN, shape->after) == 0 ? at : 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct dated_file *x = a, *y = b;
	return (x->at < y->at) - (x->at > y->at);
}

int files_list(const char *dir, const struct name_shape *shape, dated_files *out)
{
	DIR *d = opendir(dir);
	int r = 0;
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		int64_t at = time_in(e->d_name, shape);
		struct dated_file *slot = at ? vec_add(out) : NULL;
		if (!slot && at)
			r = -ENOMEM;
		if (!slot || strlen(e->d_name) >= sizeof slot->name)
			continue;
		slot->at = at;
		snprintf(slot->name, sizeof slot->name, "%.63s", e->d_name);
	}
	closedir(d);
	if (out->len)
		qsort(out->data, out->len, sizeof *out->data, newest_first);
	return r;
}

void files_prune(const char *dir, const struct name_shape *shape, unsigned keep)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	dated_files files = {0};
	char path[4096];
	files_list(dir, shape, &files);
	for (size_t i = keep; i < files.len; i++)
		for (size_t k = 0; k < COUNT_OF(ends); k++) {
			snprintf(path, sizeof path, "%s/%s%s", dir, files.data[i].name, ends[k]);
			unlink(path);
		}
	vec_clear(&files);
}

int file_sync(const char *path)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int folder_sync_of(const char *path)
{
	_free_ char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (!slash)
		return folder ? -EINVAL : -ENOMEM;
	*slash = '\0';
	return file_sync(folder);
}

static int copy_bytes(int from, int to)
{
	char chunk[65536];
	for (;;) {
		ssize_t n = read(from, chunk, sizeof chunk);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t done = 0; done < n;) {
			ssize_t k = write(to, chunk + done, (size_t)(n - done));
			if (k < 0)
				return -errno;
			done += k;
		}
	}
}

int file_copy(const char *from, const char *to)
{
	_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -errno;
	_close_ int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (out < 0)
		return -errno;
	int r = copy_bytes(in, out);
	if (r == 0 && fsync(out) < 0)
		r = -errno;
	if (r < 0)
		unlink(to);
	return r;
}
