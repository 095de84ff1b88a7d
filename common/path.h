/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Paths are bytes: nothing here looks at characters, touches a disk or follows a link. */
#ifndef COMMON_PATH_H
#define COMMON_PATH_H

#include "common/buf.h"

/** Appends @path without doubled, single-dot and trailing slashes; ".." stays. */
void path_clean(const char *path, struct buf *out);

/** "dir/name"; without the slash when one of them is empty.  Appends bytes as they are. */
void path_join(const char *dir, size_t dir_len, const char *name, size_t name_len, struct buf *out);

/** True when a component is "..". */
int path_has_dotdot(const char *path);

/** What follows @root in @path, without a leading slash ("" for the root itself); NULL when @path
 * is not in it.  Both clean and absolute. */
const char *path_below(const char *root, const char *path);

/**
 * The path that people elsewhere use: the longest "/here" of @map's "/there=/here" that @path
 * lies in is replaced by its "/there".  Appends to @out.
 */
void path_map(const char *const *map, size_t n, const char *path, struct buf *out);

#endif
