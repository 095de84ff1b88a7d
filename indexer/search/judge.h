/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Whether a release is what is wanted: by the one parser of names (extract/guess.h).  Pure.
 *
 * confirmed: series and volumes are proved by the name, language and format are acceptable.
 * unconfirmed: it may be; the reason says what is not proved.  rejected: it is not; the reason
 * says why.
 */
#ifndef INDEXER_SEARCH_JUDGE_H
#define INDEXER_SEARCH_JUDGE_H

#include "indexer/release.h"

enum verdict_kind { VERDICT_CONFIRMED, VERDICT_UNCONFIRMED, VERDICT_REJECTED };

/** "confirmed", "unconfirmed", "rejected". */
const char *verdict_name(enum verdict_kind kind);

struct judge_series {
	/** As the library calls it, and its other names; compared by text_fold_title() without a leading article. */
	const char *title;
	const char *const *aliases;
	size_t alias_count;
	/** Missing (or new) volumes, ascending. */
	const int *wanted;
	size_t wanted_count;
	/** Median bytes of a volume that is owned; 0 unknown. */
	int64_t usual_bytes;
	/** ISO 639-1 that is acceptable, "" any.  A release that tells no language is taken to be in @source_language. */
	const char *language;
	/** Language that releases of this source have when they tell none, "" unknown (then it is not held against them). */
	const char *source_language;
	/** Suffixes not wanted, NULL-ended ("epub"). */
	const char *const *blocked;
};

struct verdict {
	enum verdict_kind kind;
	/** Why not confirmed: a clause for people; "" when it is. */
	char reason[160];
	/** The volumes it holds; first > last: not known.  Whole numbers. */
	int first, last;
	/** An intégrale that does not say which: stands for all. */
	bool is_complete;
	/** How many of the wanted volumes. */
	int covers;
	/** Greater is better: confirmed, coverage, format (cbz > cbr > pdf > epub), seeders or
	 * availability, plausible size, age; in this order. */
	int64_t score;
};

/** @now: ns since 1970, for the age. */
void judge(const struct judge_series *s, const struct release *r, int64_t now, struct verdict *out);

/** Appends the key by which titles are compared: folded, no leading article ("Les", "The", "L'"),
 * trailing articles put right ("Title (Les)", "Title, Le"). */
void judge_key(const char *title, size_t n, struct buf *key);

/** The keys a release may be found under: of its title's series, then of its context's; "" for none. */
void judge_keys(const struct release *r, struct buf *by_title, struct buf *by_context);

#endif
