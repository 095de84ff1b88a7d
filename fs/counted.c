/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/counted.h"

#include "common/clock.h"
#include "fs/views.h"

bool counted_serves(struct view *v, unsigned topics, const struct counted *c)
{
	int64_t running = 0, queued, age = now_ns() - c->at, most = 60 * NS_PER_S;
	if (!c->at || c->epoch != v->epoch)
		return false;
	if (c->version == view_version(v, topics, 0))
		return true;
	if (c->took < most / COUNTED_PATIENCE)
		most = c->took * COUNTED_PATIENCE;
	return age >= 0 && age < most && status_count_jobs(v, &running, &queued) == 0 && running > 0;
}

void counted_begin(const struct view *v, unsigned topics, struct counted *c)
{
	*c = (struct counted){.version = view_version(v, topics, 0), .at = now_ns(), .took = -mono_ns(), .epoch = v->epoch};
}

void counted_end(struct counted *c)
{
	c->took += mono_ns();
}
