/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The walk.  Directories that are known are all in a list, so those that have their time still are not read:
 * what is new in them would have changed it.  Threads take from that list, and from a stack of directories that
 * nobody knew.  Paths are opened below the root without passing a link or a mount, so that a folder that was
 * moved away and linked back is gone, and another disk is not the tree.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/thread.h"
#include "indexer/beneath.h"
#include "indexer/symlinks/looker_private.h"

enum {
	GETDENTS = 128 << 10,
	/** Frames are sent when they are that long. */
	FLUSH = 128 << 10,
	/** One frame of a directory's links. */
	PIECE = 1 << 20,
	/** Known directories that a thread takes at once. */
	TAKE = 64,
	/** The time to read the clock of deadlines again. */
	ENTRIES_PER_DEADLINE = 64,
	STACK_MOST = 4 << 20,
};

/** A change within this time may have the time of the one before it. */
#define RACY_NS (2 * NS_PER_S)

struct tree {
	struct looker_child *c;
	int root;
	const char **known;
	size_t known_count;
	_Atomic size_t next;
	/* the lock protects what follows up to the counters */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	VEC(char *) stack;
	VEC(uint32_t) gone;
	int working;
	/** -ENOMEM, or 0. */
	_Atomic int error;
	_Atomic uint64_t dirs, unchanged, links;
};

struct walker {
	struct tree *t;
	struct looker_slot *slot;
	uint32_t number;
	struct buf frames;
	/** The frame that is being written begins there; its count of links is there. */
	size_t start, count_at;
	uint32_t count;
	/** Of the directory that is read. */
	uint64_t links;
	/** The clock when the directory was opened. */
	int64_t now;
	char target[8192];
	_Alignas(struct dirent64) char dents[GETDENTS];
};

static int64_t ns_of(struct timespec t)
{
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int open_below(int root, const char *path, int flags)
{
	return beneath_open_here(root, path, flags | O_DIRECTORY | O_NOFOLLOW);
}

/** Nothing, or something else, is in its place. */
static bool is_gone(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
}

static void flush(struct walker *me)
{
	if (!me->frames.len)
		return;
	looker_leave(me->slot);
	looker_tell(me->t->c, &me->frames);
}

/* --- frames --- */

static void begin_dir(struct walker *me, const char *path, bool has_more, int error, int64_t mtime)
{
	struct buf *out = &me->frames;
	me->start = frame_begin(out, FRAME_LOOKED_DIR);
	frame_u32(out, me->number);
	frame_u32(out, has_more);
	frame_u32(out, (uint32_t)error);
	frame_u64(out, (uint64_t)mtime);
	frame_bytes(out, path, strlen(path));
	me->count_at = out->len;
	me->count = 0;
	frame_u32(out, 0);
}

static void end_dir(struct walker *me)
{
	if (!buf_error(&me->frames))
		memcpy(me->frames.data + me->count_at, &me->count, sizeof me->count);
	frame_end(&me->frames, me->start);
}

/** Ends the frame of a directory that has more links than fit one. */
static void next_piece(struct walker *me, const char *path, int64_t mtime)
{
	const uint32_t has_more = 1;
	if (!buf_error(&me->frames))
		memcpy(me->frames.data + me->start + 12, &has_more, sizeof has_more);
	end_dir(me);
	flush(me);
	begin_dir(me, path, false, 0, mtime);
}

/** Instead of what was written of the directory: error, or another time. */
static void end_with(struct walker *me, const char *path, int error, int64_t mtime)
{
	const uint32_t value = (uint32_t)error;
	if (error) {
		me->frames.len = me->start;
		begin_dir(me, path, false, error, 0);
	} else if (!buf_error(&me->frames)) {
		memcpy(me->frames.data + me->start + 16, &value, sizeof value);
		memcpy(me->frames.data + me->start + 20, &mtime, sizeof mtime);
	}
	end_dir(me);
	if (me->frames.len >= FLUSH)
		flush(me);
}

/* --- one directory --- */

static bool is_known(const struct tree *t, const char *path)
{
	size_t low = 0, high = t->known_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(t->known[mid], path);
		if (c == 0)
			return true;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static int push(struct tree *t, const char *path, const char *name)
{
	char *below = NULL;
	if (asprintf(&below, "%s%s%s", path, *path ? "/" : "", name) < 0)
		return -ENOMEM;
	_free_ char *owned = below;
	if (is_known(t, below))
		return 0;
	LOCKED(&t->lock);
	char **slot = t->stack.len < STACK_MOST ? vec_add(&t->stack) : NULL;
	if (!slot)
		return -ENOMEM;
	*slot = take(owned);
	pthread_cond_signal(&t->changed);
	return 0;
}

/** 0, or why it could not be read; what is not there any more, or is no link, is none. */
static int add_link(struct walker *me, int fd, const char *name)
{
	ssize_t n = readlinkat(fd, name, me->target, sizeof me->target);
	if (n < 0)
		return errno == ENOENT || errno == EINVAL ? 0 : -errno;
	if ((size_t)n == sizeof me->target)
		return -ENAMETOOLONG;
	struct buf *out = &me->frames;
	frame_bytes(out, name, strlen(name));
	frame_bytes(out, me->target, (size_t)n);
	me->count++;
	me->links++;
	return 0;
}

/** DT_… of an entry, asked where the list does not say it; DT_UNKNOWN: it is not there any more. */
static int type_of(int fd, const struct dirent64 *d)
{
	struct stat st;
	if (d->d_type != DT_UNKNOWN)
		return d->d_type;
	if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return errno == ENOENT ? DT_UNKNOWN : -errno;
	return IFTODT(st.st_mode);
}

/* a link is not stat'ed: nothing but its text is kept of it */
static int visit(struct walker *me, int fd, const char *path, const struct dirent64 *d)
{
	const char *name = d->d_name;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	int type = type_of(fd, d);
	if (type == DT_DIR)
		return push(me->t, path, name);
	/* a hand that was killed left it there, and takes it away again */
	if (type == DT_LNK && strncmp(name, ".mediamon-", strlen(".mediamon-")) != 0)
		return add_link(me, fd, name);
	return type < 0 ? type : 0;
}

static int read_entries(struct walker *me, int fd, const char *path, int64_t mtime)
{
	unsigned count = 0;
	for (;;) {
		looker_enter(me->slot, LOOKER_BATCH_MS);
		long n = syscall(SYS_getdents64, fd, me->dents, sizeof me->dents);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const struct dirent64 *d = (const struct dirent64 *)(me->dents + at);
			at += d->d_reclen;
			if (++count % ENTRIES_PER_DEADLINE == 0)
				looker_enter(me->slot, LOOKER_BATCH_MS);
			if (me->frames.len - me->start > PIECE)
				next_piece(me, path, mtime);
			int r = visit(me, fd, path, d);
			if (r < 0)
				return r;
		}
	}
}

/** The time that a directory may be known by. */
static int64_t time_to_tell(const struct walker *me, int64_t before, int64_t after)
{
	return before == after && before < me->now - RACY_NS ? before : 0;
}

static void read_directory(struct walker *me, const char *path)
{
	struct stat st = {0}, after = {0};
	int error = 0;
	me->links = 0;
	looker_enter(me->slot, LOOKER_BATCH_MS);
	me->now = now_ns();
	_close_ int fd = open_below(me->t->root, path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) < 0)
		error = -errno;
	/* it went away after it was listed: the time of the directory above has changed again */
	if (is_gone(error)) {
		looker_leave(me->slot);
		return;
	}
	begin_dir(me, path, false, 0, 0);
	if (!error)
		error = read_entries(me, fd, path, ns_of(st.st_mtim));
	if (!error && fstat(fd, &after) < 0)
		error = -errno;
	if (error == -ENOMEM)
		atomic_store(&me->t->error, error);
	atomic_fetch_add(&me->t->dirs, 1);
	atomic_fetch_add(&me->t->links, error ? 0 : me->links);
	end_with(me, path, error, time_to_tell(me, ns_of(st.st_mtim), ns_of(after.st_mtim)));
	looker_leave(me->slot);
}

/** Its time; or -errno. */
static int stat_known(struct walker *me, const char *path, int64_t *mtime)
{
	struct stat st;
	looker_enter(me->slot, LOOKER_STAT_MS);
	_close_ int fd = open_below(me->t->root, path, O_PATH);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*mtime = ns_of(st.st_mtim);
	return 0;
}

static void visit_known(struct walker *me, size_t i)
{
	struct tree *t = me->t;
	int64_t mtime = 0, known = t->c->known_mtimes.data[i];
	int r = known ? stat_known(me, t->known[i], &mtime) : -EAGAIN;
	if (r == 0 && mtime == known) {
		atomic_fetch_add(&t->dirs, 1);
		atomic_fetch_add(&t->unchanged, 1);
		return;
	}
	if (r == -EAGAIN)
		r = stat_known(me, t->known[i], &mtime);
	if (!is_gone(r)) {
		read_directory(me, t->known[i]);
		return;
	}
	LOCKED(&t->lock);
	uint32_t *slot = vec_add(&t->gone);
	if (slot)
		*slot = (uint32_t)i;
	else
		atomic_store(&t->error, -ENOMEM);
}

/* --- threads --- */

/** The next directory that nobody knew, or NULL when no thread will ever find one. */
static char *next_new(struct walker *me)
{
	struct tree *t = me->t;
	LOCKED(&t->lock);
	t->working--;
	while (!t->stack.len && t->working > 0) {
		if (me->frames.len) {
			pthread_mutex_unlock(&t->lock);
			flush(me);
			pthread_mutex_lock(&t->lock);
			continue;
		}
		pthread_cond_wait(&t->changed, &t->lock);
	}
	if (!t->stack.len) {
		pthread_cond_broadcast(&t->changed);
		return NULL;
	}
	t->working++;
	return t->stack.data[--t->stack.len];
}

static void *walk(void *arg)
{
	struct walker *me = arg;
	struct tree *t = me->t;
	for (;;) {
		size_t first = atomic_fetch_add(&t->next, TAKE);
		if (first >= t->known_count)
			break;
		for (size_t i = first; i < first + TAKE && i < t->known_count; i++)
			visit_known(me, i);
		looker_leave(me->slot);
	}
	for (char *path = next_new(me); path; path = next_new(me)) {
		read_directory(me, path);
		free(path);
	}
	flush(me);
	looker_leave(me->slot);
	return NULL;
}

/** The main thread is the first of them. */
static void run_threads(struct tree *t)
{
	struct thread thread[LOOKER_THREADS] = {0};
	int n = t->c->threads;
	struct walker *walkers = calloc((size_t)n, sizeof *walkers);
	if (!walkers)
		_exit(1);
	t->working = n;
	for (int i = 0; i < n; i++)
		walkers[i] = (struct walker){.t = t, .slot = &t->c->slot[i], .number = (uint32_t)i,
					     .frames = BUF_INIT(2 * FRAME_MAX)};
	for (int i = 1; i < n; i++)
		if (thread_start(&thread[i], "links", walk, &walkers[i]) < 0) {
			LOCKED(&t->lock);
			t->working--;
		}
	walk(&walkers[0]);
	for (int i = 0; i < n; i++) {
		thread_join(&thread[i]);
		buf_clear(&walkers[i].frames);
	}
	free(walkers);
}

/* --- the root --- */

struct root {
	int fd;
	struct stat st;
	uint64_t mount_id, fstype;
};

static int open_root(struct looker_child *c, const char *path, struct root *r)
{
	const struct mount *mount;
	struct statfs fs;
	int entries;
	bool has_dir;
	looker_enter(&c->slot[0], LOOKER_STAT_MS);
	/* a place, before anything is asked of what is mounted there: it may be our own */
	_close_ int place = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return -errno;
	r->mount_id = looker_mount_id(place);
	int e = looker_check_own(c, r->mount_id, &mount);
	if (e < 0)
		return e;
	r->fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0 || fstat(r->fd, &r->st) < 0 || fstatfs(r->fd, &fs) < 0)
		return -errno;
	r->fstype = (uint32_t)fs.f_type;
	e = looker_count(c, r->fd, 1, &entries, &has_dir);
	return e == 0 && !entries ? -ENODATA : e;
}

/** By the path: something may be mounted over the tree by now, and what is missing in it proves nothing then. */
static int check_root(struct looker_child *c, const char *path, const struct root *before)
{
	struct root now = {.fd = -1};
	int e = open_root(c, path, &now);
	if (now.fd >= 0)
		close(now.fd);
	if (e == 0 && (now.st.st_dev != before->st.st_dev || now.st.st_ino != before->st.st_ino ||
		       now.mount_id != before->mount_id))
		e = -ESTALE;
	return e;
}

static void tell_gone(struct tree *t)
{
	_buf_ struct buf out = BUF_INIT(FRAME_MAX);
	size_t start = 0;
	for (size_t i = 0; i < t->gone.len; i++) {
		/* once more, now that all has been looked at */
		looker_enter(&t->c->slot[0], LOOKER_STAT_MS);
		_close_ int fd = open_below(t->root, t->known[t->gone.data[i]], O_PATH);
		looker_leave(&t->c->slot[0]);
		if (fd >= 0 || !is_gone(-errno))
			continue;
		if (!out.len)
			start = frame_begin(&out, FRAME_LOOKED_GONE);
		frame_u32(&out, t->gone.data[i]);
		if (out.len < FLUSH)
			continue;
		frame_end(&out, start);
		looker_tell(t->c, &out);
	}
	if (out.len) {
		frame_end(&out, start);
		looker_tell(t->c, &out);
	}
}

static void tell_tree(struct tree *t, const struct root *root, int error)
{
	_buf_ struct buf out = BUF_INIT(256);
	size_t start = frame_begin(&out, FRAME_LOOKED_TREE);
	frame_u32(&out, (uint32_t)error);
	frame_u64(&out, root->st.st_dev);
	frame_u64(&out, root->mount_id);
	frame_u64(&out, root->fstype);
	frame_u64(&out, atomic_load(&t->dirs));
	frame_u64(&out, atomic_load(&t->unchanged));
	frame_u64(&out, atomic_load(&t->links));
	frame_end(&out, start);
	looker_tell(t->c, &out);
}

/** The known paths as an array; that of the root is there or is the first new one. */
static int prepare(struct tree *t)
{
	struct looker_child *c = t->c;
	const char *at = buf_str(&c->known_paths);
	t->known = calloc(c->known_mtimes.len + 1, sizeof *t->known);
	if (!t->known)
		return -ENOMEM;
	for (; t->known_count < c->known_mtimes.len; at += strlen(at) + 1)
		t->known[t->known_count++] = at;
	if (t->known_count && !*t->known[0])
		return 0;
	char **slot = vec_add(&t->stack);
	if (slot)
		*slot = strdup("");
	return slot && *slot ? 0 : -ENOMEM;
}

void looker_child_walk(struct looker_child *c, struct frame *f)
{
	struct tree t = {.c = c, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct root root = {.fd = -1};
	size_t n;
	const char *text = frame_get_bytes(f, &n);
	_free_ char *path = strndup(text, n);
	int error = path ? open_root(c, path, &root) : -ENOMEM;
	looker_leave(&c->slot[0]);
	t.root = root.fd;
	error = error ? error : prepare(&t);
	if (!error) {
		run_threads(&t);
		error = check_root(c, path, &root);
		error = error ? error : atomic_load(&t.error);
	}
	if (!error)
		tell_gone(&t);
	looker_leave(&c->slot[0]);
	tell_tree(&t, &root, error);
	if (root.fd >= 0)
		close(root.fd);
	free(t.known);
	vec_clear(&t.stack);
	vec_clear(&t.gone);
	buf_reset(&c->known_paths);
	c->known_mtimes.len = 0;
}
