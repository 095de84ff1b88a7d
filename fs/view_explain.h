/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The evidence for a missing volume, in sentences. */
#ifndef FS_VIEW_EXPLAIN_H
#define FS_VIEW_EXPLAIN_H

#include "fs/view.h"

int explain_missing(struct view *v, int64_t series, const char *key, int64_t volume, struct buf *out);

#endif
