/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Watching one root, inside its scout: which directories must be listed again.
 *
 * A thread reads the kernel's events and does nothing else; what it learns is kept, each directory
 * once, until another thread has told it.  The kernel's queue, this set and what is kept of each
 * directory are bounded: what does not fit becomes "look at all of it again".
 *
 * inotify watches directories one by one: a walk gives each to watch_directory() *before* it lists
 * it, so that nothing happens between.  fanotify watches a whole file system with one mark.
 */
#ifndef INDEXER_DISCOVER_WATCH_H
#define INDEXER_DISCOVER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "indexer/discover/ignore.h"

/** Also the order of the words of the option scan.watch. */
enum watch_mode {
	WATCH_AUTO,
	WATCH_INOTIFY,
	WATCH_FANOTIFY,
	/** Nothing is watched: the root is scanned again and again. */
	WATCH_POLL,
};

struct watch;

struct watch_options {
	/** The root's path; borrowed. */
	const char *root;
	enum watch_mode mode;
	const struct ignore *ignore;
	/** Whether a name is that of a media file. */
	bool (*wants)(void *arg, const char *name, size_t n);
	/** What is in a folder may make a volume of it (pictures.h). */
	bool has_pictures;
	/** One directory must be listed again: @flags DIRTY_*; @path below the root.  Called by a
	 * thread of the watch, once for each directory of a burst; then flush(). */
	void (*dirty)(void *arg, unsigned flags, const char *path, size_t n);
	void (*flush)(void *arg);
	void *arg;
};

struct watch_counts {
	enum watch_mode mode;
	/** Directories watched, and those for which no watch was left. */
	uint64_t watched, unwatched;
	/** How often events were lost. */
	uint64_t overflows;
	/** Why it is not watched as it was asked for; "" when it is. */
	char reason[160];
};

/** The walk's word for a directory that has no watch. */
enum { WATCH_NONE = 0 };

/** Starts watching; with WATCH_POLL nothing runs. @fstype: of statfs().  0 or -errno. */
int watch_new(const struct watch_options *options, uint64_t fstype, struct watch **out);
void watch_free(struct watch *w);
/** The descriptor that watch_enter() uses; -1: none.  Borrowed. */
int watch_fd(const struct watch *w);

/**
 * Watches the open directory @fd, called @path, whose parent has the word @parent (WATCH_NONE:
 * not known).  @st: of it; when there are too few watches, those that changed last get them.
 * Returns its word, or WATCH_NONE.  Any thread.
 */
int watch_directory(struct watch *w, int fd, int parent, const char *path, const struct stat *st);
/** Directories that are not there any more (sorted by strcmp): what was below is not watched. */
void watch_forget(struct watch *w, char *const *paths, size_t n);
/** A walk of the whole root begins, or has ended: directories that none was left for are counted
 * anew. */
void watch_walk(struct watch *w, bool is_end);
void watch_count(struct watch *w, struct watch_counts *out);
/** Whether changes below are told by somebody else's machine or daemon, not by this kernel. */
bool watch_is_remote(uint64_t fstype);

#endif
