/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Batches on their way to a worker: heads straight to it, files through the scout that opens them. */
#include <errno.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "indexer/pipeline_private.h"

void send_back(struct pipeline *p, const struct scan_root *root, struct seen *seen)
{
	struct scout *scout = &p->scout[root->scout];
	if (!seen->ticket)
		return;
	if (scout->fd >= 0)
		frame_u64(&scout->back, seen->ticket);
	seen->ticket = 0;
}

static void ask_scout(struct pipeline *p, const struct batch *b, int worker)
{
	struct buf *out = &p->scout[b->root->scout].out;
	size_t start = frame_begin(out, FRAME_OPEN);
	frame_u64(out, b->id);
	frame_u32(out, (uint32_t)worker);
	struct bytes dir = batch_dir(b, 0);
	frame_bytes(out, dir.data, dir.len);
	for (int i = 0; i < b->count; i++) {
		struct bytes name = batch_name(b, i);
		if (b->file[i].is_done)
			continue;
		const struct seen *e = &b->file[i].seen;
		frame_u32(out, (uint32_t)i);
		frame_u64(out, (uint64_t)e->size);
		frame_u64(out, (uint64_t)e->mtime);
		frame_u64(out, (uint64_t)e->ctime);
		frame_u64(out, (uint64_t)e->inode);
		frame_bytes(out, name.data, name.len);
	}
	frame_end(out, start);
}

/** What the worker reads: see worker.h. */
static void add_job(const struct pipeline *p, const struct batch *b, struct buf *out)
{
	const struct scout *scout = &p->scout[b->root->scout];
	frame_u64(out, b->id);
	frame_u32(out, scout->kind);
	frame_u32(out, scout->heads);
	for (int i = 0; i < b->count; i++) {
		struct bytes name = batch_name(b, i), dir = batch_dir(b, i);
		if (b->file[i].is_done)
			continue;
		frame_u32(out, (uint32_t)i);
		frame_u64(out, b->file[i].seen.ticket);
		frame_u32(out, (uint32_t)(dir.len + (dir.len != 0) + name.len));
		batch_path(b, i, out);
	}
}

static int give_heads(struct pipeline *p, const struct batch *b, int worker)
{
	_buf_ struct buf job = BUF_INIT(1 << 18);
	add_job(p, b, &job);
	if (buf_error(&job))
		return buf_error(&job);
	ssize_t n;
	do
		n = send(p->pool.job_send[worker], job.data, job.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/** What it is about to read, before it can. */
static void write_down(struct pipeline *p, const struct batch *b, int worker)
{
	struct read_mark files[BATCH_MAX];
	for (int i = 0; i < b->count; i++)
		files[i] = poison_mark(p, b->root, batch_dir(b, i), batch_name(b, i), &b->file[i].seen);
	reading_give(&p->pool.reading, worker, b->id, poison_owner(p, b), files, (size_t)b->count);
}

int send_batch(struct pipeline *p, struct batch *b, int worker)
{
	int r = 0;
	/* a new number each time: what a worker left unread is not read by its successor */
	b->id = ++p->next_batch;
	write_down(p, b, worker);
	if (b->is_given)
		r = give_heads(p, b, worker);
	else
		ask_scout(p, b, worker);
	if (r < 0) {
		reading_take(&p->pool.reading, worker, b->id);
		return r;
	}
	b->worker = worker;
	b->sent_at = mono_ns();
	p->pool.worker[worker].ahead++;
	return 0;
}

bool send_is_awaited(const struct pipeline *p, const struct scan_root *r)
{
	int runs = 0;
	for (int i = 0; i < p->pool.count; i++)
		runs += p->pool.worker[i].results >= 0;
	if (!runs && !p->pool.is_refused)
		return true;
	for (const struct batch *b = r->scan->given; b; b = b->next)
		if (b->root == r && reading_now(&p->pool.reading, b->worker))
			return true;
	return false;
}
