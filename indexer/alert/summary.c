/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/alert/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"

/** What a summary tells of, in this order. */
static const struct {
	enum gauge_id gauge;
	const char *one, *many;
} rows[] = {
	{GAUGE_tracks, "track", "tracks"},
	{GAUGE_albums, "album", "albums"},
	{GAUGE_series, "series", "series"},
	{GAUGE_volumes, "volume", "volumes"},
	{GAUGE_missing_interior, "missing volume within a series", "missing volumes within series"},
	{GAUGE_missing_tail, "missing volume at a series' end", "missing volumes at series' ends"},
	{GAUGE_missing_announced, "missing volume that is out", "missing volumes that are out"},
	{GAUGE_requests_arrived, "volume that was found and arrived", "volumes that were found and arrived"},
	{GAUGE_requests_failed, "request that failed", "requests that failed"},
	{GAUGE_errors, "file that cannot be read", "files that cannot be read"},
	{GAUGE_corrupt, "corrupt file", "corrupt files"},
	{GAUGE_links_broken, "broken link", "broken links"},
	{GAUGE_repairs_succeeded, "torrent put back", "torrents put back"},
};

int64_t summary_moment(int64_t now, int minutes)
{
	time_t seconds = (time_t)(now / NS_PER_S);
	struct tm day;
	localtime_r(&seconds, &day);
	day.tm_hour = minutes / 60;
	day.tm_min = minutes % 60;
	day.tm_sec = 0;
	/* summer time begins or ends between midnight and then: the system knows */
	day.tm_isdst = -1;
	time_t moment = mktime(&day);
	if (moment > seconds) {
		day.tm_mday--;
		day.tm_hour = minutes / 60;
		day.tm_min = minutes % 60;
		day.tm_isdst = -1;
		moment = mktime(&day);
	}
	return (int64_t)moment * NS_PER_S;
}

void summary_write(const struct gauges *g, struct buf *out)
{
	buf_addf(out, "%" PRId64, g->at);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (!isnan(g->value[rows[i].gauge]))
			buf_addf(out, " %s=%.0f", GAUGES_TABLE[rows[i].gauge].key, g->value[rows[i].gauge]);
}

void summary_parse(const char *text, struct summary_base *base)
{
	char *end;
	base->at = strtoll(text, &end, 10);
	for (int i = 0; i < GAUGE_COUNT; i++)
		base->value[i] = NAN;
	for (size_t i = 0; i < COUNT_OF(rows) && base->at > 0; i++) {
		_buf_ struct buf key = BUF_INIT(128);
		buf_addf(&key, " %s=", GAUGES_TABLE[rows[i].gauge].key);
		const char *at = strstr(end, buf_str(&key));
		if (at)
			base->value[rows[i].gauge] = strtod(at + key.len, NULL);
	}
}

void summary_say(const struct summary_base *base, const struct gauges *g, int64_t fired, int64_t firing, struct buf *out)
{
	const char *separator = "";
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		double now = g->value[rows[i].gauge], change = now - base->value[rows[i].gauge];
		if (isnan(change) || change == 0)
			continue;
		buf_addf(out, "%s%.0f %s %s (%.0f)", separator, fabs(change),
			 fabs(change) == 1 ? rows[i].one : rows[i].many, change > 0 ? "more" : "less", now);
		separator = ", ";
	}
	if (!*separator)
		buf_adds(out, "nothing changed");
	if (fired)
		buf_addf(out, "; %" PRId64 " alert%s fired", fired, fired == 1 ? "" : "s");
	if (firing)
		buf_addf(out, "; %" PRId64 " fire%s now (status/health)", firing, firing == 1 ? "s" : "");
	else
		buf_adds(out, "; all is well");
}
