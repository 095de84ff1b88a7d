/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/discover/scouts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "indexer/child.h"
#include "indexer/discover/scout.h"

/** Bytes of room for frames that stay between them. */
enum { OUT_KEPT = 1 << 20 };

static void add_setup(struct scout *s, const struct scout_options *o)
{
	size_t start = frame_begin(&s->out, FRAME_SETUP);
	frame_u32(&s->out, s->kind);
	frame_u32(&s->out, (uint32_t)o->walkers);
	frame_u32(&s->out, (uint32_t)o->walkers_most);
	frame_u32(&s->out, (uint32_t)o->slots);
	frame_u32(&s->out, (uint32_t)o->mode);
	frame_bytes(&s->out, s->path, strlen(s->path));
	frame_u32(&s->out, (uint32_t)o->pattern_count);
	for (size_t i = 0; i < o->pattern_count; i++)
		frame_bytes(&s->out, o->patterns[i], strlen(o->patterns[i]));
	frame_bytes(&s->out, o->marker, strlen(o->marker));
	frame_end(&s->out, start);
}

int scout_start(struct scout *s, const struct scout_options *o)
{
	struct child_fd fds[2 + WORKERS_MAX];
	int end[2];
	int r = child_socket(SOCK_STREAM, end);
	if (r < 0)
		return r;
	fds[0] = (struct child_fd){end[1], SCOUT_CONTROL};
	for (int i = 0; i < o->workers; i++)
		fds[1 + i] = (struct child_fd){o->jobs[i], SCOUT_WORKERS + i};
	int n = 1 + o->workers;
	child_reap();
	if (s->heads_fd >= 0 && !child_is_abandoned(s->former))
		fds[n++] = (struct child_fd){s->heads_fd, SCOUT_HEADS};
	s->pid = child_spawn("--scout", s->name, fds, n);
	close(end[1]);
	if (s->pid < 0) {
		close(end[0]);
		s->fd = -1;
		return s->pid;
	}
	s->fd = end[0];
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	frame_reader_init(&s->reader, s->fd);
	s->out = BUF_INIT((size_t)64 << 20);
	s->back = BUF_INIT((size_t)1 << 20);
	s->out_sent = 0;
	add_setup(s, o);
	return scout_flush(s);
}

/** What is given back since the last time, as one frame. */
static void add_back(struct scout *s)
{
	size_t start = frame_begin(&s->out, FRAME_GIVE_BACK);
	buf_add(&s->out, s->back.data, s->back.len);
	frame_end(&s->out, start);
	buf_reset(&s->back);
}

int scout_flush(struct scout *s)
{
	if (s->back.len)
		add_back(s);
	while (scout_has_output(s)) {
		ssize_t n = send(s->fd, s->out.data + s->out_sent, s->out.len - s->out_sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		s->out_sent += (size_t)n;
	}
	/* what all directories took is not kept */
	if (s->out.cap > OUT_KEPT)
		buf_clear(&s->out);
	buf_reset(&s->out);
	s->out_sent = 0;
	return 0;
}

void scout_stop(struct scout *s)
{
	if (s->fd < 0)
		return;
	close(take_fd(s->fd));
	child_end(s->pid, 20);
	s->former = s->pid;
	frame_reader_clear(&s->reader);
	buf_clear(&s->out);
	buf_clear(&s->back);
	s->out_sent = 0;
}

void scout_clear(struct scout *s)
{
	scout_stop(s);
	free(s->path);
	free(s->name);
	s->path = s->name = NULL;
}
