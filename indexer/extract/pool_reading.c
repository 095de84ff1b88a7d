/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/pool_reading.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

/** Of pages: a worker maps its slot's, and nothing else of the file. */
enum { PAGE = 65536 };
enum {
	/** Those that it has to do, and some that nobody waits for any more. */
	GIVEN = READING_AHEAD + 5,
	/** In the place of who gave a batch: nobody waits for it. */
	NOBODY = -1,
};

/** A file that is sound is read in less. */
#define LONG_NS (200 * NS_PER_MS)

struct given {
	/** 0: free. */
	uint64_t batch;
	int owner;
	size_t count;
};

struct reading_file {
	uint64_t magic;
	/** Of the machine's start in which it was written. */
	char boot[40];
	/** When the indexer was last known to live. */
	int64_t beat;
	size_t marks;
	struct read_mark mark[READING_MARKS];
	struct given given[READING_WORKERS][GIVEN];
	struct read_mark files[READING_WORKERS][GIVEN][BATCH_MAX];
	struct {
		_Alignas(PAGE) struct worker_slot slot;
	} page[READING_WORKERS];
};

static const uint64_t MAGIC = UINT64_C(0x72656164696e6700) + sizeof(struct reading_file);

static bool is_same_file(const struct read_mark *a, const struct read_mark *b)
{
	return a->root == b->root && a->path == b->path && a->size == b->size && a->mtime == b->mtime;
}

static struct read_mark *find(const struct reading *r, const struct read_mark *file)
{
	for (size_t i = 0; i < r->file->marks; i++)
		if (is_same_file(&r->file->mark[i], file))
			return &r->file->mark[i];
	return NULL;
}

/* --- opening --- */

static int map(struct reading *r, int fd)
{
	int e = posix_fallocate(fd, 0, sizeof *r->file);
	if (e)
		return -e;
	r->file = mmap(NULL, sizeof *r->file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r->file == MAP_FAILED) {
		r->file = NULL;
		return -errno;
	}
	r->fd = fd;
	return 0;
}

static int map_state(const char *state_dir, struct reading *r)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/reading", state_dir) >= (int)sizeof path)
		return -ENAMETOOLONG;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int e = map(r, fd);
	if (e < 0)
		close(fd);
	return e;
}

static int map_memory(struct reading *r)
{
	int fd = memfd_create("reading", MFD_CLOEXEC);
	int e = fd < 0 ? -errno : map(r, fd);
	if (e < 0 && fd >= 0)
		close(fd);
	return e;
}

static void clear_work(struct reading *r)
{
	memset(r->file->given, 0, sizeof r->file->given);
	for (int i = 0; i < READING_WORKERS; i++)
		memset(reading_slot(r, i), 0, sizeof(struct worker_slot));
}

static void read_boot(char boot[static 40])
{
	_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	memset(boot, 0, 40);
	if (fd < 0 || read(fd, boot, 36) != 36)
		boot[0] = '\0';
}

/** The indexer ended while that file was being read: see the header. */
static void suspect(struct reading *r, int worker)
{
	const struct worker_slot *slot = reading_slot(r, worker);
	const struct read_mark *now = reading_now(r, worker);
	if (!now)
		return;
	bool is_first = now->tries < 1 && reading_tries(r, now) < 1;
	if (is_first || atomic_load(&slot->has_died) || r->file->beat - atomic_load(&slot->since) >= LONG_NS)
		reading_blame(r, worker);
}

int reading_open(const char *state_dir, struct reading *r)
{
	*r = (struct reading){.fd = -1};
	int e = state_dir ? map_state(state_dir, r) : map_memory(r);
	if (e < 0 && state_dir) {
		log_warning("%s/reading: %s; a file that ends the indexer will not be known", state_dir, strerror(-e));
		e = map_memory(r);
	}
	if (e < 0)
		return e;
	bool is_ours = r->file->magic == MAGIC && r->file->marks <= READING_MARKS;
	for (int i = 0; i < READING_WORKERS && is_ours; i++)
		suspect(r, i);
	if (!is_ours) {
		r->file->marks = 0;
		memset(r->file->boot, 0, sizeof r->file->boot);
	}
	clear_work(r);
	r->file->magic = MAGIC;
	read_boot(r->boot);
	r->is_whole = state_dir && r->boot[0] && memcmp(r->boot, r->file->boot, sizeof r->boot) == 0;
	return 0;
}

void reading_made_whole(struct reading *r)
{
	memcpy(r->file->boot, r->boot, sizeof r->boot);
	r->is_whole = true;
}

void reading_close(struct reading *r)
{
	if (!r->file)
		return;
	clear_work(r);
	munmap(r->file, sizeof *r->file);
	close(r->fd);
	*r = (struct reading){.fd = -1};
}

/* --- what is given to whom --- */

/** FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_more(uint64_t hash, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)s[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t reading_hash(const char *dir, size_t dir_len, const char *name, size_t name_len)
{
	uint64_t hash = hash_more(UINT64_C(0xcbf29ce484222325), dir, dir_len);
	return hash_more(hash_more(hash, "/", 1), name, name_len);
}

struct worker_slot *reading_slot(struct reading *r, int worker)
{
	return &r->file->page[worker].slot;
}

int64_t reading_slot_at(int worker)
{
	return (int64_t)(offsetof(struct reading_file, page) + (size_t)worker * PAGE);
}

static struct given *find_given(const struct reading *r, int worker, uint64_t batch)
{
	for (int i = 0; i < GIVEN; i++)
		if (r->file->given[worker][i].batch == batch)
			return &r->file->given[worker][i];
	return NULL;
}

/** Its files, by their index. */
static struct read_mark *files_of(const struct reading *r, int worker, const struct given *g)
{
	return r->file->files[worker][g - r->file->given[worker]];
}

/** What a worker may still be at, or come to. */
static bool is_awaited(const struct reading *r, int worker, const struct given *g)
{
	return g->batch && (g->owner != NOBODY || atomic_load(&r->file->page[worker].slot.batch) == g->batch);
}

/** A free place, or one of what nobody waits for and the worker is not at. */
static struct given *find_room(const struct reading *r, int worker)
{
	struct given *g = find_given(r, worker, 0);
	for (int i = 0; i < GIVEN && !g; i++)
		if (!is_awaited(r, worker, &r->file->given[worker][i]))
			g = &r->file->given[worker][i];
	return g;
}

bool reading_has_room(const struct reading *r, int worker)
{
	return find_room(r, worker) != NULL;
}

void reading_give(struct reading *r, int worker, uint64_t batch, int owner, const struct read_mark *files, size_t n)
{
	/* whoever asks reading_has_room() in time finds one */
	struct given *g = find_room(r, worker);
	if (!g)
		return;
	g->batch = 0;
	atomic_signal_fence(memory_order_release);
	g->owner = owner;
	g->count = n;
	memcpy(files_of(r, worker, g), files, n * sizeof *files);
	atomic_signal_fence(memory_order_release);
	g->batch = batch;
}

void reading_beat(struct reading *r, int64_t now)
{
	r->file->beat = now;
}

void reading_take(struct reading *r, int worker, uint64_t batch)
{
	struct given *g = find_given(r, worker, batch);
	if (g)
		g->batch = 0;
}

void reading_drop(struct reading *r, int worker, uint64_t batch)
{
	struct given *g = find_given(r, worker, batch);
	if (g)
		g->owner = NOBODY;
}

bool reading_is_at_dropped(const struct reading *r, int worker)
{
	uint64_t batch = atomic_load(&r->file->page[worker].slot.batch);
	const struct given *g = batch ? find_given(r, worker, batch) : NULL;
	return g && g->owner == NOBODY;
}

void reading_take_dropped(struct reading *r, int worker)
{
	for (int i = 0; i < GIVEN; i++)
		if (r->file->given[worker][i].owner == NOBODY)
			r->file->given[worker][i].batch = 0;
}

bool reading_has_others(const struct reading *r, int owner)
{
	for (int i = 0; i < READING_WORKERS * GIVEN; i++) {
		const struct given *g = &r->file->given[i / GIVEN][i % GIVEN];
		if (g->owner != owner && is_awaited(r, i / GIVEN, g))
			return true;
	}
	return false;
}

static bool holds(const struct reading *r, int worker, const struct given *g, const struct read_mark *file)
{
	for (size_t i = 0; i < g->count; i++)
		if (is_same_file(&files_of(r, worker, g)[i], file))
			return true;
	return false;
}

bool reading_is_given(const struct reading *r, int owner, const struct read_mark *file)
{
	for (int i = 0; i < READING_WORKERS * GIVEN; i++) {
		const struct given *g = &r->file->given[i / GIVEN][i % GIVEN];
		if (g->owner != owner && is_awaited(r, i / GIVEN, g) && holds(r, i / GIVEN, g, file))
			return true;
	}
	return false;
}

const struct read_mark *reading_now(const struct reading *r, int worker)
{
	const struct worker_slot *slot = &r->file->page[worker].slot;
	uint64_t batch = atomic_load(&slot->batch);
	uint32_t index = atomic_load(&slot->index);
	const struct given *g = batch && atomic_load(&slot->since) ? find_given(r, worker, batch) : NULL;
	return g && index < g->count && g->count <= BATCH_MAX ? &files_of(r, worker, g)[index] : NULL;
}

/* --- marks --- */

/** Of a full table: one that the store was told of, else one of those with the fewest tries. */
static struct read_mark *find_least(struct reading *r)
{
	struct read_mark *least = r->file->mark;
	for (struct read_mark *m = r->file->mark; m < r->file->mark + r->file->marks; m++)
		if (m->is_told != least->is_told ? m->is_told : m->tries < least->tries)
			least = m;
	return least;
}

const struct read_mark *reading_blame(struct reading *r, int worker)
{
	const struct read_mark *now = reading_now(r, worker);
	struct read_mark *mark = now ? find(r, now) : NULL;
	if (!now)
		return NULL;
	if (!mark) {
		mark = reading_is_full(r) ? find_least(r) : &r->file->mark[r->file->marks];
		*mark = *now;
		r->file->marks += !reading_is_full(r);
	}
	mark->tries = (mark->tries > now->tries ? mark->tries : now->tries) + 1;
	mark->is_told = false;
	return mark;
}

int reading_tries(const struct reading *r, const struct read_mark *file)
{
	const struct read_mark *mark = find(r, file);
	return mark ? (int)mark->tries : 0;
}

void reading_acquit(struct reading *r, const struct read_mark *file)
{
	struct read_mark *mark = find(r, file);
	if (mark)
		*mark = r->file->mark[--r->file->marks];
}

void reading_tell(struct reading *r, const struct read_mark *file)
{
	struct read_mark *mark = find(r, file);
	if (mark)
		mark->is_told = true;
}

bool reading_is_empty(const struct reading *r)
{
	return r->file->marks == 0;
}

bool reading_is_full(const struct reading *r)
{
	return r->file->marks == READING_MARKS;
}

void reading_forget(struct reading *r)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->file->marks; i++)
		if (!r->file->mark[i].is_told)
			r->file->mark[kept++] = r->file->mark[i];
	r->file->marks = kept;
}
