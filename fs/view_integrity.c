/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/integrity: which files were read to their end, and which of them are damaged. */
#include <pthread.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/path.h"
#include "common/store_integrity.h"
#include "fs/counted.h"
#include "fs/views.h"

struct bad_rows {
	struct json *j;
	struct table *t;
	struct buf *csv;
	int64_t count;
};

struct numbers {
	struct store_integrity audio, archives;
	/** In that hour, and how much of the budget. */
	int64_t hour, used;
	bool is_paused;
};

/** What is counted of all files (counted.h). */
static struct {
	pthread_mutex_t lock;
	/* protected by lock: */
	struct counted when;
	struct store_integrity audio, archives;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

/** What is off is waited for by nobody. */
static bool is_off(struct view *v, enum option_id mode)
{
	return strcmp(config_text(v->config, mode), "off") == 0;
}

static void wait_no_more(struct store_integrity *s)
{
	s->waiting = s->waiting_bytes = 0;
}

static int count(struct view *v, struct numbers *n)
{
	const bool audio_is_off = is_off(v, OPT_verify_audio), archives_are_off = is_off(v, OPT_verify_archives);
	const unsigned topics = OF_INTEGRITY & ~(unsigned)TOPIC_BIT(jobs);
	LOCKED(&all.lock);
	if (!counted_serves(v, topics, &all.when)) {
		struct counted when;
		counted_begin(v, topics, &when);
		int r = store_integrity_counts(v->store, !audio_is_off || !archives_are_off, &all.audio, &all.archives);
		counted_end(&when);
		all.when = r < 0 ? (struct counted){0} : when;
		if (r < 0)
			return r;
	}
	n->audio = all.audio;
	n->archives = all.archives;
	if (audio_is_off)
		wait_no_more(&n->audio);
	if (archives_are_off)
		wait_no_more(&n->archives);
	return 0;
}

static int load_numbers(struct view *v, struct numbers *n)
{
	char text[64] = "";
	long long hour = 0, used = 0;
	*n = (struct numbers){0};
	int r = v->store ? count(v, n) : 0;
	if (r < 0 || !v->store)
		return r;
	store_meta(v->store, "integrity_hour", text, sizeof text);
	if (sscanf(text, "%lld %lld", &hour, &used) == 2) {
		n->hour = hour * 3600 * NS_PER_S;
		n->used = used;
	}
	store_meta(v->store, "integrity_paused", text, sizeof text);
	n->is_paused = strcmp(text, "on") == 0;
	return 0;
}

static void path_of(const struct store_bad *row, struct buf *out)
{
	_buf_ struct buf below = BUF_INIT(1 << 17);
	path_join(row->dir.data, row->dir.len, row->name.data, row->name.len, &below);
	path_join(row->root.data, row->root.len, buf_str(&below), below.len, out);
}

/* --- JSON --- */

static void json_kind(struct json *j, const char *key, const char *mode, const struct store_integrity *s)
{
	json_key(j, key);
	json_object(j);
	json_kv_text(j, "mode", mode);
	json_kv_int(j, "waiting", s->waiting);
	json_kv_int(j, "waiting_bytes", s->waiting_bytes);
	int64_t verified = 0;
	for (int v = 0; v < VERDICT_COUNT; v++)
		verified += s->files[v];
	json_kv_int(j, "verified", verified);
	json_kv_int(j, "verified_bytes", s->bytes);
	for (int v = 0; v < VERDICT_COUNT; v++)
		json_kv_int(j, VERDICT_NAMES[v], s->files[v]);
	json_kv_time(j, "oldest_verified_at", s->oldest);
	json_end_object(j);
}

static int json_bad(void *arg, const struct store_bad *row)
{
	struct bad_rows *r = arg;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	path_of(row, &path);
	r->count++;
	json_object(r->j);
	json_kv_path(r->j, "path", buf_str(&path), path.len);
	json_kv_text(r->j, "verdict", VERDICT_NAMES[row->verdict]);
	json_kv_text(r->j, "reason", row->reason);
	json_kv_text(r->j, "checked", row->how);
	json_kv_int(r->j, "bytes", row->size);
	json_kv_time(r->j, "since", row->since);
	json_kv_time(r->j, "verified_at", row->verified_at);
	json_end_object(r->j);
	return 0;
}

int show_integrity_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct bad_rows r = {.j = &j};
	struct numbers s;
	(void)n;
	int e = load_numbers(v, &s);
	doc_begin(&j, out, v, "integrity", OF_INTEGRITY, VIEW_AWAY);
	json_kind(&j, "archives", config_text(v->config, OPT_verify_archives), &s.archives);
	json_kind(&j, "audio", config_text(v->config, OPT_verify_audio), &s.audio);
	json_key(&j, "budget");
	json_object(&j);
	json_kv_int(&j, "bytes_per_hour", config_int(v->config, OPT_verify_budget));
	json_kv_time(&j, "hour", s.hour);
	json_kv_int(&j, "used_bytes", s.used);
	json_end_object(&j);
	json_kv_bool(&j, "is_paused", s.is_paused);
	json_key(&j, "items");
	json_array(&j);
	if (e == 0 && v->store)
		e = store_integrity_bad(v->store, json_bad, &r);
	return e < 0 ? e : doc_list_end(&j, r.count);
}

/* --- text --- */

static int text_bad(void *arg, const struct store_bad *row)
{
	struct bad_rows *r = arg;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	path_of(row, &path);
	table_cells(r->t, VERDICT_NAMES[row->verdict]);
	doc_time_cell(r->t, row->since);
	doc_time_cell(r->t, row->verified_at);
	table_cell(r->t, buf_str(&path), path.len);
	table_cells(r->t, row->reason);
	return 0;
}

static void text_kind(struct buf *out, const char *name, const char *mode, const struct store_integrity *s)
{
	buf_addf(out, "# %s (%s): ", name, mode);
	for (int v = 0; v < VERDICT_COUNT; v++)
		buf_addf(out, "%lld %s, ", (long long)s->files[v], VERDICT_NAMES[v]);
	buf_addf(out, "%lld waiting", (long long)s->waiting);
	if (s->waiting) {
		buf_adds(out, " (");
		human_bytes((uint64_t)s->waiting_bytes, out);
		buf_addc(out, ')');
	}
	if (s->oldest) {
		buf_adds(out, "; oldest ");
		doc_time(s->oldest, out);
	}
	buf_addc(out, '\n');
}

int show_integrity(struct view *v, const struct node *n, struct buf *out)
{
	static const char *const head[] = {"verdict", "since", "verified", "path", "reason"};
	struct table t;
	struct bad_rows r = {.t = &t};
	struct numbers s;
	(void)n;
	int e = load_numbers(v, &s);
	table_open(&t, head, COUNT_OF(head));
	if (e == 0 && v->store)
		e = store_integrity_bad(v->store, text_bad, &r);
	doc_end_table(&t, out);
	text_kind(out, "archives", config_text(v->config, OPT_verify_archives), &s.archives);
	text_kind(out, "audio", config_text(v->config, OPT_verify_audio), &s.audio);
	buf_adds(out, "# read in the hour of ");
	doc_time(s.hour, out);
	buf_adds(out, ": ");
	human_bytes((uint64_t)s.used, out);
	buf_adds(out, " of ");
	human_bytes((uint64_t)config_int(v->config, OPT_verify_budget), out);
	buf_adds(out, s.is_paused ? "; paused\n" : "\n");
	doc_away(out, v);
	return e;
}

/* --- CSV --- */

static int csv_bad(void *arg, const struct store_bad *row)
{
	struct bad_rows *r = arg;
	_buf_ struct buf path = BUF_INIT(1 << 17);
	path_of(row, &path);
	csv_text(r->csv, buf_str(&path), path.len);
	buf_addf(r->csv, ",%s,", VERDICT_NAMES[row->verdict]);
	csv_text(r->csv, row->reason, strlen(row->reason));
	buf_addc(r->csv, ',');
	csv_text(r->csv, row->how, strlen(row->how));
	buf_addf(r->csv, ",%lld,", (long long)row->size);
	time_rfc3339(row->since, r->csv);
	buf_addc(r->csv, ',');
	time_rfc3339(row->verified_at, r->csv);
	buf_adds(r->csv, "\r\n");
	return 0;
}

int show_integrity_csv(struct view *v, const struct node *n, struct buf *out)
{
	struct bad_rows r = {.csv = out};
	(void)n;
	buf_adds(out, "path,verdict,reason,checked,bytes,since,verified_at\r\n");
	return v->store ? store_integrity_bad(v->store, csv_bad, &r) : 0;
}

/* --- metrics --- */

int show_integrity_metrics(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	struct numbers s;
	const struct live_values *l = &v->mood.live;
	double seconds = (double)(v->mood.at[1] - (int64_t)l->started_at) / 1e9;
	(void)n;
	int e = load_numbers(v, &s);
	doc_begin(&j, out, v, "integrity-metrics", OF_INTEGRITY, MOODY);
	json_kv_time(&j, "started_at", (int64_t)l->started_at);
	json_kv_int(&j, "files_verified", (int64_t)l->verified_files);
	json_kv_int(&j, "bytes_verified", (int64_t)l->verified_bytes);
	json_kv_int(&j, "corrupt_found", (int64_t)l->verified_corrupt);
	json_kv_real(&j, "bytes_per_second", seconds > 0 ? (double)l->verified_bytes / seconds : 0, 1);
	json_kv_int(&j, "files_waiting", s.archives.waiting + s.audio.waiting);
	json_kv_int(&j, "bytes_waiting", s.archives.waiting_bytes + s.audio.waiting_bytes);
	json_end_object(&j);
	return e;
}
