/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Opens files for the workers and passes the descriptors on. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/discover/pictures.h"
#include "indexer/discover/scout.h"
#include "indexer/discover/scout_private.h"
#include "indexer/pass.h"

struct opens {
	int fd[OPENS_MAX];
	int count;
	/** What the worker reads: batch, kind, then (index, path) for each descriptor. */
	struct buf message;
};

static void report_failed(struct scout *s, uint64_t batch, uint32_t index, int error)
{
	_buf_ struct buf out = BUF_INIT(256);
	size_t start = frame_begin(&out, FRAME_FAILED);
	frame_u64(&out, batch);
	frame_u32(&out, index);
	frame_u32(&out, (uint32_t)error);
	frame_end(&out, start);
	scout_send(s, &out);
}

/** Of an ordinary file; what else has that name by now must not be waited for. */
enum { OPEN_FILE = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC };

static uint64_t ns_of(struct timespec t)
{
	return (uint64_t)((int64_t)t.tv_sec * NS_PER_S + t.tv_nsec);
}

/** What a walker saw of a file: as in FRAME_LIST. */
struct listed {
	uint64_t size, mtime, ctime, inode;
};

static void get_listed(struct frame *f, struct listed *l)
{
	l->size = frame_get_u64(f);
	l->mtime = frame_get_u64(f);
	l->ctime = frame_get_u64(f);
	l->inode = frame_get_u64(f);
}

static bool is_listed(const struct listed *l, const struct stat *st)
{
	/* as the walk tells it */
	uint64_t size = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size;
	bool is_like = l->size == size && l->mtime == ns_of(st->st_mtim) && l->ctime == ns_of(st->st_ctim);
	/* where servers number a file anew each time it is still like that one */
	return l->inode == st->st_ino || is_like;
}

/**
 * @opened when it is a regular file, or the list of a folder's pictures; else -errno.  -1: with errno.  -FAILED_OTHER:
 * it is not the one that was @listed (NULL: none was) but has its path by now.
 */
static int regular(int opened, bool takes_folders, const struct listed *listed)
{
	struct stat st;
	_close_ int fd = opened;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (listed && !is_listed(listed, &st))
		return -FAILED_OTHER;
	if (S_ISDIR(st.st_mode) && takes_folders)
		return pictures_list(fd);
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	return take_fd(fd);
}

static int send_opens(int worker, const struct opens *o)
{
	return pass_send(SCOUT_WORKERS + worker, o->message.data, o->message.len, o->fd, o->count);
}

void scout_open(struct scout *s, struct frame *f)
{
	struct opens o = {.message = BUF_INIT(1 << 18)};
	_buf_ struct buf path = BUF_INIT(1 << 16);
	uint32_t index[OPENS_MAX];
	size_t dir_len, name_len;
	uint64_t batch = frame_get_u64(f);
	uint32_t worker = frame_get_u32(f);
	const char *dir_path = frame_get_bytes(f, &dir_len);
	buf_add(&path, dir_path, dir_len);
	atomic_store(&s->main_since, mono_ns());
	_close_ int dir = walk_open(s->root_fd, buf_str(&path), O_PATH | O_DIRECTORY);
	int lost = dir < 0 ? -errno : 0;
	frame_u64(&o.message, batch);
	frame_u32(&o.message, s->kind);
	frame_u32(&o.message, JOB_OF_FILES);
	while (f->at < f->end && !f->is_bad && o.count < OPENS_MAX) {
		uint32_t i = frame_get_u32(f);
		struct listed listed;
		get_listed(f, &listed);
		const char *name = frame_get_bytes(f, &name_len);
		buf_reset(&path);
		buf_addf(&path, "%.*s%s%.*s", (int)dir_len, dir_path, dir_len ? "/" : "", (int)name_len,
			 name);
		atomic_store(&s->main_since, mono_ns());
		const char *base = buf_str(&path) + path.len - name_len;
		int fd = lost ? lost : regular(openat(dir, base, OPEN_FILE), s->kind == MEDIA_VOLUME, &listed);
		if (fd < 0) {
			report_failed(s, batch, i, fd);
			continue;
		}
		index[o.count] = i;
		o.fd[o.count++] = fd;
		frame_u32(&o.message, i);
		frame_bytes(&o.message, buf_str(&path), path.len);
	}
	atomic_store(&s->main_since, 0);
	int r = o.count ? send_opens((int)worker, &o) : 0;
	for (int i = 0; i < o.count; i++) {
		if (r < 0)
			report_failed(s, batch, index[i], r);
		close(o.fd[i]);
	}
	buf_clear(&o.message);
}

void scout_check(struct scout *s, struct frame *f)
{
	struct opens o = {.message = BUF_INIT(1 << 18)};
	_buf_ struct buf path = BUF_INIT(1 << 16);
	size_t n;
	uint64_t batch = frame_get_u64(f);
	uint32_t worker = frame_get_u32(f);
	const char *text = frame_get_bytes(f, &n);
	buf_add(&path, text, n);
	atomic_store(&s->main_since, mono_ns());
	/* not kept: an open directory would keep its disk from being unmounted */
	_close_ int root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root < 0 ? -errno : regular(walk_open(root, buf_str(&path), OPEN_FILE), false, NULL);
	atomic_store(&s->main_since, 0);
	frame_u64(&o.message, batch);
	frame_u32(&o.message, s->kind | WORKER_CHECKS);
	frame_u32(&o.message, JOB_OF_FILES);
	frame_u32(&o.message, 0);
	frame_bytes(&o.message, buf_str(&path), path.len);
	o.fd[0] = fd;
	o.count = fd >= 0;
	int r = fd < 0 ? fd : send_opens((int)worker, &o);
	if (r < 0)
		report_failed(s, batch, 0, r);
	if (fd >= 0)
		close(fd);
	buf_clear(&o.message);
}

/** A volume's file, or, of a folder, the picture that is rather its cover; @path is told its name.  @st: of the volume. */
static int open_front(int root, struct buf *path, struct stat *st)
{
	_close_ int fd = walk_open(root, buf_str(path), OPEN_FILE);
	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	if (!S_ISDIR(st->st_mode))
		return S_ISREG(st->st_mode) ? take_fd(fd) : -ENOTSUP;
	/* as the walk tells it */
	st->st_size = 0;
	buf_addc(path, '/');
	struct stat picture;
	_close_ int front = pictures_open_front(fd, path);
	if (front < 0)
		return front;
	return fstat(front, &picture) < 0 ? -errno : S_ISREG(picture.st_mode) ? take_fd(front) : -ENOTSUP;
}

void scout_cover(struct scout *s, struct frame *f)
{
	struct opens o = {.message = BUF_INIT(1 << 18)};
	_buf_ struct buf path = BUF_INIT(1 << 16);
	struct stat st = {0};
	uint32_t limits[3];
	size_t n;
	uint64_t batch = frame_get_u64(f);
	uint32_t worker = frame_get_u32(f);
	for (size_t i = 0; i < COUNT_OF(limits); i++)
		limits[i] = frame_get_u32(f);
	const char *text = frame_get_bytes(f, &n);
	buf_add(&path, text, n);
	atomic_store(&s->main_since, mono_ns());
	/* not kept: see scout_check() */
	_close_ int root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_close_ int fd = root < 0 ? -errno : open_front(root, &path, &st);
	atomic_store(&s->main_since, 0);
	frame_u64(&o.message, batch);
	frame_u32(&o.message, s->kind | WORKER_COVERS);
	frame_u32(&o.message, JOB_OF_FILES);
	frame_u32(&o.message, 0);
	frame_bytes(&o.message, buf_str(&path), path.len);
	for (size_t i = 0; i < COUNT_OF(limits); i++)
		frame_u32(&o.message, limits[i]);
	const uint64_t numbers[] = {(uint64_t)st.st_size, ns_of(st.st_mtim), ns_of(st.st_ctim), st.st_ino};
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		frame_u64(&o.message, numbers[i]);
	o.fd[0] = fd;
	o.count = fd >= 0;
	int r = fd < 0 ? fd : send_opens((int)worker, &o);
	if (r < 0)
		report_failed(s, batch, 0, r);
	buf_clear(&o.message);
}
