/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Repairs: knows the provider's torrents (scans), plans, applies, undoes.  One thread; calls go through the provider, links are
 * changed by hands only.
 *
 *   repair.c         the thread, what is due next, orders
 *   repair_scan.c    quick, full, symlinks; retries; retention
 *   repair_plan.c    what would be done and why (status/repairs); changes nothing
 *   repair_apply.c   carries out a plan's items, evidence and mount re-checked before each
 *   repair_insert.c  one torrent back into the provider, step by step
 *   repair_undo.c    the journal, backwards
 */
#ifndef INDEXER_REPAIR_REPAIR_H
#define INDEXER_REPAIR_REPAIR_H

#include "common/buf.h"
#include "indexer/load/writer.h"
#include "indexer/net/net.h"
#include "indexer/notify/notify.h"
#include "indexer/repair/provider.h"

struct repair;
struct looker;

/** Borrowed until repair_free(). */
struct repair_options {
	const struct config *config;
	const char *state_dir;
	struct writer *writer;
	struct net *net;
	/** May be NULL. */
	struct notify *notify;
	/** Nothing outside the store is changed, and no counter, row or link, while that is true. */
	bool (*is_dry)(void *arg);
	/** Orders a look at the links: a number, 0 when there are none; and whether that look has ended.  May be NULL (tests). */
	uint64_t (*look_at_links)(void *arg);
	bool (*has_looked)(void *arg, uint64_t look);
	void *arg;
	/** NULL-ended; NULL: all of PROVIDERS. */
	const struct provider *const *providers;
};

int repair_new(const struct repair_options *options, struct repair **out);
int repair_start(struct repair *r);
/** Accepts NULL. */
void repair_free(struct repair *r);
void repair_poke(struct repair *r);
/** -EBUSY when it is so already. */
int repair_pause(struct repair *r, bool paused);
/** Ends the running scan or plan after its step. */
int repair_cancel(struct repair *r);

/** One action in the caller's thread: 1 when something was done, 0 when nothing is due before *next_at. */
int repair_step(struct repair *r, int64_t *next_at);

/*
 * Orders.  Each returns 0 or an errno with a sentence in @answer; @act false: only checks.  Any thread.
 */
/** "scan quick|full|symlinks", "plan". */
int repair_order(struct repair *r, const char *words, bool act, struct buf *answer);
/** "HASH [ITEM…]". */
int repair_apply_order(struct repair *r, const char *words, bool act, struct buf *answer);
/** "JOURNAL-ID…" or "HASH" (all of that plan). */
int repair_undo_order(struct repair *r, const char *words, bool act, struct buf *answer);

#endif
