/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/metrics.h"

#include <math.h>
#include <stdio.h>

#include "common/render.h"

const struct metric RUN_METRICS_TABLE[RUN_METRIC_COUNT] = {
#define M(name, help) {#name, help},
	RUN_METRICS(M)
#undef M
};

const struct metric STAGE_METRICS_TABLE[STAGE_METRIC_COUNT] = {
#define M(name, help) {#name, help},
	STAGE_METRICS(M)
#undef M
};

const char *const STAGE_NAMES[STAGE_COUNT] = {
#define S(name) #name,
	STAGES(S)
#undef S
};

enum { DIGITS = 3 };

static void stages_json(struct json *j, const struct run *run)
{
	json_key(j, "stages");
	json_array(j);
	for (int s = 0; s < STAGE_COUNT; s++) {
		json_object(j);
		json_kv_text(j, "name", STAGE_NAMES[s]);
		for (int m = 0; m < STAGE_METRIC_COUNT; m++)
			json_kv_real(j, STAGE_METRICS_TABLE[m].name, run->stage[s][m], DIGITS);
		json_end_object(j);
	}
	json_end_array(j);
}

void run_json(struct json *j, const struct run *run)
{
	json_object(j);
	json_kv_int(j, "id", run->job);
	json_kv_text(j, "order", run->order);
	json_kv_text(j, "mode", run->mode);
	json_kv_time(j, "started_at", run->started_at);
	json_kv_time(j, "ended_at", run->ended_at);
	for (int m = 0; m < RUN_METRIC_COUNT; m++)
		json_kv_real(j, RUN_METRICS_TABLE[m].name, run->value[m], DIGITS);
	stages_json(j, run);
	json_end_object(j);
}

void run_csv_header(struct buf *out)
{
	buf_adds(out, "id,order,mode,started_at,ended_at");
	for (int m = 0; m < RUN_METRIC_COUNT; m++)
		buf_addf(out, ",%s", RUN_METRICS_TABLE[m].name);
	for (int s = 0; s < STAGE_COUNT; s++)
		for (int m = 0; m < STAGE_METRIC_COUNT; m++)
			buf_addf(out, ",%s_%s", STAGE_NAMES[s], STAGE_METRICS_TABLE[m].name);
	buf_adds(out, "\r\n");
}

static void csv_real(struct buf *out, double v)
{
	struct json j;
	buf_addc(out, ',');
	json_init(&j, out, 0);
	json_real(&j, v, DIGITS);
}

void run_csv(struct buf *out, const struct run *run)
{
	buf_addf(out, "%lld,", (long long)run->job);
	csv_text(out, run->order, strlen(run->order));
	buf_addf(out, ",%s,", run->mode);
	time_rfc3339(run->started_at, out);
	buf_addc(out, ',');
	if (run->ended_at)
		time_rfc3339(run->ended_at, out);
	for (int m = 0; m < RUN_METRIC_COUNT; m++)
		csv_real(out, run->value[m]);
	for (int s = 0; s < STAGE_COUNT; s++)
		for (int m = 0; m < STAGE_METRIC_COUNT; m++)
			csv_real(out, run->stage[s][m]);
	buf_adds(out, "\r\n");
}
