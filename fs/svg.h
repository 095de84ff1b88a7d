/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A small writer of plots as SVG 1.1: panels one below the other over one axis of times.
 *
 * Colours are attributes, for viewers that know no more (librsvg and QtSvg: file managers' previews), and custom
 * properties of CSS over them, light or dark as the reader likes it.  Series differ by dash, marker or hatching,
 * too.  Texts may be any bytes.  Plain functions, any thread.
 */
#ifndef FS_SVG_H
#define FS_SVG_H

#include "common/buf.h"
#include "fs/svg_scale.h"

enum svg_kind {
	/** A line; where a value is not known it has a gap. */
	SVG_LINE,
	/** Markers, joined by a thin line over what is not known. */
	SVG_DOTS,
	/** Areas on each other. */
	SVG_AREA,
	/** Bars on each other, one an element of x. */
	SVG_BARS,
};

enum {
	SVG_SERIES_MOST = 6,
	SVG_PANELS_MOST = 3,
	/** Colours of series: so many. */
	SVG_COLOURS = 6,
};

struct svg_series {
	const char *name;
	/** As many as the chart's x; NAN: not known. */
	const double *y;
	/** 0 to SVG_COLOURS - 1; dash, marker and hatching go with it. */
	int colour;
};

struct svg_panel {
	/** Over the axis: what the values are, with the unit. */
	const char *label;
	enum svg_unit unit;
	enum svg_kind kind;
	/** The axis need not begin at 0 (lines only). */
	bool is_fitted;
	/** Powers of ten when the values above 0 lie so far apart that most would be at the bottom; 0 is there then. */
	bool may_be_log;
	const struct svg_series *series;
	size_t count;
};

struct svg_chart {
	/** Ids begin with "plot-" and this; ASCII letters and '-'. */
	const char *name;
	const char *title;
	/** One line below the title: the newest number, say.  May be "". */
	const char *note;
	/** For those who cannot see it. */
	const char *desc;
	/** Shown instead of values when there is none. */
	const char *empty;
	const char *x_label;
	/** Times, ns since 1970, ascending. */
	const int64_t *x;
	size_t n;
	/** Elements stand side by side at equal distances, whatever their times. */
	bool is_even;
	/** A line is broken where the next value is later than this, ns; 0: never. */
	int64_t gap_ns;
	const struct svg_panel *panel;
	size_t panels;
};

/**
 * Writes one <svg>.  @embedded: for a place inside a page, as wide as that.  Of more values than there is room
 * for, the least and the greatest of each place are drawn.
 */
void svg_chart(struct buf *out, const struct svg_chart *c, bool embedded);

/** Values of all series on each other at one time; NAN when none is known. */
double svg_total(const struct svg_panel *p, size_t i);

#endif
