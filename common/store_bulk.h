/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * New rows of files and tracks.  In a first scan, which adds as many as there are files and asks for none of them, they are
 * gathered and given to SQLite many at a time, through a virtual table: a statement for each row takes half as long again.
 * Whatever statement speaks of these tables meanwhile sees all rows (store_stmt()).
 *
 * Shared by common/store*.c only; one thread, that of the writer.
 */
#ifndef COMMON_STORE_BULK_H
#define COMMON_STORE_BULK_H

#include "common/store_private.h"

/** One value of a row. */
struct store_cell {
	enum { CELL_NULL, CELL_INT, CELL_REAL, CELL_TEXT, CELL_BLOB } type;
	union {
		int64_t i;
		double d;
		/** Borrowed. */
		struct bytes b;
	};
};

static inline struct store_cell cell_int(int64_t i)
{
	return (struct store_cell){.type = CELL_INT, .i = i};
}

static inline struct store_cell cell_blob(struct bytes b)
{
	return (struct store_cell){.type = CELL_BLOB, .b = b};
}

/*   table, its columns: as the statements NAME_add of store_sql.h list them */
#define BULK_TABLES(B) \
	B(file, 14) \
	B(track, 20)

enum bulk_table {
#define B(name, columns) BULK_##name,
	BULK_TABLES(B)
#undef B
	BULK_COUNT
};

enum {
#define B(name, columns) BULK_##name##_COLUMNS = (columns),
	BULK_TABLES(B)
#undef B
};

/** What gathers them; of the writer's connection.  0 or -errno. */
int store_bulk_open(struct store *s);
void store_bulk_close(struct store *s);

/** Adds a row; @cell: one for each column.  An error of it may also come later, from whoever asks next. */
int store_add_row(struct store *s, enum bulk_table table, const struct store_cell *cell);
/** Whether a statement speaks of these tables. */
bool store_bulk_is_asked(const char *sql);
/** Gives what was gathered to SQLite.  0 or -errno. */
int store_bulk_flush(struct store *s);
/**
 * The transaction is taken back, and with it what was gathered.  The rows of the next one are given one by one: if one of
 * them cannot be written it is known which.
 */
void store_bulk_forget(struct store *s);
/** The transaction was committed. */
void store_bulk_trust(struct store *s);

#endif
