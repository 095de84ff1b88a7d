/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the store's file needs now and then, done while nobody writes.
 *
 * Statistics for the planner are not among it: every question finds its index without, a test sees to
 * that, and numbers that were true once could only send one another way.
 */
#include "common/store_write.h"

#include <stdio.h>

#include "common/store_dirsum.h"
#include "common/store_private.h"

bool store_lacks_indexes(const struct store *s)
{
	return s->has_history && !s->has_late_indexes;
}

int store_make_indexes(struct store *s)
{
	return store_index_late(s);
}

void store_limit_wal(struct store *s, int pages)
{
	if (s->wal_pages != pages)
		sqlite3_wal_autocheckpoint(s->db, pages);
	s->wal_pages = pages;
}

int store_tidy(struct store *s)
{
	int e = store_lacks_indexes(s) ? store_index_late(s) : 0, r = store_sum_dirs(s);
	if (r > 0)
		return r;
	/* there may be no room for them, but for the rest */
	r = r < 0 ? r : e;
	store_limit_wal(s, WAL_PAGES);
	/* what readers still use stays for the next time */
	int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return r < 0 || rc == SQLITE_BUSY ? r : store_errno(s->db, rc);
}

int store_set_cache(struct store *s, int64_t bytes)
{
	char pragma[64];
	snprintf(pragma, sizeof pragma, "PRAGMA cache_size = -%lld", (long long)(bytes / 1024));
	return store_exec(s, pragma);
}
