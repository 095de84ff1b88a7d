/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Changes of what store_alerts.h asks about.  Only indexer/load/ calls these, inside a transaction, as in
 * store_write.h.  They touch topic alerts.
 */
#ifndef COMMON_STORE_WRITE_ALERTS_H
#define COMMON_STORE_WRITE_ALERTS_H

#include "common/store_alerts.h"
#include "common/store_write.h"

/** By (name, subject). */
int store_put_alert(struct store *s, const struct store_alert *row);
int store_delete_alert(struct store *s, const char *name, const char *subject);
/** By root; touches nothing: no document shows it. */
int store_put_disk(struct store *s, const struct store_disk *disk);

#endif
