/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Files that end their reader.  Each is read twice at most, as long as it does not change:
 *
 *   the first time   in a batch, with the others; what is being read is in the pool's file of marks
 *   the second time  alone, after the store knows that it is the second time
 *
 * so that neither kill -9 of the indexer nor a power cut gives it a third one.  A file that is merely read at the moment
 * of a kill is read again: see pool_reading.h.  Only an order that names
 * a path ("rescan full /path") has it read once more.
 */
#include "indexer/pipeline_private.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

void poison_open(struct pipeline *p)
{
	if (p->pool.reading.is_whole)
		return;
	int r = writer_call(p->o.writer, change_new(CHANGE_END_SUSPECTS, 0), NULL);
	if (r < 0)
		log_warning("files that ended their reader are not tried again: %s", strerror(-r));
	else
		reading_made_whole(&p->pool.reading);
}

struct read_mark poison_mark(const struct pipeline *p, const struct scan_root *r, struct bytes dir, struct bytes name,
			     const struct seen *e)
{
	return (struct read_mark){
		.root = p->row[r->scout].id, .path = reading_hash(dir.data, dir.len, name.data, name.len),
		.size = e->size, .mtime = e->mtime, .tries = e->has_killed ? e->tries : 0,
	};
}

bool poison_check(struct pipeline *p, const struct scan_root *r, struct bytes dir, struct seen *e)
{
	/* it may not have come to that read: the marks know, where they are whole */
	if (e->is_pending && p->pool.reading.is_whole && e->tries > 1)
		e->tries--;
	if (reading_is_empty(&p->pool.reading))
		return e->has_killed;
	struct read_mark mark = poison_mark(p, r, dir, e->name, e);
	int tries = reading_tries(&p->pool.reading, &mark);
	if (tries && (!e->has_killed || tries > e->tries)) {
		e->has_killed = true;
		e->tries = tries;
	}
	return e->has_killed;
}

bool poison_may_read(const struct scan_root *r, const struct seen *e)
{
	return !e->has_killed || r->is_ordered || (e->tries < DIFF_TRIES && !r->scan->is_verify);
}

/** All that waits now is in the store when this returns 0. */
int poison_announce(struct pipeline *p, struct scan *s)
{
	int r = writer_flush(p->o.writer);
	for (struct batch *b = s->first; b && r == 0; b = b->next)
		b->is_announced = true;
	return r;
}

static struct read_mark mark_of(const struct pipeline *p, const struct batch *b, int i)
{
	return poison_mark(p, b->root, batch_dir(b, i), batch_name(b, i), &b->file[i].seen);
}

bool poison_must_wait(const struct pipeline *p, const struct batch *b)
{
	const struct reading *r = &p->pool.reading;
	int owner = poison_owner(p, b);
	if (!reading_has_others(r, owner))
		return false;
	for (int i = 0; i < b->count; i++) {
		struct read_mark mark = mark_of(p, b, i);
		if (!b->file[i].is_done && reading_is_given(r, owner, &mark))
			return true;
	}
	return false;
}

int poison_owner(const struct pipeline *p, const struct batch *b)
{
	return b->root->scan == &p->watch_scan;
}

void poison_sift(struct pipeline *p, struct batch *b)
{
	for (int i = 0; i < b->count && !reading_is_empty(&p->pool.reading); i++) {
		struct batch_file *f = &b->file[i];
		struct read_mark mark = mark_of(p, b, i);
		int known = f->seen.has_killed ? f->seen.tries : 0, tries = reading_tries(&p->pool.reading, &mark);
		if (f->is_done || tries <= known)
			continue;
		batch_take_out(p, b, i);
		struct seen seen = f->seen;
		seen.name = batch_name(b, i);
		seen.has_killed = true;
		seen.tries = tries;
		batch_add_alone(p, b->root, batch_dir(b, i), f->cover, &seen);
	}
}

void poison_blamed(struct pipeline *p, struct batch *b, int i)
{
	struct seen *e = &b->file[i].seen;
	struct read_mark mark = mark_of(p, b, i);
	int before = reading_tries(&p->pool.reading, &mark) - 1;
	if (before > 0 && (!e->has_killed || before > e->tries)) {
		e->has_killed = true;
		e->tries = before;
	}
}

void poison_told(struct pipeline *p, const struct batch *b, int i)
{
	struct read_mark mark = mark_of(p, b, i);
	reading_tell(&p->pool.reading, &mark);
	if (reading_is_full(&p->pool.reading) && writer_flush(p->o.writer) == 0)
		reading_forget(&p->pool.reading);
}

void poison_acquit(struct pipeline *p, const struct batch *b, int i)
{
	if (reading_is_empty(&p->pool.reading))
		return;
	struct read_mark mark = mark_of(p, b, i);
	reading_acquit(&p->pool.reading, &mark);
}

bool poison_is_kind(const char *kind)
{
	return strcmp(kind, "crashed") == 0 || strcmp(kind, "timeout") == 0 || strcmp(kind, "memory") == 0 ||
	       strcmp(kind, "suspect") == 0;
}

const char *poison_reason(const struct pipeline *p, const struct pool_loss *loss, int64_t size, char *reason, size_t n)
{
	if (loss->was_late) {
		snprintf(reason, n, "reading it took longer than %.0f s and was stopped",
			 (double)pool_deadline(&p->pool, size) / (double)NS_PER_S);
		return "timeout";
	}
	if (loss->signal == SIGSYS)
		snprintf(reason, n, "reading it made the reader do what no reader may do, and it was stopped");
	else
		snprintf(reason, n, "reading it crashed the reader (%s)",
			 loss->signal ? strsignal(loss->signal) : "it exited");
	return "crashed";
}
