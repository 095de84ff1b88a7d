/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Who knows which volumes of a series exist.  A new authority: one file and one word.
 * (ComicInfo's Count and the user's word are weighed in monitor_missing.c.)
 */
#ifndef INDEXER_SEARCH_AUTHORITY_H
#define INDEXER_SEARCH_AUTHORITY_H

#include "indexer/release.h"

enum known {
	/** The series was found: the numbers below count. */
	KNOWN_YES,
	/** Several may be meant, or none has exactly that title: `choices` says which there are. */
	KNOWN_AMBIGUOUS,
	/** It answered, and has none of that title. */
	KNOWN_NO,
};

struct authority_answer {
	enum known known;
	/** Its page and title; the page can be pinned. */
	char url[512], title[256];
	/** Other titles of the series, one a line. */
	struct buf aliases;
	/** Volumes out in the library's language, and in the original; -1 unknown. */
	int64_t released, original;
	/** The next one that is announced, -1 none; its date in ns since 1970, 0 unknown. */
	int64_t planned, planned_at;
	/** "ongoing", "finished", "abandoned", "paused", "" unknown: of the edition. */
	char status[16];
	/** Title TAB address, one a line; when ambiguous. */
	struct buf choices;
};

#define AUTHORITY_ANSWER_INIT \
	((struct authority_answer){.aliases = BUF_INIT(8192), .choices = BUF_INIT(16384), \
				   .released = -1, .original = -1, .planned = -1})

struct authority {
	const char *name;
	/** Options: least time between two pages of a series, and of one that is finished. */
	enum option_id interval, interval_finished;
	/** As of sources. */
	int (*open)(const struct outside *o, void **state, char *why);
	void (*close)(void *state);
	/**
	 * @url: its page when it is known already (pinned, or found before), else "" and @series is
	 * looked for.  0, -EAGAIN with *at, or -errno with @why; -EPERM: it blocks us, and is closed for hours.
	 */
	int (*ask)(void *state, const char *series, const char *url, struct authority_answer *a,
		   int64_t *at, char *why);
};

#define AUTHORITIES(X) X(nautiljon)

#define X(name) extern const struct authority authority_##name;
AUTHORITIES(X)
#undef X

#endif
