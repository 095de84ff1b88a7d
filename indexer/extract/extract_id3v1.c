/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ID3v1 and v1.1: 128 bytes at the end, Latin-1 in fields of fixed length. */
#include "indexer/extract/extract_id3.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

static bool take_v1(enum field_id f, const uint8_t *p, size_t n, struct media *out)
{
	_buf_ struct buf text = BUF_INIT(64);
	n = strnlen((const char *)p, n);
	text_from_latin1((const char *)p, n, &text);
	if (media_has(out, f) || text.len == 0)
		return false;
	media_set_tag(out, f, 0, text.data, text.len);
	return media_has(out, f);
}

bool id3_read_v1(const uint8_t *tag, struct media *out)
{
	static const struct {
		uint8_t at, length;
		uint8_t field;
	} places[] = {
		{3, 30, FIELD_title}, {33, 30, FIELD_artist},  {63, 30, FIELD_album},
		{93, 4, FIELD_date},  {97, 30, FIELD_comment},
	};
	bool any = false;
	for (size_t i = 0; i < COUNT_OF(places); i++)
		any |= take_v1(places[i].field, tag + places[i].at, places[i].length, out);
	/* v1.1 took the comment's last two bytes for the track. */
	if (tag[125] == 0 && tag[126] && !media_has(out, FIELD_track)) {
		media_set_int(out, FIELD_track, tag[126]);
		any = true;
	}
	const char *genre = field_genre_name(tag[127]);
	if (genre && !media_has(out, FIELD_genre)) {
		media_set_text(out, FIELD_genre, genre, strlen(genre));
		any = true;
	}
	return any;
}
