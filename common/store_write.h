/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Changes of the store.  Only indexer/load/writer.c calls these: one thread, one connection.
 * All happen inside store_begin_write() … store_commit(); each returns 0 or -errno.
 */
#ifndef COMMON_STORE_WRITE_H
#define COMMON_STORE_WRITE_H

#include "common/snapshot.h"
#include "common/store_read.h"

/** Opens a transaction; its rows will carry the next generation's number. */
int store_begin_write(struct store *s);
/** Marks topics (TOPIC_BIT) whose data this transaction changed. */
void store_touch(struct store *s, unsigned topics);
/**
 * Moves the touched topics and commits, durably.  *generation: the last one afterwards; it does
 * not move when no topic was touched.
 */
int store_commit(struct store *s, uint64_t *generation);
void store_rollback(struct store *s);
/**
 * Between transactions: commits that follow may be lost, the last ones first, when the machine stops (not when a program
 * does); what they hold can be had again.  At the next one that is not lazy all before it are safe.
 */
int store_set_lazy(struct store *s, bool is_lazy);
/** The number that the next commit will have. */
uint64_t store_next_generation(const struct store *s);
/** Nothing was there before the scan that runs: its rows come in bulk. */
bool store_is_first_scan(const struct store *s);
/**
 * Outside transactions, when nobody writes, a few milliseconds of it: sums of directories (dirsum.h), then moves what was
 * committed into the store's file.  1 when there is more to do, 0, -errno.
 */
int store_tidy(struct store *s);
/** After a first scan: what asks for files that moved takes long until store_make_indexes(), or store_tidy(). */
bool store_lacks_indexes(const struct store *s);
int store_make_indexes(struct store *s);
/** Most bytes of pages that the connection keeps in memory. */
int store_set_cache(struct store *s, int64_t bytes);

/* --- roots --- */

/** Declares all roots inactive; store_put_root() then revives those of the configuration. */
int store_retire_roots(struct store *s);
int store_put_root(struct store *s, const char *name, const char *kind, const char *path,
		   int64_t *id);
/** What is known of a root now; @held: files that would be forgotten and are not. */
int store_set_root(struct store *s, int64_t root, const char *state, const char *reason,
		   int64_t held);
/** The disk that the root is on, and its path without links. */
int store_set_root_identity(struct store *s, int64_t root, uint64_t device, const char *fstype,
			    struct bytes real_path);
/** How the root is watched: a sentence. */
int store_set_root_watch(struct store *s, int64_t root, const char *how);
/** A file system mounted below a root. */
int store_put_mount(struct store *s, const struct store_mount *mount);
int store_delete_mount(struct store *s, int64_t root, struct bytes path);
/** Ends a former root, whose files and errors were forgotten. */
int store_delete_root(struct store *s, int64_t root);
/** Adds up files and bytes of a root anew. */
int store_recount_root(struct store *s, int64_t root);

/* --- files --- */

struct store_put {
	int64_t root, job;
	/** The row, when it is known; 0 when the file seems to be new. */
	int64_t file;
	/** With an error: what was read before stays. */
	bool keeps_media;
	struct bytes dir, name;
	/** A picture file lies in the directory. */
	bool cover;
	int64_t size, mtime, ctime, inode, btime;
	/** Of the file's head and size; 0: not known. */
	uint64_t hash;
	/** How many names it has; 0: not known. */
	int64_t links;
	/** OF_TRACK or OF_VOLUME. */
	unsigned of;
	/** What was read; may be incomplete when error_kind is set. */
	const struct media *media;
	/**
	 * NULL when the file was read well; else "corrupt", "incomplete", "unreadable", "crashed",
	 * "timeout".
	 */
	const char *error_kind, *error_reason;
	int tries;
};

/** Rows that a change touched and that must be settled before the commit; 0 = none. */
struct store_touched {
	int64_t file, dir, album[2], series[2];
	bool is_new;
	/** The change is none for store_settle_dir(). */
	bool is_dir_settled;
};

int store_put_file(struct store *s, const struct store_put *put, struct store_touched *touched);
int store_forget_file(struct store *s, int64_t file, struct store_touched *touched);
/* --- who is who: store_identity.c --- */

/**
 * A file that is not at its place (@dir, @name) any more: what is known of it is kept apart for
 * some time, for its return or for the place that it moved to.  0 also when it is not there.
 */
int store_lose_file(struct store *s, int64_t file, int64_t dir, struct bytes name,
		    struct store_touched *touched);
/** A lost file that is back as it was; @job: the scan that saw it. */
int store_restore_file(struct store *s, int64_t file, int64_t job, struct store_touched *touched);
/**
 * At the end of a scan: rows whose inode is new under their name take the id of the file that
 * they are, if it is one that moved.  @touched is told of each row that changed.
 */
typedef void store_touched_fn(void *arg, const struct store_touched *touched);
int store_resolve(struct store *s, store_touched_fn *fn, void *arg);
/** A row that shares its inode with another one that is there: a hard link, a file of its own; or
 * both places are to be looked at @again. */
int store_settle_twin(struct store *s, int64_t file, bool again);
/** Ends lost files that are lost since before @time. */
int store_purge_gone(struct store *s, int64_t time);

/** Forgets an empty directory's row; -ENOTEMPTY when files are left. */
int store_forget_dir(struct store *s, int64_t dir);
/** Notes whether a picture lies in a directory, which may come later, and the @name of one that stands for it ("": none); touches
 * its albums. */
int store_set_cover(struct store *s, int64_t root, struct bytes dir, bool cover, struct bytes name,
		    void (*album)(void *arg, int64_t id), void *arg);

/** An error of a path that is no indexed file (a directory, a FIFO…). */
int store_put_error(struct store *s, int64_t root, struct bytes path, const char *kind,
		    const char *reason, int64_t job);
/** What was read for the last time when it was last heard of has ended its reader: nobody knows better. */
int store_end_suspects(struct store *s);
/** Ends such errors at and below @path (@is_shallow: at it and directly in it) that job @job did
 * not see again. */
int store_expire_errors(struct store *s, int64_t root, struct bytes path, bool is_shallow,
			int64_t job);

/* --- derived rows, settled before each commit --- */

/** ID3v1-only tracks of a directory join the album of their neighbours; *album of what moved. */
int store_settle_dir(struct store *s, int64_t dir, void (*album)(void *arg, int64_t id), void *arg);
/** Shelves, year, audit of an album; removes it when it has no track left. */
int store_settle_album(struct store *s, int64_t album);

/** One file of a series, as far as numbers go; NAN where there is none. */
struct store_number {
	double volume, volume_end, chapter;
	/** ComicInfo Count, 0 when none. */
	int64_t count;
	/** "volume", "range", "chapter", "special", "oneshot", "unknown". */
	char kind[12];
	/** By which rule its name was read, "" when that is not known: it tells a complete edition. */
	char rule[24];
	/** The file is there but damaged; or it ends too early, as during a copy. */
	bool is_corrupt, is_incomplete;
};

struct store_gap {
	int64_t volume;
	/** "interior", "tail", "announced". */
	const char *kind;
	/** "wanted", "corrupt", "incomplete". */
	const char *state;
};

struct store_gaps {
	struct store_gap *gap;
	size_t count;
	/** The regular volumes owned, ascending, as a JSON list; NULL for none. */
	char *owned;
	/** Volumes that the series has, and who says so ("" when nobody). */
	int64_t total;
	const char *total_source;
};

/** What is expected of a series. */
struct store_expected {
	/** Lowest volume that counts as missing; a volume 0 that is owned makes it 0. */
	int64_t first;
	/** Volumes that the series has by the user's word; 0 when he did not say. */
	int64_t user_total;
	/** Volumes that are never missing, by the user's word; in any order, borrowed. */
	const int64_t *ignored;
	size_t ignored_count;
	/** Who knows what exists, a constant such as "nautiljon"; NULL when nobody was asked or knew. */
	const char *authority;
	/** By its word, only read with one: volumes that are out in the library's language, and the
	 * next one that is to come, which is not missing yet; -1 unknown. */
	int64_t released, planned;
};

/** What is missing (indexer/monitor/monitor_missing.c).  The caller frees gap and owned. */
typedef int store_gaps_fn(const struct store_number *numbers, size_t n,
			  const struct store_expected *expected, struct store_gaps *out);

/** Every series, because what is expected of them changed. */
int store_all_series(struct store *s, void (*series)(void *arg, int64_t id), void *arg);
/** @first: see struct store_expected. */
int store_settle_series(struct store *s, int64_t series, int64_t first, store_gaps_fn *gaps);

/* --- jobs, runs, events, meta --- */

/** *id of the new job, or of the one that has this token (a repeat), or of an equal one that
 * still waits. */
int store_add_job(struct store *s, const char *words, const char *token, int64_t *id);
/** Jobs that are "running" wait again: nobody runs them yet. */
int store_requeue_jobs(struct store *s);
int store_set_job(struct store *s, const struct store_job *job);
int store_add_run(struct store *s, const struct run *run);
/** @body: a JSON object. */
int store_add_event(struct store *s, const char *kind, const char *body, size_t n);
/** What a comparison with the disk found; replaces the one before.  @rows: path NUL text NUL … */
int store_set_verify(struct store *s, int64_t job, int64_t files, int64_t different, struct bytes rows);
int store_set_meta(struct store *s, const char *name, const char *value);

/* --- history --- */

/**
 * Keeps a snapshot and lets go of those that the retention rules do not keep: all of the last 24
 * hours, at most STORE_HISTORY_DAY, and the last of each of STORE_HISTORY_DAYS days (UTC) that
 * have one.  One that shows the state of the one before, of the same day, is not kept.
 * *id: of the row, 0 when not kept.
 */
int store_add_history(struct store *s, const struct snapshot *p, int64_t *id);
enum {
	STORE_HISTORY_DAY = 500,
	STORE_HISTORY_DAYS = 31,
};

#endif
