/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tables of directories, each in the file of the same name, and what they share. */
#ifndef FS_VIEWS_H
#define FS_VIEWS_H

#include "fs/node.h"

struct gauges;
struct store_chapter;
struct store_host;

/* topics of each document, so that its header and its row agree */
enum {
	OF_SUMMARY = TOPIC_BIT(music) | TOPIC_BIT(manga) | TOPIC_BIT(missing) | TOPIC_BIT(errors) |
		     TOPIC_BIT(roots) | TOPIC_BIT(jobs) | TOPIC_BIT(store) | TOPIC_BIT(search) |
		     TOPIC_BIT(requests) | TOPIC_BIT(symlinks) | TOPIC_BIT(torrents) | TOPIC_BIT(repairs) | TOPIC_BIT(alerts),
	OF_HEALTH = TOPIC_BIT(roots) | TOPIC_BIT(errors) | TOPIC_BIT(store) | TOPIC_BIT(search) |
		    TOPIC_BIT(symlinks) | TOPIC_BIT(torrents) | TOPIC_BIT(alerts),
	OF_ROOTS = TOPIC_BIT(roots) | TOPIC_BIT(symlinks),
	OF_SYMLINKS = TOPIC_BIT(symlinks) | TOPIC_BIT(roots),
	OF_TORRENTS = TOPIC_BIT(torrents) | TOPIC_BIT(repairs),
	OF_REPAIRS = TOPIC_BIT(repairs) | TOPIC_BIT(torrents) | TOPIC_BIT(search) | TOPIC_BIT(orders),
	OF_REALDEBRID = TOPIC_BIT(repairs) | TOPIC_BIT(torrents) | TOPIC_BIT(symlinks) | TOPIC_BIT(search),
	OF_JOBS = TOPIC_BIT(jobs),
	OF_MISSING = TOPIC_BIT(missing) | TOPIC_BIT(search) | TOPIC_BIT(requests),
	OF_REQUESTS = TOPIC_BIT(requests) | TOPIC_BIT(search),
	OF_NEW = TOPIC_BIT(search) | TOPIC_BIT(missing) | TOPIC_BIT(manga),
	OF_SEARCH = TOPIC_BIT(search),
	OF_VERIFY = TOPIC_BIT(verify),
	/* jobs: counted.h */
	OF_INTEGRITY = TOPIC_BIT(integrity) | TOPIC_BIT(music) | TOPIC_BIT(manga) | TOPIC_BIT(roots) | TOPIC_BIT(jobs),
	OF_ERRORS = TOPIC_BIT(errors) | TOPIC_BIT(roots),
	OF_AUDIT = TOPIC_BIT(audit) | TOPIC_BIT(music) | TOPIC_BIT(manga) | TOPIC_BIT(roots),
	OF_DUPLICATES = TOPIC_BIT(music) | TOPIC_BIT(manga) | TOPIC_BIT(roots),
	/** Whatever is counted. */
	OF_EVERYTHING = (1 << TOPIC_COUNT) - 1,
	OF_SAMPLES = TOPIC_BIT(metrics),
	OF_COMPARE = TOPIC_BIT(scan) | TOPIC_BIT(jobs),
	OF_ANALYSIS = TOPIC_BIT(music) | TOPIC_BIT(manga) | TOPIC_BIT(scan) | TOPIC_BIT(jobs),
	MOODY = VIEW_AWAY | VIEW_LIVE,
};

extern const struct entry status_dir[];
extern const struct entry metrics_dir[];
extern const struct entry control_dir[];
extern const struct entry music_dir[];
extern const struct entry manga_dir[];
/** The volumes that a series misses; rows of ROW_MISSING. */
extern const struct entry missing_dir[];
extern const struct entry history_dir[];
/** links/broken/. */
extern const struct entry links_dir[];

int show_summary(struct view *v, const struct node *n, struct buf *out);
int show_summary_json(struct view *v, const struct node *n, struct buf *out);
int show_health(struct view *v, const struct node *n, struct buf *out);
int show_health_json(struct view *v, const struct node *n, struct buf *out);

/** The newest @most chapters and checked volumes at least, oldest first; our own calls, which are sums of days, are left out. */
int view_chapters(struct view *v, int most, int (*fn)(void *arg, const struct store_chapter *row), void *arg);

/** The page for people. */
int show_dashboard(struct view *v, const struct node *n, struct buf *out);

int show_requests(struct view *v, const struct node *n, struct buf *out);
int show_requests_json(struct view *v, const struct node *n, struct buf *out);
int show_new(struct view *v, const struct node *n, struct buf *out);
int show_new_json(struct view *v, const struct node *n, struct buf *out);
int show_search_json(struct view *v, const struct node *n, struct buf *out);

int show_symlinks(struct view *v, const struct node *n, struct buf *out);
int show_symlinks_json(struct view *v, const struct node *n, struct buf *out);
int show_torrents(struct view *v, const struct node *n, struct buf *out);
int show_torrents_json(struct view *v, const struct node *n, struct buf *out);
int show_repairs(struct view *v, const struct node *n, struct buf *out);
int show_repairs_json(struct view *v, const struct node *n, struct buf *out);
int show_realdebrid_json(struct view *v, const struct node *n, struct buf *out);

/** What is measured, as of this view: the same for one version of it, whoever asks. */
int view_gauges(struct view *v, struct gauges *g);
int show_prom(struct view *v, const struct node *n, struct buf *out);

int show_integrity(struct view *v, const struct node *n, struct buf *out);
int show_integrity_json(struct view *v, const struct node *n, struct buf *out);
int show_integrity_metrics(struct view *v, const struct node *n, struct buf *out);
int show_integrity_csv(struct view *v, const struct node *n, struct buf *out);
int show_chapters_json(struct view *v, const struct node *n, struct buf *out);
int show_chapters_csv(struct view *v, const struct node *n, struct buf *out);
int show_session_json(struct view *v, const struct node *n, struct buf *out);
int show_verify(struct view *v, const struct node *n, struct buf *out);
int show_verify_json(struct view *v, const struct node *n, struct buf *out);
int show_duplicates(struct view *v, const struct node *n, struct buf *out);
int show_duplicates_json(struct view *v, const struct node *n, struct buf *out);
int show_roots(struct view *v, const struct node *n, struct buf *out);
int show_roots_json(struct view *v, const struct node *n, struct buf *out);

int show_history_json(struct view *v, const struct node *n, struct buf *out);
int show_history_csv(struct view *v, const struct node *n, struct buf *out);
int show_seconds_json(struct view *v, const struct node *n, struct buf *out);
int show_seconds_csv(struct view *v, const struct node *n, struct buf *out);
int show_analysis_json(struct view *v, const struct node *n, struct buf *out);
int show_compare(struct view *v, const struct node *n, struct buf *out);
int show_compare_json(struct view *v, const struct node *n, struct buf *out);

/** Whether Real-Debrid is asked at all: when not, and @out is not NULL, a line says why. */
bool realdebrid_is_on(const struct view *v, struct buf *out);
/** Its files, or links; what is kept though it seems gone; whether nothing about it needs a human. */
int64_t root_files(struct view *v, const struct store_root *row);
int64_t root_held(struct view *v, const struct store_root *row);
bool root_is_well(const struct store_root *row);

/** What a host may still be asked, as of a moment; 0 for a budget that it has not. */
struct host_use {
	int64_t minute_most, minute_used, day_most, day_used;
	/** It failed so often that nobody asks it for now. */
	bool is_open;
};
void host_use(const struct view *v, const struct store_host *h, int64_t now, struct host_use *use);
/** One host's budget as an object, as of @now. */
void host_json(struct view *v, struct json *j, const struct store_host *h, int64_t now);
/** Whether nothing outside the index is changed. */
bool is_dry_run(struct view *v);

/** The header of a JSON list, up to its items; and its end. */
void doc_list_begin(struct json *j, struct buf *out, const struct view *v, const char *schema,
		    unsigned topics, unsigned moods);
int doc_list_end(struct json *j, int64_t count);
/** A time as a cell; the end of a text's table. */
void doc_time_cell(struct table *t, int64_t ns);
int doc_end_table(struct table *t, struct buf *out);

/** How many jobs run and wait, as this view sees them. */
int status_count_jobs(struct view *v, int64_t *running, int64_t *queued);

/** For links to media files: target and time of file row n->row. */
int link_to_file(struct view *v, const struct node *n, struct buf *out);
int stamp_file(struct view *v, uint64_t row, uint64_t *version, int64_t *at);

/** Appends the path of a file as links show it: mapped by the configuration's path_map. */
void show_path(const struct view *v, const struct store_media *m, struct buf *out);
/** The same, not mapped. */
void media_path(const struct store_media *m, struct buf *out);

/** Every field of @m that is set, as keys of the open JSON object. */
void media_json(struct json *j, const struct media *m, unsigned of);

/** One line of `mediamon export`: path, fields, bytes, modified_at. */
void export_json(struct json *j, const struct store_media *m, unsigned of);

#endif
