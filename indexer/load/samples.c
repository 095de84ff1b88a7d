/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/load/samples.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct record {
	struct samples_kept kept;
	int64_t now;
	size_t n;
	struct gauges minutes[];
};

static int act_samples(struct store *s, void *record, int64_t *answer, struct store_touched *touched)
{
	const struct record *o = record;
	(void)answer, (void)touched;
	int r = store_put_samples(s, SAMPLE_MINUTE, o->minutes, o->n);
	if (r == 0 && o->kept.hours)
		r = store_roll_samples(s, o->now);
	if (r == 0)
		r = store_thin_samples(s, SAMPLE_MINUTE, o->kept.minutes, o->now);
	return r < 0 ? r : store_thin_samples(s, SAMPLE_HOUR, o->kept.hours, o->now);
}

int samples_put(struct writer *w, const struct gauges *minutes, size_t n, const struct samples_kept *kept, int64_t now)
{
	struct record *o = calloc(1, sizeof *o + n * sizeof *minutes);
	struct change *c = o ? change_new(CHANGE_ACT, 0) : NULL;
	if (!c) {
		free(o);
		return -ENOMEM;
	}
	o->kept = *kept;
	o->now = now;
	o->n = n;
	if (n)
		memcpy(o->minutes, minutes, n * sizeof *minutes);
	c->act = act_samples;
	c->record = o;
	return writer_call(w, c, NULL);
}
