/* SPDX-License-Identifier: GPL-3.0-or-later */
/** status/summary and status/health: is all well, and what needs a human. */
#include <stdio.h>
#include <stdlib.h>

#include "common/archives.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_alerts.h"
#include "common/store_find.h"
#include "common/store_repair.h"
#include "fs/links.h"
#include "fs/summary.h"
#include "fs/view_sandbox.h"
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
	/** Conditions that fire: their sentences, and the same as items of a JSON list. */
	struct buf alerts;
	struct json *items;
	int64_t firing;
};

static const struct alert_row *alert_row_of(const char *name)
{
	int i = 0;
	while (i < ALERT_COUNT_OF_ROWS - 1 && strcmp(ALERTS_TABLE[i].name, name) != 0)
		i++;
	return &ALERTS_TABLE[i];
}

/** "alert media_disk (music): …, since 2026-11-21 10:00 (now 90 MiB, limit 1 GiB; status/roots)" */
static void text_alert(const struct store_alert *a, const struct alert_row *row, struct buf *out)
{
	buf_addf(out, "alert %s", a->name);
	if (*a->subject) {
		buf_adds(out, " (");
		text_escape(a->subject, strlen(a->subject), out);
		buf_addc(out, ')');
	}
	buf_addf(out, ": %s, since ", a->text);
	doc_time(a->since, out);
	buf_adds(out, " (");
	if (row->unit != ALERT_FLAG) {
		buf_adds(out, "now ");
		alert_value(row->unit, a->value, out);
		buf_adds(out, ", limit ");
		alert_value(row->unit, a->limit, out);
		buf_adds(out, "; ");
	}
	buf_addf(out, "%s)\n", row->see);
}

static void json_alert(const struct store_alert *a, const struct alert_row *row, struct json *j)
{
	json_object(j);
	json_kv_text(j, "name", a->name);
	json_kv_text(j, "subject", a->subject);
	json_kv_text(j, "text", a->text);
	json_kv_time(j, "since", a->since);
	json_kv_time(j, "fired_at", a->fired_at);
	json_kv_text(j, "unit", ALERT_UNIT_NAMES[row->unit]);
	json_kv_real(j, "value", a->value, 3);
	json_kv_real(j, "limit", a->limit, 3);
	json_kv_text(j, "see", row->see);
	json_end_object(j);
}

static int add_alert(void *arg, const struct store_alert *a)
{
	struct health *h = arg;
	const struct alert_row *row = alert_row_of(a->name);
	h->firing++;
	text_alert(a, row, &h->alerts);
	if (h->items)
		json_alert(a, row, h->items);
	return 0;
}

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
	if (root_is_well(row))
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

/** The debrid mount, unless it was never looked at. */
static int check_debrid_mount(void *arg, const struct store_mount_health *row)
{
	struct health *h = arg;
	if (!*row->state || strcmp(row->state, "healthy") == 0)
		return 0;
	buf_adds(&h->reasons, "the mount ");
	text_escape(row->path, strlen(row->path), &h->reasons);
	buf_addf(&h->reasons, " is %s: ", row->state);
	text_escape(row->reason, strlen(row->reason), &h->reasons);
	buf_adds(&h->reasons, " (no link to it is judged or changed)\n");
	return 0;
}

static int check_account(void *arg, const struct store_torrent_scan *row)
{
	struct health *h = arg;
	if (strcmp(row->state, "stopped") != 0)
		return 0;
	buf_adds(&h->reasons, "Real-Debrid is not asked any more: ");
	text_escape(row->error, strlen(row->error), &h->reasons);
	buf_adds(&h->reasons, " (status/torrents)\n");
	return 0;
}

/** What stands in the way of links and repairs. */
static void check_links(struct view *v, struct health *h)
{
	if (links_are_on(v, NULL))
		store_mount_health(v->store, check_debrid_mount, h);
	if (realdebrid_is_on(v, NULL))
		store_torrent_scan(v->store, "account", check_account, h);
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
	*h = (struct health){.v = v, .reasons = BUF_INIT(1 << 20), .alerts = BUF_INIT(1 << 20)};
	if (v->mood.state == INDEXER_AWAY || v->mood.state == INDEXER_SILENT) {
		h->is_failed = true;
		buf_adds(&h->reasons, v->mood.state == INDEXER_AWAY
					      ? "the indexer is away: nothing is updated\n"
					      : "the indexer does not answer: nothing is updated\n");
	}
	if (v->mood.state == INDEXER_STARTING)
		buf_adds(&h->reasons, "the indexer is starting\n");
	check_writing(v, h);
	if (v->mood.state == INDEXER_RUNNING)
		sandbox_complain(v->mood.live.sandbox, &h->reasons);
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
	check_links(v, h);
	store_alerts(v->store, add_alert, h);
}

static void clear_health(struct health *h)
{
	buf_clear(&h->reasons);
	buf_clear(&h->alerts);
}

static const char *health_word(const struct health *h)
{
	return h->is_failed ? "failed" : h->reasons.len || h->firing ? "degraded" : "ok";
}

const char *summary_health(struct view *v, struct buf *reasons)
{
	struct health h;
	check_health(v, &h);
	buf_adds(reasons, buf_str(&h.reasons));
	buf_adds(reasons, buf_str(&h.alerts));
	const char *word = health_word(&h);
	clear_health(&h);
	return word;
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

/** Sentences about what is as it was asked for: nothing is wrong. */
static void add_notes(const struct view *v, struct buf *out)
{
	unsigned allowed = config_archives(v->config);
	if (allowed == ARCHIVE_ALL)
		return;
	const char *separator = "not opened, because archives switches them off: ";
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		if (allowed & 1U << i)
			continue;
		buf_addf(out, "%s%s", separator, ARCHIVE_WORDS[i]);
		separator = ", ";
	}
	buf_adds(out, " (such files are known by their names alone)\n");
}

/** "unknown" while no indexer runs. */
static void add_sandbox(const struct view *v, struct buf *out)
{
	if (v->mood.state == INDEXER_RUNNING)
		sandbox_describe(v->mood.live.sandbox, out);
	else
		buf_adds(out, "unknown");
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
	buf_reset(&h.reasons);
	add_notes(v, &h.reasons);
	json_sentences(&j, "notes", buf_str(&h.reasons));
	json_key(&j, "alerts");
	json_array(&j);
	h.items = &j;
	if (v->store)
		store_alerts(v->store, add_alert, &h);
	json_end_array(&j);
	json_indexer(&j, v);
	json_kv_time(&j, "last_backup_at", meta_number(v, "backup_at"));
	_buf_ struct buf sandbox = BUF_INIT(256);
	add_sandbox(v, &sandbox);
	json_kv_text(&j, "sandbox", buf_str(&sandbox));
	json_end_object(&j);
	clear_health(&h);
	return 0;
}

int show_health(struct view *v, const struct node *n, struct buf *out)
{
	struct health h;
	(void)n;
	check_health(v, &h);
	buf_addf(out, "# %s\n", health_word(&h));
	buf_adds(out, buf_str(&h.reasons));
	buf_adds(out, buf_str(&h.alerts));
	add_notes(v, out);
	buf_adds(out, "heartbeat ");
	doc_time((int64_t)v->mood.live.heartbeat_at, out);
	buf_adds(out, "\nbackup    ");
	doc_time(meta_number(v, "backup_at"), out);
	buf_adds(out, "\nsandbox   ");
	add_sandbox(v, out);
	buf_addc(out, '\n');
	clear_health(&h);
	return 0;
}

/* --- summary --- */

void summary_read(struct view *v, struct summary *t)
{
	*t = (struct summary){0};
	if (!v->store)
		return;
	store_counts(v->store, &t->c);
	status_count_jobs(v, &t->running, &t->queued);
	store_request_count(v->store, "found", &t->found);
	links_count(v, &t->links);
}

static int say_hold(void *arg, const struct store_link_hold *h)
{
	struct buf *out = arg;
	buf_addf(out, "%lld link%s of ", (long long)h->count, h->count == 1 ? "" : "s");
	text_escape(h->name, strlen(h->name), out);
	return buf_addf(out, " %s held: so many at once are not believed (status/symlinks)\n",
			h->count == 1 ? "is" : "are");
}

static int say_plan(void *arg, const struct store_plan *p)
{
	int64_t doable = p->items - p->held;
	/* one that has nothing to do waits for nobody */
	if (strcmp(p->state, "planned") == 0 && doable > 0)
		buf_addf(arg, "a plan of %lld repair%s waits for you (status/repairs)\n", (long long)doable,
			 doable == 1 ? "" : "s");
	return 0;
}

/** Links whose change was begun and failed. */
static void say_failed_changes(struct view *v, struct buf *out)
{
	int64_t failed = 0;
	if (store_journal_failed(v->store, &failed) == 0 && failed)
		buf_addf(out, "%lld change%s of links failed (status/repairs)\n", (long long)failed,
			 failed == 1 ? "" : "s");
}

static void links_attention(struct view *v, const struct summary *t, struct buf *out)
{
	int64_t broken = t->links.state[LINK_BROKEN];
	if (!v->store)
		return;
	store_link_holds(v->store, say_hold, out);
	if (broken)
		buf_addf(out, "%lld link%s broken (status/symlinks)\n", (long long)broken,
			 broken == 1 ? " is" : "s are");
	store_plan_last(v->store, say_plan, out);
	say_failed_changes(v, out);
}

const char *summary_attention(struct view *v, const struct summary *t, struct buf *out)
{
	const char *word = summary_health(v, out);
	if (t->c.missing)
		buf_addf(out, "%lld volumes are missing (status/missing)\n", (long long)t->c.missing);
	if (t->found)
		buf_addf(out, "%lld of them %s found, and wait%s for a grab (status/requests)\n",
			 (long long)t->found, t->found == 1 ? "was" : "were", t->found == 1 ? "s" : "");
	links_attention(v, t, out);
	return word;
}

int show_summary_json(struct view *v, const struct node *n, struct buf *out)
{
	struct summary t;
	struct json j;
	_buf_ struct buf sentences = BUF_INIT(1 << 20);
	(void)n;
	summary_read(v, &t);
	summary_attention(v, &t, &sentences);
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
	links_json(&j, &t.links);
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

static void text_links(const struct store_symlink_counts *c, struct buf *out)
{
	if (!c->total)
		return;
	buf_addf(out, "\nlinks    %lld:", (long long)c->total);
	for (int s = 0; s < LINK_STATE_COUNT; s++)
		buf_addf(out, "%s %lld %s", s ? "," : "", (long long)c->state[s], LINK_STATE_WORDS[s]);
}

int show_summary(struct view *v, const struct node *n, struct buf *out)
{
	struct summary t;
	(void)n;
	summary_read(v, &t);
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
	text_links(&t.links, out);
	buf_addf(out, "\nerrors   %lld\njobs     %lld running, %lld queued\n\n", (long long)t.c.errors,
		 (long long)t.running, (long long)t.queued);
	size_t before = out->len;
	summary_attention(v, &t, out);
	if (out->len == before)
		buf_adds(out, "nothing needs you\n");
	doc_away(out, v);
	return 0;
}
