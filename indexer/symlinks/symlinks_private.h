/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Between symlinks.c (the thread, orders), symlinks_look.c (one look, step by step), symlinks_table.c (what a
 * look has in memory), symlinks_mount.c (its health), symlinks_diff.c (one directory that was read) and symlinks_judge.c (verdicts).
 *
 * Memory: about 100 bytes a link and its target's name for the time of a look; nothing between looks.
 */
#ifndef INDEXER_SYMLINKS_SYMLINKS_PRIVATE_H
#define INDEXER_SYMLINKS_SYMLINKS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/thread.h"
#include "common/vec.h"
#include "indexer/load/sights.h"
#include "indexer/monitor/monitor_links.h"
#include "indexer/symlinks/health.h"
#include "indexer/symlinks/looker.h"
#include "indexer/symlinks/place.h"
#include "indexer/symlinks/symlinks.h"

/* --- what a look has in memory (symlinks_table.c) --- */

/** Texts that stay where they are until all are freed; each is followed by a NUL. */
struct texts {
	struct text_block *last;
};

const char *texts_add(struct texts *t, const char *data, size_t n);
void texts_clear(struct texts *t);

enum {
	/** It is not at its place any more, or another entry of the table stands for it. */
	GONE = 1,
	/** Its target was asked for, and answered. */
	ASKED = 2,
	/** Already given to the store as it is now. */
	STORED = 4,
	/** GONE, and nothing stands for it: to be forgotten, when its root may be believed. */
	REMOVED = 8,
};

struct seen_link {
	/** 0: not in the store yet. */
	int64_t id, since, ok_at, first_at, last_at, size;
	/** Of this look; -1 not known. */
	int64_t seen_size;
	/** Its target's name. */
	const char *name, *reason;
	uint32_t target, dir, name_len, sightings;
	int32_t error;
	/** What its target answered in this look. */
	int32_t seen;
	uint8_t state, flags;
};

/** What the store must be told of a link that is new or was replaced: of link n of the table, which begins with those
 * that were known, the fresh one n - known. */
struct fresh_link {
	/** Of its row, when that is known; 0. */
	int64_t id;
	/** text NULL: its target's directory and name, one behind the other. */
	const char *name, *text;
	uint32_t name_len, text_len;
};

struct seen_target {
	int64_t id;
	const char *path, *here, *torrent;
	uint32_t path_len, here_len, torrent_len;
	/** Where its links begin in table.order. */
	uint32_t first;
};

struct seen_dir {
	int64_t id, mtime;
	/** Of this look: its time, and when it was read; read_at 0: it was not. */
	int64_t new_mtime, read_at;
	const char *path;
	uint32_t path_len, root;
	bool is_gone;
};

/** A root of links in this look. */
struct seen_root {
	int64_t id;
	const char *name, *path;
	/** Its directories: known ones by path, from first on; new ones anywhere after all known ones. */
	uint32_t first, count;
	/** Known links of it. */
	int64_t links;
	/** It was walked to its end: what was not seen is not there. */
	bool is_whole;
	/** Its links are judged. */
	bool is_seen;
	struct looked_tree tree;
	/** Links whose targets were there at the last look, and of these those that are not any more; held ones; of those that
	 * were held before those that are not there yet. */
	int64_t were_there, vanished, held, still_held;
	/** What vanished is held; what was held is not any more. */
	bool brakes, relents;
	/** The hold that the store knows. */
	int64_t old_held, old_since;
	/** Known links that are not there any more; and whether they are forgotten. */
	int64_t removed;
	bool forgets;
};

struct table {
	struct texts texts;
	VEC(struct seen_root) roots;
	VEC(struct seen_dir) dirs;
	VEC(struct seen_target) targets;
	VEC(struct seen_link) links;
	VEC(struct fresh_link) fresh;
	/** Links that were there when the look began; directories too. */
	size_t known, known_dirs;
	/** Numbers of the links in the order of their targets. */
	uint32_t *order;
	/** Open addressing: 1 + number of a target, and above that half of its hash; made at the first question. */
	uint64_t *hash;
	size_t hash_size;
	/** The one that was found last: the next link mostly is of the same. */
	size_t found;
	int64_t last_dir, last_target;
};

/** All in one snapshot. */
int seen_load(struct table *t, struct store *s);
/** The same in two parts, between store_begin_read() and store_end(). */
int seen_load_trees(struct table *t, struct store *s);
int seen_load_links(struct table *t, struct store *s);
void seen_clear(struct table *t);
/** The known link of a row; NULL. */
struct seen_link *seen_find(struct table *t, int64_t id);
/** A directory of a root by its path; NULL. */
struct seen_dir *seen_find_dir(struct table *t, uint32_t root, struct bytes path);
/** Number of the target directory @path; -ENOENT; -errno. */
int64_t seen_find_target(struct table *t, struct bytes path);
/** Adds one that is not there; its number or -errno. */
int64_t seen_add_target(struct table *t, const struct store_target_dir *row);
/** Sorts the links that are not gone by target. */
int seen_group(struct table *t);

/* --- the component --- */

/** A root as it was at the last look of this process. */
struct root_memory {
	int64_t id;
	uint64_t device, mount_id;
	/** Links of it that are not there any more and are not forgotten; a person said that they are gone. */
	int64_t kept;
	bool forgives;
};

struct symlinks {
	struct symlinks_options o;
	struct looker *looker;
	struct places *places;
	struct thread thread;
	struct link_rules rules;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	bool is_ending, is_paused, is_running, is_poked, is_full;
	/** Orders so far; of them done; the one that the running look is for. */
	uint64_t ordered, done_number, running_number;
	/** Of the one that ended last. */
	int64_t ended_at, ended_done, ended_total;
	char result[160];
	VEC(struct root_memory) memory;
	/* any thread: */
	_Atomic bool is_cancelled;
	_Atomic int64_t done, total;
	/** Holds that were released so far: a look that began before must not judge after. */
	_Atomic unsigned releases;
	/* only the thread that looks: */
	struct store *store;
	bool was_placed, is_healthy;
	/** Of what a look told, some may still wait for a disk that takes it. */
	bool is_unsettled;
};

/** One look. */
struct look {
	struct symlinks *s;
	struct table table;
	struct sights *sights;
	int64_t now;
	bool is_full;
	unsigned releases;
	/** Loads the links while the trees are walked: until look_wait() its thread has the store and the table. */
	struct thread loader;
	bool is_loading;
	int load_result;
	/** Of the mount, as it was found last; and what the store says of it. */
	struct health_verdict health;
	struct mount_facts facts;
	struct {
		char path[4096], state[32], reason[256], fstype[64];
		int64_t since, looked_at;
	} known;
	bool has_mount;
	/** Fresh links were stored before the mount was asked again. */
	bool has_early;
	/** Some targets are asked for their sizes. */
	bool wants_sizes;
	struct texts anchor_texts;
	VEC(const char *) anchors;
	/** Names of the question that is asked. */
	VEC(struct bytes) names;
	uint32_t next_target;
	/** Texts of a directory that is compared. */
	struct buf text, path, here;
	/** The first thing that hindered it. */
	int error;
	int64_t changes, judged;
	char note[160];
};

/** Looks at all; on return s->result says what came of it. */
int look_at_all(struct symlinks *s, bool full, char result[static 160]);
/** Waits until the known links are in the table. */
int look_wait(struct look *l);
/** 0, or -ECANCELED. */
int look_check(const struct look *l);

/* --- symlinks_mount.c --- */

/** What the store knows of the mount, and anchors. */
int look_load_health(struct look *l);
/** @again: the look has begun, and it must be the same mount. */
int look_ask_health(struct look *l, bool again);
int look_ask_health_again(struct look *l);
/** Tells the store what is new of it. */
int look_keep_health(struct look *l);

/* --- symlinks_diff.c --- */

/** Compares what was read of a directory with what is known; adds fresh links to the table, marks those that are not
 * there any more. */
int look_read_dir(struct look *l, uint32_t root, const struct looked_dir *d);
/** "here", torrent and so on of a target directory; row->path is set.  @name: of one file in it. */
void look_place(struct look *l, struct store_target_dir *row, struct bytes name);

/* --- symlinks_judge.c --- */

/** Puts a fresh link whose target is there at once. */
int look_put_early(struct look *l, uint32_t link);
/** Puts a fresh link whose target was not asked for, because the look ends early. */
int look_put_unseen(struct look *l, uint32_t link);
/** Judges all links, tells the store what changed. */
int look_judge(struct look *l);

#endif
