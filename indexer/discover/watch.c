/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/discover/watch.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/discover/watch_private.h"
#include "indexer/frame.h"

enum {
	/** Between two tellings of a burst. */
	TELL_MS = 20,
};

bool watch_is_remote(uint64_t fstype)
{
	static const uint32_t remote[] = {
		NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */,
		0x65735546 /* FUSE */, AFS_SUPER_MAGIC, 0x00c36400 /* Ceph */, V9FS_MAGIC,
		CODA_SUPER_MAGIC, 0x47504653 /* GPFS */, 0x0bd00bd0 /* Lustre */,
	};
	for (size_t i = 0; i < COUNT_OF(remote); i++)
		if ((uint32_t)fstype == remote[i])
			return true;
	return false;
}

/* --- the set of what is dirty --- */

static uint32_t hash_of(const char *s, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h;
}

static void clear_dirty(struct watch *w)
{
	w->dirty_count = 0;
	w->is_lost = false;
	memset(w->slot, 0, sizeof w->slot);
	buf_reset(&w->paths);
}

void watch_lose(struct watch *w)
{
	bool was_lost = w->is_lost;
	clear_dirty(w);
	w->is_lost = w->is_doubtful = true;
	w->counts.overflows += !was_lost;
	pthread_cond_broadcast(&w->changed);
}

void watch_mark(struct watch *w, const char *path, size_t n, unsigned flags)
{
	uint32_t hash = hash_of(path, n);
	size_t at = hash % DIRTY_SLOTS;
	if (w->is_lost)
		return;
	for (; w->slot[at]; at = (at + 1) % DIRTY_SLOTS) {
		struct dirty *d = &w->dirty[w->slot[at] - 1];
		if (d->hash != hash || d->len != n || memcmp(w->paths.data + d->at, path, n) != 0)
			continue;
		/* writing is as the last event says, deep stays */
		if (d->flags & DIRTY_WRITING && !(flags & DIRTY_WRITING))
			pthread_cond_broadcast(&w->changed);
		d->flags = (d->flags & DIRTY_DEEP) | flags;
		return;
	}
	if (w->dirty_count == DIRTY_MOST) {
		watch_lose(w);
		return;
	}
	struct dirty *d = &w->dirty[w->dirty_count++];
	*d = (struct dirty){hash, (uint32_t)w->paths.len, (uint32_t)n, flags};
	w->slot[at] = (uint16_t)w->dirty_count;
	if (buf_add(&w->paths, path, n) < 0)
		watch_lose(w);
	pthread_cond_broadcast(&w->changed);
}

void watch_mark_folder(struct watch *w, const char *folder, size_t n, unsigned flags)
{
	while (n > 0 && folder[n - 1] != '/')
		n--;
	/* one in the root is a series */
	if (w->o.has_pictures && n > 1)
		watch_mark(w, folder, n - 1, flags);
}

/** Whether files are being written and nothing else happened: the end of that may come at once. */
static bool is_only_writing(const struct watch *w)
{
	for (size_t i = 0; i < w->dirty_count; i++)
		if (!(w->dirty[i].flags & DIRTY_WRITING))
			return false;
	return w->dirty_count > 0;
}

static void nap(void)
{
	nanosleep(&(struct timespec){0, TELL_MS * NS_PER_MS}, NULL);
}

/** For TELL_MS at most; under the lock. */
static void wait_for_end_of_writing(struct watch *w)
{
	int64_t end = mono_ns() + TELL_MS * NS_PER_MS;
	const struct timespec until = {end / NS_PER_S, end % NS_PER_S};
	while (is_only_writing(w) && !w->is_lost && !w->is_ending)
		if (pthread_cond_clockwait(&w->changed, &w->lock, CLOCK_MONOTONIC, &until))
			return;
}

/** What is dirty, taken out; false when the watch ends. */
static bool take_dirty(struct watch *w, struct dirty *out, size_t *n, struct buf *paths, bool *lost)
{
	LOCKED(&w->lock);
	while (!w->dirty_count && !w->is_lost && !w->is_ending)
		pthread_cond_wait(&w->changed, &w->lock);
	wait_for_end_of_writing(w);
	*n = w->dirty_count;
	*lost = w->is_lost;
	memcpy(out, w->dirty, w->dirty_count * sizeof *out);
	buf_reset(paths);
	buf_add(paths, buf_str(&w->paths), w->paths.len);
	clear_dirty(w);
	return !w->is_ending;
}

static void *tell(void *arg)
{
	struct watch *w = arg;
	_free_ struct dirty *dirty = calloc(DIRTY_MOST, sizeof *dirty);
	_buf_ struct buf paths = BUF_INIT((size_t)64 << 20);
	size_t n;
	bool lost;
	while (dirty && take_dirty(w, dirty, &n, &paths, &lost)) {
		if (lost)
			w->o.dirty(w->o.arg, DIRTY_DEEP | DIRTY_LOST, "", 0);
		for (size_t i = 0; i < n; i++)
			w->o.dirty(w->o.arg, dirty[i].flags, paths.data + dirty[i].at, dirty[i].len);
		w->o.flush(w->o.arg);
		/* the first of a burst is told at once, the others together */
		nap();
	}
	return NULL;
}

/* --- start and end --- */

static void because(struct watch *w, const char *why, int error)
{
	snprintf(w->counts.reason, sizeof w->counts.reason, "%s%s%s", why, error ? ": " : "",
		 error ? strerror(-error) : "");
}

/** Chooses a way; what cannot be had falls back to the next, and says so. */
static void choose(struct watch *w, uint64_t fstype)
{
	int r = -EOPNOTSUPP;
	w->fd = -1;
	w->mode = w->o.mode;
	if (w->mode == WATCH_AUTO && watch_is_remote(fstype)) {
		because(w, "a network or FUSE file system tells no changes", 0);
		w->mode = WATCH_POLL;
	}
	if (w->mode == WATCH_FANOTIFY) {
		r = fanotify_open(w);
		if (r < 0)
			because(w, "fanotify cannot be used", r);
	}
	if (w->mode != WATCH_POLL && r < 0) {
		w->mode = WATCH_INOTIFY;
		r = inotify_open(w);
		if (r < 0) {
			because(w, "inotify cannot be used", r);
			w->mode = WATCH_POLL;
		}
	}
}

int watch_new(const struct watch_options *options, uint64_t fstype, struct watch **out)
{
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->o = *options;
	w->paths = BUF_INIT((size_t)64 << 20);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->ending = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	choose(w, fstype);
	w->counts.mode = w->mode;
	int r = w->ending < 0 ? -errno : 0;
	if (r == 0 && w->fd >= 0)
		r = thread_start(&w->reader, "watch",
				 w->mode == WATCH_FANOTIFY ? fanotify_read : inotify_read, w);
	if (r == 0 && w->fd >= 0)
		r = thread_start(&w->teller, "tell", tell, w);
	if (r < 0) {
		watch_free(w);
		return r;
	}
	*out = w;
	return 0;
}

int watch_fd(const struct watch *w)
{
	return w ? w->fd : -1;
}

void watch_free(struct watch *w)
{
	uint64_t one = 1;
	if (!w)
		return;
	{
		LOCKED(&w->lock);
		w->is_ending = true;
		pthread_cond_broadcast(&w->changed);
	}
	if (w->ending >= 0 && write(w->ending, &one, sizeof one) < 0)
		abort();
	thread_join(&w->reader);
	thread_join(&w->teller);
	fanotify_close(w);
	if (w->fd >= 0)
		close(w->fd);
	if (w->ending >= 0)
		close(w->ending);
	map_clear(&w->map);
	buf_clear(&w->paths);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* --- what walks say --- */

int watch_directory(struct watch *w, int fd, int parent, const char *path, const struct stat *st)
{
	if (!w || w->mode == WATCH_POLL)
		return WATCH_NONE;
	if (w->mode == WATCH_FANOTIFY)
		return fanotify_watch(w, fd, parent, st->st_dev);
	return inotify_watch(w, fd, parent, path, st);
}

void watch_forget(struct watch *w, char *const *paths, size_t n)
{
	if (w && n && w->mode == WATCH_INOTIFY)
		inotify_forget(w, paths, n);
}

void watch_walk(struct watch *w, bool is_end)
{
	if (!w)
		return;
	LOCKED(&w->lock);
	if (!is_end) {
		w->refused = 0;
		return;
	}
	w->counts.unwatched = w->refused;
	/* unless more was lost meanwhile */
	w->is_doubtful = w->is_lost;
}

void watch_count(struct watch *w, struct watch_counts *out)
{
	*out = (struct watch_counts){.mode = WATCH_POLL};
	if (!w)
		return;
	LOCKED(&w->lock);
	*out = w->counts;
	if (w->mode == WATCH_INOTIFY)
		out->watched = w->map.count;
}
