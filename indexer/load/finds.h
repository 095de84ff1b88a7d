/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What searching and requests keep, written by the writer's thread.  Every call copies what it is given and
 * returns when it is durable (0), or refused (-errno); as writer_call().  Any thread.
 */
#ifndef INDEXER_LOAD_FINDS_H
#define INDEXER_LOAD_FINDS_H

#include "common/store_write_find.h"
#include "indexer/load/writer.h"

int finds_wish(struct writer *w, const struct store_wish *wish);
int finds_authority(struct writer *w, const struct store_authority *a);
int finds_answer(struct writer *w, const struct store_answer *a);
int finds_order(struct writer *w, const char *key, const char *source, int64_t at);
int finds_order_due(struct writer *w, const char *source, bool monitored, int64_t at);
int finds_unorder(struct writer *w);
/** As store_grab(). */
int finds_grab(struct writer *w, const struct store_grab *grab, int64_t *handed);
/** As store_set_handed(). */
int finds_handed(struct writer *w, const struct store_handed *h, const char *request_state,
		 const char *reason, int64_t retry_at);
/** As store_choose_again(). */
int finds_choose_again(struct writer *w, int64_t series, int64_t now);
int finds_told(struct writer *w, const struct store_told *told, size_t n);
int finds_purge(struct writer *w, int64_t time);
int finds_host(struct writer *w, const struct store_host *h);
int finds_feed(struct writer *w, const char *source, const struct store_feed *f);

#endif
