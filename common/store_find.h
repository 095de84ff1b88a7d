/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Questions about searching: wishes, authorities, what was searched and found, requests, budgets.  As in store_read.h.
 * A series is named by its key (its folded title), which outlives its row.
 */
#ifndef COMMON_STORE_FIND_H
#define COMMON_STORE_FIND_H

#include "common/store_read.h"

/** Key, title and name in the mount of a series. */
typedef int store_key_fn(void *arg, const char *key, const char *title, const char *shown);
int store_series_key(struct store *s, int64_t series, store_key_fn *fn, void *arg);
/** Copies of its key and title, which the caller frees, also after a failure. */
int store_series_names(struct store *s, int64_t series, char **key, char **title);

/** What the user wishes of a series. */
struct store_wish {
	const char *key, *title;
	/** 1, 0; -1: as the configuration says. */
	int monitored, automatic;
	/** Volumes that the series has; 0: he does not say. */
	int64_t total;
	/** "": as the configuration says. */
	const char *language;
	/** Volumes that are never missing, ascending, separated by spaces. */
	const char *ignored;
	/** A pinned page of the authority; "" none. */
	const char *url;
	/** Other names of the series, one a line. */
	const char *aliases;
};
typedef int store_wish_fn(void *arg, const struct store_wish *row);
/** -ENOENT when he never wished anything. */
int store_wish(struct store *s, const char *key, store_wish_fn *fn, void *arg);

/** What an authority said of a series; numbers as in indexer/search/authority.h. */
struct store_authority {
	const char *key, *source;
	/** 0 known, 1 ambiguous, 2 not known there, -1 never answered. */
	int known;
	const char *url, *title, *aliases, *status, *choices, *error;
	int64_t released, original, planned, planned_at, asked_at, next_at, ordered_at;
};
typedef int store_authority_fn(void *arg, const struct store_authority *row);
int store_authority(struct store *s, const char *key, store_authority_fn *fn, void *arg);
/** Who may be asked about. */
struct store_authority_ask {
	const char *source;
	int64_t now;
	/** What the configuration says of series without a wish; whether any is asked about without an order. */
	bool monitored, by_itself;
	/** The longest that one waits, and one that has ended: who waits longer was told so before the clock was
	 * set back. */
	int64_t wait, wait_ended;
};
/** The series to ask about now: ordered ones, then monitored ones. */
int store_authority_next(struct store *s, const struct store_authority_ask *ask, int64_t *series);
/** *at: when the next one is due; 0 when none is. */
int store_authority_due(struct store *s, const char *source, bool monitored, int64_t *at);

/** A series that an authority knows. */
struct store_news {
	const char *series, *shown, *owned;
	int64_t id;
	struct store_authority said;
};
typedef int store_news_fn(void *arg, const struct store_news *row);
int store_news(struct store *s, store_news_fn *fn, void *arg);
/** Volumes that are out and not owned. */
int store_announced(struct store *s, int64_t series, int (*fn)(void *arg, int64_t volume), void *arg);

/** One series at one source. */
struct store_searched {
	const char *key, *source;
	/** Last answer, 0 none; last attempt; not before. */
	int64_t at, tried_at, next_at;
	/** "found", "nothing", "failed"; "" before the first. */
	const char *outcome, *error;
	int64_t results, confirmed, streak, ordered_at;
};
typedef int store_searched_fn(void *arg, const struct store_searched *row);
/** @source NULL: of all. */
int store_searched(struct store *s, const char *key, const char *source, store_searched_fn *fn,
		   void *arg);
/** Of each source that was asked, the series that it was asked about last; without its key. */
int store_searched_last(struct store *s, store_searched_fn *fn, void *arg);

/** Which flows are on. */
struct store_flows {
	bool missing, fresh;
};
/** What one source looks for. */
struct store_search_ask {
	const char *source;
	int64_t now;
	/** Whether series are monitored unless a wish says other. */
	bool monitored;
	struct store_flows flows;
	/** Only volumes that nothing confirmed was found for, after the sources of `before` looked. */
	bool only_rest;
	/** " ebdz " and how many; */
	const char *before;
	int before_count;
	/** False: only what was ordered. */
	bool by_itself;
};
/** The series to search now; -ENOENT.  *is_ordered, *is_new: by the user; it misses a volume since
 * the last attempt. */
int store_search_next(struct store *s, const struct store_search_ask *ask, int64_t *series,
		      bool *is_ordered, bool *is_new);
int store_search_due(struct store *s, const char *source, bool monitored, int64_t *at);
typedef int store_volume_fn(void *arg, int64_t volume, const char *kind);
/** Missing volumes of a series that no client has. */
int store_wanted(struct store *s, int64_t series, struct store_flows flows, store_volume_fn *fn,
		 void *arg);
int store_wanted_count(struct store *s, bool monitored, int64_t *n);
/** Monitored series that miss something; other names, one a line: the user's, an authority's. */
typedef int store_wanted_fn(void *arg, int64_t series, const char *title, const char *mine,
			    const char *theirs);
int store_wanted_series(struct store *s, bool monitored, store_wanted_fn *fn, void *arg);
/** The median of the sizes of its single volumes; 0 without. */
int store_usual_bytes(struct store *s, int64_t series, int64_t *bytes);

struct store_result {
	int64_t id;
	const char *key, *source, *guid, *title, *link, *page, *indexer, *protocol, *hash, *context,
		*reason;
	int64_t indexer_id, size, published_at, seeders, leechers, score, seen_at;
	/** 0 confirmed, 1 unconfirmed, 2 rejected. */
	int verdict;
	/** first > last: not known. */
	int64_t first, last, covers;
	bool is_complete;
};
typedef int store_result_fn(void *arg, const struct store_result *row);
int store_result(struct store *s, int64_t id, store_result_fn *fn, void *arg);
/** Best first.  @volume -1: all of the series; else those that hold it or may. */
int store_results(struct store *s, const char *key, int64_t volume, store_result_fn *fn, void *arg);

/** One hand-over to a client; see the table. */
struct store_handed {
	int64_t id;
	const char *ident, *hash, *protocol, *source, *guid, *title, *indexer, *link, *client, *step, *text;
	int64_t indexer_id, size, speed, seconds_left, tries, next_at, created_at, sent_at, changed_at;
	double progress;
	bool automatic;
	/** How many times in a row the client did not know it. */
	int64_t missed;
};
typedef int store_handed_fn(void *arg, const struct store_handed *row);
int store_handed(struct store *s, int64_t id, store_handed_fn *fn, void *arg);
/** The one that is due first; -ENOENT. */
int store_handed_due(struct store *s, int64_t now, store_handed_fn *fn, void *arg);
/** *at: when the next one is due, 0 none. */
int store_handed_next(struct store *s, int64_t *at);
/** A series whose volumes are wanted again after a hand-over that failed or is gone; -ENOENT. */
int store_request_due_again(struct store *s, int64_t now, int64_t *series);
/** The row of an identity; -ENOENT. */
int store_handed_find(struct store *s, const char *ident, int64_t *id);
/** Those that a client has, and *since when the one stands still that did not move for longest; 0 without. */
int store_handed_stuck(struct store *s, int64_t *n, int64_t *since);
/** Automatic ones since @since. */
int store_handed_today(struct store *s, int64_t since, int64_t *n);

struct store_request {
	int64_t id;
	const char *key, *series, *flow, *state, *reason;
	int64_t volume, tries, next_at, created_at, changed_at, handed_id, result_id;
	/** Of the best result: what it is. */
	const char *title, *source, *indexer;
	int64_t size, first, last;
	/** handed.id 0: not handed over. */
	struct store_handed handed;
};
typedef int store_request_fn(void *arg, const struct store_request *row);
/** All, those of one hand-over together. */
int store_requests(struct store *s, store_request_fn *fn, void *arg);
/** The first @most that were found and wait to be handed over, by series and volume. */
int store_requests_waiting(struct store *s, int64_t most, store_request_fn *fn, void *arg);
/** The @most that were handed over and changed last, those that arrived behind all others; and how many there are. */
int store_requests_handed(struct store *s, int64_t most, store_request_fn *fn, void *arg);
int store_requests_handed_count(struct store *s, int64_t *n);
/** How many are in a state and not handed over. */
int store_request_count(struct store *s, const char *state, int64_t *n);
/** *result, *handed: 0 none; *volume. */
int store_request(struct store *s, int64_t id, int64_t *result, int64_t *handed, int64_t *volume);
typedef int store_request_of_fn(void *arg, int64_t id, const char *key, const char *series,
				int64_t volume, const char *state);
int store_requests_of(struct store *s, int64_t handed, store_request_of_fn *fn, void *arg);
/** Requests whose state nobody was told of. */
struct store_untold {
	int64_t id, volume, handed_id;
	const char *series, *state, *reason, *flow, *title, *client;
};
typedef int store_untold_fn(void *arg, const struct store_untold *row);
int store_untold(struct store *s, store_untold_fn *fn, void *arg);
/** Finds that could be handed over by themselves; automatic: the wish, -1 as configured; since when
 * the volume is missing. */
typedef int store_found_fn(void *arg, int64_t result, const char *flow, int automatic, int64_t since);
int store_found(struct store *s, int64_t now, bool monitored, store_found_fn *fn, void *arg);

/** Budgets: the columns of struct limit_row (indexer/net/limit.h). */
struct store_host {
	const char *name, *reason;
	int64_t day, used_day, refused_day, calls, failures, refusals, open_at, streak, last_ok_at,
		last_failure_at;
	struct bytes recent;
};
typedef int store_host_fn(void *arg, const struct store_host *row);
int store_hosts(struct store *s, store_host_fn *fn, void *arg);
typedef int store_host_day_fn(void *arg, int64_t day, int64_t calls, int64_t refused, int64_t failures);
int store_host_days(struct store *s, const char *name, store_host_day_fn *fn, void *arg);

struct store_feed {
	/** outcome: "read", "failed"; "unusable": it is configured wrongly. */
	const char *source, *mark, *outcome, *error;
	int64_t at, tried_at, next_at, posts;
};
typedef int store_feed_fn(void *arg, const struct store_feed *row);
int store_feed(struct store *s, const char *source, store_feed_fn *fn, void *arg);
int store_feeds(struct store *s, store_feed_fn *fn, void *arg);

/** Answers that are still used again, those of them that found nothing, results kept and their bytes. */
int store_search_counts(struct store *s, int64_t fresh_since, int64_t now, int64_t *entries,
			int64_t *negative, int64_t *results, int64_t *bytes);

#endif
