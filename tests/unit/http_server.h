/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A web server on a raw socket, that answers whatever a test wants, valid or not. */
#ifndef TESTS_UNIT_HTTP_SERVER_H
#define TESTS_UNIT_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/thread.h"
#include "tests/unit/unit.h"

enum { SERVER_CONNECTIONS = 128 };

struct server;

/** Answers one request on @fd. @path: with its query. */
typedef void answer_fn(struct server *s, int fd, const char *path);

struct route {
	const char *path;
	/** Sent as it is; or else the function. */
	const char *bytes;
	answer_fn *answer;
	/** The connection stays open for another request. */
	bool stays;
};

struct connection {
	struct server *server;
	struct thread thread;
	int fd;
};

struct server {
	const struct route *routes;
	int fd, port;
	/** For answers: what else they need. */
	const void *arg;
	size_t arg_len;
	/** Freed when nobody sends it any more. */
	void *owned;
	struct thread thread;
	pthread_mutex_t lock;
	/* protected by lock: */
	struct buf log;
	size_t requests, connections;
	bool is_ending;
	struct connection connection[SERVER_CONNECTIONS];
};

static inline bool server_send(int fd, const void *data, size_t n)
{
	const char *p = data;
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static inline bool server_says(int fd, const char *text)
{
	return server_send(fd, text, strlen(text));
}

/** False when the other side is gone. */
static inline bool server_waits(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};
	return poll(&p, 1, ms) == 0;
}

/** Head and body; false at the end. */
static inline bool server_reads(int fd, struct buf *request)
{
	char chunk[4096];
	for (;;) {
		char *end = request->len ? strstr(buf_str(request), "\r\n\r\n") : NULL;
		if (end) {
			char *length = strcasestr(buf_str(request), "\r\nContent-Length:");
			size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
			if (request->len >= (size_t)(end - request->data) + 4 + body)
				return true;
		}
		ssize_t n = recv(fd, chunk, sizeof chunk, 0);
		if (n <= 0 || buf_add(request, chunk, (size_t)n) < 0)
			return false;
	}
}

static inline const struct route *server_route(struct server *s, const char *path)
{
	const struct route *r = s->routes;
	for (; r->path; r++)
		if (strlen(r->path) == strcspn(path, "?") && strncmp(r->path, path, strlen(r->path)) == 0)
			return r;
	return NULL;
}

static inline bool server_answers(struct server *s, int fd)
{
	_buf_ struct buf request = BUF_INIT(4 << 20);
	if (!server_reads(fd, &request))
		return false;
	{
		LOCKED(&s->lock);
		s->requests++;
		buf_add(&s->log, request.data, request.len);
	}
	char *path = strchr(request.data, ' ') + 1;
	path[strcspn(path, " \r\n")] = '\0';
	struct route r = {.path = NULL};
	_buf_ struct buf bytes = BUF_INIT(64 << 20);
	{
		/* a test may say the next answer while the last one is still going out: it takes the lock before */
		LOCKED(&s->lock);
		const struct route *found = server_route(s, path);
		if (found)
			r = *found;
		if (r.bytes)
			buf_adds(&bytes, r.bytes);
	}
	if (!r.path)
		server_says(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	else if (r.bytes)
		server_says(fd, buf_str(&bytes));
	else
		r.answer(s, fd, path);
	return r.path && r.stays;
}

static inline void *server_connection(void *arg)
{
	struct connection *c = arg;
	while (server_answers(c->server, c->fd))
		continue;
	shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

static inline void *server_run(void *arg)
{
	struct server *s = arg;
	for (;;) {
		int fd = accept(s->fd, NULL, NULL);
		LOCKED(&s->lock);
		if (s->is_ending || s->connections == SERVER_CONNECTIONS) {
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		if (fd < 0)
			continue;
		struct connection *c = &s->connection[s->connections++];
		c->server = s;
		c->fd = fd;
		if (thread_start(&c->thread, "connection", server_connection, c) < 0)
			return NULL;
	}
}

static inline struct server *server_new(const struct route *routes)
{
	struct server *s = calloc(1, sizeof *s);
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof address;
	assert_non_null(s);
	s->routes = routes;
	s->log = BUF_INIT(16 << 20);
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(s->fd, 64), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&address, &n), 0);
	s->port = ntohs(address.sin_port);
	assert_int_equal(thread_start(&s->thread, "server", server_run, s), 0);
	return s;
}

static inline void server_free(struct server *s)
{
	{
		LOCKED(&s->lock);
		s->is_ending = true;
	}
	shutdown(s->fd, SHUT_RDWR);
	thread_join(&s->thread);
	close(s->fd);
	for (size_t i = 0; i < s->connections; i++) {
		shutdown(s->connection[i].fd, SHUT_RDWR);
		thread_join(&s->connection[i].thread);
		close(s->connection[i].fd);
	}
	buf_clear(&s->log);
	free(s->owned);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static inline size_t server_requests(struct server *s)
{
	LOCKED(&s->lock);
	return s->requests;
}

static inline size_t server_connections(struct server *s)
{
	LOCKED(&s->lock);
	return s->connections;
}

static inline bool server_saw(struct server *s, const char *text)
{
	LOCKED(&s->lock);
	return s->log.len && memmem(s->log.data, s->log.len, text, strlen(text));
}

#endif
