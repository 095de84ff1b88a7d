/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Directories whose rows are new, as those of a first scan: what the store would answer about them is known without
 * asking.  Some are kept at a time, since their files come in any order.  Between common/store*.c only; one thread,
 * that of the writer.
 */
#ifndef COMMON_STORE_FRESH_H
#define COMMON_STORE_FRESH_H

#include "common/store_private.h"

/** @dir: has no files yet; a picture that stands for them lies in it or not. */
void store_fresh_begin(struct store *s, int64_t root, struct bytes path, int64_t dir, bool has_cover);
/** Rows change in another way: nothing is known any more. */
void store_fresh_end(struct store *s);

/** The number of such a directory, 0 when it is none. */
int64_t store_fresh_dir(const struct store *s, int64_t root, struct bytes path);

/** True: no file in @dir has that name for certain.  The file must be added then. */
bool store_fresh_name(struct store *s, int64_t dir, struct bytes name);

/** Whether its row says that such a picture lies in it: 1 or 0; -1: it has to be asked. */
int store_fresh_has_cover(const struct store *s, int64_t dir);

/** A track in @dir has nothing but an ID3v1 tag. */
void store_fresh_v1(struct store *s, int64_t dir);
/** No track in @dir is such a one for certain. */
bool store_fresh_has_no_v1(const struct store *s, int64_t dir);

#endif
