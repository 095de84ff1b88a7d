/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the drawers of plots share.  Only fs/plots*.c use it. */
#ifndef FS_PLOTS_DATA_H
#define FS_PLOTS_DATA_H

#include "common/vec.h"
#include "fs/plots.h"
#include "fs/svg.h"

/** A plot that is being made. */
struct plot {
	struct view *view;
	const struct plot_row *row;
	struct buf *out;
	bool embedded;
};

/** Values by time: columns of the same length. */
struct plot_data {
	VEC(int64_t) x;
	VEC(double) y[SVG_SERIES_MOST];
};

/** Adds a row of @n values (the other columns stay empty).  0 or -ENOMEM. */
int plot_data_add(struct plot_data *d, int64_t at, const double *value, size_t n);
/** Puts the rows in the order of their times.  0 or -ENOMEM. */
int plot_data_sort(struct plot_data *d);
void plot_data_clear(struct plot_data *d);
#define _data_ __attribute__((cleanup(plot_data_clear), unused))

/** A chart over the data, with the plot's name and title; texts are empty. */
struct svg_chart plot_chart(const struct plot *p, const struct plot_data *d);
/** Takes the series of which nothing is known out of @series; returns how many are left. */
size_t plot_known(struct svg_series *series, size_t count, size_t n);
/** Writes it.  Its note is said to those who cannot see it, too.  0 or -errno. */
int plot_end(const struct plot *p, const struct svg_chart *c);

/* the drawers, in plots_NAME.c or plots.c */
#define P(id, name, title, topics, help) int plot_draw_##id(const struct plot *p);
PLOTS(P)
#undef P

#endif
