/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The index is a private SQLite file that nobody else sees and that is gone with this process
 * (it lives in memory up to its cache, then in the folder for temporary files).
 *
 * Names of one series differ in little more than their numbers: they are kept once, as stems, in
 * which every number is a 0.  A trigram table finds stems, `spot` the rows that have them.  Threads
 * are stems too, with their numbers as they are.  A title with numbers is looked for in both ways,
 * and in the rows themselves at last.
 *
 * Rows that were added are added to the index; when any other thing seems to have happened, it is
 * made anew.  A row that was changed in place is found under its old name for a day at most.
 */
#include "common/store_links.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/store_foreign.h"
#include "common/store_links_index.h"
#include "common/text.h"
#include "common/vec.h"

enum {
	/** Rows that are read in one go: its program can write in between. */
	CHUNK = 20000,
	/** Rows that are looked at: more than are given, as not all have the numbers of a title. */
	LOOKED_AT_MAX = 3000,
	/** Bytes of a name that count. */
	FOLDED_MAX = 2048,
};

#define TRUSTED_NS (INT64_C(24) * 3600 * NS_PER_S)

struct links {
	char *path;
	links_name_fn *name;
	struct links_index *index;
	/** What the index was made of, and when (monotonic) as a whole. */
	struct foreign_look look;
	bool is_settled;
	int64_t made_at;
	/** Rows that were read, broken ones too, and the last of them. */
	int64_t rows, last;
};

static const char TABLE[] = "ed2k_links";
static const char *const COLUMNS[] = {"link", "thread_title", "thread_url", "forum_category",
				      "date_scraped"};

int links_new(const char *path, links_name_fn *name, struct links **out)
{
	struct links *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->name = name;
	l->path = strdup(path);
	if (!l->path) {
		links_free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void links_free(struct links *l)
{
	if (!l)
		return;
	links_index_free(l->index);
	free(l->path);
	free(l);
}

/* --- the table --- */

/** SELECT of the columns that are there, "" for the others, with what follows. */
static int prepare(struct foreign *f, const char *rest, sqlite3_stmt **q)
{
	unsigned has;
	_buf_ struct buf sql = BUF_INIT(1024);
	int r = foreign_columns(f, TABLE, COLUMNS, COUNT_OF(COLUMNS), &has);
	if (r < 0)
		return r;
	buf_adds(&sql, "SELECT rowid");
	for (size_t i = 0; i < COUNT_OF(COLUMNS); i++)
		buf_addf(&sql, ", %s", has & 1U << i ? COLUMNS[i] : "''");
	buf_addf(&sql, " FROM %s %s", TABLE, rest);
	return foreign_errno(f, sqlite3_prepare_v2(f->db, buf_str(&sql), -1, q, NULL));
}

static const char *text_at(sqlite3_stmt *q, int i)
{
	const char *text = (const char *)sqlite3_column_text(q, i);
	return text ? text : "";
}

static struct link_row row_of(sqlite3_stmt *q)
{
	struct link_row row = {
		.id = sqlite3_column_int64(q, 0),
		.link = text_at(q, 1),
		.link_len = (size_t)sqlite3_column_bytes(q, 1),
		.thread_title = text_at(q, 2),
		.thread_url = text_at(q, 3),
		.forum_category = text_at(q, 4),
		.date_scraped = text_at(q, 5),
	};
	return row;
}

/** Calls @fn for each row of a prepared statement, which is reset. */
static int each(struct foreign *f, sqlite3_stmt *q, links_fn *fn, void *arg)
{
	int r = 0, rc = SQLITE_ROW;
	while (r == 0 && rc == SQLITE_ROW) {
		rc = sqlite3_step(q);
		if (rc == SQLITE_ROW) {
			struct link_row row = row_of(q);
			r = fn(arg, &row);
		}
	}
	sqlite3_reset(q);
	return r != 0 ? r : foreign_errno(f, rc);
}

static int ask_number(struct foreign *f, const char *sql, int64_t id, int64_t *out)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(f->db, sql, -1, &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(q, 1, id);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return foreign_errno(f, rc);
}

/* --- keeping the index --- */

struct filling {
	struct links *l;
	struct buf name, folded, stem, thread, thread_stem;
	int64_t thread_id;
	size_t count;
};

/** Folded, and every number a 0, but for the one it begins with: that may be the title ("86"). */
static int add_stem(const char *folded, size_t n, struct buf *out)
{
	bool was_digit = false;
	size_t first = strspn(folded, "0123456789");
	buf_add(out, folded, first);
	for (size_t i = first; i < n; i++) {
		bool is_digit = folded[i] >= '0' && folded[i] <= '9';
		if (!is_digit || !was_digit)
			buf_addc(out, is_digit ? '0' : folded[i]);
		was_digit = is_digit;
	}
	return buf_error(out);
}

static void fold(const char *text, size_t n, struct buf *out)
{
	buf_reset(out);
	/* bytes that are no UTF-8 are of a page in Latin-1 */
	_buf_ struct buf utf8 = BUF_INIT(8192);
	size_t kept = text_cut(text, n, FOLDED_MAX);
	if (text_is_utf8(text, kept))
		buf_add(&utf8, text, kept);
	else
		text_from_latin1(text, kept, &utf8);
	text_fold_title(buf_str(&utf8), utf8.len, out);
}

/** Rows of one thread follow one another: it is looked up once. */
static int thread_of(struct filling *g, const char *title)
{
	if (g->thread_id && strcmp(buf_str(&g->thread), title) == 0)
		return 0;
	g->thread_id = 0;
	buf_reset(&g->thread);
	buf_adds(&g->thread, title);
	fold(title, strlen(title), &g->thread_stem);
	if (!g->thread_stem.len)
		return 0;
	return links_index_stem(g->l->index, &g->thread_stem, &g->thread_id);
}

static int add_row(void *arg, const struct link_row *row)
{
	struct filling *g = arg;
	int64_t stem = 0;
	g->count++;
	g->l->rows++;
	g->l->last = row->id;
	buf_reset(&g->name);
	buf_reset(&g->stem);
	if (g->l->name(row->link, row->link_len, &g->name) < 0)
		return 0;
	fold(buf_str(&g->name), g->name.len, &g->folded);
	int r = add_stem(buf_str(&g->folded), g->folded.len, &g->stem);
	if (r == 0)
		r = links_index_stem(g->l->index, &g->stem, &stem);
	if (r == 0)
		r = links_index_spot(g->l->index, stem, row->id);
	if (r == 0)
		r = thread_of(g, row->thread_title);
	return r == 0 && g->thread_id ? links_index_spot(g->l->index, g->thread_id, row->id) : r;
}

/** Adds the rows that come after those in the index. */
static int append(struct links *l, struct foreign *f)
{
	struct filling g = {.l = l, .name = BUF_INIT(8192), .folded = BUF_INIT(1 << 15),
			    .stem = BUF_INIT(1 << 15), .thread = BUF_INIT(1 << 24),
			    .thread_stem = BUF_INIT(1 << 15)};
	sqlite3_stmt *q = NULL;
	int r = prepare(f, "WHERE rowid > ? ORDER BY rowid LIMIT ?", &q);
	do {
		g.count = 0;
		if (r == 0) {
			sqlite3_bind_int64(q, 1, l->last);
			sqlite3_bind_int64(q, 2, CHUNK);
			r = each(f, q, add_row, &g);
		}
	} while (r == 0 && g.count == CHUNK);
	sqlite3_finalize(q);
	buf_clear(&g.name);
	buf_clear(&g.folded);
	buf_clear(&g.stem);
	buf_clear(&g.thread);
	buf_clear(&g.thread_stem);
	return r;
}

static void forget(struct links *l)
{
	links_index_free(l->index);
	l->index = NULL;
	l->rows = 0;
	/* ids may be negative */
	l->last = INT64_MIN;
}

static int make(struct links *l, struct foreign *f)
{
	if (!l->index) {
		int r = links_index_new(&l->index);
		if (r < 0)
			return r;
		l->made_at = mono_ns();
	}
	int r = links_index_begin(l->index);
	if (r == 0)
		r = append(l, f);
	return r == 0 ? links_index_commit(l->index) : r;
}

/** Whether rows that are in the index went away. */
static int has_lost(struct links *l, struct foreign *f)
{
	int64_t count = 0;
	int r = ask_number(f, "SELECT count(*) FROM ed2k_links WHERE rowid <= ?", l->last, &count);
	return r < 0 ? r : count != l->rows;
}

static bool is_current(const struct links *l, const struct foreign *f)
{
	return l->index && l->is_settled && memcmp(&l->look, &f->look, sizeof l->look) == 0;
}

/** The index is of the file as it is now, or -errno. */
static int refresh(struct links *l, struct foreign *f)
{
	if (is_current(l, f))
		return 0;
	bool is_same = l->index && l->look.device == f->look.device &&
		       l->look.inode == f->look.inode && mono_ns() - l->made_at < TRUSTED_NS;
	int lost = is_same ? has_lost(l, f) : 0;
	if (lost < 0)
		return lost;
	if (!is_same || lost)
		forget(l);
	int r = make(l, f);
	if (r == 0 && foreign_is_disturbed(f)) {
		snprintf(f->why, 256, "%.200s is being changed", l->path);
		r = -EBUSY;
	}
	if (r < 0) {
		forget(l);
		return r;
	}
	l->look = f->look;
	l->is_settled = f->is_settled;
	return 0;
}

/* --- finding --- */

/** The same question in the two ways that stems are written; without numbers they are equal. */
struct needle {
	struct buf text, stem;
	bool has_number;
};

/** As a part of a stem, in which no number comes first. */
static void add_stem_part(const struct buf *text, struct buf *out)
{
	size_t first = strspn(buf_str(text), "0123456789");
	buf_adds(out, first ? "0" : "");
	add_stem(buf_str(text) + first, text->len - first, out);
}

static bool holds(const struct needle *k, const char *text, size_t n, struct buf *folded)
{
	fold(text, n, folded);
	return memmem(buf_str(folded), folded->len, buf_str(&k->text), k->text.len) != NULL;
}

struct finding {
	struct links *l;
	const struct needle *needle;
	size_t needle_count, given;
	links_fn *fn;
	void *arg;
	/** Only with numbers: the row itself has to hold the title. */
	unsigned asked;
	struct buf name, folded;
};

static bool is_meant(struct finding *g, const struct link_row *row)
{
	for (size_t i = 0; i < g->needle_count; i++)
		if (g->asked & 1U << i && !g->needle[i].has_number)
			return true;
	buf_reset(&g->name);
	if (g->l->name(row->link, row->link_len, &g->name) < 0)
		return false;
	for (size_t i = 0; i < g->needle_count; i++) {
		const struct needle *k = &g->needle[i];
		if (!(g->asked & 1U << i))
			continue;
		if (holds(k, buf_str(&g->name), g->name.len, &g->folded) ||
		    holds(k, row->thread_title, strlen(row->thread_title), &g->folded))
			return true;
	}
	return false;
}

static int give(void *arg, const struct link_row *row)
{
	struct finding *g = arg;
	if (!is_meant(g, row))
		return 0;
	g->given++;
	return g->fn(g->arg, row);
}

static int give_hits(struct finding *g, struct foreign *f, const struct link_hit *hits, size_t n)
{
	sqlite3_stmt *q = NULL;
	int r = prepare(f, "WHERE rowid = ?", &q);
	n = n < LOOKED_AT_MAX ? n : LOOKED_AT_MAX;
	for (size_t i = 0; r == 0 && i < n && g->given < LINKS_MOST; i++) {
		sqlite3_bind_int64(q, 1, hits[i].id);
		g->asked = hits[i].needles;
		r = each(f, q, give, g);
	}
	sqlite3_finalize(q);
	return r;
}

static int find_all(struct links *l, struct finding *g, struct foreign *f)
{
	_free_ struct link_hit *hits = NULL;
	struct link_hits found = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < g->needle_count; i++) {
		const struct needle *k = &g->needle[i];
		r = links_index_find(l->index, &k->text, (unsigned)i, false, &found);
		if (r == 0 && k->has_number)
			r = links_index_find(l->index, &k->stem, (unsigned)i, true, &found);
	}
	hits = found.data;
	size_t n = links_index_rank(&found);
	return r < 0 ? r : give_hits(g, f, hits, n);
}

/** What is asked for; as many as have a bit. */
static size_t read_needles(const char *const *titles, size_t n, struct needle *out, size_t most)
{
	size_t count = 0;
	for (size_t i = 0; i < n && count < most; i++) {
		size_t length = strnlen(titles[i], LINKS_TITLE_MAX);
		struct needle *k = &out[count];
		*k = (struct needle){.text = BUF_INIT(8192), .stem = BUF_INIT(8192)};
		fold(titles[i], length, &k->text);
		add_stem_part(&k->text, &k->stem);
		k->has_number = strpbrk(buf_str(&k->text), "0123456789") != NULL;
		if (k->text.len && !buf_error(&k->text) && !buf_error(&k->stem)) {
			count++;
		} else {
			buf_clear(&k->text);
			buf_clear(&k->stem);
		}
	}
	return count;
}

/** What its program did meanwhile may look like damage. */
static int settle(struct foreign *f, int r)
{
	if (r < 0 && foreign_is_disturbed(f)) {
		snprintf(f->why, 256, "%.200s is being changed", f->path);
		r = -EBUSY;
	}
	foreign_close(f);
	return r;
}

int links_find(struct links *l, const char *const *titles, size_t n, links_fn *fn, void *arg,
	       char why[static 256])
{
	struct needle needle[32];
	struct foreign f;
	struct finding g = {.l = l, .needle = needle, .fn = fn, .arg = arg,
			    .name = BUF_INIT(8192), .folded = BUF_INIT(1 << 15)};
	why[0] = '\0';
	int r = foreign_open(l->path, &f, why);
	if (r < 0)
		return r;
	g.needle_count = read_needles(titles, n, needle, COUNT_OF(needle));
	r = refresh(l, &f);
	if (r == 0)
		r = find_all(l, &g, &f);
	for (size_t i = 0; i < g.needle_count; i++) {
		buf_clear(&needle[i].text);
		buf_clear(&needle[i].stem);
	}
	buf_clear(&g.name);
	buf_clear(&g.folded);
	if (r < 0 && !why[0])
		snprintf(why, 256, "no index of %.150s can be kept: %s", l->path, strerror(-r));
	return settle(&f, r);
}

int links_since(struct links *l, int64_t id, size_t most, links_fn *fn, void *arg, int64_t *last,
		char why[static 256])
{
	struct foreign f;
	sqlite3_stmt *q = NULL;
	*last = 0;
	why[0] = '\0';
	int r = foreign_open(l->path, &f, why);
	if (r < 0)
		return r;
	r = prepare(&f, "WHERE rowid > ? AND rowid <= ? ORDER BY rowid DESC LIMIT ?", &q);
	if (r == 0)
		r = ask_number(&f, "SELECT ifnull(max(rowid), 0) FROM ed2k_links WHERE 0 <= ?", 0, last);
	if (r == 0) {
		/* another file is there now, with fewer rows */
		sqlite3_bind_int64(q, 1, id <= *last ? id : 0);
		sqlite3_bind_int64(q, 2, *last);
		sqlite3_bind_int64(q, 3, (int64_t)most);
		r = each(&f, q, fn, arg);
	}
	sqlite3_finalize(q);
	return settle(&f, r);
}
