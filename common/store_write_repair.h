/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Changes of what store_repair.h asks about.  Only indexer/load/ calls these, inside a transaction, as
 * in store_write.h.  They touch topics torrents and repairs.
 */
#ifndef COMMON_STORE_WRITE_REPAIR_H
#define COMMON_STORE_WRITE_REPAIR_H

#include "common/store_repair.h"
#include "common/store_write.h"

/** By (provider, id): what the provider says; first_seen, attempts and successes of a known row stay. */
int store_put_torrent(struct store *s, const struct store_torrent *t);
/** The provider has it no more (a positive 404): its row stays with status gone. */
int store_torrent_gone(struct store *s, const char *provider, const char *id, int64_t at);
/** Broken links of ours by torrent name, counted anew from the links: own status symlink_broken. */
int store_count_broken(struct store *s);
/** Adds the attempt and counts it at its torrent; outcome "success" is a success. */
int store_add_attempt(struct store *s, const struct store_attempt *a);
/** By (provider, hash): at stays, and handled_at once it is set. */
int store_put_permanent(struct store *s, const struct store_permanent *p);
/** By (provider, hash): tries may only grow; first_at stays. */
int store_put_retry(struct store *s, const struct store_retry *r);
int store_delete_retry(struct store *s, const char *provider, const char *hash);
int store_put_torrent_scan(struct store *s, const struct store_torrent_scan *scan);

/** A plan and its items replace the one that was planned and not applied: it is superseded, its items go.  -EBUSY: that very
 * plan is applying. */
int store_put_plan(struct store *s, const struct store_plan *plan, const struct store_plan_item *items, size_t n);
/** These two: -ENOENT without that plan or item. */
int store_set_plan(struct store *s, const char *hash, const char *state);
int store_set_plan_item(struct store *s, const char *plan, int64_t item, const char *state, const char *reason,
			int64_t at);

/** row->id 0: a new intent, *id; else its step, error, after and times change, -ENOENT without it. */
int store_put_journal(struct store *s, const struct store_journal *row, int64_t *id);
/** row->id 0: a new one, -EEXIST when one of that hash is not ended (*id says which); -ENOENT without the row of row->id. */
int store_put_insertion(struct store *s, const struct store_insertion *row, int64_t *id);
/** row->id 0: a new one, *id. */
int store_put_told_item(struct store *s, const struct store_told_item *row, int64_t *id);
int store_add_sample(struct store *s, const struct store_repair_sample *row);

/** Forgets attempts and ended insertions before @history, samples before @samples, journal rows (and
 * their undo) before @undo, those that are open never.  Plans that are over go with @history, unless the journal or an
 * insertion still tells of them; so do ended orders to managers. */
int store_purge_repairs(struct store *s, int64_t history, int64_t samples, int64_t undo);

#endif
