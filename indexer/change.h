/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What stages tell the writer: one change of the index each.  Made on the heap, owned by the
 * queue once put. */
#ifndef INDEXER_CHANGE_H
#define INDEXER_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metrics.h"

enum change_kind {
	/** A file was read, or failed: root, job, dir, name, stat, of, media or error. */
	CHANGE_FILE,
	/** A file is gone: row. */
	CHANGE_FORGET_FILE,
	/** A directory is gone, its files before it: row. */
	CHANGE_FORGET_DIR,
	/** The directory's picture came or went: row, flag. */
	CHANGE_COVER,
	/** A path that is no media file failed: root, job, dir (the path), error. */
	CHANGE_ERROR,
	/** Errors of paths not seen by the job any more: root, job, dir (the path). */
	CHANGE_EXPIRE_ERRORS,
	/** State of a root: root, state, error_reason, since, device. */
	CHANGE_ROOT,
	/** Adds up a root's files: root. */
	CHANGE_RECOUNT,
	/** A former root, its files forgotten before it: root. */
	CHANGE_DELETE_ROOT,
	/** The lowest volume that counts as missing: row. */
	CHANGE_FIRST_VOLUME,
	/** A root of the configuration: name, state (its kind), dir (its path); answers row. */
	CHANGE_ADD_ROOT,
	/** No root is configured any more, unless CHANGE_ADD_ROOT follows. */
	CHANGE_RETIRE_ROOTS,
	/** A new job: name (its words), error_kind (its token); answers row. */
	CHANGE_ADD_JOB,
	/** Jobs that were running when the indexer ended wait again. */
	CHANGE_REQUEUE_JOBS,
	/** State of a job: job, state, error_reason (result), times, done, total. */
	CHANGE_JOB,
	/** An ended scan: run. */
	CHANGE_RUN,
	/** Something worth an event: name (kind), dir (JSON object). */
	CHANGE_EVENT,
	/** The answer to the last order: name (key), dir (text). */
	CHANGE_META,
};

struct waiter;

struct change {
	enum change_kind kind;
	int64_t root, job, row;
	/** Texts, each NUL-terminated and of any bytes; "" when not used. */
	const char *dir, *name, *state, *error_kind, *error_reason;
	size_t dir_len, name_len;
	int64_t size, mtime, ctime, inode;
	unsigned of;
	bool flag;
	/** CHANGE_FILE: the row's last good media stays. */
	bool keeps_media;
	int tries;
	uint64_t device;
	int64_t since, started_at, ended_at, done, total;
	/** An encoded struct media. */
	const uint8_t *media;
	size_t media_len;
	struct run *run;
	/** Set by writer_call(). */
	struct waiter *waiter;
	/** Where the texts lie. */
	size_t used, space;
	char data[];
};

/** An empty change with room for @space bytes of text; NULL without memory. */
struct change *change_new(enum change_kind kind, size_t space);
/** Copies bytes into the change; "" when they do not fit (@space was too small). */
const char *change_copy(struct change *c, const char *s, size_t n);
void change_free(void *c);

#endif
