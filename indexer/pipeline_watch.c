/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Scans that nobody ordered: of directories in which something happened, once they are quiet; of
 * roots that cannot be watched, again and again; and of a slice of each root, so that within a day
 * everything was looked at whatever was noticed.
 */
#include "indexer/pipeline_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/render.h"

enum {
	/** Directories of one root that wait; more become the whole root. */
	DUE_MOST = 4096,
	/** A folder in which something happens without end is read all the same, after so many quiet
	 * periods; one of which nothing is known yet, which is being copied, after an hour. */
	PATIENCE = 30,
	PATIENCE_NEW_S = 3600,
	/** Most quiet periods that one folder waits for the others. */
	TOGETHER = 4,
	/** Paths that one order to a scout takes; the others come with the next. */
	ORDER_BYTES = 1 << 20,
	/** Parts of a root that are verified one after the other. */
	SLICES = 24,
	PURGE_S = 3600,
	/** How often a root is asked for that is not there. */
	AWAY_S = 4,
};

/* --- what is due --- */

static struct due *find_due(const struct root_row *row, const char *path, size_t n)
{
	for (size_t i = 0; i < row->due.len; i++) {
		struct due *d = &row->due.data[i];
		if (strlen(d->path) == n && memcmp(d->path, path, n) == 0)
			return d;
	}
	return NULL;
}

static void drop_due(struct root_row *row)
{
	for (size_t i = 0; i < row->due.len; i++)
		free(row->due.data[i].path);
	row->due.len = 0;
}

void watch_add(struct pipeline *p, int scout, const char *path, size_t n, unsigned flags)
{
	struct root_row *row = &p->row[scout];
	struct due *d = find_due(row, path, n);
	int64_t now = mono_ns();
	if (!d && row->due.len >= DUE_MOST) {
		drop_due(row);
		path = "";
		n = 0;
		flags = DIRTY_DEEP;
	}
	if (!d) {
		d = vec_add(&row->due);
		if (!d)
			return;
		*d = (struct due){.path = strndup(path, n), .first_at = now};
	}
	d->flags = (d->flags & DIRTY_DEEP) | flags;
	d->last_at = now;
}

/** It may come back at any time, and nobody would tell. */
static bool is_away(const struct root_row *row)
{
	return strcmp(row->state, "present") != 0 && strcmp(row->state, "frozen") != 0;
}

int watch_add_place(void *arg, int64_t root, struct bytes dir)
{
	struct pipeline *p = arg;
	for (size_t i = 0; i < p->scouts; i++)
		if (p->row[i].id == root && !is_away(&p->row[i]))
			watch_add(p, (int)i, dir.data, dir.len, 0);
	return 0;
}

void watch_on_dirty(struct pipeline *p, int scout, struct frame *f)
{
	uint32_t n = frame_get_u32(f);
	for (uint32_t i = 0; i < n && !f->is_bad; i++) {
		size_t len;
		uint32_t flags = frame_get_u32(f);
		const char *path = frame_get_bytes(f, &len);
		if (flags & DIRTY_LOST)
			drop_due(&p->row[scout]);
		if (!f->is_bad)
			watch_add(p, scout, path, len, flags & ~(unsigned)DIRTY_LOST);
	}
}

bool watch_is_busy(const struct pipeline *p, int scout, struct bytes path)
{
	const struct due *d = find_due(&p->row[scout], path.data, path.len);
	return d && d->flags & DIRTY_WRITING && config_int(p->o.config, OPT_scan_quiet) &&
	       mono_ns() - d->last_at < config_int(p->o.config, OPT_scan_quiet);
}

static bool is_known(struct pipeline *p, int scout, const char *path)
{
	int64_t id;
	bool cover;
	return store_dir(p->store, p->row[scout].id, path, strlen(path), &id, &cover) == 0;
}

/** When a directory may be read. */
static int64_t due_at(struct pipeline *p, int scout, const struct due *d)
{
	int64_t quiet = config_int(p->o.config, OPT_scan_quiet);
	int64_t calm = d->last_at + quiet;
	if (calm <= d->first_at + PATIENCE * quiet)
		return calm;
	int64_t most = d->first_at +
		       (is_known(p, scout, d->path) ? PATIENCE * quiet : PATIENCE_NEW_S * NS_PER_S);
	return calm < most ? calm : most;
}

/* --- how it is watched --- */

static const char *const modes[] = {
	[WATCH_AUTO] = "auto", [WATCH_INOTIFY] = "inotify", [WATCH_FANOTIFY] = "fanotify",
	[WATCH_POLL] = "poll",
};

static void describe(struct pipeline *p, const struct watch_counts *c, bool has_polled,
		     struct buf *out)
{
	_buf_ struct buf poll = BUF_INIT(64);
	human_duration((double)config_int(p->o.config, OPT_scan_poll) / 1e9, &poll);
	buf_adds(out, modes[c->mode]);
	if (c->mode == WATCH_POLL)
		buf_addf(out, ": looked at every %s", buf_str(&poll));
	if (c->reason[0])
		buf_addf(out, " (%s)", c->reason);
	if (c->unwatched)
		buf_addf(out,
			 ": %llu folders are watched, for %llu there was no watch left: they are looked at "
			 "every %s; sysctl fs.inotify.max_user_watches=%llu lets all be watched",
			 (unsigned long long)c->watched, (unsigned long long)c->unwatched, buf_str(&poll),
			 (unsigned long long)(c->watched + c->unwatched) * 2);
	if (has_polled && c->mode != WATCH_POLL)
		buf_addf(out, "; what is mounted below it and tells no changes is looked at every %s",
			 buf_str(&poll));
	if (c->overflows)
		buf_addf(out, "; events were lost %llu times, each time all was looked at",
			 (unsigned long long)c->overflows);
}

void watch_on_counts(struct pipeline *p, int scout, struct frame *f)
{
	size_t n;
	struct root_row *row = &p->row[scout];
	struct watch_counts c = {.mode = (enum watch_mode)(frame_get_u32(f) % COUNT_OF(modes))};
	c.watched = frame_get_u64(f);
	c.unwatched = frame_get_u64(f);
	c.overflows = frame_get_u64(f);
	const char *reason = frame_get_bytes(f, &n);
	snprintf(c.reason, sizeof c.reason, "%.*s", (int)n, reason);
	row->is_polled = c.mode == WATCH_POLL || c.unwatched;
	row->has_marks = c.mode == WATCH_FANOTIFY;
	guard_refresh(p, scout);
	if (c.overflows || c.unwatched)
		log_debug("%s: watched %llu, unwatched %llu, overflows %llu", p->scout[scout].path,
			  (unsigned long long)c.watched, (unsigned long long)c.unwatched,
			  (unsigned long long)c.overflows);
	_buf_ struct buf how = BUF_INIT(1024);
	describe(p, &c, row->has_remote_below, &how);
	if (strcmp(buf_str(&how), row->watch) == 0)
		return;
	snprintf(row->watch, sizeof row->watch, "%s", buf_str(&how));
	struct change *change = change_new(CHANGE_ROOT_WATCH, how.len + 1);
	if (!change)
		return;
	change->root = row->id;
	change->error_reason = change_copy(change, buf_str(&how), how.len);
	writer_put(p->o.writer, change);
}

/* --- starting scans --- */

static int by_path(const void *a, const void *b)
{
	const struct walk_scope *x = a, *y = b;
	return strcmp(x->path, y->path);
}

/** What lies below a deep one is in it. */
static void collapse(struct scan_plan *plan)
{
	size_t n = 0;
	if (plan->scopes.len)
		qsort(plan->scopes.data, plan->scopes.len, sizeof *plan->scopes.data, by_path);
	for (size_t i = 0; i < plan->scopes.len; i++) {
		struct walk_scope s = plan->scopes.data[i];
		bool is_in = false;
		for (size_t k = 0; k < n && !is_in; k++) {
			const struct walk_scope *deep = &plan->scopes.data[k];
			is_in = deep->is_deep && (!*deep->path || path_below(deep->path, s.path));
		}
		if (is_in)
			free((char *)(uintptr_t)s.path);
		else
			plan->scopes.data[n++] = s;
	}
	plan->scopes.len = n;
}

/** The last time that something happened in the root which was not the writing of a file. */
static int64_t last_event(const struct root_row *row)
{
	int64_t last = 0;
	for (size_t i = 0; i < row->due.len; i++)
		if (!(row->due.data[i].flags & DIRTY_WRITING) && row->due.data[i].last_at > last)
			last = row->due.data[i].last_at;
	return last;
}

/** What happened together is looked at together, so that a move is seen as one and a mass of
 * losses as a mass; but nothing waits for ever for what goes on elsewhere. */
static bool is_over(const struct pipeline *p, const struct due *d, int64_t last, int64_t now)
{
	int64_t quiet = config_int(p->o.config, OPT_scan_quiet);
	return now >= last + quiet || now >= d->last_at + TOGETHER * quiet;
}

static void take_due(struct pipeline *p, int scout, struct scan_plan *plan)
{
	struct root_row *row = &p->row[scout];
	int64_t now = mono_ns(), last = last_event(row);
	size_t left = 0, bytes = 0;
	for (size_t i = 0; i < row->due.len; i++) {
		struct due d = row->due.data[i];
		if (bytes > ORDER_BYTES || due_at(p, scout, &d) > now || !is_over(p, &d, last, now)) {
			row->due.data[left++] = d;
			continue;
		}
		plan_add(plan, d.path, (d.flags & DIRTY_DEEP) != 0);
		bytes += strlen(d.path);
		free(d.path);
	}
	row->due.len = left;
	/* whether what is held has come back is told by a look at all of it */
	if (plan->scopes.len && strcmp(row->state, "frozen") == 0)
		plan_add(plan, "", true);
	collapse(plan);
}

struct polled {
	const struct pipeline *p;
	struct scan_plan *plan;
};

static void poll_below(void *arg, const struct mount *mount, const char *below)
{
	const struct polled *polled = arg;
	if (guard_is_unwatched(polled->p, polled->plan->scout, mount))
		plan_add(polled->plan, below, true);
}

static int64_t poll_pause(const struct pipeline *p, const struct root_row *row)
{
	int64_t pause = config_int(p->o.config, OPT_scan_poll);
	return is_away(row) && pause > AWAY_S * NS_PER_S ? AWAY_S * NS_PER_S : pause;
}

/** What must be looked at without being told. */
static void take_timed(struct pipeline *p, int scout, struct scan_plan *plan)
{
	struct root_row *row = &p->row[scout];
	int64_t now = mono_ns(), verify = config_int(p->o.config, OPT_scan_verify);
	if (!row->verify_at)
		row->verify_at = now + verify / SLICES;
	if (!row->poll_at || row->poll_at > now + poll_pause(p, row))
		row->poll_at = now + poll_pause(p, row);
	if (now >= row->poll_at) {
		row->poll_at = now + poll_pause(p, row);
		if (row->is_polled || is_away(row))
			plan_add(plan, "", true);
		else if (row->has_remote_below)
			mounts_below(&p->mounts, row->real_path, poll_below, &(struct polled){p, plan});
	}
	if (!plan->scopes.len && verify && now >= row->verify_at) {
		row->verify_at = now + verify / SLICES;
		plan->slice = row->slice++ % SLICES;
		plan->slices = SLICES;
		plan_add(plan, "", true);
	}
}

static bool may_begin(struct pipeline *p, int scout)
{
	return !p->row[scout].is_stuck && !scan_root_of(p, scout) && p->scout[scout].fd >= 0;
}

/* --- events --- */

/** One line for what a scan of its own accord changed. */
static void tell_change(struct pipeline *p, const struct scan *s)
{
	_buf_ struct buf body = BUF_INIT(1 << 20);
	struct json j;
	if (!s->added && !s->changed && !s->removed)
		return;
	json_init(&j, &body, 0);
	json_object(&j);
	json_kv_int(&j, "added", (int64_t)s->added);
	json_kv_int(&j, "changed", (int64_t)s->changed);
	json_kv_int(&j, "removed", (int64_t)s->removed);
	json_key(&j, "folders");
	json_array(&j);
	for (size_t i = 0; i < s->roots; i++) {
		const struct scan_root *r = &s->root[i];
		for (size_t k = 0; k < r->scopes.len && k < 20; k++) {
			_buf_ struct buf path = BUF_INIT(1 << 17);
			const char *below = r->scopes.data[k].path;
			buf_addf(&path, "%s%s%s", p->scout[r->scout].path, *below ? "/" : "", below);
			json_object(&j);
			json_kv_path(&j, "path", buf_str(&path), path.len);
			json_end_object(&j);
		}
	}
	json_end_array(&j);
	json_end_object(&j);
	put_event(p, "library", &body);
}

/* --- the thread --- */

static void end_scan(struct pipeline *p)
{
	struct scan *s = &p->watch_scan;
	tell_change(p, s);
	scan_settle(p, s);
	scan_end(p, s);
}

static void begin_scan(struct pipeline *p)
{
	struct scan_plan plan[256];
	size_t n = 0;
	for (size_t i = 0; i < p->scouts; i++) {
		if (!may_begin(p, (int)i))
			continue;
		plan[n] = (struct scan_plan){.scout = (int)i};
		take_due(p, (int)i, &plan[n]);
		if (!plan[n].scopes.len)
			take_timed(p, (int)i, &plan[n]);
		n += plan[n].scopes.len > 0;
	}
	/* a number of its own below 0 */
	if (n)
		scan_begin(p, &p->watch_scan, -(now_ns() / NS_PER_MS), SCAN_QUICK, plan, n);
}

void watch_yield(struct pipeline *p, int scout)
{
	struct scan_root *r = scan_root_of(p, scout);
	for (size_t i = 0; r && i < r->scopes.len; i++) {
		const struct walk_scope *s = &r->scopes.data[i];
		watch_add(p, scout, s->path, strlen(s->path), s->is_deep ? DIRTY_DEEP : 0);
	}
	if (r)
		scan_end_root(p, r);
}

static void purge(struct pipeline *p)
{
	struct change *c;
	if (mono_ns() < p->purge_at || !(c = change_new(CHANGE_PURGE_GONE, 0)))
		return;
	p->purge_at = mono_ns() + PURGE_S * NS_PER_S;
	c->since = now_ns() - config_int(p->o.config, OPT_scan_keep_missing);
	writer_put(p->o.writer, c);
}

/** Who acts by himself waits until the index is as the disk is. */
static void tell_due(struct pipeline *p)
{
	uint64_t due = p->watch_scan.id ? 1 : 0;
	for (size_t i = 0; i < p->scouts; i++)
		due += p->row[i].due.len;
	LIVE_SET(p, due, due);
}

void watch_step(struct pipeline *p)
{
	purge(p);
	if (p->watch_scan.id && scan_is_done(&p->watch_scan))
		end_scan(p);
	if (!p->watch_scan.id)
		begin_scan(p);
	tell_due(p);
}

/** When a root wants to be looked at. */
static int64_t next_of_root(struct pipeline *p, int scout, int64_t most)
{
	const struct root_row *row = &p->row[scout];
	int64_t quiet = config_int(p->o.config, OPT_scan_quiet), last = last_event(row) + quiet;
	int64_t next = row->poll_at && row->poll_at < most ? row->poll_at : most;
	for (size_t i = 0; i < row->due.len; i++) {
		const struct due *d = &row->due.data[i];
		int64_t alone = d->last_at + TOGETHER * quiet, at = due_at(p, scout, d);
		int64_t over = last < alone ? last : alone;
		at = at > over ? at : over;
		next = at < next ? at : next;
	}
	return next;
}

int watch_timeout(struct pipeline *p, int most_ms)
{
	int64_t now = mono_ns(), most = now + most_ms * NS_PER_MS, next = most;
	for (size_t i = 0; i < p->scouts && !p->watch_scan.id; i++) {
		int64_t at = may_begin(p, (int)i) ? next_of_root(p, (int)i, most) : most;
		next = at < next ? at : next;
	}
	/* what seems gone is asked for once more: nothing else would wake us for that */
	for (size_t i = 0; i < p->watch_scan.roots; i++) {
		const struct scan_root *r = &p->watch_scan.root[i];
		if (r->stage == ROOT_CONFIRMS && !r->asked)
			next = r->ask_at < next ? r->ask_at : next;
	}
	int64_t ms = (next - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms < 1 ? 1 : (int)ms;
}

void watch_close(struct pipeline *p)
{
	for (size_t i = 0; i < p->scouts; i++) {
		drop_due(&p->row[i]);
		vec_clear(&p->row[i].due);
	}
}
