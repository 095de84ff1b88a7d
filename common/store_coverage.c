/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_pack.h"
#include "common/store_read.h"

static uint64_t fields_of_volume(sqlite3_stmt *q)
{
	uint64_t set = 0;
	int i = 0;
	for (int f = 0; f < FIELD_COUNT; f++)
		if (FIELDS_TABLE[f].of & OF_VOLUME && sqlite3_column_type(q, i++) != SQLITE_NULL)
			set |= UINT64_C(1) << f;
	return set;
}

static void count(struct store_coverage *c, uint64_t set)
{
	c->rows++;
	for (; set; set &= set - 1)
		c->with[__builtin_ctzll(set)]++;
}

int store_coverage(struct store *s, unsigned of, struct store_coverage *out)
{
	sqlite3_stmt *q = store_stmt(s, of == OF_TRACK ? SQL_coverage_tracks : SQL_coverage_volumes);
	int r;
	*out = (struct store_coverage){0};
	while ((r = store_step(s, q)) > 0) {
		uint64_t set = 0;
		if (of == OF_VOLUME)
			set = fields_of_volume(q);
		else if ((r = store_pack_fields(s, q, 0, &set)) < 0)
			break;
		count(out, set);
	}
	sqlite3_reset(q);
	return r;
}
