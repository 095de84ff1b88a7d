/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows Media Audio (ASF).  The header is a list of objects, each a GUID, a size of 64 bits and so many bytes; some
 * hold names and values.  Attributes that are repeated stay lists.  After Microsoft's "Advanced Systems Format (ASF)
 * Specification 1.20.03" and its list of attributes ("WM/TrackNumber": "WM/Track" counts from 0).
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/picture.h"
#include "indexer/extract/tag_places.h"

enum {
	GUID = 16,
	OBJECT = GUID + 8,
	HEADER = OBJECT + 6,
	/** The data object's own header, which stands in front of the packets. */
	DATA_HEADER = OBJECT + 26,
	OBJECTS_MAX = 128,
	ATTRIBUTES_MAX = 1024,
	DEPTH_MAX = 2,
	/** Longest name of an attribute that could be a key of ours, in characters. */
	KEY_MAX = 64,
	/** Longest value, in bytes of UTF-16; more is cut. */
	VALUE_MAX = 16 << 10,
	IS_BROADCAST = 1,
	/** 100-nanosecond units of a second. */
	TICKS = 10000000,
};

enum value_kind {
	VALUE_TEXT,
	VALUE_BYTES,
	VALUE_BOOL,
	VALUE_32,
	VALUE_64,
	VALUE_16,
};

struct asf {
	struct window *w;
	struct media *out;
	double seconds;
	/** Where the last packet ends, behind the header; 0 when it is not told. */
	uint64_t packets;
	uint32_t rate;
	unsigned channels, bits, bitrate;
	int depth;
	struct buf text, scratch;
};

struct object {
	uint64_t at, size;
};

/** UTF-16, little endian, up to its NUL, as UTF-8 in a->text. */
static void to_utf8(struct asf *a, const uint8_t *p, size_t n)
{
	buf_reset(&a->text);
	for (size_t i = 0; i + 1 < n; i += 2) {
		uint32_t c = get_le16(p + i), low = 0;
		if (c == 0)
			break;
		if (c >= 0xd800 && c < 0xdc00 && i + 3 < n)
			low = get_le16(p + i + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			i += 2;
		} else if (c >= 0xd800 && c < 0xe000) {
			c = 0xfffd;
		}
		text_append(&a->text, c);
	}
}

/** @n bytes of UTF-16 at @at, a very long text cut. */
static bool read_text(struct asf *a, uint64_t at, uint64_t n)
{
	size_t length = n < VALUE_MAX ? (size_t)n : VALUE_MAX;
	const uint8_t *p = window_copy(a->w, at, length, &a->scratch);
	if (p)
		to_utf8(a, p, length);
	return p;
}

/** A value that is a number as digits in a->text. */
static bool read_number(struct asf *a, unsigned kind, uint64_t at, uint64_t n, uint64_t add)
{
	size_t size = kind == VALUE_64 ? 8 : kind == VALUE_16 || n < 4 ? 2 : 4;
	const uint8_t *p = n >= size ? window_get(a->w, at, size) : NULL;
	if (!p)
		return false;
	uint64_t v = size == 8 ? get_le64(p) : size == 4 ? get_le32(p) : get_le16(p);
	buf_reset(&a->text);
	buf_add_u64(&a->text, v + add);
	return true;
}

/** WM/Track counts from 0, also where it is a text. */
static void count_from_one(struct asf *a)
{
	uint64_t v;
	if (sscanf(buf_str(&a->text), "%9" SCNu64, &v) != 1)
		return;
	buf_reset(&a->text);
	buf_add_u64(&a->text, v + 1);
}

/** Where the text of UTF-16 at @at ends, its NUL included; 0 when it does not. */
static size_t text_end(const uint8_t *p, size_t n, size_t at)
{
	for (; at && at + 2 <= n; at += 2) {
		if (get_le16(p + at) == 0)
			return at + 2;
	}
	return 0;
}

/** Kind, the image's size, its type, a description, the image. */
static void take_picture(struct asf *a, uint64_t at, uint64_t n)
{
	size_t length = n < PICTURE_HEAD ? (size_t)n : PICTURE_HEAD;
	const uint8_t *p = length > 5 ? window_get(a->w, at, length) : NULL;
	if (!p)
		return;
	unsigned kind = p[0];
	uint64_t bytes = get_le32(p + 1);
	size_t skip = text_end(p, length, text_end(p, length, 5));
	bool is_whole = skip && bytes <= n - skip;
	picture_take(a->out, a->w, kind, at + skip, is_whole ? bytes : 0, a->w->in->hashes_pictures);
}

/** One attribute: its name at @name, its value of @n bytes at @at. */
static void take_attribute(struct asf *a, uint64_t name, unsigned name_len, unsigned kind, uint64_t at, uint64_t n)
{
	if (name_len < 2 || name_len > KEY_MAX * 2 || !read_text(a, name, name_len))
		return;
	char key[KEY_MAX * 3 + 1];
	size_t length = a->text.len;
	if (length == 0 || length >= sizeof key)
		return;
	memcpy(key, buf_str(&a->text), length);
	key[length] = '\0';
	if (strcmp(key, "WM/Picture") == 0 && kind == VALUE_BYTES)
		take_picture(a, at, n);
	enum field_id f = field_of_asf(key, length);
	if (f == FIELD_COUNT || kind == VALUE_BYTES || kind > VALUE_16)
		return;
	bool is_read = kind == VALUE_TEXT ? read_text(a, at, n) : read_number(a, kind, at, n, 0);
	if (is_read && strcasecmp(key, "WM/Track") == 0)
		count_from_one(a);
	if (is_read)
		media_set_tag(a->out, f, field_rank(FIELDS_TABLE[f].asf, key, length), buf_str(&a->text), a->text.len);
}

static void file_properties(struct asf *a, const struct object *o)
{
	const uint8_t *p = o->size >= 104 - OBJECT ? window_get(a->w, o->at, 104 - OBJECT) : NULL;
	if (!p || get_le32(p + 64) & IS_BROADCAST)
		return;
	uint64_t packets = get_le64(p + 32), play = get_le64(p + 40), preroll = get_le64(p + 56);
	uint32_t least = get_le32(p + 68), most = get_le32(p + 72);
	a->seconds = (double)play / TICKS - (double)preroll / 1000;
	if (least == most && packets < UINT32_MAX)
		a->packets = packets * most;
}

static void stream_properties(struct asf *a, const struct object *o)
{
	static const uint8_t audio[GUID] = "\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";
	enum { FORMAT = 54, FORMAT_SIZE = 16 };
	size_t n = FORMAT + FORMAT_SIZE;
	const uint8_t *p = o->size >= n ? window_get(a->w, o->at, n) : NULL;
	if (!p || memcmp(p, audio, GUID) != 0 || a->rate)
		return;
	a->channels = get_le16(p + FORMAT + 2);
	a->rate = get_le32(p + FORMAT + 4);
	a->bitrate = get_le32(p + FORMAT + 8) / 125;
	a->bits = get_le16(p + FORMAT + 14);
}

/** Title, author, copyright, description and rating, each behind its length in front of all. */
static void content_description(struct asf *a, const struct object *o)
{
	static const char *const keys[] = {"Title", "Author", NULL, "Description", NULL};
	const uint8_t *p = o->size >= 10 ? window_get(a->w, o->at, 10) : NULL;
	uint64_t at = o->at + 10, end = o->at + o->size;
	unsigned lengths[5];
	for (size_t i = 0; p && i < COUNT_OF(lengths); i++)
		lengths[i] = get_le16(p + i * 2);
	for (size_t i = 0; p && i < COUNT_OF(lengths) && lengths[i] <= end - at; i++) {
		enum field_id f = keys[i] ? field_of_asf(keys[i], strlen(keys[i])) : FIELD_COUNT;
		if (f != FIELD_COUNT && lengths[i] && read_text(a, at, lengths[i]))
			media_set_tag(a->out, f, 0, buf_str(&a->text), a->text.len);
		at += lengths[i];
	}
}

/** Names and values, a length of two bytes in front of each. */
static void extended_description(struct asf *a, const struct object *o)
{
	const uint8_t *p = o->size >= 2 ? window_get(a->w, o->at, 2) : NULL;
	unsigned count = p ? get_le16(p) : 0;
	uint64_t at = o->at + 2, end = o->at + o->size;
	for (unsigned i = 0; i < count && i < ATTRIBUTES_MAX && end - at >= 2; i++) {
		p = window_get(a->w, at, 2);
		unsigned name_len = p ? get_le16(p) : 0;
		uint64_t name = at + 2;
		if (!p || end - name < name_len + 4U)
			return;
		p = window_get(a->w, name + name_len, 4);
		if (!p)
			return;
		unsigned kind = get_le16(p), n = get_le16(p + 2);
		at = name + name_len + 4;
		if (n > end - at)
			return;
		take_attribute(a, name, name_len, kind, at, n);
		at += n;
	}
}

/** Records of the metadata object and the metadata library: as above, with a language and a stream. */
static void metadata(struct asf *a, const struct object *o)
{
	const uint8_t *p = o->size >= 2 ? window_get(a->w, o->at, 2) : NULL;
	unsigned count = p ? get_le16(p) : 0;
	uint64_t at = o->at + 2, end = o->at + o->size;
	for (unsigned i = 0; i < count && i < ATTRIBUTES_MAX && end - at >= 12; i++) {
		p = window_get(a->w, at, 12);
		if (!p)
			return;
		unsigned name_len = get_le16(p + 4), kind = get_le16(p + 6);
		uint32_t n = get_le32(p + 8);
		uint64_t name = at + 12;
		if (end - name < name_len || n > end - name - name_len)
			return;
		take_attribute(a, name, name_len, kind, name + name_len, n);
		at = name + name_len + n;
	}
}

static void walk(struct asf *a, uint64_t at, uint64_t end);

static void extension(struct asf *a, const struct object *o)
{
	enum { FRONT = GUID + 2 + 4 };
	if (o->size > FRONT)
		walk(a, o->at + FRONT, o->at + o->size);
}

static const struct {
	uint8_t guid[GUID + 1];
	void (*read)(struct asf *, const struct object *);
} KINDS[] = {
	{"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65", file_properties},
	{"\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65", stream_properties},
	{"\x33\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", content_description},
	{"\x40\xa4\xd0\xd2\x07\xe3\xd2\x11\x97\xf0\x00\xa0\xc9\x5e\xa8\x50", extended_description},
	{"\xb5\x03\xbf\x5f\x2e\xa9\xcf\x11\x8e\xe3\x00\xc0\x0c\x20\x53\x65", extension},
	{"\xea\xcb\xf8\xc5\xaf\x5b\x77\x48\x84\x67\xaa\x8c\x44\xfa\x4c\xca", metadata},
	{"\x94\x1c\x23\x44\x98\x94\xd1\x49\xa1\x41\x1d\x13\x4e\x45\x70\x54", metadata},
};

static void walk(struct asf *a, uint64_t at, uint64_t end)
{
	if (a->depth >= DEPTH_MAX)
		return;
	a->depth++;
	for (int i = 0; i < OBJECTS_MAX && at < end && end - at >= OBJECT; i++) {
		const uint8_t *p = window_get(a->w, at, OBJECT);
		uint64_t size = p ? get_le64(p + GUID) : 0;
		if (size < OBJECT || size > end - at)
			break;
		const struct object o = {.at = at + OBJECT, .size = size - OBJECT};
		size_t kind = 0;
		while (kind < COUNT_OF(KINDS) && memcmp(p, KINDS[kind].guid, GUID) != 0)
			kind++;
		if (kind < COUNT_OF(KINDS))
			KINDS[kind].read(a, &o);
		at += size;
	}
	a->depth--;
}

static void set_sound(const struct asf *a, const struct extract_input *in, uint64_t header)
{
	uint64_t sound = a->packets ? a->packets : in->size > header ? in->size - header : 0;
	sound_set(a->out, a->seconds, a->rate, a->channels, a->bits, sound);
	if (a->bitrate)
		media_set_int(a->out, FIELD_bitrate, a->bitrate);
	media_set_int(a->out, FIELD_has_picture, media_int(a->out, FIELD_has_picture, 0));
}

static bool asf_probe(const uint8_t *head, size_t n)
{
	return n >= GUID && memcmp(head, "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", GUID) == 0;
}

static int asf_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct window w;
	struct asf a = {.w = &w, .out = out};
	window_init(&w, in);
	int r = sound_magic(&w, 0, "\x30\x26\xb2\x75", "a Windows Media file", reason);
	if (r < 0)
		return r;
	const uint8_t *p = window_get(&w, 0, HEADER);
	if (!p)
		return window_short(&w, reason, "its ASF header", HEADER);
	if (!asf_probe(p, HEADER))
		return extract_fail(reason, -EBADMSG, "it is not a Windows Media file");
	uint64_t header = get_le64(p + GUID);
	a.text = BUF_INIT(VALUE_MAX * 2);
	a.scratch = BUF_INIT(VALUE_MAX);
	walk(&a, HEADER, header < in->size ? header : in->size);
	buf_clear(&a.text);
	buf_clear(&a.scratch);
	set_sound(&a, in, header);
	if (header > in->size)
		return incomplete_at(reason, in->size, "its ASF header", header);
	if (a.rate == 0)
		return window_fail(&w, reason, "the Windows Media file has no audio stream");
	uint64_t least = a.packets ? header + DATA_HEADER + a.packets : header;
	return least > in->size ? incomplete_at(reason, in->size, "its ASF header", least) : 0;
}

const struct extractor extract_asf = {
	.name = "wma",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"wma", "asf", NULL},
	.probe = asf_probe,
	.read = asf_read,
};
