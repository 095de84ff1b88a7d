/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Orders: checked word by word, made durable, then carried out. */
#ifndef INDEXER_ORDER_H
#define INDEXER_ORDER_H

#include "common/buf.h"
#include "common/config.h"
#include "indexer/load/writer.h"
#include "indexer/pipeline.h"
#include "indexer/pipeline_find.h"
#include "indexer/pipeline_mend.h"

struct orders {
	struct writer *writer;
	struct pipeline *pipeline;
	struct finder *finder;
	struct mender *mender;
	/** Asks the main thread to end, or to read the configuration again (0 or -errno, @why). */
	void (*quit)(void *arg);
	int (*reload)(void *arg, struct buf *why);
	void *arg;
};

/**
 * Handles the lines of one write to control/@file: all are checked before any is accepted.
 * Returns 0 or an errno, with a sentence in @answer, which is also kept as "last order".
 */
int orders_handle(struct orders *o, const char *token, const char *file, const char *text, size_t n,
		  struct buf *answer);

#endif
