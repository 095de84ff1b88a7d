/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A row is read, changed and written, and what that adds to the sums is added to them: whatever happens to a row, the
 * sums say what is in the rows.
 */
#include "common/store_write_chapters.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/render.h"
#include "common/store_chapter_row.h"
#include "common/store_settle.h"
#include "common/store_rows.h"

/** Rows of a run are found for so long after its last line. */
#define RUN_NS (INT64_C(30) * 24 * 3600 * NS_PER_S)

/* --- rows and sums --- */

/** What a row is for the sums, as often as @sign. */
static void add_row(const struct chapter_row *r, int sign, int64_t sums[static 9], double *seconds)
{
	sums[r->state] += sign;
	sums[4] += sign * chapter_said(r->found);
	sums[5] += sign * chapter_downloaded(r);
	sums[6] += sign * chapter_said(r->processed);
	sums[7] += sign * chapter_errors(r);
	sums[8] += sign * chapter_bytes(r);
	if (r->state == CHAPTER_ok || r->state == CHAPTER_failed)
		*seconds += sign * r->seconds;
}

/** @before: NULL for a row that is new. */
static int account(struct store *s, const struct chapter_row *before, const struct chapter_row *after)
{
	int64_t sums[9] = {0};
	double seconds = 0;
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_sum);
	add_row(after, 1, sums, &seconds);
	if (before)
		add_row(before, -1, sums, &seconds);
	sqlite3_bind_int(q, 1, (int)after->producer);
	for (int i = 0; i < (int)COUNT_OF(sums); i++)
		sqlite3_bind_int64(q, 2 + i, sums[i]);
	sqlite3_bind_double(q, 11, seconds);
	store_touch(s, TOPIC_BIT(chapters));
	return store_run(s, q);
}

static void bind_said(sqlite3_stmt *q, int i, int64_t v)
{
	if (v >= 0)
		sqlite3_bind_int64(q, i, v);
	else
		sqlite3_bind_null(q, i);
}

/** Binds what changes in a row to ?1 and further. */
static void bind_row(sqlite3_stmt *q, const struct chapter_row *r)
{
	const int64_t sums[] = {r->downloaded, r->said_downloaded, r->errors, r->said_errors, r->bytes, r->said_bytes};
	sqlite3_bind_int64(q, 1, r->session);
	sqlite3_bind_int(q, 2, (int)r->state);
	sqlite3_bind_int64(q, 3, r->changed_at);
	sqlite3_bind_int64(q, 4, r->ended_at);
	bind_said(q, 5, r->found);
	bind_said(q, 6, r->processed);
	for (int i = 0; i < (int)COUNT_OF(sums); i++)
		sqlite3_bind_int64(q, 7 + i, sums[i]);
	sqlite3_bind_double(q, 13, r->seconds);
}

/** @url, @error: "" leaves what is there. */
static int save(struct store *s, const struct chapter_row *before, const struct chapter_row *r, const char *url,
		const char *error)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_set);
	bind_row(q, r);
	bind_str(q, 14, url);
	bind_str(q, 15, error);
	sqlite3_bind_int64(q, 16, r->id);
	int e = store_run(s, q);
	return e < 0 ? e : account(s, before, r);
}

struct chapter_key {
	const char *run, *series, *chapter, *url;
};

/** Makes a row; its id, attempt and times are set by then but for the id. */
static int insert(struct store *s, struct chapter_row *r, const struct chapter_key *k, const char *error)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_add);
	bind_row(q, r);
	bind_str(q, 14, k->url);
	bind_str(q, 15, error);
	sqlite3_bind_int(q, 16, (int)r->producer);
	bind_str(q, 17, k->run);
	bind_str(q, 18, k->series);
	bind_str(q, 19, k->chapter);
	sqlite3_bind_int(q, 20, r->attempt);
	sqlite3_bind_int64(q, 21, r->started_at);
	int e = store_returning(s, q, &r->id);
	return e < 0 ? e : account(s, NULL, r);
}

/** @attempt 0: the newest.  -ENOENT. */
static int find(struct store *s, enum chapter_producer producer, const struct chapter_key *k, int attempt,
		struct chapter_row *r)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_find);
	sqlite3_bind_int(q, 1, (int)producer);
	bind_str(q, 2, k->run);
	bind_str(q, 3, k->series);
	bind_str(q, 4, k->chapter);
	sqlite3_bind_int(q, 5, attempt ? attempt : 1);
	sqlite3_bind_int(q, 6, attempt ? attempt : INT32_MAX);
	int e = store_step(s, q);
	if (e > 0)
		chapter_row_load(q, r);
	sqlite3_reset(q);
	return e > 0 ? 0 : e < 0 ? e : -ENOENT;
}

static int64_t sum_of(int64_t a, int64_t b)
{
	return a > CHAPTER_SUM_MOST - b ? CHAPTER_SUM_MOST : a + b;
}

/* --- runs and sessions --- */

static int new_session(struct store *s, int64_t at, int64_t *session)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_session_add);
	sqlite3_bind_int64(q, 1, at);
	store_touch(s, TOPIC_BIT(chapters));
	return store_returning(s, q, session);
}

/** What a run told last, in *told; -ENOENT: it is new. */
static int find_run(struct store *s, const char *run, int64_t *told)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_run);
	bind_str(q, 1, run);
	*told = 0;
	return store_returning(s, q, told);
}

static int put_run(struct store *s, const char *run, int64_t told)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_run_put);
	bind_str(q, 1, run);
	sqlite3_bind_int64(q, 2, told);
	sqlite3_bind_int64(q, 3, s->started_at);
	return store_run(s, q);
}

/** A run that is new begins a session, unless another is at work. */
static int join_session(struct store *s, bool is_new, int64_t at, int64_t *session)
{
	struct store_chapter_counts c;
	int64_t since;
	int r = store_chapter_session(s, session, &since);
	if (r == 0)
		r = store_chapter_counts(s, &c);
	if (r < 0 || (*session && !(is_new && c.running == 0)))
		return r;
	return new_session(s, at, session);
}

/* --- how a chapter ends without a word --- */

static int abandon(struct store *s, const struct chapter_row *before, const char *why)
{
	struct chapter_row r = *before;
	r.state = CHAPTER_abandoned;
	r.ended_at = r.started_at + (int64_t)(r.seconds * NS_PER_S);
	return save(s, before, &r, "", why);
}

/** Abandons what a bound statement finds, a handful at a time: rows must not change while they are walked. */
static int abandon_all(struct store *s, enum sql_id sql, const char *run, int64_t before, const char *why)
{
	enum { AT_ONCE = 64 };
	struct chapter_row rows[AT_ONCE];
	int n, r;
	do {
		sqlite3_stmt *q = store_stmt(s, sql);
		sqlite3_bind_int(q, 1, PRODUCER_scraper);
		if (run)
			bind_str(q, 2, run);
		else
			sqlite3_bind_int64(q, 2, before);
		n = 0;
		while ((r = store_step(s, q)) > 0 && n < AT_ONCE)
			chapter_row_load(q, &rows[n++]);
		sqlite3_reset(q);
		for (int i = 0; i < n && r >= 0; i++)
			r = abandon(s, &rows[i], why);
	} while (n == AT_ONCE && r >= 0);
	return r < 0 ? r : 0;
}

/* --- events --- */

/** A clock that is ahead of ours tells no time. */
static int64_t time_of(const struct store *s, const struct chapter_event *e)
{
	return e->at && e->at < s->started_at ? e->at : s->started_at;
}

static double seconds_since(const struct chapter_row *r, int64_t at)
{
	double seconds = at > r->started_at ? (double)(at - r->started_at) / (double)NS_PER_S : 0;
	return seconds > r->seconds ? seconds : r->seconds;
}

static struct chapter_key key_of(const struct chapter_event *e)
{
	return (struct chapter_key){e->run, e->series, e->chapter, e->url};
}

static void take_sums(struct chapter_row *r, const struct chapter_event *e)
{
	const struct {
		int64_t *to, said;
	} sums[] = {
		{&r->found, e->found}, {&r->processed, e->processed}, {&r->said_downloaded, e->downloaded},
		{&r->said_errors, e->errors}, {&r->said_bytes, e->said_bytes},
	};
	for (size_t i = 0; i < COUNT_OF(sums); i++)
		if (sums[i].said >= 0)
			*sums[i].to = sums[i].said;
}

static int start(struct store *s, const struct chapter_event *e, bool is_new_run, enum chapter_refusal *refusal)
{
	struct chapter_key k = key_of(e);
	struct store_chapter_counts c;
	struct chapter_row old, r = {.producer = PRODUCER_scraper, .found = -1, .processed = -1};
	int f = store_chapter_counts(s, &c);
	if (f == 0 && c.running >= CHAPTERS_OPEN)
		*refusal = CHAPTER_TOO_MANY;
	if (f < 0 || *refusal)
		return f;
	f = find(s, PRODUCER_scraper, &k, e->attempt, &old);
	if (f < 0 && f != -ENOENT)
		return f;
	if (f == 0 && e->attempt) {
		*refusal = CHAPTER_EXISTS;
		return 0;
	}
	/* a later attempt ends the one before, whoever numbers them */
	if (e->attempt)
		f = find(s, PRODUCER_scraper, &k, 0, &old);
	r.attempt = e->attempt ? e->attempt : f == 0 ? old.attempt + 1 : 1;
	if (f == 0 && old.state == CHAPTER_running && old.attempt < r.attempt)
		f = abandon(s, &old, "it was begun again");
	r.started_at = time_of(s, e);
	r.changed_at = s->started_at;
	if (f == 0 || f == -ENOENT)
		f = join_session(s, is_new_run, r.started_at, &r.session);
	return f < 0 ? f : insert(s, &r, &k, "");
}

/** Success without a single page is none, where pages were spoken of. */
static bool has_nothing(const struct chapter_row *r)
{
	return (r->found >= 0 || r->processed >= 0) && chapter_downloaded(r) == 0 && chapter_said(r->processed) == 0;
}

static int end(struct store *s, const struct chapter_row *before, struct chapter_row *r, const struct chapter_event *e)
{
	const char *error = e->success ? "" : e->error;
	bool is_empty = e->success && has_nothing(r);
	r->state = e->success && !is_empty ? CHAPTER_ok : CHAPTER_failed;
	r->ended_at = time_of(s, e);
	if (r->ended_at < r->started_at)
		r->ended_at = r->started_at;
	r->seconds = e->seconds >= 0 ? e->seconds : (double)(r->ended_at - r->started_at) / (double)NS_PER_S;
	return save(s, before, r, e->url, is_empty ? "success was told, but not one image was downloaded or processed" : error);
}

/** Update, download, end: of a chapter that was begun. */
static int go_on(struct store *s, const struct chapter_event *e, enum chapter_refusal *refusal)
{
	struct chapter_key k = key_of(e);
	struct chapter_row before, r;
	int f = find(s, PRODUCER_scraper, &k, e->attempt, &before);
	if (f == -ENOENT)
		*refusal = CHAPTER_UNKNOWN;
	if (f < 0)
		return *refusal ? 0 : f;
	r = before;
	bool has_ended = r.state == CHAPTER_ok || r.state == CHAPTER_failed;
	take_sums(&r, e);
	if (e->kind == CHAPTER_EVENT_download) {
		int64_t *pages = e->success ? &r.downloaded : &r.errors;
		*pages = sum_of(*pages, e->count);
		r.bytes = sum_of(r.bytes, e->bytes);
	}
	/* pages that come late count, but the chapter has ended */
	if (has_ended && e->kind == CHAPTER_EVENT_end) {
		*refusal = CHAPTER_ENDED;
		return 0;
	}
	r.changed_at = s->started_at;
	if (e->kind == CHAPTER_EVENT_end)
		return end(s, &before, &r, e);
	if (!has_ended) {
		r.state = CHAPTER_running;
		r.ended_at = 0;
		r.seconds = seconds_since(&r, time_of(s, e));
	}
	return save(s, &before, &r, e->url, "");
}

/** What other runs have open goes on in the new session. */
static int reset(struct store *s, const struct chapter_event *e)
{
	int64_t session = 0;
	int r = abandon_all(s, SQL_chapter_open, e->run, 0, "the session was reset");
	if (r == 0)
		r = new_session(s, time_of(s, e), &session);
	if (r < 0)
		return r;
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_move);
	sqlite3_bind_int64(q, 1, session);
	sqlite3_bind_int(q, 2, PRODUCER_scraper);
	return store_run(s, q);
}

static int tell(struct store *s, const struct chapter_event *e, enum chapter_refusal *refusal)
{
	int64_t told;
	int f = find_run(s, e->run, &told);
	bool is_new = f == -ENOENT;
	if ((f < 0 && !is_new) || (e->seq && e->seq <= told))
		return is_new ? 0 : f;
	if (e->kind == CHAPTER_EVENT_reset)
		f = reset(s, e);
	else if (e->kind == CHAPTER_EVENT_start)
		f = start(s, e, is_new, refusal);
	else
		f = go_on(s, e, refusal);
	return f < 0 || *refusal ? f : put_run(s, e->run, e->seq ? e->seq : told);
}

int store_tell_chapters(struct store *s, const struct chapter_event *events, size_t n, enum chapter_refusal *refusal,
			size_t *index)
{
	*refusal = CHAPTER_TAKEN;
	*index = 0;
	/* what other changes of the same transaction did stays */
	int r = store_exec(s, "SAVEPOINT chapters");
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && r == 0 && !*refusal; i++) {
		*index = i;
		r = tell(s, &events[i], refusal);
	}
	if (r < 0 || *refusal)
		store_exec(s, "ROLLBACK TO chapters");
	store_exec(s, "RELEASE chapters");
	return r;
}

/* --- bounds --- */

static int purge(struct store *s, enum chapter_producer producer, int64_t keep)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapters_purge);
	sqlite3_bind_int(q, 1, (int)producer);
	sqlite3_bind_int64(q, 2, keep);
	int before = sqlite3_total_changes(s->db);
	int r = store_run(s, q);
	if (sqlite3_total_changes(s->db) != before)
		store_touch(s, TOPIC_BIT(chapters));
	return r;
}

int store_tidy_chapters(struct store *s, int64_t silent, int64_t keep)
{
	int r = abandon_all(s, SQL_chapters_silent, NULL, silent, "nothing was heard of it any more");
	for (int p = 0; p < PRODUCER_COUNT && r == 0; p++)
		r = purge(s, (enum chapter_producer)p, keep);
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_runs_purge);
	sqlite3_bind_int64(q, 1, s->started_at - RUN_NS);
	return r < 0 ? r : store_run(s, q);
}

/* --- our own --- */

/** Title and number of the volume in @q's row; what has none goes by its name. */
static void number_text(sqlite3_stmt *q, char text[static 40])
{
	*text = '\0';
	for (int i = 1; i <= 2 && !*text; i++)
		if (sqlite3_column_type(q, i) != SQLITE_NULL)
			snprintf(text, 40, "%.10g", sqlite3_column_double(q, i));
}

static int find_volume(struct store *s, int64_t file, struct buf *title, char number[static 40], int64_t *pages)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_volume);
	sqlite3_bind_int64(q, 1, file);
	int r = store_step(s, q);
	if (r > 0) {
		buf_adds(title, column_str(q, 0));
		number_text(q, number);
		*pages = sqlite3_column_type(q, 3) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 3);
	}
	sqlite3_reset(q);
	return r > 0 ? buf_error(title) : r < 0 ? r : -ENOENT;
}

int store_put_chapter_check(struct store *s, const struct chapter_check *check)
{
	_buf_ struct buf title = BUF_INIT(1 << 16);
	char number[40];
	struct chapter_row old, r = {
		.producer = PRODUCER_archives, .state = check->is_whole ? CHAPTER_ok : CHAPTER_failed, .attempt = 1,
		.started_at = s->started_at - (int64_t)(check->seconds * NS_PER_S), .changed_at = s->started_at,
		.ended_at = s->started_at, .processed = check->pages, .downloaded = check->pages,
		.errors = check->bad, .bytes = check->bytes, .seconds = check->seconds,
	};
	int f = find_volume(s, check->file, &title, number, &r.found);
	if (f < 0)
		return f == -ENOENT ? 0 : f;
	const struct chapter_key k = {"verify", buf_str(&title), number, ""};
	f = find(s, PRODUCER_archives, &k, 0, &old);
	if (f < 0 && f != -ENOENT)
		return f;
	if (f == 0)
		r.attempt = old.attempt + 1;
	return insert(s, &r, &k, check->is_whole ? "" : check->reason);
}

int store_put_chapter_call(struct store *s, const struct chapter_call *call)
{
	char day[TIME_CHARS + 1] = "";
	struct chapter_row before, r = {.producer = PRODUCER_downloads, .state = CHAPTER_ok, .attempt = 1,
					.started_at = call->at - (int64_t)(call->seconds * NS_PER_S), .found = -1,
					.processed = -1};
	time_text(call->at, ' ', day);
	day[10] = '\0';
	const struct chapter_key k = {day, call->host, "", ""};
	int f = find(s, PRODUCER_downloads, &k, 1, &before);
	if (f < 0 && f != -ENOENT)
		return f;
	if (f == 0)
		r = before;
	r.changed_at = s->started_at;
	r.ended_at = call->at;
	r.downloaded += call->success;
	r.errors += !call->success;
	r.bytes = sum_of(r.bytes, call->bytes);
	r.seconds += call->seconds;
	return f == 0 ? save(s, &before, &r, "", "") : insert(s, &r, &k, "");
}
