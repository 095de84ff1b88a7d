/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What scans tell: when the last one ended, how fast it was against those before it, how much it could not read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/compare.h"
#include "common/render.h"
#include "indexer/alert/facts.h"

enum {
	/** Runs that are looked at to find those that can be compared. */
	RUNS = 60,
	/** A scan of so few files, or so short a one, tells no speed: there it is chance. */
	FILES_LEAST = 1000,
	SECONDS_LEAST = 2,
	/** And of fewer files no share of errors. */
	FAILURES_LEAST = 100,
};

struct runs {
	/** Oldest first; room for RUNS. */
	struct run *run;
	size_t len;
};

static int take_run(void *arg, const struct run *run)
{
	struct runs *r = arg;
	if (r->len < RUNS)
		r->run[r->len++] = *run;
	return 0;
}

/** Whether its speed tells anything. */
static bool counts(const struct run *run)
{
	return run->value[RUN_files] >= FILES_LEAST && run->value[RUN_wall_seconds] >= SECONDS_LEAST;
}

static bool is_like(const struct run *a, const struct run *b)
{
	return strcmp(a->order, b->order) == 0 && strcmp(a->mode, b->mode) == 0;
}

/** The last one that counts against those like it that count, too. */
static void look_at_speed(struct facts *f, const struct runs *r)
{
	struct run before[COMPARE_RUNS];
	struct comparison c;
	size_t last = r->len, n = 0;
	while (last > 0 && !counts(&r->run[last - 1]))
		last--;
	if (!last--)
		return;
	for (size_t i = last; i-- > 0 && n < COMPARE_RUNS;)
		if (counts(&r->run[i]) && is_like(&r->run[i], &r->run[last]))
			before[n++] = r->run[i];
	if (n < COMPARE_LEAST)
		return;
	compare_runs(&r->run[last], before, n, &c);
	const struct compare_row *speed = &c.row[COMPARED_files_per_second];
	facts_add(f, ALERT_scan_slow, "", speed->median > 0 ? 100 * speed->value / speed->median : NAN,
		  "the last scan looked at %.0f files a second, where %.0f are usual", speed->value, speed->median);
}

static void look_at_failures(struct facts *f, const struct runs *r)
{
	const struct run *last = r->len ? &r->run[r->len - 1] : NULL;
	/* of a handful of files one is a large share */
	if (!last || last->value[RUN_files] < FAILURES_LEAST)
		return;
	facts_add(f, ALERT_scan_failures, "", 100 * last->value[RUN_error_ratio],
		  "%.0f of the %.0f files of the last scan could not be read", last->value[RUN_errors],
		  last->value[RUN_files]);
}

static void look_at_age(struct facts *f, const struct runs *r)
{
	_buf_ struct buf text = BUF_INIT(64);
	int64_t interval = config_int(f->config, OPT_scan_interval);
	/* before the first one it is counted from the first start that is known */
	int64_t began_at = f->starts ? f->start[0] : 0;
	int64_t ended_at = r->len ? r->run[r->len - 1].ended_at : began_at;
	double age = (double)(f->now - ended_at) / NS_PER_S;
	bool is_late = interval && ended_at && age > 2 * (double)interval / NS_PER_S;
	human_duration(age > 0 ? age : 0, &text);
	facts_add(f, ALERT_nothing_seen, "", is_late ? age : 0, "no scan has ended for %s", buf_str(&text));
}

void facts_of_scans(struct facts *f)
{
	struct runs r = {.run = calloc(RUNS, sizeof *r.run)};
	if (r.run && store_runs(f->store, RUNS, take_run, &r) == 0) {
		look_at_age(f, &r);
		look_at_speed(f, &r);
		look_at_failures(f, &r);
	}
	free(r.run);
}
