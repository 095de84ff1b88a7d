/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/repair/provider.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void provider_torrent_clear(struct provider_torrent *t)
{
	free(t->name);
	for (size_t i = 0; i < t->files.len; i++)
		free(t->files.data[i].path);
	vec_clear(&t->files);
	*t = (struct provider_torrent){0};
}

int provider_result(enum provider_class class)
{
	static const int results[] = {
		[PROVIDER_OK] = 0,
		[PROVIDER_WAIT] = -EAGAIN,
		[PROVIDER_STOP] = -EACCES,
		[PROVIDER_LATER] = -EBUSY,
		[PROVIDER_PERMANENT] = -EPERM,
		[PROVIDER_GONE] = -ENOENT,
		[PROVIDER_UNKNOWN] = -ETIMEDOUT,
	};
	return results[class];
}

int provider_fail(struct provider_error *e, enum provider_class class, const char *why)
{
	e->class = class;
	snprintf(e->why, sizeof e->why, "%s", why);
	return provider_result(class);
}
