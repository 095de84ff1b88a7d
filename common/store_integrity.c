/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_integrity.h"

#include <errno.h>

#include "common/buf.h"
#include "common/store_rows.h"

const char *const VERDICT_NAMES[VERDICT_COUNT] = {
#define V(number, name, text) [number] = #name,
	VERDICTS(V)
#undef V
};

/* --- what is due --- */

static int check_row(sqlite3_stmt *q, void *fn, void *arg)
{
	const struct store_check row = {
		.file = sqlite3_column_int64(q, 0), .root = sqlite3_column_int64(q, 1),
		.dir = column_bytes(q, 2), .name = column_bytes(q, 3),
		.size = sqlite3_column_int64(q, 4), .mtime = sqlite3_column_int64(q, 5),
		.ctime = sqlite3_column_int64(q, 6), .inode = sqlite3_column_int64(q, 7),
		.tries = sqlite3_column_int(q, 8),
	};
	return STORE_UNBOX(store_check_fn, fn)(arg, &row);
}

int store_check_due(struct store *s, const struct store_check_rule *rule, int64_t after, int64_t last,
		    store_check_fn *fn, void *arg)
{
	/* a time that is to come tells of a clock, not of a copy */
	enum { SKEW_S = 300 };
	sqlite3_stmt *q = store_stmt(s, SQL_integrity_due);
	sqlite3_bind_int64(q, 1, after);
	sqlite3_bind_int64(q, 2, last);
	sqlite3_bind_int64(q, 3, rule->settled);
	sqlite3_bind_int64(q, 4, rule->again);
	sqlite3_bind_int64(q, 5, rule->now + SKEW_S * NS_PER_S);
	sqlite3_bind_int(q, 6, rule->music);
	sqlite3_bind_int(q, 7, rule->manga);
	return store_one(s, q, check_row, STORE_BOX(store_check_fn, fn), arg);
}

int store_check_oldest(struct store *s, const struct store_check_rule *rule, int64_t before, store_check_fn *fn,
		       void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_integrity_oldest);
	sqlite3_bind_int64(q, 1, before);
	sqlite3_bind_int(q, 2, rule->music);
	sqlite3_bind_int(q, 3, rule->manga);
	sqlite3_bind_int64(q, 4, rule->settled);
	return store_one(s, q, check_row, STORE_BOX(store_check_fn, fn), arg);
}

int store_check_file(struct store *s, int64_t file, store_check_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_integrity_file);
	sqlite3_bind_int64(q, 1, file);
	return store_one(s, q, check_row, STORE_BOX(store_check_fn, fn), arg);
}

int store_check_below(struct store *s, int64_t root, const char *path, size_t n, int64_t since,
		      int (*fn)(void *arg, int64_t file), void *arg)
{
	struct buf range[2] = {BUF_INIT(1 << 16), BUF_INIT(1 << 16)};
	sqlite3_stmt *q = store_stmt(s, SQL_integrity_below);
	store_bind_below(q, root, path, n, range);
	sqlite3_bind_int64(q, 5, since);
	int r;
	while ((r = store_step(s, q)) > 0) {
		r = fn(arg, sqlite3_column_int64(q, 0));
		if (r)
			break;
	}
	sqlite3_reset(q);
	store_clear_below(q, range);
	return r;
}

/* --- what is known --- */

int store_integrity_counts(struct store *s, bool waits, struct store_integrity *music, struct store_integrity *manga)
{
	sqlite3_stmt *q = store_stmt(s, waits ? SQL_integrity_counts : SQL_integrity_known);
	int r;
	*music = *manga = (struct store_integrity){0};
	while ((r = store_step(s, q)) > 0) {
		struct store_integrity *c = strcmp(column_str(q, 0), "music") == 0 ? music : manga;
		int verdict = sqlite3_column_int(q, 1);
		int64_t files = sqlite3_column_int64(q, 2), oldest = sqlite3_column_int64(q, 4);
		if (verdict < 0 || verdict >= VERDICT_COUNT) {
			c->waiting += files;
			c->waiting_bytes += sqlite3_column_int64(q, 3);
			continue;
		}
		c->files[verdict] += files;
		c->bytes += sqlite3_column_int64(q, 3);
		if (!c->oldest || oldest < c->oldest)
			c->oldest = oldest;
	}
	return r;
}

static int bad_row(sqlite3_stmt *q, void *fn, void *arg)
{
	const struct store_bad row = {
		.root = column_bytes(q, 0), .dir = column_bytes(q, 1), .name = column_bytes(q, 2),
		.size = sqlite3_column_int64(q, 3),
		.verdict = (enum verdict)(sqlite3_column_int(q, 4) % VERDICT_COUNT),
		.how = column_str(q, 5), .reason = column_str(q, 6),
		.verified_at = sqlite3_column_int64(q, 7), .since = sqlite3_column_int64(q, 8),
	};
	return STORE_UNBOX(store_bad_fn, fn)(arg, &row);
}

int store_integrity_bad(struct store *s, store_bad_fn *fn, void *arg)
{
	return store_each(s, store_stmt(s, SQL_integrity_bad), bad_row, STORE_BOX(store_bad_fn, fn), arg);
}

int store_integrity_bad_counts(struct store *s, int64_t count[static VERDICT_COUNT])
{
	sqlite3_stmt *q = store_stmt(s, SQL_integrity_bad_counts);
	int r;
	memset(count, 0, VERDICT_COUNT * sizeof *count);
	while ((r = store_step(s, q)) > 0)
		count[sqlite3_column_int(q, 0) % VERDICT_COUNT] += sqlite3_column_int64(q, 1);
	return r;
}

int store_missing_reason(struct store *s, int64_t series, int64_t volume, const char *state, struct buf *out)
{
	sqlite3_stmt *q = store_stmt(s, SQL_missing_reason);
	sqlite3_bind_int64(q, 1, series);
	sqlite3_bind_int64(q, 2, volume);
	bind_str(q, 3, state);
	int r = store_step(s, q);
	if (r > 0)
		buf_adds(out, column_str(q, 0));
	sqlite3_reset(q);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}
