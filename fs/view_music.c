/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * music/: albums on shelves.  Artists are those of tracks and of albums; an album stands whole
 * under each of its artists.  The same files below genres/ and years/.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/text.h"
#include "fs/names.h"
#include "fs/views.h"

/* --- names of rows, for shelves and spots alike --- */

static int list_shelves(struct view *v, enum row_kind kind, uint64_t after, struct emit *out)
{
	return v->store ? store_shelves(v->store, kind, (int64_t)after, names_emit_item, out) : 0;
}

static int find_shelf(struct view *v, enum row_kind kind, const char *name, uint64_t *row)
{
	int64_t id;
	int r = v->store ? store_shelf_find(v->store, kind, name, &id) : -ENOENT;
	*row = r == 0 ? (uint64_t)id : 0;
	return r;
}

#define SHELVES(kind_, KIND) \
	static int list_##kind_(struct view *v, const struct node *parent, uint64_t after, \
				struct emit *out) \
	{ \
		(void)parent; \
		return list_shelves(v, KIND, after, out); \
	} \
	static int find_##kind_(struct view *v, const struct node *parent, const char *name, \
				uint64_t *row) \
	{ \
		(void)parent; \
		return find_shelf(v, KIND, name, row); \
	}

SHELVES(artists, SHELF_ARTIST)
SHELVES(genres, SHELF_GENRE)
SHELVES(years, SHELF_YEAR)

static int stamp_shelf(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	enum row_kind kind;
	return v->store ? store_shelf(v->store, (int64_t)row, &kind, version, at) : -ENOENT;
}

static int list_spots(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	return v->store ? store_spots(v->store, (int64_t)parent->row, (int64_t)after, names_emit_item, out)
			: 0;
}

static int find_spot(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	int64_t id;
	int r = v->store ? store_spot_find(v->store, (int64_t)parent->row, name, &id) : -ENOENT;
	*row = r == 0 ? (uint64_t)id : 0;
	return r;
}

static int stamp_spot(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	int64_t shelf, album;
	return v->store ? store_spot(v->store, (int64_t)row, &shelf, &album, version, at) : -ENOENT;
}

static int album_of(struct view *v, uint64_t spot, int64_t *album)
{
	int64_t shelf, at;
	uint64_t version;
	return v->store ? store_spot(v->store, (int64_t)spot, &shelf, album, &version, &at) : -ENOENT;
}

/* --- tracks: "NN - Title.ext" --- */

static void suffix_of(const struct store_media *m, struct buf *out)
{
	enum { LONGEST = 10 };
	for (size_t i = m->name.len; i > 0 && m->name.len - i < LONGEST; i--)
		if (m->name.data[i - 1] == '.') {
			text_safe_name(m->name.data + i, m->name.len - i, 0, out);
			return;
		}
}

static void wanted_name(const struct store_media *m, struct buf *out, const char *suffix)
{
	size_t n;
	const char *title = media_text(m->media, FIELD_title, &n);
	_buf_ struct buf stem = BUF_INIT(1 << 14);
	if (media_has(m->media, FIELD_track))
		buf_addf(&stem, "%02lld - ", (long long)media_int(m->media, FIELD_track, 0));
	if (n) {
		buf_add(&stem, title, n);
	} else {
		/* without a title the file's own name, which has its suffix already */
		size_t dot = m->name.len - (strlen(suffix) ? strlen(suffix) + 1 : 0);
		buf_add(&stem, m->name.data, dot);
	}
	text_safe_name(buf_str(&stem), stem.len, strlen(suffix) + NAMES_RESERVE, out);
}

static int add_track_name(void *arg, const struct store_media *m)
{
	_buf_ struct buf suffix = BUF_INIT(64), stem = BUF_INIT(1024);
	suffix_of(m, &suffix);
	wanted_name(m, &stem, buf_str(&suffix));
	return names_add(arg, buf_str(&stem), buf_str(&suffix), (uint64_t)m->id, m->mtime);
}

static int load_names(struct view *v, uint64_t spot, struct names *t)
{
	int64_t album;
	int r = album_of(v, spot, &album);
	return r < 0 ? r : store_album_names(v->store, album, add_track_name, t);
}

static int list_tracks(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	struct names t = {0};
	int r = load_names(v, parent->row, &t);
	if (r == 0)
		r = names_emit(&t, after, out);
	names_clear(&t);
	return r == -ENOENT ? 0 : r;
}

static int find_track(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	struct names t = {0};
	int r = load_names(v, parent->row, &t);
	if (r == 0)
		r = names_find(&t, name, row);
	names_clear(&t);
	return r;
}

/** Where the file at @path lies for who reads. */
static int show_target(struct view *v, const struct buf *path, struct buf *out)
{
	const struct store_media m = {.root = {buf_str(path), path->len}};
	show_path(v, &m, out);
	return buf_error(out);
}

int link_to_file(struct view *v, const struct node *n, struct buf *out)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	int r = v->store ? store_file_path(v->store, (int64_t)n->row, &path) : -ENOENT;
	return r < 0 ? r : show_target(v, &path, out);
}

int stamp_file(struct view *v, uint64_t row, uint64_t *version, int64_t *at)
{
	*version = 0;
	return v->store ? store_file_times(v->store, (int64_t)row, at) : -ENOENT;
}

/* --- album.json --- */

static int json_track(void *arg, const struct store_media *m)
{
	export_json(arg, m, OF_TRACK);
	return 0;
}

static int json_album(void *arg, const struct store_album *a)
{
	struct json *j = arg;
	json_kv_text(j, "album", a->title);
	json_kv_text(j, "album_artist", a->artist);
	json_key(j, "date");
	if (*a->date)
		json_text(j, a->date, strlen(a->date));
	else
		json_null(j);
	return 0;
}

static int show_album_json(struct view *v, const struct node *n, struct buf *out)
{
	struct json j;
	int64_t album, at;
	uint64_t version;
	int r = stamp_spot(v, n->row, &version, &at);
	if (r == 0)
		r = album_of(v, n->row, &album);
	if (r < 0)
		return r;
	doc_begin_row(&j, out, "album", version, at);
	r = store_album(v->store, album, json_album, &j);
	json_key(&j, "tracks");
	json_array(&j);
	if (r == 0)
		r = store_album_tracks(v->store, album, json_track, &j);
	json_end_array(&j);
	json_end_object(&j);
	return r;
}

/* --- cover.jpg, cover.png, cover.webp: one of them --- */

/** Where the picture beside the tracks lies, and how it is shown.  -ENOENT without one. */
static int find_picture(struct view *v, uint64_t spot, struct buf *path, const char **shown)
{
	static const struct {
		const char *suffix, *shown;
	} kinds[] = {{".jpg", "cover.jpg"}, {".jpeg", "cover.jpg"}, {".png", "cover.png"}, {".webp", "cover.webp"}};
	int64_t album;
	int r = album_of(v, spot, &album);
	if (r == 0)
		r = store_album_cover(v->store, album, path);
	if (r < 0)
		return r;
	const char *dot = strrchr(buf_str(path), '.');
	for (size_t i = 0; dot && i < COUNT_OF(kinds); i++)
		if (strcasecmp(dot, kinds[i].suffix) == 0) {
			*shown = kinds[i].shown;
			return 0;
		}
	return -ENOENT;
}

static int list_cover(struct view *v, const struct node *parent, uint64_t after, struct emit *out)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	const char *shown;
	uint64_t version;
	int64_t at;
	if (after || find_picture(v, parent->row, &path, &shown) < 0 || stamp_spot(v, parent->row, &version, &at) < 0)
		return 0;
	return out->add(out, shown, parent->row, at, 1);
}

static int find_cover(struct view *v, const struct node *parent, const char *name, uint64_t *row)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	const char *shown;
	*row = parent->row;
	if (strncmp(name, "cover.", 6) != 0)
		return -ENOENT;
	int r = find_picture(v, parent->row, &path, &shown);
	return r < 0 ? r : strcmp(name, shown) == 0 ? 0 : -ENOENT;
}

static int link_cover(struct view *v, const struct node *n, struct buf *out)
{
	_buf_ struct buf path = BUF_INIT(1 << 16);
	const char *shown;
	int r = find_picture(v, n->row, &path, &shown);
	return r < 0 ? r : show_target(v, &path, out);
}

/* --- tables --- */

static const struct entry album_dir[] = {
	FILE_OF("album.json", show_album_json, .of_parent = true, .stamp = stamp_spot,
		.help = "the album and every field of its tracks"),
	{
		.mode = S_IFLNK | 0777,
		.list = list_tracks,
		.find = find_track,
		.stamp = stamp_file,
		.link = link_to_file,
		.help = "NN - Title: a link to the real file",
	},
	{
		.mode = S_IFLNK | 0777,
		.list = list_cover,
		.find = find_cover,
		.stamp = stamp_spot,
		.link = link_cover,
		.help = "cover.jpg, cover.png or cover.webp: a link to the picture that lies beside the tracks; there when one does",
	},
	{0},
};

/* directories have one name each, so every kind of shelf has rows of its own */
#define ALBUMS(name_) \
	static const struct entry name_[] = { \
		DIRECTORY(NULL, album_dir, .list = list_spots, .find = find_spot, \
			  .stamp = stamp_spot, .rows = ROW_SPOT, .help = "an album"), \
		{0}, \
	}

ALBUMS(artist_dir);
ALBUMS(genre_dir);
ALBUMS(year_dir);

#define SHELF_DIR(name_, kind_, dir_, help_) \
	static const struct entry name_[] = { \
		DIRECTORY(NULL, dir_, .list = list_##kind_, .find = find_##kind_, \
			  .stamp = stamp_shelf, .rows = SHELF_ARTIST, .help = help_), \
		{0}, \
	}

SHELF_DIR(artists_dir, artists, artist_dir, "an artist of tracks or albums");
SHELF_DIR(genres_dir, genres, genre_dir, "a genre");
SHELF_DIR(years_dir, years, year_dir, "a year");

const struct entry music_dir[] = {
	DIRECTORY("artists", artists_dir, .topics = TOPIC_BIT(music), .help = "<Artist>/<Album>/"),
	DIRECTORY("genres", genres_dir, .topics = TOPIC_BIT(music),
		  .help = "<Genre>/<Artist - Album>/"),
	DIRECTORY("years", years_dir, .topics = TOPIC_BIT(music),
		  .help = "<Year>/<Artist - Album>/"),
	{0},
};
