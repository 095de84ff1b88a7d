/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Batches of files on their way from a scout through a worker to the writer. */
#include "indexer/pipeline_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

enum {
	/** A worker that does not touch what it was given for so long is replaced. */
	BATCH_LOST_S = 8,
};

/* --- batches --- */

static void batch_free(struct pipeline *p, struct batch *b)
{
	for (int i = 0; i < b->count; i++)
		send_back(p, b->root, &b->file[i].seen);
	buf_clear(&b->texts);
	free(b);
}

struct batch *batch_new(struct pipeline *p, struct scan_root *root, uint64_t dir, struct bytes path)
{
	struct batch *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->id = ++p->next_batch;
	b->root = root;
	b->dir = dir;
	b->worker = -1;
	b->texts = BUF_INIT(1 << 20);
	buf_add(&b->texts, path.data, path.len);
	b->dir_len = path.len;
	return b;
}

void batch_enqueue(struct batch *b)
{
	struct scan *s = b->root->scan;
	b->next = NULL;
	*s->last = b;
	s->last = &b->next;
	b->left = b->count;
	s->waiting_files += (size_t)b->count;
	b->root->batches++;
}

struct bytes batch_name(const struct batch *b, int i)
{
	return (struct bytes){b->texts.data + b->file[i].name_at, b->file[i].seen.name.len};
}

void batch_add(struct batch *b, struct seen *e)
{
	struct batch_file *f = &b->file[b->count++];
	f->seen = *e;
	e->ticket = 0;
	f->name_at = b->texts.len;
	buf_add(&b->texts, e->name.data, e->name.len);
}

/** Where the batch hangs; *NULL when nobody has it. */
static struct batch **find_given(struct pipeline *p, uint64_t id)
{
	struct batch **at = &p->job_scan.given;
	while (*at && (*at)->id != id)
		at = &(*at)->next;
	if (*at)
		return at;
	at = &p->watch_scan.given;
	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void finish_batch(struct pipeline *p, struct batch **at)
{
	struct batch *b = *at;
	*at = b->next;
	b->root->batches--;
	if (b->worker >= 0)
		p->pool.worker[b->worker].ahead--;
	batch_free(p, b);
}

/* --- results --- */

/** Which kind of failure an errno is: a damaged file, or one that could not be looked at. */
static const char *kind_of_error(int error)
{
	if (error == -ENODATA)
		return "incomplete";
	return error == -EBADMSG ? "corrupt" : error == -ENOTSUP ? "odd" : "unreadable";
}

/** Whether the file was read and its bytes are at fault: what it held before holds no more. */
static bool is_of_content(const char *kind)
{
	return strcmp(kind, "corrupt") == 0 || strcmp(kind, "incomplete") == 0;
}

static struct change *file_change(struct pipeline *p, const struct batch *b, int i, uint64_t hash,
				  const char *reason, const char *media, size_t media_len)
{
	const struct seen *e = &b->file[i].seen;
	struct bytes name = batch_name(b, i);
	struct change *c = change_new(CHANGE_FILE, b->dir_len + name.len + strlen(reason) +
						   media_len + 4);
	if (!c)
		return NULL;
	const struct scout *scout = &p->scout[b->root->scout];
	c->root = scout->root;
	c->job = b->root->scan->job;
	c->of = scout->kind == MEDIA_TRACK ? OF_TRACK : OF_VOLUME;
	c->flag = b->cover;
	c->dir = change_copy(c, buf_str(&b->texts), b->dir_len);
	c->dir_len = b->dir_len;
	c->name = change_copy(c, name.data, name.len);
	c->name_len = name.len;
	c->error_reason = change_copy(c, reason, strlen(reason));
	c->media = (const uint8_t *)change_copy(c, media, media_len);
	c->media_len = media_len;
	c->size = e->size;
	c->mtime = e->mtime;
	c->ctime = e->ctime;
	c->inode = e->inode;
	c->btime = e->btime;
	/* what a server says of links is not relied on */
	c->links = p->row[b->root->scout].is_remote ? 0 : e->links;
	c->hash = hash;
	c->row = e->file;
	return c;
}

/** A known file that cannot be looked at keeps its row: unknown is not gone. */
static struct change *error_change(struct pipeline *p, const struct batch *b, int i,
				   const char *reason)
{
	struct bytes name = batch_name(b, i);
	_buf_ struct buf path = BUF_INIT(1 << 16);
	buf_add(&path, buf_str(&b->texts), b->dir_len);
	if (b->dir_len)
		buf_addc(&path, '/');
	buf_add(&path, name.data, name.len);
	struct change *c = change_new(CHANGE_ERROR, path.len + strlen(reason) + 2);
	if (!c)
		return NULL;
	c->root = p->scout[b->root->scout].root;
	c->job = b->root->scan->job;
	c->dir = change_copy(c, buf_str(&path), path.len);
	c->dir_len = path.len;
	c->error_reason = change_copy(c, reason, strlen(reason));
	return c;
}

static void put_failure(struct pipeline *p, struct batch *b, int i, const char *kind,
			uint64_t hash, const char *reason, const char *media, size_t media_len)
{
	const struct seen *e = &b->file[i].seen;
	/* one that could not be opened may have changed or not: it is asked for again next time */
	bool keeps = e->file && strcmp(kind, "unreadable") == 0;
	struct change *c = keeps ? error_change(p, b, i, reason)
				 : file_change(p, b, i, hash, reason, media, media_len);
	b->root->scan->errors++;
	if (b->root->scan->is_verify) {
		change_free(c);
		return;
	}
	if (!c)
		return;
	/* what killed or hung its reader is noted with its size and time, and keeps its last tags */
	c->keeps_media = !keeps && e->file && !is_of_content(kind);
	c->error_kind = kind;
	c->tries = e->tries + 1;
	writer_put(p->o.writer, c);
}

static void put_result(struct pipeline *p, struct batch *b, int i, int error, uint64_t hash,
		       const char *reason, const char *media, size_t media_len)
{
	struct batch_file *f = &b->file[i];
	if (f->is_done)
		return;
	f->is_done = true;
	b->left--;
	send_back(p, b->root, &f->seen);
	b->root->scan->extracted++;
	/* it vanished between the list and the open: the next scan will see */
	if (error == -ENOENT)
		return;
	if (b->root->scan->is_verify) {
		verify_file(p, b->root, (struct bytes){buf_str(&b->texts), b->dir_len}, batch_name(b, i),
			    &f->seen, error ? kind_of_error(error) : NULL, media, media_len);
		return;
	}
	if (error) {
		put_failure(p, b, i, kind_of_error(error), hash, reason, media, media_len);
		return;
	}
	struct change *c = file_change(p, b, i, hash, "", media, media_len);
	if (!c)
		return;
	if (f->seen.file)
		b->root->scan->changed++;
	else
		b->root->scan->added++;
	writer_put(p->o.writer, c);
}

/** The head was too little: the file itself is opened, by its path. */
static void read_itself(struct pipeline *p, struct batch *b, int i, struct batch **again)
{
	struct batch_file *f = &b->file[i];
	if (f->is_done || !b->is_given)
		return;
	f->is_done = true;
	b->left--;
	send_back(p, b->root, &f->seen);
	if (!*again)
		*again = batch_new(p, b->root, 0, (struct bytes){buf_str(&b->texts), b->dir_len});
	if (!*again)
		return;
	struct seen seen = f->seen;
	seen.name = batch_name(b, i);
	(*again)->cover = b->cover;
	batch_add(*again, &seen);
}

static void on_results(struct pipeline *p, struct frame *f)
{
	uint64_t id = frame_get_u64(f);
	uint32_t n = frame_get_u32(f);
	struct batch **at = find_given(p, id);
	struct batch *b = *at, *again = NULL;
	if (b)
		b->root->heard_at = mono_ns();
	for (uint32_t i = 0; i < n && b && !f->is_bad; i++) {
		size_t reason_len, media_len;
		uint32_t index = frame_get_u32(f);
		int error = (int)frame_get_u32(f);
		uint64_t hash = frame_get_u64(f);
		const char *reason = frame_get_bytes(f, &reason_len);
		const char *media = frame_get_bytes(f, &media_len);
		char text[256];
		snprintf(text, sizeof text, "%.*s", (int)reason_len, reason);
		if (f->is_bad || index >= (uint32_t)b->count)
			continue;
		if (error == RESULT_LACKS)
			read_itself(p, b, (int)index, &again);
		else
			put_result(p, b, (int)index, error, hash, text, media, media_len);
	}
	if (again)
		batch_enqueue(again);
	if (b && b->left == 0)
		finish_batch(p, at);
}

void batch_on_failed(struct pipeline *p, struct frame *f)
{
	struct batch **at = find_given(p, frame_get_u64(f));
	uint32_t index = frame_get_u32(f);
	int error = (int)frame_get_u32(f);
	struct batch *b = *at;
	if (!b || index >= (uint32_t)b->count)
		return;
	_buf_ struct buf reason = BUF_INIT(256);
	if (error == -ENOTSUP)
		buf_adds(&reason, "not a regular file");
	else
		buf_addf(&reason, "the file cannot be opened: %s", strerror(-error));
	put_result(p, b, (int)index, error, 0, buf_str(&reason), "", 0);
	if (b->left == 0)
		finish_batch(p, at);
}

/* --- workers --- */

void batch_answer_chunk(struct pipeline *p, const struct scan_root *root, uint64_t dir)
{
	struct scout *scout = &p->scout[root->scout];
	if (scout->fd < 0)
		return;
	size_t start = frame_begin(&scout->out, FRAME_ANSWER);
	frame_u64(&scout->out, dir);
	frame_end(&scout->out, start);
}

void batch_dispatch(struct pipeline *p, struct scan *s)
{
	int worker;
	while (s->first && (worker = pool_choose(&p->pool)) >= 0) {
		struct batch *b = s->first;
		/* a worker that takes nothing is found by others */
		if (send_batch(p, b, worker) < 0)
			return;
		s->first = b->next;
		if (!s->first)
			s->last = &s->first;
		s->waiting_files -= (size_t)b->count;
		if (b->is_last)
			batch_answer_chunk(p, b->root, b->dir);
		b->next = s->given;
		s->given = b;
	}
}

/** Gives what is left of a batch out again; by path, since its directory may be closed by now. */
static void resend(struct pipeline *p, struct batch **at)
{
	struct batch *b = *at;
	*at = b->next;
	p->pool.worker[b->worker].ahead--;
	b->dir = 0;
	b->worker = -1;
	b->is_last = false;
	struct scan *s = b->root->scan;
	b->next = s->first;
	if (!s->first)
		s->last = &b->next;
	s->first = b;
	s->waiting_files += (size_t)b->count;
}

static void blame(struct pipeline *p, struct batch *b, const struct pool_loss *loss)
{
	char reason[128];
	if (loss->index >= (uint32_t)b->count || b->file[loss->index].is_done)
		return;
	if (loss->was_late)
		snprintf(reason, sizeof reason, "reading it took longer than %lld s and was stopped",
			 (long long)(p->pool.deadline_ns / NS_PER_S));
	else
		snprintf(reason, sizeof reason, "reading it crashed the reader (%s)",
			 loss->signal ? strsignal(loss->signal) : "it exited");
	b->file[loss->index].is_done = true;
	send_back(p, b->root, &b->file[loss->index].seen);
	b->left--;
	b->root->scan->extracted++;
	put_failure(p, b, (int)loss->index, loss->was_late ? "timeout" : "crashed", 0, reason, "",
		    0);
}

/** Which of its batches a worker had taken from its socket nobody knows: all are given out again,
 * and what is then answered twice is counted once. */
static void take_back(struct pipeline *p, struct scan *s, int worker)
{
	for (struct batch **at = &s->given; *at;) {
		if ((*at)->worker != worker)
			at = &(*at)->next;
		else if ((*at)->left == 0)
			finish_batch(p, at);
		else
			resend(p, at);
	}
}

static void replace_worker(struct pipeline *p, int i)
{
	struct pool_loss loss;
	int r = pool_replace(&p->pool, i, &loss);
	atomic_store(&p->o.live->worker_restarts, p->pool.restarts);
	if (r < 0)
		log_error("no worker can be started in the place of one that ended: %s", strerror(-r));
	struct batch **at = find_given(p, loss.batch);
	/* the file is not to blame for a disk that does not answer */
	if (loss.batch && *at && loss.abandoned)
		guard_set_stuck(p, (*at)->root->scout, loss.abandoned);
	else if (loss.batch && *at && loss.was_reading)
		blame(p, *at, &loss);
	take_back(p, &p->job_scan, i);
	take_back(p, &p->watch_scan, i);
}

void batch_read_worker(struct pipeline *p, int i)
{
	struct pool_worker *w = &p->pool.worker[i];
	struct frame f;
	long n = frame_reader_fill(&w->reader);
	if (n == -EAGAIN)
		return;
	while (n > 0 && frame_reader_next(&w->reader, &f) > 0)
		if (f.type == FRAME_RESULTS)
			on_results(p, &f);
	if (n <= 0)
		replace_worker(p, i);
}

void batch_check_hung(struct pipeline *p)
{
	for (int i = 0; i < p->pool.count; i++)
		if (pool_is_hung(&p->pool.worker[i]))
			replace_worker(p, i);
}

void batch_check_lost(struct pipeline *p, const struct scan *s)
{
	int64_t limit = mono_ns() - BATCH_LOST_S * NS_PER_S;
	for (const struct batch *b = s->given; b; b = b->next) {
		struct pool_worker *w = &p->pool.worker[b->worker];
		/* it reads nothing though it has work: stopped, or it lost it between two steps */
		if (b->sent_at > limit || !w->slot || atomic_load(&w->slot->since) != 0 || w->is_late)
			continue;
		pool_kill(w);
	}
}

/** Files of a root whose scout is gone will not be opened any more. */
void batch_drop(struct pipeline *p, struct scan *s, const struct scan_root *root)
{
	for (struct batch **at = &s->first; *at;) {
		struct batch *b = *at;
		if (root && b->root != root) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		s->waiting_files -= (size_t)b->count;
		b->root->batches--;
		batch_free(p, b);
	}
	s->last = &s->first;
	while (*s->last)
		s->last = &(*s->last)->next;
	for (struct batch **at = &s->given; *at;) {
		if (root && (*at)->root != root)
			at = &(*at)->next;
		else
			finish_batch(p, at);
	}
}
