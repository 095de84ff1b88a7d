/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Where the values of common/gauges.h come from: a row for each that is simply read. */
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/cleanup.h"
#include "common/gauges.h"
#include "common/live.h"
#include "common/store_alerts.h"
#include "common/store_chapters.h"
#include "common/store_find.h"
#include "common/store_integrity.h"
#include "common/store_rows.h"
#include "common/store_symlinks.h"
#include "common/store_tally.h"

static void set(struct gauges *g, enum gauge_id id, double v)
{
	g->value[id] = v;
}

/** Adds to what may not be known yet. */
static void add(struct gauges *g, enum gauge_id id, double v)
{
	g->value[id] = isnan(g->value[id]) ? v : g->value[id] + v;
}

/* --- kept counts --- */

/** Adds up rows, or their sums; key NULL: of every key that no other row names.  GAUGE_COUNT: rows that are over. */
static const struct counted {
	enum gauge_id gauge;
	enum tally_id tally;
	const char *key;
	bool is_sum;
	double scale;
} counted[] = {
	{GAUGE_tracks, TALLY_track, NULL, false, 1},
	{GAUGE_music_seconds, TALLY_track, NULL, true, 1e-3},
	{GAUGE_albums, TALLY_album, NULL, false, 1},
	{GAUGE_artists, TALLY_artist, NULL, true, 1},
	{GAUGE_series, TALLY_series, NULL, false, 1},
	{GAUGE_chapters, TALLY_volume, "chapter", false, 1},
	{GAUGE_volumes, TALLY_volume, NULL, false, 1},
	{GAUGE_missing_interior, TALLY_missing, "interior", false, 1},
	{GAUGE_missing_tail, TALLY_missing, "tail", false, 1},
	{GAUGE_missing_announced, TALLY_missing, "announced", false, 1},
	{GAUGE_missing_damaged, TALLY_missing, NULL, true, 1},
	{GAUGE_errors, TALLY_error, NULL, false, 1},
	{GAUGE_intact, TALLY_integrity, "0", false, 1},
	{GAUGE_links_ok, TALLY_symlink, "0", false, 1},
	{GAUGE_links_suspect, TALLY_symlink, "1", false, 1},
	{GAUGE_links_broken, TALLY_symlink, "2", false, 1},
	{GAUGE_links_unknown, TALLY_symlink, "3", false, 1},
	{GAUGE_links_held, TALLY_symlink, "4", false, 1},
	{GAUGE_links_foreign, TALLY_symlink, "5", false, 1},
	{GAUGE_torrents_downloaded, TALLY_torrent, "downloaded", false, 1},
	{GAUGE_torrents_failed, TALLY_torrent, "magnet_error", false, 1},
	{GAUGE_torrents_failed, TALLY_torrent, "error", false, 1},
	{GAUGE_torrents_failed, TALLY_torrent, "virus", false, 1},
	{GAUGE_torrents_failed, TALLY_torrent, "dead", false, 1},
	{GAUGE_torrents_busy, TALLY_torrent, NULL, false, 1},
	{GAUGE_torrent_bytes, TALLY_torrent, NULL, true, 1},
	{GAUGE_repairs_succeeded, TALLY_attempt, "success", false, 1},
	{GAUGE_repairs_failed, TALLY_attempt, NULL, false, 1},
	{GAUGE_repairs_permanent, TALLY_permanent, NULL, false, 1},
	{GAUGE_repairs_waiting, TALLY_retry, "0", false, 1},
	{GAUGE_COUNT, TALLY_insertion, "done", false, 1},
	{GAUGE_COUNT, TALLY_insertion, "failed", false, 1},
	{GAUGE_COUNT, TALLY_insertion, "undone", false, 1},
	{GAUGE_insertions_open, TALLY_insertion, NULL, false, 1},
	{GAUGE_plan_items, TALLY_plan_item, "planned", false, 1},
	{GAUGE_requests_wanted, TALLY_request, "wanted", false, 1},
	{GAUGE_requests_found, TALLY_request, "found", false, 1},
	{GAUGE_requests_sent, TALLY_request, "sent", false, 1},
	{GAUGE_requests_downloading, TALLY_request, "downloading", false, 1},
	{GAUGE_requests_arrived, TALLY_request, "arrived", false, 1},
	{GAUGE_requests_failed, TALLY_request, "failed", false, 1},
	{GAUGE_requests_gone, TALLY_request, "gone", false, 1},
	{GAUGE_finds_confirmed, TALLY_result, "0", false, 1},
	{GAUGE_finds_unconfirmed, TALLY_result, "1", false, 1},
	{GAUGE_finds_rejected, TALLY_result, "2", false, 1},
	{GAUGE_search_entries, TALLY_searched, NULL, false, 1},
	{GAUGE_search_nothing, TALLY_searched, "nothing", false, 1},
};

/** Sums are of all keys, and so are rows when the table names none of the tally's keys. */
static bool counts(const struct counted *c, enum tally_id tally, const char *key, bool is_named)
{
	if (c->tally != tally)
		return false;
	return c->key ? strcmp(c->key, key) == 0 : c->is_sum || !is_named;
}

static bool names_key(enum tally_id tally, const char *key)
{
	for (size_t i = 0; i < COUNT_OF(counted); i++)
		if (counted[i].tally == tally && counted[i].key && strcmp(counted[i].key, key) == 0)
			return true;
	return false;
}

static int see_tally(void *arg, enum tally_id tally, const char *key, int64_t n, int64_t sum)
{
	struct gauges *g = arg;
	bool is_named = names_key(tally, key);
	for (size_t i = 0; i < COUNT_OF(counted); i++) {
		const struct counted *c = &counted[i];
		/* a key without rows is 0, once the table is counted at all */
		if (c->tally == tally && c->gauge != GAUGE_COUNT)
			add(g, c->gauge, counts(c, tally, key, is_named) ? (double)(c->is_sum ? sum : n) * c->scale : 0);
	}
	return 0;
}

/* --- small tables --- */

static int see_root(void *arg, const struct store_root *row)
{
	static const struct {
		const char *state;
		enum gauge_id gauge;
	} states[] = {
		{"present", GAUGE_roots_present}, {"frozen", GAUGE_roots_frozen}, {"absent", GAUGE_roots_absent},
	};
	struct gauges *g = arg;
	enum gauge_id gauge = GAUGE_roots_other;
	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (strcmp(row->state, states[i].state) == 0)
			gauge = states[i].gauge;
	add(g, gauge, 1);
	add(g, GAUGE_held_files, (double)row->held);
	bool is_manga = strcmp(row->kind, "manga") == 0;
	if (!is_manga && strcmp(row->kind, "music") != 0)
		return 0;
	add(g, is_manga ? GAUGE_manga_files : GAUGE_music_files, (double)row->files);
	add(g, is_manga ? GAUGE_manga_bytes : GAUGE_music_bytes, (double)row->bytes);
	return 0;
}

static int read_roots(struct store *s, struct gauges *g)
{
	static const enum gauge_id from_zero[] = {
		GAUGE_roots_present, GAUGE_roots_frozen, GAUGE_roots_absent, GAUGE_roots_other, GAUGE_held_files,
		GAUGE_music_files, GAUGE_music_bytes, GAUGE_manga_files, GAUGE_manga_bytes,
	};
	for (size_t i = 0; i < COUNT_OF(from_zero); i++)
		set(g, from_zero[i], 0);
	return store_roots(s, see_root, g);
}

/** The same files that status/integrity lists: verdicts on what is gone, or another file now, are kept and do not count. */
static int read_integrity(struct store *s, struct gauges *g)
{
	int64_t bad[VERDICT_COUNT];
	int r = store_integrity_bad_counts(s, bad);
	if (r < 0)
		return r;
	set(g, GAUGE_corrupt, (double)bad[VERDICT_corrupt]);
	set(g, GAUGE_unreadable, (double)bad[VERDICT_unreadable]);
	return 0;
}

static int read_jobs(struct store *s, struct gauges *g)
{
	sqlite3_stmt *q = store_stmt(s, SQL_jobs_states);
	int r;
	set(g, GAUGE_jobs_running, 0);
	set(g, GAUGE_jobs_paused, 0);
	set(g, GAUGE_jobs_queued, 0);
	while ((r = store_step(s, q)) > 0) {
		const char *state = column_str(q, 0);
		add(g, *state == 'r' ? GAUGE_jobs_running : *state == 'p' ? GAUGE_jobs_paused : GAUGE_jobs_queued, 1);
	}
	return r;
}

static int read_events(struct store *s, struct gauges *g)
{
	int64_t last;
	int r = store_event_last(s, &last);
	if (r == 0)
		set(g, GAUGE_events, (double)last);
	return r;
}

static int read_chapters(struct store *s, struct gauges *g)
{
	struct store_chapter_counts c;
	int r = store_chapter_counts(s, &c);
	if (r < 0)
		return r;
	set(g, GAUGE_chapters_running, (double)c.running);
	set(g, GAUGE_chapters_ok, (double)c.ok);
	set(g, GAUGE_chapters_failed, (double)c.failed);
	set(g, GAUGE_chapters_abandoned, (double)c.abandoned);
	set(g, GAUGE_chapter_bytes, (double)c.bytes);
	set(g, GAUGE_chapter_seconds, c.seconds);
	return 0;
}

/* --- who is asked --- */

static int see_host(void *arg, const struct store_host *h)
{
	static const char *const names[] = {"prowlarr", "nautiljon", "realdebrid"};
	struct gauges *g = arg;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(h->name, names[i]) != 0)
			continue;
		bool is_today = h->day == g->at / (86400 * NS_PER_S);
		set(g, (enum gauge_id)(GAUGE_api_prowlarr_calls + i), (double)h->calls);
		set(g, (enum gauge_id)(GAUGE_api_prowlarr_used + i), is_today ? (double)h->used_day : 0);
		set(g, (enum gauge_id)(GAUGE_api_prowlarr_refused + i), (double)h->refusals);
		set(g, (enum gauge_id)(GAUGE_api_prowlarr_failures + i), (double)h->failures);
	}
	return 0;
}

static int read_hosts(struct store *s, struct gauges *g)
{
	return store_hosts(s, see_host, g);
}

/* --- the last scan --- */

static int see_run(void *arg, const struct run *run)
{
	static const struct {
		enum gauge_id gauge;
		enum run_metric metric;
	} of_run[] = {
		{GAUGE_last_seconds, RUN_wall_seconds},	      {GAUGE_last_files, RUN_files},
		{GAUGE_last_errors, RUN_errors},	      {GAUGE_last_error_ratio, RUN_error_ratio},
		{GAUGE_last_cached_ratio, RUN_cached_ratio},  {GAUGE_last_rss_bytes, RUN_peak_rss_bytes},
		{GAUGE_last_cpu_seconds, RUN_cpu_seconds},
	};
	struct gauges *g = arg;
	double wall = run->value[RUN_wall_seconds];
	for (size_t i = 0; i < COUNT_OF(of_run); i++)
		set(g, of_run[i].gauge, run->value[of_run[i].metric]);
	set(g, GAUGE_last_started_at, (double)(run->started_at / NS_PER_S));
	set(g, GAUGE_last_ended_at, (double)(run->ended_at / NS_PER_S));
	set(g, GAUGE_last_files_per_second, wall > 0 && run->value[RUN_files] > 0 ? run->value[RUN_files] / wall : NAN);
	for (int i = 0; i < STAGE_COUNT; i++) {
		set(g, (enum gauge_id)(GAUGE_last_discover_rate + i), run->stage[i][STAGE_items_per_second]);
		set(g, (enum gauge_id)(GAUGE_last_discover_busy + i), run->stage[i][STAGE_busy_ratio]);
	}
	return 0;
}

/* --- the live page --- */

static void read_live(const struct live_values *l, struct gauges *g)
{
	const struct {
		enum gauge_id gauge;
		uint64_t value;
	} plain[] = {
		{GAUGE_rss_indexer, l->rss_indexer}, {GAUGE_rss_scout, l->rss_scout},
		{GAUGE_rss_worker, l->rss_worker}, {GAUGE_rss_sum, l->rss_sum},
		{GAUGE_workers, l->workers}, {GAUGE_worker_restarts, l->worker_restarts},
		{GAUGE_due_folders, l->due}, {GAUGE_write_error, l->write_error},
		{GAUGE_verified_files, l->verified_files}, {GAUGE_verified_bytes, l->verified_bytes},
		{GAUGE_verified_corrupt, l->verified_corrupt},
		{GAUGE_started_at, l->started_at / NS_PER_S},
	};
	for (size_t i = 0; i < COUNT_OF(plain); i++)
		set(g, plain[i].gauge, (double)plain[i].value);
	set(g, GAUGE_cpu_seconds, (double)l->cpu_ns / 1e9);
	/* a clock that was set back is no negative age */
	set(g, GAUGE_heartbeat_age, fmax(0, (double)(g->at - (int64_t)l->heartbeat_at) / 1e9));
	set(g, GAUGE_scan_running, l->job != 0);
}

static void read_stages(const struct live_values *l, double seconds, struct gauges *g)
{
	const struct {
		uint64_t items, depth, limit, busy;
	} stage[STAGE_COUNT] = {
		{l->discover_items, l->discover_depth, l->discover_limit, l->discover_busy_ns},
		{l->extract_items, l->extract_depth, l->extract_limit, l->extract_busy_ns},
		{l->insert_items, l->insert_depth, l->insert_limit, l->insert_busy_ns},
	};
	for (int i = 0; i < STAGE_COUNT; i++) {
		set(g, (enum gauge_id)(GAUGE_stage_discover_items + i), (double)stage[i].items);
		set(g, (enum gauge_id)(GAUGE_stage_discover_depth + i), (double)stage[i].depth);
		set(g, (enum gauge_id)(GAUGE_stage_discover_limit + i), (double)stage[i].limit);
		if (seconds > 0)
			set(g, (enum gauge_id)(GAUGE_stage_discover_busy + i), (double)stage[i].busy / 1e9 / seconds);
	}
}

static void read_scan(const struct live_values *l, struct gauges *g)
{
	double seconds = (double)live_job_worked(l, g->at) / 1e9;
	set(g, GAUGE_scan_seconds, seconds);
	set(g, GAUGE_scan_done, (double)l->done);
	if (l->total)
		set(g, GAUGE_scan_total, (double)l->total);
	set(g, GAUGE_scan_bytes, (double)l->bytes);
	set(g, GAUGE_scan_errors, (double)l->errors);
	if (seconds > 0)
		set(g, GAUGE_scan_files_per_second, (double)l->files / seconds);
	read_stages(l, seconds, g);
}

/* --- the disk --- */

static void read_disk(struct store *s, struct gauges *g)
{
	static const char *const ends[] = {"", "-wal"};
	const char *path = sqlite3_db_filename(s->db, "main");
	char name[4096];
	struct statvfs disk;
	struct stat st;
	if (!path || !*path)
		return;
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		snprintf(name, sizeof name, "%s%s", path, ends[i]);
		if (stat(name, &st) == 0)
			add(g, GAUGE_store_bytes, (double)st.st_size);
	}
	if (statvfs(path, &disk) < 0)
		return;
	set(g, GAUGE_disk_bytes, (double)disk.f_blocks * (double)disk.f_frsize);
	set(g, GAUGE_disk_free_bytes, (double)disk.f_bavail * (double)disk.f_frsize);
}

static int read_alerts(struct store *s, struct gauges *g)
{
	int64_t n;
	int r = store_alerts_firing(s, &n);
	if (r == 0)
		set(g, GAUGE_alerts_firing, (double)n);
	return r;
}

static int read_store(struct store *s, struct gauges *g)
{
	static int (*const parts[])(struct store *s, struct gauges *g) = {
		read_roots, read_integrity, read_jobs, read_events, read_chapters, read_hosts, read_alerts,
	};
	int r = store_tallies(s, see_tally, g), first = r;
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		r = parts[i](s, g);
		first = first ? first : r;
	}
	r = store_runs_whole(s, 1, see_run, g);
	first = first ? first : r;
	read_disk(s, g);
	return first ? first : r;
}

int gauges_read(struct gauges *g, struct store *s, const struct live_values *live, int64_t now)
{
	g->at = now;
	for (int i = 0; i < GAUGE_COUNT; i++)
		g->value[i] = NAN;
	set(g, GAUGE_up, live != NULL);
	set(g, GAUGE_scan_running, 0);
	if (live)
		read_live(live, g);
	if (live && live->job)
		read_scan(live, g);
	return s ? read_store(s, g) : 0;
}
