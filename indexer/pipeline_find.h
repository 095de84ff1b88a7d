/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Finding what is missing, as a whole: the network and its budgets, searching, requests, notices;
 * and the orders about them.
 */
#ifndef INDEXER_PIPELINE_FIND_H
#define INDEXER_PIPELINE_FIND_H

#include "common/buf.h"
#include "common/config.h"
#include "indexer/load/writer.h"

struct finder;
struct net;
struct notify;

/** Borrowed until finder_free(). */
struct finder_options {
	const struct config *config;
	const char *state_dir;
	struct writer *writer;
	const struct live_page *live;
};

/** Starts it; a part that is configured wrongly is left out with a word in the log. */
int finder_new(const struct finder_options *options, struct finder **out);
/** Accepts NULL. */
void finder_free(struct finder *f);
/** Something was committed: look whether anything is due. */
void finder_poke(struct finder *f);

/** For whoever else asks the world: they live as long as the finder. */
struct net *finder_net(struct finder *f);
struct notify *finder_notify(struct finder *f);
/** Any thread. */
bool finder_is_dry(const struct finder *f);

/** Pauses or resumes searching; -EBUSY when it is so already. */
int finder_pause(struct finder *f, bool paused);
/** Ends the calls that run and forgets the searches that were ordered. */
int finder_cancel(struct finder *f);

/*
 * Orders.  Each returns 0 or an errno with a sentence in @answer; @act false: only checks.  One
 * thread at a time.
 */
int finder_search(struct finder *f, const char *words, bool act, struct buf *answer);
int finder_grab(struct finder *f, const char *words, bool act, struct buf *answer);
int finder_monitor(struct finder *f, const char *words, bool act, struct buf *answer);
int finder_refresh(struct finder *f, const char *words, bool act, struct buf *answer);
int finder_dry_run(struct finder *f, const char *words, bool act, struct buf *answer);

#endif
