/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A store, its writer and budgets in a folder of their own, under a clock that only the test moves: the whole
 * program reads it, the store too, because clock_gettime() is ours.  Included by one file of a program.
 */
#ifndef TESTS_UNIT_FIND_WORLD_H
#define TESTS_UNIT_FIND_WORLD_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/live.h"
#include "common/store_private.h"
#include "indexer/load/finds.h"
#include "indexer/monitor/monitor_missing.h"
#include "indexer/net/net.h"

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)

struct world {
	char *dir;
	struct config *config;
	struct live_page *live;
	struct writer *writer;
	struct net net;
	struct store *reader;
	int64_t manga;
	int files;
};

/** What the program takes for the time; 0: the real one. */
static _Atomic int64_t world_clock;

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int64_t now = clock == CLOCK_REALTIME ? atomic_load(&world_clock) : 0;
	if (!now)
		return (int)syscall(SYS_clock_gettime, clock, t);
	t->tv_sec = now / NS_PER_S;
	t->tv_nsec = now % NS_PER_S;
	return 0;
}

/** A Monday, 00:00 UTC. */
#define WORLD_START (INT64_C(1704067200) * NS_PER_S)

static inline int64_t world_now(void)
{
	return atomic_load(&world_clock);
}

static inline void world_pass(int64_t ns)
{
	atomic_fetch_add(&world_clock, ns);
}

/** Nobody writes the store while it is held. */
static inline sqlite3 *world_hold(const struct world *w)
{
	char path[4096];
	sqlite3 *db = NULL;
	snprintf(path, sizeof path, "%s/mediamon.db", w->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

/** Returns when it is written again. */
static inline void world_let_go(struct world *w, sqlite3 *db)
{
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	for (int i = 0; i < 1000 && writer_flush(w->writer) < 0; i++)
		nanosleep(&(struct timespec){0, 50 * NS_PER_MS}, NULL);
}

/* --- budgets, kept as the indexer keeps them --- */

static inline int world_save_host(void *arg, const struct limit_row *row)
{
	struct world *w = arg;
	struct store_host h = {
		.name = row->name, .reason = row->reason, .day = row->day, .used_day = row->used_day,
		.refused_day = row->refused_day, .calls = row->calls, .failures = row->failures,
		.refusals = row->refusals, .open_at = row->open_at, .streak = row->streak,
		.last_ok_at = row->last_ok_at, .last_failure_at = row->last_failure_at,
		.recent = {(const char *)row->recent, limit_recent(row) * sizeof *row->recent},
	};
	return finds_host(w->writer, &h);
}

static inline int world_restore_host(void *arg, const struct store_host *h)
{
	struct world *w = arg;
	struct limit_row row = {
		.day = h->day, .used_day = h->used_day, .refused_day = h->refused_day, .calls = h->calls,
		.failures = h->failures, .refusals = h->refusals, .open_at = h->open_at,
		.streak = (int)h->streak, .last_ok_at = h->last_ok_at,
		.last_failure_at = h->last_failure_at,
	};
	snprintf(row.name, sizeof row.name, "%s", h->name);
	limit_set_recent(&row, h->recent.data, h->recent.len);
	return limit_restore(w->net.limit, &row);
}

/* --- from start to end --- */

static inline void world_open(struct world *w)
{
	char why[256] = "";
	struct writer_options options = {.state_dir = w->dir, .live = w->live, .gaps = monitor_missing};
	if (writer_new(&options, &w->writer, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(store_open_reader(w->dir, &w->reader), 0);
	w->net = (struct net){0};
	assert_int_equal(limit_new(world_save_host, w, &w->net.limit), 0);
	limit_seed(w->net.limit, 1);
	struct change *first = change_new(CHANGE_FIRST_VOLUME, 0);
	assert_non_null(first);
	first->row = 1;
	assert_int_equal(writer_put(w->writer, first), 0);
	store_hosts(w->reader, world_restore_host, w);
}

/** The program ends; the store stays. */
static inline void world_close(struct world *w)
{
	limit_free(w->net.limit);
	store_close(w->reader);
	writer_free(w->writer);
}

/** @options: more lines of the configuration. */
static inline void world_begin(struct world *w, const char *options)
{
	char path[4096];
	struct buf why = BUF_INIT(4096);
	*w = (struct world){.dir = unit_quick_folder()};
	atomic_store(&world_clock, WORLD_START);
	snprintf(path, sizeof path, "%s/conf", w->dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "manga = {\"/srv/manga\"}\nstate_dir = \"%s\"\n%s\n", w->dir, options);
	fclose(f);
	if (config_load(path, &w->config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	buf_clear(&why);
	w->live = live_create(w->dir);
	assert_non_null(w->live);
	world_open(w);
	struct change *c = change_new(CHANGE_ADD_ROOT, 64);
	assert_non_null(c);
	c->name = change_copy(c, "manga", 5);
	c->state = change_copy(c, "manga", 5);
	c->dir = change_copy(c, "/srv/manga", 10);
	assert_int_equal(writer_call(w->writer, c, &w->manga), 0);
}

static inline void world_end(struct world *w)
{
	world_close(w);
	live_close(w->live);
	config_free(w->config);
	unit_remove(w->dir);
	atomic_store(&world_clock, 0);
}

/* --- the library --- */

/** A comic file appears. */
static inline void world_file(struct world *w, const char *series, double volume)
{
	struct media m;
	struct buf bytes = BUF_INIT(1 << 16);
	char name[64];
	media_init(&m);
	media_set_text(&m, FIELD_series, series, strlen(series));
	media_set_text(&m, FIELD_kind, "volume", 6);
	media_set_real(&m, FIELD_volume, volume);
	assert_int_equal(media_encode(&m, &bytes), 0);
	struct change *c = change_new(CHANGE_FILE, bytes.len + strlen(series) + 256);
	assert_non_null(c);
	c->root = w->manga;
	c->job = 1;
	c->of = OF_VOLUME;
	c->size = 60000000;
	c->inode = c->mtime = c->ctime = ++w->files;
	c->dir = change_copy(c, series, strlen(series));
	c->dir_len = strlen(series);
	snprintf(name, sizeof name, "%g.cbz", volume);
	c->name = change_copy(c, name, strlen(name));
	c->name_len = strlen(name);
	c->media = (const uint8_t *)change_copy(c, bytes.data, bytes.len);
	c->media_len = bytes.len;
	assert_int_equal(writer_put(w->writer, c), 0);
	media_clear(&m);
	buf_clear(&bytes);
}

/** All files of a series but these. */
static inline void world_series(struct world *w, const char *series, int last, int from, int to)
{
	for (int v = 1; v <= last; v++)
		if (v < from || v > to)
			world_file(w, series, v);
	assert_int_equal(writer_flush(w->writer), 0);
}

static inline int64_t world_count(struct world *w, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int64_t n = -1;
	if (sqlite3_prepare_v2(w->reader->db, sql, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

#endif
