/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Threads take directories from one stack (last in, first out: neighbours stay near in time) and
 * put what they find below back on it.  When the stack is long a thread goes down by itself
 * instead, so that a folder with a million folders costs no memory.  A directory whose (device,
 * inode) is among its own ancestors is a loop made by a bind mount and is not entered.
 */
#include "indexer/discover/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/thread.h"
#include "common/vec.h"
#include "indexer/frame.h"

enum {
	STACK_LONG = 4096,
	DEPTH_INLINE = 200,
	SLOTS = 512,
	GETDENTS = 32768,
	FLUSH = 24576,
};

/** An ancestor; shared by the directories below it. */
struct link {
	dev_t device;
	ino_t inode;
	_Atomic int refs;
	struct link *up;
};

struct todo {
	char *path;
	struct link *up;
};

/** A directory some chunk of which is out. */
struct slot {
	uint64_t dir;
	int fd;
	/** Chunks out, plus one while the walker still lists it. */
	int uses;
};

struct walk {
	struct walk_options o;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	VEC(struct todo) stack;
	int working;
	int out;
	uint64_t next_dir;
	struct slot slot[SLOTS];
	/* --- */
	_Atomic bool is_stopped;
	_Atomic uint64_t busy_ns;
	uint64_t scan;
};

/** What one thread uses. */
struct walker {
	struct walk *w;
	struct buf frames;
	/** For lists at depth 0; what goes down inline makes its own. */
	struct buf entries;
	char dents[GETDENTS] __attribute__((aligned(8)));
};

/** One chunk of a list that is being made. */
struct list {
	struct walker *me;
	const char *path;
	uint64_t dir;
	int fd;
	uint32_t flags, count;
	/** The entries, as they go into the frame. */
	struct buf *entries, own;
	struct link *link;
	int depth;
};

/* --- ancestors --- */

static void link_put(struct link *l)
{
	while (l && atomic_fetch_sub(&l->refs, 1) == 1) {
		struct link *up = l->up;
		free(l);
		l = up;
	}
}

static struct link *link_get(struct link *l)
{
	if (l)
		atomic_fetch_add(&l->refs, 1);
	return l;
}

/** NULL with ELOOP when the directory is its own ancestor. */
static struct link *link_new(struct link *up, const struct stat *st)
{
	for (const struct link *l = up; l; l = l->up)
		if (l->device == st->st_dev && l->inode == st->st_ino) {
			errno = ELOOP;
			return NULL;
		}
	struct link *l = malloc(sizeof *l);
	if (!l)
		return NULL;
	*l = (struct link){st->st_dev, st->st_ino, 1, link_get(up)};
	return l;
}

/* --- what is out --- */

static int flush(struct walker *me)
{
	int r = me->frames.len ? me->w->o.send(me->w->o.arg, &me->frames) : 0;
	buf_reset(&me->frames);
	if (r < 0)
		walk_stop(me->w);
	return r;
}

static int take_slot(struct walker *me, int fd, uint64_t *dir)
{
	struct walk *w = me->w;
	LOCKED(&w->lock);
	while (!atomic_load(&w->is_stopped)) {
		for (int i = 0; i < SLOTS; i++) {
			if (w->slot[i].uses)
				continue;
			*dir = ++w->next_dir * SLOTS + (uint64_t)i;
			w->slot[i] = (struct slot){*dir, fd, 1};
			return 0;
		}
		pthread_cond_wait(&w->changed, &w->lock);
	}
	return -ECANCELED;
}

static bool is_out(const struct walk *w, uint64_t dir)
{
	const struct slot *slot = &w->slot[dir % SLOTS];
	return slot->dir == dir && slot->uses > 0;
}

/** Gives back one use; returns the descriptor to close at the last, else -1. */
static int drop_use(struct walk *w, uint64_t dir)
{
	struct slot *slot = &w->slot[dir % SLOTS];
	if (!is_out(w, dir) || --slot->uses)
		return -1;
	return take_fd(slot->fd);
}

void walk_answer(struct walk *w, uint64_t dir)
{
	_close_ int fd = -1;
	LOCKED(&w->lock);
	/* an answer to a chunk of a scan that was stopped comes too late to count */
	if (is_out(w, dir))
		w->out--;
	fd = drop_use(w, dir);
	pthread_cond_broadcast(&w->changed);
}

int walk_dir(struct walk *w, uint64_t dir)
{
	LOCKED(&w->lock);
	return is_out(w, dir) ? w->slot[dir % SLOTS].fd : -1;
}

/** Waits for the credit of one more chunk. */
static int take_credit(struct walker *me, uint64_t dir)
{
	struct walk *w = me->w;
	LOCKED(&w->lock);
	if (w->out >= WALK_CREDIT) {
		pthread_mutex_unlock(&w->lock);
		int r = flush(me);
		pthread_mutex_lock(&w->lock);
		if (r < 0)
			return r;
	}
	while (w->out >= WALK_CREDIT && !atomic_load(&w->is_stopped))
		pthread_cond_wait(&w->changed, &w->lock);
	if (atomic_load(&w->is_stopped))
		return -ECANCELED;
	w->out++;
	w->slot[dir % SLOTS].uses++;
	return 0;
}

static int send_chunk(struct list *l, int error)
{
	int r = take_credit(l->me, l->dir);
	if (r < 0)
		return r;
	struct buf *out = &l->me->frames;
	size_t start = frame_begin(out, FRAME_LIST);
	frame_u64(out, l->me->w->scan);
	frame_u64(out, l->dir);
	frame_u32(out, l->flags);
	frame_u32(out, (uint32_t)error);
	frame_bytes(out, l->path, strlen(l->path));
	frame_u32(out, l->count);
	buf_add(out, buf_str(l->entries), l->entries->len);
	frame_end(out, start);
	buf_reset(l->entries);
	l->count = 0;
	l->flags &= ~(uint32_t)LIST_FIRST;
	return out->len >= FLUSH ? flush(l->me) : 0;
}

/* --- one directory --- */

static int open_below(int root, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
	return (int)fd;
}

static int add_entry(struct list *l, const char *name, unsigned type, const struct statx *st)
{
	struct buf *e = l->entries;
	frame_u32(e, type);
	frame_u64(e, st->stx_size);
	frame_u64(e, (uint64_t)(st->stx_mtime.tv_sec * NS_PER_S + st->stx_mtime.tv_nsec));
	frame_u64(e, (uint64_t)(st->stx_ctime.tv_sec * NS_PER_S + st->stx_ctime.tv_nsec));
	frame_u64(e, st->stx_ino);
	frame_bytes(e, name, strlen(name));
	return ++l->count == WALK_CHUNK ? send_chunk(l, 0) : 0;
}

static int list_directory(struct walker *me, const char *path, struct link *up, int depth);

static int go_down(struct list *l, const char *name)
{
	struct walk *w = l->me->w;
	char *path = NULL;
	if (asprintf(&path, "%s%s%s", l->path, *l->path ? "/" : "", name) < 0)
		return -ENOMEM;
	_free_ char *owned = path;
	{
		LOCKED(&w->lock);
		if (w->stack.len < STACK_LONG || l->depth >= DEPTH_INLINE) {
			struct todo *t = vec_add(&w->stack);
			if (!t)
				return -ENOMEM;
			*t = (struct todo){take(owned), link_get(l->link)};
			pthread_cond_signal(&w->changed);
			return 0;
		}
	}
	return list_directory(l->me, path, l->link, l->depth + 1);
}

static int visit(struct list *l, const struct dirent64 *d)
{
	const struct walk_options *o = &l->me->w->o;
	const char *name = d->d_name;
	if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
		return 0;
	size_t len = strlen(name);
	if (d->d_type == DT_LNK || ignore_matches(o->ignore, name, len))
		return 0;
	bool wanted = o->wants(o->arg, name, len);
	if (d->d_type == DT_REG && !wanted) {
		l->flags |= ignore_is_cover(name) ? LIST_COVER : 0;
		return 0;
	}
	if (d->d_type != DT_DIR && d->d_type != DT_UNKNOWN && !wanted)
		return 0;
	struct statx st = {0};
	mode_t type = d->d_type == DT_DIR ? S_IFDIR : 0;
	if (type != S_IFDIR || wanted) {
		if (syscall(SYS_statx, l->fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			    STATX_BASIC_STATS, &st) < 0)
			return errno == ENOENT ? 0 : add_entry(l, name, ENTRY_UNKNOWN, &st);
		type = st.stx_mode & S_IFMT;
	}
	if (type == S_IFLNK)
		return 0;
	int r = wanted ? add_entry(l, name, type == S_IFREG ? ENTRY_FILE : IFTODT(type), &st) : 0;
	return r == 0 && type == S_IFDIR ? go_down(l, name) : r;
}

static int read_entries(struct list *l)
{
	/* the thread's buffer is shared with what goes down inline: entries are copied out first */
	_free_ char *mine = NULL;
	char *dents = l->me->dents;
	if (l->depth > 0) {
		mine = malloc(GETDENTS);
		dents = mine;
		if (!mine)
			return -ENOMEM;
	}
	for (;;) {
		long n = syscall(SYS_getdents64, l->fd, dents, GETDENTS);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (long at = 0; at < n;) {
			const struct dirent64 *d = (const struct dirent64 *)(dents + at);
			int r = visit(l, d);
			if (r < 0)
				return r;
			at += d->d_reclen;
		}
		if (atomic_load(&l->me->w->is_stopped))
			return -ECANCELED;
	}
}

static int open_list(struct list *l, struct link *up)
{
	struct stat st;
	l->fd = open_below(l->me->w->o.root, l->path, O_RDONLY | O_DIRECTORY);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return -errno;
	l->link = link_new(up, &st);
	return l->link ? 0 : -errno;
}

/** Lists one directory; its own errors go out with its list, only ends of the walk return. */
static int list_directory(struct walker *me, const char *path, struct link *up, int depth)
{
	struct list l = {
		.me = me, .path = path, .fd = -1, .flags = LIST_FIRST, .depth = depth,
		.own = BUF_INIT(1 << 20),
	};
	l.entries = depth ? &l.own : &me->entries;
	buf_reset(l.entries);
	int error = open_list(&l, up);
	if (error == -ELOOP) {
		close(l.fd);
		return 0;
	}
	int r = take_slot(me, l.fd, &l.dir);
	if (r < 0) {
		if (l.fd >= 0)
			close(l.fd);
		link_put(l.link);
		return r;
	}
	if (error == 0)
		error = read_entries(&l);
	r = error == -ECANCELED ? error : 0;
	if (r == 0) {
		l.flags |= LIST_LAST;
		r = send_chunk(&l, error);
	}
	buf_clear(&l.own);
	link_put(l.link);
	_close_ int fd = -1;
	LOCKED(&me->w->lock);
	fd = drop_use(me->w, l.dir);
	pthread_cond_broadcast(&me->w->changed);
	return r;
}

/* --- threads --- */

/** The next directory, or false when no thread will ever add one. */
static bool next_todo(struct walker *me, struct todo *t)
{
	struct walk *w = me->w;
	LOCKED(&w->lock);
	w->working--;
	while (!w->stack.len && w->working > 0 && !atomic_load(&w->is_stopped)) {
		if (me->frames.len) {
			pthread_mutex_unlock(&w->lock);
			flush(me);
			pthread_mutex_lock(&w->lock);
			continue;
		}
		pthread_cond_wait(&w->changed, &w->lock);
	}
	if (!w->stack.len || atomic_load(&w->is_stopped)) {
		pthread_cond_broadcast(&w->changed);
		return false;
	}
	*t = w->stack.data[--w->stack.len];
	w->working++;
	return true;
}

static void *walker_main(void *arg)
{
	struct walk *w = arg;
	struct walker *me = calloc(1, sizeof *me);
	if (!me)
		return NULL;
	me->w = w;
	me->frames = BUF_INIT(FRAME_MAX);
	me->entries = BUF_INIT(1 << 20);
	struct todo t;
	while (next_todo(me, &t)) {
		int64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		list_directory(me, t.path, t.up, 0);
		atomic_fetch_add(&w->busy_ns, (uint64_t)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start));
		free(t.path);
		link_put(t.up);
	}
	flush(me);
	buf_clear(&me->frames);
	buf_clear(&me->entries);
	free(me);
	return NULL;
}

static void drop_stack(struct walk *w)
{
	for (size_t i = 0; i < w->stack.len; i++) {
		free(w->stack.data[i].path);
		link_put(w->stack.data[i].up);
	}
	w->stack.len = 0;
}

/** Chunks of a stopped scan will not be answered. */
static void forget_slots(struct walk *w)
{
	for (int i = 0; i < SLOTS; i++) {
		if (w->slot[i].uses && w->slot[i].fd >= 0)
			close(w->slot[i].fd);
		w->slot[i].uses = 0;
	}
	w->out = 0;
}

int walk_run(struct walk *w, uint64_t scan, const char *path)
{
	enum { MOST = 16 };
	struct thread thread[MOST] = {0};
	int n = w->o.threads < 1 ? 1 : w->o.threads > MOST ? MOST : w->o.threads;
	{
		LOCKED(&w->lock);
		drop_stack(w);
		forget_slots(w);
		struct todo *t = vec_add(&w->stack);
		if (!t)
			return -ENOMEM;
		*t = (struct todo){strdup(path), NULL};
		w->scan = scan;
		w->working = n;
	}
	atomic_store(&w->busy_ns, 0);
	for (int i = 0; i < n; i++) {
		char name[24];
		snprintf(name, sizeof name, "walk %d", i);
		if (thread_start(&thread[i], name, walker_main, w) < 0) {
			LOCKED(&w->lock);
			w->working--;
		}
	}
	for (int i = 0; i < n; i++)
		thread_join(&thread[i]);
	return atomic_load(&w->is_stopped) ? -ECANCELED : 0;
}

void walk_stop(struct walk *w)
{
	atomic_store(&w->is_stopped, true);
	LOCKED(&w->lock);
	pthread_cond_broadcast(&w->changed);
}

uint64_t walk_busy_ns(const struct walk *w)
{
	return atomic_load(&w->busy_ns);
}

int walk_new(const struct walk_options *options, struct walk **out)
{
	struct walk *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->o = *options;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	*out = w;
	return 0;
}

void walk_free(struct walk *w)
{
	if (!w)
		return;
	drop_stack(w);
	forget_slots(w);
	vec_clear(&w->stack);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
