/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is kept of chapters: attempts, series and runs apart, sums that are those of the rows, all of a write or none. */
#include "tests/unit/repair_rows.h"

#include "indexer/load/chapters.h"

#define CHAPTERS TOPIC_BIT(chapters)
/** A day before the world's clock. */
#define T0 (WORLD_START - 24 * 3600 * NS_PER_S)

static struct chapter_event event(enum chapter_event_kind kind, const char *series, const char *chapter)
{
	return (struct chapter_event){.kind = kind, .run = "", .series = series, .chapter = chapter, .url = "",
				      .error = "", .seconds = -1, .found = -1, .downloaded = -1, .processed = -1,
				      .errors = -1, .said_bytes = -1, .count = 1, .success = true};
}

#define E(kind_, ...) \
	({ \
		struct chapter_event e_ = event(CHAPTER_EVENT_##kind_, "A", "1"); \
		__VA_ARGS__; \
		e_; \
	})

static enum chapter_refusal tell_all(const struct chapter_event *e, size_t n)
{
	enum chapter_refusal refusal;
	size_t index;
	assert_int_equal(chapters_tell(world.writer, e, n, &refusal, &index), 0);
	if (refusal)
		assert_true(index < n);
	return refusal;
}

static int64_t session(void)
{
	int64_t number, at;
	assert_int_equal(writer_flush(world.writer), 0);
	assert_int_equal(store_chapter_session(world.reader, &number, &at), 0);
	return number;
}

static enum chapter_refusal tell(struct chapter_event e)
{
	return tell_all(&e, 1);
}

#define TELL(...) assert_int_equal(tell(E(__VA_ARGS__)), CHAPTER_TAKEN)
#define REFUSED(why, ...) assert_int_equal(tell(E(__VA_ARGS__)), CHAPTER_##why)

static int row_text(void *arg, const struct store_chapter *c)
{
	char text[400];
	snprintf(text, sizeof text, "%s%s%s/%s#%d:%s:%d+%d/%d=%d", c->run, *c->run ? ":" : "", c->series, c->chapter,
		 c->attempt, c->state, (int)c->images_downloaded, (int)c->download_errors, (int)c->images_found,
		 (int)c->bytes);
	add_text(arg, text);
	return 0;
}

/** Each row: "series/chapter#attempt:state:downloaded+errors/found=bytes ". */
static const char *rows(void)
{
	static struct rows rows;
	rows = (struct rows){0};
	assert_int_equal(writer_flush(world.writer), 0);
	assert_int_equal(store_chapters(world.reader, 100, row_text, &rows), 0);
	return rows.text;
}

static struct store_chapter last_row;
static char last_error[200];

static int keep_row(void *arg, const struct store_chapter *c)
{
	(void)arg;
	last_row = *c;
	snprintf(last_error, sizeof last_error, "%s", c->error);
	return 0;
}

static const struct store_chapter *last(void)
{
	assert_int_equal(writer_flush(world.writer), 0);
	assert_int_equal(store_chapters(world.reader, 1, keep_row, NULL), 0);
	return &last_row;
}

/** The sums that are kept are those of all rows, whatever was done to them. */
static void sums_hold(void)
{
	struct store_chapter_counts c;
	assert_int_equal(writer_flush(world.writer), 0);
	assert_int_equal(store_chapter_counts(world.reader, &c), 0);
#define SUM(what) count("SELECT ifnull(sum(" what "), 0) FROM chapter WHERE producer = 0")
	assert_int_equal(c.running, SUM("state = 0"));
	assert_int_equal(c.ok, SUM("state = 1"));
	assert_int_equal(c.failed, SUM("state = 2"));
	assert_int_equal(c.abandoned, SUM("state = 3"));
	assert_int_equal(c.images_found, SUM("ifnull(found, 0)"));
	assert_int_equal(c.images_downloaded, SUM("max(downloaded, said_downloaded)"));
	assert_int_equal(c.download_errors, SUM("max(errors, said_errors)"));
	assert_int_equal(c.bytes, SUM("max(bytes, said_bytes)"));
}

static void series_with_the_same_chapter_and_retries_are_rows_of_their_own(void **state)
{
	(void)state;
	TELL(start);
	TELL(start, e_.series = "B");
	TELL(start, e_.run = "other");
	TELL(download, e_.bytes = 100);
	TELL(download, e_.series = "B", e_.bytes = 7);
	TELL(download, e_.bytes = 100);
	TELL(download, e_.success = false);
	TELL(end, e_.success = false, e_.error = "gone");
	assert_string_equal(rows(), "A/1#1:failed:2+1/0=200 B/1#1:running:1+0/0=7 other:A/1#1:running:0+0/0=0 ");
	TELL(start);
	TELL(download, e_.bytes = 5, e_.count = 3);
	TELL(end);
	/* begun again before it ended */
	TELL(start, e_.series = "B");
	assert_string_equal(rows(), "A/1#1:failed:2+1/0=200 B/1#1:abandoned:1+0/0=7 other:A/1#1:running:0+0/0=0 "
				    "A/1#2:ok:3+0/0=5 B/1#2:running:0+0/0=0 ");
	sums_hold();
}

static void what_was_counted_and_what_was_told_is_not_added(void **state)
{
	(void)state;
	TELL(start);
	for (int i = 0; i < 5; i++)
		TELL(download, e_.bytes = 10);
	TELL(update, e_.found = 6, e_.downloaded = 5);
	assert_string_equal(rows(), "A/1#1:running:5+0/6=50 ");
	TELL(download, e_.bytes = 10);
	TELL(update, e_.said_bytes = 61, e_.errors = 2);
	TELL(end, e_.processed = 6);
	assert_string_equal(rows(), "A/1#1:ok:6+2/6=61 ");
	assert_int_equal(last()->images_processed, 6);
	/* pages that come late count */
	TELL(download, e_.bytes = 10);
	assert_string_equal(rows(), "A/1#1:ok:7+2/6=70 ");
	sums_hold();
}

static void success_without_a_page_is_none(void **state)
{
	(void)state;
	TELL(start);
	TELL(update, e_.found = 10);
	TELL(end);
	assert_string_equal(rows(), "A/1#1:failed:0+0/10=0 ");
	last();
	assert_non_null(strstr(last_error, "not one image"));
	/* where nobody spoke of pages, nobody knows */
	TELL(start, e_.chapter = "2");
	TELL(end, e_.chapter = "2");
	assert_string_equal(last()->state, "ok");
	/* all came, and none was saved */
	TELL(start, e_.chapter = "3");
	TELL(download, e_.chapter = "3", e_.count = 10);
	TELL(end, e_.chapter = "3", e_.found = 10, e_.processed = 0);
	assert_string_equal(last()->state, "failed");
	assert_non_null(strstr(last_error, "not one image was saved"));
	/* that they were saved is enough, and so is that they came */
	TELL(start, e_.chapter = "4");
	TELL(end, e_.chapter = "4", e_.found = 10, e_.processed = 10);
	assert_string_equal(last()->state, "ok");
	TELL(start, e_.chapter = "5");
	TELL(download, e_.chapter = "5");
	TELL(end, e_.chapter = "5", e_.found = 1);
	assert_string_equal(last()->state, "ok");
	sums_hold();
}

static void all_of_a_write_or_nothing(void **state)
{
	(void)state;
	const struct chapter_event lines[] = {
		E(start), E(download, e_.bytes = 9), E(update, e_.chapter = "2", e_.found = 1),
	};
	enum chapter_refusal refusal;
	size_t index;
	assert_int_equal(chapters_tell(world.writer, lines, 3, &refusal, &index), 0);
	assert_int_equal(refusal, CHAPTER_UNKNOWN);
	assert_int_equal(index, 2);
	assert_string_equal(rows(), "");
	sums_hold();
	assert_int_equal(tell_all(lines, 2), CHAPTER_TAKEN);
	assert_string_equal(rows(), "A/1#1:running:1+0/0=9 ");
	REFUSED(UNKNOWN, end, e_.run = "r");
	REFUSED(UNKNOWN, download, e_.attempt = 2);
	REFUSED(EXISTS, start, e_.attempt = 1);
	TELL(end);
	REFUSED(ENDED, end, e_.success = false);
	assert_string_equal(rows(), "A/1#1:ok:1+0/0=9 ");
	sums_hold();
}

static void a_numbered_line_is_taken_once(void **state)
{
	(void)state;
	const struct chapter_event lines[] = {
		E(start, e_.run = "r", e_.seq = 1), E(download, e_.run = "r", e_.seq = 2, e_.bytes = 5),
		E(download, e_.run = "r", e_.seq = 3, e_.bytes = 5),
	};
	assert_int_equal(tell_all(lines, 2), CHAPTER_TAKEN);
	assert_int_equal(tell_all(lines, 3), CHAPTER_TAKEN);
	assert_int_equal(tell_all(lines, 3), CHAPTER_TAKEN);
	assert_string_equal(rows(), "r:A/1#1:running:2+0/0=10 ");
	reopen();
	assert_int_equal(tell_all(lines, 3), CHAPTER_TAKEN);
	/* two that have no number are two */
	TELL(download, e_.run = "r", e_.bytes = 5);
	TELL(download, e_.run = "r", e_.bytes = 5);
	assert_string_equal(rows(), "r:A/1#1:running:4+0/0=20 ");
}

static void lines_of_a_run_come_in_any_order(void **state)
{
	(void)state;
	TELL(start, e_.run = "r", e_.seq = 1);
	for (int i = 3; i <= 2000; i += 2) {
		TELL(download, e_.run = "r", e_.seq = i, e_.bytes = 1);
		TELL(download, e_.run = "r", e_.seq = i - 1, e_.bytes = 1);
		TELL(download, e_.run = "r", e_.seq = i, e_.bytes = 1);
	}
	assert_string_equal(rows(), "r:A/1#1:running:1998+0/0=1998 ");
	reopen();
	/* at the edge of what is remembered */
	TELL(download, e_.run = "r", e_.seq = 5000, e_.bytes = 1);
	TELL(download, e_.run = "r", e_.seq = 5001 - CHAPTER_WINDOW, e_.bytes = 1);
	TELL(download, e_.run = "r", e_.seq = 5001 - CHAPTER_WINDOW, e_.bytes = 1);
	REFUSED(LATE, download, e_.run = "r", e_.seq = 5000 - CHAPTER_WINDOW, e_.bytes = 1);
	assert_string_equal(rows(), "r:A/1#1:running:2000+0/0=2000 ");
	/* what was refused was not taken */
	REFUSED(UNKNOWN, download, e_.run = "r", e_.chapter = "2", e_.seq = 4999);
	TELL(download, e_.run = "r", e_.seq = 4999, e_.bytes = 1);
	assert_string_equal(rows(), "r:A/1#1:running:2001+0/0=2001 ");
}

static void a_reset_that_has_a_number_is_one(void **state)
{
	(void)state;
	TELL(start);
	TELL(reset, e_.run = "a", e_.seq = 1);
	TELL(start, e_.run = "b");
	TELL(end, e_.run = "b");
	TELL(reset, e_.run = "a", e_.seq = 1);
	assert_int_equal(session(), 2);
}

static void an_attempt_that_was_begun_again_stays_behind(void **state)
{
	(void)state;
	TELL(start, e_.attempt = 1);
	TELL(start, e_.attempt = 2);
	TELL(update, e_.attempt = 1, e_.downloaded = 3);
	assert_string_equal(rows(), "A/1#1:abandoned:3+0/0=0 A/1#2:running:0+0/0=0 ");
	TELL(end, e_.attempt = 1, e_.success = false);
	assert_string_equal(rows(), "A/1#1:failed:3+0/0=0 A/1#2:running:0+0/0=0 ");
	sums_hold();
}

static void times_are_those_that_were_told(void **state)
{
	(void)state;
	TELL(start, e_.at = T0);
	TELL(update, e_.at = T0 + 3 * NS_PER_S, e_.found = 1);
	assert_true(last()->seconds == 3);
	assert_int_equal(last()->ended_at, 0);
	/* late and out of order: it does not run backwards */
	TELL(update, e_.at = T0 + NS_PER_S, e_.processed = 1);
	assert_true(last()->seconds == 3);
	TELL(end, e_.at = T0 + 5 * NS_PER_S);
	assert_true(last()->seconds == 5);
	assert_true(last()->started_at == T0 && last()->ended_at == T0 + 5 * NS_PER_S);
	TELL(start, e_.at = T0);
	/* its own clock knows better than the one on the wall; an end before the start is none */
	TELL(end, e_.at = T0 - NS_PER_S, e_.seconds = 2.5);
	assert_true(last()->seconds == 2.5 && last()->ended_at == T0);
	/* a clock that is ahead */
	TELL(start, e_.at = now_ns() + 3600 * NS_PER_S);
	assert_true(last()->started_at <= now_ns());
}

static void what_is_silent_is_abandoned_and_may_come_back(void **state)
{
	(void)state;
	TELL(start);
	TELL(start, e_.chapter = "2");
	TELL(end, e_.chapter = "2");
	assert_int_equal(chapters_tidy(world.writer, now_ns() - 3600 * NS_PER_S, 100), 0);
	assert_string_equal(rows(), "A/1#1:running:0+0/0=0 A/2#1:ok:0+0/0=0 ");
	atomic_fetch_add(&world_clock, NS_PER_S);
	MOVES(CHAPTERS, chapters_tidy(world.writer, now_ns(), 100));
	assert_string_equal(rows(), "A/1#1:abandoned:0+0/0=0 A/2#1:ok:0+0/0=0 ");
	MOVES(0, chapters_tidy(world.writer, now_ns(), 100));
	sums_hold();
	TELL(download, e_.bytes = 3);
	assert_string_equal(rows(), "A/1#1:running:1+0/0=3 A/2#1:ok:0+0/0=0 ");
	TELL(end);
	assert_string_equal(rows(), "A/1#1:ok:1+0/0=3 A/2#1:ok:0+0/0=0 ");
	sums_hold();
}

static void rows_are_bounded_and_sums_stay(void **state)
{
	struct store_chapter_counts c;
	char number[16];
	(void)state;
	TELL(start, e_.chapter = "open");
	for (int i = 0; i < 20; i++) {
		snprintf(number, sizeof number, "%d", i);
		TELL(start, e_.chapter = number);
		TELL(end, e_.chapter = number);
	}
	/* those of the session that is now stay */
	assert_int_equal(chapters_tidy(world.writer, 0, 5), 0);
	assert_int_equal(writer_flush(world.writer), 0);
	assert_int_equal(count("SELECT count(*) FROM chapter WHERE state <> 0"), 20);
	TELL(reset, e_.run = "other");
	assert_int_equal(chapters_tidy(world.writer, 0, 5), 0);
	assert_int_equal(writer_flush(world.writer), 0);
	assert_int_equal(count("SELECT count(*) FROM chapter WHERE state <> 0"), 5);
	assert_int_equal(count("SELECT count(*) FROM chapter WHERE state = 0"), 1);
	assert_int_equal(store_chapter_counts(world.reader, &c), 0);
	assert_int_equal(c.ok, 20);
	assert_int_equal(c.running, 1);
}

static void a_session_ends_with_a_reset_or_silence(void **state)
{
	(void)state;
	struct rows now = {0};
	assert_int_equal(session(), 0);
	TELL(start, e_.run = "a");
	TELL(start, e_.run = "b");
	assert_int_equal(session(), 1);
	TELL(end, e_.run = "b");
	TELL(reset, e_.run = "a");
	assert_int_equal(session(), 2);
	assert_string_equal(rows(), "a:A/1#1:abandoned:0+0/0=0 b:A/1#1:ok:0+0/0=0 ");
	assert_int_equal(store_chapters_session(world.reader, 0, row_text, &now), 0);
	assert_string_equal(now.text, "");
	TELL(start, e_.run = "b");
	assert_int_equal(session(), 2);
	/* what b has open goes on in the session that a begins */
	TELL(reset, e_.run = "a");
	assert_int_equal(store_chapters_session(world.reader, 0, row_text, &now), 0);
	assert_string_equal(now.text, "b:A/1#2:running:0+0/0=0 ");
	TELL(end, e_.run = "b");
	/* a pause between two chapters is no end, whoever begins the next one */
	world_pass(NS_PER_S);
	assert_int_equal(chapters_tidy(world.writer, now_ns() - 2 * NS_PER_S, 100), 0);
	TELL(start, e_.run = "c");
	TELL(end, e_.run = "c");
	TELL(start, e_.run = "b");
	TELL(end, e_.run = "b");
	assert_int_equal(session(), 3);
	world_pass(NS_PER_S);
	assert_int_equal(chapters_tidy(world.writer, now_ns(), 100), 0);
	assert_int_equal(session(), 3);
	TELL(start, e_.run = "b");
	assert_int_equal(session(), 4);
	assert_int_equal(chapters_tidy(world.writer, now_ns(), 100), 0);
	TELL(start, e_.run = "d");
	assert_int_equal(session(), 4);
	sums_hold();
}

static void our_calls_are_a_row_for_each_host_and_day(void **state)
{
	struct chapter_call call = {.host = "ebdz", .bytes = 1000, .at = T0, .seconds = 0.5, .well = 1};
	struct chapter_calls calls = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct store_chapter_counts c;
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(chapters_call(world.writer, &calls, &call), 0);
	call.well = 0;
	call.failed = 1;
	assert_int_equal(chapters_call(world.writer, &calls, &call), 0);
	call.at += 24 * 3600 * NS_PER_S;
	assert_int_equal(chapters_call(world.writer, &calls, &call), 0);
	assert_string_equal(rows(), "2023-12-31:ebdz/#1:ok:3+1/0=4000 2024-01-01:ebdz/#1:failed:0+1/0=1000 ");
	assert_true(last()->seconds == 0.5);
	assert_int_equal(store_chapter_counts_of(world.reader, PRODUCER_downloads, &c), 0);
	assert_int_equal(c.bytes, 5000);
	assert_int_equal(c.failed, 1);
	/* a day on which nothing went well, until something does */
	call.well = 1;
	call.failed = 0;
	assert_int_equal(chapters_call(world.writer, &calls, &call), 0);
	assert_string_equal(last()->state, "ok");
	assert_string_equal(last_error, "");
	/* a scraper's numbers are its own */
	assert_int_equal(store_chapter_counts(world.reader, &c), 0);
	assert_int_equal(c.ok + c.bytes, 0);
	assert_int_equal(session(), 0);
}

static void our_calls_wait_while_there_is_no_room(void **state)
{
	const struct chapter_call call = {.host = "ebdz", .bytes = 10, .at = T0, .seconds = 1, .failed = 1};
	struct chapter_calls calls = {.lock = PTHREAD_MUTEX_INITIALIZER};
	int64_t n = 0, refused = 0;
	(void)state;
	sqlite3 *db = world_hold(&world);
	for (; refused < 5; n++)
		refused += chapters_call(world.writer, &calls, &call) < 0;
	assert_int_equal(calls.n, 1);
	assert_int_equal(calls.waiting[0].sum.failed, 5);
	world_let_go(&world, db);
	assert_int_equal(chapters_call(world.writer, &calls, NULL), 0);
	assert_int_equal(last()->download_errors, n);
	assert_int_equal(last()->bytes, 10 * n);
}

static int add_checked(void *arg, const struct store_chapter *c)
{
	char text[100];
	snprintf(text, sizeof text, "%s:%s#%d:%s", c->run, c->chapter, c->attempt, c->state);
	add_text(arg, text);
	return 0;
}

static void what_was_checked_has_a_row_of_its_own(void **state)
{
	struct rows rows = {0};
	(void)state;
	/* a volume 3, a chapter 3, and two without a number */
	world_series(&world, "Naruto", 4, 9, 9);
	sqlite3 *db = world_hold(&world);
	assert_int_equal(sqlite3_exec(db, "UPDATE volume SET volume = NULL, chapter = 3 WHERE volume = 4;"
					  "UPDATE volume SET volume = NULL WHERE volume < 3; COMMIT",
				      NULL, NULL, NULL), SQLITE_OK);
	world_let_go(&world, db);
	for (int i = 0; i < 5; i++) {
		const struct chapter_check check = {
			.file = count("SELECT min(file_id) FROM volume") + i % 4, .bytes = 5, .pages = 1, .is_whole = i < 4, .reason = "",
		};
		assert_int_equal(chapters_check(world.writer, &check), 0);
	}
	assert_int_equal(writer_flush(world.writer), 0);
	assert_int_equal(store_chapters(world.reader, 100, add_checked, &rows), 0);
	assert_string_equal(rows.text, "verify files:1.cbz#1:ok verify files:2.cbz#1:ok verify:3#1:ok verify chapters:3#1:ok "
				       "verify files:1.cbz#2:failed ");
}

static int add_word(void *arg, const struct store_chapter *c)
{
	char text[100];
	snprintf(text, sizeof text, "%s:%s", c->producer, c->chapter);
	add_text(arg, text);
	return 0;
}

static const char *shown(unsigned producers, int limit)
{
	static struct rows rows;
	rows = (struct rows){0};
	assert_int_equal(writer_flush(world.writer), 0);
	assert_int_equal(store_chapters_of(world.reader, producers, limit, add_word, &rows), 0);
	return rows.text;
}

static void no_producer_hides_another_or_what_runs(void **state)
{
	struct chapter_calls calls = {.lock = PTHREAD_MUTEX_INITIALIZER};
	(void)state;
	TELL(start, e_.chapter = "open");
	for (int i = 1; i <= 3; i++) {
		const char *chapter = i == 1 ? "1" : i == 2 ? "2" : "3";
		TELL(start, e_.chapter = chapter);
		TELL(end, e_.chapter = chapter);
	}
	for (int i = 0; i < 50; i++) {
		const struct chapter_call call = {.host = "ebdz", .at = T0 + i * 24 * 3600 * NS_PER_S, .well = 1};
		assert_int_equal(chapters_call(world.writer, &calls, &call), 0);
	}
	assert_string_equal(shown(PRODUCERS_ALL, 2), "scraper:open scraper:2 scraper:3 downloads: downloads: ");
	assert_string_equal(shown(PRODUCER_BIT(scraper), 1), "scraper:open scraper:3 ");
	assert_string_equal(shown(PRODUCER_BIT(scraper), 100), "scraper:open scraper:1 scraper:2 scraper:3 ");
	assert_string_equal(shown(PRODUCER_BIT(downloads), 1), "downloads: ");
	assert_string_equal(shown(PRODUCER_BIT(archives), 10), "");
}

static void hostile_texts_are_kept_as_they_are(void **state)
{
	(void)state;
	TELL(start, e_.series = "'; DROP TABLE chapter; --", e_.chapter = "\x1b[31m\n\"", e_.run = "%s%n");
	TELL(end, e_.series = "'; DROP TABLE chapter; --", e_.chapter = "\x1b[31m\n\"", e_.run = "%s%n");
	assert_string_equal(rows(), "%s%n:'; DROP TABLE chapter; --/\x1b[31m\n\"#1:ok:0+0/0=0 ");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(series_with_the_same_chapter_and_retries_are_rows_of_their_own),
		TEST(what_was_counted_and_what_was_told_is_not_added),
		TEST(success_without_a_page_is_none),
		TEST(all_of_a_write_or_nothing),
		TEST(a_numbered_line_is_taken_once),
		TEST(lines_of_a_run_come_in_any_order),
		TEST(a_reset_that_has_a_number_is_one),
		TEST(an_attempt_that_was_begun_again_stays_behind),
		TEST(times_are_those_that_were_told),
		TEST(what_is_silent_is_abandoned_and_may_come_back),
		TEST(rows_are_bounded_and_sums_stay),
		TEST(a_session_ends_with_a_reset_or_silence),
		TEST(our_calls_are_a_row_for_each_host_and_day),
		TEST(our_calls_wait_while_there_is_no_room),
		TEST(what_was_checked_has_a_row_of_its_own),
		TEST(no_producer_hides_another_or_what_runs),
		TEST(hostile_texts_are_kept_as_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
