/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The indexer's side: sends batches of orders, and gives a process up that does not answer. */
#include "indexer/repair/hand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "indexer/child.h"
#include "indexer/frame.h"
#include "indexer/repair/hand_private.h"

enum {
	/** Of one frame: leaves room for one order more. */
	FRAME_MOST = FRAME_MAX - 4 * HAND_TEXT,
	END_MS = 20,
};

struct hand {
	char *root;
	/** -1: no process. */
	int fd;
	pid_t pid;
	/** One that did not end when it was told to; 0. */
	pid_t stuck;
	struct frame_reader reader;
	struct buf out;
};

int hand_new(const char *root, struct hand **out)
{
	if (*root != '/' || strlen(root) >= HAND_TEXT)
		return -EINVAL;
	struct hand *h = calloc(1, sizeof *h);
	if (!h)
		return -ENOMEM;
	h->fd = -1;
	h->out = BUF_INIT(FRAME_MAX);
	h->root = strdup(root);
	if (!h->root) {
		hand_free(h);
		return -ENOMEM;
	}
	*out = h;
	return 0;
}

static void stop(struct hand *h)
{
	if (h->fd < 0)
		return;
	close(take_fd(h->fd));
	if (child_end(h->pid, END_MS) == -1)
		h->stuck = h->pid;
	frame_reader_clear(&h->reader);
}

void hand_free(struct hand *h)
{
	if (!h)
		return;
	stop(h);
	buf_clear(&h->out);
	free(h->root);
	free(h);
}

static int send_root(struct hand *h)
{
	buf_reset(&h->out);
	size_t start = frame_begin(&h->out, FRAME_ROOT_OF_LINKS);
	frame_bytes(&h->out, h->root, strlen(h->root));
	frame_end(&h->out, start);
	return h->out.error ? h->out.error : frame_send(h->fd, h->out.data, h->out.len);
}

static int start(struct hand *h)
{
	const struct timeval deadline = {HAND_DEADLINE_S, 0};
	int end[2];
	if (h->fd >= 0)
		return 0;
	if (h->stuck) {
		child_reap();
		if (child_is_abandoned(h->stuck))
			return -EBUSY;
		h->stuck = 0;
	}
	int r = child_socket(SOCK_STREAM, end);
	if (r < 0)
		return r;
	struct child_fd fd = {end[1], HAND_CONTROL};
	h->pid = child_spawn("--hand", h->root, &fd, 1);
	close(end[1]);
	if (h->pid < 0) {
		close(end[0]);
		return h->pid;
	}
	h->fd = end[0];
	setsockopt(h->fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
	setsockopt(h->fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
	frame_reader_init(&h->reader, h->fd);
	r = send_root(h);
	if (r < 0)
		stop(h);
	return r;
}

static void add_order(struct buf *out, const struct hand_order *o)
{
	frame_u32(out, o->act);
	frame_bytes(out, o->path.data, o->path.len);
	frame_bytes(out, o->before.data, o->before.len);
	frame_bytes(out, o->after.data, o->after.len);
	frame_u64(out, (uint64_t)o->uid);
	frame_u64(out, (uint64_t)o->gid);
	frame_u64(out, (uint64_t)o->mtime);
	frame_u32(out, (uint32_t)o->has_facts);
}

/** The child checks the rest; these would make a frame too large. */
static bool is_too_long(const struct hand_order *o)
{
	return o->path.len >= HAND_TEXT || o->before.len >= HAND_TEXT || o->after.len >= HAND_TEXT;
}

/** The next answer; beats of a process that works renew the deadline. */
static int receive(struct hand *h, struct frame *f)
{
	for (;;) {
		int r = frame_reader_next(&h->reader, f);
		if (r < 0 || (r > 0 && f->type == FRAME_HANDED))
			return r < 0 ? r : 0;
		if (r > 0)
			continue;
		long n = frame_reader_fill(&h->reader);
		if (n <= 0)
			return n < 0 ? (int)n : -EPIPE;
	}
}

static void get_facts(struct frame *f, struct hand_facts *facts)
{
	size_t n;
	const char *target = frame_get_bytes(f, &n);
	if (n >= sizeof facts->target) {
		f->is_bad = true;
		n = 0;
	}
	memcpy(facts->target, target, n);
	facts->target[n] = '\0';
	facts->target_len = n;
	facts->uid = (int64_t)frame_get_u64(f);
	facts->gid = (int64_t)frame_get_u64(f);
	facts->mtime = (int64_t)frame_get_u64(f);
	facts->inode = (int64_t)frame_get_u64(f);
}

/** 0, -ERESTART: nothing was done, by a new process it may be; -ETIMEDOUT: nobody knows. */
static int get_answer(struct hand *h, size_t n, int *results, struct hand_facts *facts)
{
	struct frame f;
	int r = receive(h, &f);
	if (r == 0) {
		int error = (int)frame_get_u32(&f);
		if (error == -ERESTART)
			return error;
		r = frame_get_u32(&f) == n ? 0 : -EBADMSG;
		for (size_t i = 0; i < n && r == 0; i++)
			results[i] = (int)frame_get_u32(&f);
		if (r == 0 && n == 1 && results[0] == 0)
			get_facts(&f, facts);
		if (f.is_bad)
			r = -EBADMSG;
	}
	if (r == 0)
		return 0;
	log_warning("hand: the process for %s did not answer (%s): what it did is found out later", h->root,
		    strerror(-r));
	return -ETIMEDOUT;
}

/** One round trip. */
static int do_batch(struct hand *h, const struct hand_order *o, size_t n, int *results,
		    struct hand_facts *facts)
{
	int r = start(h);
	if (r < 0)
		return r;
	buf_reset(&h->out);
	size_t at = frame_begin(&h->out, FRAME_HAND);
	frame_u32(&h->out, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		add_order(&h->out, &o[i]);
	frame_end(&h->out, at);
	if (h->out.error)
		return h->out.error;
	r = frame_send(h->fd, h->out.data, h->out.len);
	r = r < 0 ? -ETIMEDOUT : get_answer(h, n, results, facts);
	if (r < 0)
		stop(h);
	return r;
}

static int do_batch_anew(struct hand *h, const struct hand_order *o, size_t n, int *results,
			 struct hand_facts *facts)
{
	int r = do_batch(h, o, n, results, facts);
	if (r == -ERESTART)
		r = do_batch(h, o, n, results, facts);
	for (size_t i = 0; i < n && r < 0; i++)
		results[i] = r;
	return r;
}

/** How many of the first @n fit into one frame; at least one. */
static size_t fitting(const struct hand_order *o, size_t n)
{
	size_t bytes = 0, i = 0;
	while (i < n && i < HAND_BATCH && bytes < FRAME_MOST && !is_too_long(&o[i])) {
		bytes += 64 + o[i].path.len + o[i].before.len + o[i].after.len;
		i++;
	}
	return i;
}

int hand_do(struct hand *h, const struct hand_order *o, struct hand_facts *facts)
{
	struct hand_facts unused;
	int result;
	if (is_too_long(o))
		return -EINVAL;
	facts = facts ? facts : &unused;
	*facts = (struct hand_facts){0};
	int r = do_batch_anew(h, o, 1, &result, facts);
	return r < 0 ? r : result;
}

int hand_do_all(struct hand *h, const struct hand_order *o, size_t n, int *results)
{
	struct hand_facts unused;
	int r = 0;
	for (size_t i = 0; i < n;) {
		size_t some = fitting(o + i, n - i);
		if (r < 0 || some == 0) {
			results[i++] = r < 0 ? -ECANCELED : -EINVAL;
			continue;
		}
		r = do_batch_anew(h, o + i, some, results + i, &unused);
		i += some;
	}
	return r;
}
