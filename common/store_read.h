/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Questions to the store.
 *
 * A callback gets one row at a time and returns 0 to go on, another value to stop (which the
 * question then returns).  Texts and bytes in rows are borrowed for the time of the call.
 * Every question returns 0 or -errno; a single row that is not there is -ENOENT.
 */
#ifndef COMMON_STORE_READ_H
#define COMMON_STORE_READ_H

#include "common/copies.h"
#include "common/media.h"
#include "common/metrics.h"
#include "common/store.h"

struct bytes {
	const char *data;
	size_t len;
};

/** Kinds of rows with a version of their own; also `kind` of a shelf (1–3). */
enum row_kind {
	ROW_NONE = 0,
	SHELF_ARTIST = 1,
	SHELF_GENRE = 2,
	SHELF_YEAR = 3,
	ROW_ALBUM = 4,
	ROW_SERIES = 5,
	ROW_SPOT = 6,
	ROW_HISTORY = 7,
	/** A missing volume; it changes with its series. */
	ROW_MISSING = 8,
};

/** @version, @at: TOPIC_COUNT each; 0 for a topic that never moved.  *generation: the last commit. */
int store_topics(struct store *s, uint64_t *version, int64_t *at, uint64_t *generation);

/** Rows of series, albums, shelves that changed or ended after commit @since. */
typedef void store_changed_fn(void *arg, enum row_kind kind, int64_t id, bool is_gone);
int store_changed(struct store *s, uint64_t since, store_changed_fn *fn, void *arg);

/** A text of the meta table; "" when there is none. */
int store_meta(struct store *s, const char *name, char *value, size_t size);

struct store_root {
	int64_t id;
	const char *name, *kind, *state, *reason;
	struct bytes path;
	int64_t since, files, bytes;
	uint64_t device;
	/** Type of its file system, "" before the first look. */
	const char *fstype;
	/** Files that would be forgotten and are not. */
	int64_t held;
	/** How it is watched, a sentence. */
	const char *watch;
	/** Its path without links; "" before the first look. */
	struct bytes real_path;
};
typedef int store_root_fn(void *arg, const struct store_root *row);
int store_roots(struct store *s, store_root_fn *fn, void *arg);
/** A file system mounted below a root. */
struct store_mount {
	int64_t root;
	/** Below the root. */
	struct bytes path;
	uint64_t device;
	const char *fstype, *state, *reason;
	int64_t since, held;
};
typedef int store_mount_fn(void *arg, const struct store_mount *row);
int store_mounts(struct store *s, store_mount_fn *fn, void *arg);
/** Roots that the configuration does not name any more. */
int store_former_roots(struct store *s, int (*fn)(void *arg, int64_t id), void *arg);
/** 1 when the index holds files of the root, 0 when not. */
int store_root_has_files(struct store *s, int64_t root);

/* --- what the diff asks --- */

struct store_file {
	int64_t id;
	struct bytes name;
	int64_t size, mtime, ctime, inode, job, btime;
	int state;
};
typedef int store_file_fn(void *arg, const struct store_file *row);
/** *id, *cover of a directory; -ENOENT. */
int store_dir(struct store *s, int64_t root, const char *path, size_t n, int64_t *id, bool *cover);
/** Sums of all directories of a root that have one (dirsum.h), in any order. */
typedef int store_dirsum_fn(void *arg, int64_t id, struct bytes path, int64_t sum);
int store_dirsums(struct store *s, int64_t root, store_dirsum_fn *fn, void *arg);
/** Adds the name of the picture that stands for a directory; none when there is none. */
int store_dir_cover(struct store *s, int64_t root, const char *path, size_t n, struct buf *name);
/** The files of a directory by name; of known: in any order, which takes half the time. */
int store_dir_files(struct store *s, int64_t dir, store_file_fn *fn, void *arg);
int store_dir_known(struct store *s, int64_t dir, store_file_fn *fn, void *arg);
/** The directory of a file, 0 when there is no such file. */
int64_t store_dir_of_file(struct store *s, int64_t file);
int store_file_find(struct store *s, int64_t dir, const char *name, size_t n, struct store_file *row);
/** 1 when some file is lost and may come back, 0 when none is. */
int store_has_gone(struct store *s);
/** The file lost last at that place. */
int store_gone_find(struct store *s, int64_t root, struct bytes dir, struct bytes name,
		    struct store_file *row);
/** Rows @file that may be the moved file @other, or a hard link of it, which lies in @root, @dir;
 * @again: one look at both is not enough to believe in two. */
typedef int store_twin_fn(void *arg, int64_t file, int64_t other, int64_t root, struct bytes dir,
			  bool again);
int store_twins(struct store *s, store_twin_fn *fn, void *arg);
/** The directories in which an inode has a name. */
typedef int store_place_fn(void *arg, int64_t root, struct bytes dir);
int store_names_of_inode(struct store *s, int64_t inode, int64_t btime, store_place_fn *fn, void *arg);
/** The directories of the other names of a file. */
int store_other_names(struct store *s, int64_t file, store_place_fn *fn, void *arg);
struct store_gone {
	struct bytes root, dir, name;
	int64_t id, size, mtime, added_at, gone_at;
};
typedef int store_gone_fn(void *arg, const struct store_gone *row);
/** Lost files that are kept for their return. */
int store_gone(struct store *s, store_gone_fn *fn, void *arg);
/**
 * The row (*id) that a lost file may be now: with the inode it had; or else with the same content,
 * added after it and lately, for which @is_free(@arg, id) is true.  -ENOENT.
 */
int store_moved_to(struct store *s, int64_t file, bool (*is_free)(void *arg, int64_t id), void *arg,
		   int64_t *id);
/** *n files at and below a path. */
int store_count_below(struct store *s, int64_t root, const char *path, size_t len, int64_t *n);
/** Some files of a root, spread over it: at most @most. */
typedef int store_anchor_fn(void *arg, struct bytes dir, const struct store_file *row);
int store_anchors(struct store *s, int64_t root, int most, store_anchor_fn *fn, void *arg);
typedef int store_dir_fn(void *arg, int64_t id, struct bytes path);
/** The directory @path and all below it ("" = all of the root). */
int store_dirs_below(struct store *s, int64_t root, const char *path, size_t n, store_dir_fn *fn,
		     void *arg);
/** Greatest ids of directories and files: rows made later have greater ones. */
int store_last_ids(struct store *s, int64_t *dir, int64_t *file);
struct store_error {
	char kind[16];
	int tries;
};
int store_error_find(struct store *s, int64_t root, const char *path, size_t n,
		     struct store_error *row);

/* --- music --- */

struct store_item {
	int64_t id;
	const char *name;
	size_t name_len;
	/** When it last changed. */
	int64_t at;
};
typedef int store_item_fn(void *arg, const struct store_item *row);
/** Names of the shelves of a kind, with id > @after, by id. */
int store_shelves(struct store *s, enum row_kind kind, int64_t after, store_item_fn *fn, void *arg);
int store_shelf_find(struct store *s, enum row_kind kind, const char *shown, int64_t *id);
int store_shelf(struct store *s, int64_t id, enum row_kind *kind, uint64_t *version, int64_t *at);
int store_spots(struct store *s, int64_t shelf, int64_t after, store_item_fn *fn, void *arg);
int store_spot_find(struct store *s, int64_t shelf, const char *shown, int64_t *id);
int store_spot(struct store *s, int64_t id, int64_t *shelf, int64_t *album, uint64_t *version,
	       int64_t *at);
int store_spots_for_album(struct store *s, int64_t album, store_item_fn *fn, void *arg);

struct store_album {
	int64_t id;
	const char *title, *artist, *date;
	int64_t year;
	uint64_t version;
	int64_t at;
};
typedef int store_album_fn(void *arg, const struct store_album *row);
int store_album(struct store *s, int64_t id, store_album_fn *fn, void *arg);

/** One media file with its fields. */
struct store_media {
	int64_t id;
	struct bytes root, dir, name;
	int64_t size, mtime;
	/** True when the file could not be read. */
	bool is_bad;
	const struct media *media;
};
typedef int store_media_fn(void *arg, const struct store_media *row);
int store_album_tracks(struct store *s, int64_t album, store_media_fn *fn, void *arg);
/** The same without where they lie: root and dir are empty. */
int store_album_names(struct store *s, int64_t album, store_media_fn *fn, void *arg);
int store_export_tracks(struct store *s, store_media_fn *fn, void *arg);
int store_export_volumes(struct store *s, store_media_fn *fn, void *arg);
/** How many tracks (OF_TRACK) or volumes there are, and how many of them have each field.  All are read: 100,000 in about 0.1 s. */
struct store_coverage {
	uint64_t rows, with[FIELD_COUNT];
};
int store_coverage(struct store *s, unsigned of, struct store_coverage *out);
/** The fields of one track or volume row; -ENOENT. */
int store_file_media(struct store *s, int64_t file, unsigned of, struct media *m);
/** What the last control/verify found. */
typedef int store_verify_fn(void *arg, struct bytes path, const char *what);
int store_verify(struct store *s, store_verify_fn *fn, void *arg);
/** Root, directory and name of one file. */
int store_file_path(struct store *s, int64_t id, struct buf *path);
/** The picture that lies beside an album's tracks; -ENOENT. */
int store_album_cover(struct store *s, int64_t album, struct buf *path);
/** *mtime of a file. */
int store_file_times(struct store *s, int64_t id, int64_t *mtime);

/* --- manga --- */

int store_series_list(struct store *s, int64_t after, store_item_fn *fn, void *arg);
int store_series_find(struct store *s, const char *shown, int64_t *id);
/** The series that has this title. */
int store_series_titled(struct store *s, const char *title, int64_t *id);
struct store_series {
	int64_t id;
	const char *title, *shown, *total_source;
	/** The regular volumes owned, as a JSON list; "" before the first settling. */
	const char *owned;
	/** Volumes that the series has; 0 when nobody says. */
	int64_t total, user_total;
	uint64_t version;
	int64_t at;
};
typedef int store_series_fn(void *arg, const struct store_series *row);
int store_series(struct store *s, int64_t id, store_series_fn *fn, void *arg);
int store_series_volumes(struct store *s, int64_t series, store_media_fn *fn, void *arg);

struct store_missing {
	const char *series, *shown;
	int64_t series_id, volume;
	const char *kind, *state;
	int64_t since;
	/** By the user's wish: 1, 0; -1 as the configuration says. */
	int monitored;
	/** Last answer of any source, 0 none. */
	int64_t searched_at;
	/** Its request (store_find.h): 0, "" without. */
	int64_t request, handed;
	const char *request_state;
	/** What was found best; "" nothing. */
	const char *best;
};
typedef int store_missing_fn(void *arg, const struct store_missing *row);
/** @series 0: of all series, by name. */
int store_missing(struct store *s, int64_t series, store_missing_fn *fn, void *arg);
/** A series that misses something. */
struct store_missing_count {
	int64_t id;
	const char *title, *shown, *owned;
	/** How many volumes, and when the last of them was noticed. */
	int64_t count, since;
	/** Volumes that it has; 0 when nobody says.  By the user's wish: 1, 0; -1 as the configuration says. */
	int64_t total;
	int monitored;
};
typedef int store_missing_count_fn(void *arg, const struct store_missing_count *row);
/** Those @most that miss most, and how many there are. */
int store_missing_counts(struct store *s, int64_t most, store_missing_count_fn *fn, void *arg);
int store_missing_series_count(struct store *s, int64_t *n);
/** Their numbers as names, with row > @after, by row. */
int store_missing_names(struct store *s, int64_t series, int64_t after, store_item_fn *fn, void *arg);
int store_missing_find(struct store *s, int64_t series, int64_t volume, int64_t *row);
/** Series and volume of a row, version and time of the series. */
int store_missing_row(struct store *s, int64_t row, int64_t *series, int64_t *volume, uint64_t *version,
		      int64_t *at);
/** One of them; -ENOENT. */
int store_missing_one(struct store *s, int64_t series, int64_t volume, store_missing_fn *fn, void *arg);

/* --- duplicates: store_read_duplicates.c --- */

enum duplicate_kind {
	/** The same volume, or the same range, of a series more than once. */
	DUPLICATE_VOLUME,
	/** A volume or range of which a range or complete edition holds every volume. */
	DUPLICATE_COVERED,
	/** The same recording more than once. */
	DUPLICATE_RECORDING,
};
struct store_duplicate {
	enum duplicate_kind kind;
	/** Of volumes; the others are "" then. */
	const char *series;
	const char *artist, *album, *title;
	/** Volumes, @first above @last for a complete edition; disc and track, 0 when not known. */
	int first, last;
	int64_t disc, track;
	/** The best first; at most STORE_COPIES_SHOWN of @total. */
	const struct copy *copies;
	size_t count, total;
};
enum {
	STORE_COPIES_SHOWN = 100,
	/** Files beyond this number of tracks, or of volumes, are not compared. */
	STORE_COPIES_COMPARED = 2000000,
};
struct store_duplicates {
	/** Of all, shown or not. */
	int64_t total;
	/** There were more than STORE_COPIES_COMPARED. */
	bool is_partial;
};
typedef int store_duplicate_fn(void *arg, const struct store_duplicate *row);
/** At most @limit rows, volumes first.  Reads all tracks and volumes once. */
int store_duplicates(struct store *s, int64_t limit, store_duplicate_fn *fn, void *arg,
		     struct store_duplicates *d);

/* --- errors, audit, jobs, runs, events --- */

struct store_error_row {
	struct bytes root, path;
	const char *kind, *reason;
	int64_t since;
	int tries;
};
typedef int store_error_fn(void *arg, const struct store_error_row *row);
int store_errors(struct store *s, store_error_fn *fn, void *arg);

/** Bits of `audit`. */
#define AUDITS(A) \
	A(no_title, 1, "no title tag") \
	A(no_artist, 2, "no artist tag") \
	A(no_album, 4, "no album tag") \
	A(no_cover, 8, "no cover: neither embedded nor beside the files") \
	A(no_comicinfo, 16, "no ComicInfo.xml") \
	A(no_number, 32, "the name tells neither volume nor chapter")
enum {
#define A(name, bit, text) AUDIT_##name = bit,
	AUDITS(A)
#undef A
};

struct store_audit_row {
	struct bytes root, dir, name;
	/** What it is: "track", "volume", "album". */
	const char *kind;
	int problems;
};
typedef int store_audit_fn(void *arg, const struct store_audit_row *row);
/** At most @limit rows of each kind; *total counts all. */
int store_audit(struct store *s, int limit, store_audit_fn *fn, void *arg, int64_t *total);

struct store_job {
	int64_t id;
	const char *order, *state, *result;
	int64_t submitted_at, started_at, ended_at, done, total;
};
typedef int store_job_fn(void *arg, const struct store_job *row);
/** Queued, paused and running ones: those that were begun before those that wait, oldest first. */
int store_jobs_live(struct store *s, store_job_fn *fn, void *arg);
/** The last @limit ended ones, newest first. */
int store_jobs_ended(struct store *s, int limit, store_job_fn *fn, void *arg);

typedef int store_run_fn(void *arg, const struct run *run);
/** The last @limit runs, oldest first. */
int store_runs(struct store *s, int limit, store_run_fn *fn, void *arg);
/** The same of those that saw files and came to their end, as far as the last 1,000 runs go back; moves with topic jobs too. */
int store_runs_whole(struct store *s, int limit, store_run_fn *fn, void *arg);

struct store_event {
	int64_t seq, time;
	const char *kind;
	/** A JSON object. */
	struct bytes body;
};
typedef int store_event_fn(void *arg, const struct store_event *row);
int store_events(struct store *s, int64_t after, int limit, store_event_fn *fn, void *arg);
int store_event_last(struct store *s, int64_t *seq);

/* --- history: past documents of status/ --- */

/** The snapshots with id > @after, by id; their time is their name and `at`. */
int store_history(struct store *s, int64_t after, store_item_fn *fn, void *arg);
/** The snapshot of a time (whole seconds, in ns); -ENOENT. */
int store_history_at(struct store *s, int64_t time, int64_t *id);
int store_history_time(struct store *s, int64_t id, int64_t *time);
/** When the last one was made, 0 when there is none. */
int store_history_last(struct store *s, int64_t *time);
/** The documents of snapshot @at with id > @after, by id. */
int store_history_docs(struct store *s, int64_t at, int64_t after, store_item_fn *fn, void *arg);
int store_history_find(struct store *s, int64_t at, const char *name, int64_t *id);
/** When document @id was made. */
int store_history_doc(struct store *s, int64_t id, int64_t *time);
/** Appends its bytes. */
int store_history_read(struct store *s, int64_t id, struct buf *out);

/** What is there altogether, by the counts that are kept: no table is read for it. */
struct store_counts {
	int64_t tracks, albums, artists, music_bytes;
	double music_seconds;
	int64_t series, volumes, chapters, missing, manga_bytes;
	int64_t errors;
};
int store_counts(struct store *s, struct store_counts *c);

#endif
