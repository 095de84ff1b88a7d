/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/gauges.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"

const struct gauge_row GAUGES_TABLE[GAUGE_COUNT] = {
#define G(id, name, kind, label, value, decimals, help) \
	{#id, name, label, value, help, GAUGE_##kind, decimals},
	GAUGES(G)
#undef G
};

void gauges_set_left(struct gauges *g, enum gauge_id left, int64_t per_day)
{
	/* the rows of one API stand at the same place in both families */
	double used = g->value[GAUGE_api_prowlarr_used + ((int)left - GAUGE_api_prowlarr_left)];
	/* fmax() would make 0 of what is not known */
	g->value[left] = isnan(used) ? NAN : fmax(0, (double)per_day - used);
}

void gauges_set_budgets(struct gauges *g, int64_t prowlarr_day)
{
	gauges_set_left(g, GAUGE_api_prowlarr_left, prowlarr_day);
	gauges_set_left(g, GAUGE_api_nautiljon_left, NAUTILJON_DAY);
}

void gauge_mean_add(struct gauge_mean *m, const double *value)
{
	m->count++;
	for (int g = 0; g < GAUGE_COUNT; g++) {
		if (isnan(value[g]))
			continue;
		m->known[g]++;
		m->sum[g] += value[g];
		m->last[g] = value[g];
	}
}

void gauge_mean_end(const struct gauge_mean *m, int64_t at, struct gauges *out)
{
	out->at = at;
	for (int g = 0; g < GAUGE_COUNT; g++) {
		bool is_mean = GAUGES_TABLE[g].kind == GAUGE_RATE;
		out->value[g] = !m->known[g] ? NAN : is_mean ? m->sum[g] / (double)m->known[g] : m->last[g];
	}
}
