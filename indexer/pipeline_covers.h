/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Covers of series, made by the worker that reads files to their end, one at a time between its files.  The pipeline's thread.
 */
#ifndef INDEXER_PIPELINE_COVERS_H
#define INDEXER_PIPELINE_COVERS_H

#include "indexer/pipeline_private.h"

/** Before the thread runs. */
int covers_open(struct pipeline *p);
/** Gives the next one that is due to the worker: true.  Nothing else may be at hand, and no scan run. */
bool covers_begin(struct pipeline *p);

/** How long nothing need be done for covers: @most_ms or less. */
int covers_timeout(const struct pipeline *p, int most_ms);

/* --- about the file at hand, by pipeline_integrity.c, which forgets it then --- */

/** FRAME_COVERED, behind its batch. */
void covers_on_made(struct pipeline *p, struct frame *f);
/** It could not be opened. */
void covers_on_failed(struct pipeline *p, int error);
/** Nothing came of it: it is looked at again soon. */
void covers_let_go(struct pipeline *p);
/** The worker is gone. */
void covers_on_loss(struct pipeline *p, const struct pool_loss *loss);

#endif
