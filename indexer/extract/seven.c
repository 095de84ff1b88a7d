/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "indexer/extract/seven.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/seven_private.h"
#include "indexer/extract/window.h"

enum {
	START_SIZE = 32,
	HEADER_MAX = 16 << 20,
	NAMES_MAX = 32 << 20,
	/** Headers that hold a packed header. */
	LAYERS_MAX = 4,
	ID_END = 0,
	ID_HEADER = 1,
	ID_PROPERTIES = 2,
	ID_MORE_STREAMS = 3,
	ID_STREAMS = 4,
	ID_FILES = 5,
	ID_EMPTY_STREAM = 14,
	ID_NAMES = 17,
	ID_PACKED_HEADER = 23,
};

/* --- files --- */

static bool bit_of(const uint8_t *bits, size_t i)
{
	return bits && bits[i / 8] & 0x80 >> i % 8;
}

/** One name in UTF-16; 0 at the end of all. */
static bool add_name(struct seven *s, struct seven_bytes *b)
{
	while (b->end - b->at >= 2) {
		uint32_t unit = get_le16(b->at);
		b->at += 2;
		if (unit == 0)
			return buf_addc(&s->names, '\0') == 0;
		bool is_pair = unit >= 0xd800 && unit < 0xdc00 && b->end - b->at >= 2;
		uint32_t low = is_pair ? get_le16(b->at) : 0;
		if (is_pair && low >= 0xdc00 && low < 0xe000) {
			unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
			b->at += 2;
		}
		text_append(&s->names, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
	}
	return false;
}

/** Gives each file that is not empty the next stream. */
static bool place_files(struct seven *s, size_t files, const uint8_t *empty)
{
	size_t folder = 0, stream = 0, in_folder = 0;
	uint64_t offset = 0;
	for (size_t i = 0; i < files; i++) {
		struct seven_place *p = vec_add(&s->places);
		if (!p)
			return false;
		p->folder = SIZE_MAX;
		if (bit_of(empty, i))
			continue;
		while (folder < s->folders.len && in_folder >= s->folders.data[folder].streams) {
			folder++;
			in_folder = offset = 0;
		}
		if (folder == s->folders.len || stream == s->sizes.len)
			return false;
		*p = (struct seven_place){folder, offset, s->sizes.data[stream]};
		offset += s->sizes.data[stream++];
		in_folder++;
	}
	return true;
}

static bool read_files(struct seven *s, struct seven_bytes *b)
{
	uint64_t files = seven_number(b), size;
	const uint8_t *empty = NULL;
	if (b->is_bad || files > INSIDE_MAX)
		return false;
	for (uint64_t id = seven_number(b); id != ID_END && !b->is_bad; id = seven_number(b)) {
		size = seven_number(b);
		if (b->is_bad || size > (uint64_t)(b->end - b->at))
			return false;
		struct seven_bytes part = {.at = b->at, .end = b->at + size};
		b->at += size;
		if (id == ID_EMPTY_STREAM) {
			if (size < (files + 7) / 8)
				return false;
			empty = part.at;
		}
		/* names elsewhere are not known to exist */
		if (id == ID_NAMES && seven_byte(&part) != 0)
			return false;
		for (uint64_t i = 0; id == ID_NAMES && i < files; i++)
			if (!add_name(s, &part))
				return false;
	}
	return !b->is_bad && !buf_error(&s->names) && s->names.len && place_files(s, (size_t)files, empty);
}

/* --- the header --- */

/** ArchiveProperties: nobody writes any. */
static void skip_properties(struct seven_bytes *b)
{
	while (seven_number(b) != ID_END && !b->is_bad) {
		uint64_t size = seven_number(b);
		if (size > (uint64_t)(b->end - b->at))
			b->is_bad = true;
		else
			b->at += size;
	}
}

static bool read_list(struct seven *s, struct seven_bytes *b)
{
	for (uint64_t id = seven_number(b); id != ID_END && !b->is_bad; id = seven_number(b)) {
		if (id == ID_PROPERTIES)
			skip_properties(b);
		else if (id == ID_STREAMS && !seven_streams(s, b))
			return false;
		else if (id == ID_FILES)
			return read_files(s, b);
		else if (id != ID_STREAMS)
			return false;
	}
	return !b->is_bad;
}

/** Puts the header that is packed in the first folder into @header. */
static int unpack_header(struct seven *s, struct seven_bytes *b, struct buf *header, char *reason)
{
	_buf_ struct buf inner = BUF_INIT(HEADER_MAX);
	if (!seven_streams(s, b) || s->folders.len == 0)
		return extract_fail(reason, -EBADMSG, "the list of the archive's files is damaged");
	struct seven_folder f = s->folders.data[0];
	if (f.is_encrypted)
		return extract_fail(reason, -EBADMSG, "the archive is encrypted, with the names of its files");
	if (f.size > HEADER_MAX)
		return extract_fail(reason, -EBADMSG, "the archive claims a list of %llu bytes",
				    (unsigned long long)f.size);
	int r = seven_unpack(s, &f, 0, (size_t)f.size, &inner);
	if (r == -EBADMSG || r == -ENOTSUP)
		return extract_fail(reason, -EBADMSG, "the list of the archive's files cannot be unpacked");
	if (r < 0)
		return extract_fail(reason, r, "it cannot be read: %s", strerror(-r));
	s->folders.len = s->sizes.len = 0;
	struct buf outer = *header;
	*header = inner;
	inner = outer;
	return 0;
}

static int read_header(struct seven *s, struct buf *header, char *reason)
{
	for (unsigned layer = 0; layer < LAYERS_MAX; layer++) {
		const uint8_t *p = (const uint8_t *)buf_str(header);
		struct seven_bytes b = {.at = p, .end = p + header->len};
		uint64_t id = seven_number(&b);
		if (id == ID_HEADER && read_list(s, &b))
			return 0;
		if (id != ID_PACKED_HEADER)
			break;
		int r = unpack_header(s, &b, header, reason);
		if (r < 0)
			return r;
	}
	return extract_fail(reason, -EBADMSG, "the list of the archive's files is damaged");
}

int seven_open(struct seven *s, const struct extract_input *in, char *reason)
{
	*s = (struct seven){.in = in, .names = BUF_INIT(NAMES_MAX)};
	if (in->head_len < START_SIZE)
		return incomplete(reason, "the archive ends in its first bytes");
	uint64_t at = get_le64(in->head + 12), n = get_le64(in->head + 20);
	/* while it is written, the start is not */
	if (at == 0 && n == 0 && get_le32(in->head + 28) == 0)
		return incomplete(reason, "the archive has no list of files yet (still being written?)");
	if (at > INT64_MAX - START_SIZE || n > HEADER_MAX)
		return extract_fail(reason, -EBADMSG, "the archive claims a list of %llu bytes", (unsigned long long)n);
	at += START_SIZE;
	if (at > in->size || n > in->size - at)
		return inside_is_part_name(in->path, in->path_len)
			       ? inside_fail_part(reason)
			       : incomplete_at(reason, in->size, "its start", at + n);
	_buf_ struct buf header = BUF_INIT(HEADER_MAX);
	int r = buf_reserve(&header, (size_t)n + 1);
	if (r == 0)
		r = extract_pread(in, at, header.data, (size_t)n);
	if (r < 0)
		return extract_fail(reason, r, "it cannot be read: %s", strerror(-r));
	header.len = (size_t)n;
	return read_header(s, &header, reason);
}

void seven_close(struct seven *s)
{
	vec_clear(&s->folders);
	vec_clear(&s->sizes);
	vec_clear(&s->places);
	buf_clear(&s->names);
}
