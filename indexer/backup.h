/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Daily copies of the store, made by a thread of their own (common/store_backup.h).  How the last
 * one ended is kept in the store's meta: backup_at (ns), backup_name, backup_error ("" when well).
 */
#ifndef INDEXER_BACKUP_H
#define INDEXER_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "indexer/load/writer.h"

struct backups;

struct backup_options {
	/** All borrowed until backups_free(). */
	const char *state_dir;
	struct live_page *live;
	struct writer *writer;
};

int backups_new(const struct backup_options *options, struct backups **out);
/** Ends a copy that is being made.  Accepts NULL. */
void backups_free(struct backups *b);

/**
 * Begins a copy when the newest is older than @interval (ns; 0: never).  Never waits.
 * @is_idle: no scan runs; while one does a copy is put off, but not by more than another @interval.
 * One thread.
 */
void backups_look(struct backups *b, int64_t interval, unsigned keep, bool is_idle);

#endif
