/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Sleeps until what `mediamon status` shows may be different.
 *
 * With a mount of the same index: poll() on its status/summary.json, no timer.  Without one: the live page's futex (a
 * thread of its own waits for commits) and the end of the indexer's process; the counters of a running job move
 * without a commit, and nobody tells when an indexer begins, so in these cases it looks again by the clock.
 *
 * One at a time; from open to close the signals below come to watch_sleep() only.
 */
#ifndef FS_STATUS_WATCH_H
#define FS_STATUS_WATCH_H

#include <stdbool.h>

#include "common/config.h"
#include "common/thread.h"

struct watch {
	const char *state_dir;
	int signals, changed, mount, indexer;
	/** Where the mount is; "" not known. */
	char dir[4096];
	struct thread thread;
	_Atomic bool is_ending, has_ended;
};

enum watch_event {
	WATCH_CHANGED,
	WATCH_RESIZED,
	/** SIGTSTP. */
	WATCH_STOP,
	/** SIGCONT. */
	WATCH_GOES_ON,
	/** SIGINT, SIGTERM, SIGHUP. */
	WATCH_END,
};

/** 0 or -errno. */
int status_watch_open(struct watch *w, const char *state_dir);
void status_watch_close(struct watch *w);

/** Before the state is looked at: what happens from now on ends watch_sleep(). */
void watch_arm(struct watch *w);
/** @has_job: one runs.  *signal: the number, with WATCH_END. */
enum watch_event watch_sleep(struct watch *w, bool has_job, int *signal);
/** After a drawing: nobody reads more of them in a second.  True when a signal asks for something else. */
bool watch_pause(const struct watch *w);

#endif
