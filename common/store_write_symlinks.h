/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Changes of what store_symlinks.h asks about.  Only indexer/load/ calls these, inside a transaction, as
 * in store_write.h.  They touch topic symlinks (and roots, for holds).
 */
#ifndef COMMON_STORE_WRITE_SYMLINKS_H
#define COMMON_STORE_WRITE_SYMLINKS_H

#include "common/store_symlinks.h"
#include "common/store_write.h"

/** A directory of links that was read; *id is its row: on entry 0, or that of a new one. */
int store_put_link_dir(struct store *s, int64_t root, struct bytes path, int64_t mtime, int64_t read_at,
		       int64_t *id);
/** The time of a directory whose links are all stored. */
int store_set_link_dir(struct store *s, int64_t dir, int64_t mtime, int64_t read_at);
/** It is not there any more; its links go with it. */
int store_delete_link_dir(struct store *s, int64_t dir);
/** Makes or changes the row of a target directory; *id.  t->id: 0 (the one of that path and torrent, else a new one), or
 * that of a new row or of the one that has the path. */
int store_put_target_dir(struct store *s, const struct store_target_dir *t, int64_t *id);
/** Changes the link of row->id; 0: makes one, which is not there yet.  row->dir and row->target_dir are rows. */
int store_put_symlink(struct store *s, const struct store_symlink *row);
/** The same of many. */
int store_put_symlinks(struct store *s, const struct store_symlink *rows, size_t n);
int store_delete_symlink(struct store *s, int64_t id);
/** A new verdict of a known link: state, error, sightings, times, size, reason; the rest stays. */
int store_judge_symlink(struct store *s, const struct store_symlink *row);
/** count 0: there is none any more. */
int store_put_link_hold(struct store *s, const struct store_link_hold *hold);
/** What is held of a root because its target is not there is suspect, seen once at @at; the hold ends. */
int store_release_links(struct store *s, int64_t root, int64_t at);
/** The only mount there is: others are forgotten. */
int store_put_mount_health(struct store *s, const struct store_mount_health *h);
/** Links of roots that are not configured any more, and target directories without links. */
int store_purge_symlinks(struct store *s);

#endif
