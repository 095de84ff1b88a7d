/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/store_bulk.h"
#include "common/store_facts.h"
#include "common/store_fresh.h"
#include "common/store_pack.h"
#include "common/store_shelf.h"
#include "common/store_tally.h"

const struct sql SQL_TABLE[SQL_COUNT] = {
#define SQL(id, all, text) {#id, all, text},
	STATEMENTS(SQL)
#undef SQL
};

/** What the system said of a file operation that failed, where that is worth telling apart. */
static int system_error(sqlite3 *db, int otherwise)
{
	static const int telling[] = {ENOSPC, EDQUOT, EROFS, EACCES, EPERM, EMFILE, ENFILE};
	int error = db ? sqlite3_system_errno(db) : 0;
	for (size_t i = 0; i < COUNT_OF(telling); i++)
		if (error == telling[i])
			return -error;
	return otherwise;
}

/** A connection of this process found damage since the store was last opened for writing. */
static _Atomic bool damage_seen;

bool store_is_damaged(void)
{
	return atomic_load(&damage_seen);
}

static int damaged(void)
{
	atomic_store(&damage_seen, true);
	return -EUCLEAN;
}

int store_errno(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_INTERRUPT:
		return -ECANCELED;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_ERROR:
	case SQLITE_TOOBIG:
		return -EINVAL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return damaged();
	case SQLITE_IOERR:
		/* a WAL that ends too early: no disk says that of a file that is whole */
		if (db && sqlite3_extended_errcode(db) == SQLITE_IOERR_SHORT_READ)
			return damaged();
		return system_error(db, -EIO);
	default:
		return system_error(db, -EIO);
	}
}

static int failed(struct store *s, int rc, const char *what)
{
	log_error("store: %s: %s", what, sqlite3_errmsg(s->db));
	return store_errno(s->db, rc);
}

int store_exec(struct store *s, const char *sql)
{
	int r = store_bulk_flush(s);
	if (r < 0)
		return r;
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : failed(s, rc, sql);
}

/* --- SQL with column lists --- */

/** Writes one name of a list in the form that @mark asks for. */
static void add_name(struct buf *out, const char *mark, const char *name)
{
	if (out->len && out->data[out->len - 1] != '(' && out->data[out->len - 1] != ' ')
		buf_adds(out, ", ");
	if (mark[0] == '?')
		buf_addc(out, '?');
	else if (mark[1] == '.')
		buf_addf(out, "t.%s", name);
	else
		buf_adds(out, name);
}

static void add_fields(struct buf *out, const char *mark, unsigned of)
{
	for (int f = 0; f < FIELD_COUNT; f++)
		if (FIELDS_TABLE[f].of & of)
			add_name(out, mark, FIELDS_TABLE[f].name);
}

static void add_pack(struct buf *out, const char *mark)
{
	for (int i = 0; i < store_pack_columns(); i++)
		add_name(out, mark, store_pack_column(i));
}

static void add_run(struct buf *out, const char *mark)
{
	for (int m = 0; m < RUN_METRIC_COUNT; m++)
		add_name(out, mark, RUN_METRICS_TABLE[m].name);
}

static void add_stages(struct buf *out, const char *mark)
{
	for (int s = 0; s < STAGE_COUNT; s++)
		for (int m = 0; m < STAGE_METRIC_COUNT; m++) {
			char name[64];
			snprintf(name, sizeof name, "%s_%s", STAGE_NAMES[s],
				 STAGE_METRICS_TABLE[m].name);
			add_name(out, mark, name);
		}
}

static void add_list(struct buf *out, const char *mark, size_t n)
{
	const char *list = mark;
	if (*list == '?')
		list++;
	else if (n > 2 && list[1] == '.')
		list += 2;
	if (strncmp(list, "track", 5) == 0)
		add_pack(out, mark);
	else if (strncmp(list, "volume", 6) == 0)
		add_fields(out, mark, OF_VOLUME);
	else if (strncmp(list, "run", 3) == 0)
		add_run(out, mark);
	else if (strncmp(list, "stage", 5) == 0)
		add_stages(out, mark);
}

char *store_sql_expand(const char *sql)
{
	struct buf out = BUF_INIT(1 << 16);
	while (*sql) {
		size_t plain = strcspn(sql, "{");
		buf_add(&out, sql, plain);
		sql += plain;
		if (!*sql)
			break;
		size_t n = strcspn(++sql, "}");
		add_list(&out, sql, n);
		sql += n + (sql[n] == '}');
	}
	return buf_take(&out);
}

/* --- statements --- */

static void prepare(struct store *s, enum sql_id id)
{
	_free_ char *sql = store_sql_expand(SQL_TABLE[id].text);
	if (!sql)
		return;
	int rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[id], NULL);
	if (rc != SQLITE_OK)
		failed(s, rc, SQL_TABLE[id].name);
	s->asks_rows[id] = store_bulk_is_asked(sql);
}

sqlite3_stmt *store_stmt(struct store *s, enum sql_id id)
{
	if (!s->stmt[id])
		prepare(s, id);
	/* what was gathered is lost then, and so is the transaction */
	bool is_lost = s->bulk_error < 0 || (s->asks_rows[id] && store_bulk_flush(s) < 0);
	return is_lost ? NULL : s->stmt[id];
}

int store_step(struct store *s, sqlite3_stmt *q)
{
	if (!q)
		return s->bulk_error ? s->bulk_error : -EIO;
	int rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		return 1;
	int r = rc == SQLITE_DONE ? 0 : failed(s, rc, sqlite3_sql(q));
	sqlite3_reset(q);
	return r;
}

int store_run(struct store *s, sqlite3_stmt *q)
{
	int r = store_step(s, q);
	if (r > 0) {
		sqlite3_reset(q);
		r = 0;
	}
	return r;
}

int store_bind_volume(sqlite3_stmt *q, int i, const struct media *m)
{
	for (int f = 0; f < FIELD_COUNT; f++) {
		if (!(FIELDS_TABLE[f].of & OF_VOLUME))
			continue;
		if (!media_has(m, (enum field_id)f)) {
			sqlite3_bind_null(q, i++);
		} else if (field_is_text((enum field_id)f)) {
			size_t n;
			const char *text = media_text(m, (enum field_id)f, &n);
			bind_text(q, i++, text, n);
		} else if (field_is_real((enum field_id)f)) {
			sqlite3_bind_double(q, i++, m->value[f].d);
		} else {
			sqlite3_bind_int64(q, i++, m->value[f].i);
		}
	}
	return i;
}

/** Text from our own store was cleaned when it came in: taken as it is. */
static void column_text(sqlite3_stmt *q, int i, enum field_id f, struct media *m)
{
	media_set_stored(m, f, (const char *)sqlite3_column_text(q, i),
		       (size_t)sqlite3_column_bytes(q, i));
}

int store_column_fields(sqlite3_stmt *q, int i, unsigned of, struct media *m)
{
	for (int f = 0; f < FIELD_COUNT; f++) {
		if (!(FIELDS_TABLE[f].of & of))
			continue;
		if (sqlite3_column_type(q, i) == SQLITE_NULL)
			i++;
		else if (field_is_text((enum field_id)f))
			column_text(q, i++, (enum field_id)f, m);
		else if (field_is_real((enum field_id)f))
			media_set_real(m, (enum field_id)f, sqlite3_column_double(q, i++));
		else
			media_set_int(m, (enum field_id)f, sqlite3_column_int64(q, i++));
	}
	return i;
}

int store_column_media(struct store *s, sqlite3_stmt *q, int i, unsigned of, struct media *m)
{
	if (of == OF_TRACK)
		return store_pack_read(s, q, i, m);
	store_column_fields(q, i, of, m);
	return 0;
}

/* --- connections --- */

static int open_error(sqlite3 *db, int rc)
{
	bool is_absent = (rc & 0xff) == SQLITE_CANTOPEN && sqlite3_system_errno(db) == ENOENT;
	return is_absent ? -ENOENT : store_errno(db, rc);
}

/** Nobody asks how much memory SQLite has; counting takes a lock at each allocation. */
static void configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int store_open_path(const char *path, int flags, struct store **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, configure_library);
	struct store *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->writer = (flags & SQLITE_OPEN_READWRITE) != 0;
	s->last.dir_path = BUF_INIT(1 << 16);
	s->last.album_key = BUF_INIT(1 << 16);
	s->last.album_title = BUF_INIT(1 << 16);
	s->last.album_artist = BUF_INIT(1 << 16);
	s->naming = (struct album_name){BUF_INIT(16384), BUF_INIT(8192), BUF_INIT(8192)};
	s->packed = BUF_INIT(1 << 22);
	int rc = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		int r = s->db ? open_error(s->db, rc) : -ENOMEM;
		store_close(s);
		return r;
	}
	sqlite3_busy_timeout(s->db, s->writer ? 5000 : 100);
	*out = s;
	return 0;
}

static int open_file(const char *state_dir, int flags, struct store **out)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/" STORE_FILE, state_dir) >= (int)sizeof path)
		return -ENAMETOOLONG;
	return store_open_path(path, flags, out);
}

int store_open_reader(const char *state_dir, struct store **out)
{
	int r = open_file(state_dir, SQLITE_OPEN_READONLY, out);
	if (r < 0)
		return r;
	/* 8 MiB of pages at most; memory-mapped pages would count as ours, so none */
	sqlite3_exec((*out)->db, "PRAGMA query_only = 1; PRAGMA cache_size = -4096;", NULL, NULL, NULL);
	r = store_schema_check(*out);
	if (r < 0) {
		store_close(*out);
		*out = NULL;
	}
	return r;
}

/** The check met a page that the disk or memory refused: that tells nothing about the page. */
static bool is_refused_page(const char *finding)
{
	const char *code = strstr(finding, "error code=");
	int rc = code ? (int)strtol(code + strlen("error code="), NULL, 10) & 0xff : 0;
	return rc == SQLITE_IOERR || rc == SQLITE_NOMEM || rc == SQLITE_BUSY || rc == SQLITE_INTERRUPT;
}

int store_check(sqlite3 *db, const char *pragma, char *why)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db, pragma, -1, &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	const char *finding = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : "";
	int r = store_errno(db, rc);
	if (r == 0 && (!finding || is_refused_page(finding)))
		r = finding ? -EIO : -ENOMEM;
	else if (r == 0 && strcmp(finding, "ok") != 0)
		r = damaged();
	if (r == -EUCLEAN)
		snprintf(why, 256, "the store is damaged (%.150s)",
			 rc == SQLITE_ROW ? finding : sqlite3_errmsg(db));
	else if (r < 0)
		snprintf(why, 256, "the store cannot be checked: %.150s",
			 rc == SQLITE_ROW ? finding : sqlite3_errmsg(db));
	sqlite3_finalize(q);
	return r;
}

static int prepare_writer(struct store *s, const char *state_dir, char *why)
{
	static const char *const pragmas =
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;"
		"PRAGMA cache_size = -4096;"
		"PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;";
	int persist = 1;
	int rc = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);
	int r = store_errno(s->db, rc);
	if (r == -EUCLEAN)
		snprintf(why, 256, "the store is damaged (%s)", sqlite3_errmsg(s->db));
	else if (r < 0)
		snprintf(why, 256, "the store cannot be opened for writing: %s", sqlite3_errmsg(s->db));
	if (r < 0)
		return r;
	store_limit_wal(s, WAL_PAGES);
	/* a reader under another user finds the WAL there after a clean stop */
	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	/* who saw damage before wants to know it exactly */
	r = store_check(s->db, store_is_damaged() ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)",
			why);
	return r < 0 ? r : store_schema_prepare(s, state_dir, why);
}

static int open_writer(const char *state_dir, struct store **out, char *why)
{
	if (store_lost_all(state_dir)) {
		snprintf(why, 256, "the store is damaged (its file is empty)");
		return -EUCLEAN;
	}
	int r = open_file(state_dir, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, out);
	if (r < 0) {
		snprintf(why, 256, "the store in %.150s cannot be opened: %s", state_dir, strerror(-r));
		return r;
	}
	r = store_tally_open(*out);
	if (r == 0)
		r = store_bulk_open(*out);
	if (r < 0)
		snprintf(why, 256, "the store cannot be opened: %s", strerror(-r));
	else
		r = prepare_writer(*out, state_dir, why);
	if (r < 0) {
		store_close(*out);
		*out = NULL;
	}
	return r;
}

int store_open_writer(const char *state_dir, struct store **out, char why[static 256])
{
	char damage[256];
	int r = open_writer(state_dir, out, why);
	if (r == -EUCLEAN) {
		snprintf(damage, sizeof damage, "%s", why);
		r = store_recover(state_dir, damage);
		if (r < 0)
			snprintf(why, 256, "%.150s, and cannot be replaced: %s", damage, strerror(-r));
		else
			r = open_writer(state_dir, out, why);
	}
	if (r < 0)
		return r;
	atomic_store(&damage_seen, false);
	r = store_resume(*out, state_dir, "");
	if (r < 0) {
		snprintf(why, 256, "the store cannot be written: %s", strerror(-r));
		store_close(*out);
		*out = NULL;
	}
	return r;
}

void store_limit_memory(int64_t bytes)
{
	sqlite3_soft_heap_limit64(bytes);
}

const char *store_library(void)
{
	return sqlite3_libversion();
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(s->stmt[i]);
	sqlite3_close(s->db);
	store_bulk_close(s);
	buf_clear(&s->last.dir_path);
	buf_clear(&s->last.album_key);
	buf_clear(&s->last.album_title);
	buf_clear(&s->last.album_artist);
	buf_clear(&s->naming.key);
	buf_clear(&s->naming.title);
	buf_clear(&s->naming.artist);
	buf_clear(&s->packed);
	store_forget_albums(s);
	store_shelf_forget_all(s);
	store_tally_close(s);
	store_fresh_end(s);
	free(s);
}

void store_forget_last(struct store *s)
{
	s->last.dir = s->last.album = 0;
	store_fresh_end(s);
}

/* a reader does it for each question: parsing the words would take as long as most answers */
int store_begin_read(struct store *s)
{
	return store_run(s, store_stmt(s, SQL_read_begin));
}

void store_end(struct store *s)
{
	for (int i = 0; i < SQL_COUNT; i++)
		if (s->stmt[i])
			sqlite3_reset(s->stmt[i]);
	/* who takes this store next begins a view of its own */
	if (store_run(s, store_stmt(s, SQL_read_end)) < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}
