/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Tracks become albums; how these stand on shelves: store_settle_album.c.
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
#include "common/store_facts.h"
#include "common/store_fresh.h"
#include "common/store_ids.h"
#include "common/store_pack.h"
#include "common/store_tally.h"
#include "common/text.h"
#include "common/vec.h"

/* --- names to show --- */

void store_shown_name(const char *wanted, int n, struct buf *shown, struct buf *key)
{
	enum { SUFFIX = 8 };
	buf_reset(shown);
	buf_reset(key);
	text_safe_name(wanted, strlen(wanted), SUFFIX, shown);
	if (n > 1)
		buf_addf(shown, " (%d)", n);
	text_fold_case(buf_str(shown), shown->len, key);
}

int store_unique_name(struct store *s, sqlite3_stmt *lookup, int at, enum name_form form, const char *wanted,
		      struct buf *shown, struct buf *shown_key)
{
	enum { MOST = 10000 };
	for (int n = 1; n <= MOST; n++) {
		store_shown_name(wanted, n, shown, shown_key);
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

/** Has it nothing but an ID3v1 tag? */
static bool is_v1(const struct media *m)
{
	size_t n;
	const char *source = media_text(m, FIELD_tag_source, &n);
	return n == 5 && memcmp(source, "id3v1", 5) == 0;
}

static void name_album(const struct store_put *put, int64_t dir, struct album_name *a)
{
	const struct media *m = put->media;
	size_t n, title_len;
	buf_reset(&a->key);
	buf_reset(&a->title);
	buf_reset(&a->artist);
	const char *artist = media_text(m, FIELD_album_artist, &n);
	const char *title = media_text(m, FIELD_album, &title_len);
	if (!n && media_int(m, FIELD_compilation, 0)) {
		artist = "Various Artists";
		n = strlen(artist);
	} else if (!n) {
		artist = media_text(m, FIELD_artist, &n);
		n = first_value(artist, n);
	}
	buf_add(&a->artist, n ? artist : "Unknown Artist", n ? n : 14);
	if (!title_len || is_v1(m)) {
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

/** Title and artist of its row are those of s->last then.  @m: of its first track, in @dir, if it is a new one; or NULL. */
static int ask_album(struct store *s, const struct album_name *a, int64_t dir, const struct media *m, int64_t *id)
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
	r = store_new_id(s, NUMBERED_album, id);
	if (r < 0)
		return r;
	struct album_row row;
	album_row_of(s, dir, m, &row);
	q = store_stmt(s, SQL_album_add);
	bind_text(q, 1, buf_str(&key), key.len);
	bind_text(q, 2, buf_str(&a->title), a->title.len);
	bind_text(q, 3, buf_str(&a->artist), a->artist.len);
	sqlite3_bind_int64(q, 4, s->generation);
	sqlite3_bind_int64(q, 5, s->started_at);
	sqlite3_bind_int64(q, 6, *id);
	album_row_bind(q, 7, &row);
	keep_text(&s->last.album_title, (struct bytes){buf_str(&a->title), a->title.len});
	keep_text(&s->last.album_artist, (struct bytes){buf_str(&a->artist), a->artist.len});
	r = store_run(s, q);
	store_new_album(s, *id, buf_str(&a->title), buf_str(&a->artist), &row);
	if (r == 0)
		store_tally_add(s, TALLY_album, 0);
	return r;
}

static int find_album(struct store *s, const struct album_name *a, int64_t dir, const struct media *m, int64_t *id)
{
	struct buf *key = &s->last.album_key;
	if (s->last.album && key->len == a->key.len &&
	    memcmp(buf_str(key), buf_str(&a->key), key->len) == 0) {
		*id = s->last.album;
		return 0;
	}
	int r = ask_album(s, a, dir, m, id);
	s->last.album = 0;
	if (r < 0)
		return r;
	buf_reset(key);
	s->last.album = buf_add(key, buf_str(&a->key), a->key.len) == 0 ? *id : 0;
	return 0;
}

/** Only beside such tracks it matters what else comes into a directory. */
static void note_v1(struct store *s, const struct media *m, struct store_touched *touched)
{
	if (is_v1(m))
		store_fresh_v1(s, touched->dir);
	touched->is_dir_settled = store_fresh_has_no_v1(s, touched->dir);
}

static int audit_of_track(const struct media *m)
{
	return (media_has(m, FIELD_title) ? 0 : AUDIT_no_title) |
	       (media_has(m, FIELD_artist) ? 0 : AUDIT_no_artist) |
	       (media_has(m, FIELD_album) ? 0 : AUDIT_no_album);
}

int store_add_track(struct store *s, const struct store_put *put, struct store_touched *touched)
{
	name_album(put, touched->dir, &s->naming);
	int r = find_album(s, &s->naming, touched->dir, put->media, &touched->album[1]);
	if (r < 0)
		return r;
	note_v1(s, put->media, touched);
	store_new_track(s, touched->album[1], touched->file, touched->dir, put->media);
	int audit = audit_of_track(put->media);
	const struct pack_names names = {
		.file = put->name,
		.album = {buf_str(&s->last.album_title), s->last.album_title.len},
		.artist = {buf_str(&s->last.album_artist), s->last.album_artist.len},
	};
	const struct pack_track row = {touched->file, touched->album[1], audit, put->media};
	r = store_pack_add(s, &row, &names);
	store_touch(s, TOPIC_BIT(music) | (audit ? TOPIC_BIT(audit) : 0));
	store_tally_add(s, TALLY_track, media_real(put->media, FIELD_duration_seconds, 0) * 1000);
	return r;
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
	if (ask_album(s, &a, dir, NULL, &id) < 0)
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
		store_forget_album(s, t->album);
		store_forget_album(s, t->wanted);
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
