/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * metrics/analysis.json: how many tracks and volumes were analysed, how fast, and how many have each field.
 *
 * All rows are read for it (struct counted): `counted_at` says when.
 */
#include <pthread.h>

#include "common/cleanup.h"
#include "fs/counted.h"
#include "fs/views.h"

enum {
	COUNTED = TOPIC_BIT(music) | TOPIC_BIT(manga),
	RATIO_DIGITS = 4,
	RATE_DIGITS = 1,
	RUNS_BACK = 400,
};

struct coverage {
	struct counted when;
	struct store_coverage tracks, volumes;
};

static struct {
	pthread_mutex_t lock;
	/* protected by lock: */
	struct coverage last;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int count(struct view *v, struct coverage *out)
{
	LOCKED(&all.lock);
	if (!counted_serves(v, COUNTED, &all.last.when)) {
		struct coverage c;
		counted_begin(v, COUNTED, &c.when);
		int r = store_coverage(v->store, OF_TRACK, &c.tracks);
		if (r == 0)
			r = store_coverage(v->store, OF_VOLUME, &c.volumes);
		if (r < 0)
			return r;
		counted_end(&c.when);
		all.last = c;
	}
	*out = all.last;
	return 0;
}

/** The last scan that had anything to read. */
static int see_run(void *arg, const struct run *run)
{
	if (run->stage[STAGE_OF_extract][STAGE_items] > 0)
		*(struct run *)arg = *run;
	return 0;
}

static void show_rate(struct view *v, struct json *j)
{
	struct run run = {0};
	if (v->store)
		store_runs(v->store, RUNS_BACK, see_run, &run);
	json_kv_time(j, "last_read_at", run.ended_at);
	json_kv_real(j, "files_read", run.stage[STAGE_OF_extract][STAGE_items], 0);
	json_kv_real(j, "files_per_second", run.stage[STAGE_OF_extract][STAGE_items_per_second], RATE_DIGITS);
}

static size_t show_fields(struct json *j, const char *kind, unsigned of, const struct store_coverage *c)
{
	size_t n = 0;
	for (int f = 0; f < FIELD_COUNT; f++) {
		if (!(FIELDS_TABLE[f].of & of))
			continue;
		json_object(j);
		json_kv_text(j, "kind", kind);
		json_kv_text(j, "field", FIELDS_TABLE[f].name);
		json_kv_int(j, "have", (int64_t)c->with[f]);
		json_kv_int(j, "lack", (int64_t)(c->rows - c->with[f]));
		json_kv_real(j, "ratio", c->rows ? (double)c->with[f] / (double)c->rows : 0, RATIO_DIGITS);
		json_end_object(j);
		n++;
	}
	return n;
}

int show_analysis_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct coverage c = {0};
	(void)n;
	int r = v->store ? count(v, &c) : 0;
	if (r < 0)
		return r;
	doc_begin(&j, out, v, "analysis", OF_ANALYSIS, VIEW_AWAY);
	json_kv_int(&j, "tracks", (int64_t)c.tracks.rows);
	json_kv_int(&j, "volumes", (int64_t)c.volumes.rows);
	json_kv_time(&j, "counted_at", c.when.at);
	show_rate(v, &j);
	json_key(&j, "items");
	json_array(&j);
	size_t rows = show_fields(&j, "track", OF_TRACK, &c.tracks);
	rows += show_fields(&j, "volume", OF_VOLUME, &c.volumes);
	json_end_array(&j);
	json_kv_int(&j, "count", (int64_t)rows);
	json_end_object(&j);
	return 0;
}
