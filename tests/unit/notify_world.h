/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What notices need: a web server that answers as told and keeps what it got, a clock, a config.
 */
#ifndef TESTS_UNIT_NOTIFY_WORLD_H
#define TESTS_UNIT_NOTIFY_WORLD_H

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/thread.h"
#include "indexer/notify/notify.h"

#define SECRET "S3cretT0ken"

enum { KEPT = 16 };

/** Answers; the last one is given again and again. */
struct answer {
	int status, delay_ms;
	const char *headers, *body;
};

struct server {
	int fd, port;
	struct thread thread;
	atomic_bool is_ending;
	pthread_mutex_t lock;
	/* protected by lock: */
	struct answer answers[8];
	int count, next;
	char *body[KEPT];
	int bodies;
};

static inline size_t read_request(int fd, char **body)
{
	enum { MOST = 20 << 20 };
	char *text = calloc(MOST, 1);
	size_t n = 0, want = 0, head = 0;
	ssize_t r;
	while ((!head || n < head + want) && (r = read(fd, text + n, MOST - 1 - n)) > 0) {
		n += (size_t)r;
		const char *end = head ? NULL : strstr(text, "\r\n\r\n");
		const char *length = end ? strcasestr(text, "content-length:") : NULL;
		if (end)
			head = (size_t)(end - text) + 4;
		if (length)
			want = strtoul(length + 15, NULL, 10);
		if (strcasestr(text, "expect: 100") && length)
			dprintf(fd, "HTTP/1.1 100 Continue\r\n\r\n");
	}
	*body = head ? strdup(text + head) : NULL;
	free(text);
	return want;
}

static inline void serve(struct server *s, int fd)
{
	char *body;
	struct answer a;
	read_request(fd, &body);
	if (!body)
		return;
	{
		LOCKED(&s->lock);
		a = s->answers[s->next];
		if (s->next < s->count - 1)
			s->next++;
		free(s->body[s->bodies % KEPT]);
		s->body[s->bodies++ % KEPT] = body;
	}
	for (int i = 0; i < a.delay_ms && !s->is_ending; i += 10)
		nanosleep(&(struct timespec){0, 10 * NS_PER_MS}, NULL);
	const char *text = a.body ? a.body : "";
	dprintf(fd, "HTTP/1.1 %d X\r\nConnection: close\r\n%s", a.status,
		a.headers ? a.headers : "");
	if (a.status != 204)
		dprintf(fd, "Content-Length: %zu\r\n", strlen(text));
	dprintf(fd, "\r\n%s", a.status != 204 ? text : "");
}

static inline void *server_run(void *arg)
{
	struct server *s = arg;
	while (!s->is_ending) {
		struct pollfd p = {s->fd, POLLIN, 0};
		if (poll(&p, 1, 20) <= 0)
			continue;
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		serve(s, fd);
		close(fd);
	}
	return NULL;
}

static inline void server_begin(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof a;
	memset(s, 0, sizeof *s);
	s->answers[0] = (struct answer){.status = 204};
	s->count = 1;
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(s->fd, 16), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(thread_start(&s->thread, "server", server_run, s), 0);
}

static inline void server_says(struct server *s, const struct answer *answers, int n)
{
	LOCKED(&s->lock);
	memcpy(s->answers, answers, (size_t)n * sizeof *answers);
	s->count = n;
	s->next = 0;
}

static inline int server_asked(struct server *s)
{
	LOCKED(&s->lock);
	return s->bodies;
}

/** The caller frees it. */
static inline char *server_body(struct server *s, int i)
{
	LOCKED(&s->lock);
	return strdup(s->body[i % KEPT]);
}

static inline void server_end(struct server *s)
{
	s->is_ending = true;
	thread_join(&s->thread);
	close(s->fd);
	for (int i = 0; i < KEPT; i++)
		free(s->body[i]);
	pthread_mutex_destroy(&s->lock);
}

/** A clock that only the test moves. */
static _Atomic int64_t world_time;

static inline int64_t world_now(void *arg)
{
	(void)arg;
	return world_time;
}

struct world {
	char *dir;
	struct server discord, webhook;
	struct config *config;
	struct net net;
	struct outside outside;
	struct notify *notify;
};

enum { DISCORD = 1, WEBHOOK = 2 };

static inline void write_file(const char *dir, const char *name, const char *text, mode_t mode)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static inline void world_files(struct world *w, unsigned which, const char *hook)
{
	char url[128], conf[8192];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/api/webhooks/1/" SECRET "\n",
		 w->discord.port);
	write_file(w->dir, "discord", url, 0600);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/" SECRET "\n", w->webhook.port);
	write_file(w->dir, "webhook", url, 0600);
	int n = snprintf(conf, sizeof conf, "state_dir = \"%s\"\n", w->dir);
	if (which & DISCORD)
		n += snprintf(conf + n, sizeof conf - (size_t)n,
			      "discord { webhook_file = \"%s/discord\" }\n", w->dir);
	if (which & WEBHOOK)
		n += snprintf(conf + n, sizeof conf - (size_t)n,
			      "webhook { url_file = \"%s/webhook\" }\n", w->dir);
	if (hook)
		snprintf(conf + n, sizeof conf - (size_t)n, "hook { exec = \"%s\" }\n", hook);
	write_file(w->dir, "conf", conf, 0600);
}

static inline void world_load(struct world *w)
{
	char path[4096];
	_buf_ struct buf why = BUF_INIT(1 << 16);
	snprintf(path, sizeof path, "%s/conf", w->dir);
	if (config_load(path, &w->config, &why) < 0)
		fail_msg("%s", buf_str(&why));
	w->outside = (struct outside){w->config, &w->net};
	assert_int_equal(notify_new(&w->outside, &w->notify), 0);
}

/** @hook: a program, or NULL. */
static inline void world_begin(struct world *w, unsigned which, const char *hook)
{
	memset(w, 0, sizeof *w);
	world_time = 1700000000 * NS_PER_S;
	w->dir = unit_folder();
	server_begin(&w->discord);
	server_begin(&w->webhook);
	w->net.now = world_now;
	assert_int_equal(limit_new(NULL, NULL, &w->net.limit), 0);
	world_files(w, which, hook);
	world_load(w);
}

static inline void world_stop(struct world *w)
{
	notify_free(w->notify);
	w->notify = NULL;
}

static inline void world_end(struct world *w)
{
	static const char *const files[] = {"discord", "webhook", "hook", "out", "log"};
	world_stop(w);
	server_end(&w->discord);
	server_end(&w->webhook);
	limit_free(w->net.limit);
	config_free(w->config);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", w->dir, files[i]);
		unlink(path);
	}
	unit_remove(w->dir);
}

static inline void put(struct world *w, const char *kind, const char *series, const char *text)
{
	struct notice n = {.kind = kind, .series = series, .text = text, .at = world_time};
	notify_put(w->notify, &n);
}

/** Moves the clock; the lanes see it at once. */
static inline void world_move(struct world *w, int64_t s)
{
	world_time += s * NS_PER_S;
	notify_flush(w->notify);
}

static inline void pause_ms(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * NS_PER_MS}, NULL);
}

/** Until a server was asked so often; fails after 10 s. */
static inline void wait_asked(struct server *s, int times)
{
	for (int i = 0; i < 1000 && server_asked(s) < times; i++)
		pause_ms(10);
	assert_int_equal(server_asked(s), times);
}

/** Until so much was sent and has failed, and so many notices wait. */
static inline void wait_counts(struct world *w, uint64_t sent, uint64_t failed, uint64_t waiting)
{
	uint64_t a = 0, b = 0, c = 0;
	for (int i = 0; i < 1000; i++) {
		notify_counts(w->notify, &a, &b, &c);
		if (a == sent && b == failed && c == waiting)
			return;
		pause_ms(10);
	}
	fail_msg("sent %d, failed %d, waiting %d", (int)a, (int)b, (int)c);
}

#endif
