/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_facts.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/store_fresh.h"
#include "common/store_pack.h"
#include "common/store_settle.h"
#include "common/text.h"

struct new_album {
	int64_t id, last_file;
	char *title, *artist;
	struct album_facts facts;
};

struct new_albums {
	/** By ascending number: as they were made. */
	VEC(struct new_album) album;
};

void album_facts_clear(struct album_facts *f)
{
	for (size_t i = 0; i < f->wishes.len; i++) {
		free(f->wishes.data[i].key);
		free(f->wishes.data[i].name);
	}
	vec_clear(&f->wishes);
}

void album_facts_wish(struct album_facts *f, enum row_kind kind, const char *name, size_t n, int tracks)
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

static void wish_list(struct album_facts *f, enum row_kind kind, const char *text, size_t len)
{
	for (const char *end = text + len; text < end;) {
		const char *separator = memchr(text, FIELD_SEPARATOR, (size_t)(end - text));
		const char *stop = separator ? separator : end;
		album_facts_wish(f, kind, text, (size_t)(stop - text), 1);
		text = stop + 1;
	}
}

struct track_facts {
	struct bytes artist, genre;
	int64_t year;
	/** Inside it, or beside it as far as is known. */
	bool has_picture;
};

static void add_track(struct album_facts *f, const struct track_facts *t)
{
	f->tracks++;
	wish_list(f, SHELF_ARTIST, t->artist.data, t->artist.len);
	wish_list(f, SHELF_GENRE, t->genre.data, t->genre.len);
	if (t->year > 0 && (!f->row.year || t->year < f->row.year))
		f->row.year = t->year;
	f->row.has_cover |= t->has_picture;
}

/** A text of a track; a number stands for @otherwise. */
static struct bytes text_or(sqlite3_stmt *q, int i, const char *otherwise)
{
	const char *text = sqlite3_column_type(q, i) == SQLITE_INTEGER ? otherwise : column_str(q, i);
	return (struct bytes){text, strlen(text)};
}

int album_facts_load(struct store *s, int64_t album, const char *artist, struct album_facts *f)
{
	sqlite3_stmt *q = store_stmt(s, SQL_album_facts);
	int r;
	f->asks_cover = true;
	sqlite3_bind_int64(q, 1, album);
	while ((r = store_step(s, q)) > 0) {
		const struct track_facts t = {
			.artist = text_or(q, 0, artist), .genre = text_or(q, 1, ""),
			.year = sqlite3_column_int64(q, 2), .has_picture = sqlite3_column_int(q, 4),
		};
		if (!f->row.date[0])
			store_pack_date(q, 3, t.year, f->row.date, sizeof f->row.date);
		add_track(f, &t);
	}
	return r;
}

int album_facts_cover(struct store *s, int64_t album, struct album_facts *f)
{
	int64_t has_cover = 0;
	if (f->row.has_cover || !f->tracks || !f->asks_cover)
		return 0;
	sqlite3_stmt *q = store_stmt(s, SQL_album_has_cover);
	sqlite3_bind_int64(q, 1, album);
	int r = store_returning(s, q, &has_cover);
	f->row.has_cover = has_cover;
	return r;
}

static struct bytes text_of(const struct media *m, enum field_id field)
{
	struct bytes text;
	text.data = media_text(m, field, &text.len);
	return text;
}

static void date_of(const struct media *m, struct album_row *row)
{
	const struct bytes date = text_of(m, FIELD_date);
	snprintf(row->date, sizeof row->date, "%.*s", (int)date.len, date.data);
}

void album_row_of(const struct store *s, int64_t dir, const struct media *m, struct album_row *row)
{
	*row = (struct album_row){0};
	if (!m)
		return;
	int64_t year = media_int(m, FIELD_year, 0);
	row->year = year > 0 ? year : 0;
	row->has_cover = media_int(m, FIELD_has_picture, 0) != 0 || store_fresh_has_cover(s, dir) > 0;
	date_of(m, row);
}

void album_row_bind(sqlite3_stmt *q, int at, const struct album_row *row)
{
	if (row->year)
		sqlite3_bind_int64(q, at, row->year);
	else
		sqlite3_bind_null(q, at);
	if (row->date[0])
		bind_text(q, at + 1, row->date, strlen(row->date));
	else
		sqlite3_bind_null(q, at + 1);
	sqlite3_bind_int(q, at + 2, row->has_cover ? 0 : AUDIT_no_cover);
}

bool album_row_is_same(const struct album_row *a, const struct album_row *b)
{
	return a->year == b->year && a->has_cover == b->has_cover && strcmp(a->date, b->date) == 0;
}

/* --- albums that are new --- */

static void clear(struct new_album *a)
{
	free(a->title);
	free(a->artist);
	album_facts_clear(&a->facts);
	*a = (struct new_album){0};
}

void store_new_album(struct store *s, int64_t album, const char *title, const char *artist, const struct album_row *told)
{
	if (!s->new_albums)
		s->new_albums = calloc(1, sizeof *s->new_albums);
	struct new_album *a = s->new_albums ? vec_add(&s->new_albums->album) : NULL;
	if (!a)
		return;
	*a = (struct new_album){.id = album, .title = strdup(title), .artist = strdup(artist), .facts.told = *told};
	if (!a->title || !a->artist)
		store_forget_albums(s);
}

static struct new_album *find(struct store *s, int64_t album)
{
	size_t n = s->new_albums ? s->new_albums->album.len : 0;
	/* mostly the last one */
	for (size_t low = 0, at = n - 1; low < n; at = low + (n - low) / 2) {
		struct new_album *a = &s->new_albums->album.data[at];
		if (a->id == album)
			return a;
		if (a->id < album)
			low = at + 1;
		else
			n = at;
	}
	return NULL;
}

void store_forget_album(struct store *s, int64_t album)
{
	struct new_album *a = find(s, album);
	if (!a)
		return;
	clear(a);
	a->id = album;
}

void store_new_track(struct store *s, int64_t album, int64_t file, int64_t dir, const struct media *m)
{
	struct new_album *a = find(s, album);
	if (!a || !a->title)
		return;
	/* the first one counts for some of it, and the store has them by their numbers */
	if (file < a->last_file) {
		store_forget_album(s, album);
		return;
	}
	a->last_file = file;
	int beside = store_fresh_has_cover(s, dir);
	const struct track_facts t = {
		.artist = text_of(m, FIELD_artist), .genre = text_of(m, FIELD_genre),
		.year = media_int(m, FIELD_year, 0),
		.has_picture = beside > 0 || media_int(m, FIELD_has_picture, 0) != 0,
	};
	a->facts.asks_cover |= beside < 0;
	if (!a->facts.row.date[0])
		date_of(m, &a->facts.row);
	add_track(&a->facts, &t);
}

bool store_take_album(struct store *s, int64_t album, char **title, char **artist, struct album_facts *f)
{
	struct new_album *a = find(s, album);
	if (!a || !a->title)
		return false;
	*title = a->title;
	*artist = a->artist;
	*f = a->facts;
	/* its number stays, so that the list is in order; what comes to it now is not known any more */
	*a = (struct new_album){.id = album};
	return true;
}

void store_forget_albums(struct store *s)
{
	for (size_t i = 0; s->new_albums && i < s->new_albums->album.len; i++)
		clear(&s->new_albums->album.data[i]);
	if (s->new_albums)
		vec_clear(&s->new_albums->album);
	free(s->new_albums);
	s->new_albums = NULL;
}
