/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * One look, step by step: the mount is asked; the trees are walked; what is not there any more is forgotten, where the
 * root may be believed; each target directory is asked once; the mount is asked again; verdicts.
 *
 * Rows of new directories are written while the trees are walked, new links whose target is there while the mount still
 * answers; everything else waits for the verdicts.  A look that is cancelled keeps what it has seen
 * of the trees.  Times of directories are kept last: until then they are read again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "indexer/symlinks/symlinks_private.h"

enum {
	TEXT_MOST = 1 << 16,
	/** Names of one question. */
	NAMES_MOST = 1 << 16,
	/** So many sizes are asked with the first question; more in a round of their own. */
	SIZES_AT_ONCE = 20000,
};

int look_check(const struct look *l)
{
	return atomic_load(&l->s->is_cancelled) ? -ECANCELED : 0;
}

/* --- the trees --- */

struct walk {
	struct look *l;
	uint32_t root;
};

static int on_dir(void *arg, const struct looked_dir *d)
{
	struct walk *w = arg;
	int r = look_check(w->l);
	if (r == 0)
		r = look_wait(w->l);
	return r < 0 ? r : look_read_dir(w->l, w->root, d);
}

static int on_gone(void *arg, const char *path)
{
	struct walk *w = arg;
	struct seen_dir *d = seen_find_dir(&w->l->table, w->root, (struct bytes){path, strlen(path)});
	if (d)
		d->is_gone = true;
	return 0;
}

static int walk_root(struct look *l, uint32_t root)
{
	struct table *t = &l->table;
	struct seen_root *r = &t->roots.data[root];
	struct known_dir *known = malloc((r->count + 1) * sizeof *known);
	struct walk w = {l, root};
	if (!known)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->count; i++) {
		const struct seen_dir *d = &t->dirs.data[r->first + i];
		known[i] = (struct known_dir){d->path, l->is_full ? 0 : d->mtime};
	}
	int e = looker_walk(l->s->looker, r->path, known, r->count, on_dir, on_gone, &w, &r->tree);
	free(known);
	if (e == -ECANCELED || e == -ENOMEM)
		return e;
	int error = e < 0 ? e : r->tree.error;
	r->is_whole = error == 0;
	/* links that were read are judged, even if the rest could not be */
	r->is_seen = error == 0;
	if (error)
		snprintf(l->note, sizeof l->note, "%.40s cannot be looked at (%.60s), nothing of it is forgotten", r->name,
			 error == -ENODATA ? "it is empty" : strerror(-error));
	if (error)
		log_warning("links: %s cannot be looked at (%s); nothing of it is forgotten", r->name,
			    error == -ENODATA ? "it is empty" : strerror(-error));
	return look_check(l);
}

/* --- what is not there any more --- */

static struct root_memory *memory_of(struct symlinks *s, int64_t id)
{
	for (size_t i = 0; i < s->memory.len; i++)
		if (s->memory.data[i].id == id)
			return &s->memory.data[i];
	struct root_memory *m = vec_add(&s->memory);
	if (m)
		m->id = id;
	return m;
}

static void count_removed(struct look *l)
{
	struct table *t = &l->table;
	for (size_t i = 0; i < t->known; i++) {
		struct seen_link *k = &t->links.data[i];
		const struct seen_dir *d = &t->dirs.data[k->dir];
		if (d->is_gone)
			k->flags |= GONE | REMOVED;
		if (k->flags & REMOVED)
			t->roots.data[d->root].removed++;
	}
}

/** Whether what is missing of a root is truly gone: not when it is another disk than it was, nor when so much is missing
 * at once that a person has to say so. */
static bool may_forget(struct look *l, struct seen_root *r)
{
	const struct config *c = l->s->o.config;
	LOCKED(&l->s->lock);
	struct root_memory *m = memory_of(l->s, r->id);
	if (!m || !r->is_whole)
		return false;
	bool other = m->device && (m->device != r->tree.device || m->mount_id != r->tree.mount_id);
	bool many = links_brake(r->removed, r->links, config_int(c, OPT_symlinks_brake_links),
				config_int(c, OPT_symlinks_brake_percent));
	m->device = r->tree.device;
	m->mount_id = r->tree.mount_id;
	bool forgets = m->forgives || !(many || (other && r->removed));
	m->kept = forgets ? 0 : r->removed;
	m->forgives = false;
	return forgets;
}

/** A link that is not forgotten stays what it is; its directory is read again the next time. */
static int forget_link(struct look *l, struct seen_link *k)
{
	struct seen_dir *d = &l->table.dirs.data[k->dir];
	if (!(k->flags & REMOVED))
		return 0;
	if (!l->table.roots.data[d->root].forgets) {
		d->new_mtime = 0;
		return 0;
	}
	l->changes++;
	return d->is_gone ? 0 : sights_delete(l->sights, k->id);
}

static int forget(struct look *l)
{
	struct table *t = &l->table;
	int r = 0;
	count_removed(l);
	for (size_t i = 0; i < t->roots.len; i++)
		t->roots.data[i].forgets = may_forget(l, &t->roots.data[i]);
	for (size_t i = 0; i < t->known && r == 0; i++)
		r = forget_link(l, &t->links.data[i]);
	for (size_t i = 0; i < t->known_dirs && r == 0; i++) {
		struct seen_dir *d = &t->dirs.data[i];
		if (!d->is_gone || !t->roots.data[d->root].forgets)
			continue;
		l->changes++;
		r = sights_delete_dir(l->sights, d->id);
	}
	return r;
}

/* --- targets --- */

static uint32_t end_of(const struct table *t, uint32_t target)
{
	return target + 1 < t->targets.len ? t->targets.data[target + 1].first : t->order[t->links.len];
}

struct asking {
	struct look *l;
	/** Where the next question begins in table.order; the number of a question is where it begins. */
	uint32_t at;
	bool wants_sizes;
	/** Only those whose size is not known. */
	bool only_sizes;
};

static bool is_asked_for(const struct asking *a, const struct seen_link *k)
{
	const struct table *t = &a->l->table;
	if (!a->only_sizes)
		return t->targets.data[k->target].torrent_len && t->roots.data[t->dirs.data[k->dir].root].is_seen;
	return k->state == LINK_OK && k->size < 0;
}

static int next_target(void *arg, struct target_query *q)
{
	struct asking *a = arg;
	struct look *l = a->l;
	struct table *t = &l->table;
	uint32_t end = t->order[t->links.len];
	int r = look_check(l);
	while (r == 0 && a->at < end && !is_asked_for(a, &t->links.data[t->order[a->at]]))
		a->at++;
	if (r < 0 || a->at >= end)
		return r;
	uint32_t target = t->links.data[t->order[a->at]].target, last = end_of(t, target);
	*q = (struct target_query){.number = a->at, .path = t->targets.data[target].here,
				   .wants_sizes = a->only_sizes};
	l->names.len = 0;
	for (; a->at < last && l->names.len < NAMES_MOST; a->at++) {
		const struct seen_link *k = &t->links.data[t->order[a->at]];
		struct bytes *name = vec_add(&l->names);
		if (!name)
			return -ENOMEM;
		*name = (struct bytes){k->name, k->name_len};
		q->wants_sizes = q->wants_sizes || (a->wants_sizes && k->size < 0);
	}
	q->names = l->names.data;
	q->count = l->names.len;
	return 1;
}

static int take_answer(struct look *l, uint32_t link, int error, int64_t size, bool only_sizes)
{
	struct seen_link *k = &l->table.links.data[link];
	k->seen_size = size;
	if (only_sizes)
		return 0;
	k->seen = error;
	k->flags |= ASKED;
	return link >= l->table.known ? look_put_early(l, link) : 0;
}

static int on_answer(void *arg, const struct target_answer *answer)
{
	struct asking *a = arg;
	struct table *t = &a->l->table;
	int r = look_check(a->l);
	uint32_t first = (uint32_t)answer->number, target = t->links.data[t->order[first]].target;
	uint32_t end = end_of(t, target) - first;
	/* of a directory that could not be read only the error is told */
	uint32_t n = end < NAMES_MOST ? end : NAMES_MOST;
	for (uint32_t i = 0; i < n && r == 0; i++) {
		int error = answer->error;
		if (!error && i < answer->count && answer->errors)
			error = answer->errors[i];
		int64_t size = !answer->error && answer->sizes && i < answer->count ? answer->sizes[i] : -1;
		r = take_answer(a->l, t->order[first + i], error, size, a->only_sizes);
	}
	atomic_fetch_add(&a->l->s->done, n);
	return r;
}

static int64_t count_unmeasured(const struct table *t)
{
	int64_t n = 0;
	for (size_t i = 0; i < t->links.len; i++) {
		const struct seen_link *k = &t->links.data[i];
		n += !(k->flags & GONE) && k->size < 0 && t->targets.data[k->target].torrent_len;
	}
	return n;
}

/** A mount that does not answer is not asked on; what was answered before does not count either: see
 * look_ask_health_again(). */
static int ask_targets(struct look *l)
{
	struct asking a = {.l = l};
	int r = seen_group(&l->table);
	atomic_store(&l->s->total, l->table.order ? (int64_t)l->table.order[l->table.links.len] : 0);
	if (r < 0 || !l->has_mount || !(l->health.is_healthy || l->health.is_loss))
		return r;
	a.wants_sizes = count_unmeasured(&l->table) <= SIZES_AT_ONCE;
	r = looker_targets(l->s->looker, next_target, on_answer, &a);
	if (r == -ECANCELED || r == -ENOMEM)
		return r;
	if (r < 0)
		log_warning("links: the mount was not asked for all targets: %s", strerror(-r));
	return look_check(l);
}

/** What a look needs of the links that the store has now: all of them there, their targets unmeasured. */
static int load_again(struct look *l, struct table *before)
{
	*before = l->table;
	l->table = (struct table){0};
	return seen_load(&l->table, l->s->store);
}

static void put_back(struct look *l, struct table *before)
{
	seen_clear(&l->table);
	l->table = *before;
}

static int keep_sizes(struct look *l)
{
	struct table *t = &l->table;
	int r = 0;
	for (size_t i = 0; i < t->links.len && r == 0; i++) {
		const struct seen_link *k = &t->links.data[i];
		if (k->seen_size < 0 || k->seen_size == k->size)
			continue;
		r = sights_judge(l->sights, &(struct store_symlink){
			.id = k->id, .state = k->state, .error = k->error, .sightings = k->sightings,
			.first_at = k->first_at, .last_at = k->last_at, .since = k->since, .ok_at = k->ok_at,
			.size = k->seen_size, .reason = k->reason});
	}
	return r;
}

/** Sizes are nice to have: where many are not known they are asked when all else is stored, and what was
 * answered is kept also when the rest was not. */
static int measure(struct look *l)
{
	struct table before;
	struct asking a = {.l = l, .only_sizes = true};
	if (!l->has_mount || !l->health.is_healthy || count_unmeasured(&l->table) <= SIZES_AT_ONCE)
		return 0;
	int r = sights_end(l->sights);
	if (r < 0)
		return r;
	r = load_again(l, &before);
	if (r == 0)
		r = seen_group(&l->table);
	if (r == 0)
		r = looker_targets(l->s->looker, next_target, on_answer, &a);
	int e = r == -ENOMEM ? r : keep_sizes(l);
	put_back(l, &before);
	return e < 0 ? e : r == -ECANCELED ? r : 0;
}

/* --- the end --- */

static int keep_times(struct look *l)
{
	struct table *t = &l->table;
	int r = 0;
	for (size_t i = 0; i < t->dirs.len && r == 0; i++) {
		const struct seen_dir *d = &t->dirs.data[i];
		const struct seen_root *root = &t->roots.data[d->root];
		if (d->read_at && root->is_whole && d->new_mtime != d->mtime && !(d->is_gone && root->forgets))
			r = sights_read_dir(l->sights, d->id, d->new_mtime, d->read_at);
	}
	return r;
}

/** Ends early: what was read of the trees is kept, without a word about its targets. */
static int keep_unseen(struct look *l)
{
	int r = 0;
	for (size_t i = l->table.known; i < l->table.links.len && r == 0; i++)
		r = look_put_unseen(l, (uint32_t)i);
	return r < 0 ? r : keep_times(l);
}

/** Rows that were made for the configuration of another time are placed anew; once in each process. */
static int place_all(struct look *l)
{
	struct table *t = &l->table;
	int r = 0;
	for (size_t i = 0; i < t->targets.len && r == 0 && !l->s->was_placed; i++) {
		struct seen_target *d = &t->targets.data[i];
		struct store_target_dir row = {.id = d->id, .path = {d->path, d->path_len}};
		look_place(l, &row, (struct bytes){"x", 1});
		if (row.torrent.len == d->torrent_len && memcmp(row.torrent.data, d->torrent, d->torrent_len) == 0 &&
		    row.here.len == d->here_len && memcmp(row.here.data, d->here, d->here_len) == 0)
			continue;
		d->here = texts_add(&t->texts, row.here.data, row.here.len);
		d->here_len = (uint32_t)row.here.len;
		d->torrent = texts_add(&t->texts, row.torrent.data, row.torrent.len);
		d->torrent_len = (uint32_t)row.torrent.len;
		l->changes++;
		r = d->here && d->torrent ? sights_put_target(l->sights, &row) : -ENOMEM;
	}
	return r;
}

static int walk_all(struct look *l)
{
	int r = 0;
	for (uint32_t i = 0; i < l->table.roots.len && r == 0; i++)
		r = walk_root(l, i);
	int e = look_wait(l);
	r = r < 0 ? r : e;
	if (r < 0)
		for (size_t i = 0; i < l->table.roots.len; i++)
			l->table.roots.data[i].is_whole = false;
	return r;
}

/** What was stored early was judged too early. */
static int take_back_early(struct look *l)
{
	int r = l->has_early && !l->health.is_healthy ? sights_end(l->sights) : -EALREADY;
	if (r < 0)
		return r == -EALREADY ? 0 : r;
	struct table before;
	r = load_again(l, &before);
	for (size_t i = 0; i < l->table.roots.len; i++)
		l->table.roots.data[i].is_seen = true;
	/* nobody was asked: all is unknown */
	if (r == 0)
		r = look_judge(l);
	put_back(l, &before);
	return r;
}

static int conclude(struct look *l)
{
	/* a hold was released while this look went on with what it knew before */
	if (l->releases != atomic_load(&l->s->releases))
		return -EAGAIN;
	int r = look_judge(l);
	if (r == 0)
		r = take_back_early(l);
	if (r == 0)
		r = keep_times(l);
	if (r == 0)
		r = look_keep_health(l);
	return r < 0 ? r : sights_end(l->sights);
}

/** When all verdicts are durable. */
static int purge(struct look *l)
{
	return l->changes || !l->s->was_placed ? sights_purge(l->sights) : 0;
}

static int begin(struct look *l)
{
	return look_ask_health(l, false);
}

static const struct {
	const char *name;
	int (*run)(struct look *l);
} steps[] = {
	{"begin", begin},	      {"walk", walk_all},    {"forget", forget},   {"targets", ask_targets},
	{"mount", look_ask_health_again}, {"verdict", conclude}, {"purge", purge},
	{"sizes", measure},
};

static int run(struct look *l)
{
	const struct symlinks_options *o = &l->s->o;
	int r = 0;
	for (size_t i = 0; i < COUNT_OF(steps) && r == 0; i++) {
		if (o->step)
			o->step(o->arg, steps[i].name);
		int64_t start = mono_ns();
		r = steps[i].run(l);
		log_debug("links: %s took %lld ms", steps[i].name, (long long)((mono_ns() - start) / NS_PER_MS));
	}
	if (r == -ECANCELED || r == -EAGAIN) {
		int e = look_wait(l);
		if (e == 0)
			e = keep_unseen(l);
		return e < 0 ? e : r;
	}
	return r;
}

static void *load_links(void *arg)
{
	struct look *l = arg;
	l->load_result = seen_load_links(&l->table, l->s->store);
	return NULL;
}

int look_wait(struct look *l)
{
	if (!l->is_loading)
		return l->load_result;
	thread_join(&l->loader);
	l->is_loading = false;
	store_end(l->s->store);
	return l->load_result;
}

/** What the first steps need; the links are loaded while these go on. */
static int load_first(struct look *l)
{
	struct symlinks *s = l->s;
	int r = seen_load_trees(&l->table, s->store);
	if (r == 0)
		r = look_load_health(l);
	if (r == 0)
		r = sights_new(s->o.writer, &l->sights);
	if (r == 0)
		r = place_all(l);
	if (r == 0)
		r = thread_start(&l->loader, "links", load_links, l);
	return r;
}

static int load(struct look *l)
{
	struct symlinks *s = l->s;
	/* a link that is on its way to the store would be told a second time */
	int r = s->is_unsettled ? writer_flush(s->o.writer) : 0;
	s->is_unsettled = r < 0;
	if (r == 0 && !s->store)
		r = store_open_reader(s->o.state_dir, &s->store);
	if (r == 0)
		r = store_begin_read(s->store);
	if (r < 0)
		return r;
	r = load_first(l);
	l->is_loading = r == 0;
	if (r < 0)
		store_end(s->store);
	return r;
}

static void clear(struct look *l)
{
	look_wait(l);
	sights_free(l->sights);
	seen_clear(&l->table);
	vec_clear(&l->names);
	vec_clear(&l->anchors);
	texts_clear(&l->anchor_texts);
	buf_clear(&l->text);
	buf_clear(&l->path);
	buf_clear(&l->here);
}

static void say(struct look *l, int r, char result[static 160])
{
	long long links = 0;
	for (size_t i = 0; i < l->table.links.len; i++)
		links += !(l->table.links.data[i].flags & GONE);
	if (r < 0)
		snprintf(result, 160, "%s", r == -ECANCELED ? "cancelled" : strerror(-r));
	else if (*l->note)
		snprintf(result, 160, "%s", l->note);
	else if (l->has_mount && !l->health.is_healthy)
		snprintf(result, 160, "%lld links; the mount is %s: %.100s", links, l->health.state, l->health.reason);
	else
		snprintf(result, 160, "%lld links, %lld changes", links, (long long)l->changes);
}

int look_at_all(struct symlinks *s, bool full, char result[static 160])
{
	struct look l = {
		.s = s, .is_full = full, .releases = atomic_load(&s->releases),
		.now = s->o.now ? s->o.now(s->o.arg) : now_ns(), .has_mount = *places_mount(s->places) != '\0',
		.text = BUF_INIT(TEXT_MOST), .path = BUF_INIT(TEXT_MOST), .here = BUF_INIT(TEXT_MOST),
		.health = {.state = "unknown"},
	};
	int r = load(&l);
	if (r == 0)
		r = run(&l);
	int e = l.sights ? sights_end(l.sights) : 0;
	s->is_unsettled = s->is_unsettled || e < 0;
	r = r < 0 ? r : e;
	s->was_placed = s->was_placed || r == 0;
	s->is_healthy = l.health.is_healthy || !l.has_mount;
	look_wait(&l);
	say(&l, r, result);
	bool changed = l.changes > 0;
	clear(&l);
	if (changed && s->o.changed)
		s->o.changed(s->o.arg);
	return r;
}
