/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The columns of a track; store_pack_more.c has what lies in the last one. */
#include "common/store_pack.h"

#include <errno.h>
#include <stdio.h>

#include "common/store_bulk.h"
#include "common/store_pack_more.h"
#include "common/text.h"

/** How the value of a column is written where it can be written shorter. */
enum packing {
	/** As it is. */
	AS_IS,
	/** A number of WORDS. */
	WORD,
	/** What is in the file's name from that byte to the suffix. */
	IN_NAME,
	/** 0: as the album's row has it; SAME_ARTIST: as this row's column `artist` has it. */
	OF_ALBUM,
	/** 0: the year; else year, month and day in decimal digits. */
	DAY,
	/** 16 bytes. */
	UUID,
};

enum { SAME_ARTIST = 1 };

static const struct column {
	enum field_id field;
	enum packing packing;
	/** Of SQL; without one numbers and texts stay what they are. */
	const char *type;
} COLUMNS[] = {
	{FIELD_format, WORD, ""},
	{FIELD_title, IN_NAME, ""},
	{FIELD_artist, OF_ALBUM, ""},
	{FIELD_album, OF_ALBUM, ""},
	{FIELD_album_artist, OF_ALBUM, ""},
	{FIELD_track, AS_IS, "INTEGER"},
	{FIELD_disc, AS_IS, "INTEGER"},
	{FIELD_year, AS_IS, "INTEGER"},
	{FIELD_date, DAY, ""},
	{FIELD_genre, AS_IS, "TEXT"},
	{FIELD_duration_seconds, AS_IS, "REAL"},
	{FIELD_has_picture, AS_IS, "INTEGER"},
	{FIELD_bits_per_sample, AS_IS, "INTEGER"},
	{FIELD_bitrate, AS_IS, "INTEGER"},
	{FIELD_musicbrainz_recording_id, UUID, ""},
	{FIELD_tag_source, WORD, ""},
};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS };

/** Only ever longer at its end: their places are in stores.  The first is PACK_ID3V1. */
#define W(text) {text, sizeof text - 1}
static const struct bytes WORDS[] = {
	W("id3v1"), W("id3v2"), W("ape"), W("flac"), W("mp3"), W("ogg"), W("opus"), W("m4a"), W("mp4"), W("vorbis"),
	W("speex"), W("aac"), W("alac"), W("wav"), W("aiff"), W("wavpack"), W("musepack"), W("wma"), W("asf"), W("dsf"),
	W("mp2"), W("mpc"), W("wv"), W("oga"), W("m4b"), W("info"), W("id3"), W("mp4a"), W("riff"),
};
#undef W

int store_pack_columns(void)
{
	return COLUMN_COUNT + 1;
}

const char *store_pack_column(int i)
{
	return i < COLUMN_COUNT ? FIELDS_TABLE[COLUMNS[i].field].name : "more";
}

const char *store_pack_type(int i)
{
	return i < COLUMN_COUNT ? COLUMNS[i].type : "BLOB";
}

static uint64_t fields_of_columns(void)
{
	uint64_t set = 0;
	for (int i = 0; i < COLUMN_COUNT; i++)
		set |= UINT64_C(1) << COLUMNS[i].field;
	return set;
}

int64_t store_pack_name(struct bytes name)
{
	return (int64_t)(text_hash(name.data, name.len) >> (64 - 23));
}

int64_t store_pack_shown(const struct buf *key)
{
	return (int64_t)(text_hash(buf_str(key), key->len) >> (64 - 47));
}

/* --- short forms --- */

static bool is_same(struct bytes a, struct bytes b)
{
	return a.len == b.len && a.len && memcmp(a.data, b.data, a.len) == 0;
}

static size_t stem_length(struct bytes name)
{
	const char *dot = name.len ? memrchr(name.data, '.', name.len) : NULL;
	return dot ? (size_t)(dot - name.data) : name.len;
}

/** The number of the short form, -1 when there is none. */
static int64_t short_word(struct bytes text)
{
	for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
		if (is_same(text, WORDS[i]))
			return (int64_t)i;
	return -1;
}

static int64_t short_title(struct bytes text, struct bytes name)
{
	size_t stem = stem_length(name);
	if (text.len > stem || memcmp(name.data + (stem - text.len), text.data, text.len) != 0)
		return -1;
	return (int64_t)(stem - text.len);
}

static int64_t short_of_album(const struct media *m, enum field_id f, struct bytes text,
			      const struct pack_names *names)
{
	if (is_same(text, f == FIELD_album ? names->album : names->artist))
		return 0;
	struct bytes artist;
	artist.data = media_text(m, FIELD_artist, &artist.len);
	return f == FIELD_album_artist && is_same(text, artist) ? SAME_ARTIST : -1;
}

static int day_text(int64_t day, char text[static 32])
{
	return snprintf(text, 32, "%04d-%02d-%02d", (int)(day / 10000), (int)(day / 100 % 100), (int)(day % 100));
}

/** The number of @n digits; -1 when one is none. */
static int64_t number_of(const char *digits, size_t n)
{
	int64_t v = n ? 0 : -1;
	for (size_t i = 0; i < n && v >= 0; i++)
		v = digits[i] >= '0' && digits[i] <= '9' ? v * 10 + (digits[i] - '0') : -1;
	return v;
}

static int64_t short_day(const struct media *m, struct bytes text)
{
	enum { YEAR = 4, DATE = 10 };
	int64_t year = text.len >= YEAR ? number_of(text.data, YEAR) : -1;
	if (text.len == YEAR && text.data[0] != '0' && year > 0 && media_has(m, FIELD_year) &&
	    year == media_int(m, FIELD_year, 0))
		return 0;
	if (text.len != DATE || text.data[4] != '-' || text.data[7] != '-')
		return -1;
	int64_t month = number_of(text.data + 5, 2), day = number_of(text.data + 8, 2);
	return year > 0 && month >= 0 && day >= 0 ? year * 10000 + month * 100 + day : -1;
}

static int64_t short_form(const struct column *c, const struct media *m, struct bytes text,
			  const struct pack_names *names)
{
	switch (c->packing) {
	case WORD:
		return short_word(text);
	case IN_NAME:
		return short_title(text, names->file);
	case OF_ALBUM:
		return short_of_album(m, c->field, text, names);
	case DAY:
		return short_day(m, text);
	case AS_IS:
	case UUID:
		break;
	}
	return -1;
}

/* --- writing --- */

static struct store_cell number_cell(const struct media *m, enum field_id f)
{
	if (field_is_real(f))
		return (struct store_cell){.type = CELL_REAL, .d = m->value[f].d};
	return cell_int(m->value[f].i);
}

/** @uuid: room for one. */
static struct store_cell column_cell(const struct column *c, const struct media *m, const struct pack_names *names,
				     uint8_t *uuid)
{
	struct bytes text;
	if (!media_has(m, c->field))
		return (struct store_cell){.type = CELL_NULL};
	if (!field_is_text(c->field))
		return number_cell(m, c->field);
	text.data = media_text(m, c->field, &text.len);
	int64_t number = short_form(c, m, text, names);
	if (number >= 0)
		return cell_int(number);
	if (c->packing == UUID && text.len == UUID_TEXT && uuid_pack(text.data, uuid))
		return cell_blob((struct bytes){(const char *)uuid, UUID_BYTES});
	return (struct store_cell){.type = CELL_TEXT, .b = text};
}

int store_pack_add(struct store *s, const struct pack_track *t, const struct pack_names *names)
{
	enum { FIXED = 3 };
	const struct pack_names own = {names->file, {"", 0}, {"", 0}};
	struct store_cell row[FIXED + COLUMN_COUNT + 1] = {cell_int(t->file), cell_int(t->album), cell_int(t->audit)};
	_Static_assert(sizeof row / sizeof *row == BULK_track_COLUMNS, "a cell for each column");
	uint8_t uuid[COLUMN_COUNT][UUID_BYTES];
	struct buf *more = &s->packed;
	struct bytes source;
	source.data = media_text(t->media, FIELD_tag_source, &source.len);
	/* such a track may come into another album later */
	if (is_same(source, WORDS[0]))
		names = &own;
	for (int k = 0; k < COLUMN_COUNT; k++)
		row[FIXED + k] = column_cell(&COLUMNS[k], t->media, names, uuid[k]);
	buf_reset(more);
	int r = more_pack(s, t->media, t->media->set & ~fields_of_columns(), more);
	if (more->len)
		row[FIXED + COLUMN_COUNT] = cell_blob((struct bytes){more->data, more->len});
	return r < 0 ? r : store_add_row(s, BULK_track, row);
}

int store_pack_all(struct store *s, const struct media *m, struct buf *out)
{
	return more_pack(s, m, m->set, out);
}

/* --- reading --- */

static struct bytes day_of(int64_t v, int64_t year, char text[static 32])
{
	int n = v > 0 ? day_text(v, text) : snprintf(text, 32, "%lld", (long long)year);
	return (struct bytes){text, (size_t)n};
}

/** The text that a number stands for; "" for none.  @room: PACK_TEXT bytes. */
static struct bytes long_form(const struct column *c, int64_t v, const struct pack_names *names, int64_t year,
			      char *room)
{
	size_t stem = stem_length(names->file);
	if (c->packing == WORD && v >= 0 && v < (int64_t)(sizeof WORDS / sizeof *WORDS))
		return WORDS[v];
	if (c->packing == IN_NAME && v >= 0 && (uint64_t)v < stem)
		return (struct bytes){names->file.data + v, stem - (size_t)v};
	if (c->packing == OF_ALBUM && v == 0)
		return c->field == FIELD_album ? names->album : names->artist;
	if (c->packing == DAY)
		return day_of(v, year, room);
	return (struct bytes){"", 0};
}

static struct bytes text_in(sqlite3_stmt *q, int i, const struct column *c, const struct pack_names *names,
			    int64_t year, char *room)
{
	int type = sqlite3_column_type(q, i);
	if (type == SQLITE_INTEGER)
		return long_form(c, sqlite3_column_int64(q, i), names, year, room);
	if (type == SQLITE_BLOB && sqlite3_column_bytes(q, i) == UUID_BYTES) {
		uuid_unpack(sqlite3_column_blob(q, i), room);
		return (struct bytes){room, UUID_TEXT};
	}
	return column_bytes(q, i);
}

static void read_text(sqlite3_stmt *q, int i, const struct column *c, const struct pack_names *names,
		      struct media *m)
{
	char room[PACK_TEXT];
	if (c->field == FIELD_album_artist && sqlite3_column_type(q, i) == SQLITE_INTEGER &&
	    sqlite3_column_int(q, i) == SAME_ARTIST) {
		media_set_same(m, c->field, FIELD_artist);
		return;
	}
	struct bytes text = text_in(q, i, c, names, media_int(m, FIELD_year, 0), room);
	media_set_stored(m, c->field, text.data, text.len);
}

static const struct column *column_of(enum field_id f)
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (COLUMNS[i].field == f)
			return &COLUMNS[i];
	return NULL;
}

void store_pack_date(sqlite3_stmt *q, int i, int64_t year, char *date, size_t size)
{
	static const struct pack_names none;
	char room[PACK_TEXT];
	struct bytes text = {"", 0};
	if (sqlite3_column_type(q, i) != SQLITE_NULL)
		text = text_in(q, i, column_of(FIELD_date), &none, year, room);
	snprintf(date, size, "%.*s", (int)text.len, text.data);
}

struct bytes store_pack_text(sqlite3_stmt *q, int i, enum field_id f, struct bytes file, char *room)
{
	const struct pack_names names = {.file = file, .album = {"", 0}, .artist = {"", 0}};
	return text_in(q, i, column_of(f), &names, 0, room);
}

int store_pack_read(struct store *s, sqlite3_stmt *q, int i, struct media *m)
{
	const int behind = i + COLUMN_COUNT;
	const struct pack_names names = {column_bytes(q, behind + 1), column_bytes(q, behind + 2),
					 column_bytes(q, behind + 3)};
	for (int k = 0; k < COLUMN_COUNT; k++, i++) {
		const struct column *c = &COLUMNS[k];
		if (sqlite3_column_type(q, i) == SQLITE_NULL)
			continue;
		if (field_is_text(c->field))
			read_text(q, i, c, &names, m);
		else if (field_is_real(c->field))
			media_set_real(m, c->field, sqlite3_column_double(q, i));
		else
			media_set_int(m, c->field, sqlite3_column_int64(q, i));
	}
	return more_unpack(s, column_bytes(q, i), m);
}

int store_unpack_all(struct store *s, struct bytes packed, struct media *m)
{
	return more_unpack(s, packed, m);
}

int store_pack_fields(struct store *s, sqlite3_stmt *q, int i, uint64_t *set)
{
	*set = 0;
	for (int k = 0; k < COLUMN_COUNT; k++, i++)
		if (sqlite3_column_type(q, i) != SQLITE_NULL)
			*set |= UINT64_C(1) << COLUMNS[k].field;
	return more_fields(s, column_bytes(q, i), set);
}
