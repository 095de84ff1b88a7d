/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/load/verdicts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** The record, and its texts behind it. */
struct record {
	struct store_verdict verdict;
	char texts[];
};

static int act_verdict(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row;
	return store_put_verdict(s, &((struct record *)record)->verdict, touched);
}

int verdicts_put(struct writer *w, const struct store_verdict *v)
{
	size_t how = strlen(v->how) + 1, reason = strlen(v->reason) + 1;
	struct record *r = malloc(sizeof *r + how + reason);
	struct change *c = r ? change_new(CHANGE_ACT, 0) : NULL;
	if (!c) {
		free(r);
		return -ENOMEM;
	}
	r->verdict = *v;
	r->verdict.how = memcpy(r->texts, v->how, how);
	r->verdict.reason = memcpy(r->texts + how, v->reason, reason);
	c->act = act_verdict;
	c->record = r;
	return writer_put(w, c);
}
