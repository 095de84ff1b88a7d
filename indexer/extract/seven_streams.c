/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 7z: how folders are packed (PackInfo, UnpackInfo, SubStreamsInfo), and unpacking simple ones. */
#include "indexer/extract/seven_private.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/inside.h"
#include "indexer/extract/unpack.h"
#include "indexer/extract/window.h"

enum {
	START_SIZE = 32,
	/** Coders, and streams of one, are few. */
	CODERS_MAX = 32,
	ID_END = 0,
	ID_PACK = 6,
	ID_UNPACK = 7,
	ID_SUBSTREAMS = 8,
	ID_SIZE = 9,
	ID_CRC = 10,
	ID_FOLDER = 11,
	ID_CODERS_SIZE = 12,
	ID_STREAM_COUNT = 13,
	METHOD_COPY = 0,
	METHOD_LZMA2 = 0x21,
	METHOD_LZMA = 0x30101,
	METHOD_PPMD = 0x30401,
	METHOD_AES = 0x6f10701,
};

uint8_t seven_byte(struct seven_bytes *b)
{
	if (b->at < b->end)
		return *b->at++;
	b->is_bad = true;
	return 0;
}

uint64_t seven_number(struct seven_bytes *b)
{
	uint64_t v = 0;
	unsigned first = seven_byte(b), mask = 0x80;
	for (unsigned i = 0; i < 8; i++, mask >>= 1) {
		if (!(first & mask))
			return v | (uint64_t)(first & (mask - 1)) << 8 * i;
		v |= (uint64_t)seven_byte(b) << 8 * i;
	}
	return v;
}

/** CRCs of @n things; @folders are told which have one, unless NULL. */
static void skip_digests(struct seven_bytes *b, uint64_t n, struct seven_folder *folders)
{
	bool has_all = seven_byte(b) != 0;
	uint64_t defined = 0;
	unsigned bits = 0;
	for (uint64_t i = 0; i < n && !b->is_bad; i++) {
		if (!has_all && i % 8 == 0)
			bits = seven_byte(b);
		bool is_set = has_all || bits & 0x80 >> i % 8;
		defined += is_set;
		if (folders)
			folders[i].has_crc = is_set;
	}
	if (defined > (uint64_t)(b->end - b->at) / 4)
		b->is_bad = true;
	else
		b->at += defined * 4;
}

/* --- packed streams --- */

/** Puts the packed streams' sizes into @packed. */
static bool read_pack(struct seven_bytes *b, uint64_t *pack_at, struct buf *packed)
{
	*pack_at = seven_number(b);
	uint64_t n = seven_number(b), size;
	if (b->is_bad || n > INSIDE_MAX)
		return false;
	for (uint64_t id = seven_number(b); id != ID_END && !b->is_bad; id = seven_number(b)) {
		for (uint64_t i = 0; id == ID_SIZE && i < n && !b->is_bad; i++) {
			size = seven_number(b);
			buf_add(packed, &size, sizeof size);
		}
		if (id == ID_CRC)
			skip_digests(b, n, NULL);
		else if (id != ID_SIZE)
			return false;
	}
	return !b->is_bad && !buf_error(packed);
}

/* --- folders --- */

/** The window that a coder asks for. */
static uint64_t window_of(uint64_t method, const uint8_t *p, size_t n)
{
	if ((method == METHOD_LZMA || method == METHOD_PPMD) && n >= 5)
		return get_le32(p + 1);
	if (method == METHOD_LZMA2 && n >= 1)
		return p[0] >= 40 ? UINT32_MAX : (uint64_t)(2 | (p[0] & 1)) << (p[0] / 2 + 11);
	return 0;
}

static bool read_coder(struct seven_folder *f, struct seven_bytes *b, bool is_first, uint64_t *inputs)
{
	unsigned flags = seven_byte(b);
	uint64_t method = 0, in = 1, out = 1, n = 0;
	for (unsigned i = 0; i < (flags & 15); i++)
		method = method << 8 | seven_byte(b);
	if (flags & 0x10) {
		in = seven_number(b);
		out = seven_number(b);
	}
	if (flags & 0x20)
		n = seven_number(b);
	if (b->is_bad || in > CODERS_MAX || out > CODERS_MAX || n > (uint64_t)(b->end - b->at))
		return false;
	uint64_t window = window_of(method, b->at, (size_t)n);
	f->window = window > f->window ? window : f->window;
	f->is_encrypted = f->is_encrypted || method == METHOD_AES;
	bool is_known = method == METHOD_COPY || method == METHOD_LZMA || method == METHOD_LZMA2;
	if (is_first && n <= sizeof f->properties) {
		f->method = method;
		f->is_simple = is_known && in == 1 && out == 1;
		f->property_count = (size_t)n;
		memcpy(f->properties, b->at, (size_t)n);
	}
	b->at += n;
	f->outputs += (unsigned)out;
	*inputs += in;
	return true;
}

/** Returns the number of packed streams that it takes, 0 when it is damaged. */
static uint64_t read_folder(struct seven_folder *f, struct seven_bytes *b)
{
	uint64_t coders = seven_number(b), inputs = 0, bound = 0;
	if (b->is_bad || coders == 0 || coders > CODERS_MAX)
		return 0;
	for (uint64_t i = 0; i < coders; i++)
		if (!read_coder(f, b, i == 0, &inputs))
			return 0;
	f->is_simple = f->is_simple && coders == 1;
	uint64_t pairs = f->outputs - 1;
	if (f->outputs == 0 || f->outputs > 64 || inputs <= pairs)
		return 0;
	for (uint64_t i = 0; i < pairs; i++) {
		seven_number(b);
		uint64_t output = seven_number(b);
		bound |= output < 64 ? UINT64_C(1) << output : 0;
	}
	/* the stream that no other coder takes */
	while (f->result < f->outputs - 1 && bound >> f->result & 1)
		f->result++;
	for (uint64_t i = 0; inputs - pairs > 1 && i < inputs - pairs; i++)
		seven_number(b);
	return b->is_bad ? 0 : inputs - pairs;
}

static bool add_folders(struct seven *s, struct seven_bytes *b, uint64_t at, const struct buf *packed)
{
	uint64_t n = seven_number(b), count = packed->len / sizeof(uint64_t), stream = 0, size;
	if (b->is_bad || n > INSIDE_MAX || seven_byte(b) != 0)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		struct seven_folder *f = vec_add(&s->folders);
		uint64_t streams = f ? read_folder(f, b) : 0;
		if (streams == 0 || streams > count - stream)
			return false;
		f->at = at;
		f->streams = 1;
		for (uint64_t k = 0; k < streams; k++, stream++) {
			memcpy(&size, buf_str(packed) + stream * sizeof size, sizeof size);
			if (size > INT64_MAX - at)
				return false;
			f->packed = k ? f->packed : size;
			at += size;
		}
	}
	return true;
}

static bool read_unpack(struct seven *s, struct seven_bytes *b, uint64_t pack_at, const struct buf *packed)
{
	if (pack_at > INT64_MAX - START_SIZE || seven_number(b) != ID_FOLDER ||
	    !add_folders(s, b, pack_at + START_SIZE, packed) || seven_number(b) != ID_CODERS_SIZE)
		return false;
	for (size_t i = 0; i < s->folders.len; i++) {
		struct seven_folder *f = &s->folders.data[i];
		for (unsigned k = 0; k < f->outputs && !b->is_bad; k++) {
			uint64_t size = seven_number(b);
			f->size = k == f->result ? size : f->size;
		}
	}
	uint64_t id = seven_number(b);
	if (id == ID_CRC) {
		skip_digests(b, s->folders.len, s->folders.data);
		id = seven_number(b);
	}
	return id == ID_END && !b->is_bad;
}

/* --- the streams in a folder --- */

static bool add_size(struct seven *s, uint64_t size)
{
	uint64_t *slot = s->sizes.len < INSIDE_MAX ? vec_add(&s->sizes) : NULL;
	if (slot)
		*slot = size;
	return slot != NULL;
}

/** The last stream of a folder has what the others leave. */
static bool add_sizes(struct seven *s, struct seven_bytes *b, bool are_told)
{
	for (size_t i = 0; i < s->folders.len; i++) {
		const struct seven_folder *f = &s->folders.data[i];
		uint64_t left = f->size;
		for (unsigned k = 1; k < f->streams; k++) {
			uint64_t size = are_told ? seven_number(b) : 0;
			if (size > left || b->is_bad || !add_size(s, size))
				return false;
			left -= size;
		}
		if (f->streams && !add_size(s, left))
			return false;
	}
	return true;
}

static bool read_counts(struct seven *s, struct seven_bytes *b)
{
	for (size_t i = 0; i < s->folders.len; i++) {
		uint64_t n = seven_number(b);
		if (b->is_bad || n > INSIDE_MAX)
			return false;
		s->folders.data[i].streams = (unsigned)n;
	}
	return true;
}

static bool read_substreams(struct seven *s, struct seven_bytes *b)
{
	uint64_t id = seven_number(b), unknown = 0;
	if (id == ID_STREAM_COUNT) {
		if (!read_counts(s, b))
			return false;
		id = seven_number(b);
	}
	if (!add_sizes(s, b, id == ID_SIZE))
		return false;
	if (id == ID_SIZE)
		id = seven_number(b);
	for (size_t i = 0; i < s->folders.len; i++) {
		const struct seven_folder *f = &s->folders.data[i];
		unknown += f->streams == 1 && f->has_crc ? 0 : f->streams;
	}
	if (id == ID_CRC) {
		skip_digests(b, unknown, NULL);
		id = seven_number(b);
	}
	return id == ID_END && !b->is_bad;
}

bool seven_streams(struct seven *s, struct seven_bytes *b)
{
	_buf_ struct buf packed = BUF_INIT(INSIDE_MAX * sizeof(uint64_t));
	uint64_t pack_at = 0;
	s->folders.len = s->sizes.len = 0;
	uint64_t id = seven_number(b);
	for (; id != ID_END && !b->is_bad; id = seven_number(b)) {
		bool is_read = id == ID_PACK	     ? read_pack(b, &pack_at, &packed)
			       : id == ID_UNPACK     ? read_unpack(s, b, pack_at, &packed)
			       : id == ID_SUBSTREAMS ? read_substreams(s, b)
						     : false;
		if (!is_read)
			return false;
	}
	return !b->is_bad && (s->sizes.len || add_sizes(s, b, false));
}

/* --- unpacking --- */

/** Goes on with @z: bytes before @skip are let go, then @n are kept. */
static int run_lzma(const struct seven *s, const struct seven_folder *f, lzma_stream *z, uint64_t skip, size_t n,
		    struct buf *out)
{
	enum { CHUNK = 16384 };
	_free_ uint8_t *chunk = malloc(2 * CHUNK);
	uint64_t at = f->at, left = f->packed;
	while (chunk && out->len < n) {
		if (z->avail_in == 0 && left) {
			size_t want = left < CHUNK ? (size_t)left : CHUNK;
			int r = extract_pread(s->in, at, chunk, want);
			if (r < 0)
				return r;
			z->next_in = chunk;
			z->avail_in = want;
			at += want;
			left -= want;
		}
		z->next_out = chunk + CHUNK;
		z->avail_out = CHUNK;
		lzma_ret done = lzma_code(z, LZMA_RUN);
		size_t got = CHUNK - z->avail_out, drop = skip < got ? (size_t)skip : got;
		size_t keep = got - drop < n - out->len ? got - drop : n - out->len;
		skip -= drop;
		if (buf_add(out, chunk + CHUNK + drop, keep) < 0)
			return buf_error(out);
		if (out->len < n && (done != LZMA_OK || (got == 0 && left == 0 && z->avail_in == 0)))
			return done == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
	}
	return chunk ? 0 : -ENOMEM;
}

static int unpack_lzma(const struct seven *s, const struct seven_folder *f, uint64_t offset, size_t n,
		       struct buf *out)
{
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_filter filters[] = {
		{.id = f->method == METHOD_LZMA ? LZMA_FILTER_LZMA1 : LZMA_FILTER_LZMA2},
		{.id = LZMA_VLI_UNKNOWN},
	};
	if (lzma_properties_decode(&filters[0], NULL, f->properties, f->property_count) != LZMA_OK)
		return -EBADMSG;
	_free_ lzma_options_lzma *options = filters[0].options;
	/* no distance is greater than all that there is */
	if (options->dict_size > f->size)
		options->dict_size = f->size < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : (uint32_t)f->size;
	int r = options->dict_size > UNPACK_WINDOW_MAX ? -ENOTSUP : 0;
	if (r == 0)
		r = lzma_raw_decoder(&z, filters) == LZMA_OK ? run_lzma(s, f, &z, offset, n, out) : -EBADMSG;
	lzma_end(&z);
	return r;
}

int seven_unpack(const struct seven *s, const struct seven_folder *f, uint64_t offset, size_t n, struct buf *out)
{
	buf_reset(out);
	if (!f->is_simple || offset > f->size || n > f->size - offset)
		return f->is_simple ? -EBADMSG : -ENOTSUP;
	if (f->method != METHOD_COPY)
		return unpack_lzma(s, f, offset, n, out);
	if (offset > f->packed || n > f->packed - offset || n > out->max || buf_reserve(out, n) < 0)
		return -EBADMSG;
	int r = extract_pread(s->in, f->at + offset, out->data, n);
	out->len = r < 0 ? 0 : n;
	return r;
}
