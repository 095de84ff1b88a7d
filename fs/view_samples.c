/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * metrics/history.json, .csv and metrics/seconds.json, .csv: samples of the gauges over time.  Hours are shown up to where
 * minutes begin, so each time is there once.  A version of a document is bounded by the last commit, or look at the
 * live page, that it shows: what comes later belongs to the next one.
 */
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/gauges.h"
#include "common/store_sample.h"
#include "fs/views.h"

enum {
	/** Rows of one step that are shown at most, the newest; years of hours are in the store. */
	SHOWN_MOST = 10000,
};

/** A document that is being written: JSON, or CSV. */
struct shape {
	struct view *v;
	struct json *j;
	struct buf *csv;
	enum sample_step step;
	int64_t count;
};

static void csv_value(struct buf *out, double v, int decimals)
{
	struct json j;
	buf_addc(out, ',');
	if (isnan(v))
		return;
	json_init(&j, out, 0);
	json_real(&j, v, decimals);
}

static void add_csv(struct shape *s, int64_t at, const double *value)
{
	time_rfc3339(at, s->csv);
	buf_addf(s->csv, ",%s", SAMPLE_STEP_NAMES[s->step]);
	for (int g = 0; g < GAUGE_COUNT; g++)
		csv_value(s->csv, value[g], GAUGES_TABLE[g].decimals);
	buf_adds(s->csv, "\r\n");
}

static void add_json(struct shape *s, int64_t at, const double *value)
{
	const char *step = SAMPLE_STEP_NAMES[s->step];
	_buf_ struct buf time = BUF_INIT(64);
	time_rfc3339(at, &time);
	json_array(s->j);
	json_text(s->j, buf_str(&time), time.len);
	json_text(s->j, step, strlen(step));
	for (int g = 0; g < GAUGE_COUNT; g++)
		json_real(s->j, value[g], GAUGES_TABLE[g].decimals);
	json_end_array(s->j);
}

static int add_sample(void *arg, int64_t at, const double *value)
{
	struct shape *s = arg;
	s->count++;
	if (s->j)
		add_json(s, at, value);
	else
		add_csv(s, at, value);
	return 0;
}

/** What is shown of a step begins here, at the earliest. */
static int64_t shown_since(enum sample_step step, int64_t until)
{
	return until - SHOWN_MOST * SAMPLE_STEP_NS[step];
}

static int add_step(struct shape *s, enum sample_step step, int64_t since, int64_t until)
{
	enum gauge_id all[GAUGE_COUNT];
	int64_t first = shown_since(step, until);
	for (int g = 0; g < GAUGE_COUNT; g++)
		all[g] = (enum gauge_id)g;
	s->step = step;
	return store_samples(s->v->store, step, all, GAUGE_COUNT, since > first ? since : first, until, add_sample, s);
}

static int see_first(void *arg, int64_t at, const double *value)
{
	int64_t *first = arg;
	(void)value;
	*first = at;
	return 1;
}

/** Where hours end and minutes begin: the hour from which minutes begin to be thinned away is shown as one. */
static int find_minutes(struct store *s, int64_t until, int64_t *minutes)
{
	const int64_t hour = SAMPLE_STEP_NS[SAMPLE_HOUR];
	int64_t first = until, whole = 0;
	int r = store_samples(s, SAMPLE_MINUTE, NULL, 0, shown_since(SAMPLE_MINUTE, until), until, see_first, &first);
	*minutes = first - first % hour;
	if (r >= 0 && first != *minutes)
		r = store_samples(s, SAMPLE_HOUR, NULL, 0, *minutes, *minutes + hour, see_first, &whole);
	if (whole)
		*minutes += hour;
	return r;
}

static int add_history(struct shape *s)
{
	/* minutes are written a little after they were measured */
	int64_t until = s->v->at[TOPIC_metrics] + 1, minutes;
	int r = find_minutes(s->v->store, until, &minutes);
	if (r >= 0)
		r = add_step(s, SAMPLE_HOUR, 0, minutes);
	return r < 0 ? r : add_step(s, SAMPLE_MINUTE, minutes, until);
}

static int add_seconds(struct shape *s)
{
	int64_t until = s->v->mood.at[1];
	return add_step(s, SAMPLE_SECOND, 0, until > 0 ? until : 0);
}

typedef int add_fn(struct shape *s);

static void add_columns(struct json *j)
{
	json_key(j, "columns");
	json_array(j);
	for (int g = 0; g < GAUGE_COUNT; g++) {
		const struct gauge_row *row = &GAUGES_TABLE[g];
		json_object(j);
		json_kv_text(j, "key", row->key);
		json_kv_text(j, "name", row->name);
		if (row->label) {
			json_kv_text(j, "label", row->label);
			json_kv_text(j, "value", row->value);
		}
		json_kv_text(j, "kind", row->kind == GAUGE_TOTAL ? "total" : "now");
		json_kv_text(j, "help", row->help);
		json_end_object(j);
	}
	json_end_array(j);
}

static int show_json(struct view *v, const char *schema, unsigned topics, unsigned moods, add_fn *fill, struct buf *out)
{
	struct json j;
	struct shape s = {.v = v, .j = &j};
	doc_begin(&j, out, v, schema, topics, moods);
	add_columns(&j);
	json_key(&j, "items");
	json_array(&j);
	int r = v->store ? fill(&s) : 0;
	json_end_array(&j);
	json_kv_int(&j, "count", s.count);
	json_end_object(&j);
	return r < 0 ? r : 0;
}

static int show_csv(struct view *v, add_fn *fill, struct buf *out)
{
	struct shape s = {.v = v, .csv = out};
	buf_adds(out, "at,step");
	for (int g = 0; g < GAUGE_COUNT; g++)
		buf_addf(out, ",%s", GAUGES_TABLE[g].key);
	buf_adds(out, "\r\n");
	int r = v->store ? fill(&s) : 0;
	return r < 0 ? r : 0;
}

int show_history_json(struct view *v, const struct node *n, struct buf *out)
{
	(void)n;
	return show_json(v, "metrics-history", OF_SAMPLES, 0, add_history, out);
}

int show_history_csv(struct view *v, const struct node *n, struct buf *out)
{
	(void)n;
	return show_csv(v, add_history, out);
}

int show_seconds_json(struct view *v, const struct node *n, struct buf *out)
{
	(void)n;
	return show_json(v, "metrics-seconds", OF_SAMPLES, VIEW_LIVE, add_seconds, out);
}

int show_seconds_csv(struct view *v, const struct node *n, struct buf *out)
{
	(void)n;
	return show_csv(v, add_seconds, out);
}
