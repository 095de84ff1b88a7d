/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What changed in a day, in one sentence; and when it is time to tell it. */
#ifndef INDEXER_ALERT_SUMMARY_H
#define INDEXER_ALERT_SUMMARY_H

#include "common/gauges.h"

struct buf;

/** What the next summary is compared with. */
struct summary_base {
	/** When the last one was told (or the first is counted from); 0: none yet. */
	int64_t at;
	/** NAN: not known then. */
	double value[GAUGE_COUNT];
};

/** The moment (ns since 1970) of @minutes past midnight (local time) that was last, at or before @now. */
int64_t summary_moment(int64_t now, int minutes);
/** The numbers that it tells of, as text ("TIME key=value …"), and back; a text that is none gives at 0. */
void summary_write(const struct gauges *g, struct buf *out);
void summary_parse(const char *text, struct summary_base *base);
/** "12 tracks more (5,012), 2 volumes less missing (30); nothing fires": @firing conditions fire, @fired did since. */
void summary_say(const struct summary_base *base, const struct gauges *g, int64_t fired, int64_t firing, struct buf *out);

#endif
