/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Media managers and servers that are told about one item: Sonarr, Radarr (rescan and search of that item), Plex, Jellyfin (refresh of
 * one path).  A new one: one file and one word in MANAGERS.  Instances are lines of options: "NAME ADDRESS KEY-FILE".
 */
#ifndef INDEXER_REPAIR_ARR_H
#define INDEXER_REPAIR_ARR_H

#include "common/vec.h"
#include "indexer/release.h"

enum manager_act {
	/** Look at the item's files again. */
	MANAGER_RESCAN,
	/** Search for what the item lacks at this path. */
	MANAGER_SEARCH,
};

/** One item of an instance: found by the longest prefix of paths. */
struct manager_item {
	int64_t id;
	char title[256];
	/** The item's folder as the instance knows it. */
	char path[1024];
	/** Episodes of the file at the path that was asked for; Sonarr only. */
	VEC(int64_t) parts;
};

struct manager_command {
	int64_t id;
	/** "queued", "started", "completed", "failed", "aborted", "cancelled"; or the instance's own word. */
	char state[32];
	char text[160];
};

struct manager_kind {
	const char *name;
	/** The option with its instances. */
	enum option_id instances;
	/** One instance: address and key; @host is its budget's name. */
	int (*open)(const struct outside *o, const char *host, const char *address, const char *key, void **state, char *why);
	void (*close)(void *state);
	/** Its item with the longest path that is a prefix of @path at a '/' (already mapped); -ENOENT: none; -EAGAIN … as sources. */
	int (*find)(void *state, const char *path, struct manager_item *item, char *why);
	/** 0 when the root folder of the item is there and not empty as the instance sees it; -ENODEV it is not. */
	int (*ready)(void *state, const struct manager_item *item, char *why);
	/** Item-level only: never without an id. */
	int (*tell)(void *state, enum manager_act act, const struct manager_item *item, struct manager_command *c, char *why);
	/** How far it is; NULL: it tells nothing of that. */
	int (*follow)(void *state, int64_t command, struct manager_command *c, char *why);
	bool can_search;
};

#define MANAGERS(X) \
	X(sonarr) \
	X(radarr) \
	X(plex) \
	X(jellyfin)

#define X(name) extern const struct manager_kind manager_##name;
MANAGERS(X)
#undef X

/* --- all instances together (arr.c) --- */

struct managers;

/** -EINVAL with @why: an instance is configured wrongly; it is left out, the others work. */
int managers_new(const struct outside *o, struct managers **out, char *why);
void managers_free(struct managers *m);
size_t managers_count(const struct managers *m);

/** A step that is due for one path of ours. */
struct manager_step {
	/** Instance's name. */
	char instance[64];
	enum manager_act act;
	struct manager_item item;
	struct manager_command command;
};

/**
 * Tells every instance that knows the item at @path (a link's absolute path here; mapped with arr.path_map for each): rescan, then,
 * when @search, a search of that item where the kind can.  At most arr.per_hour orders an hour and instance, kept across
 * restarts by the caller: @allowed(arg, instance) says whether one more may be given now.  @done is called after each order,
 * accepted or not (@r 0 or -errno).  Returns the number of accepted ones or -errno.
 */
int managers_tell(struct managers *m, const char *path, bool search, bool (*allowed)(void *arg, const char *instance),
		  void (*done)(void *arg, const struct manager_step *step, int r, const char *why), void *arg);
/** Asks how a command ends; 0 with @c; -ENOTSUP. */
int managers_follow(struct managers *m, const char *instance, int64_t command, struct manager_command *c, char *why);

#endif
