/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A round: the new state is read (topics, changed rows), what the kernel knows of it is collected
 * under the lock of the node table, and only then, without any lock, the kernel is told.
 *
 * An answer to a LOOKUP that was made from the old state may reach the kernel after the round has
 * collected its names.  So handlers note the round before they look (notify_round) and ask after
 * they answered (notify_again).  The kernel itself holds the directory's lock until the answer is
 * in its cache, and takes the same lock to invalidate: the notice cannot overtake the answer.
 *
 * Pollers are woken, and status/generation is even again, once no old name can come back: every
 * handler that began before the round has ended, and what it told the kernel is invalidated.  The
 * thread does not wait for that: the announcement is kept (pending) and tried again.
 */
#include "fs/notify.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/thread.h"
#include "common/vec.h"
#include "fs/grow.h"
#include "fs/inode.h"
#include "fs/pollers.h"
#include "fs/tree.h"

enum {
	/** Handlers at work at one time: there are two threads. */
	LOOKS = 16,
	/** How soon an announcement is tried again. */
	PENDING_MS = 2,
	/** How often the live page is looked at while a job runs, and while none does. */
	BUSY_MS = 200,
	IDLE_MS = 1000,
};

struct target {
	uint64_t parent;
	/** NULL: there was no memory for it; then all that @parent holds. */
	char *name;
};

typedef VEC(struct target) targets;
typedef VEC(uint64_t) ids;

static struct {
	struct fuse_session *session;
	struct thread thread;
	int64_t started_at;
	_Atomic bool is_ready, is_ending;
	_Atomic uint64_t round;
	/** The last state that was announced whole, and how often moods moved. */
	_Atomic uint64_t generation, mood_moves;
	_Atomic int is_announcing;
	pthread_mutex_t lock;
	/* protected by lock: */
	/** Names that a round may have missed. */
	targets missed;
	/** Rounds of the handlers at work, 0 for a free slot; those that found no slot. */
	uint64_t look[LOOKS];
	int more_looks;
	/** What pollers are to be told, its commit, and the last commit they were told of. */
	struct announced pending;
	bool is_pending;
	uint64_t pending_commit, announced_commit;
	pthread_cond_t announced;
	/* only the thread: */
	uint64_t version[TOPIC_COUNT];
} all = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.announced = PTHREAD_COND_INITIALIZER,
	.round = 1,
};

/* --- telling the kernel --- */

static void forget_name(uint64_t parent, const char *name)
{
	if (!atomic_load(&all.is_ready))
		return;
	int r = fuse_lowlevel_notify_inval_entry(all.session, parent, name, strlen(name));
	if (r < 0 && r != -ENOENT && r != -ENOTCONN)
		log_debug("a name could not be invalidated: %s", strerror(-r));
}

static void forget_listing(uint64_t dir)
{
	if (atomic_load(&all.is_ready))
		fuse_lowlevel_notify_inval_inode(all.session, dir, 0, 0);
}

static void forget_bytes(uint64_t id, int64_t from)
{
	fuse_lowlevel_notify_inval_inode(all.session, id, from, 0);
}

static void store_bytes(uint64_t id, uint64_t at, char *data, size_t n)
{
	struct fuse_bufvec bytes = FUSE_BUFVEC_INIT(n);
	bytes.buf[0].mem = data;
	int r = fuse_lowlevel_notify_store(all.session, id, (off_t)at, &bytes, 0);
	/* a kernel that forgot the file asks again */
	if (r < 0 && r != -ENOENT && r != -ENOTCONN)
		log_debug("a file that grew could not be told: %s", strerror(-r));
}

static void send_all(targets *names, ids *dirs)
{
	for (size_t i = 0; i < names->len; i++) {
		if (names->data[i].name)
			forget_name(names->data[i].parent, names->data[i].name);
		else
			forget_listing(names->data[i].parent);
		free(names->data[i].name);
	}
	for (size_t i = 0; i < dirs->len; i++)
		forget_listing(dirs->data[i]);
	vec_clear(names);
	vec_clear(dirs);
}

void notify_name(uint64_t parent, const char *name)
{
	forget_name(parent, name);
}

/* --- what changed --- */

struct change {
	/** VIEW_STORE: every name is to be forgotten. */
	unsigned topics, moods;
	/** Numbers of directories all names of which are to be forgotten; sorted. */
	ids rows;
	/** Numbers of nodes whose own name is to be forgotten; sorted. */
	ids gone;
	/** Nodes of growing files as they are now. */
	ids segments;
	targets *names;
	ids *dirs;
	struct view *v;
};

static void add_id(ids *list, uint64_t id)
{
	uint64_t *slot = vec_add(list);
	if (slot)
		*slot = id;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void sort(ids *list)
{
	if (list->len)
		qsort(list->data, list->len, sizeof *list->data, by_value);
}

static bool has(const ids *list, uint64_t id)
{
	return list->len && bsearch(&id, list->data, list->len, sizeof id, by_value);
}

/** All nodes that stand for a row. */
static void add_row_nodes(struct change *c, enum row_kind kind, int64_t row, ids *list)
{
	size_t n;
	const struct entry *const *e = tree_entries(&n);
	for (size_t i = 0; i < n; i++) {
		struct node node = {.entry = e[i], .row = (uint64_t)row};
		if (e[i]->rows == kind && inode_is_known(tree_id(&node)))
			add_id(list, tree_id(&node));
	}
	(void)c;
}

static int add_spot(void *arg, const struct store_item *item)
{
	struct change *c = arg;
	add_row_nodes(c, ROW_SPOT, item->id, &c->rows);
	return 0;
}

static void add_changed(void *arg, enum row_kind kind, int64_t id, bool is_gone)
{
	struct change *c = arg;
	if (kind == ROW_ALBUM && !is_gone) {
		/* an album is seen at its spots; asked after this statement has ended */
		add_id(c->dirs, (uint64_t)id);
		return;
	}
	add_row_nodes(c, kind, id, &c->rows);
	if (is_gone)
		add_row_nodes(c, kind, id, &c->gone);
}

static void collect_rows(struct change *c, uint64_t since)
{
	ids albums = {0};
	ids *dirs = c->dirs;
	c->dirs = &albums;
	store_changed(c->v->store, since, add_changed, c);
	c->dirs = dirs;
	for (size_t i = 0; i < albums.len; i++)
		store_spots_for_album(c->v->store, (int64_t)albums.data[i], add_spot, c);
	vec_clear(&albums);
	sort(&c->rows);
	sort(&c->gone);
}

/** A file that shows topics or moods which moved, or whose own row is gone. */
static bool is_old(void *arg, uint64_t id)
{
	struct change *c = arg;
	struct node n;
	if (tree_decode(id, &n) < 0)
		return false;
	if (c->moods & VIEW_STORE) {
		if (S_ISDIR(n.entry->mode))
			add_id(c->dirs, id);
		return true;
	}
	if (n.entry->grows)
		return n.entry->topics & c->topics && !has(&c->segments, id);
	/* rows without versions of their own: all of them may be others */
	if (!S_ISREG(n.entry->mode) && !n.entry->name && n.entry->topics & c->topics) {
		if (S_ISDIR(n.entry->mode))
			add_id(c->dirs, id);
		return true;
	}
	if (S_ISREG(n.entry->mode) && !n.entry->stamp)
		return n.entry->topics & c->topics || n.entry->moods & c->moods;
	return has(&c->gone, id);
}

static bool is_in_changed_row(void *arg, uint64_t parent)
{
	struct change *c = arg;
	return has(&c->rows, parent);
}

static void add_target(void *arg, uint64_t parent, const char *name)
{
	struct change *c = arg;
	struct target *t = vec_add(c->names);
	if (t)
		*t = (struct target){parent, strdup(name)};
}

/** Directories whose names depend on topics that moved. */
static void add_listings(struct change *c)
{
	size_t n;
	const struct entry *const *e = tree_entries(&n);
	for (size_t i = 0; i < n; i++) {
		struct node node = {.entry = e[i]};
		if (S_ISDIR(e[i]->mode) && e[i]->name &&
		    (e[i]->topics & c->topics || c->moods & VIEW_STORE))
			add_id(c->dirs, tree_id(&node));
	}
	for (size_t i = 0; i < c->rows.len; i++)
		add_id(c->dirs, c->rows.data[i]);
}

/* --- files that grow --- */

static void find_segments(struct change *c)
{
	size_t n;
	int64_t at;
	const struct entry *const *e = tree_entries(&n);
	for (size_t i = 0; i < n; i++) {
		struct node node = {.entry = e[i]};
		if (e[i]->grows && tree_stamp(c->v, &node, &node.version, &at) == 0)
			add_id(&c->segments, tree_id(&node));
	}
	sort(&c->segments);
}

static bool is_among(const targets *names, const char *name)
{
	for (size_t i = 0; i < names->len; i++)
		if (names->data[i].name && strcmp(names->data[i].name, name) == 0)
			return true;
	return false;
}

/**
 * Files that grow: what was added is told; a former segment's name is forgotten (is_old).  One
 * that was looked up by an old view came too late to grow with the others.  How many grew.
 */
static uint64_t grow_all(struct change *c, const targets *missed)
{
	static const struct grow_teller teller = {forget_bytes, store_bytes};
	size_t n;
	uint64_t grown = 0;
	const struct entry *const *e = tree_entries(&n);
	for (size_t i = 0; i < n; i++)
		if (e[i]->grows && (e[i]->topics & c->topics || is_among(missed, e[i]->name)))
			grown += grow_file(c->v, e[i], atomic_load(&all.is_ready) ? &teller : NULL);
	return grown;
}

/* --- announcing --- */

static bool is_old_look(void)
{
	for (int i = 0; i < LOOKS; i++)
		if (all.look[i] && all.look[i] < atomic_load(&all.round))
			return true;
	return all.more_looks > 0;
}

/** Wakes pollers, unless the kernel may still be told an old name. */
static void announce(void)
{
	{
		LOCKED(&all.lock);
		if (!all.is_pending || all.missed.len || atomic_load(&all.is_announcing) ||
		    is_old_look())
			return;
		all.is_pending = false;
		all.announced_commit = all.pending_commit;
		all.pending.generation = 2 * (all.pending_commit + atomic_load(&all.mood_moves));
		pollers_set(&all.pending);
		pthread_cond_broadcast(&all.announced);
	}
	pollers_wake(mono_ns());
}

static void set_pending(const struct change *c, uint64_t grown)
{
	LOCKED(&all.lock);
	struct announced *p = &all.pending;
	memcpy(p->topic, c->v->version, sizeof p->topic);
	/* bit 2, VIEW_ORDERS, is announced by notify_orders() */
	p->mood[0] = c->v->mood.version[0];
	p->mood[1] = c->v->mood.version[1];
	for (size_t i = 0; i < c->segments.len && i < GROWING_MAX; i++)
		p->segment[i] = c->segments.data[i];
	p->growths += grown;
	all.pending_commit = c->v->generation;
	all.is_pending = true;
}

static bool is_pending(void)
{
	LOCKED(&all.lock);
	return all.is_pending;
}

/* --- rounds --- */

static unsigned moved_topics(const struct view *v)
{
	unsigned moved = 0;
	for (int t = 0; t < TOPIC_COUNT; t++)
		if (v->version[t] != all.version[t])
			moved |= 1u << t;
	return moved;
}

static void take_missed(targets *names)
{
	LOCKED(&all.lock);
	*names = all.missed;
	memset(&all.missed, 0, sizeof all.missed);
}

static void run_round(unsigned moods)
{
	struct view v;
	targets names = {0}, missed = {0};
	ids dirs = {0}, none = {0};
	atomic_fetch_add(&all.is_announcing, 1);
	moods |= views_check_store();
	view_begin(&v);
	struct change c = {.topics = moved_topics(&v), .moods = moods, .names = &names,
			   .dirs = &dirs, .v = &v};
	/* whoever sees the new number has a view that is not older than this one; when nothing moved
	 * the number stays, or lookups that take long would make each other's names missed for ever */
	if (c.topics || c.moods)
		atomic_fetch_add(&all.round, 1);
	uint64_t since = 0;
	for (int t = 0; t < TOPIC_COUNT; t++)
		since = all.version[t] > since ? all.version[t] : since;
	if (v.store && c.topics) {
		find_segments(&c);
		collect_rows(&c, since);
	}
	if (c.topics || c.moods) {
		inodes_names(is_old, is_in_changed_row, &c, add_target);
		add_listings(&c);
	}
	take_missed(&missed);
	uint64_t grown = v.store ? grow_all(&c, &missed) : 0;
	memcpy(all.version, v.version, sizeof all.version);
	view_end(&v);
	send_all(&missed, &none);
	send_all(&names, &dirs);
	set_pending(&c, grown);
	vec_clear(&c.rows);
	vec_clear(&c.gone);
	vec_clear(&c.segments);
	if (moods)
		atomic_fetch_add(&all.mood_moves, 1);
	atomic_store(&all.generation, v.generation);
	atomic_fetch_sub(&all.is_announcing, 1);
	announce();
}

static bool has_missed(void)
{
	LOCKED(&all.lock);
	return all.missed.len > 0;
}

static void *follow(void *arg)
{
	(void)arg;
	uint32_t seen = 0;
	int64_t next_live = 0, next_lock = 0;
	while (!atomic_load(&all.is_ending)) {
		int64_t now = mono_ns();
		unsigned moods = 0;
		if (now >= next_live) {
			moods = views_refresh(now >= next_lock);
			next_live = now + BUSY_MS * NS_PER_MS;
			if (now >= next_lock)
				next_lock = now + IDLE_MS / 2 * NS_PER_MS;
		}
		if (moods || has_missed() || views_is_behind(atomic_load(&all.generation)))
			run_round(moods);
		announce();
		pollers_wake(mono_ns());
		views_wait(&seen, is_pending() || has_missed() ? PENDING_MS : BUSY_MS);
	}
	return NULL;
}

/* --- what others ask --- */

struct look notify_begin(void)
{
	LOCKED(&all.lock);
	struct look l = {.round = atomic_load(&all.round)};
	while (l.slot < LOOKS && all.look[l.slot])
		l.slot++;
	if (l.slot < LOOKS)
		all.look[l.slot] = l.round;
	else
		all.more_looks++;
	return l;
}

void notify_again(const struct look *l, uint64_t parent, const char *name)
{
	if (atomic_load(&all.round) == l->round)
		return;
	LOCKED(&all.lock);
	struct target *t = vec_add(&all.missed);
	if (t)
		*t = (struct target){parent, strdup(name)};
}

void notify_end(const struct look *l)
{
	{
		LOCKED(&all.lock);
		if (l->slot < LOOKS)
			all.look[l->slot] = 0;
		else
			all.more_looks--;
	}
	if (atomic_load(&all.round) != l->round)
		views_poke();
}

void notify_wait(int timeout_ms)
{
	uint64_t commit = views_commit();
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += timeout_ms * NS_PER_MS;
	end.tv_sec += end.tv_nsec / NS_PER_S;
	end.tv_nsec %= NS_PER_S;
	LOCKED(&all.lock);
	while (all.announced_commit < commit && !atomic_load(&all.is_ending))
		if (pthread_cond_clockwait(&all.announced, &all.lock, CLOCK_MONOTONIC, &end))
			return;
}

uint64_t notify_generation(void)
{
	uint64_t announced = atomic_load(&all.generation);
	bool odd = views_is_behind(announced) || atomic_load(&all.is_announcing) || has_missed() ||
		   is_pending();
	return 2 * (announced + atomic_load(&all.mood_moves)) + odd;
}

void notify_orders(void)
{
	struct view v;
	targets names = {0};
	ids dirs = {0};
	atomic_fetch_add(&all.is_announcing, 1);
	view_begin(&v);
	atomic_fetch_add(&all.round, 1);
	struct change c = {.moods = VIEW_ORDERS, .names = &names, .dirs = &dirs, .v = &v};
	inodes_names(is_old, NULL, &c, add_target);
	view_end(&v);
	send_all(&names, &dirs);
	{
		LOCKED(&all.lock);
		all.pending.mood[2] = v.mood.version[2];
		all.is_pending = true;
	}
	atomic_fetch_add(&all.mood_moves, 1);
	atomic_fetch_sub(&all.is_announcing, 1);
	announce();
}

int64_t notify_started_at(void)
{
	return all.started_at;
}

void notify_ready(void)
{
	atomic_store(&all.is_ready, true);
}

int notify_start(struct fuse_session *session)
{
	all.session = session;
	all.started_at = now_ns() / NS_PER_S * NS_PER_S;
	return thread_start(&all.thread, "notify", follow, NULL);
}

void notify_stop(void)
{
	atomic_store(&all.is_ready, false);
	atomic_store(&all.is_ending, true);
	thread_join(&all.thread);
	for (size_t i = 0; i < all.missed.len; i++)
		free(all.missed.data[i].name);
	vec_clear(&all.missed);
}
