/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A folder of pictures, as the scout tells it: "mediamon pictures …\n", then the pictures' names, each
 * with a NUL behind.  No file has this suffix: it is known by its first bytes.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/inside.h"

static const char magic[] = "mediamon pictures ";

enum {
	MAGIC = sizeof magic - 1,
	LIST_MAX = 4 << 20,
};

static int folder_read(const struct extract_input *in, struct media *out, char *reason)
{
	_buf_ struct buf list = BUF_INIT(LIST_MAX);
	struct inside inside = {0};
	int r = in->size > LIST_MAX ? -EBADMSG : buf_reserve(&list, (size_t)in->size + 1);
	if (r == 0)
		r = extract_pread(in, 0, list.data, (size_t)in->size);
	if (r < 0)
		return extract_fail(reason, r, "the list of the folder's pictures cannot be read");
	list.data[in->size] = '\0';
	const char *name = memchr(list.data, '\n', (size_t)in->size), *end = list.data + in->size;
	for (name = name ? name + 1 : end; name < end; name += strlen(name) + 1)
		inside_note(&inside, name, strlen(name), false);
	r = inside_finish(&inside, out, reason);
	inside_clear(&inside);
	return r;
}

static bool folder_probe(const uint8_t *head, size_t n)
{
	return n > MAGIC && memcmp(head, magic, MAGIC) == 0;
}

const struct extractor extract_folder = {
	.name = "folder",
	.kind = MEDIA_VOLUME,
	.suffixes = (const char *const[]){NULL},
	.probe = folder_probe,
	.read = folder_read,
};
