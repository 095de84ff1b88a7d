/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The search, step by step and with its threads: sources that are ours. */
#include "tests/unit/find_world.h"

#include <stdbool.h>

#include "indexer/search/search.h"

enum { POSTS = 8 };

/** A source; read by its thread, changed by the test only while that sleeps. */
struct fake {
	int searches, feeds, result;
	/** Its searches find nothing. */
	bool is_silent;
	const char *post[POSTS];
	char asked[POSTS][64];
	_Atomic bool is_busy;
	_Atomic int calls;
	int sleep_us;
};

static struct fake far, near;

static int open_far(const struct outside *o, void **state, char *why)
{
	(void)o, (void)why;
	*state = &far;
	return 0;
}

static int open_near(const struct outside *o, void **state, char *why)
{
	(void)o, (void)why;
	*state = &near;
	return 0;
}

static void close_fake(void *state)
{
	(void)state;
}

static int give(const struct fake *f, release_fn *fn, void *arg)
{
	for (int i = 0; i < POSTS && f->post[i]; i++) {
		struct release r = {.title = f->post[i], .guid = f->post[i], .link = "", .page = "",
				    .indexer = "", .context = "", .protocol = PROTOCOL_TORRENT,
				    .size = 60000000};
		if (fn(arg, &r))
			break;
	}
	return f->result;
}

/** A source is used by one thread at a time. */
static void enter(struct fake *f)
{
	assert_false(atomic_exchange(&f->is_busy, true));
	atomic_fetch_add(&f->calls, 1);
	if (f->sleep_us)
		usleep((useconds_t)f->sleep_us);
}

static int fake_search(void *state, const struct source_query *q, release_fn *fn, void *arg, int64_t *at,
		       char *why)
{
	struct fake *f = state;
	(void)at;
	enter(f);
	snprintf(why, WHY, "it is ill");
	if (f->searches < POSTS)
		snprintf(f->asked[f->searches], sizeof *f->asked, "%s", q->series);
	f->searches++;
	int r = f->is_silent ? f->result : give(f, fn, arg);
	atomic_store(&f->is_busy, false);
	return r;
}

static int fake_recent(void *state, struct buf *mark, release_fn *fn, void *arg, int64_t *at, char *why)
{
	struct fake *f = state;
	(void)mark, (void)at;
	enter(f);
	snprintf(why, WHY, "it is ill");
	f->feeds++;
	int r = give(f, fn, arg);
	atomic_store(&f->is_busy, false);
	return r;
}

static const struct source remote = {
	.name = "prowlarr", .feed_interval = OPT_prowlarr_feed, .open = open_far, .close = close_fake,
	.search = fake_search, .recent = fake_recent,
};
static const struct source local = {
	.name = "ebdz", .is_local = true, .open = open_near, .close = close_fake, .search = fake_search,
};
static const struct source *const remote_only[] = {&remote, NULL};
static const struct source *const both[] = {&local, &remote, NULL};

/* --- an authority --- */

static struct {
	int asked, result;
} oracle;

static int open_oracle(const struct outside *o, void **state, char *why)
{
	(void)o, (void)why;
	*state = &oracle;
	return 0;
}

static int ask_oracle(void *state, const char *series, const char *url, struct authority_answer *a, int64_t *at,
		      char *why)
{
	(void)state, (void)series, (void)url, (void)at;
	oracle.asked++;
	snprintf(why, WHY, "it is ill");
	a->released = 4;
	return oracle.result;
}

static const struct authority wise = {
	.name = "wise", .interval = OPT_nautiljon_interval, .interval_finished = OPT_nautiljon_finished,
	.open = open_oracle, .close = close_fake, .ask = ask_oracle,
};

struct test {
	struct world w;
	struct search *search;
};

static void begin_with(struct test *t, const char *options, const struct source *const *sources,
		       const struct authority *const *authorities)
{
	memset(&oracle, 0, sizeof oracle);
	memset(&far, 0, sizeof far);
	memset(&near, 0, sizeof near);
	world_begin(&t->w, options);
	struct search_options o = {.config = t->w.config, .state_dir = t->w.dir, .writer = t->w.writer,
				   .net = &t->w.net, .sources = sources, .authorities = authorities};
	assert_int_equal(search_new(&o, &t->search), 0);
}

static void begin(struct test *t, const char *options, const struct source *const *sources)
{
	static const struct authority *const nobody[] = {NULL};
	begin_with(t, options, sources, nobody);
}

static void end(struct test *t)
{
	search_free(t->search);
	world_end(&t->w);
}

/** All that is due within @ns. */
static void work(struct test *t, int64_t ns)
{
	int64_t end_at = world_now() + ns, next_at, at;
	for (int steps = 0; world_now() < end_at; steps++) {
		bool did = false;
		at = end_at;
		for (size_t i = 0; i < search_count(t->search); i++) {
			did = search_step(t->search, i, &next_at) || did;
			at = next_at < at ? next_at : at;
		}
		assert_true(steps < 5000);
		if (!did)
			world_pass(at > world_now() ? at - world_now() : NS_PER_S);
	}
}

static int64_t found(struct test *t, const char *series)
{
	char sql[120];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM request WHERE state = 'found' AND series = '%s'", series);
	return world_count(&t->w, sql);
}

/* --- step by step --- */

static void a_post_counts_for_every_series_it_may_be_of(void **state)
{
	struct test t;
	(void)state;
	begin(&t, "", remote_only);
	world_series(&t.w, "Naruto", 4, 3, 3);
	world_series(&t.w, "The Naruto", 4, 3, 3);
	world_series(&t.w, "Mob Psycho 100", 4, 3, 3);
	world_series(&t.w, "Mob", 4, 3, 3);
	far.is_silent = true;
	far.post[0] = "Naruto T03";
	far.post[1] = "[Team] Mob Psycho 100 T03 [CBZ]";
	work(&t, MINUTE_NS);
	assert_int_equal(found(&t, "Naruto"), 1);
	assert_int_equal(found(&t, "The Naruto"), 1);
	assert_int_equal(found(&t, "Mob Psycho 100"), 1);
	assert_int_equal(found(&t, "Mob"), 0);
	end(&t);
}

/** What only begins like a title does not fill that series' results. */
static void a_guess_that_is_wrong_leaves_nothing(void **state)
{
	struct test t;
	(void)state;
	begin(&t, "", remote_only);
	world_series(&t.w, "One", 4, 3, 3);
	far.is_silent = true;
	far.post[0] = "One Piece T03";
	far.post[1] = "One T02";
	work(&t, MINUTE_NS);
	assert_int_equal(far.feeds, 1);
	/* what is surely of the series is kept, with the reason */
	assert_int_equal(world_count(&t.w, "SELECT count(*) FROM result"), 1);
	assert_int_equal(world_count(&t.w, "SELECT count(*) FROM result WHERE title = 'One T02'"), 1);
	end(&t);
}

static void nobody_waits_for_a_local_source_that_does_not_look(void **state)
{
	struct test t;
	(void)state;
	begin(&t, "monitor_missing_volumes { search_sources = {\"prowlarr\"} }", both);
	world_series(&t.w, "Alpha", 40, 3, 38);
	work(&t, HOUR_NS);
	assert_int_equal(near.searches, 0);
	assert_int_equal(far.searches, 1);
	end(&t);
}

static void of_a_long_list_the_local_source_looks_first(void **state)
{
	struct test t;
	int64_t next_at;
	(void)state;
	begin(&t, "prowlarr { feed_interval = 0s }", both);
	world_series(&t.w, "Alpha", 40, 3, 38);
	world_series(&t.w, "Beta", 4, 3, 3);
	near.post[0] = "Beta T03";
	assert_int_equal(search_step(t.search, 1, &next_at), 0);
	assert_int_equal(far.searches, 0);
	work(&t, HOUR_NS);
	assert_int_equal(near.searches, 2);
	/* and the remote one only for what that lacks */
	assert_int_equal(far.searches, 1);
	assert_string_equal(far.asked[0], "Alpha");
	/* when the local one is ill nobody waits for it */
	world_series(&t.w, "Gamma", 4, 3, 3);
	near.result = -EIO;
	work(&t, HOUR_NS);
	assert_string_equal(far.asked[1], "Gamma");
	end(&t);
}

static void who_is_ill_is_asked_within_the_hour_all_the_same(void **state)
{
	struct test t;
	(void)state;
	begin(&t, "", remote_only);
	world_series(&t.w, "Alpha", 4, 3, 3);
	far.result = -EIO;
	far.post[0] = "Alpha T03";
	work(&t, 3 * DAY_NS);
	/* once an hour at least, three times at most; when is drawn by lot */
	assert_in_range(far.feeds, 72, 216);
	assert_int_equal(found(&t, "Alpha"), 0);
	far.result = 0;
	work(&t, HOUR_NS + MINUTE_NS);
	assert_int_equal(found(&t, "Alpha"), 1);
	end(&t);
}

static void a_clock_that_is_set_back_closes_nobody(void **state)
{
	struct test t;
	(void)state;
	begin(&t, "", remote_only);
	world_series(&t.w, "Alpha", 4, 3, 3);
	far.result = -EIO;
	world_pass(90 * DAY_NS);
	work(&t, DAY_NS);
	far.result = 0;
	far.post[0] = "Alpha T03";
	world_pass(-90 * DAY_NS);
	work(&t, MINUTE_NS);
	assert_int_equal(found(&t, "Alpha"), 1);
	end(&t);
}

static void begin_oracle(struct test *t)
{
	static const struct source *const no_source[] = {NULL};
	static const struct authority *const one[] = {&wise, NULL};
	begin_with(t, "monitor_new_volumes { enabled = true }", no_source, one);
	world_series(&t->w, "Alpha", 4, 3, 3);
}

static void a_clock_that_is_set_back_silences_no_authority(void **state)
{
	struct test t;
	(void)state;
	begin_oracle(&t);
	world_pass(300 * DAY_NS);
	work(&t, DAY_NS);
	assert_int_equal(oracle.asked, 1);
	/* a little back: it was asked just now all the same */
	world_pass(-HOUR_NS);
	work(&t, 6 * DAY_NS);
	assert_int_equal(oracle.asked, 1);
	work(&t, 2 * DAY_NS);
	assert_int_equal(oracle.asked, 2);
	world_pass(-200 * DAY_NS);
	work(&t, DAY_NS);
	assert_int_equal(oracle.asked, 3);
	work(&t, 5 * DAY_NS);
	assert_int_equal(oracle.asked, 3);
	end(&t);
}

/** Nothing was ever said: the time of the last answer does not show that the clock was ahead. */
static void nor_one_that_failed(void **state)
{
	struct test t;
	(void)state;
	begin_oracle(&t);
	oracle.result = -ENOENT;
	world_pass(60 * DAY_NS);
	work(&t, DAY_NS);
	assert_int_equal(oracle.asked, 1);
	world_pass(-60 * DAY_NS);
	work(&t, DAY_NS);
	assert_int_equal(oracle.asked, 2);
	/* one that answered in the future and fails now costs no more than any other */
	oracle.result = 0;
	world_pass(60 * DAY_NS);
	work(&t, DAY_NS);
	assert_int_equal(oracle.asked, 3);
	oracle.result = -ENOENT;
	world_pass(-60 * DAY_NS);
	work(&t, 6 * DAY_NS);
	assert_int_equal(oracle.asked, 4);
	end(&t);
}

/* --- threads --- */

static void threads_end_while_they_are_busy(void **state)
{
	(void)state;
	for (int round = 0; round < 6; round++) {
		struct test t;
		begin(&t, "", both);
		/* the real time: threads sleep by it */
		atomic_store(&world_clock, 0);
		far.sleep_us = near.sleep_us = 3000;
		far.post[0] = near.post[0] = "Alpha T03";
		near.result = round % 2 ? -EIO : 0;
		world_series(&t.w, "Alpha", 8, 3, 5);
		world_series(&t.w, "Beta", 40, 3, 38);
		assert_int_equal(search_start(t.search), 0);
		for (int i = 0; i < 20; i++) {
			search_poke(t.search);
			search_pause(t.search, i % 3 == 0);
			finds_order(t.w.writer, "alpha", i % 2 ? "ebdz" : "prowlarr", now_ns());
			usleep((useconds_t)(500 * round));
		}
		search_pause(t.search, round % 3 == 1);
		assert_true(search_is_paused(t.search) == (round % 3 == 1));
		search_free(t.search);
		if (round > 2)
			assert_true(atomic_load(&far.calls) + atomic_load(&near.calls) > 2);
		world_end(&t.w);
	}
}

static void a_pause_holds(void **state)
{
	struct test t;
	(void)state;
	begin(&t, "", both);
	atomic_store(&world_clock, 0);
	world_series(&t.w, "Alpha", 8, 3, 5);
	search_pause(t.search, true);
	assert_int_equal(search_start(t.search), 0);
	for (int i = 0; i < 10; i++) {
		search_poke(t.search);
		usleep(2000);
	}
	assert_int_equal(atomic_load(&far.calls) + atomic_load(&near.calls), 0);
	search_pause(t.search, false);
	for (int i = 0; i < 1000 && !(atomic_load(&far.calls) && atomic_load(&near.calls)); i++)
		usleep(5000);
	assert_true(atomic_load(&far.calls) && atomic_load(&near.calls));
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_post_counts_for_every_series_it_may_be_of),
		cmocka_unit_test(a_guess_that_is_wrong_leaves_nothing),
		cmocka_unit_test(nobody_waits_for_a_local_source_that_does_not_look),
		cmocka_unit_test(of_a_long_list_the_local_source_looks_first),
		cmocka_unit_test(who_is_ill_is_asked_within_the_hour_all_the_same),
		cmocka_unit_test(a_clock_that_is_set_back_closes_nobody),
		cmocka_unit_test(a_clock_that_is_set_back_silences_no_authority),
		cmocka_unit_test(nor_one_that_failed),
		cmocka_unit_test(threads_end_while_they_are_busy),
		cmocka_unit_test(a_pause_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
