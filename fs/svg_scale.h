/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Axes of plots: round numbers and times around values, written with their units.  Plain functions, any thread. */
#ifndef FS_SVG_SCALE_H
#define FS_SVG_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a value is; it tells how the value is written. */
enum svg_unit {
	/** Of things: whole, 12 k. */
	SVG_COUNT,
	/** 0.5, 12 k. */
	SVG_NUMBER,
	/** 20 ms, 4 min. */
	SVG_SECONDS,
	/** 3 MiB. */
	SVG_BYTES,
	/** 1 is 100 %. */
	SVG_RATIO,
};

enum {
	SVG_TICKS_MOST = 12,
	SVG_TICK_CHARS = 32,
};

struct svg_tick {
	double value;
	char text[SVG_TICK_CHARS];
};

struct svg_scale {
	double low, high;
	/** Equal steps are equal factors; low is above 0 then. */
	bool is_log;
	size_t count;
	struct svg_tick tick[SVG_TICKS_MOST];
};

/** Whether a value can be drawn: finite, and small enough to be calculated with. */
bool svg_is_value(double v);

/** From a round number to a round number around @low..@high, with about @most ticks (at most SVG_TICKS_MOST - 2). */
void svg_scale_linear(struct svg_scale *s, double low, double high, enum svg_unit unit, int most);
/** The same for 0 < @low < @high by powers of ten, of which not each has a tick. */
void svg_scale_log(struct svg_scale *s, double low, double high, enum svg_unit unit, int most);
/** 0 at the scale's low end, 1 at its high end; inside these for any value. */
double svg_scale_place(const struct svg_scale *s, double v);

/** One value with its unit, three digits: "12.3 k"; of counts below a million all: "12,345". */
void svg_value_text(double v, enum svg_unit unit, char text[static SVG_TICK_CHARS]);

/** Round times (UTC) from @low to @high, ns since 1970: value is the time in ns.  Returns how many, at most
 * SVG_TICKS_MOST and about @most. */
size_t svg_time_ticks(int64_t low, int64_t high, int most, struct svg_tick *tick);
/** How a time is written on an axis that covers @span ns: "04:18", "22 Nov", "Nov 2026"; for spans of hours
 * midnight is written as its day. */
void svg_time_text(int64_t at, int64_t span, char text[static SVG_TICK_CHARS]);
/** "21 Nov 2026". */
void svg_date_text(int64_t at, char text[static SVG_TICK_CHARS]);

#endif
