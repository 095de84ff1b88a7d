/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Room is given out upwards and never twice: offsets cost nothing, and what is dropped becomes a
 * hole.  A file ends at FILE_END (file systems have limits); its descriptor is closed with the
 * last place in it.
 */
#include "fs/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"

#define FILE_END (UINT64_C(1) << 40)

enum { PAGE = 4096 };

struct spill_file {
	int fd;
	/* protected by lock: */
	size_t places;
	uint64_t end;
};

static struct {
	const char *dir;
	pthread_mutex_t lock;
	/* protected by lock: */
	struct spill_file *on_disk, *in_memory;
	size_t files;
	uint64_t room;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

void spill_start(const char *dir)
{
	all.dir = dir;
}

static int open_file(bool on_disk)
{
	if (!on_disk)
		return memfd_create("mediamon", MFD_CLOEXEC);
	errno = ENOENT;
	return all.dir ? open(all.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
}

static struct spill_file *new_file(bool on_disk)
{
	_close_ int fd = open_file(on_disk);
	struct spill_file *f = fd >= 0 ? calloc(1, sizeof *f) : NULL;
	if (!f)
		return NULL;
	f->fd = take_fd(fd);
	all.files++;
	return f;
}

static void close_file(struct spill_file *f)
{
	close(f->fd);
	free(f);
	all.files--;
}

static int reserve(bool on_disk, uint64_t n, struct place *p)
{
	struct spill_file **current = on_disk ? &all.on_disk : &all.in_memory;
	uint64_t room = (n + PAGE - 1) / PAGE * PAGE;
	LOCKED(&all.lock);
	/* the former one lives on in its places */
	if (*current && (*current)->end + room > FILE_END)
		*current = NULL;
	if (!*current)
		*current = new_file(on_disk);
	if (!*current)
		return -errno;
	*p = (struct place){*current, (*current)->end, room};
	p->file->end += room;
	p->file->places++;
	all.room += room;
	return 0;
}

static int write_all(const struct place *p, uint64_t offset, const char *data, size_t n)
{
	while (n) {
		ssize_t k = pwrite(p->file->fd, data, n, (off_t)(p->at + offset));
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		data += k;
		offset += (uint64_t)k;
		n -= (size_t)k;
	}
	return 0;
}

/** @room bytes that begin with @data. */
static int put(bool on_disk, struct place *p, const char *data, size_t n, uint64_t room)
{
	struct place fresh;
	int r = reserve(on_disk, room, &fresh);
	if (r < 0)
		return r;
	r = write_all(&fresh, 0, data, n);
	if (r < 0)
		spill_drop(&fresh);
	else
		*p = fresh;
	return r;
}

int spill_put(struct place *p, const char *data, size_t n)
{
	return put(true, p, data, n, n) == 0 ? 0 : put(false, p, data, n, n);
}

/** Moves what is there to where there is twice the room. */
static int move(struct place *p, struct place *former, uint64_t size, uint64_t room)
{
	struct place fresh = {0};
	_free_ char *data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	ssize_t n = spill_read(p, data, size, 0);
	if (n != (ssize_t)size)
		return n < 0 ? (int)n : -EIO;
	int r = put(true, &fresh, data, size, room);
	if (r < 0)
		r = put(false, &fresh, data, size, room);
	if (r < 0)
		return r;
	*former = *p;
	*p = fresh;
	return 0;
}

int spill_append(struct place *p, struct place *former, uint64_t size, const char *data, size_t n)
{
	*former = (struct place){0};
	int r = size + n > p->room ? move(p, former, size, 2 * (size + n)) : 0;
	return r < 0 ? r : write_all(p, size, data, n);
}

ssize_t spill_read(const struct place *p, void *out, size_t n, uint64_t offset)
{
	size_t done = 0;
	while (done < n) {
		ssize_t k = pread(p->file->fd, (char *)out + done, n - done,
				  (off_t)(p->at + offset + done));
		if (k < 0 && errno != EINTR)
			return -errno;
		if (k == 0)
			break;
		done += k > 0 ? (size_t)k : 0;
	}
	return (ssize_t)done;
}

void spill_drop(struct place *p)
{
	struct spill_file *f = p->file;
	if (!f)
		return;
	fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)p->at, (off_t)p->room);
	LOCKED(&all.lock);
	all.room -= p->room;
	p->file = NULL;
	if (--f->places)
		return;
	if (f == all.on_disk)
		all.on_disk = NULL;
	if (f == all.in_memory)
		all.in_memory = NULL;
	close_file(f);
}

void spill_count(size_t *files, uint64_t *room)
{
	LOCKED(&all.lock);
	*files = all.files;
	*room = all.room;
}
