/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * How the store keeps what a track has in few bytes: by common/store*.c only.
 *
 * The fields that SQL compares, orders by or adds up have columns of their own.  In these a number
 * stands for a text that can be told from what is there anyway: a title that is in the file's name,
 * the artist and title of the album, a date that is a year, a word of a list.  All other fields lie in
 * the column `more`, one behind the other, each with the number that table `field` gives its name: a new
 * row of fields.h needs no column.
 *
 * What is read is what was written, byte for byte.
 */
#ifndef COMMON_STORE_PACK_H
#define COMMON_STORE_PACK_H

#include "common/store_private.h"

/** What texts of a track's row may point to. */
struct pack_names {
	struct bytes file, album, artist;
};

/** The columns, of which the last is `more`: number and names. */
int store_pack_columns(void);
const char *store_pack_column(int i);
/** The same with a type, for CREATE TABLE. */
const char *store_pack_type(int i);

struct pack_track {
	int64_t file, album;
	int audit;
	const struct media *media;
};

/** Adds its row to table `track`.  0 or -errno. */
int store_pack_add(struct store *s, const struct pack_track *t, const struct pack_names *names);
/** Reads back {t.track} and PACK_NAMES from column @i on.  0 or -errno. */
int store_pack_read(struct store *s, sqlite3_stmt *q, int i, struct media *m);

/** Which fields {t.track} from column @i on has, without what is in them.  0 or -errno. */
int store_pack_fields(struct store *s, sqlite3_stmt *q, int i, uint64_t *set);

/** All fields that are set, as in `more`, for as long as it is kept. */
int store_pack_all(struct store *s, const struct media *m, struct buf *out);
int store_unpack_all(struct store *s, struct bytes packed, struct media *m);

/** What an index has of a file's name (23 bits), and of the folded name of an album on a shelf (47). */
int64_t store_pack_name(struct bytes name);
int64_t store_pack_shown(const struct buf *key);

/* One column of a track in a question of its own. */

/** @year: of the same row. */
void store_pack_date(sqlite3_stmt *q, int i, int64_t year, char *date, size_t size);
/** Any other one; borrowed, from @q or from @room, which has PACK_TEXT bytes. */
struct bytes store_pack_text(sqlite3_stmt *q, int i, enum field_id f, struct bytes file, char *room);
enum { PACK_TEXT = 64 };

/** Gives fields without a number one; inside a transaction of the writer. */
int store_pack_number(struct store *s);

#endif
