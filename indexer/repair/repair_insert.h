/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One insertion while a step of it runs; between repair_insert.c (its steps) and repair_begin.c (its beginning). */
#ifndef INDEXER_REPAIR_REPAIR_INSERT_H
#define INDEXER_REPAIR_REPAIR_INSERT_H

#include "indexer/repair/repair_private.h"

struct insertion {
	struct repair *r;
	struct open_provider *p;
	/** Its texts may be replaced by others that live as long as the step. */
	struct kept_insertion k;
	/** The kind of what is permanent, where the provider's code does not say it; NULL. */
	const char *kind;
};

/** Keeps the step that it is in now; it is due after @wait_s. */
int insertion_save(struct insertion *x, const char *step, int64_t wait_s, const char *error);
int insertion_wait(struct insertion *x, int64_t wait_s, const char *error);

/** An attempt that failed: later (*again: when), or never again (0). */
void insertion_note_failure(struct insertion *x, const struct provider_error *e, int64_t *again);

/** JSON arrays: the paths that are selected; the names that links point to. */
int paths_of(const struct provider_torrent *t, struct buf *out);
int paths_of_links(const kept_links *links, struct buf *out);

#endif
