/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Orders of control/chapter, and what happens to chapters with time. */
#ifndef INDEXER_CHAPTERS_H
#define INDEXER_CHAPTERS_H

#include "common/buf.h"
#include "common/config.h"

struct writer;

/** Takes all lines, durably, or none.  0 or an errno (positive), with a sentence in @answer.  Any thread. */
int chapters_order(struct writer *w, char *const *lines, size_t n, struct buf *answer);

/** Now and then: abandons what is silent, keeps the rows within their bounds.  *next: kept by the caller, 0 at first. */
void chapters_look(struct writer *w, const struct config *config, int64_t *next);

#endif
