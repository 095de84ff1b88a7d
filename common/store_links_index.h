/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by common/store_links*.c only: stems, and the rows that have them. */
#ifndef COMMON_STORE_LINKS_INDEX_H
#define COMMON_STORE_LINKS_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/vec.h"

struct links_index;

int links_index_new(struct links_index **out);
void links_index_free(struct links_index *x);

/** Additions lie between these two.  After a failure the index is of no use. */
int links_index_begin(struct links_index *x);
int links_index_commit(struct links_index *x);

/** The number of a stem, which is added when it is new. */
int links_index_stem(struct links_index *x, const struct buf *text, int64_t *id);
/** Row @row has @stem. */
int links_index_spot(struct links_index *x, int64_t stem, int64_t row);

struct link_hit {
	int64_t id;
	/** Which titles found it: a bit each. */
	unsigned needles;
	/** How well the best of them stands there: 0 as words, 1 from the begin of a word, 2 inside;
	 * 3 more for one that may have other numbers. */
	int rank;
};
struct link_hits {
	struct link_hit *data;
	size_t len, cap;
};

/** Adds the rows whose stems hold @text. @is_vague: its numbers stand for any. */
int links_index_find(struct links_index *x, const struct buf *text, unsigned needle, bool is_vague,
		     struct link_hits *out);
/** Best first, then greatest id first, each row once; how many are left. */
size_t links_index_rank(struct link_hits *hits);

#endif
