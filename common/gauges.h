/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Everything that is measured at a moment, one row each: columns of metrics/history.json and .csv, series of
 * metrics/mediamon.prom, and what alerts look at.  common/store_gauges.c fills them in; metrics of whole scans are in
 * common/metrics.h.
 *
 * A key names a column of samples that are kept for months: it is never given to another thing.
 */
#ifndef COMMON_GAUGES_H
#define COMMON_GAUGES_H

#include <stdint.h>

struct store;
struct live_values;

/* --- families: rows of one name, told apart by a label --- */

#define BY_STAGE(G, before, after, name, kind, decimals, help) \
	G(before##_discover_##after, name, kind, "stage", "discover", decimals, help) \
	G(before##_extract_##after, name, kind, "stage", "extract", decimals, help) \
	G(before##_insert_##after, name, kind, "stage", "insert", decimals, help)

#define BY_API(G, after, name, kind, help) \
	G(api_prowlarr_##after, name, kind, "api", "prowlarr", 0, help) \
	G(api_nautiljon_##after, name, kind, "api", "nautiljon", 0, help) \
	G(api_realdebrid_##after, name, kind, "api", "realdebrid", 0, help)

#define GAUGES_LIBRARY(G) \
	G(tracks, "mediamon_tracks", NOW, NULL, NULL, 0, "music tracks in the index") \
	G(albums, "mediamon_albums", NOW, NULL, NULL, 0, "albums in the index") \
	G(artists, "mediamon_artists", NOW, NULL, NULL, 0, "artists with at least one track") \
	G(music_seconds, "mediamon_music_duration_seconds", NOW, NULL, NULL, 0, "duration of all tracks") \
	G(series, "mediamon_series", NOW, NULL, NULL, 0, "series in the index") \
	G(volumes, "mediamon_volumes", NOW, NULL, NULL, 0, "files with volumes") \
	G(chapters, "mediamon_chapters", NOW, NULL, NULL, 0, "files with chapters") \
	G(music_bytes, "mediamon_library_bytes", NOW, "kind", "music", 0, "sizes of the media files, added up") \
	G(manga_bytes, "mediamon_library_bytes", NOW, "kind", "manga", 0, "sizes of the media files, added up") \
	G(music_files, "mediamon_library_files", NOW, "kind", "music", 0, "media files in the index") \
	G(manga_files, "mediamon_library_files", NOW, "kind", "manga", 0, "media files in the index") \
	G(missing_interior, "mediamon_missing_volumes", NOW, "kind", "interior", 0, "missing volumes by where the gap is") \
	G(missing_tail, "mediamon_missing_volumes", NOW, "kind", "tail", 0, "missing volumes by where the gap is") \
	G(missing_announced, "mediamon_missing_volumes", NOW, "kind", "announced", 0, \
	  "missing volumes by where the gap is") \
	G(missing_damaged, "mediamon_missing_damaged_volumes", NOW, NULL, NULL, 0, \
	  "missing volumes whose only file is incomplete or damaged") \
	G(errors, "mediamon_errors", NOW, NULL, NULL, 0, "files and folders that cannot be read, or are damaged") \
	G(corrupt, "mediamon_corrupt_files", NOW, NULL, NULL, 0, "files that were read to their end and are damaged") \
	G(unreadable, "mediamon_unreadable_files", NOW, NULL, NULL, 0, "files that the disk did not give to their end") \
	G(intact, "mediamon_intact_files", NOW, NULL, NULL, 0, "files that were read to their end and were intact, those that are gone since a day at most too") \
	G(roots_present, "mediamon_roots", NOW, "state", "present", 0, "folders of the library by state") \
	G(roots_frozen, "mediamon_roots", NOW, "state", "frozen", 0, "folders of the library by state") \
	G(roots_absent, "mediamon_roots", NOW, "state", "absent", 0, "folders of the library by state") \
	G(roots_other, "mediamon_roots", NOW, "state", "other", 0, "folders of the library by state") \
	G(held_files, "mediamon_held_files", NOW, NULL, NULL, 0, "files that would be forgotten and are not")

#define GAUGES_LINKS(G) \
	G(links_ok, "mediamon_links", NOW, "state", "ok", 0, "symbolic links by state") \
	G(links_suspect, "mediamon_links", NOW, "state", "suspect", 0, "symbolic links by state") \
	G(links_broken, "mediamon_links", NOW, "state", "broken", 0, "symbolic links by state") \
	G(links_unknown, "mediamon_links", NOW, "state", "unknown", 0, "symbolic links by state") \
	G(links_held, "mediamon_links", NOW, "state", "held", 0, "symbolic links by state") \
	G(links_foreign, "mediamon_links", NOW, "state", "foreign", 0, "symbolic links by state") \
	G(torrents_downloaded, "mediamon_torrents", NOW, "state", "downloaded", 0, "torrents at the provider by state") \
	G(torrents_busy, "mediamon_torrents", NOW, "state", "busy", 0, "torrents at the provider by state") \
	G(torrents_failed, "mediamon_torrents", NOW, "state", "failed", 0, "torrents at the provider by state") \
	G(torrent_bytes, "mediamon_torrent_bytes", NOW, NULL, NULL, 0, "sizes of the torrents, added up") \
	G(repairs_succeeded, "mediamon_repairs", NOW, "outcome", "success", 0, "remembered attempts to put torrents back") \
	G(repairs_failed, "mediamon_repairs", NOW, "outcome", "failure", 0, "remembered attempts to put torrents back") \
	G(repairs_permanent, "mediamon_repairs_given_up", NOW, NULL, NULL, 0, "torrents that cannot be put back") \
	G(repairs_waiting, "mediamon_repairs_waiting", NOW, NULL, NULL, 0, "torrents that are tried again later") \
	G(insertions_open, "mediamon_insertions_open", NOW, NULL, NULL, 0, "torrents that are being put back") \
	G(plan_items, "mediamon_plan_items", NOW, NULL, NULL, 0, "steps of plans that wait for a word or their turn")

#define GAUGES_REQUESTS(G) \
	G(requests_wanted, "mediamon_requests", NOW, "state", "wanted", 0, "requested volumes by state") \
	G(requests_found, "mediamon_requests", NOW, "state", "found", 0, "requested volumes by state") \
	G(requests_sent, "mediamon_requests", NOW, "state", "sent", 0, "requested volumes by state") \
	G(requests_downloading, "mediamon_requests", NOW, "state", "downloading", 0, "requested volumes by state") \
	G(requests_arrived, "mediamon_requests", NOW, "state", "arrived", 0, "requested volumes by state") \
	G(requests_failed, "mediamon_requests", NOW, "state", "failed", 0, "requested volumes by state") \
	G(requests_gone, "mediamon_requests", NOW, "state", "gone", 0, "requested volumes by state") \
	G(finds_confirmed, "mediamon_finds", NOW, "verdict", "confirmed", 0, "kept finds of searches") \
	G(finds_unconfirmed, "mediamon_finds", NOW, "verdict", "unconfirmed", 0, "kept finds of searches") \
	G(finds_rejected, "mediamon_finds", NOW, "verdict", "rejected", 0, "kept finds of searches") \
	G(search_entries, "mediamon_search_cache_entries", NOW, NULL, NULL, 0, "answers of searches that are kept") \
	G(search_nothing, "mediamon_search_cache_empty_entries", NOW, NULL, NULL, 0, "of these, where nothing was found") \
	BY_API(G, calls, "mediamon_api_calls_total", TOTAL, "calls made, as long as the index lives") \
	BY_API(G, used, "mediamon_api_calls_today", NOW, "calls used of the day's budget") \
	BY_API(G, left, "mediamon_api_calls_left_today", NOW, "calls left of the day's budget, where there is one") \
	BY_API(G, refused, "mediamon_api_refusals_total", TOTAL, "calls that were refused") \
	BY_API(G, failures, "mediamon_api_failures_total", TOTAL, "calls that failed")

#define GAUGES_SCAN(G) \
	G(jobs_running, "mediamon_jobs", NOW, "state", "running", 0, "jobs by state") \
	G(jobs_paused, "mediamon_jobs", NOW, "state", "paused", 0, "jobs by state") \
	G(jobs_queued, "mediamon_jobs", NOW, "state", "queued", 0, "jobs by state") \
	G(scan_running, "mediamon_scan_running", NOW, NULL, NULL, 0, "1 while a scan runs") \
	G(scan_seconds, "mediamon_scan_elapsed_seconds", NOW, NULL, NULL, 3, "how long the running scan takes already, without pauses") \
	G(scan_done, "mediamon_scan_done_files", NOW, NULL, NULL, 0, "files that the running scan has seen") \
	G(scan_total, "mediamon_scan_expected_files", NOW, NULL, NULL, 0, "files that it will see, by the last count") \
	G(scan_files_per_second, "mediamon_scan_files_per_second", RATE, NULL, NULL, 3, \
	  "files per second of the running scan since it began, without pauses") \
	G(scan_bytes, "mediamon_scan_seen_bytes", NOW, NULL, NULL, 0, "sizes of the files that it has seen") \
	G(scan_errors, "mediamon_scan_errors", NOW, NULL, NULL, 0, "errors of the running scan") \
	BY_STAGE(G, stage, items, "mediamon_scan_stage_items", NOW, 0, "what a stage of the running scan finished") \
	BY_STAGE(G, stage, depth, "mediamon_scan_stage_queue_depth", NOW, 0, \
		 "waiting in front of a stage of the running scan") \
	BY_STAGE(G, stage, limit, "mediamon_scan_stage_queue_limit", NOW, 0, \
		 "where the stage before it has to wait") \
	BY_STAGE(G, stage, busy, "mediamon_scan_stage_busy_ratio", RATE, 4, \
		 "share of the running scan's time that a stage worked") \
	G(last_started_at, "mediamon_last_scan_start_timestamp_seconds", NOW, NULL, NULL, 0, "when the last scan began") \
	G(last_ended_at, "mediamon_last_scan_end_timestamp_seconds", NOW, NULL, NULL, 0, "when the last scan ended") \
	G(last_seconds, "mediamon_last_scan_duration_seconds", NOW, NULL, NULL, 3, "how long the last scan took") \
	G(last_files, "mediamon_last_scan_files", NOW, NULL, NULL, 0, "files that the last scan saw") \
	G(last_files_per_second, "mediamon_last_scan_files_per_second", NOW, NULL, NULL, 3, \
	  "files per second of the last scan") \
	G(last_errors, "mediamon_last_scan_errors", NOW, NULL, NULL, 0, "errors of the last scan") \
	G(last_error_ratio, "mediamon_last_scan_error_ratio", NOW, NULL, NULL, 5, "errors per file of the last scan") \
	G(last_cached_ratio, "mediamon_last_scan_cached_ratio", NOW, NULL, NULL, 4, \
	  "share of its files that were answered from the index") \
	G(last_rss_bytes, "mediamon_last_scan_peak_resident_bytes", NOW, NULL, NULL, 0, \
	  "peak memory of all processes in the last scan") \
	BY_STAGE(G, last, rate, "mediamon_last_scan_stage_items_per_second", NOW, 3, \
		 "items per second of a stage in the last scan") \
	BY_STAGE(G, last, busy, "mediamon_last_scan_stage_busy_ratio", NOW, 4, \
		 "share of the last scan's time that a stage worked") \
	G(last_cpu_seconds, "mediamon_last_scan_cpu_seconds", NOW, NULL, NULL, 3, "processor time of the last scan")

#define GAUGES_PROGRAM(G) \
	G(up, "mediamon_up", NOW, NULL, NULL, 0, "1 while the indexer is there") \
	G(started_at, "mediamon_start_timestamp_seconds", NOW, NULL, NULL, 0, "when the indexer started") \
	G(heartbeat_age, "mediamon_heartbeat_age_seconds", RATE, NULL, NULL, 3, "how long ago the indexer last moved") \
	G(rss_indexer, "mediamon_resident_bytes", NOW, "process", "indexer", 0, "memory by kind of process") \
	G(rss_scout, "mediamon_resident_bytes", NOW, "process", "scout", 0, "memory by kind of process") \
	G(rss_worker, "mediamon_resident_bytes", NOW, "process", "worker", 0, "memory by kind of process") \
	G(rss_sum, "mediamon_resident_sum_bytes", NOW, NULL, NULL, 0, "memory of all processes of the indexer") \
	G(cpu_seconds, "mediamon_cpu_seconds_total", TOTAL, NULL, NULL, 3, "processor time of the indexer since its start") \
	G(workers, "mediamon_workers", NOW, NULL, NULL, 0, "processes that read files") \
	G(worker_restarts, "mediamon_worker_restarts_total", TOTAL, NULL, NULL, 0, \
	  "processes that died and were started again") \
	G(due_folders, "mediamon_due_folders", NOW, NULL, NULL, 0, "folders that changed and are not read yet") \
	G(write_error, "mediamon_store_write_error", NOW, NULL, NULL, 0, "errno while the index cannot be written, else 0") \
	G(verified_files, "mediamon_verified_files_total", TOTAL, NULL, NULL, 0, \
	  "files read to their end since the indexer's start") \
	G(verified_bytes, "mediamon_verified_bytes_total", TOTAL, NULL, NULL, 0, "bytes of these") \
	G(verified_corrupt, "mediamon_verified_corrupt_total", TOTAL, NULL, NULL, 0, "of these files, damaged ones") \
	G(store_bytes, "mediamon_store_bytes", NOW, NULL, NULL, 0, "size of the index on disk") \
	G(disk_bytes, "mediamon_state_disk_bytes", NOW, NULL, NULL, 0, "size of the disk that holds the index") \
	G(disk_free_bytes, "mediamon_state_disk_free_bytes", NOW, NULL, NULL, 0, "free space on it") \
	G(events, "mediamon_events_total", TOTAL, NULL, NULL, 0, "events so far") \
	G(alerts_firing, "mediamon_alerts_firing", NOW, NULL, NULL, 0, "conditions that need somebody")

#define GAUGES_CHAPTERS(G) \
	G(chapters_running, "mediamon_chapter_downloads", NOW, "state", "running", 0, "reported chapters by state") \
	G(chapters_ok, "mediamon_chapter_downloads", NOW, "state", "ok", 0, "reported chapters by state") \
	G(chapters_failed, "mediamon_chapter_downloads", NOW, "state", "failed", 0, "reported chapters by state") \
	G(chapters_abandoned, "mediamon_chapter_downloads", NOW, "state", "abandoned", 0, "reported chapters by state") \
	G(chapter_bytes, "mediamon_chapter_downloaded_bytes", NOW, NULL, NULL, 0, "bytes of the reported chapters") \
	G(chapter_seconds, "mediamon_chapter_busy_seconds", NOW, NULL, NULL, 3, "time that the reported chapters took")

/*   key, Prometheus name (base units, `_total` for counters), kind, label, its value (NULL: none), decimals, help */
#define GAUGES(G) \
	GAUGES_LIBRARY(G) \
	GAUGES_LINKS(G) \
	GAUGES_REQUESTS(G) \
	GAUGES_SCAN(G) \
	GAUGES_PROGRAM(G) \
	GAUGES_CHAPTERS(G)

enum gauge_id {
#define G(id, ...) GAUGE_##id,
	GAUGES(G)
#undef G
	GAUGE_COUNT
};

/** NOW: goes up and down.  RATE: the same, and of a span of time its mean is told, not the last value.  TOTAL: only grows, and begins again at 0 with the process or index that counts. */
enum gauge_kind {
	GAUGE_NOW,
	GAUGE_RATE,
	GAUGE_TOTAL,
};

struct gauge_row {
	/** The id as text. */
	const char *key;
	const char *name;
	/** NULL: none. */
	const char *label, *value;
	const char *help;
	enum gauge_kind kind;
	/** Digits behind the point that mean anything; samples are rounded to them. */
	int decimals;
};

/** Rows of one name lie together. */
extern const struct gauge_row GAUGES_TABLE[GAUGE_COUNT];

struct gauges {
	/** ns since 1970. */
	int64_t at;
	/** NAN: not known now. */
	double value[GAUGE_COUNT];
};

/**
 * What is known at @now.  @s NULL: no store; inside or outside of a store_begin_read().  @live NULL: no indexer.  Only
 * what is kept counted or lies in small tables and indexes is asked; no large table is walked.  0 or -errno of the
 * store; what could be read is there then too.
 */
int gauges_read(struct gauges *g, struct store *s, const struct live_values *live, int64_t now);

/**
 * Budgets are in the configuration, not in the store: what is @left (of BY_API) of @per_day calls.  Of who has no budget by
 * the day it stays unknown, and so it does of who was never asked.
 */
void gauges_set_left(struct gauges *g, enum gauge_id left, int64_t per_day);
/** Of all that have one. */
void gauges_set_budgets(struct gauges *g, int64_t prowlarr_day);

/**
 * One sample out of several.  Of counts and totals the last value known counts, of what has decimals (rates, ratios,
 * times) the mean.  Begins zeroed.
 */
struct gauge_mean {
	int64_t count;
	int64_t known[GAUGE_COUNT];
	double sum[GAUGE_COUNT], last[GAUGE_COUNT];
};
/** @value: GAUGE_COUNT. */
void gauge_mean_add(struct gauge_mean *m, const double *value);
void gauge_mean_end(const struct gauge_mean *m, int64_t at, struct gauges *out);

#endif
