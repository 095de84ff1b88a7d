/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/plots.h"

#include <errno.h>
#include <math.h>

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
