/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/orders.h"
#include "common/thread.h"

enum {
	CLIENTS = 16,
	REQUEST_MAX = 65536,
	/** A caller that does not say what it wants in this time is dropped. */
	CLIENT_MS = 5000,
};

void ctl_token(char token[static CTL_TOKEN])
{
	uint8_t bytes[(CTL_TOKEN - 1) / 2];
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		memset(bytes, 0, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
}

/**
 * A Unix address holds 107 bytes; a longer state directory is reached through the descriptor of
 * its folder.  The descriptor is closed by the caller after bind() or connect().
 */
static int address_of(const char *state_dir, struct sockaddr_un *a, int *dir)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	*dir = -1;
	int n = snprintf(a->sun_path, sizeof a->sun_path, "%s/" CTL_SOCKET, state_dir);
	if (n < (int)sizeof a->sun_path)
		return 0;
	*dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return -errno;
	snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/" CTL_SOCKET, *dir);
	return 0;
}

/* --- the caller's side --- */

/** 0, or -ETIMEDOUT at end, never before it. */
static int wait_for(int fd, short events, int64_t end)
{
	int64_t left = (end - mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
	struct pollfd p = {fd, events, 0};
	if (left <= 0)
		return -ETIMEDOUT;
	int n = poll(&p, 1, (int)left);
	return n > 0 || (n < 0 && errno == EINTR) ? 0 : n == 0 ? -ETIMEDOUT : -EAGAIN;
}

static int dial(const char *state_dir)
{
	struct sockaddr_un a;
	_close_ int dir = -1;
	int r = address_of(state_dir, &a, &dir);
	if (r < 0)
		return r;
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return errno == EACCES ? -EACCES : -EAGAIN;
	return take_fd(fd);
}

static int send_all(int fd, const char *data, size_t n, int64_t end)
{
	while (n > 0) {
		ssize_t k = send(fd, data, n, MSG_NOSIGNAL);
		if (k < 0 && errno != EAGAIN && errno != EINTR)
			return -EAGAIN;
		if (k < 0 && wait_for(fd, POLLOUT, end) < 0)
			return -EAGAIN;
		if (k > 0) {
			data += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

/** Reads until the other side closes; -ETIMEDOUT when it does not until end. */
static int receive_all(int fd, struct buf *in, int64_t end)
{
	char chunk[4096];
	for (;;) {
		ssize_t k = recv(fd, chunk, sizeof chunk, 0);
		if (k == 0)
			return 0;
		if (k > 0 && buf_add(in, chunk, (size_t)k) < 0)
			return -EAGAIN;
		if (k < 0 && errno != EAGAIN && errno != EINTR)
			return -EAGAIN;
		int r = k < 0 ? wait_for(fd, POLLIN, end) : 0;
		if (r < 0)
			return r;
	}
}

int ctl_order(const char *state_dir, const char *token, const char *file, const char *text,
	      size_t n, int timeout_ms, int *verdict, struct buf *answer)
{
	int64_t end = mono_ns() + timeout_ms * NS_PER_MS;
	_buf_ struct buf out = BUF_INIT(REQUEST_MAX), in = BUF_INIT(REQUEST_MAX);
	_close_ int fd = dial(state_dir);
	if (fd < 0)
		return fd;
	buf_addf(&out, "mediamon-order %s %s %zu\n", token, file, n);
	buf_add(&out, text, n);
	int r = buf_error(&out) ? -E2BIG : send_all(fd, out.data, out.len, end);
	if (r == 0)
		r = receive_all(fd, &in, end);
	size_t length;
	int used;
	if (r == 0 && sscanf(buf_str(&in), "%d %zu\n%n", verdict, &length, &used) == 2)
		return buf_add(answer, in.data + used, in.len - (size_t)used);
	return r < 0 ? r : -EAGAIN;
}

/* --- the indexer's side --- */

struct client {
	int fd;
	int64_t since;
	struct buf in;
};

struct ctl_server {
	struct thread thread;
	int listener, wake;
	_Atomic bool is_ending;
	ctl_handler *handler;
	void *arg;
	struct client client[CLIENTS];
};

static void drop(struct client *c)
{
	if (c->fd >= 0)
		close(take_fd(c->fd));
	buf_clear(&c->in);
}

static void answer_client(struct ctl_server *s, struct client *c, const char *token,
			  const char *file, const char *text, size_t n)
{
	_buf_ struct buf answer = BUF_INIT(REQUEST_MAX / 2), out = BUF_INIT(REQUEST_MAX);
	int verdict = s->handler(s->arg, token, file, text, n, &answer);
	buf_addf(&out, "%d %zu\n", verdict, answer.len);
	buf_add(&out, buf_str(&answer), answer.len);
	send_all(c->fd, buf_str(&out), out.len, mono_ns() + NS_PER_S);
	drop(c);
}

/** Handles the request when it is whole. */
static void try_request(struct ctl_server *s, struct client *c)
{
	char token[CTL_TOKEN], file[CTL_FILE];
	size_t n;
	int used = 0;
	const char *newline = c->in.len ? memchr(c->in.data, '\n', c->in.len) : NULL;
	if (!newline) {
		if (c->in.len > 256)
			drop(c);
		return;
	}
	if (sscanf(c->in.data, "mediamon-order %32[0-9a-f] %31[a-z-] %zu\n%n", token, file, &n, &used) != 3 ||
	    !used || n > REQUEST_MAX / 2) {
		drop(c);
		return;
	}
	used = (int)(newline + 1 - c->in.data);
	if (c->in.len - (size_t)used >= n)
		answer_client(s, c, token, file, c->in.data + used, n);
}

static void read_client(struct ctl_server *s, struct client *c)
{
	char chunk[4096];
	ssize_t k = recv(c->fd, chunk, sizeof chunk, 0);
	if (k <= 0 && errno == EAGAIN && k < 0)
		return;
	if (k <= 0 || buf_add(&c->in, chunk, (size_t)k) < 0)
		drop(c);
	else
		try_request(s, c);
}

static void accept_client(struct ctl_server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &s->client[i];
		if (c->fd >= 0)
			continue;
		*c = (struct client){fd, mono_ns(), BUF_INIT(REQUEST_MAX)};
		return;
	}
	close(fd);
}

static void drop_slow(struct ctl_server *s)
{
	for (int i = 0; i < CLIENTS; i++)
		if (s->client[i].fd >= 0 && mono_ns() - s->client[i].since > CLIENT_MS * NS_PER_MS)
			drop(&s->client[i]);
}

static void *serve(void *arg)
{
	struct ctl_server *s = arg;
	while (!atomic_load(&s->is_ending)) {
		struct pollfd fds[2 + CLIENTS] = {{s->wake, POLLIN, 0}, {s->listener, POLLIN, 0}};
		for (int i = 0; i < CLIENTS; i++)
			fds[2 + i] = (struct pollfd){s->client[i].fd, POLLIN, 0};
		if (poll(fds, COUNT_OF(fds), 1000) < 0)
			continue;
		for (int i = 0; i < CLIENTS; i++)
			if (fds[2 + i].fd >= 0 && fds[2 + i].revents)
				read_client(s, &s->client[i]);
		if (fds[1].revents)
			accept_client(s);
		drop_slow(s);
	}
	return NULL;
}

static int bind_socket(struct ctl_server *s, const char *state_dir, int gid)
{
	struct sockaddr_un a;
	_close_ int dir = -1;
	char path[4096];
	int r = address_of(state_dir, &a, &dir);
	if (r < 0)
		return r;
	snprintf(path, sizeof path, "%s/" CTL_SOCKET, state_dir);
	unlink(path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return -errno;
	mode_t old = umask(0177);
	r = bind(s->listener, (struct sockaddr *)&a, sizeof a) < 0 ? -errno : 0;
	umask(old);
	/* made as that group's already where it is our own: a service may not be allowed to chown() */
	bool is_groups = gid != -1 && ((gid_t)gid == getegid() || chown(path, (uid_t)-1, (gid_t)gid) == 0);
	if (r == 0 && is_groups && chmod(path, 0660) < 0)
		r = -errno;
	if (r == 0 && listen(s->listener, 16) < 0)
		r = -errno;
	return r;
}

int ctl_serve(const char *state_dir, int gid, ctl_handler *handler, void *arg,
	      struct ctl_server **out)
{
	struct ctl_server *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->handler = handler;
	s->arg = arg;
	s->listener = -1;
	for (int i = 0; i < CLIENTS; i++)
		s->client[i].fd = -1;
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = s->wake < 0 ? -errno : bind_socket(s, state_dir, gid);
	if (r == 0)
		r = thread_start(&s->thread, "control", serve, s);
	if (r < 0) {
		ctl_stop(s);
		return r;
	}
	*out = s;
	return 0;
}

void ctl_stop(struct ctl_server *s)
{
	if (!s)
		return;
	uint64_t one = 1;
	atomic_store(&s->is_ending, true);
	if (write(s->wake, &one, sizeof one) < 0)
		log_debug("the control thread is awake already");
	thread_join(&s->thread);
	for (int i = 0; i < CLIENTS; i++)
		drop(&s->client[i]);
	if (s->listener >= 0)
		close(s->listener);
	close(s->wake);
	free(s);
}
