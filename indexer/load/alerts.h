/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What alerts keep, written by the writer's thread.  Every call copies what it is given and returns when it is durable
 * (0), or refused (-errno); as writer_call().  Any thread.
 */
#ifndef INDEXER_LOAD_ALERTS_H
#define INDEXER_LOAD_ALERTS_H

#include "common/store_write_alerts.h"
#include "indexer/load/writer.h"

/** The row, and an event of that kind about it in the same transaction; @event NULL: none. */
int alerts_put(struct writer *w, const struct store_alert *row, const char *event);
int alerts_delete(struct writer *w, const char *name, const char *subject);
/** A text of the meta table that no document shows. */
int alerts_note(struct writer *w, const char *name, const char *text);
/** Room on a root's disk; does not wait. */
int alerts_disk(struct writer *w, const struct store_disk *disk);

#endif
