/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One scan: frames of scouts and workers, and what follows from each. */
#include "indexer/pipeline_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/render.h"
#include "indexer/child.h"
#include "indexer/discover/walk.h"

enum {
	/** A scout that says nothing for so long though it has no reason to wait is stuck. */
	SILENCE_S = 60,
};

#define LIVE(p, name) ((p)->o.live->name)
#define LIVE_SET(p, name, v) atomic_store_explicit(&LIVE(p, name), (v), memory_order_relaxed)

/* --- scouts --- */

static void set_root_state(struct pipeline *p, int scout, const struct guard_verdict *v,
			   uint64_t device)
{
	struct root_row *row = &p->row[scout];
	if (strcmp(row->state, v->state) == 0)
		return;
	snprintf(row->state, sizeof row->state, "%s", v->state);
	struct change *c = change_new(CHANGE_ROOT, 512);
	if (!c)
		return;
	c->root = row->id;
	c->state = v->state;
	c->error_reason = change_copy(c, v->reason, strlen(v->reason));
	c->since = now_ns();
	c->device = device;
	writer_put(p->o.writer, c);
	_buf_ struct buf body = BUF_INIT(8192);
	struct json j;
	json_init(&j, &body, 0);
	json_object(&j);
	json_kv_text(&j, "name", p->scout[scout].name);
	json_kv_path(&j, "path", p->scout[scout].path, strlen(p->scout[scout].path));
	json_kv_text(&j, "state", v->state);
	json_kv_text(&j, "reason", v->reason);
	json_end_object(&j);
	c = change_new(CHANGE_EVENT, body.len + 1);
	if (!c)
		return;
	c->name = "root";
	c->dir = change_copy(c, buf_str(&body), body.len);
	c->dir_len = body.len;
	writer_put(p->o.writer, c);
}

static void on_root(struct pipeline *p, int root, struct frame *f)
{
	struct scan_root *r = &p->scan.root[root];
	struct guard_evidence e = {.error = (int)frame_get_u32(f)};
	uint64_t device = frame_get_u64(f);
	e.is_empty = frame_get_u32(f) != 0;
	bool is_end = frame_get_u32(f) != 0;
	e.has_files = store_root_has_files(p->store, p->row[r->scout].id) > 0;
	struct guard_verdict v = guard_judge(&e);
	set_root_state(p, r->scout, &v, device);
	if (is_end)
		r->may_forget_end = v.may_forget;
	else
		r->may_forget_start = v.may_forget;
}

struct chunk {
	struct pipeline *p;
	int root;
	uint64_t dir;
	struct bytes path;
	bool cover;
	struct batch *batch;
	bool any;
};

static void on_wanted(void *arg, const struct seen *file)
{
	struct chunk *c = arg;
	if (c->batch && c->batch->count == BATCH_MAX) {
		batch_enqueue(c->p, c->batch);
		c->batch = NULL;
	}
	if (!c->batch)
		c->batch = batch_new(c->p, c->root, c->dir, c->path);
	if (!c->batch)
		return;
	c->batch->cover = c->cover;
	c->any = true;
	batch_add(c->batch, file);
}

/** The sink of a diff is the chunk at hand. */
static _Thread_local struct chunk *at_hand;

static void sink_wanted(void *arg, const struct seen *file)
{
	(void)arg;
	on_wanted(at_hand, file);
}

static void sink_put(void *arg, struct change *c)
{
	struct pipeline *p = arg;
	writer_put(p->o.writer, c);
}

static void on_list(struct pipeline *p, int root, struct frame *f)
{
	static struct seen entry[512];
	size_t n = 0;
	struct chunk chunk = {.p = p, .root = root, .dir = frame_get_u64(f)};
	uint32_t flags = frame_get_u32(f);
	int error = (int)frame_get_u32(f);
	chunk.cover = (flags & LIST_COVER) != 0;
	chunk.path.data = frame_get_bytes(f, &chunk.path.len);
	uint32_t count = frame_get_u32(f);
	for (uint32_t i = 0; i < count && !f->is_bad && n < COUNT_OF(entry); i++) {
		struct seen *e = &entry[n++];
		*e = (struct seen){.type = frame_get_u32(f)};
		e->size = (int64_t)frame_get_u64(f);
		e->mtime = (int64_t)frame_get_u64(f);
		e->ctime = (int64_t)frame_get_u64(f);
		e->inode = (int64_t)frame_get_u64(f);
		e->name.data = frame_get_bytes(f, &e->name.len);
	}
	if (f->is_bad) {
		log_error("a scout sent a broken list");
		diff_fail(p->scan.root[root].diff);
		batch_answer_chunk(p, root, chunk.dir);
		return;
	}
	at_hand = &chunk;
	diff_chunk(p->scan.root[root].diff, chunk.path, flags, error, entry, n);
	at_hand = NULL;
	if (chunk.batch) {
		chunk.batch->is_last = true;
		batch_enqueue(p, chunk.batch);
	} else {
		batch_answer_chunk(p, root, chunk.dir);
	}
}

static void on_done(struct pipeline *p, int root, struct frame *f)
{
	struct scan_root *r = &p->scan.root[root];
	p->scan.walk_busy_ns += frame_get_u64(f);
	r->is_walked = true;
}

static int root_of_scout(const struct scan *s, int scout)
{
	for (size_t i = 0; i < s->roots; i++)
		if (s->root[i].scout == scout)
			return (int)i;
	return -1;
}

static void handle_scout_frame(struct pipeline *p, int scout, struct frame *f)
{
	int root = root_of_scout(&p->scan, scout);
	if (f->type == FRAME_FAILED) {
		batch_on_failed(p, f);
		return;
	}
	if (root < 0 || frame_get_u64(f) != p->scan.id || p->scan.root[root].is_ended)
		return;
	p->scan.root[root].heard_at = mono_ns();
	if (f->type == FRAME_ROOT)
		on_root(p, root, f);
	else if (f->type == FRAME_LIST)
		on_list(p, root, f);
	else if (f->type == FRAME_DONE)
		on_done(p, root, f);
}

static void lose_scout(struct pipeline *p, int scout, bool is_silent)
{
	int root = root_of_scout(&p->scan, scout);
	struct guard_evidence e = {.is_silent = is_silent, .error = -EIO};
	struct guard_verdict v = guard_judge(&e);
	log_warning("the scout of %s %s", p->scout[scout].path,
		    is_silent ? "does not answer and is abandoned" : "ended; it is started again");
	scout_stop(&p->scout[scout]);
	set_root_state(p, scout, &v, 0);
	if (root < 0)
		return;
	batch_drop(p, root);
	p->scan.root[root].is_walked = true;
	p->scan.root[root].may_forget_end = false;
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
		lose_scout(p, i, false);
}

static void check_silence(struct pipeline *p)
{
	int64_t limit = mono_ns() - SILENCE_S * NS_PER_S;
	for (size_t i = 0; i < p->scan.roots; i++) {
		struct scan_root *r = &p->scan.root[i];
		bool waits = !r->is_walked || r->batches;
		if (waits && r->heard_at < limit && p->scout[r->scout].fd >= 0)
			lose_scout(p, r->scout, true);
	}
}

/* --- the end of a root --- */

static void end_root(struct pipeline *p, struct scan_root *r)
{
	r->is_ended = true;
	if (r->may_forget_start && r->may_forget_end)
		diff_finish(r->diff);
	const struct diff_counts *n = diff_counts(r->diff);
	if (n->files == n->unchanged && !n->removed)
		return;
	struct change *c = change_new(CHANGE_RECOUNT, 0);
	if (!c)
		return;
	c->root = p->row[r->scout].id;
	writer_put(p->o.writer, c);
}

static void end_roots(struct pipeline *p)
{
	for (size_t i = 0; i < p->scan.roots; i++) {
		struct scan_root *r = &p->scan.root[i];
		if (!r->is_ended && r->is_walked && !r->batches)
			end_root(p, r);
	}
}

/* --- steps --- */

static uint64_t sum(const struct pipeline *p, size_t offset)
{
	uint64_t v = 0;
	for (size_t i = 0; i < p->scan.roots; i++)
		if (p->scan.root[i].diff)
			v += *(const uint64_t *)(const void *)((const char *)diff_counts(p->scan.root[i].diff) +
							       offset);
	return v;
}

#define SUM(p, field) sum(p, offsetof(struct diff_counts, field))

static void publish(struct pipeline *p)
{
	struct scan *s = &p->scan;
	size_t writer = writer_depth(p->o.writer);
	uint64_t pending = 0;
	for (size_t i = 0; i < s->roots; i++)
		pending += (uint64_t)s->root[i].batches;
	s->peak_pending = pending > s->peak_pending ? pending : s->peak_pending;
	s->peak_waiting = s->waiting_files > s->peak_waiting ? s->waiting_files : s->peak_waiting;
	s->peak_writer = writer > s->peak_writer ? writer : s->peak_writer;
	uint64_t files = SUM(p, files), unchanged = SUM(p, unchanged);
	LIVE_SET(p, files, files);
	LIVE_SET(p, bytes, SUM(p, bytes));
	LIVE_SET(p, unchanged, unchanged);
	LIVE_SET(p, removed, SUM(p, removed));
	LIVE_SET(p, errors, SUM(p, errors) + s->errors);
	LIVE_SET(p, added, s->added);
	LIVE_SET(p, changed, s->changed);
	LIVE_SET(p, done, unchanged + s->extracted);
	LIVE_SET(p, discover_items, files);
	LIVE_SET(p, discover_depth, pending);
	LIVE_SET(p, extract_items, s->extracted);
	LIVE_SET(p, extract_depth, s->waiting_files);
	LIVE_SET(p, insert_depth, writer);
}

static int fill_poll(struct pipeline *p, struct pollfd *fds, bool is_paused)
{
	int n = 0;
	fds[n++] = (struct pollfd){p->wake, POLLIN, 0};
	for (size_t i = 0; i < p->scouts; i++) {
		const struct scout *s = &p->scout[i];
		short events = (short)((is_paused ? 0 : POLLIN) | (scout_has_output(s) ? POLLOUT : 0));
		fds[n++] = (struct pollfd){s->fd, events, 0};
	}
	for (int i = 0; i < p->pool.count; i++)
		fds[n++] = (struct pollfd){p->pool.worker[i].results, POLLIN, 0};
	return n;
}

static void read_ready(struct pipeline *p, const struct pollfd *fds)
{
	uint64_t count;
	if (fds[0].revents && read(p->wake, &count, sizeof count) < 0)
		log_debug("the wake-up was read by another");
	for (size_t i = 0; i < p->scouts; i++) {
		const struct pollfd *fd = &fds[1 + i];
		if (fd->fd < 0 || p->scout[i].fd != fd->fd || !fd->revents)
			continue;
		if (fd->revents & POLLOUT)
			scout_flush(&p->scout[i]);
		if (fd->revents & (POLLIN | POLLHUP | POLLERR))
			read_scout(p, (int)i);
	}
	for (int i = 0; i < p->pool.count; i++)
		if (fds[1 + p->scouts + (size_t)i].revents)
			batch_read_worker(p, i);
}

void scan_step(struct pipeline *p, int timeout_ms, bool is_paused)
{
	struct pollfd fds[1 + 256 + POOL_MAX];
	int n = fill_poll(p, fds, is_paused);
	if (poll(fds, (nfds_t)n, timeout_ms) > 0)
		read_ready(p, fds);
	pool_check_deadlines(&p->pool);
	if (!p->scan.id)
		return;
	if (is_paused) {
		for (size_t i = 0; i < p->scan.roots; i++)
			p->scan.root[i].heard_at = mono_ns();
	} else {
		batch_dispatch(p);
		batch_check_lost(p);
		check_silence(p);
		end_roots(p);
	}
	for (size_t i = 0; i < p->scouts; i++)
		if (p->scout[i].fd >= 0 && scout_flush(&p->scout[i]) < 0)
			lose_scout(p, (int)i, false);
	publish(p);
}

bool scan_is_done(const struct pipeline *p)
{
	for (size_t i = 0; i < p->scan.roots; i++)
		if (!p->scan.root[i].is_ended)
			return false;
	return true;
}

void scan_abort(struct pipeline *p)
{
	for (size_t i = 0; i < p->scan.roots; i++) {
		struct scan_root *r = &p->scan.root[i];
		struct scout *scout = &p->scout[r->scout];
		if (scout->fd >= 0) {
			size_t start = frame_begin(&scout->out, FRAME_STOP);
			frame_u64(&scout->out, p->scan.id);
			frame_end(&scout->out, start);
			scout_flush(scout);
		}
		r->is_ended = true;
	}
	batch_drop(p, -1);
}

/* --- begin and end --- */

static uint64_t cpu_of_workers(const struct pipeline *p)
{
	uint64_t total = 0, rss, cpu;
	for (int i = 0; i < p->pool.count; i++) {
		child_usage(p->pool.worker[i].pid, &rss, &cpu);
		total += cpu + p->pool.worker[i].past_cpu_ns;
	}
	return total;
}

static uint64_t cpu_of_all(struct pipeline *p)
{
	uint64_t total = cpu_of_workers(p), rss, cpu;
	struct scan *s = &p->scan;
	s->rss_scout = s->rss_worker = s->rss_sum = 0;
	for (size_t i = 0; i < p->scouts; i++) {
		if (p->scout[i].fd < 0)
			continue;
		child_usage(p->scout[i].pid, &rss, &cpu);
		total += cpu;
		s->rss_scout = rss > s->rss_scout ? rss : s->rss_scout;
		s->rss_sum += rss;
	}
	for (int i = 0; i < p->pool.count; i++) {
		child_usage(p->pool.worker[i].pid, &rss, &cpu);
		rss = rss > p->pool.worker[i].past_rss ? rss : p->pool.worker[i].past_rss;
		s->rss_worker = rss > s->rss_worker ? rss : s->rss_worker;
		s->rss_sum += rss;
	}
	return total + (uint64_t)clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int begin_root(struct pipeline *p, struct scan_root *r, int scout, const char *scope)
{
	struct scan *s = &p->scan;
	*r = (struct scan_root){.scout = scout, .heard_at = mono_ns(), .scope = strdup(scope)};
	struct diff_options options = {
		.store = p->store, .root = p->row[scout].id, .job = s->job, .is_full = s->is_full,
		.scope = scope, .sink = {.wanted = sink_wanted, .put = sink_put, .arg = p},
	};
	int e = diff_new(&options, &r->diff);
	if (e < 0)
		return e;
	struct buf *out = &p->scout[scout].out;
	size_t start = frame_begin(out, FRAME_SCAN);
	frame_u64(out, s->id);
	frame_bytes(out, scope, strlen(scope));
	frame_end(out, start);
	return scout_flush(&p->scout[scout]);
}

int scan_begin(struct pipeline *p, int64_t job, bool is_full, const int *roots,
	       const char *const *scopes, size_t n)
{
	static uint64_t last_id;
	struct scan *s = &p->scan;
	*s = (struct scan){
		.id = ++last_id, .job = job, .is_full = is_full,
		.started_mono = mono_ns(), .started_at = now_ns(),
	};
	s->last = &s->first;
	s->root = calloc(n ? n : 1, sizeof *s->root);
	if (!s->root)
		return -ENOMEM;
	s->start_cpu_ns = cpu_of_all(p);
	s->start_extract_cpu = cpu_of_workers(p);
	s->start_insert_busy = atomic_load(&LIVE(p, insert_busy_ns));
	LIVE_SET(p, insert_items, 0);
	LIVE_SET(p, discover_limit, (uint64_t)WALK_CREDIT * n);
	LIVE_SET(p, extract_limit, (uint64_t)WALK_CREDIT * n * WALK_CHUNK);
	for (size_t i = 0; i < n; i++) {
		int r = begin_root(p, &s->root[i], roots[i], scopes[i]);
		s->roots = i + 1;
		if (r < 0)
			lose_scout(p, roots[i], false);
	}
	return 0;
}

static void fill_run(struct pipeline *p, struct run *run)
{
	const struct scan *s = &p->scan;
	double wall = (double)(mono_ns() - s->started_mono) / 1e9;
	double cpu = (double)(cpu_of_all(p) - s->start_cpu_ns) / 1e9;
	double files = (double)SUM(p, files), errors = (double)(SUM(p, errors) + s->errors);
	uint64_t own_rss, own_cpu;
	child_usage(getpid(), &own_rss, &own_cpu);
	double *v = run->value;
	wall = wall > 1e-6 ? wall : 1e-6;
	v[RUN_wall_seconds] = wall;
	v[RUN_files] = files;
	v[RUN_bytes] = (double)SUM(p, bytes);
	v[RUN_unchanged] = (double)SUM(p, unchanged);
	v[RUN_added] = (double)s->added;
	v[RUN_changed] = (double)s->changed;
	v[RUN_removed] = (double)SUM(p, removed);
	v[RUN_errors] = errors;
	v[RUN_error_ratio] = files > 0 ? errors / files : 0;
	v[RUN_cached_ratio] = files > 0 ? v[RUN_unchanged] / files : 0;
	v[RUN_peak_rss_indexer_bytes] = (double)own_rss;
	v[RUN_peak_rss_scout_bytes] = (double)s->rss_scout;
	v[RUN_peak_rss_worker_bytes] = (double)s->rss_worker;
	v[RUN_peak_rss_bytes] = (double)(own_rss + s->rss_sum);
	v[RUN_cpu_seconds] = cpu;
	v[RUN_cpu_ratio] = cpu / wall;
	double items[STAGE_COUNT] = {
		files, (double)s->extracted, (double)atomic_load(&LIVE(p, insert_items))};
	double depth[STAGE_COUNT] = {
		(double)s->peak_pending, (double)s->peak_waiting, (double)s->peak_writer};
	double limit[STAGE_COUNT] = {
		(double)atomic_load(&LIVE(p, discover_limit)),
		(double)atomic_load(&LIVE(p, extract_limit)), WRITER_LIMIT};
	double busy[STAGE_COUNT] = {
		(double)s->walk_busy_ns / 1e9,
		(double)(cpu_of_workers(p) - s->start_extract_cpu) / 1e9 / p->pool.count,
		(double)(atomic_load(&LIVE(p, insert_busy_ns)) - s->start_insert_busy) / 1e9};
	for (int st = 0; st < STAGE_COUNT; st++) {
		run->stage[st][STAGE_items] = items[st];
		run->stage[st][STAGE_items_per_second] = items[st] / wall;
		run->stage[st][STAGE_queue_depth] = depth[st];
		run->stage[st][STAGE_queue_limit] = limit[st];
		run->stage[st][STAGE_busy_ratio] = busy[st] / wall;
	}
}

void scan_end(struct pipeline *p, struct run *run)
{
	struct scan *s = &p->scan;
	*run = (struct run){.job = s->job, .started_at = s->started_at, .ended_at = now_ns()};
	snprintf(run->mode, sizeof run->mode, "%s", s->is_full ? "full" : "quick");
	fill_run(p, run);
	LIVE_SET(p, rss_sum, (uint64_t)run->value[RUN_peak_rss_bytes]);
	batch_drop(p, -1);
	for (size_t i = 0; i < s->roots; i++) {
		diff_free(s->root[i].diff);
		free(s->root[i].scope);
	}
	free(s->root);
	*s = (struct scan){.last = &s->first};
}
