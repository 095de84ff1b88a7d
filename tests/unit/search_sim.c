/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A month of searching in a moment, through the engine, the store and the budgets as they are.  An indexer that
 * refuses what is above its own limits is asked about ten missing volumes of each series (LONG=1: of a
 * thousand series); it is away for hours, we are restarted, the clock steps.  With sanitizers it is smaller, but
 * what happens is the same.
 */
#include "tests/unit/sim_server.h"

#include "indexer/search/search.h"

/** As net_do() does it. */
static int call(const struct net *net, int64_t *at)
{
	int r = limit_take(net->limit, "indexer", net_now(net), at);
	if (r < 0)
		return r;
	int status = server_call();
	if (status == 200)
		limit_ok(net->limit, "indexer", net_now(net));
	else
		limit_fail(net->limit, "indexer", net_now(net), -1, status ? LIMIT_REFUSED : LIMIT_ABSENT, "sim");
	return status == 200 ? 0 : status ? -EBUSY : -EHOSTUNREACH;
}

static int give(const struct post *p, release_fn *fn, void *arg)
{
	char guid[32];
	snprintf(guid, sizeof guid, "%zu", (size_t)(p - server.post.data));
	struct release r = {.title = p->title, .guid = guid, .link = "", .page = "", .indexer = "sim",
			    .context = "", .protocol = PROTOCOL_TORRENT, .published_at = p->at,
			    .size = INT64_C(60000000) * (p->last - p->first + 1), .seeders = 5,
			    .leechers = -1};
	return fn(arg, &r);
}

static int sim_open(const struct outside *o, void **state, char *why)
{
	const struct limit_rule rule = {.per_minute = MOST_MINUTE, .per_day = MOST_DAY};
	(void)why;
	*state = o->net;
	return limit_declare(o->net->limit, "indexer", &rule);
}

static void sim_close(void *state)
{
	(void)state;
}

static int sim_search(void *state, const struct source_query *q, release_fn *fn, void *arg, int64_t *at,
		      char *why)
{
	int r = call(state, at);
	snprintf(why, WHY, "it is away");
	for (size_t i = server.shown; i-- > 0 && r == 0;)
		if (strstr(server.post.data[i].title, q->series))
			r = give(&server.post.data[i], fn, arg);
	return r;
}

static int sim_recent(void *state, struct buf *mark, release_fn *fn, void *arg, int64_t *at, char *why)
{
	size_t known = strtoul(buf_str(mark), NULL, 10), end = server.shown;
	int r;
	snprintf(why, WHY, "it is away");
	for (size_t next = SIZE_MAX;;) {
		r = call(state, at);
		if (r < 0)
			return r;
		if (next == SIZE_MAX)
			next = end = server.shown;
		size_t page = next > PAGE ? next - PAGE : 0;
		for (size_t i = next; i-- > page && i >= known;)
			give(&server.post.data[i], fn, arg);
		if (page <= known || next - page < PAGE || end - page >= 10 * PAGE)
			break;
		next = page;
	}
	buf_reset(mark);
	return buf_addf(mark, "%zu", end);
}

static const struct source sim = {
	.name = "prowlarr", .host = "indexer", .feed_interval = OPT_prowlarr_feed, .open = sim_open,
	.close = sim_close, .search = sim_search, .recent = sim_recent,
};

/* --- who was found --- */

struct score {
	int wanted, provable, found, in_time, after_outage, wrong;
	int64_t latest, latest_after_outage;
};

static bool has_result(struct world *w, size_t i)
{
	char sql[240], title[TITLE];
	sqlite3_stmt *q = NULL;
	series_title(server.post.data[i].series, title);
	snprintf(sql, sizeof sql, "SELECT 1 FROM result WHERE key = (SELECT key FROM series WHERE title = ?1) "
		 "AND source = 'prowlarr' AND guid = '%zu' AND verdict = 0", i);
	sqlite3_prepare_v2(w->reader->db, sql, -1, &q, NULL);
	sqlite3_bind_text(q, 1, title, -1, SQLITE_STATIC);
	bool has = sqlite3_step(q) == SQLITE_ROW;
	sqlite3_finalize(q);
	return has;
}

/** The volumes that a post holds and that are missing are found: a request says so. */
static bool has_requests(struct world *w, const struct post *p)
{
	char title[TITLE];
	int missing = 0;
	series_title(p->series, title);
	for (int v = p->first; v <= p->last; v++)
		missing += is_gap(v);
	sqlite3_stmt *q = NULL;
	int found = 0;
	sqlite3_prepare_v2(w->reader->db, "SELECT count(*) FROM request WHERE series = ?1 AND state = 'found' "
			   "AND volume BETWEEN ?2 AND ?3", -1, &q, NULL);
	sqlite3_bind_text(q, 1, title, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 2, p->first);
	sqlite3_bind_int(q, 3, p->last);
	if (sqlite3_step(q) == SQLITE_ROW)
		found = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return found == missing;
}

/** Posts that were not found before: *from is the oldest of them. */
static void look(struct world *w, size_t *from, struct score *score)
{
	for (size_t i = *from; i < server.shown; i++) {
		struct post *p = &server.post.data[i];
		if (p->is_provable && !p->is_found && has_result(w, i) && has_requests(w, p)) {
			int64_t late = server.now - (p->answers_at > p->at ? p->answers_at : p->at);
			int64_t *latest = p->answers_at > p->at ? &score->latest_after_outage
								: &score->latest;
			p->is_found = true;
			score->found++;
			score->in_time += late <= HOUR_NS;
			score->after_outage += p->answers_at > p->at;
			*latest = late > *latest ? late : *latest;
		}
		if (i == *from && (p->is_found || !p->is_provable))
			++*from;
	}
}

/** Found volumes that no post of that series holds. */
static int count_wrong(struct world *w)
{
	sqlite3_stmt *q = NULL;
	int wrong = 0;
	sqlite3_prepare_v2(w->reader->db, "SELECT q.series, q.volume, r.guid FROM request q JOIN result r ON "
			   "r.id = q.result_id", -1, &q, NULL);
	while (sqlite3_step(q) == SQLITE_ROW) {
		const struct post *p = &server.post.data[sqlite3_column_int64(q, 2)];
		char title[TITLE] = "";
		int volume = sqlite3_column_int(q, 1);
		if (p->series >= 0)
			series_title(p->series, title);
		wrong += strcmp(title, (const char *)sqlite3_column_text(q, 0)) != 0 ||
			 volume < p->first || volume > p->last;
	}
	sqlite3_finalize(q);
	return wrong;
}

/* --- what happens --- */

struct event {
	/** Hours from the start. */
	double at;
	enum { AWAY, RESTART, STEP } kind;
	/** Hours that it is away, or that our clock steps. */
	double hours;
};

static const struct event rough[] = {
	{30.3, RESTART, 0},  {60.2, AWAY, 2},     {99.5, RESTART, 0},   {150.1, AWAY, 0.4},
	{220.7, STEP, -3},   {226.7, STEP, 3},    {300.2, RESTART, 0},  {340.9, AWAY, 2},
	{341.5, RESTART, 0}, {400.4, STEP, -0.5}, {505.5, RESTART, 0},  {580.3, AWAY, 9},
};

static void begin_away(double hours)
{
	int64_t back = server.now + (int64_t)(hours * 3600e9);
	server.away_until = back;
	for (size_t i = 0; i < server.post.len; i++) {
		struct post *p = &server.post.data[i];
		/* as late as it could be found before it went away */
		if (p->at > server.now - HOUR_NS && p->at < back)
			p->answers_at = back;
	}
}

struct month {
	struct world w;
	struct search_options options;
	struct search *search;
	const struct event *events;
	size_t event_count, event;
	struct score score;
	size_t from;
	long steps;
};

static void restart(struct month *r)
{
	search_free(r->search);
	world_close(&r->w);
	world_open(&r->w);
	r->options.writer = r->w.writer;
	assert_int_equal(search_new(&r->options, &r->search), 0);
}

static void step_clock(struct month *r, int64_t ns)
{
	world_pass(ns);
	if (ns < 0)
		search_set_back(r->search, 0);
}

static void happen(struct month *r)
{
	const struct event *e = &r->events[r->event++];
	if (e->kind == AWAY)
		begin_away(e->hours);
	else if (e->kind == RESTART)
		restart(r);
	else
		step_clock(r, (int64_t)(e->hours * 3600e9));
}

static void fill_library(struct world *w)
{
	char title[TITLE];
	for (int i = 0; i < series_count; i++) {
		series_title(i, title);
		for (int v = 1; v <= LAST; v++)
			if (!is_gap(v))
				world_file(w, title, v);
	}
	assert_int_equal(writer_flush(w->writer), 0);
	assert_int_equal(world_count(w, "SELECT count(*) FROM missing"), 10 * series_count);
}

static void live_on(struct month *r, int64_t end)
{
	while (server.now < end) {
		int64_t next_at;
		int did = search_step(r->search, 0, &next_at);
		r->steps++;
		if (did)
			look(&r->w, &r->from, &r->score);
		int64_t wait = did ? NS_PER_S : next_at - world_now();
		/* a busy loop would never end */
		assert_true(r->steps < 200000);
		if (wait < NS_PER_S)
			wait = NS_PER_S;
		if (r->event < r->event_count) {
			int64_t at = WORLD_START + (int64_t)(r->events[r->event].at * 3600e9);
			if (server.now + wait >= at) {
				server_pass(at > server.now ? at - server.now : 0);
				happen(r);
				continue;
			}
		}
		server_pass(wait);
	}
}

static int most_in_a_day(void)
{
	int most = 0;
	for (size_t i = 0, first = 0; i < server.call.len; i++) {
		while (server.call.data[i] - server.call.data[first] >= DAY_NS)
			first++;
		if ((int)(i - first) + 1 > most)
			most = (int)(i - first) + 1;
	}
	return most;
}

/** One query for each volume every twelve hours, 30 a minute, in the order of the list. */
static void print_todays(void)
{
	int volumes = series_count * 10, all = 0, free_hour = 0, bounded_hour = 0;
	for (size_t i = 0; i < server.post.len; i++) {
		const struct post *p = &server.post.data[i];
		if (!p->is_provable || p->at < WORLD_START)
			continue;
		int64_t since = (p->at - WORLD_START) % (12 * HOUR_NS), wait = INT64_MAX;
		for (int v = p->first; v <= p->last; v++) {
			int place = p->series * 10 + v - (v > 8 ? 4 : 3);
			int64_t at = (int64_t)place * 2 * NS_PER_S;
			int64_t late = at >= since ? at - since : at + 12 * HOUR_NS - since;
			if (is_gap(v) && late < wait)
				wait = late;
			/* beyond the first of a day all are refused */
			bounded_hour += is_gap(v) && place < MOST_DAY && late <= HOUR_NS &&
					(p->at - WORLD_START) % DAY_NS >= DAY_NS - HOUR_NS;
		}
		all++;
		free_hour += wait <= HOUR_NS;
	}
	printf("one query for each volume and check, in a day: %d queries, %d of them refused; "
	       "within an hour %.1f %% of what is posted (%.1f %% if nothing were refused)\n",
	       2 * volumes, 2 * volumes > MOST_DAY ? 2 * volumes - MOST_DAY : 0,
	       100.0 * bounded_hour / all, 100.0 * free_hour / all);
}

static void print(const struct month *r)
{
	printf("%d days, %d missing volumes in %d series, %zu posts, %d of them wanted, %d provable\n", days,
	       10 * series_count, series_count, server.post.len, r->score.wanted, r->score.provable);
	printf("queries a day: %.1f, most %d (in any 24 h: %d); refused %d\n",
	       (double)server.call.len / days, server.most_today, most_in_a_day(), server.refused);
	printf("found %d; within an hour %d; latest %.1f min; during outages %d, latest %.1f min after they were over\n",
	       r->score.found, r->score.in_time, (double)r->score.latest / (double)MINUTE_NS, r->score.after_outage,
	       (double)r->score.latest_after_outage / (double)MINUTE_NS);
	printf("steps %ld, searches %lld, requests %lld, wrong ones %d\n", r->steps,
	       (long long)world_count((struct world *)&r->w, "SELECT value FROM meta WHERE name = 'search_misses'"),
	       (long long)world_count((struct world *)&r->w, "SELECT count(*) FROM request"), r->score.wrong);
	print_todays();
}

static void begin_server(uint64_t number, double per_day)
{
	server = (struct server){.now = WORLD_START};
	seed = number;
	/* what was posted before is only found by searching */
	make_posts(per_day, WORLD_START - 20 * DAY_NS, WORLD_START);
	make_posts(per_day, WORLD_START, WORLD_START + days * DAY_NS - 2 * HOUR_NS);
	for (size_t i = 0; i < server.post.len; i++)
		if (server.post.data[i].at < WORLD_START)
			server.post.data[i].is_provable = server.post.data[i].is_wanted = false;
}

static void run_month(struct month *r, const struct event *events, size_t n, double per_day, double share,
		      int length)
{
	static const struct source *const sources[] = {&sim, NULL};
	static const struct authority *const authorities[] = {NULL};
	days = length;
	related = share;
	*r = (struct month){.events = events, .event_count = n};
	series_count = getenv("LONG") ? 1000 : UNIT_SANITIZED ? 20 : 30;
	world_begin(&r->w, "");
	fill_library(&r->w);
	begin_server(1, per_day);
	r->options = (struct search_options){
		.config = r->w.config, .state_dir = r->w.dir, .writer = r->w.writer, .net = &r->w.net,
		.sources = sources, .authorities = authorities,
	};
	assert_int_equal(search_new(&r->options, &r->search), 0);
	live_on(r, WORLD_START + days * DAY_NS);
	look(&r->w, &r->from, &r->score);
	for (size_t i = 0; i < server.post.len; i++) {
		r->score.wanted += server.post.data[i].is_wanted;
		r->score.provable += server.post.data[i].is_provable;
	}
	r->score.wrong = count_wrong(&r->w);
	print(r);
	for (size_t i = 0, told = 0; i < server.post.len && told < 10; i++)
		if (server.post.data[i].is_provable && !server.post.data[i].is_found && ++told)
			print_message("not found: %s\n", server.post.data[i].title);
}

static void end_month(struct month *r)
{
	search_free(r->search);
	world_end(&r->w);
	vec_clear(&server.post);
	vec_clear(&server.call);
}

static void assert_promises(const struct month *r)
{
	assert_true(r->score.provable > (UNIT_SANITIZED ? 30 : 100));
	assert_int_equal(r->score.found, r->score.provable);
	assert_int_equal(r->score.in_time, r->score.provable);
	assert_int_equal(server.refused, 0);
	assert_true(server.most_today <= MOST_DAY);
	assert_int_equal(r->score.wrong, 0);
}

/* --- tests --- */

static void a_quiet_month_finds_every_post_within_an_hour(void **state)
{
	struct month r;
	(void)state;
	run_month(&r, NULL, 0, 300, 0.4, getenv("LONG") ? 30 : UNIT_SANITIZED ? 4 : 10);
	assert_promises(&r);
	/* the budget is used: what was posted before us is searched for */
	assert_true(server.call.len > (size_t)(30 * days));
	end_month(&r);
}

static void outages_restarts_and_clock_steps_lose_nothing(void **state)
{
	struct month r;
	(void)state;
	run_month(&r, rough, sizeof rough / sizeof *rough, 300, 0.4, 30);
	assert_promises(&r);
	end_month(&r);
}

static void a_flood_of_posts_is_read_to_its_end(void **state)
{
	struct month r;
	(void)state;
	run_month(&r, NULL, 0, 4500, 0.02, getenv("LONG") ? 30 : UNIT_SANITIZED ? 2 : 5);
	assert_promises(&r);
	end_month(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_month_finds_every_post_within_an_hour),
		cmocka_unit_test(outages_restarts_and_clock_steps_lose_nothing),
		cmocka_unit_test(a_flood_of_posts_is_read_to_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
