/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Covers of series, written by the writer's thread. */
#ifndef INDEXER_LOAD_COVERS_H
#define INDEXER_LOAD_COVERS_H

#include "common/store_write_cover.h"
#include "indexer/load/writer.h"

/** As store_put_cover(); @put is copied, and nobody waits for it.  Any thread. */
int covers_put(struct writer *w, const struct store_put_cover *put);
/** As store_trim_covers(). */
int covers_trim(struct writer *w, int64_t most);

#endif
