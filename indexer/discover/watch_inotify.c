/* SPDX-License-Identifier: GPL-3.0-or-later */
/** inotify: one watch a directory; see watch.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/path.h"
#include "common/vec.h"
#include "indexer/discover/watch_private.h"
#include "indexer/frame.h"

enum {
	EVENTS = 1 << 16,
	WATCHED = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY |
		  IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK,
	CONTENT = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY |
		  IN_ATTRIB,
};

int inotify_open(struct watch *w)
{
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return w->fd < 0 ? -errno : 0;
}

/* --- watching directories --- */

static int add_watch(const struct watch *w, int fd)
{
	char self[64];
	snprintf(self, sizeof self, "/proc/thread-self/fd/%d", fd);
	int wd = inotify_add_watch(w->fd, self, WATCHED);
	return wd < 0 ? -errno : wd;
}

/** Takes the watch of the directory that changed longest ago, if this one changed later. */
static bool make_room(struct watch *w, int64_t mtime)
{
	w->is_limited = true;
	if (map_limit(&w->map) < 0)
		return false;
	const struct watch_node *oldest = map_oldest(&w->map);
	if (!oldest || oldest->mtime >= mtime)
		return false;
	int wd = oldest->wd;
	inotify_rm_watch(w->fd, wd);
	map_remove(&w->map, wd);
	w->refused++;
	return true;
}

int inotify_watch(struct watch *w, int fd, int parent, const char *path, const struct stat *st)
{
	const char *slash = strrchr(path, '/');
	LOCKED(&w->lock);
	/* a name below a parent that is watched moves with it */
	bool has_parent = parent != WATCH_NONE && map_find(&w->map, parent);
	const char *name = has_parent && slash ? slash + 1 : path;
	int wd = w->is_doubtful ? 0 : map_known(&w->map, has_parent ? parent : 0, name, st->st_ino);
	if (wd)
		return wd;
	wd = add_watch(w, fd);
	if (wd == -ENOSPC && make_room(w, st->st_mtim.tv_sec))
		wd = add_watch(w, fd);
	if (wd < 0) {
		w->refused++;
		w->counts.unwatched = w->refused;
		return WATCH_NONE;
	}
	if (map_put(&w->map, wd, has_parent ? parent : 0, name, st->st_ino, st->st_mtim.tv_sec) < 0) {
		inotify_rm_watch(w->fd, wd);
		return WATCH_NONE;
	}
	return wd;
}

struct below {
	struct watch *w;
	char *const *paths;
	size_t n;
	VEC(int) wd;
};

static int by_text(const void *key, const void *at)
{
	return strcmp(key, *(char *const *)at);
}

/** Whether @path (changed) is one of the paths or lies below one. */
static bool is_below(const struct below *b, char *path)
{
	for (;;) {
		char *slash = strrchr(path, '/');
		if (bsearch(path, b->paths, b->n, sizeof *b->paths, by_text))
			return true;
		if (!*path)
			return false;
		*(slash ? slash : path) = '\0';
	}
}

static void add_below(void *arg, const struct watch_node *n)
{
	struct below *b = arg;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	int r = map_path(&b->w->map, n, &path);
	int *slot = NULL;
	if (r < 0 || !path.len ? r < 0 || !*b->paths[0] : is_below(b, path.data))
		slot = vec_add(&b->wd);
	if (slot)
		*slot = n->wd;
}

void inotify_forget(struct watch *w, char *const *paths, size_t n)
{
	struct below b = {.w = w, .paths = paths, .n = n};
	LOCKED(&w->lock);
	map_each(&w->map, add_below, &b);
	for (size_t i = 0; i < b.wd.len; i++) {
		inotify_rm_watch(w->fd, b.wd.data[i]);
		map_remove(&w->map, b.wd.data[i]);
	}
	vec_clear(&b.wd);
}

/* --- events --- */

static void on_child(struct watch *w, const struct watch_node *n, const struct inotify_event *e)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	size_t len = strlen(e->name);
	if (ignore_matches(w->o.ignore, e->name, len))
		return;
	bool is_dir = (e->mask & IN_ISDIR) != 0;
	bool is_wanted = is_dir || w->o.wants(w->o.arg, e->name, len) || ignore_is_cover(e->name);
	if (!is_wanted && !w->o.has_pictures)
		return;
	if (map_path(&w->map, n, &path) < 0) {
		watch_lose(w);
		return;
	}
	if (is_dir) {
		if (path.len)
			buf_addc(&path, '/');
		buf_add(&path, e->name, len);
	}
	unsigned flags = is_dir ? DIRTY_DEEP : e->mask & IN_MODIFY ? DIRTY_WRITING : 0;
	if (is_wanted)
		watch_mark(w, buf_str(&path), path.len, flags);
	watch_mark_folder(w, buf_str(&path), path.len, flags & ~(unsigned)DIRTY_DEEP);
}

static void on_event(struct watch *w, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW) {
		watch_lose(w);
		return;
	}
	struct watch_node *n = map_find(&w->map, e->wd);
	if (e->mask & IN_IGNORED) {
		map_remove(&w->map, e->wd);
		return;
	}
	if (!n) {
		/* one that we gave back, or one that nobody knows: only a look at all can tell */
		if (!w->is_limited && e->len)
			watch_lose(w);
		return;
	}
	bool is_root = !n->parent && !n->name[0];
	if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT) && is_root)
		watch_mark(w, "", 0, DIRTY_DEEP);
	if (e->mask & CONTENT && e->len)
		on_child(w, n, e);
}

void *inotify_read(void *arg)
{
	struct watch *w = arg;
	_free_ char *data = malloc(EVENTS);
	struct pollfd fds[] = {{w->fd, POLLIN, 0}, {w->ending, POLLIN, 0}};
	while (data && poll(fds, 2, -1) >= 0 && !fds[1].revents) {
		ssize_t n = read(w->fd, data, EVENTS);
		LOCKED(&w->lock);
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(data + at);
			on_event(w, e);
			at += (ssize_t)(sizeof *e + e->len);
		}
	}
	return NULL;
}
