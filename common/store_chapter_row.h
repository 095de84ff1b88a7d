/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A row of table chapter as it is kept; between store_chapters.c and store_write_chapters.c only. */
#ifndef COMMON_STORE_CHAPTER_ROW_H
#define COMMON_STORE_CHAPTER_ROW_H

#include "common/cleanup.h"
#include "common/store_chapters.h"
#include "common/store_private.h"

/** Numbers of a row.  -1: nobody spoke of it. */
struct chapter_row {
	int64_t id;
	enum chapter_producer producer;
	enum chapter_state state;
	int attempt;
	int64_t session, started_at, changed_at, ended_at;
	int64_t found, processed, downloaded, said_downloaded, errors, said_errors, bytes, said_bytes;
	double seconds;
};

/** Reads the columns of SQL_CHAPTER_ROW. */
static inline void chapter_row_load(sqlite3_stmt *q, struct chapter_row *r)
{
	int64_t *const numbers[] = {&r->started_at, &r->changed_at, &r->ended_at, &r->found, &r->processed,
				    &r->downloaded, &r->said_downloaded, &r->errors, &r->said_errors, &r->bytes,
				    &r->said_bytes};
	r->id = sqlite3_column_int64(q, 0);
	r->producer = (enum chapter_producer)((unsigned)sqlite3_column_int(q, 1) % PRODUCER_COUNT);
	r->attempt = sqlite3_column_int(q, 5);
	r->session = sqlite3_column_int64(q, 6);
	r->state = (enum chapter_state)((unsigned)sqlite3_column_int(q, 7) % CHAPTER_STATE_COUNT);
	for (int i = 0; i < (int)COUNT_OF(numbers); i++)
		*numbers[i] = sqlite3_column_type(q, 8 + i) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 8 + i);
	r->seconds = sqlite3_column_double(q, 19);
}

static inline int64_t chapter_said(int64_t v)
{
	return v > 0 ? v : 0;
}

static inline int64_t chapter_more(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* what was counted one by one and what was told as a sum are the same pages: never added */

static inline int64_t chapter_downloaded(const struct chapter_row *r)
{
	return chapter_more(r->downloaded, r->said_downloaded);
}

static inline int64_t chapter_errors(const struct chapter_row *r)
{
	return chapter_more(r->errors, r->said_errors);
}

static inline int64_t chapter_bytes(const struct chapter_row *r)
{
	return chapter_more(r->bytes, r->said_bytes);
}

#endif
