/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/extract_vorbis.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "indexer/extract/extract.h"
#include "indexer/extract/picture.h"
#include "indexer/extract/window.h"

size_t vorbis_picture(const char *entry, size_t n, bool *has_head)
{
	static const char picture[] = "METADATA_BLOCK_PICTURE=", cover[] = "COVERART=";
	enum { PICTURE = sizeof picture - 1, COVER = sizeof cover - 1 };
	*has_head = n >= PICTURE && strncasecmp(entry, picture, PICTURE) == 0;
	if (*has_head)
		return PICTURE;
	return n >= COVER && strncasecmp(entry, cover, COVER) == 0 ? COVER : 0;
}

void vorbis_comment(const char *entry, size_t n, struct media *out)
{
	const char *equals = memchr(entry, '=', n);
	if (!equals)
		return;
	size_t key = (size_t)(equals - entry);
	int rank;
	enum field_id f = field_find(TAG_VORBIS, entry, key, &rank);
	if (f != FIELD_COUNT)
		media_set_tag(out, f, rank, equals + 1, n - key - 1);
}

/** A picture whose base64 is in memory, perhaps not to its end. */
static void take_picture(const char *text, size_t n, size_t length, bool has_head, bool wants_hash,
			 struct media *out)
{
	struct picture_text t;
	size_t most = wants_hash ? n : PICTURE_HEAD * 2;
	picture_text_begin(&t, has_head, length, wants_hash);
	picture_text_add(&t, text, n < most ? n : most);
	picture_text_end(&t, n == length, out);
}

/** One comment, @n bytes of it at hand. */
static void take_entry(const char *entry, size_t n, size_t length, bool wants_hash,
		       struct media *out)
{
	bool has_head;
	size_t key = vorbis_picture(entry, n, &has_head);
	if (key)
		take_picture(entry + key, n - key, length - key, has_head, wants_hash, out);
	else if (n == length)
		vorbis_comment(entry, n, out);
}

int extract_vorbis_comments(const uint8_t *data, size_t n, bool wants_hash, struct media *out)
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
		size_t there = length < n - at ? length : n - at;
		take_entry(entry, there, length, wants_hash, out);
		if (length > n - at)
			return -EBADMSG;
		at += length;
	}
	return 0;
}
