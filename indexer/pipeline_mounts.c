/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is mounted where, as far as roots go: followed through /proc/self/mountinfo, never by
 * touching any of it. */
#include "indexer/pipeline_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/path.h"

/* --- mounts below a root --- */

static void set_mount_state(struct pipeline *p, int scout, struct submount *m, const char *state,
			    const char *reason, int64_t held)
{
	bool is_new = strcmp(m->state, state) != 0;
	if (!is_new && m->held == held)
		return;
	struct change *c = change_new(CHANGE_MOUNT, strlen(m->path) + strlen(m->type) + strlen(state) +
							    strlen(reason) + 4);
	if (!c)
		return;
	c->root = p->row[scout].id;
	c->dir = change_copy(c, m->path, strlen(m->path));
	c->dir_len = strlen(m->path);
	c->device = m->device;
	c->name = change_copy(c, m->type, strlen(m->type));
	c->state = change_copy(c, state, strlen(state));
	c->error_reason = change_copy(c, reason, strlen(reason));
	c->total = held;
	writer_put(p->o.writer, c);
	{
		LOCKED(&p->lock);
		snprintf(m->state, sizeof m->state, "%s", state);
		m->held = held;
	}
	_buf_ struct buf name = BUF_INIT(1 << 16), path = BUF_INIT(1 << 17);
	buf_addf(&name, "%s:%s", p->scout[scout].name, m->path);
	buf_addf(&path, "%s/%s", p->scout[scout].path, m->path);
	if (is_new)
		guard_put_event(p, buf_str(&name), buf_str(&path), state, reason);
}

static struct submount *find_submount(struct root_row *row, const char *path)
{
	for (size_t i = 0; i < row->mounts.len; i++)
		if (strcmp(row->mounts.data[i].path, path) == 0)
			return &row->mounts.data[i];
	return NULL;
}

static struct submount *add_submount(struct pipeline *p, struct root_row *row, const char *path,
				     uint64_t device, const char *type)
{
	struct submount m = {.path = strdup(path), .type = strdup(type), .device = device};
	LOCKED(&p->lock);
	struct submount *slot = m.path && m.type ? vec_add(&row->mounts) : NULL;
	if (!slot) {
		free(m.path);
		free(m.type);
		return NULL;
	}
	*slot = m;
	return slot;
}

static void drop_submount(struct pipeline *p, int scout, size_t i)
{
	struct root_row *row = &p->row[scout];
	struct submount *m = &row->mounts.data[i];
	struct change *c = change_new(CHANGE_DELETE_MOUNT, strlen(m->path) + 1);
	if (c) {
		c->root = row->id;
		c->dir = change_copy(c, m->path, strlen(m->path));
		c->dir_len = strlen(m->path);
		writer_put(p->o.writer, c);
	}
	LOCKED(&p->lock);
	free(m->path);
	free(m->type);
	row->mounts.data[i] = row->mounts.data[--row->mounts.len];
}

struct below {
	struct pipeline *p;
	int scout;
	struct scan_root *r;
	/** What is looked for, and what was found there. */
	const char *path;
	const struct mount *found;
};

static void match_below(void *arg, const struct mount *mount, const char *below)
{
	struct below *b = arg;
	if (strcmp(below, b->path) == 0)
		b->found = mount;
}

static const struct mount *mount_at(struct pipeline *p, int scout, const char *path)
{
	struct below b = {.p = p, .scout = scout, .path = path};
	mounts_below(&p->mounts, p->row[scout].real_path, match_below, &b);
	return b.found;
}

/** Compares what is mounted below a root with what was there when its files were seen. */
static void judge_submounts(struct pipeline *p, int scout)
{
	struct root_row *row = &p->row[scout];
	for (size_t i = row->mounts.len; i-- > 0;) {
		struct submount *m = &row->mounts.data[i];
		const struct mount *now = mount_at(p, scout, m->path);
		int64_t files = guard_count(p, scout, m->path);
		if (!files) {
			drop_submount(p, scout, i);
			continue;
		}
		m->is_held &= now && mount_is_same(now, m->device, m->type);
		if (!now)
			set_mount_state(p, scout, m, "absent",
					"what was mounted here is not mounted now; everything known of it is kept",
					files);
		else if (!mount_is_same(now, m->device, m->type))
			set_mount_state(p, scout, m, "foreign",
					"another disk is mounted here than the one whose files are known; "
					"everything known of it is kept, and this disk is not looked at",
					files);
		else if (strcmp(m->state, "empty") != 0 && !m->is_held)
			set_mount_state(p, scout, m, "present", "", 0);
	}
}

static void add_blind(struct scan_root *r, const char *path)
{
	char **slot = vec_add(&r->blind);
	if (slot)
		*slot = strdup(path);
}

static void skip_own(void *arg, const struct mount *mount, const char *below)
{
	struct below *b = arg;
	if (mount_is_own(mount))
		add_blind(b->r, below);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/** The user speaks of this very mount; of what is below a root otherwise he says nothing. */
static bool is_accepted(const struct scan_root *r, const struct submount *m)
{
	return r->accepts && r->scopes.len && strcmp(r->scopes.data[0].path, m->path) == 0;
}

void guard_prepare(struct pipeline *p, struct scan_root *r)
{
	struct root_row *row = &p->row[r->scout];
	struct below b = {.p = p, .scout = r->scout, .r = r};
	judge_submounts(p, r->scout);
	mounts_below(&p->mounts, p->row[r->scout].real_path, skip_own, &b);
	for (size_t i = 0; i < row->mounts.len; i++) {
		struct submount *m = &row->mounts.data[i];
		/* one that was empty, or showed nothing that is known, may be itself again: it is looked at */
		if (strcmp(m->state, "present") == 0 || strcmp(m->state, "empty") == 0 || m->is_held)
			continue;
		if (!is_accepted(r, m))
			add_blind(r, m->path);
	}
	if (r->blind.len)
		qsort(r->blind.data, r->blind.len, sizeof *r->blind.data, by_text);
	if (!row->anchors.len)
		guard_choose_anchors(p, r->scout);
}

void guard_on_list(struct pipeline *p, struct scan_root *r, struct bytes path, bool is_empty)
{
	struct root_row *row = &p->row[r->scout];
	_buf_ struct buf text = BUF_INIT(1 << 16);
	if (!row->mounts.len)
		return;
	buf_add(&text, path.data, path.len);
	struct submount *m = find_submount(row, buf_str(&text));
	if (m && !is_empty && strcmp(m->state, "empty") == 0)
		set_mount_state(p, r->scout, m, "present", "", 0);
	if (!m || !is_empty || is_accepted(r, m))
		return;
	set_mount_state(p, r->scout, m, "empty",
			"what is mounted here lists nothing though files are known of it; everything "
			"known of it is kept",
			guard_count(p, r->scout, m->path));
	diff_blind(r->diff, m->path);
}

struct seen_below {
	struct scan_root *r;
	bool is_any;
};

static int check_seen(void *arg, const struct store_file *row)
{
	struct seen_below *s = arg;
	s->is_any = diff_has_seen(s->r->diff, row->id);
	return s->is_any;
}

struct seen_dirs {
	struct pipeline *p;
	struct seen_below s;
};

static int check_dir(void *arg, int64_t id, struct bytes path)
{
	struct seen_dirs *d = arg;
	(void)path;
	return store_dir_files(d->p->store, id, check_seen, &d->s);
}

/** Whether all below a path was looked at. */
static bool covers(const struct scan_root *r, const char *path)
{
	for (size_t i = 0; i < r->scopes.len; i++) {
		const struct walk_scope *s = &r->scopes.data[i];
		if (s->is_deep && !r->slices && (!*s->path || path_below(s->path, path)))
			return true;
	}
	return false;
}

/** Looks for any file that is known and was seen; once a scan. */
static bool shows_nothing(struct pipeline *p, struct scan_root *r, struct submount *m)
{
	struct seen_dirs d = {p, {r, false}};
	if (m->judged_by == r->scan->id)
		return m->is_held;
	m->judged_by = r->scan->id;
	store_dirs_below(p->store, p->row[r->scout].id, m->path, strlen(m->path), check_dir, &d);
	m->is_held = !d.s.is_any;
	if (m->is_held)
		set_mount_state(p, r->scout, m, "foreign",
				"none of the files that are known is on this disk; everything known of it is "
				"kept",
				guard_count(p, r->scout, m->path));
	return m->is_held;
}

bool guard_holds(struct pipeline *p, struct scan_root *r, const char *path)
{
	struct root_row *row = &p->row[r->scout];
	for (size_t i = 0; i < row->mounts.len; i++) {
		struct submount *m = &row->mounts.data[i];
		if (!path_below(m->path, path) || is_accepted(r, m))
			continue;
		if (covers(r, m->path))
			return shows_nothing(p, r, m);
		/* a part of it decides nothing: all of it is looked at */
		watch_add(p, r->scout, m->path, strlen(m->path), DIRTY_DEEP);
		return true;
	}
	return false;
}

/** One that showed nothing that is known does again. */
static void release_mounts(struct pipeline *p, struct scan_root *r)
{
	struct root_row *row = &p->row[r->scout];
	for (size_t i = 0; i < row->mounts.len; i++) {
		struct submount *m = &row->mounts.data[i];
		if (!m->is_held || !covers(r, m->path) || m->judged_by == r->scan->id)
			continue;
		m->is_held = false;
		set_mount_state(p, r->scout, m, "present", "", 0);
	}
}

/** What is mounted there now is what is expected there from now on. */
static void adopt_mount(struct submount *m, const struct mount *mount)
{
	char *type = strdup(mount->type);
	if (!type)
		return;
	free(m->type);
	m->type = type;
	m->device = mount->device;
}

static void record_below(void *arg, const struct mount *mount, const char *below)
{
	struct below *b = arg;
	struct root_row *row = &b->p->row[b->scout];
	struct submount *m = find_submount(row, below);
	if (mount_is_own(mount) || (m && !is_accepted(b->r, m)))
		return;
	/* rows of this scan must be seen */
	writer_flush(b->p->o.writer);
	if (!guard_count(b->p, b->scout, below))
		return;
	if (!m)
		m = add_submount(b->p, row, below, mount->device, mount->type);
	if (m && (strcmp(m->state, "") == 0 || is_accepted(b->r, m))) {
		adopt_mount(m, mount);
		set_mount_state(b->p, b->scout, m, "present", "", 0);
	}
}

void guard_record(struct pipeline *p, struct scan_root *r, bool is_whole)
{
	struct below b = {.p = p, .scout = r->scout, .r = r};
	release_mounts(p, r);
	mounts_below(&p->mounts, p->row[r->scout].real_path, record_below, &b);
	if (r->accepts)
		judge_submounts(p, r->scout);
	if (!is_whole)
		return;
	p->row[r->scout].is_other_mount = false;
	guard_choose_anchors(p, r->scout);
}

/** The path of one that came or went is looked at, with all below it. */
static void follow_submount(struct pipeline *p, int scout, const char *path)
{
	watch_add(p, scout, path, strlen(path), DIRTY_DEEP);
}

static void mark_running(struct pipeline *p, int scout)
{
	struct scan_root *r = scan_root_of(p, scout);
	if (r)
		r->has_moved = true;
}

/* --- what comes and goes --- */

static uint64_t key_of(const struct mount *m)
{
	return m ? m->id * 31 + m->device : 0;
}

void guard_place(const struct pipeline *p, int scout, struct buf *out)
{
	const char *path = p->row[scout].real_path;
	const struct mount *m = mounts_cover(&p->mounts, path);
	if (m)
		mount_inner(m, path, out);
}

/** Changes are not told: of other machines, and, where a mark tells of a disk, of its folders that
 * are mounted here from elsewhere. */
static bool is_unwatched(const struct root_row *row, const struct mount *m, const struct mount *cover)
{
	bool is_bind = row->has_marks && cover && m->device == cover->device;
	return !mount_is_own(m) && (mount_is_remote(m) || is_bind);
}

bool guard_is_unwatched(const struct pipeline *p, int scout, const struct mount *m)
{
	const struct root_row *row = &p->row[scout];
	return is_unwatched(row, m, mounts_cover(&p->mounts, row->real_path));
}

static void sum_below(void *arg, const struct mount *mount, const char *below)
{
	struct below *b = arg;
	struct root_row *row = &b->p->row[b->scout];
	uint64_t *key = &row->below_key;
	(void)below;
	row->has_remote_below |= is_unwatched(row, mount, mounts_cover(&b->p->mounts, row->real_path));
	*key = *key * 1099511628211u + key_of(mount);
}

static void new_below(void *arg, const struct mount *mount, const char *below)
{
	struct below *b = arg;
	if (!mount_is_own(mount) && !find_submount(&b->p->row[b->scout], below))
		follow_submount(b->p, b->scout, below);
}

/** Whether what the root is on, or what is below it, differs from the last look. */
static void compare(struct pipeline *p, int scout, bool *cover, bool *below)
{
	struct root_row *row = &p->row[scout];
	const struct mount *m = mounts_cover(&p->mounts, p->row[scout].real_path);
	uint64_t old_cover = row->cover_key, old_below = row->below_key;
	struct below b = {.p = p, .scout = scout};
	row->cover_key = key_of(m);
	row->is_own_mount = m && mount_is_own(m);
	row->below_key = 0;
	row->has_remote_below = false;
	mounts_below(&p->mounts, p->row[scout].real_path, sum_below, &b);
	*cover = old_cover != row->cover_key;
	*below = old_below != row->below_key;
}

void guard_refresh(struct pipeline *p, int scout)
{
	bool cover, below;
	compare(p, scout, &cover, &below);
}

static void follow_root(struct pipeline *p, int scout)
{
	struct root_row *row = &p->row[scout];
	struct below b = {.p = p, .scout = scout};
	bool cover, below;
	compare(p, scout, &cover, &below);
	if (!cover && !below)
		return;
	mark_running(p, scout);
	row->is_other_mount |= cover;
	if (row->is_stuck) {
		/* the one that waits for the old mount is left to it */
		scout_stop(&p->scout[scout]);
		row->is_stuck = false;
		row->stuck_process = 0;
		cover = true;
	}
	if (cover)
		follow_submount(p, scout, "");
	for (size_t i = 0; i < row->mounts.len && !cover; i++)
		follow_submount(p, scout, row->mounts.data[i].path);
	mounts_below(&p->mounts, p->row[scout].real_path, new_below, &b);
	judge_submounts(p, scout);
}

void guard_on_mounts(struct pipeline *p)
{
	if (mounts_read(&p->mounts) < 0)
		return;
	for (size_t i = 0; i < p->scouts; i++)
		follow_root(p, (int)i);
}

/* --- what is held --- */

/** *held of a root (@below empty) or of a mount below it; -ENOENT.  Under the lock. */
static int find_held(const struct root_row *row, const char *below, size_t n, int64_t *held)
{
	*held = row->held;
	if (!n)
		return 0;
	for (size_t i = 0; i < row->mounts.len; i++) {
		const struct submount *m = &row->mounts.data[i];
		*held = m->held;
		if (strlen(m->path) == n && memcmp(m->path, below, n) == 0)
			return 0;
	}
	return -ENOENT;
}

int pipeline_check_loss(struct pipeline *p, const char *name, size_t n, int64_t count, int64_t *held)
{
	const char *colon = memchr(name, ':', n);
	size_t len = colon ? (size_t)(colon - name) : n;
	LOCKED(&p->lock);
	for (size_t i = 0; i < p->scouts; i++) {
		if (strlen(p->scout[i].name) != len || memcmp(p->scout[i].name, name, len) != 0)
			continue;
		int r = find_held(&p->row[i], colon ? colon + 1 : "", colon ? n - len - 1 : 0, held);
		if (r < 0)
			return r;
		return *held == 0 ? -EBUSY : *held == count ? 0 : -EINVAL;
	}
	return -ENOENT;
}

/* --- start and end --- */

static int load_mount(void *arg, const struct store_mount *row)
{
	struct pipeline *p = arg;
	for (size_t i = 0; i < p->scouts; i++) {
		if (p->row[i].id != row->root)
			continue;
		_buf_ struct buf path = BUF_INIT(1 << 16);
		buf_add(&path, row->path.data, row->path.len);
		struct submount *m =
			add_submount(p, &p->row[i], buf_str(&path), row->device, row->fstype);
		if (m) {
			snprintf(m->state, sizeof m->state, "%s", row->state);
			m->held = row->held;
		}
	}
	return 0;
}

void guard_open(struct pipeline *p)
{
	store_mounts(p->store, load_mount, p);
	if (mounts_open(&p->mounts) < 0)
		log_warning("/proc/self/mountinfo cannot be read: mounts are not followed");
	for (size_t i = 0; i < p->scouts; i++)
		guard_refresh(p, (int)i);
}

void guard_close(struct pipeline *p)
{
	mounts_close(&p->mounts);
	for (size_t i = 0; i < p->scouts; i++) {
		struct root_row *row = &p->row[i];
		for (size_t k = 0; k < row->mounts.len; k++) {
			free(row->mounts.data[k].path);
			free(row->mounts.data[k].type);
		}
		vec_clear(&row->mounts);
		free(take(row->real_path));
		guard_clear_anchors(row);
		vec_clear(&row->anchors);
	}
}
