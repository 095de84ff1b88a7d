/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Files read to their end, to know whether their bytes are whole: what is new or changed, then again what was looked at
 * longest ago, inside a budget an hour; or what control/verify orders.
 *
 * One worker reads one file at a time, at the lowest priority, and stands still while a scan runs: no scan waits for it.
 * All that is known is in the store, so that nothing is lost when the indexer ends: whatever was not told is due.
 */
#include "indexer/pipeline_integrity.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/render.h"
#include "common/store_cover.h"
#include "indexer/load/chapters.h"
#include "indexer/load/verdicts.h"
#include "indexer/pipeline_covers.h"

enum {
	/** Longest time between two reads of a file, in times of scan.deadline: it runs at the lowest priority. */
	PATIENCE = 12,
	/** A file that waits for a scan so long is let go, and read anew later: its disk may be wanted back. */
	STOPPED_S = 30,
	/** So many damaged volumes one after the other are believed: more tell of their disk, a cable, the memory. */
	ROW_MOST = 16,
	/** A worker that does not begin with what it was given. */
	LOST_S = 60,
	/** The class of disk requests that come after all others. */
	IOPRIO_IDLE = 3 << 13,
};

/* --- the budget --- */

static void remember(struct pipeline *p, const char *name, const char *text)
{
	struct change *c = change_new(CHANGE_META, strlen(text) + 1);
	if (!c)
		return;
	c->name = name;
	c->dir = change_copy(c, text, strlen(text));
	c->of = TOPIC_BIT(integrity);
	writer_put(p->o.writer, c);
}

static void follow_hour(struct checker *c)
{
	int64_t hour = now_ns() / INTEGRITY_HOUR_NS;
	if (hour == c->hour)
		return;
	c->hour = hour;
	c->used = 0;
}

static void charge(struct pipeline *p, int64_t bytes)
{
	char text[64];
	struct checker *c = &p->checker;
	/* covers have a bound of their own */
	if (c->series)
		return;
	follow_hour(c);
	c->used += bytes;
	if (c->used < 0)
		c->used = 0;
	snprintf(text, sizeof text, "%lld %lld", (long long)c->hour, (long long)c->used);
	remember(p, "integrity_hour", text);
}

bool integrity_may_read(struct pipeline *p, int64_t size)
{
	struct checker *c = &p->checker;
	follow_hour(c);
	/* nor do workers read anything then */
	if (p->pool.is_refused)
		return false;
	return c->used == 0 || c->used + size <= config_int(p->o.config, OPT_verify_budget);
}

/* --- the worker --- */

/** What was left for the one before is not read: the store did not hear of it. */
static int wake_worker(struct pipeline *p)
{
	struct checker *c = &p->checker;
	bool is_new = c->pool.worker[0].results < 0;
	int r = pool_wake(&c->pool, 0, p->next_batch + 1);
	if (r < 0 || !is_new)
		return r;
	pid_t pid = c->pool.worker[0].pid;
	setpriority(PRIO_PROCESS, (id_t)pid, 19);
	/* 1: of one process */
	syscall(SYS_ioprio_set, 1, pid, IOPRIO_IDLE);
	return 0;
}

static void forget_file(struct checker *c)
{
	reading_take(&c->pool.reading, 0, c->id);
	c->id = 0;
	c->series = 0;
	free(take(c->dir));
	c->is_stopped = false;
}

/** The worker ends, and what it read is read again another time. */
static void drop_file(struct pipeline *p)
{
	struct checker *c = &p->checker;
	if (!c->id)
		return;
	pool_rest(&c->pool, 0);
	charge(p, -c->check.size);
	if (c->series)
		covers_let_go(p);
	forget_file(c);
}

static void set_stopped(struct checker *c, bool stopped)
{
	struct pool_worker *w = &c->pool.worker[0];
	if (c->is_stopped == stopped || w->results < 0)
		return;
	/* the time that it stands still is not the file's */
	if (!stopped && atomic_load(&w->slot->since))
		atomic_store(&w->slot->since, mono_ns());
	kill(w->pid, stopped ? SIGSTOP : SIGCONT);
	c->worked += stopped ? mono_ns() - c->sent_at : 0;
	c->is_stopped = stopped;
	c->stopped_at = c->sent_at = mono_ns();
}

/* --- one file --- */

static int scout_of(const struct pipeline *p, int64_t root)
{
	for (size_t i = 0; i < p->scouts; i++)
		if (p->row[i].id == root)
			return (int)i;
	return -1;
}

/** Whether a root can be asked for a file. */
static bool is_there(const struct pipeline *p, int scout)
{
	const struct root_row *row = &p->row[scout];
	return !row->is_stuck && p->scout[scout].fd >= 0 &&
	       (strcmp(row->state, "present") == 0 || strcmp(row->state, "frozen") == 0);
}

/** The file is at hand from now on, and the worker is there: 1; else 0. */
static int take_file(struct pipeline *p, const struct store_check *check)
{
	struct checker *c = &p->checker;
	int scout = scout_of(p, check->root);
	if (scout < 0 || !is_there(p, scout) || wake_worker(p) < 0)
		return 0;
	c->id = ++p->next_batch;
	c->check = *check;
	c->check.dir = c->check.name = (struct bytes){"", 0};
	c->scout = scout;
	c->dir = strndup(check->dir.data, check->dir.len);
	c->dir_len = check->dir.len;
	c->sent_at = mono_ns();
	c->is_ordered = false;
	c->worked = 0;
	reading_give(&c->pool.reading, 0, c->id, 0, &(struct read_mark){.size = check->size}, 1);
	return 1;
}

/** Asks the scout for it; @limits: what stands in front of the path. */
static void send_file(struct pipeline *p, const struct store_check *check, enum frame_type type, const uint32_t *limits,
		      size_t n)
{
	struct checker *c = &p->checker;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	path_join(check->dir.data, check->dir.len, check->name.data, check->name.len, &path);
	struct buf *out = &p->scout[c->scout].out;
	size_t start = frame_begin(out, type);
	frame_u64(out, c->id);
	frame_u32(out, (uint32_t)p->pool.count);
	for (size_t i = 0; i < n; i++)
		frame_u32(out, limits[i]);
	frame_bytes(out, buf_str(&path), path.len);
	frame_end(out, start);
	scout_flush(&p->scout[c->scout]);
}

int integrity_begin_file(struct pipeline *p, const struct store_check *check, bool is_ordered)
{
	if (!take_file(p, check))
		return 0;
	p->checker.is_ordered = is_ordered;
	charge(p, check->size);
	send_file(p, check, FRAME_CHECK, NULL, 0);
	return 1;
}

int integrity_begin_cover(struct pipeline *p, const struct store_check *check, int64_t series)
{
	static const uint32_t limits[] = {COVER_WIDTH, COVER_HEIGHT, COVER_BYTES};
	if (!take_file(p, check))
		return 0;
	p->checker.series = series;
	send_file(p, check, FRAME_COVER, limits, COUNT_OF(limits));
	return 1;
}

static enum verdict verdict_of(int error)
{
	if (error == 0)
		return VERDICT_intact;
	return error == -EBADMSG ? VERDICT_corrupt : error == -ENOTSUP ? VERDICT_unverifiable : VERDICT_unreadable;
}

static void tell_corrupt(struct pipeline *p, const char *reason)
{
	const struct checker *c = &p->checker;
	_buf_ struct buf path = BUF_INIT(1 << 17), body = BUF_INIT(1 << 18);
	struct json j;
	if (store_file_path(p->store, c->check.file, &path) < 0)
		return;
	json_init(&j, &body, 0);
	json_object(&j);
	json_kv_path(&j, "path", buf_str(&path), path.len);
	json_kv_text(&j, "verdict", "corrupt");
	json_kv_text(&j, "reason", reason);
	json_end_object(&j);
	put_event(p, "integrity", &body);
}

/** Whether the file at hand is one of too many volumes in a row that seem to be damaged. */
static bool is_one_too_many(struct pipeline *p, enum verdict verdict)
{
	struct checker *c = &p->checker;
	if (verdict == VERDICT_intact)
		c->in_a_row = 0;
	if (verdict != VERDICT_corrupt || p->scout[c->scout].kind != MEDIA_VOLUME)
		return false;
	if (++c->in_a_row == ROW_MOST + 1)
		log_error("more than %d volumes in a row seem to be damaged: no more is believed of that before one is intact",
			  ROW_MOST);
	return c->in_a_row > ROW_MOST;
}

/** What is known of the file at hand now; returns what is believed of it. */
static enum verdict put_verdict(struct pipeline *p, int error, int tries, const char *how, const char *reason)
{
	struct checker *c = &p->checker;
	const struct store_check *f = &c->check;
	_buf_ struct buf doubt = BUF_INIT(1 << 12);
	struct store_verdict v = {
		.file = f->file, .size = f->size, .mtime = f->mtime, .ctime = f->ctime, .inode = f->inode,
		.verdict = verdict_of(error), .tries = tries, .how = how, .reason = reason,
	};
	if (is_one_too_many(p, v.verdict)) {
		buf_addf(&doubt, "so are %d volumes before it, so that rather the disk is at fault: %s", ROW_MOST, reason);
		v.verdict = VERDICT_unreadable;
		v.reason = buf_str(&doubt);
	}
	verdicts_put(p->o.writer, &v);
	atomic_fetch_add(&LIVE(p, verified_files), 1);
	if (v.verdict == VERDICT_corrupt) {
		atomic_fetch_add(&LIVE(p, verified_corrupt), 1);
		tell_corrupt(p, reason);
	}
	if (c->is_ordered)
		c->verdicts[v.verdict]++;
	return v.verdict;
}

bool integrity_is_same(const struct pipeline *p, int64_t size, int64_t mtime, int64_t ctime, int64_t inode)
{
	const struct checker *c = &p->checker;
	const struct store_check *f = &c->check;
	if (size != f->size || mtime != f->mtime)
		return false;
	return p->row[c->scout].is_remote || (ctime == f->ctime && inode == f->inode);
}

void integrity_look_again(struct pipeline *p)
{
	struct checker *c = &p->checker;
	watch_add(p, c->scout, c->dir, c->dir_len, 0);
	c->skipped += c->is_ordered;
}

/** How it went, for metrics/chapters: only what is believed.  @read: what seems damaged is read twice, and counts once. */
static void put_chapter(struct pipeline *p, enum verdict verdict, int64_t read, const char *reason)
{
	const struct checker *c = &p->checker;
	bool is_whole = verdict == VERDICT_intact;
	const struct chapter_check check = {
		.file = c->check.file, .bytes = read < c->check.size ? read : c->check.size, .pages = c->pages,
		.bad = !is_whole, .is_whole = is_whole, .reason = reason,
		.seconds = (double)(c->worked + mono_ns() - c->sent_at) / (double)NS_PER_S,
	};
	if (p->scout[c->scout].kind == MEDIA_VOLUME && (is_whole || verdict == VERDICT_corrupt))
		chapters_check(p->o.writer, &check);
}

static void on_verdict(struct pipeline *p, struct frame *f)
{
	struct checker *c = &p->checker;
	size_t how_len, reason_len;
	uint64_t id = frame_get_u64(f);
	int error = (int)frame_get_u32(f);
	c->pages = frame_get_u32(f);
	int64_t read = (int64_t)frame_get_u64(f), size = (int64_t)frame_get_u64(f);
	int64_t mtime = (int64_t)frame_get_u64(f), ctime = (int64_t)frame_get_u64(f), inode = (int64_t)frame_get_u64(f);
	const char *how = frame_get_bytes(f, &how_len), *reason = frame_get_bytes(f, &reason_len);
	_buf_ struct buf a = BUF_INIT(1 << 12), b = BUF_INIT(1 << 12);
	if (f->is_bad || !c->id || c->series || id != c->id)
		return;
	buf_add(&a, how, how_len);
	buf_add(&b, reason, reason_len);
	charge(p, read - c->check.size);
	atomic_fetch_add(&LIVE(p, verified_bytes), (uint64_t)read);
	if (error == -ESTALE || !integrity_is_same(p, size, mtime, ctime, inode))
		integrity_look_again(p);
	else
		put_chapter(p, put_verdict(p, error, 0, buf_str(&a), buf_str(&b)), read, buf_str(&b));
	forget_file(c);
}

static void on_covered(struct pipeline *p, struct frame *f)
{
	struct checker *c = &p->checker;
	if (frame_get_u64(f) != c->id || !c->series)
		return;
	covers_on_made(p, f);
	forget_file(c);
}

bool integrity_on_failed(struct pipeline *p, struct frame f)
{
	struct checker *c = &p->checker;
	uint64_t id = frame_get_u64(&f);
	frame_get_u32(&f);
	int error = (int)frame_get_u32(&f);
	if (!c->id || id != c->id)
		return false;
	if (c->series) {
		covers_on_failed(p, error);
		forget_file(c);
		return true;
	}
	charge(p, -c->check.size);
	if (error == -ENOENT || error == -ENOTSUP || error == -ENOTDIR) {
		integrity_look_again(p);
	} else {
		char reason[128];
		snprintf(reason, sizeof reason, "it cannot be opened: %s", strerror(-error));
		put_verdict(p, error, 0, "", reason);
	}
	forget_file(c);
	return true;
}

/** The worker is gone.  It was remembered that it began: the same file costs two of them, then no more. */
static void replace_worker(struct pipeline *p)
{
	struct checker *c = &p->checker;
	struct pool_loss loss;
	pool_replace(&c->pool, 0, 0, &loss);
	pool_rest(&c->pool, 0);
	/* the store knows it */
	reading_forget(&c->pool.reading);
	if (!c->id)
		return;
	charge(p, -c->check.size);
	if (loss.abandoned)
		guard_set_stuck(p, c->scout, loss.abandoned);
	if (c->series)
		covers_on_loss(p, &loss);
	else if (loss.was_reading && !loss.abandoned)
		put_verdict(p, -ENOTSUP, c->check.tries + 1, "",
			    loss.was_late ? "reading it takes too long" : "reading it to its end crashes the reader");
	else
		c->skipped += c->is_ordered && !loss.abandoned;
	forget_file(c);
}

int integrity_fd(const struct pipeline *p)
{
	return p->checker.pool.count ? p->checker.pool.worker[0].results : -1;
}

void integrity_read(struct pipeline *p)
{
	struct pool_worker *w = &p->checker.pool.worker[0];
	struct frame f;
	long n = frame_reader_fill(&w->reader);
	if (n == -EAGAIN)
		return;
	while (n > 0 && frame_reader_next(&w->reader, &f) > 0) {
		if (f.type == FRAME_VERDICT)
			on_verdict(p, &f);
		else if (f.type == FRAME_COVERED)
			on_covered(p, &f);
	}
	if (n <= 0)
		replace_worker(p);
}

/* --- the pipeline's thread --- */

static bool is_held(struct pipeline *p)
{
	LOCKED(&p->lock);
	return p->checker.is_paused;
}

/** The file at hand goes on, stands still for a scan, or is let go. */
static void follow_file(struct pipeline *p, bool is_busy, bool is_wanted)
{
	struct checker *c = &p->checker;
	struct pool_worker *w = &c->pool.worker[0];
	int64_t now = mono_ns();
	bool is_lost = !c->is_stopped && now - c->sent_at > LOST_S * NS_PER_S && !atomic_load(&w->slot->since);
	if (!is_wanted || !is_there(p, c->scout) || is_lost || (c->is_stopped && now - c->stopped_at > STOPPED_S * NS_PER_S)) {
		/* one that was not even begun is not asked for at once again */
		drop_file(p);
		return;
	}
	set_stopped(c, is_busy);
	if (c->is_stopped)
		return;
	pool_check_deadlines(&c->pool);
	if (pool_is_hung(w))
		replace_worker(p);
}

void integrity_step(struct pipeline *p)
{
	struct checker *c = &p->checker;
	bool is_busy = p->job.id || p->watch_scan.id, is_ours = integrity_follow_job(p), is_paused = is_held(p);
	if (c->id)
		follow_file(p, is_busy, c->series || (c->is_ordered ? is_ours : !is_paused));
	if (c->id || is_busy || covers_begin(p))
		return;
	if (c->job)
		integrity_step_job(p);
	else if (!is_paused)
		integrity_begin_due(p);
	if (!c->id && mono_ns() - c->sent_at > LOST_S * NS_PER_S)
		pool_rest(&c->pool, 0);
}

int pipeline_pause_checks(struct pipeline *p, bool paused)
{
	{
		LOCKED(&p->lock);
		if (p->checker.is_paused == paused)
			return -EBUSY;
		p->checker.is_paused = paused;
	}
	remember(p, "integrity_paused", paused ? "on" : "off");
	return 0;
}

int pipeline_cancel_checks(struct pipeline *p)
{
	VEC(int64_t) ids = {0};
	int r = -EBUSY;
	{
		LOCKED(&p->lock);
		for (size_t i = 0; i < p->jobs.len; i++) {
			int64_t *slot = p->jobs.data[i].is_check ? vec_add(&ids) : NULL;
			if (slot)
				*slot = p->jobs.data[i].id;
		}
	}
	for (size_t i = 0; i < ids.len; i++) {
		int e = pipeline_act(p, PIPELINE_CANCEL, ids.data[i]);
		r = e < 0 && e != -ENOENT ? e : 0;
	}
	vec_clear(&ids);
	return r;
}

/* --- start and end --- */

int integrity_open(struct pipeline *p)
{
	struct checker *c = &p->checker;
	char text[64] = "";
	long long hour = 0, used = 0;
	const struct pool_options options = {
		.count = 1, .deadline_ns = PATIENCE * config_int(p->o.config, OPT_scan_deadline),
		.sandbox = p->pool.o.sandbox, .archives = config_archives(p->o.config),
	};
	int r = pool_open(&c->pool, &options);
	if (r == 0)
		r = store_meta(p->store, "integrity_hour", text, sizeof text);
	if (r == 0 && sscanf(text, "%lld %lld", &hour, &used) == 2) {
		c->hour = hour;
		c->used = used;
	}
	if (r == 0)
		r = store_meta(p->store, "integrity_paused", text, sizeof text);
	c->is_paused = strcmp(text, "on") == 0;
	return r;
}

void integrity_close(struct pipeline *p)
{
	pool_stop(&p->checker.pool);
	vec_clear(&p->checker.files);
	free(take(p->checker.dir));
}
