/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How the root is, and whether what a scan missed is really not there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/beneath.h"
#include "indexer/discover/pictures.h"
#include "indexer/discover/scout_private.h"

struct root_facts {
	int error, marker_error;
	uint64_t device, fstype;
	bool is_empty;
	uint32_t answered;
	/** Of its file system, in bytes. */
	uint64_t room, size;
};

/** 1 when it lists no entry, 0 when some, or -errno. */
static int is_empty(int fd)
{
	int copy = dup(fd), empty = 1;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		empty = -errno;
		if (copy >= 0)
			close(copy);
		return empty;
	}
	rewinddir(dir);
	errno = 0;
	for (struct dirent *d = readdir(dir); d && empty; d = readdir(dir))
		empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	if (empty && errno)
		empty = -errno;
	closedir(dir);
	return empty;
}

/** lstat() below an open root that follows no link on the way. */
static int stat_below(int root, const char *path, struct stat *st)
{
	_close_ int fd = beneath_open(root, path, O_PATH | O_NOFOLLOW);
	return fd < 0 || fstat(fd, st) < 0 ? -errno : 0;
}

/** A file that was not seen: 0 when it is there after all. */
static int look_again(int root, const char *path)
{
	struct stat st;
	int r = stat_below(root, path, &st);
	if (r < 0 || S_ISREG(st.st_mode))
		return r;
	/* a link or a pipe of its name is not the file that was there */
	if (!S_ISDIR(st.st_mode))
		return -ENOENT;
	/* of a folder that was a volume it is believed when it can be looked into */
	r = pictures_can_list(root, path);
	return r < 0 ? r : -ENOENT;
}

/** Each anchor is a step of its own: a slow disk that answers is not a hung one. */
static uint32_t count_anchors(struct scout *s, int root)
{
	uint32_t n = 0;
	for (size_t i = 0; i < s->order.anchors.len; i++) {
		const struct anchor *a = &s->order.anchors.data[i];
		struct stat st;
		atomic_store(&s->runner_since, mono_ns());
		if (stat_below(root, a->path, &st) < 0)
			continue;
		/* a folder of pictures has no size, and changes with what is in it */
		bool is_folder = S_ISDIR(st.st_mode) && a->size == 0;
		bool has_size = (uint64_t)st.st_size == a->size;
		if (is_folder || (has_size && (uint64_t)(st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec) == a->mtime))
			n++;
	}
	return n;
}

/** Returns the open root, or -1 with f->error. */
static int look_at_root(const struct scout *s, struct root_facts *f)
{
	struct stat st;
	struct statfs fs;
	_close_ int fd = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0) {
		f->error = -errno;
		return -1;
	}
	f->device = st.st_dev;
	f->fstype = (uint32_t)fs.f_type;
	f->room = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
	f->size = (uint64_t)fs.f_blocks * (uint64_t)fs.f_frsize;
	int empty = is_empty(fd);
	if (empty < 0) {
		f->error = empty;
		return -1;
	}
	f->is_empty = empty > 0;
	if (*s->marker)
		f->marker_error = stat_below(fd, s->marker, &st);
	return take_fd(fd);
}

/** As the kernel calls it: without links. */
static void add_real_path(int fd, struct buf *out)
{
	char self[64], path[8192];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	ssize_t n = fd < 0 ? 0 : readlink(self, path, sizeof path);
	frame_bytes(out, path, n > 0 ? (size_t)n : 0);
}

int scout_report_root(struct scout *s, bool is_end, uint64_t *fstype)
{
	struct root_facts f = {0};
	atomic_store(&s->runner_since, mono_ns());
	_close_ int fd = look_at_root(s, &f);
	if (fd >= 0)
		f.answered = count_anchors(s, fd);
	atomic_store(&s->runner_since, 0);
	_buf_ struct buf out = BUF_INIT(1 << 16);
	size_t start = frame_begin(&out, FRAME_ROOT);
	frame_u64(&out, atomic_load(&s->scan));
	frame_u32(&out, (uint32_t)f.error);
	frame_u64(&out, f.device);
	frame_u64(&out, f.fstype);
	frame_u32(&out, f.is_empty);
	frame_u32(&out, (uint32_t)s->order.anchors.len);
	frame_u32(&out, f.answered);
	frame_u32(&out, (uint32_t)f.marker_error);
	frame_u32(&out, is_end);
	add_real_path(fd, &out);
	frame_u64(&out, f.room);
	frame_u64(&out, f.size);
	frame_end(&out, start);
	scout_send(s, &out);
	*fstype = f.fstype;
	s->device = (dev_t)f.device;
	if (f.error == 0 && !is_end) {
		if (s->root_fd >= 0)
			close(s->root_fd);
		s->root_fd = take_fd(fd);
	}
	return f.error;
}

void scout_look(struct scout *s, struct frame *f)
{
	struct root_facts facts = {0};
	_buf_ struct buf out = BUF_INIT(1 << 20), path = BUF_INIT(1 << 16);
	uint64_t scan = frame_get_u64(f);
	uint32_t n = frame_get_u32(f);
	atomic_store(&s->main_since, mono_ns());
	/* by the path, not by what was opened at the start: something may be mounted over it now */
	_close_ int root = look_at_root(s, &facts);
	size_t start = frame_begin(&out, FRAME_SEEN);
	frame_u64(&out, scan);
	/* a root that lists nothing by now tells nothing of what was in it */
	frame_u32(&out, (uint32_t)(facts.is_empty ? -ENODATA : facts.error));
	frame_u64(&out, facts.device);
	frame_u32(&out, n);
	for (uint32_t i = 0; i < n && !f->is_bad; i++) {
		size_t len;
		const char *p = frame_get_bytes(f, &len);
		buf_reset(&path);
		buf_add(&path, p, len);
		atomic_store(&s->main_since, mono_ns());
		frame_u32(&out, root < 0 ? (uint32_t)facts.error
					 : (uint32_t)look_again(root, buf_str(&path)));
	}
	atomic_store(&s->main_since, 0);
	frame_end(&out, start);
	scout_send(s, &out);
}
