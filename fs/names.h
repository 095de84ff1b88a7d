/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Names of a small directory, made from titles and unique without regard to case. */
#ifndef FS_NAMES_H
#define FS_NAMES_H

#include "fs/node.h"

enum {
	/** Bytes to keep free behind a stem: for ".", " (NNNN)". */
	NAMES_RESERVE = 9,
};

struct name_slot;

struct names {
	struct name_slot *slot;
	size_t len, cap;
	/** Places in slot by hash of the folded name, plus one; 0 is free. */
	uint32_t *index;
	size_t index_size;
};

void names_clear(struct names *n);

/** Adds "stem.suffix", or "stem (2).suffix" when that is taken.  0 or -ENOMEM. */
int names_add(struct names *n, const char *stem, const char *suffix, uint64_t row, int64_t at);
/** The row called @name; -ENOENT. */
int names_find(const struct names *n, const char *name, uint64_t *row);
/** Emits the names behind the first @after. */
int names_emit(const struct names *n, uint64_t after, struct emit *out);

/** A store_item_fn that emits rows by their id; @arg is the struct emit. */
int names_emit_item(void *arg, const struct store_item *item);

#endif
