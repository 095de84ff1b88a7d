/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One scan: frames of scouts and workers, and what follows from each. */
#include "indexer/pipeline_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/render.h"
#include "indexer/child.h"
#include "indexer/discover/walk.h"

enum {
	/** A scout that says nothing for so long though it has no reason to wait is stuck. */
	SILENCE_S = 15,
};

void put_event(struct pipeline *p, const char *kind, const struct buf *body)
{
	struct change *c = change_new(CHANGE_EVENT, body->len + 1);
	if (!c)
		return;
	c->name = kind;
	c->dir = change_copy(c, buf_str(body), body->len);
	c->dir_len = body->len;
	writer_put(p->o.writer, c);
}

/* --- lists --- */

struct chunk {
	struct pipeline *p;
	struct scan_root *root;
	uint64_t dir;
	struct bytes path;
	bool cover;
	/** Of files that are to be opened. */
	struct batch *batch;
};

/** The sink of a diff is the chunk at hand. */
static _Thread_local struct chunk *at_hand;

static int follow_name(void *arg, int64_t root, struct bytes dir)
{
	struct pipeline *p = arg;
	const struct chunk *c = at_hand;
	bool is_here = p->row[c->root->scout].id == root && dir.len == c->path.len &&
		       memcmp(dir.data, c->path.data, dir.len) == 0;
	return is_here ? 0 : watch_add_place(p, root, dir);
}

static void sink_wanted(void *arg, struct seen *file)
{
	struct chunk *c = at_hand;
	struct seen seen = *file;
	(void)arg;
	/* events tell only of the name through which a file was written, linked or replaced */
	if (file->links > 1 && c->root->scan->job < 0)
		store_names_of_inode(c->p->store, file->inode, file->btime, follow_name, c->p);
	if (file->old_inode && c->root->scan->job < 0)
		store_names_of_inode(c->p->store, file->old_inode, file->old_btime, follow_name, c->p);
	/* a folder that is written to is read when that is over: its events tell */
	if (watch_is_busy(c->p, c->root->scout, c->path))
		return;
	if (poison_check(c->p, c->root, c->path, &seen)) {
		/* one at a time: the rest of the chunk does not wait for it */
		send_back(c->p, c->root, file);
		seen.ticket = 0;
		batch_add_alone(c->p, c->root, c->path, c->cover, &seen);
		return;
	}
	if (file->ticket) {
		batch_gather(c->root, c->path, c->cover, file);
		return;
	}
	if (c->batch && c->batch->count == OPENS_MAX) {
		batch_enqueue(c->batch);
		c->batch = NULL;
	}
	if (!c->batch)
		c->batch = batch_new(c->root);
	if (c->batch)
		batch_add(c->batch, c->path, c->cover, file);
}

static void sink_unsettled(void *arg, struct bytes dir)
{
	(void)arg;
	watch_add(at_hand->p, at_hand->root->scout, dir.data, dir.len, 0);
}

static void sink_put(void *arg, struct change *c)
{
	struct pipeline *p = arg;
	/* who only compares changes nothing */
	if (at_hand && at_hand->root->scan->is_verify) {
		change_free(c);
		return;
	}
	writer_put(p->o.writer, c);
}

static size_t read_entries(struct frame *f, struct seen *entry, size_t most)
{
	size_t n = 0;
	uint32_t count = frame_get_u32(f);
	for (uint32_t i = 0; i < count && !f->is_bad && n < most; i++) {
		struct seen *e = &entry[n++];
		*e = (struct seen){.type = frame_get_u32(f)};
		e->size = (int64_t)frame_get_u64(f);
		e->mtime = (int64_t)frame_get_u64(f);
		e->ctime = (int64_t)frame_get_u64(f);
		e->inode = (int64_t)frame_get_u64(f);
		e->btime = (int64_t)frame_get_u64(f);
		e->links = frame_get_u32(f);
		e->ticket = frame_get_u64(f);
		e->name.data = frame_get_bytes(f, &e->name.len);
	}
	return n;
}

/** The chunk is answered when its last batch is on its way: a folder of many waits for its files. */
static void enqueue_chunk(struct chunk *c)
{
	if (!c->batch) {
		batch_answer_chunk(c->p, c->root, c->dir);
		return;
	}
	c->batch->answers = c->dir;
	batch_enqueue(c->batch);
}

static void on_list(struct pipeline *p, struct scan_root *root, struct frame *f)
{
	static struct seen entry[WALK_CHUNK];
	struct chunk chunk = {.p = p, .root = root, .dir = frame_get_u64(f)};
	uint32_t flags = frame_get_u32(f);
	int error = (int)frame_get_u32(f);
	chunk.cover = (flags & LIST_COVER) != 0;
	chunk.path.data = frame_get_bytes(f, &chunk.path.len);
	size_t n = read_entries(f, entry, COUNT_OF(entry));
	if (f->is_bad) {
		log_error("a scout sent a broken list");
		diff_fail(root->diff);
	}
	if (!f->is_bad && root->may_scan) {
		guard_on_list(p, root, chunk.path, (flags & LIST_EMPTY) != 0);
		at_hand = &chunk;
		diff_chunk(root->diff, chunk.path, flags, error, entry, n);
		at_hand = NULL;
	}
	for (size_t i = 0; i < n; i++)
		send_back(p, root, &entry[i]);
	enqueue_chunk(&chunk);
}

/* --- scouts --- */

struct scan_root *scan_root_of(struct pipeline *p, int scout)
{
	struct scan *scans[] = {&p->job_scan, &p->watch_scan};
	for (size_t k = 0; k < COUNT_OF(scans); k++)
		for (size_t i = 0; i < scans[k]->roots; i++)
			if (scans[k]->root[i].scout == scout && scans[k]->root[i].stage != ROOT_ENDED)
				return &scans[k]->root[i];
	return NULL;
}

static void send_number(struct pipeline *p, int scout, enum frame_type type, uint64_t number)
{
	struct scout *s = &p->scout[scout];
	if (s->fd < 0)
		return;
	size_t start = frame_begin(&s->out, type);
	frame_u64(&s->out, number);
	frame_end(&s->out, start);
	scout_flush(s);
}

static void on_done(struct scan_root *r, struct frame *f)
{
	r->scan->walk_busy_ns += frame_get_u64(f);
	r->is_walked = true;
}

static void handle_scout_frame(struct pipeline *p, int scout, struct frame *f)
{
	if (f->type == FRAME_FAILED) {
		if (!integrity_on_failed(p, *f))
			batch_on_failed(p, f);
		return;
	}
	if (f->type == FRAME_DIRTY) {
		watch_on_dirty(p, scout, f);
		return;
	}
	if (f->type == FRAME_WATCH) {
		watch_on_counts(p, scout, f);
		return;
	}
	if (f->type == FRAME_BEAT) {
		guard_on_beat(p, scout, f);
		return;
	}
	struct scan_root *r = scan_root_of(p, scout);
	if (!r || frame_get_u64(f) != r->scan->id)
		return;
	r->heard_at = mono_ns();
	if (f->type == FRAME_ROOT)
		guard_on_root(p, r, f);
	else if (f->type == FRAME_LIST)
		on_list(p, r, f);
	else if (f->type == FRAME_SAME)
		known_on_same(p, r, f);
	else if (f->type == FRAME_DONE)
		on_done(r, f);
	else if (f->type == FRAME_SEEN)
		loss_on_seen(p, r, f);
	if (f->type == FRAME_ROOT && !r->may_scan)
		send_number(p, scout, FRAME_STOP, r->scan->id);
}

static void recount(struct pipeline *p, const struct scan_root *r)
{
	const struct diff_counts *n = r->diff ? diff_counts(r->diff) : NULL;
	bool is_news = n && !r->scan->is_verify && (n->files != n->unchanged || r->vanished);
	struct change *c = is_news ? change_new(CHANGE_RECOUNT, 0) : NULL;
	if (!c)
		return;
	c->root = p->row[r->scout].id;
	writer_put(p->o.writer, c);
}

void scan_end_root(struct pipeline *p, struct scan_root *r)
{
	batch_drop(p, r->scan, r);
	/* what was read so far is in the index */
	recount(p, r);
	r->is_walked = true;
	r->may_forget_end = false;
	r->stage = ROOT_ENDED;
	send_number(p, r->scout, FRAME_STOP, r->scan->id);
	send_number(p, r->scout, FRAME_RELEASE, r->scan->id);
}

static void lose_scout(struct pipeline *p, int scout)
{
	struct scan_root *r = scan_root_of(p, scout);
	log_warning("the scout of %s ended; it is started again", p->scout[scout].path);
	scout_stop(&p->scout[scout]);
	p->row[scout].is_stuck = false;
	guard_set_state(p, scout, "unknown", "the process that looks at the folder ended; everything "
			"known of it is kept", guard_count(p, scout, ""));
	if (r)
		scan_end_root(p, r);
	watch_add(p, scout, "", 0, DIRTY_DEEP);
}

static void read_scout(struct pipeline *p, int i)
{
	struct scout *scout = &p->scout[i];
	struct frame f;
	long n = frame_reader_fill(&scout->reader);
	if (n == -EAGAIN)
		return;
	/* one snapshot for all lists that are here: locks cost more than the questions */
	bool snapshot = n > 0 && store_begin_read(p->store) == 0;
	while (n > 0 && frame_reader_next(&scout->reader, &f) > 0)
		handle_scout_frame(p, i, &f);
	if (snapshot)
		store_end(p->store);
	if (n <= 0)
		lose_scout(p, i);
}

static void check_silence(struct pipeline *p, struct scan *s, bool is_paused)
{
	int64_t limit = mono_ns() - SILENCE_S * NS_PER_S;
	for (size_t i = 0; i < s->roots; i++) {
		struct scan_root *r = &s->root[i];
		bool waits = r->stage == ROOT_CONFIRMS || !r->is_walked || r->batches;
		if (is_paused || send_is_awaited(p, r))
			r->heard_at = mono_ns();
		else if (r->stage != ROOT_ENDED && waits && r->heard_at < limit)
			guard_set_stuck(p, r->scout, 0);
	}
}

/* --- the end of a root --- */

static void step_roots(struct pipeline *p, struct scan *s)
{
	for (size_t i = 0; i < s->roots; i++) {
		struct scan_root *r = &s->root[i];
		if (r->stage == ROOT_WALKS && r->is_walked && !r->batches)
			loss_begin(p, r);
		if (r->stage == ROOT_CONFIRMS)
			loss_ask(p, r);
		if (r->stage != ROOT_DONE)
			continue;
		recount(p, r);
		send_number(p, r->scout, FRAME_RELEASE, s->id);
		r->stage = ROOT_ENDED;
	}
}

/* --- steps --- */

static bool is_held_up(struct pipeline *p, int scout, bool is_paused)
{
	const struct scan_root *r = is_paused ? scan_root_of(p, scout) : NULL;
	return r && r->scan == &p->job_scan;
}

static int fill_poll(struct pipeline *p, struct pollfd *fds, bool is_paused)
{
	int n = 0;
	fds[n++] = (struct pollfd){p->wake, POLLIN, 0};
	fds[n++] = (struct pollfd){p->mounts.fd, POLLPRI, 0};
	for (size_t i = 0; i < p->scouts; i++) {
		const struct scout *s = &p->scout[i];
		short in = is_held_up(p, (int)i, is_paused) ? 0 : POLLIN;
		short events = (short)(in | (scout_has_output(s) ? POLLOUT : 0));
		fds[n++] = (struct pollfd){s->fd, events, 0};
	}
	for (int i = 0; i < p->pool.count; i++)
		fds[n++] = (struct pollfd){p->pool.worker[i].results, POLLIN, 0};
	fds[n++] = (struct pollfd){integrity_fd(p), POLLIN, 0};
	return n;
}

static void read_ready(struct pipeline *p, const struct pollfd *fds)
{
	uint64_t count;
	if (fds[0].revents && read(p->wake, &count, sizeof count) < 0)
		log_debug("the wake-up was read by another");
	if (fds[1].revents)
		guard_on_mounts(p);
	for (size_t i = 0; i < p->scouts; i++) {
		const struct pollfd *fd = &fds[2 + i];
		if (fd->fd < 0 || p->scout[i].fd != fd->fd || !fd->revents)
			continue;
		if (fd->revents & POLLOUT)
			scout_flush(&p->scout[i]);
		if (fd->revents & (POLLIN | POLLHUP | POLLERR))
			read_scout(p, (int)i);
	}
	for (int i = 0; i < p->pool.count; i++)
		if (fds[2 + p->scouts + (size_t)i].revents)
			batch_read_worker(p, i);
	if (fds[2 + p->scouts + (size_t)p->pool.count].revents)
		integrity_read(p);
}

static void step_scan(struct pipeline *p, struct scan *s, bool is_paused)
{
	if (!s->id)
		return;
	check_silence(p, s, is_paused);
	if (is_paused)
		return;
	batch_dispatch(p, s);
	batch_check_lost(p, s);
	step_roots(p, s);
}

void scan_step(struct pipeline *p, int timeout_ms, bool is_paused)
{
	struct pollfd fds[2 + 256 + POOL_MAX + 1];
	int n = fill_poll(p, fds, is_paused);
	if (poll(fds, (nfds_t)n, timeout_ms) > 0)
		read_ready(p, fds);
	pool_check_deadlines(&p->pool);
	pool_refill(&p->pool);
	batch_check_hung(p);
	guard_check_stuck(p);
	step_scan(p, &p->job_scan, is_paused);
	step_scan(p, &p->watch_scan, false);
	for (size_t i = 0; i < p->scouts; i++)
		if (p->scout[i].fd >= 0 && scout_flush(&p->scout[i]) < 0)
			lose_scout(p, (int)i);
	if (p->job_scan.id)
		run_publish(p);
}

bool scan_is_done(const struct scan *s)
{
	for (size_t i = 0; i < s->roots; i++)
		if (s->root[i].stage != ROOT_ENDED)
			return false;
	return true;
}

void scan_abort(struct pipeline *p, struct scan *s)
{
	for (size_t i = 0; i < s->roots; i++)
		if (s->root[i].stage != ROOT_ENDED)
			scan_end_root(p, &s->root[i]);
	batch_drop(p, s, NULL);
}

/* --- begin and end --- */

void plan_add(struct scan_plan *plan, const char *path, bool is_deep)
{
	struct walk_scope *scope = vec_add(&plan->scopes);
	if (scope)
		*scope = (struct walk_scope){strdup(path), is_deep};
}

/** Scans come behind other work; but who has nothing indexed yet waits for it. */
static bool is_behind(const struct pipeline *p, const struct root_row *row)
{
	return row->files > 0 && strcmp(config_text(p->o.config, OPT_scan_priority), "background") == 0;
}

bool scan_reads_heads(const struct scan_root *r, const struct root_row *row)
{
	return r->scan->is_full || row->files == 0;
}

static void send_order(struct pipeline *p, const struct scan_root *r)
{
	const struct root_row *row = &p->row[r->scout];
	struct buf *out = &p->scout[r->scout].out;
	size_t start = frame_begin(out, FRAME_SCAN);
	frame_u64(out, r->scan->id);
	frame_u32(out, r->slice);
	frame_u32(out, r->slices);
	frame_u32(out, (uint32_t)row->anchors.len);
	for (size_t i = 0; i < row->anchors.len; i++) {
		const struct anchor_row *a = &row->anchors.data[i];
		frame_u64(out, (uint64_t)a->size);
		frame_u64(out, (uint64_t)a->mtime);
		frame_bytes(out, a->path, strlen(a->path));
	}
	frame_u32(out, (uint32_t)r->blind.len);
	for (size_t i = 0; i < r->blind.len; i++)
		frame_bytes(out, r->blind.data[i], strlen(r->blind.data[i]));
	frame_u32(out, (uint32_t)r->scopes.len);
	for (size_t i = 0; i < r->scopes.len; i++) {
		frame_u32(out, r->scopes.data[i].is_deep);
		frame_bytes(out, r->scopes.data[i].path, strlen(r->scopes.data[i].path));
	}
	frame_u32(out, scan_reads_heads(r, row));
	frame_u32(out, is_behind(p, row));
	frame_end(out, start);
}

/** What is unknown, or another disk, is not looked at by any other way either. */
static void drop_blind_scopes(struct scan_root *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->scopes.len; i++) {
		struct walk_scope s = r->scopes.data[i];
		bool is_blind = false;
		for (size_t k = 0; k < r->blind.len && !is_blind; k++)
			is_blind = path_below(r->blind.data[k], s.path) != NULL;
		if (is_blind)
			free((char *)(uintptr_t)s.path);
		else
			r->scopes.data[n++] = s;
	}
	r->scopes.len = n;
}

static int begin_root(struct pipeline *p, struct scan *s, struct scan_root *r,
		      struct scan_plan *plan)
{
	const struct root_row *row = &p->row[plan->scout];
	*r = (struct scan_root){
		.scan = s, .scout = plan->scout, .heard_at = mono_ns(), .slice = plan->slice,
		.slices = plan->slices, .accepts = plan->accepts,
		.is_ordered = plan->is_ordered && s->is_full && !s->is_verify,
		.lost_texts = BUF_INIT((size_t)1 << 30),
	};
	memcpy(&r->scopes, &plan->scopes, sizeof r->scopes);
	memset(&plan->scopes, 0, sizeof plan->scopes);
	guard_prepare(p, r);
	drop_blind_scopes(r);
	struct diff_options options = {
		.store = p->store, .root = row->id, .job = s->job, .is_full = s->is_full,
		.is_ordered = r->is_ordered, .scope = r->scopes.data, .scopes = r->scopes.len, .slice = r->slice, .slices = r->slices,
		.blind = r->blind.data, .blinds = r->blind.len, .has_loose_inodes = row->is_remote,
		.quiet_ns = s->job < 0 ? config_int(p->o.config, OPT_scan_quiet) : 0,
		.sink = {.wanted = sink_wanted, .unsettled = sink_unsettled, .put = sink_put, .arg = p},
	};
	int e = diff_new(&options, &r->diff);
	if (e < 0 || row->is_stuck)
		return e < 0 ? e : -EBUSY;
	pool_set_background(&p->pool, is_behind(p, row));
	known_send(p, r);
	send_order(p, r);
	return scout_flush(&p->scout[plan->scout]);
}

int scan_begin(struct pipeline *p, struct scan *s, int64_t job, enum scan_kind kind,
	       struct scan_plan *plan, size_t n)
{
	static uint64_t last_id;
	*s = (struct scan){
		.id = ++last_id, .job = job, .is_full = kind != SCAN_QUICK, .is_verify = kind == SCAN_VERIFY,
		.differences = BUF_INIT((size_t)256 << 20),
	};
	s->last = &s->first;
	s->root = calloc(n ? n : 1, sizeof *s->root);
	if (!s->root)
		return -ENOMEM;
	run_begin(p, s, n);
	for (size_t i = 0; i < n; i++) {
		int r = begin_root(p, s, &s->root[i], &plan[i]);
		s->roots = i + 1;
		if (r < 0)
			s->root[i].stage = ROOT_ENDED;
		if (r < 0 && r != -EBUSY)
			lose_scout(p, plan[i].scout);
	}
	return 0;
}

/* --- who is who --- */

struct twins {
	struct pipeline *p;
	struct scan *s;
};

static const struct scan_root *root_of_row(const struct pipeline *p, const struct scan *s, int64_t row)
{
	for (size_t i = 0; i < s->roots; i++)
		if (p->row[s->root[i].scout].id == row)
			return &s->root[i];
	return NULL;
}

/** Two names of one inode: if the other one was seen in this scan it is a hard link, else its
 * folder is looked at. */
static int on_twin(void *arg, int64_t file, int64_t other, int64_t root, struct bytes dir, bool again)
{
	struct twins *t = arg;
	const struct scan_root *r = root_of_row(t->p, t->s, root);
	bool is_seen = r && r->diff && diff_has_seen(r->diff, other);
	struct change *c = is_seen ? change_new(CHANGE_SETTLE_TWIN, 0) : NULL;
	if (c) {
		c->row = file;
		c->flag = again;
		writer_put(t->p->o.writer, c);
	}
	if (is_seen && !again)
		return 0;
	t->p->has_pending = true;
	return watch_add_place(t->p, root, dir);
}

void scan_settle(struct pipeline *p, struct scan *s)
{
	struct twins t = {p, s};
	if (s->is_verify)
		verify_end(p, s);
	if (!s->added && !s->changed && !s->removed && !p->has_pending)
		return;
	/* with what the scan found in one commit: nobody sees a file under another's number */
	writer_put(p->o.writer, change_new(CHANGE_RESOLVE, 0));
	writer_flush(p->o.writer);
	p->has_pending = false;
	store_twins(p->store, on_twin, &t);
}

void scan_end(struct pipeline *p, struct scan *s)
{
	batch_drop(p, s, NULL);
	for (size_t i = 0; i < s->roots; i++) {
		struct scan_root *r = &s->root[i];
		diff_free(r->diff);
		for (size_t k = 0; k < r->scopes.len; k++)
			free((char *)(uintptr_t)r->scopes.data[k].path);
		for (size_t k = 0; k < r->blind.len; k++)
			free(r->blind.data[k]);
		vec_clear(&r->scopes);
		vec_clear(&r->blind);
		vec_clear(&r->lost);
		buf_clear(&r->lost_texts);
	}
	free(s->root);
	buf_clear(&s->differences);
	*s = (struct scan){.last = &s->first};
}
