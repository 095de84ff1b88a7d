/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/discover/pictures.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "indexer/extract/wants.h"

enum {
	NAMES_MAX = 4 << 20,
};

/** What may lie beside pictures. */
static bool is_aside(const char *name)
{
	static const char *const names[] = {"Thumbs.db", "desktop.ini", "ComicInfo.xml", "MetronInfo.xml"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return name[0] == '.';
}

/**
 * The names of the pictures, each with a NUL behind, into @names when there is that.  Takes @fd.
 * Returns whether there are some and nothing else.
 */
static bool list_pictures(int fd, struct buf *names)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	bool is_all = true;
	size_t pictures = 0;
	if (!dir) {
		close(fd);
		return false;
	}
	while (is_all && (d = readdir(dir))) {
		size_t n = strlen(d->d_name);
		bool is_file = d->d_type == DT_REG || d->d_type == DT_UNKNOWN;
		if (is_aside(d->d_name))
			continue;
		is_all = is_file && extract_is_page(d->d_name, n);
		pictures++;
		if (names)
			buf_add(names, d->d_name, n + 1);
	}
	closedir(dir);
	return is_all && pictures;
}

bool pictures_are_all(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && list_pictures(fd, NULL);
}

int pictures_can_list(int root, const char *path)
{
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = dir ? 0 : -errno;
	if (fd >= 0 && !dir)
		close(fd);
	for (errno = 0; dir && readdir(dir);)
		errno = 0;
	r = r < 0 ? r : -errno;
	if (dir)
		closedir(dir);
	return r;
}

int pictures_list(int folder)
{
	_buf_ struct buf names = BUF_INIT(NAMES_MAX);
	struct stat st;
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	if (copy < 0 || fstat(folder, &st) < 0)
		return -errno;
	/* the folder is told apart from others whose pictures have the same names */
	buf_addf(&names, "mediamon pictures %" PRIu64 " %" PRIu64 "\n", (uint64_t)st.st_dev, (uint64_t)st.st_ino);
	if (!list_pictures(copy, &names) || buf_error(&names))
		return -ENOTSUP;
	_close_ int fd = memfd_create("pictures", MFD_CLOEXEC);
	if (fd < 0 || write(fd, names.data, names.len) != (ssize_t)names.len)
		return errno ? -errno : -EIO;
	return take_fd(fd);
}

int pictures_open_front(int folder, struct buf *name)
{
	_buf_ struct buf names = BUF_INIT(NAMES_MAX);
	const char *front = NULL;
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	/* the descriptor is where others read it */
	lseek(copy, 0, SEEK_SET);
	if (!list_pictures(copy, &names) || buf_error(&names))
		return -ENOTSUP;
	for (const char *p = buf_str(&names), *end = p + names.len; p < end; p += strlen(p) + 1)
		if (!front || extract_cover_order(p, front) < 0)
			front = p;
	buf_adds(name, front);
	int fd = openat(folder, front, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
