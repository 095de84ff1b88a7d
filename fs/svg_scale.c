/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/svg_scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"

/** Beyond this sums and differences of values could be infinite; below, quotients. */
#define LARGEST 1e300
#define SMALLEST 1e-300

bool svg_is_value(double v)
{
	return isfinite(v) && fabs(v) <= LARGEST;
}

/* --- units --- */

struct prefix {
	double factor;
	const char *text;
};

/* each from the greatest; a value takes the first that is not greater than it, else the last */
static const struct prefix counts[] = {{1e18, " E"}, {1e15, " P"}, {1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"},
				       {1, ""}};
static const struct prefix seconds[] = {{3 * 86400., " d"}, {3 * 3600., " h"}, {180, " min"}, {1, " s"}, {1e-3, " ms"},
					{1e-6, " µs"}};
static const struct prefix bytes[] = {{0x1p60, " EiB"}, {0x1p50, " PiB"}, {0x1p40, " TiB"}, {0x1p30, " GiB"},
				      {0x1p20, " MiB"}, {0x1p10, " KiB"}, {1, " B"}};
static const struct prefix ratios[] = {{0, " %"}};

static const struct {
	const struct prefix *prefix;
	size_t count;
} units[] = {
	[SVG_COUNT] = {counts, COUNT_OF(counts)},    [SVG_NUMBER] = {counts, COUNT_OF(counts)},
	[SVG_SECONDS] = {seconds, COUNT_OF(seconds)}, [SVG_BYTES] = {bytes, COUNT_OF(bytes)},
	[SVG_RATIO] = {ratios, COUNT_OF(ratios)},
};

/** What one of the shown number is, and its name. */
static struct prefix prefix_for(double v, enum svg_unit unit)
{
	size_t i = 0;
	v = fabs(v);
	while (i + 1 < units[unit].count && v < units[unit].prefix[i].factor)
		i++;
	struct prefix p = units[unit].prefix[i];
	/* days and hours have names for values that are several of them */
	if (unit == SVG_SECONDS)
		p.factor = i == 0 ? 86400 : i == 1 ? 3600 : i == 2 ? 60 : p.factor;
	if (unit == SVG_RATIO)
		p.factor = 0.01;
	return p;
}

static void write_number(double v, int decimals, const char *unit, char text[static SVG_TICK_CHARS])
{
	if (v == 0)
		v = 0; /* not -0 */
	if (fabs(v) >= 1e6 || (v != 0 && decimals > 4))
		snprintf(text, SVG_TICK_CHARS, "%.3g%s", v, unit);
	else
		snprintf(text, SVG_TICK_CHARS, "%.*f%s", decimals, v, unit);
}

/** Whole, with commas. */
static void write_grouped(double v, char text[static SVG_TICK_CHARS])
{
	long whole = lround(v), thousands = labs(whole) / 1000;
	const char *sign = whole < 0 ? "-" : "";
	if (thousands)
		snprintf(text, SVG_TICK_CHARS, "%s%ld,%03ld", sign, thousands, labs(whole) % 1000);
	else
		snprintf(text, SVG_TICK_CHARS, "%ld", whole);
}

void svg_value_text(double v, enum svg_unit unit, char text[static SVG_TICK_CHARS])
{
	if (!svg_is_value(v)) {
		snprintf(text, SVG_TICK_CHARS, "–");
		return;
	}
	if (unit == SVG_COUNT && fabs(v) < 1e6) {
		write_grouped(v, text);
		return;
	}
	struct prefix p = prefix_for(v, unit);
	double shown = v / p.factor;
	bool is_whole = shown == round(shown);
	int decimals = is_whole || fabs(shown) >= 99.95 ? 0 : fabs(shown) >= 9.995 ? 1 : fabs(shown) >= 0.0995 ? 2 : 5;
	write_number(shown, decimals, p.text, text);
}

/* --- values --- */

/** 1, 2 or 5 times a power of ten, not less than @v. */
static double round_step(double v)
{
	double power = pow(10, floor(log10(v)));
	const double steps[] = {1, 2, 5, 10};
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		if (v <= steps[i] * power * (1 + 1e-9))
			return steps[i] * power;
	return 10 * power;
}

/** The step in values; binary units have steps that are round in theirs. */
static double step_for(double span, const struct prefix *p, enum svg_unit unit, int most)
{
	double step = round_step(span / p->factor / most) * p->factor;
	return unit == SVG_COUNT && step < 1 ? 1 : step;
}

static void add_tick(struct svg_scale *s, double v, int decimals, const struct prefix *p)
{
	if (s->count == SVG_TICKS_MOST)
		return;
	struct svg_tick *t = &s->tick[s->count++];
	t->value = v;
	write_number(v / p->factor, v == 0 ? 0 : decimals, v == 0 && p->factor != 0.01 ? "" : p->text, t->text);
}

/** Values that are all the same get room around them. */
static void widen(double *low, double *high, enum svg_unit unit)
{
	/* shares that differ by less than one in a hundred are as good as the same */
	if (unit == SVG_RATIO && *high - *low < 0.01 && *high > 0.01 && *high <= 1) {
		*low = *high - 0.01;
		return;
	}
	if (*high - *low > fabs(*high) * 1e-9 && *high - *low > SMALLEST)
		return;
	if (fabs(*high) < SMALLEST && fabs(*low) < SMALLEST) {
		*low = 0;
		*high = 1;
		return;
	}
	double more = unit == SVG_COUNT ? fmax(1, fabs(*high) * 1e-3) : fabs(*high) * 0.1;
	*low -= more;
	*high += more;
}

void svg_scale_linear(struct svg_scale *s, double low, double high, enum svg_unit unit, int most)
{
	*s = (struct svg_scale){0};
	widen(&low, &high, unit);
	struct prefix p = prefix_for(fmax(fabs(low), fabs(high)), unit);
	double step = step_for(high - low, &p, unit, most);
	double first = floor(low / step + 1e-9), last = fmax(first + 1, ceil(high / step - 1e-9));
	double exponent = log10(step / p.factor);
	int decimals = exponent < 0 ? (int)ceil(-exponent - 1e-9) : 0;
	s->low = first * step;
	s->high = last * step;
	for (double i = first; i <= last + 0.5 && s->count < SVG_TICKS_MOST; i++)
		add_tick(s, i * step, decimals, &p);
}

void svg_scale_log(struct svg_scale *s, double low, double high, enum svg_unit unit, int most)
{
	int first = (int)floor(log10(low) + 1e-9), last = (int)ceil(log10(high) - 1e-9);
	last = last > first ? last : first + 1;
	int every = (last - first + most - 1) / most;
	*s = (struct svg_scale){.low = pow(10, first), .high = pow(10, last), .is_log = true};
	for (int i = first; i <= last && s->count < SVG_TICKS_MOST; i += every) {
		struct svg_tick *t = &s->tick[s->count++];
		t->value = pow(10, i);
		svg_value_text(t->value, unit, t->text);
	}
}

double svg_scale_place(const struct svg_scale *s, double v)
{
	double at = s->is_log ? (log10(fmax(v, SMALLEST)) - log10(s->low)) / (log10(s->high) - log10(s->low))
			      : (v - s->low) / (s->high - s->low);
	return fmin(1, fmax(0, at));
}

/* --- times --- */

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)
/** Longer spans are written in days. */
#define DAYS_NS (2 * DAY_NS)

static const int64_t time_steps[] = {
	NS_PER_S,       2 * NS_PER_S,  5 * NS_PER_S,   15 * NS_PER_S, 30 * NS_PER_S, MINUTE_NS,   2 * MINUTE_NS,
	5 * MINUTE_NS,  15 * MINUTE_NS, 30 * MINUTE_NS, HOUR_NS,       2 * HOUR_NS,   3 * HOUR_NS, 6 * HOUR_NS,
	12 * HOUR_NS,   DAY_NS,        2 * DAY_NS,     7 * DAY_NS,    14 * DAY_NS,
};
static const int month_steps[] = {1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200};

static struct tm calendar(int64_t at)
{
	struct tm tm = {0};
	time_t time = (time_t)(at / NS_PER_S - (at % NS_PER_S < 0));
	gmtime_r(&time, &tm);
	return tm;
}

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void svg_date_text(int64_t at, char text[static SVG_TICK_CHARS])
{
	struct tm tm = calendar(at);
	snprintf(text, SVG_TICK_CHARS, "%d %s %d", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900);
}

void svg_time_text(int64_t at, int64_t span, char text[static SVG_TICK_CHARS])
{
	struct tm tm = calendar(at);
	bool is_midnight = !tm.tm_hour && !tm.tm_min && !tm.tm_sec;
	if (span > 400 * DAY_NS)
		snprintf(text, SVG_TICK_CHARS, "%s %d", months[tm.tm_mon], tm.tm_year + 1900);
	else if (span > DAYS_NS || is_midnight)
		snprintf(text, SVG_TICK_CHARS, "%d %s", tm.tm_mday, months[tm.tm_mon]);
	else if (span > 4 * MINUTE_NS)
		snprintf(text, SVG_TICK_CHARS, "%02d:%02d", tm.tm_hour, tm.tm_min);
	else
		snprintf(text, SVG_TICK_CHARS, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool add_time(struct svg_tick *tick, size_t *n, int64_t at, int64_t span)
{
	if (*n == SVG_TICKS_MOST)
		return false;
	tick[*n].value = (double)at;
	svg_time_text(at, span, tick[*n].text);
	(*n)++;
	return true;
}

/** First days of months. */
static size_t month_ticks(int64_t low, int64_t high, int most, struct svg_tick *tick)
{
	struct tm tm = calendar(low);
	double all = (double)(high - low) / (30.4 * (double)DAY_NS);
	size_t n = 0, step = 0;
	while (step + 1 < COUNT_OF(month_steps) && all / month_steps[step] > most)
		step++;
	int month = (tm.tm_year * 12 + tm.tm_mon) / month_steps[step] * month_steps[step];
	for (int64_t at = low; at <= high; month += month_steps[step]) {
		struct tm first = {.tm_year = month / 12, .tm_mon = month % 12, .tm_mday = 1};
		at = (int64_t)timegm(&first) * NS_PER_S;
		if (at >= low && at <= high && !add_time(tick, &n, at, high - low))
			break;
	}
	return n;
}

size_t svg_time_ticks(int64_t low, int64_t high, int most, struct svg_tick *tick)
{
	size_t n = 0, i = 0;
	/* where hours are not written, only days are told apart */
	while (i < COUNT_OF(time_steps) && ((high - low) / time_steps[i] > most || (high - low > DAYS_NS && time_steps[i] < DAY_NS)))
		i++;
	if (i == COUNT_OF(time_steps))
		return month_ticks(low, high, most, tick);
	int64_t step = time_steps[i];
	/* weeks begin on Mondays: 1970 began with a Thursday */
	int64_t base = step % (7 * DAY_NS) ? 0 : 4 * DAY_NS;
	int64_t at = low - base - 1;
	for (at += step - at % step + base; at <= high && add_time(tick, &n, at, high - low); at += step)
		if (high - at < step)
			break;
	return n;
}
