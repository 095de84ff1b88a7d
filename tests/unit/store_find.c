/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is kept of searching: wishes, answers, finds, hand-overs. */
#include "tests/unit/find_world.h"

static struct store_result result_of(const char *guid, int first, int last, int verdict, int score)
{
	return (struct store_result){
		.key = "", .source = "s", .guid = guid, .title = guid, .link = "", .page = "",
		.indexer = "", .protocol = "torrent", .hash = "", .context = "", .reason = "",
		.first = first, .last = last, .verdict = verdict, .score = score, .seen_at = world_now(),
	};
}

static void put_results(struct world *w, const char *key, const struct store_result *x, size_t n)
{
	struct store_answer a = {
		.said = {.key = key, .source = "s", .outcome = "found", .error = "", .at = world_now(),
			 .tried_at = world_now(), .next_at = world_now() + DAY_NS},
		.results = x, .count = n, .now = world_now(),
	};
	assert_int_equal(finds_answer(w->writer, &a), 0);
}

static void put_one(struct world *w, const char *key, struct store_result x)
{
	put_results(w, key, &x, 1);
}

static int64_t id_of(struct world *w, const char *guid)
{
	char sql[100];
	snprintf(sql, sizeof sql, "SELECT id FROM result WHERE guid = '%s'", guid);
	return world_count(w, sql);
}

/** The result that was chosen for a volume; -1 none. */
static int64_t chosen(struct world *w, int volume)
{
	char sql[120];
	snprintf(sql, sizeof sql, "SELECT result_id FROM request WHERE volume = %d AND state = 'found'", volume);
	return world_count(w, sql);
}

static int grab(struct world *w, int64_t result, int volume, int64_t *handed)
{
	struct store_grab g = {.result = result, .volume = volume, .now = world_now()};
	return finds_grab(w->writer, &g, handed);
}

static void begin(struct world *w)
{
	world_begin(w, "");
	world_series(w, "Alpha", 8, 3, 5);
}

static int is_wish(void *arg, const struct store_wish *row)
{
	int *total = arg;
	assert_string_equal(row->ignored, "4");
	assert_int_equal(row->monitored, -1);
	*total = (int)row->total;
	return 0;
}

static void wishes_outlive_the_row_of_their_series(void **state)
{
	struct world w;
	struct store_wish wish = {.key = "alpha", .title = "Alpha", .monitored = -1, .automatic = -1,
				  .total = 9, .language = "", .ignored = "4", .url = "", .aliases = ""};
	int total = 0;
	(void)state;
	begin(&w);
	assert_int_equal(finds_wish(w.writer, &wish), 0);
	/* 4 is ignored, 9 is wished for */
	assert_int_equal(world_count(&w, "SELECT group_concat(volume, '') + 0 FROM missing"), 359);
	for (int64_t file; (file = world_count(&w, "SELECT id FROM file LIMIT 1")) > 0;) {
		struct change *c = change_new(CHANGE_FORGET_FILE, 0);
		assert_non_null(c);
		c->row = file;
		assert_int_equal(writer_call(w.writer, c, &file), 0);
	}
	assert_int_equal(world_count(&w, "SELECT count(*) FROM series"), 0);
	assert_int_equal(store_wish(w.reader, "alpha", is_wish, &total), 0);
	assert_int_equal(total, 9);
	world_series(&w, "Alpha", 8, 3, 5);
	assert_int_equal(world_count(&w, "SELECT group_concat(volume, '') + 0 FROM missing"), 359);
	assert_int_equal(store_wish(w.reader, "beta", is_wish, &total), -ENOENT);
	world_end(&w);
}

static void the_best_of_what_is_confirmed_is_chosen(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	put_one(&w, "alpha", result_of("unsure", 3, 3, 1, 99));
	assert_int_equal(chosen(&w, 3), -1);
	put_one(&w, "alpha", result_of("good", 3, 4, 0, 10));
	assert_int_equal(chosen(&w, 3), id_of(&w, "good"));
	assert_int_equal(chosen(&w, 4), id_of(&w, "good"));
	put_one(&w, "alpha", result_of("better", 4, 4, 0, 20));
	assert_int_equal(chosen(&w, 3), id_of(&w, "good"));
	assert_int_equal(chosen(&w, 4), id_of(&w, "better"));
	/* the same one, looked at again: it was nothing after all */
	put_one(&w, "alpha", result_of("better", 4, 4, 2, 20));
	put_one(&w, "alpha", result_of("good", 3, 4, 2, 10));
	assert_int_equal(world_count(&w, "SELECT count(*) FROM request"), 0);
	/* a volume that is not missing needs none */
	put_one(&w, "alpha", result_of("owned", 2, 2, 0, 10));
	assert_int_equal(world_count(&w, "SELECT count(*) FROM request"), 0);
	world_end(&w);
}

static void answers_are_trimmed_the_best_stay(void **state)
{
	struct world w;
	static char guid[400][16];
	struct store_result x[400];
	(void)state;
	begin(&w);
	for (int i = 0; i < 400; i++) {
		snprintf(guid[i], sizeof guid[i], "%d", i);
		x[i] = result_of(guid[i], 3, 3, 0, i);
	}
	put_results(&w, "alpha", x, 400);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM result"), 300);
	assert_int_equal(world_count(&w, "SELECT min(score) FROM result"), 100);
	/* the old ones go with the next answer, and what was found with them */
	world_pass(31 * DAY_NS);
	put_one(&w, "alpha", result_of("new", 4, 4, 0, 1));
	assert_int_equal(world_count(&w, "SELECT count(*) FROM result"), 1);
	assert_int_equal(chosen(&w, 3), -1);
	assert_int_equal(chosen(&w, 4), id_of(&w, "new"));
	world_end(&w);
}

static void run_sql(const struct world *w, const char *sql)
{
	char path[4200];
	sqlite3 *db = NULL;
	snprintf(path, sizeof path, "%s/" STORE_FILE, w->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void a_grab_is_refused_for_a_reason(void **state)
{
	struct world w;
	int64_t handed, again;
	(void)state;
	begin(&w);
	assert_int_equal(grab(&w, 4711, -1, &handed), -ENOENT);
	put_one(&w, "alpha", result_of("owned", 2, 2, 0, 10));
	assert_int_equal(grab(&w, id_of(&w, "owned"), -1, &handed), -ESRCH);
	put_one(&w, "nobody", result_of("stray", 2, 2, 0, 10));
	assert_int_equal(grab(&w, id_of(&w, "stray"), -1, &handed), -ENOENT);
	/* one that tells no volume is taken for the one that he says */
	put_one(&w, "alpha", result_of("silent", 0, -1, 1, 10));
	assert_int_equal(grab(&w, id_of(&w, "silent"), -1, &handed), -ESRCH);
	assert_int_equal(grab(&w, id_of(&w, "silent"), 5, &handed), 0);
	/* the same order while it waits is one order; afterwards it is refused */
	assert_int_equal(grab(&w, id_of(&w, "silent"), 5, &again), 0);
	assert_int_equal(again, handed);
	run_sql(&w, "UPDATE handed SET step = 'sent'");
	assert_int_equal(grab(&w, id_of(&w, "silent"), 5, &again), -EEXIST);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM handed"), 1);
	/* a hash is one hash, whatever it is called and in whatever case of things it was found */
	struct store_result a = result_of("a", 3, 3, 0, 10), b = result_of("b", 4, 4, 0, 10);
	a.hash = b.hash = "0123456789012345678901234567890123456789";
	put_one(&w, "alpha", a);
	put_one(&w, "alpha", b);
	assert_int_equal(grab(&w, id_of(&w, "a"), -1, &handed), 0);
	assert_int_equal(grab(&w, id_of(&w, "b"), -1, &again), -EEXIST);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM handed"), 2);
	world_end(&w);
}

static void what_arrives_by_itself_is_not_asked_for(void **state)
{
	struct world w;
	int64_t handed;
	(void)state;
	begin(&w);
	put_one(&w, "alpha", result_of("three", 3, 3, 0, 10));
	put_one(&w, "alpha", result_of("four", 4, 4, 0, 10));
	put_one(&w, "alpha", result_of("five", 5, 5, 0, 10));
	assert_int_equal(grab(&w, id_of(&w, "four"), -1, &handed), 0);
	world_file(&w, "Alpha", 3);
	world_file(&w, "Alpha", 4);
	assert_int_equal(writer_flush(w.writer), 0);
	/* found only: it was nobody's business; handed over: it has arrived */
	assert_int_equal(world_count(&w, "SELECT count(*) FROM request WHERE volume = 3"), 0);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM request WHERE volume = 4 AND state = 'arrived'"), 1);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM handed WHERE step = 'arrived'"), 1);
	assert_int_equal(chosen(&w, 5), id_of(&w, "five"));
	/* lost again it is wanted again, but that very release is not sent again by itself */
	struct change *c = change_new(CHANGE_FORGET_FILE, 0);
	int64_t row = world_count(&w, "SELECT file_id FROM volume WHERE volume = 4");
	assert_non_null(c);
	c->row = row;
	assert_int_equal(writer_call(w.writer, c, &row), 0);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM missing WHERE volume = 4"), 1);
	assert_int_equal(chosen(&w, 4), -1);
	put_one(&w, "alpha", result_of("another", 4, 4, 0, 5));
	assert_int_equal(chosen(&w, 4), id_of(&w, "another"));
	world_end(&w);
}

/** The next series that a source is to search; 0 none. */
static int64_t next_of(struct world *w, const struct store_search_ask *ask)
{
	int64_t series;
	bool ordered, is_new;
	return store_search_next(w->reader, ask, &series, &ordered, &is_new) == 0 ? series : 0;
}

static void put_said(struct world *w, const char *key, const char *outcome, int64_t next_at)
{
	struct store_answer a = {
		.said = {.key = key, .source = "s", .outcome = outcome, .error = "", .tried_at = world_now(),
			 .at = *outcome == 'f' ? 0 : world_now(), .next_at = next_at},
		.now = world_now(),
	};
	assert_int_equal(finds_answer(w->writer, &a), 0);
}

static void one_that_always_fails_does_not_starve_the_others(void **state)
{
	struct world w;
	struct store_search_ask ask = {.source = "s", .monitored = true, .flows = {true, true},
				       .before = " ", .by_itself = true};
	(void)state;
	begin(&w);
	world_series(&w, "Beta", 4, 3, 3);
	world_pass(NS_PER_S);
	ask.now = world_now();
	assert_int_equal(next_of(&w, &ask), 1);
	put_said(&w, "beta", "nothing", world_now() + MINUTE_NS);
	world_pass(NS_PER_S);
	put_said(&w, "alpha", "failed", world_now() + MINUTE_NS);
	ask.now = world_now();
	assert_int_equal(next_of(&w, &ask), 0);
	world_pass(HOUR_NS);
	ask.now = world_now();
	assert_int_equal(next_of(&w, &ask), 2);
	world_end(&w);
}

static void a_clock_that_is_set_back_does_not_stop_the_search(void **state)
{
	struct world w;
	struct store_search_ask ask = {.source = "s", .monitored = true, .flows = {true, true},
				       .before = " ", .by_itself = true};
	(void)state;
	begin(&w);
	world_pass(100 * DAY_NS);
	assert_int_equal(finds_order(w.writer, "alpha", "s", world_now()), 0);
	world_pass(-50 * DAY_NS);
	ask.now = world_now();
	assert_int_equal(next_of(&w, &ask), 1);
	put_said(&w, "alpha", "nothing", world_now() + DAY_NS);
	/* the order of the future is carried out */
	assert_int_equal(world_count(&w, "SELECT ordered_at FROM searched"), 0);
	assert_int_equal(next_of(&w, &ask), 0);
	world_pass(-20 * DAY_NS);
	ask.now = world_now();
	assert_int_equal(next_of(&w, &ask), 1);
	world_end(&w);
}

/* --- the list of what is missing --- */

static int tell_missing(void *arg, const struct store_missing *row)
{
	return buf_addf(arg, "%s %lld %s%s %lld %s\n", row->series, (long long)row->volume,
			*row->request_state ? row->request_state : "-", row->request ? "!" : "",
			(long long)row->handed, row->best);
}

static void each_missing_volume_has_its_own_request(void **state)
{
	struct world w;
	struct buf text = BUF_INIT(1 << 12);
	(void)state;
	begin(&w);
	world_series(&w, "Beta", 5, 2, 4);
	run_sql(&w, "INSERT INTO result(id, key, source, guid, title, link, page, indexer, indexer_id, protocol, "
		    "hash, size, published_at, seeders, leechers, context, verdict, reason, first, last, complete, "
		    "covers, score, seen_at, ident) VALUES(70, 'alpha', 's', 'g', 'Alpha 4-5', '', '', '', 0, '', '', "
		    "0, 0, 0, 0, '', 0, '', 4, 5, 0, 2, 1, 1, 'g');"
		    "INSERT INTO request(key, series, volume, flow, state, reason, result_id, handed_id, tries, "
		    "next_at, created_at, changed_at, is_told) VALUES"
		    /* of volumes that are there, below, between and above those that are not */
		    "('alpha', '', 0, '', 'gone', '', NULL, 1, 0, 0, 0, 0, 1),"
		    "('alpha', '', 2, '', 'gone', '', NULL, 2, 0, 0, 0, 0, 1),"
		    "('alpha', '', 4, '', 'found', '', 70, NULL, 0, 0, 0, 0, 1),"
		    "('alpha', '', 5, '', 'sent', '', 70, 3, 0, 0, 0, 0, 1),"
		    "('alpha', '', 8, '', 'gone', '', NULL, 4, 0, 0, 0, 0, 1),"
		    "('beta', '', 3, '', 'failed', '', 71, 5, 0, 0, 0, 0, 1);");
	assert_int_equal(store_missing(w.reader, 0, tell_missing, &text), 0);
	assert_string_equal(buf_str(&text), "Alpha 3 - 0 \nAlpha 4 found! 0 Alpha 4-5\nAlpha 5 sent! 3 Alpha 4-5\n"
					    "Beta 2 - 0 \nBeta 3 failed! 5 \nBeta 4 - 0 \n");
	buf_reset(&text);
	int64_t alpha = world_count(&w, "SELECT id FROM series WHERE key = 'alpha'");
	assert_int_equal(store_missing_one(w.reader, alpha, 5, tell_missing, &text), 0);
	assert_string_equal(buf_str(&text), "Alpha 5 sent! 3 Alpha 4-5\n");
	assert_int_equal(store_missing_one(w.reader, alpha, 8, tell_missing, &text), -ENOENT);
	buf_clear(&text);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wishes_outlive_the_row_of_their_series),
		cmocka_unit_test(the_best_of_what_is_confirmed_is_chosen),
		cmocka_unit_test(answers_are_trimmed_the_best_stay),
		cmocka_unit_test(a_grab_is_refused_for_a_reason),
		cmocka_unit_test(what_arrives_by_itself_is_not_asked_for),
		cmocka_unit_test(one_that_always_fails_does_not_starve_the_others),
		cmocka_unit_test(a_clock_that_is_set_back_does_not_stop_the_search),
		cmocka_unit_test(each_missing_volume_has_its_own_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
