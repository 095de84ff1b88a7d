/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/render.h"
#include "common/shed.h"
#include "common/text.h"
#include "indexer/monitor/monitor_missing.h"
#include "indexer/pipeline_mend.h"
#include "indexer/pipeline_covers.h"
#include "indexer/pipeline_private.h"
#include "indexer/profile.h"

enum {
	IDLE_MS = 500,
	BUSY_MS = 50,
	/** How long an order waits for room in the writer's queue. */
	OFFER_MS = 1000,
};

/* --- jobs --- */

static void wake(struct pipeline *p)
{
	uint64_t one = 1;
	if (write(p->wake, &one, sizeof one) < 0)
		log_debug("the pipeline is awake already");
}

void pipeline_add_job(struct pipeline *p, int64_t id, const char *words)
{
	LOCKED(&p->lock);
	for (size_t i = 0; i < p->jobs.len; i++)
		if (p->jobs.data[i].id == id)
			return;
	struct job *job = vec_add(&p->jobs);
	if (job)
		*job = (struct job){.id = id, .words = strdup(words), .is_check = integrity_is_job(words),
				    .submitted_at = now_ns()};
	wake(p);
}

/** Removes a job from the row; false when it is not there. Under the lock. */
static bool take_job(struct pipeline *p, size_t i, struct job *job)
{
	if (i >= p->jobs.len)
		return false;
	*job = p->jobs.data[i];
	memmove(&p->jobs.data[i], &p->jobs.data[i + 1],
		(p->jobs.len - i - 1) * sizeof *p->jobs.data);
	p->jobs.len--;
	return true;
}

struct job *job_find(struct pipeline *p, int64_t id)
{
	for (size_t i = 0; i < p->jobs.len; i++)
		if (p->jobs.data[i].id == id)
			return &p->jobs.data[i];
	return NULL;
}

static struct change *job_change(const struct job_state *s)
{
	struct change *c = change_new(CHANGE_JOB, strlen(s->result) + 1);
	if (!c)
		return NULL;
	c->job = s->id;
	c->state = s->state;
	c->error_reason = change_copy(c, s->result, strlen(s->result));
	c->started_at = s->started_at;
	c->ended_at = s->ended_at;
	c->done = (int64_t)s->done;
	c->total = (int64_t)s->total;
	return c;
}

void job_put(struct pipeline *p, const struct job_state *s)
{
	writer_put(p->o.writer, job_change(s));
}

/** For whoever gives orders: a store that cannot be written is not waited for. */
static int offer_job(struct pipeline *p, const struct job_state *s)
{
	return writer_offer(p->o.writer, job_change(s), OFFER_MS);
}

static struct change *job_event(int64_t id, const char *words, const char *state, const char *result)
{
	_buf_ struct buf body = BUF_INIT(1 << 16);
	struct json j;
	json_init(&j, &body, 0);
	json_object(&j);
	json_kv_int(&j, "job", id);
	json_kv_text(&j, "order", words);
	json_kv_text(&j, "state", state);
	json_kv_text(&j, "result", result);
	json_end_object(&j);
	struct change *c = change_new(CHANGE_EVENT, body.len + 1);
	if (!c)
		return NULL;
	c->name = "job";
	c->dir = change_copy(c, buf_str(&body), body.len);
	c->dir_len = body.len;
	return c;
}

void job_put_event(struct pipeline *p, int64_t id, const char *words, const char *state, const char *result)
{
	writer_put(p->o.writer, job_event(id, words, state, result));
}

static int set_waiting(struct pipeline *p, struct job *job, bool paused)
{
	if (job->is_paused == paused)
		return -EBUSY;
	int r = offer_job(p, &(struct job_state){.id = job->id, .state = paused ? "paused" : "queued",
						 .result = ""});
	if (r == 0)
		job->is_paused = paused;
	return r;
}

static int cancel_waiting(struct pipeline *p, struct job *job)
{
	struct job ended;
	int r = offer_job(p, &(struct job_state){.id = job->id, .ended_at = now_ns(),
						 .state = "cancelled",
						 .result = "cancelled while waiting"});
	if (r < 0)
		return r;
	writer_offer(p->o.writer,
		     job_event(job->id, job->words, "cancelled", "cancelled while waiting"), OFFER_MS);
	take_job(p, (size_t)(job - p->jobs.data), &ended);
	free(ended.words);
	return 0;
}

/** Pauses, resumes or cancels a job that waits.  Under the lock. */
static int act_on_waiting(struct pipeline *p, enum pipeline_act act, struct job *job)
{
	return act == PIPELINE_CANCEL ? cancel_waiting(p, job)
				      : set_waiting(p, job, act == PIPELINE_PAUSE);
}

/** The same for the running one.  Under the lock. */
static int act_on_running(struct pipeline *p, enum pipeline_act act)
{
	if (act != PIPELINE_CANCEL && p->is_paused == (act == PIPELINE_PAUSE))
		return -EBUSY;
	if (act == PIPELINE_CANCEL)
		p->is_cancelled = true;
	else
		p->is_paused = act == PIPELINE_PAUSE;
	wake(p);
	return 0;
}

/** Backwards, because a cancelled one leaves the row. */
static int act_on_all(struct pipeline *p, enum pipeline_act act)
{
	int done = p->running && act_on_running(p, act) == 0;
	for (size_t i = p->jobs.len; i-- > 0;)
		done += act_on_waiting(p, act, &p->jobs.data[i]) == 0;
	return done ? 0 : -EBUSY;
}

int pipeline_act(struct pipeline *p, enum pipeline_act act, int64_t id)
{
	LOCKED(&p->lock);
	if (!id)
		return act_on_all(p, act);
	if (id == p->running)
		return act_on_running(p, act);
	struct job *waiting = job_find(p, id);
	if (!waiting)
		return -ENOENT;
	int r = act_on_waiting(p, act, waiting);
	wake(p);
	return r;
}

bool pipeline_has_job(struct pipeline *p, int64_t id)
{
	LOCKED(&p->lock);
	return id == p->running || job_find(p, id);
}

/* --- running one job --- */

struct flags {
	bool paused, cancelled, ending;
};

static struct flags read_flags(struct pipeline *p)
{
	LOCKED(&p->lock);
	return (struct flags){p->is_paused, p->is_cancelled, p->is_ending};
}

const char *pipeline_kind(enum media_kind kind)
{
	static const char *const names[] = {
		[MEDIA_TRACK] = "music", [MEDIA_VOLUME] = "manga", [MEDIA_LINK] = "links"};
	return names[kind];
}

int pipeline_find_root(struct pipeline *p, const char *path, const char **kind, const char **below)
{
	size_t best = 0;
	int r = -ENOENT;
	for (size_t i = 0; i < p->scouts; i++) {
		const char *rest = path_below(p->scout[i].path, path);
		size_t n = strlen(p->scout[i].path);
		if (!rest || n < best)
			continue;
		best = n;
		*kind = pipeline_kind(p->scout[i].kind);
		*below = rest;
		r = (int)i;
	}
	return r;
}

static void show_job(struct pipeline *p, const struct job *job, bool is_full, uint64_t total)
{
	struct live_page *live = p->o.live;
	atomic_store(&live->done, 0);
	atomic_store(&live->total, total);
	atomic_store(&live->job_started_at, (uint64_t)now_ns());
	atomic_store(&live->job_full, is_full);
	atomic_store(&live->job_paused, 0);
	atomic_store(&live->job_paused_at, 0);
	atomic_store(&live->job_paused_ns, 0);
	atomic_store(&live->discover_busy_ns, 0);
	atomic_store(&live->extract_busy_ns, 0);
	atomic_store(&live->insert_busy_ns, 0);
	atomic_store(&live->job, (uint64_t)job->id);
	live_wake(live);
}

static void follow_pause(struct pipeline *p, const struct job *job, bool paused)
{
	if (atomic_load(&p->o.live->job_paused) == paused)
		return;
	atomic_store(&p->o.live->job_paused, paused);
	run_pause(p, paused);
	if (p->look)
		mender_pause_look(p->o.mender, paused);
	job_put(p, &(struct job_state){
			   .id = job->id, .started_at = p->job_scan.started_at,
			   .done = atomic_load(&p->o.live->done), .total = atomic_load(&p->o.live->total),
			   .state = paused ? "paused" : "running", .result = ""});
	live_wake(p->o.live);
}

static void describe(const struct scan *s, const struct run *run, struct buf *out)
{
	if (s->is_verify) {
		buf_addf(out, "%llu differences in %.0f files", (unsigned long long)s->different,
			 run->value[RUN_files]);
		return;
	}
	buf_addf(out, "%.0f files in ", run->value[RUN_files]);
	human_duration(run->value[RUN_wall_seconds], out);
	buf_addf(out, ": %.0f added, %.0f changed, %.0f removed, %.0f unchanged, %.0f errors",
		 run->value[RUN_added], run->value[RUN_changed], run->value[RUN_removed],
		 run->value[RUN_unchanged], run->value[RUN_errors]);
	if (s->refused)
		buf_addf(out, "; %llu files were not read, because the sandbox is not whole and must be (status/health)",
			 (unsigned long long)s->refused);
}

static void put_run(struct pipeline *p, const struct run *run)
{
	struct change *c = change_new(CHANGE_RUN, 0);
	if (!c)
		return;
	c->run = malloc(sizeof *run);
	if (!c->run) {
		change_free(c);
		return;
	}
	*c->run = *run;
	writer_put(p->o.writer, c);
}

static int copy_files(void *arg, const struct store_root *row)
{
	struct pipeline *p = arg;
	for (size_t i = 0; i < p->scouts; i++)
		if (p->row[i].id == row->id)
			p->row[i].files = row->files;
	return 0;
}

static void end_job(struct pipeline *p, const char *state)
{
	struct run run;
	struct job *job = &p->job;
	_buf_ struct buf result = BUF_INIT(1024);
	uint64_t total = atomic_load(&p->o.live->files) + p->links_total;
	scan_settle(p, &p->job_scan);
	writer_flush(p->o.writer);
	run_fill(p, &p->job_scan, &run);
	describe(&p->job_scan, &run, &result);
	if (p->job_scan.refused && strcmp(state, "done") == 0)
		state = "failed";
	if (p->looked.len)
		buf_addf(&result, "; %s", buf_str(&p->looked));
	scan_end(p, &p->job_scan);
	size_t shown = text_cut(job->words, strlen(job->words), sizeof run.order - 1);
	snprintf(run.order, sizeof run.order, "%.*s", (int)shown, job->words);
	put_run(p, &run);
	job_put(p, &(struct job_state){
			   .id = job->id, .started_at = run.started_at, .ended_at = run.ended_at,
			   .done = atomic_load(&p->o.live->done), .total = total, .state = state,
			   .result = buf_str(&result)});
	job_put_event(p, job->id, job->words, state, buf_str(&result));
	writer_flush(p->o.writer);
	store_roots(p->store, copy_files, p);
	profile_trim();
	shed_code();
	atomic_store(&p->o.live->job, 0);
	live_wake(p->o.live);
	log_info("job %lld (%s) %s: %s", (long long)job->id, job->words, state, buf_str(&result));
}

/** Links are looked at by others: the job ends when they are done. */
static void begin_look(struct pipeline *p, enum scan_kind kind, const struct scan_plan *plan, size_t n)
{
	p->look = p->links_done = p->links_total = 0;
	buf_reset(&p->looked);
	for (size_t i = 0; i < n && kind != SCAN_VERIFY && !p->look; i++)
		if (p->scout[plan[i].scout].kind == MEDIA_LINK)
			p->look = mender_look(p->o.mender, kind == SCAN_FULL);
}

static bool has_looked(struct pipeline *p)
{
	int64_t done, total;
	if (!p->look)
		return true;
	if (mender_has_looked(p->o.mender, p->look, &done, &total, &p->looked))
		p->look = 0;
	p->links_total = (uint64_t)total;
	/* some are asked twice */
	p->links_done = (uint64_t)(done < total ? done : total);
	/* before they are counted there are as many as last time */
	if (total)
		LIVE_SET(p, total, LIVE(p, files) + p->links_total);
	run_publish(p);
	return !p->look;
}

static void begin_job(struct pipeline *p)
{
	struct scan_plan plan[256];
	struct job *job = &p->job;
	enum scan_kind kind;
	size_t n = plan_job(p, job->words, &kind, plan);
	/* an order comes before what we look at of our own accord */
	for (size_t i = 0; i < n; i++)
		watch_yield(p, plan[i].scout);
	show_job(p, job, kind != SCAN_QUICK, plan_expected(p, plan, n));
	job_put(p, &(struct job_state){.id = job->id, .started_at = now_ns(), .state = "running",
				       .result = ""});
	job_put_event(p, job->id, job->words, "running", "");
	begin_look(p, kind, plan, n);
	int r = scan_begin(p, &p->job_scan, job->id, kind, plan, n);
	if (r < 0)
		log_error("job %lld cannot run: %s", (long long)job->id, strerror(-r));
}

static bool next_job(struct pipeline *p, struct job *job)
{
	LOCKED(&p->lock);
	for (size_t i = 0; i < p->jobs.len; i++) {
		if (p->jobs.data[i].is_paused || p->jobs.data[i].is_check)
			continue;
		take_job(p, i, job);
		p->running = job->id;
		p->is_paused = p->is_cancelled = false;
		return true;
	}
	return false;
}

static void leave_job(struct pipeline *p)
{
	free(p->job.words);
	p->job = (struct job){0};
	LOCKED(&p->lock);
	p->running = 0;
}

static void follow_job(struct pipeline *p, struct flags flags)
{
	if (!p->job.id)
		return;
	follow_pause(p, &p->job, flags.paused);
	if (!flags.cancelled && (!scan_is_done(&p->job_scan) || !has_looked(p)))
		return;
	if (flags.cancelled)
		scan_abort(p, &p->job_scan);
	if (flags.cancelled && p->look)
		mender_cancel_look(p->o.mender);
	p->look = 0;
	end_job(p, flags.cancelled ? "cancelled" : "done");
	leave_job(p);
}

static void *pipeline_main(void *arg)
{
	struct pipeline *p = arg;
	struct flags flags = read_flags(p);
	pool_start(&p->pool);
	LIVE_SET(p, sandbox, p->pool.sandbox);
	if (roots_start_scouts(p) < 0)
		log_error("the processes that look at the disks cannot be started");
	while (!flags.ending) {
		if (!p->job.id && next_job(p, &p->job))
			begin_job(p);
		flags = read_flags(p);
		bool is_busy = p->job.id || p->watch_scan.id;
		scan_step(p, covers_timeout(p, watch_timeout(p, is_busy ? BUSY_MS : IDLE_MS)), flags.paused);
		follow_job(p, flags);
		watch_step(p);
		integrity_step(p);
		run_publish_memory(p);
		roots_start_scouts(p);
	}
	/* an ended indexer takes the job up again: it stays "running" in the store */
	scan_abort(p, &p->job_scan);
	scan_abort(p, &p->watch_scan);
	return NULL;
}

/* --- start and end --- */

int pipeline_open_writer(const struct config *config, const char *state_dir, struct live_page *live,
			 struct writer **out, char *why)
{
	struct writer_options options = {
		.state_dir = state_dir, .live = live, .gaps = monitor_missing,
		.limit = (size_t)profile_here(config_text(config, OPT_profile))->queue,
	};
	return writer_new(&options, out, why);
}

static int set_first_volume(struct pipeline *p)
{
	struct change *c = change_new(CHANGE_FIRST_VOLUME, 0);
	if (!c)
		return -ENOMEM;
	c->row = config_int(p->o.config, OPT_missing_first);
	return writer_put(p->o.writer, c);
}

static int take_up_job(void *arg, const struct store_job *row)
{
	struct pipeline *p = arg;
	struct job *job = vec_add(&p->jobs);
	if (!job)
		return -ENOMEM;
	*job = (struct job){.id = row->id, .words = strdup(row->order),
			    .is_paused = strcmp(row->state, "paused") == 0,
			    .is_check = integrity_is_job(row->order), .submitted_at = row->submitted_at};
	return 0;
}

static int open_pool(struct pipeline *p)
{
	const struct profile *profile = profile_here(config_text(p->o.config, OPT_profile));
	int n = profile_count(config_int(p->o.config, OPT_scan_workers), 1, profile->workers);
	int regions = (int)config_count(p->o.config, OPT_music);
	atomic_store(&p->o.live->workers, (uint64_t)n);
	struct pool_options options = {
		.state_dir = p->o.state_dir, .count = n,
		.regions = regions < profile->regions ? regions : profile->regions,
		.deadline_ns = config_int(p->o.config, OPT_scan_deadline),
		.deadline_mib_ns = config_int(p->o.config, OPT_scan_deadline_mib),
		.archives = config_archives(p->o.config),
		.sandbox = (enum sandbox_mode)sandbox_mode_of(config_text(p->o.config, OPT_sandbox)),
	};
	return pool_open(&p->pool, &options);
}

int pipeline_new(const struct pipeline_options *options, struct pipeline **out)
{
	struct pipeline *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->o = *options;
	p->job_scan.last = &p->job_scan.first;
	p->watch_scan.last = &p->watch_scan.first;
	p->mounts.fd = -1;
	p->looked = BUF_INIT(1024);
	p->has_pending = true;
	pthread_mutex_init(&p->lock, NULL);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = p->wake < 0 ? -errno : open_pool(p);
	if (r == 0)
		r = writer_call(options->writer, change_new(CHANGE_REQUEUE_JOBS, 0), NULL);
	if (r == 0)
		poison_open(p);
	if (r == 0)
		r = roots_declare(p);
	if (r == 0)
		r = store_open_reader(options->state_dir, &p->store);
	if (r == 0)
		r = set_first_volume(p);
	if (r == 0)
		r = roots_take_up(p);
	if (r == 0)
		r = integrity_open(p);
	if (r == 0)
		r = covers_open(p);
	if (r == 0)
		guard_open(p);
	if (r == 0)
		r = store_jobs_live(p->store, take_up_job, p);
	/* who is to be watched must have been walked */
	for (size_t i = 0; i < p->scouts && r == 0 && !p->jobs.len; i++)
		watch_add(p, (int)i, "", 0, DIRTY_DEEP);
	if (r == 0)
		r = thread_start(&p->thread, "pipeline", pipeline_main, p);
	if (r < 0) {
		pipeline_free(p);
		return r;
	}
	*out = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->is_ending = true;
	pthread_mutex_unlock(&p->lock);
	wake(p);
	thread_join(&p->thread);
	scan_end(p, &p->job_scan);
	scan_end(p, &p->watch_scan);
	free(p->job.words);
	buf_clear(&p->looked);
	watch_close(p);
	guard_close(p);
	for (size_t i = 0; i < p->scouts; i++)
		scout_clear(&p->scout[i]);
	pool_stop(&p->pool);
	integrity_close(p);
	store_close(p->store);
	for (size_t i = 0; i < p->jobs.len; i++)
		free(p->jobs.data[i].words);
	vec_clear(&p->jobs);
	free(p->scout);
	free(p->row);
	if (p->wake >= 0)
		close(p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
