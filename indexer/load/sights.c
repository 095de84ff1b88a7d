/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A block holds entries one behind the other, each with its texts behind it, so that pointers into it stay; the
 * change owns the block.  A block that was applied says so in what the teller and the writer share: at most
 * WAITING blocks are under way, whatever a million links weigh.
 *
 * The writer may apply a block again (a transaction that was taken back), also after it said so: what they share lives until a
 * call that came last was answered; where that call failed, until a later one was.
 */
#include "indexer/load/sights.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"

enum {
	BLOCK = 1 << 18,
	WAITING = 12,
	/** Links that are made with one call. */
	AT_ONCE = 64,
	PATIENCE_MS = 60000,
};

enum kind {
	PUT_DIR,
	PUT_TARGET,
	READ_DIR,
	DELETE_DIR,
	PUT,
	JUDGE,
	DELETE,
	HOLD,
	RELEASE,
	HEALTH,
	PURGE,
};

struct shared {
	struct shared *next;
	struct writer *writer;
	_Atomic uint64_t applied;
	/** What hindered the block of that number. */
	_Atomic int error;
	_Atomic uint64_t failed;
};

struct block {
	struct shared *shared;
	uint64_t number;
	size_t used;
	_Alignas(8) char data[BLOCK];
};

struct entry {
	uint32_t kind;
	/** With its texts, rounded up. */
	uint32_t size;
	_Alignas(8) char body[];
};

struct numbers {
	int64_t id, root, mtime, read_at;
	struct bytes path;
};

struct sights {
	struct writer *writer;
	struct shared *shared;
	struct block *block;
	uint64_t sent, ended;
};

/* --- in the writer's thread --- */

static int apply_numbers(struct store *s, enum kind kind, const struct numbers *n)
{
	int64_t id = n->id;
	switch (kind) {
	case PUT_DIR:
		return store_put_link_dir(s, n->root, n->path, n->mtime, n->read_at, &id);
	case READ_DIR:
		return store_set_link_dir(s, n->id, n->mtime, n->read_at);
	case DELETE_DIR:
		return store_delete_link_dir(s, n->id);
	case DELETE:
		return store_delete_symlink(s, n->id);
	case RELEASE:
		return store_release_links(s, n->root, n->read_at);
	default:
		return store_purge_symlinks(s);
	}
}

static int apply_entry(struct store *s, const struct entry *e)
{
	int64_t id;
	switch ((enum kind)e->kind) {
	case PUT_TARGET:
		return store_put_target_dir(s, (const struct store_target_dir *)e->body, &id);
	case PUT:
		return store_put_symlink(s, (const struct store_symlink *)e->body);
	case JUDGE:
		return store_judge_symlink(s, (const struct store_symlink *)e->body);
	case HOLD:
		return store_put_link_hold(s, (const struct store_link_hold *)e->body);
	case HEALTH:
		return store_put_mount_health(s, (const struct store_mount_health *)e->body);
	default:
		return apply_numbers(s, (enum kind)e->kind, (const struct numbers *)e->body);
	}
}

static const struct entry *entry_at(const struct block *b, size_t at)
{
	return (const struct entry *)(b->data + at);
}

/** The links that begin at *at, many at once. */
static int apply_links(struct store *s, const struct block *b, size_t *at)
{
	struct store_symlink rows[AT_ONCE];
	size_t n = 0;
	while (*at < b->used && n < AT_ONCE && entry_at(b, *at)->kind == PUT) {
		const struct entry *e = entry_at(b, *at);
		memcpy(&rows[n++], e->body, sizeof *rows);
		*at += e->size;
	}
	return store_put_symlinks(s, rows, n);
}

static int act_block(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	const struct block *b = record;
	int r = 0;
	(void)row, (void)touched;
	for (size_t at = 0; at < b->used && r == 0;) {
		const struct entry *e = entry_at(b, at);
		if (e->kind == PUT) {
			r = apply_links(s, b, &at);
		} else {
			r = apply_entry(s, e);
			at += e->size;
		}
	}
	/* of one that is tried again its last word counts */
	if (r < 0 || atomic_load(&b->shared->failed) == b->number) {
		atomic_store(&b->shared->failed, b->number);
		atomic_store(&b->shared->error, r);
	}
	if (atomic_load(&b->shared->applied) < b->number)
		atomic_store(&b->shared->applied, b->number);
	return r;
}

static int act_nothing(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)s, (void)record, (void)row, (void)touched;
	return 0;
}

/* --- the teller's side --- */

/** What the writer may still use. */
static struct {
	pthread_mutex_t lock;
	struct shared *first;
} left_behind = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void leave(struct shared *shared)
{
	LOCKED(&left_behind.lock);
	shared->next = left_behind.first;
	left_behind.first = shared;
}

/** A writer that has settled all uses none of it any more. */
static void clear_behind(struct writer *w)
{
	LOCKED(&left_behind.lock);
	if (!left_behind.first || writer_flush(w) < 0)
		return;
	for (struct shared **at = &left_behind.first; *at;) {
		struct shared *shared = *at;
		if (shared->writer != w) {
			at = &shared->next;
			continue;
		}
		*at = shared->next;
		free(shared);
	}
}

int sights_new(struct writer *w, struct sights **out)
{
	struct sights *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	clear_behind(w);
	s->writer = w;
	s->shared = calloc(1, sizeof *s->shared);
	if (!s->shared) {
		free(s);
		return -ENOMEM;
	}
	s->shared->writer = w;
	*out = s;
	return 0;
}

/** Waits until at most WAITING blocks are under way. */
static int wait_for_room(struct sights *s)
{
	int64_t end = mono_ns() + PATIENCE_MS * NS_PER_MS;
	while (s->sent - atomic_load(&s->shared->applied) >= WAITING) {
		int stuck = writer_error(s->writer);
		if (stuck)
			return -stuck;
		if (mono_ns() > end)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){0, NS_PER_MS / 2}, NULL);
	}
	return atomic_load(&s->shared->error);
}

static int send_block(struct sights *s)
{
	struct block *b = take(s->block);
	if (!b)
		return 0;
	int r = wait_for_room(s);
	struct change *c = r == 0 ? change_new(CHANGE_ACT, 0) : NULL;
	if (!c) {
		free(b);
		return r < 0 ? r : -ENOMEM;
	}
	b->number = s->sent + 1;
	b->shared = s->shared;
	c->act = act_block;
	c->record = b;
	r = writer_offer(s->writer, c, PATIENCE_MS);
	s->sent += r == 0;
	return r;
}

/** Room for an entry with @texts bytes behind its body; NULL with *error. */
static struct entry *add(struct sights *s, enum kind kind, size_t body, size_t texts, int *error)
{
	size_t size = (sizeof(struct entry) + body + texts + 7) & ~(size_t)7;
	*error = size > BLOCK ? -ENAMETOOLONG : 0;
	if (*error == 0 && s->block && BLOCK - s->block->used < size)
		*error = send_block(s);
	if (*error)
		return NULL;
	if (!s->block) {
		s->block = malloc(sizeof *s->block);
		if (!s->block) {
			*error = -ENOMEM;
			return NULL;
		}
		s->block->used = 0;
	}
	struct entry *e = (struct entry *)(s->block->data + s->block->used);
	s->block->used += size;
	e->kind = kind;
	e->size = (uint32_t)size;
	return e;
}

/** Copies to *space, which moves on. */
static struct bytes keep(struct bytes from, char **space)
{
	struct bytes copy = {*space, from.len};
	if (from.len)
		memcpy(*space, from.data, from.len);
	*space += from.len;
	return copy;
}

static const char *keep_text(const char *from, char **space)
{
	size_t n = strlen(from) + 1;
	char *copy = *space;
	memcpy(copy, from, n);
	*space += n;
	return copy;
}

static int add_numbers(struct sights *s, enum kind kind, const struct numbers *n)
{
	int r;
	struct entry *e = add(s, kind, sizeof *n, n->path.len, &r);
	if (!e)
		return r;
	struct numbers *copy = (struct numbers *)e->body;
	char *space = e->body + sizeof *copy;
	*copy = *n;
	copy->path = keep(n->path, &space);
	return 0;
}

int sights_put_dir(struct sights *s, int64_t id, int64_t root, struct bytes path, int64_t read_at)
{
	return add_numbers(s, PUT_DIR, &(struct numbers){.id = id, .root = root, .read_at = read_at, .path = path});
}

int sights_read_dir(struct sights *s, int64_t dir, int64_t mtime, int64_t read_at)
{
	return add_numbers(s, READ_DIR, &(struct numbers){.id = dir, .mtime = mtime, .read_at = read_at});
}

int sights_delete_dir(struct sights *s, int64_t dir)
{
	return add_numbers(s, DELETE_DIR, &(struct numbers){.id = dir});
}

int sights_delete(struct sights *s, int64_t id)
{
	return add_numbers(s, DELETE, &(struct numbers){.id = id});
}

int sights_release(struct sights *s, int64_t root, int64_t at)
{
	return add_numbers(s, RELEASE, &(struct numbers){.root = root, .read_at = at});
}

int sights_purge(struct sights *s)
{
	return add_numbers(s, PURGE, &(struct numbers){0});
}

int sights_put_target(struct sights *s, const struct store_target_dir *t)
{
	int r;
	struct entry *e = add(s, PUT_TARGET, sizeof *t, t->path.len + t->here.len + t->torrent.len, &r);
	if (!e)
		return r;
	struct store_target_dir *copy = (struct store_target_dir *)e->body;
	char *space = e->body + sizeof *copy;
	copy->id = t->id;
	copy->path = keep(t->path, &space);
	copy->here = keep(t->here, &space);
	copy->torrent = keep(t->torrent, &space);
	return 0;
}

int sights_put(struct sights *s, const struct store_symlink *row)
{
	const char *reason = row->reason ? row->reason : "";
	int r;
	struct entry *e = add(s, PUT, sizeof *row,
			      row->name.len + row->target.len + row->target_name.len + strlen(reason) + 1, &r);
	if (!e)
		return r;
	struct store_symlink *copy = (struct store_symlink *)e->body;
	char *space = e->body + sizeof *copy;
	*copy = *row;
	copy->name = keep(row->name, &space);
	if (row->target.data)
		copy->target = keep(row->target, &space);
	copy->target_name = keep(row->target_name, &space);
	copy->reason = keep_text(reason, &space);
	return 0;
}

int sights_judge(struct sights *s, const struct store_symlink *row)
{
	const char *reason = row->reason ? row->reason : "";
	int r;
	struct entry *e = add(s, JUDGE, sizeof *row, strlen(reason) + 1, &r);
	if (!e)
		return r;
	struct store_symlink *copy = (struct store_symlink *)e->body;
	char *space = e->body + sizeof *copy;
	*copy = *row;
	copy->reason = keep_text(reason, &space);
	return 0;
}

int sights_hold(struct sights *s, const struct store_link_hold *hold)
{
	int r;
	struct entry *e = add(s, HOLD, sizeof *hold, strlen(hold->reason) + 1, &r);
	if (!e)
		return r;
	struct store_link_hold *copy = (struct store_link_hold *)e->body;
	char *space = e->body + sizeof *copy;
	*copy = *hold;
	copy->name = "";
	copy->reason = keep_text(hold->reason, &space);
	return 0;
}

int sights_health(struct sights *s, const struct store_mount_health *h)
{
	int r;
	struct entry *e = add(s, HEALTH, sizeof *h,
			      strlen(h->path) + strlen(h->state) + strlen(h->reason) + strlen(h->fstype) + 4, &r);
	if (!e)
		return r;
	struct store_mount_health *copy = (struct store_mount_health *)e->body;
	char *space = e->body + sizeof *copy;
	*copy = *h;
	copy->path = keep_text(h->path, &space);
	copy->state = keep_text(h->state, &space);
	copy->reason = keep_text(h->reason, &space);
	copy->fstype = keep_text(h->fstype, &space);
	return 0;
}

int sights_end(struct sights *s)
{
	int r = send_block(s);
	if (s->sent == s->ended)
		return r;
	struct change *c = change_new(CHANGE_ACT, 0);
	if (!c)
		return -ENOMEM;
	c->act = act_nothing;
	int e = writer_call(s->writer, c, NULL);
	if (e == 0)
		s->ended = s->sent;
	return r < 0 ? r : e < 0 ? e : atomic_load(&s->shared->error);
}

void sights_free(struct sights *s)
{
	if (!s)
		return;
	free(s->block);
	s->block = NULL;
	sights_end(s);
	if (s->ended == s->sent)
		free(s->shared);
	else
		leave(s->shared);
	free(s);
}
