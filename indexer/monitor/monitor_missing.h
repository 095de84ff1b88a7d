/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is missing of a series: the one place that says so. */
#ifndef INDEXER_MONITOR_MONITOR_MISSING_H
#define INDEXER_MONITOR_MONITOR_MISSING_H

#include "common/store_write.h"
#include "common/volumes.h"

/** See store_gaps_fn.  Pure; any thread.  Returns 0 or -ENOMEM. */
int monitor_missing(const struct store_number *numbers, size_t n,
		    const struct store_expected *expected, struct store_gaps *out);

#endif
