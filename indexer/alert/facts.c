/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/alert/facts.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/path.h"
#include "common/render.h"
#include "common/store_chapters.h"
#include "common/store_find.h"
#include "common/store_integrity.h"
#include "common/store_repair.h"
#include "common/store_sample.h"
#include "common/store_symlinks.h"

enum {
	HOUR_S = 3600,
	DAY_S = 24 * HOUR_S,
	/** How often the errors of a day before are looked up. */
	DAY_LOOK_S = 600,
	/** Chapters that are judged, and how few are too few. */
	CHAPTERS = 100,
	CHAPTERS_LEAST = 10,
};

/* --- telling --- */

static const char *keep(struct facts *f, char *text)
{
	char **slot = text ? vec_add(&f->texts) : NULL;
	if (!slot) {
		free(text);
		return "";
	}
	*slot = text;
	return text;
}

void facts_add(struct facts *f, enum alert_id id, const char *subject, double value, const char *format, ...)
{
	_buf_ struct buf text = BUF_INIT(1 << 16), safe = BUF_INIT(1 << 18);
	va_list args;
	va_start(args, format);
	buf_addv(&text, format, args);
	va_end(args);
	/* names of files and words of services: nothing in them may move a terminal */
	text_escape(buf_str(&text), text.len, &safe);
	struct alert_fact *fact = vec_add(&f->told.fact);
	if (!fact)
		return;
	*fact = (struct alert_fact){.id = id, .value = value};
	fact->subject = keep(f, strdup(subject));
	fact->text = keep(f, strdup(buf_str(&safe)));
}

void facts_answered(struct facts *f, enum alert_id id, int r)
{
	f->told.answered[id] = r >= 0;
}

static double gauge(const struct facts *f, enum gauge_id id)
{
	return f->gauges.value[id];
}

/* --- roots --- */

static bool is_state(const char *state, const char *word)
{
	return strcmp(state, word) == 0;
}

static double is_away(const char *state, const char *reason, bool has_files)
{
	if (is_state(state, "present") || is_state(state, "frozen") || (is_state(state, "empty") && !has_files))
		return 0;
	return is_state(state, "unknown") && strcmp(reason, "not looked at yet") == 0 ? NAN : 1;
}

/** What is held of one that is away is told with that. */
static double held_of(const char *state, int64_t held)
{
	return is_state(state, "present") || is_state(state, "frozen") ? (double)held : NAN;
}

/** What is mounted below a root. */
struct below {
	struct facts *f;
	const struct store_root *root;
};

static int on_mount(void *arg, const struct store_mount *row)
{
	const struct below *b = arg;
	_buf_ struct buf name = BUF_INIT(1 << 17), path = BUF_INIT(1 << 17);
	if (row->root != b->root->id)
		return 0;
	buf_addf(&name, "%s:", b->root->name);
	buf_add(&name, row->path.data, row->path.len);
	path_join(b->root->path.data, b->root->path.len, row->path.data, row->path.len, &path);
	facts_add(b->f, ALERT_root_absent, buf_str(&name), is_away(row->state, row->reason, true),
		  "the disk mounted at %s is %s: %s", buf_str(&path), row->state, row->reason);
	facts_add(b->f, ALERT_root_held, buf_str(&name), held_of(row->state, row->held),
		  "%" PRId64 " files of the disk mounted at %s are held", row->held, buf_str(&path));
	return 0;
}

static int on_root(void *arg, const struct store_root *row)
{
	struct facts *f = arg;
	struct below below = {f, row};
	facts_add(f, ALERT_root_absent, row->name, is_away(row->state, row->reason, row->files != 0),
		  "folder %s (%.*s) is %s%s%s", row->name, (int)row->path.len, row->path.data, row->state,
		  *row->reason ? ": " : "", row->reason);
	facts_add(f, ALERT_root_held, row->name, held_of(row->state, row->held),
		  "%" PRId64 " files of folder %s are held: so many vanished at once that a person has to say whether "
		  "they did",
		  row->held, row->name);
	return store_mounts(f->store, on_mount, &below);
}

static int on_hold(void *arg, const struct store_link_hold *row)
{
	struct facts *f = arg;
	_buf_ struct buf name = BUF_INIT(1 << 10);
	buf_addf(&name, "%s (links)", row->name);
	facts_add(f, ALERT_root_held, buf_str(&name), (double)row->count, "%" PRId64 " links of %s are held", row->count,
		  row->name);
	return 0;
}

static void look_at_roots(struct facts *f)
{
	int r = store_roots(f->store, on_root, f);
	facts_answered(f, ALERT_root_absent, r);
	int h = store_link_holds(f->store, on_hold, f);
	facts_answered(f, ALERT_root_held, r < 0 ? r : h);
}

/* --- disks --- */

static int on_disk(void *arg, const struct store_disk *row)
{
	struct facts *f = arg;
	_buf_ struct buf room = BUF_INIT(64);
	human_bytes((uint64_t)row->free_bytes, &room);
	facts_add(f, ALERT_media_disk, row->name, (double)row->free_bytes, "the disk of folder %s has room for %s",
		  row->name, buf_str(&room));
	return 0;
}

static void look_at_disks(struct facts *f)
{
	_buf_ struct buf room = BUF_INIT(64);
	double free_bytes = gauge(f, GAUGE_disk_free_bytes);
	alert_value(ALERT_BYTES, free_bytes, &room);
	facts_add(f, ALERT_state_disk, "", free_bytes, "the disk of the state directory has room for %s", buf_str(&room));
	facts_answered(f, ALERT_media_disk, store_disks(f->store, on_disk, f));
}

/* --- what is counted --- */

static int take_errors(void *arg, int64_t at, const double *value)
{
	struct facts *f = arg;
	(void)at;
	if (!isnan(*value))
		f->errors_before = *value;
	return 0;
}

static void look_at_errors(struct facts *f)
{
	static const enum gauge_id which[] = {GAUGE_errors};
	int64_t before = f->now - DAY_S * NS_PER_S;
	if (!f->day_at || f->now < f->day_at || f->now - f->day_at > DAY_LOOK_S * NS_PER_S) {
		f->day_at = f->now;
		f->errors_before = NAN;
		/* the last hour known that is a day old, or a little more */
		store_samples(f->store, SAMPLE_HOUR, which, 1, before - 2 * HOUR_S * NS_PER_S, before, take_errors, f);
	}
	double grown = gauge(f, GAUGE_errors) - f->errors_before;
	facts_add(f, ALERT_errors_growing, "", grown, "%.0f files or folders cannot be read, %.0f more than a day ago",
		  gauge(f, GAUGE_errors), grown);
}

static void look_at_counts(struct facts *f)
{
	double corrupt = gauge(f, GAUGE_corrupt), broken = gauge(f, GAUGE_links_broken);
	facts_add(f, ALERT_volumes_corrupt, "", corrupt, "%.0f %s corrupt", corrupt, corrupt == 1 ? "file is" : "files are");
	facts_add(f, ALERT_links_broken, "", broken, "%.0f links are broken", broken);
	look_at_errors(f);
}

/* --- the world --- */

static int on_account(void *arg, const struct store_torrent_scan *row)
{
	facts_add(arg, ALERT_account_stopped, "", is_state(row->state, "stopped"),
		  "Real-Debrid is not asked any more: %s", row->error);
	return 0;
}

static int on_host(void *arg, const struct limit_status *s)
{
	struct facts *f = arg;
	double used = s->rule.per_day > 0 ? 100 * (double)s->row.used_day / s->rule.per_day : NAN;
	/* a day that is over counts no more; a host that was not asked since has the row of that day */
	bool is_today = s->row.day == f->now / (DAY_S * NS_PER_S);
	facts_add(f, ALERT_api_budget, s->row.name, is_today || isnan(used) ? used : 0,
		  "%s: %" PRId64 " of %d calls that a day allows are used", s->row.name, s->row.used_day,
		  s->rule.per_day);
	facts_add(f, ALERT_api_refusals, s->row.name, is_today ? (double)s->row.refused_day : 0,
		  "%s refused %" PRId64 " calls today", s->row.name, s->row.refused_day);
	return 0;
}

static void look_at_requests(struct facts *f)
{
	int64_t n = 0, since = 0;
	_buf_ struct buf age = BUF_INIT(64);
	int r = store_handed_stuck(f->store, &n, &since);
	double seconds = n && since < f->now ? (double)(f->now - since) / NS_PER_S : 0;
	human_duration(seconds, &age);
	if (r == 0)
		facts_add(f, ALERT_requests_stuck, "", seconds,
			  "of %" PRId64 " downloads that were handed over one stands still for %s", n, buf_str(&age));
	facts_answered(f, ALERT_requests_stuck, r);
}

static void look_at_world(struct facts *f)
{
	/* what was known of an account that is not used any more is no news */
	bool is_used = *config_text(f->config, OPT_realdebrid_token) != '\0';
	int r = is_used ? store_torrent_scan(f->store, "account", on_account, f) : -ENOENT;
	facts_answered(f, ALERT_account_stopped, r == -ENOENT ? 0 : r);
	r = f->limit ? limit_each(f->limit, f->now, on_host, f) : -ENOENT;
	facts_answered(f, ALERT_api_budget, r);
	facts_answered(f, ALERT_api_refusals, r);
	look_at_requests(f);
}

/* --- ourselves --- */

static int64_t meta_number(struct facts *f, const char *name)
{
	char text[24] = "";
	store_meta(f->store, name, text, sizeof text);
	return strtoll(text, NULL, 10);
}

static void look_at_backups(struct facts *f)
{
	char error[512] = "";
	int64_t at = meta_number(f, "backup_at"), interval = config_int(f->config, OPT_backup_interval);
	_buf_ struct buf text = BUF_INIT(64);
	int r = store_meta(f->store, "backup_error", error, sizeof error);
	facts_add(f, ALERT_backup_failing, "", r < 0 ? NAN : *error != '\0', "the index cannot be copied to backups: %s",
		  error);
	double age = (double)(f->now - at) / NS_PER_S;
	bool is_late = interval && at && age > 2 * (double)interval / NS_PER_S;
	human_duration(age > 0 ? age : 0, &text);
	facts_add(f, ALERT_backup_old, "", is_late ? age : 0, "the last copy of the index is %s old", buf_str(&text));
}

bool facts_add_start(struct facts *f, const char *kept, int64_t started_at)
{
	char *end;
	f->starts = 0;
	for (int64_t at; (at = strtoll(kept, &end, 10)) > 0 && end != kept; kept = end) {
		if (f->starts == FACTS_STARTS)
			memmove(f->start, f->start + 1, --f->starts * sizeof *f->start);
		f->start[f->starts++] = at;
	}
	/* other parts may start anew within one start */
	if (f->starts && f->start[f->starts - 1] == started_at)
		return false;
	if (f->starts == FACTS_STARTS)
		memmove(f->start, f->start + 1, --f->starts * sizeof *f->start);
	f->start[f->starts++] = started_at;
	return true;
}

void facts_starts(const struct facts *f, struct buf *out)
{
	for (size_t i = 0; i < f->starts; i++)
		buf_addf(out, "%s%" PRId64, i ? " " : "", f->start[i]);
}

static void look_at_starts(struct facts *f)
{
	int n = 0;
	for (size_t i = 0; i < f->starts; i++)
		n += f->start[i] <= f->now && f->now - f->start[i] < HOUR_S * NS_PER_S;
	facts_add(f, ALERT_restarts, "", n, "the indexer was started %d times within an hour", n);
}

static void look_at_workers(struct facts *f, const struct live_values *live)
{
	size_t old = 0;
	if (f->started_at != live->started_at)
		f->restarts_len = 0;
	f->started_at = live->started_at;
	/* a clock that was set back begins anew, too */
	if (f->restarts_len && f->restarts[f->restarts_len - 1].at > f->now)
		f->restarts_len = 0;
	/* one that is an hour old or older is what the hour began with, however seldom there is a look */
	while (old + 1 < f->restarts_len && f->now - f->restarts[old + 1].at >= HOUR_S * NS_PER_S)
		old++;
	f->restarts_len -= old;
	memmove(f->restarts, f->restarts + old, f->restarts_len * sizeof *f->restarts);
	if (!f->restarts_len || (f->restarts_len < FACTS_MINUTES &&
				 f->now - f->restarts[f->restarts_len - 1].at >= HOUR_S / 60 * NS_PER_S)) {
		f->restarts[f->restarts_len].at = f->now;
		f->restarts[f->restarts_len++].count = live->worker_restarts;
	}
	double n = (double)(live->worker_restarts - f->restarts[0].count);
	facts_add(f, ALERT_workers_dying, "", n, "%.0f processes that read files were replaced within an hour", n);
}

/* --- chapters --- */

struct chapter_ends {
	int ok, failed, abandoned;
};

static int on_chapter(void *arg, const struct store_chapter *row)
{
	struct chapter_ends *n = arg;
	n->ok += is_state(row->state, "ok");
	n->failed += is_state(row->state, "failed");
	n->abandoned += is_state(row->state, "abandoned");
	return 0;
}

static void look_at_chapters(struct facts *f)
{
	struct chapter_ends n = {0};
	int r = store_chapters_of(f->store, PRODUCER_BIT(scraper), CHAPTERS, on_chapter, &n);
	int ended = n.ok + n.failed;
	if (r == 0) {
		facts_add(f, ALERT_chapter_failures, "", ended >= CHAPTERS_LEAST ? 100.0 * n.failed / ended : 0,
			  "%d of the last %d chapters failed", n.failed, ended);
		facts_add(f, ALERT_chapters_abandoned, "", n.abandoned,
			  "%d of the last %d chapters were abandoned by who fetched them", n.abandoned, CHAPTERS);
	}
	facts_answered(f, ALERT_chapter_failures, r);
	facts_answered(f, ALERT_chapters_abandoned, r);
}

/* --- all --- */

static void begin(struct facts *f)
{
	for (size_t i = 0; i < f->texts.len; i++)
		free(f->texts.data[i]);
	f->texts.len = 0;
	f->told.fact.len = 0;
	memset(f->told.answered, 0, sizeof f->told.answered);
}

const struct alert_facts *facts_look(struct facts *f, const struct live_values *live, int64_t now)
{
	f->now = now;
	begin(f);
	bool is_open = store_begin_read(f->store) == 0;
	f->has_gauges = is_open && gauges_read(&f->gauges, f->store, live, now) >= 0;
	if (!f->has_gauges)
		for (int i = 0; i < GAUGE_COUNT; i++)
			f->gauges.value[i] = NAN;
	if (is_open) {
		look_at_roots(f);
		look_at_disks(f);
		look_at_counts(f);
		look_at_world(f);
		look_at_backups(f);
		look_at_chapters(f);
		facts_of_scans(f);
		store_end(f->store);
	}
	facts_add(f, ALERT_store_unwritable, "", live->write_error != 0, "the index cannot be written: %s",
		  strerror((int)live->write_error));
	look_at_starts(f);
	look_at_workers(f, live);
	return &f->told;
}

void facts_free(struct facts *f)
{
	begin(f);
	vec_clear(&f->texts);
	vec_clear(&f->told.fact);
}
