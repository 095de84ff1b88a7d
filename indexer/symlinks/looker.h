/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A process that looks at trees of links and at the mount that they point into, for whoever must not hang
 * (`mediamond --looker`).  It reads directories and link texts and stats; it never opens a file and never
 * changes anything.
 *
 * The indexer's side: one thread at a time per looker.  Each question has a deadline of silence; a looker that
 * is silent for longer is abandoned (child_end()), and questions answer -ETIMEDOUT until it has
 * ended, as SAFETY asks: nothing is asked of that mount again meanwhile.
 */
#ifndef INDEXER_SYMLINKS_LOOKER_H
#define INDEXER_SYMLINKS_LOOKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/store_read.h"

struct looker;

/** Starts no process yet: the first question does.  @threads of it that read directories. */
int looker_new(int threads, struct looker **out);
/** Accepts NULL. */
void looker_free(struct looker *l);
/** Ends the running question with -ECANCELED; from any thread.  Nothing happens when none runs. */
void looker_cancel(struct looker *l);

/* --- a tree of links --- */

struct looked_link {
	/** Borrowed during the call. */
	struct bytes name, target;
};

struct looked_dir {
	/** Below the root, "" for the root itself. */
	struct bytes path;
	/** In nanoseconds, as it was before the directory was read; 0 when it was changed so lately that the next scan must read
	 * it again. */
	int64_t mtime;
	/** 0; else it could not be read (all): nothing is known of what is in it. */
	int error;
	const struct looked_link *links;
	size_t count;
};

/** A directory and the time it had: while it has that time still, its links are not read again. */
struct known_dir {
	const char *path;
	int64_t mtime;
};

struct looked_tree {
	/** Of the root itself: 0 or -errno; an empty root is -ENODATA, mediamon's own mount -ELOOP, one that is another
	 * by the end -ESTALE. */
	int error;
	uint64_t device, mount_id, fstype;
	/** Directories seen, of them unchanged (not told), links read. */
	int64_t dirs, unchanged, links;
};

typedef int looked_dir_fn(void *arg, const struct looked_dir *d);

/**
 * Walks the tree below @root (never through a link, never into another file system).  @fn is called for each
 * directory that is new, changed or unreadable, also when it holds no link; those of @known (sorted by path as strcmp
 * does, @n) that have their time still are not read, but their subdirectories are visited.  @gone_fn: for
 * each of @known that is not there any more (nothing, or no directory, is in its place), after the walk and only when the
 * root is what it was at its start; never when tree->error is set.
 *
 * Keep each directory told, an unreadable one with time 0: a subdirectory that is neither known nor in a directory that
 * changed is not found.  So times told are worth nothing when this fails or sets tree->error: keep 0 then.
 * What is mounted below the root is told as a directory with the error -EXDEV.
 */
int looker_walk(struct looker *l, const char *root, const struct known_dir *known, size_t n,
		looked_dir_fn *fn, int (*gone_fn)(void *arg, const char *path), void *arg,
		struct looked_tree *tree);

/* --- targets --- */

/** One directory of the mount and the names in it that links point to. */
struct target_query {
	/** The asker's own number. */
	uint64_t number;
	const char *path;
	const struct bytes *names;
	size_t count;
	/** Also stat what is there (sizes). */
	bool wants_sizes;
};

struct target_answer {
	uint64_t number;
	/** Of the directory: 0 or errno as a negative (-ENOENT: it is not there). */
	int error;
	size_t count;
	/** For each name: 0 it is there, -ENOENT not listed, else its own error (-ESTALE: listed, but a stat says it is
	 * not there); NULL: all are there, or error is set. */
	const int *errors;
	/** -1 not known; NULL without wants_sizes, or error is set. */
	const int64_t *sizes;
};

/** Fills @q with the next question (borrowed until the next call); 1, 0 at the end, -errno. */
typedef int target_next_fn(void *arg, struct target_query *q);
typedef int target_answer_fn(void *arg, const struct target_answer *a);

/** One readdir per directory, several at once; answers come in any order. */
int looker_targets(struct looker *l, target_next_fn *next, target_answer_fn *answer, void *arg);

/* --- the mount --- */

struct mount_facts {
	/** 0 or -errno of opening it; -ELOOP: mediamon's own (fstype says so). */
	int error;
	uint64_t device, mount_id;
	/** Type as mountinfo says it ("fuse.rclone"); "" when it is not a mount of its own. */
	char fstype[64];
	/** Entries that it lists, counted up to 100. */
	int entries;
	/** Has at least one directory. */
	bool has_dir;
	/** Anchors asked for and those that are there; with other errors than ENOENT. */
	int anchors, answered, failed;
};

int looker_mount(struct looker *l, const char *path, const char *const *anchors, size_t n,
		 struct mount_facts *facts);

/** Stats a path, following links: 0 with the size, or -errno. */
int looker_stat(struct looker *l, const char *path, int64_t *size);

/** The child: runs until its socket closes.  Returns an exit status. */
int looker_main(void);

#endif
