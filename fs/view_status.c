/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/: what there is to know, as a text for people and as JSON. */
#include "fs/views.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_integrity.h"
#include "fs/notify.h"
#include "fs/progress.h"

static void add_path(struct buf *out, struct bytes a, struct bytes b, struct bytes c)
{
	const struct bytes part[] = {a, b, c};
	for (size_t i = 0; i < COUNT_OF(part); i++) {
		if (!part[i].len)
			continue;
		if (out->len && out->data[out->len - 1] != '/')
			buf_addc(out, '/');
		buf_add(out, part[i].data, part[i].len);
	}
}

void doc_time_cell(struct table *t, int64_t ns)
{
	char text[TIME_CHARS] = "-";
	if (ns)
		time_text(ns / NS_PER_S * NS_PER_S, ' ', text);
	table_cell(t, text, ns ? sizeof text : 1);
}

int doc_end_table(struct table *t, struct buf *out)
{
	table_write(t, out);
	table_clear(t);
	return 0;
}

void doc_list_begin(struct json *j, struct buf *out, const struct view *v, const char *schema,
		       unsigned topics, unsigned moods)
{
	doc_begin(j, out, v, schema, topics, moods);
	json_key(j, "items");
	json_array(j);
}

int doc_list_end(struct json *j, int64_t count)
{
	json_end_array(j);
	json_kv_int(j, "count", count);
	json_end_object(j);
	return 0;
}

struct rows {
	const struct view *v;
	struct json *j;
	struct table *t;
	int64_t count;
};

/* --- jobs --- */

struct job_rows {
	struct view *v;
	struct json *j;
	struct table *t;
	int64_t count, running, queued;
};

static int count_job(void *arg, const struct store_job *job)
{
	struct job_rows *r = arg;
	struct progress p = progress_of(r->v, job);
	r->running += strcmp(p.state, "running") == 0;
	r->queued += strcmp(p.state, "queued") == 0;
	return 0;
}

int status_count_jobs(struct view *v, int64_t *running, int64_t *queued)
{
	struct job_rows r = {.v = v};
	int e = v->store ? store_jobs_live(v->store, count_job, &r) : 0;
	*running = r.running;
	*queued = r.queued;
	return e;
}

static int json_job(void *arg, const struct store_job *job)
{
	struct job_rows *r = arg;
	struct json *j = r->j;
	struct progress p = progress_of(r->v, job);
	r->count++;
	json_object(j);
	json_kv_int(j, "id", job->id);
	json_kv_text(j, "order", job->order);
	json_kv_text(j, "state", p.state);
	json_kv_time(j, "submitted_at", job->submitted_at);
	json_kv_time(j, "started_at", p.started_at);
	json_kv_time(j, "ended_at", job->ended_at);
	json_kv_int(j, "done", p.done);
	json_kv_int(j, "total", p.total);
	json_kv_real(j, "rate_per_second", p.rate, 1);
	json_key(j, "seconds_left");
	if (p.left >= 0)
		json_real(j, p.left, 1);
	else
		json_null(j);
	json_kv_text(j, "result", job->result);
	json_end_object(j);
	return 0;
}

enum { JOBS_SHOWN = 100 };

static int show_jobs_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct job_rows r = {.v = v, .j = &j};
	(void)n;
	int e = status_count_jobs(v, &r.running, &r.queued);
	doc_begin(&j, out, v, "jobs", OF_JOBS, MOODY);
	json_kv_int(&j, "running", r.running);
	json_kv_int(&j, "queued", r.queued);
	json_key(&j, "items");
	json_array(&j);
	if (v->store && e == 0)
		e = store_jobs_live(v->store, json_job, &r);
	if (v->store && e == 0)
		e = store_jobs_ended(v->store, JOBS_SHOWN, json_job, &r);
	return e < 0 ? e : doc_list_end(&j, r.count);
}

static int text_job(void *arg, const struct store_job *job)
{
	struct job_rows *r = arg;
	struct progress p = progress_of(r->v, job);
	_buf_ struct buf left = BUF_INIT(64);
	if (p.left >= 0)
		human_duration(p.left, &left);
	table_cellf(r->t, "%lld", (long long)job->id);
	table_cells(r->t, p.state);
	table_cells(r->t, job->order);
	doc_time_cell(r->t, p.started_at);
	if (p.total)
		table_cellf(r->t, "%lld/%lld", (long long)p.done, (long long)p.total);
	else
		table_cellf(r->t, "%lld", (long long)p.done);
	table_cellf(r->t, "%.0f/s", p.rate);
	table_cells(r->t, left.len ? buf_str(&left) : "-");
	table_cells(r->t, job->result);
	return 0;
}

static int show_jobs(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"job",  "state", "order", "started",
					   "done", "rate",  "left",  "result"};
	struct table t;
	struct job_rows r = {.v = v, .t = &t};
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = v->store ? store_jobs_live(v->store, text_job, &r) : 0;
	if (v->store && e == 0)
		e = store_jobs_ended(v->store, JOBS_SHOWN, text_job, &r);
	doc_end_table(&t, out);
	doc_away(out, v);
	return e;
}

/* --- missing --- */

static bool is_monitored(const struct view *v, const struct store_missing *row)
{
	return row->monitored < 0 ? config_int(v->config, OPT_monitor_default) != 0 : row->monitored;
}

/** What is wrong with its file; nothing when there is none. */
static void add_reason(const struct view *v, const struct store_missing *row, struct buf *out)
{
	if (strcmp(row->state, "wanted") != 0)
		store_missing_reason(v->store, row->series_id, row->volume, row->state, out);
}

/** What is being done about it, or else how its file is. */
static const char *missing_state(const struct store_missing *row)
{
	static const struct {
		const char *request, *state;
	} states[] = {
		{"found", "found"},  {"sent", "requested"}, {"downloading", "requested"},
		{"failed", "failed"}, {"gone", "gone"},
	};
	for (size_t i = 0; *row->request_state && i < COUNT_OF(states); i++)
		if (strcmp(states[i].request, row->request_state) == 0)
			return row->handed && i == 0 ? "requested" : states[i].state;
	return row->state;
}

/** Most rows are as the one before them but for the volume: what is around that is written once for all of them. */
struct missing_rows {
	struct rows rows;
	/** The row before, of which only numbers are looked at, and its words. */
	struct store_missing last;
	char kind[32];
	bool is_plain;
	/** It as it was written, and where its volume stands in it; the row at hand. */
	struct buf text, next;
	size_t from, to;
};

/** Nothing is known of it that others would not have too. */
static bool is_plain(const struct store_missing *row)
{
	return row->volume >= 0 && !*row->request_state && !*row->best && strcmp(row->state, "wanted") == 0;
}

static bool is_like_last(const struct missing_rows *m, const struct store_missing *row)
{
	const struct store_missing *last = &m->last;
	return m->is_plain && is_plain(row) && row->series_id == last->series_id && row->since == last->since &&
	       row->monitored == last->monitored && row->searched_at == last->searched_at && strcmp(row->kind, m->kind) == 0;
}

static void write_missing(struct missing_rows *m, const struct store_missing *row)
{
	const struct view *v = m->rows.v;
	_buf_ struct buf reason = BUF_INIT(1 << 12);
	struct json j;
	buf_reset(&m->text);
	json_init(&j, &m->text, 0);
	add_reason(v, row, &reason);
	json_object(&j);
	json_kv_text(&j, "series", row->series);
	json_key(&j, "volume");
	m->from = m->text.len;
	json_int(&j, row->volume);
	m->to = m->text.len;
	json_kv_text(&j, "kind", row->kind);
	json_kv_text(&j, "state", missing_state(row));
	json_kv_bool(&j, "monitored", is_monitored(v, row));
	json_kv_time(&j, "since", row->since);
	json_kv_time(&j, "last_searched_at", row->searched_at);
	json_kv_text(&j, "best", row->best);
	json_kv_text(&j, "reason", buf_str(&reason));
	json_end_object(&j);
	m->last = *row;
	m->is_plain = is_plain(row) && strlen(row->kind) < sizeof m->kind;
	snprintf(m->kind, sizeof m->kind, "%s", row->kind);
}

static int json_missing(void *arg, const struct store_missing *row)
{
	struct missing_rows *m = arg;
	m->rows.count++;
	if (!is_like_last(m, row)) {
		write_missing(m, row);
		json_raw(m->rows.j, buf_str(&m->text), m->text.len);
		return 0;
	}
	buf_reset(&m->next);
	buf_add(&m->next, m->text.data, m->from);
	buf_add_u64(&m->next, (uint64_t)row->volume);
	buf_add(&m->next, m->text.data + m->to, m->text.len - m->to);
	json_raw(m->rows.j, buf_str(&m->next), m->next.len);
	return 0;
}

static int show_missing_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct missing_rows m = {.rows = {.j = &j, .v = v}, .text = BUF_INIT(1 << 20), .next = BUF_INIT(1 << 20)};
	(void)n;
	doc_list_begin(&j, out, v, "missing", OF_MISSING, VIEW_AWAY);
	int e = v->store ? store_missing(v->store, 0, json_missing, &m) : 0;
	if (e == 0)
		e = buf_error(&m.text) ? buf_error(&m.text) : buf_error(&m.next);
	buf_clear(&m.text);
	buf_clear(&m.next);
	return e < 0 ? e : doc_list_end(&j, m.rows.count);
}

static int text_missing(void *arg, const struct store_missing *row)
{
	struct rows *r = arg;
	_buf_ struct buf reason = BUF_INIT(1 << 12);
	add_reason(r->v, row, &reason);
	table_cells(r->t, row->series);
	table_cell_int(r->t, row->volume);
	table_cells(r->t, row->kind);
	table_cells(r->t, missing_state(row));
	doc_time_cell(r->t, row->since);
	table_cells(r->t, is_monitored(r->v, row) ? "yes" : "no");
	doc_time_cell(r->t, row->searched_at);
	table_cells(r->t, row->best);
	table_cells(r->t, buf_str(&reason));
	return 0;
}

static int show_missing(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"series",	"volume",   "kind", "state",
					   "since", "monitored", "searched", "best find", "reason"};
	struct table t;
	struct rows r = {.t = &t, .v = v};
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = v->store ? store_missing(v->store, 0, text_missing, &r) : 0;
	doc_end_table(&t, out);
	doc_away(out, v);
	return e;
}

/* --- errors --- */

static int json_error(void *arg, const struct store_error_row *row)
{
	struct rows *r = arg;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	add_path(&path, row->root, row->path, (struct bytes){0});
	r->count++;
	json_object(r->j);
	json_kv_path(r->j, "path", buf_str(&path), path.len);
	json_kv_text(r->j, "kind", row->kind);
	json_kv_text(r->j, "reason", row->reason);
	json_kv_time(r->j, "since", row->since);
	json_kv_int(r->j, "tries", row->tries);
	json_end_object(r->j);
	return 0;
}

static int show_errors_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct rows r = {.j = &j};
	(void)n;
	doc_list_begin(&j, out, v, "errors", OF_ERRORS, VIEW_AWAY);
	int e = v->store ? store_errors(v->store, json_error, &r) : 0;
	return e < 0 ? e : doc_list_end(&j, r.count);
}

static int text_error(void *arg, const struct store_error_row *row)
{
	struct rows *r = arg;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	add_path(&path, row->root, row->path, (struct bytes){0});
	table_cells(r->t, row->kind);
	doc_time_cell(r->t, row->since);
	table_cellf(r->t, "%d", row->tries);
	table_cell(r->t, buf_str(&path), path.len);
	table_cells(r->t, row->reason);
	return 0;
}

static int show_errors(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"kind", "since", "tries", "path", "reason"};
	struct table t;
	struct rows r = {.t = &t};
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = v->store ? store_errors(v->store, text_error, &r) : 0;
	doc_end_table(&t, out);
	doc_away(out, v);
	return e;
}

/* --- audit --- */

enum { AUDIT_SHOWN = 10000 };

static const struct {
	int bit;
	const char *name, *text;
} audits[] = {
#define A(name, bit, text) {bit, #name, text},
	AUDITS(A)
#undef A
};

static int json_audit(void *arg, const struct store_audit_row *row)
{
	struct rows *r = arg;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	add_path(&path, row->root, row->dir, row->name);
	r->count++;
	json_object(r->j);
	json_kv_path(r->j, "path", buf_str(&path), path.len);
	json_kv_text(r->j, "kind", row->kind);
	json_key(r->j, "problems");
	json_array(r->j);
	for (size_t i = 0; i < COUNT_OF(audits); i++)
		if (row->problems & audits[i].bit)
			json_text(r->j, audits[i].name, strlen(audits[i].name));
	json_end_array(r->j);
	json_end_object(r->j);
	return 0;
}

static int show_audit_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct rows r = {.j = &j};
	int64_t total = 0;
	(void)n;
	doc_list_begin(&j, out, v, "audit", OF_AUDIT, VIEW_AWAY);
	int e = v->store ? store_audit(v->store, AUDIT_SHOWN, json_audit, &r, &total) : 0;
	json_end_array(&j);
	json_kv_int(&j, "count", r.count);
	json_kv_int(&j, "total", total);
	json_end_object(&j);
	return e;
}

static int text_audit(void *arg, const struct store_audit_row *row)
{
	struct rows *r = arg;
	_buf_ struct buf path = BUF_INIT(1 << 16), text = BUF_INIT(512);
	add_path(&path, row->root, row->dir, row->name);
	for (size_t i = 0; i < COUNT_OF(audits); i++)
		if (row->problems & audits[i].bit)
			buf_addf(&text, "%s%s", text.len ? "; " : "", audits[i].text);
	r->count++;
	table_cells(r->t, row->kind);
	table_cells(r->t, buf_str(&text));
	table_cell(r->t, buf_str(&path), path.len);
	return 0;
}

static int show_audit(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"what", "problem", "path"};
	struct table t;
	struct rows r = {.t = &t};
	int64_t total = 0;
	(void)n;
	table_open(&t, head, COUNT_OF(head));
	int e = v->store ? store_audit(v->store, AUDIT_SHOWN, text_audit, &r, &total) : 0;
	doc_end_table(&t, out);
	if (total > r.count)
		buf_addf(out, "# %lld of %lld; `mediamon export` shows all\n", (long long)r.count,
			 (long long)total);
	doc_away(out, v);
	return e;
}

/* --- generation --- */

static int stamp_generation(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	(void)v;
	(void)row;
	*version = notify_generation();
	*at = 0;
	return 0;
}

static int show_generation(struct view *v, const struct node *n, struct buf *out)
{
	(void)v;
	return buf_addf(out, "%llu\n", (unsigned long long)n->version);
}

const struct entry status_dir[] = {
	TWINS("summary", show_summary, show_summary_json, .topics = OF_SUMMARY, .moods = MOODY,
	      .help = "one screen: counts, jobs, what needs a human"),
	TWINS("health", show_health, show_health_json, .topics = OF_HEALTH, .moods = MOODY,
	      .help = "ok, degraded or failed, with the reasons"),
	TWINS("roots", show_roots, show_roots_json, .topics = OF_ROOTS, .moods = VIEW_AWAY,
	      .help = "each watched folder: present, absent, empty, foreign, stuck, frozen, and why"),
	TWINS("jobs", show_jobs, show_jobs_json, .topics = OF_JOBS, .moods = MOODY,
	      .help = "queued, running (progress, rate, time left), the last 100 ended"),
	TWINS("missing", show_missing, show_missing_json, .topics = OF_MISSING, .moods = VIEW_AWAY,
	      .help = "volumes missing from series"),
	TWINS("new", show_new, show_new_json, .topics = OF_NEW, .moods = VIEW_AWAY,
	      .help = "volumes that are out or announced after the last one owned"),
	TWINS("requests", show_requests, show_requests_json, .topics = OF_REQUESTS, .moods = VIEW_AWAY,
	      .help = "what was found, what a download client was asked for, and where it stands"),
	TWINS("symlinks", show_symlinks, show_symlinks_json, .topics = OF_SYMLINKS, .moods = VIEW_AWAY,
	      .help = "links by state; each that is broken, held, suspect or unknown, and why"),
	TWINS("torrents", show_torrents, show_torrents_json, .topics = OF_TORRENTS, .moods = VIEW_AWAY,
	      .help = "Real-Debrid torrents by state, the account, scans, failures, what is tried again"),
	TWINS("repairs", show_repairs, show_repairs_json, .topics = OF_REPAIRS, .moods = VIEW_AWAY,
	      .help = "the plan, what is under way, and the journal: what can be undone"),
	TWINS("errors", show_errors, show_errors_json, .topics = OF_ERRORS, .moods = VIEW_AWAY,
	      .help = "files that cannot be read or are damaged, and why"),
	TWINS("audit", show_audit, show_audit_json, .topics = OF_AUDIT, .moods = VIEW_AWAY,
	      .help = "no tags, no cover, no ComicInfo, names not understood"),
	TWINS("duplicates", show_duplicates, show_duplicates_json, .topics = OF_DUPLICATES,
	      .moods = VIEW_AWAY, .help = "the same volume or recording twice, and which copy is the best"),
	TWINS("verify", show_verify, show_verify_json, .topics = OF_VERIFY, .moods = VIEW_AWAY,
	      .help = "what the last control/verify found: where the index differs from the disk"),
	TWINS("integrity", show_integrity, show_integrity_json, .topics = OF_INTEGRITY, .moods = VIEW_AWAY,
	      .help = "files that were read to their end: how many are whole, which are damaged, what waits"),
	FILE_OF("integrity.csv", show_integrity_csv, .topics = OF_INTEGRITY, .help = "those that are damaged, one a line"),
	FILE_OF("generation", show_generation, .stamp = stamp_generation, .uncached = true,
		.help = "one number: equal even reads before and after prove one state"),
	{0},
};
