/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_ids.h"

#include <stdio.h>

#include "common/store_settle.h"

static const char *const tables[] = {
#define N(name) #name,
	NUMBERED_TABLES(N)
#undef N
};

/** The greatest number that was given: also one whose row is no more. */
static int ask_last(struct store *s, enum numbered table, int64_t *last)
{
	char sql[256];
	sqlite3_stmt *q = NULL;
	snprintf(sql, sizeof sql,
		 "SELECT max(ifnull((SELECT max(id) FROM %s), 0), "
		 "ifnull((SELECT max(seq) FROM sqlite_sequence WHERE name = '%s'), 0))",
		 tables[table], tables[table]);
	int r = store_errno(s->db, sqlite3_prepare_v2(s->db, sql, -1, &q, NULL));
	if (r == 0)
		r = store_returning(s, q, last);
	sqlite3_finalize(q);
	return r;
}

int store_new_id(struct store *s, enum numbered table, int64_t *id)
{
	int64_t *last = &s->ids[table].last;
	int r = *last ? 0 : ask_last(s, table, last);
	if (r < 0)
		return r;
	*id = ++*last;
	s->ids[table].is_given = true;
	return 0;
}

int store_skip_ids(struct store *s, int64_t n)
{
	int r = 0;
	for (int t = 0; t < NUMBERED_COUNT && r == 0; t++) {
		int64_t id;
		r = store_new_id(s, (enum numbered)t, &id);
		s->ids[t].last += n;
	}
	return r;
}

static int keep(struct store *s, const char *table, int64_t last)
{
	sqlite3_stmt *q = store_stmt(s, SQL_sequence_move);
	bind_str(q, 1, table);
	sqlite3_bind_int64(q, 2, last);
	int r = store_run(s, q);
	if (r < 0 || sqlite3_changes(s->db))
		return r;
	q = store_stmt(s, SQL_sequence_add);
	bind_str(q, 1, table);
	sqlite3_bind_int64(q, 2, last);
	return store_run(s, q);
}

int store_keep_ids(struct store *s)
{
	int r = 0;
	for (int t = 0; t < NUMBERED_COUNT && r == 0; t++) {
		if (!s->ids[t].is_given)
			continue;
		r = keep(s, tables[t], s->ids[t].last);
		s->ids[t].is_given = false;
	}
	return r;
}

void store_forget_ids(struct store *s)
{
	memset(s->ids, 0, sizeof s->ids);
}

/**
 * The word goes from the text of the table; what lies in the file is the same with and without it
 * (https://www.sqlite.org/lang_altertable.html, "changes that do not affect the on-disk content").
 */
static int unnumber(struct store *s, const char *table)
{
	char sql[256];
	snprintf(sql, sizeof sql,
		 "UPDATE sqlite_schema SET sql = replace(sql, 'PRIMARY KEY AUTOINCREMENT', 'PRIMARY KEY') "
		 "WHERE type = 'table' AND name = '%s'", table);
	return store_exec(s, sql);
}

int store_to_version_6(struct store *s)
{
	int64_t version = 0;
	char sql[64];
	sqlite3_stmt *q = NULL;
	int r = store_errno(s->db, sqlite3_prepare_v2(s->db, "PRAGMA schema_version", -1, &q, NULL));
	if (r == 0)
		r = store_returning(s, q, &version);
	sqlite3_finalize(q);
	if (r == 0)
		r = store_exec(s, "PRAGMA writable_schema = ON");
	for (int t = 0; t < NUMBERED_COUNT && r == 0; t++)
		r = unnumber(s, tables[t]);
	/* whoever has read the tables' texts reads them again */
	snprintf(sql, sizeof sql, "PRAGMA schema_version = %lld", (long long)version + 1);
	if (r == 0)
		r = store_exec(s, sql);
	int e = store_exec(s, "PRAGMA writable_schema = OFF");
	return r < 0 ? r : e;
}
