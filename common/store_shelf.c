/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_shelf.h"

#include <errno.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/store_ids.h"
#include "common/text.h"

/** A shelf has one place, by the hash of its key; who comes later takes it. */
enum { PLACES = 4096 };

struct shelves {
	struct shelf place[PLACES];
};

static struct shelf *place_of(struct store *s, enum row_kind kind, const char *key, uint64_t *hash)
{
	if (!s->shelves)
		s->shelves = calloc(1, sizeof *s->shelves);
	*hash = text_hash(key, strlen(key)) + (uint64_t)kind;
	return s->shelves ? &s->shelves->place[*hash % PLACES] : NULL;
}

static void forget(struct shelf *shelf)
{
	free(shelf->key);
	*shelf = (struct shelf){0};
}

static struct shelf *place_with(struct store *s, int64_t id)
{
	for (size_t i = 0; s->shelves && i < PLACES; i++)
		if (s->shelves->place[i].id == id)
			return &s->shelves->place[i];
	return NULL;
}

static int ask(struct store *s, struct shelf *shelf)
{
	sqlite3_stmt *q = store_stmt(s, SQL_shelf_find);
	sqlite3_bind_int(q, 1, shelf->kind);
	bind_str(q, 2, shelf->key);
	return store_returning(s, q, &shelf->id);
}

static int make(struct store *s, struct shelf *shelf, const char *name)
{
	_buf_ struct buf shown = BUF_INIT(1024), key = BUF_INIT(4096);
	sqlite3_stmt *q = store_stmt(s, SQL_shelf_shown);
	sqlite3_bind_int(q, 1, shelf->kind);
	int r = store_unique_name(s, q, 2, NAME_FOLDED, name, &shown, &key);
	if (r == 0)
		r = store_new_id(s, NUMBERED_shelf, &shelf->id);
	if (r < 0)
		return r;
	q = store_stmt(s, SQL_shelf_add);
	sqlite3_bind_int(q, 1, shelf->kind);
	bind_str(q, 2, shelf->key);
	bind_str(q, 3, name);
	bind_text(q, 4, buf_str(&shown), shown.len);
	bind_text(q, 5, buf_str(&key), key.len);
	sqlite3_bind_int64(q, 6, s->generation);
	sqlite3_bind_int64(q, 7, s->started_at);
	sqlite3_bind_int64(q, 8, shelf->id);
	shelf->touched = s->generation;
	shelf->is_new = true;
	return store_run(s, q);
}

int store_shelf_get(struct store *s, enum row_kind kind, const char *key, const char *name, struct shelf **out)
{
	uint64_t hash;
	struct shelf *shelf = place_of(s, kind, key, &hash);
	if (!shelf)
		return -ENOMEM;
	*out = shelf;
	if (shelf->key && shelf->hash == hash && shelf->kind == kind && strcmp(shelf->key, key) == 0)
		return 0;
	forget(shelf);
	*shelf = (struct shelf){.kind = kind, .key = strdup(key), .hash = hash};
	int r = shelf->key ? ask(s, shelf) : -ENOMEM;
	if (r == -ENOENT)
		r = make(s, shelf, name);
	if (r < 0)
		forget(shelf);
	return r;
}

static int touch_row(struct store *s, int64_t id)
{
	sqlite3_stmt *q = store_stmt(s, SQL_shelf_touch);
	sqlite3_bind_int64(q, 1, s->generation);
	sqlite3_bind_int64(q, 2, s->started_at);
	sqlite3_bind_int64(q, 3, id);
	return store_run(s, q);
}

int store_shelf_touch(struct store *s, struct shelf *shelf)
{
	if (shelf->touched == s->generation)
		return 0;
	int r = touch_row(s, shelf->id);
	if (r == 0)
		shelf->touched = s->generation;
	return r;
}

void store_shelf_changed_tracks(struct store *s, int64_t id)
{
	struct shelf *shelf = place_with(s, id);
	if (shelf)
		shelf->has_tracks = false;
}

int store_shelf_changed(struct store *s, int64_t id)
{
	store_shelf_changed_tracks(s, id);
	return touch_row(s, id);
}

void store_shelf_forget(struct store *s, int64_t id)
{
	struct shelf *shelf = place_with(s, id);
	if (shelf)
		forget(shelf);
}

void store_shelf_forget_all(struct store *s)
{
	for (size_t i = 0; s->shelves && i < PLACES; i++)
		forget(&s->shelves->place[i]);
	free(s->shelves);
	s->shelves = NULL;
}
