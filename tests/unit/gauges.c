/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Gauges: kept counts are what counting gives, whatever happens to the tables, and reading them walks no table. */
#include "tests/unit/store_fill.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>

#include "common/clock.h"
#include "common/gauges.h"
#include "common/live.h"
#include "common/log.h"
#include "common/store_private.h"
#include "common/store_write.h"

static const int64_t NOW = INT64_C(1795255200) * NS_PER_S;

static void run_sql(struct store *s, const char *sql)
{
	if (store_exec(s, sql) < 0)
		fail_msg("%s", sql);
}

static struct store *open_writer(const char *dir)
{
	struct store *s;
	char why[256];
	if (store_open_writer(dir, &s, why) < 0)
		fail_msg("%s", why);
	return s;
}

static struct gauges read_gauges(struct store *s)
{
	struct gauges g;
	assert_int_equal(gauges_read(&g, s, NULL, NOW), 0);
	return g;
}

#define assert_gauge(g, id, v) \
	do { \
		if (!((g).value[GAUGE_##id] == (double)(v))) \
			fail_msg(#id ": %g, not %g", (g).value[GAUGE_##id], (double)(v)); \
	} while (0)

/** Files and their bytes of each root, as a recount takes them. */
static void assert_roots(struct store *s)
{
	assert_int_equal(fill_number(s, "WITH real AS (SELECT d.root_id || '' k, count(*) n, sum(f.size) z FROM file f "
					"JOIN dir d ON d.id = f.dir_id GROUP BY 1), "
					"kept AS (SELECT key k, n, sum z FROM tally WHERE name = 'file' AND n <> 0) "
					"SELECT (SELECT count(*) FROM (SELECT * FROM real EXCEPT SELECT * FROM kept)) + "
					"(SELECT count(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM real))"), 0);
}

/** The kept ones against what questions with full counts say. */
static void assert_counted(struct store *s, const struct store_counts *c)
{
	assert_int_equal(c->tracks, fill_number(s, "SELECT count(*) FROM track"));
	assert_int_equal(c->albums, fill_number(s, "SELECT count(*) FROM album"));
	assert_int_equal(c->artists, fill_number(s, "SELECT count(DISTINCT p.shelf_id) FROM shelf s "
						    "JOIN spot p ON p.shelf_id = s.id WHERE s.kind = 1 AND p.tracks > 0"));
	assert_int_equal(c->series, fill_number(s, "SELECT count(*) FROM series"));
	assert_int_equal(c->volumes, fill_number(s, "SELECT count(*) FROM volume WHERE kind IS NOT 'chapter'"));
	assert_int_equal(c->chapters, fill_number(s, "SELECT count(*) FROM volume WHERE kind = 'chapter'"));
	assert_int_equal(c->missing, fill_number(s, "SELECT count(*) FROM missing"));
	assert_int_equal(c->errors, fill_number(s, "SELECT count(*) FROM error"));
	int64_t ms = fill_number(s, "SELECT CAST(total(duration_seconds) * 1000 AS INTEGER) FROM track");
	assert_true(fabs((double)ms / 1e3 - c->music_seconds) < 0.5);
}

static void assert_counts(struct store *s)
{
	struct store_counts c;
	struct gauges g = read_gauges(s);
	assert_roots(s);
	assert_int_equal(store_counts(s, &c), 0);
	assert_counted(s, &c);
	assert_gauge(g, tracks, c.tracks);
	assert_gauge(g, albums, c.albums);
	assert_gauge(g, artists, c.artists);
	assert_gauge(g, series, c.series);
	assert_gauge(g, volumes, c.volumes);
	assert_gauge(g, chapters, c.chapters);
	assert_gauge(g, errors, c.errors);
	assert_gauge(g, music_bytes, c.music_bytes);
	assert_true(fabs(g.value[GAUGE_music_seconds] - c.music_seconds) < 0.5);
	assert_int_equal((int64_t)(g.value[GAUGE_missing_interior] + g.value[GAUGE_missing_tail] +
				   g.value[GAUGE_missing_announced]), c.missing);
}

static void forget(struct filler *f, const char *where)
{
	struct store_touched t;
	sqlite3_stmt *q;
	char sql[256];
	snprintf(sql, sizeof sql, "SELECT id FROM file WHERE %s", where);
	assert_int_equal(sqlite3_prepare_v2(f->s->db, sql, -1, &q, NULL), SQLITE_OK);
	int64_t id = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
	sqlite3_finalize(q);
	assert_true(id > 0);
	assert_int_equal(store_forget_file(f->s, id, &t), 0);
	fill_touched(f, &t);
}

static void kept_counts_follow_the_tables(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	assert_counts(f.s);
	struct gauges g = read_gauges(f.s);
	assert_gauge(g, tracks, 3);
	assert_gauge(g, artists, 2);
	assert_gauge(g, missing_interior, 1);
	assert_gauge(g, missing_damaged, 0);
	assert_gauge(g, chapters, 1);
	assert_gauge(g, errors, 1);
	run_sql(f.s, "UPDATE file SET size = size + 77 WHERE name = CAST('02.flac' AS BLOB)");
	assert_roots(f.s);
	/* a file that was lost and is back as it was */
	struct store_touched t;
	int64_t lost = fill_number(f.s, "SELECT id FROM file WHERE name = CAST('02.flac' AS BLOB)");
	int64_t folder = fill_number(f.s, "SELECT dir_id FROM file WHERE name = CAST('02.flac' AS BLOB)");
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(store_lose_file(f.s, lost, folder, (struct bytes){"02.flac", 7}, &t), 0);
	fill_commit(&f);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM gone"), 1);
	assert_roots(f.s);
	assert_int_equal(store_begin_write(f.s), 0);
	assert_int_equal(store_restore_file(f.s, lost, 1, &t), 0);
	fill_commit(&f);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM gone"), 0);
	assert_counts(f.s);
	/* of artists the second album goes, then the first: only then they are no more */
	assert_int_equal(store_begin_write(f.s), 0);
	forget(&f, "name = CAST('02.flac' AS BLOB)");
	fill_commit(&f);
	assert_counts(f.s);
	assert_int_equal(store_begin_write(f.s), 0);
	forget(&f, "name = CAST('x.mp3' AS BLOB)");
	fill_commit(&f);
	assert_counts(f.s);
	assert_gauge(read_gauges(f.s), artists, 1);
	/* what is taken back is not counted */
	assert_int_equal(store_begin_write(f.s), 0);
	forget(&f, "name = CAST('01.flac' AS BLOB)");
	f.n = 0;
	store_rollback(f.s);
	assert_counts(f.s);
	assert_gauge(read_gauges(f.s), tracks, 1);
	store_close(f.s);
	unit_remove(dir);
}

static void states_move_from_one_count_to_the_other(void **state)
{
	char *dir = unit_folder();
	struct store *s = open_writer(dir);
	(void)state;
	run_sql(s, "INSERT INTO torrent SELECT 'p', value, '', '', 'downloaded', 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM "
		   "json_each('[1, 2, 3, 4]'); UPDATE torrent SET status = 'dead' WHERE id = 1;"
		   "UPDATE torrent SET status = 'queued', bytes = 25 WHERE id = 2; UPDATE torrent SET name = 'x';"
		   "DELETE FROM torrent WHERE id = 3");
	struct gauges g = read_gauges(s);
	assert_gauge(g, torrents_downloaded, 1);
	assert_gauge(g, torrents_failed, 1);
	assert_gauge(g, torrents_busy, 1);
	assert_gauge(g, torrent_bytes, 45);
	/* what a file says of itself may be anything */
	run_sql(s, "INSERT INTO track(file_id, album_id, audit, duration_seconds) VALUES(1, 1, 0, 9e18), (2, 1, 0, 9e300), "
		   "(3, 1, 0, -9e300), (4, 1, 0, NULL), (5, 1, 0, 2.5); DROP TRIGGER tally_track_DELETE");
	store_close(s);
	s = open_writer(dir);
	assert_gauge(read_gauges(s), tracks, 5);
	run_sql(s, "DELETE FROM track WHERE file_id < 4");
	assert_gauge(read_gauges(s), music_seconds, 2.5);
	/* the only one of a state goes to a state of which there was none */
	run_sql(s, "UPDATE torrent SET status = 'magnet_error' WHERE id = 2");
	g = read_gauges(s);
	assert_gauge(g, torrents_busy, 0);
	assert_gauge(g, torrents_failed, 2);
	store_close(s);
	unit_remove(dir);
}

static void verdicts_on_files_that_are_gone_do_not_count(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	run_sql(f.s, "INSERT INTO integrity(file_id, size, mtime, ctime, inode, verified_at, since, verdict, tries, how, reason) "
		     "SELECT id, size, mtime, 0, inode, 1, 1, 2, 0, '', '' FROM file");
	struct gauges g = read_gauges(f.s);
	double all = g.value[GAUGE_corrupt];
	assert_true(all >= 4);
	assert_gauge(g, unreadable, 0);
	/* it is another file now, not read yet; the disk does not give it; it is gone, and may come back */
	run_sql(f.s, "UPDATE file SET size = size + 1 WHERE name = CAST('x.mp3' AS BLOB);"
		     "UPDATE integrity SET verdict = 3 WHERE file_id = (SELECT id FROM file WHERE name = CAST('01.flac' AS BLOB))");
	assert_int_equal(store_begin_write(f.s), 0);
	forget(&f, "name = CAST('02.flac' AS BLOB)");
	fill_commit(&f);
	g = read_gauges(f.s);
	assert_gauge(g, corrupt, all - 3);
	assert_gauge(g, unreadable, 1);
	store_close(f.s);
	unit_remove(dir);
}

static void a_scan_that_was_cancelled_is_not_the_last_one(void **state)
{
	char *dir = unit_folder();
	struct store *s = open_writer(dir);
	(void)state;
	run_sql(s, "INSERT INTO job(id, words, state, submitted_at, token, started_at, ended_at, done, total, result) VALUES"
		   "(1, 'rescan all', 'done', 1, 'a', 1, 1, 0, 0, ''), (2, 'rescan all', 'cancelled', 1, 'b', 1, 1, 0, 0, '')");
	const struct run whole = {.job = 1, .order = "rescan all", .mode = "quick", .started_at = NS_PER_S, .ended_at = 5 * NS_PER_S,
				  .value = {[RUN_files] = 300, [RUN_wall_seconds] = 3}};
	struct run cancelled = whole, links = whole;
	cancelled.job = 2;
	cancelled.value[RUN_files] = 7;
	links.job = 3;
	links.value[RUN_files] = 0;
	assert_int_equal(store_begin_write(s), 0);
	assert_int_equal(store_add_run(s, &whole), 0);
	assert_int_equal(store_add_run(s, &cancelled), 0);
	assert_int_equal(store_add_run(s, &links), 0);
	uint64_t generation;
	assert_int_equal(store_commit(s, &generation), 0);
	struct gauges g = read_gauges(s);
	assert_gauge(g, last_files, 300);
	assert_gauge(g, last_files_per_second, 100);
	assert_gauge(g, last_ended_at, 5);
	store_close(s);
	unit_remove(dir);
}

static void a_pause_is_no_time_of_the_scan(void **state)
{
	struct live_values live = {.job = 7, .files = 300, .job_started_at = (uint64_t)(NOW - 13 * NS_PER_S),
				   .job_paused_ns = 10 * (uint64_t)NS_PER_S, .insert_busy_ns = 1500000000,
				   .rss_indexer = 1, .rss_scout = 2, .rss_worker = 3, .rss_sum = 6};
	struct gauges g;
	(void)state;
	assert_int_equal(gauges_read(&g, NULL, &live, NOW), 0);
	assert_gauge(g, scan_seconds, 3);
	assert_gauge(g, scan_files_per_second, 100);
	assert_gauge(g, stage_insert_busy, 0.5);
	live.job_paused_at = (uint64_t)NOW;
	assert_int_equal(gauges_read(&g, NULL, &live, NOW + 3600 * NS_PER_S), 0);
	assert_gauge(g, scan_seconds, 3);
	/* the clock was set back */
	assert_int_equal(gauges_read(&g, NULL, &(struct live_values){.job = 7, .job_started_at = (uint64_t)NOW}, NOW - 1), 0);
	assert_gauge(g, scan_seconds, 0);
}

static void what_is_not_known_is_no_number(void **state)
{
	struct gauges g;
	char *dir = unit_folder();
	struct store *s = open_writer(dir);
	struct live_values live = {.job = 7, .files = 300, .job_started_at = (uint64_t)(NOW - 3 * NS_PER_S),
				   .heartbeat_at = (uint64_t)(NOW + 5 * NS_PER_S), .extract_busy_ns = 1500000000};
	(void)state;
	assert_int_equal(gauges_read(&g, NULL, NULL, NOW), 0);
	for (int i = 0; i < GAUGE_COUNT; i++)
		assert_true(isnan(g.value[i]) || i == GAUGE_up || i == GAUGE_scan_running);
	assert_gauge(g, up, 0);
	assert_int_equal(gauges_read(&g, s, &live, NOW), 0);
	assert_gauge(g, scan_files_per_second, 100);
	assert_gauge(g, stage_extract_busy, 0.5);
	/* a clock that was set back meanwhile */
	assert_gauge(g, heartbeat_age, 0);
	assert_true(isnan(g.value[GAUGE_last_seconds]) && isnan(g.value[GAUGE_scan_total]));
	assert_gauge(g, tracks, 0);
	assert_gauge(g, links_broken, 0);
	assert_gauge(g, chapters_abandoned, 0);
	assert_gauge(g, roots_frozen, 0);
	assert_true(g.value[GAUGE_store_bytes] > 0 && g.value[GAUGE_disk_bytes] > g.value[GAUGE_disk_free_bytes]);
	store_close(s);
	unit_remove(dir);
}

static void names_are_fit_for_prometheus(void **state)
{
	(void)state;
	for (int i = 0; i < GAUGE_COUNT; i++) {
		const struct gauge_row *row = &GAUGES_TABLE[i];
		const char *end = row->name + strlen(row->name);
		assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(row->name));
		assert_int_equal(strncmp(row->name, "mediamon_", 9), 0);
		assert_int_equal(row->kind == GAUGE_TOTAL, strcmp(end - 6, "_total") == 0);
		assert_int_equal(row->label == NULL, row->value == NULL);
		bool is_there = false, has_left = false;
		for (int k = 0; k < i; k++) {
			bool is_same = strcmp(GAUGES_TABLE[k].name, row->name) == 0;
			has_left |= is_there && !is_same;
			is_there |= is_same;
			assert_int_not_equal(strcmp(GAUGES_TABLE[k].key, row->key), 0);
			/* one name: one kind, one help, one label, other values, and all lie together */
			if (is_same && (GAUGES_TABLE[k].kind != row->kind || strcmp(GAUGES_TABLE[k].help, row->help) != 0 ||
					strcmp(GAUGES_TABLE[k].label, row->label) != 0 ||
					strcmp(GAUGES_TABLE[k].value, row->value) == 0))
				fail_msg("%s and %s", GAUGES_TABLE[k].key, row->key);
		}
		if (is_there && has_left)
			fail_msg("%s does not lie beside its like", row->key);
	}
}

static void budgets_are_those_of_the_day(void **state)
{
	char *dir = unit_folder(), sql[512];
	struct store *s = open_writer(dir);
	(void)state;
	snprintf(sql, sizeof sql, "INSERT INTO host VALUES('prowlarr', %lld, 30, 4, 500, 6, 7, 0, '', 0, 0, 0, x''), "
		 "('nautiljon', %lld, 9, 4, 50, 0, 1, 0, '', 0, 0, 0, x''), ('torznab-x', 1, 1, 1, 1, 1, 1, 0, '', 0, 0, 0, x'')",
		 (long long)(NOW / (86400 * NS_PER_S)), (long long)(NOW / (86400 * NS_PER_S) - 1));
	run_sql(s, sql);
	struct gauges g = read_gauges(s);
	assert_gauge(g, api_prowlarr_used, 30);
	assert_gauge(g, api_prowlarr_calls, 500);
	assert_gauge(g, api_prowlarr_failures, 6);
	assert_gauge(g, api_prowlarr_refused, 7);
	/* yesterday's is used up no more */
	assert_gauge(g, api_nautiljon_used, 0);
	assert_gauge(g, api_nautiljon_calls, 50);
	/* who was never asked has no row */
	assert_true(isnan(g.value[GAUGE_api_realdebrid_calls]) && isnan(g.value[GAUGE_api_prowlarr_left]));
	gauges_set_left(&g, GAUGE_api_prowlarr_left, 100);
	assert_gauge(g, api_prowlarr_left, 70);
	gauges_set_left(&g, GAUGE_api_prowlarr_left, 20);
	assert_gauge(g, api_prowlarr_left, 0);
	gauges_set_budgets(&g, 100);
	assert_gauge(g, api_prowlarr_left, 70);
	assert_gauge(g, api_nautiljon_left, 300);
	/* of whom nobody knows what is used, nobody knows what is left */
	gauges_set_left(&g, GAUGE_api_realdebrid_left, 20);
	assert_true(isnan(g.value[GAUGE_api_realdebrid_left]));
	store_close(s);
	unit_remove(dir);
}

/** Steps of SQLite's machine since the last question. */
static int64_t steps(struct store *s)
{
	int64_t sum = 0;
	for (sqlite3_stmt *q = sqlite3_next_stmt(s->db, NULL); q; q = sqlite3_next_stmt(s->db, q))
		sum += sqlite3_stmt_status(q, SQLITE_STMTSTATUS_VM_STEP, 1);
	return sum;
}

static void add_rows(struct store *s, int from, int to)
{
	char sql[2048];
	snprintf(sql, sizeof sql,
		 "BEGIN; WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d) "
		 "INSERT INTO symlink(dir_id, name, target_dir_id, target_name, state, since, ok_at, size) "
		 "SELECT 1, x'41', 1, x'41', i %% 3, 1, 1, 1 FROM n;"
		 "WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 10 FROM n WHERE i + 10 < %d) "
		 "INSERT INTO missing(series_id, volume, kind, state, since) SELECT i, 1, 'interior', 'wanted', 1 FROM n; COMMIT",
		 from, to, from, to);
	run_sql(s, sql);
}

static void reading_costs_the_same_however_large_the_tables_are(void **state)
{
	const int few = 100, many = unit_many(20000, 1000000);
	char *dir = unit_quick_folder();
	struct store *s = open_writer(dir);
	(void)state;
	add_rows(s, 0, few);
	read_gauges(s);
	steps(s);
	read_gauges(s);
	int64_t before = steps(s);
	add_rows(s, few, many);
	steps(s);
	int64_t began = mono_ns();
	struct gauges g = read_gauges(s);
	int64_t took = mono_ns() - began, after = steps(s);
	print_message("%d links, %d missing: %lld steps, %lld us\n", many, many / 10, (long long)after,
		      (long long)(took / 1000));
	assert_gauge(g, links_ok, (many + 2) / 3);
	assert_gauge(g, missing_interior, many / 10);
	if (after != before)
		fail_msg("%lld steps, %lld with %d rows", (long long)after, (long long)before, few);
	/* the count itself would take as many steps as there are rows */
	assert_true(after < many);
	store_close(s);
	unit_remove(dir);
}

/* --- stores of older versions --- */

static void remove_backups(const char *dir)
{
	char path[4096], file[4096 + 256];
	snprintf(path, sizeof path, "%s/backups", dir);
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		snprintf(file, sizeof file, "%s/%s", path, e->d_name);
		unlink(file);
	}
	closedir(d);
	rmdir(path);
}

static void a_store_of_version_3_is_counted_once_and_then_kept(void **state)
{
	struct filler f;
	char *dir = unit_folder();
	(void)state;
	fill_all(&f, dir);
	/* as version 3 left it */
	sqlite3_stmt *q;
	char drop[16384] = "";
	assert_int_equal(sqlite3_prepare_v2(f.s->db, "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_schema WHERE type = 'trigger'",
					    -1, &q, NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW)
		strncat(drop, (const char *)sqlite3_column_text(q, 0), sizeof drop - strlen(drop) - 1);
	sqlite3_finalize(q);
	assert_true(strlen(drop) > 100);
	run_sql(f.s, drop);
	run_sql(f.s, "DROP TABLE tally; DROP TABLE gauge; DROP TABLE measured; DROP INDEX dir_unsummed; "
		     "ALTER TABLE dir DROP COLUMN dirsum; PRAGMA user_version = 3;"
		     "INSERT INTO spot(shelf_id, album_id, tracks, shown, shown_hash) SELECT shelf_id, album_id, 1, 'again', id + 77 "
		     "FROM spot WHERE tracks > 0");
	store_close(f.s);
	f.s = open_writer(dir);
	assert_counts(f.s);
	assert_gauge(read_gauges(f.s), tracks, 3);
	assert_gauge(read_gauges(f.s), artists, 2);
	run_sql(f.s, "DELETE FROM track WHERE file_id = (SELECT min(file_id) FROM track)");
	assert_counts(f.s);
	store_close(f.s);
	/* the next start counts nothing: a count that is wrong shows it */
	f.s = open_writer(dir);
	run_sql(f.s, "UPDATE tally SET n = 1000 WHERE name = 'album'");
	store_close(f.s);
	f.s = open_writer(dir);
	assert_gauge(read_gauges(f.s), albums, 1000);
	/* what the writer counts is counted by no trigger too, however it came there */
	run_sql(f.s, "CREATE TRIGGER tally_track_INSERT AFTER INSERT ON track BEGIN UPDATE tally SET n = n + 1 WHERE name = 'track'; END");
	store_close(f.s);
	f.s = open_writer(dir);
	run_sql(f.s, "INSERT INTO track(file_id, album_id, audit) VALUES(9001, 1, 0); UPDATE tally SET n = n + 1 WHERE name = 'track'");
	assert_gauge(read_gauges(f.s), tracks, 3);
	run_sql(f.s, "DELETE FROM track WHERE file_id = 9001");
	assert_gauge(read_gauges(f.s), tracks, 2);
	/* a table that was made anew is counted again */
	run_sql(f.s, "CREATE TABLE album_2 AS SELECT * FROM album; DROP TABLE album; ALTER TABLE album_2 RENAME TO album");
	store_close(f.s);
	f.s = open_writer(dir);
	assert_counts(f.s);
	/* a count that was kept in another way is counted again, and kept in this one */
	run_sql(f.s, "DROP TRIGGER tally_series_INSERT; CREATE TRIGGER tally_series_INSERT AFTER INSERT ON series BEGIN "
		     "UPDATE tally SET n = n + 5 WHERE name = 'series'; END; UPDATE tally SET n = 1000 WHERE name = 'series'");
	store_close(f.s);
	f.s = open_writer(dir);
	assert_counts(f.s);
	run_sql(f.s, "INSERT INTO series(key, title, shown, shown_key, version, at) "
		     "VALUES('one more', 'One more', 'One more', 'one more', 1, 1)");
	assert_counts(f.s);
	store_close(f.s);
	/* and nothing of all this at a start that finds each as it is to be */
	f.s = open_writer(dir);
	run_sql(f.s, "UPDATE tally SET n = 1000");
	store_close(f.s);
	f.s = open_writer(dir);
	assert_int_equal(fill_number(f.s, "SELECT count(*) FROM tally WHERE n <> 1000"), 0);
	store_close(f.s);
	/* the copy that is made before */
	remove_backups(dir);
	unit_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_counts_follow_the_tables),
		cmocka_unit_test(states_move_from_one_count_to_the_other),
		cmocka_unit_test(verdicts_on_files_that_are_gone_do_not_count),
		cmocka_unit_test(a_scan_that_was_cancelled_is_not_the_last_one),
		cmocka_unit_test(a_pause_is_no_time_of_the_scan),
		cmocka_unit_test(what_is_not_known_is_no_number),
		cmocka_unit_test(budgets_are_those_of_the_day),
		cmocka_unit_test(names_are_fit_for_prometheus),
		cmocka_unit_test(reading_costs_the_same_however_large_the_tables_are),
		cmocka_unit_test(a_store_of_version_3_is_counted_once_and_then_kept),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
