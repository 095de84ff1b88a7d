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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/dirsum.h"
#include "indexer/beneath.h"
#include "indexer/discover/pictures.h"
#include "indexer/discover/walk_private.h"
#include "indexer/frame.h"

/** One chunk of a list that is being made. */
struct list {
	struct walker *me;
	const char *path;
	uint64_t dir;
	int fd;
	uint32_t flags, count, heads, files;
	/** The entries, as they go into the frame. */
	struct buf *entries, own;
	/** Names of folders that may be volumes, each with a NUL behind. */
	struct buf folders;
	struct link *link;
	int depth;
	bool is_shallow, has_files;
	/** Of the files so far (dirsum.h), while all of it is comparable: is_plain. */
	uint64_t sum, bytes;
	bool is_plain;
	/** The picture that stands for the folder so far; "". */
	char cover[NAME_MAX + 1];
};

/* --- what is out --- */

int walk_flush(struct walker *me)
{
	/* before they can come back */
	atomic_fetch_add(&me->w->heads_out, me->heads);
	int r = me->frames.len ? me->w->o.send(me->w->o.arg, &me->frames) : 0;
	me->waits += me->frames.len != 0;
	me->chunks = me->heads = 0;
	buf_reset(&me->frames);
	me->flushed_at = mono_tick_ns();
	if (r < 0)
		walk_stop(me->w);
	return r;
}

/** Many frames in one write, but so that they are heard of that wait for them: a disk may be slow. */
static int flush_when_due(struct walker *me)
{
	const int64_t pause = NS_PER_S / 2;
	bool is_much = me->frames.len >= FLUSH || me->chunks >= me->most_chunks || me->heads >= me->most_heads;
	return is_much || mono_tick_ns() - me->flushed_at > pause ? walk_flush(me) : 0;
}

static int take_slot(struct walker *me, uint64_t *dir)
{
	struct walk *w = me->w;
	atomic_store_explicit(me->since, 0, memory_order_relaxed);
	WALK_LOCKED(me);
	if (!w->free_dirs) {
		pthread_mutex_unlock(&w->lock);
		walk_flush(me);
		pthread_mutex_lock(&w->lock);
	}
	while (!w->free_dirs && !atomic_load(&w->is_stopped))
		walk_wait_room(me);
	if (atomic_load(&w->is_stopped))
		return -ECANCELED;
	int i = w->free_dir[--w->free_dirs];
	*dir = ++w->next_dir * SLOTS + (uint64_t)i;
	w->slot[i] = (struct slot){*dir, 1};
	return 0;
}

static bool is_out(const struct walk *w, uint64_t dir)
{
	const struct slot *slot = &w->slot[dir % SLOTS];
	return slot->dir == dir && slot->uses > 0;
}

static void drop_use(struct walk *w, uint64_t dir)
{
	if (is_out(w, dir) && --w->slot[dir % SLOTS].uses == 0)
		w->free_dir[w->free_dirs++] = (uint16_t)(dir % SLOTS);
}

void walk_answer(struct walk *w, uint64_t dir)
{
	LOCKED(&w->lock);
	/* an answer to a chunk of a scan that was stopped comes too late to count */
	if (is_out(w, dir))
		w->out--;
	drop_use(w, dir);
	walk_tell_room(w);
}

/** Waits for the credit of one more chunk. */
static int take_credit(struct walker *me, uint64_t dir)
{
	struct walk *w = me->w;
	/* what it waits for now is not the disk */
	atomic_store_explicit(me->since, 0, memory_order_relaxed);
	WALK_LOCKED(me);
	if (w->out >= WALK_CREDIT) {
		pthread_mutex_unlock(&w->lock);
		int r = walk_flush(me);
		pthread_mutex_lock(&w->lock);
		if (r < 0)
			return r;
	}
	while (w->out >= WALK_CREDIT && !atomic_load(&w->is_stopped))
		walk_wait_room(me);
	if (atomic_load(&w->is_stopped))
		return -ECANCELED;
	w->out++;
	w->slot[dir % SLOTS].uses++;
	me->most_chunks = walk_share(w, WALK_CREDIT / 2);
	me->most_heads = walk_share(w, w->slots / 2);
	return 0;
}

static int send_chunk(struct list *l, int error)
{
	int r = take_credit(l->me, l->dir);
	if (r < 0)
		return r;
	struct buf *out = &l->me->frames;
	size_t start = frame_begin(out, FRAME_LIST);
	frame_u64(out, l->me->w->order->scan);
	frame_u64(out, l->dir);
	frame_u32(out, l->flags);
	frame_u32(out, (uint32_t)error);
	frame_bytes(out, l->path, strlen(l->path));
	frame_u32(out, l->count);
	buf_add(out, buf_str(l->entries), l->entries->len);
	frame_end(out, start);
	buf_reset(l->entries);
	l->me->chunks++;
	l->me->heads += l->heads;
	l->count = l->heads = 0;
	l->flags &= ~(uint32_t)LIST_FIRST;
	return flush_when_due(l->me);
}

_Static_assert((int)DIRSUM_FILES == (int)WALK_CHUNK, "a list of so many comes in parts");

/** Of a directory that was listed to its end: what is known of it, when that is what was found. */
static const struct known_dir *as_known(const struct list *l)
{
	static const struct known_dir without_files;
	const struct known_dirs *known = l->me->w->order->known;
	/* a head that was read is given back by who gets the list */
	if (!known || !(l->flags & LIST_FIRST) || l->flags & LIST_EMPTY || !l->is_plain || l->heads)
		return NULL;
	const struct known_dir *d = known_dirs_find(known, l->path);
	if (!l->files)
		return d ? NULL : &without_files;
	return d && d->sum == dirsum_end(l->sum) ? d : NULL;
}

/** Instead of its list. */
static int send_same(struct list *l, const struct known_dir *d)
{
	struct buf *out = &l->me->frames;
	size_t start = frame_begin(out, FRAME_SAME);
	frame_u64(out, l->me->w->order->scan);
	frame_u64(out, (uint64_t)d->row);
	frame_u32(out, l->files);
	frame_u64(out, l->bytes);
	frame_bytes(out, l->path, strlen(l->path));
	frame_end(out, start);
	return flush_when_due(l->me);
}

static int send_list(struct list *l, int error)
{
	const struct known_dir *same = error ? NULL : as_known(l);
	l->flags |= LIST_LAST;
	return same ? send_same(l, same) : send_chunk(l, error);
}

/* --- one directory --- */

int walk_open(int root, const char *path, int flags)
{
	return beneath_open(root, path, flags | O_NOFOLLOW);
}

static int64_t ns_of(const struct statx_timestamp *t)
{
	return t->tv_sec * NS_PER_S + t->tv_nsec;
}

static void sum_up(struct list *l, const struct dirsum_file *f, unsigned type)
{
	l->is_plain &= type == ENTRY_FILE || type == ENTRY_COVER;
	if (!l->me->w->order->known || !l->is_plain)
		return;
	l->sum += type == ENTRY_FILE ? dirsum_of_file(f) : dirsum_of_cover(f->name, f->n);
	l->bytes += (uint64_t)f->size;
}

static void put_entry(struct list *l, const char *name, unsigned type, const struct statx *st, uint64_t ticket)
{
	struct buf *e = l->entries;
	const struct dirsum_file f = {
		.name = name, .n = strlen(name), .size = (int64_t)st->stx_size, .mtime = ns_of(&st->stx_mtime),
		.ctime = ns_of(&st->stx_ctime), .inode = (int64_t)st->stx_ino,
		.btime = st->stx_mask & STATX_BTIME ? ns_of(&st->stx_btime) : 0,
	};
	sum_up(l, &f, type);
	frame_u32(e, type);
	frame_u64(e, (uint64_t)f.size);
	frame_u64(e, (uint64_t)f.mtime);
	frame_u64(e, (uint64_t)f.ctime);
	frame_u64(e, (uint64_t)f.inode);
	frame_u64(e, (uint64_t)f.btime);
	frame_u32(e, st->stx_nlink);
	frame_u64(e, ticket);
	frame_bytes(e, f.name, f.n);
	l->count++;
	l->heads += ticket != 0;
	l->files += type == ENTRY_FILE;
}

static int add_entry(struct list *l, const char *name, unsigned type, const struct statx *st, uint64_t ticket)
{
	put_entry(l, name, type, st, ticket);
	return l->count == WALK_CHUNK || l->heads == BATCH_MAX ? send_chunk(l, 0) : 0;
}

uint32_t walk_slice(const char *name, size_t n, uint32_t slices)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return slices ? h % slices : 0;
}

/** As the name says what it is. */
static int look(struct list *l, const char *name, struct statx *st)
{
	l->me->tries++;
	if (syscall(SYS_statx, l->fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		    STATX_BASIC_STATS | STATX_BTIME, st) < 0)
		return -errno;
	return 0;
}

/** A file by its name, that of a media file. */
static int add_file(struct list *l, const char *name, const struct statx *st, uint64_t ticket)
{
	mode_t type = st->stx_mode & S_IFMT;
	if (type == S_IFLNK)
		return 0;
	l->has_files = l->has_files || type == S_IFREG;
	return add_entry(l, name, type == S_IFREG ? ENTRY_FILE : IFTODT(type), st, ticket);
}

/** Reads the heads that are ahead, and puts their files into the list. */
static int read_ahead(struct list *l)
{
	struct walker *me = l->me;
	int r = 0;
	if (!me->aheads)
		return 0;
	walk_read_heads(me);
	/* in the list or not: what was read is in hand no more */
	uint32_t n = me->aheads;
	me->aheads = 0;
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = add_file(l, me->ahead[i].name, &me->ahead[i].st, me->ahead[i].ticket);
	return r;
}

/** A slot for a head; -ECANCELED when the walk is over. */
static int wait_head(struct list *l, uint32_t *slot)
{
	while (walk_take_head(l->me, slot) < 0) {
		bool has_ahead = l->me->aheads > 0;
		int r = has_ahead ? read_ahead(l) : l->heads ? send_chunk(l, 0) : 0;
		if (r == 0 && !has_ahead)
			r = walk_wait_head(l->me);
		if (r < 0)
			return -ECANCELED;
	}
	return 0;
}

/** A file whose head is read soon.  1: it cannot be opened. */
static int look_inside(struct list *l, const char *name, const struct reach *reach)
{
	uint32_t slot;
	const struct walk_file file = {l->fd, name, reach};
	int r = wait_head(l, &slot);
	if (r < 0)
		return r;
	if (!walk_open_head(l->me, slot, &file))
		return 1;
	return l->me->aheads >= l->me->most_ahead ? read_ahead(l) : 0;
}

static int by_text(const void *key, const void *at)
{
	return strcmp(key, *(char *const *)at);
}

static bool is_skipped(const struct list *l, const char *name, const char *path)
{
	const struct walk_order *o = l->me->w->order;
	if (o->slices && !*l->path && walk_slice(name, strlen(name), o->slices) != o->slice)
		return true;
	return o->skips && bsearch(path, o->skip, o->skips, sizeof *o->skip, by_text);
}

static int go_down(struct list *l, const char *name)
{
	struct walk *w = l->me->w;
	char *path = NULL;
	if (asprintf(&path, "%s%s%s", l->path, *l->path ? "/" : "", name) < 0)
		return -ENOMEM;
	_free_ char *owned = path;
	if (is_skipped(l, name, path))
		return 0;
	/* a folder in the root is a series */
	if (w->o.has_pictures && *l->path)
		buf_add(&l->folders, name, strlen(name) + 1);
	if (l->is_shallow)
		return 0;
	{
		WALK_LOCKED(l->me);
		/* each level inline holds a directory: if all were held so, everybody would wait for one */
		if (w->stack.len < STACK_LONG || l->depth >= DEPTH_INLINE || w->free_dirs < SLOTS / 2) {
			struct todo *t = vec_add(&w->stack);
			if (!t)
				return -ENOMEM;
			*t = (struct todo){take(owned), walk_get_link(l->link), false};
			pthread_cond_signal(&w->more);
			return 0;
		}
	}
	/* below, somebody may wait for what is still in this list */
	int r = read_ahead(l);
	if (r == 0 && l->heads)
		r = send_chunk(l, 0);
	if (r < 0)
		return r;
	const struct todo below = {path, l->link, false};
	return walk_directory(l->me, &below, l->depth + 1);
}

static void note_picture(struct list *l, const char *name)
{
	if (!ignore_is_cover(name))
		return;
	l->flags |= LIST_COVER;
	if (!*l->cover || ignore_is_better_cover(name, l->cover))
		snprintf(l->cover, sizeof l->cover, "%s", name);
}

/** What has no head: a directory, or a file that is only looked at.  @hint: d_type. */
static int visit_entry(struct list *l, const char *name, unsigned char hint, bool wanted)
{
	struct statx st = {0};
	mode_t type = S_IFDIR;
	if (hint != DT_DIR || wanted) {
		int e = look(l, name, &st);
		if (e < 0)
			return e == -ENOENT ? 0 : add_entry(l, name, ENTRY_UNKNOWN, &st, 0);
		type = st.stx_mode & S_IFMT;
	}
	int r = wanted ? add_file(l, name, &st, 0) : 0;
	return r == 0 && type == S_IFDIR ? go_down(l, name) : r;
}

static int visit(struct list *l, const struct dirent64 *d)
{
	const struct walk_options *o = &l->me->w->o;
	const char *name = d->d_name;
	if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
		return 0;
	l->flags &= ~(uint32_t)LIST_EMPTY;
	size_t len = strlen(name);
	if (d->d_type == DT_LNK || ignore_matches(o->ignore, name, len))
		return 0;
	bool wanted = o->wants(o->arg, name, len);
	if (d->d_type == DT_REG && !wanted) {
		note_picture(l, name);
		return 0;
	}
	if (d->d_type != DT_DIR && d->d_type != DT_UNKNOWN && !wanted)
		return 0;
	if (++l->me->looks % LOOKS_BETWEEN == 0)
		walk_grow(l->me);
	const struct reach *reach = d->d_type == DT_REG && o->heads ? o->reach(o->arg, name, len) : NULL;
	int r = reach ? look_inside(l, name, reach) : 1;
	return r <= 0 ? r : visit_entry(l, name, d->d_type, wanted);
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
		atomic_store_explicit(l->me->since, mono_tick_ns(), memory_order_relaxed);
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
		/* the names go with the next ones */
		int r = read_ahead(l);
		if (r < 0)
			return r;
		if (atomic_load(&l->me->w->is_stopped))
			return -ECANCELED;
	}
}

/** With no archive beside them, folders of pictures are volumes. */
static int add_folders(struct list *l)
{
	const char *name = buf_str(&l->folders), *end = name + l->folders.len;
	for (; name < end && !l->has_files; name += strlen(name) + 1) {
		struct statx st;
		atomic_store_explicit(l->me->since, mono_tick_ns(), memory_order_relaxed);
		if (!pictures_are_all(l->fd, name) ||
		    syscall(SYS_statx, l->fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			    STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
			continue;
		/* the sizes of pictures are not asked for */
		st.stx_size = 0;
		st.stx_nlink = 1;
		int r = add_entry(l, name, ENTRY_FILE, &st, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/** In the last chunk, which has room: a full one is sent at once. */
static void put_cover(struct list *l)
{
	static const struct statx none;
	if (l->has_files && *l->cover)
		put_entry(l, l->cover, ENTRY_COVER, &none, 0);
}

static int open_list(struct list *l, struct link *up, struct stat *st)
{
	const struct walk_options *o = &l->me->w->o;
	l->fd = walk_open(o->root, l->path, O_RDONLY | O_DIRECTORY);
	if (l->fd < 0 || fstat(l->fd, st) < 0)
		return -errno;
	l->link = walk_new_link(up, st);
	if (!l->link)
		return -errno;
	if (o->enter)
		l->link->watch = o->enter(o->arg, l->fd, up ? up->watch : 0, l->path, st);
	return 0;
}

static void close_list(struct list *l)
{
	if (l->fd >= 0)
		close(l->fd);
	buf_clear(&l->own);
	buf_clear(&l->folders);
	walk_put_link(l->link);
}

/** What was watched from before it was listed is told by its events; the rest has to be compared. */
static void check_again(const struct list *l, const struct stat *before)
{
	const struct walk_options *o = &l->me->w->o;
	struct stat st;
	if (o->moved_on && !l->link->watch && fstat(l->fd, &st) == 0 &&
	    (st.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	     st.st_mtim.tv_nsec != before->st_mtim.tv_nsec))
		o->moved_on(o->arg, l->path);
}

int walk_directory(struct walker *me, const struct todo *t, int depth)
{
	struct stat st;
	struct list l = {
		.me = me, .path = t->path, .fd = -1, .depth = depth, .own = BUF_INIT(1 << 20),
		.folders = BUF_INIT(1 << 20),
		.flags = LIST_FIRST | LIST_EMPTY | (t->is_shallow ? LIST_SHALLOW : 0),
		.is_shallow = t->is_shallow, .is_plain = true,
	};
	l.entries = depth ? &l.own : &me->entries;
	buf_reset(l.entries);
	atomic_store_explicit(me->since, mono_tick_ns(), memory_order_relaxed);
	int error = open_list(&l, t->up, &st);
	if (error == -ELOOP) {
		atomic_store_explicit(me->since, 0, memory_order_relaxed);
		close_list(&l);
		return 0;
	}
	int r = take_slot(me, &l.dir);
	if (r < 0) {
		close_list(&l);
		return r;
	}
	if (error == 0)
		error = read_entries(&l);
	walk_drop_heads(me);
	if (error == 0)
		error = add_folders(&l);
	if (error == 0) {
		put_cover(&l);
		check_again(&l, &st);
	} else {
		l.flags &= ~(uint32_t)LIST_EMPTY;
	}
	atomic_store_explicit(me->since, 0, memory_order_relaxed);
	r = error == -ECANCELED ? error : 0;
	if (r == 0)
		r = send_list(&l, error);
	close_list(&l);
	WALK_LOCKED(me);
	drop_use(me->w, l.dir);
	walk_tell_room(me->w);
	return r;
}
