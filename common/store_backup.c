/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The source is read by a connection of its own inside one read transaction: the copy is of one
 * moment, and commits meanwhile do not make it begin again.  The WAL grows for as long.
 */
#include "common/store_backup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/store_files.h"
#include "common/store_private.h"

enum {
	STEP_PAGES = 256,
	PAUSE_MS = 2,
	/** How often the check of the copy asks whether to go on, in instructions. */
	CHECK_STEP = 10000,
};

#define PART_FILE ".tmp-backup.db"

static const struct name_shape DAILY = {"mediamon-", ".db"};
static const struct name_shape BEFORE = {"mediamon-before-v#-", ".db"};

struct copying {
	const struct store_backup *b;
	sqlite3 *from, *to;
	/** backups/, and the unfinished copy in it. */
	char folder[4096], part[4096 + 32];
	char *why;
};

static bool is_cancelled(const struct copying *c)
{
	return c->b->is_cancelled && atomic_load(c->b->is_cancelled);
}

static int should_stop(void *arg)
{
	return is_cancelled(arg);
}

/** Says in a sentence what went wrong. */
static int complain(struct copying *c, int r, const char *what, const char *detail)
{
	snprintf(c->why, 256, "%.120s: %.120s", what, *detail ? detail : strerror(-r));
	return r;
}

static int complain_db(struct copying *c, sqlite3 *db, int rc, const char *what)
{
	return complain(c, store_errno(db, rc), what, sqlite3_errmsg(db));
}

static void remove_part(const struct copying *c)
{
	static const char *const ends[] = {"", "-journal", "-wal", "-shm"};
	char path[sizeof c->part + 16];
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		snprintf(path, sizeof path, "%s%s", c->part, ends[i]);
		unlink(path);
	}
}

/** A copy that does not fit would fill the disk and stop the writer: it is not begun. */
static int check_space(struct copying *c)
{
	static const char sql[] = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
	struct statvfs fs;
	sqlite3_stmt *q = NULL;
	uint64_t need = 0;
	int rc = sqlite3_prepare_v2(c->from, sql, -1, &q, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW)
		need = (uint64_t)sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	if (rc != SQLITE_ROW)
		return complain_db(c, c->from, rc, "the store cannot be read");
	if (statvfs(c->folder, &fs) < 0)
		return complain(c, -errno, c->folder, "");
	need += need / 8;
	if ((uint64_t)fs.f_bavail * fs.f_frsize > need)
		return 0;
	return complain(c, -ENOSPC, "there is no room for a copy", "");
}

static int open_ends(struct copying *c)
{
	char source[4096];
	snprintf(source, sizeof source, "%s/" STORE_FILE, c->b->state_dir);
	if (mkdir(c->folder, 0700) < 0 && errno != EEXIST)
		return complain(c, -errno, c->folder, "");
	remove_part(c);
	int rc = sqlite3_open_v2(source, &c->from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(c->from, 5000);
		rc = sqlite3_exec(c->from, "BEGIN; SELECT 1 FROM sqlite_master LIMIT 1", NULL, NULL, NULL);
	}
	if (rc != SQLITE_OK)
		return complain_db(c, c->from, rc, "the store cannot be read");
	int r = check_space(c);
	if (r < 0)
		return r;
	rc = sqlite3_open_v2(c->part, &c->to,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	/* what is half made is thrown away, so it needs no journal */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL,
				  NULL);
	return rc == SQLITE_OK ? 0 : complain_db(c, c->to, rc, "the copy cannot be begun");
}

static int copy_pages(struct copying *c)
{
	sqlite3_backup *backup = sqlite3_backup_init(c->to, "main", c->from, "main");
	if (!backup)
		return complain_db(c, c->to, sqlite3_errcode(c->to), "the copy cannot be begun");
	int rc = SQLITE_OK;
	while (rc == SQLITE_OK && !is_cancelled(c)) {
		rc = sqlite3_backup_step(backup, STEP_PAGES);
		nanosleep(&(struct timespec){0, PAUSE_MS * NS_PER_MS}, NULL);
	}
	sqlite3_backup_finish(backup);
	if (rc == SQLITE_OK)
		return complain(c, -ECANCELED, "the copy was not finished", "");
	return rc == SQLITE_DONE ? 0 : complain_db(c, c->to, rc, "the copy cannot be written");
}

/** One file that stands alone, found whole by SQLite's own check. */
static int check_copy(struct copying *c)
{
	int rc = sqlite3_exec(c->to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return complain_db(c, c->to, rc, "the copy cannot be written");
	sqlite3_progress_handler(c->to, CHECK_STEP, should_stop, c);
	int r = store_check(c->to, "PRAGMA integrity_check(1)", c->why);
	if (is_cancelled(c))
		return complain(c, -ECANCELED, "the copy was not finished", "");
	return r;
}

static void close_ends(struct copying *c)
{
	sqlite3_close(take(c->to));
	sqlite3_close(take(c->from));
}

/** Gives the copy its name, durably. */
static int publish(struct copying *c, const char *name)
{
	char path[4096 + BACKUP_NAME];
	snprintf(path, sizeof path, "%s/%s", c->folder, name);
	int r = file_sync(c->part);
	if (r == 0 && rename(c->part, path) < 0)
		r = -errno;
	if (r == 0)
		r = file_sync(c->folder);
	if (r == 0)
		r = folder_sync_of(c->folder);
	return r < 0 ? complain(c, r, "the copy cannot be written", "") : 0;
}

static void name_of(const struct store_backup *b, char name[static BACKUP_NAME])
{
	char stamp[STAMP_LEN + 1];
	stamp_of(b->at, stamp);
	if (b->before_version)
		snprintf(name, BACKUP_NAME, "mediamon-before-v%d-%s.db", b->before_version, stamp);
	else
		snprintf(name, BACKUP_NAME, "mediamon-%s.db", stamp);
}

int store_backup(const struct store_backup *b, char name[static BACKUP_NAME], char why[static 256])
{
	struct copying c = {.b = b, .why = why};
	if (snprintf(c.folder, sizeof c.folder, "%s/" BACKUP_FOLDER, b->state_dir) >=
	    (int)sizeof c.folder)
		return complain(&c, -ENAMETOOLONG, b->state_dir, "");
	snprintf(c.part, sizeof c.part, "%s/" PART_FILE, c.folder);
	name_of(b, name);
	int r = open_ends(&c);
	if (r == 0)
		r = copy_pages(&c);
	if (r == 0)
		r = check_copy(&c);
	close_ends(&c);
	if (r == 0)
		r = publish(&c, name);
	if (r < 0) {
		remove_part(&c);
		return r;
	}
	files_prune(c.folder, b->before_version ? &BEFORE : &DAILY, b->keep);
	return 0;
}

/* --- those that there are --- */

int store_backup_list(const char *state_dir, bool daily, dated_files *out)
{
	char folder[4096];
	snprintf(folder, sizeof folder, "%s/" BACKUP_FOLDER, state_dir);
	return files_list(folder, daily ? &DAILY : &BEFORE, out);
}

int64_t store_backup_newest(const char *state_dir)
{
	dated_files files = {0};
	store_backup_list(state_dir, true, &files);
	int64_t newest = files.len ? files.data[0].at : 0;
	vec_clear(&files);
	return newest;
}
