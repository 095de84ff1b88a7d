/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/append.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"

/** NAME.4 becomes NAME.5, …, NAME becomes NAME.1; with none to keep NAME goes. */
static void rotate(const char *path, int keep)
{
	for (int i = keep - 1; i >= 0; i--) {
		_buf_ struct buf from = BUF_INIT(8192), to = BUF_INIT(8192);
		buf_adds(&from, path);
		if (i)
			buf_addf(&from, ".%d", i);
		buf_addf(&to, "%s.%d", path, i + 1);
		if (!buf_error(&from) && !buf_error(&to) && rename(buf_str(&from), buf_str(&to)) < 0 && errno != ENOENT)
			log_warning("%s cannot be renamed: %s", buf_str(&from), strerror(errno));
	}
	if (keep <= 0)
		unlink(path);
}

int append_lines(const char *path, const char *lines, size_t n, int64_t most, int keep)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size && st.st_size + (int64_t)n > most)
		rotate(path, keep);
	_close_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	ssize_t done = write(fd, lines, n);
	int r = done < 0 ? -errno : done == (ssize_t)n ? 0 : -ENOSPC;
	if (r < 0 && done > 0 && S_ISREG(st.st_mode) && ftruncate(fd, st.st_size) < 0)
		log_debug("%s ends with half a line: %s", path, strerror(errno));
	return r;
}
