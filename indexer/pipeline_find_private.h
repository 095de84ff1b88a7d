/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Between pipeline_find.c (parts) and pipeline_find_order.c, pipeline_find_wish.c (orders). */
#ifndef INDEXER_PIPELINE_FIND_PRIVATE_H
#define INDEXER_PIPELINE_FIND_PRIVATE_H

#include <stdatomic.h>

#include "indexer/load/chapters.h"
#include "indexer/load/finds.h"
#include "indexer/notify/notify.h"
#include "indexer/pipeline_find.h"
#include "indexer/request/request.h"
#include "indexer/search/search.h"

struct finder {
	struct finder_options o;
	struct net net;
	struct notify *notify;
	struct search *search;
	struct requests *requests;
	/** Sources again: those of the search belong to its threads. */
	struct {
		const struct source *source;
		void *state;
	} fetcher[8];
	size_t fetchers;
	_Atomic bool is_dry;
	struct chapter_calls calls;
	/** Of the orders. */
	struct store *store;
};

/** The series called @name (n bytes) in the mount, or with that title; -ENOENT. */
int finder_series(struct finder *f, const char *name, size_t n, int64_t *id);
/** Keeps a word (on, off) under a @name that lives on: it outlives us. */
int finder_remember(struct finder *f, const char *name, const char *word);
/** Its key; the caller frees it. */
char *finder_key(struct finder *f, int64_t series);

#endif
