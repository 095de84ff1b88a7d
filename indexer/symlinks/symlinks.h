/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Knows every link of the roots of kind links: walks the trees, asks the mount once per target directory,
 * judges (monitor/monitor_links.h), keeps it in the store.  One thread.
 */
#ifndef INDEXER_SYMLINKS_SYMLINKS_H
#define INDEXER_SYMLINKS_SYMLINKS_H

#include "common/config.h"
#include "indexer/load/writer.h"

struct symlinks;

/** Borrowed until symlinks_free(). */
struct symlinks_options {
	const struct config *config;
	const char *state_dir;
	struct writer *writer;
	/** Told after a look that changed something; may be NULL.  From the component's thread. */
	void (*changed)(void *arg);
	void *arg;
	/** Nanoseconds since 1970; NULL: now_ns(). */
	int64_t (*now)(void *arg);
	/** Told before each step of a look ("walk", "targets", "mount", "verdict" …): tests change the world there.  May be NULL. */
	void (*step)(void *arg, const char *step);
};

int symlinks_new(const struct symlinks_options *options, struct symlinks **out);
/** Starts the thread: looks at once, then at intervals. */
int symlinks_start(struct symlinks *s);
/** Accepts NULL. */
void symlinks_free(struct symlinks *s);
/** Looks as soon as it can. @full: every directory is read, whatever its time. Returns a number for symlinks_progress(). */
uint64_t symlinks_scan(struct symlinks *s, bool full);
/** Something below a links root changed. */
void symlinks_poke(struct symlinks *s);
void symlinks_cancel(struct symlinks *s);
void symlinks_pause(struct symlinks *s, bool paused);

struct symlinks_progress {
	/** Whether the look of that number has ended. */
	bool is_done;
	int64_t done, total;
	/** A sentence once it has ended. */
	char result[160];
};
void symlinks_progress(struct symlinks *s, uint64_t number, struct symlinks_progress *out);

/** Releases a hold: 0; -ENOENT: none of that name; -EINVAL: another count. */
int symlinks_accept_loss(struct symlinks *s, const char *name, int64_t count, bool act);

/** One look in the caller's thread (tests, benches).  0 or -errno. */
int symlinks_look(struct symlinks *s, bool full);

#endif
