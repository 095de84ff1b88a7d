/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Tracks become albums, albums stand on shelves (artists, genres, years).
 *
 * An album is album artist + title, compared without case.  A file whose only tag is ID3v1 (its
 * texts are cut at 30 bytes) belongs to the album of its neighbours in the folder; a file
 * without an album title to an album named after its folder.
 */
#include "common/store_settle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/store_pack.h"
#include "common/text.h"
#include "common/vec.h"

/* --- names to show --- */

int store_unique_name(struct store *s, sqlite3_stmt *lookup, int at, enum name_form form, const char *wanted,
		      struct buf *shown, struct buf *shown_key)
{
	enum { MOST = 10000, SUFFIX = 8 };
	_buf_ struct buf base = BUF_INIT(1024);
	text_safe_name(wanted, strlen(wanted), SUFFIX, &base);
	for (int n = 1; n <= MOST; n++) {
		buf_reset(shown);
		buf_reset(shown_key);
		buf_add(shown, buf_str(&base), base.len);
		if (n > 1)
			buf_addf(shown, " (%d)", n);
		text_fold_case(buf_str(shown), shown->len, shown_key);
		if (form == NAME_HASHED)
			sqlite3_bind_int64(lookup, at, store_pack_shown(shown_key));
		else
			bind_text(lookup, at, buf_str(shown_key), shown_key->len);
		int r = store_step(s, lookup);
		sqlite3_reset(lookup);
		if (r <= 0)
			return r;
	}
	return -EEXIST;
}

/* --- which album --- */

static const char *folder_name(const char *dir, size_t n, size_t *len)
{
	size_t start = n;
	while (start > 0 && dir[start - 1] != '/')
		start--;
	*len = n - start;
	return dir + start;
}

/** First value of a list field. */
static size_t first_value(const char *text, size_t n)
{
	const char *end = memchr(text, FIELD_SEPARATOR, n);
	return end ? (size_t)(end - text) : n;
}

/** Never part of a text. */
#define FOLDER_MARK '\x1e'

struct album_name {
	/** Artist and title as they are, or the folder. */
	struct buf key;
	struct buf title, artist;
};

static void name_by_folder(const struct store_put *put, int64_t dir, struct album_name *a)
{
	size_t n;
	const char *folder = folder_name(put->dir.data, put->dir.len, &n);
	buf_addf(&a->key, "%c%lld", FOLDER_MARK, (long long)dir);
	const char *title = media_text(put->media, FIELD_album, &n);
	if (!n) {
		folder = folder_name(put->dir.data, put->dir.len, &n);
		text_clean(n ? folder : "Unknown Album", n ? n : 13, 255, &a->title);
	} else {
		buf_add(&a->title, title, n);
	}
}

static void name_album(const struct store_put *put, int64_t dir, struct album_name *a)
{
	const struct media *m = put->media;
	size_t n, title_len, source_len;
	const char *artist = media_text(m, FIELD_album_artist, &n);
	const char *title = media_text(m, FIELD_album, &title_len);
	const char *source = media_text(m, FIELD_tag_source, &source_len);
	if (!n && media_int(m, FIELD_compilation, 0)) {
		artist = "Various Artists";
		n = strlen(artist);
	} else if (!n) {
		artist = media_text(m, FIELD_artist, &n);
		n = first_value(artist, n);
	}
	buf_add(&a->artist, n ? artist : "Unknown Artist", n ? n : 14);
	if (!title_len || (source_len == 5 && memcmp(source, "id3v1", 5) == 0)) {
		name_by_folder(put, dir, a);
		return;
	}
	buf_add(&a->title, title, title_len);
	buf_add(&a->key, buf_str(&a->artist), a->artist.len);
	buf_addc(&a->key, FIELD_SEPARATOR);
	buf_add(&a->key, title, title_len);
}

/** The key of the row, without case; that of a folder is one already. */
static void fold_key(const struct album_name *a, struct buf *key)
{
	if (buf_str(&a->key)[0] == FOLDER_MARK) {
		buf_add(key, buf_str(&a->key), a->key.len);
		return;
	}
	text_fold_case(buf_str(&a->artist), a->artist.len, key);
	buf_addc(key, FIELD_SEPARATOR);
	text_fold_case(buf_str(&a->title), a->title.len, key);
}

static void keep_text(struct buf *to, struct bytes text)
{
	buf_reset(to);
	buf_add(to, text.data, text.len);
}

/** The row that @q stands at: 1. */
static int known_album(struct store *s, sqlite3_stmt *q, int64_t *id)
{
	*id = sqlite3_column_int64(q, 0);
	keep_text(&s->last.album_title, column_bytes(q, 1));
	keep_text(&s->last.album_artist, column_bytes(q, 2));
	sqlite3_reset(q);
	return 1;
}

/** Title and artist of its row are those of s->last then. */
static int ask_album(struct store *s, const struct album_name *a, int64_t *id)
{
	_buf_ struct buf key = BUF_INIT(16384);
	fold_key(a, &key);
	sqlite3_stmt *q = store_stmt(s, SQL_album_find);
	bind_text(q, 1, buf_str(&key), key.len);
	int r = store_step(s, q);
	if (r > 0)
		r = known_album(s, q, id);
	if (r)
		return r < 0 ? r : 0;
	q = store_stmt(s, SQL_album_add);
	bind_text(q, 1, buf_str(&key), key.len);
	bind_text(q, 2, buf_str(&a->title), a->title.len);
	bind_text(q, 3, buf_str(&a->artist), a->artist.len);
	sqlite3_bind_int64(q, 4, s->generation);
	sqlite3_bind_int64(q, 5, s->started_at);
	keep_text(&s->last.album_title, (struct bytes){buf_str(&a->title), a->title.len});
	keep_text(&s->last.album_artist, (struct bytes){buf_str(&a->artist), a->artist.len});
	r = store_run(s, q);
	*id = sqlite3_last_insert_rowid(s->db);
	return r;
}

static int find_album(struct store *s, const struct album_name *a, int64_t *id)
{
	struct buf *key = &s->last.album_key;
	if (s->last.album && key->len == a->key.len &&
	    memcmp(buf_str(key), buf_str(&a->key), key->len) == 0) {
		*id = s->last.album;
		return 0;
	}
	int r = ask_album(s, a, id);
	s->last.album = 0;
	if (r < 0)
		return r;
	buf_reset(key);
	s->last.album = buf_add(key, buf_str(&a->key), a->key.len) == 0 ? *id : 0;
	return 0;
}

static int audit_of_track(const struct media *m)
{
	return (media_has(m, FIELD_title) ? 0 : AUDIT_no_title) |
	       (media_has(m, FIELD_artist) ? 0 : AUDIT_no_artist) |
	       (media_has(m, FIELD_album) ? 0 : AUDIT_no_album);
}

int store_add_track(struct store *s, const struct store_put *put, struct store_touched *touched)
{
	struct album_name a = {BUF_INIT(16384), BUF_INIT(8192), BUF_INIT(8192)};
	name_album(put, touched->dir, &a);
	int r = find_album(s, &a, &touched->album[1]);
	buf_clear(&a.key);
	buf_clear(&a.title);
	buf_clear(&a.artist);
	if (r < 0)
		return r;
	int audit = audit_of_track(put->media);
	const struct pack_names names = {
		.file = put->name,
		.album = {buf_str(&s->last.album_title), s->last.album_title.len},
		.artist = {buf_str(&s->last.album_artist), s->last.album_artist.len},
	};
	sqlite3_stmt *q = store_stmt(s, SQL_track_add);
	sqlite3_bind_int64(q, 1, touched->file);
	sqlite3_bind_int64(q, 2, touched->album[1]);
	sqlite3_bind_int(q, 3, audit);
	r = store_pack_bind(s, q, 4, put->media, &names, &s->packed);
	store_touch(s, TOPIC_BIT(music) | (audit ? TOPIC_BIT(audit) : 0));
	return r < 0 ? r : store_run(s, q);
}

/* --- ID3v1-only tracks --- */

struct neighbour {
	int64_t album;
	char title[256];
};

typedef VEC(struct neighbour) neighbours;

static int load_neighbours(struct store *s, int64_t dir, neighbours *list)
{
	sqlite3_stmt *q = store_stmt(s, SQL_dir_albums);
	int r;
	sqlite3_bind_int64(q, 1, dir);
	while ((r = store_step(s, q)) > 0) {
		struct neighbour *n = vec_add(list);
		if (!n)
			break;
		n->album = sqlite3_column_int64(q, 0);
		snprintf(n->title, sizeof n->title, "%s", column_str(q, 1));
	}
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

/** Of several albums in one folder, the one whose title begins as the cut ID3v1 title does. */
static int64_t choose_neighbour(const neighbours *list, const char *title)
{
	if (list->len == 1)
		return list->data[0].album;
	for (size_t i = 0; i < list->len; i++)
		if (*title && strncasecmp(list->data[i].title, title, strlen(title)) == 0)
			return list->data[i].album;
	return 0;
}

struct v1_track {
	int64_t file, album, wanted;
};

/** Without a neighbour an ID3v1-only track is of its folder's album, as name_by_folder() says. */
static int64_t folder_album(struct store *s, int64_t dir, const char *title, const char *artist)
{
	struct album_name a = {BUF_INIT(256), BUF_INIT(8192), BUF_INIT(8192)};
	int64_t id = 0;
	buf_addf(&a.key, "%c%lld", FOLDER_MARK, (long long)dir);
	buf_adds(&a.title, *title ? title : "Unknown Album");
	buf_add(&a.artist, *artist ? artist : "Unknown Artist",
		*artist ? first_value(artist, strlen(artist)) : 14);
	if (ask_album(s, &a, &id) < 0)
		id = 0;
	s->last.album = 0;
	buf_clear(&a.key);
	buf_clear(&a.title);
	buf_clear(&a.artist);
	return id;
}

int store_settle_dir(struct store *s, int64_t dir, void (*album)(void *arg, int64_t id), void *arg)
{
	neighbours list = {0};
	VEC(struct v1_track) moves = {0};
	sqlite3_stmt *q = store_stmt(s, SQL_dir_v1_tracks);
	int r;
	sqlite3_bind_int64(q, 1, dir);
	while ((r = store_step(s, q)) > 0) {
		if (!moves.len && load_neighbours(s, dir, &list) < 0)
			break;
		int64_t wanted = choose_neighbour(&list, column_str(q, 1));
		if (!wanted)
			wanted = folder_album(s, dir, column_str(q, 1), column_str(q, 3));
		int64_t now = sqlite3_column_int64(q, 2);
		struct v1_track *t = vec_add(&moves);
		if (t)
			*t = (struct v1_track){sqlite3_column_int64(q, 0), now, wanted};
	}
	sqlite3_reset(q);
	for (size_t i = 0; i < moves.len && r >= 0; i++) {
		const struct v1_track *t = &moves.data[i];
		if (!t->wanted || t->wanted == t->album)
			continue;
		q = store_stmt(s, SQL_track_move);
		sqlite3_bind_int64(q, 1, t->wanted);
		sqlite3_bind_int64(q, 2, t->file);
		r = store_run(s, q);
		album(arg, t->album);
		album(arg, t->wanted);
	}
	vec_clear(&list);
	vec_clear(&moves);
	return r < 0 ? r : 0;
}

/* --- shelves --- */

/** A place where an album should stand. */
struct wish {
	enum row_kind kind;
	char *key, *name;
	int tracks;
	bool is_there;
};

struct album_facts {
	VEC(struct wish) wishes;
	int64_t year, tracks;
	char date[64];
	bool has_cover;
};

static void facts_clear(struct album_facts *f)
{
	for (size_t i = 0; i < f->wishes.len; i++) {
		free(f->wishes.data[i].key);
		free(f->wishes.data[i].name);
	}
	vec_clear(&f->wishes);
}

static void wish(struct album_facts *f, enum row_kind kind, const char *name, size_t n, int tracks)
{
	_buf_ struct buf key = BUF_INIT(16384);
	/* most tracks of an album say the same */
	for (size_t i = 0; i < f->wishes.len; i++) {
		struct wish *w = &f->wishes.data[i];
		if (w->kind == kind && strncmp(w->name, name, n) == 0 && !w->name[n]) {
			w->tracks += tracks;
			return;
		}
	}
	if (text_fold_case(name, n, &key) < 0 || !key.len)
		return;
	for (size_t i = 0; i < f->wishes.len; i++) {
		struct wish *w = &f->wishes.data[i];
		if (w->kind == kind && strcmp(w->key, buf_str(&key)) == 0) {
			w->tracks += tracks;
			return;
		}
	}
	struct wish *w = vec_add(&f->wishes);
	if (!w)
		return;
	*w = (struct wish){.kind = kind, .key = buf_take(&key), .name = strndup(name, n),
			   .tracks = tracks};
}

static void wish_list(struct album_facts *f, enum row_kind kind, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\x1f");
		wish(f, kind, text, n, 1);
		text += n + (text[n] != '\0');
	}
}

/** A text of a track; a number stands for @otherwise. */
static const char *text_or(sqlite3_stmt *q, int i, const char *otherwise)
{
	return sqlite3_column_type(q, i) == SQLITE_INTEGER ? otherwise : column_str(q, i);
}

static int load_facts(struct store *s, int64_t album, const char *artist, struct album_facts *f)
{
	sqlite3_stmt *q = store_stmt(s, SQL_album_facts);
	int r;
	sqlite3_bind_int64(q, 1, album);
	while ((r = store_step(s, q)) > 0) {
		f->tracks++;
		wish_list(f, SHELF_ARTIST, text_or(q, 0, artist));
		wish_list(f, SHELF_GENRE, column_str(q, 1));
		int64_t year = sqlite3_column_int64(q, 2);
		if (year > 0 && (!f->year || year < f->year))
			f->year = year;
		if (!f->date[0])
			store_pack_date(q, 3, year, f->date, sizeof f->date);
		f->has_cover |= sqlite3_column_int(q, 4) || sqlite3_column_int(q, 5);
	}
	return r;
}

static int find_shelf(struct store *s, const struct wish *w, int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_shelf_find);
	sqlite3_bind_int(q, 1, w->kind);
	bind_text(q, 2, w->key, strlen(w->key));
	int r = store_returning(s, q, id);
	if (r != -ENOENT)
		return r;
	_buf_ struct buf shown = BUF_INIT(1024), key = BUF_INIT(4096);
	q = store_stmt(s, SQL_shelf_shown);
	sqlite3_bind_int(q, 1, w->kind);
	r = store_unique_name(s, q, 2, NAME_FOLDED, w->name, &shown, &key);
	if (r < 0)
		return r;
	q = store_stmt(s, SQL_shelf_add);
	sqlite3_bind_int(q, 1, w->kind);
	bind_text(q, 2, w->key, strlen(w->key));
	bind_text(q, 3, w->name, strlen(w->name));
	bind_text(q, 4, buf_str(&shown), shown.len);
	bind_text(q, 5, buf_str(&key), key.len);
	sqlite3_bind_int64(q, 6, s->generation);
	sqlite3_bind_int64(q, 7, s->started_at);
	return store_returning(s, q, id);
}

static int touch_shelf(struct store *s, int64_t id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_shelf_touch);
	sqlite3_bind_int64(q, 1, s->generation);
	sqlite3_bind_int64(q, 2, s->started_at);
	sqlite3_bind_int64(q, 3, id);
	return store_run(s, q);
}

static int add_spot(struct store *s, const struct wish *w, int64_t album, const char *title,
		    const char *artist)
{
	int64_t shelf;
	int r = find_shelf(s, w, &shelf);
	if (r < 0)
		return r;
	_buf_ struct buf name = BUF_INIT(16384), shown = BUF_INIT(1024), key = BUF_INIT(4096);
	if (w->kind != SHELF_ARTIST)
		buf_addf(&name, "%s - ", artist);
	buf_adds(&name, title);
	sqlite3_stmt *q = store_stmt(s, SQL_spot_shown);
	sqlite3_bind_int64(q, 1, shelf);
	r = store_unique_name(s, q, 2, NAME_HASHED, buf_str(&name), &shown, &key);
	if (r < 0)
		return r;
	q = store_stmt(s, SQL_spot_add);
	sqlite3_bind_int64(q, 1, shelf);
	sqlite3_bind_int64(q, 2, album);
	sqlite3_bind_int(q, 3, w->tracks);
	/* as PACK_SHOWN reads it */
	if (strcmp(buf_str(&shown), buf_str(&name)) == 0)
		sqlite3_bind_int(q, 4, w->kind != SHELF_ARTIST);
	else
		bind_text(q, 4, buf_str(&shown), shown.len);
	sqlite3_bind_int64(q, 5, store_pack_shown(&key));
	r = store_run(s, q);
	return r < 0 ? r : touch_shelf(s, shelf);
}

static int drop_spot(struct store *s, int64_t spot, int64_t shelf)
{
	int r = store_run_id(s, SQL_spot_delete, spot);
	if (r == 0)
		r = store_tomb(s, ROW_SPOT, spot);
	sqlite3_stmt *q = store_stmt(s, SQL_shelf_is_empty);
	int64_t is_empty = 0;
	sqlite3_bind_int64(q, 1, shelf);
	if (r == 0)
		r = store_returning(s, q, &is_empty);
	if (r < 0 || !is_empty)
		return r < 0 ? r : touch_shelf(s, shelf);
	r = store_run_id(s, SQL_shelf_delete, shelf);
	return r < 0 ? r : store_tomb(s, SHELF_ARTIST, shelf);
}

struct spot {
	int64_t id, shelf;
	int tracks;
	/** The wish it answers, or NULL. */
	struct wish *wish;
};

typedef VEC(struct spot) spots;

static int load_spots(struct store *s, int64_t album, struct album_facts *f, spots *list)
{
	sqlite3_stmt *q = store_stmt(s, SQL_spots_of_album);
	int r;
	sqlite3_bind_int64(q, 1, album);
	while ((r = store_step(s, q)) > 0) {
		struct spot *spot = vec_add(list);
		if (!spot)
			break;
		*spot = (struct spot){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
				      sqlite3_column_int(q, 2), NULL};
		int kind = sqlite3_column_int(q, 3);
		for (size_t i = 0; i < f->wishes.len && !spot->wish; i++) {
			struct wish *w = &f->wishes.data[i];
			if ((int)w->kind == kind && strcmp(w->key, column_str(q, 4)) == 0)
				spot->wish = w;
		}
		if (spot->wish)
			spot->wish->is_there = true;
	}
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

static int place_album(struct store *s, int64_t album, struct album_facts *f, const char *title,
		       const char *artist)
{
	spots there = {0};
	int r = load_spots(s, album, f, &there);
	for (size_t i = 0; i < there.len && r == 0; i++) {
		const struct spot *spot = &there.data[i];
		if (!spot->wish) {
			r = drop_spot(s, spot->id, spot->shelf);
		} else if (spot->wish->tracks != spot->tracks) {
			sqlite3_stmt *q = store_stmt(s, SQL_spot_tracks);
			sqlite3_bind_int(q, 1, spot->wish->tracks);
			sqlite3_bind_int64(q, 2, spot->id);
			r = store_run(s, q);
		}
	}
	for (size_t i = 0; i < f->wishes.len && r == 0; i++)
		if (!f->wishes.data[i].is_there)
			r = add_spot(s, &f->wishes.data[i], album, title, artist);
	vec_clear(&there);
	return r;
}

static int update_album(struct store *s, int64_t album, const struct album_facts *f)
{
	sqlite3_stmt *q = store_stmt(s, SQL_album_update);
	if (f->year)
		sqlite3_bind_int64(q, 1, f->year);
	else
		sqlite3_bind_null(q, 1);
	if (f->date[0])
		bind_text(q, 2, f->date, strlen(f->date));
	else
		sqlite3_bind_null(q, 2);
	sqlite3_bind_int(q, 3, f->has_cover ? 0 : AUDIT_no_cover);
	sqlite3_bind_int64(q, 4, s->generation);
	sqlite3_bind_int64(q, 5, s->started_at);
	sqlite3_bind_int64(q, 6, album);
	return store_run(s, q);
}

struct album_texts {
	char *title, *artist;
};

static int copy_texts(void *arg, const struct store_album *row)
{
	struct album_texts *t = arg;
	t->title = strdup(row->title);
	t->artist = strdup(row->artist);
	return t->title && t->artist ? 0 : -ENOMEM;
}

int store_settle_album(struct store *s, int64_t album)
{
	struct album_texts text = {0};
	struct album_facts f = {0};
	int r = store_album(s, album, copy_texts, &text);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = load_facts(s, album, text.artist, &f);
	if (r == 0 && f.tracks) {
		wish(&f, SHELF_ARTIST, text.artist, strlen(text.artist), 0);
		char year[24];
		int n = snprintf(year, sizeof year, "%lld", (long long)f.year);
		if (f.year)
			wish(&f, SHELF_YEAR, year, (size_t)n, (int)f.tracks);
	}
	if (r == 0)
		r = place_album(s, album, &f, text.title, text.artist);
	if (r == 0)
		r = f.tracks ? update_album(s, album, &f) : store_run_id(s, SQL_album_delete, album);
	if (r == 0 && !f.tracks) {
		store_forget_last(s);
		r = store_tomb(s, ROW_ALBUM, album);
	}
	store_touch(s, TOPIC_BIT(music) | TOPIC_BIT(audit));
	facts_clear(&f);
	free(text.title);
	free(text.artist);
	return r;
}
