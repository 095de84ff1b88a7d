/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/pipeline_mend.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "indexer/pipeline_find.h"
#include "indexer/repair/repair.h"
#include "indexer/symlinks/symlinks.h"

struct mender {
	struct mender_options o;
	/** NULL without roots of links. */
	struct symlinks *symlinks;
	/** Where repairs get the world from; NULL while there are none. */
	struct finder *finder;
	/** Of repair, against links_changed(); all else is one thread's at a time. */
	pthread_mutex_t lock;
	struct repair *repair;
};

/* --- what the parts tell each other --- */

static void links_changed(void *arg)
{
	struct mender *m = arg;
	LOCKED(&m->lock);
	if (m->repair)
		repair_poke(m->repair);
}

static uint64_t look_at_links(void *arg)
{
	return mender_look(arg, false);
}

static bool has_looked(void *arg, uint64_t look)
{
	struct mender *m = arg;
	struct symlinks_progress p;
	symlinks_progress(m->symlinks, look, &p);
	return p.is_done;
}

static bool is_dry(void *arg)
{
	struct mender *m = arg;
	return finder_is_dry(m->finder);
}

/* --- start and end --- */

int mender_new(const struct mender_options *options, struct mender **out)
{
	struct mender *m = calloc(1, sizeof *m);
	if (!m)
		return -ENOMEM;
	m->o = *options;
	pthread_mutex_init(&m->lock, NULL);
	struct symlinks_options links = {.config = m->o.config, .state_dir = m->o.state_dir,
					 .writer = m->o.writer, .changed = links_changed, .arg = m};
	int r = config_count(m->o.config, OPT_links) ? symlinks_new(&links, &m->symlinks) : 0;
	if (r == 0 && m->symlinks)
		r = symlinks_start(m->symlinks);
	if (r < 0) {
		mender_free(m);
		return r;
	}
	*out = m;
	return 0;
}

int mender_start_repairs(struct mender *m, struct finder *f)
{
	struct repair *repair = NULL;
	struct repair_options options = {
		.config = m->o.config, .state_dir = m->o.state_dir, .writer = m->o.writer,
		.net = finder_net(f), .notify = finder_notify(f), .is_dry = is_dry,
		.look_at_links = look_at_links, .has_looked = has_looked, .arg = m,
	};
	m->finder = f;
	int r = repair_new(&options, &repair);
	if (r == 0)
		r = repair_start(repair);
	if (r < 0)
		repair_free(take(repair));
	LOCKED(&m->lock);
	m->repair = repair;
	return r;
}

void mender_end_repairs(struct mender *m)
{
	if (!m || !m->finder)
		return;
	http_cancel(finder_net(m->finder)->http);
	struct repair *repair = NULL;
	{
		LOCKED(&m->lock);
		repair = take(m->repair);
	}
	repair_free(repair);
	m->finder = NULL;
}

void mender_free(struct mender *m)
{
	if (!m)
		return;
	/* each asks the other: nobody is poked any more, then repairs end, then the looks that they wait for */
	if (m->symlinks)
		symlinks_cancel(m->symlinks);
	mender_end_repairs(m);
	symlinks_free(m->symlinks);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

void mender_poke(struct mender *m)
{
	if (m && m->repair)
		repair_poke(m->repair);
}

/* --- scan jobs --- */

uint64_t mender_look(struct mender *m, bool full)
{
	return m && m->symlinks ? symlinks_scan(m->symlinks, full) : 0;
}

bool mender_has_looked(struct mender *m, uint64_t look, int64_t *done, int64_t *total, struct buf *result)
{
	struct symlinks_progress p;
	symlinks_progress(m->symlinks, look, &p);
	*done = p.done;
	*total = p.total;
	if (p.is_done)
		buf_adds(result, p.result);
	return p.is_done;
}

void mender_cancel_look(struct mender *m)
{
	symlinks_cancel(m->symlinks);
}

void mender_pause_look(struct mender *m, bool paused)
{
	symlinks_pause(m->symlinks, paused);
}

/* --- orders --- */

static int refuse(struct buf *answer)
{
	buf_adds(answer, "repairs could not be started: see the log");
	return EAGAIN;
}

int mender_repair(struct mender *m, const char *words, bool act, struct buf *answer)
{
	return m && m->repair ? repair_order(m->repair, words, act, answer) : refuse(answer);
}

int mender_apply(struct mender *m, const char *words, bool act, struct buf *answer)
{
	return m && m->repair ? repair_apply_order(m->repair, words, act, answer) : refuse(answer);
}

int mender_undo(struct mender *m, const char *words, bool act, struct buf *answer)
{
	return m && m->repair ? repair_undo_order(m->repair, words, act, answer) : refuse(answer);
}

int mender_accept_loss(struct mender *m, const char *name, size_t n, int64_t count, bool act)
{
	char root[256];
	if (!m || !m->symlinks || n >= sizeof root)
		return -ENOENT;
	memcpy(root, name, n);
	root[n] = '\0';
	return symlinks_accept_loss(m->symlinks, root, count, act);
}

int mender_pause(struct mender *m, bool paused)
{
	return m && m->repair ? repair_pause(m->repair, paused) : -EBUSY;
}

int mender_cancel(struct mender *m)
{
	return m && m->repair ? repair_cancel(m->repair) : -EBUSY;
}
