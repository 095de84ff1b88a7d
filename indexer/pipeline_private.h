/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between the files of the pipeline: jobs and the thread are in pipeline.c. */
#ifndef INDEXER_PIPELINE_PRIVATE_H
#define INDEXER_PIPELINE_PRIVATE_H

#include "common/store_integrity.h"
#include "common/thread.h"
#include "common/vec.h"
#include "indexer/discover/diff.h"
#include "indexer/discover/scouts.h"
#include "indexer/discover/watch.h"
#include "indexer/extract/pool.h"
#include "indexer/guard.h"
#include "indexer/mounts.h"
#include "indexer/pipeline.h"

/** A file on its way through scout and worker. */
struct batch_file {
	/** Its name's bytes lie in the batch, name_at. */
	struct seen seen;
	size_t name_at, dir_at, dir_len;
	/** Whether a picture lies beside it. */
	bool cover;
	bool is_done;
};

/** Files that are read together: those of one chunk of one directory when they are opened, else of any. */
struct batch {
	/** Since it was given to a worker; another one each time. */
	uint64_t id;
	struct scan_root *root;
	/** The directory a chunk of which is answered when it is sent; 0: none is. */
	uint64_t answers;
	/** Its files are read from heads; else they are opened. */
	bool is_given;
	/** One file that ended its reader before; and the store knows that it is read again. */
	bool is_alone, is_announced;
	/** Workers that ended with it, and did not say which file they read. */
	int deaths;
	/** Worker that has it, -1 while it waits. */
	int worker;
	int64_t sent_at;
	struct batch *next;
	/** Paths of directories, and names; owned. */
	struct buf texts;
	int count, left;
	/** Of its files' paths. */
	size_t path_bytes;
	struct batch_file file[BATCH_MAX];
};

/** A file that was not seen; its texts lie in scan_root.lost_texts: path, name. */
struct loss {
	int64_t file, dir;
	size_t at, dir_len, name_len;
	/** What it was is under another name now. */
	bool has_moved;
};

enum root_stage {
	/** The scout lists, workers read. */
	ROOT_WALKS,
	/** What was not seen is looked at once more. */
	ROOT_CONFIRMS,
	/** All was said; the root is added up and its scout released. */
	ROOT_DONE,
	ROOT_ENDED,
};

/** One root in a running scan. */
struct scan_root {
	struct scan *scan;
	/** Index in pipeline.scout. */
	int scout;
	VEC(struct walk_scope) scopes;
	uint32_t slice, slices;
	/** Paths of what is unknown now; see pipeline_guard.c. */
	VEC(char *) blind;
	struct diff *diff;
	int64_t heard_at;
	/** Batches of it that are not finished; and that of heads which waits and still takes files. */
	int batches;
	struct batch *filling;
	enum root_stage stage;
	bool is_walked;
	/** The verdict at the start lets its lists count. */
	bool may_scan;
	/** The verdicts at the start and at the end allow to forget. */
	bool may_forget_start, may_forget_end;
	/** Anchors that were there at the start. */
	uint32_t answered_start;
	/** Something was mounted or unmounted meanwhile. */
	bool has_moved;
	/** More vanished than is believed. */
	bool is_frozen;
	/** A full scan of a path that the user named. */
	bool is_ordered;
	/** The user says that so many files are gone; 0: he says nothing. */
	int64_t accepts;
	VEC(struct loss) lost;
	struct buf lost_texts;
	/** All that were not seen, and those of them that are elsewhere now. */
	int64_t vanished, moved;
	/** Questions sent and answers read of `lost`; not to be sent before. */
	size_t asked, answered;
	int64_t ask_at;
};

struct scan {
	/** Sent along with every frame: what an older scan still says is not listened to. 0: none. */
	uint64_t id;
	/** Of a scan that nobody ordered: a number below 0 of its own. */
	int64_t job;
	bool is_full;
	/** Only compares: see pipeline_verify.c. */
	bool is_verify;
	uint64_t different;
	struct buf differences;
	struct scan_root *root;
	size_t roots;
	/** Waiting, first in first out; and given to workers. */
	struct batch *first, **last, *given;
	size_t waiting_files;
	int64_t started_mono, started_at;
	/** Its present pause, since when (0: none); its ended ones, how long. */
	int64_t paused_mono, paused_ns;
	uint64_t start_cpu_ns, start_insert_busy, start_discover_cpu, start_extract_cpu, walk_busy_ns;
	uint64_t peak_pending, peak_waiting, peak_writer;
	uint64_t added, changed, removed, errors, extracted;
	/** Files that were not read, because nothing would hold the reader. */
	uint64_t refused;
	uint64_t rss_scout, rss_worker, rss_sum;
};

/** What a scan shall do with one root. */
struct scan_plan {
	int scout;
	/** Taken by scan_begin(). */
	VEC(struct walk_scope) scopes;
	uint32_t slice, slices;
	int64_t accepts;
	bool is_ordered;
};

enum scan_kind {
	/** What did not change is not read. */
	SCAN_QUICK,
	SCAN_FULL,
	/** Everything is read and nothing is written. */
	SCAN_VERIFY,
};

struct job {
	int64_t id;
	char *words;
	bool is_paused;
	/** Reads files to their end, beside the others, and stays in the row until it is done. */
	bool is_check;
	int64_t submitted_at;
};

/** What happens with a job, for its row. */
struct job_state {
	int64_t id, started_at, ended_at;
	uint64_t done, total;
	const char *state, *result;
};

/** Files that are read to their end, one at a time, while no scan runs: pipeline_integrity.c. */
struct checker {
	/** One worker, that runs while there is something to do. */
	struct pool pool;
	/** The file at hand, as the index knows it; id 0: none.  Its dir and name are not kept. */
	uint64_t id;
	struct store_check check;
	/** Whose cover is made of it; 0: it is verified. */
	int64_t series;
	int scout;
	/** Its folder, below the root; owned. */
	char *dir;
	size_t dir_len;
	int64_t sent_at;
	/** Of it, before it waited for a scan last; its pages that are whole. */
	int64_t worked;
	unsigned pages;
	bool is_ordered;
	/** It waits for a scan, since when. */
	bool is_stopped;
	int64_t stopped_at;
	/** By control/pause; under the pipeline's lock. */
	bool is_paused;
	/** Files up to this number were looked at; not before this time (monotonic); when the last pass began, what it cost. */
	int64_t cursor, rest_until, spent;
	/** Bytes read in that hour (hours since 1970). */
	int64_t hour, used;
	/** The job that runs; its files; how many there are in all, and how many were done before. */
	int64_t job, job_started_at, told_at;
	VEC(int64_t) files;
	size_t next;
	uint64_t before, verdicts[VERDICT_COUNT], skipped;
	/** Damaged volumes since the last file that was intact. */
	unsigned in_a_row;
};

/** Which covers are due (pipeline_covers.c). */
struct coverer {
	/** Series up to this number were looked at, 0: all; the highest; as of that version of topic manga. */
	int64_t cursor, last;
	uint64_t version;
	/** Not before this time (monotonic): the next cover; another look at all series though nothing changed. */
	int64_t next_at, again_at;
	/** How many more may be kept; whether the series at hand has a picture. */
	int64_t room;
	bool is_kept;
};

/** A file system mounted below a root, as it was when its files were seen. */
struct submount {
	char *path, *type;
	uint64_t device;
	char state[16];
	int64_t held;
	/** The last scan that was asked about it (guard_holds), and what was found. */
	uint64_t judged_by;
	bool is_held;
};

struct anchor_row {
	char *path;
	int64_t size, mtime;
};

/** A directory that must be listed again. */
struct due {
	char *path;
	unsigned flags;
	/** First and last time that it was told. */
	int64_t first_at, last_at;
};

struct root_row {
	int64_t id;
	/* state, held: written by the thread under the lock, read by pipeline_check_loss() */
	char state[16];
	int64_t held;
	/** Files as of the last count. */
	int64_t files;
	uint64_t device;
	/** Type of the file system, and which folder of it the root is: see guard_place(). */
	char fstype[512];
	/** Free bytes on its disk, as they were written last; and whether they were since the start. */
	uint64_t room;
	bool has_room;
	/** Its path without links, as far as it is known; else as it was configured. */
	char *real_path;
	/** What it is on was mounted since it was found healthy. */
	bool is_other_mount;
	/** What it is mounted on, and what is mounted below it: they change with every mount. */
	uint64_t cover_key, below_key;
	bool is_own_mount, is_remote, has_remote_below;
	VEC(struct submount) mounts;
	VEC(struct anchor_row) anchors;
	/** Its scout, or this process, waits for the disk: nothing is asked of it. */
	bool is_stuck;
	pid_t stuck_process;
	VEC(struct due) due;
	/** When it is looked at anyway: polled, a slice of it verified. */
	int64_t poll_at, verify_at;
	uint32_t slice;
	bool is_polled, has_marks;
	char watch[512];
};

struct pipeline {
	struct pipeline_options o;
	struct thread thread;
	/** Wakes the thread. */
	int wake;
	pthread_mutex_t lock;
	/* protected by lock: */
	VEC(struct job) jobs;
	int64_t running;
	bool is_paused, is_cancelled, is_ending;
	/* only the thread: */
	struct store *store;
	struct scout *scout;
	struct root_row *row;
	size_t scouts;
	struct pool pool;
	/** What was ordered, and what events and timers ask for: beside each other, never in one root. */
	struct scan job_scan, watch_scan;
	struct job job;
	/** The look at links that the job waits for, 0 none; and how it ended. */
	uint64_t look;
	struct buf looked;
	/** Links that it looked at, of how many: they are things of the job, as files are. */
	uint64_t links_done, links_total;
	struct checker checker;
	struct coverer coverer;
	struct mounts mounts;
	int64_t purge_at;
	/** Rows may be pending from an earlier life. */
	bool has_pending;
	/** When memory, and processor time of the stages, are looked at again (monotonic). */
	int64_t memory_at, busy_at;
	/** Never begins anew: a late answer to an older scan meets no batch of its number. */
	uint64_t next_batch;
};

#define LIVE(p, name) ((p)->o.live->name)
#define LIVE_SET(p, name, v) atomic_store_explicit(&LIVE(p, name), (v), memory_order_relaxed)

/** "music", "manga", "links". */
const char *pipeline_kind(enum media_kind kind);

/* --- pipeline_roots.c: before the thread runs --- */

/** Declares the roots of the configuration to the store: fills p->scout and p->row. */
int roots_declare(struct pipeline *p);
/** Reads their last states; forgets roots that the configuration does not name any more. */
int roots_take_up(struct pipeline *p);

/** Starts the processes that look at roots, where they do not run. */
int roots_start_scouts(struct pipeline *p);

/* --- pipeline_plan.c --- */

/** What a job's words ask for: fills @plan (256), returns how many roots. */
size_t plan_job(struct pipeline *p, const char *words, enum scan_kind *kind, struct scan_plan *plan);
/** How many files a scan of whole roots will see, by their last count. */
uint64_t plan_expected(const struct pipeline *p, const struct scan_plan *plan, size_t n);

/* --- pipeline_gather.c: all in the pipeline's thread --- */

/** An empty one; NULL without memory. */
struct batch *batch_new(struct scan_root *root);
/** What its files hold goes back. */
void batch_free(struct pipeline *p, struct batch *b);
/** Adds a file of the directory @dir, whose name is copied, and takes its ticket; at most BATCH_MAX.  False: no memory. */
bool batch_add(struct batch *b, struct bytes dir, bool cover, struct seen *e);
/** Adds what another one has as its file @i, which keeps it. */
bool batch_copy(struct batch *to, const struct batch *b, int i);
/** Puts a batch into the row of those that wait for a worker. */
void batch_enqueue(struct batch *b);
/** A file whose head was read goes with others of its root, into a batch that waits. */
void batch_gather(struct scan_root *root, struct bytes dir, bool cover, struct seen *e);
/** A file of it is not to be read any more; its head goes back. */
void batch_take_out(struct pipeline *p, struct batch *b, int i);
/** The name of a file, and its directory's path; borrowed from the batch. */
struct bytes batch_name(const struct batch *b, int i);
struct bytes batch_dir(const struct batch *b, int i);
/** Both together. */
void batch_path(const struct batch *b, int i, struct buf *out);
/** Whether its last file lies in that directory; it has one. */
bool batch_is_in(const struct batch *b, struct bytes dir);

/* --- pipeline_batch.c: all in the pipeline's thread --- */

/** A batch of its own for a file that ended its reader before; or, where that is enough, a word in the index. */
void batch_add_alone(struct pipeline *p, struct scan_root *root, struct bytes dir, bool cover, struct seen *e);
/** Gives waiting batches to workers that have little to do. */
void batch_dispatch(struct pipeline *p, struct scan *s);
/** Tells a scout that one chunk of a directory is done with. */
void batch_answer_chunk(struct pipeline *p, const struct scan_root *root, uint64_t dir);
/** Results of worker @i are there, or its end. */
void batch_read_worker(struct pipeline *p, int i);
/** A scout could not open a file. */
void batch_on_failed(struct pipeline *p, struct frame *f);
/** Gives up workers that wait for a dead disk. */
void batch_check_hung(struct pipeline *p);
/** Finds workers that do not touch what they were given. */
void batch_check_lost(struct pipeline *p, const struct scan *s);
/** Forgets the batches of a root (NULL: of all). */
void batch_drop(struct pipeline *p, struct scan *s, const struct scan_root *root);

/* --- pipeline_poison.c: files that end their reader --- */

/** Where nobody knows how the last read of a file ended, it ended its reader: what is read from now on is known. */
void poison_open(struct pipeline *p);
/** What is written down of a file before it is read. */
struct read_mark poison_mark(const struct pipeline *p, const struct scan_root *r, struct bytes dir, struct bytes name,
			     const struct seen *e);
/** Whether reading that very file ended a reader before: then has_killed and tries are set. */
bool poison_check(struct pipeline *p, const struct scan_root *r, struct bytes dir, struct seen *e);
bool poison_may_read(const struct scan_root *r, const struct seen *e);
/** Waits until the store knows which files are read once more.  0 or -errno: then they are not. */
int poison_announce(struct pipeline *p, struct scan *s);
/** Who gives a batch, for what is written down of it. */
int poison_owner(const struct pipeline *p, const struct batch *b);
/** Whether a file of it is being read for somebody else, or for nobody any more: what comes of that is waited for. */
bool poison_must_wait(const struct pipeline *p, const struct batch *b);
/** What has ended its reader since the batch was made is read alone, or not at all: it leaves the batch. */
void poison_sift(struct pipeline *p, struct batch *b);
/** That file ended its reader: what is known of its former tries, also of those that nobody waited for. */
void poison_blamed(struct pipeline *p, struct batch *b, int i);
/** The writer was told of that; empties the table of marks in time. */
void poison_told(struct pipeline *p, const struct batch *b, int i);
/** Whatever came of it, its reader lives. */
void poison_acquit(struct pipeline *p, const struct batch *b, int i);
/** Whether a kind of error says that the file ended its reader, or would have. */
bool poison_is_kind(const char *kind);
/** Fills @reason (n bytes) and returns the kind of error. */
const char *poison_reason(const struct pipeline *p, const struct pool_loss *loss, int64_t size, char *reason, size_t n);
/* --- pipeline_send.c: on the way to a worker --- */

/** Gives a batch to worker @worker: itself, or through the scout that opens its files.  0 or -errno. */
int send_batch(struct pipeline *p, struct batch *b, int worker);
/** A worker is at a file of @r, however large: that has a deadline of its own.  Or there is none that could be. */
bool send_is_awaited(const struct pipeline *p, const struct scan_root *r);
/** The head that @seen has, if any, is done with. */
void send_back(struct pipeline *p, const struct scan_root *root, struct seen *seen);

/* --- pipeline_known.c --- */

/** Tells the scout what is known of directories, before its order. */
void known_send(struct pipeline *p, const struct scan_root *r);
/** FRAME_SAME behind the scan's number. */
void known_on_same(struct pipeline *p, struct scan_root *r, struct frame *f);

/* --- pipeline_scan.c: all in the pipeline's thread --- */

/** Starts a scan; takes the scopes of the plans. */
int scan_begin(struct pipeline *p, struct scan *s, int64_t job, enum scan_kind kind,
	       struct scan_plan *plan, size_t n);
/** Reads what scouts and workers say and gives out work; waits at most @timeout_ms. */
void scan_step(struct pipeline *p, int timeout_ms, bool is_paused);
bool scan_is_done(const struct scan *s);
/** Whether most of it is read, and not only listed. */
bool scan_reads_heads(const struct scan_root *r, const struct root_row *row);
/** The root in a running scan, NULL when it is in none. */
struct scan_root *scan_root_of(struct pipeline *p, int scout);
/** Ends a root before its time: nothing more is expected of its scout. */
void scan_end_root(struct pipeline *p, struct scan_root *r);
/** Stops the walk; what is on its way is dropped. */
void scan_abort(struct pipeline *p, struct scan *s);
/** When all is done: who is who; then all of it is committed. */
void scan_settle(struct pipeline *p, struct scan *s);
/** Frees the scan's memory. */
void scan_end(struct pipeline *p, struct scan *s);
/** One more scope for a plan; @path is copied. */
void plan_add(struct scan_plan *plan, const char *path, bool is_deep);
/** An event for events.jsonl; @body: a JSON object. */
void put_event(struct pipeline *p, const char *kind, const struct buf *body);

/* --- pipeline_run.c: the numbers of a scan --- */

void run_begin(struct pipeline *p, struct scan *s, size_t roots);
void run_publish(struct pipeline *p);
/** What the processes use now, now and then; also while nothing runs. */
void run_publish_memory(struct pipeline *p);
/** The job was paused, or goes on: a pause is no time of the scan. */
void run_pause(struct pipeline *p, bool is_paused);
/** Fills @run with the numbers of an ended scan. */
void run_fill(struct pipeline *p, const struct scan *s, struct run *run);

/* --- pipeline_verify.c: the index against the disk --- */

struct verify_lost {
	struct pipeline *p;
	struct scan_root *r;
};

/** A file was read (@kind NULL) or could not be: is that what the index says of it? */
void verify_file(struct pipeline *p, const struct scan_root *r, struct bytes dir, struct bytes name,
		 const struct seen *e, const char *kind, const char *media, size_t media_len);
/** All of a root was read. */
void verify_root(struct pipeline *p, struct scan_root *r);
/** Keeps the differences for status/verify. */
void verify_end(struct pipeline *p, struct scan *s);

/* --- pipeline.c --- */

/** Writes a job's row; and what is told of it in events. */
void job_put(struct pipeline *p, const struct job_state *s);
void job_put_event(struct pipeline *p, int64_t id, const char *words, const char *state, const char *result);
/** A job that waits, NULL.  Under the lock. */
struct job *job_find(struct pipeline *p, int64_t id);

/* --- pipeline_integrity.c: files read to their end --- */

int integrity_open(struct pipeline *p);
void integrity_close(struct pipeline *p);
/** Where the worker's answers come; -1 while it does not run. */
int integrity_fd(const struct pipeline *p);
void integrity_read(struct pipeline *p);
/** Goes on, or waits for a scan. */
void integrity_step(struct pipeline *p);
/** FRAME_FAILED: true when it was about the file at hand. */
bool integrity_on_failed(struct pipeline *p, struct frame f);
/** Whether words are those of a job that reads files to their end. */
bool integrity_is_job(const char *words);

/* --- pipeline_loss.c: what a scan did not see --- */

/** All of the root was listed and read. */
void loss_begin(struct pipeline *p, struct scan_root *r);
/** Sends the questions that are due. */
void loss_ask(struct pipeline *p, struct scan_root *r);
/** FRAME_SEEN. */
void loss_on_seen(struct pipeline *p, struct scan_root *r, struct frame *f);

/* --- pipeline_guard.c: how roots are --- */

/** FRAME_ROOT. */
void guard_on_root(struct pipeline *p, struct scan_root *r, struct frame *f);
/** FRAME_BEAT. */
void guard_on_beat(struct pipeline *p, int scout, struct frame *f);
/** The root does not answer; @process: of one that could not be ended, 0 when its scout waits. */
void guard_set_stuck(struct pipeline *p, int scout, pid_t process);
/** Whether those that could not be ended have ended. */
void guard_check_stuck(struct pipeline *p);
/** @held: files that would be forgotten and are not. */
void guard_set_state(struct pipeline *p, int scout, const char *state, const char *reason,
		     int64_t held);
/** An event: a root or a mount is in another state now. */
void guard_put_event(struct pipeline *p, const char *name, const char *path, const char *state,
		     const char *reason);
/** Files that the index knows at and below a path. */
int64_t guard_count(struct pipeline *p, int scout, const char *path);
/** Chooses the files that are asked for to know the disk again. */
void guard_choose_anchors(struct pipeline *p, int scout);
void guard_clear_anchors(struct root_row *row);

/* --- pipeline_mounts.c: what is mounted where --- */

/** What is known from the store; then follows mounts. */
void guard_open(struct pipeline *p);
void guard_close(struct pipeline *p);
/** The root is another path than was known: what is mounted there now is what was there before. */
void guard_refresh(struct pipeline *p, int scout);
/** Something was mounted or unmounted somewhere. */
void guard_on_mounts(struct pipeline *p);
/** Which folder of its file system a root is, whatever it is mounted on: "/music". */
void guard_place(const struct pipeline *p, int scout, struct buf *out);
/** A mount below the root whose changes nobody tells. */
bool guard_is_unwatched(const struct pipeline *p, int scout, const struct mount *m);
/** Before a scan: which paths are unknown, which are not entered. */
void guard_prepare(struct pipeline *p, struct scan_root *r);
/** A directory was listed: it may be a mount that is empty now. */
void guard_on_list(struct pipeline *p, struct scan_root *r, struct bytes path, bool is_empty);
/** Whether @path, in which a file was not seen, is on a mount of which nothing at all was seen. */
bool guard_holds(struct pipeline *p, struct scan_root *r, const char *path);
/** After a healthy scan: the mounts below the root are as they should be. */
void guard_record(struct pipeline *p, struct scan_root *r, bool is_whole);

/* --- pipeline_watch.c: scans that nobody ordered --- */

/** FRAME_DIRTY, FRAME_WATCH. */
void watch_on_dirty(struct pipeline *p, int scout, struct frame *f);
void watch_on_counts(struct pipeline *p, int scout, struct frame *f);
/** Lists a directory again as soon as it is quiet. */
void watch_add(struct pipeline *p, int scout, const char *path, size_t n, unsigned flags);
/** The same of a directory of root row @root, unless that is away.  @arg: the pipeline. */
int watch_add_place(void *arg, int64_t root, struct bytes dir);
/** Whether files of that directory are being written. */
bool watch_is_busy(const struct pipeline *p, int scout, struct bytes path);
/** Starts a scan of what is due; ends one that is done. */
void watch_step(struct pipeline *p);
/** Ends a scan of our own of that root; what it looked at is due again. */
void watch_yield(struct pipeline *p, int scout);
/** How long the thread may sleep. */
int watch_timeout(struct pipeline *p, int most_ms);
void watch_close(struct pipeline *p);

#endif
