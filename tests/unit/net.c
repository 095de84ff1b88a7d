/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/http_world.h"

#include <errno.h>

#include "common/clock.h"
#include "indexer/net/net.h"

static const struct route routes[] = {
	{"/ok", .bytes = OK "Content-Length: 2\r\n\r\nok"},
	{"/absent", .bytes = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
	{"/broken", .bytes = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"},
	{"/many", .bytes = "HTTP/1.1 429 Too Many\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"},
	{"/many-untold", .bytes = "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n"},
	{"/busy", .bytes = "HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n"},
	{"/later", .bytes = "HTTP/1.1 403 Forbidden\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"},
	{"/closed", .bytes = ""},
	{0},
};

struct desk {
	struct world *w;
	struct net net;
	int64_t now;
};

static int64_t desk_now(void *arg)
{
	return ((struct desk *)arg)->now;
}

/** A budget that has seen nothing. */
static void renew(struct desk *d)
{
	limit_free(d->net.limit);
	assert_int_equal(limit_new(NULL, NULL, &d->net.limit), 0);
	limit_declare(d->net.limit, "a", &(struct limit_rule){.failures = 3});
}

static int setup(void **state)
{
	struct desk *d = calloc(1, sizeof *d);
	void *w;
	assert_int_equal(world_new(&w, routes), 0);
	d->w = w;
	d->now = INT64_C(20500) * 86400 * NS_PER_S;
	d->net = (struct net){.http = d->w->http, .now = desk_now, .arg = d};
	renew(d);
	*state = d;
	return 0;
}

static int teardown_desk(void **state)
{
	struct desk *d = *state;
	void *w = d->w;
	limit_free(d->net.limit);
	teardown(&w);
	free(d);
	return 0;
}

static int say(struct desk *d, const char *path, int64_t *at)
{
	char url[256];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", d->w->server->port, path);
	struct http_request q = {.url = *path == '/' ? url : path, .timeout_ms = 5000};
	return net_do(&d->net, "a", &q, &d->w->a, at);
}

static struct limit_status told(struct desk *d)
{
	struct limit_status s;
	assert_int_equal(limit_status(d->net.limit, "a", d->now, &s), 0);
	return s;
}

static void statuses_count_as_they_should(void **state)
{
	static const struct {
		const char *path;
		int result, failures, refusals;
		int64_t silence;
	} rows[] = {
		{"/ok", 0, 0, 0, 0},
		{"/absent", 0, 0, 0, 0},
		{"/broken", 0, 1, 0, 0},
		{"/many", 0, 1, 1, 120},
		{"/many-untold", 0, 1, 1, 60},
		{"/busy", 0, 1, 1, 60},
		{"/later", 0, 0, 0, 30},
		{"/closed", -EPROTO, 1, 0, 0},
		{"ftp://h/", -EINVAL, 0, 0, 0},
	};
	struct desk *d = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		renew(d);
		int r = say(d, rows[i].path, NULL);
		struct limit_status s = told(d);
		if (r != rows[i].result || s.row.failures != rows[i].failures ||
		    s.row.refusals != rows[i].refusals ||
		    s.next_at - d->now != rows[i].silence * NS_PER_S)
			fail_msg("%s: %d, %lld failures, silent for %lld ns", rows[i].path, r,
				 (long long)s.row.failures, (long long)(s.next_at - d->now));
		assert_int_equal(s.row.calls, 1);
	}
}

static void a_host_that_is_silent_is_not_asked(void **state)
{
	struct desk *d = *state;
	int64_t at = 0;
	assert_int_equal(say(d, "/many", NULL), 0);
	size_t requests = server_requests(d->w->server);
	assert_int_equal(say(d, "/ok", &at), -EAGAIN);
	assert_int_equal(at, d->now + 120 * NS_PER_S);
	assert_non_null(strstr(d->w->a.why, "120 s"));
	assert_non_null(strstr(d->w->a.why, "HTTP 429"));
	assert_int_equal(server_requests(d->w->server), requests);
	d->now = at;
	assert_int_equal(say(d, "/ok", &at), 0);
}

static void failures_open_the_breaker_and_a_probe_closes_it(void **state)
{
	struct desk *d = *state;
	int64_t at;
	for (int i = 0; i < 3; i++)
		assert_int_equal(say(d, "/closed", NULL), -EPROTO);
	assert_int_equal(told(d).state, LIMIT_OPEN);
	assert_int_equal(say(d, "/ok", &at), -EAGAIN);
	d->now = at;
	assert_int_equal(told(d).state, LIMIT_HALF_OPEN);
	assert_int_equal(say(d, "/ok", NULL), 0);
	assert_int_equal(told(d).state, LIMIT_CLOSED);
}

static void a_host_of_no_budget_is_not_asked(void **state)
{
	struct desk *d = *state;
	struct http_request q = {.url = "http://127.0.0.1:1/"};
	assert_int_equal(net_do(&d->net, "unknown", &q, &d->w->a, NULL), -ENOENT);
	assert_string_not_equal(d->w->a.why, "");
}

static void a_slot_is_waited_for_with_patience(void **state)
{
	struct desk *d = *state;
	int64_t start = mono_ns();
	d->net.now = NULL;
	d->net.patience_ms = 2000;
	limit_declare(d->net.limit, "a", &(struct limit_rule){.distance = 200 * NS_PER_MS});
	assert_int_equal(say(d, "/ok", NULL), 0);
	assert_int_equal(say(d, "/ok", NULL), 0);
	assert_in_range(mono_ns() - start, 200 * NS_PER_MS, 2 * NS_PER_S);
	d->net.patience_ms = 20;
	assert_int_equal(say(d, "/ok", NULL), -EAGAIN);
	assert_non_null(strstr(d->w->a.why, "budget"));
	d->net.patience_ms = 60000;
	limit_declare(d->net.limit, "a", &(struct limit_rule){.distance = 60 * NS_PER_S});
	http_cancel(d->net.http);
	assert_int_equal(say(d, "/ok", NULL), -ECANCELED);
	assert_true(mono_ns() - start < 5 * NS_PER_S);
}

#define DESK(test) cmocka_unit_test_setup_teardown(test, setup, teardown_desk)

/* else its budget of the day is gone before anybody asked */
static void one_behind_a_closed_host_keeps_its_slots(void **state)
{
	struct desk *d = *state;
	struct http_answer a = HTTP_ANSWER_INIT;
	struct limit_status s;
	int64_t at = 0;
	char url[128];
	renew(d);
	limit_declare(d->net.limit, "b", &(struct limit_rule){.per_day = 2});
	limit_block(d->net.limit, "a", d->now, 3600 * NS_PER_S, "a test");
	snprintf(url, sizeof url, "http://127.0.0.1:1/");
	struct http_request q = {.url = url};
	for (int i = 0; i < 5; i++)
		assert_int_equal(net_do_behind(&d->net, "a", "b", &q, &a, &at), -EAGAIN);
	assert_int_equal(at, d->now + 3600 * NS_PER_S);
	assert_int_equal(limit_status(d->net.limit, "b", d->now, &s), 0);
	assert_int_equal(s.left_day, 2);
	http_answer_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK(one_behind_a_closed_host_keeps_its_slots),
		DESK(statuses_count_as_they_should),
		DESK(a_host_that_is_silent_is_not_asked),
		DESK(failures_open_the_breaker_and_a_probe_closes_it),
		DESK(a_host_of_no_budget_is_not_asked),
		DESK(a_slot_is_waited_for_with_patience),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
