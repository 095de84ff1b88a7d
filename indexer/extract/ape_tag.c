/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/ape_tag.h"

#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/extract/picture.h"

enum {
	ITEMS_MAX = 1024,
	/** Longest key of the specification. */
	KEY_MAX = 255,
	/** Longer values are passed over. */
	VALUE_MAX = 64 << 10,
	ITEM_HEADER = 8,
	IS_TEXT = 0,
	VERSION_1 = 1000,
	VERSION_2 = 2000,
};

struct item {
	char key[KEY_MAX + 1];
	size_t key_len;
	uint32_t size;
	unsigned kind;
	/** Where its value is. */
	uint64_t at;
};

bool ape_tag_find(struct window *w, uint64_t end, struct ape_tag *tag)
{
	const uint8_t *p = end >= APE_FOOTER ? window_get(w, end - APE_FOOTER, APE_FOOTER) : NULL;
	if (!p || memcmp(p, "APETAGEX", 8) != 0)
		return false;
	uint32_t version = get_le32(p + 8), size = get_le32(p + 12), flags = get_le32(p + 20);
	if (version != VERSION_1 && version != VERSION_2)
		return false;
	tag->is_old = version == VERSION_1;
	bool has_header = !tag->is_old && flags >> 31;
	uint64_t whole = size + (has_header ? UINT64_C(32) : 0);
	if (size < APE_FOOTER || whole > end)
		return false;
	tag->count = get_le32(p + 16);
	tag->start = end - whole;
	tag->at = end - size;
	tag->size = size - APE_FOOTER;
	return true;
}

/** The item at @at.  False at damage. */
static bool read_item(struct window *w, uint64_t at, uint64_t end, struct item *item)
{
	size_t most = ITEM_HEADER + KEY_MAX + 1;
	size_t n = end - at < most ? (size_t)(end - at) : most;
	const uint8_t *p = n > ITEM_HEADER ? window_get(w, at, n) : NULL;
	const uint8_t *stop = p ? memchr(p + ITEM_HEADER, '\0', n - ITEM_HEADER) : NULL;
	if (!stop)
		return false;
	item->size = get_le32(p);
	item->kind = get_le32(p + 4) >> 1 & 3;
	item->key_len = (size_t)(stop - p) - ITEM_HEADER;
	memcpy(item->key, p + ITEM_HEADER, item->key_len + 1);
	item->at = at + ITEM_HEADER + item->key_len + 1;
	return item->size <= end - item->at;
}

/** The picture's kind by the number that ID3 gives it; -1 when the key is of no picture. */
static int picture_kind(const char *key)
{
	static const char *const kinds[] = {
		"Other", "Png Icon", "Icon", "Front", "Back", "Leaflet", "Media", "Lead", "Artist", "Conductor",
		"Band", "Composer", "Lyricist", "Recording Location", "During Recording", "During Performance",
		"Video Capture", "Fish", "Illustration", "Band Logotype", "Publisher Logotype",
	};
	static const char front[] = "Cover Art (";
	size_t n = strlen(key), skip = sizeof front - 1;
	if (n <= skip || strncasecmp(key, front, skip) != 0 || key[n - 1] != ')')
		return -1;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (strlen(kinds[i]) == n - skip - 1 && strncasecmp(key + skip, kinds[i], n - skip - 1) == 0)
			return (int)i;
	}
	return 0;
}

/** Its texts, NUL between them. */
static void take_texts(enum field_id f, int rank, const char *text, size_t n, struct media *out)
{
	for (size_t at = 0; at < n;) {
		size_t length = strnlen(text + at, n - at);
		media_set_tag(out, f, rank, text + at, length);
		at += length + 1;
	}
}

/** A file's name, NUL, the image. */
static void take_picture(struct window *w, const struct item *item, unsigned kind, struct media *out)
{
	size_t n = item->size < PICTURE_HEAD ? item->size : PICTURE_HEAD;
	const uint8_t *p = window_get(w, item->at, n);
	const uint8_t *stop = p && n ? memchr(p, '\0', n) : NULL;
	size_t skip = stop ? (size_t)(stop - p) + 1 : 0;
	if (skip < item->size)
		picture_take(out, w, kind, item->at + skip, item->size - skip, w->in && w->in->hashes_pictures);
}

static void take_item(struct window *w, const struct item *item, bool is_old, struct buf *scratch,
		      struct media *out)
{
	int kind = picture_kind(item->key);
	if (kind >= 0) {
		take_picture(w, item, (unsigned)kind, out);
		return;
	}
	enum field_id f = field_of_ape(item->key, item->key_len);
	if (f == FIELD_COUNT || item->size == 0 || item->size > VALUE_MAX || (item->kind != IS_TEXT && !is_old))
		return;
	int rank = field_rank(FIELDS_TABLE[f].ape, item->key, item->key_len);
	const char *text = (const char *)window_copy(w, item->at, item->size, scratch);
	if (!text)
		return;
	if (!is_old || text_is_utf8(text, item->size)) {
		take_texts(f, rank, text, item->size, out);
		return;
	}
	_buf_ struct buf plain = BUF_INIT(VALUE_MAX * 2);
	text_from_latin1(text, item->size, &plain);
	take_texts(f, rank, buf_str(&plain), plain.len, out);
}

void ape_tag_read(struct window *w, const struct ape_tag *tag, struct media *out)
{
	_buf_ struct buf scratch = BUF_INIT(VALUE_MAX);
	uint64_t at = tag->at, end = tag->at + tag->size;
	struct item item;
	for (uint32_t i = 0; i < tag->count && i < ITEMS_MAX && read_item(w, at, end, &item); i++) {
		take_item(w, &item, tag->is_old, &scratch, out);
		at = item.at + item.size;
	}
}
