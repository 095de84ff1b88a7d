/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Alerts: a thread that looks at the conditions of common/alerts.h every half minute, keeps in the store which fire,
 * and tells people once when one fires and once when it is over.  It waits for nobody, and nobody for it.
 *
 *   facts.c   what is so now
 *   engine.c  since when, and whether that is long enough
 *   summary.c what changed in a day
 *   chapters_done.c  what scrapers fetched, when they are done
 */
#ifndef INDEXER_ALERT_ALERT_H
#define INDEXER_ALERT_ALERT_H

#include "common/config.h"
#include "common/live.h"
#include "indexer/load/writer.h"
#include "indexer/net/limit.h"
#include "indexer/notify/notify.h"

struct alerts;

/** Borrowed until alerts_free(). */
struct alerts_options {
	const struct config *config;
	const char *state_dir;
	struct writer *writer;
	const struct live_page *live;
	/** May be NULL: nobody is told; no services are asked about. */
	struct notify *notify;
	struct limit *limit;
	/** Nanoseconds since 1970; NULL: now_ns(). */
	int64_t (*now)(void *arg);
	void *arg;
};

/** Takes up what the store says fires. */
int alerts_new(const struct alerts_options *options, struct alerts **out);
/** Starts the thread. */
int alerts_start(struct alerts *a);
/** Accepts NULL. */
void alerts_free(struct alerts *a);
/** One look, in the caller's thread. */
void alerts_look(struct alerts *a);

#endif
