/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What stages tell the writer: one change of the index each.  Made on the heap, owned by the
 * queue once put. */
#ifndef INDEXER_CHANGE_H
#define INDEXER_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metrics.h"
#include "common/snapshot.h"

enum change_kind {
	/** A file was read, or failed: root, job, dir, name, stat, of, media or error. */
	CHANGE_FILE,
	/** A file of a former root: row. */
	CHANGE_FORGET_FILE,
	/** A file is not at its place any more: row, dir_id, name. */
	CHANGE_LOSE_FILE,
	/** A lost file is back as it was: row, job. */
	CHANGE_RESTORE_FILE,
	/** A scan ended: who is who. */
	CHANGE_RESOLVE,
	/** The row is a file of its own, though it shares its inode: row; flag: to be looked at again. */
	CHANGE_SETTLE_TWIN,
	/** Ends what is lost since before since. */
	CHANGE_PURGE_GONE,
	/** A directory is gone, its files before it: row. */
	CHANGE_FORGET_DIR,
	/** The directory's picture came, went, or is another one: root, dir, flag, name ("": none). */
	CHANGE_COVER,
	/** A path that is no media file failed: root, job, dir (the path), error. */
	CHANGE_ERROR,
	/** Errors of paths not seen by the job any more: root, job, dir (the path). */
	CHANGE_EXPIRE_ERRORS,
	/** State of a root: root, state, error_reason, total (files held). */
	CHANGE_ROOT,
	/** The disk that a root is on: root, device, state (type of the file system), dir (its path
	 * without links). */
	CHANGE_ROOT_IDENTITY,
	/** How a root is watched: root, error_reason. */
	CHANGE_ROOT_WATCH,
	/** A file system mounted below a root: root, dir (its path), device, name (type), state,
	 * error_reason, total (files held). */
	CHANGE_MOUNT,
	/** Nothing is expected there any more: root, dir. */
	CHANGE_DELETE_MOUNT,
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
	/** Files whose last read nobody knows the end of have ended their reader. */
	CHANGE_END_SUSPECTS,
	/** Jobs that were running when the indexer ended wait again. */
	CHANGE_REQUEUE_JOBS,
	/** State of a job: job, state, error_reason (result), times, done, total. */
	CHANGE_JOB,
	/** What verify found: job, total (differences), done (files), dir (path NUL text NUL …). */
	CHANGE_VERIFY,
	/** An ended scan: run. */
	CHANGE_RUN,
	/** Something worth an event: name (kind), dir (JSON object). */
	CHANGE_EVENT,
	/** A text of the meta table: name (key), dir (text), of (the topics that show it). */
	CHANGE_META,
	/** The documents of status/ as they were: snapshot; answers row, 0 when not kept. */
	CHANGE_HISTORY,
	/** What act does with record: see load/finds.c. */
	CHANGE_ACT,
};

struct waiter;
struct store;
struct store_touched;

/** Runs in the writer's thread and transaction; *row is what the caller is answered. */
typedef int change_act(struct store *s, void *record, int64_t *row, struct store_touched *touched);

struct change {
	enum change_kind kind;
	int64_t root, job, row, dir_id;
	/** Texts, each NUL-terminated and of any bytes; "" when not used. */
	const char *dir, *name, *state, *error_kind, *error_reason;
	size_t dir_len, name_len;
	int64_t size, mtime, ctime, inode, btime, links;
	/** Of the file's first bytes and size, 0 when there is none: see extract/fingerprint.h. */
	uint64_t hash;
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
	struct snapshot *snapshot;
	change_act *act;
	/** One block, owned. */
	void *record;
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
