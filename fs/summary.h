/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is asked first: is all well, what needs a human, the counts.  view_summary.c answers; for status/summary,
 * `mediamon status` and the page.  Any thread. */
#ifndef FS_SUMMARY_H
#define FS_SUMMARY_H

#include "common/store_symlinks.h"
#include "fs/view.h"

/** All 0 without a store. */
struct summary {
	struct store_counts c;
	struct store_symlink_counts links;
	/** Jobs. */
	int64_t running, queued;
	/** Finds that nobody has asked for. */
	int64_t found;
};

void summary_read(struct view *v, struct summary *s);
/** "ok", "degraded" or "failed"; why: sentences, each ended by '\n', appended to @reasons. */
const char *summary_health(struct view *v, struct buf *reasons);
/** The same word; what needs a human, beginning with those reasons. */
const char *summary_attention(struct view *v, const struct summary *s, struct buf *out);

#endif
