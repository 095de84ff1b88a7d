/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A plan while it is made: between repair_plan.c (which torrents, the whole) and repair_judge.c (what is to be done about one). */
#ifndef INDEXER_REPAIR_REPAIR_PLAN_H
#define INDEXER_REPAIR_REPAIR_PLAN_H

#include "indexer/repair/repair_private.h"

enum candidate_kind {
	/** The provider's list says that it failed. */
	CANDIDATE_FAILED,
	/** Links into the only torrent of that name are broken. */
	CANDIDATE_BROKEN,
	/** The torrent of that name is gone, and one with its hash is there under another name: id is that one's. */
	CANDIDATE_MOVED,
	/** Several torrents have that name; none has. */
	CANDIDATE_AMBIGUOUS,
	CANDIDATE_UNKNOWN,
};

struct candidate {
	enum candidate_kind kind;
	/** Of the provider's table. */
	const char *provider;
	char id[PROVIDER_ID], hash[PROVIDER_HASH];
	/** As the links' texts have it; owned. */
	char *name;
};

enum { PLAN_TEXTS = 8 };

/** A row and its texts, owned. */
struct planned_item {
	struct store_plan_item row;
	char *texts[PLAN_TEXTS];
};

struct planner {
	struct repair *r;
	VEC(struct candidate) candidates;
	/** The first so many are CANDIDATE_FAILED. */
	size_t failed;
	/** The next one. */
	size_t at;
	VEC(struct planned_item) items;
	int64_t started_at, calls;
	bool automatic;
};

/** What is to be done about one: at most one call.  0; -EAGAIN: it cannot be asked now (*at: when). */
int plan_candidate(struct planner *p, struct candidate *c, int64_t *at);
/** Steps beyond the caps are held. */
void plan_cap(struct planner *p);

#endif
