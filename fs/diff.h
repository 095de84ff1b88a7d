/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What changed between two states, in words: the JSON documents of then against those of now.
 * A plain function without state, any thread.
 */
#ifndef FS_DIFF_H
#define FS_DIFF_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/store_read.h"

/** The documents that are compared: name in status/. */
#define DIFF_DOCS(D) \
	D(summary) \
	D(roots) \
	D(missing) \
	D(errors) \
	D(audit)

enum diff_doc {
#define D(name) DIFF_##name,
	DIFF_DOCS(D)
#undef D
	DIFF_COUNT
};

/** "summary.json", … */
extern const char *const DIFF_NAMES[DIFF_COUNT];

struct diff {
	/** The bytes; data NULL for a document that there was not. */
	struct bytes then[DIFF_COUNT], now[DIFF_COUNT];
	/** Whether a volume is here now, or a path, which tells "came" from "is not asked for any
	 * more" and "is well again" from "is gone".  NULL: all are here. */
	bool (*has_volume)(void *arg, const char *series, double volume);
	bool (*has_path)(void *arg, const char *path);
	void *arg;
};

/** One line a change, "nothing changed" when there is none.  0 or -errno. */
int diff_words(const struct diff *d, struct buf *out);

#endif
