/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/extract_vorbis.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
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

/**
 * Opus's own gain (RFC 7845): dB in 1/256, towards -23 LUFS, where ReplayGain aims at -18.  It
 * ranks below a REPLAYGAIN_* comment, whatever their order.
 */
static bool opus_gain(const char *entry, size_t n, struct media *out)
{
	static const struct {
		const char *key;
		enum field_id field;
	} gains[] = {
		{"R128_TRACK_GAIN", FIELD_replaygain_track_gain},
		{"R128_ALBUM_GAIN", FIELD_replaygain_album_gain},
	};
	for (size_t i = 0; i < COUNT_OF(gains); i++) {
		if (!is_key(entry, n, gains[i].key))
			continue;
		char digits[8], text[32];
		size_t skip = strlen(gains[i].key) + 1;
		size_t length = n - skip < sizeof digits - 1 ? n - skip : sizeof digits - 1;
		memcpy(digits, entry + skip, length);
		digits[length] = '\0';
		int gain;
		if (sscanf(digits, "%7d", &gain) == 1) {
			int size = snprintf(text, sizeof text, "%.4f", gain / 256.0 + 5.0);
			media_set_tag(out, gains[i].field, 1, text, (size_t)size);
		}
		return true;
	}
	return false;
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
	enum field_id f = field_of_vorbis(entry, key);
	if (f == FIELD_COUNT) {
		opus_gain(entry, n, out);
		return;
	}
	int rank = field_rank(FIELDS_TABLE[f].vorbis, entry, key);
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
