/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/net/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/cleanup.h"

enum { WHY = 256, MOST = 4096 };

static int say(char *why, int error, const char *path, const char *what)
{
	snprintf(why, WHY, "%.160s: %s", path, what);
	return error;
}

/** systemd keeps its folder from others; the modes of the files in it are its business. */
static bool is_credential(const char *path)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (!folder || folder[0] != '/')
		return false;
	_free_ char *real_folder = realpath(folder, NULL), *real = realpath(path, NULL);
	if (!real_folder || !real)
		return false;
	size_t n = strlen(real_folder);
	return n > 1 && strncmp(real, real_folder, n) == 0 && real[n] == '/';
}

static int check(int fd, const char *path, char *why)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return say(why, -errno, path, "cannot be read");
	if (!S_ISREG(st.st_mode))
		return say(why, -EINVAL, path, "is no regular file");
	if ((st.st_mode & 077) && !is_credential(path))
		return say(why, -EPERM, path, "others can read it; chmod 600 makes it yours alone");
	if (st.st_size > MOST)
		return say(why, -EFBIG, path, "is too long for a secret");
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int first_line(const char *text, size_t n, struct buf *out)
{
	const char *end = memchr(text, '\n', n);
	if (!end)
		end = text + n;
	while (text < end && is_blank(*text))
		text++;
	while (end > text && is_blank(end[-1]))
		end--;
	if (text == end)
		return -ENODATA;
	/* it will be part of a header or an address */
	for (const char *p = text; p < end; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return -EINVAL;
	return buf_add(out, text, (size_t)(end - text));
}

int secret_read(const char *path, struct buf *out, char *why)
{
	char text[MOST + 1];
	size_t n = 0;
	ssize_t got;
	secret_clear(out);
	/* a pipe under the name must not hold us up */
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return say(why, -errno, path, errno == ENOENT ? "does not exist" : "cannot be read");
	int r = check(fd, path, why);
	if (r < 0)
		return r;
	while (n < sizeof text && (got = read(fd, text + n, sizeof text - n)) > 0)
		n += (size_t)got;
	r = n > MOST ? -EFBIG : first_line(text, n, out);
	explicit_bzero(text, sizeof text);
	if (r < 0)
		return say(why, r, path,
			   r == -ENODATA ? "its first line is empty"
			   : r == -EINVAL ? "its first line holds control characters"
					  : "is too long for a secret");
	return 0;
}

void secret_clear(struct buf *secret)
{
	if (secret->data)
		explicit_bzero(secret->data, secret->cap);
	buf_clear(secret);
}
