/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Questions about music and manga: shelves, albums, tracks, series, volumes. */
#include <errno.h>
#include <stdio.h>

#include "common/store_pack.h"
#include "common/store_read.h"
#include "common/text.h"

/** Rows of (id, shown name, time). */
static int item_rows(struct store *s, sqlite3_stmt *q, store_item_fn *fn, void *arg)
{
	int r;
	while ((r = store_step(s, q)) > 0) {
		struct store_item row = {
			.id = sqlite3_column_int64(q, 0),
			.name = column_str(q, 1),
			.name_len = (size_t)sqlite3_column_bytes(q, 1),
			.at = sqlite3_column_int64(q, 2),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/** What an index has of a name that is shown. */
enum shown_form {
	SHOWN_FOLDED,
	SHOWN_HASHED,
};

/** The row whose second column is exactly @shown, found by its folded form at parameter @i. */
static int find_shown(struct store *s, sqlite3_stmt *q, int i, enum shown_form form, const char *shown,
		      int64_t *id)
{
	_buf_ struct buf key = BUF_INIT(4096);
	int r = text_fold_case(shown, strlen(shown), &key);
	if (r < 0)
		return r;
	if (form == SHOWN_HASHED)
		sqlite3_bind_int64(q, i, store_pack_shown(&key));
	else
		sqlite3_bind_text(q, i, buf_str(&key), (int)key.len, SQLITE_TRANSIENT);
	r = store_step(s, q);
	bool found = r > 0 && strcmp(column_str(q, 1), shown) == 0;
	if (found)
		*id = sqlite3_column_int64(q, 0);
	sqlite3_reset(q);
	if (r < 0)
		return r;
	return found ? 0 : -ENOENT;
}

/* --- shelves and spots --- */

int store_shelves(struct store *s, enum row_kind kind, int64_t after, store_item_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_shelves);
	sqlite3_bind_int(q, 1, kind);
	sqlite3_bind_int64(q, 2, after);
	return item_rows(s, q, fn, arg);
}

int store_shelf_find(struct store *s, enum row_kind kind, const char *shown, int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_shelf_shown);
	sqlite3_bind_int(q, 1, kind);
	return find_shown(s, q, 2, SHOWN_FOLDED, shown, id);
}

int store_shelf(struct store *s, int64_t id, enum row_kind *kind, uint64_t *version, int64_t *at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_shelf_get);
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	if (r > 0) {
		*kind = (enum row_kind)sqlite3_column_int(q, 1);
		*version = (uint64_t)sqlite3_column_int64(q, 4);
		*at = sqlite3_column_int64(q, 5);
	}
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_spots(struct store *s, int64_t shelf, int64_t after, store_item_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_spots);
	sqlite3_bind_int64(q, 1, shelf);
	sqlite3_bind_int64(q, 2, after);
	return item_rows(s, q, fn, arg);
}

int store_spot_find(struct store *s, int64_t shelf, const char *shown, int64_t *id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_spot_shown);
	sqlite3_bind_int64(q, 1, shelf);
	return find_shown(s, q, 2, SHOWN_HASHED, shown, id);
}

int store_spot(struct store *s, int64_t id, int64_t *shelf, int64_t *album, uint64_t *version,
	       int64_t *at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_spot_get);
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	if (r > 0) {
		*shelf = sqlite3_column_int64(q, 1);
		*album = sqlite3_column_int64(q, 2);
		*version = (uint64_t)sqlite3_column_int64(q, 4);
		*at = sqlite3_column_int64(q, 5);
	}
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_spots_for_album(struct store *s, int64_t album, store_item_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_spots_for_album);
	sqlite3_bind_int64(q, 1, album);
	return item_rows(s, q, fn, arg);
}

/* --- albums and tracks --- */

int store_album(struct store *s, int64_t id, store_album_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_album_get);
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	if (r > 0) {
		struct store_album row = {
			.id = sqlite3_column_int64(q, 0),
			.title = column_str(q, 1),
			.artist = column_str(q, 2),
			.year = sqlite3_column_int64(q, 3),
			.date = column_str(q, 4),
			.version = (uint64_t)sqlite3_column_int64(q, 5),
			.at = sqlite3_column_int64(q, 6),
		};
		r = fn(arg, &row);
		sqlite3_reset(q);
		return r;
	}
	return r < 0 ? r : -ENOENT;
}

/** Rows of (id, root, dir, name, size, mtime [, state], fields). */
static int media_rows(struct store *s, sqlite3_stmt *q, unsigned of, store_media_fn *fn, void *arg)
{
	struct media media;
	int r;
	media_init(&media);
	while ((r = store_step(s, q)) > 0) {
		media_reset(&media);
		bool has_state = of == OF_VOLUME;
		r = store_column_media(s, q, has_state ? 7 : 6, of, &media);
		if (r < 0)
			break;
		struct store_media row = {
			.id = sqlite3_column_int64(q, 0),
			.root = column_bytes(q, 1),
			.dir = column_bytes(q, 2),
			.name = column_bytes(q, 3),
			.size = sqlite3_column_int64(q, 4),
			.mtime = sqlite3_column_int64(q, 5),
			.is_bad = has_state && sqlite3_column_int(q, 6) != 0,
			.media = &media,
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	media_clear(&media);
	return r;
}

int store_album_tracks(struct store *s, int64_t album, store_media_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_album_tracks);
	sqlite3_bind_int64(q, 1, album);
	return media_rows(s, q, OF_TRACK, fn, arg);
}

int store_album_names(struct store *s, int64_t album, store_media_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_album_names);
	sqlite3_bind_int64(q, 1, album);
	return media_rows(s, q, OF_TRACK, fn, arg);
}

int store_export_tracks(struct store *s, store_media_fn *fn, void *arg)
{
	return media_rows(s, store_stmt(s, SQL_export_tracks), OF_TRACK, fn, arg);
}

int store_export_volumes(struct store *s, store_media_fn *fn, void *arg)
{
	return media_rows(s, store_stmt(s, SQL_export_volumes), OF_VOLUME, fn, arg);
}

int store_file_media(struct store *s, int64_t file, unsigned of, struct media *m)
{
	sqlite3_stmt *q = store_stmt(s, of == OF_TRACK ? SQL_track_get : SQL_volume_get);
	sqlite3_bind_int64(q, 1, file);
	int r = store_step(s, q);
	if (r > 0)
		r = store_column_media(s, q, 0, of, m);
	else if (r == 0)
		r = -ENOENT;
	sqlite3_reset(q);
	return r;
}

int store_verify(struct store *s, store_verify_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_verify_list);
	int r;
	while ((r = store_step(s, q)) > 0) {
		r = fn(arg, column_bytes(q, 0), column_str(q, 1));
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/** The path of three parts that @q answers. */
static int path_of(struct store *s, sqlite3_stmt *q, int64_t id, struct buf *path)
{
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	for (int i = 0; i < 3 && r > 0; i++) {
		struct bytes part = column_bytes(q, i);
		if (part.len && path->len && path->data[path->len - 1] != '/')
			buf_addc(path, '/');
		buf_add(path, part.data, part.len);
	}
	sqlite3_reset(q);
	return r > 0 ? path->error : r < 0 ? r : -ENOENT;
}

int store_file_path(struct store *s, int64_t id, struct buf *path)
{
	return path_of(s, store_stmt(s, SQL_file_path), id, path);
}

int store_album_cover(struct store *s, int64_t album, struct buf *path)
{
	return path_of(s, store_stmt(s, SQL_album_cover_path), album, path);
}

int store_file_times(struct store *s, int64_t id, int64_t *mtime)
{
	sqlite3_stmt *q = store_stmt(s, SQL_file_times);
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	*mtime = r > 0 ? sqlite3_column_int64(q, 0) : 0;
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

/* --- series --- */

int store_series_list(struct store *s, int64_t after, store_item_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_series_list);
	sqlite3_bind_int64(q, 1, after);
	return item_rows(s, q, fn, arg);
}

int store_series_find(struct store *s, const char *shown, int64_t *id)
{
	return find_shown(s, store_stmt(s, SQL_series_shown), 1, SHOWN_FOLDED, shown, id);
}

int store_series_titled(struct store *s, const char *title, int64_t *id)
{
	_buf_ struct buf key = BUF_INIT(16384);
	int r = text_fold_title(title, strlen(title), &key);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_series_find);
	bind_text(q, 1, buf_str(&key), key.len);
	r = store_step(s, q);
	*id = r > 0 ? sqlite3_column_int64(q, 0) : 0;
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int store_series(struct store *s, int64_t id, store_series_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_series_get);
	sqlite3_bind_int64(q, 1, id);
	int r = store_step(s, q);
	if (r > 0) {
		struct store_series row = {
			.id = sqlite3_column_int64(q, 0),
			.title = column_str(q, 1),
			.shown = column_str(q, 2),
			.total = sqlite3_column_int64(q, 3),
			.total_source = column_str(q, 4),
			.user_total = sqlite3_column_int64(q, 5),
			.version = (uint64_t)sqlite3_column_int64(q, 6),
			.at = sqlite3_column_int64(q, 7),
			.owned = column_str(q, 8),
		};
		r = fn(arg, &row);
		sqlite3_reset(q);
		return r;
	}
	return r < 0 ? r : -ENOENT;
}

int store_series_volumes(struct store *s, int64_t series, store_media_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_series_volumes);
	sqlite3_bind_int64(q, 1, series);
	return media_rows(s, q, OF_VOLUME, fn, arg);
}

/** Parameters 2 and 3: that volume, -1 all. */
static void bind_range(sqlite3_stmt *q, int64_t volume)
{
	sqlite3_bind_int64(q, 2, volume < 0 ? INT64_MIN : volume);
	sqlite3_bind_int64(q, 3, volume < 0 ? INT64_MAX : volume);
}

/** Fills in the request for row->volume from @q, which stands at one (*more) and only moves upwards. */
static int join_request(struct store *s, sqlite3_stmt *q, int *more, struct store_missing *row)
{
	while (*more > 0 && sqlite3_column_int64(q, 0) < row->volume)
		*more = store_step(s, q);
	bool has = *more > 0 && sqlite3_column_int64(q, 0) == row->volume;
	row->request = has ? sqlite3_column_int64(q, 1) : 0;
	row->request_state = has ? column_str(q, 2) : "";
	row->handed = has ? sqlite3_column_int64(q, 3) : 0;
	row->best = has ? column_str(q, 4) : "";
	return *more < 0 ? *more : 0;
}

/** The missing volumes of the series that @series stands at; volume -1: all.  *found: any.  They and the requests
 * are read side by side: most have none, and looking for each takes longer than all else. */
static int missing_of(struct store *s, sqlite3_stmt *series, int64_t volume, bool *found,
		      store_missing_fn *fn, void *arg)
{
	sqlite3_stmt *v = store_stmt(s, SQL_missing_volumes), *q = store_stmt(s, SQL_missing_requests);
	struct store_missing row = {
		.series_id = sqlite3_column_int64(series, 0),
		.series = column_str(series, 2),
		.shown = column_str(series, 3),
		.monitored = sqlite3_column_type(series, 4) == SQLITE_NULL ? -1 : sqlite3_column_int(series, 4),
		.searched_at = sqlite3_column_int64(series, 5),
	};
	int r;
	sqlite3_bind_int64(v, 1, row.series_id);
	bind_str(q, 1, column_str(series, 1));
	bind_range(v, volume);
	bind_range(q, volume);
	int more = store_step(s, q);
	while ((r = store_step(s, v)) > 0) {
		*found = true;
		row.volume = sqlite3_column_int64(v, 0);
		row.kind = column_str(v, 1);
		row.state = column_str(v, 2);
		row.since = sqlite3_column_int64(v, 3);
		r = join_request(s, q, &more, &row);
		if (r == 0)
			r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(v);
	sqlite3_reset(q);
	return r;
}

static int each_missing(struct store *s, int64_t series, int64_t volume, bool *found,
			store_missing_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, series ? SQL_missing_series_one : SQL_missing_series_all);
	int r;
	if (series)
		sqlite3_bind_int64(q, 1, series);
	while ((r = store_step(s, q)) > 0) {
		r = missing_of(s, q, volume, found, fn, arg);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_missing(struct store *s, int64_t series, store_missing_fn *fn, void *arg)
{
	bool found = false;
	return each_missing(s, series, -1, &found, fn, arg);
}

int store_missing_one(struct store *s, int64_t series, int64_t volume, store_missing_fn *fn, void *arg)
{
	bool found = false;
	int r = each_missing(s, series, volume, &found, fn, arg);
	return r < 0 || found ? r : -ENOENT;
}

int store_missing_counts(struct store *s, int64_t most, store_missing_count_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_missing_counts);
	int r;
	sqlite3_bind_int64(q, 1, most);
	while ((r = store_step(s, q)) > 0) {
		const struct store_missing_count row = {
			.id = sqlite3_column_int64(q, 0), .title = column_str(q, 1), .shown = column_str(q, 2),
			.count = sqlite3_column_int64(q, 3), .since = sqlite3_column_int64(q, 4), .owned = column_str(q, 5),
			.total = sqlite3_column_int64(q, 6),
			.monitored = sqlite3_column_type(q, 7) == SQLITE_NULL ? -1 : sqlite3_column_int(q, 7),
		};
		r = fn(arg, &row);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

int store_missing_series_count(struct store *s, int64_t *n)
{
	return store_one_number(s, store_stmt(s, SQL_missing_series_count), n);
}

int store_missing_names(struct store *s, int64_t series, int64_t after, store_item_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_missing_names);
	sqlite3_bind_int64(q, 1, series);
	sqlite3_bind_int64(q, 2, after);
	return item_rows(s, q, fn, arg);
}

int store_missing_find(struct store *s, int64_t series, int64_t volume, int64_t *row)
{
	sqlite3_stmt *q = store_stmt(s, SQL_missing_find);
	sqlite3_bind_int64(q, 1, series);
	sqlite3_bind_int64(q, 2, volume);
	return store_one_number(s, q, row);
}

int store_missing_row(struct store *s, int64_t row, int64_t *series, int64_t *volume, uint64_t *version,
		      int64_t *at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_missing_row);
	sqlite3_bind_int64(q, 1, row);
	int r = store_step(s, q);
	if (r > 0) {
		*series = sqlite3_column_int64(q, 0);
		*volume = sqlite3_column_int64(q, 1);
		*version = (uint64_t)sqlite3_column_int64(q, 2);
		*at = sqlite3_column_int64(q, 3);
	}
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}
