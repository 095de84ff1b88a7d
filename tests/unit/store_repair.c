/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is kept of torrents, tries and scans. */
#include "tests/unit/repair_rows.h"

/* --- torrents --- */

static struct store_torrent torrent(const char *id, const char *name, const char *status)
{
	return (struct store_torrent){
		.provider = "p", .id = id, .hash = HASH_A, .name = name, .status = status, .bytes = 1000,
		.links = 2, .progress = 99.5, .added_at = 5, .ended_at = 6, .first_seen = 10, .last_seen = 10,
		.priority = 2,
	};
}

static void put_torrent(struct store_torrent t)
{
	assert_int_equal(repairs_torrents(world.writer, &t, 1), 0);
}

static int list_torrent(void *arg, const struct store_torrent *row)
{
	add_text(arg, row->id);
	return 0;
}

static const char *torrents(const char *status)
{
	static struct rows rows;
	rows = (struct rows){0};
	assert_int_equal(store_torrents(world.reader, status, list_torrent, &rows), 0);
	return rows.text;
}

static int is_same_torrent(void *arg, const struct store_torrent *row)
{
	const struct store_torrent *t = arg;
	assert_string_equal(row->provider, t->provider);
	assert_string_equal(row->id, t->id);
	assert_string_equal(row->hash, t->hash);
	assert_string_equal(row->name, t->name);
	assert_string_equal(row->status, t->status);
	const int64_t want[] = {t->bytes, t->links, t->added_at, t->ended_at, t->first_seen, t->last_seen,
				t->gone_at, t->priority, t->attempts, t->last_attempt_at, t->last_success_at, t->broken};
	const int64_t have[] = {row->bytes, row->links, row->added_at, row->ended_at, row->first_seen,
				row->last_seen, row->gone_at, row->priority, row->attempts,
				row->last_attempt_at, row->last_success_at, row->broken};
	assert_memory_equal(have, want, sizeof want);
	assert_true(row->progress == t->progress);
	return 0;
}

static void assert_torrent(struct store_torrent t)
{
	assert_int_equal(store_torrent(world.reader, t.provider, t.id, is_same_torrent, &t), 0);
}

static void a_torrent_keeps_what_the_provider_does_not_say(void **state)
{
	(void)state;
	struct store_torrent t = torrent("1", HOSTILE, "downloaded");
	struct store_attempt a = {.provider = "p", .torrent = "1", .hash = HASH_A, .name = "x", .outcome = "success",
				  .error = "", .at = 50};
	MOVES(TORRENTS, repairs_torrents(world.writer, &t, 1));
	MOVES(0, repairs_torrents(world.writer, &t, 1));
	assert_torrent(t);
	MOVES(TORRENTS | REPAIRS, repairs_attempt(world.writer, &a, NULL, NULL));
	a.at = 60;
	a.outcome = "infringing";
	assert_int_equal(repairs_attempt(world.writer, &a, NULL, NULL), 0);
	t.status = "dead";
	t.first_seen = t.last_seen = 70;
	MOVES(TORRENTS, repairs_torrents(world.writer, &t, 1));
	t.first_seen = 10;
	t.attempts = 2;
	t.last_attempt_at = 60;
	t.last_success_at = 50;
	assert_torrent(t);
	reopen();
	assert_torrent(t);
	MOVES(TORRENTS, repairs_torrent_gone(world.writer, "p", "1", 80));
	MOVES(0, repairs_torrent_gone(world.writer, "p", "1", 90));
	MOVES(0, repairs_torrent_gone(world.writer, "p", "none", 90));
	t.status = "gone";
	t.gone_at = 80;
	assert_torrent(t);
	/* the provider has it after all */
	t.status = "downloaded";
	t.gone_at = 0;
	put_torrent(t);
	assert_torrent(t);
	assert_int_equal(store_torrent(world.reader, "other", "1", is_same_torrent, &t), -ENOENT);
}

static int count_status(void *arg, const char *status, int64_t n, int64_t bytes)
{
	char text[64];
	snprintf(text, sizeof text, "%s=%d/%d", status, (int)n, (int)bytes);
	add_text(arg, text);
	return 0;
}

static void torrents_are_listed_by_status_priority_and_age_of_the_last_try(void **state)
{
	struct rows rows = {0};
	(void)state;
	struct store_torrent t[] = {torrent("low", "n", "dead"), torrent("b", "n", "error"), torrent("a", "m", "virus"),
				    torrent("high", "n", "magnet_error"), torrent("ok", "n", "downloaded")};
	t[0].priority = 1;
	t[1].last_attempt_at = 9;
	t[2].last_attempt_at = 7;
	t[3].priority = 3;
	t[4].hash = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
	assert_int_equal(repairs_torrents(world.writer, t, 5), 0);
	assert_string_equal(torrents(""), "high ok a b low ");
	assert_string_equal(torrents("failed"), "high a b low ");
	assert_string_equal(torrents("error"), "b ");
	assert_string_equal(torrents("' OR 1 --"), "");
	assert_int_equal(store_torrent_counts(world.reader, count_status, &rows), 0);
	assert_string_equal(rows.text, "dead=1/1000 downloaded=1/1000 error=1/1000 magnet_error=1/1000 virus=1/1000 ");
	rows = (struct rows){0};
	assert_int_equal(store_torrents_named(world.reader, "p", (struct bytes){"nn", 1}, list_torrent, &rows), 0);
	assert_int_equal(rows.n, 4);
	rows = (struct rows){0};
	assert_int_equal(store_torrents_named(world.reader, "q", (struct bytes){"n", 1}, list_torrent, &rows), 0);
	assert_int_equal(rows.n, 0);
	/* a hash is the same in capitals */
	assert_int_equal(store_torrents_hashed(world.reader, "p", "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", list_torrent, &rows), 0);
	assert_int_equal(store_torrents_hashed(world.reader, "p", HASH_B, list_torrent, &rows), 0);
	assert_string_equal(rows.text, "ok ok ");
}

static void run_sql(const char *sql)
{
	char path[4200];
	sqlite3 *db = NULL;
	char *why = NULL;
	snprintf(path, sizeof path, "%s/" STORE_FILE, world.dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

/** A link into a directory; state as in the table of links. */
static void put_link(int id, int target, int state)
{
	char sql[500];
	snprintf(sql, sizeof sql,
		 "INSERT OR REPLACE INTO symlink(id, dir_id, name, target_dir_id, target_name, state, error, sightings, "
		 "first_at, last_at, since, ok_at, size, reason) "
		 "VALUES(%d, 1, x'6%d', %d, x'61', %d, 0, 0, 0, 0, 0, 0, 0, '')",
		 id, id, target, state);
	run_sql(sql);
}

static void broken_links_are_counted_at_the_torrents_of_exactly_that_name(void **state)
{
	(void)state;
	/* no UTF-8: the bytes count */
	run_sql("INSERT INTO target_dir(id, path, here, torrent) VALUES(1, x'2f61', x'2f61', x'41ff'), "
		"(2, x'2f62', x'2f62', x''), (3, x'2f63', x'2f63', x'41ff')");
	put_torrent(torrent("1", "A\xff", "downloaded"));
	put_torrent(torrent("2", "A", "downloaded"));
	put_torrent(torrent("3", "", "downloaded"));
	put_link(1, 1, 2);
	put_link(2, 3, 2);
	put_link(3, 1, 1);
	put_link(4, 2, 2);
	MOVES(TORRENTS, repairs_count_broken(world.writer));
	assert_int_equal(count("SELECT broken FROM torrent WHERE id = '1'"), 2);
	assert_int_equal(count("SELECT sum(broken) FROM torrent"), 2);
	assert_string_equal(torrents("symlink_broken"), "1 ");
	assert_string_equal(torrents("failed"), "1 ");
	MOVES(0, repairs_count_broken(world.writer));
	/* the provider's word about it is another matter */
	put_torrent(torrent("1", "A\xff", "dead"));
	assert_int_equal(count("SELECT broken FROM torrent WHERE id = '1'"), 2);
	put_link(2, 3, 0);
	MOVES(TORRENTS, repairs_count_broken(world.writer));
	assert_int_equal(count("SELECT broken FROM torrent WHERE id = '1'"), 1);
	put_link(1, 1, 4);
	MOVES(TORRENTS, repairs_count_broken(world.writer));
	assert_int_equal(count("SELECT sum(broken) FROM torrent"), 0);
	assert_string_equal(torrents("symlink_broken"), "");
}

/* --- what was tried --- */

static int list_attempt(void *arg, const struct store_attempt *row)
{
	assert_string_equal(row->name, HOSTILE);
	assert_string_equal(row->error, "why");
	assert_string_equal(row->hash, HASH_A);
	assert_int_equal(row->response_ms, 12);
	assert_int_equal(row->code, 34);
	assert_true(row->id > 0);
	add_text(arg, row->outcome);
	return 0;
}

static void the_newest_attempts_come_first_and_what_follows_from_one_comes_with_it(void **state)
{
	struct rows rows = {0};
	(void)state;
	struct store_attempt a = {.provider = "p", .torrent = "1", .hash = HASH_A, .name = HOSTILE, .outcome = "one",
				  .error = "why", .at = 1, .response_ms = 12, .code = 34};
	struct store_permanent p = {.provider = "p", .hash = HASH_A, .torrent = "1", .name = HOSTILE,
				    .kind = "infringing", .reason = "no", .at = 1};
	struct store_retry retry = {.provider = "p", .hash = HASH_A, .torrent = "1", .name = HOSTILE,
				    .kind = "other", .reason = "", .first_at = 1, .due_at = 2, .tries = 1};
	assert_int_equal(repairs_attempt(world.writer, &a, &p, &retry), 0);
	a.outcome = "two";
	assert_int_equal(repairs_attempt(world.writer, &a, NULL, NULL), 0);
	a.outcome = "success";
	assert_int_equal(repairs_attempt(world.writer, &a, NULL, NULL), 0);
	reopen();
	assert_int_equal(store_attempts(world.reader, 2, list_attempt, &rows), 0);
	assert_string_equal(rows.text, "success two ");
	assert_int_equal(count("SELECT count(*) FROM permanent"), 1);
	assert_int_equal(count("SELECT count(*) FROM retry"), 1);
	struct store_repair_counts counts;
	assert_int_equal(store_repair_counts(world.reader, &counts), 0);
	assert_int_equal(counts.attempts, 3);
	assert_int_equal(counts.successes, 1);
	assert_int_equal(counts.failures, 2);
	assert_int_equal(counts.permanent, 1);
	assert_int_equal(counts.retries_waiting, 1);
	assert_int_equal(counts.retries_spent + counts.insertions_open + counts.journal + counts.undone, 0);
}

static int is_permanent(void *arg, const struct store_permanent *row)
{
	struct rows *rows = arg;
	char text[200];
	snprintf(text, sizeof text, "%s:%s:%d:%d", row->kind, row->reason, (int)row->at, (int)row->handled_at);
	add_text(rows, text);
	return 0;
}

static void what_is_permanent_stays_so_and_stays_handled(void **state)
{
	struct rows rows = {0};
	(void)state;
	struct store_permanent p = {.provider = "p", .hash = HASH_A, .torrent = "1", .name = "n",
				    .kind = "infringing", .reason = "a", .at = 1};
	assert_int_equal(store_permanent(world.reader, "p", HASH_A, is_permanent, &rows), -ENOENT);
	MOVES(TORRENTS | REPAIRS, repairs_permanent(world.writer, &p));
	p.handled_at = 5;
	MOVES(TORRENTS | REPAIRS, repairs_permanent(world.writer, &p));
	p.at = 9;
	p.handled_at = 0;
	MOVES(0, repairs_permanent(world.writer, &p));
	p.reason = "b";
	MOVES(TORRENTS | REPAIRS, repairs_permanent(world.writer, &p));
	assert_int_equal(store_permanent(world.reader, "p", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					 is_permanent, &rows), 0);
	p.hash = HASH_B;
	assert_int_equal(repairs_permanent(world.writer, &p), 0);
	assert_int_equal(store_permanents(world.reader, is_permanent, &rows), 0);
	assert_string_equal(rows.text, "infringing:b:1:5 infringing:b:9:0 infringing:b:1:5 ");
}

static int is_retry(void *arg, const struct store_retry *row)
{
	struct rows *rows = arg;
	char text[200];
	snprintf(text, sizeof text, "%d:%d:%d:%d:%d", (int)row->tries, (int)row->is_spent, (int)row->first_at,
		 (int)row->due_at, (int)row->last_at);
	add_text(rows, text);
	return 0;
}

static const char *the_retry(void)
{
	static struct rows rows;
	rows = (struct rows){0};
	assert_int_equal(store_retry(world.reader, "p", HASH_A, is_retry, &rows), 0);
	return rows.text;
}

static void tries_never_shrink(void **state)
{
	struct rows rows = {0};
	(void)state;
	struct store_retry retry = {.provider = "p", .hash = HASH_A, .torrent = "1", .name = "n", .kind = "other",
				    .reason = "", .first_at = 1, .due_at = 10, .tries = 1, .last_at = 2};
	MOVES(TORRENTS | REPAIRS, repairs_attempt(world.writer, NULL, NULL, &retry));
	assert_string_equal(the_retry(), "1:0:1:10:2 ");
	retry.tries = 3;
	retry.is_spent = true;
	retry.first_at = 7;
	assert_int_equal(repairs_attempt(world.writer, NULL, NULL, &retry), 0);
	assert_string_equal(the_retry(), "3:1:1:10:2 ");
	MOVES(0, repairs_attempt(world.writer, NULL, NULL, &retry));
	/* somebody who begins anew does not get new tries */
	retry.tries = 0;
	retry.is_spent = false;
	retry.due_at = 20;
	assert_int_equal(repairs_attempt(world.writer, NULL, NULL, &retry), 0);
	reopen();
	assert_string_equal(the_retry(), "3:1:1:20:2 ");
	assert_int_equal(store_retries(world.reader, is_retry, &rows), 0);
	assert_int_equal(rows.n, 1);
	MOVES(0, repairs_delete_retry(world.writer, "p", HASH_B));
	MOVES(TORRENTS | REPAIRS, repairs_delete_retry(world.writer, "p", HASH_A));
	assert_int_equal(store_retry(world.reader, "p", HASH_A, is_retry, &rows), -ENOENT);
}

static int is_scan(void *arg, const struct store_torrent_scan *row)
{
	struct rows *rows = arg;
	char text[200];
	snprintf(text, sizeof text, "%s:%s:%d:%d:%d:%d", row->kind, row->state, (int)row->offset, (int)row->total,
		 (int)row->items, (int)row->calls);
	add_text(rows, text);
	return 0;
}

static void a_scan_goes_on_where_it_was_after_a_restart(void **state)
{
	struct rows rows = {0};
	(void)state;
	struct store_torrent_scan scan = {.kind = "full", .state = "paused", .error = "", .offset = 5000, .total = -1,
					  .items = 7, .calls = 3};
	assert_int_equal(store_torrent_scan(world.reader, "full", is_scan, &rows), -ENOENT);
	MOVES(TORRENTS, repairs_scan(world.writer, &scan));
	MOVES(0, repairs_scan(world.writer, &scan));
	reopen();
	assert_int_equal(store_torrent_scan(world.reader, "full", is_scan, &rows), 0);
	scan.kind = "quick";
	assert_int_equal(repairs_scan(world.writer, &scan), 0);
	assert_int_equal(store_torrent_scans(world.reader, is_scan, &rows), 0);
	assert_string_equal(rows.text, "full:paused:5000:-1:7:3 full:paused:5000:-1:7:3 quick:paused:5000:-1:7:3 ");
}

static void a_caller_may_forget_what_it_gave(void **state)
{
	enum { MANY = 3000 };
	static char id[MANY][16], name[MANY][64];
	struct store_torrent *t = calloc(MANY, sizeof *t);
	(void)state;
	assert_non_null(t);
	for (int i = 0; i < MANY; i++) {
		snprintf(id[i], sizeof id[i], "%d", i);
		snprintf(name[i], sizeof name[i], "torrent %d", i);
		t[i] = torrent(id[i], name[i], "downloaded");
	}
	t[7].name = NULL;
	assert_int_equal(repairs_torrents(world.writer, t, MANY), 0);
	memset(name, 'x', sizeof name);
	free(t);
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE name = 'torrent ' || id"), MANY - 1);
	assert_int_equal(repairs_torrents(world.writer, NULL, 0), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_torrent_keeps_what_the_provider_does_not_say),
		T(torrents_are_listed_by_status_priority_and_age_of_the_last_try),
		T(broken_links_are_counted_at_the_torrents_of_exactly_that_name),
		T(the_newest_attempts_come_first_and_what_follows_from_one_comes_with_it),
		T(what_is_permanent_stays_so_and_stays_handled),
		T(tries_never_shrink),
		T(a_scan_goes_on_where_it_was_after_a_restart),
		T(a_caller_may_forget_what_it_gave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
