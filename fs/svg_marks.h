/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What stands for values in a plot: lines, markers, areas, bars.  Only fs/svg.c uses it. */
#ifndef FS_SVG_MARKS_H
#define FS_SVG_MARKS_H

#include "fs/svg.h"

/** Where a panel's values are drawn, in units of the picture. */
struct svg_frame {
	const struct svg_chart *chart;
	const struct svg_panel *panel;
	const struct svg_scale *scale;
	double left, top, width, height;
	/** Times at its left and right edge; of even charts nothing. */
	int64_t from, to;
};

/** Attributes of a colour for viewers without custom properties: of light paper. */
extern const char *const SVG_COLOURS_LIGHT[SVG_COLOURS];

/** One number, at most two decimals and no more than are needed. */
void svg_number(struct buf *out, double v);

/** Elements of an even chart that stand in one place, and how many places there are. */
size_t svg_even_group(const struct svg_chart *c);
size_t svg_even_places(const struct svg_chart *c);
/** Where the element is, left of the picture's left edge at 0. */
double svg_x(const struct svg_frame *f, size_t i);

void svg_marks(struct buf *out, const struct svg_frame *f);
/** How a series looks, 22 wide around @y. */
void svg_swatch(struct buf *out, const struct svg_chart *c, const struct svg_panel *p, const struct svg_series *s,
		double x, double y);
/** The hatchings that the panels' areas and bars need, inside <defs>. */
void svg_hatchings(struct buf *out, const struct svg_chart *c);

#endif
