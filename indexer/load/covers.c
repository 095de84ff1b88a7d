/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/load/covers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** The record, and its bytes behind it. */
struct record {
	struct store_put_cover put;
	int64_t most;
	char bytes[];
};

static int send(struct writer *w, struct record *r, change_act *act)
{
	struct change *c = r ? change_new(CHANGE_ACT, 0) : NULL;
	if (!c) {
		free(r);
		return -ENOMEM;
	}
	c->act = act;
	c->record = r;
	return writer_put(w, c);
}

static int act_put(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row;
	(void)touched;
	return store_put_cover(s, &((struct record *)record)->put);
}

int covers_put(struct writer *w, const struct store_put_cover *put)
{
	size_t reason = strlen(put->reason) + 1;
	struct record *r = malloc(sizeof *r + reason + put->n);
	if (r) {
		r->put = *put;
		r->put.reason = memcpy(r->bytes, put->reason, reason);
		if (put->jpeg)
			r->put.jpeg = memcpy(r->bytes + reason, put->jpeg, put->n);
	}
	return send(w, r, act_put);
}

static int act_trim(struct store *s, void *record, int64_t *row, struct store_touched *touched)
{
	(void)row;
	(void)touched;
	return store_trim_covers(s, ((struct record *)record)->most);
}

int covers_trim(struct writer *w, int64_t most)
{
	struct record *r = calloc(1, sizeof *r);
	if (r)
		r->most = most;
	return send(w, r, act_trim);
}
