/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What reading files to their end told, written by the writer's thread. */
#ifndef INDEXER_LOAD_VERDICTS_H
#define INDEXER_LOAD_VERDICTS_H

#include "common/store_write_integrity.h"
#include "indexer/load/writer.h"

/** As store_put_verdict(); @v is copied, and nobody waits for it.  Any thread. */
int verdicts_put(struct writer *w, const struct store_verdict *v);

#endif
