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
#include "common/text.h"

/** Rows of a run are found for so long after its last line. */
#define RUN_NS (INT64_C(30) * 24 * 3600 * NS_PER_S)

/** So many rows of the session that is now are kept, however few others are. */
enum { SESSION_ROWS = 100000 };

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

/** Which numbers of a run's lines were taken: the greatest, and a bit for each from it down. */
struct run_lines {
	int64_t told;
	uint8_t taken[CHAPTER_WINDOW / 8];
};

static bool is_taken(const struct run_lines *l, int64_t below)
{
	return below < CHAPTER_WINDOW && (l->taken[below / 8] >> below % 8 & 1);
}

static void put_taken(struct run_lines *l, int64_t seq)
{
	struct run_lines to = {.told = seq > l->told ? seq : l->told};
	int64_t by = to.told - l->told;
	for (int64_t i = by; i < CHAPTER_WINDOW; i++)
		to.taken[i / 8] |= (uint8_t)(is_taken(l, i - by) << i % 8);
	to.taken[(to.told - seq) / 8] |= (uint8_t)(1 << (to.told - seq) % 8);
	*l = to;
}

/** Of a run that is new (0) there is nothing. */
static int find_run(struct store *s, const char *run, struct run_lines *lines)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_run);
	*lines = (struct run_lines){0};
	bind_str(q, 1, run);
	int r = store_step(s, q);
	if (r > 0) {
		struct bytes taken = column_bytes(q, 1);
		lines->told = sqlite3_column_int64(q, 0);
		if (taken.len == sizeof lines->taken)
			memcpy(lines->taken, taken.data, taken.len);
	}
	sqlite3_reset(q);
	return r < 0 ? r : 0;
}

static int put_run(struct store *s, const char *run, const struct run_lines *lines)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_run_put);
	bind_str(q, 1, run);
	sqlite3_bind_int64(q, 2, lines->told);
	sqlite3_bind_blob(q, 3, lines->taken, sizeof lines->taken, SQLITE_TRANSIENT);
	sqlite3_bind_int64(q, 4, s->started_at);
	return store_run(s, q);
}

/** Whoever begins a chapter is of the session that is now, until that is over (store_tidy_chapters()). */
static int join_session(struct store *s, int64_t at, int64_t *session)
{
	int r = store_returning(s, store_stmt(s, SQL_chapter_session_open), session);
	return r == -ENOENT ? new_session(s, at, session) : r;
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

static int start(struct store *s, const struct chapter_event *e, enum chapter_refusal *refusal)
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
		f = join_session(s, r.started_at, &r.session);
	return f < 0 ? f : insert(s, &r, &k, "");
}

/** Success without a single page is none: none was saved, or of those that were found none came. */
static bool has_nothing(const struct chapter_row *r)
{
	return r->processed == 0 || (r->found >= 0 && r->processed < 0 && chapter_downloaded(r) == 0);
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
	return save(s, before, r, e->url, is_empty ? "success was told, but not one image was saved" : error);
}

/** Whether a later attempt has taken its place. */
static int is_superseded(struct store *s, const struct chapter_key *k, const struct chapter_row *r, bool *is)
{
	struct chapter_row newest;
	int f = find(s, PRODUCER_scraper, k, 0, &newest);
	*is = f == 0 && newest.attempt > r->attempt;
	return f;
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
	bool has_ended = r.state == CHAPTER_ok || r.state == CHAPTER_failed, is_old = false;
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
	if (r.state == CHAPTER_abandoned)
		f = is_superseded(s, &k, &r, &is_old);
	if (f < 0)
		return f;
	if (!has_ended && !is_old) {
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
	struct run_lines lines;
	int f = find_run(s, e->run, &lines);
	int64_t below = lines.told - e->seq;
	if (f < 0 || (e->seq && below >= 0 && is_taken(&lines, below)))
		return f;
	if (e->seq && below >= CHAPTER_WINDOW) {
		*refusal = CHAPTER_LATE;
		return 0;
	}
	if (e->seq)
		put_taken(&lines, e->seq);
	if (e->kind == CHAPTER_EVENT_reset)
		f = reset(s, e);
	else if (e->kind == CHAPTER_EVENT_start)
		f = start(s, e, refusal);
	else
		f = go_on(s, e, refusal);
	return f < 0 || *refusal ? f : put_run(s, e->run, &lines);
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
	sqlite3_bind_int64(q, 3, keep > SESSION_ROWS ? keep : SESSION_ROWS);
	int before = sqlite3_total_changes(s->db);
	int r = store_run(s, q);
	if (sqlite3_total_changes(s->db) != before)
		store_touch(s, TOPIC_BIT(chapters));
	return r;
}

/** Pauses between chapters and runs end no session, only silence of all of them. */
static int close_session(struct store *s, int64_t silent)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_session_close);
	sqlite3_bind_int64(q, 1, silent);
	return store_run(s, q);
}

int store_tidy_chapters(struct store *s, int64_t silent, int64_t keep)
{
	int r = abandon_all(s, SQL_chapters_silent, NULL, silent, "nothing was heard of it any more");
	if (r == 0)
		r = close_session(s, silent);
	for (int p = 0; p < PRODUCER_COUNT && r == 0; p++)
		r = purge(s, (enum chapter_producer)p, keep);
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_runs_purge);
	sqlite3_bind_int64(q, 1, s->started_at - RUN_NS);
	return r < 0 ? r : store_run(s, q);
}

/* --- our own --- */

/** What was checked: volumes, chapters and files without a number have their numbers apart. */
struct checked {
	const char *run;
	struct buf title, number;
	int64_t pages;
};

/** The number of the volume in @q's row, or of its chapter; what has none goes by its name. */
static void take_number(sqlite3_stmt *q, struct checked *c)
{
	static const char *const runs[] = {"verify", "verify chapters"};
	for (int i = 0; i < (int)COUNT_OF(runs); i++) {
		if (sqlite3_column_type(q, 1 + i) == SQLITE_NULL)
			continue;
		c->run = runs[i];
		buf_addf(&c->number, "%.10g", sqlite3_column_double(q, 1 + i));
		return;
	}
	c->run = "verify files";
	struct bytes name = column_bytes(q, 4);
	text_to_utf8(name.data, name.len, &c->number);
}

static int find_volume(struct store *s, int64_t file, struct checked *c)
{
	sqlite3_stmt *q = store_stmt(s, SQL_chapter_volume);
	sqlite3_bind_int64(q, 1, file);
	int r = store_step(s, q);
	if (r > 0) {
		buf_adds(&c->title, column_str(q, 0));
		take_number(q, c);
		c->pages = sqlite3_column_type(q, 3) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, 3);
	}
	sqlite3_reset(q);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return buf_error(&c->title) < 0 ? buf_error(&c->title) : buf_error(&c->number);
}

int store_put_chapter_check(struct store *s, const struct chapter_check *check)
{
	struct checked c = {.title = BUF_INIT(1 << 16), .number = BUF_INIT(1 << 12)};
	struct chapter_row old, r = {
		.producer = PRODUCER_archives, .state = check->is_whole ? CHAPTER_ok : CHAPTER_failed, .attempt = 1,
		.started_at = s->started_at - (int64_t)(check->seconds * NS_PER_S), .changed_at = s->started_at,
		.ended_at = s->started_at, .processed = check->pages, .downloaded = check->pages,
		.errors = check->bad, .bytes = check->bytes, .seconds = check->seconds,
	};
	int f = find_volume(s, check->file, &c);
	bool is_none = f == -ENOENT;
	const struct chapter_key k = {c.run, buf_str(&c.title), buf_str(&c.number), ""};
	r.found = c.pages;
	if (f == 0)
		f = find(s, PRODUCER_archives, &k, 0, &old);
	if (f == 0)
		r.attempt = old.attempt + 1;
	if (f == 0 || (f == -ENOENT && !is_none))
		f = insert(s, &r, &k, check->is_whole ? "" : check->reason);
	buf_clear(&c.title);
	buf_clear(&c.number);
	return is_none ? 0 : f;
}

int store_put_chapter_call(struct store *s, const struct chapter_call *call)
{
	char day[TIME_CHARS + 1] = "";
	struct chapter_row before, r = {.producer = PRODUCER_downloads, .attempt = 1,
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
	r.downloaded = sum_of(r.downloaded, call->well);
	r.errors = sum_of(r.errors, call->failed);
	r.bytes = sum_of(r.bytes, call->bytes);
	r.seconds += call->seconds;
	r.state = r.errors && !r.downloaded ? CHAPTER_failed : CHAPTER_ok;
	const char *error = r.state == CHAPTER_failed ? "not one call went well" : "";
	return f == 0 ? save(s, &before, &r, "", error) : insert(s, &r, &k, error);
}
