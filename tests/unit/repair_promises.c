/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Review: each test states a promise; those that fail are findings. */
#include "tests/unit/provider_world.h"

#include <ftw.h>
#include <sys/stat.h>

#include "indexer/load/repairs.h"
#include "indexer/repair/hand.h"
#include "indexer/repair/repair.h"
#include "indexer/repair/repair_scan.h"
#include "indexer/symlinks/looker.h"
#include "indexer/symlinks/symlinks.h"

static struct world world;
static struct repair *repair;
static struct symlinks *links;
static char base[256];
static bool dry;

static bool is_dry(void *arg)
{
	(void)arg;
	return dry;
}

static int64_t now_of(void *arg)
{
	(void)arg;
	return world_now();
}

static void start(void)
{
	struct repair_options o = {.config = world.config, .state_dir = world.dir, .writer = world.writer,
				   .net = &world.net, .is_dry = is_dry, .providers = debrid_providers};
	struct symlinks_options l = {.config = world.config, .state_dir = world.dir, .writer = world.writer, .now = now_of};
	assert_int_equal(repair_new(&o, &repair), 0);
	assert_int_equal(symlinks_new(&l, &links), 0);
}

static const char *in(const char *path)
{
	static char full[8][1024];
	static int next;
	char *p = full[next++ % 8];
	snprintf(p, sizeof full[0], "%s/%s", base, path);
	return p;
}

static void make_dirs(const char *path)
{
	char part[1024];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		mkdir(part, 0755);
	}
}

static void put_file(const char *path)
{
	make_dirs(in(path));
	FILE *f = fopen(in(path), "w");
	assert_non_null(f);
	fputs("12345", f);
	fclose(f);
}

static void put_link(const char *path, const char *target)
{
	make_dirs(in(path));
	assert_int_equal(symlink(in(target), in(path)), 0);
}

static void begin(const char *more)
{
	char options[4096];
	int64_t root;
	snprintf(base, sizeof base, "/tmp/review.XXXXXX");
	assert_non_null(mkdtemp(base));
	make_dirs(in("links/."));
	make_dirs(in("mnt/__all__/."));
	snprintf(options, sizeof options,
		 "links = {\"%s/links\"}\nrealdebrid {\n\tmount = \"%s/mnt\"\n\tscan_interval = \"0s\"\n}\n%s", base, base, more);
	debrid_begin();
	dry = false;
	world_begin(&world, options);
	struct change *c = change_new(CHANGE_ADD_ROOT, 1024);
	c->name = change_copy(c, "links", 5);
	c->state = change_copy(c, "links", 5);
	c->dir = change_copy(c, in("links"), strlen(in("links")));
	assert_int_equal(writer_call(world.writer, c, &root), 0);
	start();
	for (int i = 0; i < 4; i++) {
		char file[64], link[64];
		snprintf(file, sizeof file, "mnt/__all__/Good%d/f.mkv", i);
		snprintf(link, sizeof link, "links/good/%d.mkv", i);
		put_file(file);
		put_link(link, file);
	}
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static int end(void **state)
{
	(void)state;
	repair_free(repair);
	symlinks_free(links);
	world_end(&world);
	debrid_end();
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static void restart(void)
{
	repair_free(repair);
	symlinks_free(links);
	world_close(&world);
	world_open(&world);
	start();
}

static int64_t settle(int most)
{
	int64_t next_at = 0;
	while (most-- > 0 && repair_step(repair, &next_at) > 0)
		;
	return next_at;
}

static void live(int64_t ns)
{
	int64_t until = world_now() + ns;
	while (world_now() < until) {
		int64_t next_at = settle(10000);
		int64_t wait = next_at > world_now() ? next_at - world_now() : NS_PER_S;
		world_pass(wait < until - world_now() ? wait : until - world_now());
	}
}

static void look(void)
{
	assert_int_equal(symlinks_look(links, false), 0);
}

/** Three sightings over a day. */
static void break_links(void)
{
	for (int i = 0; i < 6; i++) {
		world_pass(6 * HOUR_NS);
		look();
	}
}

static void order(const char *words)
{
	_buf_ struct buf answer = BUF_INIT(1024);
	assert_int_equal(repair_order(repair, words, true, &answer), 0);
}

static void say_plan(void)
{
	sqlite3_stmt *q;
	sqlite3_prepare_v2(world.reader->db, "SELECT action || ' ' || torrent || ' [' || name || '] links=' || links || ' ' || state || ': ' || why || ' | ' || evidence || ' | ' || reason FROM plan_item", -1, &q, NULL);
	while (sqlite3_step(q) == SQLITE_ROW)
		printf("    item: %s\n", (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	for (int i = 0; i < debrid.logged; i++)
		printf("    call: %s\n", debrid.log[i]);
}

static void apply(void)
{
	_buf_ struct buf answer = BUF_INIT(1024);
	char hash[64] = "";
	sqlite3_stmt *q;
	sqlite3_prepare_v2(world.reader->db, "SELECT hash FROM plan WHERE state = 'planned'", -1, &q, NULL);
	if (sqlite3_step(q) == SQLITE_ROW)
		snprintf(hash, sizeof hash, "%s", (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	int e = repair_apply_order(repair, hash, true, &answer);
	if (e)
		fail_msg("apply %s: %s", hash, buf_str(&answer));
}

static bool was_called(const char *call)
{
	for (int i = 0; i < debrid.logged; i++)
		if (strcmp(debrid.log[i], call) == 0)
			return true;
	return false;
}

static int64_t count(const char *sql)
{
	return world_count(&world, sql);
}

static const char HASH_A[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", HASH_B[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static void lose(const char *path)
{
	assert_int_equal(unlink(in(path)), 0);
}

static void scan_and_plan(void)
{
	order("scan full");
	settle(1000);
	order("plan");
	settle(1000);
}

/* repair_plan.c:collect, SQL torrents_failed "OR broken > 0" */
static void two_torrents_of_one_name_are_not_guessed(void **state)
{
	(void)state;
	begin("");
	debrid_put("t1", HASH_A, "Show", "downloaded");
	debrid_put("t2", HASH_B, "Show", "downloaded");
	put_file("mnt/__all__/Show/file.mkv");
	put_link("links/a/1.mkv", "mnt/__all__/Show/file.mkv");
	look();
	lose("mnt/__all__/Show/file.mkv");
	break_links();
	assert_int_equal(count("SELECT count(*) FROM symlink WHERE state = 2"), 1);
	scan_and_plan();
	say_plan();
	assert_int_equal(count("SELECT count(*) FROM plan_item WHERE action = 'reinsert'"), 0);
}

/* one is infringing, the other only dead: our links are the dead one's */
static void links_of_a_namesake_are_not_removed(void **state)
{
	(void)state;
	begin("");
	debrid_put("t1", HASH_A, "Show", "dead");
	debrid_put("t2", HASH_B, "Show", "dead");
	struct store_permanent p = {.provider = "memory", .hash = HASH_A, .torrent = "t1", .name = "Show",
				    .kind = "infringing_file", .reason = "x", .at = world_now()};
	assert_int_equal(repairs_permanent(world.writer, &p), 0);
	put_file("mnt/__all__/Show/file.mkv");
	put_link("links/a/1.mkv", "mnt/__all__/Show/file.mkv");
	look();
	lose("mnt/__all__/Show/file.mkv");
	break_links();
	scan_and_plan();
	say_plan();
	assert_int_equal(count("SELECT count(*) FROM plan_item WHERE action = 'remove'"), 0);
}

/* a word of long ago, although the provider has it now */
static void what_is_downloaded_now_is_not_gone_for_good(void **state)
{
	(void)state;
	begin("");
	struct store_permanent p = {.provider = "memory", .hash = HASH_A, .torrent = "t0", .name = "Show",
				    .kind = "refused", .reason = "the torrent is too big for Real-Debrid", .at = world_now()};
	assert_int_equal(repairs_permanent(world.writer, &p), 0);
	debrid_put("t1", HASH_A, "Show", "downloaded");
	put_file("mnt/__all__/Show/file.mkv");
	put_link("links/a/1.mkv", "mnt/__all__/Show/file.mkv");
	look();
	lose("mnt/__all__/Show/file.mkv");
	break_links();
	world_pass(200 * DAY_NS);
	look();
	scan_and_plan();
	say_plan();
	assert_int_equal(count("SELECT count(*) FROM plan_item WHERE action = 'remove'"), 0);
}

/* more links than the cap of a run */
static void a_torrent_with_more_links_than_a_run_may_change_is_ended(void **state)
{
	(void)state;
	begin("repair {\n\tmost = 2\n\tpercent = 100\n}\n");
	debrid_put("t1", HASH_A, "Show", "dead");
	struct debrid_offer *o = debrid_offer(HASH_A, "Show new", 0);
	o->files = 3;
	for (int i = 0; i < 3; i++) {
		char file[64], link[64];
		snprintf(o->path[i], sizeof o->path[i], "/%d.mkv", i);
		snprintf(file, sizeof file, "mnt/__all__/Show/%d.mkv", i);
		snprintf(link, sizeof link, "links/a/%d.mkv", i);
		put_file(file);
		put_link(link, file);
	}
	debrid_find("t1")->files = 3;
	for (int i = 0; i < 3; i++) {
		snprintf(debrid_find("t1")->path[i], 128, "/%d.mkv", i);
		debrid_find("t1")->selected[i] = true;
	}
	look();
	for (int i = 0; i < 3; i++) {
		char file[64];
		snprintf(file, sizeof file, "mnt/__all__/Show/%d.mkv", i);
		lose(file);
		snprintf(file, sizeof file, "mnt/__all__/Show new/%d.mkv", i);
		put_file(file);
	}
	break_links();
	scan_and_plan();
	apply();
	for (int day = 0; day < 4; day++) {
		live(DAY_NS);
		look();
	}
	say_plan();
	printf("    insertion open: %lld, calls of info: %lld\n", (long long)count("SELECT count(*) FROM insertion WHERE step NOT IN ('done','failed','undone')"), (long long)debrid.calls[CALL_INFO]);
	assert_int_equal(count("SELECT count(*) FROM plan_item WHERE state IN ('running', 'queued')"), 0);
}

/* two libraries link to one file of a torrent that is 404 */
static void two_links_to_one_file_are_put_back(void **state)
{
	(void)state;
	begin("");
	debrid_put("t1", HASH_A, "Show", "downloaded");
	debrid_offer(HASH_A, "Show", 0);
	put_file("mnt/__all__/Show/file.mkv");
	put_link("links/a/1.mkv", "mnt/__all__/Show/file.mkv");
	put_link("links/b/1.mkv", "mnt/__all__/Show/file.mkv");
	look();
	order("scan full");
	settle(1000);
	debrid_delete("t1");
	lose("mnt/__all__/Show/file.mkv");
	break_links();
	order("plan");
	settle(1000);
	apply();
	settle(20);
	put_file("mnt/__all__/Show/file.mkv");
	live(HOUR_NS);
	say_plan();
	assert_int_equal(count("SELECT count(*) FROM plan_item WHERE state = 'done'"), 1);
}

/* suspect links: nothing is seen on the mount */
static void the_old_one_stays_until_its_files_are_seen(void **state)
{
	(void)state;
	begin("");
	debrid_put("t1", HASH_A, "Show", "dead");
	debrid_offer(HASH_A, "Show other name", 0);
	put_file("mnt/__all__/Show/file.mkv");
	put_link("links/a/1.mkv", "mnt/__all__/Show/file.mkv");
	look();
	lose("mnt/__all__/Show/file.mkv");
	world_pass(HOUR_NS);
	look();
	assert_int_equal(count("SELECT count(*) FROM symlink WHERE state = 1"), 1);
	scan_and_plan();
	apply();
	live(5 * MINUTE_NS);
	say_plan();
	assert_false(was_called("remove t1"));
}

/* the clock was a day ahead when the list was read */
static void a_torrent_that_was_there_before_is_not_removed(void **state)
{
	(void)state;
	begin("");
	debrid_put("t1", HASH_A, "Show", "dead");
	debrid_put("users", HASH_A, "Show", "downloading");
	order("scan full");
	settle(1000);
	world_pass(-DAY_NS);
	order("plan");
	settle(1000);
	apply();
	live(2 * HOUR_NS);
	say_plan();
	assert_non_null(debrid_find("users"));
}

static void an_order_to_plan_outlives_a_restart(void **state)
{
	(void)state;
	begin("");
	debrid_fill(30, "dead");
	order("scan full");
	settle(1000);
	order("plan");
	settle(5);
	restart();
	settle(1000);
	live(HOUR_NS);
	printf("    plan's row: running=%lld\n", (long long)count("SELECT count(*) FROM torrent_scan WHERE kind = 'plan' AND state = 'running'"));
	assert_int_equal(count("SELECT count(*) FROM plan"), 1);
}

/* a name with ".." leads out of the mount */
static void a_torrents_name_does_not_lead_out_of_the_mount(void **state)
{
	(void)state;
	begin("");
	debrid_put("t1", HASH_A, "Show", "dead");
	debrid_offer(HASH_A, "../../outside", 0);
	put_file("mnt/__all__/Show/file.mkv");
	put_link("links/a/1.mkv", "mnt/__all__/Show/file.mkv");
	put_file("outside/file.mkv");
	look();
	lose("mnt/__all__/Show/file.mkv");
	break_links();
	scan_and_plan();
	apply();
	live(HOUR_NS);
	char text[1024] = "";
	ssize_t n = readlink(in("links/a/1.mkv"), text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	printf("    link: %s\n", text);
	assert_null(strstr(text, ".."));
}

/* the run's cap is of the run, not of the process; and cancel of nothing */
static void a_cancel_of_nothing_does_not_end_the_next_plan(void **state)
{
	(void)state;
	begin("");
	debrid_fill(3, "dead");
	order("scan full");
	settle(1000);
	repair_cancel(repair);
	settle(1000);
	order("plan");
	settle(1000);
	assert_int_equal(count("SELECT count(*) FROM plan"), 1);
}

/* one clock jump makes a day of evidence */
static void a_clock_that_jumps_makes_no_evidence(void **state)
{
	(void)state;
	begin("");
	put_file("mnt/__all__/Show/file.mkv");
	put_link("links/a/1.mkv", "mnt/__all__/Show/file.mkv");
	look();
	lose("mnt/__all__/Show/file.mkv");
	look();
	world_pass(30 * DAY_NS);
	look();
	world_pass(HOUR_NS);
	look();
	assert_int_equal(count("SELECT count(*) FROM symlink WHERE state = 2"), 0);
}

/* a person changed one of the links meanwhile: the other one leads to the new torrent already */
static void a_torrent_that_our_links_lead_to_is_not_removed(void **state)
{
	(void)state;
	begin("repair {\n\tpercent = 100\n}\n");
	debrid_put("t1", HASH_A, "Show", "dead");
	debrid_offer(HASH_A, "Show new", 0);
	put_file("mnt/__all__/Show/file.mkv");
	put_link("links/a/1.mkv", "mnt/__all__/Show/file.mkv");
	put_link("links/a/2.mkv", "mnt/__all__/Show/file.mkv");
	look();
	lose("mnt/__all__/Show/file.mkv");
	put_file("mnt/__all__/Show new/file.mkv");
	break_links();
	scan_and_plan();
	/* the one that is looked at last */
	bool first = count("SELECT name = CAST('1.mkv' AS BLOB) FROM symlink WHERE state = 2 ORDER BY id DESC LIMIT 1");
	lose(first ? "links/a/1.mkv" : "links/a/2.mkv");
	apply();
	live(2 * HOUR_NS);
	say_plan();
	char text[1024] = "";
	ssize_t n = readlink(in(first ? "links/a/2.mkv" : "links/a/1.mkv"), text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	printf("    link: %s\n", text);
	assert_false(strstr(text, "Show new") && was_called("remove new1"));
}

/* the mount goes away behind each step of an insertion */
static void nothing_is_changed_there_while_the_mount_is_away(void **state)
{
	int late = 0;
	(void)state;
	for (int steps = 1; steps < 8; steps++) {
		begin("");
		debrid_put("t1", HASH_A, "Show", "dead");
		debrid_offer(HASH_A, "Show", 0);
		look();
		scan_and_plan();
		apply();
		int64_t at;
		for (int i = 0; i < steps; i++)
			repair_step(repair, &at);
		int before = debrid.logged;
		assert_int_equal(rename(in("mnt"), in("away")), 0);
		live(10 * MINUTE_NS);
		for (int i = before; i < debrid.logged; i++)
			printf("    mount away after %d steps: %s\n", steps, debrid.log[i]);
		late += debrid.logged > before;
		end(NULL);
	}
	begin("");
	assert_int_equal(late, 0);
}

/* an undo of two that was killed between them */
static void an_undo_that_was_interrupted_goes_on(void **state)
{
	(void)state;
	begin("");
	int64_t id[2];
	for (int i = 0; i < 2; i++) {
		struct store_journal row = {.at = world_now(), .plan = "0123456789abcdef", .action = "relink", .step = "done", .error = "",
					    .root = {in("links"), strlen(in("links"))}, .path = {i ? "x2" : "x1", 2}, .before = {"/old", 4},
					    .after = {"/new", 4}, .uid = geteuid(), .gid = getegid(), .mtime = NS_PER_S};
		assert_int_equal(symlink(i ? "/old" : "/new", in(i ? "links/x2" : "links/x1")), 0);
		assert_int_equal(repairs_journal(world.writer, &row, 1, &id[i]), 0);
		row.id = id[i];
		row.step = i ? "undone" : "done";
		row.undone_at = i ? world_now() : 0;
		assert_int_equal(repairs_journal(world.writer, &row, 1, &id[i]), 0);
	}
	/* as the order was kept before the kill */
	char words[64];
	snprintf(words, sizeof words, "%lld %lld\n", (long long)id[0], (long long)id[1]);
	struct store_torrent_scan want = {.kind = "order undo", .state = "ordered", .error = words, .total = -1, .started_at = world_now()};
	assert_int_equal(repairs_scan(world.writer, &want), 0);
	restart();
	settle(100);
	char text[64] = "";
	ssize_t n = readlink(in("links/x1"), text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	printf("    x1 -> %s; orders that wait: %lld\n", text, (long long)count("SELECT count(*) FROM torrent_scan WHERE kind = 'order undo' AND state = 'ordered'"));
	assert_string_equal(text, "/old");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--hand") == 0)
		return hand_main();
	if (argc > 1 && strcmp(argv[1], "--looker") == 0)
		return looker_main();
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(two_torrents_of_one_name_are_not_guessed),
		T(links_of_a_namesake_are_not_removed),
		T(what_is_downloaded_now_is_not_gone_for_good),
		T(a_torrent_with_more_links_than_a_run_may_change_is_ended),
		T(two_links_to_one_file_are_put_back),
		T(the_old_one_stays_until_its_files_are_seen),
		T(a_torrent_that_was_there_before_is_not_removed),
		T(an_order_to_plan_outlives_a_restart),
		T(a_torrents_name_does_not_lead_out_of_the_mount),
		T(a_cancel_of_nothing_does_not_end_the_next_plan),
		T(a_torrent_that_our_links_lead_to_is_not_removed),
		T(nothing_is_changed_there_while_the_mount_is_away),
		T(an_undo_that_was_interrupted_goes_on),
		T(a_clock_that_jumps_makes_no_evidence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
