/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Questions about trees of symbolic links (roots of kind links).  As in store_read.h.
 *
 * A link's text is its target directory's path (as the text says it, with the last '/') and a name; the directory is
 * shared by all links into it.  What the text means here (path map) and which torrent it is of are
 * kept with the directory.
 */
#ifndef COMMON_STORE_SYMLINKS_H
#define COMMON_STORE_SYMLINKS_H

#include "common/store_read.h"

/*   id, word; in the order of the store's numbers */
#define LINK_STATES(S) \
	/* its target is there */ \
	S(OK, "ok") \
	/* ENOENT below a healthy mount, not often enough yet */ \
	S(SUSPECT, "suspect") \
	/* so often that it counts: see monitor_link() */ \
	S(BROKEN, "broken") \
	/* nobody can tell: the mount is not healthy, or another error than ENOENT */ \
	S(UNKNOWN, "unknown") \
	/* would be suspect or broken, but so many at once are not believed, or a person has to decide */ \
	S(HELD, "held") \
	/* points elsewhere: never touched */ \
	S(FOREIGN, "foreign")

enum link_state {
#define S(id, word) LINK_##id,
	LINK_STATES(S)
#undef S
	LINK_STATE_COUNT
};

extern const char *const LINK_STATE_WORDS[LINK_STATE_COUNT];

/** A directory that links point into. */
struct store_target_dir {
	int64_t id;
	/** As the links' texts say it, with the last '/'; absolute (relative texts are resolved against the link). */
	struct bytes path;
	/** Where that is here (path map); the same bytes without a map. */
	struct bytes here;
	/** The torrent's name: the component below a configured folder; n 0: none (foreign); "/": the
	 * directory is such a folder itself, each file in it is a torrent of its own. */
	struct bytes torrent;
};

struct store_symlink {
	int64_t id, root, dir, target_dir;
	/** Path of its directory below the root, "" for the root itself; and its name. */
	struct bytes dir_path, name;
	/** The text of the link, exactly; to be stored, data NULL: target_dir's path and target_name. */
	struct bytes target;
	/** Name in the target directory, and the directory's torrent and place here. */
	struct bytes target_name, torrent, here;
	enum link_state state;
	/** errno that its target answered last; 0. */
	int error;
	/** ENOENT in a row below a healthy mount, and when first and last; 0 without. */
	int64_t sightings, first_at, last_at;
	/** Since when it is in that state; when its target was there last (0 never). */
	int64_t since, ok_at;
	/** Of the target when it was there last; -1 not known. */
	int64_t size;
	/** A sentence; "" mostly. */
	const char *reason;
};
typedef int store_symlink_fn(void *arg, const struct store_symlink *row);

/** All of a root (0: of all roots) in the order of their rows: directory by directory.  Streams. */
int store_symlinks(struct store *s, int64_t root, store_symlink_fn *fn, void *arg);
/** Those of a state, by path. */
int store_symlinks_in(struct store *s, enum link_state state, store_symlink_fn *fn, void *arg);
/** Up to @most of a state other than ok, in the order of their ids: costs nothing but them. */
int store_symlinks_some(struct store *s, enum link_state state, int64_t most, store_symlink_fn *fn, void *arg);
/** Those into a torrent's directories (exact name), whatever their state. */
int store_symlinks_of(struct store *s, struct bytes torrent, store_symlink_fn *fn, void *arg);
int store_symlink(struct store *s, int64_t id, store_symlink_fn *fn, void *arg);
/** By its place; -ENOENT. */
int store_symlink_at(struct store *s, int64_t root, struct bytes dir, struct bytes name,
		     store_symlink_fn *fn, void *arg);

/** Those of one directory, by name. */
int store_symlinks_in_dir(struct store *s, int64_t dir, store_symlink_fn *fn, void *arg);
/** All links of all roots in the order of their ids, with what a look at their targets needs, and nothing
 * else: id, dir, target_dir, target_name, and from state to size; reason.  Streams. */
int store_link_evidence(struct store *s, store_symlink_fn *fn, void *arg);
/** The greatest id that a directory ever had, and the greatest of the target directories that there are. */
int store_link_last_ids(struct store *s, int64_t *dir, int64_t *target_dir);

struct store_symlink_counts {
	int64_t total, state[LINK_STATE_COUNT];
	/** Known ones only. */
	int64_t bytes;
	/** Directories of links, and distinct target directories and torrents. */
	int64_t dirs, target_dirs, torrents;
};
/** @root 0: all. */
int store_symlink_counts(struct store *s, int64_t root, struct store_symlink_counts *counts);
/** total and state only: 20 ms for a million of links, where the sums above take a second. */
int store_symlink_states(struct store *s, struct store_symlink_counts *counts);
/** Links below a root: 0.2 s for a million. */
int store_symlink_total(struct store *s, int64_t root, int64_t *n);
/** Torrent names with links that are broken: how many, of how many into it. */
typedef int store_broken_fn(void *arg, struct bytes torrent, int64_t broken, int64_t links);
int store_broken_torrents(struct store *s, store_broken_fn *fn, void *arg);

/** Directories of a root with the time that they had when they were read. */
typedef int store_link_dir_fn(void *arg, int64_t id, struct bytes path, int64_t mtime, int64_t read_at);
int store_link_dirs(struct store *s, int64_t root, store_link_dir_fn *fn, void *arg);
int store_target_dirs(struct store *s, int (*fn)(void *arg, const struct store_target_dir *row), void *arg);

/** The row of a directory of links that holds broken ones, itself or below; -ENOENT. */
int store_broken_dir(struct store *s, int64_t root, struct bytes dir, int64_t *id);
/** The row of any directory of links; -ENOENT. */
int store_link_dir_at(struct store *s, int64_t root, struct bytes dir, int64_t *id);
/** Appends the path of a directory of links below its root; -ENOENT. */
int store_link_dir(struct store *s, int64_t id, int64_t *root, struct buf *path);
/** A subdirectory that holds broken links, or a broken link. */
struct store_broken_entry {
	struct bytes name;
	bool is_dir;
	/** Of a link: its row, and since when (ns) it is broken.  0 for a directory. */
	int64_t id, since;
};
/** What of @dir ("" the root's own) is broken, for browsing: subdirectories, then links. */
typedef int store_broken_entry_fn(void *arg, const struct store_broken_entry *e);
int store_broken_list(struct store *s, int64_t root, struct bytes dir, store_broken_entry_fn *fn, void *arg);

/** Why a link that was held is suspect: a person said so, and it is not held again with others. */
#define LINK_ACCEPTED "its loss was accepted"

/** A mass loss that is not believed: `accept-loss NAME COUNT` releases it. */
struct store_link_hold {
	int64_t root, count, since;
	/** The root's name, and a sentence. */
	const char *name, *reason;
};
typedef int store_link_hold_fn(void *arg, const struct store_link_hold *row);
int store_link_holds(struct store *s, store_link_hold_fn *fn, void *arg);

/** How the debrid mount was found last. */
struct store_mount_health {
	/** "healthy", "absent", "empty", "foreign", "stuck", "flapping", "unknown"; "" never looked at. */
	const char *path, *state, *reason, *fstype;
	int64_t since, looked_at, entries;
};
typedef int store_mount_health_fn(void *arg, const struct store_mount_health *row);
int store_mount_health(struct store *s, store_mount_health_fn *fn, void *arg);
/** Up to @most targets that were there at the last scan, spread over the torrents: paths here.  They
 * answer when the mount is the one that it was. */
int store_link_anchors(struct store *s, int most, int (*fn)(void *arg, struct bytes path), void *arg);

#endif
