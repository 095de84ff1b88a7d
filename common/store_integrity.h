/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Files that were read to their end: which of them are intact, and what is due.  Questions as in store_read.h.
 * control/verify is something else: it compares the index with the disk.
 */
#ifndef COMMON_STORE_INTEGRITY_H
#define COMMON_STORE_INTEGRITY_H

#include "common/store_read.h"

/* number, name, what it means; those above 1 are listed by store_integrity_bad() */
#define VERDICTS(V) \
	V(0, intact, "read to its end, and nothing is wrong") \
	V(1, unverifiable, "nothing in the file tells whether it is whole, or it cannot be read that far") \
	V(2, corrupt, "its bytes are damaged") \
	V(3, unreadable, "the disk did not give its bytes: that says nothing of them")

enum verdict {
#define V(number, name, text) VERDICT_##name = number,
	VERDICTS(V)
#undef V
	VERDICT_COUNT
};

extern const char *const VERDICT_NAMES[VERDICT_COUNT];

/** One file to verify, as the index knows it. */
struct store_check {
	int64_t file, root;
	/** Below the root; borrowed. */
	struct bytes dir, name;
	int64_t size, mtime, ctime, inode;
	/** How often its reader died of it, as it is now. */
	int tries;
};
typedef int store_check_fn(void *arg, const struct store_check *row);

/** What is looked for. */
struct store_check_rule {
	bool music, manga;
	/** Files that changed after this time wait. */
	int64_t settled;
	/** What was unreadable is tried again when that was before this time. */
	int64_t again;
	int64_t now;
};

/** The first file above number @after, up to @last, that was never verified or changed since; -ENOENT. */
int store_check_due(struct store *s, const struct store_check_rule *rule, int64_t after, int64_t last,
		    store_check_fn *fn, void *arg);
/** The one verified longest ago, before @before; -ENOENT. */
int store_check_oldest(struct store *s, const struct store_check_rule *rule, int64_t before, store_check_fn *fn,
		       void *arg);
int store_check_file(struct store *s, int64_t file, store_check_fn *fn, void *arg);
/** Files at and below @path that were not verified since @since. */
int store_check_below(struct store *s, int64_t root, const char *path, size_t n, int64_t since,
		      int (*fn)(void *arg, int64_t file), void *arg);

/** Files of one kind of roots. */
struct store_integrity {
	/** By verdict. */
	int64_t files[VERDICT_COUNT];
	/** Not verified as they are now: files and bytes. */
	int64_t waiting, waiting_bytes;
	/** Bytes of those that were. */
	int64_t bytes;
	/** When the one was verified that was longest ago; 0: none. */
	int64_t oldest;
};
/** Reads all files once; those that were verified alone when nothing @waits to be: waiting is 0 then. */
int store_integrity_counts(struct store *s, bool waits, struct store_integrity *music, struct store_integrity *manga);

struct store_bad {
	struct bytes root, dir, name;
	int64_t size;
	enum verdict verdict;
	/** What was checked; why it is bad. */
	const char *how, *reason;
	int64_t verified_at, since;
};
typedef int store_bad_fn(void *arg, const struct store_bad *row);
/** Corrupt and unreadable files, by path. */
int store_integrity_bad(struct store *s, store_bad_fn *fn, void *arg);
/** How many of these there are of each verdict. */
int store_integrity_bad_counts(struct store *s, int64_t count[static VERDICT_COUNT]);
/** Why the file of a missing volume does not count; @state: "corrupt", "incomplete".  Nothing is added without one. */
int store_missing_reason(struct store *s, int64_t series, int64_t volume, const char *state, struct buf *out);

#endif
