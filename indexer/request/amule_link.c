/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/request/amule_link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/net/http.h"
#include "indexer/release.h"

static int64_t deadline(const struct amule_link *l)
{
	int64_t end = mono_ns() + AMULE_PATIENCE_MS * NS_PER_MS;
	return l->end && l->end < end ? l->end : end;
}

/** 0 when the socket is ready; -ETIMEDOUT, -ECANCELED. */
static int wait_for(const struct amule_link *l, int fd, short events, int64_t end)
{
	for (;;) {
		int64_t left = (end - mono_ns()) / NS_PER_MS;
		struct pollfd p = {.fd = fd, .events = events};
		if (left <= 0)
			return -ETIMEDOUT;
		if (l->http && http_sleep(l->http, 0) < 0)
			return -ECANCELED;
		int n = poll(&p, 1, left < AMULE_NOTICE_MS ? (int)left : AMULE_NOTICE_MS);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/** A connected socket or -errno. */
static int connect_to(const struct amule_link *l, const struct addrinfo *a, int64_t end)
{
	_close_ int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)
		return -errno;
	int r = wait_for(l, fd, POLLOUT, end), e = 0;
	socklen_t n = sizeof e;
	if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
		r = -errno;
	if (r < 0 || e)
		return r < 0 ? r : -e;
	return take_fd(fd);
}

int amule_link_open(struct amule_link *l, const char *host, int port, char *why)
{
	char service[8];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
	snprintf(service, sizeof service, "%d", port);
	int r = getaddrinfo(host, service, &hints, &list);
	if (r) {
		snprintf(why, WHY, "aMule's host \"%.80s\" is not found: %s", host, gai_strerror(r));
		return -EHOSTUNREACH;
	}
	int64_t end = deadline(l);
	r = -EHOSTUNREACH;
	for (const struct addrinfo *a = list; a && l->fd < 0; a = a->ai_next) {
		r = connect_to(l, a, end);
		l->fd = r < 0 ? -1 : r;
	}
	freeaddrinfo(list);
	if (l->fd >= 0)
		return 0;
	snprintf(why, WHY, "aMule does not answer at %.80s port %d: %s", host, port, strerror(-r));
	return r == -ECONNREFUSED || r == -ECANCELED ? r : -EHOSTUNREACH;
}

static int send_all(const struct amule_link *l, const char *data, size_t n, int64_t end)
{
	while (n) {
		ssize_t sent = send(l->fd, data, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN)
			return -EIO;
		int r = sent < 0 ? wait_for(l, l->fd, POLLOUT, end) : 0;
		if (r < 0)
			return r;
		data += sent < 0 ? 0 : sent;
		n -= sent < 0 ? 0 : (size_t)sent;
	}
	return 0;
}

static int receive_all(const struct amule_link *l, void *data, size_t n, int64_t end)
{
	char *at = data;
	while (n) {
		ssize_t got = recv(l->fd, at, n, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return -EIO;
		int r = got < 0 ? wait_for(l, l->fd, POLLIN, end) : mono_ns() > end ? -ETIMEDOUT : 0;
		if (r < 0)
			return r;
		at += got < 0 ? 0 : got;
		n -= got < 0 ? 0 : (size_t)got;
	}
	return 0;
}

enum {
	/** The buffer grows as bytes arrive: a length alone allocates nothing. */
	CHUNK = 64 << 10,
};

static int receive_payload(struct amule_link *l, size_t n, int64_t end)
{
	buf_reset(&l->in);
	while (l->in.len < n) {
		size_t part = n - l->in.len < CHUNK ? n - l->in.len : CHUNK;
		int r = buf_reserve(&l->in, part);
		if (r == 0)
			r = receive_all(l, l->in.data + l->in.len, part, end);
		if (r < 0)
			return r;
		l->in.len += part;
	}
	return 0;
}

static int exchange(struct amule_link *l, enum amule_op *op, struct amule_tags *tags)
{
	uint8_t header[AMULE_HEADER];
	size_t n = 0;
	int64_t end = deadline(l);
	int r = amule_end(&l->out);
	if (r == 0)
		r = send_all(l, l->out.data, l->out.len, end);
	if (r == 0)
		r = receive_all(l, header, sizeof header, end);
	if (r == 0)
		r = amule_header(header, &n);
	if (r == 0)
		r = receive_payload(l, n, end);
	if (r == 0)
		r = amule_payload(l->in.data, l->in.len, op, tags);
	return r == -EFBIG ? -EPROTO : r;
}

int amule_link_ask(struct amule_link *l, enum amule_op *op, struct amule_tags *tags, char *why)
{
	int r = exchange(l, op, tags);
	if (r == -EPROTO)
		snprintf(why, WHY, "aMule's answer is none of its External Connection");
	else if (r == -ETIMEDOUT)
		snprintf(why, WHY, "aMule does not answer in %d s", AMULE_PATIENCE_MS / 1000);
	else if (r < 0)
		snprintf(why, WHY, "the connection to aMule was cut off: %s", strerror(-r));
	return r;
}

void amule_link_close(struct amule_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	/* the answer to the salt was in it */
	if (l->out.data)
		explicit_bzero(l->out.data, l->out.cap);
	buf_clear(&l->out);
	buf_clear(&l->in);
	l->fd = -1;
}
