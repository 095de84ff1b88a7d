/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A damaged store is moved aside and the newest good copy takes its place, or none: then a new
 * one is begun.  What a scan can find again is found by the scan that every start begins with.
 *
 * Numbers of commits and rows that were ever shown must not come again with other content: the
 * live page knows the greatest one, and the store goes on above it (store_resume).
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/live.h"
#include "common/log.h"
#include "common/render.h"
#include "common/store_backup.h"
#include "common/store_ids.h"
#include "common/store_private.h"
#include "common/store_write.h"

enum {
	STORY_SIZE = 512,
	/** Numbers left out after a recovery: more than may have been given out unseen. */
	COMMITS_SKIPPED = 1000,
};

#define NEW_FILE STORE_FILE ".new"

static const struct name_shape DAMAGED = {STORE_FILE ".damaged-", ""};

struct recovery {
	const char *state_dir;
	char path[4096], fresh[4096 + 16], aside[4096 + 64];
	/** The name of the damaged file. */
	char aside_name[64];
	int64_t at;
};

/* --- choosing a copy --- */

/** A copy that this program can use: whole, and not of a newer version. */
static bool is_good(const char *path)
{
	char why[256];
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	bool good = rc == SQLITE_OK && store_check(db, "PRAGMA integrity_check(1)", why) == 0 &&
		    store_schema_is_known(db);
	sqlite3_close(db);
	return good;
}

/** Copies the newest good one of a kind beside the store.  1 when there was one. */
static int copy_newest(const struct recovery *x, bool daily, int64_t *of)
{
	dated_files files = {0};
	int r = store_backup_list(x->state_dir, daily, &files);
	for (size_t i = 0; i < files.len && r == 0; i++) {
		char path[4096 + BACKUP_NAME];
		snprintf(path, sizeof path, "%s/" BACKUP_FOLDER "/%s", x->state_dir, files.data[i].name);
		if (!is_good(path)) {
			log_warning("the copy %s is not good either", path);
			continue;
		}
		*of = files.data[i].at;
		r = file_copy(path, x->fresh);
		r = r < 0 ? r : 1;
	}
	vec_clear(&files);
	return r;
}

/* --- the change --- */

static void move_end(const struct recovery *x, const char *end)
{
	char from[sizeof x->path + 8], to[sizeof x->aside + 8];
	snprintf(from, sizeof from, "%s%s", x->path, end);
	snprintf(to, sizeof to, "%s%s", x->aside, end);
	if (rename(from, to) < 0 && errno != ENOENT)
		log_warning("%s cannot be moved aside: %s", from, strerror(errno));
}

/**
 * The WAL goes first: beside another store it would be written into that one.  Then the store's
 * name passes from the damaged file to the good one in one step, so that there always is one.
 */
static int exchange(const struct recovery *x)
{
	char wal[sizeof x->path + 8];
	snprintf(wal, sizeof wal, "%s-wal", x->path);
	move_end(x, "-wal");
	move_end(x, "-shm");
	if (access(wal, F_OK) == 0)
		return -EBUSY;
	/* a filesystem without hard links has it absent for a moment */
	if (link(x->path, x->aside) < 0 && rename(x->path, x->aside) < 0)
		return -errno;
	if (rename(x->fresh, x->path) < 0)
		return -errno;
	return folder_sync_of(x->path);
}

static void tell(const struct recovery *x, const char *damage, int64_t of, char *story)
{
	_buf_ struct buf at = BUF_INIT(64), copy = BUF_INIT(64);
	time_rfc3339(x->at / NS_PER_S * NS_PER_S, &at);
	time_rfc3339(of, &copy);
	if (of)
		snprintf(story, STORY_SIZE,
			 "%.120s: at %s the copy of %s took its place; orders and history since then are "
			 "lost, the folders are scanned again; the damaged file is %s",
			 damage, buf_str(&at), buf_str(&copy), x->aside_name);
	else
		snprintf(story, STORY_SIZE,
			 "%.120s: at %s a new one was begun, because there was no good copy; orders and "
			 "history are lost, the folders are scanned again; the damaged file is %s",
			 damage, buf_str(&at), x->aside_name);
}

/** Finishes what will be the store before anybody can see it.  @is_copy: its tables are there. */
static int finish_fresh(const struct recovery *x, bool is_copy, const char *story)
{
	char why[256];
	struct store *s = NULL;
	int r = store_open_path(x->fresh, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &s);
	if (r == 0 && !is_copy)
		r = store_schema_prepare(s, x->state_dir, why);
	if (r == 0)
		r = store_resume(s, x->state_dir, story);
	store_close(s);
	return r;
}

static void remove_fresh(const struct recovery *x)
{
	char journal[sizeof x->fresh + 16];
	snprintf(journal, sizeof journal, "%s-journal", x->fresh);
	unlink(x->fresh);
	unlink(journal);
}

static void name_files(struct recovery *x)
{
	char stamp[STAMP_LEN + 1];
	stamp_of(x->at, stamp);
	snprintf(x->aside_name, sizeof x->aside_name, "%s%s", DAMAGED.before, stamp);
	snprintf(x->path, sizeof x->path, "%s/" STORE_FILE, x->state_dir);
	snprintf(x->fresh, sizeof x->fresh, "%s/" NEW_FILE, x->state_dir);
	snprintf(x->aside, sizeof x->aside, "%s/%s", x->state_dir, x->aside_name);
}

int store_recover(const char *state_dir, const char *damage)
{
	struct recovery x = {.state_dir = state_dir, .at = now_ns()};
	char story[STORY_SIZE];
	int64_t of = 0;
	name_files(&x);
	remove_fresh(&x);
	int r = copy_newest(&x, true, &of);
	if (r == 0)
		r = copy_newest(&x, false, &of);
	tell(&x, damage, of, story);
	if (r >= 0)
		r = finish_fresh(&x, r == 1, story);
	if (r == 0)
		r = exchange(&x);
	if (r < 0) {
		remove_fresh(&x);
		return r;
	}
	files_prune(state_dir, &DAMAGED, BACKUPS_KEPT_ASIDE);
	log_error("%s", story);
	return 0;
}

bool store_lost_all(const char *state_dir)
{
	char path[4096];
	struct stat st;
	snprintf(path, sizeof path, "%s/" STORE_FILE, state_dir);
	return stat(path, &st) == 0 && st.st_size == 0 && live_given_out(state_dir) > 0;
}

/* --- going on --- */

/** Numbers of rows that were given out since the copy was made are not given again. */
static int skip_rows(struct store *s)
{
	enum { JOBS = 1000, ROWS = 1000000 };
	int r = store_exec(s, "INSERT INTO sqlite_sequence(name, seq) SELECT name, 0 FROM sqlite_master "
			      "WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%' AND name NOT IN "
			      "(SELECT name FROM sqlite_sequence)");
	sqlite3_stmt *q = store_stmt(s, SQL_sequences_skip);
	sqlite3_bind_int64(q, 1, JOBS);
	sqlite3_bind_int64(q, 2, ROWS);
	if (r == 0)
		r = store_skip_ids(s, ROWS);
	return r < 0 ? r : store_run(s, q);
}

static int note(struct store *s, const char *story)
{
	char at[24];
	struct json j;
	_buf_ struct buf body = BUF_INIT(4096);
	snprintf(at, sizeof at, "%lld", (long long)now_ns());
	json_init(&j, &body, 0);
	json_object(&j);
	json_kv_text(&j, "result", story);
	json_end_object(&j);
	int r = store_set_meta(s, "recovered", story);
	if (r == 0)
		r = store_set_meta(s, "recovered_at", at);
	return r < 0 ? r : store_add_event(s, "recovered", buf_str(&body), body.len);
}

int store_resume(struct store *s, const char *state_dir, const char *story)
{
	uint64_t version[TOPIC_COUNT], last = 0, given = live_given_out(state_dir);
	int64_t at[TOPIC_COUNT];
	int r = store_topics(s, version, at, &last);
	/* one more than the last is a commit that was interrupted and that nobody saw */
	if (r < 0 || (!*story && given <= last + 1))
		return r;
	if (!*story)
		story = "the store is another or an older one than the last time: orders and history since "
			"then are lost, the folders are scanned again";
	last = (given > last ? given : last) + COMMITS_SKIPPED;
	s->generation = (int64_t)last;
	r = store_begin_write(s);
	if (r < 0)
		return r;
	store_touch(s, (1u << TOPIC_COUNT) - 1);
	r = skip_rows(s);
	if (r == 0)
		r = note(s, story);
	if (r == 0)
		r = store_commit(s, &last);
	if (r < 0)
		store_rollback(s);
	return r;
}
