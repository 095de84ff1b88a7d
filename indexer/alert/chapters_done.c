/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/alert/chapters_done.h"

#include <math.h>
#include <string.h>

#include "common/alerts.h"
#include "common/buf.h"
#include "common/cleanup.h"

/* counts, and how they end a sentence */
static const struct {
	enum gauge_id gauge;
	const char *word;
} ends[] = {
	{GAUGE_chapters_ok, "well"},
	{GAUGE_chapters_failed, "badly"},
	{GAUGE_chapters_abandoned, "not at all"},
};

static double ended(const struct gauges *g)
{
	double n = 0;
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		n += g->value[ends[i].gauge];
	return n;
}

static void keep(struct chapters_done *d, const struct gauges *g)
{
	memcpy(d->told, g->value, sizeof d->told);
	d->ended = ended(g);
	d->since = g->at;
	d->has_begun = true;
}

static double more(const struct chapters_done *d, const struct gauges *g, enum gauge_id id)
{
	return g->value[id] - d->told[id];
}

static double ended_since(const struct chapters_done *d, const struct gauges *g)
{
	double n = 0;
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		n += more(d, g, ends[i].gauge);
	return n;
}

/** "12 chapters are done: 10 ended well, 2 badly; 96.0 MiB in 5 m 0 s" */
static void say(const struct chapters_done *d, const struct gauges *g, struct buf *out)
{
	const char *separator = ": ";
	double n = ended_since(d, g);
	buf_addf(out, "%.0f chapter%s done", n, n == 1 ? " is" : "s are");
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		double k = more(d, g, ends[i].gauge);
		if (k <= 0)
			continue;
		buf_addf(out, "%s%.0f ended %s", separator, k, ends[i].word);
		separator = ", ";
	}
	buf_adds(out, "; ");
	alert_value(ALERT_BYTES, more(d, g, GAUGE_chapter_bytes), out);
	buf_adds(out, " in ");
	alert_value(ALERT_AGE, more(d, g, GAUGE_chapter_seconds), out);
}

bool chapters_done(struct chapters_done *d, const struct gauges *g, int64_t quiet, struct buf *out)
{
	double n = ended(g), running = g->value[GAUGE_chapters_running];
	if (isnan(n) || isnan(running))
		return false;
	if (!d->has_begun) {
		keep(d, g);
		return false;
	}
	if (running > 0 || n != d->ended) {
		d->ended = n;
		d->since = g->at;
		return false;
	}
	if (ended_since(d, g) <= 0 || g->at - d->since < quiet)
		return false;
	say(d, g, out);
	keep(d, g);
	return true;
}
