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
	/** Workers that may end with a batch before it is divided. */
	BATCH_DEATHS = 2,
	/** Batches that may wait for what is being read elsewhere before the others wait too. */
	LOOK_AHEAD = 16,
};

/* --- batches --- */

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
	if (b->worker >= 0) {
		p->pool.worker[b->worker].ahead--;
		reading_take(&p->pool.reading, b->worker, b->id);
	}
	batch_free(p, b);
}

/* --- results --- */

/** Which kind of failure an errno is: a damaged file, or one that could not be looked at. */
static const char *kind_of_error(int error)
{
	if (error == -ENODATA)
		return "incomplete";
	if (error == -ENOMEM)
		return "memory";
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
	struct bytes name = batch_name(b, i), dir = batch_dir(b, i);
	struct change *c = change_new(CHANGE_FILE, dir.len + name.len + strlen(reason) + media_len + 4);
	if (!c)
		return NULL;
	const struct scout *scout = &p->scout[b->root->scout];
	c->root = scout->root;
	c->job = b->root->scan->job;
	c->of = scout->kind == MEDIA_TRACK ? OF_TRACK : OF_VOLUME;
	c->flag = b->file[i].cover;
	c->dir = change_copy(c, dir.data, dir.len);
	c->dir_len = dir.len;
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
static struct change *error_change(struct pipeline *p, const struct batch *b, int i, const char *reason)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	batch_path(b, i, &path);
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

/** @tries: of this very file, with this one. */
static void put_error(struct pipeline *p, struct batch *b, int i, const char *kind, int tries, uint64_t hash,
		      const char *reason, const char *media, size_t media_len)
{
	const struct seen *e = &b->file[i].seen;
	/* one that could not be opened may have changed or not: it is asked for again next time */
	bool keeps = e->file && strcmp(kind, "unreadable") == 0;
	struct change *c = keeps ? error_change(p, b, i, reason)
				 : file_change(p, b, i, hash, reason, media, media_len);
	if (!c)
		return;
	/* what killed or hung its reader is noted with its size and time, and keeps its last tags */
	c->keeps_media = !keeps && e->file && !is_of_content(kind);
	c->error_kind = kind;
	c->tries = tries;
	writer_put(p->o.writer, c);
}

static void put_failure(struct pipeline *p, struct batch *b, int i, const char *kind,
			uint64_t hash, const char *reason, const char *media, size_t media_len)
{
	const struct seen *e = &b->file[i].seen;
	int before = poison_is_kind(kind) && !e->has_killed ? 0 : e->tries;
	b->root->scan->errors++;
	if (!b->root->scan->is_verify)
		put_error(p, b, i, kind, before + 1, hash, reason, media, media_len);
}

static void put_result(struct pipeline *p, struct batch *b, int i, int error, uint64_t hash,
		       const char *reason, const char *media, size_t media_len)
{
	struct batch_file *f = &b->file[i];
	if (f->is_done)
		return;
	batch_take_out(p, b, i);
	b->root->scan->extracted++;
	/* it vanished between the list and the open: the next scan will see */
	if (error == -ENOENT)
		return;
	if (b->root->scan->is_verify) {
		verify_file(p, b->root, batch_dir(b, i), batch_name(b, i),
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
	batch_take_out(p, b, i);
	/* those of a directory are opened together */
	int n = *again ? (*again)->count : 0;
	if (n == OPENS_MAX || (n && !batch_is_in(*again, batch_dir(b, i)))) {
		batch_enqueue(*again);
		*again = NULL;
	}
	if (!*again)
		*again = batch_new(b->root);
	if (*again)
		batch_copy(*again, b, i);
}

static void on_results(struct pipeline *p, int worker, struct frame *f)
{
	uint64_t id = frame_get_u64(f);
	uint32_t n = frame_get_u32(f);
	struct batch **at = find_given(p, id);
	/* it speaks of what it was given */
	struct batch *b = *at && (*at)->worker == worker ? *at : NULL, *again = NULL;
	/* of what nobody waits for it may not be done with yet: that stays written down until it is at another */
	if (b)
		b->root->heard_at = mono_ns();
	pool_count(&p->pool, worker, n);
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
			break;
		if (error != -ENOMEM)
			poison_acquit(p, b, (int)index);
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

/** No file is at its path, or another, or what leads there is a link now. */
static bool is_gone(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -FAILED_OTHER;
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
	put_result(p, b, (int)index, is_gone(error) ? -ENOENT : error, 0, buf_str(&reason), "", 0);
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

/** Takes a batch out of the row of those that wait. */
static void unhook(struct scan *s, struct batch **at)
{
	struct batch *b = *at;
	*at = b->next;
	if (!*at)
		s->last = at;
	s->waiting_files -= (size_t)b->count;
	if (b->root->filling == b)
		b->root->filling = NULL;
}

/** It will not be read: nothing is known of what is left of it that was not before. */
static void give_up(struct pipeline *p, struct batch *b)
{
	if (b->answers)
		batch_answer_chunk(p, b->root, b->answers);
	b->root->batches--;
	batch_free(p, b);
}

static void refuse(struct pipeline *p, struct scan *s)
{
	struct batch *b = s->first;
	s->refused += (uint64_t)b->left;
	unhook(s, &s->first);
	give_up(p, b);
}

/** The one that waits longest, of those that may be read now; NULL when there is none. */
static struct batch **find_ready(struct pipeline *p, struct scan *s)
{
	struct batch **at = &s->first;
	for (int i = 0; *at && i < LOOK_AHEAD; i++, at = &(*at)->next)
		if (!poison_must_wait(p, *at))
			return at;
	return NULL;
}

/** Gives one to a worker; false when it is to be tried later. */
static bool dispatch(struct pipeline *p, struct scan *s, struct batch **at, int worker)
{
	struct batch *b = *at;
	poison_sift(p, b);
	bool is_unknown = b->left && b->is_alone && !b->is_announced && poison_announce(p, s) < 0;
	/* a worker that takes nothing is found by others */
	if (b->left && !is_unknown && send_batch(p, b, worker) < 0)
		return false;
	unhook(s, at);
	if (!b->left || is_unknown) {
		give_up(p, b);
		return true;
	}
	if (b->answers)
		batch_answer_chunk(p, b->root, b->answers);
	b->next = s->given;
	s->given = b;
	return true;
}

void batch_dispatch(struct pipeline *p, struct scan *s)
{
	int worker;
	struct batch **at;
	while (s->first && p->pool.is_refused)
		refuse(p, s);
	while (s->first && (worker = pool_choose(&p->pool)) >= 0 && (at = find_ready(p, s)))
		if (!dispatch(p, s, at, worker))
			return;
}

/** Nobody reads it any more; the indexer may have ended before the store knew why. */
static void refuse_file(struct pipeline *p, struct batch *b)
{
	int tries = b->file[0].seen.tries;
	b->root->scan->errors++;
	if (tries < DIFF_TRIES || b->root->scan->is_verify)
		return;
	put_error(p, b, 0, "crashed", tries, 0, "reading it ended the reader, or the indexer, twice", "", 0);
	poison_told(p, b, 0);
}

void batch_add_alone(struct pipeline *p, struct scan_root *root, struct bytes dir, bool cover, struct seen *e)
{
	static const char reason[] = "reading it ended the reader; it is read for the last time";
	struct batch *b = batch_new(root);
	if (!b)
		return;
	b->is_alone = true;
	if (!batch_add(b, dir, cover, e)) {
		batch_free(p, b);
		return;
	}
	if (!poison_may_read(root, e)) {
		refuse_file(p, b);
		batch_free(p, b);
		return;
	}
	put_error(p, b, 0, "suspect", e->tries + 1, 0, reason, "", 0);
	batch_enqueue(b);
}

/* --- workers that end --- */

/** Puts a batch in front of those that wait. */
static void put_back(struct batch *b)
{
	struct scan *s = b->root->scan;
	b->answers = 0;
	b->worker = -1;
	b->next = s->first;
	if (!s->first)
		s->last = &b->next;
	s->first = b;
	s->waiting_files += (size_t)b->count;
}

/** Each file of a batch that ends its readers in a batch of its own: then it is known which one does. */
static void split(struct pipeline *p, struct batch *b)
{
	for (int i = 0; i < b->count; i++) {
		struct batch *one = b->file[i].is_done || b->left == 1
					    ? NULL
					    : batch_new(b->root);
		if (!one)
			continue;
		if (!batch_copy(one, b, i)) {
			batch_free(p, one);
			continue;
		}
		one->is_given = b->is_given;
		b->file[i].seen.ticket = 0;
		one->left = 1;
		one->deaths = b->deaths;
		one->is_announced = true;
		b->file[i].is_done = true;
		b->left--;
		b->root->batches++;
		put_back(one);
	}
}

/** Gives what is left of a batch out again. */
static void resend(struct pipeline *p, struct batch **at)
{
	struct batch *b = *at;
	*at = b->next;
	p->pool.worker[b->worker].ahead--;
	reading_take(&p->pool.reading, b->worker, b->id);
	if (b->deaths >= BATCH_DEATHS && b->left > 1)
		split(p, b);
	put_back(b);
}

static void blame(struct pipeline *p, struct batch *b, int i, const struct pool_loss *loss)
{
	char reason[160];
	if (i >= b->count || b->file[i].is_done)
		return;
	_buf_ struct buf path = BUF_INIT(1 << 16);
	batch_path(b, i, &path);
	const char *kind = poison_reason(p, loss, b->file[i].seen.size, reason, sizeof reason);
	log_warning("%s: %s", buf_str(&path), reason);
	batch_take_out(p, b, i);
	b->root->scan->extracted++;
	poison_blamed(p, b, i);
	put_failure(p, b, i, kind, 0, reason, "", 0);
	if (!b->root->scan->is_verify)
		poison_told(p, b, i);
}

/** It did not say which file it read: a batch that often comes to that is divided, and a single file is to blame. */
static void suspect(struct pipeline *p, struct batch *b, const struct pool_loss *loss)
{
	int i = 0;
	while (i < b->count && b->file[i].is_done)
		i++;
	b->deaths++;
	if (b->left == 1 && b->deaths > 2 * BATCH_DEATHS)
		blame(p, b, i, loss);
}

/** Which of its batches a worker had taken from its socket nobody knows: all are given out again,
 * and its successor passes over what lies in the socket. */
static void take_back(struct pipeline *p, struct scan *s, int worker, const struct pool_loss *loss)
{
	for (struct batch **at = &s->given; *at;) {
		if ((*at)->worker == worker && !loss->was_reading && !loss->was_late && !loss->is_stillborn)
			suspect(p, *at, loss);
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
	int r = pool_replace(&p->pool, i, p->next_batch + 1, &loss);
	atomic_store(&p->o.live->worker_restarts, p->pool.restarts);
	if (r < 0)
		log_error("no worker can be started in the place of one that ended: %s", strerror(-r));
	if (loss.has_left && r == 0)
		return;
	struct batch **at = find_given(p, loss.batch);
	bool is_its_own = loss.was_reading && *at && (*at)->worker == i;
	/* the file is not to blame for a disk that does not answer */
	if (is_its_own && loss.abandoned)
		guard_set_stuck(p, (*at)->root->scout, loss.abandoned);
	else if (is_its_own)
		blame(p, *at, (int)loss.index, &loss);
	/* of scans that were given up: marks are all that is known of them */
	reading_take_dropped(&p->pool.reading, i);
	take_back(p, &p->job_scan, i, &loss);
	take_back(p, &p->watch_scan, i, &loss);
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
			on_results(p, i, &f);
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
	int64_t limit = mono_ns() - POOL_STALLED_S * NS_PER_S;
	for (const struct batch *b = s->given; b; b = b->next) {
		struct pool_worker *w = &p->pool.worker[b->worker];
		/* it reads nothing though it has work: stopped, or it lost it between two steps */
		if (b->sent_at > limit || w->heard_at > limit || w->results < 0 || atomic_load(&w->slot->since) != 0 || w->is_late)
			continue;
		w->is_idle = true;
		pool_kill(w);
	}
}

/** Nobody waits for a batch any more; but what its worker is at stays written down, to be blamed if it ends it. */
static void drop_given(struct pipeline *p, struct batch **at)
{
	struct batch *b = *at;
	reading_drop(&p->pool.reading, b->worker, b->id);
	if (--p->pool.worker[b->worker].ahead == 0)
		pool_pass_over(&p->pool, b->worker, p->next_batch + 1);
	b->worker = -1;
	finish_batch(p, at);
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
		unhook(s, at);
		b->root->batches--;
		batch_free(p, b);
	}
	for (struct batch **at = &s->given; *at;) {
		if (root && (*at)->root != root)
			at = &(*at)->next;
		else
			drop_given(p, at);
	}
}
