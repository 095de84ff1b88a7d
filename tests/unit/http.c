/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/http_world.h"

#include <errno.h>

#include "common/clock.h"

/* --- what is served --- */

static void redirects(struct server *s, int fd, const char *path)
{
	char answer[256];
	(void)path;
	snprintf(answer, sizeof answer,
		 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/taken\r\nContent-Length: 0\r\n\r\n",
		 *(const int *)s->arg);
	server_says(fd, answer);
}

static void is_silent(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	while (server_waits(fd, 1000))
		continue;
}

static void thinks(struct server *s, int fd, const char *path)
{
	(void)s, (void)path;
	if (server_waits(fd, 100))
		server_says(fd, OK "Content-Length: 2\r\n\r\nok");
}

static const struct route routes[] = {
	{"/ok", .bytes = OK "Content-Length: 2\r\nContent-Type: Application/JSON; charset=utf-8\r\n"
		   "ETag: \"abc\"\r\nLast-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n"
		   "Set-Cookie: SID=one; HttpOnly; path=/\r\nSet-Cookie: other=two\r\n\r\nok",
	 .stays = true},
	{"/redirect", .answer = redirects},
	{"/silent", .answer = is_silent},
	{"/think", .answer = thinks},
	{"/wait-seconds", .bytes = "HTTP/1.1 429 Too Many\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"},
	{"/wait-date", .bytes = "HTTP/1.1 503 Busy\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\n"
		       "Retry-After: Sat, 21 Nov 2026 10:05:00 GMT\r\nContent-Length: 0\r\n\r\n"},
	{"/wait-past", .bytes = "HTTP/1.1 503 Busy\r\nRetry-After: Fri, 21 Nov 2003 10:05:00 GMT\r\n"
		       "Content-Length: 0\r\n\r\n"},
	{"/wait-ever", .bytes = "HTTP/1.1 429 Too Many\r\nRetry-After: 99999999999999999999999\r\n"
		       "Content-Length: 0\r\n\r\n"},
	{"/wait-nonsense", .bytes = "HTTP/1.1 429 Too Many\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n"},
	{"/challenge", .bytes = "HTTP/1.1 403 Forbidden\r\ncf-mitigated: challenge\r\nContent-Length: 4\r\n\r\nstop"},
	{"/hinted", .bytes = "HTTP/1.1 103 Early Hints\r\nETag: \"early\"\r\nLocation: /early\r\n\r\n" OK
		    "Content-Length: 2\r\n\r\nok"},
	{"/trailer", .bytes = OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nETag: \"late\"\r\n\r\n"},
	{"/odd-headers", .bytes = OK "ETag: \"a\tb\"\r\n:novalue\r\nLocation:\r\nSet-Cookie: a=\x01\r\n"
			    "Content-Length: 0\r\n\r\n"},
	{0},
};

static int setup(void **state)
{
	return world_new(state, routes);
}

static void an_answer_is_told_whole(void **state)
{
	struct world *w = *state;
	assert_int_equal(ask(w, "/ok"), 0);
	assert_int_equal(w->a.status, 200);
	assert_string_equal(buf_str(&w->a.body), "ok");
	assert_string_equal(w->a.type, "application/json");
	assert_string_equal(w->a.etag, "\"abc\"");
	assert_string_equal(w->a.last_modified, "Sat, 21 Nov 2026 10:00:00 GMT");
	assert_string_equal(w->a.cookie, "SID=one");
	assert_string_equal(w->a.location, "");
	assert_int_equal(w->a.retry_after_ns, -1);
	assert_false(w->a.is_challenge);
	assert_int_equal(ask(w, "/absent"), 0);
	assert_int_equal(w->a.status, 404);
	assert_string_equal(w->a.etag, "");
	assert_true(server_saw(w->server, "User-Agent: mediamon/" MEDIAMON_VERSION "\r\n"));
	assert_true(server_saw(w->server, "Accept-Encoding: gzip, deflate\r\n"));
	/* no cookie is kept */
	assert_false(server_saw(w->server, "Cookie:"));
}

static void bodies_parts_and_headers_are_sent(void **state)
{
	struct world *w = *state;
	const char *const headers[] = {"X-Api-Key: secret", NULL};
	const struct http_part parts[] = {
		{.name = "urls", .data = "magnet:?xt=1", .len = 12},
		{.name = "torrents", .file = "a.torrent", .type = "application/x-bittorrent", .data = "d\0e", .len = 3},
	};
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.body = "a=b", .body_len = 3}), 0);
	assert_true(server_saw(w->server, "POST /ok HTTP/1.1\r\n"));
	assert_true(server_saw(w->server, "Content-Type: application/x-www-form-urlencoded\r\n"));
	assert_true(server_saw(w->server, "\r\n\r\na=b"));
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.method = "PUT", .headers = headers,
			 .body = "{}", .body_len = 2, .body_type = "application/json"}), 0);
	assert_true(server_saw(w->server, "PUT /ok HTTP/1.1\r\n"));
	assert_true(server_saw(w->server, "X-Api-Key: secret\r\n"));
	assert_true(server_saw(w->server, "Content-Type: application/json\r\n"));
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.parts = parts, .part_count = 2}), 0);
	assert_true(server_saw(w->server, "filename=\"a.torrent\""));
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.method = "DELETE"}), 0);
	assert_true(server_saw(w->server, "DELETE /ok HTTP/1.1\r\n"));
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.method = "HEAD"}), 0);
	assert_true(server_saw(w->server, "HEAD /ok HTTP/1.1\r\n"));
	assert_false(server_saw(w->server, "Expect:"));
}

static void lines_are_not_smuggled_into_a_request(void **state)
{
	struct world *w = *state;
	const char *const headers[] = {"X-A: b\r\nX-Evil: 1", NULL};
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.headers = headers}), -EINVAL);
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.method = "GET /x HTTP/1.1\r\n"}), -EINVAL);
	assert_int_equal(ask_as(w, "/ok\r\nX-Evil: 1", (struct http_request){0}), -EINVAL);
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.body = "", .body_type = "a\nX-Evil: 1"}), -EINVAL);
	assert_int_equal(server_requests(w->server), 0);
}

static void only_web_addresses_are_asked(void **state)
{
	static const char *const urls[] = {
		"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/", "", "127.0.0.1/", "http:",
		"http://", "http:///x", "dict://127.0.0.1:1/", "http://127.0.0.1:99999/", "http://a b/",
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		struct http_request q = {.url = urls[i], .timeout_ms = 2000};
		if (http_do(w->http, &q, &w->a) != -EINVAL)
			fail_msg("%s: %s", urls[i], w->a.why);
		assert_string_not_equal(w->a.why, "");
	}
}

static void a_redirect_is_not_followed_and_no_key_is_sent_on(void **state)
{
	struct world *w = *state;
	struct server *other = server_new(routes);
	const char *const headers[] = {"X-Api-Key: " CANARY, NULL};
	w->server->arg = &other->port;
	assert_int_equal(ask_as(w, "/redirect?apikey=" CANARY, (struct http_request){.headers = headers}), 0);
	assert_int_equal(w->a.status, 302);
	assert_non_null(strstr(w->a.location, "/taken"));
	assert_true(server_saw(w->server, CANARY));
	assert_int_equal(server_connections(other), 0);
	server_free(other);
}

static void the_environment_names_no_proxy(void **state)
{
	struct world *w = *state;
	struct server *proxy = server_new(routes);
	char address[64];
	snprintf(address, sizeof address, "http://127.0.0.1:%d", proxy->port);
	setenv("http_proxy", address, 1);
	setenv("all_proxy", address, 1);
	assert_int_equal(ask(w, "/ok"), 0);
	assert_int_equal(server_connections(proxy), 0);
	assert_int_equal(server_requests(w->server), 1);
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	server_free(proxy);
}

static void a_post_is_never_sent_on_a_used_connection(void **state)
{
	struct world *w = *state;
	assert_int_equal(ask(w, "/ok"), 0);
	assert_int_equal(ask(w, "/ok"), 0);
	assert_int_equal(server_connections(w->server), 1);
	assert_int_equal(ask_as(w, "/ok", (struct http_request){.body = "x", .body_len = 1}), 0);
	assert_int_equal(server_connections(w->server), 2);
	assert_int_equal(server_requests(w->server), 3);
}

static void retry_after_is_read_in_both_forms(void **state)
{
	struct world *w = *state;
	assert_int_equal(ask(w, "/wait-seconds"), 0);
	assert_int_equal(w->a.status, 429);
	assert_int_equal(w->a.retry_after_ns, 120 * NS_PER_S);
	assert_int_equal(ask(w, "/wait-date"), 0);
	assert_int_equal(w->a.retry_after_ns, 300 * NS_PER_S);
	assert_int_equal(ask(w, "/wait-past"), 0);
	assert_int_equal(w->a.retry_after_ns, 0);
	assert_int_equal(ask(w, "/wait-ever"), 0);
	assert_int_equal(w->a.retry_after_ns, 30 * 86400 * NS_PER_S);
	assert_int_equal(ask(w, "/wait-nonsense"), 0);
	assert_int_equal(w->a.retry_after_ns, -1);
}

static void headers_of_the_answer_count_and_no_others(void **state)
{
	struct world *w = *state;
	assert_int_equal(ask(w, "/challenge"), 0);
	assert_true(w->a.is_challenge);
	assert_int_equal(w->a.status, 403);
	assert_int_equal(ask(w, "/hinted"), 0);
	assert_int_equal(w->a.status, 200);
	assert_string_equal(w->a.etag, "");
	assert_string_equal(w->a.location, "");
	assert_int_equal(ask(w, "/trailer"), 0);
	assert_string_equal(buf_str(&w->a.body), "ok");
	assert_string_equal(w->a.etag, "");
	assert_int_equal(ask(w, "/odd-headers"), 0);
	assert_string_equal(w->a.etag, "");
	assert_string_equal(w->a.cookie, "");
}

static void nobody_there_is_told(void **state)
{
	struct world *w = *state;
	struct server *gone = server_new(routes);
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/" CANARY, gone->port);
	server_free(gone);
	struct http_request q = {.url = url};
	assert_int_equal(http_do(w->http, &q, &w->a), -ECONNREFUSED);
	q.url = "http://" CANARY ".invalid/";
	assert_int_equal(http_do(w->http, &q, &w->a), -EHOSTUNREACH);
	assert_null(strstr(w->a.why, CANARY));
}

/* --- threads --- */

struct caller {
	struct world *w;
	const char *path;
	struct thread thread;
	int result;
	size_t got;
};

static void *call(void *arg)
{
	struct caller *c = arg;
	char url[64];
	struct http_answer a = HTTP_ANSWER_INIT;
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", c->w->server->port, c->path);
	struct http_request q = {.url = url, .timeout_ms = 30000};
	c->result = http_do(c->w->http, &q, &a);
	c->got = a.body.len;
	http_answer_clear(&a);
	return NULL;
}

enum { CALLERS = 20 };

static void start_callers(struct world *w, struct caller *callers, const char *path)
{
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){.w = w, .path = path, .result = 1};
		assert_int_equal(thread_start(&callers[i].thread, "caller", call, &callers[i]), 0);
	}
}

static void many_callers_are_served_at_once(void **state)
{
	struct world *w = *state;
	struct caller callers[CALLERS];
	int64_t start = mono_ns();
	start_callers(w, callers, "/think");
	for (int i = 0; i < CALLERS; i++) {
		thread_join(&callers[i].thread);
		assert_int_equal(callers[i].result, 0);
		assert_int_equal(callers[i].got, 2);
	}
	/* one after the other it would be 2 s */
	assert_true(mono_ns() - start < 1500 * NS_PER_MS);
}

static void cancelling_ends_calls_and_sleep_at_once(void **state)
{
	struct world *w = *state;
	struct caller callers[CALLERS];
	start_callers(w, callers, "/silent");
	while (server_requests(w->server) < CALLERS)
		usleep(1000);
	int64_t start = mono_ns();
	http_cancel(w->http);
	for (int i = 0; i < CALLERS; i++) {
		thread_join(&callers[i].thread);
		assert_int_equal(callers[i].result, -ECANCELED);
	}
	assert_int_equal(http_sleep(w->http, 60 * NS_PER_S), -ECANCELED);
	assert_int_equal(ask(w, "/ok"), -ECANCELED);
	assert_true(mono_ns() - start < NS_PER_S);
}

static void freeing_ends_calls(void **state)
{
	struct world *w = *state;
	struct caller callers[CALLERS];
	start_callers(w, callers, "/silent");
	while (server_requests(w->server) < CALLERS)
		usleep(1000);
	http_free(w->http);
	w->http = NULL;
	for (int i = 0; i < CALLERS; i++) {
		thread_join(&callers[i].thread);
		assert_int_equal(callers[i].result, -ECANCELED);
	}
}

static void sleeping_takes_its_time(void **state)
{
	struct world *w = *state;
	int64_t start = mono_ns();
	assert_int_equal(http_sleep(w->http, 30 * NS_PER_MS), 0);
	assert_in_range(mono_ns() - start, 30 * NS_PER_MS, 5 * NS_PER_S);
	assert_int_equal(http_sleep(w->http, -1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(an_answer_is_told_whole),
		WORLD(bodies_parts_and_headers_are_sent),
		WORLD(lines_are_not_smuggled_into_a_request),
		WORLD(only_web_addresses_are_asked),
		WORLD(a_redirect_is_not_followed_and_no_key_is_sent_on),
		WORLD(the_environment_names_no_proxy),
		WORLD(a_post_is_never_sent_on_a_used_connection),
		WORLD(retry_after_is_read_in_both_forms),
		WORLD(headers_of_the_answer_count_and_no_others),
		WORLD(nobody_there_is_told),
		WORLD(many_callers_are_served_at_once),
		WORLD(cancelling_ends_calls_and_sleep_at_once),
		WORLD(freeing_ends_calls),
		WORLD(sleeping_takes_its_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
