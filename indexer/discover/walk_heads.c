/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Reads the heads of music files while they are listed (see heads.h).
 *
 * Slots that are out come back by walk_give_back().  Whoever waits for one has sent all lists before,
 * so what is out is always in hands that give it back.
 */
#include "indexer/discover/walk_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/heads.h"

void walk_fill_slots(struct walk *w)
{
	w->free_slots = w->slots = 0;
	/* the first comes first, and the last used is used again: little memory is ever touched */
	uint32_t most = w->o.slots > 0 && w->o.slots < HEADS_SLOTS ? (uint32_t)w->o.slots : HEADS_SLOTS;
	for (uint32_t i = most; w->o.heads && i-- > 0;) {
		atomic_store_explicit(&w->ticket[i], 0, memory_order_relaxed);
		w->free_slot[w->free_slots++] = (uint16_t)i;
	}
	w->slots = w->free_slots;
	atomic_store(&w->heads_out, 0);
}

/** Several at a time, but so that there are some for each thread. */
static void grab_slots(struct walker *me)
{
	struct walk *w = me->w;
	WALK_LOCKED(me);
	uint32_t share = walk_share(w, w->slots / 2), n = share < GRAB ? share : GRAB;
	me->most_ahead = n < (uint32_t)w->o.ahead ? n : (uint32_t)w->o.ahead;
	while (me->slots < n && w->free_slots)
		me->slot[me->slots++] = w->free_slot[--w->free_slots];
}

int walk_take_head(struct walker *me, uint32_t *slot)
{
	if (!me->slots)
		grab_slots(me);
	if (!me->slots)
		return -EAGAIN;
	*slot = me->slot[--me->slots];
	return 0;
}

void walk_put_slots(struct walker *me)
{
	struct walk *w = me->w;
	while (me->slots)
		w->free_slot[w->free_slots++] = me->slot[--me->slots];
}

int walk_wait_head(struct walker *me)
{
	struct walk *w = me->w;
	int r = walk_flush(me);
	if (r < 0)
		return r;
	/* what it waits for now is not the disk */
	atomic_store_explicit(me->since, 0, memory_order_relaxed);
	WALK_LOCKED(me);
	while (!w->free_slots && !atomic_load(&w->is_stopped))
		walk_wait_room(me);
	return atomic_load(&w->is_stopped) ? -ECANCELED : 0;
}

void walk_give_back(struct walk *w, const uint64_t *ticket, size_t n)
{
	LOCKED(&w->lock);
	for (size_t i = 0; i < n; i++) {
		uint32_t slot = heads_slot(ticket[i]);
		uint64_t is = ticket[i];
		if (!is || !atomic_compare_exchange_strong(&w->ticket[slot], &is, 0))
			continue;
		w->free_slot[w->free_slots++] = (uint16_t)slot;
		atomic_fetch_sub(&w->heads_out, 1);
	}
	walk_tell_room(w);
}

/** The next piece of a file: where its bytes go. */
struct wish {
	struct source *of;
	uint8_t *to;
	struct head_piece piece;
};

/** What is asked of the disk together; two pieces of each file at most. */
struct round {
	struct wish wish[2 * AHEAD];
	size_t n;
};

/** @n bytes at @at. */
static void ask(struct round *all, struct source *s, uint64_t at, uint64_t n)
{
	if (s->is_lost || at > s->size || n > s->size - at || n > HEAD_SIZE - s->used) {
		s->is_lost = true;
		return;
	}
	const struct head_piece piece = {at, (uint32_t)n};
	/* of no bytes all would be meant */
	if (n)
		all->wish[all->n++] = (struct wish){s, s->bytes + s->used, piece};
	s->head.piece[s->head.pieces++] = piece;
	s->used += piece.n;
}

static bool read_piece(int fd, uint8_t *to, const struct head_piece *p)
{
	for (size_t done = 0; done < p->n;) {
		ssize_t got = pread(fd, to + done, p->n - done, (off_t)(p->at + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/** Who waits for what, and how. */
struct patience {
	/** Since when it waits for the disk: each read is a wait of its own.  NULL: nobody looks. */
	_Atomic int64_t *since;
	/** Of all reads before the first is waited for, so that they are done side by side; costs time where nothing waits. */
	bool tells_disk;
};

static void begin_wait(const struct patience *p)
{
	if (p->since)
		atomic_store_explicit(p->since, mono_tick_ns(), memory_order_relaxed);
}

static void get(struct round *all, const struct patience *p)
{
	if (!all->n)
		return;
	begin_wait(p);
	for (size_t i = 0; i < all->n && p->tells_disk && all->n > 1; i++)
		posix_fadvise(all->wish[i].of->fd, (off_t)all->wish[i].piece.at, all->wish[i].piece.n, POSIX_FADV_WILLNEED);
	for (size_t i = 0; i < all->n; i++) {
		struct wish *w = &all->wish[i];
		begin_wait(p);
		w->of->is_lost = w->of->is_lost || !read_piece(w->of->fd, w->to, &w->piece);
	}
	all->n = 0;
}

/** Where the last bytes begin that are read; the file's size when none are. */
static uint64_t tail_of(const struct source *s, uint64_t start)
{
	bool is_needed = !s->reach->is_tail_of_fresh ||
			 incomplete_is_fresh(time(NULL), s->head.mtime, s->head.ctime);
	uint64_t n = s->reach->tail;
	if (!is_needed || s->size == start)
		return s->size;
	return s->size - start > n ? s->size - n : start;
}

static uint64_t start_of(const struct source *s)
{
	return s->size < HEAD_START ? s->size : HEAD_START;
}

/** By what was read of it. */
static bool is_all(const struct source *s)
{
	struct part part[HEAD_PIECES];
	const uint8_t *bytes = s->bytes;
	for (uint32_t i = 0; i < s->head.pieces; i++) {
		const struct head_piece *p = &s->head.piece[i];
		part[i] = (struct part){bytes, p->n, p->at};
		bytes += p->n;
	}
	return s->reach->is_all && s->reach->is_all(part, s->head.pieces, s->size);
}

static void ask_tail(struct round *all, struct source *s)
{
	if (s->tail < s->size && !is_all(s))
		ask(all, s, s->tail, s->size - s->tail);
	s->tail = s->size;
}

/** What its start tells that is needed, too; not its end where that may tell that nothing stands there. */
static void ask_more(struct round *all, struct source *s)
{
	uint64_t start = start_of(s), tail = tail_of(s, start);
	uint64_t middle = s->reach->behind ? s->reach->behind(s->bytes, start, s->size) : 0;
	bool has_middle = middle >= start && middle < tail;
	s->tail = tail;
	if (has_middle)
		ask(all, s, middle, tail - middle < s->reach->middle ? tail - middle : s->reach->middle);
	if (!has_middle || !s->reach->is_all)
		ask_tail(all, s);
}

/** All pieces of several files; of those that are not as long as they were, or cannot be read: is_lost. */
static void read_sources(struct source *s, size_t n, const struct patience *p)
{
	struct round all;
	all.n = 0;
	for (size_t i = 0; i < n; i++)
		ask(&all, &s[i], 0, start_of(&s[i]));
	get(&all, p);
	for (size_t i = 0; i < n; i++)
		if (!s[i].is_lost)
			ask_more(&all, &s[i]);
	get(&all, p);
	for (size_t i = 0; i < n; i++)
		if (!s[i].is_lost)
			ask_tail(&all, &s[i]);
	get(&all, p);
}

/** Opens the file; what it is is asked of the descriptor, so that its bytes belong to it. */
static int open_source(int dir, const char *name, struct statx *st)
{
	_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, st) < 0)
		return -1;
	return take_fd(fd);
}

static struct source source_of(struct heads *heads, uint32_t slot, int fd, const struct reach *reach,
			       const struct statx *st)
{
	return (struct source){
		.fd = fd, .size = st->stx_size, .reach = reach, .bytes = heads_begin(heads, slot),
		.head = {.size = st->stx_size, .mtime = st->stx_mtime.tv_sec, .ctime = st->stx_ctime.tv_sec},
	};
}

uint64_t walk_seal_head(struct heads *heads, uint32_t slot, int fd, const struct reach *reach,
			const struct statx *st)
{
	struct source s = source_of(heads, slot, fd, reach, st);
	read_sources(&s, 1, &(const struct patience){0});
	return s.is_lost ? 0 : heads_seal(heads, slot, &s.head);
}

static bool is_slow(struct walk *w)
{
	return atomic_load_explicit(&w->is_slow, memory_order_relaxed);
}

bool walk_open_head(struct walker *me, uint32_t slot, const struct walk_file *f)
{
	struct ahead *a = &me->ahead[me->aheads];
	atomic_store_explicit(me->since, mono_tick_ns(), memory_order_relaxed);
	_close_ int fd = open_source(f->dir, f->name, &a->st);
	if (fd < 0) {
		me->slot[me->slots++] = (uint16_t)slot;
		return false;
	}
	a->name = f->name;
	a->slot = (uint16_t)slot;
	a->ticket = 0;
	struct source *s = &me->source[me->aheads++];
	*s = source_of(me->w->o.heads, slot, fd, f->reach, &a->st);
	s->is_lost = !S_ISREG(a->st.stx_mode);
	/* from where it has to be read, no more is read than is asked for */
	if (!s->is_lost && is_slow(me->w))
		posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	/* each read is one until they are done side by side */
	me->tries += !is_slow(me->w);
	take_fd(fd);
	return true;
}

/** A slot without a ticket is free again. */
static void end_ahead(struct walker *me, uint32_t i)
{
	struct ahead *a = &me->ahead[i];
	if (a->ticket)
		atomic_store(&me->w->ticket[a->slot], a->ticket);
	else
		me->slot[me->slots++] = a->slot;
}

/** A system call costs as much as much of what is done with a file. */
void walk_close_all(const struct source *s, size_t n)
{
	unsigned low = UINT_MAX, high = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned fd = (unsigned)s[i].fd;
		low = fd < low ? fd : low;
		high = fd > high ? fd : high;
	}
	/* each is there once: where there are as many as numbers, all numbers are these */
	if (n > 1 && high - low == n - 1 && close_range(low, high, 0) == 0)
		return;
	for (size_t i = 0; i < n; i++)
		close(s[i].fd);
}

static void end_all(struct walker *me)
{
	walk_close_all(me->source, me->aheads);
	for (uint32_t i = 0; i < me->aheads; i++)
		end_ahead(me, i);
}

void walk_read_heads(struct walker *me)
{
	struct walk *w = me->w;
	read_sources(me->source, me->aheads, &(const struct patience){me->since, is_slow(w)});
	me->tries += 2;
	me->batches++;
	me->read += me->aheads;
	for (uint32_t i = 0; i < me->aheads; i++) {
		const struct source *s = &me->source[i];
		me->ahead[i].ticket = s->is_lost ? 0 : heads_seal(w->o.heads, me->ahead[i].slot, &s->head);
	}
	end_all(me);
}

void walk_drop_heads(struct walker *me)
{
	end_all(me);
	me->aheads = 0;
}
