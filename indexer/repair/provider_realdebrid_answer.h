/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Real-Debrid's answers, read.  Nothing in them is trusted: ids and hashes come out as they may stand in an address, paths
 * as they may stand below a folder; an answer of another shape is refused whole (-EPROTO), never taken for an empty one.
 */
#ifndef INDEXER_REPAIR_PROVIDER_REALDEBRID_ANSWER_H
#define INDEXER_REPAIR_PROVIDER_REALDEBRID_ANSWER_H

#include <stdbool.h>

#include "indexer/repair/provider.h"

/** A page of the list.  Cleared with rd_page_clear() in every case. */
struct rd_page {
	VEC(struct provider_torrent) torrents;
	/** Items there were, those included that make no sense. */
	int64_t received;
};

void rd_page_clear(struct rd_page *p);

/** [A-Za-z0-9]{1,63} */
bool rd_is_id(const char *s);
/** 40 hex digits. */
bool rd_is_hash(const char *s);

/** All take the body of an answer; 0, -EPROTO or -ENOMEM. */
int rd_read_account(const struct buf *body, struct provider_account *out);
/** Items that make no sense are left out; a page with more of those than others is refused. */
int rd_read_page(const struct buf *body, struct rd_page *out);
/** With its files, of the torrent with @id alone. */
int rd_read_torrent(const struct buf *body, const char *id, struct provider_torrent *out);
/** Of a torrent that was added: PROVIDER_ID bytes. */
int rd_read_id(const struct buf *body, char *id);
int rd_read_active(const struct buf *body, int64_t *n, int64_t *limit);

#endif
