/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The numbers of a scan: on the live page while it runs, in its run when it has ended. */
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "indexer/child.h"
#include "indexer/pipeline_private.h"

enum {
	/** Processes' numbers are read of files of /proc: not more often than this, of the memory at rest than that. */
	USAGE_MS = 100,
	REST_MS = 5000,
};

static uint64_t sum(const struct scan *s, size_t offset)
{
	uint64_t v = 0;
	for (size_t i = 0; i < s->roots; i++)
		if (s->root[i].diff)
			v += *(const uint64_t *)(const void *)((const char *)diff_counts(s->root[i].diff) +
							       offset);
	return v;
}

#define SUM(s, field) sum(s, offsetof(struct diff_counts, field))

/* --- what processes use --- */

static uint64_t cpu_of_workers(const struct pipeline *p)
{
	uint64_t total = 0, rss, cpu;
	for (int i = 0; i < p->pool.count; i++) {
		pool_usage(&p->pool, i, &rss, &cpu);
		total += cpu + p->pool.worker[i].past_cpu_ns;
	}
	return total;
}

static uint64_t cpu_of_scouts(const struct pipeline *p)
{
	uint64_t total = 0, rss, cpu;
	for (size_t i = 0; i < p->scouts; i++) {
		if (p->scout[i].fd < 0)
			continue;
		child_usage(p->scout[i].pid, &rss, &cpu);
		total += cpu;
	}
	return total;
}

static bool is_time(int64_t *at, int64_t pause_ms)
{
	int64_t now = mono_ns();
	if (now < *at)
		return false;
	*at = now + pause_ms * NS_PER_MS;
	return true;
}

void run_publish_memory(struct pipeline *p)
{
	uint64_t scouts = 0;
	if (!is_time(&p->memory_at, p->job_scan.id ? USAGE_MS : REST_MS))
		return;
	for (size_t i = 0; i < p->scouts; i++)
		if (p->scout[i].fd >= 0)
			scouts += child_memory(p->scout[i].pid);
	uint64_t workers = pool_measure(&p->pool) + pool_measure(&p->checker.pool);
	LIVE_SET(p, rss_scout, scouts);
	LIVE_SET(p, rss_worker, workers);
	LIVE_SET(p, sandbox, p->pool.sandbox);
	LIVE_SET(p, rss_sum, child_memory(getpid()) + scouts + workers);
}

/** Since the scan began; less is there when a process was started anew. */
static uint64_t since(uint64_t now, uint64_t start)
{
	return now > start ? now - start : 0;
}

static void publish_busy(struct pipeline *p, const struct scan *s)
{
	LIVE_SET(p, insert_busy_ns, since(writer_busy_ns(p->o.writer), s->start_insert_busy));
	if (!is_time(&p->busy_at, USAGE_MS))
		return;
	LIVE_SET(p, discover_busy_ns, since(cpu_of_scouts(p), s->start_discover_cpu));
	LIVE_SET(p, extract_busy_ns, since(cpu_of_workers(p), s->start_extract_cpu) / (uint64_t)p->pool.count);
}

/* --- a scan --- */

void run_publish(struct pipeline *p)
{
	struct scan *s = &p->job_scan;
	size_t writer = writer_depth(p->o.writer);
	uint64_t pending = 0;
	for (size_t i = 0; i < s->roots; i++)
		pending += (uint64_t)s->root[i].batches;
	s->peak_pending = pending > s->peak_pending ? pending : s->peak_pending;
	s->peak_waiting = s->waiting_files > s->peak_waiting ? s->waiting_files : s->peak_waiting;
	s->peak_writer = writer > s->peak_writer ? writer : s->peak_writer;
	uint64_t files = SUM(s, files), unchanged = SUM(s, unchanged);
	LIVE_SET(p, files, files);
	LIVE_SET(p, bytes, SUM(s, bytes));
	LIVE_SET(p, unchanged, unchanged);
	LIVE_SET(p, removed, s->removed);
	LIVE_SET(p, errors, SUM(s, errors) + s->errors);
	LIVE_SET(p, added, s->added);
	LIVE_SET(p, changed, s->changed);
	LIVE_SET(p, done, unchanged + s->extracted + p->links_done);
	LIVE_SET(p, discover_items, files);
	LIVE_SET(p, discover_depth, pending);
	LIVE_SET(p, extract_items, s->extracted);
	LIVE_SET(p, extract_depth, s->waiting_files);
	LIVE_SET(p, insert_depth, writer);
	publish_busy(p, s);
}

static uint64_t cpu_of_all(struct pipeline *p)
{
	uint64_t total = cpu_of_workers(p), rss, cpu;
	struct scan *s = &p->job_scan;
	s->rss_scout = s->rss_worker = s->rss_sum = 0;
	for (size_t i = 0; i < p->scouts; i++) {
		if (p->scout[i].fd < 0)
			continue;
		child_usage(p->scout[i].pid, &rss, &cpu);
		total += cpu;
		s->rss_scout = rss > s->rss_scout ? rss : s->rss_scout;
		s->rss_sum += rss;
	}
	pool_measure(&p->pool);
	for (int i = 0; i < p->pool.count; i++) {
		pool_usage(&p->pool, i, &rss, &cpu);
		rss = rss > p->pool.worker[i].past_rss ? rss : p->pool.worker[i].past_rss;
		s->rss_worker = rss > s->rss_worker ? rss : s->rss_worker;
		s->rss_sum += rss;
	}
	return total + (uint64_t)clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void run_begin(struct pipeline *p, struct scan *s, size_t roots)
{
	s->started_mono = mono_ns();
	s->started_at = now_ns();
	if (s != &p->job_scan)
		return;
	s->start_cpu_ns = cpu_of_all(p);
	s->start_discover_cpu = cpu_of_scouts(p);
	s->start_extract_cpu = cpu_of_workers(p);
	s->start_insert_busy = writer_busy_ns(p->o.writer);
	p->memory_at = p->busy_at = 0;
	publish_busy(p, s);
	LIVE_SET(p, insert_items, 0);
	LIVE_SET(p, discover_limit, (uint64_t)WALK_CREDIT * roots);
	LIVE_SET(p, extract_limit, (uint64_t)WALK_CREDIT * roots * WALK_CHUNK);
}

void run_pause(struct pipeline *p, bool is_paused)
{
	struct scan *s = &p->job_scan;
	int64_t now = mono_ns();
	s->paused_ns += s->paused_mono ? now - s->paused_mono : 0;
	s->paused_mono = is_paused ? now : 0;
	LIVE_SET(p, job_paused_ns, (uint64_t)s->paused_ns);
	LIVE_SET(p, job_paused_at, is_paused ? (uint64_t)now_ns() : 0);
}

static int64_t worked_ns(const struct scan *s)
{
	return (s->paused_mono ? s->paused_mono : mono_ns()) - s->started_mono - s->paused_ns;
}

static void fill_values(struct pipeline *p, const struct scan *s, struct run *run)
{
	double wall = (double)worked_ns(s) / 1e9;
	double cpu = (double)(cpu_of_all(p) - s->start_cpu_ns) / 1e9;
	double files = (double)SUM(s, files), errors = (double)(SUM(s, errors) + s->errors);
	uint64_t own_rss, own_cpu;
	child_usage(getpid(), &own_rss, &own_cpu);
	double *v = run->value;
	wall = wall > 1e-6 ? wall : 1e-6;
	v[RUN_wall_seconds] = wall;
	v[RUN_files] = files;
	v[RUN_bytes] = (double)SUM(s, bytes);
	v[RUN_unchanged] = (double)SUM(s, unchanged);
	v[RUN_added] = (double)s->added;
	v[RUN_changed] = (double)s->changed;
	v[RUN_removed] = (double)s->removed;
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
		(double)atomic_load(&LIVE(p, extract_limit)), (double)atomic_load(&LIVE(p, insert_limit))};
	double busy[STAGE_COUNT] = {
		(double)s->walk_busy_ns / 1e9,
		(double)(cpu_of_workers(p) - s->start_extract_cpu) / 1e9 / p->pool.count,
		(double)(writer_busy_ns(p->o.writer) - s->start_insert_busy) / 1e9};
	for (int st = 0; st < STAGE_COUNT; st++) {
		run->stage[st][STAGE_items] = items[st];
		run->stage[st][STAGE_items_per_second] = items[st] / wall;
		run->stage[st][STAGE_queue_depth] = depth[st];
		run->stage[st][STAGE_queue_limit] = limit[st];
		run->stage[st][STAGE_busy_ratio] = busy[st] / wall;
	}
}

void run_fill(struct pipeline *p, const struct scan *s, struct run *run)
{
	*run = (struct run){.job = s->job, .started_at = s->started_at, .ended_at = now_ns()};
	snprintf(run->mode, sizeof run->mode, "%s", s->is_full ? "full" : "quick");
	fill_values(p, s, run);
}
