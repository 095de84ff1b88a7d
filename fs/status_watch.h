/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Sleeps until what `mediamon status` shows may be different.
 *
 * With a mount of the same index: poll() on what is shown there, no timer; a thread of its own does that, so that a mount
 * that hangs holds nobody else.  Without one: the live page's futex (another thread waits for commits) and the
 * end of the indexer's process; the counters of a running job move without a commit, and nobody tells when an indexer
 * begins or stands still, so it looks again by the clock.
 *
 * One at a time; from open to close the signals below come to watch_sleep() only.
 */
#ifndef FS_STATUS_WATCH_H
#define FS_STATUS_WATCH_H

#include <stdbool.h>

#include "common/config.h"
#include "common/thread.h"

enum watch_mount {
	/** All mounts were asked, and did not answer yet. */
	WATCH_ASKED,
	WATCH_NO_MOUNT,
	WATCH_MOUNT,
};

struct watch {
	const char *state_dir;
	/** changed: the threads tell of something; asked: the follower is to look for a mount, or to end. */
	int signals, changed, asked, indexer;
	/** When the mounts were asked first (monotonic). */
	int64_t asked_at;
	/** Where the mount is; "" not known.  The follower's. */
	char dir[4096];
	struct thread follower, commits;
	_Atomic enum watch_mount mount;
	_Atomic bool is_ending, mount_ended, commits_ended;
};

/** How long nothing may be heard. */
enum watch_hurry {
	WATCH_CALM,
	/** A job runs. */
	WATCH_JOB,
	/** A time of no indexer is to be measured: it ends by the clock, whatever is there to wake it. */
	WATCH_LIMITED,
};

enum watch_event {
	WATCH_CHANGED,
	WATCH_RESIZED,
	/** SIGTSTP. */
	WATCH_STOP,
	/** SIGCONT. */
	WATCH_GOES_ON,
	/** SIGINT, SIGQUIT, SIGTERM, SIGHUP. */
	WATCH_END,
};

/** 0 or -errno. */
int status_watch_open(struct watch *w, const char *state_dir);
/** A thread that hangs in a mount is left: *w must live until the process ends. */
void status_watch_close(struct watch *w);

/** Before the state is looked at: what happens from now on ends watch_sleep(). */
void watch_arm(struct watch *w);
/** *signal: the number, with WATCH_END. */
enum watch_event watch_sleep(struct watch *w, enum watch_hurry hurry, int *signal);
/** After a drawing: nobody reads more of them in a second.  True when a signal asks for something else. */
bool watch_pause(const struct watch *w);

#endif
