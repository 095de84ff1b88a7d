/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between the files of repair: see repair.h for who does what.  All in the repair thread but for what is under the lock. */
#ifndef INDEXER_REPAIR_REPAIR_PRIVATE_H
#define INDEXER_REPAIR_REPAIR_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/cleanup.h"
#include "common/store_repair.h"
#include "common/store_symlinks.h"
#include "common/thread.h"
#include "common/vec.h"
#include "indexer/repair/arr.h"
#include "indexer/repair/hand.h"
#include "indexer/repair/repair.h"
#include "indexer/symlinks/health.h"
#include "indexer/symlinks/place.h"

struct open_provider {
	const struct provider *provider;
	void *state;
	/** The account refused us: nothing more is asked until the configuration is read again or a person orders something. */
	bool is_stopped;
	char reason[WHY];
	/** Nothing before that: its budget, or it failed. */
	int64_t closed_until;
	/** When the account answered well last, ns; its word counts for ACCOUNT_S. */
	int64_t account_at;
};

/** What was said of a torrent: repair_asked.c. */
struct asked {
	const struct provider *provider;
	/** For whose sake. */
	char hash[PROVIDER_HASH];
	char id[PROVIDER_ID];
	int64_t at;
	int result;
	struct provider_error error;
	struct provider_torrent torrent;
};

/** A hand and its root. */
struct open_hand {
	char *root;
	struct hand *hand;
};

/** What a person, or the timer, asks for; waits in a row. */
enum repair_want {
	WANT_QUICK,
	WANT_FULL,
	WANT_LINKS,
	WANT_PLAN,
	WANT_UNDO,
	WANT_COUNT,
};

struct planner;
struct scanner;

struct repair {
	struct repair_options o;
	VEC(struct open_provider) providers;
	struct places *places;
	struct managers *managers;
	struct thread thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	bool is_ending, is_paused;
	unsigned pokes;
	bool wants[WANT_COUNT];
	/** A person ordered something: what the account had stopped goes on. */
	bool goes_on;
	/** Words of undo orders, one order a line. */
	struct buf undo_words;
	/* only the thread: */
	_Atomic bool is_cancelled;
	struct store *store;
	struct looker *looker;
	VEC(struct open_hand) hands;
	/** In the work that goes on. */
	VEC(struct asked) asked;
	/** The hash for whose sake the newest torrents were listed, and when: not again while that work waits for a slot. */
	char listed[PROVIDER_HASH];
	int64_t listed_at;
	/** Where the search for a torrent that may have been added goes on: the insertion, and how far it came. */
	int64_t searching, searched;
	/** Of the mount, since it was asked about first in this run of repairs. */
	struct health_known known;
	struct health_verdict health;
	int64_t health_at;
	/** A plan that is being made; NULL. */
	struct planner *planner;
	/** Scans; NULL before the first step. */
	struct scanner *scanner;
	/** What was recovered after a start. */
	bool is_recovered;
	/** Items of this run so far, for the notice at its end; and links that were changed. */
	int64_t run_done, run_failed, run_held, run_links;
	bool is_running;
	/** A scan ended since anything was planned by itself. */
	bool has_scanned;
	int64_t purge_at, unkept_at;
};

static inline int64_t repair_now(const struct repair *r)
{
	return net_now(r->o.net);
}

/** Nothing outside the store may be changed, and no counter. */
static inline bool repair_is_dry(const struct repair *r)
{
	return r->o.is_dry && r->o.is_dry(r->o.arg);
}

/** Keeps an order until it is carried out (@words NULL). */
int repair_keep_want(struct repair *r, enum repair_want what, const char *words);

/** Dry run was switched on, somebody paused us, or we end: what is under way stops between two links. */
static inline bool repair_must_stop(struct repair *r)
{
	if (repair_is_dry(r))
		return true;
	LOCKED(&r->lock);
	return r->is_paused || r->is_ending;
}

struct open_provider *repair_provider(struct repair *r, const char *name);
/** What a failed call means for the provider as a whole: stops or closes it.  Returns @error. */
int repair_note_error(struct repair *r, struct open_provider *p, int error, const struct provider_error *e);
/** Whether it may be asked now; else *at, when (0: not by itself). */
bool repair_may_ask(struct repair *r, const struct open_provider *p, int64_t *at);
/** The account answered within the last ten minutes, or answers now: 0 or -errno. */
int repair_account(struct repair *r, struct open_provider *p);

/** As info(); it is not asked again while the present work waits for the slot of a later call.  *out: until the next call. */
int repair_ask(struct repair *r, struct open_provider *p, const char *hash, const char *id,
	       const struct provider_torrent **out, struct provider_error *e);
/** The work for that hash is over (NULL: all), or something was changed there. */
void repair_forget_asked(struct repair *r, const char *hash);

/** A person orders something: what had stopped may go on. */
void repair_let_go_on(struct repair *r);

/** repair_health.c: looks at the mount again unless it was just looked at (@fresh: always).  True when healthy; r->health says why not. */
bool repair_is_healthy(struct repair *r, bool fresh);
/** Forgets which mount it was: a run begins. */
void repair_health_begin(struct repair *r);
/** The hand of a links root; NULL without memory. */
struct hand *repair_hand(struct repair *r, const char *root);

/* --- copies of rows that live longer than a question --- */

struct kept_link {
	struct store_symlink row;
	char *bytes;
	/** Absolute path of its root. */
	char *root;
};
typedef VEC(struct kept_link) kept_links;
/** A store_symlink_fn: @arg is a kept_links. */
int keep_link(void *arg, const struct store_symlink *row);
/** After the question: the paths of their roots. */
int keep_links_roots(struct repair *r, kept_links *list);
void kept_links_clear(kept_links *list);
/** Its path below its root. */
int kept_link_path(const struct kept_link *k, struct buf *out);

struct kept_torrent {
	struct store_torrent row;
	char *texts;
};
typedef VEC(struct kept_torrent) kept_torrents;
/** A store_torrent_fn: @arg is a kept_torrents. */
int keep_torrent(void *arg, const struct store_torrent *row);
void kept_torrents_clear(kept_torrents *list);

/** Zeroed before its first use. */
struct kept_item {
	struct store_plan_item row;
	char *texts;
};
/** A store_plan_item_fn that keeps the first row it gets: @arg is a struct kept_item. */
int keep_item(void *arg, const struct store_plan_item *row);
void kept_item_clear(struct kept_item *k);

/** Zeroed before its first use. */
struct kept_insertion {
	struct store_insertion row;
	char *texts;
};
/** The same of a store_insertion_fn. */
int keep_insertion(void *arg, const struct store_insertion *row);
void kept_insertion_clear(struct kept_insertion *k);

/** repair_judge.c: the index learns what the provider said of one; one that it knows keeps its first_seen. */
int repair_remember(struct repair *r, const char *provider, const struct provider_torrent *t, int64_t first_seen);

/** repair_judge.c: why links into a torrent are not removed though it was refused for good; NULL: they may be. */
const char *removal_doubt(struct repair *r, const char *provider, const char *hash, const char *name, const char *kind);

/* --- repair_plan.c --- */

/** Begins a plan: what is broken is collected; @automatic: only what may be done without a person. */
int plan_begin(struct repair *r, bool automatic);
/** One torrent of it: at most one call.  1 done something; 0 waits until *at; plan_is_done() then. */
int plan_step(struct repair *r, int64_t *at);
void plan_drop(struct repair *r);

/* --- repair_apply.c --- */

/** Orders a planned plan as a whole: what is not held. */
int apply_all(struct repair *r, const char *hash);
/** One thing that a plan whose carrying out was ordered needs next.  1; 0 and *at. */
int apply_step(struct repair *r, int64_t *at);

/* --- repair_insert.c --- */

/** repair_begin.c: begins the insertion of a plan's item; 0 when it is on its way (its row is durable), or the item ended. */
int insert_begin(struct repair *r, const struct store_plan_item *item);
/** The next step of an insertion that is due.  1; 0 and *at. */
int insert_step(struct repair *r, int64_t *at);

/* --- repair_links.c: changing links, each after its journal row --- */

/** How many links may be changed now by the caps (a run, a share, a day). */
int64_t links_allowed(struct repair *r);
/**
 * Changes links of an item, @after[i] (empty: unlink) replacing the text of @links[i]; mount, target and text are
 * asked for anew before each; one that is so already is left.  *done: how many.  -ENODEV: the mount is not
 * healthy any more; -EDQUOT: the caps; -ETIMEDOUT, -EBUSY: a hand hangs; the rest stays.  -ESTALE: some are not what was
 * recorded, other errors: some could not be changed; the others were.  @why: a sentence.
 */
int links_change(struct repair *r, const char *plan, int64_t item, const kept_links *links, const struct bytes *after,
		 int64_t *done, char *why);

/** Whether links were changed so for an item at @since or later, as the journal says: before a crash, too.  True when it
 * cannot be read. */
bool links_changed(struct repair *r, const char *plan, int64_t item, const char *action, int64_t since);

/* --- repair_move.c --- */

/** The text of a link, and its path here, when its torrent is called @name; -EINVAL: it cannot be said without guessing. */
int link_moved(struct repair *r, const struct kept_link *k, const char *name, struct buf *text, struct buf *here);
/** A torrent whose files are (to be) seen under a name. */
struct moving {
	const char *plan;
	int64_t item;
	/** As our links call it, and as the mount does now. */
	const char *torrent, *name;
	/** The files that it holds (JSON); NULL: all that links lead to. */
	const char *paths;
};
/**
 * Whether the files that our links into move->torrent want are seen, in their place or under the new name; links that are
 * surely broken are led there.  Without links: whether its folder is seen.  0; -EAGAIN: not yet; else as links_change().
 */
int links_restore(struct repair *r, const struct moving *move, char *why);

/* --- repair_tell.c --- */

/** Managers are told of a link's item: a row each, given when the hour allows. */
int tell_item(struct repair *r, int64_t item, const char *path, bool search);
/** A rescan, no search, for each folder of the links that were broken. */
void tell_folders(struct repair *r, int64_t item, const kept_links *links);
/** Gives what waits and follows what runs.  1; 0 and *at. */
int tell_step(struct repair *r, int64_t *at);
/** The run is over: one notice. */
void tell_summary(struct repair *r);

#endif
