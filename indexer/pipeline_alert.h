/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Alerts among the other parts: with the finder's notices and budgets. */
#ifndef INDEXER_PIPELINE_ALERT_H
#define INDEXER_PIPELINE_ALERT_H

#include "indexer/pipeline_find.h"

struct alerts;

/** Starts them; @finder NULL: nobody is told.  It must outlive watcher_free().  NULL, with a word in the log, when they
 * cannot be started. */
struct alerts *watcher_new(const struct finder_options *options, struct finder *finder);
/** Accepts NULL. */
void watcher_free(struct alerts *a);

#endif
