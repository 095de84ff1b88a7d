/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A client and a server that answers it. */
#ifndef TESTS_UNIT_HTTP_WORLD_H
#define TESTS_UNIT_HTTP_WORLD_H

#include "indexer/net/http.h"
#include "tests/unit/http_server.h"

#define OK "HTTP/1.1 200 OK\r\n"
/** Whatever must not be seen where it does not belong. */
#define CANARY "canary4711"

struct world {
	struct http *http;
	struct server *server;
	struct http_answer a;
};

static inline int world_new(void **state, const struct route *routes)
{
	struct world *w = calloc(1, sizeof *w);
	assert_int_equal(http_new(&w->http), 0);
	w->server = server_new(routes);
	w->a = HTTP_ANSWER_INIT;
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;
	http_free(w->http);
	server_free(w->server);
	http_answer_clear(&w->a);
	free(w);
	return 0;
}

static inline int ask_as(struct world *w, const char *path, struct http_request q)
{
	char url[256];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", w->server->port, path);
	q.url = url;
	return http_do(w->http, &q, &w->a);
}

static inline int ask(struct world *w, const char *path)
{
	return ask_as(w, path, (struct http_request){.timeout_ms = 10000});
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
