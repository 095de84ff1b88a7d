/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Questions about repairs: torrents at a debrid provider, what was tried, what waits, plans, the
 * journal, insertions, numbers.  As in store_read.h.
 */
#ifndef COMMON_STORE_REPAIR_H
#define COMMON_STORE_REPAIR_H

#include "common/store_read.h"

/** A torrent at a provider, as it said last. */
struct store_torrent {
	const char *provider, *id;
	/** Info-hash, 40 hex digits, lower case. */
	const char *hash;
	/** Name of its folder on the mount; bytes as the provider writes them (UTF-8 NFC). */
	const char *name;
	/** The provider's own word: downloaded, magnet_error, dead, …; "gone": it said 404. */
	const char *status;
	int64_t bytes, links;
	/** 0 to 100. */
	double progress;
	int64_t added_at, ended_at, first_seen, last_seen;
	/** When it answered 404 to this id: its positive word; 0. */
	int64_t gone_at;
	/** 3 high, 2, 1 low: see repair/priority. */
	int priority;
	int64_t attempts, last_attempt_at, last_success_at;
	/** Links of ours into it that are broken: own state symlink_broken. */
	int64_t broken;
};
typedef int store_torrent_fn(void *arg, const struct store_torrent *row);
/** @status "" all; else that status; "failed": every failed one (magnet_error, error, virus, dead, or links of ours are
 * broken); "symlink_broken": only those.  By priority, then oldest attempt. */
int store_torrents(struct store *s, const char *status, store_torrent_fn *fn, void *arg);
int store_torrent(struct store *s, const char *provider, const char *id, store_torrent_fn *fn, void *arg);
/** Exactly that name, or that hash. */
int store_torrents_named(struct store *s, const char *provider, struct bytes name, store_torrent_fn *fn,
			 void *arg);
int store_torrents_hashed(struct store *s, const char *provider, const char *hash, store_torrent_fn *fn,
			  void *arg);
typedef int store_torrent_count_fn(void *arg, const char *status, int64_t n, int64_t bytes);
int store_torrent_counts(struct store *s, store_torrent_count_fn *fn, void *arg);

/** One try to mend a torrent; outcome "success", or the word for its failure. */
struct store_attempt {
	int64_t id, at, response_ms;
	const char *provider, *torrent, *hash, *name, *outcome, *error;
	/** The provider's code, 0 none. */
	int64_t code;
};
typedef int store_attempt_fn(void *arg, const struct store_attempt *row);
/** The newest @most. */
int store_attempts(struct store *s, int64_t most, store_attempt_fn *fn, void *arg);

/** What will never be tried again. */
struct store_permanent {
	const char *provider, *hash, *torrent, *name, *kind, *reason;
	int64_t at, handled_at;
};
typedef int store_permanent_fn(void *arg, const struct store_permanent *row);
int store_permanents(struct store *s, store_permanent_fn *fn, void *arg);
/** -ENOENT: that hash may be tried. */
int store_permanent(struct store *s, const char *provider, const char *hash, store_permanent_fn *fn, void *arg);

/** What is tried again later; tries never goes back to 0 while the row lives, and the row outlives its last try. */
struct store_retry {
	const char *provider, *hash, *torrent, *name, *kind, *reason;
	int64_t first_at, due_at, tries, last_at;
	/** No more: tried as often as allowed. */
	bool is_spent;
};
typedef int store_retry_fn(void *arg, const struct store_retry *row);
int store_retries(struct store *s, store_retry_fn *fn, void *arg);
int store_retry(struct store *s, const char *provider, const char *hash, store_retry_fn *fn, void *arg);

/** A scan of the provider: kind "quick", "full", "symlinks". */
struct store_torrent_scan {
	const char *kind;
	/** "idle", "running", "paused" (its session is used up), "completed", "failed". */
	const char *state, *error;
	/** Items received so far of the present round, and what the provider said it has (-1 not). */
	int64_t offset, total;
	int64_t started_at, ended_at, completed_at, items, calls;
};
typedef int store_torrent_scan_fn(void *arg, const struct store_torrent_scan *row);
/** Not those whose kind begins with "order ": what was ordered and not begun. */
int store_torrent_scans(struct store *s, store_torrent_scan_fn *fn, void *arg);
int store_torrent_scan(struct store *s, const char *kind, store_torrent_scan_fn *fn, void *arg);

/** One step of a plan. */
struct store_plan_item {
	const char *plan;
	int64_t item;
	/** "reinsert", "relink", "remove"; "none": a person has to see to it. */
	const char *action;
	const char *provider, *torrent, *hash, *name;
	/** Links that it is about: id of each, separated by spaces; how many. */
	const char *link_ids;
	int64_t links;
	/** Sentences. */
	const char *why, *evidence;
	/** API calls that it would cost at most. */
	int64_t calls;
	/** "planned", "queued" (ordered), "running", "waiting" (tried again later), "done", "failed", "refused" (the
	 * evidence changed), "held" (for a person). */
	const char *state, *reason;
	int64_t changed_at;
};
typedef int store_plan_item_fn(void *arg, const struct store_plan_item *row);
struct store_plan {
	/** 16 hex digits over everything that it would do. */
	const char *hash;
	/** "planned", "applying", "applied", "stale", "superseded". */
	const char *state;
	int64_t made_at, items, calls, held;
	/** By the indexer itself (auto_repair). */
	bool automatic;
};
typedef int store_plan_fn(void *arg, const struct store_plan *row);
/** The newest plan; -ENOENT. */
int store_plan_last(struct store *s, store_plan_fn *fn, void *arg);
int store_plan(struct store *s, const char *hash, store_plan_fn *fn, void *arg);
/** Those in a state, oldest first. */
int store_plans_in(struct store *s, const char *state, store_plan_fn *fn, void *arg);
int store_plan_items(struct store *s, const char *hash, store_plan_item_fn *fn, void *arg);

/** One change of a link: the row is durable before the link is touched. */
struct store_journal {
	int64_t id, at;
	const char *plan;
	int64_t item;
	/** "relink", "unlink". */
	const char *action;
	/** "planned" (the intent), "done", "failed", "undoing", "undone". */
	const char *step, *error;
	/** Absolute path of the links root; path below it. */
	struct bytes root, path;
	/** Texts of the link before and after (n 0: none). */
	struct bytes before, after;
	/** Of the link before: to be put back bit for bit. */
	int64_t uid, gid, mtime, inode;
	int64_t ended_at, undone_at;
};
typedef int store_journal_fn(void *arg, const struct store_journal *row);
/** @plan "": of all; newest first; @most 0: all. */
int store_journal(struct store *s, const char *plan, int64_t most, store_journal_fn *fn, void *arg);
int store_journal_row(struct store *s, int64_t id, store_journal_fn *fn, void *arg);
/** Rows whose step is not final ("planned", "undoing"): what a crash left. */
int store_journal_open(struct store *s, store_journal_fn *fn, void *arg);
/** Links changed at @since or later, for the caps (action "unlink" or "relink"): all whose step is not "failed". */
int store_journal_count(struct store *s, const char *action, int64_t since, int64_t *n);

/** Rows whose change failed. */
int store_journal_failed(struct store *s, int64_t *n);

/**
 * One torrent on its way back into the provider; for ever at most one that is not ended per (provider, hash).
 * step: planned → sent (durable before the call) → confirmed | unknown (only asking tells) → selected → downloaded →
 * visible → relinked → done | failed; "failing": the new one is taken away, then "undone".
 */
struct store_insertion {
	int64_t id;
	const char *provider, *hash, *name, *plan;
	int64_t item;
	const char *old_id, *new_id, *step, *error;
	/** JSON array of the paths that were selected in the old one. */
	const char *paths;
	/** The new one is our doing: our call answered with it, or it came after our call.  No other is ever removed. */
	int64_t is_ours;
	int64_t started_at, changed_at, next_at, deadline, tries;
};
typedef int store_insertion_fn(void *arg, const struct store_insertion *row);
/** Not ended, oldest next_at first. */
int store_insertions(struct store *s, store_insertion_fn *fn, void *arg);
/** The one of a hash that is not ended; -ENOENT. */
int store_insertion(struct store *s, const char *provider, const char *hash, store_insertion_fn *fn, void *arg);

/** An order to a media manager or server (Sonarr, Radarr, Plex, Jellyfin). */
struct store_told_item {
	int64_t id, at, item, command_id, changed_at;
	const char *instance, *action, *path, *title, *state, *text;
};
typedef int store_told_item_fn(void *arg, const struct store_told_item *row);
int store_told_items(struct store *s, int64_t most, store_told_item_fn *fn, void *arg);
/** Orders of an instance at @since or later: at most so many an hour. */
int store_told_count(struct store *s, const char *instance, int64_t since, int64_t *n);
/** To be given or followed: state is none of completed, done, failed, aborted, cancelled, orphaned, refused, skipped. */
int store_told_open(struct store *s, store_told_item_fn *fn, void *arg);

/** Numbers over time: {timestamp, type, name, value, tags}, as RDTM's metrics.jsonl. */
struct store_repair_sample {
	int64_t at;
	const char *type, *name, *tags;
	double value;
};
typedef int store_repair_sample_fn(void *arg, const struct store_repair_sample *row);
int store_repair_samples(struct store *s, int64_t since, store_repair_sample_fn *fn, void *arg);

/** Sums for metrics/realdebrid.json. */
struct store_repair_counts {
	int64_t attempts, successes, failures, permanent, retries_waiting, retries_spent, insertions_open,
		journal, undone;
};
int store_repair_counts(struct store *s, struct store_repair_counts *counts);

#endif
