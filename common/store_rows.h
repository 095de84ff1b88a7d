/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Walking the rows of a question; by common/store_*.c only. */
#ifndef COMMON_STORE_ROWS_H
#define COMMON_STORE_ROWS_H

#include <errno.h>

#include "common/store_private.h"

/** Hands one row to the caller's function. */
typedef int store_row_fn(sqlite3_stmt *q, void *fn, void *arg);

/** Walks the rows of a bound statement. */
static inline int store_each(struct store *s, sqlite3_stmt *q, store_row_fn *row, void *fn, void *arg)
{
	int r;
	while ((r = store_step(s, q)) > 0) {
		r = row(q, fn, arg);
		if (r)
			break;
	}
	sqlite3_reset(q);
	return r;
}

/** The same of one row: -ENOENT without. */
static inline int store_one(struct store *s, sqlite3_stmt *q, store_row_fn *row, void *fn, void *arg)
{
	int r = store_step(s, q);
	r = r > 0 ? row(q, fn, arg) : r < 0 ? r : -ENOENT;
	sqlite3_reset(q);
	return r;
}

/* a function pointer cannot be a void pointer in ISO C: it travels in a box */
#define STORE_BOX(type, f) (&(struct { type *fn; }){f})
#define STORE_UNBOX(type, box) (((const struct { type *fn; } *)(box))->fn)

#endif
