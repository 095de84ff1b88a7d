/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What scans tell: when the last one ended, how fast it was against those before it, how much it could not read. */
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/render.h"
#include "indexer/alert/facts.h"

enum {
	/** Runs that are looked at to find those that can be compared, and how many are. */
	RUNS = 60,
	COMPARED = 10,
	/** Fewer tell nothing. */
	COMPARED_LEAST = 5,
	/** Neither does a scan of so few files, or so short a one: there it is chance. */
	FILES_LEAST = 1000,
	SECONDS_LEAST = 2,
};

struct runs {
	struct {
		char order[64], mode[16];
		double files, seconds, errors;
	} run[RUNS];
	size_t len;
	int64_t ended_at;
};

static int take_run(void *arg, const struct run *run)
{
	struct runs *r = arg;
	r->ended_at = run->ended_at > r->ended_at ? run->ended_at : r->ended_at;
	if (r->len == RUNS)
		return 0;
	snprintf(r->run[r->len].order, sizeof r->run->order, "%.63s", run->order);
	snprintf(r->run[r->len].mode, sizeof r->run->mode, "%s", run->mode);
	r->run[r->len].files = run->value[RUN_files];
	r->run[r->len].seconds = run->value[RUN_wall_seconds];
	r->run[r->len++].errors = run->value[RUN_errors];
	return 0;
}

/** Files a second; NAN when it is not one to compare. */
static double rate_of(const struct runs *r, size_t i)
{
	bool counts = r->run[i].files >= FILES_LEAST && r->run[i].seconds >= SECONDS_LEAST;
	return counts ? r->run[i].files / r->run[i].seconds : NAN;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/** The median of the rates of the ten scans like run @last before it; NAN when there are too few. */
static double usual_rate(const struct runs *r, size_t last)
{
	double rate[COMPARED];
	size_t n = 0;
	for (size_t i = last; i-- > 0 && n < COMPARED;)
		if (strcmp(r->run[i].order, r->run[last].order) == 0 && strcmp(r->run[i].mode, r->run[last].mode) == 0 &&
		    !isnan(rate_of(r, i)))
			rate[n++] = rate_of(r, i);
	if (n < COMPARED_LEAST)
		return NAN;
	qsort(rate, n, sizeof *rate, compare);
	return n % 2 ? rate[n / 2] : (rate[n / 2 - 1] + rate[n / 2]) / 2;
}

static void look_at_speed(struct facts *f, const struct runs *r)
{
	size_t last = r->len;
	while (last-- > 0 && isnan(rate_of(r, last)))
		continue;
	double rate = last < r->len ? rate_of(r, last) : NAN, usual = last < r->len ? usual_rate(r, last) : NAN;
	facts_add(f, ALERT_scan_slow, "", 100 * rate / usual,
		  "the last scan looked at %.0f files a second, where %.0f are usual", rate, usual);
}

static void look_at_failures(struct facts *f, const struct runs *r)
{
	double files = r->len ? r->run[r->len - 1].files : 0, errors = r->len ? r->run[r->len - 1].errors : 0;
	/* of a handful of files one is a large share */
	bool counts = files >= 100;
	facts_add(f, ALERT_scan_failures, "", counts ? 100 * errors / files : NAN,
		  "%.0f of the %.0f files of the last scan could not be read", errors, files);
}

static void look_at_age(struct facts *f, const struct runs *r)
{
	_buf_ struct buf text = BUF_INIT(64);
	int64_t interval = config_int(f->config, OPT_scan_interval);
	double age = (double)(f->now - r->ended_at) / NS_PER_S;
	bool is_late = interval && r->ended_at && age > 2 * (double)interval / NS_PER_S;
	human_duration(age > 0 ? age : 0, &text);
	facts_add(f, ALERT_nothing_seen, "", is_late ? age : 0, "no scan has ended for %s", buf_str(&text));
}

void facts_of_scans(struct facts *f)
{
	struct runs r = {.len = 0};
	if (store_runs(f->store, RUNS, take_run, &r) < 0)
		return;
	look_at_age(f, &r);
	look_at_speed(f, &r);
	look_at_failures(f, &r);
}
