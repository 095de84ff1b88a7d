/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * fanotify: one mark for a whole file system; see watch.h.
 *
 * An event names its directory by a file handle, which is opened and asked for its path; what was
 * asked lately is kept.  As the mark is of all the file system, most events may be of directories
 * that are none of ours: that is kept as well.  Other file systems mounted below the root get a
 * mark of their own when a walk comes by.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/path.h"
#include "common/vec.h"
#include "indexer/discover/watch_private.h"
#include "indexer/frame.h"

enum {
	EVENTS = 1 << 16,
	KEPT = 4096,
	HANDLE = 128,
	MARKED = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_CLOSE_WRITE | FAN_MODIFY |
		 FAN_ATTRIB | FAN_ONDIR | FAN_EVENT_ON_CHILD,
};

/** A file system that is marked. */
struct marked {
	uint64_t device;
	fsid_t fsid;
	/** Some directory of it, by its full path. */
	char *path;
};

/** A directory whose handle was asked for. */
struct kept {
	uint8_t handle[HANDLE];
	size_t len;
	/** Below the root; NULL when it is not. */
	char *path;
};

struct handles {
	VEC(struct marked) marked;
	struct kept kept[KEPT];
	/** The root as the kernel calls it. */
	char *root;
};

/* --- marks --- */

static char *path_of_fd(int fd)
{
	char self[64], path[8192];
	snprintf(self, sizeof self, "/proc/thread-self/fd/%d", fd);
	ssize_t n = readlink(self, path, sizeof path);
	return n > 0 && n < (ssize_t)sizeof path ? strndup(path, (size_t)n) : NULL;
}

/** Marks the file system of an open directory.  Under the lock, or before the threads run. */
static int mark(struct watch *w, int dir, uint64_t device)
{
	struct handles *h = w->handles;
	struct statfs fs;
	if (fstatfs(dir, &fs) < 0)
		return -errno;
	_free_ char *path = path_of_fd(dir);
	if (!path)
		return -ENOMEM;
	if (fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MARKED, AT_FDCWD, path) < 0)
		return -errno;
	struct marked *m = vec_add(&h->marked);
	if (!m)
		return -ENOMEM;
	*m = (struct marked){device, fs.f_fsid, take(path)};
	return 0;
}

int fanotify_open(struct watch *w)
{
	struct stat st;
	struct handles *h = calloc(1, sizeof *h);
	if (!h)
		return -ENOMEM;
	w->handles = h;
	_close_ int root = open(w->o.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK,
			      O_RDONLY);
	int r = root < 0 || w->fd < 0 || fstat(root, &st) < 0 ? -errno : 0;
	if (r == 0)
		r = mark(w, root, st.st_dev);
	if (r == 0)
		h->root = strdup(h->marked.data[0].path);
	if (r == 0 && h->root)
		return 0;
	if (w->fd >= 0)
		close(take_fd(w->fd));
	fanotify_close(w);
	return r < 0 ? r : -ENOMEM;
}

/** Marks it anew: a mark ends with the file system that was unmounted, and the next one may have
 * the same number. */
static int mark_again(struct watch *w, int fd, struct marked *m)
{
	struct stat st;
	_free_ char *path = path_of_fd(fd);
	if (!path ||
	    fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MARKED, AT_FDCWD, path) < 0)
		return -1;
	/* the one that is known stays as long as it leads there: this one may be deleted sooner */
	if (stat(m->path, &st) == 0 && st.st_dev == m->device)
		return 0;
	free(m->path);
	m->path = take(path);
	return 0;
}

int fanotify_watch(struct watch *w, int fd, int parent, uint64_t device)
{
	struct handles *h = w->handles;
	LOCKED(&w->lock);
	size_t n = h->marked.len;
	if (parent > 0 && (size_t)parent <= n && h->marked.data[parent - 1].device == device)
		return parent;
	for (size_t i = 0; i < n; i++)
		if (h->marked.data[i].device == device && mark_again(w, fd, &h->marked.data[i]) == 0)
			return (int)i + 1;
	if (mark(w, fd, device) == 0)
		return (int)h->marked.len;
	w->refused++;
	w->counts.unwatched = w->refused;
	return WATCH_NONE;
}

static void forget_paths(struct handles *h)
{
	for (size_t i = 0; i < KEPT; i++) {
		free(h->kept[i].path);
		h->kept[i] = (struct kept){0};
	}
}

void fanotify_close(struct watch *w)
{
	struct handles *h = take(w->handles);
	if (!h)
		return;
	for (size_t i = 0; i < h->marked.len; i++)
		free(h->marked.data[i].path);
	vec_clear(&h->marked);
	forget_paths(h);
	free(h->root);
	free(h);
}

/* --- directories --- */

static uint32_t hash_of(const uint8_t *p, size_t n)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 16777619u;
	return hash;
}

/** Whether a folder of that path is none that scans look into. */
static bool is_ignored(const struct watch *w, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");
		_free_ char *name = strndup(path, n);
		if (!name || ignore_matches(w->o.ignore, name, n))
			return true;
		path += n + (path[n] == '/');
	}
	return false;
}

/** The path below the root of what a handle stands for, on the heap; NULL when it is elsewhere or
 * gone. */
static char *ask(const struct watch *w, const struct fanotify_event_info_fid *info,
		 struct file_handle *handle)
{
	const struct handles *h = w->handles;
	for (size_t i = 0; i < h->marked.len; i++) {
		const struct marked *m = &h->marked.data[i];
		if (memcmp(&m->fsid, &info->fsid, sizeof m->fsid) != 0)
			continue;
		_close_ int mount = open(m->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		_close_ int dir = mount < 0 ? -1 : open_by_handle_at(mount, handle, O_PATH | O_CLOEXEC);
		_free_ char *path = dir < 0 ? NULL : path_of_fd(dir);
		const char *below = path ? path_below(h->root, path) : NULL;
		if (below)
			return is_ignored(w, below) ? NULL : strdup(below);
	}
	return NULL;
}

static const char *find_path(struct watch *w, const struct fanotify_event_info_fid *info,
			     struct file_handle *handle)
{
	struct handles *h = w->handles;
	uint8_t key[HANDLE];
	size_t len = sizeof info->fsid + sizeof *handle + handle->handle_bytes;
	if (len > sizeof key)
		return NULL;
	memcpy(key, &info->fsid, sizeof info->fsid);
	memcpy(key + sizeof info->fsid, handle, sizeof *handle + handle->handle_bytes);
	struct kept *k = &h->kept[hash_of(key, len) % KEPT];
	if (k->len == len && memcmp(k->handle, key, len) == 0)
		return k->path;
	free(k->path);
	*k = (struct kept){.len = len, .path = ask(w, info, handle)};
	memcpy(k->handle, key, len);
	return k->path;
}

/* --- events --- */

static void on_name(struct watch *w, uint64_t mask, const char *dir, const char *name)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	size_t len = strlen(name);
	bool is_dir = (mask & FAN_ONDIR) != 0, is_wanted = true;
	buf_adds(&path, dir);
	if (strcmp(name, ".") != 0) {
		is_wanted = is_dir || w->o.wants(w->o.arg, name, len) || ignore_is_cover(name);
		if (ignore_matches(w->o.ignore, name, len) || (!is_wanted && !w->o.has_pictures))
			return;
		if (is_dir && path.len)
			buf_addc(&path, '/');
		if (is_dir)
			buf_add(&path, name, len);
	}
	unsigned flags = is_dir ? DIRTY_DEEP : mask & FAN_MODIFY && !(mask & FAN_CLOSE_WRITE) ? DIRTY_WRITING : 0;
	if (is_wanted)
		watch_mark(w, buf_str(&path), path.len, flags);
	watch_mark_folder(w, buf_str(&path), path.len, flags & ~(unsigned)DIRTY_DEEP);
}

static void on_event(struct watch *w, const struct fanotify_event_metadata *e)
{
	struct handles *h = w->handles;
	if (e->mask & FAN_Q_OVERFLOW) {
		watch_lose(w);
		return;
	}
	const struct fanotify_event_info_fid *info = (const void *)(e + 1);
	if (e->event_len < sizeof *e + sizeof *info + sizeof(struct file_handle) ||
	    info->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME)
		return;
	struct file_handle *handle = (struct file_handle *)(uintptr_t)info->handle;
	const char *dir = find_path(w, info, handle);
	if (dir)
		on_name(w, e->mask, dir, (const char *)handle->f_handle + handle->handle_bytes);
	/* paths below a directory that moved are others now */
	if (e->mask & FAN_ONDIR && e->mask & (FAN_MOVED_FROM | FAN_MOVED_TO | FAN_DELETE))
		forget_paths(h);
}

void *fanotify_read(void *arg)
{
	struct watch *w = arg;
	_free_ char *data = malloc(EVENTS);
	struct pollfd fds[] = {{w->fd, POLLIN, 0}, {w->ending, POLLIN, 0}};
	while (data && poll(fds, 2, -1) >= 0 && !fds[1].revents) {
		ssize_t n = read(w->fd, data, EVENTS);
		const struct fanotify_event_metadata *e = (const void *)data;
		LOCKED(&w->lock);
		for (; FAN_EVENT_OK(e, n); e = FAN_EVENT_NEXT(e, n)) {
			on_event(w, e);
			if (e->fd >= 0)
				close(e->fd);
		}
	}
	return NULL;
}
