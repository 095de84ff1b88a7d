/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_links_index.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"

/* not contents of the trigram table: the stems have them already */
static const char SCHEMA[] =
	"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384;"
	"PRAGMA locking_mode = EXCLUSIVE;"
	"CREATE TABLE stem(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
	"CREATE TABLE spot(stem INTEGER, row INTEGER, PRIMARY KEY(stem, row)) WITHOUT ROWID;"
	"CREATE VIRTUAL TABLE gram USING "
	"fts5(text, content = '', columnsize = 0, tokenize = 'trigram');";

enum statement {
	STEM_FIND,
	STEM_ADD,
	GRAM_ADD,
	SPOT_ADD,
	SPOTS,
	BY_GRAM,
	BY_SCAN,
	STATEMENT_COUNT
};

static const char *const SQL[STATEMENT_COUNT] = {
	[STEM_FIND] = "SELECT id FROM stem WHERE text = ?",
	[STEM_ADD] = "INSERT INTO stem(text) VALUES(?)",
	[GRAM_ADD] = "INSERT INTO gram(rowid, text) VALUES(?, ?)",
	[SPOT_ADD] = "INSERT OR IGNORE INTO spot(stem, row) VALUES(?, ?)",
	[SPOTS] = "SELECT row FROM spot WHERE stem = ?",
	[BY_GRAM] = "SELECT id, text FROM stem WHERE id IN (SELECT rowid FROM gram WHERE gram MATCH ?)",
	[BY_SCAN] = "SELECT id, text FROM stem WHERE instr(text, ?)",
};

enum {
	/** Of characters: fewer make no trigram. */
	GRAM = 3,
	/** Shorter titles count as words only: "air" is not in "fairy". */
	WORD_MAX = 3,
	/** Rows of one search; a title that is everywhere finds some of them. */
	HITS_MAX = 1 << 16,
	/** More where numbers stand for any: "86" as such is nearly everywhere. */
	VAGUE_MAX = 1 << 12,
};

struct links_index {
	sqlite3 *db;
	sqlite3_stmt *stmt[STATEMENT_COUNT];
};

static int failed(struct links_index *x, int rc)
{
	log_warning("index of links: %s", sqlite3_errmsg(x->db));
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	default:
		return -EIO;
	}
}

int links_index_new(struct links_index **out)
{
	struct links_index *x = calloc(1, sizeof *x);
	if (!x)
		return -ENOMEM;
	/* no name: a private file, deleted as soon as it is made */
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int rc = sqlite3_open_v2("", &x->db, flags, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(x->db, SCHEMA, NULL, NULL, NULL);
	for (int i = 0; i < STATEMENT_COUNT && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(x->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT, &x->stmt[i], NULL);
	if (rc != SQLITE_OK) {
		int r = x->db ? failed(x, rc) : -ENOMEM;
		links_index_free(x);
		return r;
	}
	*out = x;
	return 0;
}

void links_index_free(struct links_index *x)
{
	if (!x)
		return;
	for (int i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(x->stmt[i]);
	sqlite3_close(x->db);
	free(x);
}

static int run(struct links_index *x, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);
	sqlite3_reset(q);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : failed(x, rc);
}

static int exec(struct links_index *x, const char *sql)
{
	int rc = sqlite3_exec(x->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : failed(x, rc);
}

int links_index_begin(struct links_index *x)
{
	return exec(x, "BEGIN");
}

int links_index_commit(struct links_index *x)
{
	return exec(x, "COMMIT");
}

static int bind(sqlite3_stmt *q, int i, const struct buf *text)
{
	return sqlite3_bind_text(q, i, buf_str(text), (int)text->len, SQLITE_STATIC);
}

static int add_stem(struct links_index *x, const struct buf *text, int64_t *id)
{
	bind(x->stmt[STEM_ADD], 1, text);
	int r = run(x, x->stmt[STEM_ADD]);
	if (r < 0)
		return r;
	*id = sqlite3_last_insert_rowid(x->db);
	sqlite3_bind_int64(x->stmt[GRAM_ADD], 1, *id);
	bind(x->stmt[GRAM_ADD], 2, text);
	return run(x, x->stmt[GRAM_ADD]);
}

int links_index_stem(struct links_index *x, const struct buf *text, int64_t *id)
{
	sqlite3_stmt *q = x->stmt[STEM_FIND];
	bind(q, 1, text);
	int rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		*id = sqlite3_column_int64(q, 0);
	sqlite3_reset(q);
	if (rc == SQLITE_DONE)
		return add_stem(x, text, id);
	return rc == SQLITE_ROW ? 0 : failed(x, rc);
}

int links_index_spot(struct links_index *x, int64_t stem, int64_t row)
{
	sqlite3_bind_int64(x->stmt[SPOT_ADD], 1, stem);
	sqlite3_bind_int64(x->stmt[SPOT_ADD], 2, row);
	return run(x, x->stmt[SPOT_ADD]);
}

/* --- finding --- */

/** A letter of any script; a number ends a word: "naruto05". */
static bool is_letter(unsigned char c)
{
	return c >= 0x80 || (c >= 'a' && c <= 'z');
}

/** How @text stands at @at, as link_hit.rank says. */
static int rank_at(const char *stem, size_t n, size_t at, size_t len)
{
	if (at > 0 && stem[at - 1] != ' ')
		return 2;
	return at + len < n && is_letter((unsigned char)stem[at + len]) ? 1 : 0;
}

/** The best rank of all places; 3 when it is nowhere. */
static int rank_in(const char *stem, size_t n, const struct buf *text)
{
	int best = 3;
	size_t at = 0;
	while (best > 0 && at < n) {
		const char *p = memmem(stem + at, n - at, text->data, text->len);
		if (!p)
			break;
		int rank = rank_at(stem, n, (size_t)(p - stem), text->len);
		best = rank < best ? rank : best;
		at = (size_t)(p - stem) + 1;
	}
	return best;
}

static size_t characters(const struct buf *text)
{
	size_t n = 0;
	for (size_t i = 0; i < text->len; i++)
		n += ((unsigned char)text->data[i] & 0xc0) != 0x80;
	return n;
}

static int add_hits(struct links_index *x, int64_t stem, struct link_hit hit, size_t most,
		    struct link_hits *out)
{
	sqlite3_stmt *q = x->stmt[SPOTS];
	sqlite3_bind_int64(q, 1, stem);
	int r = 0, rc = sqlite3_step(q);
	while (rc == SQLITE_ROW && r == 0 && out->len < most) {
		struct link_hit *added = vec_add(out);
		hit.id = sqlite3_column_int64(q, 0);
		if (added)
			*added = hit;
		r = added ? 0 : -ENOMEM;
		rc = sqlite3_step(q);
	}
	sqlite3_reset(q);
	return r < 0 ? r : rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : failed(x, rc);
}

/** As a phrase of the trigram table: nothing in it has a meaning. */
static void quote(const struct buf *text, struct buf *out)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, text->data[i]);
	}
	buf_addc(out, '"');
}

int links_index_find(struct links_index *x, const struct buf *text, unsigned needle, bool is_vague,
		     struct link_hits *out)
{
	_buf_ struct buf phrase = BUF_INIT(1 << 15);
	size_t length = characters(text);
	sqlite3_stmt *q = x->stmt[length < GRAM ? BY_SCAN : BY_GRAM];
	/* scripts without spaces between words know no words */
	bool is_word = length <= WORD_MAX && (unsigned char)text->data[0] < 0x80;
	quote(text, &phrase);
	if (buf_error(&phrase))
		return buf_error(&phrase);
	bind(q, 1, length < GRAM ? text : &phrase);
	size_t most = is_vague ? out->len + VAGUE_MAX : HITS_MAX;
	int r = 0, rc = sqlite3_step(q);
	while (r == 0 && rc == SQLITE_ROW && out->len < most) {
		struct link_hit hit = {.needles = 1U << needle};
		hit.rank = rank_in((const char *)sqlite3_column_text(q, 1),
				   (size_t)sqlite3_column_bytes(q, 1), text);
		bool is_hit = hit.rank < (is_word ? 1 : 3);
		hit.rank += is_vague ? 3 : 0;
		if (is_hit)
			r = add_hits(x, sqlite3_column_int64(q, 0), hit, most, out);
		rc = sqlite3_step(q);
	}
	sqlite3_reset(q);
	return r < 0 ? r : rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : failed(x, rc);
}

static int by_id(const void *a, const void *b)
{
	const struct link_hit *x = a, *y = b;
	return (x->id < y->id) - (x->id > y->id);
}

static int by_rank(const void *a, const void *b)
{
	const struct link_hit *x = a, *y = b;
	return x->rank != y->rank ? x->rank - y->rank : by_id(a, b);
}

size_t links_index_rank(struct link_hits *hits)
{
	size_t n = 0;
	if (!hits->len)
		return 0;
	qsort(hits->data, hits->len, sizeof *hits->data, by_id);
	for (size_t i = 1; i < hits->len; i++) {
		struct link_hit *last = &hits->data[n], *hit = &hits->data[i];
		if (hit->id != last->id) {
			hits->data[++n] = *hit;
			continue;
		}
		last->needles |= hit->needles;
		last->rank = hit->rank < last->rank ? hit->rank : last->rank;
	}
	hits->len = n + 1;
	qsort(hits->data, hits->len, sizeof *hits->data, by_rank);
	return hits->len;
}
