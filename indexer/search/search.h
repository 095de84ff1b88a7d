/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Searching by itself: one thread for each source and authority, each with its own pace.  What is
 * due is asked from the store, what is found goes there: nothing is kept in memory, so a restart
 * goes on where it was.
 *
 * A source has one query at a time, for a whole series, and its answer serves every volume of it
 * (judge.h); feeds are read first and matched against all that is wanted.  An answer counts for
 * an hour, an empty one for a day and then longer and longer; a failure is no answer.
 */
#ifndef INDEXER_SEARCH_SEARCH_H
#define INDEXER_SEARCH_SEARCH_H

#include "indexer/load/finds.h"
#include "indexer/search/authority.h"
#include "indexer/search/source.h"

struct search;

/** Borrowed until search_free(). */
struct search_options {
	const struct config *config;
	const char *state_dir;
	struct writer *writer;
	struct net *net;
	/** A scan runs: what seems to be missing may be read in a moment, so nothing is searched by
	 * itself.  NULL: none ever does. */
	bool (*is_scanning)(void *arg);
	void *arg;
	/** NULL-ended; NULL: all of SOURCES, AUTHORITIES. */
	const struct source *const *sources;
	const struct authority *const *authorities;
};

int search_new(const struct search_options *options, struct search **out);
int search_start(struct search *s);
/** Calls of net must end first (http_cancel). */
void search_free(struct search *s);

/** Something may be due: a commit, an order. */
void search_poke(struct search *s);
/** Nothing new is begun while it is paused. */
void search_pause(struct search *s, bool paused);
bool search_is_paused(struct search *s);

/** Seekers: sources that the configuration uses, then authorities. */
size_t search_count(const struct search *s);
const char *search_name(const struct search *s, size_t seeker);
bool search_is_authority(const struct search *s, size_t seeker);
/** Why a source cannot be used, "" when it can. */
const char *search_fault(const struct search *s, size_t seeker);

/**
 * One action of one seeker, in the caller's thread: 1 when something was done, 0 when nothing is
 * due before *next_at.  For the threads, and for tests with a clock of their own.
 */
int search_step(struct search *s, size_t seeker, int64_t *next_at);
/** Before a step, by whoever makes it: the clock was set back since the last one. */
void search_set_back(struct search *s, size_t seeker);

#endif
