/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ID3.  Frames are walked by their headers, so that pictures are never read; what a frame holds is
 * taken where it lies, and copied only when it must be unpacked or put into UTF-8.  After id3.org's
 * "ID3 tag version 2.4.0", 2.3.0 and 2.2.0; RVA2 as its authors and Quod Libet use it.
 */
#include "indexer/extract/extract_id3.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "indexer/extract/picture.h"

enum {
	FRAMES_MAX = 1024,
	/** A packed frame, before and after; longer ones are passed over.  Plain ones are cut. */
	PACKED_MAX = 64 << 10,
	/** An unsynchronised tag is rewritten this far. */
	UNSYNC_MAX = 1 << 20,
	HEADER_SIZE = 10,
	TAG_UNSYNC = 0x80,
	TAG_EXTENDED = 0x40,
	TAG_FOOTER = 0x10,
	/** Longest "TXXX:description" or "UFID:owner" that could be a key of ours. */
	KEY_MAX = 96,
	/** Below all keys of fields.h: what another frame tells of the same. */
	RANK_VOLUME = 40,
};

/** A tag being walked. */
struct walk {
	struct window *w;
	uint64_t at, end;
	unsigned version;
	/** v2.4: all frames are unsynchronised, each for itself. */
	bool is_unsync;
	bool wants_hash;
	struct media *out;
	/** TDAT: day and month, which v2.3 keeps apart from the year. */
	char day[4];
	bool has_day;
	/** A frame unpacked, and its text in UTF-8. */
	struct buf body, text;
};

struct frame {
	/** The name that v2.4 would give it. */
	char id[5];
	uint64_t at;
	uint32_t size;
	/** What the flags say, of all versions alike. */
	bool is_unsync, is_compressed, is_encrypted, has_group, has_length;
};

/** Bytes of a frame, or text behind its encoding: not owned. */
struct span {
	const uint8_t *p;
	size_t n;
};

/** Takes out the zero bytes that keep a tag from looking like audio. */
static void resync(const uint8_t *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n;) {
		const uint8_t *mark = memchr(p + i, 0xff, n - i);
		size_t part = mark ? (size_t)(mark + 1 - (p + i)) : n - i;
		buf_add(out, p + i, part);
		i += part;
		if (mark && i < n && p[i] == 0)
			i++;
	}
}

static bool is_frame_id(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_good = (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '0' && p[i] <= '9');
		/* iTunes left "COM " and the like in v2.3 tags. */
		if (!is_good && !(i == 3 && (p[i] == ' ' || p[i] == 0)))
			return false;
	}
	return true;
}

/** The names of v2.2, as v2.4 has them; "" for those that are of no use to us. */
static void name_of_old(const uint8_t *id, char name[5])
{
	static const char names[][2][5] = {
		{"TT2", "TIT2"}, {"TP1", "TPE1"}, {"TAL", "TALB"}, {"TP2", "TPE2"}, {"TRK", "TRCK"},
		{"TPA", "TPOS"}, {"TYE", "TYER"}, {"TDA", "TDAT"}, {"TCO", "TCON"}, {"TCM", "TCOM"},
		{"TBP", "TBPM"}, {"TXX", "TXXX"}, {"UFI", "UFID"}, {"COM", "COMM"}, {"PIC", "APIC"},
		{"TCP", "TCMP"}, {"TSP", "TSOP"}, {"TS2", "TSO2"}, {"TOR", "TORY"}, {"TRD", "TDRC"},
	};
	name[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (memcmp(id, names[i][0], 3) == 0)
			memcpy(name, names[i][1], 5);
	}
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

static void read_flags(const struct walk *k, unsigned flags, struct frame *f)
{
	bool is_v4 = k->version == 4;
	f->is_compressed = flags & (is_v4 ? 0x08 : 0x80);
	f->is_encrypted = flags & (is_v4 ? 0x04 : 0x40);
	f->has_group = flags & (is_v4 ? 0x40 : 0x20);
	f->has_length = is_v4 ? flags & 0x01 : f->is_compressed;
	f->is_unsync = is_v4 && (k->is_unsync || flags & 0x02);
}

/** Reads the next frame's header.  False at the padding, the end, and damage. */
static bool next_frame(struct walk *k, struct frame *f)
{
	size_t header = k->version == 2 ? 6 : HEADER_SIZE, id = k->version == 2 ? 3 : 4;
	const uint8_t *p = k->end - k->at > header ? window_get(k->w, k->at, header) : NULL;
	if (!p || !is_frame_id(p, id))
		return false;
	*f = (struct frame){0};
	if (k->version == 2 || p[3] == ' ' || p[3] == 0)
		name_of_old(p, f->id);
	else
		memcpy(f->id, p, 4);
	if (k->version == 2) {
		f->size = get_be24(p + 3);
	} else {
		read_flags(k, p[9], f);
		f->size = k->version == 3 ? get_be32(p + 4) : 0;
	}
	if (k->version == 4) {
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

/** Bytes that flags put in front: length, group (v2.3: behind it).  The length in *length. */
static size_t front_size(const struct walk *k, const struct frame *f, const uint8_t *p, size_t n,
			 uint32_t *length)
{
	size_t group = f->has_group ? 1 : 0, skip = group + (f->has_length ? 4 : 0);
	*length = 0;
	if (f->has_length && n >= skip)
		*length = k->version == 4 ? get_syncsafe(p + group) : get_be32(p);
	return skip;
}

static bool inflate_into(struct buf *out, const uint8_t *p, size_t n, uint32_t length,
			 size_t most)
{
	uLongf made = length;
	buf_reset(out);
	if (length == 0 || length > most || buf_reserve(out, length) < 0)
		return false;
	int r = uncompress((Bytef *)out->data, &made, p, n);
	out->len = r == Z_OK ? made : 0;
	return r == Z_OK;
}

/** What the frame holds, unpacked; as much of it as a field can keep.  Empty when it is no use. */
static struct span frame_body(struct walk *k, const struct frame *f)
{
	const struct span none = {NULL, 0};
	bool is_packed = f->is_unsync || f->is_compressed;
	size_t most = !is_packed ? WINDOW_SIZE : k->wants_hash ? UNSYNC_MAX : PACKED_MAX;
	if (f->is_encrypted || f->size == 0 || (is_packed && f->size > most))
		return none;
	size_t n = f->size < most ? f->size : most;
	_buf_ struct buf raw = BUF_INIT(UNSYNC_MAX), whole = BUF_INIT(UNSYNC_MAX);
	const uint8_t *p = window_copy(k->w, f->at, n, &raw);
	if (p && f->is_unsync) {
		resync(p, n, &whole);
		p = (const uint8_t *)buf_str(&whole);
		n = whole.len;
	}
	uint32_t length;
	size_t skip = p ? front_size(k, f, p, n, &length) : 0;
	if (!p || n <= skip)
		return none;
	if (!is_packed)
		return (struct span){p + skip, n - skip};
	if (f->is_compressed && !inflate_into(&k->body, p + skip, n - skip, length, most))
		return none;
	if (!f->is_compressed) {
		buf_reset(&k->body);
		buf_add(&k->body, p + skip, n - skip);
	}
	return (struct span){(const uint8_t *)buf_str(&k->body), k->body.len};
}

/* --- text --- */

/** Windows' programs leave the mark out and write little endian: zeros tell, else that does. */
static bool is_probably_little(const uint8_t *p, size_t n)
{
	size_t even = 0, odd = 0;
	for (size_t i = 0; i + 1 < n; i += 2) {
		even += p[i] == 0 && p[i + 1] != 0;
		odd += p[i + 1] == 0 && p[i] != 0;
	}
	return odd >= even;
}

/** UTF-16 of one or several strings.  Each may have a byte order mark. */
static void from_utf16(const uint8_t *p, size_t n, bool is_little, struct buf *out)
{
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

/**
 * The text behind an encoding byte as UTF-8 (perhaps invalid: setters mend that), NUL between
 * strings, none at the end.  Empty for an unknown encoding.
 */
static struct span to_utf8(struct walk *k, uint8_t encoding, const uint8_t *p, size_t n)
{
	enum { LATIN1, UTF16, UTF16BE, UTF8 };
	struct span text = {p, n};
	buf_reset(&k->text);
	if (encoding == UTF16 || encoding == UTF16BE)
		from_utf16(p, n, encoding == UTF16 && is_probably_little(p, n), &k->text);
	else if (encoding == LATIN1 && !is_ascii(p, n))
		text_from_latin1((const char *)p, n, &k->text);
	else if (encoding > UTF8)
		text.n = 0;
	if (k->text.len)
		text = (struct span){(const uint8_t *)k->text.data, k->text.len};
	else if (encoding == UTF16 || encoding == UTF16BE)
		text.n = 0;
	while (text.n && text.p[text.n - 1] == 0)
		text.n--;
	return text;
}

/** Takes the string in front off @text, with the NUL behind it. */
static struct span next_string(struct span *text)
{
	struct span s = {text->p, strnlen((const char *)text->p, text->n)};
	size_t n = s.n < text->n ? s.n + 1 : s.n;
	text->p += n;
	text->n -= n;
	return s;
}

static void take_strings(struct walk *k, enum field_id f, int rank, struct span text)
{
	while (text.n) {
		struct span s = next_string(&text);
		if (s.n)
			media_set_tag(k->out, f, rank, (const char *)s.p, s.n);
	}
}

/** The field of "ID:name"; its rank in *rank. */
static enum field_id named_field(const char *id, struct span name, int *rank)
{
	char key[KEY_MAX];
	if (name.n > sizeof key - 5)
		return FIELD_COUNT;
	memcpy(key, id, 4);
	key[4] = ':';
	memcpy(key + 5, name.p, name.n);
	return field_find(TAG_ID3, key, name.n + 5, rank);
}

/* --- frames --- */

static void take_user_text(struct walk *k, struct span body)
{
	int rank;
	struct span text = to_utf8(k, body.p[0], body.p + 1, body.n - 1);
	enum field_id f = named_field("TXXX", next_string(&text), &rank);
	if (f != FIELD_COUNT)
		take_strings(k, f, rank, text);
}

/** Comments with such a description are programs' notes to themselves. */
static bool is_machine_note(struct span name)
{
	static const char *const starts[] = {"iTun", "Songs-DB_", "ID3v1 Comment", "MusicMatch_"};
	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		size_t n = strlen(starts[i]);
		if (name.n >= n && memcmp(name.p, starts[i], n) == 0)
			return true;
	}
	return false;
}

/** One without a description is the listener's, whatever its language; else any other. */
static void take_comment(struct walk *k, struct span body)
{
	if (body.n < 5)
		return;
	struct span text = to_utf8(k, body.p[0], body.p + 4, body.n - 4);
	struct span name = next_string(&text), value = next_string(&text);
	if (value.n && !is_machine_note(name))
		media_set_tag(k->out, FIELD_comment, name.n ? 1 : 0, (const char *)value.p,
			      value.n);
}

static void take_owner(struct walk *k, struct span body)
{
	int rank;
	struct span owner = next_string(&body);
	enum field_id f = named_field("UFID", owner, &rank);
	if (f != FIELD_COUNT)
		media_set_tag(k->out, f, rank, (const char *)body.p, body.n);
}

static void set_gain(struct walk *k, enum field_id f, double v)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%.6f", v);
	media_set_tag(k->out, f, RANK_VOLUME, text, (size_t)n);
}

/** RVA2, "track" or "album": of the master volume a gain in dB/512, and a peak of any width. */
static void take_volume(struct walk *k, struct span body)
{
	struct span name = next_string(&body);
	bool is_album = name.n == 5 && memcmp(name.p, "album", 5) == 0;
	while (body.n >= 4) {
		size_t bits = body.p[3], n = 4 + (bits + 7) / 8;
		if (body.p[0] == 1 && n <= body.n) {
			double peak = 0;
			for (size_t i = 4; i < n; i++)
				peak = peak * 256 + body.p[i];
			for (size_t i = 1; i < (bits + 7) / 8 * 8; i++)
				peak /= 2;
			set_gain(k, is_album ? FIELD_replaygain_album_gain : FIELD_replaygain_track_gain,
				 (int16_t)get_be16(body.p + 1) / 512.0);
			if (peak > 0)
				set_gain(k, is_album ? FIELD_replaygain_album_peak
						     : FIELD_replaygain_track_peak, peak);
		}
		n = n < body.n ? n : body.n;
		body.p += n;
		body.n -= n;
	}
}

static void take_day(struct walk *k, struct span body)
{
	struct span text = to_utf8(k, body.p[0], body.p + 1, body.n - 1);
	k->has_day = text.n == 4 && strspn((const char *)text.p, "0123456789") >= 4;
	if (k->has_day)
		memcpy(k->day, text.p, 4);
}

/** An image that is unpacked already, or lies in memory with the whole tag. */
static void take_small_picture(struct walk *k, struct span body)
{
	struct picture picture;
	picture_parse_id3(body.p, body.n, body.n, k->version == 2, &picture);
	if (!picture_note(k->out, picture.kind, picture.bytes))
		return;
	if (k->wants_hash && picture.bytes)
		picture_hash_bytes(k->out, body.p + picture.skip, (size_t)picture.bytes);
}

static void take_picture(struct walk *k, const struct frame *f)
{
	bool is_closed = f->is_compressed || f->is_encrypted, is_read = f->size <= WINDOW_FILL;
	if (is_closed || (f->is_unsync && k->wants_hash)) {
		struct span body = {NULL, 0};
		if (is_read || k->wants_hash)
			body = frame_body(k, f);
		if (body.n || is_closed) {
			take_small_picture(k, body);
			return;
		}
	}
	size_t n = f->size < PICTURE_HEAD ? f->size : PICTURE_HEAD;
	const uint8_t *p = window_get(k->w, f->at, n);
	_buf_ struct buf plain = BUF_INIT(PICTURE_HEAD);
	if (p && f->is_unsync) {
		resync(p, n, &plain);
		p = (const uint8_t *)buf_str(&plain);
		n = plain.len;
	}
	uint32_t length;
	struct picture picture = {0};
	size_t skip = p ? front_size(k, f, p, n, &length) : 0;
	if (!p || n <= skip) {
		picture_note(k->out, PICTURE_OTHER, 0);
		return;
	}
	uint64_t size = f->has_length ? length : f->is_unsync ? 0 : f->size - skip;
	picture_parse_id3(p + skip, n - skip, size, k->version == 2, &picture);
	if (f->is_unsync)
		picture_note(k->out, picture.kind, picture.bytes);
	else
		picture_take(k->out, k->w, picture.kind, f->at + skip + picture.skip,
			     picture.bytes, k->wants_hash);
}

/** Frames of no use to us are passed over by their headers. */
static void take_frame(struct walk *k, const struct frame *f)
{
	static const struct {
		char id[5];
		void (*read)(struct walk *, struct span);
	} special[] = {
		{"TXXX", take_user_text}, {"COMM", take_comment}, {"UFID", take_owner},
		{"RVA2", take_volume},    {"TDAT", take_day},
	};
	if (memcmp(f->id, "APIC", 4) == 0) {
		take_picture(k, f);
		return;
	}
	void (*read)(struct walk *, struct span) = NULL;
	for (size_t i = 0; !read && i < COUNT_OF(special); i++) {
		if (memcmp(f->id, special[i].id, 4) == 0)
			read = special[i].read;
	}
	int rank = 0;
	enum field_id field = FIELD_COUNT;
	if (!read && (f->id[0] == 'T' || f->id[0] == 'X'))
		field = field_find(TAG_ID3, f->id, 4, &rank);
	if (!read && field == FIELD_COUNT)
		return;
	struct span body = frame_body(k, f);
	if (body.n && read)
		read(k, body);
	else if (body.n)
		take_strings(k, field, rank, to_utf8(k, body.p[0], body.p + 1, body.n - 1));
}

/* --- the tag --- */

/** v2.3 keeps the year, and day and month ("0605"), in two frames. */
static void join_date(struct walk *k)
{
	char date[11];
	size_t n;
	const char *year = media_text(k->out, FIELD_date, &n);
	if (!k->has_day || n != 4)
		return;
	int length = snprintf(date, sizeof date, "%.4s-%.2s-%.2s", year, k->day + 2, k->day);
	media_set_tag(k->out, FIELD_date, 0, date, (size_t)length);
}

static void walk_frames(struct walk *k)
{
	struct frame f;
	k->body = BUF_INIT(UNSYNC_MAX);
	/* UTF-8 of Latin-1 and of UTF-16 is longer than they are. */
	k->text = BUF_INIT(UNSYNC_MAX * 2);
	for (int i = 0; i < FRAMES_MAX && next_frame(k, &f); i++)
		take_frame(k, &f);
	join_date(k);
	buf_clear(&k->body);
	buf_clear(&k->text);
}

/** Steps over the extended header, unless a frame stands there in spite of the flag. */
static void skip_extended(struct walk *k)
{
	const uint8_t *p = k->end - k->at >= 4 ? window_get(k->w, k->at, 4) : NULL;
	if (p && is_frame_id(p, 4))
		return;
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
	k.wants_hash = w->in && w->in->hashes_pictures;
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
