/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/status_screen.h"

#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "common/store_chapters.h"
#include "common/store_find.h"
#include "fs/links.h"
#include "fs/progress.h"
#include "fs/summary.h"
#include "fs/tree.h"
#include "fs/views.h"

enum {
	/** Of those that wait. */
	QUEUED_SHOWN = 5,
};

struct status {
	struct view *v;
	struct screen *s;
	int64_t queued;
};

static enum status_verdict verdict_of(const char *word)
{
	return strcmp(word, "ok") == 0 ? STATUS_OK : strcmp(word, "degraded") == 0 ? STATUS_DEGRADED : STATUS_FAILED;
}

static void phrase(struct screen *s, enum ink ink, const char *text)
{
	screen_phrase(s, ink, text, strlen(text));
}

/** A number and what it counts. */
static void count(struct screen *s, int64_t n, const char *one, const char *many)
{
	screen_phrasef(s, n ? INK_plain : INK_label, "%lld %s", (long long)n, n == 1 ? one : many);
}

static void size(struct screen *s, int64_t bytes)
{
	_buf_ struct buf text = BUF_INIT(64);
	human_bytes((uint64_t)bytes, &text);
	phrase(s, INK_label, buf_str(&text));
}

static void duration(struct screen *s, double seconds, const char *behind)
{
	_buf_ struct buf text = BUF_INIT(64);
	human_duration(seconds, &text);
	screen_phrasef(s, INK_label, "%s%s", buf_str(&text), behind);
}

static void moment(struct screen *s, int64_t at)
{
	_buf_ struct buf text = BUF_INIT(64);
	doc_time(at, &text);
	phrase(s, INK_label, buf_str(&text));
}

/* --- what needs a human --- */

static enum status_verdict draw_attention(struct status *t, const struct summary *sum)
{
	static const enum ink inks[] = {INK_good, INK_warn, INK_bad};
	struct screen *s = t->s;
	_buf_ struct buf sentences = BUF_INIT(1 << 20);
	const char *word = summary_attention(t->v, sum, &sentences);
	enum status_verdict verdict = verdict_of(word);
	screen_row(s, "mediamon");
	phrase(s, inks[verdict], word);
	if (!sentences.len)
		screen_words(s, INK_label, "nothing needs you", sizeof "nothing needs you" - 1);
	for (const char *at = buf_str(&sentences), *end; *at; at = end + (*end == '\n')) {
		end = at + strcspn(at, "\n");
		screen_break(s);
		phrase(s, inks[verdict == STATUS_OK ? STATUS_DEGRADED : verdict], "*");
		screen_words(s, INK_plain, at, (size_t)(end - at));
	}
	return verdict;
}

static void draw_hint(struct status *t)
{
	if (t->v->mood.state != INDEXER_AWAY)
		return;
	screen_row(t->s, "");
	screen_phrasef(t->s, INK_title, "mediamond -d %s", config_path(t->v->config));
	phrase(t->s, INK_label, "starts it");
}

/* --- jobs --- */

static void draw_progress(struct screen *s, const struct progress *p)
{
	enum ink ink = strcmp(p->state, "paused") == 0 ? INK_warn : INK_busy;
	bool is_known = p->ratio >= 0, is_found = !is_known && p->found >= p->done && p->found > 0;
	int64_t all = is_known ? p->total : p->found;
	screen_break(s);
	if (is_known || is_found) {
		screen_bar(s, ink, (double)p->done / (double)all);
		screen_break(s);
		screen_phrasef(s, INK_plain, "%lld of %lld%s", (long long)p->done, (long long)all,
			       is_found ? " found so far" : "");
	} else {
		screen_phrasef(s, INK_plain, "%lld done", (long long)p->done);
	}
	screen_phrasef(s, INK_label, "%.0f/s", p->rate);
	if (p->left >= 0)
		duration(s, p->left, " left");
}

static int draw_job(void *arg, const struct store_job *job)
{
	struct status *t = arg;
	struct progress p = progress_of(t->v, job);
	char label[32];
	bool is_queued = strcmp(p.state, "queued") == 0;
	t->queued += is_queued;
	if (is_queued && t->queued > QUEUED_SHOWN)
		return 0;
	snprintf(label, sizeof label, "job %lld", (long long)job->id);
	screen_row(t->s, label);
	phrase(t->s, INK_plain, job->order);
	phrase(t->s, is_queued ? INK_label : INK_busy, p.state);
	if (!is_queued)
		draw_progress(t->s, &p);
	return 0;
}

static void draw_jobs(struct status *t)
{
	store_jobs_live(t->v->store, draw_job, t);
	if (t->queued <= QUEUED_SHOWN)
		return;
	screen_row(t->s, "");
	screen_phrasef(t->s, INK_label, "and %lld more (status/jobs)", (long long)(t->queued - QUEUED_SHOWN));
}

/* --- folders and what is in them --- */

static int draw_root(void *arg, const struct store_root *row)
{
	struct status *t = arg;
	struct screen *s = t->s;
	bool is_here = strcmp(row->state, "present") == 0, of_links = strcmp(row->kind, "links") == 0;
	screen_row(s, row->kind);
	screen_phrase(s, INK_title, row->path.data, row->path.len);
	phrase(s, is_here ? INK_good : INK_warn, row->state);
	int64_t n = of_links ? links_count_root(t->v, row->id) : row->files;
	count(s, n, of_links ? "link" : "file", of_links ? "links" : "files");
	if (!of_links)
		size(s, row->bytes);
	if (!is_here)
		screen_words(s, INK_plain, row->reason, strlen(row->reason));
	return 0;
}

static void draw_library(struct screen *s, const struct store_counts *c)
{
	screen_row(s, "library");
	count(s, c->tracks, "track,", "tracks,");
	count(s, c->albums, "album,", "albums,");
	count(s, c->artists, "artist,", "artists,");
	duration(s, c->music_seconds, "");
	screen_break(s);
	count(s, c->series, "series,", "series,");
	count(s, c->volumes, "volume,", "volumes,");
	count(s, c->chapters, "chapter", "chapters");
	screen_row(s, "missing");
	screen_phrasef(s, c->missing ? INK_warn : INK_label, "%lld volume%s", (long long)c->missing,
		       c->missing == 1 ? "" : "s");
	screen_row(s, "errors");
	screen_phrasef(s, c->errors ? INK_warn : INK_label, "%lld", (long long)c->errors);
}

static void draw_links(struct screen *s, const struct store_symlink_counts *c)
{
	if (!c->total)
		return;
	screen_row(s, "links");
	for (int i = 0; i < LINK_STATE_COUNT; i++) {
		enum ink ink = i == LINK_OK ? INK_good : i == LINK_BROKEN ? INK_bad : INK_warn;
		if (c->state[i])
			screen_phrasef(s, ink, "%lld %s", (long long)c->state[i], LINK_STATE_WORDS[i]);
	}
}

/* --- requests --- */

struct tally {
	char state[8][24];
	int64_t n[8];
	size_t count;
};

static int count_request(void *arg, const struct store_request *row)
{
	struct tally *t = arg;
	size_t i = 0;
	while (i < t->count && strcmp(t->state[i], row->state) != 0)
		i++;
	if (i == COUNT_OF(t->n))
		return 0;
	if (i == t->count)
		snprintf(t->state[t->count++], sizeof t->state[i], "%s", row->state);
	t->n[i]++;
	return 0;
}

static void draw_requests(struct status *t)
{
	struct tally tally = {0};
	store_requests(t->v->store, count_request, &tally);
	if (!tally.count)
		return;
	screen_row(t->s, "requests");
	for (size_t i = 0; i < tally.count; i++)
		screen_phrasef(t->s, strcmp(tally.state[i], "failed") == 0 ? INK_warn : INK_plain, "%lld %s",
			       (long long)tally.n[i], tally.state[i]);
}

/** Those that programs outside tell of. */
static void draw_chapters(struct status *t)
{
	struct store_chapter_counts c = {0};
	if (store_chapter_counts(t->v->store, &c) < 0 || !(c.running + c.ok + c.failed + c.abandoned))
		return;
	screen_row(t->s, "chapters");
	screen_phrasef(t->s, c.running ? INK_busy : INK_label, "%lld running", (long long)c.running);
	screen_phrasef(t->s, c.ok ? INK_good : INK_label, "%lld ok", (long long)c.ok);
	screen_phrasef(t->s, c.failed ? INK_warn : INK_label, "%lld failed", (long long)c.failed);
	if (c.abandoned)
		screen_phrasef(t->s, INK_warn, "%lld abandoned", (long long)c.abandoned);
}

/* --- the last scan, and who works --- */

static int draw_run(void *arg, const struct run *run)
{
	struct screen *s = arg;
	double wall = run->value[RUN_wall_seconds], files = run->value[RUN_files];
	screen_row(s, "last scan");
	moment(s, run->ended_at);
	phrase(s, INK_plain, run->order);
	phrase(s, INK_label, run->mode);
	duration(s, wall, "");
	count(s, (int64_t)files, "file", "files");
	if (wall > 0)
		screen_phrasef(s, INK_label, "%.0f/s", files / wall);
	if (run->value[RUN_errors] > 0)
		screen_phrasef(s, INK_warn, "%.0f errors", run->value[RUN_errors]);
	return 0;
}

static void draw_indexer(struct status *t)
{
	const struct mood *m = &t->v->mood;
	bool is_running = m->state == INDEXER_RUNNING;
	screen_row(t->s, "indexer");
	phrase(t->s, is_running ? INK_good : INK_warn, indexer_state_name(m->state));
	if (is_running) {
		screen_phrasef(t->s, INK_label, "process %llu", (unsigned long long)m->live.pid);
	} else if (m->live.heartbeat_at) {
		phrase(t->s, INK_label, "last seen");
		moment(t->s, (int64_t)m->live.heartbeat_at);
	}
	if (m->live.verified_files)
		screen_phrasef(t->s, m->live.verified_corrupt ? INK_warn : INK_label,
			       "%llu files read to their end, %llu damaged", (unsigned long long)m->live.verified_files,
			       (unsigned long long)m->live.verified_corrupt);
}

enum status_verdict status_draw(struct view *v, struct screen *s)
{
	struct status t = {.v = v, .s = s};
	struct summary sum;
	summary_read(v, &sum);
	enum status_verdict verdict = draw_attention(&t, &sum);
	draw_hint(&t);
	if (v->store) {
		screen_gap(s);
		draw_jobs(&t);
		store_roots(v->store, draw_root, &t);
		screen_gap(s);
		draw_library(s, &sum.c);
		draw_links(s, &sum.links);
		draw_requests(&t);
		draw_chapters(&t);
		store_runs(v->store, 1, draw_run, s);
	}
	draw_indexer(&t);
	screen_end(s);
	return verdict;
}

/* --- one document --- */

static int json_run(void *arg, const struct run *run)
{
	run_json(arg, run);
	return 1;
}

/** A document of the tree as it is. */
static int embed(struct view *v, struct json *j, const char *key, const char *path)
{
	struct node n;
	int64_t at;
	_buf_ struct buf doc = BUF_INIT((size_t)1 << 28);
	int r = tree_resolve(v, path, &n, &at);
	if (r == 0)
		r = tree_render(v, &n, &doc);
	if (r == 0)
		r = buf_error(&doc);
	if (r < 0)
		return r;
	while (doc.len && doc.data[doc.len - 1] == '\n')
		doc.len--;
	json_key(j, key);
	json_raw(j, doc.data, doc.len);
	return 0;
}

int status_json(struct view *v, struct buf *out, enum status_verdict *verdict)
{
	static const struct {
		const char *key, *path;
	} parts[] = {
		{"health", "status/health.json"},
		{"summary", "status/summary.json"},
		{"jobs", "status/jobs.json"},
		{"roots", "status/roots.json"},
	};
	struct json j;
	_buf_ struct buf reasons = BUF_INIT(1 << 20);
	const char *word = summary_health(v, &reasons);
	*verdict = verdict_of(word);
	doc_begin(&j, out, v, "status", OF_SUMMARY | OF_HEALTH | OF_JOBS | OF_ROOTS | TOPIC_BIT(scan), MOODY);
	json_kv_text(&j, "state", word);
	int r = 0;
	for (size_t i = 0; i < COUNT_OF(parts) && r == 0; i++)
		r = embed(v, &j, parts[i].key, parts[i].path);
	json_key(&j, "last_scan");
	size_t before = out->len;
	if (r == 0 && v->store)
		r = store_runs(v->store, 1, json_run, &j);
	if (out->len == before)
		json_null(&j);
	json_end_object(&j);
	return r < 0 ? r : buf_error(out);
}

/* --- is there anything to wait for --- */

static int see_job(void *arg, const struct store_job *job)
{
	(void)job;
	*(bool *)arg = true;
	return 1;
}

bool status_is_idle(struct view *v)
{
	bool has_live = false, has_ended = false;
	if (!v->store || v->mood.live.job)
		return false;
	store_jobs_live(v->store, see_job, &has_live);
	store_jobs_ended(v->store, 1, see_job, &has_ended);
	return has_ended && !has_live;
}
