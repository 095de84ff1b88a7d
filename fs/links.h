/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What views share about symbolic links. */
#ifndef FS_LINKS_H
#define FS_LINKS_H

#include "common/store_symlinks.h"
#include "common/vec.h"
#include "fs/view.h"

/** A tree of links; texts are owned. */
struct link_root {
	int64_t id, links;
	char *name;
	/** Of path; it may hold any byte but NUL. */
	char *path;
};

struct link_roots {
	VEC(struct link_root) list;
};

/** Those that are watched.  0 or -errno; clear it in any case. */
int link_roots_load(struct store *s, struct link_roots *roots);
void link_roots_clear(struct link_roots *roots);
/** NULL without. */
const struct link_root *link_roots_find(const struct link_roots *roots, int64_t id);

/** Whether links are looked at at all: when not, and @out is not NULL, a line says why. */
bool links_are_on(const struct view *v, struct buf *out);

/** total and state of all links as of this view: kept until links change.  0 when there are none. */
int links_count(struct view *v, struct store_symlink_counts *counts);
/** The counts as the object "links". */
void links_json(struct json *j, const struct store_symlink_counts *counts);
/** Of one root; the same. */
int64_t links_count_root(struct view *v, int64_t root);

/** The absolute path of a link. */
void link_path(const struct link_roots *roots, const struct store_symlink *row, struct buf *out);
/** "ENOENT"; "" for 0. */
const char *link_error(const struct store_symlink *row);
/** One link: keys of the open JSON object. */
void link_json(struct json *j, const struct link_roots *roots, const struct store_symlink *row);

#endif
