/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Writer of Prometheus' text exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/): families one after the other, each with HELP and
 * TYPE once, then all its samples.  No timestamps: node_exporter's textfile collector refuses them.
 */
#ifndef COMMON_RENDER_PROM_H
#define COMMON_RENDER_PROM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/** A family: samples of one name together.  Borrowed texts that outlive it. */
struct prom {
	struct buf *out;
	const char *name, *help;
	bool is_counter, has_head;
};

struct prom_label {
	/** ASCII that needs no escape. */
	const char *name;
	/** Any bytes; different ones stay different. */
	const char *value;
};

/** Begins a family.  HELP and TYPE are written before its first sample: one without samples leaves no line. */
void prom_family(struct prom *p, struct buf *out, const char *name, bool is_counter, const char *help);

/** One sample; @labels end at the first whose name is NULL, and NULL means none.  A value that is not finite is not
 * known: nothing is written.  @digits: most decimals. */
void prom_sample(struct prom *p, const struct prom_label *labels, double value, int digits);

#endif
