/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A provider, a clock, and a server that gives one answer to everything.  Included by one file of a program. */
#ifndef TESTS_UNIT_REALDEBRID_WORLD_H
#define TESTS_UNIT_REALDEBRID_WORLD_H

#include "tests/unit/peer.h"

#include <errno.h>
#include <stdatomic.h>

#include "common/clock.h"
#include "indexer/repair/provider.h"
#include "tests/unit/http_server.h"

#define TOKEN "canary4711TOKEN"
#define ID "ABCDEFGHIJKLM"
#define HASH "0123456789abcdef0123456789abcdef01234567"
#define CODE(number) "{\"error\": \"some_word\", \"error_code\": " #number "}"

/** 2026; the tests' clock, ns. */
static _Atomic int64_t clock_now = INT64_C(1780000000) * NS_PER_S;

static inline int64_t tell_now(void *arg)
{
	(void)arg;
	return atomic_load(&clock_now);
}

struct lab {
	struct world w;
	struct server *server;
	void *rd;
	struct provider_error e;
};

/** The server closes after each answer. */
static atomic_bool is_closing;

static inline void say_answer(struct server *s, int fd, const char *path)
{
	_buf_ struct buf answer = BUF_INIT(16 << 20);
	(void)path;
	{
		LOCKED(&s->lock);
		buf_add(&answer, s->arg, s->arg_len);
	}
	server_send(fd, answer.data, answer.len);
	if (atomic_load(&is_closing))
		shutdown(fd, SHUT_RDWR);
}

#define ROUTE(where) {.path = "/rest/1.0" where, .answer = say_answer, .stays = true}
static const struct route routes[] = {
	ROUTE("/user"),
	ROUTE("/torrents"),
	ROUTE("/torrents/info/" ID),
	ROUTE("/torrents/addMagnet"),
	ROUTE("/torrents/selectFiles/" ID),
	ROUTE("/torrents/delete/" ID),
	ROUTE("/torrents/activeCount"),
	{0},
};

/** The next answers, to the byte. */
static inline void answer_raw(struct lab *l, const char *bytes)
{
	LOCKED(&l->server->lock);
	free(l->server->owned);
	l->server->owned = strdup(bytes);
	l->server->arg = l->server->owned;
	l->server->arg_len = strlen(bytes);
}

/** @headers: each with its line's end. */
static inline void answer_with(struct lab *l, int status, const char *headers, const char *body)
{
	_buf_ struct buf all = BUF_INIT(16 << 20);
	buf_addf(&all, "HTTP/1.1 %d Word\r\n%s", status, headers);
	if (status != 204 && status != 304)
		buf_addf(&all, "Content-Length: %zu\r\n", strlen(body));
	buf_addf(&all, "\r\n%s", body);
	answer_raw(l, buf_str(&all));
}

#define JSON_TYPE "Content-Type: application/json\r\n"
#define HTML_TYPE "Content-Type: text/html; charset=UTF-8\r\n"

static inline void answer(struct lab *l, int status, const char *body)
{
	answer_with(l, status, JSON_TYPE, body);
}

/** @more: further settings. */
static inline void lab_open_with(struct lab *l, const char *more)
{
	char conf[512], why[WHY] = "";
	*l = (struct lab){.server = server_new(routes)};
	snprintf(conf, sizeof conf,
		 "realdebrid { token_file = \"%%s\"\n url = \"http://127.0.0.1:%d/rest/1.0/\"\n %s }\n",
		 l->server->port, more);
	world_open(&l->w, TOKEN "\n", conf);
	l->w.net.now = tell_now;
	assert_int_equal(provider_realdebrid.open(&l->w.outside, &l->rd, why), 0);
	assert_non_null(l->rd);
}

static inline void lab_open(struct lab *l)
{
	lab_open_with(l, "");
}

static inline void lab_close(struct lab *l)
{
	provider_realdebrid.close(l->rd);
	server_free(l->server);
	world_close(&l->w);
}

static inline void lab_pass(int64_t ns)
{
	atomic_fetch_add(&clock_now, ns);
}

static inline struct provider_rate lab_rate(const struct lab *l)
{
	struct provider_rate rate;
	provider_realdebrid.rate(l->rd, &rate);
	return rate;
}

/** Forgets what was asked. */
static inline void lab_forget(struct lab *l)
{
	LOCKED(&l->server->lock);
	buf_reset(&l->server->log);
}

#endif
