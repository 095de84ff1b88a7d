/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/store_chapters.h"

#include <errno.h>

#include "common/store_chapter_row.h"
#include "common/store_rows.h"

const char *const CHAPTER_STATE_NAMES[CHAPTER_STATE_COUNT] = {
#define S(name, help) [CHAPTER_##name] = #name,
	CHAPTER_STATES(S)
#undef S
};

const char *const CHAPTER_PRODUCER_NAMES[PRODUCER_COUNT] = {
#define P(name, help) [PRODUCER_##name] = #name,
	CHAPTER_PRODUCERS(P)
#undef P
};

static int chapter_row(sqlite3_stmt *q, void *fn, void *arg)
{
	struct chapter_row r;
	chapter_row_load(q, &r);
	const struct store_chapter row = {
		.id = r.id, .run = column_str(q, 2), .series = column_str(q, 3), .chapter = column_str(q, 4),
		.attempt = r.attempt, .session = r.session, .state = CHAPTER_STATE_NAMES[r.state],
		.producer = CHAPTER_PRODUCER_NAMES[r.producer], .started_at = r.started_at, .changed_at = r.changed_at,
		.ended_at = r.ended_at, .images_found = chapter_said(r.found), .images_downloaded = chapter_downloaded(&r),
		.images_processed = chapter_said(r.processed), .download_errors = chapter_errors(&r),
		.bytes = chapter_bytes(&r), .seconds = r.seconds, .url = column_str(q, 20), .error = column_str(q, 21),
	};
	return STORE_UNBOX(store_chapter_fn, fn)(arg, &row);
}

int store_chapters(struct store *s, int limit, store_chapter_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapters);
	sqlite3_bind_int(q, 1, limit);
	return store_each(s, q, chapter_row, STORE_BOX(store_chapter_fn, fn), arg);
}

int store_chapters_of(struct store *s, unsigned producers, int limit, store_chapter_fn *fn, void *arg)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapters_of);
	sqlite3_bind_int(q, 1, (int)(producers & PRODUCERS_ALL));
	sqlite3_bind_int(q, 2, limit);
	return store_each(s, q, chapter_row, STORE_BOX(store_chapter_fn, fn), arg);
}

int store_chapters_total(struct store *s, int64_t *total)
{
	return store_one_number(s, store_stmt(s, SQL_chapters_total), total);
}

int store_chapter_session(struct store *s, int64_t *session, int64_t *started_at)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_session);
	*session = *started_at = 0;
	int r = store_step(s, q);
	if (r > 0) {
		*session = sqlite3_column_int64(q, 0);
		*started_at = sqlite3_column_int64(q, 1);
	}
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

int store_chapters_session(struct store *s, int64_t session, store_chapter_fn *fn, void *arg)
{
	int64_t since;
	int r = session ? 0 : store_chapter_session(s, &session, &since);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_chapters_session);
	sqlite3_bind_int64(q, 1, session);
	return store_each(s, q, chapter_row, STORE_BOX(store_chapter_fn, fn), arg);
}

int store_chapter_counts_of(struct store *s, enum chapter_producer producer, struct store_chapter_counts *c)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_counts);
	int64_t *const sums[] = {&c->running, &c->ok, &c->failed, &c->abandoned, &c->images_found,
				 &c->images_downloaded, &c->images_processed, &c->download_errors, &c->bytes};
	*c = (struct store_chapter_counts){0};
	sqlite3_bind_int(q, 1, (int)producer);
	int r = store_step(s, q);
	for (int i = 0; r > 0 && i < (int)COUNT_OF(sums); i++)
		*sums[i] = sqlite3_column_int64(q, i);
	if (r > 0)
		c->seconds = sqlite3_column_double(q, COUNT_OF(sums));
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

int store_chapter_counts(struct store *s, struct store_chapter_counts *c)
{
	return store_chapter_counts_of(s, PRODUCER_scraper, c);
}
