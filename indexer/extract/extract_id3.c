/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ID3.  The frames are walked here by their headers, so that pictures are never read; those with
 * text are copied, as UTF-8 and within limits, into a small tag in memory that libid3tag then
 * parses: it knows the old frames' new names and how year, day and time make a date.
 *
 * The copy is made of what we checked because the library is old and trusts lengths: odd UTF-16,
 * compressed frames and unterminated strings never reach it.
 */
#include "indexer/extract/extract_id3.h"

#include <errno.h>
#include <id3tag.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"

enum {
	FRAMES_MAX = 1024,
	/** Larger frames of text are passed over. */
	FRAME_MAX = 64 << 10,
	/** All that is copied. */
	COPY_MAX = 256 << 10,
	/** An unsynchronised tag is rewritten this far. */
	UNSYNC_MAX = 1 << 20,
	HEADER_SIZE = 10,
	ENCODING_UTF8 = 3,
	FRAME_UNSYNC = 0x02,
	TAG_UNSYNC = 0x80,
	TAG_EXTENDED = 0x40,
	TAG_FOOTER = 0x10,
	/** Longest "TXXX:description" or "UFID:owner" that could be a key of ours. */
	KEY_MAX = 96,
};

/** A tag being walked. */
struct walk {
	struct window *w;
	uint64_t at, end;
	unsigned version;
	/** v2.4: all frames are unsynchronised, each for itself. */
	bool is_unsync;
	struct media *out;
	/** The tag for libid3tag. */
	struct buf copy;
	/** A frame's bytes, when they are long or unsynchronised; and its text. */
	struct buf body, text;
};

struct frame {
	/** Three characters and NUL for v2.2. */
	char id[5];
	uint64_t at;
	uint32_t size;
	uint8_t flags;
};

/** Takes out the zero bytes that keep a tag from looking like audio. */
static void resync(const uint8_t *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_addc(out, (char)p[i]);
		if (p[i] == 0xff && i + 1 < n && p[i + 1] == 0)
			i++;
	}
}

static bool is_frame_id(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_good = (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '0' && p[i] <= '9');
		/* iTunes left "COM " and the like in v2.3 tags. */
		if (!is_good && !(i == 3 && p[i] == ' '))
			return false;
	}
	return true;
}

/** Whether a frame or padding starts at @at, or the tag ends there. */
static bool is_boundary(struct walk *k, uint64_t at)
{
	if (at == k->end)
		return true;
	const uint8_t *p = at < k->end && k->end - at >= 4 ? window_get(k->w, at, 4) : NULL;
	return p && (p[0] == 0 || is_frame_id(p, 4));
}

/** v2.4 sizes have seven bits a byte; iTunes once wrote eight: the next frame tells. */
static uint32_t size_v4(struct walk *k, const uint8_t *p)
{
	uint32_t plain = get_be32(p + 4), safe = get_syncsafe(p + 4);
	if (plain & 0x80808080)
		return plain;
	if (plain == safe)
		return safe;
	uint64_t next = k->at + HEADER_SIZE;
	if (is_boundary(k, next + safe) || plain > k->end - next)
		return safe;
	return is_boundary(k, next + plain) ? plain : safe;
}

/** Reads the next frame's header.  False at the padding, the end, and damage. */
static bool next_frame(struct walk *k, struct frame *f)
{
	size_t header = k->version == 2 ? 6 : HEADER_SIZE, id = k->version == 2 ? 3 : 4;
	const uint8_t *p = k->end - k->at > header ? window_get(k->w, k->at, header) : NULL;
	if (!p || !is_frame_id(p, id))
		return false;
	memset(f, 0, sizeof *f);
	memcpy(f->id, p, id);
	if (k->version == 2)
		f->size = get_be24(p + 3);
	else
		f->flags = p[9];
	if (k->version == 3) {
		f->size = get_be32(p + 4);
	} else if (k->version == 4) {
		uint8_t copy[HEADER_SIZE];
		memcpy(copy, p, sizeof copy);
		f->size = size_v4(k, copy);
	}
	f->at = k->at + header;
	if (f->size > k->end - f->at)
		return false;
	k->at = f->at + f->size;
	return true;
}

/** The frame's bytes behind what its flags put in front; NULL when they cannot be used. */
static const uint8_t *frame_body(struct walk *k, const struct frame *f, size_t *n)
{
	bool is_v4 = k->version == 4;
	unsigned packed = is_v4 ? 0x0c : k->version == 3 ? 0xc0 : 0;
	unsigned group = is_v4 ? 0x40 : k->version == 3 ? 0x20 : 0;
	size_t skip = (f->flags & group ? 1 : 0) + (is_v4 && f->flags & 1 ? 4 : 0);
	if (f->flags & packed || f->size > FRAME_MAX || f->size <= skip)
		return NULL;
	const uint8_t *p = window_copy(k->w, f->at, f->size, &k->body);
	if (!p)
		return NULL;
	p += skip;
	*n = f->size - skip;
	if (!is_v4 || !(k->is_unsync || f->flags & FRAME_UNSYNC))
		return p;
	_buf_ struct buf whole = BUF_INIT(FRAME_MAX);
	resync(p, *n, &whole);
	buf_reset(&k->body);
	buf_add(&k->body, buf_str(&whole), whole.len);
	*n = k->body.len;
	return k->body.error ? NULL : (const uint8_t *)buf_str(&k->body);
}

/* --- text --- */

/** UTF-16 of one or several strings.  Each may have a byte order mark; big endian without. */
static void from_utf16(const uint8_t *p, size_t n, struct buf *out)
{
	bool is_little = false;
	for (size_t i = 0; i + 1 < n; i += 2) {
		uint32_t c = is_little ? get_le16(p + i) : get_be16(p + i);
		if (c == 0xfeff)
			continue;
		if (c == 0xfffe) {
			is_little = !is_little;
			continue;
		}
		uint32_t low = 0;
		if (c >= 0xd800 && c < 0xdc00 && i + 3 < n)
			low = is_little ? get_le16(p + i + 2) : get_be16(p + i + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			i += 2;
		} else if (c >= 0xd800 && c < 0xe000) {
			c = 0xfffd;
		}
		text_append(out, c);
	}
}

static bool is_ascii(const uint8_t *p, size_t n)
{
	while (n && *p < 0x80) {
		p++;
		n--;
	}
	return n == 0;
}

/** The text of a frame behind its encoding byte as UTF-8 in k->text, NUL between strings. */
static bool to_utf8(struct walk *k, uint8_t encoding, const uint8_t *p, size_t n)
{
	buf_reset(&k->text);
	switch (encoding) {
	case 0:
		if (is_ascii(p, n))
			buf_add(&k->text, p, n);
		else
			text_from_latin1((const char *)p, n, &k->text);
		break;
	case 1:
	case 2:
		from_utf16(p, n, &k->text);
		break;
	case ENCODING_UTF8:
		text_to_utf8((const char *)p, n, &k->text);
		break;
	default:
		return false;
	}
	while (k->text.len && k->text.data[k->text.len - 1] == '\0')
		k->text.len--;
	return !k->text.error && k->text.len > 0;
}

/** Starts a frame of the tag in memory; one that would not fit is left out. */
static bool add_header(struct walk *k, const char *id, size_t n)
{
	uint8_t h[HEADER_SIZE] = {0};
	if (k->copy.error || k->copy.len + n + HEADER_SIZE > COPY_MAX)
		return false;
	memcpy(h, id, 4);
	if (k->version == 2) {
		h[3] = (uint8_t)(n >> 16);
		h[4] = (uint8_t)(n >> 8);
		h[5] = (uint8_t)n;
		return buf_add(&k->copy, h, 6) == 0;
	}
	unsigned bits = k->version == 4 ? 7 : 8, mask = k->version == 4 ? 127 : 255;
	for (unsigned i = 0; i < 4; i++)
		h[7 - i] = (uint8_t)(n >> (i * bits) & mask);
	return buf_add(&k->copy, h, sizeof h) == 0;
}

/** A frame of @front (language), @name with its NUL when not NULL, and text. */
static void add_text(struct walk *k, const char *id, const char *front, size_t front_len,
		     const char *name, const char *text, size_t n)
{
	size_t name_len = name ? strlen(name) + 1 : 0;
	if (!add_header(k, id, 1 + front_len + name_len + n))
		return;
	buf_addc(&k->copy, ENCODING_UTF8);
	buf_add(&k->copy, front, front_len);
	buf_add(&k->copy, name, name_len);
	buf_add(&k->copy, text, n);
}

static void copy_text(struct walk *k, const char *id, const uint8_t *p, size_t n)
{
	if (n < 2 || !to_utf8(k, p[0], p + 1, n - 1))
		return;
	if (strcmp(id, "TCP") == 0)
		media_set_tag(k->out, FIELD_compilation, 0, k->text.data, k->text.len);
	else
		add_text(k, id, "", 0, NULL, k->text.data, k->text.len);
}

/** The field of "ID:name"; its rank in *rank. */
static enum field_id named_field(const char *id, const char *name, int *rank)
{
	char key[KEY_MAX];
	size_t n = strnlen(name, KEY_MAX);
	if (n > sizeof key - 5)
		return FIELD_COUNT;
	memcpy(key, id, 4);
	key[4] = ':';
	memcpy(key + 5, name, n);
	enum field_id f = field_of_id3(key, n + 5);
	if (f != FIELD_COUNT)
		*rank = field_rank(FIELDS_TABLE[f].id3, key, n + 5);
	return f;
}

/** Genres are not left to the library, which keeps only the first of several. */
static void take_genres(struct walk *k, const char *id, const uint8_t *p, size_t n)
{
	(void)id;
	if (n < 2 || !to_utf8(k, p[0], p + 1, n - 1))
		return;
	for (size_t at = 0; at < k->text.len; at++) {
		size_t length = strlen(k->text.data + at);
		media_set_tag(k->out, FIELD_genre, 0, k->text.data + at, length);
		at += length;
	}
}

/** Several values of a TXXX become several frames: the library takes the first string only. */
static void copy_user_text(struct walk *k, const char *id, const uint8_t *p, size_t n)
{
	if (n < 2 || !to_utf8(k, p[0], p + 1, n - 1))
		return;
	size_t name = strlen(k->text.data);
	const char *value = k->text.data + name + 1, *end = k->text.data + k->text.len;
	int rank;
	if (named_field("TXXX", k->text.data, &rank) == FIELD_COUNT)
		return;
	while (value < end) {
		size_t length = strnlen(value, (size_t)(end - value));
		if (length)
			add_text(k, id, "", 0, k->text.data, value, length);
		value += length + 1;
	}
}

static void copy_comment(struct walk *k, const char *id, const uint8_t *p, size_t n)
{
	char language[3];
	if (n < 5 || !to_utf8(k, p[0], p + 4, n - 4))
		return;
	memcpy(language, p + 1, sizeof language);
	size_t name = strlen(k->text.data);
	if (name >= k->text.len)
		return;
	const char *text = k->text.data + name + 1;
	add_text(k, id, language, sizeof language, k->text.data, text, strlen(text));
}

static void copy_owner(struct walk *k, const char *id, const uint8_t *p, size_t n)
{
	size_t owner = strnlen((const char *)p, n);
	if (owner < n && n < KEY_MAX * 2 && add_header(k, id, n))
		buf_add(&k->copy, p, n);
}

/** v2.2's names are the library's to translate; TDAT makes a whole date of TYER there. */
static bool is_text_wanted(const struct walk *k, const char *id)
{
	if (id[0] != 'T' || id[3] == ' ')
		return false;
	return k->version == 2 || strcmp(id, "TDAT") == 0 || field_of_id3(id, 4) != FIELD_COUNT;
}

/** Frames of no use to us go nowhere. */
static void copy_frame(struct walk *k, const struct frame *f)
{
	static const struct {
		char id[5];
		void (*copy)(struct walk *, const char *, const uint8_t *, size_t);
	} special[] = {
		{"TXXX", copy_user_text}, {"TXX", copy_user_text}, {"COMM", copy_comment},
		{"COM", copy_comment},    {"UFID", copy_owner},    {"UFI", copy_owner},
		{"TCON", take_genres},    {"TCO", take_genres},
	};
	if (strcmp(f->id, "APIC") == 0 || strcmp(f->id, "PIC") == 0) {
		media_set_int(k->out, FIELD_has_picture, 1);
		return;
	}
	void (*copy)(struct walk *, const char *, const uint8_t *, size_t) = NULL;
	for (size_t i = 0; !copy && i < COUNT_OF(special); i++) {
		if (strcmp(f->id, special[i].id) == 0)
			copy = special[i].copy;
	}
	if (!copy && is_text_wanted(k, f->id))
		copy = copy_text;
	size_t n = 0;
	const uint8_t *p = copy ? frame_body(k, f, &n) : NULL;
	if (p)
		copy(k, f->id, p, n);
}

/* --- what libid3tag made of it --- */

static void take_string(enum field_id f, int rank, const id3_ucs4_t *s, struct media *out)
{
	_free_ char *text = s && *s ? (char *)id3_ucs4_utf8duplicate(s) : NULL;
	if (text)
		media_set_tag(out, f, rank, text, strlen(text));
}

static void take_text(const struct id3_frame *frame, struct media *out)
{
	enum field_id f = field_of_id3(frame->id, 4);
	const union id3_field *list = f == FIELD_COUNT ? NULL : id3_frame_field(frame, 1);
	if (!list || id3_field_type(list) != ID3_FIELD_TYPE_STRINGLIST)
		return;
	int rank = field_rank(FIELDS_TABLE[f].id3, frame->id, 4);
	for (unsigned i = 0; i < id3_field_getnstrings(list); i++)
		take_string(f, rank, id3_field_getstrings(list, i), out);
}

static void take_user_text(const struct id3_frame *frame, struct media *out)
{
	const id3_ucs4_t *s = id3_field_getstring(id3_frame_field(frame, 1));
	_free_ char *name = s ? (char *)id3_ucs4_utf8duplicate(s) : NULL;
	int rank = 0;
	enum field_id f = name ? named_field("TXXX", name, &rank) : FIELD_COUNT;
	if (f != FIELD_COUNT)
		take_string(f, rank, id3_field_getstring(id3_frame_field(frame, 2)), out);
}

static void take_owner(const struct id3_frame *frame, struct media *out)
{
	const id3_latin1_t *owner = id3_field_getlatin1(id3_frame_field(frame, 0));
	id3_length_t n = 0;
	int rank = 0;
	const id3_byte_t *data = id3_field_getbinarydata(id3_frame_field(frame, 1), &n);
	enum field_id f = owner ? named_field("UFID", (const char *)owner, &rank) : FIELD_COUNT;
	if (f != FIELD_COUNT && data)
		media_set_tag(out, f, rank, (const char *)data, n);
}

/** A comment without a description is the listener's; the others are programs' (iTunNORM). */
static void take_comment(const struct id3_frame *frame, struct media *out)
{
	const id3_ucs4_t *name = id3_field_getstring(id3_frame_field(frame, 2));
	const id3_ucs4_t *text = id3_field_getfullstring(id3_frame_field(frame, 3));
	bool is_plain = !name || *name == 0;
	bool is_itunes = !is_plain && name[0] == 'i' && name[1] == 'T' && name[2] == 'u';
	if (!is_itunes)
		take_string(FIELD_comment, is_plain ? 0 : 1, text, out);
}

static void take_frames(const struct id3_tag *tag, struct media *out)
{
	static const struct {
		const char *id;
		unsigned fields;
		void (*read)(const struct id3_frame *, struct media *);
	} special[] = {
		{"TXXX", 3, take_user_text},
		{"UFID", 2, take_owner},
		{"COMM", 4, take_comment},
	};
	for (unsigned i = 0; i < tag->nframes; i++) {
		const struct id3_frame *frame = tag->frames[i];
		size_t kind = 0;
		while (kind < COUNT_OF(special) && memcmp(frame->id, special[kind].id, 4) != 0)
			kind++;
		if (kind == COUNT_OF(special))
			take_text(frame, out);
		else if (frame->nfields >= special[kind].fields)
			special[kind].read(frame, out);
	}
}

static void parse_copy(struct walk *k)
{
	size_t n = k->copy.len - HEADER_SIZE;
	if (k->copy.error || n == 0)
		return;
	uint8_t *h = (uint8_t *)k->copy.data;
	for (unsigned i = 0; i < 4; i++)
		h[9 - i] = (uint8_t)(n >> (i * 7) & 127);
	struct id3_tag *tag = id3_tag_parse(h, k->copy.len);
	if (!tag)
		return;
	take_frames(tag, k->out);
	id3_tag_delete(tag);
}

/* --- the tag --- */

static void walk_frames(struct walk *k)
{
	const uint8_t header[HEADER_SIZE] = {'I', 'D', '3', (uint8_t)k->version};
	struct frame f;
	k->copy = BUF_INIT(COPY_MAX + HEADER_SIZE);
	k->body = BUF_INIT(FRAME_MAX);
	/* UTF-8 of Latin-1 and of UTF-16 is longer than they are. */
	k->text = BUF_INIT(FRAME_MAX * 3);
	buf_add(&k->copy, header, sizeof header);
	for (int i = 0; i < FRAMES_MAX && next_frame(k, &f); i++)
		copy_frame(k, &f);
	parse_copy(k);
	buf_clear(&k->copy);
	buf_clear(&k->body);
	buf_clear(&k->text);
}

/** Steps over the extended header. */
static void skip_extended(struct walk *k)
{
	const uint8_t *p = k->end - k->at >= 4 ? window_get(k->w, k->at, 4) : NULL;
	uint64_t n = !p ? 0 : k->version == 4 ? get_syncsafe(p) : get_be32(p) + UINT64_C(4);
	k->at = n < k->end - k->at ? k->at + n : k->end;
}

/** Up to v2.3 the whole tag is unsynchronised, headers too: it is walked in a rewritten copy. */
static int walk_unsync(struct walk *k, unsigned flags)
{
	uint64_t size = k->end - k->at;
	size_t n = size < UNSYNC_MAX ? (size_t)size : UNSYNC_MAX;
	_buf_ struct buf raw = BUF_INIT(UNSYNC_MAX), whole = BUF_INIT(UNSYNC_MAX);
	const uint8_t *p = window_copy(k->w, k->at, n, &raw);
	if (!p)
		return k->w->error == -EBADMSG ? 0 : k->w->error;
	resync(p, n, &whole);
	struct window memory;
	window_init_memory(&memory, (const uint8_t *)buf_str(&whole), whole.len);
	k->w = &memory;
	k->at = 0;
	k->end = whole.len;
	if (flags & TAG_EXTENDED)
		skip_extended(k);
	walk_frames(k);
	return 0;
}

int id3_read_v2(struct window *w, uint64_t size, struct media *out)
{
	const uint8_t *p = window_get(w, 0, HEADER_SIZE);
	if (!p)
		return w->error;
	unsigned flags = p[5];
	struct walk k = {.w = w, .version = p[3], .out = out};
	k.at = HEADER_SIZE;
	k.end = (size < w->size ? size : w->size) - (k.version == 4 && flags & TAG_FOOTER ? 10 : 0);
	/* In v2.2 the bit of the extended header says "compressed", in a way nobody defined. */
	if (k.end < k.at || (k.version == 2 && flags & TAG_EXTENDED))
		return 0;
	if (flags & TAG_UNSYNC && k.version < 4)
		return walk_unsync(&k, flags);
	k.is_unsync = flags & TAG_UNSYNC;
	if (flags & TAG_EXTENDED)
		skip_extended(&k);
	walk_frames(&k);
	return w->error == -EBADMSG ? 0 : w->error;
}

/* --- ID3v1 --- */

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
