/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The page's sections about the program's own work: jobs, folders, files that cannot be read. */
#include <stdio.h>

#include "common/cleanup.h"
#include "common/path.h"
#include "common/render.h"
#include "fs/dashboard.h"
#include "fs/html.h"
#include "fs/progress.h"
#include "fs/roots.h"
#include "fs/views.h"

enum {
	JOBS_MOST = 8,
	ENDED_MOST = 3,
	ROOTS_MOST = 100,
	ERRORS_MOST = 30,
};

/* --- jobs --- */

struct jobs {
	struct page *p;
	int64_t live;
};

static const char *job_tone(const char *state)
{
	static const struct {
		const char *state, *tone;
	} tones[] = {{"running", "good"}, {"failed", "bad"}, {"paused", "warn"}};
	for (size_t i = 0; i < COUNT_OF(tones); i++)
		if (strcmp(tones[i].state, state) == 0)
			return tones[i].tone;
	return "calm";
}

/** "1,200 of 10,000 · 320/s · 2 m left · since …" */
static void job_numbers(const struct progress *g, struct buf *out)
{
	if (!g->started_at) {
		buf_adds(out, "waits for its turn");
		return;
	}
	html_number(g->done, out);
	if (g->total) {
		buf_adds(out, " of ");
		html_number(g->total, out);
	}
	buf_addf(out, " done · %.0f/s", g->rate);
	if (g->left >= 0) {
		buf_adds(out, " · ");
		human_duration(g->left, out);
		buf_adds(out, " left");
	}
	buf_adds(out, " · since ");
	html_time(g->started_at, out);
}

static int live_job(void *arg, const struct store_job *job)
{
	struct jobs *j = arg;
	struct buf *out = j->p->out;
	struct progress g = progress_of(j->p->v, job);
	if (j->live++ >= JOBS_MOST)
		return 0;
	buf_adds(out, "<li><p class=\"line\"><strong>");
	html_foreign(job->order, strlen(job->order), out);
	buf_addf(out, "</strong> <span class=\"muted\">job %lld</span> ", (long long)job->id);
	html_tag(job_tone(g.state), g.state, out);
	buf_adds(out, "</p>");
	if (g.started_at && g.ratio >= 0)
		buf_addf(out, "<p class=\"bar\"><progress max=\"1\" value=\"%.4f\" aria-label=\"Job %lld\"></progress> <b>%.0f %%</b></p>",
			 g.ratio, (long long)job->id, g.ratio * 100);
	buf_adds(out, "<p class=\"muted\">");
	job_numbers(&g, out);
	buf_adds(out, "</p></li>\n");
	return 0;
}

static int ended_job(void *arg, const struct store_job *job)
{
	struct buf *out = arg;
	buf_adds(out, "<li>");
	html_foreign(job->order, strlen(job->order), out);
	buf_adds(out, " ");
	html_tag(job_tone(job->state), job->state, out);
	buf_adds(out, " <span class=\"muted\">");
	html_time(job->ended_at, out);
	if (*job->result) {
		buf_adds(out, " · ");
		html_foreign(job->result, strlen(job->result), out);
	}
	buf_adds(out, "</span></li>\n");
	return 0;
}

int page_jobs(struct page *p)
{
	struct jobs j = {.p = p};
	_buf_ struct buf ended = BUF_INIT(1 << 20);
	if (!p->v->store)
		return 0;
	buf_adds(p->out, "<ul class=\"jobs\">\n");
	int r = store_jobs_live(p->v->store, live_job, &j);
	if (!j.live)
		buf_adds(p->out, "<li><p>Nothing runs.</p></li>\n");
	buf_adds(p->out, "</ul>\n");
	page_rest(p, j.live - JOBS_MOST, "jobs", "jobs");
	if (r == 0)
		r = store_jobs_ended(p->v->store, ENDED_MOST, ended_job, &ended);
	if (ended.len)
		buf_addf(p->out, "<h3>Ended last</h3>\n<ul class=\"ended\">\n%s</ul>\n", buf_str(&ended));
	p->count = j.live;
	return r;
}

/* --- roots --- */

struct roots {
	struct page *p;
	struct html_table t;
	int64_t count;
};

static bool is_well(const struct place *place)
{
	return strcmp(place->state, "present") == 0 || (strcmp(place->state, "empty") == 0 && !place->files);
}

/** Losses that are not believed, and the words that say they are real. */
static void held(struct page *p, const struct place *place)
{
	_buf_ struct buf words = BUF_INIT(1 << 16);
	bool of_links = strcmp(place->kind, "links") == 0;
	if (!place->held || place->is_mount)
		return;
	buf_addf(&words, "%s %lld", place->name, (long long)place->held);
	buf_adds(p->out, "<p class=\"hint\">");
	html_number(place->held, p->out);
	buf_addf(p->out, " %s are held. If they are really gone: ", of_links ? "links" : "files");
	page_command(p, "accept-loss", buf_str(&words));
	buf_adds(p->out, "</p>");
}

static int put_place(void *arg, const struct place *place)
{
	struct roots *r = arg;
	struct buf *out = r->p->out;
	_buf_ struct buf size = BUF_INIT(64);
	if (r->count++ >= ROOTS_MOST)
		return 0;
	html_cell(&r->t, -1);
	html_foreign(place->name, strlen(place->name), out);
	buf_adds(out, "<span class=\"path\">");
	html_foreign(place->path.data, place->path.len, out);
	buf_adds(out, "</span>");
	html_cell_end(&r->t);
	html_cell(&r->t, -1);
	html_tag(is_well(place) ? "good" : strcmp(place->state, "unknown") == 0 ? "calm" : "bad", place->state, out);
	if (*place->reason) {
		buf_adds(out, " <span class=\"muted\">");
		html_foreign(place->reason, strlen(place->reason), out);
		buf_adds(out, "</span>");
	}
	held(r->p, place);
	html_cell_end(&r->t);
	html_cell_number(&r->t, place->files);
	html_cell(&r->t, place->bytes);
	human_bytes((uint64_t)place->bytes, &size);
	buf_adds(out, place->is_mount || strcmp(place->kind, "links") == 0 ? "–" : buf_str(&size));
	html_cell_end(&r->t);
	html_cell_time(&r->t, place->since);
	return 0;
}

int page_roots(struct page *p)
{
	static const char *const head[] = {"Folder", "State", "#Files", "#Size", "Since"};
	struct roots r = {.p = p};
	html_table_begin(&r.t, p->out, "Watched folders and the disks mounted below them", head, COUNT_OF(head));
	int e = places_each(p->v, put_place, &r);
	html_table_end(&r.t);
	page_rest(p, r.count - ROOTS_MOST, "folders", "roots");
	if (!r.count)
		buf_reset(p->out);
	p->count = r.count;
	return e;
}

/* --- errors --- */

struct errors {
	struct html_table t;
	int64_t count;
};

static int put_error(void *arg, const struct store_error_row *row)
{
	struct errors *e = arg;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	path_join(row->root.data, row->root.len, row->path.data, row->path.len, &path);
	html_cell_foreign(&e->t, buf_str(&path), path.len);
	html_cell(&e->t, -1);
	html_text(row->kind, strlen(row->kind), e->t.out);
	html_cell_end(&e->t);
	html_cell_foreign(&e->t, row->reason, strlen(row->reason));
	html_cell_time(&e->t, row->since);
	html_cell_number(&e->t, row->tries);
	return ++e->count >= ERRORS_MOST;
}

int page_errors(struct page *p)
{
	static const char *const head[] = {"File", "Kind", "Why", "Since", "#Tries"};
	struct errors e = {0};
	struct store_counts c = {0};
	int r = p->v->store ? store_counts(p->v->store, &c) : 0;
	if (r < 0 || !c.errors)
		return r;
	p->count = c.errors;
	html_table_begin(&e.t, p->out, "Files and folders that cannot be read, and why", head, COUNT_OF(head));
	r = store_errors(p->v->store, put_error, &e);
	html_table_end(&e.t);
	page_rest(p, c.errors - e.count, "files", "errors");
	return r < 0 ? r : 0;
}
