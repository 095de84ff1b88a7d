/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A scout's process.  Its main thread reads frames and opens files for the workers; one runs the
 * walk, two watch, one tells twice a second for how long any of them has waited for the disk.  It
 * knows no store and no network.
 */
#include "indexer/discover/scout.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/shed.h"
#include "indexer/device.h"
#include "indexer/discover/scout_private.h"
#include "indexer/profile.h"

enum {
	BEAT_MS = 500,
	TOLD_MOST = 1 << 20,
};

int scout_send(struct scout *s, const struct buf *frames)
{
	LOCKED(&s->sending);
	return frame_send(SCOUT_CONTROL, frames->data, frames->len);
}

static int send_lists(void *arg, const struct buf *frames)
{
	return scout_send(arg, frames);
}

static bool wants(void *arg, const char *name, size_t n)
{
	const struct scout *s = arg;
	return extract_wants((enum media_kind)s->kind, name, n);
}

static const struct reach *reach(void *arg, const char *name, size_t n)
{
	const struct scout *s = arg;
	return extract_reach((enum media_kind)s->kind, name, n);
}

/* --- watching --- */

static void flush_told(void *arg)
{
	struct scout *s = arg;
	if (!s->told_count)
		return;
	memcpy(s->told.data + s->told_start, &s->told_count, sizeof s->told_count);
	frame_end(&s->told, 0);
	scout_send(s, &s->told);
	buf_reset(&s->told);
	s->told_count = 0;
}

static void tell_dirty(void *arg, unsigned flags, const char *path, size_t n)
{
	struct scout *s = arg;
	if (!s->told_count) {
		frame_begin(&s->told, FRAME_DIRTY);
		s->told_start = s->told.len;
		frame_u32(&s->told, 0);
	}
	frame_u32(&s->told, flags);
	frame_bytes(&s->told, path, n);
	s->told_count++;
	if (s->told.len > TOLD_MOST)
		flush_told(s);
}

static int enter(void *arg, int fd, int parent, const char *path, const struct stat *st)
{
	struct scout *s = arg;
	return watch_directory(s->watch, fd, parent, path, st);
}

static void send_dirty(struct scout *s, unsigned flags, const char *path)
{
	_buf_ struct buf out = BUF_INIT(1 << 17);
	size_t start = frame_begin(&out, FRAME_DIRTY);
	frame_u32(&out, 1);
	frame_u32(&out, flags);
	frame_bytes(&out, path, strlen(path));
	frame_end(&out, start);
	scout_send(s, &out);
}

static void moved_on(void *arg, const char *path)
{
	send_dirty(arg, 0, path);
}

static struct watch *new_watch(struct scout *s, enum watch_mode mode, uint64_t fstype)
{
	struct watch *w = NULL;
	struct watch_options options = {
		.root = s->root, .mode = mode, .ignore = &s->ignore, .wants = wants,
		.has_pictures = s->kind == MEDIA_VOLUME, .dirty = tell_dirty, .flush = flush_told, .arg = s,
	};
	int r = watch_new(&options, fstype, &w);
	if (r < 0)
		log_warning("%s cannot be watched: %s", s->root, strerror(-r));
	return w;
}

static void report_watch(struct scout *s)
{
	struct watch_counts c;
	_buf_ struct buf out = BUF_INIT(1024);
	watch_count(s->watch, &c);
	size_t start = frame_begin(&out, FRAME_WATCH);
	frame_u32(&out, c.mode);
	frame_u64(&out, c.watched);
	frame_u64(&out, c.unwatched);
	frame_u64(&out, c.overflows);
	frame_bytes(&out, c.reason, strlen(c.reason));
	frame_end(&out, start);
	scout_send(s, &out);
}

/* --- the walk --- */

static bool is_whole(const struct scan_order *o)
{
	return o->scopes.len == 1 && !*o->scopes.data[0].path && o->scopes.data[0].is_deep &&
	       !o->walk.slices;
}

static uint64_t walk(struct scout *s, uint64_t fstype)
{
	const struct device_row *device = &DEVICES_TABLE[device_of("/sys", s->device, fstype)];
	struct walk_options options = {
		.root = s->root_fd, .threads = s->walkers, .slots = s->slots,
		.threads_most = device->depth < s->walkers_most ? device->depth : s->walkers_most, .ahead = device->ahead,
		.ignore = &s->ignore, .wants = wants,
		.has_pictures = s->kind == MEDIA_VOLUME,
		.heads = s->order.reads_heads ? s->heads : NULL, .reach = reach,
		.send = send_lists, .enter = enter, .moved_on = moved_on, .arg = s,
		.keeps = {SCOUT_CONTROL, watch_fd(s->watch)},
	};
	struct walk *walk = NULL;
	if (walk_new(&options, &walk) < 0)
		return 0;
	pthread_mutex_lock(&s->sending);
	s->walk = walk;
	pthread_mutex_unlock(&s->sending);
	if (atomic_load(&s->stopped) != atomic_load(&s->scan))
		walk_run(walk, &s->order.walk);
	return walk_busy_ns(walk);
}

static void *run_scan(void *arg)
{
	struct scout *s = arg;
	uint64_t busy = 0, fstype;
	profile_place_scan(s->order.is_background);
	/* trees of links are only looked at as a whole until they are indexed */
	if (scout_report_root(s, false, &fstype) == 0 && s->kind != MEDIA_LINK) {
		if (!s->watch)
			s->watch = new_watch(s, (enum watch_mode)s->mode, fstype);
		if (is_whole(&s->order))
			watch_walk(s->watch, false);
		busy = walk(s, fstype);
		if (is_whole(&s->order))
			watch_walk(s->watch, true);
		scout_report_root(s, true, &fstype);
		report_watch(s);
	}
	_buf_ struct buf out = BUF_INIT(256);
	size_t start = frame_begin(&out, FRAME_DONE);
	frame_u64(&out, atomic_load(&s->scan));
	frame_u64(&out, busy);
	frame_end(&out, start);
	scout_send(s, &out);
	return NULL;
}

struct walk *scout_walk(struct scout *s)
{
	LOCKED(&s->sending);
	return s->walk;
}

static void end_walk(struct scout *s)
{
	atomic_store(&s->stopped, atomic_load(&s->scan));
	struct walk *walk = scout_walk(s);
	if (walk)
		walk_stop(walk);
	thread_join(&s->runner);
	pthread_mutex_lock(&s->sending);
	s->walk = NULL;
	pthread_mutex_unlock(&s->sending);
	walk_free(walk);
	/* a worker that comes late opens the file */
	if (walk && s->heads)
		heads_drop(s->heads);
}

static void clear_order(struct scan_order *o)
{
	for (size_t i = 0; i < o->scopes.len; i++)
		free((char *)(uintptr_t)o->scopes.data[i].path);
	for (size_t i = 0; i < o->skips.len; i++)
		free(o->skips.data[i]);
	for (size_t i = 0; i < o->anchors.len; i++)
		free(o->anchors.data[i].path);
	vec_clear(&o->scopes);
	vec_clear(&o->skips);
	vec_clear(&o->anchors);
	known_dirs_clear(&o->known);
}

static char *get_text(struct frame *f)
{
	size_t n;
	const char *text = frame_get_bytes(f, &n);
	return strndup(text, n);
}

static void read_anchors(struct scan_order *o, struct frame *f)
{
	uint32_t n = frame_get_u32(f);
	for (uint32_t i = 0; i < n && !f->is_bad; i++) {
		struct anchor *a = vec_add(&o->anchors);
		if (!a)
			return;
		a->size = frame_get_u64(f);
		a->mtime = frame_get_u64(f);
		a->path = get_text(f);
	}
}

static void read_order(struct scan_order *o, struct frame *f)
{
	clear_order(o);
	o->walk = (struct walk_order){0};
	o->walk.slice = frame_get_u32(f);
	o->walk.slices = frame_get_u32(f);
	read_anchors(o, f);
	uint32_t n = frame_get_u32(f);
	for (uint32_t i = 0; i < n && !f->is_bad; i++) {
		char **skip = vec_add(&o->skips);
		if (skip)
			*skip = get_text(f);
	}
	n = frame_get_u32(f);
	for (uint32_t i = 0; i < n && !f->is_bad; i++) {
		struct walk_scope *scope = vec_add(&o->scopes);
		bool is_deep = frame_get_u32(f) != 0;
		if (scope)
			*scope = (struct walk_scope){get_text(f), is_deep};
	}
	o->reads_heads = frame_get_u32(f) != 0;
	o->is_background = frame_get_u32(f) != 0;
	o->walk.scope = o->scopes.data;
	o->walk.scopes = o->scopes.len;
	o->walk.skip = o->skips.data;
	o->walk.skips = o->skips.len;
}

static void on_known(struct scout *s, struct frame *f)
{
	while (f->at < f->end && !f->is_bad) {
		struct known_dir d = {.path = frame_get_u64(f)};
		d.sum = (int64_t)frame_get_u64(f);
		d.row = (int64_t)frame_get_u64(f);
		if (!f->is_bad && d.sum)
			known_dirs_add(&s->known, &d);
	}
}

static void on_scan(struct scout *s, struct frame *f)
{
	end_walk(s);
	atomic_store(&s->scan, frame_get_u64(f));
	read_order(&s->order, f);
	s->order.known = s->known;
	s->known = (struct known_dirs){0};
	s->order.walk.known = s->order.known.count ? &s->order.known : NULL;
	s->order.walk.scan = atomic_load(&s->scan);
	if (!f->is_bad)
		thread_start(&s->runner, "scan", run_scan, s);
}

/** Directories that a scan did not find any more give their watches back. */
static void forget_vanished(struct scout *s)
{
	VEC(char *) gone = {0};
	for (size_t i = 0; i < s->order.scopes.len; i++) {
		const struct walk_scope *scope = &s->order.scopes.data[i];
		char **slot = NULL;
		if (scope->is_deep && faccessat(s->root_fd, *scope->path ? scope->path : ".", F_OK,
						AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
			slot = vec_add(&gone);
		if (slot)
			*slot = (char *)(uintptr_t)scope->path;
	}
	watch_forget(s->watch, gone.data, gone.len);
	vec_clear(&gone);
}

/** When there are too few watches, one mark for all of the disk may be allowed. */
static void upgrade_watch(struct scout *s)
{
	struct watch_counts c;
	watch_count(s->watch, &c);
	if (s->mode != WATCH_AUTO || c.mode != WATCH_INOTIFY || !c.unwatched || s->has_upgraded)
		return;
	s->has_upgraded = true;
	struct watch *w = new_watch(s, WATCH_FANOTIFY, 0);
	watch_count(w, &c);
	if (c.mode != WATCH_FANOTIFY) {
		watch_free(w);
		return;
	}
	watch_free(s->watch);
	s->watch = w;
	/* what happened between the two nobody told */
	send_dirty(s, DIRTY_DEEP, "");
}

static void on_release(struct scout *s, struct frame *f)
{
	if (frame_get_u64(f) != atomic_load(&s->scan))
		return;
	end_walk(s);
	atomic_store(&s->main_since, mono_ns());
	if (s->root_fd >= 0 && s->watch)
		forget_vanished(s);
	if (s->root_fd >= 0)
		close(take_fd(s->root_fd));
	known_dirs_clear(&s->order.known);
	upgrade_watch(s);
	atomic_store(&s->main_since, 0);
}

static void on_answer(struct scout *s, struct frame *f)
{
	struct walk *walk = scout_walk(s);
	if (walk)
		walk_answer(walk, frame_get_u64(f));
}

static void on_give_back(struct scout *s, struct frame *f)
{
	struct walk *walk = scout_walk(s);
	uint64_t ticket[BATCH_MAX];
	while (walk && f->at < f->end && !f->is_bad) {
		size_t n = 0;
		while (n < COUNT_OF(ticket) && f->at < f->end && !f->is_bad)
			ticket[n++] = frame_get_u64(f);
		walk_give_back(walk, ticket, n);
	}
}

static void on_setup(struct scout *s, struct frame *f)
{
	size_t n;
	s->kind = frame_get_u32(f);
	s->walkers = (int)frame_get_u32(f);
	s->walkers_most = (int)frame_get_u32(f);
	s->slots = (int)frame_get_u32(f);
	s->mode = frame_get_u32(f);
	s->root = get_text(f);
	uint32_t patterns = frame_get_u32(f);
	for (uint32_t i = 0; i < patterns && !f->is_bad; i++) {
		const char *pattern = frame_get_bytes(f, &n);
		ignore_add(&s->ignore, pattern, n);
	}
	s->marker = get_text(f);
}

/* --- how long it waits --- */

static int64_t stall_of(struct scout *s)
{
	int64_t now = mono_ns(), longest = 0;
	const int64_t since[] = {atomic_load(&s->main_since), atomic_load(&s->runner_since)};
	for (size_t i = 0; i < COUNT_OF(since); i++)
		if (since[i] && now - since[i] > longest)
			longest = now - since[i];
	LOCKED(&s->sending);
	int64_t walk = s->walk ? walk_stall(s->walk) : 0;
	return walk > longest ? walk : longest;
}

static void send_beat(struct scout *s, int64_t stall)
{
	_buf_ struct buf out = BUF_INIT(256);
	size_t start = frame_begin(&out, FRAME_BEAT);
	frame_u64(&out, atomic_load(&s->scan));
	frame_u32(&out, (uint32_t)(stall / NS_PER_MS));
	frame_end(&out, start);
	scout_send(s, &out);
}

static void *beat(void *arg)
{
	struct scout *s = arg;
	int64_t last = 0;
	for (;;) {
		nanosleep(&(struct timespec){0, BEAT_MS * NS_PER_MS}, NULL);
		int64_t stall = stall_of(s);
		/* told while it waits, and once when that is over */
		if (stall < NS_PER_S && !last)
			continue;
		last = stall < NS_PER_S ? 0 : stall;
		send_beat(s, last);
	}
	return NULL;
}

static void on_stop(struct scout *s, struct frame *f)
{
	if (frame_get_u64(f) != atomic_load(&s->scan))
		return;
	/* first the flag, then the walk: whichever it has reached, it ends */
	atomic_store(&s->stopped, atomic_load(&s->scan));
	struct walk *walk = scout_walk(s);
	if (walk)
		walk_stop(walk);
	/* it was taken for stuck, perhaps: it is not if it does not wait */
	send_beat(s, stall_of(s));
}

/* --- */

static void handle(struct scout *s, struct frame *f)
{
	static void (*const on[])(struct scout *, struct frame *) = {
		[FRAME_SETUP] = on_setup,   [FRAME_SCAN] = on_scan, [FRAME_OPEN] = scout_open,
		[FRAME_KNOWN] = on_known,
		[FRAME_ANSWER] = on_answer, [FRAME_STOP] = on_stop, [FRAME_LOOK] = scout_look,
		[FRAME_RELEASE] = on_release, [FRAME_CHECK] = scout_check,
		[FRAME_COVER] = scout_cover, [FRAME_GIVE_BACK] = on_give_back,
	};
	if ((size_t)f->type < COUNT_OF(on) && on[f->type])
		on[f->type](s, f);
}

int scout_main(void)
{
	struct scout s = {
		.root_fd = -1, .sending = PTHREAD_MUTEX_INITIALIZER, .told = BUF_INIT(4 * TOLD_MOST)};
	struct frame_reader reader;
	struct frame f;
	/* of the pipeline's thread, which ends us before it ends: one that hangs would not see that the indexer is gone */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* a working directory would keep its disk from being unmounted */
	if (chdir("/") < 0)
		log_debug("chdir: %s", strerror(errno));
	shed_code();
	s.heads = heads_map(SCOUT_HEADS, true);
	frame_reader_init(&reader, SCOUT_CONTROL);
	thread_start(&s.beater, "beat", beat, &s);
	while (frame_reader_fill(&reader) > 0)
		while (frame_reader_next(&reader, &f) > 0)
			handle(&s, &f);
	/* the indexer is gone: a walk that waits for answers or for a dead disk is not waited for */
	_exit(0);
}
