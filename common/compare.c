/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/compare.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/buf.h"

const char *const COMPARE_VERDICT_NAMES[COMPARE_OTHER + 1] = {"unknown", "usual", "better", "worse", "other"};

/** So many deviations (of a normal distribution, MAD * 1.4826) and such a share of the median are ordinary. */
static const double DEVIATIONS = 3 * 1.4826, SHARE = 0.25;

/* --- values --- */

static double rate_of(const struct run *r)
{
	double wall = r->value[RUN_wall_seconds];
	return wall > 0 && r->value[RUN_files] > 0 ? r->value[RUN_files] / wall : NAN;
}

static double cpu_of(const struct run *r)
{
	return r->value[RUN_files] > 0 ? r->value[RUN_cpu_seconds] * 1000 / r->value[RUN_files] : NAN;
}

/** A stage that had nothing to do tells nothing. */
static double stage_of(const struct run *r, enum stage stage, enum stage_metric metric)
{
	return r->stage[stage][STAGE_items] > 0 ? r->stage[stage][metric] : NAN;
}

#define C(key, expression, ...) \
	static double value_of_##key(const struct run *r) \
	{ \
		return expression; \
	}
COMPARED(C)
#undef C

static const struct compared_row {
	const char *key, *unit, *help;
	double (*value)(const struct run *r);
	int better;
	double least;
} rows[COMPARED_COUNT] = {
#define C(key, expression, unit, better, least, help) {#key, unit, help, value_of_##key, better, least},
	COMPARED(C)
#undef C
};

/* --- medians --- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/** Sorts @v. */
static double median_of(double *v, int n)
{
	if (!n)
		return NAN;
	qsort(v, (size_t)n, sizeof *v, by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void measure(struct compare_row *row, double *v, int n)
{
	row->runs = n;
	row->median = median_of(v, n);
	for (int i = 0; i < n; i++)
		v[i] = fabs(v[i] - row->median);
	row->mad = median_of(v, n);
}

static enum compare_verdict judge(const struct compare_row *row, const struct compared_row *of)
{
	double off = row->value - row->median;
	if (isnan(row->value) || row->runs < COMPARE_LEAST)
		return COMPARE_UNKNOWN;
	if (fabs(off) <= fmax(fmax(DEVIATIONS * row->mad, SHARE * fabs(row->median)), of->least))
		return COMPARE_USUAL;
	if (!of->better)
		return COMPARE_OTHER;
	return off * of->better > 0 ? COMPARE_BETTER : COMPARE_WORSE;
}

static void compare_one(const struct run *run, const struct run *before, int n, const struct compared_row *of,
			struct compare_row *row)
{
	double v[COMPARE_RUNS];
	int known = 0;
	for (int i = 0; i < n; i++) {
		v[known] = of->value(&before[i]);
		known += !isnan(v[known]);
	}
	*row = (struct compare_row){.key = of->key, .unit = of->unit, .help = of->help, .value = of->value(run)};
	measure(row, v, known);
	row->verdict = judge(row, of);
}

void compare_runs(const struct run *run, const struct run *before, size_t n, struct comparison *out)
{
	/* in this order: speed, errors, memory */
	static const enum compared matter[] = {COMPARED_files_per_second, COMPARED_error_ratio, COMPARED_errors,
					       COMPARED_peak_rss_bytes};
	*out = (struct comparison){.runs = n > COMPARE_RUNS ? COMPARE_RUNS : (int)n};
	for (int i = 0; i < COMPARED_COUNT; i++)
		compare_one(run, before, out->runs, &rows[i], &out->row[i]);
	if (out->runs < COMPARE_LEAST)
		return;
	out->verdict = COMPARE_USUAL;
	for (size_t i = 0; i < sizeof matter / sizeof *matter; i++) {
		enum compare_verdict verdict = out->row[matter[i]].verdict;
		if (verdict == COMPARE_WORSE || (verdict == COMPARE_BETTER && out->verdict == COMPARE_USUAL))
			out->verdict = verdict;
	}
}

/* --- words --- */

/** With its unit, and no more digits than mean something. */
static void add_value(struct buf *out, double v, const char *unit)
{
	if (!*unit)
		buf_addf(out, "%.3g %%", v * 100);
	else if (unit[0] == 'b')
		buf_addf(out, "%.1f MB", v / 1e6);
	else if (fabs(v) >= 100 || v == floor(v))
		buf_addf(out, "%.0f %s", v, unit);
	else
		buf_addf(out, "%.3g %s", v, unit);
}

static void add_row(struct buf *out, const struct compare_row *row)
{
	buf_addf(out, "%s: ", row->help);
	add_value(out, row->value, row->unit);
	buf_addf(out, "; the median of %d scans is ", row->runs);
	add_value(out, row->median, row->unit);
	buf_adds(out, ", usually within ");
	add_value(out, row->mad, row->unit);
	if (row->verdict == COMPARE_WORSE)
		buf_adds(out, " (worse)");
	else if (row->verdict == COMPARE_BETTER)
		buf_adds(out, " (better)");
	buf_addc(out, '\n');
}

static bool is_verdict(const struct comparison *c, enum compared what, enum compare_verdict verdict)
{
	return c->row[what].verdict == verdict;
}

/** The stage that is furthest below its own median; -1 when none is out of the ordinary. */
static int slowest_stage(const struct comparison *c)
{
	int slowest = -1;
	double least = 1;
	for (int i = 0; i < STAGE_COUNT; i++) {
		const struct compare_row *row = &c->row[COMPARED_discover_rate + i];
		if (row->verdict == COMPARE_WORSE && row->value / row->median < least) {
			least = row->value / row->median;
			slowest = i;
		}
	}
	return slowest;
}

/** A scan that has to read more files is not ill. */
static void explain_slow(const struct comparison *c, struct buf *out)
{
	const struct compare_row *cached = &c->row[COMPARED_cached_ratio], *busy = &c->row[COMPARED_discover_busy];
	int stage = slowest_stage(c), busiest = 0;
	for (int i = 1; i < STAGE_COUNT; i++)
		if (busy[i].value > busy[busiest].value)
			busiest = i;
	if (cached->verdict == COMPARE_OTHER && cached->value < cached->median) {
		buf_adds(out, "it had more to read: ");
		add_value(out, cached->value, cached->unit);
		buf_adds(out, " of the files were answered from the index, usually ");
		add_value(out, cached->median, cached->unit);
		buf_addc(out, '\n');
	} else if (stage >= 0) {
		buf_addf(out, "where: in the stage %s, see below\n", STAGE_NAMES[stage]);
	} else if (!isnan(busy[busiest].value)) {
		buf_addf(out, "where: no stage stands out; the busiest was %s\n", STAGE_NAMES[busiest]);
	}
}

void compare_words(const struct run *run, const struct comparison *c, struct buf *out)
{
	const struct compare_row *rate = &c->row[COMPARED_files_per_second];
	if (c->verdict == COMPARE_UNKNOWN) {
		buf_addf(out, "too few runs: %d %s before this one, it takes %d to compare\n", c->runs,
			 c->runs == 1 ? "scan like it" : "scans like it", COMPARE_LEAST);
		return;
	}
	if (rate->verdict == COMPARE_UNKNOWN || rate->median <= 0) {
		buf_adds(out, "its speed cannot be compared: too few scans saw files\n");
	} else {
		double share = rate->value / rate->median;
		buf_addf(out, "%s: %.0f files in %.3g s, %.3g files/s; the median of the last %d is %.3g files/s (%+.0f %%)\n",
			 rate->verdict == COMPARE_WORSE ? "slower" : rate->verdict == COMPARE_BETTER ? "faster" : "as fast as usual",
			 run->value[RUN_files], run->value[RUN_wall_seconds], rate->value, rate->runs, rate->median,
			 (share - 1) * 100);
	}
	if (is_verdict(c, COMPARED_files_per_second, COMPARE_WORSE))
		explain_slow(c, out);
	for (int i = COMPARED_files_per_second + 1; i < COMPARED_COUNT; i++)
		if (c->row[i].verdict > COMPARE_USUAL)
			add_row(out, &c->row[i]);
}
