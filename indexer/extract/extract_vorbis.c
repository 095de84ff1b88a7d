/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/extract_vorbis.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "indexer/extract/extract.h"
#include "indexer/extract/window.h"

static bool is_key(const char *entry, size_t n, const char *key)
{
	size_t length = strlen(key);
	return n > length && entry[length] == '=' && strncasecmp(entry, key, length) == 0;
}

bool vorbis_is_picture(const char *entry, size_t n)
{
	return is_key(entry, n, "METADATA_BLOCK_PICTURE") || is_key(entry, n, "COVERART");
}

void vorbis_comment(const char *entry, size_t n, struct media *out)
{
	const char *equals = memchr(entry, '=', n);
	if (!equals)
		return;
	if (vorbis_is_picture(entry, n)) {
		media_set_int(out, FIELD_has_picture, 1);
		return;
	}
	size_t key = (size_t)(equals - entry);
	int rank;
	enum field_id f = field_find(TAG_VORBIS, entry, key, &rank);
	if (f != FIELD_COUNT)
		media_set_tag(out, f, rank, equals + 1, n - key - 1);
}

int extract_vorbis_comments(const uint8_t *data, size_t n, struct media *out)
{
	if (n < 8 || get_le32(data) > n - 8)
		return -EBADMSG;
	size_t at = 4 + (size_t)get_le32(data);
	uint32_t count = get_le32(data + at);
	at += 4;
	for (; count; count--) {
		if (n - at < 4)
			return -EBADMSG;
		uint32_t length = get_le32(data + at);
		at += 4;
		const char *entry = (const char *)data + at;
		if (length > n - at) {
			if (vorbis_is_picture(entry, n - at))
				media_set_int(out, FIELD_has_picture, 1);
			return -EBADMSG;
		}
		vorbis_comment(entry, length, out);
		at += length;
	}
	return 0;
}
