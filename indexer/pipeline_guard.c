/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How roots are, from what their scouts say: what is unknown is shown as unknown, and nothing of
 * it is forgotten. */
#include "indexer/pipeline_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/render.h"
#include "indexer/child.h"
#include "indexer/load/alerts.h"

enum {
	/** Files that are asked for to know a disk again. */
	ANCHORS = 32,
	/** A disk that lets a listing wait for so long is stuck. */
	STALL_MS = 10000,
	/** The same for a look at a root alone. */
	PROBE_MS = 2000,
};

int64_t guard_count(struct pipeline *p, int scout, const char *path)
{
	int64_t n = 0;
	store_count_below(p->store, p->row[scout].id, path, strlen(path), &n);
	return n;
}

/* --- states --- */

void guard_put_event(struct pipeline *p, const char *name, const char *path, const char *state,
		     const char *reason)
{
	_buf_ struct buf body = BUF_INIT(1 << 17);
	struct json j;
	json_init(&j, &body, 0);
	json_object(&j);
	json_kv_text(&j, "name", name);
	json_kv_path(&j, "path", path, strlen(path));
	json_kv_text(&j, "state", state);
	json_kv_text(&j, "reason", reason);
	json_end_object(&j);
	put_event(p, "root", &body);
}

void guard_set_state(struct pipeline *p, int scout, const char *state, const char *reason,
		     int64_t held)
{
	struct root_row *row = &p->row[scout];
	bool is_new = strcmp(row->state, state) != 0;
	if (!is_new && row->held == held)
		return;
	struct change *c = change_new(CHANGE_ROOT, strlen(state) + strlen(reason) + 2);
	if (!c)
		return;
	c->root = row->id;
	c->state = change_copy(c, state, strlen(state));
	c->error_reason = change_copy(c, reason, strlen(reason));
	c->total = held;
	writer_put(p->o.writer, c);
	{
		LOCKED(&p->lock);
		snprintf(row->state, sizeof row->state, "%s", state);
		row->held = held;
	}
	if (is_new)
		guard_put_event(p, p->scout[scout].name, p->scout[scout].path, state, reason);
}

/* --- anchors --- */

static int add_anchor(void *arg, struct bytes dir, const struct store_file *row)
{
	struct root_row *r = arg;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	path_join(dir.data, dir.len, row->name.data, row->name.len, &path);
	struct anchor_row *a = vec_add(&r->anchors);
	if (!a)
		return -ENOMEM;
	*a = (struct anchor_row){buf_take(&path), row->size, row->mtime};
	return a->path ? 0 : -ENOMEM;
}

void guard_clear_anchors(struct root_row *row)
{
	for (size_t i = 0; i < row->anchors.len; i++)
		free(row->anchors.data[i].path);
	row->anchors.len = 0;
}

void guard_choose_anchors(struct pipeline *p, int scout)
{
	struct root_row *row = &p->row[scout];
	guard_clear_anchors(row);
	store_anchors(p->store, row->id, ANCHORS, add_anchor, row);
}

/* --- a root --- */

/** "ef53 /music": what a disk is known by, beside its number. */
static void describe_place(const struct pipeline *p, int scout, uint64_t fstype, char *text, size_t size)
{
	_buf_ struct buf place = BUF_INIT(1 << 16);
	guard_place(p, scout, &place);
	snprintf(text, size, "%llx %s", (unsigned long long)fstype, buf_str(&place));
}

static struct guard_evidence read_evidence(struct pipeline *p, const struct scan_root *r,
					   struct frame *f, uint64_t *device, uint64_t *fstype)
{
	const struct root_row *row = &p->row[r->scout];
	struct guard_evidence e = {.error = (int)frame_get_u32(f)};
	char type[sizeof row->fstype];
	*device = frame_get_u64(f);
	*fstype = frame_get_u64(f);
	e.is_empty = frame_get_u32(f) != 0;
	e.anchors = frame_get_u32(f);
	e.answered = frame_get_u32(f);
	e.marker_error = (int)frame_get_u32(f);
	describe_place(p, r->scout, *fstype, type, sizeof type);
	e.is_own = row->is_own_mount;
	e.has_files = store_root_has_files(p->store, row->id) > 0;
	e.is_other_mount = row->is_other_mount;
	e.is_other_device = row->device && (*device != row->device || strcmp(type, row->fstype) != 0);
	return e;
}

static void record_identity(struct pipeline *p, int scout, uint64_t device, uint64_t fstype,
			    struct bytes real)
{
	struct root_row *row = &p->row[scout];
	char type[sizeof row->fstype];
	row->is_remote = watch_is_remote(fstype);
	bool is_moved = strlen(row->real_path) != real.len || memcmp(row->real_path, real.data, real.len);
	char *path = is_moved ? strndup(real.data, real.len) : NULL;
	if (path) {
		free(row->real_path);
		row->real_path = path;
		guard_refresh(p, scout);
	}
	describe_place(p, scout, fstype, type, sizeof type);
	if (row->device == device && strcmp(row->fstype, type) == 0 && !is_moved)
		return;
	struct change *c = change_new(CHANGE_ROOT_IDENTITY, sizeof type + real.len + 2);
	if (!c)
		return;
	row->device = device;
	snprintf(row->fstype, sizeof row->fstype, "%s", type);
	c->root = row->id;
	c->device = device;
	c->state = change_copy(c, type, strlen(type));
	c->dir = change_copy(c, real.data, real.len);
	c->dir_len = real.len;
	writer_put(p->o.writer, c);
}

/** Room on its disk, when it changed by more than nothing much; some file systems have no size. */
static void record_room(struct pipeline *p, int scout, uint64_t room, uint64_t size)
{
	struct root_row *row = &p->row[scout];
	if (!size || (row->has_room && !guard_room_moved(row->room, room, size)))
		return;
	row->room = room;
	row->has_room = true;
	alerts_disk(p->o.writer, &(struct store_disk){.root = row->id, .at = now_ns(), .free_bytes = (int64_t)room,
						     .size_bytes = (int64_t)size});
}

/** What the user says outweighs what is seen; our own mount is walked for nobody. */
static void accept_verdict(const struct scan_root *r, bool is_own, struct guard_verdict *v)
{
	bool is_foreign = strcmp(v->state, "foreign") == 0 && !is_own;
	if (!r->accepts || v->may_forget || strcmp(v->state, "stuck") == 0)
		return;
	v->may_forget = true;
	v->may_scan |= is_foreign;
	if (!is_foreign)
		return;
	v->state = "present";
	v->reason = "";
}

void guard_on_root(struct pipeline *p, struct scan_root *r, struct frame *f)
{
	uint64_t device, fstype;
	struct guard_evidence e = read_evidence(p, r, f, &device, &fstype);
	bool is_end = frame_get_u32(f) != 0;
	struct bytes real;
	real.data = frame_get_bytes(f, &real.len);
	uint64_t room = frame_get_u64(f), size = frame_get_u64(f);
	struct guard_verdict v = guard_judge(&e);
	bool is_present = strcmp(v.state, "present") == 0;
	accept_verdict(r, e.is_own, &v);
	if (v.may_scan && !e.error && real.len)
		record_identity(p, r->scout, device, fstype, real);
	if (is_end && v.may_scan && p->scout[r->scout].kind != MEDIA_LINK)
		record_room(p, r->scout, room, size);
	bool is_kept = !is_present && !v.may_scan;
	/* whether a frozen one is well again is told when all of it was seen */
	if (!(is_present && strcmp(p->row[r->scout].state, "frozen") == 0) && !r->accepts)
		guard_set_state(p, r->scout, v.state, v.reason, is_kept ? guard_count(p, r->scout, "") : 0);
	if (is_end) {
		/* what answered when the scan began does not any more: the disk fails, and what it lost is not believed */
		bool is_failing = e.answered < r->answered_start && !r->accepts;
		r->may_forget_end = v.may_forget && !is_failing;
		return;
	}
	r->answered_start = e.answered;
	r->may_forget_start = v.may_forget;
	r->may_scan = v.may_scan;
	/* a root that cannot be walked sends no second report */
	if (e.error && r->accepts)
		r->may_forget_end = true;
}

/* --- a root that does not answer --- */

void guard_set_stuck(struct pipeline *p, int scout, pid_t process)
{
	struct root_row *row = &p->row[scout];
	struct scan_root *r = scan_root_of(p, scout);
	if (!row->is_stuck)
		log_warning("%s does not answer: nothing is asked of it until it does",
			    p->scout[scout].path);
	row->is_stuck = true;
	row->stuck_process = process ? process : row->stuck_process;
	struct guard_evidence e = {.is_silent = true};
	struct guard_verdict v = guard_judge(&e);
	guard_set_state(p, scout, v.state, v.reason, guard_count(p, scout, ""));
	if (r)
		scan_end_root(p, r);
}

static void leave_stuck(struct pipeline *p, int scout)
{
	struct root_row *row = &p->row[scout];
	log_info("%s answers again", p->scout[scout].path);
	row->is_stuck = false;
	row->stuck_process = 0;
	watch_add(p, scout, "", 0, DIRTY_DEEP);
}

void guard_on_beat(struct pipeline *p, int scout, struct frame *f)
{
	struct root_row *row = &p->row[scout];
	const struct scan_root *r = scan_root_of(p, scout);
	frame_get_u64(f);
	uint32_t stall = frame_get_u32(f);
	bool is_probe = r && !r->may_scan && r->stage == ROOT_WALKS;
	if (stall >= (uint32_t)(is_probe ? PROBE_MS : STALL_MS)) {
		guard_set_stuck(p, scout, 0);
	} else if (!stall && row->is_stuck && !row->stuck_process) {
		leave_stuck(p, scout);
	}
}

void guard_check_stuck(struct pipeline *p)
{
	child_reap();
	for (size_t i = 0; i < p->scouts; i++) {
		const struct root_row *row = &p->row[i];
		if (row->is_stuck && row->stuck_process && !child_is_abandoned(row->stuck_process))
			leave_stuck(p, (int)i);
	}
}
