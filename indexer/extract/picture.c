/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/picture.h"

#include <stdio.h>
#include <string.h>

#include "indexer/extract/fingerprint.h"

enum {
	/** Read at a time for a hash. */
	PIECE = 65536,
	/** Encoding, then text of one byte or of two a character. */
	ENCODING_UTF16 = 1,
	ENCODING_UTF16BE = 2,
	/** The kinds are a byte in ID3v2 and 32 bits in FLAC; 21 of them are defined. */
	KIND_MAX = 255,
};

bool picture_note(struct media *out, unsigned kind, uint64_t bytes)
{
	unsigned before = (unsigned)media_int(out, FIELD_picture_kind, KIND_MAX);
	bool is_first = !media_has(out, FIELD_picture_kind);
	media_set_int(out, FIELD_has_picture, 1);
	kind = kind > KIND_MAX ? PICTURE_OTHER : kind;
	if (!is_first && (before == PICTURE_FRONT || kind != PICTURE_FRONT))
		return false;
	media_set_int(out, FIELD_picture_kind, kind);
	media_unset(out, FIELD_picture_bytes);
	media_unset(out, FIELD_picture_hash);
	if (bytes)
		media_set_int(out, FIELD_picture_bytes, (int64_t)bytes);
	return true;
}

/* --- hashes --- */

static void set_hash(struct media *out, uint64_t hash)
{
	char text[17];
	snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
	media_set_text(out, FIELD_picture_hash, text, 16);
}

void picture_hash_bytes(struct media *out, const uint8_t *image, size_t n)
{
	void *hash = fingerprint_begin();
	fingerprint_add(hash, image, n);
	set_hash(out, fingerprint_end(hash));
}

void picture_hash_range(struct media *out, const struct window *w, uint64_t at, uint64_t n)
{
	uint8_t piece[PIECE];
	if (!w->in) {
		if (at <= w->head_len && n <= w->head_len - at)
			picture_hash_bytes(out, w->head + at, (size_t)n);
		return;
	}
	void *hash = fingerprint_begin();
	bool is_whole = true;
	while (n > 0 && is_whole) {
		size_t part = n < sizeof piece ? (size_t)n : sizeof piece;
		is_whole = extract_pread(w->in, w->base + at, piece, part) == 0;
		if (is_whole)
			fingerprint_add(hash, piece, part);
		at += part;
		n -= part;
	}
	uint64_t digest = fingerprint_end(hash);
	if (is_whole)
		set_hash(out, digest);
}

void picture_take(struct media *out, const struct window *w, unsigned kind, uint64_t at,
		  uint64_t bytes, bool wants_hash)
{
	bool is_chosen = picture_note(out, kind, bytes);
	if (is_chosen && bytes && wants_hash)
		picture_hash_range(out, w, at, bytes);
}

/* --- what stands in front of the image --- */

bool picture_parse_flac(const uint8_t *p, size_t n, uint64_t size, struct picture *picture)
{
	*picture = (struct picture){0};
	if (n < 8)
		return false;
	picture->kind = get_be32(p);
	/* Kind, type, description, four numbers of 32 bits, and the image's length. */
	uint64_t at = 8 + (uint64_t)get_be32(p + 4);
	if (at + 4 > n)
		return true;
	at += 4 + (uint64_t)get_be32(p + at) + 16;
	if (at + 4 > n)
		return true;
	picture->skip = (size_t)at + 4;
	picture->bytes = get_be32(p + at);
	/* A picture of more than 16 MiB cannot tell its length in a block. */
	if (size >= picture->skip && (picture->bytes == 0 || picture->bytes > size - picture->skip))
		picture->bytes = size - picture->skip;
	return true;
}

/** Where the text at @at ends, its NUL included; 0 when it does not. */
static size_t text_end(const uint8_t *p, size_t n, size_t at, unsigned width)
{
	for (; at + width <= n; at += width) {
		if (p[at] == 0 && p[at + width - 1] == 0)
			return at + width;
	}
	return 0;
}

bool picture_parse_id3(const uint8_t *p, size_t n, uint64_t size, bool is_old,
		       struct picture *picture)
{
	*picture = (struct picture){0};
	if (n < 6)
		return false;
	/* v2.2 has a type of three letters, the others a text. */
	size_t at = is_old ? 4 : text_end(p, n, 1, 1);
	if (at == 0 || at >= n)
		return false;
	picture->kind = p[at];
	unsigned width = p[0] == ENCODING_UTF16 || p[0] == ENCODING_UTF16BE ? 2 : 1;
	picture->skip = text_end(p, n, at + 1, width);
	if (picture->skip && size > picture->skip)
		picture->bytes = size - picture->skip;
	return true;
}

/* --- base64 --- */

void picture_text_begin(struct picture_text *t, bool has_head, uint64_t length, bool wants_hash)
{
	t->has_head = has_head;
	t->size = length / 4 * 3 + (length % 4 > 1 ? length % 4 - 1 : 0);
	t->head_len = 0;
	t->bits = t->bit_count = 0;
	t->hash = wants_hash ? fingerprint_begin() : NULL;
	t->picture = (struct picture){.bytes = has_head ? 0 : t->size};
	t->is_parsed = !has_head;
	t->left = t->size;
}

/** Decodes as far as @to has room.  Returns the characters used; *count = bytes made. */
static size_t decode(struct picture_text *t, const char *text, size_t n, uint8_t *to, size_t room,
		     size_t *count)
{
	size_t i = 0;
	*count = 0;
	for (; i < n && *count < room; i++) {
		static const char digits[] =
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
		if (!digit) {
			/* "=" stands for no bytes at the end: the length counted them. */
			if (text[i] == '=' && !t->has_head && t->picture.bytes)
				t->picture.bytes--;
			continue;
		}
		t->bits = t->bits << 6 | (uint32_t)(digit - digits);
		t->bit_count += 6;
		if (t->bit_count < 8)
			continue;
		t->bit_count -= 8;
		to[(*count)++] = (uint8_t)(t->bits >> t->bit_count);
	}
	return i;
}

static void hash_image(struct picture_text *t, const uint8_t *bytes, size_t n)
{
	size_t part = n < t->left ? n : (size_t)t->left;
	if (t->hash)
		fingerprint_add(t->hash, bytes, part);
	t->left -= part;
}

/** Takes decoded bytes: the description first, then what is hashed. */
static void take_bytes(struct picture_text *t, const uint8_t *bytes, size_t n)
{
	if (t->is_parsed) {
		hash_image(t, bytes, n);
		return;
	}
	t->head_len += n;
	bool is_full = t->head_len == sizeof t->head || t->head_len >= t->size;
	picture_parse_flac(t->head, t->head_len, t->size, &t->picture);
	if (t->picture.skip == 0 && !is_full)
		return;
	t->is_parsed = true;
	t->left = t->picture.bytes;
	if (t->picture.skip && t->head_len > t->picture.skip)
		hash_image(t, t->head + t->picture.skip, t->head_len - t->picture.skip);
}

void picture_text_add(struct picture_text *t, const char *text, size_t n)
{
	uint8_t bytes[4096];
	while (n) {
		bool is_head = !t->is_parsed;
		uint8_t *to = is_head ? t->head + t->head_len : bytes;
		size_t room = is_head ? sizeof t->head - t->head_len : sizeof bytes, made;
		size_t used = decode(t, text, n, to, room, &made);
		take_bytes(t, to, made);
		text += used;
		n -= used;
	}
}

void picture_text_end(struct picture_text *t, bool is_whole, struct media *out)
{
	bool is_chosen = picture_note(out, t->picture.kind, t->picture.bytes);
	if (!t->hash)
		return;
	uint64_t digest = fingerprint_end(t->hash);
	t->hash = NULL;
	if (is_chosen && is_whole && t->is_parsed && t->picture.bytes)
		set_hash(out, digest);
}
