/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What repairs keep, written by the writer's thread.  Every call copies what it is given and returns when it is durable
 * (0), or refused (-errno); as writer_call().  Any thread.  As the functions of store_write_repair.h, several in one
 * transaction where an n is given.
 */
#ifndef INDEXER_LOAD_REPAIRS_H
#define INDEXER_LOAD_REPAIRS_H

#include "common/store_write_repair.h"
#include "indexer/load/writer.h"

int repairs_torrents(struct writer *w, const struct store_torrent *t, size_t n);
int repairs_torrent_gone(struct writer *w, const char *provider, const char *id, int64_t at);
int repairs_count_broken(struct writer *w);
int repairs_scan(struct writer *w, const struct store_torrent_scan *scan);

/** One attempt with what follows from it, in one transaction; @permanent, @retry: NULL none. */
int repairs_attempt(struct writer *w, const struct store_attempt *a, const struct store_permanent *permanent,
		    const struct store_retry *retry);
int repairs_permanent(struct writer *w, const struct store_permanent *p);
int repairs_delete_retry(struct writer *w, const char *provider, const char *hash);

int repairs_plan(struct writer *w, const struct store_plan *plan, const struct store_plan_item *items, size_t n);
int repairs_plan_state(struct writer *w, const char *hash, const char *state);
/** Orders items (numbers, separated by spaces) of a plan to be carried out: all of it, or nothing. */
int repairs_apply(struct writer *w, const char *plan, const char *items, int64_t at);
int repairs_plan_item(struct writer *w, const char *plan, int64_t item, const char *state, const char *reason,
		      int64_t at);

/** Intents or ends of several links at once: ids[i] is set for rows with id 0. */
int repairs_journal(struct writer *w, const struct store_journal *rows, size_t n, int64_t *ids);
int repairs_insertion(struct writer *w, const struct store_insertion *row, int64_t *id);
int repairs_told_item(struct writer *w, const struct store_told_item *row, int64_t *id);
int repairs_samples(struct writer *w, const struct store_repair_sample *rows, size_t n);
int repairs_purge(struct writer *w, int64_t history, int64_t samples, int64_t undo);

#endif
