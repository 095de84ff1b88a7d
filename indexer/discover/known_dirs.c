/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/discover/known_dirs.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum { LEAST = 64 };

/** Where it is, or where it would be. */
static struct known_dir *place_of(const struct known_dirs *k, uint64_t path)
{
	size_t at = (path >> 32) & (k->places - 1);
	while (k->place[at].sum && k->place[at].path != path)
		at = (at + 1) & (k->places - 1);
	return &k->place[at];
}

/** Room for one more, a third of it free. */
static int grow(struct known_dirs *k)
{
	if (k->count + 1 <= k->places / 3 * 2)
		return 0;
	struct known_dirs grown = {.places = k->places ? 2 * k->places : LEAST, .count = k->count};
	grown.place = calloc(grown.places, sizeof *grown.place);
	if (!grown.place)
		return -1;
	for (size_t i = 0; i < k->places; i++)
		if (k->place[i].sum)
			*place_of(&grown, k->place[i].path) = k->place[i];
	free(k->place);
	*k = grown;
	return 0;
}

void known_dirs_add(struct known_dirs *k, const struct known_dir *d)
{
	if (grow(k) < 0)
		return;
	struct known_dir *place = place_of(k, d->path);
	k->count += !place->sum;
	*place = *d;
}

const struct known_dir *known_dirs_find(const struct known_dirs *k, const char *path)
{
	if (!k->count)
		return NULL;
	const struct known_dir *d = place_of(k, text_hash(path, strlen(path)));
	return d->sum ? d : NULL;
}

void known_dirs_clear(struct known_dirs *k)
{
	free(k->place);
	*k = (struct known_dirs){0};
}
