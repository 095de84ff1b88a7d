/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What one series, one order or one local source may cost the others: nothing. */
#include "tests/unit/find_world.h"

#include "indexer/search/search.h"

static struct {
	int calls, bad;
	/** What a reading of the feed takes, and how often it was read. */
	int feed_calls, feeds;
	/** The question about this title makes it fail. */
	const char *bad_title;
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

static struct net *net;

static int fake_search(void *state, const struct source_query *q, release_fn *fn, void *arg, int64_t *at,
		       char *why)
{
	(void)state, (void)fn, (void)arg;
	if (fake.feed_calls) {
		int r = limit_take(net->limit, "fake", net_now(net), at);
		if (r < 0)
			return r;
		limit_ok(net->limit, "fake", net_now(net));
	}
	fake.calls++;
	if (!fake.bad_title || strcmp(q->series, fake.bad_title) != 0)
		return 0;
	fake.bad++;
	snprintf(why, WHY, "it does not like that title");
	return -EPROTO;
}

static int fake_recent(void *state, struct buf *mark, release_fn *fn, void *arg, int64_t *at, char *why)
{
	(void)state, (void)mark, (void)fn, (void)arg, (void)why;
	for (int i = 0; i < fake.feed_calls; i++) {
		int r = limit_take(net->limit, "fake", net_now(net), at);
		if (r < 0)
			return r;
		limit_ok(net->limit, "fake", net_now(net));
	}
	fake.feeds++;
	return 0;
}

static int fake_fetch(void *state, struct handover *h, char *why)
{
	(void)state, (void)h, (void)why;
	return -ENOENT;
}

static const struct source remote = {
	.name = "prowlarr", .open = fake_open, .close = fake_close, .search = fake_search, .fetch = fake_fetch,
};

/** With a feed and a budget. */
static const struct source many = {
	.name = "prowlarr", .host = "fake", .feed_interval = OPT_prowlarr_feed, .open = fake_open,
	.close = fake_close, .search = fake_search, .recent = fake_recent, .fetch = fake_fetch,
};

static struct world w;
static struct search *search;

static void begin_with(const struct source *source, const char *options)
{
	const struct source *const sources[] = {source, NULL};
	static const struct authority *const none[] = {NULL};
	memset(&fake, 0, sizeof fake);
	world_begin(&w, options);
	net = &w.net;
	assert_int_equal(limit_declare(net->limit, "fake", &(struct limit_rule){.per_minute = 30, .per_day = 100}), 0);
	struct search_options o = {.config = w.config, .state_dir = w.dir, .writer = w.writer,
				   .net = &w.net, .sources = sources, .authorities = none};
	assert_int_equal(search_new(&o, &search), 0);
}

static void begin(const char *options)
{
	begin_with(&remote, options);
}

static void end(void)
{
	search_free(search);
	world_end(&w);
}

/** So long goes by, a minute at a time. */
static void live(int64_t ns)
{
	for (int64_t end = world_now() + ns; world_now() < end; world_pass(MINUTE_NS)) {
		int64_t next_at;
		for (int i = 0; i < 20 && search_step(search, 0, &next_at); i++)
			;
	}
}

static void test_a_title_that_makes_it_fail_costs_little_and_holds_up_nobody(void **state)
{
	(void)state;
	begin("");
	fake.bad_title = "Bad";
	world_series(&w, "Bad", 4, 3, 3);
	world_series(&w, "Naruto", 4, 3, 3);
	world_series(&w, "Gantz", 4, 3, 3);
	live(DAY_NS);
	assert_in_range(fake.calls - fake.bad, 2, 4);
	assert_in_range(fake.bad, 2, 16);
	/* it is a day by now, and stays one */
	fake.bad = 0;
	live(7 * DAY_NS);
	assert_in_range(fake.bad, 3, 10);
	/* what it needs is mended some day */
	fake.bad_title = NULL;
	live(2 * DAY_NS);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM searched WHERE outcome = 'failed'"), 0);
	end();
}

static void test_an_order_is_carried_out_though_something_was_found(void **state)
{
	(void)state;
	begin("monitor {\n auto_check_enabled = false\n}\nsearch {\n many = 1\n}\n");
	world_series(&w, "Naruto", 4, 3, 3);
	struct store_result r = {
		.key = "naruto", .source = "ebdz", .guid = "a", .title = "a", .link = "", .page = "",
		.indexer = "", .protocol = "ed2k", .hash = "", .context = "", .reason = "", .first = 3, .last = 3,
		.covers = 1, .seen_at = world_now(),
	};
	struct store_answer a = {
		.said = {.key = "naruto", .source = "ebdz", .at = world_now(), .tried_at = world_now(),
			 .outcome = "found", .error = "", .confirmed = 1},
		.results = &r, .count = 1, .now = world_now(),
	};
	assert_int_equal(finds_answer(w.writer, &a), 0);
	assert_int_equal(world_count(&w, "SELECT count(*) FROM request WHERE state = 'found'"), 1);
	live(HOUR_NS);
	assert_int_equal(fake.calls, 0);
	assert_int_equal(finds_order(w.writer, "naruto", "prowlarr", world_now()), 0);
	live(HOUR_NS);
	assert_int_equal(fake.calls, 1);
	end();
}

/** Many missing volumes and @calls feeds to read: searches go on all day, and feeds too. */
static void live_with_feeds(int calls, bool is_ordered)
{
	begin_with(&many, "");
	fake.feed_calls = calls;
	for (int i = 0; i < 200; i++) {
		char name[32];
		snprintf(name, sizeof name, "Saga %c%c", 'a' + i / 26, 'a' + i % 26);
		world_series(&w, name, 3, 2, 2);
	}
	/* a day to learn what a reading takes */
	live(DAY_NS);
	fake.calls = fake.feeds = 0;
	if (is_ordered)
		assert_int_equal(finds_order_due(w.writer, "prowlarr", true, world_now()), 0);
	live(DAY_NS);
	assert_in_range(fake.calls, 10, 100);
	assert_in_range(fake.feeds * calls, 20, 100);
	fake.feeds = 0;
	live(4 * HOUR_NS);
	assert_in_range(fake.feeds, 1, 5);
	end();
}

static void test_many_feeds_leave_something_for_searches(void **state)
{
	(void)state;
	live_with_feeds(1, false);
	live_with_feeds(4, false);
	live_with_feeds(12, false);
}

static void test_an_order_of_everything_leaves_something_for_feeds(void **state)
{
	(void)state;
	live_with_feeds(2, true);
	live_with_feeds(5, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_title_that_makes_it_fail_costs_little_and_holds_up_nobody),
		cmocka_unit_test(test_an_order_is_carried_out_though_something_was_found),
		cmocka_unit_test(test_many_feeds_leave_something_for_searches),
		cmocka_unit_test(test_an_order_of_everything_leaves_something_for_feeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
