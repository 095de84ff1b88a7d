/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Albums stand on shelves: artists, genres, years.
 *
 * Most albums stand on shelves that others stand on too, so what was found of a shelf is kept in
 * memory, and a shelf is marked as changed once in a transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/store_ids.h"
#include "common/store_facts.h"
#include "common/store_pack.h"
#include "common/store_settle.h"
#include "common/store_shelf.h"
#include "common/store_tally.h"
#include "common/text.h"
#include "common/vec.h"

/* --- shelves --- */

/** What an album is called on shelves, computed once for all of them. */
struct shown {
	/** As it would be without others; as it is shown and folded for comparison. */
	struct buf name, shown, key;
	int64_t hash;
};

static void shown_clear(struct shown *n)
{
	buf_clear(&n->name);
	buf_clear(&n->shown);
	buf_clear(&n->key);
}

/** @artist: NULL on the artist's own shelf. */
static int shown_make(struct shown *n, const char *artist, const char *title)
{
	*n = (struct shown){BUF_INIT(16384), BUF_INIT(1024), BUF_INIT(4096), 0};
	if (artist) {
		buf_adds(&n->name, artist);
		buf_adds(&n->name, " - ");
	}
	buf_adds(&n->name, title);
	store_shown_name(buf_str(&n->name), 1, &n->shown, &n->key);
	n->hash = store_pack_shown(&n->key);
	return buf_error(&n->name);
}

/** True when no album is shown by that name there. */
static int insert_spot(struct store *s, const struct shelf *shelf, const struct wish *w, int64_t album,
		       const struct shown *n)
{
	int64_t id;
	int r = store_new_id(s, NUMBERED_spot, &id);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_spot_add);
	sqlite3_bind_int64(q, 1, shelf->id);
	sqlite3_bind_int64(q, 2, album);
	sqlite3_bind_int(q, 3, w->tracks);
	/* as PACK_SHOWN reads it */
	if (strcmp(buf_str(&n->shown), buf_str(&n->name)) == 0)
		sqlite3_bind_int(q, 4, w->kind != SHELF_ARTIST);
	else
		bind_text(q, 4, buf_str(&n->shown), n->shown.len);
	sqlite3_bind_int64(q, 5, n->hash);
	sqlite3_bind_int64(q, 6, id);
	r = store_run(s, q);
	return r < 0 ? r : sqlite3_changes(s->db);
}

/** The name is taken there: " (2)" and so on. */
static int insert_spot_beside(struct store *s, const struct shelf *shelf, const struct wish *w, int64_t album,
			      const struct shown *n)
{
	struct shown other = {BUF_INIT(16384), BUF_INIT(1024), BUF_INIT(4096), 0};
	sqlite3_stmt *q = store_stmt(s, SQL_spot_shown);
	buf_add(&other.name, buf_str(&n->name), n->name.len);
	sqlite3_bind_int64(q, 1, shelf->id);
	int r = store_unique_name(s, q, 2, NAME_HASHED, buf_str(&n->name), &other.shown, &other.key);
	other.hash = store_pack_shown(&other.key);
	if (r == 0)
		r = insert_spot(s, shelf, w, album, &other);
	shown_clear(&other);
	return r < 0 ? r : r == 0 ? -EEXIST : 0;
}

/** Whether it will be the first album that makes an artist of tracks of the shelf: table `tally` counts spots, and those. */
static int is_first_album(struct store *s, const struct shelf *shelf, const struct wish *w, bool *is_first)
{
	bool is_asked = shelf->kind == SHELF_ARTIST && w->tracks && !shelf->has_tracks;
	int64_t has_tracks = !is_asked;
	int r = 0;
	if (is_asked && !shelf->is_new) {
		sqlite3_stmt *q = store_stmt(s, SQL_shelf_has_tracks);
		sqlite3_bind_int64(q, 1, shelf->id);
		r = store_returning(s, q, &has_tracks);
	}
	*is_first = !has_tracks;
	return r;
}

static int add_spot(struct store *s, const struct wish *w, int64_t album, const struct shown *n)
{
	struct shelf *shelf;
	int r = store_shelf_get(s, w->kind, w->key, w->name, &shelf);
	bool is_first = false;
	if (r == 0)
		r = is_first_album(s, shelf, w, &is_first);
	if (r < 0)
		return r;
	r = insert_spot(s, shelf, w, album, n);
	if (r == 0)
		r = insert_spot_beside(s, shelf, w, album, n);
	if (r < 0)
		return r;
	store_tally_add(s, TALLY_artist, is_first);
	shelf->is_new = false;
	shelf->has_tracks |= shelf->kind == SHELF_ARTIST && w->tracks;
	return store_shelf_touch(s, shelf);
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
		return r < 0 ? r : store_shelf_changed(s, shelf);
	store_shelf_forget(s, shelf);
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

/** What stands where it should not ends; what has another number of tracks is told. */
static int keep_spots(struct store *s, const spots *there)
{
	int r = 0;
	for (size_t i = 0; i < there->len && r == 0; i++) {
		const struct spot *spot = &there->data[i];
		if (!spot->wish) {
			r = drop_spot(s, spot->id, spot->shelf);
		} else if (spot->wish->tracks != spot->tracks) {
			sqlite3_stmt *q = store_stmt(s, SQL_spot_tracks);
			sqlite3_bind_int(q, 1, spot->wish->tracks);
			sqlite3_bind_int64(q, 2, spot->id);
			r = store_run(s, q);
			store_shelf_changed_tracks(s, spot->shelf);
		}
	}
	return r;
}

static int add_spots(struct store *s, int64_t album, const struct album_facts *f, const char *title,
		     const char *artist)
{
	struct shown own = {0}, other = {0};
	int r = 0;
	for (size_t i = 0; i < f->wishes.len && r == 0; i++) {
		const struct wish *w = &f->wishes.data[i];
		bool is_own = w->kind == SHELF_ARTIST;
		struct shown *n = is_own ? &own : &other;
		if (w->is_there)
			continue;
		if (!n->key.len)
			r = shown_make(n, is_own ? NULL : artist, title);
		if (r == 0)
			r = add_spot(s, w, album, n);
	}
	shown_clear(&own);
	shown_clear(&other);
	return r;
}

/** It stands where it should of all places where it stood. */
static int keep_album(struct store *s, int64_t album, struct album_facts *f)
{
	spots there = {0};
	int r = load_spots(s, album, f, &there);
	if (r == 0)
		r = keep_spots(s, &there);
	vec_clear(&there);
	return r;
}

/** @is_new: its row is of this transaction, and says so. */
static int update_album(struct store *s, int64_t album, const struct album_facts *f, bool is_new)
{
	if (is_new && album_row_is_same(&f->row, &f->told))
		return 0;
	sqlite3_stmt *q = store_stmt(s, is_new ? SQL_album_complete : SQL_album_update);
	album_row_bind(q, 1, &f->row);
	sqlite3_bind_int64(q, 4, album);
	if (!is_new) {
		sqlite3_bind_int64(q, 5, s->generation);
		sqlite3_bind_int64(q, 6, s->started_at);
	}
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

static void wish_for_all(struct album_facts *f, const char *artist)
{
	char year[24];
	album_facts_wish(f, SHELF_ARTIST, artist, strlen(artist), 0);
	int n = snprintf(year, sizeof year, "%lld", (long long)f->row.year);
	if (f->row.year)
		album_facts_wish(f, SHELF_YEAR, year, (size_t)n, (int)f->tracks);
}

static int end_album(struct store *s, int64_t album)
{
	store_forget_last(s);
	int r = store_run_id(s, SQL_album_delete, album);
	return r < 0 ? r : store_tomb(s, ROW_ALBUM, album);
}

int store_settle_album(struct store *s, int64_t album)
{
	struct album_texts text = {0};
	struct album_facts f = {0};
	bool is_new = store_take_album(s, album, &text.title, &text.artist, &f);
	int r = is_new ? 0 : store_album(s, album, copy_texts, &text);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && !is_new)
		r = album_facts_load(s, album, text.artist, &f);
	if (r == 0)
		r = album_facts_cover(s, album, &f);
	if (r == 0 && f.tracks)
		wish_for_all(&f, text.artist);
	if (r == 0 && !is_new)
		r = keep_album(s, album, &f);
	if (r == 0)
		r = add_spots(s, album, &f, text.title, text.artist);
	if (r == 0)
		r = f.tracks ? update_album(s, album, &f, is_new) : end_album(s, album);
	store_touch(s, TOPIC_BIT(music) | TOPIC_BIT(audit));
	album_facts_clear(&f);
	free(text.title);
	free(text.artist);
	return r;
}
