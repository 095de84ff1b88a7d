/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The indexer's side: the process and one question at a time.  Both directions are polled, and the process only
 * ever waits for us to read: so neither side waits for the other to make room.
 */
#include "indexer/symlinks/looker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "indexer/child.h"
#include "indexer/symlinks/looker_private.h"

enum {
	END_WAIT_MS = 50,
	OUT_MOST = 512 << 20,
};

/* --- the process --- */

static void stop(struct looker *l)
{
	if (l->fd < 0)
		return;
	close(take_fd(l->fd));
	if (child_end(l->pid, END_WAIT_MS) == -1) {
		log_warning("a process that looks at links does not end: what it asks does not answer");
		l->stuck = l->pid;
	}
	frame_reader_clear(&l->reader);
	buf_clear(&l->out);
	l->out_sent = 0;
}

static int start(struct looker *l)
{
	int end[2];
	int r = child_socket(SOCK_STREAM, end);
	if (r < 0)
		return r;
	const struct child_fd fds[] = {{end[1], LOOKER_CONTROL}};
	l->pid = child_spawn("--looker", "links", fds, COUNT_OF(fds));
	close(end[1]);
	if (l->pid < 0) {
		close(end[0]);
		return l->pid;
	}
	l->fd = end[0];
	fcntl(l->fd, F_SETFL, O_NONBLOCK);
	frame_reader_init(&l->reader, l->fd);
	size_t at = frame_begin(&l->out, FRAME_LOOK_SETUP);
	frame_u32(&l->out, (uint32_t)l->threads);
	frame_end(&l->out, at);
	return buf_error(&l->out);
}

/** One that ended while nobody asked it anything (killed by a person, or for memory) is replaced. */
static bool has_ended(const struct looker *l)
{
	char c;
	return recv(l->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static int prepare(struct looker *l)
{
	if (l->stuck) {
		child_reap();
		if (child_is_abandoned(l->stuck))
			return -ETIMEDOUT;
		l->stuck = 0;
	}
	if (l->fd >= 0 && has_ended(l)) {
		stop(l);
		if (l->stuck)
			return -ETIMEDOUT;
	}
	return l->fd < 0 ? start(l) : 0;
}

/* --- a question --- */

static int send_some(struct looker *l)
{
	while (looker_waiting(l)) {
		ssize_t n = send(l->fd, l->out.data + l->out_sent, looker_waiting(l), MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		l->out_sent += (size_t)n;
	}
	buf_reset(&l->out);
	l->out_sent = 0;
	return 0;
}

/** It sends beats while it works; one that names a stall is past its deadline. */
static int on_frame(const struct look *look, struct frame *f)
{
	if (f->type != FRAME_BEAT)
		return look->frame(look->arg, f);
	frame_get_u64(f);
	return frame_get_u32(f) ? -ETIMEDOUT : 0;
}

/** 1 when that was all, 0 when there is more to come, -EAGAIN when nothing is there yet. */
static int receive(struct looker *l, const struct look *look)
{
	struct frame f;
	long n = frame_reader_fill(&l->reader);
	if (n <= 0)
		return n ? (int)n : -ECONNRESET;
	int r = 0;
	while (r == 0) {
		r = frame_reader_next(&l->reader, &f);
		if (r <= 0)
			return r;
		r = on_frame(look, &f);
	}
	return r;
}

static bool was_canceled(struct looker *l)
{
	LOCKED(&l->lock);
	return l->is_canceled;
}

/** Fills and sends until the socket takes no more or there is nothing to add. */
static int push(struct looker *l, const struct look *look)
{
	enum { FEW = 64 * 1024 };
	for (;;) {
		size_t before = looker_waiting(l);
		int r = before < FEW ? look->fill(look->arg, l) : 0;
		bool has_added = looker_waiting(l) > before;
		r = r ? r : buf_error(&l->out);
		r = r ? r : send_some(l);
		if (r || looker_waiting(l) || !has_added)
			return r;
	}
}

static int run(struct looker *l, const struct look *look)
{
	struct pollfd fds[] = {{.fd = l->fd}, {.fd = l->wake, .events = POLLIN}};
	for (int64_t heard = mono_ns();;) {
		int r = push(l, look);
		if (r)
			return r;
		fds[0].events = looker_waiting(l) ? POLLIN | POLLOUT : POLLIN;
		int n = poll(fds, COUNT_OF(fds), LOOKER_BEAT_MS);
		if (was_canceled(l))
			return -ECANCELED;
		if (n > 0 && fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
			r = receive(l, look);
			if (r && r != -EAGAIN)
				return r;
			/* after the callbacks, which may have taken their time */
			heard = mono_ns();
		} else if (mono_ns() - heard > LOOKER_SILENCE_MS * NS_PER_MS) {
			return -ETIMEDOUT;
		}
	}
}

static void set_asking(struct looker *l, bool is_asking)
{
	uint64_t count;
	LOCKED(&l->lock);
	l->is_asking = is_asking;
	l->is_canceled = false;
	if (read(l->wake, &count, sizeof count) < 0 && errno != EAGAIN)
		log_debug("eventfd: %s", strerror(errno));
}

int looker_ask(struct looker *l, const struct look *look)
{
	set_asking(l, true);
	int r = prepare(l);
	bool is_asked = r == 0;
	r = is_asked ? run(l, look) : r;
	if (is_asked && r < 0)
		stop(l);
	set_asking(l, false);
	return r < 0 ? r : 0;
}

void looker_cancel(struct looker *l)
{
	const uint64_t one = 1;
	LOCKED(&l->lock);
	if (!l->is_asking)
		return;
	l->is_canceled = true;
	if (write(l->wake, &one, sizeof one) < 0)
		log_debug("eventfd: %s", strerror(errno));
}

/* --- */

int looker_new(int threads, struct looker **out)
{
	struct looker *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->threads = threads < 1 ? 1 : threads > LOOKER_THREADS ? LOOKER_THREADS : threads;
	l->fd = -1;
	l->out = BUF_INIT(OUT_MOST);
	pthread_mutex_init(&l->lock, NULL);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake < 0) {
		int r = -errno;
		looker_free(l);
		return r;
	}
	*out = l;
	return 0;
}

void looker_free(struct looker *l)
{
	if (!l)
		return;
	stop(l);
	if (l->wake >= 0)
		close(l->wake);
	buf_clear(&l->out);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* --- the mount, and one path --- */

struct mount_question {
	const char *path;
	const char *const *anchors;
	size_t n;
	bool is_asked;
	struct mount_facts *facts;
};

static int on_mount(void *arg, struct frame *f)
{
	struct mount_question *q = arg;
	struct mount_facts *facts = q->facts;
	size_t n;
	if (f->type != FRAME_LOOKED_MOUNT)
		return -EBADMSG;
	facts->error = (int)frame_get_u32(f);
	facts->device = frame_get_u64(f);
	facts->mount_id = frame_get_u64(f);
	const char *type = frame_get_bytes(f, &n);
	n = n < sizeof facts->fstype ? n : sizeof facts->fstype - 1;
	memcpy(facts->fstype, type, n);
	facts->fstype[n] = '\0';
	facts->entries = (int)frame_get_u32(f);
	facts->has_dir = frame_get_u32(f) != 0;
	facts->answered = (int)frame_get_u32(f);
	facts->failed = (int)frame_get_u32(f);
	return f->is_bad ? -EBADMSG : 1;
}

static int fill_mount(void *arg, struct looker *l)
{
	struct mount_question *q = arg;
	if (q->is_asked)
		return 0;
	q->is_asked = true;
	size_t start = frame_begin(&l->out, FRAME_LOOK_MOUNT);
	frame_bytes(&l->out, q->path, strlen(q->path));
	frame_u32(&l->out, (uint32_t)q->n);
	for (size_t i = 0; i < q->n; i++)
		frame_bytes(&l->out, q->anchors[i], strlen(q->anchors[i]));
	frame_end(&l->out, start);
	return l->out.len - start > FRAME_MAX ? -E2BIG : 0;
}

int looker_mount(struct looker *l, const char *path, const char *const *anchors, size_t n,
		 struct mount_facts *facts)
{
	struct mount_question q = {path, anchors, n, false, facts};
	*facts = (struct mount_facts){.anchors = (int)n};
	return looker_ask(l, &(struct look){fill_mount, on_mount, &q});
}

struct stat_question {
	const char *path;
	bool is_asked;
	int error;
	int64_t size;
};

static int fill_stat(void *arg, struct looker *l)
{
	struct stat_question *q = arg;
	if (q->is_asked)
		return 0;
	q->is_asked = true;
	size_t start = frame_begin(&l->out, FRAME_LOOK_STAT);
	frame_bytes(&l->out, q->path, strlen(q->path));
	frame_end(&l->out, start);
	return l->out.len - start > FRAME_MAX ? -E2BIG : 0;
}

static int on_stat(void *arg, struct frame *f)
{
	struct stat_question *q = arg;
	if (f->type != FRAME_LOOKED_STAT)
		return -EBADMSG;
	q->error = (int)frame_get_u32(f);
	q->size = (int64_t)frame_get_u64(f);
	return f->is_bad ? -EBADMSG : 1;
}

int looker_stat(struct looker *l, const char *path, int64_t *size)
{
	struct stat_question q = {.path = path, .size = -1};
	*size = -1;
	int r = looker_ask(l, &(struct look){fill_stat, on_stat, &q});
	if (r < 0)
		return r;
	*size = q.error ? -1 : q.size;
	return q.error;
}
