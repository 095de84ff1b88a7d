/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/summary and status/health: is all well, and what needs a human. */
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_find.h"
#include "fs/views.h"

enum {
	/** How long a recovery is told. */
	RECOVERY_SHOWN_S = 24 * 3600,
};

/* --- health --- */

struct health {
	struct view *v;
	/** Sentences, each ended by '\n'. */
	struct buf reasons;
	bool is_failed;
};

static int check_mount(void *arg, const struct store_mount *row)
{
	struct health *h = arg;
	if (strcmp(row->state, "present") == 0)
		return 0;
	buf_adds(&h->reasons, "the disk mounted at ");
	text_escape(row->path.data, row->path.len, &h->reasons);
	buf_addf(&h->reasons, " is %s: %s\n", row->state, row->reason);
	return 0;
}

static int check_root(void *arg, const struct store_root *row)
{
	struct health *h = arg;
	if (strstr(row->watch, "no watch left"))
		buf_addf(&h->reasons, "folder %s is watched in part: %s\n", row->name, row->watch);
	if (strcmp(row->state, "present") == 0 || (strcmp(row->state, "empty") == 0 && !row->files) ||
	    (strcmp(row->state, "unknown") == 0 && strcmp(row->reason, "not looked at yet") == 0))
		return 0;
	buf_addf(&h->reasons, "folder %s (", row->name);
	text_escape(row->path.data, row->path.len, &h->reasons);
	buf_addf(&h->reasons, ") is %s: %s\n", row->state, row->reason);
	return 0;
}

static int check_source(void *arg, const struct store_feed *f)
{
	struct health *h = arg;
	if (strcmp(f->outcome, "failed") != 0 && strcmp(f->outcome, "unusable") != 0)
		return 0;
	buf_addf(&h->reasons, "%s %s: ", f->source,
		 *f->outcome == 'f' ? "does not answer" : "cannot be used");
	text_escape(f->error, strlen(f->error), &h->reasons);
	buf_addc(&h->reasons, '\n');
	return 0;
}

static int64_t meta_number(struct view *v, const char *name)
{
	char text[24] = "";
	if (v->store)
		store_meta(v->store, name, text, sizeof text);
	return strtoll(text, NULL, 10);
}

/** Copies that fail, and a recovery of the last day: as of the heartbeat, so that a version of
 * this text has one content. */
static void check_store(struct view *v, struct health *h)
{
	char text[1024] = "";
	int64_t recovered_at = meta_number(v, "recovered_at");
	if ((int64_t)v->mood.live.heartbeat_at - recovered_at < RECOVERY_SHOWN_S * NS_PER_S) {
		store_meta(v->store, "recovered", text, sizeof text);
		if (*text)
			buf_addf(&h->reasons, "%s\n", text);
	}
	store_meta(v->store, "backup_error", text, sizeof text);
	if (*text)
		buf_addf(&h->reasons, "the index cannot be copied to backups: %s\n", text);
}

/** It says so through the live page, because the store cannot take it. */
static void check_writing(const struct view *v, struct health *h)
{
	int error = (int)v->mood.live.write_error;
	if (error && v->mood.state == INDEXER_RUNNING)
		buf_addf(&h->reasons,
			 "the store cannot be written: %s (it is tried again all the time; what is known "
			 "can be read)\n",
			 strerror(error));
}

static void check_health(struct view *v, struct health *h)
{
	*h = (struct health){.v = v, .reasons = BUF_INIT(1 << 20)};
	if (v->mood.state == INDEXER_AWAY || v->mood.state == INDEXER_SILENT) {
		h->is_failed = true;
		buf_adds(&h->reasons, v->mood.state == INDEXER_AWAY
					      ? "the indexer is away: nothing is updated\n"
					      : "the indexer does not answer: nothing is updated\n");
	}
	if (v->mood.state == INDEXER_STARTING)
		buf_adds(&h->reasons, "the indexer is starting\n");
	check_writing(v, h);
	if (!v->store) {
		if (v->error)
			buf_addf(&h->reasons, "the index cannot be read: %s\n", strerror(-v->error));
		else
			buf_adds(&h->reasons, "there is no index yet\n");
		return;
	}
	struct store_counts c;
	store_roots(v->store, check_root, h);
	store_mounts(v->store, check_mount, h);
	if (store_counts(v->store, &c) == 0 && c.errors)
		buf_addf(&h->reasons, "%lld files or folders cannot be read (status/errors)\n",
			 (long long)c.errors);
	check_store(v, h);
	store_feeds(v->store, check_source, h);
}

static const char *health_word(const struct health *h)
{
	return h->is_failed ? "failed" : h->reasons.len ? "degraded" : "ok";
}

static void json_sentences(struct json *j, const char *key, const char *lines)
{
	json_key(j, key);
	json_array(j);
	while (*lines) {
		size_t n = strcspn(lines, "\n");
		json_text(j, lines, n);
		lines += n + (lines[n] != '\0');
	}
	json_end_array(j);
}

static void json_indexer(struct json *j, const struct view *v)
{
	json_key(j, "indexer");
	json_object(j);
	json_kv_text(j, "state", indexer_state_name(v->mood.state));
	json_kv_time(j, "heartbeat_at", (int64_t)v->mood.live.heartbeat_at);
	json_kv_int(j, "pid", (int64_t)v->mood.live.pid);
	json_end_object(j);
}

int show_health_json(struct view *v, const struct node *n, struct buf *out)
{
	struct health h;
	struct json j;
	(void)n;
	check_health(v, &h);
	doc_begin(&j, out, v, "health", OF_HEALTH, MOODY);
	json_kv_text(&j, "state", health_word(&h));
	json_sentences(&j, "reasons", buf_str(&h.reasons));
	json_indexer(&j, v);
	json_kv_time(&j, "last_backup_at", meta_number(v, "backup_at"));
	json_end_object(&j);
	buf_clear(&h.reasons);
	return 0;
}

int show_health(struct view *v, const struct node *n, struct buf *out)
{
	struct health h;
	(void)n;
	check_health(v, &h);
	buf_addf(out, "# %s\n", health_word(&h));
	buf_adds(out, buf_str(&h.reasons));
	buf_adds(out, "heartbeat ");
	doc_time((int64_t)v->mood.live.heartbeat_at, out);
	buf_adds(out, "\nbackup    ");
	doc_time(meta_number(v, "backup_at"), out);
	buf_addc(out, '\n');
	buf_clear(&h.reasons);
	return 0;
}

/* --- summary --- */

struct totals {
	struct store_counts c;
	int64_t running, queued, links;
	/** Finds that nobody has asked for. */
	int64_t found;
};

static void add_totals(struct view *v, struct totals *t)
{
	*t = (struct totals){0};
	if (!v->store)
		return;
	store_counts(v->store, &t->c);
	status_count_jobs(v, &t->running, &t->queued);
	store_request_count(v->store, "found", &t->found);
}

/** What needs a human, in sentences. */
static void attention(struct view *v, const struct totals *t, struct buf *out)
{
	struct health h;
	check_health(v, &h);
	buf_adds(out, buf_str(&h.reasons));
	buf_clear(&h.reasons);
	if (t->c.missing)
		buf_addf(out, "%lld volumes are missing (status/missing)\n", (long long)t->c.missing);
	if (t->found)
		buf_addf(out, "%lld of them %s found, and wait%s for a grab (status/requests)\n",
			 (long long)t->found, t->found == 1 ? "was" : "were", t->found == 1 ? "s" : "");
}

static void json_links(struct json *j, int64_t total)
{
	static const char *const states[] = {"ok", "suspect", "broken", "held", "unknown", "foreign"};
	json_key(j, "links");
	json_object(j);
	json_kv_int(j, "total", total);
	for (size_t i = 0; i < COUNT_OF(states); i++)
		json_kv_int(j, states[i], 0);
	json_end_object(j);
}

int show_summary_json(struct view *v, const struct node *n, struct buf *out)
{
	struct totals t;
	struct json j;
	_buf_ struct buf sentences = BUF_INIT(1 << 20);
	(void)n;
	add_totals(v, &t);
	attention(v, &t, &sentences);
	doc_begin(&j, out, v, "summary", OF_SUMMARY, MOODY);
	json_key(&j, "music");
	json_object(&j);
	json_kv_int(&j, "tracks", t.c.tracks);
	json_kv_int(&j, "albums", t.c.albums);
	json_kv_int(&j, "artists", t.c.artists);
	json_kv_int(&j, "bytes", t.c.music_bytes);
	json_kv_real(&j, "duration_seconds", t.c.music_seconds, 3);
	json_end_object(&j);
	json_key(&j, "manga");
	json_object(&j);
	json_kv_int(&j, "series", t.c.series);
	json_kv_int(&j, "volumes", t.c.volumes);
	json_kv_int(&j, "chapters", t.c.chapters);
	json_kv_int(&j, "missing", t.c.missing);
	json_kv_int(&j, "bytes", t.c.manga_bytes);
	json_end_object(&j);
	json_links(&j, t.links);
	json_kv_int(&j, "errors", t.c.errors);
	json_key(&j, "jobs");
	json_object(&j);
	json_kv_int(&j, "running", t.running);
	json_kv_int(&j, "queued", t.queued);
	json_end_object(&j);
	json_indexer(&j, v);
	json_sentences(&j, "attention", buf_str(&sentences));
	json_end_object(&j);
	return 0;
}

int show_summary(struct view *v, const struct node *n, struct buf *out)
{
	struct totals t;
	(void)n;
	add_totals(v, &t);
	buf_adds(out, "# mediamon: ");
	buf_addf(out, "the indexer is %s\n", indexer_state_name(v->mood.state));
	buf_addf(out, "music    %lld tracks, %lld albums, %lld artists, ", (long long)t.c.tracks,
		 (long long)t.c.albums, (long long)t.c.artists);
	human_bytes((uint64_t)t.c.music_bytes, out);
	buf_adds(out, ", ");
	human_duration(t.c.music_seconds, out);
	buf_addf(out, "\nmanga    %lld series, %lld volumes, %lld chapters, %lld missing, ",
		 (long long)t.c.series, (long long)t.c.volumes, (long long)t.c.chapters,
		 (long long)t.c.missing);
	human_bytes((uint64_t)t.c.manga_bytes, out);
	buf_addf(out, "\nerrors   %lld\njobs     %lld running, %lld queued\n\n", (long long)t.c.errors,
		 (long long)t.running, (long long)t.queued);
	size_t before = out->len;
	attention(v, &t, out);
	if (out->len == before)
		buf_adds(out, "nothing needs you\n");
	doc_away(out, v);
	return 0;
}
