/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Links and their repair, as a whole: what is broken, and the provider, plans and hands that mend it; and
 * the orders about them.
 */
#ifndef INDEXER_PIPELINE_MEND_H
#define INDEXER_PIPELINE_MEND_H

#include "common/buf.h"
#include "common/config.h"
#include "indexer/load/writer.h"

struct mender;
struct finder;

/** Borrowed until mender_free(). */
struct mender_options {
	const struct config *config;
	const char *state_dir;
	struct writer *writer;
};

/** Starts looking at links (where roots of links are configured). */
int mender_new(const struct mender_options *options, struct mender **out);
/** Accepts NULL.  Ends the calls of the finder's net: before finder_free(). */
void mender_free(struct mender *m);
/** Starts repairs, with the finder's net, notices and dry run, which must outlive mender_end_repairs() or mender_free(). */
int mender_start_repairs(struct mender *m, struct finder *f);
void mender_end_repairs(struct mender *m);

/** What repairs wait for may be there: dry run is off. */
void mender_poke(struct mender *m);

/* --- scan jobs --- */

/** Looks at all links; 0 when there are none.  Else a number for mender_has_looked(). */
uint64_t mender_look(struct mender *m, bool full);
/** Whether that look has ended; then a sentence is added to @result.  @done, @total: links so far. */
bool mender_has_looked(struct mender *m, uint64_t look, int64_t *done, int64_t *total, struct buf *result);
void mender_cancel_look(struct mender *m);
void mender_pause_look(struct mender *m, bool paused);

/* --- orders: as in pipeline_find.h --- */

int mender_repair(struct mender *m, const char *words, bool act, struct buf *answer);
int mender_apply(struct mender *m, const char *words, bool act, struct buf *answer);
int mender_undo(struct mender *m, const char *words, bool act, struct buf *answer);
/** -ENOENT: that name holds no links; -EINVAL: another number. */
int mender_accept_loss(struct mender *m, const char *name, size_t n, int64_t count, bool act);
/** Pauses or resumes repairs; -EBUSY when they are so already. */
int mender_pause(struct mender *m, bool paused);
/** Ends the scan or plan that runs. */
int mender_cancel(struct mender *m);

#endif
