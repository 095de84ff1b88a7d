/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A store with a little of everything, made through the writer's own functions. */
#ifndef TESTS_UNIT_STORE_FILL_H
#define TESTS_UNIT_STORE_FILL_H

#include "tests/unit/unit.h"

#include "common/cleanup.h"
#include "common/store_private.h"
#include "common/store_write.h"
#include "indexer/monitor/monitor_missing.h"

struct filler {
	struct store *s;
	int64_t music, manga;
	int64_t albums[256], series[256], dirs[256];
	size_t n;
	/** Of what is put: a picture lies beside it. */
	bool cover;
};

static inline void fill_touched(struct filler *f, const struct store_touched *t)
{
	for (int i = 0; i < 2; i++) {
		f->albums[f->n] = t->album[i];
		f->series[f->n] = t->series[i];
		f->dirs[f->n++] = t->is_dir_settled ? 0 : t->dir;
		assert_true(f->n < COUNT_OF(f->dirs));
	}
}

/** The first column of the first row of a question. */
static inline int64_t fill_number(struct store *s, const char *sql)
{
	sqlite3_stmt *q = NULL;
	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK || sqlite3_step(q) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(s->db));
	int64_t v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return v;
}

static inline void fill_ignore(void *arg, int64_t album)
{
	struct filler *f = arg;
	f->albums[f->n] = album;
	f->series[f->n] = 0;
	f->dirs[f->n++] = 0;
	assert_true(f->n < COUNT_OF(f->dirs));
}

static inline int64_t fill_put(struct filler *f, int64_t root, unsigned of, const char *dir,
			       const char *name, const struct media *m, const char *error)
{
	struct store_touched t;
	struct store_put put = {
		.root = root, .job = 1, .dir = {dir, strlen(dir)}, .name = {name, strlen(name)},
		.size = 1000, .mtime = 1234567890123456789, .ctime = 2, .inode = 3, .of = of,
		.media = m, .cover = f->cover, .error_kind = error, .error_reason = error ? "it is damaged" : "",
		.tries = error != NULL,
	};
	assert_int_equal(store_put_file(f->s, &put, &t), 0);
	fill_touched(f, &t);
	return t.file;
}

static inline void fill_list(struct media *m, enum field_id id, const char *value)
{
	while (*value) {
		size_t n = strcspn(value, "\x1f");
		media_add_text(m, id, value, n);
		value += n + (value[n] != '\0');
	}
}

/** @fields: "title=X", … up to NULL; numbers and texts by the field's kind. */
static inline int64_t fill_media(struct filler *f, unsigned of, const char *dir, const char *name,
				 const char *const *fields)
{
	struct media m;
	media_init(&m);
	for (; *fields; fields++)
		for (int i = 0; i < FIELD_COUNT; i++) {
			enum field_id id = (enum field_id)i;
			size_t n = strlen(FIELDS_TABLE[i].name);
			const char *value = *fields + n + 1;
			if (strncmp(*fields, FIELDS_TABLE[i].name, n) != 0 || (*fields)[n] != '=')
				continue;
			if (FIELDS_TABLE[i].kind == KIND_JSON)
				media_set_json(&m, id, value, strlen(value));
			else if (FIELDS_TABLE[i].kind == KIND_LIST)
				fill_list(&m, id, value);
			else if (field_is_text(id))
				media_set_text(&m, id, value, strlen(value));
			else if (field_is_real(id))
				media_set_real(&m, id, strtod(value, NULL));
			else
				media_set_int(&m, id, strtoll(value, NULL, 10));
		}
	int64_t file = fill_put(f, of == OF_TRACK ? f->music : f->manga, of, dir, name, &m, NULL);
	media_clear(&m);
	return file;
}

#define FIELDS_OF(...) ((const char *const[]){__VA_ARGS__, NULL})

/** Each is settled once, as the writer does it. */
static inline bool fill_is_first(const int64_t *ids, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (ids[k] == ids[i])
			return false;
	return ids[i] != 0;
}

static inline void fill_settle(struct filler *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->dirs[i])
			assert_int_equal(store_settle_dir(f->s, f->dirs[i], fill_ignore, f), 0);
	for (size_t i = 0; i < f->n; i++)
		if (fill_is_first(f->albums, i))
			assert_int_equal(store_settle_album(f->s, f->albums[i]), 0);
	for (size_t i = 0; i < f->n; i++)
		if (f->series[i])
			assert_int_equal(store_settle_series(f->s, f->series[i], 1, monitor_missing), 0);
	f->n = 0;
}

static inline void fill_begin(struct filler *f, const char *dir)
{
	char why[256];
	*f = (struct filler){0};
	if (store_open_writer(dir, &f->s, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(store_begin_write(f->s), 0);
	assert_int_equal(store_put_root(f->s, "music", "music", "/srv/music", &f->music), 0);
	assert_int_equal(store_put_root(f->s, "manga", "manga", "/srv/manga", &f->manga), 0);
}

static inline uint64_t fill_commit(struct filler *f)
{
	uint64_t generation;
	fill_settle(f);
	assert_int_equal(store_commit(f->s, &generation), 0);
	return generation;
}

/** A snapshot with a text and its twin; the row's id, 0 when it was not kept. */
static inline int64_t fill_history(struct filler *f, int64_t time, uint64_t version,
				   const char *text, const char *json)
{
	int64_t id;
	struct snapshot *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->time = time;
	s->version = version;
	assert_int_equal(snapshot_pack(s, "missing", 7, text, strlen(text)), 0);
	assert_int_equal(snapshot_pack(s, "missing.json", 12, json, strlen(json)), 0);
	assert_int_equal(store_add_history(f->s, s, &id), 0);
	snapshot_free(s);
	return id;
}

/** Two albums, two series, an error, a job, a run, events, a snapshot. */
static inline void fill_all(struct filler *f, const char *dir)
{
	struct run run = {.job = 1, .order = "rescan all", .mode = "quick", .started_at = 1, .ended_at = 2};
	int64_t job;
	fill_begin(f, dir);
	fill_media(f, OF_TRACK, "A/One", "01.flac",
		   FIELDS_OF("title=First / Song", "artist=A", "album=One", "album_artist=A", "track=1",
			     "year=1999", "date=1999-01-02", "genre=Rock", "duration_seconds=2.5"));
	fill_media(f, OF_TRACK, "A/One", "02.flac",
		   FIELDS_OF("title=Second", "artist=A\x1f" "B", "album=One", "album_artist=A", "track=2",
			     "year=1999", "genre=Rock"));
	fill_media(f, OF_TRACK, "V", "x.mp3",
		   FIELDS_OF("title=X", "artist=B", "album=Two", "album_artist=Various Artists", "year=2001"));
	fill_media(f, OF_VOLUME, "S", "S v01.cbz",
		   FIELDS_OF("series=S", "volume=1", "kind=volume", "pages=3", "comicinfo={\"Series\": \"S\"}"));
	fill_media(f, OF_VOLUME, "S", "S v03.cbz", FIELDS_OF("series=S", "volume=3", "kind=volume"));
	fill_media(f, OF_VOLUME, "T", "T ch 1.cbz", FIELDS_OF("series=T", "chapter=1", "kind=chapter"));
	struct media empty;
	media_init(&empty);
	fill_put(f, f->music, OF_TRACK, "bad", "zero.flac", &empty, "corrupt");
	media_clear(&empty);
	assert_int_equal(store_add_job(f->s, "rescan all", "token", &job), 0);
	assert_int_equal(store_add_run(f->s, &run), 0);
	assert_int_equal(store_add_event(f->s, "job", "{\"job\": 1}", 10), 0);
	assert_int_equal(store_set_meta(f->s, "last_order", "2026 rescan: ok\n"), 0);
	assert_int_equal(store_recount_root(f->s, f->music), 0);
	assert_int_not_equal(fill_history(f, 1795255200 * INT64_C(1000000000), 1, "# none\n",
					  "{\n  \"items\": [],\n  \"count\": 0\n}\n"), 0);
	fill_commit(f);
}

#endif
