/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_bulk.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/store_write.h"

enum {
	/** Of each table, given together. */
	ROWS = 128,
	/** Bytes of their texts. */
	TEXTS = 128 << 10,
};

static const struct table {
	const char *name;
	int columns;
	/** Of one row; of all that were gathered. */
	enum sql_id add, add_all;
} tables[BULK_COUNT] = {
#define B(name, columns) {"bulk_" #name, columns, SQL_##name##_add, SQL_##name##_bulk},
	BULK_TABLES(B)
#undef B
};

struct rows {
	const struct table *table;
	/** One row behind the other. */
	struct store_cell *cell;
	int n;
};

struct bulk {
	struct rows rows[BULK_COUNT];
	char text[TEXTS];
	size_t used;
	bool is_flushing, is_careful;
};

/* --- as a virtual table (https://www.sqlite.org/vtab.html) --- */

struct bulk_vtab {
	sqlite3_vtab base;
	const struct rows *rows;
};

struct bulk_cursor {
	sqlite3_vtab_cursor base;
	int at;
};

static int vtab_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **why)
{
	const struct rows *rows = aux;
	_buf_ struct buf sql = BUF_INIT(4096);
	(void)argc, (void)argv, (void)why;
	for (int i = 0; i < rows->table->columns; i++)
		buf_addf(&sql, "%sc%d", i ? ", " : "CREATE TABLE bulk(", i);
	buf_addc(&sql, ')');
	int rc = sqlite3_declare_vtab(db, buf_str(&sql));
	struct bulk_vtab *v = rc == SQLITE_OK ? calloc(1, sizeof *v) : NULL;
	if (!v)
		return rc == SQLITE_OK ? SQLITE_NOMEM : rc;
	v->rows = rows;
	*out = &v->base;
	return SQLITE_OK;
}

static int vtab_disconnect(sqlite3_vtab *v)
{
	free(v);
	return SQLITE_OK;
}

static int vtab_best_index(sqlite3_vtab *v, sqlite3_index_info *info)
{
	(void)v;
	info->estimatedCost = ROWS;
	info->estimatedRows = ROWS;
	return SQLITE_OK;
}

static int vtab_open(sqlite3_vtab *v, sqlite3_vtab_cursor **out)
{
	struct bulk_cursor *c = calloc(1, sizeof *c);
	(void)v;
	if (!c)
		return SQLITE_NOMEM;
	*out = &c->base;
	return SQLITE_OK;
}

static int vtab_close(sqlite3_vtab_cursor *c)
{
	free(c);
	return SQLITE_OK;
}

static int vtab_filter(sqlite3_vtab_cursor *c, int n, const char *name, int argc, sqlite3_value **argv)
{
	(void)n, (void)name, (void)argc, (void)argv;
	((struct bulk_cursor *)c)->at = 0;
	return SQLITE_OK;
}

static int vtab_next(sqlite3_vtab_cursor *c)
{
	((struct bulk_cursor *)c)->at++;
	return SQLITE_OK;
}

static const struct rows *rows_of(const sqlite3_vtab_cursor *c)
{
	return ((const struct bulk_vtab *)c->pVtab)->rows;
}

static int vtab_eof(sqlite3_vtab_cursor *c)
{
	return ((struct bulk_cursor *)c)->at >= rows_of(c)->n;
}

static int vtab_column(sqlite3_vtab_cursor *c, sqlite3_context *out, int i)
{
	const struct rows *rows = rows_of(c);
	const struct store_cell *cell = &rows->cell[((struct bulk_cursor *)c)->at * rows->table->columns + i];
	switch (cell->type) {
	case CELL_NULL:
		sqlite3_result_null(out);
		break;
	case CELL_INT:
		sqlite3_result_int64(out, cell->i);
		break;
	case CELL_REAL:
		sqlite3_result_double(out, cell->d);
		break;
	case CELL_TEXT:
		sqlite3_result_text(out, cell->b.data, (int)cell->b.len, SQLITE_STATIC);
		break;
	case CELL_BLOB:
		sqlite3_result_blob(out, cell->b.data, (int)cell->b.len, SQLITE_STATIC);
		break;
	}
	return SQLITE_OK;
}

static int vtab_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *id)
{
	*id = ((struct bulk_cursor *)c)->at;
	return SQLITE_OK;
}

/** Without xCreate: the table is there by its name, and nobody can make another. */
static const sqlite3_module module = {
	.xConnect = vtab_connect, .xDisconnect = vtab_disconnect, .xBestIndex = vtab_best_index,
	.xOpen = vtab_open, .xClose = vtab_close, .xFilter = vtab_filter, .xNext = vtab_next,
	.xEof = vtab_eof, .xColumn = vtab_column, .xRowid = vtab_rowid,
};

int store_bulk_open(struct store *s)
{
	int rc = SQLITE_OK;
	s->bulk = calloc(1, sizeof *s->bulk);
	for (int t = 0; s->bulk && t < BULK_COUNT && rc == SQLITE_OK; t++) {
		struct rows *rows = &s->bulk->rows[t];
		rows->table = &tables[t];
		rows->cell = calloc((size_t)ROWS * (size_t)tables[t].columns, sizeof *rows->cell);
		rc = rows->cell ? sqlite3_create_module(s->db, tables[t].name, &module, rows) : SQLITE_NOMEM;
	}
	return s->bulk ? store_errno(s->db, rc) : -ENOMEM;
}

void store_bulk_close(struct store *s)
{
	for (int t = 0; s->bulk && t < BULK_COUNT; t++)
		free(s->bulk->rows[t].cell);
	free(s->bulk);
	s->bulk = NULL;
}

/* --- gathering --- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

bool store_bulk_is_asked(const char *sql)
{
	static const char *const names[] = {
#define B(name, columns) #name,
		BULK_TABLES(B)
#undef B
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		size_t n = strlen(names[i]);
		for (const char *at = sql; (at = strstr(at, names[i])); at += n)
			if ((at == sql || !is_word(at[-1])) && !is_word(at[n]))
				return true;
	}
	return false;
}

static int give(struct store *s, struct rows *rows)
{
	int r = rows->n ? store_run(s, store_stmt(s, rows->table->add_all)) : 0;
	rows->n = 0;
	return r;
}

int store_bulk_flush(struct store *s)
{
	struct bulk *b = s->bulk;
	int r = 0;
	if (!b || b->is_flushing || s->bulk_error)
		return s->bulk_error;
	b->is_flushing = true;
	for (int t = 0; t < BULK_COUNT && r == 0; t++)
		r = give(s, &b->rows[t]);
	b->is_flushing = false;
	b->used = 0;
	s->bulk_error = r;
	return r;
}

void store_bulk_forget(struct store *s)
{
	s->bulk_error = 0;
	for (int t = 0; s->bulk && t < BULK_COUNT; t++)
		s->bulk->rows[t].n = 0;
	if (!s->bulk)
		return;
	s->bulk->used = 0;
	s->bulk->is_careful = true;
}

void store_bulk_trust(struct store *s)
{
	if (s->bulk)
		s->bulk->is_careful = false;
}

static size_t text_bytes(const struct store_cell *cell, int n)
{
	size_t bytes = 0;
	for (int i = 0; i < n; i++)
		if (cell[i].type == CELL_TEXT || cell[i].type == CELL_BLOB)
			bytes += cell[i].b.len;
	return bytes;
}

static void copy(struct bulk *b, struct rows *rows, const struct store_cell *cell)
{
	struct store_cell *to = &rows->cell[rows->n++ * rows->table->columns];
	for (int i = 0; i < rows->table->columns; i++) {
		to[i] = cell[i];
		if (cell[i].type != CELL_TEXT && cell[i].type != CELL_BLOB)
			continue;
		to[i].b.data = memcpy(b->text + b->used, cell[i].b.data, cell[i].b.len);
		b->used += cell[i].b.len;
	}
}

static int gather(struct store *s, struct rows *rows, const struct store_cell *cell, size_t bytes)
{
	struct bulk *b = s->bulk;
	int r = rows->n == ROWS || b->used + bytes > TEXTS ? store_bulk_flush(s) : 0;
	if (r == 0)
		copy(b, rows, cell);
	return r;
}

static void bind(sqlite3_stmt *q, int i, const struct store_cell *cell)
{
	switch (cell->type) {
	case CELL_NULL:
		sqlite3_bind_null(q, i);
		break;
	case CELL_INT:
		sqlite3_bind_int64(q, i, cell->i);
		break;
	case CELL_REAL:
		sqlite3_bind_double(q, i, cell->d);
		break;
	case CELL_TEXT:
		bind_text(q, i, cell->b.data, cell->b.len);
		break;
	case CELL_BLOB:
		bind_bytes(q, i, cell->b.data, cell->b.len);
		break;
	}
}

int store_add_row(struct store *s, enum bulk_table table, const struct store_cell *cell)
{
	const struct table *t = &tables[table];
	size_t bytes = text_bytes(cell, t->columns);
	bool is_many = s->bulk && !s->bulk->is_careful && store_is_first_scan(s) && bytes <= TEXTS / 2;
	if (is_many)
		return gather(s, &s->bulk->rows[table], cell, bytes);
	sqlite3_stmt *q = store_stmt(s, t->add);
	for (int i = 0; i < t->columns; i++)
		bind(q, i + 1, &cell[i]);
	return store_run(s, q);
}
