/* SPDX-License-Identifier: GPL-3.0-or-later */
/** metrics/compare: the last scan against those before it of the same order and mode. */
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/compare.h"
#include "common/text.h"
#include "fs/views.h"

enum {
	/** So far back others like it are looked for. */
	RUNS_BACK = 400,
	DIGITS = 5,
};

struct found {
	struct run last;
	struct run before[COMPARE_RUNS];
	size_t n;
	struct comparison result;
};

static int see_last(void *arg, const struct run *run)
{
	struct found *f = arg;
	f->last = *run;
	return 0;
}

static int see_before(void *arg, const struct run *run)
{
	struct found *f = arg;
	if (run->started_at == f->last.started_at || strcmp(run->order, f->last.order) != 0 ||
	    strcmp(run->mode, f->last.mode) != 0)
		return 0;
	if (f->n == COMPARE_RUNS)
		memmove(f->before, f->before + 1, --f->n * sizeof *f->before);
	f->before[f->n++] = *run;
	return 0;
}

/** 0; -ENOENT: no scan has ended yet. */
static int look(struct view *v, struct found **out)
{
	struct found *f = *out = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	int r = v->store ? store_runs_whole(v->store, 1, see_last, f) : 0;
	if (r < 0 || !f->last.ended_at)
		return r < 0 ? r : -ENOENT;
	r = store_runs_whole(v->store, RUNS_BACK, see_before, f);
	compare_runs(&f->last, f->before, f->n, &f->result);
	return r;
}

int show_compare(struct view *v, const struct node *n, struct buf *out)
{
	_free_ struct found *f = NULL;
	(void)n;
	int r = look(v, &f);
	if (r == -ENOENT) {
		buf_adds(out, "no scan has ended yet\n");
		return 0;
	}
	if (r < 0)
		return r;
	buf_addf(out, "scan %lld (", (long long)f->last.job);
	text_clean(f->last.order, strlen(f->last.order), sizeof f->last.order, out);
	buf_addf(out, ", %s), ended ", f->last.mode);
	doc_time(f->last.ended_at, out);
	buf_addc(out, '\n');
	compare_words(&f->last, &f->result, out);
	return 0;
}

static void json_row(struct json *j, const struct compare_row *row)
{
	json_object(j);
	json_kv_text(j, "key", row->key);
	json_kv_text(j, "help", row->help);
	json_kv_text(j, "unit", *row->unit ? row->unit : "ratio");
	json_kv_real(j, "value", row->value, DIGITS);
	json_kv_real(j, "median", row->median, DIGITS);
	json_kv_real(j, "mad", row->mad, DIGITS);
	json_kv_int(j, "runs", row->runs);
	json_kv_text(j, "verdict", COMPARE_VERDICT_NAMES[row->verdict]);
	json_end_object(j);
}

static void json_found(struct json *j, const struct found *f)
{
	_buf_ struct buf words = BUF_INIT(1 << 14);
	compare_words(&f->last, &f->result, &words);
	json_key(j, "run");
	run_json(j, &f->last);
	json_kv_int(j, "compared_with", f->result.runs);
	json_kv_text(j, "verdict", COMPARE_VERDICT_NAMES[f->result.verdict]);
	json_kv_text(j, "text", buf_str(&words));
	json_key(j, "items");
	json_array(j);
	for (int i = 0; i < COMPARED_COUNT; i++)
		json_row(j, &f->result.row[i]);
	json_end_array(j);
	json_kv_int(j, "count", COMPARED_COUNT);
}

int show_compare_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	_free_ struct found *f = NULL;
	(void)n;
	int r = look(v, &f);
	if (r < 0 && r != -ENOENT)
		return r;
	doc_begin(&j, out, v, "compare", OF_COMPARE, 0);
	if (r == 0) {
		json_found(&j, f);
	} else {
		json_key(&j, "run");
		json_null(&j);
		json_key(&j, "items");
		json_array(&j);
		json_end_array(&j);
		json_kv_int(&j, "count", 0);
	}
	json_end_object(&j);
	return 0;
}
