/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Requests against a client that says what a test wants: what fails once must neither be repeated at once nor
 * stand before everything else, and what was handed over stays known however its address looked.
 */
#include "tests/unit/find_world.h"

#include "indexer/request/request.h"

static const char *const hash_a = "0123456789abcdef0123456789abcdef01234567";

static struct {
	int fetches, adds, finds;
	/** What the next calls answer. */
	int add_result, find_result;
	enum client_state state;
	const char *files;
	/** The hash that a fetched link has. */
	const char *hash;
} fake;

static int fake_open(const struct outside *o, void **state, char *why)
{
	(void)o, (void)why;
	*state = &fake;
	return 0;
}

static void fake_close(void *state)
{
	(void)state;
}

static int fake_add(void *state, const struct handover *h, char *why)
{
	(void)state, (void)h, (void)why;
	fake.adds++;
	fake.find_result = fake.add_result ? fake.find_result : 0;
	return fake.add_result;
}

static int fake_find(void *state, enum protocol protocol, const char *hash, struct client_item *item,
		     char *why)
{
	(void)state, (void)protocol, (void)hash, (void)why;
	fake.finds++;
	item->state = fake.state;
	buf_adds(&item->files, fake.files);
	return fake.find_result;
}

static const struct client fake_client = {
	.name = "fake", .takes = PROTOCOL_TORRENT, .can_find = true, .open = fake_open,
	.close = fake_close, .add = fake_add, .find = fake_find,
};

static int fake_fetch(void *arg, struct handover *h, char *why)
{
	(void)arg, (void)why;
	fake.fetches++;
	buf_addf(&h->link, "magnet:?xt=urn:btih:%s", fake.hash);
	return 0;
}

static bool is_dry(void *arg)
{
	(void)arg;
	return false;
}

static struct world w;
static struct requests *requests;

static void begin(const char *options)
{
	static const struct client *const clients[] = {&fake_client, NULL};
	world_begin(&w, options);
	memset(&fake, 0, sizeof fake);
	fake.find_result = -ENOENT;
	fake.files = "";
	fake.hash = hash_a;
	struct requests_options o = {.config = w.config, .state_dir = w.dir, .writer = w.writer,
				     .net = &w.net, .fetch = fake_fetch, .is_dry = is_dry,
				     .clients = clients};
	assert_int_equal(requests_new(&o, &requests), 0);
}

static void end(void)
{
	requests_free(requests);
	world_end(&w);
}

/** Something that was found; the id of its row. */
static int64_t find(const char *series, const char *guid, int first, int last, const char *protocol)
{
	struct store_result r = {
		.key = series, .source = "prowlarr", .guid = guid, .title = guid, .link = "", .page = "",
		.indexer = "", .protocol = protocol, .hash = "", .context = "", .reason = "", .first = first,
		.last = last, .size = 60000000, .seeders = 5, .leechers = 1, .covers = 1, .score = 100,
		.seen_at = world_now(),
	};
	struct store_answer a = {
		.said = {.key = series, .source = "prowlarr", .at = world_now(), .tried_at = world_now(),
			 .outcome = "found", .error = "", .results = 1, .confirmed = 1},
		.results = &r, .count = 1, .now = world_now(),
	};
	assert_int_equal(finds_answer(w.writer, &a), 0);
	return world_count(&w, "SELECT max(id) FROM result");
}

static int grab(int64_t result, bool automatic)
{
	struct store_grab g = {.result = result, .volume = -1, .automatic = automatic, .now = world_now(),
			       .retry_at = world_now() + HOUR_NS};
	int64_t handed;
	return finds_grab(w.writer, &g, &handed);
}

/** Steps until nothing is due; at most @most. */
static int run(int most)
{
	int64_t next_at;
	int n = 0;
	while (n < most && requests_step(requests, &next_at))
		n++;
	return n;
}

static int64_t in_state(const char *state)
{
	char sql[256];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM request WHERE state = '%s'", state);
	return world_count(&w, sql);
}

static void test_a_store_that_takes_nothing_calls_nobody_again_and_again(void **state)
{
	(void)state;
	begin("");
	world_series(&w, "Naruto", 4, 3, 3);
	assert_int_equal(grab(find("naruto", "a", 3, 3, "torrent"), false), 0);
	sqlite3 *db = world_hold(&w);
	assert_in_range(run(10), 0, 2);
	assert_in_range(fake.fetches, 0, 1);
	assert_int_equal(fake.adds, 0);
	world_let_go(&w, db);
	world_pass(2 * MINUTE_NS);
	run(20);
	assert_int_equal(fake.adds, 1);
	assert_int_equal(in_state("sent"), 1);
	end();
}

static void test_a_find_that_cannot_be_taken_does_not_stand_before_the_others(void **state)
{
	(void)state;
	begin("monitor_missing_volumes {\n auto_download_enabled = true\n}\nrequests {\n delay = \"0s\"\n}\n");
	world_series(&w, "Naruto", 4, 3, 3);
	world_series(&w, "Gantz", 4, 3, 3);
	int64_t first = find("naruto", "a", 3, 3, "torrent");
	find("gantz", "b", 3, 3, "torrent");
	/* the row is gone: expired, or of another day */
	char *error = NULL, sql[128];
	snprintf(sql, sizeof sql, "DELETE FROM result WHERE id = %lld", (long long)first);
	sqlite3 *db = world_hold(&w);
	sqlite3_exec(db, sql, NULL, NULL, &error);
	assert_null(error);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_in_range(run(30), 1, 29);
	assert_int_equal(fake.adds, 1);
	end();
}

static void test_what_no_client_takes_is_not_handed_over_by_itself(void **state)
{
	(void)state;
	begin("monitor_missing_volumes {\n auto_download_enabled = true\n}\n");
	world_series(&w, "Naruto", 4, 3, 3);
	find("naruto", "a", 3, 3, "ed2k");
	run(10);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM handed"), 0);
	assert_int_equal(in_state("found"), 1);
	end();
}

static void test_a_release_without_hash_is_known_again_when_it_failed(void **state)
{
	(void)state;
	begin("");
	world_series(&w, "Naruto", 4, 3, 3);
	int64_t result = find("naruto", "a", 3, 3, "torrent");
	assert_int_equal(grab(result, false), 0);
	fake.add_result = -EINVAL;
	run(10);
	assert_int_equal(in_state("failed"), 1);
	/* it is no find any more, however late and however often it is seen */
	world_pass(30 * DAY_NS);
	result = find("naruto", "a", 3, 3, "torrent");
	assert_int_equal(in_state("failed"), 1);
	assert_int_equal(in_state("found"), 0);
	assert_int_equal(grab(result, true), -EEXIST);
	/* a person may ask again, and it is the same hand-over */
	fake.add_result = 0;
	assert_int_equal(grab(result, false), 0);
	run(10);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM handed"), 1);
	assert_int_equal(fake.adds, 2);
	assert_int_equal(in_state("failed"), 0);
	end();
}

static void test_the_end_of_ourselves_is_no_failure_of_others(void **state)
{
	(void)state;
	begin("");
	world_series(&w, "Naruto", 4, 3, 3);
	assert_int_equal(grab(find("naruto", "a", 3, 3, "torrent"), false), 0);
	fake.find_result = -ECANCELED;
	assert_in_range(run(10), 1, 5);
	assert_int_equal(fake.adds, 0);
	assert_int_equal(world_count(&w, "SELECT tries FROM handed"), 0);
	assert_int_equal(world_count(&w, "SELECT next_at FROM handed"), 0);
	end();
}

static void test_what_changed_while_it_was_told_is_told_again(void **state)
{
	(void)state;
	begin("");
	world_series(&w, "Naruto", 4, 3, 3);
	assert_int_equal(grab(find("naruto", "a", 3, 3, "torrent"), false), 0);
	struct store_told told = {.request = world_count(&w, "SELECT id FROM request")};
	snprintf(told.state, sizeof told.state, "sent");
	assert_int_equal(finds_told(w.writer, &told, 1), 0);
	assert_int_equal(world_count(&w, "SELECT is_told FROM request"), 0);
	snprintf(told.state, sizeof told.state, "found");
	assert_int_equal(finds_told(w.writer, &told, 1), 0);
	assert_int_equal(world_count(&w, "SELECT is_told FROM request"), 1);
	end();
}

static void test_pages_are_not_volumes(void **state)
{
	(void)state;
	begin("");
	world_series(&w, "Naruto", 4, 3, 3);
	assert_int_equal(grab(find("naruto", "a", 3, 3, "torrent"), false), 0);
	fake.state = CLIENT_LOADS;
	fake.files = "Naruto T03/041.jpg\nNaruto T03/042.jpg\nNaruto T03/T01.nfo\n";
	for (int i = 0; i < 5; i++) {
		run(10);
		world_pass(HOUR_NS);
	}
	assert_int_equal(in_state("downloading"), 1);
	fake.files = "Naruto T05.cbz\n";
	run(10);
	assert_int_equal(in_state("failed"), 1);
	end();
}

static void test_finds_of_a_series_that_is_gone_are_gone(void **state)
{
	(void)state;
	begin("");
	world_series(&w, "Naruto", 2, 1, 1);
	find("naruto", "a", 1, 1, "torrent");
	assert_int_equal(in_state("found"), 1);
	struct change *c = change_new(CHANGE_FORGET_FILE, 0);
	assert_non_null(c);
	c->row = world_count(&w, "SELECT max(id) FROM file");
	assert_int_equal(writer_put(w.writer, c), 0);
	assert_int_equal(writer_flush(w.writer), 0);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM series"), 0);
	assert_int_equal(in_state("found"), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_store_that_takes_nothing_calls_nobody_again_and_again),
		cmocka_unit_test(test_a_find_that_cannot_be_taken_does_not_stand_before_the_others),
		cmocka_unit_test(test_what_no_client_takes_is_not_handed_over_by_itself),
		cmocka_unit_test(test_a_release_without_hash_is_known_again_when_it_failed),
		cmocka_unit_test(test_the_end_of_ourselves_is_no_failure_of_others),
		cmocka_unit_test(test_what_changed_while_it_was_told_is_told_again),
		cmocka_unit_test(test_pages_are_not_volumes),
		cmocka_unit_test(test_finds_of_a_series_that_is_gone_are_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
