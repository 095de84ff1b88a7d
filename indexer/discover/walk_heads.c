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
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/heads.h"

/** A file that is being read. */
struct source {
	int fd;
	uint64_t size;
	const struct reach *reach;
	uint8_t *bytes;
	/** Of @bytes. */
	uint32_t used;
	struct head head;
};

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
	uint32_t share = walk_share(w, w->slots / 4), n = share < GRAB ? share : GRAB;
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

/** @n bytes at @at as the next piece.  False when they are not there. */
static bool read_piece(struct source *s, uint64_t at, uint64_t n)
{
	if (at > s->size || n > s->size - at || n > HEAD_SIZE - s->used)
		return false;
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(s->fd, s->bytes + s->used + done, n - done, (off_t)(at + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	s->head.piece[s->head.pieces++] = (struct head_piece){at, (uint32_t)n};
	s->used += (uint32_t)n;
	return true;
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

/** All pieces; false when the file is not as long as it was, or cannot be read. */
static bool read_pieces(struct source *s)
{
	uint64_t start = s->size < HEAD_START ? s->size : HEAD_START;
	if (!read_piece(s, 0, start))
		return false;
	uint64_t tail = tail_of(s, start);
	uint64_t middle = s->reach->behind ? s->reach->behind(s->bytes, start, s->size) : 0;
	if (middle >= start && middle < tail) {
		uint64_t n = tail - middle < s->reach->middle ? tail - middle : s->reach->middle;
		if (!read_piece(s, middle, n))
			return false;
	}
	return tail == s->size || read_piece(s, tail, s->size - tail);
}

/** Opens the file; what it is is asked of the descriptor, so that its bytes belong to it. */
static int open_source(int dir, const char *name, struct statx *st)
{
	_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, st) < 0)
		return -1;
	return take_fd(fd);
}

uint64_t walk_seal_head(struct heads *heads, uint32_t slot, int fd, const struct reach *reach,
			const struct statx *st)
{
	struct source s = {
		.fd = fd, .size = st->stx_size, .reach = reach, .bytes = heads_begin(heads, slot),
		.head = {.size = st->stx_size, .mtime = st->stx_mtime.tv_sec, .ctime = st->stx_ctime.tv_sec},
	};
	return read_pieces(&s) ? heads_seal(heads, slot, &s.head) : 0;
}

bool walk_head(struct walker *me, uint32_t slot, const struct walk_file *f, struct statx *st,
	       uint64_t *ticket)
{
	struct walk *w = me->w;
	*ticket = 0;
	atomic_store_explicit(me->since, mono_ns(), memory_order_relaxed);
	_close_ int fd = open_source(f->dir, f->name, st);
	if (fd >= 0 && S_ISREG(st->stx_mode)) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
		*ticket = walk_seal_head(w->o.heads, slot, fd, f->reach, st);
	}
	if (*ticket)
		atomic_store(&w->ticket[slot], *ticket);
	else
		me->slot[me->slots++] = (uint16_t)slot;
	return fd >= 0;
}
