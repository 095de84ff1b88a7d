/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The parallel walk of one root, inside a scout process: threads that list directories with
 * getdents and statx by descriptor, never follow a link, never leave the root.
 *
 * Each thread has a table of descriptors of its own: to share one costs a lock or a count in each call.  What a thread
 * opens is there for no other, and of what is open elsewhere it has the root and walk_options.keeps.
 *
 * Memory does not grow with a directory: its list goes out in chunks of at most WALK_CHUNK
 * entries, each of which must be answered (walk_answer) before too many are out.
 */
#ifndef INDEXER_DISCOVER_WALK_H
#define INDEXER_DISCOVER_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "indexer/discover/ignore.h"
#include "indexer/discover/known_dirs.h"
#include "indexer/extract/wants.h"
#include "indexer/heads.h"

enum {
	WALK_CHUNK = 512,
	/** Chunks sent and not answered yet. */
	WALK_CREDIT = 128,
};

struct walk;

/** Where a walk begins; "" is the root. */
struct walk_scope {
	const char *path;
	/** With all below it; else the directory alone. */
	bool is_deep;
};

struct walk_options {
	/** Descriptor of the root directory; borrowed. */
	int root;
	/** They become more, up to threads_most, while the disk makes them wait; fewer where each waits for several files. */
	int threads, threads_most;
	/** Files whose heads one of them reads together, at least 1. */
	int ahead;
	/** Of the region of heads, how many are used at a time; 0: all. */
	int slots;
	const struct ignore *ignore;
	/** Whether a name is that of a media file. */
	bool (*wants)(void *arg, const char *name, size_t n);
	/** Folders of nothing but pictures are files, too (pictures.h). */
	bool has_pictures;
	/** Where heads of files go that @reach knows; borrowed.  NULL: none are read. */
	struct heads *heads;
	const struct reach *(*reach)(void *arg, const char *name, size_t n);
	/** Sends frames; called by several threads; one call is one write. */
	int (*send)(void *arg, const struct buf *frames);
	/**
	 * An open directory, before it is listed: @parent is what was answered for its parent, 0 when
	 * it was not visited.  Called by several threads.  NULL: not asked for.
	 */
	int (*enter)(void *arg, int fd, int parent, const char *path, const struct stat *st);
	/** A directory changed while it was listed.  NULL: not asked for. */
	void (*moved_on)(void *arg, const char *path);
	void *arg;
	/** Descriptors that @send and the others use; below 0: none.  What else is open when a thread begins it must not hold. */
	int keeps[2];
};

/** One walk. */
struct walk_order {
	uint64_t scan;
	const struct walk_scope *scope;
	size_t scopes;
	/** Directories that are not entered; sorted by strcmp. */
	char *const *skip;
	size_t skips;
	/** What is known of directories; borrowed.  NULL: nothing. */
	const struct known_dirs *known;
	/** Of the directories in the root only every @slices-th, by name; 0: all. */
	uint32_t slice, slices;
};

int walk_new(const struct walk_options *options, struct walk **out);
void walk_free(struct walk *w);

/** Returns when every list was sent, or when stopped.  @order: borrowed meanwhile. */
int walk_run(struct walk *w, const struct walk_order *order);
/** For how long some thread has waited for the disk, in ns.  Any thread. */
int64_t walk_stall(const struct walk *w);
/** Which slice a directory of the root belongs to. */
uint32_t walk_slice(const char *name, size_t n, uint32_t slices);
/** Lets walk_run() end soon.  Any thread. */
void walk_stop(struct walk *w);
/** One chunk of directory @dir is done with. Any thread. */
void walk_answer(struct walk *w, uint64_t dir);
/** What was read under these tickets is done with, or was never asked for.  Others are ignored.  Any thread. */
void walk_give_back(struct walk *w, const uint64_t *ticket, size_t n);
/** Opens what is below @root; "" is the root.  No link is followed and nothing outside is reached.  -1 with errno. */
int walk_open(int root, const char *path, int flags);
/** Time that the threads of the last run worked, in ns. */
uint64_t walk_busy_ns(const struct walk *w);

#endif
