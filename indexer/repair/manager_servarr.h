/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The v3 API that Sonarr and Radarr have in common.
 *
 * Without an id, a command of theirs means the whole library: a rescan of everything while files are away, a search
 * of everything that was ever missing.  So no command can be written here that has none: each is a row of
 * enum servarr_command, each row names its member for ids, and an order whose ids are not all valid is not sent.
 */
#ifndef INDEXER_REPAIR_MANAGER_SERVARR_H
#define INDEXER_REPAIR_MANAGER_SERVARR_H

#include "indexer/repair/manager_web.h"

enum servarr_command {
	SERVARR_RESCAN_SERIES,
	SERVARR_SEARCH_EPISODES,
	SERVARR_RESCAN_MOVIE,
	SERVARR_SEARCH_MOVIES,
	SERVARR_COMMANDS,
};

/** A series or a film. */
struct servarr_item {
	int64_t id;
	/** Owned. */
	char *path, *title;
};

struct servarr {
	struct manager_web web;
	/** "/api/v3/series" */
	const char *items_path;
	VEC(struct servarr_item) items;
	/** When they were listed; ns since 1970, 0 never. */
	int64_t listed_at;
};

int servarr_open(struct servarr *s, const struct outside *o, const char *who, const char *host, const char *address,
		 const char *key, const char *items_path, char *why);
void servarr_clear(struct servarr *s);

/** As manager_kind's find and ready; what it has listed is believed for some minutes. */
int servarr_find(struct servarr *s, const char *path, struct manager_item *item, char *why);
int servarr_ready(struct servarr *s, const struct manager_item *item, char *why);
/** -EINVAL, and nothing is sent, unless there is at least one id and all are valid. */
int servarr_order(struct servarr *s, enum servarr_command command, const int64_t *ids, size_t n,
		  struct manager_command *c, char *why);
int servarr_follow(struct servarr *s, int64_t command, struct manager_command *c, char *why);

#endif
