/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the tracks of an album say of it: the shelves it should stand on, its year, whether it has a picture.
 *
 * Of an album whose row is new in the running transaction all of that is known from its tracks as they came, as those of
 * a first scan do, and nobody needs to ask the store for them again.  Anything else that happens to tracks meanwhile ends
 * that knowledge.  Between common/store*.c only; one thread, that of the writer.
 */
#ifndef COMMON_STORE_FACTS_H
#define COMMON_STORE_FACTS_H

#include "common/store_private.h"
#include "common/vec.h"

/** A place where an album should stand. */
struct wish {
	enum row_kind kind;
	/** As text_fold_case() makes it, and as it is shown. */
	char *key, *name;
	int tracks;
	bool is_there;
};

/** What its row says of its tracks. */
struct album_row {
	/** 0, "": none. */
	int64_t year;
	char date[64];
	bool has_cover;
};

struct album_facts {
	VEC(struct wish) wishes;
	int64_t tracks;
	struct album_row row;
	/** What the row of a new one says by now. */
	struct album_row told;
	/** It is not known whether pictures lie beside all of its tracks. */
	bool asks_cover;
};

void album_facts_clear(struct album_facts *f);
/** @tracks more want a place on that shelf. */
void album_facts_wish(struct album_facts *f, enum row_kind kind, const char *name, size_t n, int tracks);
/** Of all its tracks that the store has.  0 or -errno. */
int album_facts_load(struct store *s, int64_t album, const char *artist, struct album_facts *f);
/** Whether a picture lies beside its tracks, when none is inside them. */
int album_facts_cover(struct store *s, int64_t album, struct album_facts *f);

/** As an album with this one track in @dir would be, as far as is known without asking; NULL: with none. */
void album_row_of(const struct store *s, int64_t dir, const struct media *m, struct album_row *row);
/** Year, date and what it lacks, from parameter @at of @q on. */
void album_row_bind(sqlite3_stmt *q, int at, const struct album_row *row);
bool album_row_is_same(const struct album_row *a, const struct album_row *b);

/** An album that has no tracks and stands nowhere, inserted as @told says. */
void store_new_album(struct store *s, int64_t album, const char *title, const char *artist, const struct album_row *told);
/** A track came into an album, new or not: that of @file in @dir. */
void store_new_track(struct store *s, int64_t album, int64_t file, int64_t dir, const struct media *m);
/** Hands out what is known of an album, once; false: the store has to be asked.  The caller owns all. */
bool store_take_album(struct store *s, int64_t album, char **title, char **artist, struct album_facts *f);
/** Its tracks change in another way. */
void store_forget_album(struct store *s, int64_t album);
/** The transaction ends. */
void store_forget_albums(struct store *s);

#endif
