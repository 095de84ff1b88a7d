/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"

enum {
	BUSY_MS = 2000,
	/** Longest row: what is longer was put there to fill our memory. */
	ROW_MAX = 16 << 20,
	/** Coarsest time of a change that a file system of today keeps. */
	SETTLED_S = 2,
};

static int complain(struct foreign *f, int r, const char *what)
{
	snprintf(f->why, 256, "%.150s %.100s", f->path, what);
	return r;
}

static int64_t time_of(const struct stat *st)
{
	return st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
}

static int look_at(const char *path, struct foreign_look *look)
{
	char wal[4096];
	struct stat st, w = {0};
	*look = (struct foreign_look){0};
	if (snprintf(wal, sizeof wal, "%s-wal", path) >= (int)sizeof wal)
		return -ENAMETOOLONG;
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (stat(wal, &w) < 0 && errno != ENOENT)
		return -errno;
	*look = (struct foreign_look){
		.device = st.st_dev, .inode = st.st_ino, .size = st.st_size, .mtime = time_of(&st),
		.wal_inode = w.st_ino, .wal_size = w.st_size, .wal_mtime = time_of(&w),
	};
	return 0;
}

/** Whether the file's header says that it is written through a WAL; -errno. */
static int uses_wal(const char *path)
{
	unsigned char head[20] = {0};
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ssize_t n = pread(fd, head, sizeof head, 0);
	return n < 0 ? -errno : n == sizeof head && head[18] == 2 && head[19] == 2;
}

/** As a "file:" address: its own signs in the path are escaped. */
static int address(const struct foreign *f, struct buf *out)
{
	buf_adds(out, "file:");
	for (const char *p = f->path; *p; p++)
		if (strchr("?#%", *p))
			buf_addf(out, "%%%02x", (unsigned char)*p);
		else
			buf_addc(out, *p);
	buf_adds(out, f->is_frozen ? "?immutable=1" : "?mode=ro");
	return buf_error(out);
}

static int open_database(struct foreign *f)
{
	/* no schema of others may call anything that has effects */
	static const char pragmas[] =
		"PRAGMA query_only = 1; PRAGMA trusted_schema = 0; PRAGMA cell_size_check = 1;"
		"PRAGMA mmap_size = 0; PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;";
	_buf_ struct buf uri = BUF_INIT(1 << 14);
	int r = address(f, &uri);
	if (r < 0)
		return complain(f, r, "cannot be opened: its path is too long");
	int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
	int rc = sqlite3_open_v2(buf_str(&uri), &f->db, flags, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(f->db, BUSY_MS);
		sqlite3_limit(f->db, SQLITE_LIMIT_LENGTH, ROW_MAX);
		sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		rc = sqlite3_exec(f->db, pragmas, NULL, NULL, NULL);
	}
	return foreign_errno(f, rc);
}

int foreign_open(const char *path, struct foreign *f, char *why)
{
	*f = (struct foreign){.path = path, .why = why};
	int64_t now = now_ns();
	int r = look_at(path, &f->look);
	int wal = r < 0 ? r : uses_wal(path);
	if (wal < 0)
		return complain(f, wal, strerror(-wal));
	f->is_frozen = wal && f->look.wal_size == 0;
	int64_t latest = f->look.mtime > f->look.wal_mtime ? f->look.mtime : f->look.wal_mtime;
	f->is_settled = latest < now - SETTLED_S * NS_PER_S;
	r = open_database(f);
	if (r < 0)
		foreign_close(f);
	return r;
}

void foreign_close(struct foreign *f)
{
	sqlite3_close(f->db);
	f->db = NULL;
}

int foreign_errno(struct foreign *f, int rc)
{
	static const struct {
		int code, error;
		const char *what;
	} meanings[] = {
		{SQLITE_BUSY, -EBUSY, "is locked by its program"},
		{SQLITE_LOCKED, -EBUSY, "is locked by its program"},
		{SQLITE_READONLY, -EBUSY, "was left unfinished: its program has to open it first"},
		{SQLITE_CORRUPT, -EBADMSG, "is damaged"},
		{SQLITE_NOTADB, -EBADMSG, "is no SQLite file"},
		{SQLITE_TOOBIG, -EFBIG, "has a row that is too large"},
		{SQLITE_NOMEM, -ENOMEM, "needs more memory than there is"},
		{SQLITE_PERM, -EACCES, "may not be read"},
		{SQLITE_AUTH, -EACCES, "may not be read"},
		{SQLITE_CANTOPEN, -EBUSY, "has a WAL that cannot be read with it: its folder cannot be written"},
		{SQLITE_ERROR, -EPROTO, "cannot be asked for what is wanted"},
	};
	if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
		return 0;
	for (size_t i = 0; i < COUNT_OF(meanings); i++)
		if ((rc & 0xff) == meanings[i].code)
			return complain(f, meanings[i].error, meanings[i].what);
	return complain(f, -EIO, "cannot be read");
}

bool foreign_is_disturbed(const struct foreign *f)
{
	struct foreign_look now;
	return f->is_frozen &&
	       (look_at(f->path, &now) < 0 || memcmp(&now, &f->look, sizeof now) != 0);
}

static void note_column(sqlite3_stmt *q, const char *const *names, size_t n, unsigned *has)
{
	const char *name = (const char *)sqlite3_column_text(q, 0);
	for (size_t i = 0; i < n && name; i++)
		if (sqlite3_stricmp(name, names[i]) == 0)
			*has |= 1U << i;
}

int foreign_columns(struct foreign *f, const char *table, const char *const *names, size_t n,
		    unsigned *has)
{
	/* of a view, or of a table of another kind, nothing is known */
	static const char sql[] =
		"SELECT i.name FROM sqlite_schema m, pragma_table_info(m.name) i "
		"WHERE m.type = 'table' AND m.name = ? COLLATE NOCASE "
		"AND m.sql NOT LIKE 'CREATE VIRTUAL%'";
	char what[96];
	sqlite3_stmt *q = NULL;
	*has = 0;
	int count = 0, rc = sqlite3_prepare_v2(f->db, sql, -1, &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(q);
		count += rc == SQLITE_ROW;
		if (rc == SQLITE_ROW)
			note_column(q, names, n, has);
	}
	sqlite3_finalize(q);
	int r = foreign_errno(f, rc);
	if (r < 0 || (*has & 1))
		return r;
	if (count)
		snprintf(what, sizeof what, "has no column %.32s in its table %.32s", names[0], table);
	else
		snprintf(what, sizeof what, "has no table %.32s", table);
	return complain(f, -EPROTO, what);
}
