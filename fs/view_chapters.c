/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * metrics/chapters and metrics/session: chapters as they were fetched or checked.
 *
 * The names are those of PANELia's metrics, so that what reads those reads these ("mbps" is MiB/s there); beside them
 * stand names with their units.  Speeds are by the clock on the wall: of chapters that went side by side the time counts
 * once.
 */
#include <errno.h>
#include <math.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_chapters.h"
#include "common/vec.h"
#include "fs/views.h"

enum {
	/** Of each producer at most: what fits into a file of the mount. */
	CHAPTERS_SHOWN = 10000,
	RUNS_SHOWN = 50,
};

#define MIB 1048576.0

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static bool is_state(const struct store_chapter *c, enum chapter_state state)
{
	return strcmp(c->state, CHAPTER_STATE_NAMES[state]) == 0;
}

static bool has_ended(const struct store_chapter *c)
{
	return is_state(c, CHAPTER_ok) || is_state(c, CHAPTER_failed);
}

/** The number of a chapter whose name is one. */
static bool number_of(const struct store_chapter *c, double *number)
{
	char *end;
	*number = strtod(c->chapter, &end);
	return *c->chapter && !*end && strspn(c->chapter, "0123456789.e+") == strlen(c->chapter) && isfinite(*number);
}

/** Of the pages found, those that came; 0 when none were found. */
static double success_rate(int64_t downloaded, int64_t found)
{
	return ratio(100.0 * (double)downloaded, (double)found);
}

/** What runs, and of each producer as many others as are kept. */
static int each_chapter(struct view *v, store_chapter_fn *fn, void *arg)
{
	int64_t keep = config_int(v->config, OPT_chapters_keep);
	return store_chapters_of(v->store, PRODUCERS_ALL, keep < CHAPTERS_SHOWN ? (int)keep : CHAPTERS_SHOWN, fn, arg);
}

/* --- chapters.json --- */

static void json_origin(struct json *j, const struct store_chapter *c)
{
	double number;
	json_key(j, "chapter_num");
	if (number_of(c, &number))
		json_real(j, number, 10);
	else
		json_null(j);
	json_kv_text(j, "url", c->url);
	json_kv_real(j, "duration", c->seconds, 2);
	json_kv_int(j, "images_found", c->images_found);
	json_kv_int(j, "images_downloaded", c->images_downloaded);
	json_kv_int(j, "images_processed", c->images_processed);
	json_kv_int(j, "download_errors", c->download_errors);
	json_kv_int(j, "total_bytes", c->bytes);
	json_kv_real(j, "download_speed_mbps", ratio((double)c->bytes / MIB, c->seconds), 2);
	json_kv_real(j, "success_rate", success_rate(c->images_downloaded, c->images_found), 2);
	json_key(j, "success");
	if (is_state(c, CHAPTER_running))
		json_null(j);
	else
		json_bool(j, is_state(c, CHAPTER_ok));
}

static int json_chapter(void *arg, const struct store_chapter *c)
{
	struct json *j = arg;
	json_object(j);
	json_origin(j, c);
	json_kv_text(j, "run", c->run);
	json_kv_text(j, "series", c->series);
	json_kv_text(j, "chapter", c->chapter);
	json_kv_int(j, "attempt", c->attempt);
	json_kv_text(j, "producer", c->producer);
	json_kv_text(j, "state", c->state);
	json_kv_text(j, "error_message", c->error);
	json_kv_time(j, "started_at", c->started_at);
	json_kv_time(j, "ended_at", c->ended_at);
	json_kv_real(j, "duration_seconds", c->seconds, 3);
	json_kv_real(j, "bytes_per_second", ratio((double)c->bytes, c->seconds), 1);
	json_end_object(j);
	return 0;
}

struct listing {
	struct json *j;
	int64_t count;
};

static int json_item(void *arg, const struct store_chapter *c)
{
	struct listing *l = arg;
	l->count++;
	return json_chapter(l->j, c);
}

int show_chapters_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct listing l = {.j = &j};
	int64_t total = 0;
	(void)n;
	doc_begin(&j, out, v, "chapters", TOPIC_BIT(chapters), VIEW_AWAY);
	int r = v->store ? store_chapters_total(v->store, &total) : 0;
	json_kv_int(&j, "total", total);
	json_key(&j, "items");
	json_array(&j);
	if (r == 0 && v->store)
		r = each_chapter(v, json_item, &l);
	return r < 0 ? r : doc_list_end(&j, l.count);
}

/* --- without our own calls --- */

struct no_calls {
	store_chapter_fn *fn;
	void *arg;
};

static int pass_chapter(void *arg, const struct store_chapter *c)
{
	const struct no_calls *n = arg;
	return strcmp(c->producer, CHAPTER_PRODUCER_NAMES[PRODUCER_downloads]) == 0 ? 0 : n->fn(n->arg, c);
}

int view_chapters(struct view *v, int most, store_chapter_fn *fn, void *arg)
{
	struct no_calls n = {fn, arg};
	struct store_chapter_counts calls;
	int r = store_chapter_counts_of(v->store, PRODUCER_downloads, &calls);
	/* all of them may be newer */
	int64_t rows = most + calls.running + calls.ok + calls.failed + calls.abandoned;
	return r < 0 ? r : store_chapters(v->store, rows < INT_MAX ? (int)rows : INT_MAX, pass_chapter, &n);
}

/* --- chapters.csv --- */

/** As Python writes a number: 1 is 1.0. */
static void csv_number(struct buf *out, const struct store_chapter *c)
{
	double number;
	if (!number_of(c, &number))
		csv_text(out, c->chapter, strlen(c->chapter));
	else
		buf_addf(out, "%.10g%s", number, strpbrk(c->chapter, ".e") ? "" : ".0");
}

static void csv_origin(struct buf *out, const struct store_chapter *c)
{
	csv_number(out, c);
	buf_addc(out, ',');
	csv_text(out, c->url, strlen(c->url));
	buf_addf(out, ",%.2f,%lld,%lld,%lld,%lld,%lld,%.2f,%.2f,%s", c->seconds, (long long)c->images_found,
		 (long long)c->images_downloaded, (long long)c->images_processed, (long long)c->download_errors,
		 (long long)c->bytes, ratio((double)c->bytes / MIB, c->seconds),
		 success_rate(c->images_downloaded, c->images_found),
		 is_state(c, CHAPTER_running) ? "" : is_state(c, CHAPTER_ok) ? "True" : "False");
}

static int csv_chapter(void *arg, const struct store_chapter *c)
{
	struct buf *out = arg;
	const char *const texts[] = {c->run, c->series, c->chapter, c->error};
	csv_origin(out, c);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		buf_addc(out, ',');
		csv_text(out, texts[i], strlen(texts[i]));
	}
	buf_addf(out, ",%d,%s,%s,", c->attempt, c->producer, c->state);
	if (c->started_at)
		time_rfc3339(c->started_at, out);
	buf_addc(out, ',');
	if (c->ended_at)
		time_rfc3339(c->ended_at, out);
	buf_addf(out, ",%.3f,%.1f\r\n", c->seconds, ratio((double)c->bytes, c->seconds));
	return 0;
}

int show_chapters_csv(struct view *v, const struct node *n, struct buf *out)
{
	(void)n;
	buf_adds(out, "chapter_num,url,duration,images_found,images_downloaded,images_processed,download_errors,"
		      "total_bytes,download_speed_mbps,success_rate,success,run,series,chapter,error_message,attempt,"
		      "producer,state,started_at,ended_at,duration_seconds,bytes_per_second\r\n");
	return v->store ? each_chapter(v, csv_chapter, out) : 0;
}

/* --- session.json --- */

struct span {
	int64_t from, to;
	bool has_ended;
};

/** Chapters added up. */
struct tally {
	char run[160];
	int64_t state[CHAPTER_STATE_COUNT];
	int64_t found, downloaded, processed, errors, bytes, ended_bytes;
	/** Of those that ended, one behind the other. */
	double seconds;
	int64_t first, last;
	VEC(struct span) spans;
};

static int add(struct tally *t, const struct store_chapter *c)
{
	struct span *s = vec_add(&t->spans);
	int64_t until = c->started_at + (int64_t)(c->seconds * NS_PER_S);
	if (!s)
		return -ENOMEM;
	*s = (struct span){c->started_at, until, has_ended(c)};
	for (int i = 0; i < CHAPTER_STATE_COUNT; i++)
		t->state[i] += is_state(c, (enum chapter_state)i);
	t->found += c->images_found;
	t->downloaded += c->images_downloaded;
	t->processed += c->images_processed;
	t->errors += c->download_errors;
	t->bytes += c->bytes;
	t->ended_bytes += s->has_ended ? c->bytes : 0;
	t->seconds += s->has_ended ? c->seconds : 0;
	if (!t->first || c->started_at < t->first)
		t->first = c->started_at;
	if (until > t->last)
		t->last = until;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return (x->from > y->from) - (x->from < y->from);
}

/** The time in which anything went on: what went side by side counts once. */
static double wall_seconds(struct tally *t, bool only_ended)
{
	int64_t sum = 0, end = INT64_MIN;
	if (t->spans.len)
		qsort(t->spans.data, t->spans.len, sizeof *t->spans.data, by_start);
	for (size_t i = 0; i < t->spans.len; i++) {
		const struct span *s = &t->spans.data[i];
		if ((only_ended && !s->has_ended) || s->to <= end)
			continue;
		sum += s->to - (s->from > end ? s->from : end);
		end = s->to;
	}
	return (double)sum / (double)NS_PER_S;
}

/** "3m 0s" */
static void json_human(struct json *j, double seconds)
{
	char text[64];
	int64_t s = (int64_t)seconds;
	if (s >= 3600)
		snprintf(text, sizeof text, "%lldh %lldm %llds", (long long)(s / 3600), (long long)(s / 60 % 60),
			 (long long)(s % 60));
	else if (s >= 60)
		snprintf(text, sizeof text, "%lldm %llds", (long long)(s / 60), (long long)(s % 60));
	else
		snprintf(text, sizeof text, "%llds", (long long)s);
	json_kv_text(j, "duration_human", text);
}

static void json_session(struct json *j, const struct tally *t, int64_t began)
{
	double seconds = t->last > began ? (double)(t->last - began) / (double)NS_PER_S : 0;
	json_key(j, "session");
	json_object(j);
	json_kv_time(j, "start_time", began);
	json_kv_real(j, "duration_seconds", seconds, 2);
	json_human(j, seconds);
	json_kv_time(j, "last_at", t->last);
	json_end_object(j);
}

static void json_chapters(struct json *j, const struct tally *t)
{
	const int64_t *n = t->state;
	int64_t ended = n[CHAPTER_ok] + n[CHAPTER_failed], closed = ended + n[CHAPTER_abandoned];
	json_key(j, "chapters");
	json_object(j);
	json_kv_int(j, "attempted", closed + n[CHAPTER_running]);
	json_kv_int(j, "succeeded", n[CHAPTER_ok]);
	json_kv_int(j, "failed", n[CHAPTER_failed]);
	json_kv_int(j, "running", n[CHAPTER_running]);
	json_kv_int(j, "abandoned", n[CHAPTER_abandoned]);
	json_kv_real(j, "success_rate", ratio(100.0 * (double)n[CHAPTER_ok], (double)closed), 2);
	json_kv_real(j, "avg_duration_seconds", ratio(t->seconds, (double)ended), 2);
	json_end_object(j);
}

static void json_images(struct json *j, const struct tally *t)
{
	json_key(j, "images");
	json_object(j);
	json_kv_int(j, "found", t->found);
	json_kv_int(j, "downloaded", t->downloaded);
	json_kv_int(j, "processed", t->processed);
	json_kv_int(j, "errors", t->errors);
	json_end_object(j);
}

static void json_performance(struct json *j, struct tally *t)
{
	double wall = wall_seconds(t, false);
	json_key(j, "performance");
	json_object(j);
	json_kv_int(j, "total_bytes_downloaded", t->bytes);
	json_kv_real(j, "total_mb_downloaded", (double)t->bytes / MIB, 2);
	json_kv_real(j, "avg_speed_mbps", ratio((double)t->ended_bytes / MIB, wall_seconds(t, true)), 2);
	json_kv_real(j, "total_scraping_time", t->seconds, 2);
	json_kv_real(j, "wall_seconds", wall, 3);
	json_kv_real(j, "wall_bytes_per_second", ratio((double)t->bytes, wall), 1);
	json_kv_real(j, "wall_mebibytes_per_second", ratio((double)t->bytes / MIB, wall), 3);
	json_kv_real(j, "wall_images_per_second", ratio((double)t->downloaded, wall), 3);
	json_kv_real(j, "wall_chapters_per_hour",
		     ratio(3600.0 * (double)(t->state[CHAPTER_ok] + t->state[CHAPTER_failed]), wall), 2);
	json_end_object(j);
}

static void json_tally(struct json *j, struct tally *t, int64_t began)
{
	json_session(j, t, began);
	json_chapters(j, t);
	json_images(j, t);
	json_performance(j, t);
}

/** All of a session, and each of its runs. */
struct session {
	struct tally all;
	struct tally *runs;
	size_t count;
	int64_t others;
};

static struct tally *run_of(struct session *s, const char *run)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->runs[i].run, run) == 0)
			return &s->runs[i];
	if (s->count == RUNS_SHOWN)
		return NULL;
	snprintf(s->runs[s->count].run, sizeof s->runs->run, "%s", run);
	return &s->runs[s->count++];
}

static int add_chapter(void *arg, const struct store_chapter *c)
{
	struct session *s = arg;
	struct tally *run = run_of(s, c->run);
	int r = add(&s->all, c);
	s->others += !run;
	return r < 0 || !run ? r : add(run, c);
}

static void json_runs(struct json *j, struct session *s)
{
	json_key(j, "runs");
	json_array(j);
	for (size_t i = 0; i < s->count; i++) {
		json_object(j);
		json_kv_text(j, "run", s->runs[i].run);
		json_tally(j, &s->runs[i], s->runs[i].first);
		json_end_object(j);
	}
	json_end_array(j);
	json_kv_int(j, "chapters_of_other_runs", s->others);
}

/** Since the store was made, each producer apart. */
static int json_totals(struct json *j, struct store *s)
{
	struct store_chapter_counts c;
	int r = 0;
	json_key(j, "totals");
	json_object(j);
	for (int p = 0; p < PRODUCER_COUNT && s && r == 0; p++) {
		r = store_chapter_counts_of(s, (enum chapter_producer)p, &c);
		json_key(j, CHAPTER_PRODUCER_NAMES[p]);
		json_object(j);
		json_kv_int(j, "running", c.running);
		json_kv_int(j, "succeeded", c.ok);
		json_kv_int(j, "failed", c.failed);
		json_kv_int(j, "abandoned", c.abandoned);
		json_kv_int(j, "images_downloaded", c.images_downloaded);
		json_kv_int(j, "images_processed", c.images_processed);
		json_kv_int(j, "download_errors", c.download_errors);
		json_kv_int(j, "bytes", c.bytes);
		json_kv_real(j, "seconds", c.seconds, 3);
		json_end_object(j);
	}
	json_end_object(j);
	return r;
}

int show_session_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	int64_t number = 0, began = 0;
	struct session s = {.runs = calloc(RUNS_SHOWN, sizeof *s.runs)};
	(void)n;
	int r = s.runs ? 0 : -ENOMEM;
	if (r == 0 && v->store)
		r = store_chapter_session(v->store, &number, &began);
	if (r == 0 && number)
		r = store_chapters_session(v->store, number, add_chapter, &s);
	doc_begin(&j, out, v, "session", TOPIC_BIT(chapters), VIEW_AWAY);
	json_kv_int(&j, "session_id", number);
	json_tally(&j, &s.all, began);
	json_runs(&j, &s);
	if (r == 0)
		r = json_totals(&j, v->store);
	json_end_object(&j);
	for (size_t i = 0; s.runs && i < s.count; i++)
		vec_clear(&s.runs[i].spans);
	vec_clear(&s.all.spans);
	free(s.runs);
	return r;
}
