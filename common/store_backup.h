/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Copies of the store in STATE/backups: made while it is written, checked, pruned.
 *
 *   mediamon-20261121T100000Z.db             a daily one
 *   mediamon-before-v2-20261121T100000Z.db   made before a migration to version 2
 *
 * A copy is one file without a WAL.  What store_open_writer() does with them when the store is
 * damaged is in store_recover.c.
 */
#ifndef COMMON_STORE_BACKUP_H
#define COMMON_STORE_BACKUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	/** Of a copy's name, with its NUL. */
	BACKUP_NAME = 64,
	/** Copies made before migrations, and damaged stores. */
	BACKUPS_KEPT_ASIDE = 2,
};

#define BACKUP_FOLDER "backups"

struct store_backup {
	const char *state_dir;
	/** The time in its name, ns since 1970. */
	int64_t at;
	/** 0: a daily one; else the version that a migration leads to. */
	int before_version;
	/** How many of its kind are left afterwards; the oldest go. */
	unsigned keep;
	/** May be NULL; once true, the copy ends soon with -ECANCELED. */
	const _Atomic bool *is_cancelled;
};

/**
 * Copies the store as it is at this moment, page by page with pauses, so that its writer goes on;
 * checks the copy and only then gives it its name.  Any thread.  @name: of the file.
 * Returns 0, or -errno with a sentence in @why; then nothing is left behind and nothing pruned.
 */
int store_backup(const struct store_backup *b, char name[static BACKUP_NAME], char why[static 256]);

/** The time of the newest daily copy, 0 when there is none. */
int64_t store_backup_newest(const char *state_dir);

#endif
