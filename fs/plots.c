/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/plots.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "fs/plots_data.h"

const struct plot_row PLOTS_TABLE[PLOT_COUNT] = {
#define P(id, name, title, topics, help) {name, title, help, topics},
	PLOTS(P)
#undef P
};

static int (*const drawers[PLOT_COUNT])(const struct plot *p) = {
#define P(id, name, title, topics, help) plot_draw_##id,
	PLOTS(P)
#undef P
};

int plot_embed(struct view *v, enum plot_id plot, struct buf *out)
{
	return drawers[plot](&(struct plot){v, &PLOTS_TABLE[plot], out, true});
}

int plot_show(struct view *v, enum plot_id plot, struct buf *out)
{
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	return drawers[plot](&(struct plot){v, &PLOTS_TABLE[plot], out, false});
}

/* --- shared by the drawers --- */

int plot_data_add(struct plot_data *d, int64_t at, const double *value, size_t n)
{
	int64_t *x = vec_add(&d->x);
	if (!x)
		return -ENOMEM;
	*x = at;
	for (size_t i = 0; i < n; i++) {
		double *y = vec_add(&d->y[i]);
		if (!y)
			return -ENOMEM;
		*y = value[i];
	}
	return 0;
}

struct place {
	int64_t at;
	size_t i;
};

static int by_time(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	/* those of one time stay as they are */
	return x->at != y->at ? (x->at < y->at ? -1 : 1) : (x->i > y->i) - (x->i < y->i);
}

static void reorder(struct plot_data *d, const struct place *place, double *y)
{
	for (size_t i = 0; i < d->x.len; i++)
		d->x.data[i] = place[i].at;
	for (size_t k = 0; k < SVG_SERIES_MOST; k++) {
		for (size_t i = 0; i < d->y[k].len; i++)
			y[i] = d->y[k].data[place[i].i];
		if (d->y[k].len)
			memcpy(d->y[k].data, y, d->y[k].len * sizeof *y);
	}
}

int plot_data_sort(struct plot_data *d)
{
	size_t n = d->x.len;
	struct place *place = calloc(n + 1, sizeof *place);
	double *y = calloc(n + 1, sizeof *y);
	int r = place && y ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		place[i] = (struct place){d->x.data[i], i};
	if (r == 0) {
		qsort(place, n, sizeof *place, by_time);
		reorder(d, place, y);
	}
	free(place);
	free(y);
	return r;
}

void plot_data_clear(struct plot_data *d)
{
	vec_clear(&d->x);
	for (size_t i = 0; i < SVG_SERIES_MOST; i++)
		vec_clear(&d->y[i]);
}

struct svg_chart plot_chart(const struct plot *p, const struct plot_data *d)
{
	return (struct svg_chart){.name = p->row->name, .title = p->row->title, .note = "", .desc = "", .empty = "",
				  .x_label = "time (UTC)", .x = d->x.data, .n = d->x.len};
}

static bool is_known(const struct svg_series *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (svg_is_value(s->y[i]))
			return true;
	return false;
}

size_t plot_known(struct svg_series *series, size_t count, size_t n)
{
	size_t left = 0;
	for (size_t s = 0; s < count; s++)
		if (is_known(&series[s], n))
			series[left++] = series[s];
	return left;
}

int plot_end(const struct plot *p, const struct svg_chart *c)
{
	_buf_ struct buf desc = BUF_INIT(4096);
	buf_adds(&desc, c->desc);
	if (c->n == 0)
		buf_addf(&desc, ": %s", c->empty);
	else if (*c->note)
		buf_addf(&desc, "; %s", c->note);
	buf_addc(&desc, '.');
	struct svg_chart told = *c;
	told.desc = buf_str(&desc);
	svg_chart(p->out, &told, p->embedded);
	return buf_error(p->out);
}
