/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What a look at links found, written by the writer's thread while the look goes on: a log of changes in
 * blocks, of which only a few wait at a time.  One thread at a time.
 *
 * The functions copy what they are given, and are those of store_write_symlinks.h; they return 0, or what hindered
 * this or an earlier change.  Nothing is durable before sights_end().
 */
#ifndef INDEXER_LOAD_SIGHTS_H
#define INDEXER_LOAD_SIGHTS_H

#include "common/store_write_symlinks.h"
#include "indexer/load/writer.h"

struct sights;

int sights_new(struct writer *w, struct sights **out);
/** What was not ended may or may not be written.  Accepts NULL. */
void sights_free(struct sights *s);

/** Rows of their own numbers: see store_link_last_ids(). */
int sights_put_dir(struct sights *s, int64_t id, int64_t root, struct bytes path, int64_t read_at);
int sights_put_target(struct sights *s, const struct store_target_dir *t);
/** Its links are all told: from now on they are not read again while it has this time. */
int sights_read_dir(struct sights *s, int64_t dir, int64_t mtime, int64_t read_at);
int sights_delete_dir(struct sights *s, int64_t dir);
int sights_put(struct sights *s, const struct store_symlink *row);
int sights_judge(struct sights *s, const struct store_symlink *row);
int sights_delete(struct sights *s, int64_t id);
int sights_hold(struct sights *s, const struct store_link_hold *hold);
int sights_release(struct sights *s, int64_t root, int64_t at);
int sights_health(struct sights *s, const struct store_mount_health *h);
int sights_purge(struct sights *s);

/** Waits until everything told is durable.  0 at once when nothing was. */
int sights_end(struct sights *s);

#endif
