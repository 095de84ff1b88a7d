/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which of the names are in their directories: one open, the list, one close for each directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/thread.h"
#include "indexer/symlinks/looker_private.h"

enum {
	GETDENTS = 64 << 10,
	/** Above so many names they are sorted. */
	FEW = 12,
	JOBS = 64,
};

struct name {
	const char *data;
	size_t len;
	/** Of the question. */
	uint32_t index;
	int error;
	int64_t size;
};

struct job {
	size_t n;
	uint8_t bytes[];
};

struct answerer {
	struct looker_child *c;
	struct looker_slot *slot;
	struct buf out;
	VEC(struct name) names;
	/** Of the names, those not seen yet. */
	size_t missing;
	bool is_sorted;
	_Alignas(struct dirent64) char dents[GETDENTS];
};

/** What threads are given: themselves. */
struct start {
	struct looker_child *c;
	int number;
};

/* --- one directory --- */

static int by_name(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->data, y->data, x->len);
}

static int by_index(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void mark(struct answerer *me, struct name *n)
{
	me->missing -= n->error == -ENOENT;
	n->error = 0;
}

/** The first that is not less. */
static size_t lower(const struct answerer *me, const struct name *key)
{
	size_t low = 0, high = me->names.len;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (by_name(&me->names.data[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void see(struct answerer *me, const char *text)
{
	const struct name key = {.data = text, .len = strlen(text)};
	size_t i = me->is_sorted ? lower(me, &key) : 0;
	for (; i < me->names.len; i++) {
		struct name *n = &me->names.data[i];
		if (n->len == key.len && memcmp(n->data, text, key.len) == 0)
			mark(me, n);
		else if (me->is_sorted)
			return;
	}
}

/** Names that no list has tell nothing; the directory itself is there when it was opened. */
static void judge_text(struct name *n)
{
	bool is_self = n->len == 0 || (n->len <= 2 && memcmp(n->data, "..", n->len) == 0);
	n->error = is_self ? 0 : -ENOENT;
	if (memchr(n->data, '/', n->len) || memchr(n->data, '\0', n->len))
		n->error = -EINVAL;
}

static int read_list(struct answerer *me, int fd)
{
	while (me->missing) {
		looker_enter(me->slot, LOOKER_BATCH_MS);
		long n = syscall(SYS_getdents64, fd, me->dents, sizeof me->dents);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n && me->missing;) {
			const struct dirent64 *d = (const struct dirent64 *)(me->dents + at);
			see(me, d->d_name);
			at += d->d_reclen;
		}
	}
	return 0;
}

static void measure(struct answerer *me, int fd)
{
	for (size_t i = 0; i < me->names.len; i++) {
		struct name *n = &me->names.data[i];
		struct stat st;
		char text[NAME_MAX * 4 + 1];
		if (n->error || n->len >= sizeof text)
			continue;
		memcpy(text, n->data, n->len);
		text[n->len] = '\0';
		looker_enter(me->slot, LOOKER_STAT_MS);
		if (fstatat(fd, n->len ? text : ".", &st, 0) == 0)
			n->size = st.st_size;
		else
			/* listed and yet not there: nobody can tell */
			n->error = errno == ENOENT ? -ESTALE : -errno;
	}
}

static int look(struct answerer *me, const char *path, bool wants_sizes)
{
	looker_enter(me->slot, LOOKER_BATCH_MS);
	_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	me->is_sorted = me->names.len > FEW;
	if (me->is_sorted)
		qsort(me->names.data, me->names.len, sizeof *me->names.data, by_name);
	int r = read_list(me, fd);
	if (r == 0 && wants_sizes)
		measure(me, fd);
	looker_enter(me->slot, LOOKER_BATCH_MS);
	return r;
}

/* --- answers --- */

static void add_names(struct answerer *me, uint32_t kind)
{
	if (me->is_sorted)
		qsort(me->names.data, me->names.len, sizeof *me->names.data, by_index);
	frame_u32(&me->out, (uint32_t)me->names.len);
	for (size_t i = 0; i < me->names.len; i++) {
		const struct name *n = &me->names.data[i];
		bool is_long = n->error == -ENOENT && n->len > NAME_MAX;
		frame_u32(&me->out, (uint32_t)(is_long ? -ENAMETOOLONG : n->error));
		if (kind == TARGETS_SIZES)
			frame_u64(&me->out, (uint64_t)n->size);
	}
}

static bool has_errors(const struct answerer *me)
{
	for (size_t i = 0; i < me->names.len; i++)
		if (me->names.data[i].error)
			return true;
	return false;
}

/** One part of a frame: a directory and names. */
static void answer_part(struct answerer *me, struct frame *f)
{
	char path[PATH_MAX];
	size_t n;
	uint32_t slot = frame_get_u32(f), first = frame_get_u32(f), wants_sizes = frame_get_u32(f);
	const char *text = frame_get_bytes(f, &n);
	snprintf(path, sizeof path, "%.*s", (int)(n < sizeof path ? n : sizeof path - 1), text);
	uint32_t count = frame_get_u32(f);
	me->names.len = me->missing = 0;
	me->is_sorted = false;
	for (uint32_t i = 0; i < count && !f->is_bad; i++) {
		struct name *name = vec_add(&me->names);
		if (!name)
			_exit(1);
		name->data = frame_get_bytes(f, &name->len);
		name->index = i;
		name->size = -1;
		judge_text(name);
		me->missing += name->error == -ENOENT;
	}
	int error = f->is_bad ? -EBADMSG : look(me, path, wants_sizes != 0);
	uint32_t kind = error ? TARGETS_FAILED : wants_sizes ? TARGETS_SIZES : TARGETS_ALL;
	if (kind == TARGETS_ALL && has_errors(me))
		kind = TARGETS_SOME;
	frame_u32(&me->out, slot);
	frame_u32(&me->out, first);
	frame_u32(&me->out, kind);
	if (kind == TARGETS_FAILED)
		frame_u32(&me->out, (uint32_t)error);
	else if (kind != TARGETS_ALL)
		add_names(me, kind);
}

static void *answer(void *arg)
{
	struct start *start = arg;
	struct answerer *me = calloc(1, sizeof *me);
	void *item;
	if (!me)
		_exit(1);
	me->c = start->c;
	me->slot = &start->c->slot[1 + start->number];
	me->out = BUF_INIT(FRAME_MAX);
	free(start);
	while (queue_take(me->c->jobs, &item, -1) == 0) {
		struct job *job = item;
		struct frame f = {FRAME_LOOK_TARGETS, job->bytes, job->bytes + job->n, false};
		size_t at = frame_begin(&me->out, FRAME_LOOKED_TARGETS);
		while (f.at < f.end)
			answer_part(me, &f);
		frame_end(&me->out, at);
		looker_leave(me->slot);
		looker_tell(me->c, &me->out);
		free(job);
		atomic_fetch_sub(&me->c->busy, 1);
	}
	return NULL;
}

static void start_threads(struct looker_child *c)
{
	c->jobs = queue_new(JOBS);
	for (int i = 0; i < c->threads; i++) {
		/* they live as long as the process */
		struct thread t = {0};
		struct start *start = malloc(sizeof *start);
		if (!c->jobs || !start)
			_exit(1);
		*start = (struct start){c, i};
		if (thread_start(&t, "targets", answer, start) < 0)
			_exit(1);
	}
}

void looker_child_targets(struct looker_child *c, struct frame *f)
{
	size_t n = (size_t)(f->end - f->at);
	struct job *job = malloc(sizeof *job + n);
	if (!c->jobs)
		start_threads(c);
	if (!job)
		_exit(1);
	job->n = n;
	memcpy(job->bytes, f->at, n);
	atomic_fetch_add(&c->busy, 1);
	queue_put(c->jobs, job);
}
