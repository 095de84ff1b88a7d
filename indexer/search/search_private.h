/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between the files of the search. */
#ifndef INDEXER_SEARCH_SEARCH_PRIVATE_H
#define INDEXER_SEARCH_SEARCH_PRIVATE_H

#include <pthread.h>

#include "common/thread.h"
#include "common/vec.h"
#include "indexer/search/judge.h"
#include "indexer/search/plan.h"
#include "indexer/search/search.h"

/** One source or authority. */
struct seeker {
	struct search *search;
	const struct source *source;
	const struct authority *authority;
	void *state;
	struct thread thread;
	bool is_running;
	/** Why it cannot be opened. */
	char fault[WHY];
	/* only its thread: */
	struct store *store;
	/** Nothing before that: no budget, or it failed; and since when. */
	int64_t closed_until, closed_at;
	/** The clock was: what it says is due may be late already. */
	bool is_set_back;
	/** Calls that the last readings of its feed took, and what one usually takes. */
	int read[3], feed_calls;
	/** In a row; read by other seekers. */
	_Atomic int failures;
};

struct search {
	struct search_options o;
	VEC(struct seeker) seekers;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* protected by lock: */
	bool is_ending, is_paused;
	unsigned pokes;
};

/** A release that was found, its texts copied. */
struct found {
	struct release release;
	char *texts;
	/** Only kept when it is not rejected: it merely begins like a title that is wanted. */
	bool is_guess;
};

typedef VEC(struct found) found_list;

enum {
	/** Releases taken from one answer. */
	FOUND_MOST = 5000,
};

/** A release_fn: @arg is a found_list. */
int found_add(void *arg, const struct release *r);
void found_clear(found_list *list);

/* --- search_series.c --- */

/** What is known of a series that is searched; texts owned. */
struct series_facts {
	int64_t id;
	char *key, *title, *language, *mine, *theirs;
	VEC(char *) aliases;
	VEC(int) wanted;
	int64_t usual_bytes;
};

int facts_load(struct seeker *k, int64_t series, struct series_facts *f);
void facts_clear(struct series_facts *f);
/** Cuts lines (changed) into f->aliases. */
void facts_add_aliases(struct series_facts *f, char *lines);
/** Judges releases and keeps them; @said NULL: of a feed, or judged anew. */
int series_answer(struct seeker *k, const struct series_facts *f, const found_list *list,
		  const struct store_searched *said, int64_t now);
/** Searches one series, or judges anew what is still known. */
int series_search(struct seeker *k, int64_t series, int64_t now);
/** Which flows the source serves. */
struct store_flows series_flows(const struct seeker *k);

/* --- search_feed.c --- */

/** 1: the feed was due and was read; -errno: it was tried; 0: *next_at says when it is due. */
int feed_step(struct seeker *k, int64_t now, int64_t *next_at);
int64_t feed_interval(const struct seeker *k);

/* --- search_new.c --- */

int authority_step(struct seeker *k, int64_t now, int64_t *next_at);

/** Nothing more of the seeker before @until. */
void seeker_close(struct seeker *k, int64_t now, int64_t until);
/** Notes a failure of the seeker: closes it for a while.  @at: its own word, 0 none. */
void seeker_failed(struct seeker *k, int64_t now, int64_t at);

#endif
