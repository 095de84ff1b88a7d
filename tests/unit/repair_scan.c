/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Scans of a provider in memory: what is learned, what is believed, what is asked. */
#include "tests/unit/provider_world.h"

#include "common/store_backup.h"
#include "indexer/load/repairs.h"
#include "indexer/repair/repair_scan.h"

static struct world world;
static struct repair *repair;
static bool dry;
static int looks;

static bool is_dry(void *arg)
{
	(void)arg;
	return dry;
}

/** Whether the look that was ordered has ended. */
static bool is_over;

static bool has_looked(void *arg, uint64_t number)
{
	(void)arg;
	assert_int_equal(number, looks);
	return is_over;
}

static uint64_t look(void *arg)
{
	(void)arg;
	return (uint64_t)++looks;
}

static void start(void)
{
	struct repair_options o = {.config = world.config, .state_dir = world.dir, .writer = world.writer,
				   .net = &world.net, .is_dry = is_dry, .look_at_links = look, .has_looked = has_looked,
				   .providers = debrid_providers};
	assert_int_equal(repair_new(&o, &repair), 0);
}

static void begin(const char *options)
{
	debrid_begin();
	dry = false;
	looks = 0;
	is_over = false;
	world_begin(&world, options);
	start();
}

static void end(void)
{
	repair_free(repair);
	world_end(&world);
	debrid_end();
}

/** The program is killed and starts again. */
static void restart(void)
{
	repair_free(repair);
	world_close(&world);
	world_open(&world);
	start();
}

/** Until nothing is due for @most steps or now; the time of what comes next. */
static int64_t settle(int most)
{
	int64_t next_at = 0;
	while (most-- > 0 && repair_step(repair, &next_at) > 0)
		;
	return next_at;
}

/** Time passes, steps are taken as they fall due. */
static void live(int64_t ns)
{
	int64_t until = world_now() + ns;
	while (world_now() < until) {
		int64_t next_at = settle(100000);
		int64_t wait = next_at > world_now() ? next_at - world_now() : NS_PER_S;
		world_pass(wait < until - world_now() ? wait : until - world_now());
	}
}

static void order(const char *words)
{
	struct buf answer = BUF_INIT(1024);
	assert_int_equal(repair_order(repair, words, true, &answer), 0);
	buf_clear(&answer);
}

static int64_t count(const char *sql)
{
	return world_count(&world, sql);
}

#define NO_CLOCK "realdebrid { scan_interval = \"0s\" }\n"

static void full_round(void)
{
	order("scan full");
	settle(100000);
}

/* --- priorities --- */

static void priorities_are_those_of_size_age_and_error(void **state)
{
	static const struct {
		const char *status;
		int64_t bytes, days;
		int priority;
	} rows[] = {
		{"magnet_error", 1, 30, 3}, {"dead", 1000000000, 30, 3},  {"dead", 1, 1, 3},
		{"dead", 100000000, 7, 1},  {"dead", 100000001, 7, 2},	  {"dead", 100000000, 6, 2},
		{"dead", 999999999, 30, 2}, {"dead", 500000000, 3, 2},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct store_torrent t = {.status = rows[i].status, .bytes = rows[i].bytes,
					  .added_at = WORLD_START - rows[i].days * DAY_NS};
		assert_int_equal(torrent_priority(&t, WORLD_START), rows[i].priority);
	}
	/* nobody said when it was added */
	assert_int_equal(torrent_priority(&(struct store_torrent){.status = "dead", .bytes = 1}, WORLD_START), 2);
}

/* --- full --- */

static void a_round_lists_all_and_asks_about_none(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	debrid_fill(350, "downloaded");
	full_round();
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE provider = 'memory'"), 350);
	assert_int_equal(debrid.calls[CALL_LIST], 5);
	assert_int_equal(debrid.calls[CALL_INFO], 0);
	assert_int_equal(count("SELECT count(*) FROM torrent_scan WHERE kind = 'full' AND state = 'completed' AND "
			       "offset = 0 AND items = 350 AND total = 350 AND completed_at > 0"), 1);
	/* nothing is changed at the provider, and our links come after it */
	assert_int_equal(debrid.logged, 0);
	assert_int_equal(looks, 1);
	end();
}

static void shift(int64_t offset)
{
	/* between two pages one more comes, or one goes */
	if (offset == 100)
		debrid_put("fresh", "ffffffffffffffffffffffffffffffffffffffff", "fresh", "downloaded");
	if (offset == 200)
		debrid_delete("t340");
}

static void pages_that_shift_lose_nothing(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	debrid_fill(350, "downloaded");
	full_round();
	world_pass(MINUTE_NS);
	debrid.before_page = shift;
	debrid.calls[CALL_INFO] = 0;
	full_round();
	/* what slipped through was asked about: it is there; the other one is gone by a positive word */
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE gone_at > 0"), 0);
	assert_int_equal(count("SELECT count(*) FROM torrent"), 350);
	debrid.before_page = NULL;
	world_pass(MINUTE_NS);
	full_round();
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE gone_at > 0 AND id = 't340' AND status = 'gone'"), 1);
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE gone_at > 0"), 1);
	assert_int_equal(count("SELECT count(*) FROM torrent"), 351);
	assert_int_equal(count("SELECT count(DISTINCT id) FROM torrent"), 351);
	end();
}

static void a_session_ends_and_the_next_one_goes_on(void **state)
{
	(void)state;
	begin("realdebrid { scan_interval = \"0s\" session = 200 }\n");
	debrid_fill(450, "downloaded");
	full_round();
	assert_int_equal(debrid.calls[CALL_LIST], 2);
	assert_int_equal(count("SELECT offset FROM torrent_scan WHERE kind = 'full' AND state = 'paused'"), 200);
	restart();
	settle(1000);
	assert_int_equal(debrid.calls[CALL_LIST], 2);
	full_round();
	assert_int_equal(count("SELECT offset FROM torrent_scan WHERE kind = 'full' AND state = 'paused'"), 400);
	full_round();
	assert_int_equal(debrid.calls[CALL_LIST], 6);
	assert_int_equal(count("SELECT items FROM torrent_scan WHERE kind = 'full' AND state = 'completed'"), 450);
	assert_int_equal(count("SELECT count(*) FROM torrent"), 450);
	end();
}

static void a_kill_at_any_step_loses_no_page(void **state)
{
	(void)state;
	for (int steps = 1; steps < 12; steps++) {
		begin(NO_CLOCK);
		debrid_fill(350, "downloaded");
		order("scan full");
		settle(steps);
		restart();
		settle(100000);
		assert_int_equal(count("SELECT count(*) FROM torrent"), 350);
		assert_int_equal(count("SELECT items FROM torrent_scan WHERE kind = 'full' AND state = 'completed'"), 350);
		assert_true(debrid.calls[CALL_LIST] <= 6);
		end();
	}
}

static void a_kill_while_the_others_are_asked_about_forgets_none(void **state)
{
	(void)state;
	for (int steps = 1; steps < 24; steps++) {
		begin(NO_CLOCK);
		debrid_fill(30, "downloaded");
		full_round();
		world_pass(HOUR_NS);
		debrid.lists_most = 20;
		debrid.says_total = false;
		debrid_find("t3")->is_lost = true;
		order("scan full");
		settle(steps);
		restart();
		settle(1000);
		assert_int_equal(count("SELECT count(*) FROM torrent WHERE gone_at > 0"), 1);
		assert_int_equal(count("SELECT min(last_seen) FROM torrent WHERE gone_at = 0"), world_now());
		assert_true(debrid.calls[CALL_INFO] == 10);
		end();
	}
}

static void a_list_that_lacks_torrents_does_not_make_them_gone(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	debrid_fill(100, "downloaded");
	full_round();
	world_pass(HOUR_NS);
	debrid.lists_nothing = true;
	full_round();
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE gone_at > 0"), 0);
	assert_int_equal(debrid.calls[CALL_INFO], 0);
	assert_int_equal(count("SELECT count(*) FROM torrent_scan WHERE kind = 'full' AND state = 'failed' AND "
			       "error LIKE '%100 torrents%not believed'"), 1);
	/* half of it, with its own count contradicting */
	debrid.lists_nothing = false;
	debrid.lists_most = 40;
	world_pass(HOUR_NS);
	full_round();
	assert_int_equal(debrid.calls[CALL_INFO], 0);
	assert_int_equal(count("SELECT count(*) FROM torrent_scan WHERE kind = 'full' AND state = 'failed' AND "
			       "error LIKE '%40 of 100%'"), 1);
	/* half of it, and nothing contradicts: each of the others is asked about, and one of them is gone */
	debrid.says_total = false;
	debrid_find("t5")->is_lost = true;
	world_pass(HOUR_NS);
	full_round();
	assert_int_equal(debrid.calls[CALL_INFO], 60);
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE gone_at > 0"), 1);
	assert_int_equal(count("SELECT gone_at > 0 FROM torrent WHERE id = 't5'"), 1);
	end();
}

static void answers_that_say_nothing_make_nothing_gone(void **state)
{
	static const enum provider_class classes[] = {PROVIDER_LATER, PROVIDER_UNKNOWN, PROVIDER_PERMANENT, PROVIDER_STOP};
	(void)state;
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		begin(NO_CLOCK);
		debrid_fill(50, "downloaded");
		full_round();
		world_pass(HOUR_NS);
		debrid.lists_most = 20;
		debrid.says_total = false;
		debrid_fail(CALL_INFO, "", 1000, classes[i]);
		order("scan full");
		live(HOUR_NS);
		assert_int_equal(count("SELECT count(*) FROM torrent WHERE gone_at > 0"), 0);
		assert_int_equal(debrid.calls[CALL_INFO], classes[i] == PROVIDER_STOP ? 1 : 5);
		assert_int_equal(count("SELECT count(*) FROM torrent_scan WHERE kind = 'unseen' AND state = 'failed'"), 1);
		end();
	}
}

static void a_list_without_end_ends(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	debrid_fill(30, "downloaded");
	debrid.page = 10;
	debrid.ignores_offset = true;
	full_round();
	assert_int_equal(count("SELECT count(*) FROM torrent_scan WHERE kind = 'full' AND state = 'failed' AND offset = 0 "
			       "AND error LIKE '%does not end%'"), 1);
	assert_true(debrid.calls[CALL_LIST] < 120);
	assert_int_equal(count("SELECT count(*) FROM torrent"), 10);
	end();
}

static void a_pause_that_the_provider_asks_for_is_kept(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	debrid_fill(250, "downloaded");
	debrid_fail(CALL_LIST, "", 1, PROVIDER_WAIT)->pause = 20 * MINUTE_NS;
	full_round();
	assert_int_equal(debrid.calls[CALL_LIST], 1);
	live(19 * MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_LIST], 1);
	live(2 * MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_LIST], 5);
	assert_int_equal(count("SELECT count(*) FROM torrent"), 250);
	end();
}

static void a_refused_account_stops_scans_until_somebody_acts(void **state)
{
	(void)state;
	begin("");
	debrid_fill(250, "downloaded");
	debrid_fail(CALL_LIST, "", 1000, PROVIDER_STOP);
	live(DAY_NS);
	assert_int_equal(debrid.calls[CALL_LIST], 1);
	assert_int_equal(count("SELECT count(*) FROM torrent_scan WHERE kind = 'full' AND state = 'paused' AND error <> ''"), 1);
	debrid.faults.data[0].times = 0;
	order("scan full");
	settle(1000);
	assert_int_equal(count("SELECT count(*) FROM torrent"), 250);
	end();
}

static void a_cancelled_round_can_be_gone_on_with(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	debrid_fill(350, "downloaded");
	order("scan full");
	settle(4);
	assert_int_equal(repair_cancel(repair), 0);
	settle(1000);
	int64_t offset = count("SELECT offset FROM torrent_scan WHERE kind = 'full' AND state = 'paused' AND error = 'cancelled'");
	assert_true(offset > 0);
	full_round();
	assert_int_equal(count("SELECT items FROM torrent_scan WHERE kind = 'full' AND state = 'completed'"), 350);
	end();
}

/* --- quick --- */

static void a_quick_scan_asks_only_about_what_may_have_changed(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	debrid_fill(300, "downloaded");
	snprintf(debrid_find("t0")->status, 32, "dead");
	snprintf(debrid_find("t1")->status, 32, "downloading");
	snprintf(debrid_find("t2")->status, 32, "waiting_files_selection");
	snprintf(debrid_find("t3")->status, 32, "virus");
	snprintf(debrid_find("t4")->status, 32, "error");
	full_round();
	/* 4 is known to be refused for good: no call ever */
	struct store_permanent p = {.provider = "memory", .hash = debrid_find("t4")->hash, .torrent = "t4", .name = "n",
				    .kind = "infringing", .reason = "r", .at = 1};
	assert_int_equal(repairs_permanent(world.writer, &p), 0);
	debrid_put("new", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "new", "downloaded");
	snprintf(debrid_find("t1")->status, 32, "downloaded");
	debrid_delete("t2");
	debrid.calls[CALL_LIST] = 0;
	world_pass(HOUR_NS);
	order("scan quick");
	settle(1000);
	/* the first page had a new one, the second none */
	assert_int_equal(debrid.calls[CALL_LIST], 2);
	assert_int_equal(debrid.calls[CALL_INFO], 3);
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE id = 'new'"), 1);
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE id = 't1' AND status = 'downloaded'"), 1);
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE id = 't2' AND status = 'gone'"), 1);
	assert_int_equal(count("SELECT count(*) FROM torrent_scan WHERE kind = 'quick' AND state = 'completed'"), 1);
	end();
}

static int first_asked(void)
{
	return debrid_find("t7") && count("SELECT last_seen FROM torrent WHERE id = 't7'") == world_now();
}

static void what_is_due_is_asked_first_and_all_have_their_turn(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	debrid.page = 10;
	debrid_fill(410, "dead");
	full_round();
	struct store_retry retry = {.provider = "memory", .hash = debrid_find("t7")->hash, .torrent = "t7", .name = "n",
				    .kind = "other", .reason = "", .first_at = 1, .due_at = world_now() + 1, .tries = 1};
	assert_int_equal(repairs_attempt(world.writer, NULL, NULL, &retry), 0);
	world_pass(HOUR_NS);
	order("scan quick");
	while (!debrid.calls[CALL_INFO])
		settle(1);
	assert_true(first_asked());
	settle(1000);
	assert_int_equal(debrid.calls[CALL_INFO], 200);
	int64_t before = count("SELECT min(last_seen) FROM torrent");
	world_pass(HOUR_NS);
	order("scan quick");
	settle(1000);
	world_pass(HOUR_NS);
	order("scan quick");
	settle(1000);
	assert_true(count("SELECT min(last_seen) FROM torrent") > before);
	end();
}

static void a_virus_is_never_tried_again_but_a_dry_run_writes_nothing_of_it(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	debrid_fill(20, "downloaded");
	snprintf(debrid_find("t3")->status, 32, "virus");
	dry = true;
	full_round();
	assert_int_equal(count("SELECT count(*) FROM torrent WHERE status = 'virus'"), 1);
	assert_int_equal(count("SELECT count(*) FROM permanent"), 0);
	assert_int_equal(count("SELECT count(*) FROM attempt") + count("SELECT count(*) FROM retry"), 0);
	dry = false;
	world_pass(HOUR_NS);
	full_round();
	assert_int_equal(count("SELECT count(*) FROM permanent WHERE kind = 'virus' AND torrent = 't3'"), 1);
	assert_int_equal(debrid.logged, 0);
	end();
}

/* --- by the clock --- */

static void the_clock_chooses_full_or_quick(void **state)
{
	(void)state;
	begin("realdebrid { scan_interval = \"30m\" full_interval = \"24h\" }\n");
	debrid_fill(250, "downloaded");
	/* never one: full; then a quick one every half hour, each one page */
	live(MINUTE_NS);
	assert_int_equal(debrid.calls[CALL_LIST], 4);
	live(HOUR_NS);
	assert_int_equal(debrid.calls[CALL_LIST], 4 + 2);
	int64_t full = count("SELECT completed_at FROM torrent_scan WHERE kind = 'full'");
	live(22 * HOUR_NS);
	assert_int_equal(count("SELECT completed_at FROM torrent_scan WHERE kind = 'full'"), full);
	live(2 * HOUR_NS);
	assert_true(count("SELECT completed_at FROM torrent_scan WHERE kind = 'full'") > full + DAY_NS);
	/* it ends at every restart at the same place: not more often */
	int64_t calls = debrid.all_calls;
	restart();
	settle(1000);
	assert_int_equal(debrid.all_calls, calls);
	end();
}

static void sessions_and_quick_scans_take_turns(void **state)
{
	(void)state;
	begin("realdebrid { scan_interval = \"10m\" session = 100 }\n");
	debrid_fill(350, "downloaded");
	live(HOUR_NS + MINUTE_NS);
	/* full at 0, 20, 40, 60 minutes; quick between them */
	assert_int_equal(count("SELECT items FROM torrent_scan WHERE kind = 'full' AND state = 'completed'"), 350);
	assert_int_equal(debrid.calls[CALL_LIST], 5 + 3);
	end();
}

/* --- links, numbers, retention --- */

static void our_links_are_looked_at_and_counted(void **state)
{
	(void)state;
	begin(NO_CLOCK);
	order("scan symlinks");
	settle(1000);
	assert_int_equal(looks, 1);
	assert_int_equal(count("SELECT count(*) FROM torrent_scan WHERE kind = 'symlinks' AND state = 'running'"), 1);
	is_over = true;
	world_pass(2 * NS_PER_S);
	settle(1000);
	assert_int_equal(count("SELECT count(*) FROM torrent_scan WHERE kind = 'symlinks' AND state = 'completed'"), 1);
	assert_int_equal(debrid.all_calls, 0);
	end();
}

static void numbers_are_kept_and_appended_as_lines(void **state)
{
	char options[300], path[200], line[400] = "";
	static const char *const parts[] = {"\"timestamp\"", "\"type\"", "\"name\"", "\"value\"", "\"tags\""};
	(void)state;
	snprintf(path, sizeof path, "/tmp/mediamon-samples-%d", (int)getpid());
	snprintf(options, sizeof options, NO_CLOCK "repair { metrics_log = \"%s\" }\n", path);
	begin(options);
	debrid_fill(5, "downloaded");
	full_round();
	assert_int_equal(count("SELECT count(*) FROM sample WHERE type = 'scan' AND name = 'duration' AND "
			       "tags LIKE '%\"mode\":%\"full\"%'"), 1);
	assert_int_equal(count("SELECT value FROM sample WHERE type = 'torrents' AND name = 'downloaded'"), 5);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		for (size_t i = 0; i < COUNT_OF(parts); i++)
			assert_non_null(strstr(line, parts[i]));
	fclose(f);
	assert_non_null(strstr(line, "\"name\":"));
	/* full: it moves aside, and five of those are kept */
	for (int i = 0; i < 7; i++) {
		assert_int_equal(truncate(path, 9999990), 0);
		world_pass(HOUR_NS);
		full_round();
	}
	char old[220];
	for (int i = 1; i <= 6; i++) {
		snprintf(old, sizeof old, "%s.%d", path, i);
		assert_int_equal(access(old, F_OK), i <= 5 ? 0 : -1);
		unlink(old);
	}
	unlink(path);
	end();
}

static void a_copy_has_torrents_tries_and_what_is_due(void **state)
{
	char file[BACKUP_NAME], why[256] = "", sql[4200];
	(void)state;
	begin(NO_CLOCK);
	debrid_fill(5, "downloaded");
	debrid_fill(2, "virus");
	full_round();
	struct store_backup b = {.state_dir = world.dir, .at = world_now(), .keep = 2};
	assert_int_equal(store_backup(&b, file, why), 0);
	snprintf(sql, sizeof sql, "ATTACH 'file:%s/backups/%s?mode=ro' AS copy", world.dir, file);
	assert_int_equal(sqlite3_exec(world.reader->db, sql, NULL, NULL, NULL), SQLITE_OK);
#define SAME(table) "(SELECT count(*) FROM copy." table ") = (SELECT nullif(count(*), 0) FROM main." table ")"
	assert_int_equal(count("SELECT " SAME("torrent") " AND " SAME("torrent_scan") " AND " SAME("sample") " AND "
			       SAME("permanent")), 1);
	end();
}

static void what_is_old_is_forgotten_every_six_hours(void **state)
{
	(void)state;
	begin(NO_CLOCK "repair { history = \"30d\" metrics = \"90d\" }\n");
	struct store_attempt a = {.provider = "memory", .torrent = "x", .hash = "", .name = "", .outcome = "x", .at = world_now()};
	struct store_repair_sample s = {.at = world_now(), .type = "t", .name = "n", .tags = "{}"};
	assert_int_equal(repairs_attempt(world.writer, &a, NULL, NULL), 0);
	assert_int_equal(repairs_samples(world.writer, &s, 1), 0);
	live(30 * DAY_NS - HOUR_NS);
	assert_int_equal(count("SELECT count(*) FROM attempt"), 1);
	live(13 * HOUR_NS);
	assert_int_equal(count("SELECT count(*) FROM attempt"), 0);
	assert_int_equal(count("SELECT count(*) FROM sample"), 1);
	live(60 * DAY_NS);
	assert_int_equal(count("SELECT count(*) FROM sample"), 0);
	end();
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(priorities_are_those_of_size_age_and_error),
		T(a_round_lists_all_and_asks_about_none),
		T(pages_that_shift_lose_nothing),
		T(a_session_ends_and_the_next_one_goes_on),
		T(a_kill_at_any_step_loses_no_page),
		T(a_kill_while_the_others_are_asked_about_forgets_none),
		T(a_list_that_lacks_torrents_does_not_make_them_gone),
		T(answers_that_say_nothing_make_nothing_gone),
		T(a_list_without_end_ends),
		T(a_pause_that_the_provider_asks_for_is_kept),
		T(a_refused_account_stops_scans_until_somebody_acts),
		T(a_cancelled_round_can_be_gone_on_with),
		T(a_quick_scan_asks_only_about_what_may_have_changed),
		T(what_is_due_is_asked_first_and_all_have_their_turn),
		T(a_virus_is_never_tried_again_but_a_dry_run_writes_nothing_of_it),
		T(the_clock_chooses_full_or_quick),
		T(sessions_and_quick_scans_take_turns),
		T(our_links_are_looked_at_and_counted),
		T(numbers_are_kept_and_appended_as_lines),
		T(a_copy_has_torrents_tries_and_what_is_due),
		T(what_is_old_is_forgotten_every_six_hours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
