/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/change.h"

#include <stdlib.h>
#include <string.h>

struct change *change_new(enum change_kind kind, size_t space)
{
	struct change *c = malloc(sizeof *c + space);
	if (!c)
		return NULL;
	*c = (struct change){
		.kind = kind, .dir = "", .name = "", .state = "", .error_reason = "", .space = space,
	};
	return c;
}

const char *change_copy(struct change *c, const char *s, size_t n)
{
	if (c->space - c->used < n + 1)
		return "";
	char *copy = c->data + c->used;
	if (n)
		memcpy(copy, s, n);
	copy[n] = '\0';
	c->used += n + 1;
	return copy;
}

void change_free(void *arg)
{
	struct change *c = arg;
	if (!c)
		return;
	free(c->run);
	free(c->record);
	snapshot_free(c->snapshot);
	free(c);
}
