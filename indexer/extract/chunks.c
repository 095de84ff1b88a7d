/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/chunks.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

enum {
	CHUNKS_MAX = 200,
	/** Longer texts are cut. */
	TEXT_MAX = MEDIA_TEXT_MAX + 256,
};

void chunk_start(struct chunk *c, struct window *w, uint64_t at, uint64_t end, enum chunk_size kind)
{
	*c = (struct chunk){.w = w, .kind = kind, .at = at, .end = end < w->size ? end : w->size, .left = CHUNKS_MAX};
}

static bool is_id(const uint8_t *p)
{
	for (size_t i = 0; i < 4; i++) {
		if (p[i] < ' ' || p[i] > '~')
			return false;
	}
	return true;
}

/** A chunk of an odd size is followed by a byte of padding, which some programs forget. */
static uint64_t padding(const struct chunk *c)
{
	if (!(c->size & 1))
		return 0;
	const uint8_t *p = window_get(c->w, c->at + c->size, 1);
	return !p || *p == 0 ? 1 : 0;
}

bool chunk_next(struct chunk *c)
{
	size_t header = c->kind == CHUNK_BE64 ? 12 : 8;
	if (c->left == 0 || c->at > c->end || c->size > c->end - c->at)
		return false;
	uint64_t at = c->at + c->size + padding(c);
	const uint8_t *p = at < c->end && c->end - at >= header ? window_get(c->w, at, header) : NULL;
	if (!p || !is_id(p))
		return false;
	memcpy(c->id, p, 4);
	c->size = c->kind == CHUNK_LE32 ? get_le32(p + 4) : c->kind == CHUNK_BE32 ? get_be32(p + 4) : get_be64(p + 4);
	c->at = at + header;
	c->left--;
	return true;
}

const uint8_t *chunk_get(const struct chunk *c, size_t n)
{
	return n <= chunk_there(c) ? window_get(c->w, c->at, n) : NULL;
}

void chunk_take_text(const struct chunk *c, enum field_id f, int rank, struct media *out)
{
	uint64_t there = chunk_there(c);
	size_t n = there < TEXT_MAX ? (size_t)there : TEXT_MAX;
	const char *p = (const char *)chunk_get(c, n);
	n = p ? strnlen(p, n) : 0;
	if (n == 0)
		return;
	if (text_is_utf8(p, there < TEXT_MAX ? n : text_cut(p, n, n))) {
		media_set_tag(out, f, rank, p, n);
		return;
	}
	_buf_ struct buf text = BUF_INIT(TEXT_MAX * 2);
	text_from_latin1(p, n, &text);
	media_set_tag(out, f, rank, buf_str(&text), text.len);
}
