/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_find.h"

#include "common/store_rows.h"

#define TEXT(i) column_str(q, i)
#define INT(i) sqlite3_column_int64(q, i)

#define each store_each
#define one store_one
#define BOX STORE_BOX
#define UNBOX STORE_UNBOX

static int number_or_zero(struct store *s, sqlite3_stmt *q, int64_t *v)
{
	int r = store_one_number(s, q, v);
	if (r < 0)
		*v = 0;
	return r == -ENOENT ? 0 : r;
}

/* --- wishes, authorities --- */

static int row_key(sqlite3_stmt *q, void *fn, void *arg)
{
	return UNBOX(store_key_fn, fn)(arg, TEXT(0), TEXT(1), TEXT(2));
}

int store_series_key(struct store *s, int64_t series, store_key_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_series_key);
	sqlite3_bind_int64(q, 1, series);
	return one(s, q, row_key, BOX(store_key_fn, fn), arg);
}

struct names_out {
	char **key, **title;
};

static int copy_names(void *arg, const char *key, const char *title, const char *shown)
{
	const struct names_out *out = arg;
	(void)shown;
	*out->key = strdup(key);
	*out->title = strdup(title);
	return *out->key && *out->title ? 0 : -ENOMEM;
}

int store_series_names(struct store *s, int64_t series, char **key, char **title)
{
	struct names_out out = {key, title};
	*key = *title = NULL;
	return store_series_key(s, series, copy_names, &out);
}

/** NULL is -1. */
static int tristate(sqlite3_stmt *q, int i)
{
	return sqlite3_column_type(q, i) == SQLITE_NULL ? -1 : sqlite3_column_int(q, i) != 0;
}

static int row_wish(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_wish w = {
		.key = TEXT(0), .title = TEXT(1), .monitored = tristate(q, 2), .automatic = tristate(q, 3),
		.total = INT(4), .language = TEXT(5), .ignored = TEXT(6), .url = TEXT(7), .aliases = TEXT(8),
	};
	return UNBOX(store_wish_fn, fn)(arg, &w);
}

int store_wish(struct store *s, const char *key, store_wish_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_wish_get);
	bind_str(q, 1, key);
	return one(s, q, row_wish, BOX(store_wish_fn, fn), arg);
}

static int row_authority(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_authority a = {
		.key = TEXT(0), .source = TEXT(1), .known = sqlite3_column_int(q, 2), .url = TEXT(3),
		.title = TEXT(4), .aliases = TEXT(5), .released = INT(6), .original = INT(7),
		.planned = INT(8), .planned_at = INT(9), .status = TEXT(10), .choices = TEXT(11),
		.asked_at = INT(12), .next_at = INT(13), .error = TEXT(14), .ordered_at = INT(15),
	};
	return UNBOX(store_authority_fn, fn)(arg, &a);
}

int store_authority(struct store *s, const char *key, store_authority_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_authority_get);
	bind_str(q, 1, key);
	return one(s, q, row_authority, BOX(store_authority_fn, fn), arg);
}

int store_authority_next(struct store *s, const struct store_authority_ask *ask, int64_t *series)
{
	sqlite3_stmt *q = store_stmt(s, SQL_authority_next);
	bind_str(q, 1, ask->source);
	sqlite3_bind_int64(q, 2, ask->now);
	sqlite3_bind_int(q, 3, ask->monitored);
	sqlite3_bind_int(q, 4, ask->by_itself);
	sqlite3_bind_int64(q, 5, ask->wait);
	sqlite3_bind_int64(q, 6, ask->wait_ended);
	return store_one_number(s, q, series);
}

int store_authority_due(struct store *s, const char *source, bool monitored, int64_t *at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_authority_due_at);
	bind_str(q, 1, source);
	sqlite3_bind_int(q, 2, monitored);
	return number_or_zero(s, q, at);
}

static int row_news(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_news n = {
		.series = TEXT(0), .shown = TEXT(1), .owned = TEXT(2), .id = INT(14),
		.said = {.key = "", .source = TEXT(3), .released = INT(4), .original = INT(5),
			 .planned = INT(6), .planned_at = INT(7), .status = TEXT(8), .asked_at = INT(9),
			 .url = TEXT(10), .known = sqlite3_column_int(q, 11), .choices = TEXT(12),
			 .error = TEXT(13), .title = "", .aliases = ""},
	};
	return UNBOX(store_news_fn, fn)(arg, &n);
}

int store_news(struct store *s, store_news_fn *fn, void *arg)
{
	return each(s, store_stmt(s, SQL_news), row_news, BOX(store_news_fn, fn), arg);
}

typedef int int_fn(void *arg, int64_t v);

static int row_int(sqlite3_stmt *q, void *fn, void *arg)
{
	return UNBOX(int_fn, fn)(arg, INT(0));
}

int store_announced(struct store *s, int64_t series, int (*fn)(void *arg, int64_t volume), void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_announced);
	sqlite3_bind_int64(q, 1, series);
	return each(s, q, row_int, BOX(int_fn, fn), arg);
}

/* --- searching --- */

static int row_searched(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_searched x = {
		.key = TEXT(0), .source = TEXT(1), .at = INT(2), .tried_at = INT(3), .next_at = INT(4),
		.outcome = TEXT(5), .error = TEXT(6), .results = INT(7), .confirmed = INT(8),
		.streak = INT(9), .ordered_at = INT(10),
	};
	return UNBOX(store_searched_fn, fn)(arg, &x);
}

int store_searched(struct store *s, const char *key, const char *source, store_searched_fn *fn,
		   void *arg)
{
	sqlite3_stmt *q = store_stmt(s, source ? SQL_searched_get : SQL_searched_of);
	bind_str(q, 1, key);
	if (!source)
		return each(s, q, row_searched, BOX(store_searched_fn, fn), arg);
	bind_str(q, 2, source);
	return one(s, q, row_searched, BOX(store_searched_fn, fn), arg);
}

int store_searched_last(struct store *s, store_searched_fn *fn, void *arg)
{
	return each(s, store_stmt(s, SQL_searched_last), row_searched, BOX(store_searched_fn, fn), arg);
}

int store_search_next(struct store *s, const struct store_search_ask *ask, int64_t *series,
		      bool *is_ordered, bool *is_new)
{
	sqlite3_stmt *q = store_stmt(s, SQL_search_next);
	bind_str(q, 1, ask->source);
	sqlite3_bind_int64(q, 2, ask->now);
	sqlite3_bind_int(q, 3, ask->monitored);
	sqlite3_bind_int(q, 4, ask->flows.missing);
	sqlite3_bind_int(q, 5, ask->flows.fresh);
	sqlite3_bind_int(q, 6, ask->only_rest);
	bind_str(q, 7, ask->before);
	sqlite3_bind_int(q, 8, ask->before_count);
	sqlite3_bind_int(q, 9, ask->by_itself);
	int r = store_step(s, q);
	if (r > 0) {
		*series = INT(0);
		*is_ordered = INT(1) != 0;
		*is_new = INT(2) != 0;
	}
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_search_due(struct store *s, const char *source, bool monitored, int64_t *at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_search_due_at);
	bind_str(q, 1, source);
	sqlite3_bind_int(q, 2, monitored);
	return number_or_zero(s, q, at);
}

static int row_volume(sqlite3_stmt *q, void *fn, void *arg)
{
	return UNBOX(store_volume_fn, fn)(arg, INT(0), TEXT(1));
}

int store_wanted(struct store *s, int64_t series, struct store_flows flows, store_volume_fn *fn,
		 void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_wanted_of);
	sqlite3_bind_int64(q, 1, series);
	sqlite3_bind_int(q, 2, flows.missing);
	sqlite3_bind_int(q, 3, flows.fresh);
	return each(s, q, row_volume, BOX(store_volume_fn, fn), arg);
}

int store_wanted_count(struct store *s, bool monitored, int64_t *n)
{
	sqlite3_stmt *q = store_stmt(s, SQL_wanted_count);
	sqlite3_bind_int(q, 1, monitored);
	return number_or_zero(s, q, n);
}

static int row_wanted(sqlite3_stmt *q, void *fn, void *arg)
{
	return UNBOX(store_wanted_fn, fn)(arg, INT(0), TEXT(1), TEXT(2), TEXT(3));
}

int store_wanted_series(struct store *s, bool monitored, store_wanted_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_wanted_series);
	sqlite3_bind_int(q, 1, monitored);
	return each(s, q, row_wanted, BOX(store_wanted_fn, fn), arg);
}

int store_usual_bytes(struct store *s, int64_t series, int64_t *bytes)
{
	enum { MOST = 1024 };
	int64_t size[MOST];
	int n = 0, r;
	sqlite3_stmt *q = store_stmt(s, SQL_usual_bytes);
	sqlite3_bind_int64(q, 1, series);
	while (n < MOST && (r = store_step(s, q)) > 0)
		size[n++] = INT(0);
	sqlite3_reset(q);
	*bytes = n ? size[n / 2] : 0;
	return 0;
}

int store_search_counts(struct store *s, int64_t fresh_since, int64_t now, int64_t *entries,
			int64_t *negative, int64_t *results, int64_t *bytes)
{
	sqlite3_stmt *q = store_stmt(s, SQL_searched_counts);
	sqlite3_bind_int64(q, 1, fresh_since);
	sqlite3_bind_int64(q, 2, now);
	int r = store_step(s, q);
	*entries = r > 0 ? INT(0) : 0;
	*negative = r > 0 ? INT(1) : 0;
	sqlite3_reset(q);
	q = store_stmt(s, SQL_result_bytes);
	if (r >= 0)
		r = store_step(s, q);
	*results = r > 0 ? INT(0) : 0;
	*bytes = r > 0 ? INT(1) : 0;
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

/* --- results --- */

static int row_result(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_result row = {
		.id = INT(0), .key = TEXT(1), .source = TEXT(2), .guid = TEXT(3), .title = TEXT(4),
		.link = TEXT(5), .page = TEXT(6), .indexer = TEXT(7), .indexer_id = INT(8),
		.protocol = TEXT(9), .hash = TEXT(10), .size = INT(11), .published_at = INT(12),
		.seeders = INT(13), .leechers = INT(14), .context = TEXT(15),
		.verdict = sqlite3_column_int(q, 16), .reason = TEXT(17), .first = INT(18), .last = INT(19),
		.is_complete = INT(20) != 0, .covers = INT(21), .score = INT(22), .seen_at = INT(23),
	};
	return UNBOX(store_result_fn, fn)(arg, &row);
}

int store_result(struct store *s, int64_t id, store_result_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_result_get);
	sqlite3_bind_int64(q, 1, id);
	return one(s, q, row_result, BOX(store_result_fn, fn), arg);
}

int store_results(struct store *s, const char *key, int64_t volume, store_result_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, volume < 0 ? SQL_results_of : SQL_results_for);
	bind_str(q, 1, key);
	if (volume >= 0)
		sqlite3_bind_int64(q, 2, volume);
	return each(s, q, row_result, BOX(store_result_fn, fn), arg);
}

/* --- requests --- */

/** The columns SQL_HANDED_COLUMNS from @i on. */
static struct store_handed handed_at(sqlite3_stmt *q, int i)
{
	return (struct store_handed){
		.id = INT(i), .ident = TEXT(i + 1), .hash = TEXT(i + 2), .protocol = TEXT(i + 3),
		.source = TEXT(i + 4), .guid = TEXT(i + 5), .title = TEXT(i + 6), .indexer = TEXT(i + 7),
		.indexer_id = INT(i + 8), .link = TEXT(i + 9), .size = INT(i + 10), .client = TEXT(i + 11),
		.step = TEXT(i + 12), .text = TEXT(i + 13), .progress = sqlite3_column_double(q, i + 14),
		.speed = INT(i + 15), .seconds_left = INT(i + 16), .automatic = INT(i + 17) != 0,
		.tries = INT(i + 18), .next_at = INT(i + 19), .created_at = INT(i + 20),
		.sent_at = INT(i + 21), .changed_at = INT(i + 22), .missed = INT(i + 23),
	};
}

static int row_handed(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_handed h = handed_at(q, 0);
	return UNBOX(store_handed_fn, fn)(arg, &h);
}

int store_handed(struct store *s, int64_t id, store_handed_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_handed_get);
	sqlite3_bind_int64(q, 1, id);
	return one(s, q, row_handed, BOX(store_handed_fn, fn), arg);
}

int store_handed_due(struct store *s, int64_t now, store_handed_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_handed_due);
	sqlite3_bind_int64(q, 1, now);
	return one(s, q, row_handed, BOX(store_handed_fn, fn), arg);
}

int store_handed_next(struct store *s, int64_t *at)
{
	return number_or_zero(s, store_stmt(s, SQL_handed_next_at), at);
}

int store_request_due_again(struct store *s, int64_t now, int64_t *series)
{
	sqlite3_stmt *q = store_stmt(s, SQL_request_due_again);
	sqlite3_bind_int64(q, 1, now);
	return store_one_number(s, q, series);
}

int store_handed_find(struct store *s, const char *ident, int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_handed_find);
	bind_str(q, 1, ident);
	return store_one_number(s, q, id);
}

int store_handed_stuck(struct store *s, int64_t *n, int64_t *since)
{
	sqlite3_stmt *q = store_stmt(s, SQL_handed_stuck);
	int r = store_step(s, q);
	*n = r > 0 ? INT(0) : 0;
	*since = r > 0 ? INT(1) : 0;
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

int store_handed_today(struct store *s, int64_t since, int64_t *n)
{
	sqlite3_stmt *q = store_stmt(s, SQL_handed_today);
	sqlite3_bind_int64(q, 1, since);
	return number_or_zero(s, q, n);
}

static int row_request(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_request row = {
		.id = INT(0), .key = TEXT(1), .series = TEXT(2), .volume = INT(3), .flow = TEXT(4),
		.state = TEXT(5), .reason = TEXT(6), .tries = INT(7), .next_at = INT(8),
		.created_at = INT(9), .changed_at = INT(10), .handed_id = INT(11), .result_id = INT(12),
		.title = TEXT(13), .source = TEXT(14), .indexer = TEXT(15), .size = INT(16),
		.first = INT(17), .last = INT(18), .handed = handed_at(q, 19),
	};
	return UNBOX(store_request_fn, fn)(arg, &row);
}

int store_requests(struct store *s, store_request_fn *fn, void *arg)
{
	return each(s, store_stmt(s, SQL_requests), row_request, BOX(store_request_fn, fn), arg);
}

int store_requests_waiting(struct store *s, int64_t most, store_request_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_requests_waiting);
	sqlite3_bind_int64(q, 1, most);
	return each(s, q, row_request, BOX(store_request_fn, fn), arg);
}

int store_requests_handed(struct store *s, int64_t most, store_request_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_requests_handed);
	sqlite3_bind_int64(q, 1, most);
	return each(s, q, row_request, BOX(store_request_fn, fn), arg);
}

int store_requests_handed_count(struct store *s, int64_t *n)
{
	return number_or_zero(s, store_stmt(s, SQL_requests_handed_count), n);
}

int store_request(struct store *s, int64_t id, int64_t *result, int64_t *handed, int64_t *volume)
{
	sqlite3_stmt *q = store_stmt(s, SQL_request_get);
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	if (r > 0) {
		*volume = INT(2);
		*result = INT(3);
		*handed = INT(4);
	}
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

static int row_request_of(sqlite3_stmt *q, void *fn, void *arg)
{
	return UNBOX(store_request_of_fn, fn)(arg, INT(0), TEXT(1), TEXT(2), INT(3), TEXT(4));
}

int store_request_count(struct store *s, const char *state, int64_t *n)
{
	sqlite3_stmt *q = store_stmt(s, SQL_request_counts);
	int r;
	*n = 0;
	while ((r = store_step(s, q)) > 0)
		if (strcmp(TEXT(0), state) == 0)
			*n = INT(1);
	sqlite3_reset(q);
	return r;
}

int store_requests_of(struct store *s, int64_t handed, store_request_of_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_requests_of_handed);
	sqlite3_bind_int64(q, 1, handed);
	return each(s, q, row_request_of, BOX(store_request_of_fn, fn), arg);
}

static int row_untold(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_untold row = {
		.id = INT(0), .series = TEXT(1), .volume = INT(2), .state = TEXT(3), .reason = TEXT(4),
		.flow = TEXT(5), .title = TEXT(6), .client = TEXT(7), .handed_id = INT(8),
	};
	return UNBOX(store_untold_fn, fn)(arg, &row);
}

int store_untold(struct store *s, store_untold_fn *fn, void *arg)
{
	return each(s, store_stmt(s, SQL_requests_untold), row_untold, BOX(store_untold_fn, fn), arg);
}

static int row_found(sqlite3_stmt *q, void *fn, void *arg)
{
	return UNBOX(store_found_fn, fn)(arg, INT(4), TEXT(3), tristate(q, 5), INT(6));
}

int store_found(struct store *s, int64_t now, bool monitored, store_found_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_requests_found);
	sqlite3_bind_int64(q, 1, now);
	sqlite3_bind_int(q, 2, monitored);
	return each(s, q, row_found, BOX(store_found_fn, fn), arg);
}

/* --- hosts, feeds --- */

static int row_host(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_host h = {
		.name = TEXT(0), .day = INT(1), .used_day = INT(2), .refused_day = INT(3), .calls = INT(4),
		.failures = INT(5), .refusals = INT(6), .open_at = INT(7), .reason = TEXT(8),
		.streak = INT(9), .last_ok_at = INT(10), .last_failure_at = INT(11),
		.recent = column_bytes(q, 12),
	};
	return UNBOX(store_host_fn, fn)(arg, &h);
}

int store_hosts(struct store *s, store_host_fn *fn, void *arg)
{
	return each(s, store_stmt(s, SQL_hosts), row_host, BOX(store_host_fn, fn), arg);
}

static int row_host_day(sqlite3_stmt *q, void *fn, void *arg)
{
	return UNBOX(store_host_day_fn, fn)(arg, INT(0), INT(1), INT(2), INT(3));
}

int store_host_days(struct store *s, const char *name, store_host_day_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_host_days);
	bind_str(q, 1, name);
	return each(s, q, row_host_day, BOX(store_host_day_fn, fn), arg);
}

static int row_feed(sqlite3_stmt *q, void *fn, void *arg)
{
	struct store_feed f = {
		.mark = TEXT(0), .at = INT(1), .tried_at = INT(2), .next_at = INT(3), .outcome = TEXT(4),
		.error = TEXT(5), .posts = INT(6), .source = TEXT(7),
	};
	return UNBOX(store_feed_fn, fn)(arg, &f);
}

int store_feed(struct store *s, const char *source, store_feed_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_feed_get);
	bind_str(q, 1, source);
	return one(s, q, row_feed, BOX(store_feed_fn, fn), arg);
}

int store_feeds(struct store *s, store_feed_fn *fn, void *arg)
{
	return each(s, store_stmt(s, SQL_feeds), row_feed, BOX(store_feed_fn, fn), arg);
}
