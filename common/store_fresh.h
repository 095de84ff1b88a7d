/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The directory that files come from now, when its row is new and they come one behind the other, as those of a first
 * scan do: what the store would answer about it is known without asking.  Between common/store*.c only; one thread,
 * that of the writer.
 */
#ifndef COMMON_STORE_FRESH_H
#define COMMON_STORE_FRESH_H

#include "common/store_private.h"

/** @dir: has no files yet. */
void store_fresh_begin(struct store *s, int64_t dir);
/** Another directory comes, or rows in it change in another way. */
void store_fresh_end(struct store *s);

/** True: no file in @dir has that name for certain.  The file must be added then. */
bool store_fresh_name(struct store *s, int64_t dir, struct bytes name);

/** A track in @dir has nothing but an ID3v1 tag. */
void store_fresh_v1(struct store *s, int64_t dir);
/** No track in @dir is such a one for certain. */
bool store_fresh_has_no_v1(const struct store *s, int64_t dir);

#endif
