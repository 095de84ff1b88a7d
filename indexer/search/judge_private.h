/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Private to judge*.c: one release under judgement.
 *
 *   judge.c         the order of the checks, the volumes, language and size
 *   judge_series.c  keys of titles, and whether the release is of the series
 *   judge_words.c   words that tell another kind of work, another edition, a format
 *   judge_score.c   the rank
 */
#ifndef INDEXER_SEARCH_JUDGE_PRIVATE_H
#define INDEXER_SEARCH_JUDGE_PRIVATE_H

#include "indexer/extract/guess.h"
#include "indexer/search/judge.h"

enum format {
	FORMAT_UNKNOWN,
	FORMAT_CBZ,
	FORMAT_CBR,
	FORMAT_CB7,
	FORMAT_PDF,
	FORMAT_EPUB,
	FORMAT_BOOK,
	/** Video, sound, programs: never a comic. */
	FORMAT_FOREIGN,
};

enum { KEY_MAX = 4096, TITLE_MAX = 2048 };

struct look {
	const struct judge_series *series;
	const struct release *release;
	int64_t now;
	/** What the release's name and its context tell. */
	struct guess name, context;
	/** All words of the name, and of the series' titles: folded, a space at each end. */
	struct buf words, known;
	enum format format;
	struct verdict *out;
};

/** It is not: the first reason stays. */
void look_reject(struct look *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** It may be: the first doubt stays, and gives way to a rejection. */
void look_doubt(struct look *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* judge_series.c */

/** A title as the parser of names gets it: a '/' in it does not part folders. */
void series_name(const char *title, struct buf *name);
/** Whether name or context prove the series; may read the name anew when the title holds numbers.
 */
void check_series(struct look *l);

/* judge_words.c */

/** True when @phrase stands in the name but not in the titles of the series. */
bool words_told(const struct look *l, const char *phrase);
/** A light novel, a soundtrack, a film. */
void check_kind(struct look *l);
/** An edition with volumes of its own. */
void check_edition(struct look *l);
void check_format(struct look *l);

/* judge_score.c */

int64_t judge_score(const struct look *l);

#endif
