/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What a scan did not see.  Nothing is forgotten because a list lacks it: the root must have been
 * healthy before and after; what is found elsewhere has moved and is no loss; more than the brake
 * lets pass is held until the user says that it is gone; and each file is asked for once more, at
 * its place, with the root looked at before every hundred of them.  Only ENOENT counts.
 */
#include "indexer/pipeline_private.h"

#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "indexer/bits.h"

enum {
	/** Losses that are remembered one by one; when more are missing, nothing is forgotten. */
	LOSSES_MOST = 2000000,
	/** Questions in one frame; frames on their way. */
	ASK = 128,
	ASK_AHEAD = 8,
};

static int on_lost(void *arg, const struct lost_file *f)
{
	struct scan_root *r = arg;
	r->vanished++;
	struct loss *l = r->lost.len < LOSSES_MOST ? vec_add(&r->lost) : NULL;
	if (!l)
		return -E2BIG;
	*l = (struct loss){f->file, f->dir, r->lost_texts.len, f->path.len, f->name.len, false};
	buf_add(&r->lost_texts, f->path.data, f->path.len);
	buf_add(&r->lost_texts, f->name.data, f->name.len);
	return buf_error(&r->lost_texts);
}

/* --- the brake --- */

static bool is_free(void *arg, int64_t id)
{
	const struct bits *taken = arg;
	return !bits_has(taken, id);
}

/** A new copy stands for one lost file, not for many of the same content. */
static void find_moved(struct pipeline *p, struct scan_root *r)
{
	struct bits taken = {0};
	int64_t id;
	for (size_t i = 0; i < r->lost.len; i++) {
		struct loss *l = &r->lost.data[i];
		l->has_moved = store_moved_to(p->store, l->file, is_free, &taken, &id) == 0;
		r->moved += l->has_moved;
		if (l->has_moved)
			bits_add(&taken, id);
	}
	bits_clear(&taken);
}

/** Of a disk below the root none of the known files is there: it is another one, or it lies. */
static void hold_mounts(struct pipeline *p, struct scan_root *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->lost.len; i++) {
		struct loss l = r->lost.data[i];
		_buf_ struct buf path = BUF_INIT(1 << 16);
		buf_add(&path, r->lost_texts.data + l.at, l.dir_len);
		if (l.has_moved || !guard_holds(p, r, buf_str(&path)))
			r->lost.data[n++] = l;
		else
			r->vanished--;
	}
	r->lost.len = n;
}

/** The others stay what they are. */
static void keep_moved(struct scan_root *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->lost.len; i++)
		if (r->lost.data[i].has_moved)
			r->lost.data[n++] = r->lost.data[i];
	r->lost.len = n;
}

static bool is_whole(const struct scan_root *r)
{
	return r->scopes.len == 1 && !*r->scopes.data[0].path && r->scopes.data[0].is_deep && !r->slices;
}

static void freeze(struct pipeline *p, struct scan_root *r, int64_t losses)
{
	char reason[320];
	const struct root_row *row = &p->row[r->scout];
	r->is_frozen = true;
	/* a part of the root tells nothing about what is held of the rest */
	int64_t held = is_whole(r) || losses > row->held ? losses : row->held;
	snprintf(reason, sizeof reason,
		 "%lld of %lld files vanished at once: nothing is forgotten; if they are really gone, say: "
		 "echo \"%s %lld\" > control/accept-loss",
		 (long long)held, (long long)guard_count(p, r->scout, ""), p->scout[r->scout].name,
		 (long long)held);
	guard_set_state(p, r->scout, "frozen", reason, held);
	if (!is_whole(r))
		watch_add(p, r->scout, "", 0, DIRTY_DEEP);
	log_warning("%s: %s", p->scout[r->scout].path, reason);
}

/** Whether @losses files may be forgotten. */
static bool may_lose(struct pipeline *p, struct scan_root *r, int64_t losses)
{
	const struct root_row *row = &p->row[r->scout];
	const struct config *config = p->o.config;
	if (!losses)
		return true;
	if (r->accepts)
		return losses <= r->accepts;
	if (strcmp(row->state, "frozen") == 0 && !is_whole(r))
		return false;
	int64_t count = config_int(config, OPT_scan_brake_files);
	/* counted now: what was added since the last job is part of the whole */
	int64_t total = losses > count ? guard_count(p, r->scout, "") : losses;
	return !guard_brake(losses, total, count, config_int(config, OPT_scan_brake_percent));
}

/* --- the end --- */

static void finish(struct pipeline *p, struct scan_root *r)
{
	const struct root_row *row = &p->row[r->scout];
	bool is_healthy = r->may_forget_start && r->may_forget_end && !r->has_moved;
	r->stage = ROOT_DONE;
	if (!is_healthy)
		return;
	diff_finish(r->diff);
	guard_record(p, r, is_whole(r));
	/* what was held has come back, or was said to be gone */
	if (is_whole(r) && strcmp(row->state, "frozen") == 0 && !r->is_frozen)
		guard_set_state(p, r->scout, "present", "", 0);
}

/** A second look at once where the kernel itself told; a while later where a server did. */
static int64_t pause_before(struct pipeline *p, const struct scan_root *r)
{
	const struct root_row *row = &p->row[r->scout];
	return row->is_remote ? config_int(p->o.config, OPT_scan_quiet) : 0;
}

void loss_begin(struct pipeline *p, struct scan_root *r)
{
	bool is_healthy = r->may_forget_start && r->may_forget_end && !r->has_moved;
	if (r->scan->is_verify) {
		verify_root(p, r);
		r->stage = ROOT_DONE;
		return;
	}
	if (is_healthy && diff_lost(r->diff, on_lost, r) < 0)
		is_healthy = r->may_forget_end = false;
	if (!is_healthy || !r->vanished) {
		finish(p, r);
		return;
	}
	/* rows of this scan must be seen, to know what has moved; some may have gone meanwhile */
	writer_flush(p->o.writer);
	r->vanished = 0;
	r->lost.len = 0;
	buf_reset(&r->lost_texts);
	diff_lost(r->diff, on_lost, r);
	find_moved(p, r);
	if (p->row[r->scout].mounts.len)
		hold_mounts(p, r);
	int64_t losses = r->vanished - r->moved;
	if (losses && r->slices) {
		/* a part of the root decides nothing: all of it is looked at */
		watch_add(p, r->scout, "", 0, DIRTY_DEEP);
		keep_moved(r);
	} else if (!may_lose(p, r, losses)) {
		freeze(p, r, losses);
		keep_moved(r);
	}
	r->ask_at = mono_ns() + pause_before(p, r);
	r->stage = ROOT_CONFIRMS;
	r->heard_at = mono_ns();
	if (!r->lost.len)
		finish(p, r);
}

/* --- asking once more --- */

static void ask(struct pipeline *p, struct scan_root *r)
{
	struct buf *out = &p->scout[r->scout].out;
	size_t n = r->lost.len - r->asked < ASK ? r->lost.len - r->asked : ASK;
	size_t start = frame_begin(out, FRAME_LOOK);
	frame_u64(out, r->scan->id);
	frame_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		const struct loss *l = &r->lost.data[r->asked++];
		const char *text = r->lost_texts.data + l->at;
		_buf_ struct buf path = BUF_INIT(1 << 17);
		path_join(text, l->dir_len, text + l->dir_len, l->name_len, &path);
		frame_bytes(out, buf_str(&path), path.len);
	}
	frame_end(out, start);
}

void loss_ask(struct pipeline *p, struct scan_root *r)
{
	if (mono_ns() < r->ask_at) {
		r->heard_at = mono_ns();
		return;
	}
	/* here and not where the last answer comes: what it asks the store is of after that */
	if (r->has_moved || r->answered == r->lost.len) {
		finish(p, r);
		return;
	}
	while (r->asked < r->lost.len && r->asked - r->answered < ASK * ASK_AHEAD)
		ask(p, r);
}

static void lose(struct pipeline *p, struct scan_root *r, const struct loss *l)
{
	struct change *c = change_new(CHANGE_LOSE_FILE, l->name_len + 1);
	if (!c)
		return;
	c->row = l->file;
	c->dir_id = l->dir;
	c->name = change_copy(c, r->lost_texts.data + l->at + l->dir_len, l->name_len);
	c->name_len = l->name_len;
	writer_put(p->o.writer, c);
	/* a hard link changes with each of its names that goes, and no event tells */
	if (r->scan->job < 0)
		store_other_names(p->store, l->file, watch_add_place, p);
	if (l->has_moved)
		return;
	r->scan->removed++;
}

void loss_on_seen(struct pipeline *p, struct scan_root *r, struct frame *f)
{
	int root_error = (int)frame_get_u32(f);
	uint64_t device = frame_get_u64(f);
	uint32_t n = frame_get_u32(f);
	const struct root_row *row = &p->row[r->scout];
	if (r->stage != ROOT_CONFIRMS)
		return;
	bool is_same = !root_error && (!row->device || device == row->device);
	if (!is_same && !r->accepts) {
		r->may_forget_end = false;
		r->asked = r->answered = r->lost.len;
		watch_add(p, r->scout, "", 0, DIRTY_DEEP);
		return;
	}
	for (uint32_t i = 0; i < n && !f->is_bad && r->answered < r->asked; i++) {
		int error = (int)frame_get_u32(f);
		const struct loss *l = &r->lost.data[r->answered++];
		if (!f->is_bad && (error == -ENOENT || error == -ENOTDIR))
			lose(p, r, l);
	}
}
