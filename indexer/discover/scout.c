/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A scout's process.  Its main thread reads frames and opens files for the workers; another one
 * runs the walk.  It knows no store and no network.
 */
#include "indexer/discover/scout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/thread.h"
#include "indexer/discover/walk.h"
#include "indexer/extract/wants.h"
#include "indexer/frame.h"

struct scout {
	char *root;
	int root_fd;
	uint32_t kind;
	int walkers;
	struct ignore ignore;
	struct walk *walk;
	/** Frames of several threads go out whole. */
	pthread_mutex_t sending;
	struct thread runner;
	/** The scan that was stopped last, also before its walk began. */
	_Atomic uint64_t stopped;
	uint64_t scan;
	char *path;
};

static int send_frames(void *arg, const struct buf *frames)
{
	struct scout *s = arg;
	LOCKED(&s->sending);
	return frame_send(SCOUT_CONTROL, frames->data, frames->len);
}

static bool wants(void *arg, const char *name, size_t n)
{
	const struct scout *s = arg;
	return extract_wants((enum media_kind)s->kind, name, n);
}

/* --- the walk --- */

static bool is_empty(int fd)
{
	bool empty = true;
	DIR *dir = fdopendir(dup(fd));
	if (!dir)
		return false;
	rewinddir(dir);
	for (struct dirent *d = readdir(dir); d && empty; d = readdir(dir))
		empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	closedir(dir);
	return empty;
}

/** Tells how the root is: at the start of a scan and at its end. */
static int report_root(struct scout *s, bool is_end)
{
	struct stat st = {0};
	_close_ int fd = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	_buf_ struct buf out = BUF_INIT(256);
	size_t start = frame_begin(&out, FRAME_ROOT);
	frame_u64(&out, s->scan);
	frame_u32(&out, (uint32_t)error);
	frame_u64(&out, st.st_dev);
	frame_u32(&out, error == 0 && is_empty(fd));
	frame_u32(&out, is_end);
	frame_end(&out, start);
	send_frames(s, &out);
	if (error == 0 && !is_end) {
		if (s->root_fd >= 0)
			close(s->root_fd);
		s->root_fd = take_fd(fd);
	}
	return error;
}

static void *run_scan(void *arg)
{
	struct scout *s = arg;
	uint64_t busy = 0;
	/* trees of links are only looked at as a whole until they are indexed */
	if (report_root(s, false) == 0 && s->kind != MEDIA_LINK) {
		struct walk_options options = {
			.root = s->root_fd, .threads = s->walkers, .ignore = &s->ignore,
			.wants = wants, .send = send_frames, .arg = s,
		};
		struct walk *walk = NULL;
		if (walk_new(&options, &walk) == 0) {
			pthread_mutex_lock(&s->sending);
			s->walk = walk;
			pthread_mutex_unlock(&s->sending);
			if (atomic_load(&s->stopped) != s->scan)
				walk_run(walk, s->scan, s->path);
			busy = walk_busy_ns(walk);
		}
		report_root(s, true);
	}
	_buf_ struct buf out = BUF_INIT(256);
	size_t start = frame_begin(&out, FRAME_DONE);
	frame_u64(&out, s->scan);
	frame_u64(&out, busy);
	frame_end(&out, start);
	send_frames(s, &out);
	return NULL;
}

static struct walk *current_walk(struct scout *s)
{
	LOCKED(&s->sending);
	return s->walk;
}

static void end_walk(struct scout *s)
{
	atomic_store(&s->stopped, s->scan);
	struct walk *walk = current_walk(s);
	if (walk)
		walk_stop(walk);
	thread_join(&s->runner);
	walk_free(s->walk);
	s->walk = NULL;
}

static void on_scan(struct scout *s, struct frame *f)
{
	size_t n;
	end_walk(s);
	s->scan = frame_get_u64(f);
	const char *path = frame_get_bytes(f, &n);
	free(s->path);
	s->path = strndup(path, n);
	if (!f->is_bad && s->path)
		thread_start(&s->runner, "scan", run_scan, s);
}

static void on_stop(struct scout *s, struct frame *f)
{
	if (frame_get_u64(f) != s->scan)
		return;
	/* first the flag, then the walk: whichever it has reached, it ends */
	atomic_store(&s->stopped, s->scan);
	struct walk *walk = current_walk(s);
	if (walk)
		walk_stop(walk);
}

static void on_answer(struct scout *s, struct frame *f)
{
	struct walk *walk = current_walk(s);
	if (walk)
		walk_answer(walk, frame_get_u64(f));
}

static void on_setup(struct scout *s, struct frame *f)
{
	size_t n;
	s->kind = frame_get_u32(f);
	s->walkers = (int)frame_get_u32(f);
	const char *root = frame_get_bytes(f, &n);
	s->root = strndup(root, n);
	uint32_t patterns = frame_get_u32(f);
	for (uint32_t i = 0; i < patterns && !f->is_bad; i++) {
		const char *pattern = frame_get_bytes(f, &n);
		ignore_add(&s->ignore, pattern, n);
	}
}

/* --- opening files for a worker --- */

struct opens {
	int fd[BATCH_MAX];
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
	send_frames(s, &out);
}

static int open_file(const struct scout *s, int dir, const char *path, const char *name)
{
	if (dir >= 0)
		return openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	return (int)syscall(SYS_openat2, s->root_fd, path, &how, sizeof how);
}

/** A regular file's descriptor, or -errno. */
static int open_regular(const struct scout *s, int dir, const char *path, const char *name)
{
	struct stat st;
	_close_ int fd = open_file(s, dir, path, name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	return take_fd(fd);
}

static int send_opens(int worker, struct opens *o)
{
	struct iovec iov = {o->message.data, o->message.len};
	union {
		char bytes[CMSG_SPACE(sizeof o->fd)];
		struct cmsghdr align;
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	size_t size = sizeof(int) * (size_t)o->count;
	if (o->count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(size);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), o->fd, size);
	}
	ssize_t n;
	do
		n = sendmsg(SCOUT_WORKERS + worker, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void on_open(struct scout *s, struct frame *f)
{
	struct opens o = {.message = BUF_INIT(1 << 18)};
	_buf_ struct buf path = BUF_INIT(1 << 16);
	uint32_t index[BATCH_MAX];
	size_t dir_len, name_len;
	uint64_t batch = frame_get_u64(f);
	uint32_t worker = frame_get_u32(f);
	struct walk *walk = current_walk(s);
	uint64_t dir_id = frame_get_u64(f);
	int dir = walk && dir_id ? walk_dir(walk, dir_id) : -1;
	const char *dir_path = frame_get_bytes(f, &dir_len);
	frame_u64(&o.message, batch);
	frame_u32(&o.message, s->kind);
	while (f->at < f->end && !f->is_bad && o.count < BATCH_MAX) {
		uint32_t i = frame_get_u32(f);
		const char *name = frame_get_bytes(f, &name_len);
		buf_reset(&path);
		buf_addf(&path, "%.*s%s%.*s", (int)dir_len, dir_path, dir_len ? "/" : "", (int)name_len,
			 name);
		int fd = open_regular(s, dir, buf_str(&path), buf_str(&path) + path.len - name_len);
		if (fd < 0) {
			report_failed(s, batch, i, fd);
			continue;
		}
		index[o.count] = i;
		o.fd[o.count++] = fd;
		frame_u32(&o.message, i);
		frame_bytes(&o.message, buf_str(&path), path.len);
	}
	int r = o.count ? send_opens((int)worker, &o) : 0;
	for (int i = 0; i < o.count; i++) {
		if (r < 0)
			report_failed(s, batch, index[i], r);
		close(o.fd[i]);
	}
	buf_clear(&o.message);
}

/* --- */

static void handle(struct scout *s, struct frame *f)
{
	static void (*const on[])(struct scout *, struct frame *) = {
		[FRAME_SETUP] = on_setup,   [FRAME_SCAN] = on_scan, [FRAME_OPEN] = on_open,
		[FRAME_ANSWER] = on_answer, [FRAME_STOP] = on_stop,
	};
	if ((size_t)f->type < COUNT_OF(on) && on[f->type])
		on[f->type](s, f);
}

int scout_main(void)
{
	struct scout s = {.root_fd = -1, .sending = PTHREAD_MUTEX_INITIALIZER};
	struct frame_reader reader;
	struct frame f;
	frame_reader_init(&reader, SCOUT_CONTROL);
	while (frame_reader_fill(&reader) > 0)
		while (frame_reader_next(&reader, &f) > 0)
			handle(&s, &f);
	/* the indexer is gone: a walk that waits for answers or for a dead disk is not waited for */
	_exit(0);
}
