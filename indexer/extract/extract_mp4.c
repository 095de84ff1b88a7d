/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MP4 audio (m4a, m4b, mp4).  The tree of atoms is walked by its headers; the tables of samples,
 * the audio and the pictures are passed by their length and never read.
 */
#include "indexer/extract/extract.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "indexer/extract/incomplete.h"
#include "indexer/extract/picture.h"
#include "indexer/extract/window.h"

enum {
	DEPTH_MAX = 8,
	/** Atoms of one file that are looked at; an ordinary file has about a hundred. */
	ATOMS_MAX = 4096,
	/** Values of one item (several artists). */
	VALUES_MAX = 64,
	/** Longest text taken: what a field keeps, with room for a character cut in two. */
	VALUE_MAX = MEDIA_TEXT_MAX + 4,
	/** "----:" and a name. */
	KEY_MAX = 96,
	/** Entries of an edit list. */
	EDITS_MAX = 64,
	/** Outermost atoms that are looked at behind the index, to see whether the file holds them. */
	REST_MAX = 8,
};

/** An atom's place: what is inside, without its header. */
struct atom {
	char type[5];
	uint64_t at, end;
};

struct reader {
	struct window w;
	struct media *out;
	unsigned atoms;
	/** Of the movie, and of its first sound track. */
	double movie_seconds, track_seconds;
	uint32_t movie_scale, track_scale;
	/** Of it, what is to be heard: by its edit list, and by iTunes; 0 when they are silent. */
	double edit_seconds;
	uint64_t heard_samples;
	/** Of a movie in fragments, whose index counts none of them. */
	double fragment_seconds;
	/** Whether the track being walked is the first one of sound. */
	bool is_sound, has_sound;
	bool has_items, has_moov, has_mdat;
	uint64_t moov_size;
	/** Bytes that the file has by its outermost atoms, 0 when they say nothing wrong. */
	uint64_t least;
};

/** Reads the header of the atom at @at; one without length ends at @end.  False for nonsense. */
static bool read_header(struct reader *r, uint64_t at, uint64_t end, struct atom *a)
{
	if (end - at < 8 || r->atoms >= ATOMS_MAX)
		return false;
	r->atoms++;
	const uint8_t *p = window_get(&r->w, at, 8);
	if (!p)
		return false;
	uint64_t size = get_be32(p), header = 8;
	memcpy(a->type, p + 4, 4);
	a->type[4] = '\0';
	if (size == 1) {
		p = window_get(&r->w, at, 16);
		if (!p)
			return false;
		size = get_be64(p + 8);
		header = 16;
	} else if (size == 0) {
		size = end - at;
	}
	if (size < header || size > INT64_MAX)
		return false;
	a->at = at + header;
	a->end = at + size;
	return true;
}

/** Reads the atom at @at that must end before @end.  False when there is none. */
static bool read_atom(struct reader *r, uint64_t at, uint64_t end, struct atom *a)
{
	return read_header(r, at, end, a) && a->end <= end;
}

/* --- values of tags --- */

/** Numbers are kept big endian in one to eight bytes. */
static void set_number(struct reader *r, enum field_id f, int rank, const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	if (n == 0 || n > 8)
		return;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	char text[24];
	int length = snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	if (v || FIELDS_TABLE[f].kind == KIND_BOOL)
		media_set_tag(r->out, f, rank, text, (size_t)length);
}

/** trkn and disk: two numbers of 16 bits behind a pad. */
static void set_pair(struct reader *r, enum field_id f, const uint8_t *p, size_t n)
{
	char text[24];
	if (n < 4)
		return;
	unsigned number = get_be16(p + 2), total = n >= 6 ? get_be16(p + 4) : 0;
	if (number) {
		int length = snprintf(text, sizeof text, "%u/%u", number, total);
		media_set_tag(r->out, f, 0, text, (size_t)length);
	} else if (total) {
		media_set_int(r->out, f + 1, total);
	}
}

/** gnre: the number of an ID3v1 genre, plus one. */
static void set_genre(struct reader *r, const uint8_t *p, size_t n)
{
	unsigned number = n >= 2 ? get_be16(p) : 0;
	const char *name = number ? field_genre_name(number - 1) : NULL;
	if (name)
		media_set_tag(r->out, FIELD_genre, 1, name, strlen(name));
}

static const char GAPLESS[] = "----:iTunSMPB";

/** " 00000000 00000840 000001CA 00000000003F31F6 …": delay, padding, and samples between them. */
static uint64_t heard_samples(const char *s, size_t n)
{
	uint64_t v = 0;
	for (int word = 0; word < 4; word++) {
		while (n && *s == ' ') {
			s++;
			n--;
		}
		v = 0;
		for (size_t i = 0; n && *s != ' '; i++, s++, n--) {
			static const char digits[] = "0123456789ABCDEFabcdef";
			const char *digit = *s ? strchr(digits, *s) : NULL;
			if (!digit || i == 16)
				return 0;
			size_t d = (size_t)(digit - digits);
			v = v << 4 | (d < 16 ? d : d - 6);
		}
	}
	return v;
}

static void set_value(struct reader *r, const char *key, size_t key_len, uint32_t type,
		      const uint8_t *p, size_t n)
{
	enum { TYPE_BINARY = 0, TYPE_UTF8 = 1, TYPE_SIGNED = 21, TYPE_UNSIGNED = 22 };
	if (key_len == 4 && memcmp(key, "gnre", 4) == 0) {
		set_genre(r, p, n);
		return;
	}
	if (key_len == sizeof GAPLESS - 1 && memcmp(key, GAPLESS, key_len) == 0) {
		r->heard_samples = heard_samples((const char *)p, n);
		return;
	}
	int rank;
	enum field_id f = field_find(TAG_MP4, key, key_len, &rank);
	if (f == FIELD_COUNT)
		return;
	bool is_text = type == TYPE_UTF8 || key_len > 4;
	if (FIELDS_TABLE[f].kind == KIND_PAIR && !is_text)
		set_pair(r, f, p, n);
	else if (is_text || field_is_text(f))
		media_set_tag(r->out, f, rank, (const char *)p, n);
	else if (type == TYPE_BINARY || type == TYPE_SIGNED || type == TYPE_UNSIGNED)
		set_number(r, f, rank, p, n);
}

/** The key of a "----" item: its name atom with our prefix.  Returns its length. */
static size_t freeform_key(struct reader *r, const struct atom *item, char key[KEY_MAX])
{
	struct atom a;
	memcpy(key, "----:", 5);
	for (uint64_t at = item->at; read_atom(r, at, item->end, &a); at = a.end) {
		if (strcmp(a.type, "name") != 0 || a.end - a.at < 4)
			continue;
		/* Four bytes of version and flags come first. */
		size_t n = (size_t)(a.end - a.at - 4);
		const uint8_t *p = n < KEY_MAX - 5 ? window_get(&r->w, a.at + 4, n) : NULL;
		if (!p)
			return 0;
		memcpy(key + 5, p, n);
		return n + 5;
	}
	return 0;
}

/** Covers know no kinds. */
static void read_pictures(struct reader *r, const struct atom *item)
{
	struct atom a;
	uint64_t at = item->at;
	for (int i = 0; i < VALUES_MAX && read_atom(r, at, item->end, &a); i++) {
		at = a.end;
		if (strcmp(a.type, "data") == 0 && a.end - a.at > 8)
			picture_take(r->out, &r->w, PICTURE_FRONT, a.at + 8, a.end - a.at - 8,
				     r->w.in->hashes_pictures);
	}
}

static void read_item(struct reader *r, const struct atom *item)
{
	char key[KEY_MAX];
	size_t key_len = 4;
	memcpy(key, item->type, 4);
	if (memcmp(key, "covr", 4) == 0) {
		read_pictures(r, item);
		return;
	}
	if (memcmp(key, "----", 4) == 0)
		key_len = freeform_key(r, item, key);
	else if (memcmp(key, "gnre", 4) != 0 && field_of_mp4(key, 4) == FIELD_COUNT)
		return;
	struct atom a;
	uint64_t at = item->at;
	for (int i = 0; key_len && i < VALUES_MAX && read_atom(r, at, item->end, &a); i++) {
		at = a.end;
		if (strcmp(a.type, "data") != 0 || a.end - a.at < 8)
			continue;
		size_t n = (size_t)(a.end - a.at < VALUE_MAX + 8 ? a.end - a.at : VALUE_MAX + 8);
		const uint8_t *p = window_get(&r->w, a.at, n);
		if (p)
			set_value(r, key, key_len, get_be32(p) & 0xffffff, p + 8, n - 8);
	}
}

static void read_items(struct reader *r, const struct atom *list)
{
	struct atom item;
	for (uint64_t at = list->at; read_atom(r, at, list->end, &item); at = item.end)
		read_item(r, &item);
	r->has_items = true;
}

/* --- the stream's description --- */

/** mvhd and mdhd begin alike: version, times, units a second, length. */
static double read_duration(struct reader *r, const struct atom *a, uint32_t *scale)
{
	*scale = 0;
	const uint8_t *p = window_get(&r->w, a->at, 4);
	bool is_wide = p && p[0] == 1;
	size_t n = is_wide ? 32 : 20;
	p = a->end - a->at >= n ? window_get(&r->w, a->at, n) : NULL;
	if (!p)
		return 0;
	*scale = get_be32(p + (is_wide ? 20 : 12));
	uint64_t length = is_wide ? get_be64(p + 24) : get_be32(p + 16);
	bool is_unknown = length == (is_wide ? UINT64_MAX : UINT32_MAX);
	return *scale && !is_unknown ? (double)length / *scale : 0;
}

static void read_mvhd(struct reader *r, const struct atom *a)
{
	r->movie_seconds = read_duration(r, a, &r->movie_scale);
}

/** The first sound track's, in units of the movie; it stands in front of what tells the kind. */
static void read_elst(struct reader *r, const struct atom *a)
{
	const uint8_t *p = a->end - a->at >= 8 ? window_get(&r->w, a->at, 8) : NULL;
	if (!p || r->has_sound || r->movie_scale == 0)
		return;
	bool is_wide = p[0] == 1;
	uint32_t count = get_be32(p + 4);
	size_t n = is_wide ? 20 : 12;
	uint64_t at = a->at + 8;
	double sum = 0;
	for (uint32_t i = 0; i < count && i < EDITS_MAX && a->end - at >= n; i++, at += n) {
		p = window_get(&r->w, at, n);
		if (!p)
			return;
		/* A time of -1 is silence in front. */
		int64_t time = is_wide ? (int64_t)get_be64(p + 8) : (int32_t)get_be32(p + 4);
		uint64_t length = is_wide ? get_be64(p) : get_be32(p);
		sum += time < 0 ? 0 : (double)length;
	}
	r->edit_seconds = sum / r->movie_scale;
}

static void read_mehd(struct reader *r, const struct atom *a)
{
	const uint8_t *p = a->end - a->at >= 8 ? window_get(&r->w, a->at, 8) : NULL;
	bool is_wide = p && p[0] == 1;
	if (is_wide)
		p = a->end - a->at >= 12 ? window_get(&r->w, a->at, 12) : NULL;
	if (p && r->movie_scale)
		r->fragment_seconds =
			(double)(is_wide ? get_be64(p + 4) : get_be32(p + 4)) / r->movie_scale;
}

/** The index of fragments: its sum is as long as all of them. */
static void read_sidx(struct reader *r, const struct atom *a)
{
	const uint8_t *p = a->end - a->at >= 12 ? window_get(&r->w, a->at, 12) : NULL;
	uint32_t scale = p ? get_be32(p + 8) : 0;
	uint64_t at = a->at + (p && p[0] ? 28 : 20);
	p = scale && a->end >= at + 4 ? window_get(&r->w, at, 4) : NULL;
	unsigned count = p ? get_be16(p + 2) : 0;
	double sum = 0;
	at += 4;
	for (unsigned i = 0; i < count && a->end - at >= 12; i++, at += 12) {
		p = window_get(&r->w, at, 12);
		if (!p)
			return;
		sum += get_be32(p + 4);
	}
	if (count && r->fragment_seconds <= 0)
		r->fragment_seconds = sum / scale;
}

static void read_mdhd(struct reader *r, const struct atom *a)
{
	uint32_t scale;
	double seconds = read_duration(r, a, &scale);
	if (r->has_sound)
		return;
	r->track_seconds = seconds;
	r->track_scale = scale;
}

static void read_hdlr(struct reader *r, const struct atom *a)
{
	const uint8_t *p = a->end - a->at >= 12 ? window_get(&r->w, a->at, 12) : NULL;
	r->is_sound = p && memcmp(p + 8, "soun", 4) == 0 && !r->has_sound;
}

/** ALAC keeps the truth in a box of its own behind the sample entry. */
static void read_alac(struct reader *r, const struct atom *entry)
{
	struct atom a;
	if (entry->end - entry->at < 28 || !read_atom(r, entry->at + 28, entry->end, &a))
		return;
	const uint8_t *p = a.end - a.at >= 28 ? window_get(&r->w, a.at, 28) : NULL;
	if (!p || strcmp(a.type, "alac") != 0)
		return;
	media_set_int(r->out, FIELD_bits_per_sample, p[9]);
	media_set_int(r->out, FIELD_channels, p[13]);
	if (get_be32(p + 24))
		media_set_int(r->out, FIELD_sample_rate, get_be32(p + 24));
}

static void read_stsd(struct reader *r, const struct atom *a)
{
	struct atom entry;
	if (!r->is_sound || a->end - a->at < 8 || !read_atom(r, a->at + 8, a->end, &entry))
		return;
	const uint8_t *p = entry.end - entry.at >= 28 ? window_get(&r->w, entry.at, 28) : NULL;
	if (!p)
		return;
	r->has_sound = true;
	/* 16.16 bits cannot hold 96 kHz: writers leave 0 there and the rate in the time scale. */
	uint32_t rate = get_be32(p + 24) >> 16;
	media_set_int(r->out, FIELD_channels, get_be16(p + 16));
	if (rate || r->track_scale)
		media_set_int(r->out, FIELD_sample_rate, rate ? rate : r->track_scale);
	if (strcmp(entry.type, "alac") == 0)
		read_alac(r, &entry);
}

static void walk(struct reader *r, uint64_t at, uint64_t end, int depth);

/** Some writers leave out the four bytes of version and flags. */
static void walk_meta(struct reader *r, const struct atom *a, int depth)
{
	const uint8_t *p = a->end - a->at >= 8 ? window_get(&r->w, a->at, 8) : NULL;
	bool is_bare = p && memcmp(p + 4, "hdlr", 4) == 0;
	if (p)
		walk(r, a->at + (is_bare ? 0 : 4), a->end, depth);
}

static const struct {
	char type[5];
	/** What reads it; NULL to walk what is inside. */
	void (*read)(struct reader *r, const struct atom *a);
} KNOWN[] = {
	{"mvhd", read_mvhd}, {"mdhd", read_mdhd}, {"hdlr", read_hdlr}, {"stsd", read_stsd},
	{"ilst", read_items}, {"trak", NULL},     {"mdia", NULL},      {"minf", NULL},
	{"stbl", NULL},       {"udta", NULL},     {"edts", NULL},      {"elst", read_elst},
	{"mvex", NULL},       {"mehd", read_mehd},
};

static void visit(struct reader *r, const struct atom *a, int depth)
{
	if (strcmp(a->type, "meta") == 0) {
		walk_meta(r, a, depth + 1);
		return;
	}
	/* Edits stand in front of what tells the track's kind. */
	if (strcmp(a->type, "trak") == 0 && !r->has_sound)
		r->edit_seconds = 0;
	for (size_t i = 0; i < COUNT_OF(KNOWN); i++) {
		if (strcmp(a->type, KNOWN[i].type) != 0)
			continue;
		if (KNOWN[i].read)
			KNOWN[i].read(r, a);
		else
			walk(r, a->at, a->end, depth + 1);
		return;
	}
}

static void walk(struct reader *r, uint64_t at, uint64_t end, int depth)
{
	struct atom a;
	/* What follows sound and tags is padding: not worth a read. */
	while (depth < DEPTH_MAX && !(r->has_sound && r->has_items) &&
	       read_atom(r, at, end, &a)) {
		visit(r, &a, depth);
		at = a.end;
	}
}

static bool is_outermost(const char *type)
{
	static const char known[][5] = {"ftyp", "moov", "mdat", "free", "skip", "wide", "udta",
					"meta", "uuid", "moof", "mfra", "sidx", "pdin", "styp"};
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (strcmp(type, known[i]) == 0)
			return true;
	}
	return false;
}

/**
 * Reads an outermost atom.  False at the file's end, at what is no atom, and at one that the file
 * does not hold to its end: r->least says how far it would reach.
 */
static bool read_outermost(struct reader *r, uint64_t at, struct atom *a)
{
	if (r->w.size - at < 8) {
		/* Behind index and sound a few bytes more are no loss. */
		r->least = r->has_moov && r->has_mdat ? 0 : at + 8;
		return false;
	}
	a->type[0] = '\0';
	if (!read_header(r, at, r->w.size, a)) {
		bool is_cut = r->w.size - at < 16 && is_outermost(a->type);
		r->least = is_cut ? at + 16 : 0;
		return false;
	}
	if (a->end > r->w.size)
		r->least = is_outermost(a->type) ? a->end : 0;
	return a->end <= r->w.size;
}

/** Finds moov among the outermost atoms, and whether what follows it is there. */
static void walk_file(struct reader *r)
{
	struct atom a;
	int rest = 0;
	for (uint64_t at = 0; rest <= REST_MAX && read_outermost(r, at, &a); at = a.end) {
		rest += r->has_moov;
		if (strcmp(a.type, "sidx") == 0)
			read_sidx(r, &a);
		r->has_mdat |= strcmp(a.type, "mdat") == 0;
		if (r->has_moov || strcmp(a.type, "moov") != 0)
			continue;
		r->has_moov = true;
		r->moov_size = a.end - a.at;
		walk(r, a.at, a.end, 0);
	}
}

/**
 * How long the sound is: without what the encoder put around it, by iTunes' word or else the edit
 * list, when that is not more than there is; of fragments what their index says.
 */
static double heard_seconds(const struct reader *r)
{
	double whole = r->has_sound && r->track_seconds > 0 ? r->track_seconds : r->movie_seconds;
	double heard = r->track_scale ? (double)r->heard_samples / r->track_scale : 0;
	if (whole <= 0)
		return r->fragment_seconds;
	if (heard > 0 && heard <= whole)
		return heard;
	return r->edit_seconds > 0 && r->edit_seconds <= whole ? r->edit_seconds : whole;
}

static int mp4_read(const struct extract_input *in, struct media *out, char *reason)
{
	struct reader r = {.out = out};
	window_init(&r.w, in);
	const uint8_t *p = window_get(&r.w, 0, 8);
	if (!p && in->head_len > 4 && incomplete_magic(in->head + 4, in->head_len - 4, "ftyp"))
		return incomplete_at(reason, in->size, "MP4", 8);
	if (!p || memcmp(p + 4, "ftyp", 4) != 0)
		return window_fail(&r.w, reason, "it is not an MP4 file");
	walk_file(&r);
	media_set_int(out, FIELD_has_picture, media_int(out, FIELD_has_picture, 0));
	if (!r.has_moov && (!r.least || r.w.error))
		return window_fail(&r.w, reason, "the MP4 file has no index");
	if (!r.has_moov)
		return incomplete_at(reason, in->size, "its outline", r.least);
	double seconds = heard_seconds(&r);
	if (seconds > 0) {
		double bitrate = (double)(in->size - r.moov_size) * 8 / seconds / 1000;
		media_set_real(out, FIELD_duration_seconds, seconds);
		if (bitrate < 1e6)
			media_set_int(out, FIELD_bitrate, (int64_t)bitrate);
	}
	if (!r.has_sound)
		return window_fail(&r.w, reason, "the MP4 file holds no sound");
	if (r.least)
		return incomplete_at(reason, in->size, "its outline", r.least);
	return 0;
}

static bool mp4_probe(const uint8_t *head, size_t n)
{
	return n >= 8 && memcmp(head + 4, "ftyp", 4) == 0;
}

const struct extractor extract_mp4 = {
	.name = "m4a",
	.kind = MEDIA_TRACK,
	.suffixes = (const char *const[]){"m4a", "mp4", "m4b", NULL},
	.probe = mp4_probe,
	.read = mp4_read,
};
