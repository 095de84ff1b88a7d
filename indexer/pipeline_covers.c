/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Whose cover is made next: series by series, when volumes changed since all were looked at.  Each is asked for as the index
 * knows the file; what was another one by then is looked at again first.
 */
#include "indexer/pipeline_covers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/path.h"
#include "common/store_cover.h"
#include "indexer/load/covers.h"
#include "indexer/pipeline_integrity.h"

enum {
	/** What failed for a reason that may pass is tried again after this time; so is what lies in a root that is away. */
	AGAIN_S = 3600,
	AWAY_S = 60,
	/** Numbers of series that one question looks at; series that are passed by in one go. */
	RANGE = 1000,
	AT_ONCE = 50,
};

/* --- which --- */

static uint64_t version_of_volumes(struct pipeline *p)
{
	uint64_t version[TOPIC_COUNT], generation;
	int64_t at[TOPIC_COUNT];
	return store_topics(p->store, version, at, &generation) < 0 ? 0 : version[TOPIC_manga];
}

/** Whether all series are to be looked at (again), or some of them still. */
static bool is_wanted(struct pipeline *p)
{
	struct coverer *c = &p->coverer;
	struct store_cover_counts counts;
	if (c->cursor)
		return true;
	uint64_t version = version_of_volumes(p);
	if (!version || (version == c->version && mono_ns() < c->again_at))
		return false;
	if (store_cover_last(p->store, &c->last) < 0 || store_cover_counts(p->store, &counts) < 0)
		return false;
	c->version = version;
	c->again_at = mono_ns() + AGAIN_S * NS_PER_S;
	c->room = config_int(p->o.config, OPT_covers_keep) - counts.kept;
	return true;
}

static void put(struct pipeline *p, struct store_put_cover *cover)
{
	struct coverer *c = &p->coverer;
	/* what fails for now leaves the picture that is there */
	bool is_kept = cover->jpeg || (cover->is_again && c->is_kept);
	c->room += c->is_kept - is_kept;
	c->is_kept = is_kept;
	if (covers_put(p->o.writer, cover) < 0)
		log_debug("a cover was not kept");
}

void covers_let_go(struct pipeline *p)
{
	p->coverer.again_at = mono_ns() + AWAY_S * NS_PER_S;
}

/** The series that a question found. */
struct found {
	struct pipeline *p;
	int64_t series;
	bool is_begun;
};

static int take_found(void *arg, const struct store_cover_due *due)
{
	struct found *f = arg;
	const struct store_check check = {
		.file = due->file, .root = due->root, .dir = due->dir, .name = due->name, .size = due->size,
		.mtime = due->mtime, .ctime = due->ctime, .inode = due->inode, .tries = due->tries,
	};
	f->series = due->series;
	f->p->coverer.is_kept = due->is_kept;
	if (!due->file) {
		put(f->p, &(struct store_put_cover){.series = due->series, .reason = "none of its files can be read"});
		return 0;
	}
	f->is_begun = integrity_begin_cover(f->p, &check, due->series) > 0;
	if (!f->is_begun)
		covers_let_go(f->p);
	return 0;
}

static bool begin_next(struct pipeline *p)
{
	struct coverer *c = &p->coverer;
	struct found f = {.p = p};
	int64_t again = now_ns() - AGAIN_S * NS_PER_S;
	for (int i = 0; i < AT_ONCE && !f.is_begun; i++) {
		int64_t last = c->cursor + RANGE;
		int r = store_cover_due(p->store, c->cursor, last, again, c->room > 0, take_found, &f);
		c->cursor = r == 0 ? f.series : last;
		if ((r < 0 && r != -ENOENT) || c->cursor >= c->last) {
			c->cursor = 0;
			break;
		}
	}
	return f.is_begun;
}

bool covers_begin(struct pipeline *p)
{
	struct coverer *c = &p->coverer;
	int64_t now = mono_ns();
	if (!config_int(p->o.config, OPT_covers_keep) || now < c->next_at || p->pool.is_refused)
		return false;
	c->next_at = now + INT64_C(60) * NS_PER_S / config_int(p->o.config, OPT_covers_rate);
	return is_wanted(p) && begin_next(p);
}

int covers_timeout(const struct pipeline *p, int most_ms)
{
	const struct coverer *c = &p->coverer;
	/* else it is a result or a scan's end that is waited for, or the store that is looked at now and then */
	if (!c->cursor || p->checker.id || p->job.id || p->watch_scan.id)
		return most_ms;
	int64_t ms = (c->next_at - mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
	return ms < 1 ? 1 : ms < most_ms ? (int)ms : most_ms;
}

/* --- what came of it --- */

/** Of the file at hand, without a picture. */
static struct store_put_cover at_hand(const struct pipeline *p)
{
	const struct checker *c = &p->checker;
	return (struct store_put_cover){
		.series = c->series, .file = c->check.file, .size = c->check.size, .mtime = c->check.mtime,
		.ctime = c->check.ctime, .inode = c->check.inode, .reason = "",
	};
}

/** What a person can do about it is in the file, the rest may pass. */
static bool may_pass(int error)
{
	return error != 0 && error != -EBADMSG;
}

/** What ends a reader, or would, is no passing state of a disk: it is tried COVER_TRIES times. */
static void count_try(struct pipeline *p, struct store_put_cover *cover)
{
	cover->tries = p->checker.check.tries + 1;
	cover->is_again = cover->tries < COVER_TRIES;
}

void covers_on_made(struct pipeline *p, struct frame *f)
{
	struct store_put_cover cover = at_hand(p);
	size_t n;
	int error = (int)frame_get_u32(f);
	int64_t size = (int64_t)frame_get_u64(f), mtime = (int64_t)frame_get_u64(f);
	int64_t ctime = (int64_t)frame_get_u64(f), inode = (int64_t)frame_get_u64(f);
	const char *reason = frame_get_bytes(f, &n);
	_buf_ struct buf text = BUF_INIT(1 << 12);
	buf_add(&text, reason, n);
	const char *jpeg = frame_get_bytes(f, &n);
	if (f->is_bad || n > COVER_BYTES)
		return;
	if (!integrity_is_same(p, size, mtime, ctime, inode)) {
		integrity_look_again(p);
		return;
	}
	cover.is_again = may_pass(error);
	if (error == -ENOMEM) {
		count_try(p, &cover);
		buf_adds(&text, text.len ? "" : "making its cover takes too much memory");
	}
	cover.reason = buf_str(&text);
	cover.jpeg = error == 0 && n ? jpeg : NULL;
	cover.n = n;
	if (error < 0)
		log_debug("series %lld has no cover: %s", (long long)cover.series,
			  text.len ? cover.reason : strerror(-error));
	put(p, &cover);
}

void covers_on_failed(struct pipeline *p, int error)
{
	struct store_put_cover cover = at_hand(p);
	char reason[128];
	if (error == -ENOENT || error == -ENOTDIR) {
		integrity_look_again(p);
		return;
	}
	snprintf(reason, sizeof reason, "it cannot be opened: %s", strerror(-error));
	cover.reason = reason;
	cover.is_again = error != -ENOTSUP;
	put(p, &cover);
}

void covers_on_loss(struct pipeline *p, const struct pool_loss *loss)
{
	struct store_put_cover cover = at_hand(p);
	if (loss->abandoned || !loss->was_reading) {
		covers_let_go(p);
		return;
	}
	count_try(p, &cover);
	cover.reason = loss->was_late ? "making its cover takes too long" : "making its cover crashes the reader";
	put(p, &cover);
}

int covers_open(struct pipeline *p)
{
	struct store_cover_counts counts;
	int64_t most = config_int(p->o.config, OPT_covers_keep);
	int r = store_cover_counts(p->store, &counts);
	return r == 0 && counts.kept > most ? covers_trim(p->o.writer, most) : r;
}
