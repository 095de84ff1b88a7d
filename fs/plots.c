/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/plots.h"

const struct plot_row PLOTS_TABLE[PLOT_COUNT] = {
#define P(id, name, title, topics, help) {name, title, help, topics},
	PLOTS(P)
#undef P
};

int plot_embed(struct view *v, enum plot_id plot, struct buf *out)
{
	(void)v;
	buf_addf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" id=\"plot-%s\" viewBox=\"0 0 560 350\" "
		      "role=\"img\"><title>%s</title></svg>\n",
		 PLOTS_TABLE[plot].name, PLOTS_TABLE[plot].title);
	return 0;
}

int plot_show(struct view *v, enum plot_id plot, struct buf *out)
{
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	return plot_embed(v, plot, out);
}
